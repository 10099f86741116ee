"""Four people at once, for a while: the telephone, support, a manager, and the officer with cron.

A caller who withdrew never comes back in this play, though their calls from before are delivered late. From the
acknowledgement on, nothing of them may be listed, exported, answered or taken in; nobody waits long, and nobody sees
an error. What each was told is compared when all have ended.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.support import promises
from tests.support.attack import SECRETS, identity
from tests.support.promises import Scene, Told, demand
from tests.support.world import World

CALLERS = 12
LONGEST = 30.0  # seconds that a command may take
_ENDS = {"ingest": {0, 3}, "withdraw": {0}, "find": {0}, "export": {0, 13, 14}, "dsar": {0, 14}, "purge": {0}}
_REASON = ("--purpose", "quality", "--reason", "monthly quality talk")


@dataclass(frozen=True, slots=True)
class Done:
    """One command: what it was about, when it began and when it was over (seconds of the wall clock)."""

    what: str
    about: str
    begun: float
    over: float
    told: Told
    named: float | None = None  # when the file that it wrote got its name


@dataclass(frozen=True, slots=True)
class Played:
    """How the play went: commands by name, and the longest of each in seconds."""

    counts: dict[str, int]
    longest: dict[str, float]


def play(world: World, seconds: float, seed: int) -> Played:
    """Let the four work for some seconds, and compare; raises promises.Broken."""
    world.grant("leif", "quality")
    answers: Any = multiprocessing.get_context("fork").Queue()
    until = time.time() + seconds
    parts = (_telephone, _support, _manager, _officer)
    people = [
        multiprocessing.get_context("fork").Process(target=part, args=(world, until, random.Random(seed + at), answers))
        for at, part in enumerate(parts)
    ]
    for one in people:
        one.start()
    done: list[Done] = []
    left = len(people)
    while left:
        told = answers.get()
        left -= told is None
        done += [] if told is None else [told]
    for one in people:
        one.join()
    _compare(world, done)
    counts = {what: sum(one.what == what for one in done) for what in _ENDS}
    longest = {what: max((one.over - one.begun for one in done if one.what == what), default=0.0) for what in _ENDS}
    return Played(counts, longest)


def _person(part: Callable[[World, random.Random, int], Done | None]) -> Callable[..., None]:
    """Somebody who does one thing after another until the time is over, and tells of each."""

    def live(world: World, until: float, chance: random.Random, answers: SimpleQueue[Done | None]) -> None:
        count = 0
        while time.time() < until:
            done = part(world, chance, count)
            count += 1
            if done is not None:
                answers.put(done)
        answers.put(None)

    return live


@_person
def _telephone(world: World, chance: random.Random, count: int) -> Done:
    """Calls of a few callers, some delivered late."""
    callers = chance.sample(range(CALLERS), 3)
    spool = replace(world)
    for seed, caller in enumerate(callers):
        started = datetime.now(UTC) - timedelta(minutes=chance.choice((1, 60)))
        stem = f"{count}-{seed}-{caller}"
        spool.deliver(stem, caller=number(caller), started=started, seed=count * 3 + seed, seconds=0.2)
    return _do(world, "ingest", "", "telefon", "ingest", str(world.spool))


@_person
def _support(world: World, chance: random.Random, count: int) -> Done | None:
    """One caller after the other withdraws."""
    if count % 2 == 0:
        time.sleep(chance.random() * 3)
        return None
    caller = number(count // 2 % CALLERS)
    return _do(world, "withdraw", caller, "skranke", "withdraw", caller, "--yes")


@_person
def _manager(world: World, chance: random.Random, count: int) -> Done | None:
    """Looks, and exports something of what is shown."""
    listed = world.base / "listed.json"
    if count % 2 == 0 or not listed.exists():
        done = _do(world, "find", "", "leif", "find", *_REASON)
        listed.write_text(done.told.out, "utf-8")
        return done
    found = json.loads(listed.read_text("utf-8")).get("recordings")
    if not found:
        return None
    one = chance.choice(found)["id"]
    return _do(world, "export", one, "leif", "export", one, *_REASON, out=world.base / f"out-{count}.wav")


@_person
def _officer(world: World, chance: random.Random, count: int) -> Done:
    """Answers somebody, and lets cron run."""
    if count % 2 == 0:
        return _do(world, "purge", "", "cron", "purge")
    caller = number(chance.randrange(CALLERS))
    words = ("dsar", caller, "--identity", "called back on the number of the contract")
    return _do(world, "dsar", caller, "sigrid", *words, out=world.base / f"answer-{count}.html")


def number(caller: int) -> str:
    """The number of one of the callers; none of them is in use."""
    return f"+479000{caller:04d}"


def _do(world: World, what: str, about: str, who: str, *words: str, out: Path | None = None) -> Done:
    begun = time.time()
    all_words = words if out is None else (*words, "--out", str(out))
    told = promises.in_a_process(Scene(what, all_words, who), world)
    named = out.stat().st_ctime if out is not None and out.exists() else None
    return Done(what, about, begun, time.time(), told, named)


# -- afterwards ---------------------------------------------------------------------------------------


def _compare(world: World, done: list[Done]) -> None:
    for one in done:
        right = one.told.exit in _ENDS[one.what] and not re.search("Traceback|locked", one.told.out + one.told.err)
        demand(right, f"{one.what} ended with {one.told.exit}: {one.told.out}{one.told.err}")
        demand(one.over - one.begun < LONGEST, f"{one.what} took {one.over - one.begun:.0f} s")
    ended = {one.about: one.over for one in reversed(done) if one.what == "withdraw"}  # the first of each caller
    erased = _erased(done)
    owner = {taken["id"]: _caller(taken) for one in done if one.what == "ingest" for taken in _told(one, "accepted")}
    for one in done:
        _nothing_after(one, ended, erased, owner)
    _in_the_end(world, done, erased)


def _nothing_after(one: Done, ended: dict[str, float], erased: dict[str, float], owner: dict[str, str]) -> None:
    """Of somebody who had withdrawn when it began, or when its file got a name, a command knows nothing."""
    if one.what == "ingest":
        late = [taken for taken in _told(one, "accepted") if ended.get(_caller(taken), one.over) < one.begun]
        demand(not late, f"taken in after the withdrawal: {late}")
    if one.what == "find":
        shown = [row["id"] for row in _told(one, "recordings") if erased.get(row["id"], one.over) < one.begun]
        demand(not shown, f"shown after the withdrawal: {shown}")
    if one.what == "export" and one.told.exit == 0:
        gone = erased.get(one.about, ended.get(owner.get(one.about, ""), one.over))
        demand(one.named is not None and one.named <= gone, f"exported after the withdrawal: {one.about}")
    if one.what == "dsar" and one.told.exit == 0 and json.loads(one.told.out)["recordings"]:
        demand(one.named is not None and one.named <= ended.get(one.about, one.over), "answered after the withdrawal")


def _in_the_end(world: World, done: list[Done], erased: dict[str, float]) -> None:
    whole = world.run("verify", "--read-data", "--json", who="iver")
    demand(whole.exit == 0, f"verify: {whole.out}{whole.err}")
    demand(world.run("audit", "verify", who="iver").exit == 0, "the log does not verify")
    taken = {one["id"] for each in done if each.what == "ingest" for one in _told(each, "accepted")}
    taken |= set(promises.ids_of(world).values())
    gone = set(erased) | {row["id"] for one in done if one.what == "purge" for row in _told(one, "recordings")}
    opened = set(promises.plunder(world, [identity(world, name) for name in SECRETS]).sounds)
    demand(opened == taken - gone, f"{len(opened)} open of {len(taken)} taken in, {len(gone)} erased")


def _erased(done: list[Done]) -> dict[str, float]:
    """When it was acknowledged of each recording that it is gone."""
    return {row["id"]: one.over for one in done if one.what == "withdraw" for row in _told(one, "recordings")}


def _told(one: Done, key: str) -> list[dict[str, Any]]:
    return list(json.loads(one.told.out).get(key, []))


def _caller(taken: dict[str, Any]) -> str:
    return number(int(taken["source_id"].rsplit("-", 1)[1]))
