"""What somebody could do to a backup, its ring or the feed, or what happens at the wrong moment: tried."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.log import events, projection
from arlo_rec.law.model.errors import NotUnlocked
from arlo_rec.law.model.records import EPOCH, Person
from arlo_rec.machine import backup
from arlo_rec.machine.replay import Replay, _take_unknown
from arlo_rec.policy import Role
from arlo_rec.store import open_store
from arlo_rec.vault.backends.ringfile import RingFile
from arlo_rec.vault.catalogue.sealed_secrets import access_seed
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import engines
from arlo_rec.vault.keys.key_files import catalogue_key, read_catalogue_seal, unlock
from arlo_rec.vault.keys.layout import Layout, find
from arlo_rec.vault.keys.root_secret import StateFolder
from arlo_rec.vault.offsite import escrow, feed_line
from tests.support.attack import identity
from tests.support.backups import (
    OTHER,
    age_ring,
    back_up,
    is_whole,
    kept,
    lose,
    opened,
    places,
    restore,
    with_feed,
)
from tests.support.feed import Line, append, empty, key_of_the_log, lines
from tests.support.feed import path as feed_path
from tests.support.world import PASSPHRASE, REASON, World, assert_no_bug

pytestmark = pytest.mark.slow


def rewrite(world: World, change: Callable[[list[Line]], list[Line]]) -> None:
    """The feed with other lines, signed anew by somebody of the store, with own code."""
    store, key = find(world.store).id, key_of_the_log(world)
    plain = [{name: line[name] for name in line if name != "signature"} for line in change(lines(world))]
    empty(world)
    append(world, *(feed_line.sign(store, line, key) for line in plain))


def refused(world: World) -> str:
    """The code with which a restore is refused, and leaves nothing."""
    told = restore(world, "--feed", str(feed_path(world)))
    assert told.exit in {14, 15}, told
    assert not world.store.exists()
    assert_no_bug(world)
    return str(told.json["error"]["code"])


def add_officer(world: World, name: str = "sara") -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", name, "--role", "officer", "--new-passphrase-file", secret, who="sigrid")


# -- the feed -----------------------------------------------------------------------------------------


def test_tombstones_that_were_taken_out_or_exchanged_are_missed(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    fed.json("withdraw", OTHER, "--yes", who="skranke")
    whole = feed_path(fed).read_bytes()
    mine, theirs = (line["sealed"] for line in lines(fed) if "sealed" in line)
    (number,) = mine
    changes: tuple[Callable[[Line], Line], ...] = (
        lambda line: {key: line[key] for key in line if key != "sealed"},
        lambda line: {**line, "sealed": {number: next(iter(theirs.values()))}},
        lambda line: {**line, "sealed": {number: {}}},
    )
    forgeries = []
    for change in changes:
        rewrite(
            fed, lambda told, change=change: [change(line) if line.get("sealed") == mine else line for line in told]
        )
        forgeries.append(feed_path(fed).read_bytes())
        feed_path(fed).write_bytes(whole)
    lose(fed)
    for forgery in forgeries:
        feed_path(fed).write_bytes(forgery)
        assert refused(fed) in {"feed_differs", "feed_does_not_open"}
    feed_path(fed).write_bytes(whole)
    assert with_feed(fed)["erased"] == 1


def test_who_withdrew_twice_during_an_outage_is_in_the_feed_as_both_entries_swore(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    (fed.base / "mount").rename(fed.base / "unmounted")
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    (fed.base / "unmounted").rename(fed.base / "mount")
    fed.json("status", who="iver")
    lose(fed)
    assert with_feed(fed)["erased"] == 1
    fed.deliver("late", seed=9)
    assert [one["code"] for one in fed.json("ingest", str(fed.spool), who="telefon")["refused"]] == ["withdrawn"]
    empty(fed)  # lost and begun anew, it still says what the entries swore
    back_up(fed)
    fed.json("withdraw", OTHER, "--yes", who="skranke")
    lose(fed)
    with_feed(fed)
    is_whole(fed)


@pytest.mark.parametrize(
    ("key", "value"), [("generation", 2**63 - 1), ("changes", 2**63 - 15), ("roster", -1), ("changes", "x")]
)
def test_numbers_beyond_all_bounds_are_no_numbers(fed: World, key: str, value: object) -> None:
    back_up(fed)
    fed.take_in("a")
    rewrite(fed, lambda told: [{**line, key: value} if key in line else line for line in told])
    lose(fed)
    assert refused(fed) == "feed_differs"


@pytest.mark.slow
@pytest.mark.parametrize("value", [-(10**23), 2**64, "3", None, True])
def test_a_line_with_no_number_is_one_that_nobody_wrote(fed: World, value: object) -> None:
    fed.take_in("a")
    back_up(fed)
    rewrite(fed, lambda told: [*told, {**told[-1], "after": value}])
    assert fed.run("verify", "--json", who="iver").json["feed_foreign_lines"] == 1
    assert fed.run("status", "--json", who="iver").json["critical"] == []
    lose(fed)
    assert with_feed(fed)["feed_foreign_lines"] == 1


def test_what_a_crash_left_half_at_the_end_of_a_feed_does_no_harm_for_ever(fed: World) -> None:
    """The machine died while it wrote."""
    (kept_one,) = fed.take_in("a")
    back_up(fed)
    closed = feed_path(fed).read_bytes()
    fed.take_in("b", seed=4)
    feed_path(fed).write_bytes(feed_path(fed).read_bytes()[:-10])
    assert len(feed_path(fed).read_bytes()) > len(closed)
    lose(fed)
    with_feed(fed)
    assert opened(fed) == {kept_one}
    assert fed.run("verify", who="iver").exit == 0
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    lose(fed)
    assert with_feed(fed)["erased"] == 1
    is_whole(fed)


@pytest.mark.slow
def test_a_write_that_broke_off_anywhere_is_made_good_by_the_next(fed: World) -> None:
    """In the middle of any line of what a re-keying and a withdrawal wrote, and behind it."""
    fed.take_in("a")
    back_up(fed)
    before = len(lines(fed))
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    whole = feed_path(fed).read_bytes().splitlines(keepends=True)
    for cut in range(before + 1, len(whole)):
        for half in (b"", whole[cut][:-7], whole[cut][:-7] + b"\n"):
            feed_path(fed).write_bytes(b"".join(whole[:cut]) + half)
            fed.json("status", who="iver")
            assert fed.run("verify", who="iver").exit == 0, cut
    lose(fed)
    told = with_feed(fed)
    assert (told["erased"], told["removed"]) == (1, ["turid"])


def test_a_feed_of_another_store_is_not_written_to(fed: World) -> None:
    fed.take_in("a")
    other = World(fed.base / "other")
    other.base.mkdir()
    (other.base / "config" / "arlo-rec").mkdir(parents=True)
    (other.base / "config" / "arlo-rec" / "config.toml").write_text(f'feed = "{feed_path(fed)}"\n')
    secret = other.base / "passphrase"
    secret.write_text(PASSPHRASE + "\n")
    secret.chmod(0o600)
    assert other.run("init", "--officer", "sigrid", "--passphrase-file", str(secret)).exit == 0
    before = feed_path(fed).read_bytes()
    told = other.run("status", "--json", who="sigrid")
    assert (told.exit, told.json["critical"]) == (3, ["feed_of_another"])
    assert feed_path(fed).read_bytes() == before
    assert fed.run("verify", who="iver").exit == 0


def test_a_log_that_went_on_elsewhere_goes_on_in_the_old_feed_and_the_newest_counts(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.take_in("b", seed=4)
    lose(fed)
    assert restore(fed, "--accept-without-feed", "--reason", "the feed was thought lost").exit == 0
    config = fed.base / "config" / "arlo-rec" / "config.toml"
    config.write_text(f'feed = "{feed_path(fed)}"\n')
    before = feed_path(fed).read_bytes()
    fed.take_in("late", seed=20)
    assert feed_path(fed).read_bytes().startswith(before), "only appended to"
    told = fed.run("verify", "--json", who="iver")
    assert (told.exit, [one["code"] for one in told.json["problems"]]) == (15, ["feed_forked"])
    back_up(fed)
    receipt = fed.json("withdraw", "90000001", "--yes", who="skranke")["receipt"]
    assert json.loads(Path(receipt).read_text())["feed"] is True
    lose(fed)
    assert with_feed(fed)["erased"] == 2
    assert not opened(fed)


def test_two_logs_that_went_on_from_one_backup_are_not_chosen_between(fed: World) -> None:
    """The store that was thought lost withdrew; the one that was restored in its place took in."""
    fed.take_in("a")
    back_up(fed)
    saved = {name: fed.base / f"saved-{name}" for name in ("backup", "escrow")}
    for name, place in zip(saved, places(fed), strict=True):
        shutil.copytree(place, saved[name])
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    lose(fed)
    assert restore(fed, "--accept-without-feed", "--reason", "the feed was thought lost").exit == 0
    (fed.base / "config" / "arlo-rec" / "config.toml").write_text(f'feed = "{feed_path(fed)}"\n')
    fed.take_in("late", seed=20)
    lose(fed)
    for name, place in zip(saved, places(fed), strict=True):
        shutil.rmtree(place)
        shutil.copytree(saved[name], place)
    assert refused(fed) == "feed_differs"


def effect(action: str, outcome: str, **more: Any) -> Replay:
    """What a restore takes from one entry of the feed."""
    replay, at = Replay(), "2026-10-01T08:00:00Z"
    body = {"action": action, "outcome": outcome, "at": at, "person": "eva", "rule": "retention.90d", **more}
    assert events.read(body) is None
    role = next((role for role in Role if events.may_say(role, action)), Role.OFFICER)
    _take_unknown(replay, 3, body, Person("eva", role, bytes(32), bytes(32), EPOCH))
    return replay


@pytest.mark.parametrize("action", ["purge", "review", "release", "reject"])
def test_what_an_entry_of_a_newer_version_erased_stays_erased(action: str) -> None:
    assert projection.gone(effect(action, "done", recordings=["00" * 16], detail={"new": 1}).rows) == {bytes(16)}


@pytest.mark.parametrize("action", ["withdraw", "purge", "restore", "release", "reject"])
def test_what_an_entry_of_a_newer_version_only_allowed_erased_nothing(action: str) -> None:
    assert not projection.gone(effect(action, "allowed", recordings=["00" * 16], detail={"new": 1}).rows)


@pytest.mark.parametrize(
    "action", ["person remove", "person reset", "person add", "confirm_deleted", "withdraw", "restore"]
)
def test_an_entry_that_may_keep_somebody_out_is_not_ignored(action: str) -> None:
    with pytest.raises(ValueError, match="cannot be ignored"):
        effect(action, "done", recordings=["00" * 16], detail={"new": 1})


@pytest.mark.parametrize("action", ["export", "dsar"])
def test_an_entry_that_may_have_let_a_copy_leave_is_not_ignored(action: str) -> None:
    with pytest.raises(ValueError, match="cannot be ignored"):
        effect(action, "allowed", recordings=["00" * 16], detail={"new": 1})


def test_an_entry_of_a_kind_that_nobody_knows_does_nothing() -> None:
    assert effect("dance", "done", recordings=["00" * 16]) == Replay()


# -- the ring -----------------------------------------------------------------------------------------


def test_a_slot_that_a_clock_dated_ahead_is_emptied(world: World) -> None:
    world.take_in("a")
    back_up(world)
    age_ring(world, -48)
    assert world.run("status", "--json", who="iver").json["critical"] == ["ring_not_emptied"]
    world.json("purge", who="cron")
    assert not kept(world)


def test_a_ring_that_is_set_longer_keeps_no_older_slot_longer(world: World) -> None:
    """The receipt of an erasure in between has named the hour already."""
    world.take_in("a")
    back_up(world)
    receipt = json.loads(Path(world.json("withdraw", "90000001", "--yes", who="skranke")["receipt"]).read_text())
    back_up(world, "--ring-hours", "160", who="sigrid")
    age_ring(world, 30)
    world.json("purge", who="cron")
    assert [slot.hours for slot in kept(world)] == [160]
    until = datetime.fromisoformat(receipt["ring_until"]) - datetime.fromisoformat(receipt["erased_at"])
    assert until == timedelta(hours=24)


@pytest.mark.parametrize("field", ["at", "number", "held"])
def test_a_slot_with_impossible_numbers_is_none(world: World, field: str) -> None:
    world.take_in("a")
    back_up(world)
    (slot,) = kept(world)
    store, file = find(world.store).id, RingFile(places(world)[1])
    content = bytearray(escrow.encode(store, slot))
    offset = {"number": 24, "at": 42, "held": 52}[field]
    content[offset : offset + 8] = b"\x7f" + b"\xff" * 7
    body = bytes(content[:-32])
    file.write(slot.index, body + primitives.sha256(body))
    assert world.run("status", who="iver").exit == 3
    back_up(world)
    assert len(kept(world)) == 1
    assert_no_bug(world)


def test_a_second_ring_is_named_after_a_restore_which_opens_no_path_of_the_lost_store(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    second = fed.base / "escrow-2"
    fed.json("backup", str(fed.base / "backup-2"), "--escrow", str(second), who="sigrid")
    lose(fed)
    assert with_feed(fed)["rings_left"] == [str(second)]
    store, file = find(fed.store).id, RingFile(second)
    (slot,) = escrow.slots(store, file.read())
    file.write(slot.index, escrow.encode(store, replace(slot, at=slot.at - timedelta(hours=100))))
    fed.json("purge", who="cron")
    assert escrow.slots(store, file.read())


def test_one_folder_does_not_serve_two_rings(world: World) -> None:
    world.take_in("a")
    back_up(world)
    told = world.run("backup", str(places(world)[0]), "--escrow", str(world.base / "other"), "--json", who="cron")
    assert (told.exit, told.json["error"]["code"]) == (2, "backup_folder_taken")


# -- people -------------------------------------------------------------------------------------------


def opens_todays_catalogue(world: World, who: Any, seals: Path) -> bool:
    """Whether somebody with these seals reads today's catalogue, with own code."""
    here = find(world.store)
    for seed in read_catalogue_seal(Layout(seals, here.root, here.id), who):
        try:
            engines.catalogue(here, catalogue_key(seed)).close()
        except NotUnlocked:
            continue
        return True
    return False


