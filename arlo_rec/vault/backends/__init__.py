"""The storage ports and their promises. They take bytes and names, and know nothing of recordings.

`files` implements `Blobs` and `RootSlots`; `Root` lies in slots (`keys.root_secret`). Others are of engines beyond this
machine (`elsewhere`). The tests have implementations in memory, and one suite checks every
implementation against the docstrings here. `Connection` is the catalogue in an engine of SQL: one SQLCipher file
(`sqlite`). Failures are `Unreachable`, or `InUse` if another run holds a lock, never an exception of the operating
system, of a service or of an engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from arlo_rec.vault.crypto.primitives import ColumnKey

Row = tuple[Any, ...]
SLOTS = 2  # of the root file; a crash can damage only the one that is being written
AT_ONCE = 500  # values of one statement; SQLite takes 32766
Key = TypeVar("Key", bound=bytes | int)
NAME = re.compile(r"[0-9a-f]{32}")  # of an object
LOCKS = ("open", "root", "intake")  # that every command of a store takes
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})  # the hosts that are this machine
SLOT_BYTES = 512  # a sector: the unit that a disk writes whole
FILE_MODE, FOLDER_MODE = 0o600, 0o700  # of everything that the store's owner writes


class Expected(NamedTuple):
    """The content of an object, by its BLAKE3 digest and its length."""

    digest: bytes
    length: int


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

    def probe(self) -> None:
        """Raise Unreachable where the place does not keep what we rely on: one object is put there and deleted."""

    def names(self, beginning: str = "") -> Iterator[str]:
        """Every name, or every name that begins with two given digits, in no order."""


class RootSeen(Protocol):
    """The newest state seen, and one lock for all runs."""

    def read_seen(self) -> list[bytes]:
        """The copies of the newest state seen; none, or bytes that decode to no state, before the first write."""

    def update_seen(self, change: Callable[[list[bytes]], bytes | None]) -> None:
        """Overwrite every copy, one after the other, with the result of *change* (None: leave them).

        No other run changes them in between, so the state never moves back.
        """

    def lock(self, *, exclusive: bool, wait: float) -> AbstractContextManager[None]:
        """Lock the root, shared or exclusive; raises InUse after *wait* seconds. Released when the process ends."""


class Locks(Protocol):
    """The named locks of a store's runs, for all who open it: on one machine, or on every host."""

    def lock(self, name: str, *, exclusive: bool, wait: float) -> AbstractContextManager[None]:
        """Lock one of LOCKS, shared or exclusive; raises InUse after *wait* seconds. Released when the process ends.

        A run that holds a lock gets it again only if both are shared.
        """


class RootSlots(RootSeen, Protocol):
    """Two slots that are overwritten in place, two copies of the newest state seen, and the lock."""

    def read(self) -> list[bytes]:
        """The bytes of both slots."""

    def write(self, slot: int, content: bytes) -> None:
        """Overwrite one slot where it lies, durably: no copy of the old bytes stays behind in a freed block."""


class WrappingKey(Protocol):
    """The root secret R of one generation, which wraps the keys of days and unwraps them."""

    def wrap(self, keys: Mapping[int, bytes]) -> dict[int, bytes]:
        """The wrapped keys, by day; raises Unreachable."""

    def unwrap(self, wrapped: Mapping[int, bytes]) -> dict[int, bytes]:
        """The keys, by day, without those that this R did not wrap for that day; raises Unreachable."""


class Unsettled(NamedTuple):
    """A place of the root with something else than R of the catalogue's generation, which `settle` would write."""

    place: str
    is_cut_off: bool  # whether an erasure that died leaves it so; else it was changed or damaged


