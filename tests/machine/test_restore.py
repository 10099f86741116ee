"""A machine is lost and its store comes back: nothing that was erased does, and nobody who had left gets in."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.policy import FOUR_EYES
from arlo_rec.vault.keys.layout import find
from tests.support.attack import SECRETS, identity
from tests.support.backups import OTHER, age_ring, back_up, is_whole, lose, opened, places, restore, shown, with_feed
from tests.support.backups import kept as slots
from tests.support.copies import SAID
from tests.support.faults import damage
from tests.support.feed import path as feed_path
from tests.support.promises import plunder
from tests.support.world import REASON, World


@pytest.mark.slow
def test_what_was_erased_since_the_backup_stays_erased(fed: World) -> None:
    mine = fed.take_in("a", "b")
    (theirs,) = fed.take_in("c", caller=OTHER, seed=5)
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    lose(fed)
    told = with_feed(fed)
    assert (told["held"], told["erased"], told["lost"], told["closed"]) == (1, 2, 0, False)
    is_whole(fed)
    fed.grant()
    assert shown(fed) == {theirs} == opened(fed)
    assert not [one for one in mine if (fed.store / "objects" / one[:2] / one).exists()]


@pytest.mark.slow
def test_what_came_after_the_backup_is_told_as_lost_and_the_log_still_knows_of_it(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    (late,) = fed.take_in("late", seed=7)
    size = fed.json("status", who="iver")["log_size"]
    lose(fed)
    told = with_feed(fed)
    assert told["lost"] == 1
    is_whole(fed)
    entries = fed.json("audit", "show", "--recording", late, who="iver")["entries"]
    assert [(one["action"], one["outcome"]) for one in entries] == [("ingest", "allowed"), ("restore", "done")]
    assert fed.json("status", who="iver")["log_size"] > size


@pytest.mark.slow
def test_what_one_restore_has_told_as_lost_the_next_from_the_same_backup_does_not_tell_again(fed: World) -> None:
    (kept,) = fed.take_in("a")
    back_up(fed)
    fed.take_in("late", seed=7)
    for lost in (1, 0):
        lose(fed)
        restored = with_feed(fed)
        assert (restored["held"], restored["erased"], restored["lost"]) == (1, 0, lost)
    assert opened(fed) == {kept}
    is_whole(fed)


@pytest.mark.slow
def test_whoever_withdrew_since_the_backup_is_not_taken_in_again(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    lose(fed)
    with_feed(fed)
    fed.deliver("late", seed=9)
    told = fed.json("ingest", str(fed.spool), who="telefon")
    assert [one["code"] for one in told["refused"]] == ["withdrawn"]


@pytest.mark.slow
def test_no_grant_revives_and_nobody_who_had_left_gets_in(fed: World) -> None:
    fed.take_in("a")
    fed.grant("leif")
    back_up(fed)
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    lose(fed)
    told = with_feed(fed)
    assert told["removed"] == ["turid"]
    assert fed.run("status", who="turid").exit == 12
    assert fed.run("find", "--purpose", "quality", "--reason", REASON, who="leif").exit == 13
    assert [one["state"] for one in fed.json("grants", "--all", who="sigrid")["grants"]] == ["revoked"]
    is_whole(fed)


@pytest.mark.slow
def test_an_officer_who_was_removed_since_cannot_restore(fed: World) -> None:
    secret = str(fed.base / "passphrase")
    fed.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    fed.take_in("a")
    back_up(fed)
    ring = (places(fed)[1] / "ring").read_bytes()
    fed.json("person", "remove", "sara", "--yes", who="sigrid")
    assert fed.run("status", "--json", who="iver").json["critical"] == ["backup_void"]
    assert not slots(fed), "the slots that she could open are empty"
    lose(fed)
    for exit_status, code, content in (
        (14, "backup_too_old", None),
        (12, "no_longer_here", ring),
    ):  # hers
        if content is not None:
            (places(fed)[1] / "ring").write_bytes(content)
        told = restore(fed, "--feed", str(feed_path(fed)), who="sara")
        assert (told.exit, told.json["error"]["code"]) == (exit_status, code)
        assert not fed.store.exists() and not fed.root.exists()


@pytest.mark.slow
def test_an_officer_who_came_since_the_backup_is_waited_for_no_longer_than_one_who_left(
    fed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(fed)
    secret = str(fed.base / "passphrase")
    fed.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    lose(fed)
    with_feed(fed)
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + FOUR_EYES + timedelta(minutes=1))
    assert fed.grant("sigrid")["state"] == "live"


@pytest.mark.slow
def test_without_the_feed_everything_that_reads_or_takes_in_is_closed_until_an_officer_accepts(fed: World) -> None:
    (gone,) = fed.take_in("a")
    back_up(fed)
    lose(fed)
    told = restore(fed)
    assert (told.exit, told.json["error"]["code"], told.json["closed"]) == (14, "erasure.unreplayed", True)
    fed.grant()
    fed.deliver("b", seed=3)
    cuts = fed.base / "cuts.txt"
    cuts.write_text("0.1\t0.2\tname\n")
    words = ("--purpose", "quality", "--reason", REASON)
    answer = ("--identity", "called back on the number of the contract", "--out", str(fed.base / "answer"))
    closed = [
        fed.run("find", *words, "--json", who="leif"),
        fed.run("export", gone, *words, "--out", str(fed.base / "out"), "--json", who="leif"),
        fed.run("dsar", "90000001", *answer, "--json", who="sigrid"),
        fed.run("ingest", str(fed.spool), "--json", who="telefon"),
        fed.run("pseudonymise", *SAID, gone, "--cuts", str(cuts), "--json", who="sigrid"),
        fed.run("review", *SAID, gone, "--json", who="leif"),
    ]
    assert {(one.exit, one.json["error"]["code"]) for one in closed} == {(14, "erasure.unreplayed")}
    assert fed.run("restore", "--accept-without-feed", "--reason", "short", who="sigrid").exit == 2
    assert fed.run("restore", "--accept-without-feed", "--reason", "the feed burnt too", who="iver").exit == 13
    fed.json("restore", "--accept-without-feed", "--reason", "the feed burnt too", who="sigrid")
    assert shown(fed) == {gone}
    assert len(fed.json("ingest", str(fed.spool), who="telefon")["accepted"]) == 1
    is_whole(fed)
    entries = fed.json("audit", "show", "--action", "restore", who="iver")["entries"]
    assert [one.get("reason") for one in entries] == [None, None, "the feed burnt too"]


@pytest.mark.slow
def test_while_it_is_closed_the_intake_does_not_hold_the_root_either(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    lose(fed)
    restore(fed)
    from datetime import UTC, datetime

    from arlo_rec.store import open_store
    from arlo_rec.vault.keys.root_secret import StateFolder

    for name, holds in (("telefon", False), ("cron", True)):
        with open_store(find(fed.store), identity(fed, name), datetime.now(UTC), StateFolder(None)) as store:
            assert store.secrets.holds("root") is holds


@pytest.mark.slow
@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_at_the_exchange_waits_in_the_spool_while_it_is_closed(fed: World) -> None:
    (gone,) = fed.take_in("a")
    back_up(fed)
    lose(fed)
    restore(fed)
    fed.spool.mkdir(exist_ok=True)
    told = {"withdrawal": {"caller": "+4790000001", "at": datetime.now(UTC).isoformat(), "key": "9"}}
    (fed.spool / "notice.json").write_text(json.dumps(told))
    assert fed.code("ingest", str(fed.spool), who="telefon") == (14, "erasure.unreplayed")
    assert [path.name for path in fed.spool.iterdir()] == ["notice.json"]
    fed.json("restore", "--accept-without-feed", "--reason", "the feed burnt too", who="sigrid")
    assert [each["erased"] for each in fed.json("ingest", str(fed.spool), who="telefon")["withdrawn"]] == [1]
    assert not (fed.store / "objects" / gone[:2] / gone).exists()
    is_whole(fed)


@pytest.mark.slow
def test_a_backup_that_is_older_than_its_ring_cannot_be_opened_and_says_so(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    age_ring(fed, 25)
    lose(fed)
    told = restore(fed, "--feed", str(feed_path(fed)))
    assert (told.exit, told.json["error"]["code"]) == (14, "backup_too_old")
    assert not fed.store.exists()


@pytest.mark.slow
def test_a_feed_of_another_log_or_one_that_was_changed_is_refused_and_nothing_is_left(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    fed.json("purge", who="cron")
    lose(fed)
    whole = feed_path(fed).read_text("utf-8")
    lines = whole.splitlines(keepends=True)
    erasure = next(i for i, one in enumerate(lines) if '"withdraw"' in one and '"done"' in one)
    broken = {
        "changed": (whole.replace("skranke", "nobody"), "feed_differs"),
        "cut out": ("".join(lines[:erasure] + lines[erasure + 1 :]), "feed_differs"),
        "said otherwise": (whole.replace('"action":"withdraw"', '"action":"withdrew"'), "feed_differs"),
        "of another": (whole.replace('"store":"', '"store":"f', 1), "feed_of_another"),
    }
    for how, (text, code) in broken.items():
        assert text != whole
        feed_path(fed).write_text(text, "utf-8")
        told = restore(fed, "--feed", str(feed_path(fed)))
        assert (told.exit, told.json["error"]["code"]) == (16 if how == "of another" else 15, code), how
        assert not fed.store.exists() and not fed.root.exists()
    feed_path(fed).write_text("".join(lines[:3]), "utf-8")
    told = restore(fed, "--feed", str(feed_path(fed)))
    assert (told.exit, told.json["error"]["code"]) == (14, "feed_too_short")
    feed_path(fed).write_text(whole, "utf-8")
    assert with_feed(fed)["erased"] == 1


@pytest.mark.slow
def test_a_damaged_newest_backup_leaves_the_one_before(fed: World) -> None:
    (kept,) = fed.take_in("a")
    back_up(fed)
    fed.take_in("b", seed=6)
    back_up(fed)
    catalogue = places(fed)[0] / "2" / "catalogue.db"
    damage(catalogue)
    lose(fed)
    told = with_feed(fed)
    assert (told["held"], told["lost"]) == (1, 1)
    assert opened(fed) == {kept}
    is_whole(fed)


@pytest.mark.slow
def test_a_store_is_not_restored_over_another(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    assert restore(fed, "--feed", str(feed_path(fed))).exit == 2
    is_whole(fed)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["leif", "iver", "siri"])
def test_only_an_officer_restores(fed: World, who: str) -> None:
    fed.take_in("a")
    back_up(fed)
    lose(fed)
    assert restore(fed, "--feed", str(feed_path(fed)), who=who).exit in (12, 13)
    assert not fed.store.exists()


@pytest.mark.slow
def test_a_wrong_passphrase_restores_nothing(fed: World) -> None:
    back_up(fed)
    lose(fed)
    wrong = fed.base / "wrong"
    wrong.write_text("et helt annet passord\n")
    wrong.chmod(0o600)
    folder, ring_folder = places(fed)
    words = ("restore", str(folder), "--escrow", str(ring_folder), "--yes", "--as", "sigrid")
    told = fed.run(*words, "--passphrase-file", str(wrong))
    assert told.exit == 12 and "noted" not in told.err, "there is no store yet in which it could be"
    assert not fed.store.exists()
    assert fed.run("restore", str(wrong), *words[2:], "--passphrase-file", str(wrong)).exit == 2


@pytest.mark.slow
def test_a_restored_store_is_backed_up_and_restored_again(fed: World) -> None:
    first, second = fed.take_in("a", "b")
    back_up(fed)
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    fed.json("withdraw", "--call", first, "--yes", who="skranke")
    lose(fed)
    with_feed(fed)
    back_up(fed)
    (third,) = fed.take_in("c", seed=4)
    fed.json("withdraw", "--call", third, "--yes", who="skranke")
    lose(fed)
    told = with_feed(fed)
    assert (told["held"], told["erased"], told["lost"]) == (1, 0, 0)
    assert opened(fed) == {second}
    is_whole(fed)


@pytest.mark.slow
def test_a_thief_with_the_backup_and_todays_root_opens_nothing_that_was_erased(fed: World) -> None:
    """The ring apart, which is what SECURITY.md says."""
    mine = fed.take_in("a")
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    people = [identity(fed, name) for name in SECRETS]
    copy = fed.base / "copy"
    shutil.copytree(fed.store, copy)
    shutil.copy(places(fed)[0] / "1" / "catalogue.db", copy / "catalogue.db")
    for left in copy.glob("catalogue.db-*"):
        left.unlink()
    assert not set(mine) & set(plunder(fed, people, copy).sounds)


@pytest.mark.slow
def test_a_restore_that_was_killed_is_begun_anew(fed: World) -> None:
    """What it left is no store, and in nobody's way."""
    (kept,) = fed.take_in("a")
    back_up(fed)
    lose(fed)
    for folder in (fed.store, fed.root):
        folder.mkdir()
        (folder / "restoring").touch()
        (folder / "half").write_bytes(b"half of something")
    assert fed.run("status", who="iver").exit == 10
    with_feed(fed)
    assert opened(fed) == {kept}
    is_whole(fed)
    assert not (fed.store / "half").exists() and not (fed.store / "restoring").exists()


