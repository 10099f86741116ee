"""Hosts that share a store: network namespaces of this machine, each with a line that can be cut.

What a store of several hosts needs beside its folder runs on the machine that the lines lead to.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.support import needs, openbao, postgres, seaweed
from tests.support import world as worlds
from tests.support.openbao import OpenBao
from tests.support.places import TOP
from tests.support.postgres import Postgres
from tests.support.seaweed import Service
from tests.support.world import World

NET = f"10.203.{os.getpid() % 250}"  # of the lines; nothing leads there but they
SERVERS = f"{NET}.1"
BRIDGE = f"ar{os.getpid()}"


def lacking() -> str | None:
    """Why no two hosts can be had here."""
    if reason := needs.root() or needs.program("ip"):
        return reason
    if _ip("link", "add", f"{BRIDGE}t", "type", "bridge", may_fail=True):
        return needs.unable("network namespaces")
    _ip("link", "del", f"{BRIDGE}t")
    return seaweed.lacking() or openbao.lacking() or postgres.lacking(postgres.NEWEST)


def _ip(*words: str, may_fail: bool = False) -> int:
    return subprocess.run(["ip", *words], check=not may_fail, capture_output=True).returncode


@dataclass
class Host:
    """One host: its programs run in a namespace, and remember what they saw in a folder of its own."""

    name: str
    number: int
    fast: int = 0  # seconds by which its clock is ahead
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def space(self) -> str:
        return f"{BRIDGE}{self.name}"

    @property
    def line(self) -> str:
        return f"{self.space}v"

    def __enter__(self) -> Host:
        _ip("netns", "add", self.space)
        _ip("link", "add", self.line, "type", "veth", "peer", "name", "line", "netns", self.space)
        _ip("link", "set", self.line, "master", BRIDGE, "up")
        for words in (("addr", "add", f"{NET}.{self.number}/24", "dev", "line"), ("link", "set", "line", "up")):
            _ip("-n", self.space, *words)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        _ip("netns", "del", self.space, may_fail=True)
        _ip("link", "del", self.line, may_fail=True)

    def start(self, world: World, *words: str, who: str) -> subprocess.Popen[str]:
        """A command of the program on this host, as somebody, by the clock of the host."""
        environment = {**os.environ, **world._environment(), "PYTHONPATH": str(TOP)}
        environment["XDG_STATE_HOME"] = str(world.base / f"state-{self.name}")
        environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
        program = ["ip", "netns", "exec", self.space, *self._clock(), sys.executable, "-m", "arlo_rec"]
        process = subprocess.Popen(
            [*program, *words, "--json", *world._who(who)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """End what still runs, as after a test that failed."""
        for process in self.started:
            process.kill()
            process.communicate()
        self.started.clear()
        self.mend()

    def _clock(self) -> tuple[str, ...]:
        return ("faketime", "-f", f"{self.fast:+}s") if self.fast else ()

    def run(self, world: World, *words: str, who: str) -> worlds.Result:
        """How a command ended."""
        process = self.start(world, *words, who=who)
        out, err = process.communicate(timeout=180)
        return worlds.Result(process.returncode, out, err)

    def cut(self) -> None:
        """Cut the line: what was sent is lost, and nobody is told."""
        _ip("link", "set", self.line, "down")

    def mend(self) -> None:
        """Have the line carry again."""
        _ip("link", "set", self.line, "up")

    def kill(self) -> None:
        """End everything on the host, as a power cut does: first its line, so that no farewell gets out."""
        self.cut()
        told = subprocess.run(["ip", "netns", "pids", self.space], check=False, capture_output=True, text=True)
        for pid in map(int, told.stdout.split()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Place(NamedTuple):
    """Two hosts, and the servers that both reach."""

    one: Host
    other: Host
    s3: Service
    bao: OpenBao
    database: Postgres

    def found(self, base: Path, name: str) -> World:
        """A store of both, with everybody."""
        bucket = self.s3.make_bucket("calls")  # the same for all: a bucket takes many of the service's volumes
        key, role = self.bao.fresh_key()
        words = ("--objects", f"s3://{bucket}/{name}", "--root", str(key))
        words += ("--catalogue", self.database.address_by_tls(self.database.database()))
        environment = {**self.s3.environment, **self.bao.environment(role)}
        return worlds.found(base, *words, environment=environment)

    def sessions_of(self, host: Host) -> int:
        """How many sessions of the database a host has, as the server sees it."""
        asked = f"SELECT count(*) FROM pg_stat_activity WHERE client_addr = '{NET}.{host.number}'"
        return int(self.database.ask(asked))


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """Two hosts and their servers until the block ends."""
    with ExitStack() as stack:
        _ip("link", "add", BRIDGE, "type", "bridge")
        stack.callback(_ip, "link", "del", BRIDGE)
        _ip("addr", "add", f"{SERVERS}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        database = stack.enter_context(postgres.running(postgres.NEWEST, host=SERVERS))
        for name in ("s3", "bao"):
            (folder / name).mkdir()
        s3 = stack.enter_context(seaweed.running(folder / "s3", SERVERS))
        bao = stack.enter_context(OpenBao(folder / "bao", host=SERVERS))
        one, other = (stack.enter_context(Host(name, number)) for name, number in (("a", 2), ("b", 3)))
        yield Place(one, other, s3, bao, database)
