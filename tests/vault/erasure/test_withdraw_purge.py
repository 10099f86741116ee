"""Erasure as its users know it: withdraw, purge, receipts, and what stays untouched beside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.store import open_store
from arlo_rec.vault.backends.files import FileBlobs, FileRoot
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support import world as worlds
from tests.support.attack import identity, rob
from tests.support.backups import back_up
from tests.support.catalogue import catalogue, own_code
from tests.support.certificates import reason
from tests.support.disks import fill, small_disk
from tests.support.world import DUE_SOON, REASON, World, wait_until_due


def listed(world: World) -> set[str]:
    told = world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")
    return {one["id"] for one in told["recordings"]}


def exported(world: World, recording: str, name: str) -> bytes:
    out = world.base / name
    world.json("export", recording, "--purpose", "quality", "--reason", REASON, "--out", str(out), who="leif")
    return out.read_bytes()


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_takes_the_callers_calls_and_leaves_the_others_bit_exact(world: World) -> None:
    world.grant()
    mine = world.take_in("a", "b", caller="+4790000001")
    (other,) = world.take_in("c", caller="+4790000002", seed=7)
    before = exported(world, other, "before.wav")
    told = world.json("withdraw", "900 00 001", "--yes", who="siri")
    assert told["erased"] == 2
    assert {one["id"] for one in told["recordings"]} == set(mine)
    assert listed(world) == {other}
    assert exported(world, other, "after.wav") == before
    assert world.json("verify", "--read-data", who="iver")["problems"] == []


def test_a_receipt_is_genuine_holds_nothing_personal_and_no_byte_of_it_can_be_changed(world: World) -> None:
    world.take_in("a")
    told = world.json("withdraw", "90000001", "--yes", "--receipt-out", str(world.base / "r.json"), who="siri")
    receipt = Path(told["receipt"])
    assert receipt.parent == world.store / "receipts"
    raw = receipt.read_bytes()
    assert (world.base / "r.json").read_bytes() == raw
    for personal in ("90000001", "siri", "sigrid", "kundeservice", "pbx.a", "Ola"):
        assert personal not in raw.decode()
    vkey = json.loads((world.base / "init.json").read_text())["vkey"]
    assert world.json("certificate", "verify", str(receipt), "--vkey", vkey)["valid"] is True
    _every_changed_byte_is_noticed(raw)


def _every_changed_byte_is_noticed(raw: bytes) -> None:
    for at in range(0, len(raw) - 1, 7):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        assert reason(changed)


def test_a_receipt_still_verifies_after_the_logs_key_was_renewed(world: World) -> None:
    vkey = json.loads((world.base / "init.json").read_text())["vkey"]
    world.json("person", "remove", "turid", "--yes", who="sigrid")
    world.take_in("a")
    told = world.json("withdraw", "90000001", "--yes", who="siri")
    checked = world.json("certificate", "verify", told["receipt"], "--vkey", vkey)
    assert len(checked["vkeys"]) == 2


def test_a_withdrawal_of_somebody_unknown_still_has_tombstone_and_receipt(world: World) -> None:
    told = world.json("withdraw", "+4790000077", "--yes", who="siri")
    assert told["erased"] == 0
    assert Path(told["receipt"]).exists()
    world.deliver("late", caller="+4790000077")
    refused = world.json("ingest", str(world.spool), who="telefon")["refused"]
    assert [one["code"] for one in refused] == ["withdrawn"]


def test_a_withheld_number_is_withdrawn_by_the_call(world: World) -> None:
    (ours,) = world.take_in("a", caller=None)
    (other,) = world.take_in("b", caller="anonymous", seed=4)
    assert world.json("withdraw", "--call", "pbx.a", "--yes", who="siri")["recordings"][0]["id"] == ours
    assert world.json("withdraw", "--call", other, "--yes", who="siri")["erased"] == 1
    assert world.run("withdraw", "--call", other, "--yes", who="siri").exit == 4


def test_a_dry_run_erases_nothing_and_the_look_is_in_the_log(world: World) -> None:
    world.grant()
    (ours,) = world.take_in("a")
    told = world.json("withdraw", "90000001", "--dry-run", who="siri")
    assert (told["erased"], told["would_erase"]) == (0, 1)
    assert listed(world) == {ours}
    (look,) = world.json("audit", "show", "--action", "withdraw", who="iver")["entries"]
    assert (look["person"], look["outcome"], look["recordings"]) == ("siri", "allowed", [ours])


@pytest.mark.slow
def test_a_withdrawal_and_a_purge_succeed_on_a_full_disk_and_nothing_else_eats_their_room(tmp_path: Path) -> None:
    """On a file system of fixed size that is filled to the last byte."""
    with small_disk(tmp_path / "disk", "40m") as disk:
        world = worlds.found(disk)
        world.take_in("a", "b")
        (disk / "filler").write_bytes(bytes(1024 * 1024))
        fill(disk)
        assert world.run("ingest", str(world.base), who="telefon").exit in (0, 3, 16)
        assert (world.store / "ballast").exists(), "an intake leaves the ballast to those who erase"
        done = world.run("withdraw", "90000001", "--yes", "--json", who="skranke")
        assert (done.exit, done.json["erased"]) == (0, 2), done
        (disk / "filler").unlink()
        assert world.json("purge", who="cron")["overdue"] == 0
        assert world.json("verify", "--read-data", who="iver")["problems"] == []


def test_a_disk_that_is_full_only_after_the_commit_erases_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered beside the root comes after the transaction; its failing is no reason to do that again."""
    (ours,) = world.take_in("a")
    update_seen, erased = FileRoot.update_seen, []

    def full(port: FileRoot, change: Callable[[list[bytes]], bytes | None]) -> None:
        if catalogue_says_erasing(world) and not erased:
            erased.append(ours)
            raise Unreachable("no_space")
        update_seen(port, change)

    monkeypatch.setattr(FileRoot, "update_seen", full)
    told = world.json("withdraw", "90000001", "--yes", who="skranke")
    assert erased, "the disk was full at that very moment"
    assert (told["erased"], [one["id"] for one in told["recordings"]]) == (1, [ours])
    assert world.json("verify", "--read-data", who="iver")["problems"] == []
    done = world.json("audit", "show", "--action", "withdraw", "--outcome", "done", who="iver")["entries"]
    assert [one["recordings"] for one in done] == [[ours]]


