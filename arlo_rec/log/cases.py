"""A case of an access request, by the log."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from arlo_rec.log.events import (
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
from arlo_rec.model.times import end_of_day
from arlo_rec.policy import case_ends


class CaseState(StrEnum):
    """The states of a case; the last two are over, and the person's next request opens another case."""

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
    due_on: date  # of the extension, if any
    stood_still: int  # days
    held: frozenset[RecordingId] = frozenset()  # recordings of the person when the case was opened or widened
    first_due_on: date | None = None  # before the deadline was extended
    extension: str | None = None  # its reason
    answered_at: datetime | None = None  # newest answer
    sha256: str | None = None  # of its file
    refused_at: datetime | None = None
    closed_at: datetime | None = None
    why_not: str | None = None  # the reason of a refusal, or of a closing without an answer

    @property
    def state(self) -> CaseState:
        """The state, by the last event."""
        if self.closed_at is not None:
            return CaseState.CLOSED
        if self.refused_at is not None:
            return CaseState.REFUSED
        return CaseState.OPEN if self.answered_at is None else CaseState.ANSWERED

    @property
    def ends_at(self) -> datetime:
        """When it ends: 90 days after its answer or its end without one, else after its deadline.

        A request entered after its deadline has 90 days from then.
        """
        deadline = max(end_of_day(self.due_on), self.opened_at)
        return case_ends(self.answered_at or self.refused_at or self.closed_at, deadline)

    def takes(self, today: date) -> bool:
        """Whether a request of the same person belongs to it: until its answer, and then until its deadline."""
        if self.state is CaseState.ANSWERED:
            return today <= self.due_on
        return self.state is CaseState.OPEN

    def days_left(self, today: date) -> int | None:
        """Days until the deadline, negative after it; None if no answer is due."""
        return (self.due_on - today).days if self.state is CaseState.OPEN else None


def follow(cases: MutableMapping[str, LoggedCase], event: OfCase, at: datetime) -> None:
    """Apply an event of that time to *cases*; a malformed one changes none."""
    try:
        known = cases.get(event.case)
        if known is None and isinstance(event, CaseOpened):
            known = _opened(event, at)
        elif known is not None:
            known = _after(known, event, at)
        if known is not None and known.ends_at:  # rejects days beyond the calendar
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