def test_an_old_key_with_an_old_seal_opens_nothing_after_a_reset_or_a_rotation(world: World) -> None:
    world.take_in("a")
    back_up(world)
    folder, here = places(world)[0] / "1", find(world.store)
    old_leif = unlock(Layout(folder, here.root, here.id), "leif", PASSPHRASE.encode())
    old_cron = identity(world, "cron")
    assert opens_todays_catalogue(world, old_leif, folder) and opens_todays_catalogue(world, old_cron, folder)
    world.json("person", "passphrase", "--reset", "leif", who="sigrid")
    world.json("status", who="iver")
    assert not opens_todays_catalogue(world, old_leif, folder)
    world.json("person", "rotate", "cron", "--key-out", str(world.base / "new.key"), who="sigrid")
    world.json("status", who="iver")
    assert not opens_todays_catalogue(world, old_cron, folder)


def test_an_officer_who_was_removed_since_has_no_key_to_what_comes_after_a_restore(fed: World) -> None:
    add_officer(fed)
    fed.take_in("a")
    back_up(fed)
    sara, ring = identity(fed, "sara"), (places(fed)[1] / "ring").read_bytes()
    fed.json("person", "remove", "sara", "--yes", who="sigrid")
    lose(fed)
    (places(fed)[1] / "ring").write_bytes(ring)
    with_feed(fed)
    with open_store(find(fed.store), identity(fed, "iver"), datetime.now(UTC), StateFolder(None)) as store:
        holders = store.secrets.holders(access_seed(store.roster.access_keys[-1].id))
    assert holders and primitives.fingerprint(sara.sealing.public) not in holders


