"""The desk over a hundred thousand recordings, or with --million a million: its first list, and a call's first sound.

Its manager may hear every team, which is the most that the list has to look through. A request is timed as the page
sends it; the peer is `find` of the same newest fifty as a command, with its start and unlocking.
"""

from __future__ import annotations

import http.client
import json
import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bench import fill
from bench.fill import Filling, Yard
from bench.machine import most
from bench.scale import LIVED

SIZE = 100_000  # recordings
LIMIT_LIST_S, LIMIT_SOUND_S = 0.5, 0.3
TIMES = 9
LOOK: Final = {"purpose": "quality", "reason": "monthly talk with the team"}
FIRST: Final = "bytes=0-65535"  # that a browser asks for first
MILLION = {"SIZE": 1_000_000}
SMALLEST = {"SIZE": 40, "TIMES": 2}


def run() -> Iterator[str]:
    """The lines of a store of that size."""
    teams = max(1, SIZE // fill.RECORDINGS_PER_TEAM)
    with fill.yard() as where:
        words = ("--purpose", "quality", "--all-teams", "--reason", "responsible for quality")
        where.run("sigrid", "grant", "leif", *words)
        fill.fill(where, Filling(SIZE, datetime.now(UTC) - LIVED, LIVED, teams))
        found = statistics.median(_find(where) for _ in range(3))
        with _desk(where) as page:
            lists = [page.timed({"do": "show", "view": "calls", **LOOK}) for _ in range(TIMES)]
            rows = lists[0][1]["rows"]
            sounds = [_first_sound(page, row["id"]) for row in rows[:TIMES]]
    first, later = lists[0][0], statistics.median(seconds for seconds, _ in lists[1:])
    yield f"{SIZE} recordings, {teams} teams, {len(rows)} calls in the list"
    yield f"first list: {first:.3f} s, {most(first, LIMIT_LIST_S, ' s')}"
    yield f"later lists: {later:.3f} s, {later / found:.3f} of `find`"
    sound = statistics.median(sounds)
    yield f"first sound after the key, each call after another: {sound:.3f} s, {most(sound, LIMIT_SOUND_S, ' s')}"


def _find(where: Yard) -> float:
    begun = time.perf_counter()
    where.run("leif", "find", "--purpose", LOOK["purpose"], "--reason", LOOK["reason"], "--json")
    return time.perf_counter() - begun


class _Page(NamedTuple):
    """The page of a desk, entered."""

    address: str  # of this desk alone: HOST:PORT
    secret: str

    def timed(self, asked: dict[str, str]) -> tuple[float, Any]:
        """The seconds of a request, and its answer."""
        begun = time.perf_counter()
        told = json.loads(_post(self.address, f"/{self.secret}/ask", json.dumps(asked)))
        return time.perf_counter() - begun, told


def _post(address: str, path: str, body: str) -> bytes:
    connection = http.client.HTTPConnection(address, timeout=120)
    connection.request("POST", path, body, {"Origin": f"http://{address}"})
    answer = connection.getresponse().read()
    connection.close()
    return answer


@contextmanager
def _desk(where: Yard) -> Iterator[_Page]:
    """A desk that runs, with the connection that keeps it open."""
    words = [*where.words("leif", "desk", "--no-browser", "--purpose", LOOK["purpose"], "--reason", LOOK["reason"])]
    with subprocess.Popen(
        words, env=where.environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        try:
            assert run.stderr is not None
            found = re.search(r"http://([.:\d]+)/desk#(\S+)", run.stderr.readline())
            assert found is not None
            page = _Page(found[1], _post(found[1], "/enter", found[2]).decode())
            stays = http.client.HTTPConnection(page.address)
            stays.request("GET", f"/{page.secret}/events")
            events = stays.getresponse()
            yield page
            events.close()
            _post(page.address, f"/{page.secret}/close", "")
        except BaseException:
            run.kill()  # else leaving waits for it
            raise


def _first_sound(page: _Page, call: str) -> float:
    """The seconds from the request for a call until the first piece of its sound is here."""
    begun = time.perf_counter()
    _, told = page.timed({"do": "open", "kind": "call", "id": call, **LOOK})
    secret = _post(page.address, "/enter", told["url"].partition("#")[2]).decode()
    connection = http.client.HTTPConnection(page.address)
    connection.request("GET", f"/{secret}/sound", headers={"Range": FIRST})
    connection.getresponse().read()
    connection.close()
    return time.perf_counter() - begun
