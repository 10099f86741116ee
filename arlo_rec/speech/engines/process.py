"""The parent's side of a process of our own that a model runs in: starting it, asking it, and ending it.

The process gets no secret, no environment, no terminal and no folder of ours. It is asked through a socket and told
to answer by one line of JSON (`serving` has the form). What does not answer in time, dies, or says what is no answer
is ended; who asks next starts another. What the answers mean, and whether they can be, is judged by who asks.
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
    """What runs `main` of a module of this room: the very modules that run here, whatever the environment says."""
    return (
        "import json, sys; sys.dont_write_bytecode = True; sys.path[:] = json.loads(sys.argv[1]); "
        f"from arlo_rec.speech.engines import {module}; {module}.main()"
    )


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; a name that no system takes, or a place that nobody may enter, is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


class Process:
    """At most one process at a time, running *program*; for one thread at a time.

    All raise Unreachable `engine_died`, `engine_silent` or `engine_garbled`, and then the process is gone.
    """

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        self._program = program
        self._environment = {**_ENVIRONMENT, **environment}
        self._child: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process that runs; None where none does, whatever it died of."""
        return self._child[0].pid if self._child is not None and self._child[0].poll() is None else None

    def start(self, settings: dict[str, Any], problems: tuple[str, ...]) -> dict[str, Any]:
        """End the one that there was, start another, and give what it says after loading by *settings*.

        One of *problems* that it has is raised as Unreachable.
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
        told = self.ask(settings, b"", LOAD_S, LOADED_MOST)
        problem = told.get("problem")
        if problem in problems:
            self.close()
            raise Unreachable(str(problem))
        return told

    def ask(self, question: dict[str, Any], body: bytes, patience: float, most: int) -> dict[str, Any]:
        """What the running process answers within *patience* seconds in at most *most* bytes."""
        assert self._child is not None
        pipe = self._child[1]
        until = time.monotonic() + patience
        told = json.dumps(question).encode("utf-8")
        line = None
        try:
            pipe.settimeout(patience)
            pipe.sendall(LENGTH.pack(len(told)) + told + LENGTH.pack(len(body)))
            pipe.sendall(body)
            line = _line(pipe, until, most)
        except TimeoutError:
            raise Unreachable("engine_silent", seconds=int(patience)) from None
        except OSError:
            raise Unreachable("engine_died") from None
        finally:
            if line is None:  # for Ctrl-C too: what it answers later would be taken for the next question's answer
                self.close()
        with self.believing():
            return parse_object(line, max_bytes=most)

    @contextmanager
    def believing(self) -> Iterator[None]:
        """What is no answer ends the process: whatever it says next is none either."""
        try:
            yield
        except (KeyError, TypeError, ValueError):
            self.close()
            raise Unreachable("engine_garbled") from None

    def kill(self) -> None:
        """End the process from another thread: who waits for an answer is told that it died."""
        child = self._child
        if child is not None:
            child[0].kill()

    def close(self) -> None:
        """End the process at once; it holds nothing that is to be kept."""
        if self._child is None:
            return
        process, pipe = self._child
        self._child = None
        pipe.close()
        process.kill()
        process.wait()


def _line(pipe: socket.socket, until: float, most: int) -> bytes:
    """One line and nothing behind it; raises OSError where it does not come."""
    found = bytearray()
    while not found.endswith(b"\n"):
        pipe.settimeout(max(0.001, until - time.monotonic()))
        piece = pipe.recv(1 << 16)
        if not piece:
            raise ConnectionResetError
        found += piece
        if len(found) > most:
            break  # too large to be read as an answer
    return bytes(found)
