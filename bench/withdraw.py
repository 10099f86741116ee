"""Withdraw with a key file: wall time of the whole command, on a quiet machine and on a loaded one."""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.machine import most
from bench.spool import fill, number_of
from bench.startup import PROGRAM, make_store

CALLS = 200
SOUND_BYTES = 16_000
TIMES = 5
LIMIT_S = 2.0


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
