"""Intake run by the telephone system, and what it left in the store, the spool and the log."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.support.world import World


def ingest(world: World, *more: str, exit: int | None = None) -> dict[str, Any]:
    result = world.run("ingest", str(world.spool), "--json", *more, who="telefon")
    assert exit is None or result.exit == exit, result
    assert result.exit in (0, 3), result
    return result.json


def problems(world: World) -> list[Any]:
    return world.json("verify", "--read-data", who="iver")["problems"]


def objects(world: World) -> set[str]:
    """Every file below the objects folder, half-written ones too."""
    return {one.name for one in (world.store / "objects").rglob("*") if one.is_file()}


def left(world: World) -> set[str]:
    """What still lies in the spool."""
    return {one.name for one in world.spool.iterdir()}


def denials(world: World) -> list[dict[str, Any]]:
    told = world.json("audit", "show", "--action", "ingest", "--outcome", "denied", who="iver")
    return told["entries"]


def withdraw(world: World, number: str) -> None:
    world.json("withdraw", number, "--yes", who="skranke")


def program(world: World, *words: str) -> tuple[list[str], dict[str, str]]:
    """The program as a process of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ARLO_REC_", "XDG_"))}
    environment |= world._environment() | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(Path.cwd())}
    return [sys.executable, "-m", "arlo_rec", *words, "--key-file", str(world.key("telefon"))], environment


class Meanwhile:
    """An intake that happens in the middle of the work of another process, which calls `wait` there.

    After the block `code` is how it ended.
    """

    def __init__(self, world: World) -> None:
        self._world, self._begun, self._ended = world, world.base / "begun", multiprocessing.Event()
        self._thread = threading.Thread(target=self._ingest)
        self.code: int | None = None

    def __enter__(self) -> Meanwhile:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def wait(self) -> None:
        self._begun.touch()
        self._ended.wait(20)

    def _ingest(self) -> None:
        late = time.monotonic() + 20
        while not self._begun.exists():
            if time.monotonic() > late:
                return
        words, environment = program(self._world, "ingest", str(self._world.spool))
        self.code = subprocess.run(words, env=environment, check=False, capture_output=True).returncode
        self._ended.set()
