"""Everything that can be tried, in an order drawn by a seed, and what came of what was tried.

A `Try` is one disturbance of one command. Those of every kind take turns, so that a short run is a sample of all.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from multiprocessing.context import ForkContext, ForkProcess
from pathlib import Path
from typing import Any

from tests.proof import crashes, races, wires
from tests.proof.bugs import Bug
from tests.proof.crashes import Missed, Subject
from tests.proof.races import Course
from tests.proof.trace import Traced
from tests.support import promises
from tests.support import world as worlds
from tests.support.promises import Broken, Scene
from tests.support.world import World

KINDS = ("kill", "ENOSPC", "EIO", "cut", "recovery", "stdout", "wire", "race")
BUG_TRIES = 150  # after so many a sown bug counts as not found
RACES_AGAIN = 5  # times that races against a sown bug are run: on a busy machine a rival is too slow for some
RECOVERIES = 40  # kills of a command after which the next run is killed too, of each scene


@dataclass(frozen=True, slots=True)
class Try:
    """One disturbance: of which kind, of which command, and how to do it."""

    kind: str
    scene: str
    what: str
    do: Callable[[], object]


@dataclass(slots=True)
class Tally:
    """What there is to try of each kind and command, what was tried, and what did not hold."""

    there: Counter[tuple[str, str]] = field(default_factory=Counter)
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def count(self, one: Try, came: str) -> None:
        """One try that is over; *came* is empty where every promise held."""
        self.tried[one.kind, one.scene] += 1
        if came.startswith("missed"):
            self.missed.append(f"{one.kind} {one.scene}: {one.what}")
        elif came:
            self.violations.append(f"{one.kind} {one.scene}: {one.what}: {came}")


def workshop() -> Path:
    """A folder for what is tried: in memory where there is one, for nothing in it needs to last."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="arlo-rec-proof-", dir=memory if os.access(memory, os.W_OK) else None))


def ready(base: Path) -> World:
    """The store that every scene begins with."""
    (base / "template").mkdir()
    return promises.lived_in(worlds.found(base / "template"), base / "lived-in")


def everything(world: World, base: Path, scenes: Sequence[Scene], seed: int) -> list[Try]:
    """All that can be tried of some scenes, by turns of its kinds, each kind in an order drawn by the seed."""
    chance = random.Random(seed)
    by_kind: dict[str, list[Try]] = {kind: [] for kind in KINDS}
    for count, scene in enumerate(scenes):
        for one in of_scene(subject(scene, world, base / f"scene-{count}"), seed):
            by_kind[one.kind].append(one)
    names = {one.name for one in scenes}
    for count, (first, rival) in enumerate(races.PAIRS):
        if {first, rival} <= names:
            course = Course(promises.BY_NAME[first], promises.BY_NAME[rival], world, base / f"pair-{count}")
            for race in course.races():
                by_kind["race"].append(Try("race", f"{first} / {rival}", str(race), lambda c=course, r=race: c.run(r)))  # type: ignore[misc]
    for tries in by_kind.values():
        chance.shuffle(tries)
    return [one for turn in zip_longest(*by_kind.values()) for one in turn if one is not None]


def subject(scene: Scene, world: World, base: Path, program: Traced | None = None) -> Subject:
    """A scene to be tried in a folder of its own, from a store that every scene begins with."""
    return Subject(scene, promises.set_up(scene, world, base / "known"), base, program=program)