def test_a_purge_removes_what_a_killed_run_left_half_written_and_not_what_is_being_written(world: World) -> None:
    left, new = world.store / "people" / ".key.4711.part", world.store / "seals" / ".seal.4712.part"
    for one in (left, new):
        one.write_bytes(b"half")
    os.utime(left, (0, 0))
    assert world.json("purge", who="cron")["overdue"] == 0
    assert (left.exists(), new.exists()) == (False, True)


def catalogue_says_erasing(world: World) -> bool:
    """Whether a transaction has taken a recording to ERASING."""
    db = catalogue(world)
    found = bool(db.rows("SELECT 1 FROM recordings WHERE state = 'erasing'"))
    db.close()
    return found


@pytest.mark.slow
@pytest.mark.rule("retention.90d")
def test_a_purge_takes_what_is_due_and_nothing_else_and_reading_stops_at_the_deadline(world: World) -> None:
    world.grant()
    (old,) = world.take_in("old", started=datetime.now(UTC) - DUE_SOON)
    (young,) = world.take_in("young", seed=3)
    wait_until_due(world, 1)
    assert listed(world) == {young}, "day 90 is also enforced when reading"
    refused = world.run("export", old, "--purpose", "quality", "--reason", REASON, "--out", "-", who="leif")
    assert refused.exit == 14
    told = world.json("purge", who="cron")
    assert (told["due"], told["erased"], told["overdue"]) == (1, 1, 0)
    assert [one["id"] for one in told["recordings"]] == [old]
    assert world.json("verify", "--read-data", who="iver")["problems"] == []
    assert world.json("purge", who="cron")["erased"] == 0


@pytest.mark.slow
def test_a_purge_of_most_of_a_store_stops_and_asks(world: World) -> None:
    soon = datetime.now(UTC) - DUE_SOON
    world.take_in(*(f"c{n}" for n in range(21)), started=soon + timedelta(seconds=1), seconds=0.1)
    wait_until_due(world, 21)
    refused = world.run("purge", "--json", who="cron")
    assert (refused.exit, refused.json["error"]["code"]) == (14, "retention.guard")
    would = world.json("purge", "--dry-run", who="cron")
    assert (would["due"], would["erased"], would["would_stop"]) == (21, 0, "large_share")
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 21


