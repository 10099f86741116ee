"""The tables `day_keys`, `shard_keys` and `shares`: add, unwrap and destroy a recording's erasure key.

    R --wraps--> day key --wraps--> shard key (up to 256 recordings of one deletion hour) --wraps--> Ke

A key that is not wrapped below a new R is destroyed. Each wrap is bound to its level and to the name of its key, so
that wrapped keys cannot be exchanged. The caller holds the root's lock and, for changes, a transaction;
`erasure.protocol` decides the order of the steps around them (slots, journal, objects).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple, TypeVar

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import RecordingId, to_micros
from arlo_rec.vault.backends import Connection, Row, WrappingKey, marks, portions
from arlo_rec.vault.catalogue.columns import reads_rows, recording_id
from arlo_rec.vault.crypto import primitives

SHARD_SIZE = 256  # recordings: an erasure wraps at most 255 others of the shard again


def wrap(parent: bytes, secret: bytes, level: str, name: bytes) -> bytes:
    """Wrap a key under its parent key, bound to its level and name."""
    return primitives.wrap(parent, secret, level.encode("ascii") + b"\0" + name)


def unwrap(parent: bytes, wrapped: bytes, level: str, name: bytes) -> bytes:
    """The key that `wrap` wrapped; raises Integrity (key_tree_does_not_open)."""
    try:
        return primitives.unwrap(parent, wrapped, level.encode("ascii") + b"\0" + name)
    except primitives.Sealed:
        raise Integrity("key_tree_does_not_open", level=level) from None


_HOUR = 3600 * 1_000_000  # microseconds
_Named = TypeVar("_Named", int, bytes)


class Spoilt(NamedTuple):
    """Invalid keys: days, shards, and recordings by their shares."""

    days: list[int]
    shards: list[bytes]
    shares: list[RecordingId]


class ErasureKeys:
    """The erasure keys below one R, read and written through one connection."""

    def __init__(self, connection: Connection, root: WrappingKey) -> None:
        self._db = connection
        self._root = root
        self._days: dict[int, bytes] = {}
        self._shards: dict[bytes, bytes] = {}

    def add(self, recording: RecordingId, ke: bytes, due_at: datetime) -> None:
        """Wrap the erasure half *ke* into a shard of the hour in which the recording is due."""
        shard = self._shard_with_room(to_micros(due_at) // _HOUR)
        self._db.run(
            "INSERT INTO shares (recording, shard, wrapped) VALUES (?, ?, ?)",
            (recording, shard, wrap(self._shard_key(shard), ke, "share", recording)),
        )
        self._db.run("UPDATE shard_keys SET shares = shares + 1 WHERE id = ?", (shard,))

    def unwrap(self, recording: RecordingId) -> bytes:
        """The recording's `ke`; raises KeyError if it was destroyed."""
        share = self._share(recording)
        if share is None:
            raise KeyError(recording.hex())
        shard, wrapped = share
        return unwrap(self._shard_key(shard), wrapped, "share", recording)

    @reads_rows
    def destroy(self, recordings: Iterable[RecordingId], new_root: WrappingKey) -> None:
        """Delete the wrapped keys of *recordings*, and wrap every day key under *new_root*.

        The shard and day keys above them are renewed. All shard and day keys are, if a wrapped key of *recordings* is
        missing or another's: a copy of it may be put back later. That takes some seconds in a store of a million.
        """
        self._open_days()
        touched, doubtful = set[bytes](), False
        for ids in portions(recordings):
            going = f"FROM shares WHERE recording IN ({marks(ids)})"
            rows = self._db.rows(f"SELECT recording, shard, wrapped {going}", ids)
            touched |= {row[1] for row in rows}
            doubtful = doubtful or len(rows) < len(ids) or not all(self._opens(*row) for row in rows)
            self._db.run(f"DELETE {going}", ids)
        if doubtful:
            touched = {row[0] for row in self._db.rows("SELECT id FROM shard_keys")}
        days = {row[0] for row in self._db.rows("SELECT day FROM day_keys")} if doubtful else set[int]()
        days |= {self._day_of(shard) for shard in touched}
        for shard in touched:
            self._renew_shard(shard)
        for day in days:
            self._renew_day(day)
        self._wrap_days(new_root)

    def days_below(self, root: WrappingKey) -> dict[int, bytes]:
        """The keys of all days that open, wrapped below another R; nothing is changed."""
        self._open_days()
        return root.wrap(self._days)

    @staticmethod
    def put_days(connection: Connection, wrapped: Mapping[int, bytes]) -> None:
        """Replace the wrapped keys of days; needs no R."""
        rows = [(key, day) for day, key in wrapped.items()]
        connection.run_many("UPDATE day_keys SET wrapped = ? WHERE day = ?", rows)

    @staticmethod
    @reads_rows
    def ids(connection: Connection, prefix: bytes) -> set[RecordingId]:
        """Recordings with a wrapped key whose id begins with *prefix*; needs no R."""
        low, high = prefix.ljust(16, b"\0"), prefix.ljust(16, b"\xff")
        rows = connection.rows("SELECT recording FROM shares WHERE recording BETWEEN ? AND ?", (low, high))
        return {recording_id(row[0]) for row in rows}

    @staticmethod
    @reads_rows
    def count(connection: Connection) -> int:
        """The number of recordings with a wrapped key, by the shards; needs no R."""
        return int(connection.rows("SELECT coalesce(sum(shares), 0) FROM shard_keys")[0][0])

    def _opens(self, recording: bytes, shard: bytes, wrapped: bytes) -> bool:
        """Whether a wrapped key is that of its recording, below that shard."""
        try:
            unwrap(self._shard_key(shard), wrapped, "share", recording)
        except Integrity:
            return False
        return True

    @staticmethod
    @reads_rows
    def missing_above(connection: Connection) -> tuple[list[bytes], list[int]]:
        """Shards named by shares, and days named by shards, that have no key; needs no R."""
        shards = connection.rows("SELECT DISTINCT shard FROM shares WHERE shard NOT IN (SELECT id FROM shard_keys)")
        days = connection.rows("SELECT DISTINCT day FROM shard_keys WHERE day NOT IN (SELECT day FROM day_keys)")
        return [bytes(row[0]) for row in shards], [int(row[0]) for row in days]

    @staticmethod
    @reads_rows
    def of_wrong_size(connection: Connection, of_days: int = primitives.WRAP_OF_KEY) -> Spoilt:
        """Keys of another size than a wrapped key, days without a shard, and shards with a wrong count; needs no R.

        R may wrap days' keys into more bytes (*of_days*) than a shard's key has.
        """
        wrong = f"WHERE length(wrapped) <> {primitives.WRAP_OF_KEY}"
        miscounted = "shares <> (SELECT count(*) FROM shares WHERE shard = id)"
        days = connection.rows(
            "SELECT day FROM day_keys WHERE length(wrapped) <> ? OR day NOT IN (SELECT day FROM shard_keys)", (of_days,)
        )
        shards = connection.rows(f"SELECT id FROM shard_keys {wrong} OR {miscounted}")  # noqa: S608
        shares = connection.rows(f"SELECT recording FROM shares {wrong}")  # noqa: S608
        return Spoilt(
            [int(row[0]) for row in days], [bytes(row[0]) for row in shards], [recording_id(row[0]) for row in shares]
        )

    @reads_rows
    def unopened(self) -> Spoilt:
        """The days whose keys R does not unwrap, and the shards whose keys their days do not; no shares."""
        self._open_days()
        spoilt = Spoilt([], [], [])
        for (day,) in self._db.rows("SELECT day FROM day_keys"):
            if not _opens(self._day_key, day):
                spoilt.days.append(int(day))
        for shard, day in self._db.rows("SELECT id, day FROM shard_keys"):
            if day in self._days and not _opens(self._shard_key, shard):
                spoilt.shards.append(bytes(shard))
        return spoilt

    @reads_rows
    def opened_of(self, shards: Sequence[bytes]) -> tuple[dict[RecordingId, bytes], list[RecordingId]]:
        """The erasure halves in these shards, and the recordings whose shares do not open.

        A shard that does not open itself is left out: `unopened` reports it.
        """
        opened: dict[RecordingId, bytes] = {}
        spoilt: list[RecordingId] = []
        sql = f"SELECT recording, shard, wrapped FROM shares WHERE shard IN ({marks(shards)})"  # noqa: S608 - marks
        open_shards = {shard for shard in shards if _opens(self._shard_key, shard)}
        for recording, shard, wrapped in self._db.rows(sql, shards):
            if shard in open_shards:
                try:
                    opened[recording_id(recording)] = unwrap(self._shards[shard], wrapped, "share", recording)
                except Integrity:
                    spoilt.append(recording_id(recording))
        return opened, spoilt

    @staticmethod
    @reads_rows
    def shards_behind(connection: Connection, shard: bytes, at_most: int) -> list[bytes]:
        """The ids of shards behind *shard*, in order; needs no R."""
        rows = connection.rows("SELECT id FROM shard_keys WHERE id > ? ORDER BY id LIMIT ?", (shard, at_most))
        return [bytes(row[0]) for row in rows]

    @reads_rows
    def _renew_shard(self, shard: bytes) -> None:
        """Give a shard a new key, and wrap its remaining erasure keys under it, except those that do not open."""
        remaining = self._db.rows("SELECT recording, wrapped FROM shares WHERE shard = ?", (shard,))
        if not remaining:
            self._db.run("DELETE FROM shard_keys WHERE id = ?", (shard,))
            self._shards.pop(shard, None)
            return
        try:
            old, new = self._shard_key(shard), primitives.fresh()
        except Integrity:
            return
        again = []
        for recording, wrapped in remaining:
            with suppress(Integrity):
                again.append((wrap(new, unwrap(old, wrapped, "share", recording), "share", recording), recording))
        self._db.run_many("UPDATE shares SET wrapped = ? WHERE recording = ?", again)
        self._shards[shard] = new
        self._db.run("UPDATE shard_keys SET shares = ? WHERE id = ?", (len(remaining), shard))

    @reads_rows
    def _renew_day(self, day: int) -> None:
        """Give a day a new key, and wrap its shards' keys under it."""
        shards = [row[0] for row in self._db.rows("SELECT id FROM shard_keys WHERE day = ?", (day,))]
        if not shards:
            self._db.run("DELETE FROM day_keys WHERE day = ?", (day,))
            self._days.pop(day, None)
            return
        keys = {}
        for shard in shards:
            with suppress(Integrity):  # a key that does not open is left behind here too
                keys[shard] = self._shard_key(shard)
        self._days[day] = new = primitives.fresh()
        again = [(wrap(new, key, "shard", shard), shard) for shard, key in keys.items()]
        self._db.run_many("UPDATE shard_keys SET wrapped = ? WHERE id = ?", again)

    @reads_rows
    def _wrap_days(self, new_root: WrappingKey) -> None:
        """Wrap the key of every day that has shards under the new R.

        A key that does not open under the old one is left behind: one damaged row stops no erasure, and `verify`
        reports it.
        """
        self._db.run("DELETE FROM day_keys WHERE day NOT IN (SELECT day FROM shard_keys)")
        days = {int(day) for (day,) in self._db.rows("SELECT day FROM day_keys")}
        self.put_days(self._db, new_root.wrap({day: key for day, key in self._days.items() if day in days}))
        self._root = new_root

    @reads_rows
    def _open_days(self) -> None:
        """Open the keys of all days together, as far as they open."""
        rows = self._db.rows("SELECT day, wrapped FROM day_keys")
        self._days |= self._root.unwrap({int(day): bytes(key) for day, key in rows if day not in self._days})

    @reads_rows
    def _shard_with_room(self, hour: int) -> bytes:
        rows = self._db.rows("SELECT id FROM shard_keys WHERE hour = ? AND shares < ? LIMIT 1", (hour, SHARD_SIZE))
        if rows:
            return bytes(rows[0][0])
        shard, key, day = primitives.fresh(16), primitives.fresh(), hour // 24
        wrapped = wrap(self._day_key_or_new(day), key, "shard", shard)
        self._db.run(
            "INSERT INTO shard_keys (id, day, hour, shares, wrapped) VALUES (?, ?, ?, 0, ?)",
            (shard, day, hour, wrapped),
        )
        self._shards[shard] = key
        return shard

    @reads_rows
    def _day_key_or_new(self, day: int) -> bytes:
        if self._db.rows("SELECT 1 FROM day_keys WHERE day = ?", (day,)):
            return self._day_key(day)
        key = primitives.fresh()
        self._db.run(
            "INSERT INTO day_keys (day, wrapped) VALUES (?, ?)",
            (day, self._root.wrap({day: key})[day]),
        )
        self._days[day] = key
        return key

    def _day_key(self, day: int) -> bytes:
        if day not in self._days:
            wrapped = bytes(self._row("SELECT wrapped FROM day_keys WHERE day = ?", (day,))[0])
            self._days |= self._root.unwrap({day: wrapped})
            if day not in self._days:
                raise Integrity("key_tree_does_not_open", level="day")
        return self._days[day]

    def _shard_key(self, shard: bytes) -> bytes:
        if shard not in self._shards:
            day, wrapped = self._row("SELECT day, wrapped FROM shard_keys WHERE id = ?", (shard,))
            self._shards[shard] = unwrap(self._day_key(day), wrapped, "shard", shard)
        return self._shards[shard]

    @reads_rows
    def _share(self, recording: RecordingId) -> tuple[bytes, bytes] | None:
        rows = self._db.rows("SELECT shard, wrapped FROM shares WHERE recording = ?", (recording,))
        return (bytes(rows[0][0]), bytes(rows[0][1])) if rows else None

    def _day_of(self, shard: bytes) -> int:
        return int(self._row("SELECT day FROM shard_keys WHERE id = ?", (shard,))[0])

    @reads_rows
    def _row(self, sql: str, values: tuple[object, ...]) -> Row:
        rows = self._db.rows(sql, values)
        if not rows:
            raise Integrity("key_tree_does_not_open", level="path")
        return rows[0]


def _opens(key: Callable[[_Named], bytes], name: _Named) -> bool:
    try:
        key(name)
    except Integrity:
        return False
    return True
