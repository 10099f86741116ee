"""The root secret in a file and in OpenBao, one after the other in the same run: whole commands, and the port alone.

OpenBao runs on the same machine by raft with TLS, as one node and as three. `file` is the default. The requests of the
port are those of an erasure of a full store: 92 days' keys.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from arlo_rec.engines.openbao.openbao import BaoRoot
from arlo_rec.vault.backends import Root
from arlo_rec.vault.backends.files import FileRoot
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.root_secret import SlotRoot
from bench.machine import NotRun, most
from bench.spool import fill, number_of
from bench.startup import PROGRAM, make_store
from tests.support.openbao import OpenBao, lacking

CALLS = 100
TIMES = 15
SOUND_BYTES = 16_000
DAYS = {20_800 + day: primitives.fresh() for day in range(92)}
STORE, SEED = bytes(16), bytes(32)
WITHDRAW_LIMIT = 2.0  # seconds, as without OpenBao
SMALLEST = {"CALLS": 4, "TIMES": 1}


def run() -> Iterator[str]:
    """Medians in milliseconds of TIMES, for each keeper of the root secret, each round beside the others."""
    if reason := lacking():
        raise NotRun(reason)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        base = Path(folder)
        keepers = {"file": _works(base / "file", None)}
        for name, nodes in (("one node", 1), ("three nodes", 3)):
            server = servers.enter_context(OpenBao(base / name.replace(" ", "-"), nodes))
            keepers[name] = _works(base / f"{name}-store", server)
        figures: dict[tuple[str, str], list[float]] = defaultdict(list)
        for what in keepers["file"]:
            for name in [*keepers] * TIMES:
                begun = time.perf_counter()
                keepers[name][what]()
                figures[name, what].append(time.perf_counter() - begun)
    yield f"{CALLS} recordings; medians of {TIMES}, in ms of wall time"
    yield f"| what | {' | '.join(keepers)} |"
    yield f"|---{'|---' * len(keepers)}|"
    for what in keepers["file"]:
        yield f"| {what} | {' | '.join(f'{statistics.median(figures[name, what]) * 1000:.1f}' for name in keepers)} |"
    slowest = max(max(figures[name, "withdraw"]) for name in keepers)
    yield f"withdraw, wherever the root secret lies: slowest {slowest:.2f} s, {most(slowest, WITHDRAW_LIMIT, ' s')}"


def _works(base: Path, server: OpenBao | None) -> dict[str, Callable[[], object]]:
    """A store with its recordings, and each command and request that is measured."""
    base.mkdir()
    more: dict[str, str] = {}
    words: tuple[str, ...] = ()
    if server is not None:
        address, role = server.fresh_key()
        words, more = ("--root", str(address)), server.environment(role)
    environment, key = make_store(base, *words, more=more)
    spool = fill(base / "spool", CALLS, CALLS // 2, SOUND_BYTES)
    _command([PROGRAM, "ingest", str(spool), "--key-file", str(base / "telefon.key")], environment)
    numbers = iter(range(CALLS // 2))
    withdraw = [PROGRAM, "withdraw", "--yes", "--json", "--key-file", key]
    return {
        "status": lambda: _command([PROGRAM, "status", "--key-file", key], environment),
        "withdraw": lambda: _command([*withdraw, number_of(next(numbers))], environment),
        **_of_port(base, server),
    }


def _of_port(base: Path, server: OpenBao | None) -> dict[str, Callable[[], object]]:
    """The requests of the port, without a process and a catalogue around them."""
    (base / "root").mkdir()
    files = FileRoot.create(base / "root")
    root: Root = SlotRoot(STORE, files)
    if server is not None:
        address, folder = server.fresh_key()
        root = BaoRoot(STORE, address, server.access(folder), files.lock)
    root.found(1, SEED, 1)
    root.founded()
    first = root.open(1, SEED)
    wrapped, generation = first.wrap(DAYS), 1
    day = min(wrapped)

    def erase() -> None:
        nonlocal generation, wrapped
        keys = root.open(generation, SEED).unwrap(wrapped)
        generation, key = root.begin(generation, SEED, 1)
        wrapped = key.wrap(keys)
        root.settle(generation)

    return {
        "one day's key unwrapped": lambda: first.unwrap({day: wrapped[day]}),
        "92 unwrapped": lambda: first.unwrap(wrapped),
        "the state seen written": lambda: root.update_seen(lambda _: primitives.fresh(168)),
        "an erasure's part: unwrap, begin, wrap, settle": erase,
    }


def _command(words: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 3}:
        raise RuntimeError(f"{words[1]}: {done.stdout} {done.stderr}")
