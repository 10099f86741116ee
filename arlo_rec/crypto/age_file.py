"""Encrypt a stream to somebody's age key, as it is made: the file format of c2sp.org/age, by pyrage.

The recipient is an X25519 key, `age1...`. Whoever has its secret key opens the file with `age -d` or any other program
that knows the format; nobody else, and no passphrase.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Full, Queue
from typing import TYPE_CHECKING, Final

from arlo_rec.crypto import primitives
from arlo_rec.model.errors import Usage

if TYPE_CHECKING:
    from pyrage.x25519 import Recipient

_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_CHECKSUM: Final = 6  # signs
_WAITING = 4  # pieces between the one who makes them and the thread that encrypts
_END: Final = None
_STOP: Final = 0


def recipient(text: str) -> Recipient:
    """The recipient that *text* names; raises Usage for anything else than an age X25519 key."""
    import pyrage

    try:
        to = pyrage.x25519.Recipient.from_str(text)
    except (pyrage.RecipientError, UnicodeEncodeError):
        raise Usage("recipient_unknown") from None
    if not primitives.agrees_with_all(_point(text)):  # pyrage would end the program by a panic
        raise Usage("recipient_unknown")
    return to


def _point(recipient: str) -> bytes:
    """The 32 bytes in a recipient whose form and checksum are right (Bech32: BIP 173)."""
    digits = [_BECH32.index(sign) for sign in recipient.lower()[len("age1") : -_CHECKSUM]]
    number = 0
    for digit in digits:
        number = number << 5 | digit
    return (number >> (5 * len(digits) - 256)).to_bytes(32, "big")


def encrypted(pieces: Iterable[bytes], to: Recipient) -> Iterator[bytes]:
    """The age file of *pieces*, which are made on the caller's thread; in memory are a few of them."""
    import pyrage

    waiting: Queue[bytes | int | None] = Queue(_WAITING)
    ready: deque[bytes] = deque()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(pyrage.encrypt_io, _Plain(waiting), _Sealed(ready), [to])
        try:
            for piece in pieces:
                _put(waiting, piece, done)
                while ready:
                    yield ready.popleft()
            _put(waiting, _END, done)
            done.result()
        finally:
            if not done.done():
                waiting.put(_STOP)
    yield from ready


def _put(waiting: Queue[bytes | int | None], piece: bytes | None, done: Future[None]) -> None:
    """Hand over a piece; raises what the thread raised, if it ended."""
    while True:
        try:
            return waiting.put(piece, timeout=1)
        except Full:
            if done.done():
                done.result()


class _Plain:
    """What is to be encrypted, as a stream that a thread reads."""

    def __init__(self, waiting: Queue[bytes | int | None]) -> None:
        self._waiting = waiting
        self._piece = memoryview(b"")
        self._at_end = False

    def read(self, size: int) -> bytes:
        """At most *size* bytes; none at the end."""
        while not self._piece and not self._at_end:
            piece = self._waiting.get()
            if isinstance(piece, int):
                raise EOFError("given up")  # noqa: TRY004  # the one who makes the pieces stopped
            self._at_end = piece is None
            self._piece = memoryview(piece or b"")
        taken, self._piece = bytes(self._piece[:size]), self._piece[size:]
        return taken


class _Sealed:
    """What was encrypted, as a stream that a thread writes."""

    def __init__(self, ready: deque[bytes]) -> None:
        self._ready = ready

    def write(self, piece: bytes) -> int:
        """Take all of it."""
        self._ready.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing waits here."""
