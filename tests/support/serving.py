"""`arlo-rec serve` in a process of its own, at whose other end a test is the front, and says what it likes.

The process is forked from the one that runs the test: what passphrases cost is remembered in it.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import resource
import signal
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from arlo_rec.edge.door import frames
from arlo_rec.edge.door.frames import GREETING, Broken, Frame, Link, packed, unpacked
from tests.support.door import frame
from tests.support.world import PASSPHRASE, World

Answer = tuple[dict[str, Any], bytes]  # "is" or "error", and bytes
Front = Callable[[dict[str, Any], bytes], Answer]  # what comes of a call
PATIENCE = 20.0  # seconds for a process to do what it is asked, and to end
MOST_CALLS = 1000  # that are answered: a player of which it is said that it plays on is asked for ever
SECRET = "typed"  # the path of a passphrase file that the front alone has
_LOOKS = ("stat", "lstat", "access", "readlink")  # of which Python tells no audit hook
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")


class Ended(NamedTuple):
    """How the serving process ended."""

    status: int
    said: str  # on its own stderr, which no front sees but at its end
    out: bytes = b""  # what the front was told to write
    err: bytes = b""
    calls: tuple[str, ...] = ()  # by their names
    told: int = 0  # bytes that the front sent
    touched: tuple[str, ...] = ()  # of the paths that are watched, and programs that were started
    environment: Mapping[str, str] = {}
    is_dumpable: bool = False
    core: int = 0  # the longest core dump, in bytes; -1: of any length


def order(*words: str, **changes: object) -> dict[str, Any]:
    """An order as a front gives it."""
    return {
        "words": list(words), "personal": {"passphrase_file": SECRET}, "terminals": [False] * 3,
        "encodings": [["utf-8", "strict"], ["utf-8", "strict"], ["utf-8", "backslashreplace"]], "term": "xterm",
        "no_color": "", "columns": "100", "lines": "40", "lang": "en", **changes,
    }  # fmt: skip


def ordered(*words: str, **changes: object) -> bytes:
    """The bytes of a greeting and an order."""
    return GREETING + frame(frames.ORDER, packed(order(*words, **changes)))


def polite(document: dict[str, Any], data: bytes) -> Answer:
    """What comes of a call where everything goes well and nothing is there; files can be written."""
    path = document.get("path")
    given: dict[str, Answer] = {
        "secret": ({"is": None}, PASSPHRASE.encode()),
        "read": ({"is": 4}, b"text"),
        "names": ({"is": []}, b""),
        "begin": ({"is": 1}, b""),
        "append_note": ({"is": True}, b""),
        "is_in_foreground": ({"is": True}, b""),
        "screen": ({"is": [True, None]}, b""),
        "listen": ({"is": ["127.0.0.1", 4711]}, b""),
        "play": ({"is": 1}, b""),
        "play_wait": ({"is": True}, b""),
        "keyring_prepare": ({"is": 1}, b""),
        "keyring_keys_of_session": ({"is": []}, b""),
        "witness": ({"is": ["it", "it+1+key", None]}, b""),
        "witness_cosign": ({"is": "note"}, b""),
        "absolute": ({"is": path}, b""),
        "demand_new_folder": ({"is": path}, b""),
    }
    return given.get(str(document.get("name")), ({"is": None}, b""))


class Serving:
    """A serving process, and the front's end of its door."""

    def __init__(self, pid: int, end: socket.socket, notes: Path) -> None:
        self.pid, self.end, self._notes = pid, end, notes
        self._reader = end.makefile("rb")
        self.link = Link(self._reader, io.BytesIO(), is_front=True)
        self._out, self._err, self._calls = bytearray(), bytearray(), list[str]()
        self._told, self._is_greeted = 0, False
        self.cut: int | None = None  # how many bytes are sent before the door is shut, in that direction or in both
        self.cuts_both = False

    def say(self, raw: bytes) -> None:
        """Send bytes; none where the other end is gone."""
        left = len(raw) if self.cut is None else max(0, self.cut - self._told)
        self._told += len(raw)
        with suppress(OSError):
            self.end.sendall(raw[:left])
            if left < len(raw):
                self.leave() if self.cuts_both else self.hush()

    def hush(self) -> None:
        """Send nothing more."""
        self.end.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """Close the door."""
        with suppress(OSError):
            self.end.shutdown(socket.SHUT_RDWR)

    def frames(self) -> Iterator[Frame]:
        """What comes, behind the greeting, until the process ends, or nothing comes any more."""
        try:
            if not self._is_greeted:
                self.link.demand_greeting()
                self._is_greeted = True
            while True:
                came = self.link.receive()
                if came.kind == frames.STDERR:
                    self._err += came.body
                yield came
        except Broken:
            return

    def calls(self) -> Iterator[Answer]:
        """The calls that come, until the process ends."""
        for came in self.frames():
            if came.kind == frames.CALL:
                document, data = unpacked(came.body)
                self._calls.append(str(document["name"]))
                if document["name"] == "stdout":
                    self._out += data
                yield document, data

    def answer(self, front: Front = polite, *, leaves_after: float = PATIENCE) -> Ended:
        """Answer everything by *front*, until it ends, nothing came for so many seconds, or far too much."""
        self.end.settimeout(leaves_after)
        for document, data in islice(self.calls(), MOST_CALLS):
            self._give(document, front(document, data))
        if leaves_after < PATIENCE or len(self._calls) == MOST_CALLS:
            self.leave()
        return self.ended()

    def answer_until(self, name: str, *, itself: bool = True) -> None:
        """Answer each call politely up to one of that name, which gets its answer too where *itself*."""
        for document, data in self.calls():
            is_last = document["name"] == name
            if itself or not is_last:
                self._give(document, polite(document, data))
            if is_last:
                return

    def _give(self, document: dict[str, Any], given: Answer) -> None:
        answer, more = given
        self.say(frame(frames.ANSWER, packed({"call": document["call"], **answer}, more)))

    def ended(self) -> Ended:
        """Wait for the process, which ends by itself."""
        deadline = time.monotonic() + PATIENCE
        while not (done := os.waitpid(self.pid, os.WNOHANG))[0]:
            assert time.monotonic() < deadline, "the serving process goes on"
            time.sleep(0.002)
        self.pid = 0
        noted = json.loads((self._notes / "noted").read_bytes())
        said, status = (self._notes / "said").read_text("utf-8"), os.waitstatus_to_exitcode(done[1])
        return Ended(status, said, bytes(self._out), bytes(self._err), tuple(self._calls), self._told, **noted)

    def close(self) -> None:
        """Leave no process."""
        self._reader.close()
        self.end.close()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@contextmanager
