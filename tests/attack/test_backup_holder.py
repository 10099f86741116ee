"""Who holds a backup: a copy of the store, an older root, the ring's folder; with a role's key and own code, or no key.

What is in the feed and in the log of a backup decides a restore as far as whoever signed it could say it then.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.log.events import AuthorityChanged, LeftNothing
from arlo_rec.machine import backup
from arlo_rec.vault.backends.ringfile import RingFile
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue.meta import Meta
from arlo_rec.vault.erasure import protocol
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.key_files import catalogue_key, read_catalogue_seal
from arlo_rec.vault.keys.layout import Layout
from arlo_rec.vault.keys.roster import digest_of_people
from arlo_rec.vault.offsite import escrow
from arlo_rec.vault.offsite.escrow import EscrowSlot
from tests.support.attack import identity, log_as, own_code, problem_codes, rob
from tests.support.backups import back_up, kept, lose, opened, places, restore, with_feed
from tests.support.catalogue import append_raw, append_to_log, catalogue, insider, strike, with_seals
from tests.support.feed import path as feed_path
from tests.support.world import REASON, World

LARGEST = 2**48 - 1  # of a backup's number, in a slot
WHY = ("--purpose", "quality", "--reason", REASON)
NOW = "2026-11-26T12:00:00Z"


def write(world: World, slot: EscrowSlot) -> None:
    """A slot as the ring's folder takes it from anybody: nothing in it needs a key but what was copied."""
    RingFile(places(world)[1]).write(slot.index, escrow.encode(layout.find(world.store).id, slot))


def add_officer(world: World, name: str) -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", name, "--role", "officer", "--new-passphrase-file", secret, who="sigrid")


@contextmanager
def copied(world: World, who: str) -> Iterator[SqliteConnection]:
    """The older catalogue of the only backup, as *who* can write it with own code."""
    (slot,), where = kept(world), layout.find(world.store)
    copy = places(world)[0] / str(slot.number)
    (seed,) = read_catalogue_seal(Layout(copy, where.root, where.id), identity(world, who))
    old = with_seals(SqliteConnection(copy / "catalogue.db", catalogue_key(seed)))
    with old.writing():
        yield old
    old.rows("PRAGMA journal_mode=DELETE")
    old.close()


def digest(world: World) -> bytes:
    (slot,) = kept(world)
    return escrow.file_digest(places(world)[0] / str(slot.number) / "catalogue.db")


def catch_up(world: World, who: str) -> bytes:
    """Put today's log into the older catalogue of the backup, as *who* can with own code; the digest of that."""
    live = catalogue(world)
    with copied(world, who) as old:
        for table in ("entries", "checkpoints", "mentions", "log_keys"):
            columns = [row[1] for row in live.rows(f"PRAGMA table_info({table})")]
            for row in live.rows(f"SELECT {','.join(columns)} FROM {table}"):
                old.run(f"INSERT OR IGNORE INTO {table} VALUES ({','.join('?' * len(row))})", row)
        for key, raw in live.rows("SELECT key, bytes FROM meta WHERE key IN ('log', 'log_clock')"):
            old.run("UPDATE meta SET bytes = ? WHERE key = ?", (raw, key))
    live.close()
    return digest(world)


SPOILT = {  # what of one entry, whose number stands in for ?, is spoilt in the copy
    "body": "UPDATE entries SET sealed = sealed_entry(seq, '{}') WHERE seq = ?",
    "no body": "UPDATE entries SET sealed = NULL WHERE seq = ?",
    "note": "UPDATE checkpoints SET note = 'x' WHERE size = (SELECT min(size) FROM checkpoints WHERE size > ?)",
    "checkpoint": "DELETE FROM checkpoints WHERE size = (SELECT min(size) FROM checkpoints WHERE size > ?)",
}


def plant_spoilt(world: World, action: str, spoilt: str) -> None:
    """A backup by who makes backups, with today's log in the older catalogue, and one entry of that log spoilt."""
    seq = newest(world, action)
    catch_up(world, "cron")
    with copied(world, "cron") as old:
        old.run(SPOILT[spoilt], (seq,))
    write(world, sealed_again(world, replace(kept(world)[0], catalogue=digest(world))))


