"""What lies round a store is told: sounds that stay, folders that are away, disks, and work that stopped."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arlo_rec.law.messages import has
from arlo_rec.machine.verify import PASSING
from arlo_rec.vault.backends import mounts
from arlo_rec.vault.keys import jobs, layout
from arlo_rec.vault.keys.jobs import Job, LastRun, SpoolSeen
from arlo_rec.vault.keys.layout import Layout
from tests.support import world as worlds
from tests.support.backups import back_up
from tests.support.clock import later
from tests.support.disks import mounted, small_disk
from tests.support.intake import ingest
from tests.support.sounds import tone_wav
from tests.support.world import World

DAY = timedelta(days=1)


def found(world: World, who: str = "iver") -> dict[str, str]:
    """The severity of each finding of `status` by its code."""
    return {each["code"]: each["severity"] for each in world.json("status", who=who)["findings"]}


# -- spools -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "severity", "exits"),
    [
        (timedelta(minutes=5), "status", (0, 0)),
        (timedelta(hours=2), "warning", (0, 1)),
        (8 * DAY, "critical", (3, 2)),
    ],
)
def test_a_sound_without_a_manifest_is_graver_the_longer_it_lies(
    world: World, age: timedelta, severity: str, exits: tuple[int, int]
) -> None:
    world.spool.mkdir()
    sound = world.spool / "alone.wav"
    sound.write_bytes(tone_wav(0.1))
    then = (datetime.now(UTC) - age).timestamp()
    os.utime(sound, (then, then))
    first, second = (world.run("ingest", str(world.spool), "--quiet", who="telefon") for _ in range(2))
    assert (first.exit, second.exit) == (0, 0)
    assert str(sound) in first.out and str(sound) in second.out, "a journal has the name of each run"
    assert found(world)["unclaimed"] == severity
    is_task = severity != "status"
    assert ("unclaimed" in world.tasks("sigrid")) == ("unclaimed" in world.tasks("iver")) == is_task
    only = ("check", "--only", "spool")
    assert (world.run("status", who="iver").exit, world.run(*only, who="iver").exit) == exits
    sound.unlink()
    ingest(world, exit=0)
    assert "unclaimed" not in found(world)


@pytest.mark.slow
def test_a_sound_that_somebody_still_writes_waits(world: World) -> None:
    world.spool.mkdir()
    world.setting("still_s = 1")
    sound, done = world.spool / "growing.wav", threading.Event()
    sound.write_bytes(b"RIFF")
    writer = threading.Thread(target=lambda: [os.utime(sound) for _ in iter(lambda: done.wait(0.02), True)])
    writer.start()
    try:
        told = ingest(world, exit=0)
    finally:
        done.set()
        writer.join()
    assert (told["waiting"], told["unclaimed"]) == ([str(sound)], [])
    assert "unclaimed" not in found(world)


def test_a_sound_that_cannot_be_removed_is_critical_and_a_withdrawal_tells_of_it(world: World) -> None:
    sound = world.deliver("call").with_suffix(".wav")
    with mounted("--bind", sound, sound):  # so that not even root removes it
        told = world.run("ingest", str(world.spool), "--quiet", who="telefon")
        withdrawn = world.json("withdraw", "90000001", "--yes", who="siri")
        status = world.run("status", "--json", who="iver")
        tasks = world.tasks("sigrid")
    assert told.exit == 3 and str(world.spool / "call.wav") in told.out
    assert withdrawn["spool"] == [str(world.spool / "call.json")]
    assert (status.exit, "spool_left" in status.json["critical"], "spool_left" in tasks) == (3, True, True)
    (seen,) = status.json["spools"]
    assert (seen["left"], seen["unclaimed"]) == (1, 0)


def test_a_folder_that_is_gone_is_critical_until_it_is_given_up(world: World) -> None:
    world.take_in("a")
    world.spool.rename(world.base / "elsewhere")
    assert found(world)["spool_missing"] == "critical"
    assert world.code("ingest", "--forget", str(world.base / "other"), who="telefon") == (4, "no_such_spool")
    world.json("ingest", "--forget", str(world.spool), who="sigrid")
    assert "spool_missing" not in found(world)
    assert world.code("ingest", "--forget", str(world.spool), who="leif")[0] == 13


def test_no_call_is_told_where_some_came_in_the_same_hours_of_each_week(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    for week in range(1, 5):
        for number in range(5):
            started = now - timedelta(weeks=week, minutes=10 + number)
            world.deliver(f"w{week}-{number}", started=started, seconds=0.05, seed=10 * week + number)
    ingest(world, exit=0)
    assert found(world)["spool_quiet"] == "warning"
    later(monkeypatch, hours=-3)
    assert "spool_quiet" not in found(world), "a clock that is behind tells of nothing"
    monkeypatch.undo()
    world.take_in("today")
    assert "spool_quiet" not in found(world)


# -- jobs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "wanted"),
    [
        (timedelta(minutes=59), {}),
        (timedelta(minutes=61), {"ingest_late": "warning"}),
        (timedelta(minutes=121), {"ingest_late": "warning", "purge_late": "warning"}),
        (25 * timedelta(hours=1), {"ingest_late": "critical", "purge_late": "critical"}),
        (3 * DAY, {"ingest_late": "critical", "purge_late": "critical", "anchor_late": "warning"}),
        (
            9 * DAY,
            {"ingest_late": "critical", "purge_late": "critical", "anchor_late": "warning", "verify_late": "warning"},
        ),
    ],
)
def test_work_that_stopped_is_told_after_a_time_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch, span: timedelta, wanted: dict[str, str]
) -> None:
    world.take_in("a")
    world.json("purge", who="cron")
    world.json("verify", who="iver")
    world.json("audit", "checkpoint", "--append", str(world.base / "anchors"), who="iver")
    later(monkeypatch, seconds=span.total_seconds())
    assert {code: severity for code, severity in found(world).items() if code.endswith("_late")} == wanted
    told = world.json("status", who="iver")["last_runs"]
    assert all(told[job] is not None for job in ("ingest", "purge", "verify", "anchor"))
    assert (told["backup"], told["drill"]) == (None, None)


def test_a_store_without_a_backup_is_warned_of_after_a_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no_backup" not in found(world)
    later(monkeypatch, hours=25)
    assert found(world)["no_backup"] == "warning"
    back_up(world)
    assert "no_backup" not in found(world)


def test_problems_of_the_last_verification_stay_told_until_one_finds_none(world: World) -> None:
    (name,) = world.take_in("a")
    sound = next((world.store / "objects").rglob(name))
    kept = sound.read_bytes()
    sound.unlink()
    assert world.run("verify", who="iver").exit == 15
    assert found(world)["verify_found"] == "critical"
    sound.write_bytes(kept)
    world.json("verify", who="iver")
    assert "verify_found" not in found(world)


def test_what_passes_is_told_as_long_as_it_lasts_and_not_until_the_next_verification(fed: World) -> None:
    feed = fed.base / "mount"
    feed.rename(fed.base / "away")
    assert fed.run("verify", who="iver").exit == 16
    assert {"feed_unreachable"} == {code for code, grave in found(fed).items() if grave == "critical"}
    purged = fed.run("purge", "--quiet", "--lang", "en", who="cron")
    assert (purged.exit, str(feed) in purged.out) == (0, True), "the purge says so too, in the journal of its service"
    assert fed.json("purge", who="cron")["feed"]["problem"] == "feed_unreachable"
    (fed.base / "away").rename(feed)
    assert fed.json("status", who="iver")["critical"] == []
    assert all(has(f"critical.{code}") for code in PASSING), "status looks at each itself"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"at":"never"}', b"[" * 70_000])
def test_a_damaged_note_of_a_run_counts_as_none(world: World, content: bytes) -> None:
    place = layout.find(world.store)
    seen = SpoolSeen(world.spool, datetime.now(UTC), 1, 2, 0, None)
    jobs.note(place, Job.INGEST, LastRun(datetime.now(UTC), spools=(seen,)))
    told = jobs.last(place, Job.INGEST)
    assert told is not None and told.spool(world.spool) == seen
    (world.store / "ran.ingest").write_bytes(content)
    assert jobs.last(place, Job.INGEST) is None
    assert world.json("status", who="iver")["last_runs"]["ingest"] is None


# -- disks --------------------------------------------------------------------------------------------


@pytest.fixture
def small(template: World, tmp_path: Path) -> Iterator[World]:
    """A world on a disk of 40 MB."""
    with small_disk(tmp_path / "disk", "40m") as folder:
        yield worlds.copy(template, folder / "world")


def test_a_disk_with_less_than_a_day_is_critical_and_intake_leaves_room_for_erasures(small: World) -> None:
    assert found(small)["disk_low"] == "critical", "a day is at least 64 MB"
    small.take_in("a")
    filler = small.base / "filler"
    room = shutil.disk_usage(small.base).free
    filler.write_bytes(bytes(room - 6 * 1024 * 1024))
    small.deliver("b")
    assert small.code("ingest", str(small.spool), who="telefon") == (16, "no_room")
    assert small.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
    assert "reserve_spent" not in found(small)
    (small.store / "ballast").unlink()
    assert found(small)["reserve_spent"] == "critical"
    filler.unlink()
    assert found(small)["ballast_missing"] == "critical", "there is room for it now"
    small.json("purge", who="cron")
    assert not {"reserve_spent", "ballast_missing"} & found(small).keys()
    assert small.json("ingest", str(small.spool), who="telefon")["refused"][0]["code"] == "withdrawn"


def test_a_store_in_memory_is_critical(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "MEMORY", frozenset({"tmpfs", "ramfs"}))
    told = small.run("status", "--json", who="iver")
    assert (told.exit, "store_in_memory" in told.json["critical"]) == (3, True)


def test_init_says_at_once_that_a_store_lies_in_memory(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "MEMORY", frozenset({"tmpfs", "ramfs"}))
    words = ("--officer", "sigrid", "--passphrase-file", str(small.base / "passphrase"), "--quiet", "--lang", "en")
    told = small.run("init", *words, "--store", str(small.base / "new"))
    assert (told.exit, "lies in memory (tmpfs)" in told.err) == (0, True)


# -- a place of backups that is given up --------------------------------------------------------------


def test_a_place_of_backups_is_given_up_by_an_officer_and_its_ring_opens_nothing(world: World) -> None:
    back_up(world)
    folder, ring = world.base / "backup", world.base / "escrow"
    assert world.code("backup", "--forget", str(folder), who="cron") == (13, "escrow_not_named")
    assert world.code("backup", "--forget", str(world.base), who="sigrid") == (4, "no_such_place")
    told = world.json("backup", "--forget", str(folder), who="sigrid")["forgotten"]
    assert told == {"folder": str(folder), "escrow": str(ring), "emptied": True}
    assert not (ring / "ring").read_bytes().strip(b"\0")
    assert world.json("status", who="iver")["backups"] == []
    assert world.json("verify", who="iver")["problems"] == []
    restored = world.run(
        "restore", str(folder), "--escrow", str(ring), "--yes", "--json", "--store", str(world.base / "r"), who="sigrid"
    )
    assert restored.exit == 14, restored
    back_up(world, who="sigrid")
    assert len(world.json("status", who="iver")["backups"]) == 1, "it can be named again"


def test_a_ring_that_is_lost_can_be_given_up_and_the_purge_is_done_again(world: World) -> None:
    back_up(world)
    ring = world.base / "escrow"
    shutil.rmtree(ring)
    assert world.run("purge", who="cron").exit == 3
    told = world.run("backup", "--forget", str(ring), "--lang", "en", who="sigrid")
    assert told.exit == 3 and "shred" in told.out
    assert world.run("purge", who="cron").exit == 0
    assert not {"escrow_unreachable", "backup_old"} & found(world).keys()
    assert found(world)["ring_lost"] == "warning"
    world.take_in("a")
    withdrawn = world.json("withdraw", "90000001", "--yes", who="siri")
    assert withdrawn["backup_until"] is not None, "nobody is told that no copy is left"
    assert world.run("backup", "--forget", str(ring), who="sigrid").exit == 3
    assert "ring_lost" not in found(world)
    assert world.json("withdraw", "90000002", "--yes", who="siri")["backup_until"] is None


def test_notes_of_runs_name_no_file_of_a_spool(world: World) -> None:
    world.spool.mkdir()
    (world.spool / "+4790000001.wav").write_bytes(tone_wav(0.1))
    ingest(world, exit=0)
    place: Layout = layout.find(world.store)
    assert b"4790000001" not in b"".join(file.read_bytes() for file in place.store.glob("ran.*"))


def test_a_clock_that_jumped_ahead_is_noticed_by_the_timers_and_closes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a")
    back_up(world)
    world.json("purge", who="cron")
    with monkeypatch.context() as ahead:
        later(ahead, days=100)
        places = (str(world.base / "backup"), "--escrow", str(world.base / "escrow"))
        assert world.code("purge", who="cron") == (14, "retention.guard")
        assert world.code("backup", *places, who="cron") == (14, "clock_ahead")
    assert "clock_behind" not in found(world), "nothing dated the log"
    assert back_up(world)["held"] == 1
    assert world.run("purge", who="cron").exit == 0


def test_a_clock_far_behind_is_told_in_days(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, days=-100)
    assert "99 days behind" in world.run("clock", "--lang", "en", who="iver").out
