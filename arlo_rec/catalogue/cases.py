"""The table `cases`: access requests, by the caller's blind index. The identity statement is sealed to the officers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from arlo_rec.backends import Connection
from arlo_rec.catalogue.decoding import reads_rows
from arlo_rec.model.records import from_micros, to_micros
from arlo_rec.model.strict_json import canonical

_COLUMNS = "id, received_at, due_on, identity, caller"


class CaseRow(NamedTuple):
    """A case as it is stored: `sealed_identity` holds how the person's identity was checked.

    Whether and when it was answered stands in the log alone (`access.cases`).
    """

    id: str
    received_at: datetime
    due_on: date
    sealed_identity: bytes
    caller: bytes  # blind index

    def digest(self) -> str:
        """SHA-256 in hex of the row: what the log entry of its opening commits to."""
        dates = {"due_on": self.due_on.isoformat(), "received_at": to_micros(self.received_at)}
        row = {"caller": self.caller.hex(), "id": self.id, "identity": self.sealed_identity.hex(), **dates}
        return sha256(canonical(row)).hexdigest()


class Cases:
    """Cases of access requests. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, case: CaseRow) -> None:
        """Insert a new case."""
        self._db.run(
            "INSERT INTO cases (id, caller, received_at, due_on, identity) VALUES (?, ?, ?, ?, ?)",
            (case.id, case.caller, to_micros(case.received_at), case.due_on.isoformat(), case.sealed_identity),
        )

    @reads_rows
    def newest_due_from(self, caller: bytes, day: date) -> CaseRow | None:
        """The newest case of a caller that is due on *day* or later."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM cases WHERE caller = ? AND due_on >= ? ORDER BY received_at DESC LIMIT 1",  # noqa: S608
            (caller, day.isoformat()),
        )
        return _row(*rows[0]) if rows else None

    @reads_rows
    def rows(self) -> list[CaseRow]:
        """Every case, oldest first."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM cases ORDER BY received_at, id")  # noqa: S608 - our columns
        return [_row(*row) for row in rows]

    def remove(self, cases: Iterable[str]) -> None:
        """Delete cases with their sealed identity statements."""
        self._db.run_many("DELETE FROM cases WHERE id = ?", [(case,) for case in cases])


def _row(case: Any, received: Any, due_on: Any, sealed: Any, caller: Any) -> CaseRow:
    return CaseRow(str(case), from_micros(received), date.fromisoformat(due_on), bytes(sealed), bytes(caller))