@pytest.mark.slow
def test_an_officer_who_is_removed_while_a_backup_waits_is_not_in_its_ring(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_officer(world)
    world.take_in("a")
    sara, copy = identity(world, "sara"), backup._copy_catalogue
    (world.base / "config.toml").write_text("lock_wait_s = 1\n", "utf-8")
    hurried = ("--config", str(world.base / "config.toml"))

    def meanwhile(*words: Any) -> Any:
        assert world.run("person", "remove", "sara", "--yes", *hurried, who="sigrid").exit in {0, 3}
        return copy(*words)

    monkeypatch.setattr(backup, "_copy_catalogue", meanwhile)
    world.run("backup", *map(str, (places(world)[0], "--escrow", places(world)[1])), who="sigrid")
    monkeypatch.undo()
    for slot in kept(world):
        assert escrow.open_sealed(sara.store, slot, sara.sealing) is None


def test_no_change_of_the_roster_gives_the_intake_the_root_of_a_closed_store(world: World) -> None:
    world.take_in("a")
    back_up(world)
    lose(world)
    restore(world)
    world.json("person", "remove", "turid", "--yes", who="sigrid")
    with open_store(find(world.store), identity(world, "telefon"), datetime.now(UTC), StateFolder(None)) as store:
        assert not store.secrets.holds("root")


@pytest.mark.slow
def test_status_says_that_nobody_who_is_here_can_open_the_backup(world: World) -> None:
    world.take_in("a")
    back_up(world)
    told = world.json("person", "remove", "sigrid", "--successor", "nina", "--yes", who="sigrid")
    assert (told["backup_due"], told["rings_left"]) == (True, [])
    assert world.run("status", "--json", who="iver").json["critical"] == ["backup_void"]
    back_up(world)
    assert world.run("status", "--json", who="iver").json["critical"] == []
    assert told["recovery_key"]


@pytest.mark.slow
def test_a_name_that_only_got_a_new_key_can_be_given_again_after_a_restore(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.json("person", "rotate", "cron", "--key-out", str(fed.base / "new.key"), who="sigrid")
    fed.json("person", "passphrase", "--reset", "turid", who="sigrid")
    lose(fed)
    assert with_feed(fed)["removed"] == ["cron", "turid"]
    assert fed.run("status", who="cron").exit == 12
    words = ("person", "add", "cron", "--role", "retention", "--service", "--key-out", str(fed.base / "newer.key"))
    assert fed.run(*words, who="sigrid").exit == 0
    secret = str(fed.base / "passphrase")
    assert (
        fed.run("person", "add", "turid", "--role", "manager", "--new-passphrase-file", secret, who="sigrid").exit == 0
    )
    is_whole(fed)


@pytest.mark.slow
def test_a_recovery_key_can_be_made_again_where_there_is_none(world: World) -> None:
    add_officer(world)
    world.json("person", "remove", "recovery", "--yes", who="sigrid")
    key = world.json("recovery", "renew", who="sigrid")["recovery_key"]
    secret = world.base / "recovery"
    secret.write_text(key + "\n")
    secret.chmod(0o600)
    assert world.run("person", "list", "--as", "recovery", "--passphrase-file", str(secret)).exit == 0


def test_a_reset_that_finds_the_store_in_use_locks_nobody_out(world: World) -> None:
    config = world.base / "impatient.toml"
    config.write_text("lock_wait_s = 0\n")
    with (world.root / "lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        words = ("person", "passphrase", "--reset", "turid", "--config", str(config))
        assert world.run(*words, who="sigrid").exit == 11
    assert world.run("find", "--purpose", "quality", "--reason", REASON, who="turid").exit == 13


def test_an_officer_who_left_is_told_so_whatever_stands_in_the_feed(fed: World) -> None:
    add_officer(fed)
    fed.take_in("a")
    back_up(fed)
    ring = (places(fed)[1] / "ring").read_bytes()
    fed.json("person", "remove", "sara", "--yes", who="sigrid")
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    lose(fed)
    (places(fed)[1] / "ring").write_bytes(ring)
    assert restore(fed, "--feed", str(feed_path(fed)), who="sara").exit == 12


# -- at the wrong moment ------------------------------------------------------------------------------


def test_two_restores_into_one_place_do_not_meet(fed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from arlo_rec.machine import restore as restoring

    (mine,) = fed.take_in("a")
    back_up(fed)
    lose(fed)
    copy, seen = restoring._copy_objects, []

    def meanwhile(*words: Any) -> Any:
        if not seen:
            seen.append(restore(fed, "--feed", str(feed_path(fed))).exit)
        return copy(*words)

    monkeypatch.setattr(restoring, "_copy_objects", meanwhile)
    with_feed(fed)
    assert seen == [11]
    assert opened(fed) == {mine}
    is_whole(fed)


@pytest.mark.parametrize("what", ["ingest", "withdraw"])
def test_what_happens_while_a_backup_runs_is_in_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    (old,) = world.take_in("a")
    copy = backup._copy_objects
    late: list[str] = []

    def meanwhile(*words: Any) -> Any:
        if what == "ingest":
            late.extend(world.take_in("late", seed=8))
        else:
            world.json("withdraw", "90000001", "--yes", who="skranke")
        return copy(*words)

    monkeypatch.setattr(backup, "_copy_objects", meanwhile)
    back_up(world)
    monkeypatch.undo()
    assert back_up(world)["changed"] is True
    lose(world)
    told = restore(world, "--accept-without-feed", "--reason", "there never was a feed").json
    assert told["held"] == (2 if late else 0), old


# -- copies that left ---------------------------------------------------------------------------------


def test_copies_that_left_since_the_backup_are_known_after_a_restore(fed: World) -> None:
    mine, other = fed.take_in("a", "b")
    fed.grant()
    words = ("--purpose", "quality", "--reason", REASON)
    assert fed.run("export", other, *words, "--out", str(fed.base / "1.wav"), who="leif").exit == 0
    back_up(fed)
    assert fed.run("export", mine, *words, "--out", str(fed.base / "2.wav"), who="leif").exit == 0
    told = fed.json("withdraw", "90000001", "--yes", who="skranke")["recipients"]
    first, second = (one["id"] for one in told if one["kind"] == "export")
    fed.delete_saved(first)
    lose(fed)
    with_feed(fed)
    found = {one["id"]: one for one in fed.json("recipients", "list", "--all", who="sigrid")["recipients"]}
    assert (found[first]["state"], found[second]["state"]) == ("confirmed", "open")
    assert found[str(places(fed)[0])]["kind"] == "backup"


def test_long_numbers_are_no_copies(world: World) -> None:
    for digits in (19, 30, 5000):
        assert world.run("recipients", "confirm", "9" * digits, who="sigrid").exit == 4
    assert_no_bug(world)


@pytest.mark.parametrize(
    "text", ["id = " + "[" * 5000, 'id = "zz"', "", "id = 5", "\0", 'format = 1\nid = "00"\n' * 200]
)
def test_a_backup_that_is_none_is_told_in_words(fed: World, text: str) -> None:
    back_up(fed)
    lose(fed)
    (places(fed)[0] / "backup.toml").write_text(text)
    assert restore(fed, "--feed", str(feed_path(fed))).exit in {2, 14, 15, 16}
    assert_no_bug(fed)
