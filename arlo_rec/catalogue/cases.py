"""The table `cases`: access requests, by the caller's blind index. The identity statement is sealed to the officers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from arlo_rec.backends import Connection
from arlo_rec.model.records import from_micros, to_micros


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as it is stored: `sealed_identity` holds how the person's identity was checked."""

    id: str
    state: str
    received_at: datetime
    due_on: date
    sealed_identity: bytes


class CaseDates(NamedTuple):
    """What decides when a case ends."""

    id: str
    due_on: date
    answered_at: datetime | None


class Cases:
    """Cases of access requests. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, case: CaseRow, caller: bytes) -> None:
        """Insert a new case of the caller with that blind index."""
        self._db.run(
            "INSERT INTO cases (id, caller, state, received_at, due_on, identity) VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(case.id, caller, case.state, to_micros(case.received_at), case.due_on.isoformat()),
                case.sealed_identity,
            ),
        )

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
        return CaseRow(str(case), str(state), from_micros(received), date.fromisoformat(due_on), bytes(sealed))

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
