"""A scheduler of Dask that was taken over: what it sends from some message on is a pickle that attacks who reads it."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from arlo_rec.engines.dask.connection import SETTINGS
from tests.support.authority import Authority
from tests.support.cluster import free_port

ATTEMPTS: Final = {  # what is tried, as expressions
    "read": "open(KEY, 'rb').read()",
    "look": "os.stat(KEY)",
    "list": "os.listdir(os.path.dirname(KEY))",
    "write": "open(KEY + '.new', 'w')",
    "remove": "os.unlink(KEY + '.old')",
    "start": "os.posix_spawn('/bin/true', ['true'], {})",
    "fork": "os.fork() or os._exit(0)",
    "thread": "threading.Thread(target=len, args=('',)).start()",
    "connect": "socket.create_connection(('127.0.0.1', PORT), 1)",
    "listen": "socket.create_server(('127.0.0.1', 0))",
    "send": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    "signal": "os.kill(os.getppid(), signal.SIGCONT)",
    "memory": "called('process_vm_readv', os.getppid(), 0, 0, 0, 0, 0)",
    "limits": "resource.prlimit(os.getppid(), resource.RLIMIT_CORE)",
    "outlive": "called('prctl', 1, 0, 0, 0, 0)",
}
_SOURCE: Final = """
import ctypes, os, resource, signal, socket, threading
def called(name, *values):
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*values) < 0:
        raise OSError(ctypes.get_errno(), name)
def tried(way):
    try:
        exec(way)
    except (OSError, RuntimeError):  # of a thread that does not start
        return False
    return True
done = {name for name, way in ATTEMPTS.items() if tried(way)}
"""
_REPORT: Final = """
import json, struct, sys
sys.done = getattr(sys, "done", set()) | done
if LAST:
    detail = {"here": str(NUMBER), "there": " ".join(sorted(sys.done))}
    told = json.dumps({"problem": "cluster_version", "kind": "Unreachable", "detail": detail}).encode()
    os.write(0, struct.pack(">I", len(told)) + told + bytes(4))
"""


class Aim(NamedTuple):
    """What the attack is on: the owner's key file, and a port on which nothing may arrive."""

    key: Path
    port: int

    def source(self) -> str:
        """The attack as a program; `done` has the names of the attempts that succeeded."""
        return f"KEY, PORT, ATTEMPTS = {str(self.key)!r}, {self.port}, {ATTEMPTS!r}\n{_SOURCE}"


class Attack:
    """The answer as a pickle that first attacks, and on the *last* reports by the problem `cluster_version`."""

    def __init__(self, answer: Any, aim: Aim, number: int, *, last: bool) -> None:
        self._answer = answer
        self._source = f"{aim.source()}NUMBER, LAST = {number}, {last}\n{_REPORT}"

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("[exec(source, names), answer][1]", {"source": self._source, "names": {}, "answer": self._answer})


class Saying:
    """The answer as a pickle that first says something to the program in the place of the process that reads it."""

    def __init__(self, told: dict[str, Any], answer: Any) -> None:
        raw = json.dumps(told).encode("utf-8")
        self._said, self._answer = struct.pack(">I", len(raw)) + raw + bytes(4), answer

    def __reduce__(self) -> tuple[Any, ...]:
        names = {"said": self._said, "answer": self._answer}
        return eval, ("[__import__('os').write(0, said), answer][1]", names)


class Asleep:
    """A pickle that never ends."""

    def __reduce__(self) -> tuple[Any, ...]:
        return time.sleep, (1e6,)


@contextmanager
def scheduler(authority: Authority, changed: Callable[[int, Any], Any], *, role: str = "scheduler") -> Iterator[str]:
    """The address of a scheduler with the certificate of a role; *changed* makes its messages, by their numbers."""
    import dask
    from distributed import Scheduler
    from distributed.comm import tcp
    from distributed.protocol import to_serialize
    from distributed.security import Security

    certificate, key = authority.sign(role)
    files = {"tls_ca_file": authority.ca, "tls_scheduler_cert": certificate, "tls_scheduler_key": key}
    security = Security(require_encryption=True, **{name: str(path) for name, path in files.items()})
    port, sent, started, ended = free_port(), 0, threading.Event(), asyncio.Event()
    original, loop = tcp.TLS.write, asyncio.new_event_loop()

    async def write(comm: Any, message: Any, **how: Any) -> Any:
        nonlocal sent
        sent += 1
        made = changed(sent, message)
        return await original(comm, message if made is message else to_serialize(made), **how)

    async def serve() -> None:
        made = Scheduler(host="127.0.0.1", port=port, protocol="tls", security=security, dashboard=False)
        async with made:
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    with dask.config.set(SETTINGS):
        tcp.TLS.write = write
        thread.start()
        try:
            assert started.wait(20)
            yield f"tls://127.0.0.1:{port}"
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join()
            loop.close()
            tcp.TLS.write = original
