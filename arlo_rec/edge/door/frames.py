"""The frames that a front and `arlo-rec serve` exchange over a pipe, with channels and errors in them (docs/format.md).

Each end sends GREETING first, then frames: a byte of kind, the length of the body in four bytes, the body. A body has
at most LONGEST bytes. A call and its answer are JSON with bytes behind. Neither end trusts the other: an invalid, too
long or incomplete frame raises Broken.

A channel is a stream: a browser's connection, or the sound for a player. An end sends at most WINDOW bytes of a channel
that the other has not taken yet, so that a slow browser delays only itself. Neither end keeps more than that of it. An
error of a call on the person's machine is raised again by the caller.
"""

from __future__ import annotations

import json
import os
import struct
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from arlo_rec.law.messages import clean, say
from arlo_rec.law.model import errors
from arlo_rec.law.model.errors import ArloError, Lost, Refused

VERSION: Final = 1
GREETING: Final = f"arlo-rec door {VERSION}\n".encode("ascii")
GREETING_LONGEST: Final = 64  # bytes of a greeting of any version
LONGEST: Final = 2 * 1024 * 1024  # bytes of a body
PIECE: Final = 512 * 1024  # bytes of a file, or of an answer on stdout, that are sent at once
HEAD_LONGEST: Final = 1024 * 1024  # of a call or an answer: its JSON
WINDOW: Final = 256 * 1024  # bytes of a channel that may be on their way

ORDER: Final = b"o"  # front: the words typed, once and first
CALL: Final = b"q"  # server: something that is done on the person's machine
ANSWER: Final = b"a"  # front: the result of a call
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
    """The other end is gone, or sent an invalid frame."""


class OtherVersion(Broken):
    """The other end is a front or a server of another version."""


class Reader(Protocol):
    """A source of frames: a buffered binary stream."""

    def read(self, size: int, /) -> bytes | None:
        """Read so many bytes, or fewer at the end."""


class Writer(Protocol):
    """A sink of frames: an unbuffered binary stream."""

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
        self._is_gone = False  # a frame could not be sent whole, so that none behind it could be read

    def greet(self) -> None:
        """Send the greeting; raises Broken."""
        self._send_all(GREETING)

    def demand_greeting(self) -> None:
        """Read the other end's greeting; raises OtherVersion, or Broken for any other bytes, or none."""
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
        if self._is_gone:
            raise Broken
        left = memoryview(data)
        try:
            while left:
                left = left[self._writer.write(left) or 0 :]
        except (OSError, ValueError):
            self._is_gone = True
            raise Broken from None


def packed(document: dict[str, Any], data: bytes = b"") -> bytes:
    """JSON with bytes behind it, as the body of a call, an answer or an order."""
    head = json.dumps(document, ensure_ascii=True).encode("ascii")
    return _CHANNEL.pack(len(head)) + head + data


def unpacked(body: bytes) -> tuple[dict[str, Any], bytes]:
    """The inverse of `packed`; raises Broken."""
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
    """The number of bytes taken, of a TAKEN frame; raises Broken."""
    if len(data) != _CHANNEL.size:
        raise Broken
    return int(_CHANNEL.unpack(data)[0])


def as_count(count: int) -> bytes:
    """The body of a TAKEN frame."""
    return _CHANNEL.pack(count)


MOST: int = 256  # channels that are open at once; a browser has six


class Channel:
    """One stream, in both directions; every method is safe to call from another thread."""

    def __init__(self, link: Link, number: int) -> None:
        self.number = number
        self._link = link
        self._changed = threading.Condition()
        self._came: deque[bytes] = deque()
        self._waiting = 0  # bytes that came and were not received yet
        self._room = WINDOW  # bytes that may be sent
        self._is_over = False  # nothing more comes
        self._is_closed = False  # nothing more is sent

    def send(self, data: bytes) -> None:
        """Send bytes as the other end takes them; raises Broken if it takes no more."""
        at = 0
        while at < len(data):
            with self._changed:
                self._changed.wait_for(lambda: self._room or self._is_over or self._is_closed)
                if self._is_over or self._is_closed:
                    raise Broken
                size = min(self._room, len(data) - at)
                self._room -= size
            self._link.send(DATA, of_channel(self.number, data[at : at + size]))
            at += size

    def receive(self) -> bytes:
        """The bytes that arrived; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._came or self._is_over or self._is_closed)
            data = self._came.popleft() if self._came else b""
            self._waiting -= len(data)
            is_told = bool(data) and not self._is_over
        if is_told:
            self._link.send(TAKEN, of_channel(self.number, as_count(len(data))))
        return data

    def close(self) -> None:
        """End sending; the other end is told once."""
        with self._changed:
            was_closed, self._is_closed = self._is_closed, True
            self._changed.notify_all()
        if not was_closed:
            self._link.send(CLOSE, of_channel(self.number))

    # -- called by the reader of the frames -----------------------------------------------------------

    def arrived(self, data: bytes) -> None:
        """Keep bytes that arrived; raises Broken for more than WINDOW allows."""
        with self._changed:
            if self._waiting + len(data) > WINDOW:
                raise Broken
            self._came.append(data)
            self._waiting += len(data)
            self._changed.notify_all()

    def taken(self, count: int) -> None:
        """Note that the other end took bytes; raises Broken for more than were sent."""
        with self._changed:
            self._room += count
            if self._room > WINDOW:
                raise Broken
            self._changed.notify_all()

    def over(self) -> None:
        """End receiving."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def end(self) -> None:
        """End both directions, and tell nothing."""
        with self._changed:
            self._is_over = self._is_closed = True
            self._changed.notify_all()


