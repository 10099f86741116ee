"""The three storage ports, and what each promises. They take bytes and names, and know nothing of recordings.

`files` implements `Blobs` and `Root`, `sqlite` implements `Connection`; the tests have implementations in memory, and
one suite checks every implementation against the docstrings here. Failures are `Unreachable`, or `InUse` where another
run holds a lock, never an exception of the operating system or of SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

Row = tuple[Any, ...]
SLOTS = 2  # of the root file; a crash can damage only the one that is being written
AT_ONCE = 500  # values of one statement; SQLite takes 32766
Key = TypeVar("Key", bound=bytes | int)
SLOT_BYTES = 512  # a sector: the unit that a disk writes whole
FILE_MODE, FOLDER_MODE = 0o600, 0o700  # of everything that the store's owner writes


class Blobs(Protocol):
    """Sealed objects by name (32 hex digits). Immutable: a name is written once."""

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write the bytes of *name*, which does not exist before `settle`; safe to call from several threads."""

    def settle(self, names: Iterable[str]) -> None:
        """Give what was put its name, and make puts and deletions of *names* survive a power cut.

        A name exists with all its bytes or not at all, whenever the power fails.
        """

    def open(self, name: str) -> BinaryIO:
        """A seekable stream of the bytes; raises KeyError where there is no such name."""

    def heads(self, names: Sequence[str], length: int) -> Iterator[tuple[int, bytes] | None]:
        """For each name in order its size and its first *length* bytes; None where there is no such name."""

    def size(self, name: str) -> int | None:
        """The number of bytes; None where there is no such name."""

    def delete(self, name: str) -> None:
        """Delete *name* and what an interrupted `put` left of it; a name that does not exist is no error."""

    def delete_all(self, names: Sequence[str]) -> None:
        """Delete many, some at once."""

    def names(self, beginning: str = "") -> Iterator[str]:
        """Every name, or every name that begins with two given digits, in no order."""


class Root(Protocol):
    """Two slots that are overwritten in place, two copies of the newest state seen, and one lock for all runs."""

    def read(self) -> list[bytes]:
        """The bytes of both slots."""

    def write(self, slot: int, content: bytes) -> None:
        """Overwrite one slot where it lies, durably: no copy of the old bytes stays behind in a freed block."""

    def read_seen(self) -> list[bytes]:
        """Both copies of the newest state seen; bytes that decode to no state where nothing was written yet."""

    def update_seen(self, change: Callable[[list[bytes]], bytes | None]) -> None:
        """Overwrite both copies, one after the other, with what *change* makes of them (None: leave them).

        No other run changes them in between, so the state never moves back.
        """

    def lock(self, *, exclusive: bool, wait: float) -> AbstractContextManager[None]:
        """Lock the root, shared or exclusive; raises InUse after *wait* seconds. Released when the process ends."""


class Connection(Protocol):
    """An SQL database for one thread, with one transaction at a time."""

    snapshots: int  # counts up at the begin and the end of each transaction: odd inside, and what was read then holds

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Every row of the statement's result."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement inside `writing`; the number of rows that it changed."""

    def schema_digest(self) -> bytes:
        """SHA-256 over every table, index, view and trigger, by type and name."""

    def run_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Execute a statement once per row of values, inside `writing`."""

    def reading(self) -> AbstractContextManager[None]:
        """One consistent snapshot of the database for everything that is read inside."""

    def writing(self) -> AbstractContextManager[None]:
        """The only write transaction: durable when the block ends, rolled back when it raises."""

    def flush(self, wait: float) -> bool:
        """Write the journal into the database file and empty it; False if a reader prevented it for *wait* seconds."""

    def copy_to(self, path: Path) -> None:
        """Copy the database to a new file under the same key; inside `reading` it is a copy of that snapshot."""

    def rekey(self, key: bytes) -> None:
        """Encrypt the whole database again under *key*. Nobody else may have it open."""

    def check_file(self) -> list[str]:
        """The problems that the engine's own check of its file reports; empty if none. May run on another thread."""

    def size(self) -> int:
        """Bytes of the database as it says itself, whatever hangs behind its file."""

    def sums(self) -> dict[str, bytes]:
        """The sum over all rows of each table that has one, with what this transaction has changed."""

    def sum_matches(self, table: str) -> bool:
        """Whether the sum over all rows of a table, computed again, equals the stored sum. May take long."""

    def closed(self) -> AbstractContextManager[None]:
        """Nothing is open inside: a process that is forked may not inherit a connection, and opens its own (`open`)."""

    def open(self) -> None:
        """Open it again, in a process that was forked inside `closed`."""

    def close(self) -> None:
        """Close the connection."""


def portions(values: Iterable[Key]) -> Iterator[list[Key]]:
    """The values sorted, in lists of AT_ONCE; sorted, so that each page of an index is read once."""
    every = sorted(values)
    for at in range(0, len(every), AT_ONCE):
        yield every[at : at + AT_ONCE]


def marks(values: Sequence[object]) -> str:
    """As many SQL placeholders as values."""
    return ", ".join("?" * len(values))
