"""A command through the door whose connection is cut, or loses one of its ends, behind each of its frames.

Run as a module it is the wire between a front and the other end: `python -m tests.proof.wires HOW COUNT NOTE COMMAND…`.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from arlo_rec.edge.commands.typed import OWNERS
from arlo_rec.law.model.errors import Interrupted, Unreachable
from tests.proof.crashes import Subject, forget
from tests.support import promises
from tests.support.places import TOP
from tests.support.promises import Broken, Scene, Told
from tests.support.world import World

HOWS = ("wire cut", "server killed", "front killed")
PATIENCE = 30.0  # seconds for the other end to be over
NEVER = 10**9  # a frame that never comes
_KILLED = {-signal.SIGKILL, 128 + signal.SIGKILL}
_HEAD = 5  # bytes of a frame before its body: docs/format.md


def goes_through(scene: Scene) -> bool:
    """Whether a scene's command is one that goes through the door."""
    return not {scene.words[0], " ".join(scene.words[:2])} & OWNERS


def frames_of(subject: Subject) -> int:
    """How many frames go over the wire, in both directions; raises AssertionError where the command ends badly."""
    world = subject.fresh()
    ran = _ran(subject, world, HOWS[0], NEVER)
    if ran.exit != 0:
        raise AssertionError(f"{subject.scene.name} does not even end well: {ran.exit} {ran.out} {ran.err}")
    count = int(_note(world).read_text())
    forget(world)
    return count


def try_wire(subject: Subject, how: str, count: int) -> None:
    """Break the connection behind so many frames, and look; raises Broken."""
    world = subject.fresh()
    ran = _ran(subject, world, how, count)
    expected = _KILLED if how == "front killed" else {0, Unreachable.exit_status, Interrupted.exit_status}
    if ran.exit not in expected or "Traceback" in ran.out + ran.err:
        raise Broken(f"{subject.scene.name} ended with {ran.exit}: {ran.out}{ran.err}")
    subject.look(world, ran.out)
    forget(world)


def _ran(subject: Subject, world: World, how: str, count: int) -> Told:
    through = replace(world, door=True)
    words = [*subject.scene.asked(world), *world._who(subject.scene.who)]
    environment = through._environment(words)
    wire = [sys.executable, "-m", "tests.proof.wires", how, str(count), str(_note(world))]
    environment["ARLO_REC_VIA"] = shlex.join([*wire, *shlex.split(environment["ARLO_REC_VIA"])])
    done = subprocess.run(
        [*promises.PROGRAM, *words], env={**os.environ, **environment, "PYTHONPATH": str(TOP)}, cwd=TOP,
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    if how == "front killed":
        _wait_for_the_wire(world)
    return Told(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def _note(world: World) -> Path:
    """Where the wire says how many frames it carried, once both of its ends are over."""
    return world.base.with_suffix(".trace")


def _wait_for_the_wire(world: World) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _note(world).exists():
        if time.monotonic() > deadline:
            raise Broken("the other end goes on without a front")
        time.sleep(0.01)


# -- the wire -----------------------------------------------------------------------------------------


class _Wire:
    """Carries frames until so many went over it, and breaks then."""

    def __init__(self, how: str, count: int, command: list[str]) -> None:
        self._how, self._left, self.carried = how, count, 0
        self._lock = threading.Lock()
        self._front = os.getppid()
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def carry(self) -> None:
        """Until the other end is over."""
        assert self._server.stdin is not None and self._server.stdout is not None
        inwards = threading.Thread(target=self._pump, args=(sys.stdin.buffer, self._server.stdin), daemon=True)
        inwards.start()
        self._pump(self._server.stdout, sys.stdout.buffer)
        self._cut()
        self._server.wait()

    def _pump(self, source: IO[bytes], sink: IO[bytes]) -> None:
        with suppress(OSError, ValueError):
            sink.write(source.readline())  # the greeting
            sink.flush()
            while head := source.read(_HEAD):
                body = source.read(int.from_bytes(head[1:], "big"))
                with self._lock:
                    if self._left <= 0:
                        return
                    sink.write(head + body)
                    sink.flush()
                    self._left -= 1
                    self.carried += 1
                    if self._left <= 0:
                        self._break()
        self._cut()

    def _break(self) -> None:
        if self._how == "server killed":
            self._server.kill()
        elif self._how == "front killed":
            os.kill(self._front, signal.SIGKILL)
        self._cut()

    def _cut(self) -> None:
        """Say nothing more to either end."""
        assert self._server.stdin is not None
        for number in (1, self._server.stdin.fileno()):
            with suppress(OSError, ValueError):
                os.dup2(_NOWHERE, number)


_NOWHERE = os.open(os.devnull, os.O_RDWR)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wire = _Wire(sys.argv[1], int(sys.argv[2]), sys.argv[4:])
    wire.carry()
    note = Path(sys.argv[3])
    note.with_suffix(".part").write_text(str(wire.carried))
    note.with_suffix(".part").rename(note)
    os._exit(0)  # a thread may wait for a front that says nothing more
