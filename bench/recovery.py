"""Backup and restore of a hundred thousand calls, against `cp -r` of the same objects; and a grant of a team's calls.

Whole commands, with start and unlocking; objects of 3 kB, in the page cache. A backup also copies the catalogue, checks
each object against its row, and syncs all of it; `cp` syncs nothing. Nothing is deleted before the end: see `intake`.
The team of the grant has ten thousand held calls, each a commit of its own: as many keys as there can be.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import fill
from bench.fill import Filling, Yard
from bench.machine import least, most

CALLS, OF_A_TEAM = 100_000, 10_000
SOUND_BYTES = 400
LIVED = timedelta(days=89)
LEAST_BACKUP, LEAST_RESTORE = 0.5, 0.3  # of the speed of `cp -r`
WITHOUT_FEED = ("--accept-without-feed", "--reason", "a store of a measurement has no feed")
LIMIT_AGAIN_S, LIMIT_GRANT_S = 5, 3
SMALLEST = {"CALLS": 20, "OF_A_TEAM": 4}


def run() -> Iterator[str]:
    """Each way once."""
    with fill.yard() as where:
        fill.fill(where, Filling(CALLS, datetime.now(UTC) - LIVED, LIVED, 10, SOUND_BYTES))
        yield f"{CALLS} calls; objects of {_size(where.objects) / 1e6:.0f} MB"
        yield from _backup_and_restore(where)
    with fill.yard() as where:
        fill.fill(where, Filling(OF_A_TEAM, datetime.now(UTC) - LIVED, LIVED, 1, SOUND_BYTES, batch=1))
        team = ("--purpose", "quality", "--team", fill.team(0), "--reason", "responsible for quality")
        seconds = _timed(where.words("sigrid", "grant", "leif", *team), where.environment)
        yield f"grant of a team of {OF_A_TEAM} held calls: {seconds:.1f} s, {most(seconds, LIMIT_GRANT_S, ' s')}"


def _backup_and_restore(where: Yard) -> Iterator[str]:
    folder, ring = where.base / "backup", where.base / "ring"
    places = (str(folder), "--escrow", str(ring))
    os.sync()
    theirs = _timed(["cp", "-r", str(where.objects), str(where.base / "copy")], where.environment)
    os.sync()
    ours = _timed(where.words("sigrid", "backup", *places), where.environment)
    yield _against("backup", ours, theirs, LEAST_BACKUP)
    again = _timed(where.words("sigrid", "backup", *places), where.environment)
    yield f"backup again, of which nothing changed: {again:.1f} s, {most(again, LIMIT_AGAIN_S, ' s')}"
    os.sync()
    theirs = _timed(["cp", "-r", str(folder / "objects"), str(where.base / "second copy")], where.environment)
    os.sync()
    elsewhere = {**where.environment, "ARLO_REC_STORE": str(where.base / "restored")}
    ours = _timed(where.words("sigrid", "restore", *places, "--yes", *WITHOUT_FEED), elsewhere)
    yield _against("restore", ours, theirs, LEAST_RESTORE)


def _against(what: str, ours: float, theirs: float, limit: float) -> str:
    ratio = theirs / ours
    return f"{what}: {ours:.1f} s, `cp -r` {theirs:.1f} s: {ratio:.2f} of its speed, {least(ratio, limit)}"


def _timed(words: list[str], environment: Mapping[str, str]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True)
    elapsed = time.perf_counter() - begun
    assert done.returncode == 0, done
    return elapsed


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
