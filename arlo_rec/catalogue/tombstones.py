"""The tables `tombstones` and `burials`: withdrawals that keep late deliveries out, and the log entry of each.

`tombstones` holds the newest withdrawal of a caller or of a source id; `burials` holds every withdrawal by the number
of its log entry, so that the feed can forward all of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from arlo_rec.backends import Connection
from arlo_rec.catalogue.decoding import reads_rows
from arlo_rec.model.records import from_micros, to_micros


class Tombstone(NamedTuple):
    """A withdrawal of one caller or source id: *kind* is `caller` or `source`, *tag* its blind index."""

    kind: str
    tag: bytes
    at: datetime


class Tombstones:
    """Withdrawals by blind index. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, tombstone: Tombstone, seq: int) -> None:
        """Insert a withdrawal that the log entry *seq* commits to; the newest of a tag counts."""
        values = (tombstone.kind, tombstone.tag, to_micros(tombstone.at))
        self._db.run(
            "INSERT INTO tombstones (kind, tag, at) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, tag) DO UPDATE SET at = max(at, excluded.at)",
            values,
        )
        self._db.run("INSERT OR IGNORE INTO burials (seq, kind, tag, at) VALUES (?, ?, ?, ?)", (seq, *values))

    @reads_rows
    def withdrawn_at(self, kind: str, tag: bytes) -> datetime | None:
        """The time of the newest withdrawal of a caller or source id."""
        rows = self._db.rows("SELECT at FROM tombstones WHERE kind = ? AND tag = ?", (kind, tag))
        return from_micros(rows[0][0]) if rows else None

    @reads_rows
    def of_entry(self, seq: int) -> list[Tombstone]:
        """The withdrawals that a log entry commits to."""
        rows = self._db.rows("SELECT kind, tag, at FROM burials WHERE seq = ? ORDER BY kind", (seq,))
        return [Tombstone(str(kind), bytes(tag), from_micros(at)) for kind, tag, at in rows]

    @reads_rows
    def entries_of(self, kind: str, tag: bytes) -> list[int]:
        """The log entries that withdrew a caller or a source id, in order, as far as they are still kept."""
        rows = self._db.rows("SELECT seq FROM burials WHERE kind = ? AND tag = ? ORDER BY seq", (kind, tag))
        return [int(seq) for (seq,) in rows]

    @reads_rows
    def since(self, at: datetime) -> list[Tombstone]:
        """The newest withdrawal of each caller and source id, of those from *at* on."""
        rows = self._db.rows("SELECT kind, tag, at FROM tombstones WHERE at >= ?", (to_micros(at),))
        return [Tombstone(str(kind), bytes(tag), from_micros(at)) for kind, tag, at in rows]

    def forget_before(self, before: datetime) -> None:
        """Delete withdrawals from before *before*, which a late delivery can no longer match."""
        self._db.run("DELETE FROM tombstones WHERE at < ?", (to_micros(before),))
        self._db.run("DELETE FROM burials WHERE at < ?", (to_micros(before),))
