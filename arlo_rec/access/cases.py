"""What the log says of cases of access requests: what was done in each, when it is due, and so when it ends.

A row of a case keeps only what is sealed to the officers, and by which blind indexes a request of the same person finds
it.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from arlo_rec.model.audit_event import AuditEvent
from arlo_rec.model.audit_events import (
    CaseAnswered,
    CaseClosed,
    CaseExtended,
    CaseHolds,
    CaseOpened,
    CaseRefused,
    CaseWidened,
    OfCase,
)
from arlo_rec.model.records import RecordingId, from_iso
from arlo_rec.model.times import end_of_day, local_date
from arlo_rec.policy import case_ends, is_due
from arlo_rec.store import Store


class CaseState(StrEnum):
    """The states of a case; the last two are over, and the next request of the person opens another case."""

    OPEN = "open"
    ANSWERED = "answered"
    REFUSED = "refused"
    CLOSED = "closed"


class LoggedCase(NamedTuple):
    """A case by the log."""

    id: str
    sworn: tuple[str, ...]  # `CaseRow.digest` of each part
    opened_at: datetime
    received_at: datetime
    due_on: date  # that of an extension where there is one
    stood_still: int  # days
    held: frozenset[RecordingId] = frozenset()  # recordings of the person when the case was opened or widened
    first_due_on: date | None = None  # before the deadline was extended
    extension: str | None = None  # the reason for it
    answered_at: datetime | None = None  # the newest answer
    sha256: str | None = None  # of its file
    refused_at: datetime | None = None
    closed_at: datetime | None = None
    why_not: str | None = None  # the reason of a refusal, or of a case that was closed without an answer

    @property
    def state(self) -> CaseState:
        """The state, by what was done last."""
        if self.closed_at is not None:
            return CaseState.CLOSED
        if self.refused_at is not None:
            return CaseState.REFUSED
        return CaseState.OPEN if self.answered_at is None else CaseState.ANSWERED

    @property
    def ends_at(self) -> datetime:
        """When it ends: 90 days after its answer or its end without one, else after its deadline.

        A request that was entered after its deadline has 90 days from then.
        """
        deadline = max(end_of_day(self.due_on), self.opened_at)
        return case_ends(self.answered_at or self.refused_at or self.closed_at, deadline)

    def takes(self, today: date) -> bool:
        """Whether a request of the same person belongs to it: until it is answered, and then until its deadline."""
        if self.state is CaseState.ANSWERED:
            return today <= self.due_on
        return self.state is CaseState.OPEN

    def days_left(self, today: date) -> int | None:
        """Days until the deadline, negative after it; None where nothing is left to do."""
        return (self.due_on - today).days if self.state is CaseState.OPEN else None


def follow(cases: MutableMapping[str, LoggedCase], event: AuditEvent, at: datetime) -> None:
    """Take an event that counts, of that time, into *cases*; what is no event of a case, or malformed, changes none."""
    if not isinstance(event, OfCase):
        return
    try:
        known = cases.get(event.case)
        if known is None and isinstance(event, CaseOpened):
            known = _opened(event, at)
        elif known is not None:
            known = _after(known, event, at)
        if known is not None and known.ends_at:  # days beyond the calendar are none
            cases[known.id] = known
    except (TypeError, ValueError, OverflowError):
        return


def _opened(event: CaseOpened, at: datetime) -> LoggedCase:
    received, due = from_iso(event.received), date.fromisoformat(event.due)
    return LoggedCase(event.case, (event.sworn,), at, received, due, int(event.stood_still))


def _after(known: LoggedCase, event: OfCase, at: datetime) -> LoggedCase:
    match event:
        case CaseWidened(sworn=sworn):
            return known._replace(sworn=(*known.sworn, sworn))
        case CaseHolds(recordings=held):
            return known._replace(held=known.held.union(held))
        case CaseAnswered(sha256=sha256):
            return known._replace(answered_at=at, sha256=sha256)
        case CaseExtended(due=text, reason=reason):
            due, first = date.fromisoformat(text), known.first_due_on or known.due_on
            return known._replace(due_on=due, first_due_on=first, extension=reason)
        case CaseRefused(reason=reason):
            return known._replace(refused_at=at, why_not=reason)
        case CaseClosed(reason=reason):
            return known._replace(closed_at=at, why_not=reason)
    return known


def logged(store: Store) -> dict[str, LoggedCase]:
    """Every case, by its id; those that ended too."""
    cases: dict[str, LoggedCase] = {}
    for entry in store.log.of_cases():
        event = entry.event
        if event is not None:
            follow(cases, event, entry.at)
    return cases


def running(store: Store, now: datetime) -> list[LoggedCase]:
    """The cases that have not ended, those that are due first before the others."""
    at = store.today(now)
    cases = (case for case in logged(store).values() if case.ends_at > at)
    return sorted(cases, key=lambda case: (case.due_on, case.received_at))  # then in the log's order


class Waiting(NamedTuple):
    """A case without an answer, with what is left of its time."""

    case: LoggedCase
    days: int  # until the deadline, negative after it
    first_erased: datetime | None  # when the first of its recordings goes, if that is before its deadline
    days_whole: int | None = None  # until then: nothing is kept longer because of a request


def urgent(store: Store, now: datetime) -> list[Waiting]:
    """The cases without an answer, those that are due first before the others."""
    today = local_date(store.today(now))
    left = ((case, case.days_left(today)) for case in running(store, now))
    return [_waiting(store, case, days, now) for case, days in left if days is not None]


def _waiting(store: Store, case: LoggedCase, days: int, now: datetime) -> Waiting:
    first = first_erased(store, case, now)
    if first is None or first >= end_of_day(case.due_on):
        return Waiting(case, days, None)
    return Waiting(case, days, first, (local_date(first) - local_date(store.today(now))).days)


def first_erased(store: Store, case: LoggedCase, now: datetime) -> datetime | None:
    """When the first of the recordings that a case began with, and that are there, is erased; None without one."""
    ends = (store.policy.ends_at(row) for _, row in store.catalogue.recordings.held_among(case.held))
    return min((end for end in ends if not is_due(end, store.today(now))), default=None)


def over(store: Store, now: datetime) -> set[str]:
    """The ids of the cases that ended and still have rows."""
    ids = {row.id for row in store.catalogue.cases.rows()}
    return {case for case, each in logged(store).items() if case in ids and each.ends_at <= now} if ids else set()
