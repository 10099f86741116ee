"""A store that was filled minute by minute: what a grant of all teams, its end, a search and the seals cost then.

Every call is a commit of its own, so that there are as many keys as calls: the worst that 90 days bring. Three teams
have two managers each, to whom every key is sealed. Ten days of them, or with --million the ninety, which take some ten
minutes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from arlo_rec.law.model.progress import Progress
from arlo_rec.office import grants
from arlo_rec.store import open_store
from arlo_rec.vault.keys import key_files, layout
from arlo_rec.vault.keys.root_secret import StateFolder
from arlo_rec.vault.opened import Store
from bench import fill
from bench.fill import Filling, Yard
from bench.machine import most

LIVED = timedelta(days=90) - timedelta(hours=2)
SIZE = 14_400  # commits, of a call each
TEAMS = 3
DAY = 1440  # calls
MANAGERS = 2  # of each team, with live grants while it is filled
WHY = ("--reason", "responsible for quality")
LIMIT_GRANT_S, LIMIT_REVOKE_S, LIMIT_LOCK_S = 60, 2, 2
MILLION = {"SIZE": 129_600}  # a call a minute
SMALLEST = {"SIZE": 12, "TEAMS": 1, "MANAGERS": 1, "DAY": 4}
SEALS = {
    "commit keys": "SELECT count(*), sum(length(id) + length(access_key) + length(sealed)) FROM commit_keys",
    "audience keys": "SELECT count(*), sum(length(id) + length(commit_key) + length(wrapped)) FROM audience_keys",
    "seals to grants": "SELECT count(*), sum(length(audience_key) + length(sealed)) FROM audience_seals",
    "wrapped for a later grant": "SELECT count(*), sum(length(audience_key) + length(wrapped)) FROM audience_wraps",
}


def run() -> Iterator[str]:
    """Times of whole calls of the program's functions, with a store that is open."""
    with fill.yard() as where:
        for number in range(TEAMS * MANAGERS):
            name, team = f"manager-{number}", fill.team(number % TEAMS)
            secret = str(where.base / "passphrase")
            where.run("sigrid", "person", "add", name, "--role", "manager", "--new-passphrase-file", secret)
            where.run("sigrid", "grant", name, "--purpose", "quality", "--team", team, *WHY)
        begun, now = time.perf_counter(), datetime.now(UTC)
        fill.fill(where, Filling(SIZE, now - LIVED, LIVED, TEAMS, batch=1))
        megabytes = (where.store / "catalogue.db").stat().st_size / 1e6
        yield f"{SIZE} calls in as many commits, {TEAMS} teams, {MANAGERS} managers each"
        yield f"filled in {time.perf_counter() - begun:.0f} s; catalogue {megabytes:.0f} MB"
        yield from _grant(where)
        yield from _find_and_end(where)


def _grant(where: Yard) -> Iterator[str]:
    terms = grants.Terms("leif", "quality", None, datetime.now(UTC) + timedelta(days=30), WHY[1])
    with _opened(where, "sigrid") as store:
        locks, told = _Locks(store), list[Progress]()
        begun = time.perf_counter()
        grants.grant(store, terms, datetime.now(UTC), told.append)
        elapsed = time.perf_counter() - begun
        yield _line("grant of all teams", elapsed, LIMIT_GRANT_S)
        yield _line("its longest transaction", locks.longest, LIMIT_LOCK_S)
        yield f"progress was told {len(told)} times, at last {told[-1].done} of {told[-1].total}"
        for name, sql in SEALS.items():
            count, size = store.db.rows(sql)[0]
            yield f"{name}: {count}, {(size or 0) / 1e6:.0f} MB of keys and ids"


def _find_and_end(where: Yard) -> Iterator[str]:
    day = f"{datetime.now(UTC) - timedelta(days=9):%Y-%m-%d}"
    words = ("find", "--purpose", "quality", *WHY, "--from", day, "--to", day, "--json")
    for who in ("leif", "manager-0"):
        begun = time.perf_counter()
        found = len(json.loads(where.run(who, *words))["recordings"])
        yield f"find of a day by {who}, {found} hits in as many commits: {time.perf_counter() - begun:.2f} s"
    with _opened(where, "sigrid") as store:
        locks, begun = _Locks(store), time.perf_counter()
        grants.revoke(store, "leif", None, datetime.now(UTC))
        yield _line("revocation of that grant", time.perf_counter() - begun, LIMIT_REVOKE_S)
        yield _line("its longest transaction", locks.longest, LIMIT_LOCK_S)
    begun = time.perf_counter()
    where.run("skranke", "withdraw", fill.number_of(0), "--yes", "--json")
    yield f"withdraw of one caller's {fill.CALLS_OF_CALLER} calls: {time.perf_counter() - begun:.2f} s"
    day = Filling(DAY, datetime.now(UTC) - timedelta(days=91), timedelta(hours=23), TEAMS, first_caller=10**6, batch=1)
    fill.fill(where, day)
    begun = time.perf_counter()
    erased = json.loads(where.run("cron", "purge", "--allow-large", "--json"))["erased"]
    yield f"purge of {erased} calls in as many commits: {time.perf_counter() - begun:.2f} s"
    begun = time.perf_counter()
    problems = json.loads(where.run("kontroll", "verify", "--json"))["problems"]
    yield f"verify: {time.perf_counter() - begun:.1f} s, {len(problems)} problems"


def _line(what: str, seconds: float, limit: float) -> str:
    return f"{what}: {seconds:.2f} s, {most(seconds, limit, ' s')}"


@dataclass
class _Locks:
    """How long each write transaction of a store lasts."""

    store: Store
    longest: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        connection: Any = self.store.db
        writing = connection.writing

        @contextmanager
        def timed() -> Iterator[None]:
            with writing():
                begun = time.perf_counter()
                yield
            self.longest = max(self.longest, time.perf_counter() - begun)

        connection.writing = timed


@contextmanager
def _opened(where: Yard, who: str) -> Iterator[Store]:
    place = layout.find(where.store)
    identity = key_files.unlock(place, who, fill.PASSPHRASE.encode())
    with open_store(place, identity, datetime.now(UTC), StateFolder(None)) as store:
        yield store
