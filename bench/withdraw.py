"""Withdraw with a key file: wall time of the whole command, on a quiet machine and on a loaded one."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.machine import most, pairs
from bench.spool import fill, number_of
from bench.startup import PROGRAM, make_store

CALLS = 200
SOUND_BYTES = 16_000
TIMES = 5
LIMIT_S = 2.0
DOOR_LIMIT = 1.4  # times as long as without a door
SMALLEST = {"CALLS": 12, "TIMES": 1}


def run() -> Iterator[str]:
    """Medians and the slowest of TIMES, with CALLS recordings in the store and two of each caller withdrawn."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        environment, key = make_store(base)
        spool = fill(base / "spool", CALLS, CALLS // 2, SOUND_BYTES)
        words = [PROGRAM, "ingest", str(spool), "--key-file", str(base / "telefon.key")]
        subprocess.run(words, check=True, env=environment, stdout=subprocess.DEVNULL)
        numbers = iter(range(CALLS // 2))
        yield f"{CALLS} recordings; one caller's two calls withdrawn per run of wall time"
        for name, busy in (("quiet", 0), ("loaded: 4 busy processes per core", 4 * (os.cpu_count() or 1))):
            load = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(busy)]
            for process in load:
                process.start()
            times = [_withdraw(next(numbers), key, environment) for _ in range(TIMES)]
            for process in load:
                process.kill()
            limit = most(max(times), LIMIT_S, " s")
            yield f"{name}: median {statistics.median(times):.2f} s, slowest {max(times):.2f} s, {limit}"
        yield from _through_the_door(numbers, key, environment)


def _through_the_door(numbers: Iterator[int], key: str, environment: dict[str, str]) -> Iterator[str]:
    """The same through sudo, where it lets us, else through a pipe alone; each time beside one without a door."""
    asked = ["sudo", "-n", "true"]
    may = shutil.which("sudo") and subprocess.run(asked, check=False, stderr=subprocess.DEVNULL).returncode == 0
    way = "sudo -n" if may else "env"
    door = f"{way} {shlex.quote(PROGRAM)} serve --person skranke --store {environment['ARLO_REC_STORE']}"
    outside = {name: text for name, text in environment.items() if name != "ARLO_REC_STORE"} | {"ARLO_REC_VIA": door}
    through, direct, ratio = pairs(
        lambda: _withdraw(next(numbers), key, outside), lambda: _withdraw(next(numbers), key, environment), TIMES
    )
    yield f"through {way}: {through:.2f} s, without a door {direct:.2f} s, ratio {ratio:.2f}, {most(ratio, DOOR_LIMIT)}"


def _withdraw(number: int, key: str, environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    words = [PROGRAM, "withdraw", number_of(number), "--yes", "--json", "--key-file", key]
    done = subprocess.run(words, check=True, env=environment, stdout=subprocess.PIPE)
    elapsed = time.perf_counter() - begun
    assert json.loads(done.stdout)["erased"] == 2
    return elapsed


def _spin() -> None:
    while True:
        pass
