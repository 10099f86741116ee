"""The tables `metadata_keys` and `metadata`: the metadata of each recording, sealed once per audience."""

from __future__ import annotations

from collections.abc import Collection

from arlo_rec.backends import Connection, Row, marks, portions
from arlo_rec.model.records import RecordingId


class Metadata:
    """Sealed metadata and the keys that open it. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add_key(self, key: bytes, listening_key: bytes, sealed: bytes, day: int) -> None:
        """Insert a metadata key, sealed to a listening key; *day* counts from 1970."""
        self._db.run(
            "INSERT INTO metadata_keys (id, listening_key, sealed, day) VALUES (?, ?, ?, ?)",
            (key, listening_key, sealed, day),
        )

    def add(self, recording: RecordingId, metadata_key: bytes, sealed: bytes) -> None:
        """Insert a recording's sealed metadata for one audience."""
        self._db.run(
            "INSERT INTO metadata (recording, metadata_key, sealed) VALUES (?, ?, ?)",
            (recording, metadata_key, sealed),
        )

    def of(self, recording: RecordingId) -> list[Row]:
        """Per audience: metadata key's id, its listening key, the sealed key, the sealed metadata."""
        return self._db.rows(
            "SELECT k.id, k.listening_key, k.sealed, m.sealed FROM metadata m "
            "JOIN metadata_keys k ON k.id = m.metadata_key WHERE m.recording = ?",
            (recording,),
        )

    def ids(self, prefix: bytes) -> set[RecordingId]:
        """The recordings that have metadata and whose id begins with *prefix*."""
        low, high = prefix.ljust(16, b"\0"), prefix.ljust(16, b"\xff")
        rows = self._db.rows("SELECT recording FROM metadata WHERE recording BETWEEN ? AND ?", (low, high))
        return {RecordingId(row[0]) for row in rows}

    def remove(self, recordings: Collection[RecordingId]) -> None:
        """Delete the metadata of recordings, and each metadata key with its last row."""
        used: set[bytes] = set()
        for some in portions(recordings):
            going = f"FROM metadata WHERE recording IN ({marks(some)})"
            used |= {row[0] for row in self._db.rows(f"SELECT DISTINCT metadata_key {going}", some)}
            self._db.run(f"DELETE {going}", some)
        self._db.run_many(
            "DELETE FROM metadata_keys WHERE id = ? AND NOT EXISTS (SELECT 1 FROM metadata WHERE metadata_key = ?)",
            [(key, key) for key in sorted(used)],
        )
