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


class CaseRow(NamedTuple):
    """A case as it is stored: `sealed_identity` holds how the person's identity was checked."""

    id: str
    state: str
    received_at: datetime
    due_on: date
    sealed_identity: bytes
    caller: bytes  # blind index

    def digest(self) -> str:
        """SHA-256 in hex of what the log entry of its opening commits to: all but what becomes of it."""
        dates = {"due_on": self.due_on.isoformat(), "received_at": to_micros(self.received_at)}
        row = {"caller": self.caller.hex(), "id": self.id, "identity": self.sealed_identity.hex(), **dates}
        return sha256(canonical(row)).hexdigest()


class CaseDates(NamedTuple):
    """What decides when a case ends."""

    id: str
    due_on: date
    answered_at: datetime | None


class Cases:
    """Cases of access requests. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, case: CaseRow) -> None:
        """Insert a new case."""
        self._db.run(
            "INSERT INTO cases (id, caller, state, received_at, due_on, identity) VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(case.id, case.caller, case.state, to_micros(case.received_at), case.due_on.isoformat()),
                case.sealed_identity,
            ),
        )

    @reads_rows
    def newest_due_from(self, caller: bytes, day: date) -> CaseRow | None:
        """The newest case of a caller that is due on *day* or later."""
        rows = self._db.rows(
            "SELECT id, state, received_at, due_on, identity FROM cases WHERE caller = ? AND due_on >= ? "
            "ORDER BY received_at DESC LIMIT 1",
            (caller, day.isoformat()),
        )
        if not rows:
            return None
        case, state, received, due_on, sealed = rows[0]
        return _row(case, state, received, due_on, sealed, caller)

    @reads_rows
    def rows(self) -> list[CaseRow]:
        """Every case."""
        rows = self._db.rows("SELECT id, state, received_at, due_on, identity, caller FROM cases")
        return [_row(*row) for row in rows]

    @reads_rows
    def every(self) -> list[CaseDates]:
        """The dates of every case."""
        rows = self._db.rows("SELECT id, due_on, answered_at FROM cases ORDER BY received_at, id")
        return [
            CaseDates(str(case), date.fromisoformat(due_on), None if at is None else from_micros(at))
            for case, due_on, at in rows
        ]

    def remove(self, cases: Iterable[str]) -> None:
        """Delete cases with their sealed identity statements."""
        self._db.run_many("DELETE FROM cases WHERE id = ?", [(case,) for case in cases])

    def answer(self, case: str, state: str, at: datetime) -> None:
        """Set the state of a case and the time of its answer."""
        self._db.run("UPDATE cases SET state = ?, answered_at = ? WHERE id = ?", (state, to_micros(at), case))


def _row(case: Any, state: Any, received: Any, due_on: Any, sealed: Any, caller: Any) -> CaseRow:
    due = date.fromisoformat(due_on)
    return CaseRow(str(case), str(state), from_micros(received), due, bytes(sealed), bytes(caller))
