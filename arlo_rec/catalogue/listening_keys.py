"""The tables `listening_keys` and `listening_seals`: public keys with their makers' signatures, and sealed seeds.

`access.listening_keys` verifies the signatures and decides who is entitled to a key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from arlo_rec.backends import Connection, Row
from arlo_rec.model.records import to_micros
from arlo_rec.policy import Purpose

_COLUMNS = "id, purpose, team, month, public, made_by, signature"


@dataclass(frozen=True, slots=True)
class ListeningKey:
    """A public listening key for one purpose, team and month, signed by its maker."""

    id: bytes
    purpose: Purpose
    team: str
    month: str
    public: bytes
    made_by: bytes
    signature: bytes

    def statement(self) -> dict[str, Any]:
        """The JSON that the key's maker signs."""
        return {
            "id": self.id.hex(),
            "month": self.month,
            "public": self.public.hex(),
            "purpose": self.purpose,
            "team": self.team,
        }


class ListeningKeys:
    """Listening keys and their seals. Signatures are not verified here."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, key: bytes) -> ListeningKey | None:
        """The key of that id."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM listening_keys WHERE id = ?", (key,))  # noqa: S608 - our columns
        return _key(rows[0]) if rows else None

    def of_purpose(self, purpose: Purpose) -> list[ListeningKey]:
        """Every key of a purpose."""
        sql = f"SELECT {_COLUMNS} FROM listening_keys WHERE purpose = ?"  # noqa: S608 - our columns
        return [_key(row) for row in self._db.rows(sql, (purpose.value,))]

    def versions(self, purpose: Purpose, team: str, month: str) -> list[ListeningKey]:
        """The keys of one purpose, team and month, oldest first."""
        sql = (
            f"SELECT {_COLUMNS} FROM listening_keys "  # noqa: S608 - our columns
            "WHERE purpose = ? AND team = ? AND month = ? ORDER BY made_at, rowid"
        )
        return [_key(row) for row in self._db.rows(sql, (purpose.value, team, month))]

    def add(self, key: ListeningKey, now: datetime) -> None:
        """Insert a new key; inside a change."""
        self._db.run(
            f"INSERT INTO listening_keys ({_COLUMNS}, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                *(key.id, key.purpose.value, key.team, key.month, key.public, key.made_by, key.signature),
                to_micros(now),
            ),
        )

    def forget_before(self, month: str) -> None:
        """Delete keys of months before *month*, and their seals; inside a change."""
        self._db.run("DELETE FROM listening_keys WHERE month < ?", (month,))

    # -- seals ----------------------------------------------------------------------------------------

    def put_seal(self, key: bytes, holder: bytes, sealed: bytes) -> None:
        """Store a key's seed, sealed to a holder; inside a change."""
        self._db.run(
            "INSERT OR REPLACE INTO listening_seals (listening_key, holder, sealed) VALUES (?, ?, ?)",
            (key, holder, sealed),
        )

    def seal(self, key: bytes, holder: bytes) -> bytes | None:
        """A key's seed as it is sealed to a holder; None where it never was."""
        rows = self._db.rows("SELECT sealed FROM listening_seals WHERE listening_key = ? AND holder = ?", (key, holder))
        return bytes(rows[0][0]) if rows else None

    def holders(self, key: bytes) -> set[bytes]:
        """Every holder to whom a key was ever sealed."""
        return {
            bytes(row[0]) for row in self._db.rows("SELECT holder FROM listening_seals WHERE listening_key = ?", (key,))
        }

    def sealed_to(self, holder: bytes) -> list[tuple[ListeningKey, bytes]]:
        """Every key that is sealed to a holder, with the sealed seed."""
        columns = ", ".join(f"k.{name}" for name in _COLUMNS.split(", "))
        rows = self._db.rows(
            f"SELECT {columns}, s.sealed FROM listening_keys k JOIN listening_seals s "  # noqa: S608 - our columns
            "ON s.listening_key = k.id WHERE s.holder = ? AND length(s.sealed) > 0",
            (holder,),
        )
        return [(_key(row[:-1]), bytes(row[-1])) for row in rows]

    def empty_seals(self, keys: Iterable[bytes], holder: bytes) -> None:
        """Empty a holder's seals; the rows stay, because the holder may have kept the seeds. Inside a change."""
        self._db.run_many(
            "UPDATE listening_seals SET sealed = x'' WHERE listening_key = ? AND holder = ?",
            [(key, holder) for key in keys],
        )


def _key(row: Row) -> ListeningKey:
    key_id, purpose, team, month, public, made_by, signature = row
    return ListeningKey(
        bytes(key_id), Purpose(purpose), str(team), str(month), bytes(public), bytes(made_by), bytes(signature)
    )
