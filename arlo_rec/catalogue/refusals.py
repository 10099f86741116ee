"""The table `refusals`: which refusals were logged already, by tag. It holds no name, number or path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from arlo_rec.backends import Connection, marks
from arlo_rec.catalogue.decoding import reads_rows
from arlo_rec.model.records import from_micros, to_micros


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """The number of refusals with a code, and when the oldest was first seen."""

    code: str
    count: int
    oldest: datetime


class SeenRefusals:
    """Refusals that were logged. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    @reads_rows
    def knows(self, tag: bytes) -> bool:
        """Whether a refusal was seen before."""
        return bool(self._db.rows("SELECT 1 FROM refusals WHERE tag = ?", (tag,)))

    def see(self, tag: bytes, code: str, at: datetime) -> None:
        """Insert a refusal as seen at *at*, or update when it was last seen."""
        self._db.run(
            "INSERT INTO refusals (tag, code, first_seen, last_seen) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (tag) DO UPDATE SET last_seen = excluded.last_seen",
            (tag, code, to_micros(at), to_micros(at)),
        )

    def put(self, tag: bytes, code: str, *, first_seen: datetime, last_seen: datetime) -> None:
        """Insert or replace a refusal with these times."""
        self._db.run(
            "INSERT OR REPLACE INTO refusals (tag, code, first_seen, last_seen) VALUES (?, ?, ?, ?)",
            (tag, code, to_micros(first_seen), to_micros(last_seen)),
        )

    def forget(self, tag: bytes) -> None:
        """Delete a refusal."""
        self._db.run("DELETE FROM refusals WHERE tag = ?", (tag,))

    def forget_before(self, before: datetime) -> None:
        """Delete refusals that were last seen before *before*."""
        self._db.run("DELETE FROM refusals WHERE last_seen < ?", (to_micros(before),))

    @reads_rows
    def counts(self, *, seen_since: datetime, without: tuple[str, ...]) -> list[RefusalCount]:
        """Refusals seen since *seen_since*, by code, without the codes in *without*."""
        rows = self._db.rows(
            "SELECT code, count(*), min(first_seen) FROM refusals WHERE last_seen >= ? "  # noqa: S608 - marks
            f"AND code NOT IN ({marks(without)}) GROUP BY code ORDER BY code",
            (to_micros(seen_since), *without),
        )
        return [RefusalCount(str(code), int(count), from_micros(first)) for code, count, first in rows]
