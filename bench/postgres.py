"""The catalogue in PostgreSQL beside the one in a file: the same calls and commands, each round beside the other's.

The server runs on this machine, flushes each commit, and is reached by its socket; CPU is of the program and of the
server. What a network costs is measured apart: the same command goes over a line that counts its round trips and makes
each a millisecond longer. Objects, root secret and locks are the same on both sides.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from bench import fill
from bench.fill import Filling, Yard
from bench.machine import NotRun, most
from bench.spool import fill as fill_spool
from bench.spool import number_of
from tests.support import postgres
from tests.support.line import Line, line
from tests.support.postgres import Postgres

HELD = 1_000  # recordings
CALLS, SOUND_BYTES = 200, 48_000  # of an intake: three seconds of stereo G.711
DUE = 500  # recordings of a purge
ROUNDS = 3
LIVED = timedelta(days=89)
MILLISECOND = 0.001
MOST_INTAKE, MOST_FIND, MOST_STARTED = 1.43, 2.0, 2.0  # times the processor seconds of the file
_TICKS = os.sysconf("SC_CLK_TCK")
_TALK = ("--purpose", "quality", "--reason", "monthly talk with the team")
SMALLEST = {"HELD": 40, "CALLS": 4, "SOUND_BYTES": 8_000, "DUE": 4, "ROUNDS": 1}


class Spent(NamedTuple):
    """What a command took: seconds on the clock, of processors by the program and by the server, and round trips."""

    wall: float
    program: float
    server: float
    trips: int = 0  # by a line
    waited: float = 0.0  # seconds, for the line


@dataclass
class Side:
    """A store, and the server of its catalogue where it has one."""

    where: Yard
    server: Postgres | None = None
    line: Line | None = None
    round: int = 0

    def commands(self) -> dict[str, Callable[[], Spent]]:
        """What is measured, in order; each prepares itself before the clock runs."""
        day = f"{datetime.now(UTC) - timedelta(days=9):%Y-%m-%d}"
        find = ("find", *_TALK, "--team", fill.team(0), "--from", day, "--to", day)
        return {
            "status": partial(self._spend, "kontroll", "status", "--json"),
            "find": partial(self._spend, "leif", *find),
            "export of one": partial(self._export, find),
            f"ingest of {CALLS}": self._ingest,
            "withdraw of one caller": self._withdraw,
            f"purge of {DUE}": self._purge,
            "verify": partial(self._spend, "kontroll", "verify", "--json"),
            "audit verify": partial(self._spend, "kontroll", "audit", "verify", "--json"),
            "backup": self._backup,
        }

    def _spend(self, who: str, *words: str) -> Spent:
        os.sync()
        trips, waited = (self.line.trips, self.line.waited) if self.line is not None else (0, 0.0)
        before, mine, begun = self._of_server(), os.times(), time.perf_counter()
        self.where.run(who, *words)
        wall, after = time.perf_counter() - begun, os.times()
        time.sleep(0.1)  # until the server's process of this connection is gone, and counted
        spent = Spent(wall, sum(after[2:4]) - sum(mine[2:4]), self._of_server() - before)
        if self.line is not None:
            spent = spent._replace(trips=self.line.trips - trips, waited=self.line.waited - waited)
        return spent

    def _of_server(self) -> float:
        """Processor seconds of the server: of its first process, those that ended, and those that run."""
        if self.server is None:
            return 0.0
        first = int((Path(self.server.data) / "postmaster.pid").read_text().split()[0])
        return sum(_seconds(process, first) for process in Path("/proc").glob("[0-9]*"))

    def _export(self, find: tuple[str, ...]) -> Spent:
        found = json.loads(self.where.run("leif", *find, "--limit", "1", "--json"))["recordings"][0]["id"]
        return self._spend("leif", "export", found, *_TALK, "--out", str(self.where.base / f"{self._next()}.wav"))

    def _ingest(self) -> Spent:
        name = self._next()
        base, nobody_withdraws = self.where.base / name, fill.NAMED
        spool = fill_spool(base, CALLS, CALLS // 4, SOUND_BYTES, source=name, first_caller=nobody_withdraws)
        return self._spend("telefon", "ingest", str(spool), "--keep-source")

    def _withdraw(self) -> Spent:
        self._next()
        return self._spend("skranke", "withdraw", number_of(self.round % fill.NAMED), "--yes")

    def _purge(self) -> Spent:
        now, day = datetime.now(UTC), timedelta(hours=23)
        fill.fill(self.where, Filling(DUE, now - timedelta(days=91), day, 1, first_caller=10**9, named=0))
        return self._spend("cron", "purge", "--allow-large", "--json")

    def _backup(self) -> Spent:
        to = self.where.base / self._next()
        return self._spend("sigrid", "backup", str(to), "--escrow", f"{to}-ring")

    def _next(self) -> str:
        self.round += 1
        return f"round-{self.round}"


def run() -> Iterator[str]:
    """Medians of ROUNDS; then each command once by the line."""
    if reason := postgres.lacking(postgres.NEWEST):
        raise NotRun(reason)
    with postgres.running(postgres.NEWEST, "fsync=on") as server:
        yield server.run("postgres", "--version").stdout.strip()
        with tempfile.TemporaryDirectory(prefix="arlo-bench-") as folder:
            yield from _compared(Path(folder), server)


def _compared(base: Path, server: Postgres) -> Iterator[str]:
    database = server.database()
    sides = (_made(base / "file"), _made(base / "database", server, database))
    size = (sides[0].where.store / "catalogue.db").stat().st_size
    asked = server.run("psql", *server.way(database), "-t", "-c", f"SELECT pg_database_size('{database}')").stdout
    yield f"{HELD} recordings; load {os.getloadavg()[0]:.0f}, medians of {ROUNDS}"
    yield f"catalogue: {size / 1e6:.1f} MB in a file, {int(asked) / 1e6:.1f} MB in the database"
    yield "| command | file: s | CPU s | database: s | CPU s | of the server | times: s | CPU s |"
    yield "|---|---|---|---|---|---|---|---|"
    ways = [side.commands() for side in sides]
    ratios = {}
    for what in ways[0]:
        rounds = [[way[what]() for way in ways] for _ in range(ROUNDS)]
        file, there = (Spent(*map(statistics.median, zip(*spent, strict=True))) for spent in zip(*rounds, strict=True))
        wall = statistics.median(theirs.wall / ours.wall for ours, theirs in rounds)
        ratios[what] = statistics.median((theirs.program + theirs.server) / ours.program for ours, theirs in rounds)
        yield (
            f"| {what} | {file.wall:.2f} | {file.program:.2f} | {there.wall:.2f} | {there.program:.2f} "
            f"| {there.server:.2f} | {wall:.2f} | {ratios[what]:.2f} |"
        )
    yield ""
    for what, limit in ((f"ingest of {CALLS}", MOST_INTAKE), ("find", MOST_FIND), ("status", MOST_STARTED)):
        yield f"{what}: {ratios[what]:.2f} times the processor seconds of the file, {most(ratios[what], limit)}"
    yield from _over_a_line(sides[1], server)


def _made(base: Path, server: Postgres | None = None, database: str = "") -> Side:
    base.mkdir()
    where = fill.make_yard(base, *(("--catalogue", server.address(database)) if server is not None else ()))
    team = ("--purpose", "quality", "--team", fill.team(0), "--reason", "responsible for quality", "--may-export")
    where.run("sigrid", "grant", "leif", *team)
    fill.fill(where, Filling(HELD, datetime.now(UTC) - LIVED, LIVED, 1))
    return Side(where, server)


def _over_a_line(side: Side, server: Postgres) -> Iterator[str]:
    """Each command over a line: how often it waits for the server, and how long for a millisecond more each time."""
    yield "| command | round trips | s, with a millisecond more for each | of which the line takes |"
    yield "|---|---|---|---|"
    with _behind(side, server) as side.line:
        side.line.delay = MILLISECOND
        for what, command in side.commands().items():
            spent = command()
            yield f"| {what} | {spent.trips} | {spent.wall:.2f} | {spent.waited:.2f} |"


@contextmanager
def _behind(side: Side, server: Postgres) -> Iterator[Line]:
    """Have a store reach its server by a line."""
    file = side.where.store / "store.toml"
    before = file.read_text("utf-8")
    with line(server.socket) as between:
        ours, lines = (quote(str(folder), safe="") for folder in (server.folder, between.folder))
        file.write_text(before.replace(ours, lines), "utf-8")
        yield between
    file.write_text(before, "utf-8")


def _seconds(process: Path, first: int) -> float:
    """Processor seconds of a process of the server, and of those that it has seen end; none of any other."""
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended
        return 0.0
    is_of_server = first in (int(process.name), int(fields[1]))
    return sum(int(field) for field in fields[11:15]) / _TICKS if is_of_server else 0.0
