"""The table `refusals`: which refusals were seen and logged already, by tag. No name, number or path stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from arlo_rec.backends import Connection, marks
from arlo_rec.model.records import from_micros, to_micros


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """How many refusals of one code lie in the spool, and when the oldest was first seen."""

    code: str
    count: int
    oldest: datetime


class SeenRefusals:
    """Refusals that were seen. Changes belong into a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def knows(self, tag: bytes) -> bool:
        """Whether a refusal was seen before."""
        return bool(self._db.rows("SELECT 1 FROM refusals WHERE tag = ?", (tag,)))

    def see(self, tag: bytes, code: str, at: datetime) -> None:
        """Remember a refusal as seen at *at*, for the first time or once more."""
        self._db.run(
            "INSERT INTO refusals (tag, code, first_seen, last_seen) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (tag) DO UPDATE SET last_seen = excluded.last_seen",
            (tag, code, to_micros(at), to_micros(at)),
        )

    def put(self, tag: bytes, code: str, *, first_seen: datetime, last_seen: datetime) -> None:
        """Remember a refusal with these times, whatever was known of it."""
        self._db.run(
            "INSERT OR REPLACE INTO refusals (tag, code, first_seen, last_seen) VALUES (?, ?, ?, ?)",
            (tag, code, to_micros(first_seen), to_micros(last_seen)),
        )

    def forget(self, tag: bytes) -> None:
        """Forget one refusal."""
        self._db.run("DELETE FROM refusals WHERE tag = ?", (tag,))

    def forget_before(self, before: datetime) -> None:
        """Forget what was not seen since."""
        self._db.run("DELETE FROM refusals WHERE last_seen < ?", (to_micros(before),))

    def counts(self, *, seen_since: datetime, without: tuple[str, ...]) -> list[RefusalCount]:
        """Refusals seen since then, by code, leaving out the codes in *without*."""
        rows = self._db.rows(
            "SELECT code, count(*), min(first_seen) FROM refusals WHERE last_seen >= ? "  # noqa: S608 - marks
            f"AND code NOT IN ({marks(without)}) GROUP BY code ORDER BY code",
            (to_micros(seen_since), *without),
        )
        return [RefusalCount(str(code), int(count), from_micros(first)) for code, count, first in rows]
