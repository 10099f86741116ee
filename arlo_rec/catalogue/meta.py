"""The table `meta`: a store's counters and settings, a value for each key. Changes need a transaction of the caller."""

from __future__ import annotations

from datetime import datetime

from arlo_rec.backends import Connection
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import from_micros, to_micros

_LOG = "log"


class Meta:
    """Numbers, instants, and the tree of the log."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def number(self, key: str) -> int:
        """A number; raises Integrity where it is missing."""
        value = self._value(key)
        if value is None:
            raise Integrity("catalogue_damaged")
        return int(value)  # type: ignore[call-overload, no-any-return]

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
        """The frontier of the log's tree, encoded; None before the first entry."""
        value = self._value(_LOG)
        return None if value is None else bytes(value)  # type: ignore[call-overload]

    def set_log_tree(self, encoded: bytes) -> None:
        """Set the frontier of the log's tree."""
        self._set(_LOG, encoded)

    def _value(self, key: str) -> object:
        rows = self._db.rows("SELECT value FROM meta WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def _set(self, key: str, value: object) -> None:
        self._db.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
