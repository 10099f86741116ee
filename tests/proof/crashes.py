"""A command that is killed, or told of a failing disk, at each of its calls, and what a power cut leaves at each.

Every try ends in the same three looks: the promises at once, the next run, the promises afterwards.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from arlo_rec.law.model.errors import Unreachable
from tests.proof import disk
from tests.proof.trace import DATA, NAMES, OPENS, SYNCS, Ran, Syscall, Traced, below, fail_at, kill_at
from tests.support import postgres, promises
from tests.support import world as worlds
from tests.support.places import TOP
from tests.support.promises import Broken, Facts, Scene
from tests.support.world import World

TRIES = 12  # an injection depends on how threads take turns; one that never fires is a failure
BY_CHANCE = 2  # images besides the five corners, at each call
ERRORS = ("ENOSPC", "EIO")
FREES = {"unlink", "unlinkat", "rmdir"}  # a full disk does not refuse these
EARS = ("full", "closed", "gone")  # where the answer cannot go: a full disk, no descriptor, a pipe nobody reads
_WORKER_KILLED = "worker_ended"  # where a process struck that works for the command, which says so and ends
_KILLED = {-signal.SIGKILL, 128 + signal.SIGKILL}


class Missed(Exception):
    """The disturbance never struck: nothing was tried."""


@dataclass(frozen=True, slots=True)
class Point:
    """A call at which a command is disturbed, and how."""

    call: Syscall
    how: str  # `kill` or the name of an error

    def __str__(self) -> str:
        return f"{self.how} at {self.call}"


@dataclass(frozen=True, slots=True)
class Left:
    """What one power cut leaves: where the command was, what the image is of, and what had been printed."""

    call: str
    kind: str
    image: disk.Image
    told: str
    freed: tuple[bytes, ...]  # what stands in blocks that no file has any more


class Subject:
    """A scene that can be tried any number of times, each in a folder of its own below *base*.

    With *again* the next run goes the same way as the first, in a process of its own: a bug that was sown there too.
    """

    def __init__(self, scene: Scene, facts: Facts, base: Path, *, program: Traced | None = None) -> None:
        self.scene, self.facts, self.base = scene, facts, base
        self.program = program or Traced()
        self.sown = program is not None
        self.template = World(facts.world.base / "world")
        self._count = 0
        base.mkdir(parents=True, exist_ok=True)

    def fresh(self) -> World:
        """A world to be broken."""
        self._count += 1
        return worlds.copy(self.template, self.base / f"try-{os.getpid()}-{self._count}")

    def run(self, world: World, *strace: str, whole: bool = False) -> Ran:
        """The command under strace in one world."""
        log = world.base.with_suffix(".trace")
        return self.program.run(self.words(world), world._environment(), log, *strace, whole=whole)

    def words(self, world: World) -> list[str]:
        """The whole command line."""
        return [*self.scene.asked(world), *world._who(self.scene.who)]

    def next_run(self, world: World) -> str:
        """See `promises.run_again`."""
        if not self.sown:
            return promises.run_again(self.scene, world)
        ran = self.run(world)
        if ran.exit not in self.scene.again:
            raise Broken(f"the next run ended with {ran.exit}: {ran.out}{ran.err}")
        return ran.out if ran.exit == 0 else ""

    def look(self, world: World, told: str) -> None:
        """The three looks at a world that was cut off; raises Broken."""
        promises.hold_at_once(self.scene, self.facts, world, told)
        told = told if self.scene.acknowledged(told) else ""
        promises.hold_afterwards(self.scene, self.facts, world, self.next_run(world) or told)


def points(subject: Subject) -> list[Point]:
    """Every distinct (call, occurrence) that changes a file of the world, with every way to disturb it.

    Where another thread makes a call of the same name and number elsewhere (it loads a module, say), an error would
    strike there too and say nothing of the store: only a kill makes sense of it.
    """
    world = subject.fresh()
    ran = subject.run(world)
    if ran.exit != 0:
        raise AssertionError(f"{subject.scene.name} does not even end well: {ran.exit} {ran.out} {ran.err}")
    found: dict[str, Syscall] = {}
    elsewhere = {str(call) for call in ran.calls if not any(below(one, world.base) for one in call.paths)}
    for call in ran.calls:
        if call.changes(world.base) and not call.failed:
            found.setdefault(str(call), call)
    forget(world)
    return [
        Point(call, how)
        for name, call in found.items()
        for how in ("kill", *ERRORS)
        if how == "kill" or (name not in elsewhere and _makes_sense(call, how))
    ]


def _makes_sense(call: Syscall, how: str) -> bool:
    if how == "ENOSPC":
        return call.name not in FREES and call.name in (*DATA, *NAMES, *OPENS)
    return call.name in (*DATA, *NAMES, *SYNCS, *OPENS)


def disturb(subject: Subject, point: Point) -> tuple[World, Ran]:
    """A world in which the command was disturbed at a point; raises Missed where it never was."""
    strace = kill_at(point.call) if point.how == "kill" else fail_at(point.call, point.how)
    for _ in range(TRIES):
        world = subject.fresh()
        ran = subject.run(world, *strace)
        killed = ran.exit in _KILLED or (ran.exit == Unreachable.exit_status and _WORKER_KILLED in ran.out)
        if killed or (point.how != "kill" and _struck(ran, point)):
            return world, ran
        forget(world)
    raise Missed(str(point))


def _struck(ran: Ran, point: Point) -> bool:
    return any("(INJECTED)" in one.answer and one.name == point.call.name for one in ran.calls)


def try_out(subject: Subject, point: Point) -> None:
    """Disturb, and look; raises Broken, or Missed."""
    world, ran = disturb(subject, point)
    if point.how != "kill":
        _told_as_ours(subject, ran)
    subject.look(world, ran.out)
    forget(world)


def _told_as_ours(subject: Subject, ran: Ran) -> None:
    """An error of the disk is told in the program's own words; one that did no harm need not be told."""
    if "Traceback" in ran.out + ran.err:
        raise Broken(f"a traceback: {ran.err}")
    if ran.exit not in {0, 3, 11, 15, 16}:
        raise Broken(f"{subject.scene.name} ended with {ran.exit}: {ran.out}{ran.err}")


