"""The table `metadata`: the metadata of each recording, sealed under its commit key, and under its audience key.

What an audience key opens is for managers, what a commit key opens is for the officers alone.
"""

from __future__ import annotations

from collections.abc import Collection

from arlo_rec.backends import Connection, marks, portions
from arlo_rec.catalogue.decoding import reads_rows, recording_id
from arlo_rec.model.records import RecordingId


class Metadata:
    """Sealed metadata by recording and key. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, recording: RecordingId, key: bytes, sealed: bytes) -> None:
        """Insert a recording's metadata, sealed under the audience key or the commit key of that id."""
        self._db.run("INSERT INTO metadata (recording, key, sealed) VALUES (?, ?, ?)", (recording, key, sealed))

    @reads_rows
    def of(self, recordings: Collection[RecordingId]) -> dict[RecordingId, dict[bytes, bytes]]:
        """The sealed metadata of recordings, by the id of its key."""
        found: dict[RecordingId, dict[bytes, bytes]] = {}
        for some in portions(recordings):
            sql = f"SELECT recording, key, sealed FROM metadata WHERE recording IN ({marks(some)})"  # noqa: S608
            for recording, key, sealed in self._db.rows(sql, some):
                found.setdefault(recording_id(recording), {})[bytes(key)] = bytes(sealed)
        return found

    @reads_rows
    def keys(self, recordings: Collection[RecordingId]) -> set[tuple[bytes, bytes]]:
        """Recording and id of the key of all metadata of *recordings*; the index is read, and no metadata."""
        found: set[tuple[bytes, bytes]] = set()
        for some in portions(recordings):
            sql = f"SELECT recording, key FROM metadata WHERE recording IN ({marks(some)})"  # noqa: S608 - marks
            found.update(self._db.rows(sql, some))
        return found

    @reads_rows
    def remove(self, recordings: Collection[RecordingId]) -> set[bytes]:
        """Delete the metadata of recordings, and give the ids of the keys under which none is left."""
        used: set[bytes] = set()
        for some in portions(recordings):
            going = f"FROM metadata WHERE recording IN ({marks(some)})"
            used |= {bytes(row[0]) for row in self._db.rows(f"SELECT DISTINCT key {going}", some)}
            self._db.run(f"DELETE {going}", some)
        left: set[bytes] = set()
        for keys in portions(used):
            sql = f"SELECT DISTINCT key FROM metadata WHERE key IN ({marks(keys)})"  # noqa: S608 - marks
            left |= {bytes(row[0]) for row in self._db.rows(sql, keys)}
        return used - left