class Channels:
    """The open channels of a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._open: dict[int, Channel] = {}

    def add(self, number: int) -> Channel:
        """A new channel; raises Broken for an invalid or used number, or if too many are open."""
        with self._lock:
            if not 0 <= number < 2**32 or number in self._open or len(self._open) >= MOST:
                raise Broken
            channel = self._open[number] = Channel(self._link, number)
        return channel

    def forget(self, channel: Channel) -> None:
        """Delete a channel that is over at both ends."""
        with self._lock:
            self._open.pop(channel.number, None)

    def tell(self, number: int, what: Callable[[Channel], None]) -> None:
        """Pass an event to a channel, if it is still open."""
        with self._lock:
            channel = self._open.get(number)
        if channel is not None:
            what(channel)

    def end(self) -> None:
        """End every channel, because the link is broken."""
        with self._lock:
            every = list(self._open.values())
        for channel in every:
            channel.end()


def take(channels: Channels, frame: Frame) -> None:
    """Hand a frame to its channel; raises Broken."""
    number, data = channel_of(frame.body)
    if frame.kind == DATA:
        channels.tell(number, lambda channel: channel.arrived(data))
    elif frame.kind == TAKEN:
        count = count_of(data)
        channels.tell(number, lambda channel: channel.taken(count))
    else:
        channels.tell(number, Channel.over)


_KINDS: Final = {  # that something on the person's machine raises
    kind.__name__: kind
    for kind in (
        *(errors.Interrupted, errors.Usage, errors.InUse, errors.NotUnlocked, errors.Refused, errors.Integrity),
        *(errors.Unreachable, ArloError),
    )
}
_DETAIL: Final = (str, int, float)
_OF_SESSION: Final = "keyring_demand_own_session"  # the call that raises NoOwnSession
_OF_SYSTEM: Final = frozenset(  # calls that raise errors of the operating system; all else raises ours
    {"read", "names", "keyring_prepare", "keyring_put_into_session", "keyring_search", "keyring_read"}
)


def told(error: BaseException) -> dict[str, Any]:
    """An error of ours, of the operating system, or Ctrl-C, as JSON."""
    if isinstance(error, ArloError):
        kind = next(name for name, each in _KINDS.items() if isinstance(error, each))
        return {"kind": kind, "code": error.code, "rule": error.rule, "detail": error.detail}
    if isinstance(error, OSError):
        of_keyring = type(error).__name__ == "KeyEnded"
        name = str(error.filename) if error.filename is not None else None
        return {"kind": "KeyEnded" if of_keyring else "OSError", "number": error.errno or 0, "name": name}
    if isinstance(error, KeyboardInterrupt):
        return {"kind": "KeyboardInterrupt"}
    return {"kind": "NoOwnSession", "code": str(error)}


def raised(document: Any, call: str) -> BaseException:
    """The error that `told` wrote for a call; Lost for any other document, or one that this call cannot raise."""
    try:
        kind = str(document["kind"])
        if kind == "KeyboardInterrupt":
            return KeyboardInterrupt()
        if kind == "NoOwnSession" and call == _OF_SESSION:
            from arlo_rec.vault.crypto.kernel_keyring import NoOwnSession

            say(f"error.{document['code']}", "en")
            return NoOwnSession(document["code"])
        if kind in {"OSError", "KeyEnded"} and call in _OF_SYSTEM:
            number, name = int(document["number"]), document["name"]
            if kind == "KeyEnded":
                from arlo_rec.vault.crypto.kernel_keyring import KeyEnded

                return KeyEnded(number, os.strerror(number))
            return OSError(number, os.strerror(number), None if name is None else str(name))
        rule, code, made = document["rule"], str(document["code"]), _KINDS[kind]
        values = {key: value for key, value in document["detail"].items() if isinstance(value, _DETAIL)}
        rule = None if rule is None and made is not Refused else clean(str(rule))
        error = made(code, rule=rule, **values)  # type: ignore[arg-type]  # of all but Refused it may be None
        say(f"{'nearest' if 'nearest' in values else 'error'}.{error.sentence}", "en", **values)
        return error
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError):
        return Lost()