def serving(
    world: World, *typed: str, person: str | None = "sigrid", watched: Path | None = None, **environment: str
) -> Iterator[Serving]:
    """A serving process for a person, which notes what it touches below *watched*; *typed* to `arlo-rec serve`."""
    words = ["serve", "--store", str(world.store), *(["--person", person] if person else []), *typed]
    ours, theirs = socket.socketpair()
    notes = world.base / "notes"
    notes.mkdir(exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads of the test runner, which the child does not need
        pid = os.fork()
    if not pid:
        ours.close()
        home = {"HOME": str(world.base), "XDG_STATE_HOME": str(world.base / "state")}
        _be(words, theirs, {"PATH": os.environ["PATH"], **home, **environment}, notes, watched)
    theirs.close()
    ours.settimeout(PATIENCE)
    made = Serving(pid, ours, notes)
    try:
        yield made
    finally:
        made.close()


def _be(
    words: Sequence[str], end: socket.socket, environment: dict[str, str], notes: Path, watched: Path | None
) -> NoReturn:
    """Serve, in this process, as if it were started for that."""
    status, touched = 1, list[str]()
    said = os.open(notes / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        for number, handle in enumerate((end.fileno(), end.fileno(), said)):
            os.dup2(handle, number)
        end.close()
        sys.stdin, sys.stdout, sys.stderr = (open(number, mode, closefd=False) for number, mode in enumerate("rww"))  # noqa: SIM115
        os.environ.clear()
        os.environ.update(environment)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _lower_guards()
        if watched is not None:
            _watch(str(watched), touched)
        from arlo_rec.__main__ import _run

        status = _run(list(words))
    except BaseException:  # noqa: BLE001 - a test looks at what was said
        os.write(said, traceback.format_exc().encode("utf-8", "backslashreplace"))
    finally:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        (notes / "noted").write_text(json.dumps({"touched": touched, "environment": dict(os.environ), **_guards()}))
        os._exit(status)


def _guards() -> dict[str, object]:
    """Whether memory of this process could be read or dumped."""
    is_dumpable = bool(ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0))
    return {"is_dumpable": is_dumpable, "core": resource.getrlimit(resource.RLIMIT_CORE)[0]}


def _lower_guards() -> None:
    """Undo what commands did that ran in the process of the test."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def _watch(below: str, touched: list[str]) -> None:
    """Note what looks at a path below *below*, and every program that is started."""

    def note(event: str, *words: object) -> None:
        for word in words:
            path = os.fsdecode(word) if isinstance(word, str | bytes | os.PathLike) else ""
            if path.startswith(below):
                touched.append(f"{event} {path}")

    def hook(event: str, words: tuple[object, ...]) -> None:
        if event in _STARTS:
            touched.append(f"{event} {words[:2]!r}")
        elif event in {"open", "glob.glob"} or event.startswith(("os.", "shutil.", "sqlite3.", "ctypes.dlopen")):
            note(event, *words)

    def noting(name: str, look: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*words: Any, **more: Any) -> Any:
            note(name, *words)
            return look(*words, **more)

        return noted

    for name in _LOOKS:
        setattr(os, name, noting(name, getattr(os, name)))
    sys.addaudithook(hook)
