"""Registers by the log: the cases of people's requests, and the holds on recordings (GDPR 12, 18)."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Self

from arlo_rec.law.log.events import (
    CaseAnswered,
    CaseClosed,
    CaseExtended,
    CaseGranted,
    CaseHolds,
    CaseIdentified,
    CaseOpened,
    CaseRefusalDenied,
    CaseRefusalProposed,
    CaseRefused,
    CaseWidened,
    HoldDenied,
    HoldLifted,
    HoldProposed,
    HoldSet,
    OfCase,
    OfHold,
)
from arlo_rec.law.model.records import RecordingId, from_iso, to_iso
from arlo_rec.law.model.times import end_of_day
from arlo_rec.law.rights import ClosingGround, Ground, HoldGround, ObjectionScope, Right, case_ends
from arlo_rec.policy import FOUR_EYES


class CaseState(StrEnum):
    """The states of a case; the last three are over, and the person's next request opens another case."""

    IDENTITY = "identity"  # open, and the person has not shown who they are
    OPEN = "open"
    ANSWERED = "answered"
    GRANTED = "granted"
    REFUSED = "refused"
    CLOSED = "closed"


PENDING: Final = (CaseState.IDENTITY, CaseState.OPEN)


class ProposedRefusal(NamedTuple):
    """A refusal that waits for a second officer."""

    id: str
    by: str
    at: datetime
    ground: Ground
    reason: str


class Aftermath(NamedTuple):
    """The remains of a granted request, when it was granted."""

    files: int = 0  # outside the system
    backup_until: datetime | None = None
    hold_until: datetime | None = None  # of the hold that ends first
    on_hold: int = 0  # recordings that stay, since another person has a claim to them
    asked_for: int = 0  # as well: a caller asked for a copy, and has no answer
    rejected: tuple[ObjectionScope, ...] = ()  # uses to which an employee objected without success

    def event(self, case: str, reason: str) -> CaseGranted:
        """The log entry of a granted request."""
        return CaseGranted(
            case=case,
            reason=reason,
            files=self.files or None,
            backup_until=to_iso(self.backup_until) if self.backup_until is not None else None,
            hold_until=to_iso(self.hold_until) if self.hold_until is not None else None,
            on_hold=self.on_hold or None,
            asked_for=self.asked_for or None,
            rejected=self.rejected or None,
        )

    @classmethod
    def of(cls, event: CaseGranted) -> Self:
        """The remains by a log entry."""
        return cls(
            event.files or 0,
            from_iso(event.backup_until) if event.backup_until is not None else None,
            from_iso(event.hold_until) if event.hold_until is not None else None,
            event.on_hold or 0,
            event.asked_for or 0,
            tuple(map(ObjectionScope, event.rejected or ())),
        )


class LoggedCase(NamedTuple):
    """A case by the log."""

    id: str
    sworn: tuple[str, ...]  # `CaseRow.digest` of each part
    opened_at: datetime
    received_at: datetime
    due_on: date  # of the extension, if any
    stood_still: int  # days
    right: Right = Right.ACCESS
    asked_on: date | None = None  # since when the deadline stands still, because identity is being checked
    is_identified: bool = True
    held: frozenset[RecordingId] = frozenset()  # recordings of the person when the case was opened or widened
    first_due_on: date | None = None  # before the deadline was extended
    extension: str | None = None  # its reason
    answered_at: datetime | None = None  # newest answer
    sha256: str | None = None  # of its file
    granted_at: datetime | None = None
    left: Aftermath = Aftermath()
    refused_at: datetime | None = None
    ground: Ground | ClosingGround | None = None  # of the refusal, or of closing it without an answer
    proposed: ProposedRefusal | None = None
    closed_at: datetime | None = None
    why: str | None = None  # the reason of a decision, or of a closing without an answer

    @property
    def state(self) -> CaseState:
        """The state, by the last event."""
        if self.closed_at is not None:
            return CaseState.CLOSED
        if self.refused_at is not None:
            return CaseState.REFUSED
        if self.granted_at is not None:
            return CaseState.GRANTED
        if self.answered_at is not None:
            return CaseState.ANSWERED
        return CaseState.OPEN if self.is_identified else CaseState.IDENTITY

    @property
    def decided_at(self) -> datetime | None:
        """When it was answered, granted, refused, or closed without any of these."""
        return self.answered_at or self.granted_at or self.refused_at or self.closed_at

    def due(self, today: date) -> date:
        """The deadline as of *today*: each day of a check of identity moves it by one."""
        stands_still = self.asked_on is not None and self.state is CaseState.IDENTITY
        return self.due_on + max(today - self.asked_on, timedelta(0)) if stands_still and self.asked_on else self.due_on

    @property
    def ends_at(self) -> datetime:
        """When it ends: 90 days after its answer or its end without one, else after its deadline.

        A request entered after its deadline has 90 days from then.
        """
        deadline = max(end_of_day(self.due_on), self.opened_at)
        return case_ends(self.decided_at, deadline)

    def waiting(self, now: datetime) -> ProposedRefusal | None:
        """The refusal that waits for a second officer, if it still does."""
        is_live = self.proposed is not None and self.state in PENDING and now < self.proposed.at + FOUR_EYES
        return self.proposed if is_live else None

    def takes(self, today: date) -> bool:
        """Whether a request of the same person belongs to it: until its answer, and then until its deadline."""
        if self.state is CaseState.ANSWERED:
            return today <= self.due_on
        return self.state in PENDING

    def days_left(self, today: date) -> int | None:
        """Days until the deadline, negative after it; None if no answer is due."""
        return (self.due(today) - today).days if self.state in PENDING else None