def newest(world: World, action: str) -> int:
    """The number of the newest entry of that action that says what was done."""
    db = catalogue(world)
    wanted = (f'%"action":"{action}"%"outcome":"done"%',)
    ((seq,),) = db.rows("SELECT max(seq) FROM entries WHERE body_of(seq, sealed) LIKE ?", wanted)
    db.close()
    return int(seq)


def sealed_again(world: World, slot: EscrowSlot, who: str = "cron") -> EscrowSlot:
    """A slot with other words, sealed and signed by *who*, who has R as well, with own code."""
    store, officer = layout.find(world.store).id, identity(world, "sigrid")
    secret = escrow.open_sealed(store, kept(world)[0], officer.sealing)
    assert secret is not None
    with own_code(world, who) as theirs:
        return escrow.seal(store, slot, secret, escrow.officers(theirs), theirs.identity.signing)


@pytest.mark.rule("consent.withdraw")
def test_a_catalogue_of_which_the_log_went_on_brings_back_nothing_that_was_erased(fed: World) -> None:
    """Made by who makes the backups, so that its slot is signed; the feed has nothing to add to its log."""
    fed.take_in("a")
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="siri")
    write(fed, sealed_again(fed, replace(kept(fed)[0], catalogue=catch_up(fed, "cron"))))
    lose(fed)
    told = with_feed(fed)
    assert (told["held"], told["erased"], opened(fed)) == (0, 1, set())


@pytest.mark.rule("access.officer")
def test_a_catalogue_of_which_the_log_went_on_lets_nobody_in_who_had_left(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    write(fed, sealed_again(fed, replace(kept(fed)[0], catalogue=catch_up(fed, "cron"))))
    lose(fed)
    assert restore(fed, "--feed", str(feed_path(fed))).exit == 15


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_is_spoilt_in_the_log_of_a_copy_is_read_in_the_feed(fed: World, spoilt: str) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="siri")
    fed.json("purge", who="cron")
    plant_spoilt(fed, "withdraw", spoilt)
    lose(fed)
    told = with_feed(fed)
    assert (told["held"], told["erased"], opened(fed)) == (0, 1, set())


@pytest.mark.rule("access.officer")
@pytest.mark.parametrize("spoilt", ["note", "checkpoint"])
def test_who_left_is_read_in_the_feed_where_that_is_spoilt_in_the_log_of_a_copy(fed: World, spoilt: str) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    fed.json("purge", who="cron")
    plant_spoilt(fed, "authority", spoilt)
    lose(fed)
    assert restore(fed, "--feed", str(feed_path(fed))).exit == 15


@pytest.mark.parametrize("who", ["iver", "siri"])
def test_a_slot_that_nobody_signed_who_makes_backups_is_restored_by_nobody(fed: World, who: str) -> None:
    """An auditor's, whose digest is another than that with which R was sealed; and one of support, who have R."""
    fed.take_in("a")
    back_up(fed)
    slot = replace(kept(fed)[0], catalogue=catch_up(fed, who))
    write(fed, slot if who == "iver" else sealed_again(fed, slot, who))
    lose(fed)
    assert restore(fed, "--feed", str(feed_path(fed))).exit == (12 if who == "iver" else 15)


@pytest.mark.rule("access.officer")
def test_an_officer_who_left_restores_from_no_slot_with_another_time(world: World) -> None:
    add_officer(world, "astrid")
    world.take_in("a")
    back_up(world)
    write(world, replace(kept(world)[0], at=datetime.now(UTC) + timedelta(minutes=4)))
    told = world.json("person", "remove", "astrid", "--yes", who="sigrid")
    assert (told["rings_left"], told["backup_due"], kept(world)) == ([], True, [])
    assert "backup_void" in world.json("status", who="iver")["critical"]


@pytest.mark.rule("access.officer")
def test_an_officer_who_leaves_while_a_backup_is_made_restores_nothing_from_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_officer(world, "astrid")
    back_up(world)
    replace_root = protocol.replace_root

    def waits(*words: Any) -> None:
        monkeypatch.setattr(protocol, "replace_root", replace_root)
        world.take_in("b", seed=5)
        back_up(world)
        replace_root(*words)

    monkeypatch.setattr(protocol, "replace_root", waits)
    assert world.json("person", "remove", "astrid", "--yes", who="sigrid")["backup_due"] is True
    assert kept(world) == []


