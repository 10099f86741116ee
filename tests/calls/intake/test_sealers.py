"""Large intakes, whose sounds are sealed in processes of their own: as small ones, and however such a process ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.calls.intake import sealing
from arlo_rec.calls.intake.run import FEW
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.sound.processes.workers import SIDES, Workers
from tests.support.compressed import SOUNDFILE
from tests.support.intake import ingest, left, objects, problems
from tests.support.world import World

LARGE = FEW + 5
encrypt = sealing._encrypt


@pytest.fixture
def large(world: World) -> World:
    """A store with a spool of more calls than are sealed in threads."""
    for number in range(LARGE):
        world.deliver(f"call{number:02}", seconds=0.01, seed=number)
    return world


def in_a_process(monkeypatch: pytest.MonkeyPatch, at: int, what: Callable[[], object]) -> None:
    """Have a process that seals do something before its so-manieth call."""
    here, calls = os.getpid(), list[int]()

    def disturbed(*words: Any) -> Any:
        calls.append(os.getpid())
        if os.getpid() != here and len(calls) == at:
            what()
        return encrypt(*words)

    monkeypatch.setattr(sealing, "_encrypt", disturbed)


def assert_taken_in_by_the_next_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost and nothing half done."""
    assert not multiprocessing.active_children()
    monkeypatch.setattr(sealing, "_encrypt", encrypt)
    taken = {one["id"] for one in ingest(world, exit=0)["accepted"]}
    assert len(taken) == LARGE and objects(world) == taken
    assert (left(world), problems(world)) == (set(), [])


def test_a_large_intake_is_told_in_the_order_of_the_calls_and_refuses_as_a_small_one_does(
    large: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sounds that are refused, one that is here already, and one that is decoded: each is told with its reason."""
    first = large.json("ingest", str(large.spool / "call03.json"), "--keep-source", who="telefon")["accepted"][0]["id"]
    where = Path(large.base / "where")
    large.deliver("call07", sound=b"RIFF and no more")
    large.deliver("call11", sound=SOUNDFILE["flac"][1]())

    def noted(*words: Any) -> Any:
        with where.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return encrypt(*words)

    monkeypatch.setattr(sealing, "_encrypt", noted)
    told = ingest(large, exit=3)
    assert [one["source_id"] for one in told["accepted"]] == [
        f"pbx.call{number:02}" for number in range(LARGE) if number not in (3, 7)
    ]
    assert [(one["source_id"], one["code"], one["why"]) for one in told["refused"]] == [
        ("pbx.call07", "bad_audio", "not_wave")
    ]
    assert [one["id"] for one in told["duplicates"]] == [first]
    worked = where.read_text().split()
    assert len(worked) == LARGE - 2 and len(set(worked)) == SIDES and str(os.getpid()) not in worked
    assert problems(large) == [] and not multiprocessing.active_children()


def test_a_process_that_is_killed_loses_nothing(large: World, monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_process(monkeypatch, 3, lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert large.code("ingest", str(large.spool), who="telefon") == (16, "worker_ended")
    assert not objects(large)
    assert_taken_in_by_the_next_run(large, monkeypatch)


def test_a_disk_that_fails_in_a_process_is_told_as_it_is_elsewhere(
    large: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise Unreachable("no_space")

    in_a_process(monkeypatch, 3, fail)
    assert large.code("ingest", str(large.spool), who="telefon") == (16, "no_space")
    assert not objects(large)
    assert_taken_in_by_the_next_run(large, monkeypatch)


def test_where_a_bug_in_a_process_happened_is_kept(large: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble() -> None:
        raise LookupError(str(large.base))

    in_a_process(monkeypatch, 3, stumble)
    assert large.code("ingest", str(large.spool), who="telefon") == (1, "bug")
    kept = (large.base / "state" / "arlo-rec" / "errors.log").read_text("utf-8")
    assert "in stumble" in kept and "in _done" in kept
    assert str(large.base) not in kept
    assert_taken_in_by_the_next_run(large, monkeypatch)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_reaches_the_intake_and_its_processes_and_takes_back_what_was_begun(
    large: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = large.base / "pressed"

    def press() -> None:
        with suppress(FileExistsError):
            once.touch(exist_ok=False)
            os.kill(os.getppid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)

    in_a_process(monkeypatch, 3, press)
    assert large.code("ingest", str(large.spool), who="telefon") == (130, "interrupted")
    assert not objects(large)
    assert_taken_in_by_the_next_run(large, monkeypatch)


def test_no_process_outlives_an_intake_that_is_killed(large: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They hold its lock, so that nobody cleans up what one of them may still write."""
    told = large.base / "working"

    def linger() -> None:
        with told.open("a") as file:
            file.write(f"{os.getpid()} ")
        time.sleep(60)

    in_a_process(monkeypatch, 3, linger)
    words = ("ingest", str(large.spool))
    killed = multiprocessing.get_context("fork").Process(target=large.run, args=words, kwargs={"who": "telefon"})
    killed.start()
    working = awaited(lambda: told.read_text().split() if told.exists() else [], SIDES)
    killed.kill()
    killed.join()
    awaited(lambda: [pid for pid in working if not is_running(pid)], SIDES)
    assert_taken_in_by_the_next_run(large, monkeypatch)


def awaited(look: Callable[[], list[str]], count: int) -> list[str]:
    """What *look* gives as soon as it gives so many, within ten seconds."""
    until = time.monotonic() + 10
    while len(found := look()) < count:
        assert time.monotonic() < until, found
        time.sleep(0.01)
    return found


def is_running(pid: str) -> bool:
    """Whether a process is there that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_ctrl_c_just_as_a_part_is_ordered_takes_back_what_comes_late(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows the future of the part whose order was cut off; its objects come all the same."""
    submit, seal = Workers.submit, sealing.Sealer.seal

    def late(*order: Any) -> Any:
        time.sleep(0.3)
        return seal(*order)

    def cut_off(self: Workers[Any, Any], order: Any) -> Any:
        submit(self, order)
        raise KeyboardInterrupt

    for stem in ("a", "b"):
        world.deliver(stem)
    with monkeypatch.context() as patch:
        patch.setattr(Workers, "submit", cut_off)
        patch.setattr(sealing.Sealer, "seal", late)
        assert world.run("ingest", str(world.spool), who="telefon").exit == 130
    assert not objects(world)
    assert len(world.json("ingest", str(world.spool), who="telefon")["accepted"]) == 2
    world.json("purge", who="cron")
    assert world.json("verify", "--read-data", who="iver")["problems"] == []
