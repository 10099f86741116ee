"""A large store is verified in processes: what is found, and how it ends, is the same as in one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.model.strict_json import canonical
from arlo_rec.machine import verify
from tests.support import world as worlds
from tests.support.catalogue import vandal, vandalism
from tests.support.intake import Meanwhile
from tests.support.world import World


def remove_object(world: World) -> None:
    next(path for path in (world.store / "objects").rglob("*") if path.is_file()).unlink()


def lengthen_object(world: World) -> None:
    with next(path for path in (world.store / "objects").rglob("*") if path.is_file()).open("ab") as file:
        file.write(b"more")


def plant_object(world: World) -> None:
    (world.store / "objects" / "ab").mkdir(exist_ok=True)
    (world.store / "objects" / "ab" / ("ab" * 16)).write_bytes(b"nobody's")


def append_unclosed(world: World) -> None:
    """An entry that nobody signed says that everything was erased, and a row is gone."""
    with vandal(world) as db:
        (gone,) = db.rows("SELECT lower(hex(id)) FROM recordings ORDER BY rowid DESC LIMIT 1")[0]
        (last,) = db.rows("SELECT max(seq) FROM entries")[0]
        ((leaf,),) = db.rows("SELECT leaf FROM entries WHERE seq = ?", (last,))
        entry = {"action": "purge", "at": "2026-01-01T00:00:00Z", "detail": {}, "outcome": "done", "person": "cron"}
        body = canonical({**entry, "policy": "2026-01", "recordings": [gone], "rule": "retention.90d"})
        values = (last + 1, last + 1, body.decode(), leaf)
        db.run("INSERT INTO entries (seq, sealed, leaf) VALUES (?, sealed_entry(?, ?), ?)", values)
        db.run("DELETE FROM recordings WHERE rowid = (SELECT max(rowid) FROM recordings)")


def spoil_page(world: World) -> None:
    path = world.store / "catalogue.db"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 + 100] ^= 1
    path.write_bytes(bytes(raw))


DAMAGES: dict[str, Callable[[World], None]] = {
    "nothing": lambda _world: None,
    "an object is gone": remove_object,
    "an object is longer": lengthen_object,
    "an object of nobody": plant_object,
    "a row is changed": vandalism("UPDATE recordings SET team = 'salg'"),
    "a row is gone": vandalism("DELETE FROM recordings WHERE rowid = (SELECT max(rowid) FROM recordings)"),
    "a wrapped key is gone": vandalism("DELETE FROM shares"),
    "metadata is gone": vandalism("DELETE FROM metadata"),
    "an audience key is gone": vandalism("DELETE FROM audience_keys"),
    "a commit key is changed": vandalism("UPDATE commit_keys SET sealed = x'00'"),
    "a row that nobody reads": vandalism("UPDATE recordings SET started_at = 9e18"),
    "an entry that no checkpoint closes": append_unclosed,
    "a page": spoil_page,
}


def found(world: World, *more: str) -> Any:
    result = world.run("verify", "--json", *more, who="iver")
    told = result.json
    problems = [(problem["code"], problem["what"]) for problem in told.get("problems", ())]
    return result.exit, sorted(problems), told.get("error", {}).get("code")


@pytest.fixture(scope="module")
def held(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three calls that are held; never change it."""
    world = worlds.copy(template, tmp_path_factory.mktemp("held"))
    world.take_in("a", "b", "c")
    return world


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("more", [(), ("--read-data",)], ids=["quick", "whole"])
@pytest.mark.in_a_file
def test_the_same_is_found_in_processes_as_in_one(
    held: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, more: tuple[str, ...]
) -> None:
    world = worlds.copy(held, tmp_path)
    DAMAGES[damage](world)
    expected = found(world, *more)
    monkeypatch.setattr(verify, "MANY", 0)
    assert found(world, *more) == expected
    assert bool(expected[1] or expected[2]) is (damage != "nothing")
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_the_store_can_be_written_to_after_and_during_a_verification_in_processes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is taken in while a process is in the middle of its pass; nothing is reported, and nothing is lost."""
    world.take_in("a", "b")
    world.deliver("c")
    monkeypatch.setattr(verify, "MANY", 0)
    check, meanwhile = verify._inconsistencies, Meanwhile(world)

    def slow(store: Any) -> Any:
        meanwhile.wait()
        return check(store)

    monkeypatch.setattr(verify, "_inconsistencies", slow)
    with meanwhile:
        assert found(world) == (0, [], None)
    assert meanwhile.code == 0
    monkeypatch.setattr(verify, "_inconsistencies", check)
    assert found(world) == (0, [], None)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_the_processes_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in("a")

    def press(_store: Any) -> Any:
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(20)

    monkeypatch.setattr(verify, "MANY", 0)
    monkeypatch.setattr(verify, "_inconsistencies", press)
    assert world.code("verify", who="iver") == (130, "interrupted")
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_is_no_finding_and_no_all_clear(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in("a")
    monkeypatch.setattr(verify, "MANY", 0)
    monkeypatch.setattr(verify, "_inconsistencies", lambda _store: os.kill(os.getpid(), signal.SIGKILL))
    assert world.code("verify", who="iver") == (16, "worker_ended")