@pytest.mark.rule("consent.withdraw")
def test_what_is_withdrawn_while_a_backup_finds_that_nothing_happened_is_in_no_renewed_slot(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a")
    back_up(world)
    is_last = backup._is_last_entry

    def and_then(*words: Any) -> bool:
        monkeypatch.setattr(backup, "_is_last_entry", is_last)
        was = is_last(*words)
        world.json("withdraw", "90000001", "--yes", who="siri")
        return was

    monkeypatch.setattr(backup, "_is_last_entry", and_then)
    told = back_up(world)
    assert (told["changed"], told["held"]) == (True, 0)
    lose(world)
    assert restore(world).json["held"] == 0


def test_a_planted_slot_takes_no_backup_away_and_stops_no_restore(world: World) -> None:
    """It names the largest number there is, and a good copy of the catalogue lies in its folder."""
    world.take_in("a")
    back_up(world)
    folder, soon = places(world)[0], datetime.now(UTC) + timedelta(minutes=4)
    planted = replace(kept(world)[0], index=5, number=LARGEST, at=soon)
    shutil.copytree(folder / "1", folder / str(LARGEST))
    write(world, planted)
    world.take_in("b", seed=3)
    assert back_up(world)["held"] == 2
    assert [slot.number for slot in kept(world)] == [2, 1], "and the planted one is emptied"
    write(world, planted)
    shutil.copytree(folder / "1", folder / str(LARGEST))
    assert "ring_not_emptied" in world.json("status", who="iver")["critical"]
    lose(world)
    told = restore(world).json
    assert (told["held"], told["passed_over"]) == (2, [LARGEST])


def test_a_backup_that_somebody_spoilt_is_passed_over_and_named(world: World) -> None:
    world.take_in("a")
    back_up(world)
    world.take_in("b", seed=3)
    back_up(world)
    (places(world)[0] / "2" / "catalogue.db").write_bytes(b"x")
    lose(world)
    told = restore(world).json
    assert (told["held"], told["passed_over"]) == (1, [2])


def test_a_spoilt_backup_of_a_store_in_which_nothing_happens_is_made_anew(world: World) -> None:
    world.take_in("a")
    back_up(world)
    (places(world)[0] / "1" / "catalogue.db").write_bytes(b"x")
    assert back_up(world)["changed"] is True
    lose(world)
    assert restore(world).json["held"] == 1


@pytest.mark.parametrize(
    "sql",
    ["DELETE FROM escrows", *(f"UPDATE escrows SET number = {each}" for each in (10**6, LARGEST, 2**63 - 1, -1))],
)
def test_a_row_that_counts_backups_falsely_takes_none_away(world: World, sql: str) -> None:
    """Where backups lie, the signed settings say; and which there are, the ring."""
    world.take_in("a")
    back_up(world)
    world.take_in("b", seed=3)
    strike(world, sql)
    assert [each["escrow"] for each in world.json("status", who="iver")["backups"]] == [str(places(world)[1])]
    assert (back_up(world)["held"], [slot.number for slot in kept(world)]) == (2, [2, 1])


@pytest.mark.rule("consent.withdraw")
def test_a_row_that_says_that_nothing_happened_keeps_no_old_root_in_the_ring(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor's own code, once an hour: the receipt says 24 hours, and the old R never leaves."""
    world.take_in("a")
    back_up(world)
    old = kept(world)[0].generation
    world.json("withdraw", "90000001", "--yes", who="siri")
    for hours in (20, 40):
        with insider(world) as db:
            db.run("UPDATE escrows SET changes = ?", (Meta(db).number("changes") + 1,))
        monkeypatch.setattr(Run, "now", lambda _run, h=hours: datetime.now(UTC) + timedelta(hours=h))
        back_up(world)
        world.json("purge", who="cron")
    assert old not in {slot.generation for slot in kept(world)}


# -- what somebody wrote into the log, in the feed of a store that is lost -------------------------------


def said(action: str, rule: str, detail: dict[str, Any], *recordings: str) -> dict[str, Any]:
    entry = {"action": action, "outcome": "done", "rule": rule, "at": NOW, "detail": detail}
    return entry | ({"recordings": sorted(recordings)} if recordings else {})


@pytest.mark.parametrize("link", [1, 999, 10**18])
def test_an_entry_that_names_a_link_stops_neither_a_command_nor_the_feed(fed: World, link: int) -> None:
    fed.take_in("a")
    back_up(fed)
    log_as(fed, "iver", AuthorityChanged(link=link, digest="00"))
    assert fed.run("withdraw", "90000001", "--yes", who="siri").exit == 0
    assert fed.run("status", "--json", who="iver").json["critical"] == []
    lose(fed)
    with_feed(fed)
    assert opened(fed) == set(), "withdrawn since the backup"


@pytest.mark.parametrize(
    "odd",
    [
        {"action": "withdraw", "outcome": "done", "rule": "consent.withdraw", "detail": {"more": 1}},
        {"action": "audit_show", "outcome": "allowed", "recordings": ["zz"]},
        {"action": "audit_show", "outcome": "allowed", "at": "x"},
        {"action": "handed out", "outcome": "failed", "detail": {"of": -1}},
        {"action": "confirm_deleted", "outcome": "done", "detail": {"of": "x"}},
        {"action": "export", "outcome": "allowed", "purpose": "quality", "reason": REASON, "at": "x"},
    ],
    ids=lambda odd: odd["action"],
)
def test_an_odd_entry_of_an_auditors_stops_no_restore(fed: World, odd: dict[str, Any]) -> None:
    fed.take_in("a")
    back_up(fed)
    append_to_log(fed, "iver", {"rule": "security.monitored", "at": NOW, **odd})
    fed.json("purge", who="cron")
    lose(fed)
    assert with_feed(fed)["held"] == 1


@pytest.mark.rule("retention.90d")
def test_a_purge_that_no_role_of_theirs_may_carry_out_erases_nothing_at_a_restore(fed: World) -> None:
    calls = fed.take_in("a", "b")
    back_up(fed)
    append_to_log(fed, "iver", said("purge", "retention.90d", {"count": 2}, *calls))
    fed.json("purge", who="cron")
    assert problem_codes(fed) == {"entry_without_right"}
    lose(fed)
    assert with_feed(fed)["held"] == 2


@pytest.mark.rule("access.officer")
@pytest.mark.parametrize("named", [("sigrid",), ("sigrid", "recovery")], ids=len)
def test_a_removal_that_no_role_of_theirs_may_carry_out_keeps_nobody_from_a_restore(
    fed: World, named: tuple[str, ...]
) -> None:
    fed.take_in("a")
    back_up(fed)
    with own_code(fed, "iver") as store:
        people = digest_of_people(store.roster)
    gone = [said("person remove", "access.officer", {"people": people, "removed": name}) for name in named]
    append_to_log(fed, "iver", *gone)
    fed.json("purge", who="cron")
    lose(fed)
    assert with_feed(fed)["removed"] == []
    assert fed.run("status", who="sigrid").exit == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage",
        b"[]",
        b'{"a":1e999}',
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"action":"find","at":"2026-11-26T12:00:00Z"}',
    ],
    ids=str,
)
def test_an_entry_of_any_bytes_ends_no_feed_and_stops_no_restore(fed: World, raw: bytes) -> None:
    fed.take_in("a")
    back_up(fed)
    append_raw(fed, "iver", raw)
    fed.json("withdraw", "90000001", "--yes", who="siri")
    assert fed.json("status", who="iver")["critical"] == []
    lose(fed)
    assert with_feed(fed)["erased"] == 1
    assert opened(fed) == set()


