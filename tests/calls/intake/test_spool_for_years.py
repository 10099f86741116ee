"""A spool that is read each minute for years: what is not complete waits, what cannot be read is not refused."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.calls.intake.left_in_spool import LeftCall, of_callers
from arlo_rec.exchanges import spool
from arlo_rec.law.model.times import local_date
from arlo_rec.policy import SOUND_WAITS
from arlo_rec.sound.audio import sound_file
from arlo_rec.store import open_store
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support.attack import identity
from tests.support.exports import MAKERS, Told, approve
from tests.support.intake import denials, ingest, left, objects
from tests.support.policies import put
from tests.support.sounds import tone_wav
from tests.support.world import World

pytestmark = pytest.mark.rule("consent.basis")
DAYS = timedelta(days=7)
TRANSIENT = [errno.EIO, errno.EMFILE, errno.ENOSPC, errno.EACCES]


# -- what cannot be read ------------------------------------------------------------------------------


@contextmanager
def failing(name: str, number: int) -> Iterator[None]:
    """Let each look at a file of that name fail."""
    real = spool.shared_folder.open_in

    def opening(folder: int, wanted: str, *words: Any, **more: Any) -> int:
        if wanted == name:
            raise OSError(number, os.strerror(number), wanted)
        return real(folder, wanted, *words, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool.shared_folder, "open_in", opening)
        yield


@pytest.mark.slow
@pytest.mark.parametrize("number", TRANSIENT, ids=errno.errorcode.get)
@pytest.mark.parametrize("name", ["a.json", "a.wav", "calls.jsonl"])
def test_a_file_that_cannot_be_read_ends_the_run_with_16_and_refuses_nothing(
    world: World, name: str, number: int
) -> None:
    world.deliver("a", consent={"key": "2"})
    world.deliver("b", seed=1)
    if name == "calls.jsonl":
        world.gather(name)
    before = left(world)
    with failing(name, number):
        result = world.run("ingest", str(world.spool), "--json", who="telefon")
    assert (result.exit, result.json["error"]["code"]) == (16, "spool_unreachable")
    assert os.strerror(number) in result.json["error"]["message"]
    assert name in result.json["error"]["message"]
    others = 0 if name == "calls.jsonl" else 1
    assert (len(objects(world)), denials(world)) == (others, [])
    assert left(world) == before - ({"b.json", "b.wav"} if others else set())
    assert world.json("status", who="iver")["refused"] == []
    assert [each["code"] for each in ingest(world, exit=3)["refused"]] == ["no_consent"]
    assert (len(objects(world)), left(world)) == (1, set())


def test_a_fault_of_the_disk_in_the_middle_of_a_sound_refuses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver("a")
    real = sound_file.read_at

    def reading(*words: Any) -> bytes:
        if words[1]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*words)

    with monkeypatch.context() as patch:
        patch.setattr(sound_file, "read_at", reading)
        assert world.code("ingest", str(world.spool), who="telefon") == (16, "spool_unreachable")
    assert (left(world), objects(world), denials(world)) == ({"a.json", "a.wav"}, set(), [])
    assert len(ingest(world, exit=0)["accepted"]) == 1


def test_a_machine_without_handles_for_the_decoder_refuses_no_sound(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver("a", sound=b"fLaC" + bytes(60), audio="a.wav")

    def full() -> tuple[int, int]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pipe", full)
        told = world.run("ingest", str(world.spool), who="telefon")
    assert (told.exit, "decoder cannot be started" in told.err) == (16, True), told.err
    assert left(world) == {"a.json", "a.wav"}


def test_an_answer_knows_whether_all_of_the_spool_could_be_read(world: World) -> None:
    world.deliver("a", consent={"prompt": "nb-1999-01"})
    ingest(world, exit=3)
    for faults, is_whole in ((nullcontext(), True), (failing("a.json", errno.EACCES), False)):
        now = datetime.now(UTC)
        with faults, open_store(find(world.store), identity(world, "sigrid"), now, StateFolder(None)) as store:
            assert of_callers(store, {"+4790000001"}, now).is_whole is is_whole


# -- what is not complete -----------------------------------------------------------------------------


@contextmanager
def writing(path: Path, piece: bytes) -> Iterator[None]:
    """Go on writing to a file meanwhile."""
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.02):
            with path.open("ab") as file:
                file.write(piece)

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.05)
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "half"), [("a.wav", b"RIFF"), ("a.json", b'{"source_id": "a'), ("a.opus", b"OggS"), ("a.flac", b"fLaC")]
)
def test_a_file_that_is_still_written_is_not_refused(world: World, name: str, half: bytes) -> None:
    world.setting("still_s = 1")
    path = world.deliver("a", audio=name if not name.endswith("json") else "a.wav")
    whole = (world.spool / name).read_bytes() if (world.spool / name).exists() else b""
    (world.spool / name).write_bytes(half)
    with writing(world.spool / name, b" "):
        told = ingest(world, exit=0)
    assert (told["waiting"], told["refused"], denials(world)) == ([str(path)], [], [])
    assert objects(world) == set()
    if whole:
        (world.spool / name).write_bytes(whole)
        assert len(ingest(world, exit=0)["accepted"]) == 1


@pytest.mark.slow
def test_a_sound_that_is_whole_so_far_waits_while_it_is_written(world: World) -> None:
    world.setting("still_s = 1")
    world.deliver("a")
    sound = world.spool / "a.wav"
    with writing(sound.with_name("other"), b""):
        pass
    done = threading.Event()

    def rewrite() -> None:
        seconds = 0.5
        while not done.wait(0.02):
            seconds += 0.1
            sound.with_name("new").write_bytes(tone_wav(seconds))
            sound.write_bytes(sound.with_name("new").read_bytes())

    thread = threading.Thread(target=rewrite)
    thread.start()
    time.sleep(0.1)
    told = ingest(world)
    done.set()
    thread.join()
    assert (told["accepted"], len(told["waiting"])) == ([], 1)
    for other in ("new", "other"):
        (world.spool / other).unlink()
    assert len(ingest(world, exit=0)["accepted"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("form", ["calls.jsonl", "calls.csv"])
def test_of_a_file_that_grows_the_whole_lines_are_taken_in(world: World, form: str) -> None:
    world.setting("still_s = 1")
    for number, stem in enumerate("ab"):
        world.deliver(stem, seed=number)
    path = world.gather(form)
    whole = path.read_bytes()
    cut = whole.rstrip(b"\r\n")[:-40]
    path.write_bytes(cut)
    with writing(path, b""):
        done = threading.Event()
        thread = threading.Thread(target=lambda: [os.utime(path) for _ in iter(lambda: done.wait(0.02), True)])
        thread.start()
        told = ingest(world, exit=0)
        done.set()
        thread.join()
    assert (len(told["accepted"]), told["waiting"], denials(world)) == (1, [str(path)], [])
    path.write_bytes(whole)
    again = ingest(world, exit=0)
    assert (len(again["accepted"]), len(again["duplicates"]), left(world)) == (1, 1, set())


@pytest.mark.slow
def test_a_row_of_several_lines_that_is_still_written_is_not_refused(world: World) -> None:
    world.setting("still_s = 1")
    for number, stem in enumerate("ab"):
        world.deliver(stem, seed=number)
    path = world.gather("calls.csv")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"pbx.b", b'"pbx.b\nand')[: whole.index(b"pbx.b") + 9])
    with writing(path, b""):
        done = threading.Event()
        thread = threading.Thread(target=lambda: [os.utime(path) for _ in iter(lambda: done.wait(0.02), True)])
        thread.start()
        told = ingest(world, exit=0)
        done.set()
        thread.join()
    assert (len(told["accepted"]), told["refused"], denials(world)) == (1, [], [])
    assert str(path) in told["waiting"]


def test_a_last_line_without_an_end_counts_where_nobody_writes(world: World) -> None:
    world.deliver("a")
    path = world.gather("calls.jsonl")
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert len(ingest(world, exit=0)["accepted"]) == 1


def test_a_run_does_not_wait_for_what_was_written_in_order(world: World) -> None:
    world.setting("still_s = 60")
    for number, stem in enumerate("abc"):
        world.deliver(stem, seed=number)
    assert len(ingest(world, exit=0)["accepted"]) == 3


@pytest.mark.slow
def test_one_run_waits_for_three_times_its_seconds_at_most(world: World) -> None:
    stillness, file = spool.Stillness(1, datetime.now(UTC)), world.base / "a.wav"
    began = time.monotonic()
    for _ in range(6):
        file.write_bytes(b"x")
        with spool.opened(spool.home_of(world.base), world.base, file.name) as (_, opened):
            pass
        file.write_bytes(b"xx")
        assert not stillness.of(opened)
    assert 2 < time.monotonic() - began < 4


def test_what_is_renamed_in_is_seen_only_under_its_name(world: World) -> None:
    path = world.deliver("a")
    path.rename(path.with_suffix(".json.part"))
    told = ingest(world, exit=0)
    assert (told["accepted"], len(told["unclaimed"])) == ([], 1)
    path.with_suffix(".json.part").rename(path)
    assert len(ingest(world, exit=0)["accepted"]) == 1


# -- what is still to come ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_the_sound_of_an_export_may_come_an_hour_later(
    world: World, name: str, clock: Callable[[datetime], None]
) -> None:
    world.spool.mkdir(exist_ok=True)
    approve(world, name)
    MAKERS[name](world.spool, Told(1))
    (sound,) = world.spool.rglob("*.wav")
    kept = sound.read_bytes()
    sound.unlink()
    now = datetime.now(UTC)
    for ahead in (timedelta(0), timedelta(minutes=59)):
        clock(now + ahead)
        told = ingest(world, "--map", name, exit=0)
        assert (len(told["waiting"]), told["refused"]) == (1, [])
    assert denials(world) == []
    clock(now + timedelta(minutes=61))
    assert [each["code"] for each in ingest(world, "--map", name, exit=3)["refused"]] == ["not_a_file"]
    sound.write_bytes(kept)
    assert len(ingest(world, "--map", name, exit=0)["accepted"]) == 1


def test_of_two_sides_of_a_call_one_may_come_an_hour_later(world: World, clock: Callable[[datetime], None]) -> None:
    world.deliver("a", audio={"caller": "a.wav", "agent": "b.wav"})
    (world.spool / "a.wav").write_bytes(tone_wav(0.5, channels=1))
    assert len(ingest(world, exit=0)["waiting"]) == 1
    clock(datetime.now(UTC) + timedelta(minutes=61))
    assert [each["code"] for each in ingest(world, exit=3)["refused"]] == ["not_a_file"]
    (world.spool / "b.wav").write_bytes(tone_wav(0.5, channels=1, seed=1))
    assert len(ingest(world, exit=0)["accepted"]) == 1


def test_our_own_manifest_is_the_last_that_is_written_so_a_missing_sound_is_refused_at_once(world: World) -> None:
    world.deliver("a")
    (world.spool / "a.wav").unlink()
    assert [each["code"] for each in ingest(world, exit=3)["refused"]] == ["not_a_file"]


# -- what was refused ---------------------------------------------------------------------------------

FAULTY = {"prompt_unknown": {"consent": {"prompt": "nb-1999-01"}}, "bad_metadata": {"team": 7}, "bad_audio": {}}


@pytest.mark.slow
@pytest.mark.parametrize("code", FAULTY)
@pytest.mark.parametrize("days", [7, 2])
def test_what_was_refused_leaves_the_spool_after_the_days_of_the_policy_and_its_reason_stays(
    world: World, code: str, days: int, clock: Callable[[datetime], None]
) -> None:
    if days != 7:
        put(world, f'version = "2026-03"\nspool_days = {days}\n')
    world.deliver("a", **FAULTY[code], **({"sound": b"RIFF"} if code == "bad_audio" else {}))
    now = datetime.now(UTC)
    assert [each["code"] for each in ingest(world, exit=3)["refused"]] == [code]
    clock(now + timedelta(days=days, minutes=-1))
    assert (ingest(world, exit=3)["removed"], left(world)) == ([], {"a.json", "a.wav"})
    (told,) = world.json("withdraw", "90000001", "--dry-run", who="skranke")["spool"] or [None]
    assert code == "bad_metadata" or told is not None
    clock(now + timedelta(days=days, minutes=1))
    assert [each["code"] for each in ingest(world, exit=3)["removed"]] == [code]
    assert left(world) == set()
    (entry,) = world.json("audit", "show", "--action", "ingest", "--outcome", "done", who="iver")["entries"]
    assert entry["detail"]["code"] == code
    assert world.json("status", who="iver")["refused"] == []


def test_a_call_that_is_mended_begins_anew(world: World, clock: Callable[[datetime], None]) -> None:
    path = world.deliver("a", consent={"prompt": "nb-1999-01"})
    now = datetime.now(UTC)
    ingest(world, exit=3)
    clock(now + timedelta(days=6))
    path.write_text(path.read_text("utf-8").replace("nb-1999-01", "nb-1998-01"), "utf-8")
    ingest(world, exit=3)
    clock(now + timedelta(days=8))
    ingest(world, exit=3)
    assert left(world) == {"a.json", "a.wav"}


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_that_nobody_carried_out_stays_beyond_those_days(
    world: World, clock: Callable[[datetime], None]
) -> None:
    world.spool.mkdir(exist_ok=True)
    (world.spool / "notice.json").write_text(json.dumps({"withdrawal": {"caller": "+4790000001"}}), "utf-8")
    ingest(world, exit=3)
    clock(datetime.now(UTC) + timedelta(days=20))
    world.json("purge", "--allow-large", who="cron")
    ingest(world, exit=3)
    assert left(world) == {"notice.json"}


@pytest.mark.rule("consent.withdraw")
def test_a_row_that_cannot_be_read_stays_as_it_may_be_a_withdrawal(
    world: World, clock: Callable[[datetime], None]
) -> None:
    world.spool.mkdir(exist_ok=True)
    (world.spool / "calls.jsonl").write_text('{"caller": "+47900\n', "utf-8")
    ingest(world, exit=3)
    clock(datetime.now(UTC) + timedelta(days=20))
    world.json("purge", "--allow-large", who="cron")
    assert ingest(world, exit=3)["removed"] == []
    assert left(world) == {"calls.jsonl"}


@pytest.mark.rule("consent.withdraw")
def test_it_is_told_by_when_a_refused_call_is_gone() -> None:
    now = datetime(2026, 10, 1, tzinfo=UTC)
    left_call = LeftCall("x", "prompt_unknown", now, now, said_no=False, stopped=False, since=now, stays=DAYS)
    assert left_call.leaves_at(now, None) == now + DAYS
    assert left_call.leaves_at(now, now + timedelta(hours=1)) == now
    assert left_call._replace(code="not_a_file", stays=timedelta(0)).leaves_at(now, None) == now + SOUND_WAITS


def test_status_tells_since_when_refused_calls_lie_there(world: World) -> None:
    world.deliver("a", consent={"prompt": "nb-1999-01"})
    ingest(world, exit=3)
    assert local_date(datetime.now(UTC)).isoformat() in world.run("status", who="iver").out