def try_unheard(subject: Subject, ear: str) -> None:
    """Run the command where its answer cannot be heard, and look: what was not heard was not acknowledged."""
    world = subject.fresh()
    ran = _unheard(subject, world, ear)
    _told_as_ours(subject, ran)
    if ran.exit == 0:
        raise Broken(f"{subject.scene.name} says that it told what nobody could hear")
    subject.look(world, "")
    forget(world)


def _unheard(subject: Subject, world: World, ear: str) -> Ran:
    deaf, loud = os.pipe() if ear == "gone" else (None, os.open("/dev/full", os.O_WRONLY))
    if deaf is not None:
        os.close(deaf)
    command = [*subject.program.program, *subject.words(world)]
    try:
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", *command] if ear == "closed" else command,
            env={**os.environ, **world._environment(), "PYTHONPATH": str(TOP)},
            stdin=subprocess.DEVNULL,
            stdout=loud,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(loud)
    return Ran(done.returncode, "", done.stderr.decode("utf-8", "replace"), [])


def try_recovery(subject: Subject, point: Point, chance: random.Random) -> str:
    """Kill the command, then kill the next run at one of its calls, and look; what was killed."""
    world, ran = disturb(subject, point)
    kept = worlds.copy(world, world.base.with_name(f"{world.base.name}-twin"))
    second = subject.run(kept)
    forget(kept)
    calls = [one for one in second.calls if one.changes(kept.base) and not one.failed]
    if not calls:
        subject.look(world, ran.out)
        forget(world)
        return "nothing"
    call = chance.choice(calls)
    killed = subject.run(world, *kill_at(call))
    subject.look(world, killed.out or ran.out)
    forget(world)
    return str(call)


# -- power cuts ---------------------------------------------------------------------------------------


def power_cuts(subject: Subject, seed: int, every: int = 1) -> list[Left]:
    """Every different image that a power cut during the command may leave, or those at each so-manieth call."""
    world = subject.fresh()
    model = disk.Disk(world.base)
    ran = subject.run(world, whole=True)
    if ran.exit != 0:
        raise AssertionError(f"{subject.scene.name} does not even end well: {ran.exit} {ran.out} {ran.err}")
    chance = random.Random(seed)
    seen: set[int] = set()
    found: list[Left] = []
    told = ""
    first = chance.randrange(every)
    for count, (call, cut) in enumerate(_followed(model, ran.calls)):
        told += cut
        if count % every != first:
            continue
        for kind, image in model.images(chance, BY_CHANCE):
            key = hash((told, tuple(sorted(image.items()))))
            if key not in seen:
                seen.add(key)
                found.append(Left(call, kind, image, told, tuple(model.freed)))
    differs = disk.model_differs(model)
    if differs:
        raise AssertionError(f"the model of the disk is not what the disk is: {differs}")
    forget(world)
    return [replace(one, image={_from(world.base, path): node for path, node in one.image.items()}) for one in found]


def _from(base: Path, path: str) -> str:
    return "/" + path.removeprefix(str(base)).lstrip("/")


def _followed(model: disk.Disk, calls: Iterable[Syscall]) -> Iterator[tuple[str, str]]:
    """Each call after which the power may be cut, with what it printed; the end too."""
    for call in calls:
        if call.name == "write" and call.descriptor == 1 and not call.changes(model.folder):
            yield str(call), b"".join(call.texts).decode("utf-8", "replace")
            continue
        for _ in model.follow(call):
            yield str(call), ""
    yield "the end", ""


def try_image(subject: Subject, left: Left) -> None:
    """Lay out what a power cut left, and look; raises Broken."""
    world = World(subject.base / f"image-{os.getpid()}")
    disk.put_back(left.image, Path("/"), world.base)
    worlds.at_home(world.store)
    if subject.scene.acknowledged(left.told):
        for remnant in left.freed:
            promises.hold_with_remnant(subject.scene, subject.facts, world, remnant)
    subject.look(world, left.told)
    forget(world)


def forget(world: World) -> None:
    """Away with a world that was looked at."""
    postgres.drop(world.store)
    shutil.rmtree(world.base, ignore_errors=True)
    world.base.with_suffix(".trace").unlink(missing_ok=True)
