"""Reading and sealing columns: an unreadable row is damage and no bug, and what names people is sealed.

A holder of the catalogue's key can write a value that no enum, date or instant has. Functions of this package that read
rows are marked with `reads_rows`: such a row ends a command with exit 15 and in words.

A reader of the rows does not understand a column of `SEALED`: names of staff, reasons, paths, documents, the log. Each
value is sealed for itself, bound to its table, column and row: moved to another row it does not open. Nothing is looked
for in it; what is looked for has a keyed tag beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, Final, ParamSpec, TypeVar, cast

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import RecordingId
from arlo_rec.vault.backends import Connection
from arlo_rec.vault.crypto.primitives import Sealed

_P = ParamSpec("_P")
_R = TypeVar("_R")
_ID_BYTES: Final = 16
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
UNREADABLE: Final = (ValueError, OverflowError, TypeError, KeyError)  # raised by values of other forms


def reads_rows(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Have *function* raise Integrity (catalogue_damaged) for a row that the program does not write.

    The error names the class of the table, or the function.
    """
    table = _WORDS.sub("_", function.__qualname__.partition(".")[0]).lower()
    if isgeneratorfunction(function):
        rows = cast("Callable[..., Iterator[Any]]", function)

        @wraps(function)
        def streamed(*values: Any, **named: Any) -> Iterator[Any]:
            with _damage(table):
                yield from rows(*values, **named)

        return cast("Callable[_P, _R]", streamed)

    @wraps(function)
    def read(*values: _P.args, **named: _P.kwargs) -> _R:
        with _damage(table):
            return function(*values, **named)

    return read


def recording_id(raw: bytes) -> RecordingId:
    """The id of a recording in a row; raises ValueError for anything else."""
    if len(raw) != _ID_BYTES:
        raise ValueError("no id of a recording")
    return RecordingId(raw)


@contextmanager
def _damage(table: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise Integrity("catalogue_damaged", table=table) from error


# -- sealed columns ---------------------------------------------------------------------------------------

Row = int | str | bytes  # the primary key of a row
SEALED: Final = {  # sealed columns by table, behind its primary key
    "entries": ("seq", "sealed"),
    "links": ("number", "body"),
    "documents": ("kind", "body"),
    "recipients": ("seq", "person", "file"),
    "copies": ("recording", "made_by", "reviewed_by"),
    "escrows": ("id", "path", "folder"),
    "meta": ("key", "sealed"),
}


def place(table: str, column: str) -> bytes:
    """A column as the seals of its values are bound to it, with the key of the row behind."""
    return f"{table}.{column}\0".encode("ascii")


class SealedColumn:
    """A sealed column, read and written through one connection."""

    def __init__(self, connection: Connection, table: str, column: str) -> None:
        self._db = connection
        self._place = place(table, column)

    def seal(self, row: Row, value: bytes) -> bytes:
        """The value as it is stored in a row."""
        return self._db.columns.seal(value, self._place + encoded(row))

    def open(self, row: Row, sealed: bytes) -> bytes:
        """The value of a row; raises ValueError if it is not of this row, or changed."""
        try:
            return self._db.columns.open(sealed, self._place + encoded(row))
        except Sealed:
            raise ValueError("a column does not open") from None

    def seal_text(self, row: Row, text: str | None) -> bytes | None:
        """The same of a text; None stays None."""
        return None if text is None else self.seal(row, text.encode("utf-8", "surrogateescape"))

    def open_text(self, row: Row, sealed: bytes | None) -> str | None:
        """The same of a text; raises ValueError."""
        return None if sealed is None else self.open(row, sealed).decode("utf-8", "surrogateescape")


def encoded(row: Row) -> bytes:
    """A primary key as bytes, of which no two of a table are the same."""
    if isinstance(row, int):
        return row.to_bytes(8, "big", signed=True)
    return row.encode("utf-8") if isinstance(row, str) else row