@pytest.mark.slow
def test_the_drill(fed: World) -> None:
    """1,000 calls, a backup, 300 erased and two people removed; then the machine is lost."""
    callers = {f"+479000{count:04d}": 100 if count < 3 else 70 for count in range(13)}
    fed.spool.mkdir()
    started = datetime.now(UTC) - timedelta(hours=1)
    seed = 0
    for caller, calls in callers.items():
        for _ in range(calls):
            fed.deliver(
                f"call-{seed}", caller=caller, seed=seed, seconds=0.05, started=started + timedelta(seconds=seed)
            )
            seed += 1
    fed.gather("calls.jsonl")
    taken = fed.json("ingest", str(fed.spool), who="telefon")["accepted"]
    assert len(taken) == 1000
    fed.grant("turid")
    back_up(fed)
    erased = {
        row["id"]
        for caller in list(callers)[:3]
        for row in fed.json("withdraw", caller, "--yes", who="skranke")["recordings"]
    }
    assert len(erased) == 300
    for name in ("turid", "siri"):
        fed.json("person", "remove", name, "--yes", who="sigrid")
    lose(fed)
    told = with_feed(fed)
    assert (told["held"], told["erased"], told["lost"], told["removed"]) == (700, 300, 0, ["siri", "turid"])
    assert opened(fed) == {one["id"] for one in taken} - erased
    assert {fed.run("status", who=name).exit for name in ("turid", "siri")} == {12}
    fed.grant("leif")
    found = shown(fed)
    assert (len(found), found <= {one["id"] for one in taken} - erased) == (50, True)
    is_whole(fed)
