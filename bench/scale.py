"""What a store of a hundred thousand, or with --million a million, costs against one of ten thousand and `rm`.

Whole commands are measured, with start and unlocking. Stores are made in TMPDIR, one after the other.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import fill, machine
from bench.fill import DAY_OF_A_MILLION, Filling, Yard
from bench.machine import most
from bench.spool import number_of

SIZES = (10_000, 100_000)
LIVED = timedelta(days=89)  # nothing of it is due while we measure
TIMES = 9
PAIRS = 3
MINUTE_OF_SOUND = 240_000  # frames of two channels: 480 kB of object
LIMIT_GROWTH = 1.2  # times the smallest store's
LIMIT_PURGE, LIMIT_PURGE_OF_MINUTES = 3.0, 2.0  # times `rm` of the same files
LIMIT_VERIFY_S, LIMIT_VERIFY_MB = 40, 150  # of a million
LIMIT_AUDIT_S = 3
LIMIT_CHECK_S, LIMIT_METRICS_S = 0.3, 0.5  # of CPU
MILLION = {"SIZES": (*SIZES, 1_000_000)}
SMALLEST = {"SIZES": (40, 80), "TIMES": 1, "PAIRS": 1, "DAY_OF_A_MILLION": 8, "MINUTE_OF_SOUND": 8_000}


def run() -> Iterator[str]:
    """Each store's lines as they are measured, then the ratios."""
    figures: dict[int, dict[str, float]] = {}
    for size in SIZES:
        with fill.yard() as where:
            figures[size] = {}
            yield from _measure(where, size, figures[size], whole=size == SIZES[-1])
    yield from _ratios(figures)


