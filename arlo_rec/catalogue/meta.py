"""The table `meta`: a store's counters and settings, a value for each key. Changes need a transaction of the caller."""

from __future__ import annotations

from datetime import datetime

from arlo_rec.backends import Connection
from arlo_rec.catalogue.decoding import reads_rows
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import from_micros, to_micros

_LOG = "log"
_TOO_LARGE = 2**62  # the engine counts to 2^63


class Meta:
    """Numbers, instants, and the tree of the log."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def number(self, key: str) -> int:
        """A number; raises Integrity where it is missing, or none that could be counted up from."""
        value = self._value(key)
        if type(value) is not int or not 0 <= value < _TOO_LARGE:
            raise Integrity("catalogue_damaged", table="meta")
        return value

    def set_number(self, key: str, value: int) -> None:
        """Set a number."""
        self._set(key, value)

    def instant(self, key: str) -> datetime:
        """An instant, in UTC; raises Integrity where it is missing."""
        return from_micros(self.number(key))

    def set_instant(self, key: str, at: datetime) -> None:
        """Set an instant."""
        self._set(key, to_micros(at))

    def log_tree(self) -> bytes | None:
        """The frontier of the log's tree, encoded; None before the first entry. Raises Integrity."""
        value = self._value(_LOG)
        if value is not None and not isinstance(value, bytes):
            raise Integrity("catalogue_damaged", table="meta")
        return value

    def set_log_tree(self, encoded: bytes) -> None:
        """Set the frontier of the log's tree."""
        self._set(_LOG, encoded)

    @reads_rows
    def _value(self, key: str) -> object:
        rows = self._db.rows("SELECT value FROM meta WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def _set(self, key: str, value: object) -> None:
        self._db.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
