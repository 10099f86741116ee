"""The parent's side of a child process that runs a model: start it, ask it, and end it.

The child gets no secret, no inherited environment, no terminal and no folder of ours. Requests go through a socket, and
each answer is one line of JSON (`serving` has the protocol). A child that does not answer in time, dies, or sends no
valid answer is killed; the next request starts another. Callers check the contents of answers.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from arlo_rec.model.errors import Unreachable
from arlo_rec.model.strict_json import parse_object
from arlo_rec.speech.engines.serving import LENGTH

LOAD_S = 300.0  # seconds: a model of 3 GB from a slow disk
LOADED_MOST = 64 * 1024  # bytes of the answer after loading
_ENVIRONMENT: Final = {
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",  # libraries would look for a cache there
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # since 1.29, onnxruntime reports to Microsoft from Linux and macOS too
}


def program_of(module: str) -> str:
    """Python code that runs `main` of a module of this package, with this process's module path."""
    return (
        "import json, sys; sys.dont_write_bytecode = True; sys.path[:] = json.loads(sys.argv[1]); "
        f"from arlo_rec.speech.engines import {module}; {module}.main()"
    )


def is_folder(path: Path) -> bool:
    """Whether *path* is a folder; False for an impossible name or an unreadable parent folder."""
    try:
        return path.is_dir()
    except OSError:
        return False


class Process:
    """At most one child process, running *program*; not safe for use by several threads at once.

    All methods raise Unreachable `engine_died`, `engine_silent` or `engine_garbled`, after which no process runs.
    """

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        self._program = program
        self._environment = {**_ENVIRONMENT, **environment}
        self._child: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the running process; None where none runs."""
        return self._child[0].pid if self._child is not None and self._child[0].poll() is None else None

    def start(self, settings: dict[str, Any], problems: tuple[str, ...]) -> dict[str, Any]:
        """Start a new process, after ending a previous one, and return its first answer, to *settings*.

        A "problem" in the answer that is one of *problems* is raised as Unreachable with that code.
        """
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                process = subprocess.Popen(  # noqa: S603 - our own module, with the interpreter that runs here
                    [sys.executable, "-I", "-c", self._program, json.dumps(sys.path)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=self._environment,
                    cwd="/",
                )
        except OSError:
            ours.close()
            raise Unreachable("engine_died") from None
        self._child = process, ours
        answer = self.ask(settings, b"", LOAD_S, LOADED_MOST)
        problem = answer.get("problem")
        if problem in problems:
            self.close()
            raise Unreachable(str(problem))
        return answer

    def ask(self, question: dict[str, Any], body: bytes, patience: float, most: int) -> dict[str, Any]:
        """Send a request, and return the answer that comes within *patience* seconds in at most *most* bytes."""
        assert self._child is not None
        pipe = self._child[1]
        until = time.monotonic() + patience
        encoded = json.dumps(question).encode("utf-8")
        line = None
        try:
            pipe.settimeout(patience)
            pipe.sendall(LENGTH.pack(len(encoded)) + encoded + LENGTH.pack(len(body)))
            pipe.sendall(body)
            line = _receive_line(pipe, until, most)
        except TimeoutError:
            raise Unreachable("engine_silent", seconds=int(patience)) from None
        except OSError:
            raise Unreachable("engine_died") from None
        finally:
            if line is None:  # also at Ctrl-C: a late answer would be taken for that to the next request
                self.close()
        with self.checking_answer():
            return parse_object(line, max_bytes=most)

    @contextmanager
    def checking_answer(self) -> Iterator[None]:
        """Context in which an answer is checked: a Key-, Type- or ValueError ends the process as `engine_garbled`."""
        try:
            yield
        except (KeyError, TypeError, ValueError):
            self.close()
            raise Unreachable("engine_garbled") from None

    def kill(self) -> None:
        """Kill the process, from any thread: a waiting `ask` raises `engine_died`."""
        child = self._child
        if child is not None:
            child[0].kill()

    def close(self) -> None:
        """Kill the process and wait for it; it has no state to save."""
        if self._child is None:
            return
        process, pipe = self._child
        self._child = None
        pipe.close()
        process.kill()
        process.wait()


def _receive_line(pipe: socket.socket, until: float, most: int) -> bytes:
    """Receive one line, with nothing after it; raises OSError where it does not come until *until*."""
    line = bytearray()
    while not line.endswith(b"\n"):
        pipe.settimeout(max(0.001, until - time.monotonic()))
        piece = pipe.recv(1 << 16)
        if not piece:
            raise ConnectionResetError
        line += piece
        if len(line) > most:
            break  # too long: parsing it will fail
    return bytes(line)