def _measure(where: Yard, size: int, figures: dict[str, float], *, whole: bool) -> Iterator[str]:
    now, teams = datetime.now(UTC), max(1, size // fill.RECORDINGS_PER_TEAM)
    team = fill.team(0)
    where.run("sigrid", "grant", "leif", "--purpose", "quality", "--team", team, "--reason", "responsible for quality")
    begun = time.perf_counter()
    fill.fill(where, Filling(size, now - LIVED, LIVED, teams))
    megabytes = (where.store / "catalogue.db").stat().st_size / 1e6
    yield f"### {size} recordings, {teams} teams"
    yield f"filled in {time.perf_counter() - begun:.0f} s; catalogue {megabytes:.0f} MB"
    figures["status"] = _median(where, "kontroll", "status")
    yield f"status: {figures['status']:.2f} s"
    for what, words in (("check", ("check",)), ("metrics", ("metrics", "--out", str(where.base / "arlo-rec.prom")))):
        figures[f"{what} CPU"] = statistics.median(_cpu(where, *words) for _ in range(TIMES))
        yield f"{what}: {figures[f'{what} CPU']:.2f} s of CPU"
    figures["withdraw"] = statistics.median(_withdraw(where, caller) for caller in range(TIMES))
    yield f"withdraw of one caller's {fill.CALLS_OF_CALLER} calls: {figures['withdraw']:.3f} s"
    day = f"{now - timedelta(days=9):%Y-%m-%d}"
    words = ("find", "--purpose", "quality", "--reason", "monthly talk with the team", "--team", team)
    words = (*words, "--from", day, "--to", day)
    hits = len(json.loads(where.run("leif", *words, "--json"))["recordings"])
    figures["find"] = _median(where, "leif", *words)
    yield f"find of one team's day, {hits} hits: {figures['find']:.3f} s (its manager unlocks with a passphrase)"
    for name, command in (("audit verify", ("audit", "verify")), ("verify", ("verify",))):
        figures[name], figures[f"{name} MB"] = _heavy(where, *command)
        yield f"{name}: {figures[name]:.1f} s, {figures[f'{name} MB']:.0f} MB"
    pairs = [_purge_and_rm(where, teams, frames=200) for _ in range(PAIRS)]
    figures["purge"], figures["rm"] = (statistics.median(column) for column in zip(*pairs, strict=True))
    figures["purge to rm"] = _ratio(pairs)
    yield _purge_line("3 kB", pairs)
    if whole:
        pairs = [_purge_and_rm(where, teams, frames=MINUTE_OF_SOUND) for _ in range(PAIRS)]
        figures["purge of minutes to rm"] = _ratio(pairs)
        yield _purge_line("480 kB", pairs)


def _purge_line(size: str, pairs: list[tuple[float, float]]) -> str:
    times = ", ".join(f"{ours:.2f} s to {theirs:.2f} s" for ours, theirs in pairs)
    return f"purge of {DAY_OF_A_MILLION} objects of {size} to `rm` of copies in the same folders: {times}"


def _ratio(pairs: list[tuple[float, float]]) -> float:
    return statistics.median(ours / theirs for ours, theirs in pairs)


def _ratios(figures: dict[int, dict[str, float]]) -> Iterator[str]:
    small, large = min(figures), max(figures)
    smallest, largest = figures[small], figures[large]
    yield f"### {large} against {small}"
    yield "| | measured | limit |"
    yield "|---|---|---|"
    for what in ("withdraw", "find", "status", "purge"):
        yield _row(f"{what}, times that at {small}", largest[what] / smallest[what], LIMIT_GROWTH)
    for what, limit in (("check", LIMIT_CHECK_S), ("metrics", LIMIT_METRICS_S)):
        yield _row(f"{what}, s of CPU", largest[f"{what} CPU"], limit)
    yield _row("purge of a day of 480 kB, times `rm`", largest["purge of minutes to rm"], LIMIT_PURGE_OF_MINUTES)
    yield _row("purge of a day of 3 kB, times `rm`", largest["purge to rm"], LIMIT_PURGE)
    yield _row("verify, s", largest["verify"], LIMIT_VERIFY_S)
    yield _row("verify, MB", largest["verify MB"], LIMIT_VERIFY_MB)
    yield _row("audit verify, s", largest["audit verify"], LIMIT_AUDIT_S)
    yield f"### The same day of {DAY_OF_A_MILLION} objects of 3 kB in stores of every size"
    yield "| recordings beside it | purge, s | rm, s | purge less rm, s |"
    yield "|---|---|---|---|"
    for size, figure in figures.items():
        yield f"| {size} | {figure['purge']:.2f} | {figure['rm']:.2f} | {figure['purge'] - figure['rm']:.2f} |"


def _row(what: str, measured: float, limit: float) -> str:
    return f"| {what} | {measured:.2f} | {most(measured, limit)} |"


def _timed(where: Yard, who: str, *words: str) -> float:
    begun = time.perf_counter()
    where.run(who, *words, "--json")
    return time.perf_counter() - begun


def _median(where: Yard, who: str, *words: str) -> float:
    return statistics.median(_timed(where, who, *words) for _ in range(TIMES))


def _cpu(where: Yard, *words: str) -> float:
    """Seconds of processor time; the exit status is that of the findings."""
    before = os.times()
    subprocess.run(where.words("kontroll", *words), env=where.environment, stdout=subprocess.DEVNULL, check=False)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def _withdraw(where: Yard, caller: int) -> float:
    begun = time.perf_counter()
    answer = where.run("skranke", "withdraw", number_of(caller), "--yes", "--json")
    elapsed = time.perf_counter() - begun
    assert json.loads(answer)["erased"] == fill.CALLS_OF_CALLER
    return elapsed


def _heavy(where: Yard, *words: str) -> tuple[float, float]:
    """Seconds, and the largest memory of one process in MB."""
    watched = machine.watch(where.words("kontroll", *words, "--json"), where.environment)
    assert json.loads(watched.answer)["problems"] == [], watched
    return watched.seconds, watched.megabytes


def _purge_and_rm(where: Yard, teams: int, *, frames: int) -> tuple[float, float]:
    """Seconds for a day that is due, and for `rm` of copies of its files in the same folders; in either order."""
    now = datetime.now(UTC)
    day = timedelta(days=1) - timedelta(minutes=5)
    due = Filling(DAY_OF_A_MILLION, now - timedelta(days=91), day, teams, frames * 2, first_caller=10**9, named=0)
    names = [Path(name[:2]) / name for name in fill.fill(where, due)]
    copies = [name.parent / (name.parent.name + secrets.token_hex(15)) for name in names]
    for name, copy in zip(names, copies, strict=True):
        shutil.copyfile(where.objects / name, where.objects / copy)
    os.sync()
    if secrets.randbits(1):
        theirs = _rm(where, copies)
        os.sync()
        return _purge(where), theirs
    ours = _purge(where)
    os.sync()
    return ours, _rm(where, copies)


def _rm(where: Yard, names: list[Path]) -> float:
    begun = time.perf_counter()
    subprocess.run(["rm", "-f", "--", *map(str, names)], check=True, cwd=where.objects)
    return time.perf_counter() - begun


def _purge(where: Yard) -> float:
    begun = time.perf_counter()
    answer = json.loads(where.run("cron", "purge", "--allow-large", "--json"))
    elapsed = time.perf_counter() - begun
    assert (answer["erased"], answer["overdue"]) == (DAY_OF_A_MILLION, 0)
    return elapsed