class Root(RootSeen, Protocol):
    """The root secret R, which every erasure replaces by that of the next generation.

    Between `begin` and `settle` the catalogue commits. A crash leaves two generations, and the catalogue says which of
    them counts. Everything here raises Unreachable. Integrity says that the catalogue's *generation* is not there, or
    that it is older than an unfinished erasure leaves it.
    """

    wrapped_bytes: int  # of a day's wrapped key

    def demand_free(self) -> None:
        """Raise Usage unless a new store may have its root here."""

    def found(self, generation: int, seed: bytes, seed_version: int) -> WrappingKey:
        """The R of a store that is being made, by its first *generation*; the root *seed* protects it."""

    def founded(self) -> None:
        """Keep the root for the store that was made: until then another may be made in its place."""

    def open(self, generation: int, seed: bytes) -> WrappingKey:
        """R of the catalogue's generation; raises Integrity if the root seed does not open it."""

    def begin(self, generation: int, seed: bytes, seed_version: int) -> tuple[int, WrappingKey]:
        """The next generation and its R, beside that of the catalogue's *generation*.

        Nothing was ever wrapped below it, not by an erasure that died either.
        """

    def unsettled(self, generation: int) -> Unsettled | None:
        """The place that `settle` would write; None if there is no R but that of *generation*."""

    def settle(self, generation: int) -> None:
        """Destroy every R but that of *generation*, durably: the point of no return."""

    def weaknesses(self) -> list[str]:
        """The flags of its keeper by which R could be copied, or come back; none of a file."""


