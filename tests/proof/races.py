"""Two commands at once: one is stopped after each of its calls while the other runs.

The other may go to its end meanwhile, or wait for the one that is stopped; then that goes on, after PATIENCE at the
latest. Whatever they were told, both are brought to their end afterwards, and the promises of both must hold.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from tests.proof.crashes import Missed, forget
from tests.proof.trace import Syscall, Traced, stop_at
from tests.support import promises
from tests.support import world as worlds
from tests.support.promises import Broken, Facts, Scene, Told
from tests.support.world import World

PATIENCE = 2.0  # seconds that a rival may wait before the one that is stopped goes on
LONGEST = 30.0  # seconds: no command waits longer for another
PARTICIPANTS = ("ingest", "withdraw caller", "purge", "dsar", "find", "export")
PAIRS = tuple(permutations(PARTICIPANTS, 2))
_ENDS = {0, 3, 11, 13, 14}  # done, busy, or what somebody else erased meanwhile
_LOOK = 0.002  # seconds between looks at the trace


@dataclass(frozen=True, slots=True)
class Race:
    """One command, stopped after a call, and the other."""

    first: Scene
    rival: Scene
    call: Syscall

    def __str__(self) -> str:
        return f"{self.first.name} stopped after {self.call}, against {self.rival.name}"


class Course:
    """A world in which two scenes can run against each other any number of times."""

    def __init__(self, first: Scene, rival: Scene, ready: World, base: Path, *, program: Traced | None = None) -> None:
        self.first, self.rival, self.base = first, rival, base
        self.program = program or Traced()
        both = first if first.new else rival
        self.facts: Facts = promises.set_up(both, ready, base / "known")
        self.template = World(base / "known" / "world")
        self._count = 0

    def races(self) -> list[Race]:
        """One for every distinct call of the first that changes a file, or opens the root's."""
        world = self._fresh()
        log = world.base.with_suffix(".trace")
        ran = self.program.run(self._words(self.first, world), world._environment(), log)
        found: dict[str, Syscall] = {}
        for call in ran.calls:
            if (call.changes(world.base) or str(world.root / "root") in call.paths) and not call.failed:
                found.setdefault(str(call), call)
        forget(world)
        return [Race(self.first, self.rival, call) for call in found.values()]

    def run(self, race: Race) -> None:
        """One race, and the looks after it; raises Broken, or Missed."""
        world = self._fresh()
        log = world.base.with_suffix(".trace")
        process = self.program.start(self._words(self.first, world), world._environment(), log, *stop_at(race.call))
        stopped = _wait_until_stopped(process.poll, log)
        if stopped is None:
            self.program.ended(process, log)
            forget(world)
            raise Missed(str(race))
        out_was_there = self.first.out(world).exists()
        rival = _Rival(self.rival, world, self.program.program)
        rival.start()
        rival.join(PATIENCE)
        acknowledged = not rival.is_alive() and self.rival.acknowledged(rival.told.out)
        going = _GoOn(stopped, log)
        going.start()
        ran = self.program.ended(process, log)
        going.over.set()
        rival.join()
        first = Told(ran.exit, ran.out, ran.err)
        self._look(world, first, rival, overtaken=acknowledged and not out_was_there)
        forget(world)

    def _look(self, world: World, first: Told, rival: _Rival, *, overtaken: bool) -> None:
        """What each was told, then what is so."""
        for scene, told in ((self.first, first), (self.rival, rival.told)):
            if told.exit not in _ENDS or re.search("Traceback|database is locked", told.out + told.err):
                raise Broken(f"{scene.name} ended with {told.exit}: {told.out}{told.err}")
        if rival.seconds > LONGEST:
            raise Broken(f"{self.rival.name} waited {rival.seconds:.0f} s")
        left = self.first.out(world).exists() and not self._says_that_there_is_nothing(first)
        if overtaken and self._erases_what_leaves() and left:
            raise Broken(f"{self.first.name} went on with what {self.rival.name} had erased")
        self._bring_to_an_end(world)
        gone = {self.facts.ids[stem] for one in (self.first, self.rival) for stem in one.gone}
        new = list(self.facts.offered.values())
        if "withdraw caller" in (self.first.name, self.rival.name):
            new = []  # it is the same caller's, from before the withdrawal
        promises.hold_in_the_end(self.facts, world, gone, new)

    def _erases_what_leaves(self) -> bool:
        return self.rival.name == "withdraw caller" and self.first.name in {"dsar", "export"}

    def _says_that_there_is_nothing(self, first: Told) -> bool:
        """An answer to an access request that was begun after the withdrawal is given, and holds no recording."""
        return self.first.name == "dsar" and first.exit == 0 and json.loads(first.out)["recordings"] == 0

    def _bring_to_an_end(self, world: World) -> None:
        """Both once more, until there is nothing left to do."""
        for scene in (self.first, self.rival):
            scene.out(world).unlink(missing_ok=True)
            result = world.run(*scene.asked(world), who=scene.who)
            if result.exit not in {*scene.again, *_ENDS} - {11}:
                raise Broken(f"{scene.name} does not come to an end: {result}")

    def _fresh(self) -> World:
        self._count += 1
        return worlds.copy(self.template, self.base / f"race-{os.getpid()}-{self._count}")

    def _words(self, scene: Scene, world: World) -> list[str]:
        return [*scene.asked(world), *world._who(scene.who)]


class _Rival(threading.Thread):
    """The other command, run to its end in a process of its own."""

    def __init__(self, scene: Scene, world: World, program: tuple[str, ...]) -> None:
        super().__init__()
        self._scene, self._world, self._program = scene, world, program
        self.told = Told(-1, "", "")
        self.seconds = 0.0

    def run(self) -> None:
        """See Thread."""
        begun = time.monotonic()
        self.told = promises.in_a_process(self._scene, self._world, self._program)
        self.seconds = time.monotonic() - begun


class _GoOn(threading.Thread):
    """Lets the first go on, as often as it is stopped again: strace stops each thread at that call."""

    def __init__(self, stopped: list[int], log: Path) -> None:
        super().__init__(daemon=True)
        self._stopped, self._log = stopped, log
        self.over = threading.Event()

    def run(self) -> None:
        """See Thread."""
        while not self.over.is_set():
            for one in {*self._stopped, *_stopped(self._log)}:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGCONT)
            self.over.wait(0.1)


def _stopped(log: Path) -> list[int]:
    """The threads that the trace says were stopped."""
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    return [int(one) for one in re.findall(r"^(\d+) +--- stopped by SIGSTOP ---$", text, re.MULTILINE)]


def _wait_until_stopped(poll: object, log: Path) -> list[int] | None:
    """The threads that are stopped, once the trace says that one is; None where the command ended before."""
    begun = time.monotonic()
    while time.monotonic() - begun < LONGEST:
        ended = poll() is not None  # type: ignore[operator]
        if found := _stopped(log):
            return found
        if ended:
            return None
        time.sleep(_LOOK)
    return None
