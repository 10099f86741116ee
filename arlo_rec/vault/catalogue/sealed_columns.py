"""Columns that a reader of the rows does not understand: names of staff, reasons, paths, documents, the log.

Each value is sealed for itself, bound to its table, column and row: moved to another row it does not open. Nothing is
looked for in it; what is looked for has a keyed tag beside it.
"""

from __future__ import annotations

from typing import Final

from arlo_rec.vault.backends import Connection
from arlo_rec.vault.crypto.primitives import Sealed

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
