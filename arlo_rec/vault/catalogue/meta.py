"""The table `meta`: a store's counters, and sums of other tables. Changes need a transaction of the caller."""

from __future__ import annotations

from datetime import datetime

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import from_micros, to_micros
from arlo_rec.vault.backends import Connection
from arlo_rec.vault.catalogue.columns import SealedColumn, reads_rows

_TOO_LARGE = 2**62  # the engine counts to 2^63


class Meta:
    """Numbers, instants and bytes by key. All are read together, and once in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._values: dict[str, object] = {}
        self._snapshot = 0  # of `_values`
        self._sealed = SealedColumn(connection, "meta", "sealed")

    def number(self, key: str) -> int:
        """A number; raises Integrity if it is missing, or cannot be counted up from."""
        value = self._read().get(key)
        if type(value) is not int or not 0 <= value < _TOO_LARGE:
            raise Integrity("catalogue_damaged", table="meta")
        return value

    def instant(self, key: str) -> datetime:
        """An instant, in UTC; raises Integrity if it is missing."""
        return from_micros(self.number(key))

    def raw(self, key: str) -> bytes | None:
        """The bytes of a key; None if unset. Raises Integrity for other values."""
        value = self._read().get(key)
        if value is not None and not isinstance(value, bytes):
            raise Integrity("catalogue_damaged", table="meta")
        return value

    def set(self, key: str, value: int | bytes | datetime) -> None:
        """Set a number, bytes or an instant."""
        kept = to_micros(value) if isinstance(value, datetime) else value
        columns = (None, kept) if isinstance(kept, bytes) else (kept, None)
        self._read()
        self._db.run(
            "INSERT INTO meta (key, number, bytes) VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET number = excluded.number, bytes = excluded.bytes",
            (key, *columns),
        )
        self._values[key] = kept

    def set_sealed(self, key: str, value: bytes) -> None:
        """Set bytes that no reader of the rows may see."""
        sql = "INSERT INTO meta (key, sealed) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed"
        self._db.run(sql, (key, self._sealed.seal(key, value)))

    @reads_rows
    def opened(self, key: str) -> bytes | None:
        """The bytes of a sealed key; None if unset. Raises Integrity if they do not open."""
        rows = self._db.rows("SELECT sealed FROM meta WHERE key = ?", (key,))
        return self._sealed.open(key, rows[0][0]) if rows else None

    @reads_rows
    def _read(self) -> dict[str, object]:
        """Every value; outside a transaction, read again after each commit of others."""
        snapshot = self._db.snapshots
        if self._snapshot != snapshot or snapshot % 2 == 0:
            rows = self._db.rows("SELECT key, number, bytes FROM meta")
            self._values = {str(key): raw if number is None else number for key, number, raw in rows}
            self._snapshot = snapshot
        return self._values
