"""The frames that a front and `arlo-rec serve` exchange over a pipe (docs/format.md, The door).

Each end sends GREETING first, then frames: a byte of kind, the length of the body in four bytes, the body. A body has
at most LONGEST bytes. A call and its answer are JSON with bytes behind. Nothing that comes is trusted by either end:
what is no frame, is too long, or stops in the middle raises Broken.
"""

from __future__ import annotations

import json
import struct
import threading
from typing import Any, Final, NamedTuple, Protocol

VERSION: Final = 1
GREETING: Final = f"arlo-rec door {VERSION}\n".encode("ascii")
GREETING_LONGEST: Final = 64  # bytes of a greeting of any version
LONGEST: Final = 2 * 1024 * 1024  # bytes of a body
PIECE: Final = 512 * 1024  # bytes of a file, or of an answer on stdout, that are sent at once
HEAD_LONGEST: Final = 1024 * 1024  # of a call or an answer: its JSON
WINDOW: Final = 256 * 1024  # bytes of a channel that may be on their way

ORDER: Final = b"o"  # front: what was typed, once and first
CALL: Final = b"q"  # server: something that is done on the person's machine
ANSWER: Final = b"a"  # front: what came of a call
STDERR: Final = b"e"  # server: text, which is not answered
OPEN: Final = b"n"  # front: a browser is connected, on a new channel
DATA: Final = b"d"  # both: bytes of a channel
TAKEN: Final = b"t"  # both: so many bytes of a channel were taken, so that as many more may come
CLOSE: Final = b"c"  # both: no more of a channel
INTERRUPT: Final = b"i"  # front: Ctrl-C
END: Final = b"z"  # server: the exit status, last
_FROM_FRONT: Final = ORDER + ANSWER + OPEN + DATA + TAKEN + CLOSE + INTERRUPT
_FROM_SERVER: Final = CALL + STDERR + DATA + TAKEN + CLOSE + END
_HEAD: Final = struct.Struct(">cI")
_CHANNEL: Final = struct.Struct(">I")


class Broken(Exception):
    """The other end is gone, or sent what is no frame."""


class OtherVersion(Broken):
    """The other end is a front or a server of another version."""


class Reader(Protocol):
    """What frames are read from: a buffered binary stream."""

    def read(self, size: int, /) -> bytes | None:
        """So many bytes, or fewer at the end."""


class Writer(Protocol):
    """What frames are written to: an unbuffered binary stream."""

    def write(self, data: bytes | memoryview, /) -> int | None:
        """Write some of the bytes; how many."""


class Frame(NamedTuple):
    """One frame."""

    kind: bytes
    body: bytes


class Link:
    """Both directions of a pipe, at one of its ends."""

    def __init__(self, reader: Reader, writer: Writer, *, is_front: bool) -> None:
        self._reader, self._writer = reader, writer
        self._comes = _FROM_SERVER if is_front else _FROM_FRONT
        self._lock = threading.Lock()

    def greet(self) -> None:
        """Send the greeting; raises Broken."""
        self._send_all(GREETING)

    def demand_greeting(self) -> None:
        """Read the other end's greeting; raises OtherVersion, or Broken where it sends something else, or nothing."""
        line = b""
        while len(line) < GREETING_LONGEST and not line.endswith(b"\n"):
            line += self._read(1)
        if line != GREETING:
            begin = GREETING.rpartition(b" ")[0]
            raise OtherVersion if line.startswith(begin + b" ") and line.endswith(b"\n") else Broken

    def send(self, kind: bytes, *parts: bytes) -> None:
        """Send a frame; raises Broken. Safe to call from several threads."""
        body = b"".join(parts)
        if len(body) > LONGEST:
            raise ValueError("too long a frame")
        with self._lock:
            self._send_all(_HEAD.pack(kind, len(body)) + body)

    def receive(self) -> Frame:
        """The next frame; raises Broken."""
        kind, length = _HEAD.unpack(self._read(_HEAD.size))
        if kind not in self._comes or length > LONGEST:
            raise Broken
        return Frame(kind, self._read(length))

    def _read(self, size: int) -> bytes:
        try:
            got = self._reader.read(size) or b""
        except (OSError, ValueError):  # the stream is closed
            raise Broken from None
        if len(got) != size:
            raise Broken
        return got

    def _send_all(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[self._writer.write(left) or 0 :]
        except (OSError, ValueError):
            raise Broken from None


def packed(document: dict[str, Any], data: bytes = b"") -> bytes:
    """JSON with bytes behind it, as the body of a call, an answer or an order."""
    head = json.dumps(document, ensure_ascii=True).encode("ascii")
    return _CHANNEL.pack(len(head)) + head + data


def unpacked(body: bytes) -> tuple[dict[str, Any], bytes]:
    """What `packed` made; raises Broken."""
    if len(body) < _CHANNEL.size:
        raise Broken
    (length,) = _CHANNEL.unpack(body[: _CHANNEL.size])
    head = body[_CHANNEL.size : _CHANNEL.size + length]
    if length > HEAD_LONGEST or len(head) != length:
        raise Broken
    try:
        document = json.loads(head)
    except (ValueError, RecursionError):
        raise Broken from None
    if not isinstance(document, dict):
        raise Broken
    return document, body[_CHANNEL.size + length :]


def of_channel(number: int, data: bytes = b"") -> bytes:
    """The body of a frame of a channel."""
    return _CHANNEL.pack(number) + data


def channel_of(body: bytes) -> tuple[int, bytes]:
    """The channel of a frame, and its bytes; raises Broken."""
    if len(body) < _CHANNEL.size:
        raise Broken
    return int(_CHANNEL.unpack(body[: _CHANNEL.size])[0]), body[_CHANNEL.size :]


def count_of(data: bytes) -> int:
    """How many bytes were taken, of a TAKEN frame; raises Broken."""
    if len(data) != _CHANNEL.size:
        raise Broken
    return int(_CHANNEL.unpack(data)[0])


def as_count(count: int) -> bytes:
    """The same, to be sent."""
    return _CHANNEL.pack(count)