def test_an_entry_whose_body_was_struck_ends_no_feed(fed: World) -> None:
    """It was written while the feed's disk was not there."""
    fed.take_in("a")
    back_up(fed)
    (fed.base / "mount").rename(fed.base / "unmounted")
    fed.run("find", "--purpose", "quality", "--reason", REASON, who="leif")
    fed.json("audit", "show", who="iver")
    strike(fed, "UPDATE entries SET sealed = NULL WHERE seq = (SELECT max(seq) - 1 FROM entries)")
    (fed.base / "unmounted").rename(fed.base / "mount")
    fed.json("withdraw", "90000001", "--yes", who="siri")
    assert fed.json("status", who="iver")["critical"] == []
    lose(fed)
    assert with_feed(fed)["erased"] == 1


def test_what_somebody_may_say_with_other_fields_than_ours_stops_a_restore(fed: World) -> None:
    """It may say who withdrew or who was kept out, in words that this version does not know."""
    fed.take_in("a")
    back_up(fed)
    append_to_log(fed, "siri", said("withdraw", "consent.withdraw", {"tombstones": "00", "more": 1}))
    fed.json("purge", who="cron")
    lose(fed)
    assert restore(fed, "--feed", str(feed_path(fed))).json["error"]["code"] == "feed_differs"


