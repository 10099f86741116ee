"""The program's end of the socket to a child process that speaks to a Dask cluster."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from arlo_rec.law.model.errors import Unreachable, Usage
from arlo_rec.law.model.strict_json import parse_object
from arlo_rec.sound.processes.hardening import start_child
from arlo_rec.sound.processes.pipes import LENGTH, receive_exactly

HEAD_MOST: Final = 64 * 1024  # bytes of the JSON of a message
OUTCOME_MOST: Final = 64 * 1024 * 1024  # bytes: a plan of 40,000 words and 10,000 cuts has 8 MB


class Child(NamedTuple):
    """A child process: its program, and what it may say.

    *problems* are the codes of Unreachable that it may tell of, each with the names of its values; None for any error.
    One with *patience* counts as dead after so many seconds without a word.
    """

    program: str
    problems: Mapping[str, frozenset[str]] | None = None
    patience: float | None = None


CLIENT: Final = Child(
    "from arlo_rec.engines.dask import client; client.main()",
    {
        **dict.fromkeys(("cluster_missing", "cluster_unconfined", "cluster_unreachable"), frozenset[str]()),
        **dict.fromkeys(("cluster_certificate", "cluster_empty", "cluster_lost"), frozenset[str]()),
        "cluster_files": frozenset({"reason"}),
        "cluster_version": frozenset({"here", "there"}),
    },
    60.0,  # it counts the workers each second
)
WORKER: Final = Child("from arlo_rec.engines.dask import worker; worker.main()")
LONGEST: Final = 200  # characters of a value of a problem
WIPED: Final = {  # mallopt(3): freed memory is overwritten, and large blocks go back to the kernel at once
    "MALLOC_PERTURB_": "90",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "PYTHONMALLOC": "malloc",  # small objects too, as words are
}
_ENVIRONMENT: Final = {
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",  # Dask would read settings there
    "DASK_ROOT_CONFIG": "/nonexistent",
    **WIPED,
}
_PROBLEMS: Final = {kind.__name__: kind for kind in (Unreachable, Usage)}


class Link:
    """A child process and the socket to it; one thread may send while another receives."""

    def __init__(self, child: Child) -> None:
        """Start a child, `CLIENT` or `WORKER`; raises Unreachable `cluster_died`."""
        self._child = child
        try:
            self._process: subprocess.Popen[bytes]
            self._process, self._socket = start_child(child.program, _ENVIRONMENT)
            self._socket.settimeout(child.patience)
        except OSError:
            raise Unreachable("cluster_died") from None

    def send(self, head: dict[str, Any], body: bytes = b"") -> None:
        """Send a message; raises Unreachable `cluster_died` where it is not taken."""
        encoded = json.dumps(head).encode("utf-8")
        try:
            self._socket.sendall(LENGTH.pack(len(encoded)) + encoded + LENGTH.pack(len(body)))
            self._socket.sendall(body)
        except OSError:
            raise Unreachable("cluster_died") from None

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Wait for a message; raises the problem that it tells of, and Unreachable `cluster_died` where none comes."""
        try:
            head, body = parse_object(self._part(HEAD_MOST), max_bytes=HEAD_MOST), self._part(OUTCOME_MOST)
            problem = self._problem(head) if "problem" in head else None
        except (OSError, KeyError, TypeError, ValueError):
            raise Unreachable("cluster_died") from None
        if problem is not None:
            raise problem
        return head, body

    def _problem(self, head: dict[str, Any]) -> Unreachable | Usage:
        """The problem that a message tells of; raises ValueError, KeyError or TypeError for another than it may."""
        kind, code, detail = _PROBLEMS[head["kind"]], str(head["problem"]), head["detail"]
        may = self._child.problems
        if may is not None and (kind is not Unreachable or may[code] != {*detail}):
            raise ValueError("a problem that it does not have")
        return kind(code, **{name: str(value)[:LONGEST] for name, value in detail.items()})

    def _part(self, most: int) -> bytes:
        """One part of a message; raises OSError where the other end is closed, ValueError for a longer part."""
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        if length > most:
            raise ValueError("longer than a message can be")
        return self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        content = receive_exactly(self._socket, length)
        if content is None:
            raise ConnectionResetError
        return bytes(content)

    def kill(self) -> None:
        """Kill the child, from any thread: a waiting `receive` raises. It has no state to save."""
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Kill the child, and close the socket, which no thread uses any more."""
        self.kill()
        self._socket.close()
