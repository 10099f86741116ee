"""What the log says of cases of access requests: when each was opened and answered, and so when it ends.

Anybody's own code can write a row, so a case ends by what officers signed in the log, and not by what its row says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from arlo_rec.catalogue.cases import CaseRow
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import CaseAnswered, CaseOpened
from arlo_rec.model.deadlines import answer_due
from arlo_rec.model.records import from_iso
from arlo_rec.model.times import end_of_day, local_date
from arlo_rec.policy import Action, case_ends
from arlo_rec.store import Store


class LoggedCase(NamedTuple):
    """A case by the log."""

    sworn: str  # `CaseRow.digest`
    opened_at: datetime
    answered_at: datetime | None = None  # the newest answer

    def ends_at(self, row: CaseRow | None) -> datetime:
        """When it ends: 90 days after its answer, or after its deadline where none was given.

        The deadline of one whose row was changed since, or is gone, is that of a request which arrived when the case
        was opened.
        """
        is_sworn = row is not None and row.digest() == self.sworn
        due_on = row.due_on if row is not None and is_sworn else answer_due(local_date(self.opened_at))
        return case_ends(self.answered_at, end_of_day(due_on))


def over(opened: Mapping[str, LoggedCase], rows: Iterable[CaseRow], now: datetime) -> dict[str, str]:
    """The rows (by id) that have no right to stay, and the id by which the log knows the case of each.

    Those of cases that ended, also under another id than the one that was sworn. A row that is no such case may be of
    one that runs and has no other row; where there is none it is nobody's.
    """
    of_case = {row: _case_of(row, opened) for row in rows}
    by_case = {case: row for row, case in of_case.items()}
    running = {case for case, logged in opened.items() if logged.ends_at(by_case.get(case)) > now}
    is_clear = running <= by_case.keys()
    return {row.id: case or row.id for row, case in of_case.items() if (case not in running if case else is_clear)}


def _case_of(row: CaseRow, opened: Mapping[str, LoggedCase]) -> str | None:
    """The case that a row is of, as far as the log says it: by its id, or as what was sworn of another id."""
    if row.id in opened:
        return row.id
    return next((case for case, logged in opened.items() if row._replace(id=case).digest() == logged.sworn), None)


def logged(store: Store) -> dict[str, LoggedCase]:
    """Every case that somebody opened who may, as far as the log says it; those that ended too."""
    cases: dict[str, LoggedCase] = {}
    for entry in store.log.of_cases():
        body = entry.body or {}
        event = audit_events.read(body)
        if not isinstance(event, CaseOpened | CaseAnswered) or not store.entry_counts(entry.seq, Action.DSAR):
            continue
        try:
            at = from_iso(body["at"])
        except (KeyError, TypeError, ValueError):
            continue
        if isinstance(event, CaseOpened):
            cases.setdefault(event.case, LoggedCase(event.sworn, at))
        elif event.case in cases:
            cases[event.case] = cases[event.case]._replace(answered_at=at)
    return cases
