"""Whoever holds a lock of the store, by a command or a bare handle, while a customer waits on the telephone."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arlo_rec.keys import layout
from tests.support.attack import identity, rob
from tests.support.world import World, assert_clean

SINCE = "2026-01-01T00:00:00Z"
NOTES = {
    "escape sequences": json.dumps({"name": "\x1b[2J\u202eleif", "command": "\x07", "pid": 0, "since": SINCE}),
    "a long name": json.dumps({"name": "n" * 300, "command": "c", "pid": 0, "since": SINCE}),
    "another type": json.dumps({"name": ["x"], "command": {}, "pid": "7", "since": 7}),
    "a number of no process": json.dumps({"name": "leif", "command": "find", "pid": -1, "since": SINCE}),
    "no JSON": "name=leif",
    "a megabyte": "[" * (1 << 20),
}


@contextmanager
def holding(path: Path, kind: int = fcntl.LOCK_EX) -> Iterator[int]:
    """Hold a lock as any member of the store's group can, without a key."""
    handle = os.open(path, os.O_RDWR)
    fcntl.flock(handle, kind)
    try:
        yield handle
    finally:
        os.close(handle)


@pytest.fixture
def hurried(world: World) -> World:
    """A world in which nobody waits 20 seconds."""
    config = world.base / "config.toml"
    config.write_text("lock_wait_s = 0\n", "utf-8")
    world.environment["ARLO_REC_CONFIG"] = str(config)
    return world


@pytest.mark.parametrize("place", ["root/lock", "store/open.lock"])
def test_a_withdrawal_that_waits_in_vain_says_who_holds_the_store_though_they_left_no_note(
    hurried: World, place: str
) -> None:
    path = hurried.root / "lock" if place == "root/lock" else hurried.store / "open.lock"
    path.write_bytes(b"")
    with holding(path):
        result = hurried.run("withdraw", "90000001", "--yes", "--json", who="siri")
    assert (result.exit, result.json["error"]["code"]) == (11, "in_use")
    assert f"process {os.getpid()} of login account" in result.json["error"]["message"]


def test_a_command_that_holds_it_is_named_with_person_command_and_time(hurried: World) -> None:
    hurried.take_in("call")
    path = hurried.root / "lock"
    note = json.loads(path.read_bytes())
    assert (note["name"], note["command"], note["pid"]) == ("telefon", "ingest", os.getpid())
    with holding(path):
        result = hurried.run("withdraw", "90000001", "--yes", who="siri")
    assert f"ingest by telefon, process {os.getpid()} of login account" in result.err
    assert note["since"] in result.err


@pytest.mark.parametrize("note", NOTES)
def test_what_somebody_writes_into_a_lock_file_is_shown_bounded_and_harmless_or_not_at_all(
    hurried: World, note: str
) -> None:
    path = hurried.root / "lock"
    path.write_text(NOTES[note].replace('"pid": 0', f'"pid": {os.getpid()}'), "utf-8")
    with holding(path):
        result = hurried.run("withdraw", "90000001", "--yes", who="siri")
    assert result.exit == 11
    assert_clean(result)
    assert len(result.err) < 500
    assert ("leif" in result.err) == (note == "escape sequences")


def test_a_note_that_blames_another_process_is_not_believed(hurried: World) -> None:
    path = hurried.root / "lock"
    path.write_text(json.dumps({"name": "leif", "command": "find", "pid": 1, "since": "2026-01-01T00:00:00Z"}), "utf-8")
    with holding(path):
        result = hurried.run("withdraw", "90000001", "--yes", who="siri")
    assert "leif" not in result.err and f"process {os.getpid()}" in result.err


def test_a_note_is_written_into_no_file_that_holds_something(world: World) -> None:
    before = (world.root / "root").stat().st_size, (world.root / "seen").stat().st_size
    world.take_in("call")
    world.json("withdraw", "90000001", "--yes", who="siri")
    assert ((world.root / "root").stat().st_size, (world.root / "seen").stat().st_size) == before
    assert len((world.root / "lock").read_bytes()) < 512
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.rule("access.need")
@pytest.mark.parametrize("service", [False, True])
def test_who_could_not_be_added_because_somebody_held_the_root_opens_nothing(hurried: World, service: bool) -> None:
    add = ["person", "add", "eve", "--role", "auditor"]
    add += ["--service", "--key-out", str(hurried.key("eve"))] if service else []
    add += [] if service else ["--new-passphrase-file", str(hurried.base / "passphrase")]
    with holding(hurried.root / "lock"):
        assert hurried.run(*add, who="sigrid").exit == 11
    assert not list((hurried.store / "seals").glob(layout.find(hurried.store).seal_file("eve").name))
    assert not hurried.key("eve").exists()
    assert hurried.run(*add, who="sigrid").exit == 0, "and it can be tried again"
    assert rob(layout.find(hurried.store), identity(hurried, "eve")).catalogue
