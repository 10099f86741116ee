"""The three ports below the store, and what each promises. Domain words stop here: bytes and names only.

`files` and `sqlite` are the real ones, `memory` serves tests; one suite holds all of them to these words.
What fails is an `Unreachable` (or `InUse` where another run holds a lock), never a foreign exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

Row = tuple[Any, ...]
SLOTS = 2  # of the root file; one is always whole
AT_ONCE = 500  # values of one statement; SQLite takes 32766
Key = TypeVar("Key", bound=bytes | int)
SLOT_BYTES = 512  # a sector: the unit that a disk writes whole


class Blobs(Protocol):
    """Sealed objects by name (32 hex digits). Immutable: a name is written once."""

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        """Take the bytes for *name*, which is not there before `settle`; safe to call side by side."""

    def settle(self, names: Iterable[str]) -> None:
        """Give what was put its name, and make it, and what was deleted, survive a power cut.

        A name is there with all its bytes or not at all, whenever the power fails.
        """

    def open(self, name: str) -> BinaryIO:
        """A seekable stream of the bytes; raises KeyError where there are none."""

    def heads(self, names: Sequence[str], length: int) -> Iterator[tuple[int, bytes] | None]:
        """For each name in turn how many bytes, and the first *length* of them; None where there is no such name."""

    def size(self, name: str) -> int | None:
        """How many bytes, or None where there is no such name."""

    def delete(self, name: str) -> None:
        """Forget *name* and whatever a broken `put` left of it; a name that is not there is no error."""

    def names(self, beginning: str = "") -> Iterator[str]:
        """Every name that is kept, or that begins with two digits, in no order."""


class Root(Protocol):
    """Two slots that are overwritten in place, a place for the last seen head, and one lock for all runs."""

    def read(self) -> list[bytes]:
        """The bytes of both slots."""

    def write(self, slot: int, content: bytes) -> None:
        """Overwrite one slot where it lies, durably: no copy of the old bytes stays behind in a freed block."""

    def read_seen(self) -> list[bytes]:
        """Both copies of the last seen head; empty bytes where nothing was ever written."""

    def update_seen(self, change: Callable[[list[bytes]], bytes | None]) -> None:
        """Overwrite both copies, one after the other, with what *change* makes of them (None: leave them).

        No other run changes them in between, so the head never moves back.
        """

    def lock(self, *, exclusive: bool, wait: float) -> AbstractContextManager[None]:
        """Hold the root, shared or alone; raises InUse after *wait* seconds. Gone with the process."""


class Connection(Protocol):
    """A catalogue that speaks portable SQL. One thread, one transaction at a time."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Every row that the statement gives."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Carry out a statement inside `writing`; how many rows it changed."""

    def run_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Carry out a statement once per row of values, inside `writing`."""

    def reading(self) -> AbstractContextManager[None]:
        """One consistent view of the catalogue for all that is read inside."""

    def writing(self) -> AbstractContextManager[None]:
        """All or nothing, and alone: durable when it ends, undone when it raises."""

    def flush(self, wait: float) -> bool:
        """Bring the journal home and empty it; False if a reader kept it busy for *wait* seconds."""

    def copy_to(self, path: Path) -> None:
        """A copy of the whole in a new file, under the same key; inside `reading` it is of that view."""

    def rekey(self, key: bytes) -> None:
        """Encrypt everything anew under *key*. Nobody else may have the catalogue open."""

    def sound(self) -> list[str]:
        """What the engine's own check of its file finds wrong; empty if nothing. May run on a thread beside others."""

    def agrees(self) -> bool:
        """Whether tables and their indexes agree with each other. May take long."""

    def sums(self) -> dict[str, bytes]:
        """The sum over all rows of each table that has one, as it is kept from change to change."""

    def still_sums_up(self, table: str) -> bool:
        """Whether all rows of a table, looked at anew, come to the sum that is kept. May take long."""

    def close(self) -> None:
        """Let go of it."""


def portions(values: Iterable[Key]) -> Iterator[list[Key]]:
    """Some hundred at once, as a statement takes only so many; sorted, so that each page of an index is met once."""
    every = sorted(values)
    for at in range(0, len(every), AT_ONCE):
        yield every[at : at + AT_ONCE]


def marks(values: Sequence[object]) -> str:
    """As many question marks as values."""
    return ", ".join("?" * len(values))
