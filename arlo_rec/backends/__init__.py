"""The two storage ports and their promises. They take bytes and names, and know nothing of recordings.

`files` implements `Blobs` and `Root`, `objects` implements `Blobs` in a bucket; the tests have implementations in
memory, and one suite checks every implementation against the docstrings here. The catalogue is one SQLCipher file
(`sqlite`). Failures are `Unreachable`, or `InUse` if another run holds a lock, never an exception of the operating
system, of a service or of SQLite.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Protocol, TypeVar

Row = tuple[Any, ...]
SLOTS = 2  # of the root file; a crash can damage only the one that is being written
AT_ONCE = 500  # values of one statement; SQLite takes 32766
Key = TypeVar("Key", bound=bytes | int)
NAME = re.compile(r"[0-9a-f]{32}")  # of an object
SLOT_BYTES = 512  # a sector: the unit that a disk writes whole
FILE_MODE, FOLDER_MODE = 0o600, 0o700  # of everything that the store's owner writes


class Blobs(Protocol):
    """Sealed objects by name (32 hex digits). Immutable: a name is written once."""

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write the bytes of *name*, which does not exist before `settle`; safe to call from several threads."""

    def settle(self, names: Iterable[str]) -> None:
        """Give new objects their names, and make puts and deletions of *names* survive a power cut.

        A name exists with all its bytes or not at all, whenever the power fails.
        """

    def open(self, name: str) -> BinaryIO:
        """A seekable stream of the bytes; raises KeyError for a missing name, as reading may if it is deleted then."""

    def heads(self, names: Sequence[str], length: int) -> Iterator[tuple[int, bytes] | None]:
        """The size and the first *length* bytes of each name in order; None for a missing name."""

    def size(self, name: str) -> int | None:
        """The number of bytes; None for a missing name."""

    def delete(self, name: str) -> None:
        """Delete *name* and the rest of an interrupted `put` of it; a missing name is no error."""

    def delete_all(self, names: Sequence[str]) -> None:
        """Delete many, several at once."""

    def names(self, beginning: str = "") -> Iterator[str]:
        """Every name, or every name that begins with two given digits, in no order."""


class Root(Protocol):
    """Two slots that are overwritten in place, two copies of the newest state seen, and one lock for all runs."""

    def read(self) -> list[bytes]:
        """The bytes of both slots."""

    def write(self, slot: int, content: bytes) -> None:
        """Overwrite one slot where it lies, durably: no copy of the old bytes stays behind in a freed block."""

    def read_seen(self) -> list[bytes]:
        """Both copies of the newest state seen; bytes that decode to no state before the first write."""

    def update_seen(self, change: Callable[[list[bytes]], bytes | None]) -> None:
        """Overwrite both copies, one after the other, with the result of *change* (None: leave them).

        No other run changes them in between, so the state never moves back.
        """

    def lock(self, *, exclusive: bool, wait: float) -> AbstractContextManager[None]:
        """Lock the root, shared or exclusive; raises InUse after *wait* seconds. Released when the process ends."""


def stored_digest(blobs: Blobs, name: str) -> bytes | None:
    """The BLAKE3 digest of a stored object; None if it is missing."""
    from arlo_rec.crypto import primitives  # here: a front, which has no such library, uses the ports beside

    try:
        with blobs.open(name) as stream:
            return primitives.digest_of(iter(lambda: stream.read(primitives.FEED), b""))
    except KeyError:
        return None


def portions(values: Iterable[Key]) -> Iterator[list[Key]]:
    """The values sorted, in lists of AT_ONCE; sorted, so that each page of an index is read once."""
    every = sorted(values)
    for at in range(0, len(every), AT_ONCE):
        yield every[at : at + AT_ONCE]


def marks(values: Sequence[object]) -> str:
    """As many SQL placeholders as values."""
    return ", ".join("?" * len(values))