def test_files_that_cannot_be_removed_now_are_removed_by_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys go first: nobody opens the recording any more, but there is no receipt yet and the exit is 3."""
    (ours,) = world.take_in("a")

    def unreachable(_blobs: FileBlobs, _names: list[str]) -> None:
        raise Unreachable("disk_failed", path="x", reason="the object store is down")

    with monkeypatch.context() as patch:
        patch.setattr(FileBlobs, "delete_all", unreachable)
        done = world.run("withdraw", "90000001", "--yes", "--json", who="siri")
        assert (done.exit, done.json["erased"], done.json["receipt"]) == (3, 1, None)
        assert not rob(find(world.store), identity(world, "sigrid")).sounds
        assert world.json("status", who="iver")["unfinished"] == 1
    assert world.run("status", who="cron").exit == 0
    assert not (world.store / "objects" / ours[:2] / ours).exists()
    assert (world.store / "receipts" / f"{done.json['number']}.json").exists()
    assert world.json("status", who="iver")["unfinished"] == 0


def test_erased_rows_keep_nothing_that_identifies(world: World) -> None:
    (ours,) = world.take_in("a")
    world.json("withdraw", "90000001", "--yes", who="siri")
    with open_store(find(world.store), identity(world, "sigrid"), datetime.now(UTC), StateFolder(None)) as store:
        row = store.db.rows("SELECT state, caller, agent, content FROM recordings WHERE id = ?", (bytes.fromhex(ours),))
        assert row == [("erased", None, None, None)]
        for table in ("shares", "metadata"):
            sql = f"SELECT count(*) FROM {table} WHERE recording = ?"
            assert store.db.rows(sql, (bytes.fromhex(ours),)) == [(0,)]


def test_the_keys_of_a_commit_go_with_the_last_recording_that_used_them(world: World) -> None:
    """One batch, so one commit key; an audience key for each team. Two grants, of which one came later."""
    world.grant()
    world.deliver("a", caller="+4790000001")
    world.deliver("c", caller="+4790000001", team="salg", seed=5)
    world.deliver("d", caller="+4790000002", consent={"prompt": "nb-2025-01"}, seed=6)
    world.take_in("b", caller="+4790000002", seed=4)
    world.grant("turid")
    for number, left in ((None, (1, 3, 2, 2)), ("90000001", (1, 2, 1, 1)), ("90000002", (0, 0, 0, 0))):
        if number is not None:
            world.json("withdraw", number, "--yes", who="siri")
        with open_store(find(world.store), identity(world, "sigrid"), datetime.now(UTC), StateFolder(None)) as store:
            tables = ("commit_keys", "audience_keys", "audience_seals", "audience_wraps")
            assert tuple(store.db.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables) == left


def listed_before(world: World, who: str) -> list[str]:
    """The lines of a dry run."""
    told = world.run("withdraw", "900", "00", "001", "--dry-run", who=who)
    assert told.exit == 0
    return told.out.splitlines()


def test_the_number_comes_first_then_the_calls_newest_first_as_far_as_the_role_may_see_them(world: World) -> None:
    now = datetime.now(UTC)
    world.take_in("old", started=now - timedelta(days=2), team="teknisk", agent="Prøve Prøvesen")
    world.take_in("new", started=now - timedelta(hours=2))
    number, count, *calls = listed_before(world, "siri")
    assert number.split(": ")[1].replace(" ", "") == "90000001" and count.endswith(": 2")
    assert [call.split()[-1] for call in calls] == ["kundeservice", "teknisk"]
    assert "Prøve" not in "".join(calls)
    *_, newest, oldest = listed_before(world, "sigrid")
    assert (newest.split()[4:], oldest.split()[4:]) == (
        ["0:00", "kundeservice", "Ola", "Oppdiktet"],
        ["0:00", "teknisk", "Prøve", "Prøvesen"],
    )


@pytest.mark.in_a_file
def test_a_call_whose_details_are_damaged_is_shown_and_withdrawn_all_the_same(world: World) -> None:
    world.take_in("a")
    with own_code(world) as rows:
        rows.run("UPDATE metadata SET sealed = zeroblob(length(sealed))")
    assert listed_before(world, "sigrid")[-1].split()[4:] == ["kundeservice"]
    assert world.json("withdraw", "90000001", "--yes", who="sigrid")["erased"] == 1


def test_what_is_read_aloud_stands_last_and_a_dry_run_bids_nobody_to_delete(world: World) -> None:
    world.grant()
    (mine,) = world.take_in("a")
    exported(world, mine, "copy.wav")
    assert "leif" not in "".join(listed_before(world, "siri")), "a customer is on the line"
    *_, would = listed_before(world, "sigrid")
    assert "leif would have to delete" in would and "must" not in would and "confirm 1" not in would
    told = world.run("withdraw", "900", "00", "001", "--yes", who="siri").out.splitlines()
    assert "that must be deleted: 1." in told[0] and told[-1].startswith("Say: ")
    holders = {who for who in worlds.PEOPLE if "delete" in world.tasks(who)}
    assert holders == {"leif", "sigrid"}, "the holder, and the officer"
    (other,) = world.take_in("b", caller="+4790000002", seed=5)
    exported(world, other, "other.wav")
    told = world.run("withdraw", "900", "00", "002", "--yes", who="sigrid").out.splitlines()
    assert "leif must delete" in told[0], "an officer sees who"


def test_of_a_backup_support_says_until_when_and_that_nobody_has_to_do_anything(world: World) -> None:
    world.take_in("a")
    back_up(world)
    (said,) = world.run("withdraw", "90000001", "--yes", who="siri").out.splitlines()
    assert "A backup can open them until" in said
    assert not any("delete" in world.tasks(who) for who in worlds.PEOPLE)


def test_only_the_newest_calls_stand_before_the_question(world: World) -> None:
    world.take_in(*(f"call{number}" for number in range(17)))
    asked = world.run("withdraw", "90000001", who="siri")
    assert asked.exit == 2 and asked.err.count("kundeservice") == 15 and "2 older ones" in asked.err
    assert len(listed_before(world, "siri")) == 2 + 17


def test_two_numbers_at_once_are_refused_logged_and_erase_nothing(world: World) -> None:
    world.take_in("a")
    told = world.run("withdraw", "90000001", "90000002", "--yes", "--json", who="siri")
    assert (told.exit, told.json["error"]["code"]) == (2, "two_numbers")
    assert world.json("status", who="cron")["held"] == 1
    (entry,) = world.json("audit", "show", "--action", "withdraw", who="iver")["entries"]
    assert (entry["outcome"], entry["detail"]["code"]) == ("failed", "two_numbers")