class Schema(Protocol):
    """The tables of a catalogue, and what its engine keeps beside them. A step of the schema changes them by this.

    Statements are those of SQLite; an engine with other names of types translates them.
    """

    def build(self, steps: Iterable[tuple[str, Callable[[Schema], None]]]) -> None:
        """Carry out each step, by name, that the catalogue lacks, in the caller's `writing` or in one of its own."""

    def carry_out(self, statements: str) -> None:
        """Execute statements that end in semicolons, inside `build`."""

    def keep_sum(self, table: str) -> None:
        """Begin the sum over all rows of a table; anew after a step that changed its columns."""

    def set_figures(self, figures: Iterable[tuple[str, str, str]]) -> None:
        """Fix the figures by which an engine chooses an index, where it takes any.

        They are of a table, an index ("": that of the key), and numbers. The engine never counts anew.
        """

    def owner_beside(self) -> str | None:
        """The role that owns the tables, where the connection has another, which cannot alter them; else None."""

    def described(self) -> list[Row]:
        """Every table, index, view and trigger as the engine says it, in an order that is always the same."""

    def size(self) -> int:
        """The bytes that the catalogue takes where it lies."""

    def columns(self, table: str) -> list[str]:
        """The columns of a table, in their order; none where there is no such table."""

    def portions(self, table: str) -> Iterator[list[Row]]:
        """Every row of a table in the order of its key, AT_ONCE at a time; inside a transaction."""

    def fill(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows to a table inside `writing`; a number that the engine gives follows on them."""


class Recalling(Protocol):
    """The questions of a Connection, some of which are answered from memory."""

    snapshots: int  # an odd number inside a transaction, another one in each
    _answers: dict[tuple[Any, ...], list[Row]] | None = None

    def _ask(self, sql: str, values: Sequence[Any]) -> list[Row]: ...

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Every row of the statement's result: numbers, texts, bytes and None."""
        if self._answers is None or self.snapshots % 2:
            return self._ask(sql, values)
        question = (sql, *values)
        if question not in self._answers:
            self._answers[question] = self._ask(sql, values)
        return list(self._answers[question])

    @contextmanager
    def recalling(self) -> Iterator[None]:
        """Answer each question from memory that was asked before inside the block, whatever others commit meanwhile.

        A transaction inside it asks anew, and one that writes ends it.
        """
        before = self._answers
        self._answers = {} if before is None else before
        try:
            yield
        finally:
            self._answers = before if self._answers is not None else None  # which a change ended


class Connection(Recalling, Protocol):
    """One open catalogue. Its statements have `?` for each value, and bytes as `x'00'`.

    Outside of a transaction each statement sees what is committed. Everything here raises InUse where another run holds
    the engine for too long, and Unreachable where it fails. It raises Integrity for rows that it finds damaged.
    """

    columns: ColumnKey  # of the sealed columns; after `rekey` the old one, until `catalogue.column_keys` moves them
    reads_only: bool  # whether nothing can be written
    schema: Schema

    def open(self) -> None:
        """Open it again, in a process that was forked inside `closed`."""

    def close(self) -> None:
        """Close the connection."""

    def closed(self) -> AbstractContextManager[None]:
        """Close it inside the block: a forked process may not inherit a connection, and opens its own (`open`)."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Execute a statement, at the latest before the next question or the end of the block that is `writing`.

        What the engine has against it is raised there. Raises RuntimeError outside of a transaction.
        """

    def run_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Execute a statement once per row of values, as `run` does."""

    def changed(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement now; the number of rows that it changed. Raises RuntimeError outside of a transaction."""

    def reading(self) -> AbstractContextManager[None]:
        """Read one consistent snapshot inside the block, which stops no writer."""

    def writing(self) -> AbstractContextManager[None]:
        """Open the only write transaction: durable when the block ends, rolled back when it raises."""

    def sums(self) -> dict[str, bytes]:
        """The sum over all rows of each table that has one, with the changes of this transaction."""

    def sum_matches(self, table: str) -> bool:
        """Whether the sum over all rows of a table, computed again, equals the stored sum. May take long."""

    def flush(self, wait: float) -> bool:
        """Have nothing of an older state stay in the engine's journal.

        False if a reader prevented it for *wait* seconds.
        """

    def copy_to(
        self,
        path: Path,
        copy: Callable[[Connection, Connection], object],
        change: Callable[[Connection], None] | None = None,
    ) -> None:
        """Copy the catalogue to a new file of SQLCipher under the same key.

        Inside `reading` it is a copy of that snapshot. *copy* fills it where the engine is another one, and *change* is
        made in a transaction of the copy.
        """

    def rekey(self, key: bytes) -> None:
        """Have the catalogue open with another *key* alone; no other connection may be open."""

    def check_file(self) -> list[str]:
        """The problems that the engine finds in what it stores. May take long."""


def private_url(address: str) -> SplitResult | None:
    """The parts of a service's address by which no secret crosses a network in clear: https, or this very machine.

    None for any other, and for what is no address.
    """
    try:
        url = urlsplit(address.strip())
        is_private = url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)
        is_plain = url.hostname and url.port != 0 and not (url.username or url.password or url.query or url.fragment)
    except ValueError:  # of a port, or a host
        return None
    return url if is_private and is_plain else None


def is_stored(blobs: Blobs, name: str, expected: Expected) -> bool:
    """Whether an object is there as *expected*; one of another length is not read to its end, which may never come."""
    from arlo_rec.vault.crypto import primitives  # here: a front, which has no such library, uses the ports beside

    digest, left = primitives.hasher(), expected.length
    try:
        with blobs.open(name) as stream:
            while left and (piece := stream.read(min(left, primitives.FEED))):
                digest.update(piece)
                left -= len(piece)
            return not left and not stream.read(1) and digest.digest() == expected.digest
    except KeyError:
        return False


def portions(values: Iterable[Key]) -> Iterator[list[Key]]:
    """The values sorted, in lists of AT_ONCE; sorted, so that each page of an index is read once."""
    every = sorted(values)
    for at in range(0, len(every), AT_ONCE):
        yield every[at : at + AT_ONCE]


def in_order(table: str, columns: Iterable[str], key: Iterable[str]) -> str:
    """The statement that reads a table in the order of its key."""
    return f"SELECT {', '.join(columns)} FROM {table} ORDER BY {', '.join(key)}"  # noqa: S608 - names of the schema


def marks(values: Sequence[object]) -> str:
    """As many SQL placeholders as values."""
    return ", ".join("?" * len(values))