def of_scene(subject: Subject, seed: int, every: int = 1) -> Iterator[Try]:
    """All that can be tried of one scene; of what power cuts leave, that at each so-manieth call."""
    name = subject.scene.name
    points = crashes.points(subject)
    for point in points:
        yield Try(point.how, name, str(point), lambda p=point: crashes.try_out(subject, p))  # type: ignore[misc]
    for left in crashes.power_cuts(subject, seed, every):
        told = f"{left.kind} after {left.call}"
        yield Try("cut", name, told, lambda cut=left: crashes.try_image(subject, cut))  # type: ignore[misc]
    for ear in crashes.EARS:
        yield Try("stdout", name, ear, lambda e=ear: crashes.try_unheard(subject, e))  # type: ignore[misc]
    frames = wires.frames_of(subject) if wires.goes_through(subject.scene) else 0
    for how in wires.HOWS:
        for count in range(1, frames + 1):
            told = f"{how} behind frame {count}"
            yield Try("wire", name, told, lambda h=how, c=count: wires.try_wire(subject, h, c))  # type: ignore[misc]
    kills = [one for one in points if one.how == "kill"]
    chance = random.Random(seed)
    for point in chance.sample(kills, min(RECOVERIES, len(kills))):
        turn = random.Random(chance.random())
        yield Try(
            "recovery", name, str(point), lambda p=point, c=turn: crashes.try_recovery(subject, p, c)  # type: ignore[misc]
        )  # fmt: skip


# -- trying -------------------------------------------------------------------------------------------


_TRIES: list[Try] = []  # a worker is forked with them: what is tried cannot be sent to another process


def _try(at: int) -> tuple[int, str]:
    return at, outcome(_TRIES[at])


def outcome(one: Try) -> str:
    """Empty where every promise held, else what did not; `missed` where nothing was disturbed."""
    try:
        one.do()
    except Missed:
        return "missed"
    except Broken as broken:
        return str(broken)
    except Exception as error:  # noqa: BLE001 - a look that cannot even be taken is a violation, and the run goes on
        return f"{type(error).__name__}: {error}"
    return ""


class _Worker(ForkProcess):
    """A worker of a pool that may start processes, as commands that run in it do."""

    @property
    def daemon(self) -> bool:
        """See `multiprocessing.Process`; a pool asks for it, which would forbid them."""
        return False

    @daemon.setter
    def daemon(self, _asked: bool) -> None:
        pass


class _Workers(ForkContext):
    Process = _Worker


def try_all(tries: list[Try], until: float, tell: Callable[[Tally], None] = lambda _tally: None) -> Tally:
    """Try one after the other, on every core, until a moment of `time.monotonic`."""
    tally = Tally(there=Counter((one.kind, one.scene) for one in tries))
    _TRIES[:] = tries
    with _Workers().Pool(os.cpu_count() or 1) as pool:
        results: Any = pool.imap_unordered(_try, range(len(tries)))
        for _ in tries:
            if time.monotonic() >= until:
                break
            try:
                at, came = results.next(timeout=max(1.0, until - time.monotonic()))
            except multiprocessing.TimeoutError:
                break
            tally.count(tries[at], came)
            tell(tally)
        pool.terminate()
    return tally


# -- sown bugs ----------------------------------------------------------------------------------------


def find_bug(bug: Bug, world: World, base: Path, seed: int) -> tuple[int, str]:
    """After how many tries a sown bug broke a promise, and which; raises AssertionError where it never did."""
    count = 0
    for count, one in enumerate(_against(bug, world, base, seed), 1):
        came = outcome(one)
        if came and came != "missed":
            shutil.rmtree(base, ignore_errors=True)
            return count, came
        if count >= BUG_TRIES:
            break
    raise AssertionError(f"{bug.name}: not found in {count} tries")


def _against(bug: Bug, world: World, base: Path, seed: int) -> list[Try]:
    """What is tried against a bug, in an order drawn by the seed, or from the end."""
    scene = promises.BY_NAME[bug.scene]
    if bug.found_by == "race":
        course = Course(scene, promises.BY_NAME[bug.rival], world, base, program=bug.program)
        found = [
            Try("race", bug.name, str(race), lambda r=race: course.run(r))  # type: ignore[misc]
            for race in course.races()
            if not bug.at or Path(race.call.paths[0]).name == bug.at
        ] * RACES_AGAIN
    else:
        tries = of_scene(subject(scene, world, base, bug.program), seed)
        found = [one for one in tries if one.kind == bug.found_by]
    if bug.late:
        return found[::-1]
    random.Random(seed).shuffle(found)
    return found
