"""The tables `tombstones` and `burials`: withdrawals that refuse late deliveries, and the log entry of each.

`tombstones` holds the newest withdrawal of a caller or a source id; `burials` holds every withdrawal by the number
of its log entry, so that the feed can forward all of them. The table `refusals` holds the tags of logged refusals,
each with a mark of the folder while its file lies in a spool.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.records import from_micros, to_micros
from arlo_rec.vault.backends import Connection, marks, portions
from arlo_rec.vault.catalogue.columns import reads_rows


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
            "ON CONFLICT (kind, tag) DO UPDATE SET at = excluded.at WHERE excluded.at > tombstones.at",
            values,
        )
        self._db.run(
            "INSERT INTO burials (seq, kind, tag, at) VALUES (?, ?, ?, ?) ON CONFLICT (seq, kind) DO NOTHING",
            (seq, *values),
        )

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
        """The log entries that withdrew a caller or a source id, in order, as far as they are kept."""
        rows = self._db.rows("SELECT seq FROM burials WHERE kind = ? AND tag = ? ORDER BY seq", (kind, tag))
        return [int(seq) for (seq,) in rows]

    @reads_rows
    def every(self, kind: str, tag: bytes) -> list[tuple[int, datetime]]:
        """Every withdrawal of a caller or a source id that is kept: the number of its log entry, and its time."""
        rows = self._db.rows("SELECT seq, at FROM burials WHERE kind = ? AND tag = ?", (kind, tag))
        return [(int(seq), from_micros(at)) for seq, at in rows]

    @reads_rows
    def since(self, at: datetime) -> list[Tombstone]:
        """The newest withdrawal of each caller and source id from *at* on."""
        rows = self._db.rows("SELECT kind, tag, at FROM tombstones WHERE at >= ?", (to_micros(at),))
        return [Tombstone(str(kind), bytes(tag), from_micros(at)) for kind, tag, at in rows]

    def forget_before(self, before: datetime) -> None:
        """Delete withdrawals from before *before*, which a late delivery can no longer match."""
        self._db.run("DELETE FROM tombstones WHERE at < ?", (to_micros(before),))
        self._db.run("DELETE FROM burials WHERE at < ?", (to_micros(before),))


COUNTED: Final = "counted"  # in place of the code of a refusal, of a declined call whose file could not go yet
DECLINED: Final = "declined"  # in place of the code of a refusal, of the exchange's id of a declined call
RECORDED_UNASKED: Final = "recorded_unasked"  # in place of the code of a removed call without a key of consent
WAITING: Final = "waiting"  # in place of the code of a refusal, of a delivery whose sound may still come
WITHDRAWAL_REFUSED: Final = "withdrawal_refused"  # in place of the code of a refused notice that somebody withdrew


class RefusalCount(Record, frozen=True):
    """The number of refusals with a code, when the oldest was first seen, and since when nobody looked again."""

    code: str
    count: int
    oldest: datetime
    looked_at: datetime


class SeenRefusals:
    """Logged refusals by tag. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    @reads_rows
    def knows(self, tag: bytes) -> bool:
        """Whether a refusal was seen before."""
        return bool(self._db.rows("SELECT 1 FROM refusals WHERE tag = ?", (tag,)))

    @reads_rows
    def first_seen(self, tag: bytes) -> datetime | None:
        """When a refusal of a file that lies in a spool was seen first; None for another."""
        rows = self._db.rows("SELECT first_seen FROM refusals WHERE tag = ? AND spool IS NOT NULL", (tag,))
        return from_micros(rows[0][0]) if rows else None

    def see(self, tag: bytes, code: str, spool: str, at: datetime) -> None:
        """Insert a refusal of a file that lies in a spool at *at*, or update when it was last seen there."""
        self._db.run(
            "INSERT INTO refusals (tag, code, spool, first_seen, last_seen) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (tag) DO UPDATE SET first_seen = "
            "CASE WHEN refusals.spool IS NULL THEN excluded.first_seen ELSE refusals.first_seen END, "
            "code = excluded.code, spool = excluded.spool, last_seen = excluded.last_seen",
            (tag, code, spool, to_micros(at), to_micros(at)),
        )

    @reads_rows
    def gone(self, spool: str, before: datetime) -> list[bytes]:
        """The refusals of a spool that were not seen again since *before*: their files lie there no more."""
        sql = "SELECT tag FROM refusals WHERE last_seen < ? AND spool = ?"
        return [bytes(tag) for (tag,) in self._db.rows(sql, (to_micros(before), spool))]

    @reads_rows
    def known_among(self, tags: Iterable[bytes]) -> frozenset[bytes]:
        """The tags of refusals that were seen before."""
        found = [
            row
            for some in portions(tags)
            for row in self._db.rows(f"SELECT tag FROM refusals WHERE tag IN ({marks(some)})", some)  # noqa: S608
        ]
        return frozenset(bytes(tag) for (tag,) in found)

    def put(self, tags: Sequence[bytes], code: str, at: datetime) -> None:
        """Insert or replace refusals whose files lie in no spool."""
        self._db.run_many(
            "INSERT INTO refusals (tag, code, first_seen, last_seen) VALUES (?, ?, ?, ?) ON CONFLICT (tag) DO UPDATE "
            "SET code = excluded.code, spool = NULL, first_seen = excluded.first_seen, last_seen = excluded.last_seen",
            [(tag, code, to_micros(at), to_micros(at)) for tag in tags],
        )

    @reads_rows
    def of_code(self, code: str) -> frozenset[bytes]:
        """The tags of a code."""
        return frozenset(bytes(tag) for (tag,) in self._db.rows("SELECT tag FROM refusals WHERE code = ?", (code,)))

    def take_out(self, tags: Sequence[bytes]) -> None:
        """Note that the files of refusals lie in no spool any more; the refusals stay known."""
        for tag in tags:
            self._db.run("UPDATE refusals SET spool = NULL WHERE tag = ?", (tag,))

    def forget(self, tag: bytes) -> None:
        """Delete a refusal."""
        self._db.run("DELETE FROM refusals WHERE tag = ?", (tag,))

    def forget_before(self, before: datetime) -> None:
        """Delete refusals that were last seen before *before*."""
        self._db.run("DELETE FROM refusals WHERE last_seen < ?", (to_micros(before),))

    @reads_rows
    def recorded_unasked(self, since: datetime) -> RefusalCount | None:
        """The calls since *since* that were recorded without a key of consent, and removed; None without any."""
        sql = (
            "SELECT count(*), min(first_seen), max(last_seen) FROM refusals "
            "WHERE last_seen >= ? AND code = ? AND spool IS NULL"
        )
        ((count, *times),) = self._db.rows(sql, (to_micros(since), RECORDED_UNASKED))
        return RefusalCount(RECORDED_UNASKED, int(count), *map(from_micros, times)) if count else None

    @reads_rows
    def in_spool(self, *, since: datetime) -> list[RefusalCount]:
        """Refusals of files that lay in a spool when it was last looked at, if that is since *since*; by code."""
        rows = self._db.rows(
            "SELECT code, count(*), min(first_seen), min(last_seen) FROM refusals "
            "WHERE last_seen >= ? AND spool IS NOT NULL GROUP BY code ORDER BY code",
            (to_micros(since),),
        )
        return [RefusalCount(str(code), int(count), *map(from_micros, times)) for code, count, *times in rows]
