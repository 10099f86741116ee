"""What each command takes of processor and memory in stores of two sizes, with the catalogue in its file.

What does not grow has the same figures in both columns; for what grows, the last column says by how much a recording.
Whole commands, once each; memory is of the largest process. docs/scale.md says what follows for ten million.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bench import fill
from bench.fill import Filling, Yard
from bench.machine import Watched, watch
from bench.recovery import WITHOUT_FEED
from bench.spool import fill as fill_spool
from bench.spool import number_of

SIZES = (20_000, 100_000)
CALLS, SOUND_BYTES = 400, 48_000  # of an intake
DUE = 1_000  # recordings of a purge
LIVED = timedelta(days=89)
SMALLEST = {"SIZES": (40, 80), "CALLS": 4, "SOUND_BYTES": 8_000, "DUE": 8}


def run() -> Iterator[str]:
    """A line for each command."""
    found: list[dict[str, Watched]] = []
    for size in SIZES:
        with fill.yard() as where:
            team = ("--purpose", "quality", "--team", fill.team(0), "--reason", "responsible for quality")
            where.run("sigrid", "grant", "leif", *team, "--may-export")
            fill.fill(where, Filling(size, datetime.now(UTC) - LIVED, LIVED, max(1, size // fill.RECORDINGS_PER_TEAM)))
            bytes_each = (where.store / "catalogue.db").stat().st_size / size
            yield f"{size} recordings: {bytes_each:.0f} bytes of catalogue each; load {os.getloadavg()[0]:.0f}"
            found.append({what: watch(words, more) for what, words, more in _commands(where)})
    small, large = found
    yield f"| command | CPU s of {SIZES[0]} | of {SIZES[1]} | MB | MB | CPU µs a recording |"
    yield "|---|---|---|---|---|---|"
    for what, few in small.items():
        many = large[what]
        slope = 1e6 * (many.cpu - few.cpu) / (SIZES[1] - SIZES[0])
        yield f"| {what} | {few.cpu:.2f} | {many.cpu:.2f} | {few.megabytes:.0f} | {many.megabytes:.0f} | {slope:.1f} |"


def _commands(where: Yard) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """What is run, each made ready when it is asked for."""
    more = where.environment
    day = f"{datetime.now(UTC) - timedelta(days=9):%Y-%m-%d}"
    find = ("find", "--purpose", "quality", "--reason", "monthly talk with the team", "--from", day, "--to", day)
    yield "status", where.words("kontroll", "status"), more
    yield "find of one team's day", where.words("leif", *find, "--team", fill.team(0)), more
    yield f"ingest of {CALLS}", where.words("telefon", "ingest", str(_spool(where)), "--keep-source"), more
    yield "withdraw of one caller", where.words("skranke", "withdraw", number_of(3), "--yes"), more
    now = datetime.now(UTC)
    fill.fill(where, Filling(DUE, now - timedelta(days=91), timedelta(hours=23), 1, first_caller=10**9, named=0))
    yield f"purge of {DUE}", where.words("cron", "purge", "--allow-large"), more
    yield "audit verify", where.words("kontroll", "audit", "verify"), more
    yield "verify", where.words("kontroll", "verify"), more
    yield "verify --read-data", where.words("kontroll", "verify", "--read-data"), more
    places = (str(where.base / "backup"), "--escrow", str(where.base / "ring"))
    yield "backup", where.words("sigrid", "backup", *places), more
    yield "backup again", where.words("sigrid", "backup", *places), more
    elsewhere = {**more, "ARLO_REC_STORE": str(where.base / "restored")}
    yield "restore", where.words("sigrid", "restore", *places, "--yes", *WITHOUT_FEED), elsewhere


def _spool(where: Yard) -> str:
    folder = fill_spool(where.base / "spool", CALLS, CALLS // 4, SOUND_BYTES, first_caller=fill.NAMED)
    return str(folder)