def follow_case(cases: MutableMapping[str, LoggedCase], event: OfCase, at: datetime, by: str) -> None:
    """Apply an event of that time, by that officer, to *cases*; a malformed one changes none."""
    try:
        known = cases.get(event.case)
        if known is None and isinstance(event, CaseOpened):
            known = _opened(event, at)
        elif known is not None:
            known = case_after(known, event, at, by)
        if known is not None and known.ends_at:  # rejects days beyond the calendar
            cases[known.id] = known
    except (TypeError, ValueError, OverflowError):
        return


def _opened(event: CaseOpened, at: datetime) -> LoggedCase:
    received, due = from_iso(event.received), date.fromisoformat(event.due)
    asked = date.fromisoformat(event.asked) if event.asked is not None else None
    case = LoggedCase(event.case, (event.sworn,), at, received, due, int(event.stood_still), Right(event.subject_right))
    return case._replace(asked_on=asked, is_identified=event.identified)


def case_after(known: LoggedCase, event: OfCase, at: datetime, by: str) -> LoggedCase:
    """A case after an event of that time, by that officer; raises ValueError or TypeError for a malformed one."""
    match event:
        case CaseWidened(sworn=sworn):
            return known._replace(sworn=(*known.sworn, sworn))
        case CaseIdentified(due=text, stood_still=days):
            due, proposed = date.fromisoformat(text), known.proposed
            if proposed is not None and proposed.ground is Ground.NOT_IDENTIFIED:
                proposed = None  # it is not so any more
            return known._replace(due_on=due, stood_still=int(days), is_identified=True, proposed=proposed)
        case CaseHolds(recordings=held):
            return known._replace(held=known.held.union(held))
        case CaseAnswered(sha256=sha256):
            return known._replace(answered_at=at, sha256=sha256)
        case CaseExtended(due=text, reason=reason):
            due, first = date.fromisoformat(text), known.first_due_on or known.due_on
            return known._replace(due_on=due, first_due_on=first, extension=reason)
        case CaseRefusalProposed(ground=ground, reason=reason):
            return known._replace(proposed=ProposedRefusal(event.id, by, at, Ground(ground), reason))
        case CaseRefusalDenied():
            return known._replace(proposed=None)
        case CaseRefused(ground=ground, reason=reason):
            return known._replace(refused_at=at, ground=Ground(ground), why=reason, proposed=None)
        case CaseGranted(reason=reason):
            return known._replace(granted_at=at, why=reason, left=Aftermath.of(event), proposed=None)
        case CaseClosed(reason=reason, ground=ground):
            of = ClosingGround(ground) if ground is not None else known.ground
            return known._replace(closed_at=at, why=reason, ground=of, proposed=None)
    return known


class HoldState(StrEnum):
    """The states of a hold; it holds only while it is set."""

    WAITS = "waits"  # for a second officer
    SET = "set"
    DENIED = "denied"
    LIFTED = "lifted"
    OVER = "over"  # it ended, or nobody decided on it


class LoggedHold(NamedTuple):
    """A hold by the log."""

    id: str
    ground: HoldGround
    calls: frozenset[RecordingId]
    until: datetime
    by: str
    at: datetime
    reason: str
    set_at: datetime | None = None
    approved_by: str | None = None
    denied_at: datetime | None = None
    lifted_at: datetime | None = None

    def state(self, now: datetime) -> HoldState:
        """The state at *now*."""
        if self.lifted_at is not None:
            return HoldState.LIFTED
        if self.denied_at is not None:
            return HoldState.DENIED
        if now >= self.until or (self.set_at is None and now >= self.at + FOUR_EYES):
            return HoldState.OVER
        return HoldState.WAITS if self.set_at is None else HoldState.SET

    def holds(self, recording: RecordingId, now: datetime) -> bool:
        """Whether it holds that call at *now*."""
        return recording in self.calls and self.state(now) is HoldState.SET


def follow_hold(holds: MutableMapping[str, LoggedHold], event: OfHold, at: datetime, by: str) -> None:
    """Apply an event of that time, by that officer, to *holds*; a malformed one changes none."""
    try:
        known = holds.get(event.request)
        match event:
            case HoldProposed():
                facts = (HoldGround(event.ground), frozenset(event.recordings), from_iso(event.until))
                holds[event.id] = LoggedHold(event.id, *facts, by, at, event.reason)
            case HoldSet() if known is not None:
                holds[event.request] = known._replace(set_at=at, approved_by=by if by != known.by else None)
            case HoldDenied() if known is not None:
                holds[event.request] = known._replace(denied_at=at)
            case HoldLifted() if known is not None:
                holds[event.request] = known._replace(lifted_at=at)
    except (TypeError, ValueError, OverflowError):
        return