def test_a_copy_that_somebody_else_says_was_never_written_is_told_after_a_restore(fed: World) -> None:
    (call,) = fed.take_in("a")
    fed.grant()
    back_up(fed)
    fed.json("export", call, *WHY, "--out", str(fed.base / "call.wav"), who="leif")
    (copy,) = (one for one in fed.json("recipients", "list", who="sigrid")["recipients"] if one["kind"] == "export")
    log_as(fed, "iver", LeftNothing(of=int(copy["id"])))
    fed.json("purge", who="cron")
    lose(fed)
    with_feed(fed)
    assert copy["id"] in {one["id"] for one in fed.json("recipients", "list", who="sigrid")["recipients"]}


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_of_nobody_that_support_invents_leaves_a_restored_store_closed_until_an_officer_accepts(
    fed: World,
) -> None:
    """Nobody can tell whose late deliveries to refuse."""
    fed.take_in("a")
    back_up(fed)
    append_to_log(fed, "siri", said("withdraw", "consent.withdraw", {"count": 0, "tombstones": "00" * 32}))
    fed.json("purge", who="cron")
    lose(fed)
    told = restore(fed, "--feed", str(feed_path(fed)))
    assert (told.exit, told.json["error"]["code"], told.json["held"]) == (14, "erasure.unreplayed", 1)
    assert told.json["withdrawals_unclear"] == 1
    fed.json("restore", "--accept-without-feed", "--reason", "support invented a withdrawal", who="sigrid")
    fed.grant()
    assert fed.run("find", "--purpose", "quality", "--reason", REASON, who="leif").exit == 0


# -- yesterday's copy ---------------------------------------------------------------------------------


def test_an_older_root_is_named_by_the_status_of_somebody_who_cannot_open_it(world: World) -> None:
    world.take_in("a")
    older = (world.root / "root").read_bytes()
    world.json("withdraw", "90000001", "--yes", who="siri")
    (world.root / "root").write_bytes(older)
    status = world.run("status", "--json", who="iver")
    assert (status.exit, status.json["critical"]) == (3, ["root_older_than_catalogue"])


@pytest.mark.rule("consent.withdraw")
def test_what_was_withdrawn_opens_for_nobody_though_its_wrapped_key_had_another_name_meanwhile(world: World) -> None:
    """Whoever erases finds no wrapped key, and takes it for destroyed already."""
    (call,) = world.take_in("call")
    (other,) = world.take_in("other", caller="+4790000002", seed=3)
    world.grant("leif")
    yesterday, place, leif = world.base / "yesterday", layout.find(world.store), identity(world, "leif")
    shutil.copytree(world.store, yesterday)
    old = rob(Layout(yesterday, place.root, place.id), leif)
    assert call in old.sounds, "until it is withdrawn"
    rename = "UPDATE shares SET recording = x'{}' WHERE recording = x'{}'"
    strike(world, rename.format("00" * 16, call))
    assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
    strike(world, rename.format(call, "00" * 16))
    shutil.copytree(yesterday / "objects", world.store / "objects", dirs_exist_ok=True)
    found = rob(place, leif, kept=old.audiences.values())
    assert found.ke == {other}, "and of nobody else is anything lost"
