"""The rights of recorded people as decisions: their requests, holds, objections, and whether a recording opens.

Pure, as `policy` is: no clock, no disk, and every decision names its rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, assert_never

from arlo_rec.policy import REASON_SHORTEST, Decision, Purpose, has_hidden_characters, is_due, reason_problem

CASE_RETENTION = timedelta(days=90)  # of the case of an access request after its answer, or its deadline without one
HOLD_LONGEST = timedelta(days=90)  # a hold ends no later, and may be set again
ASKED_LATE = timedelta(days=7)  # after which a question who the person is came with undue delay


# -- requests ------------------------------------------------------------------------------------------


class Right(StrEnum):
    """The rights of which a person's request is a case (GDPR 15 to 18, 20, 21 and 77)."""

    ACCESS = "access"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    PORTABILITY = "portability"
    COMPLAINT = "complaint"


class Ground(StrEnum):
    """The grounds of the law for refusing a request; a letter has a sentence for each."""

    NOT_IDENTIFIED = "not_identified"  # GDPR 11, 12(2)
    UNFOUNDED = "unfounded"  # 12(5)(b)
    EXCESSIVE = "excessive"  # 12(5)(b)
    OTHERS_RIGHTS = "others_rights"  # 15(4), 20(4)
    LAW_EXEMPTS = "law_exempts"  # personopplysningsloven § 16
    NOT_MET = "not_met"  # what the article of the right demands is not so


class ClosingGround(StrEnum):
    """The grounds for closing a request that is not answered; whatever else speaks against it is a refusal."""

    TAKEN_BACK = "taken_back"  # by the person
    MISTAKE = "mistake"  # nobody made this request
    DUPLICATE = "duplicate"  # the person has another case about the same


ANSWERED_BY_COPY: Final = (Right.ACCESS, Right.PORTABILITY)  # by `dsar`


def may_refuse(right: Right, ground: Ground, *, identified: bool) -> Decision:
    """Whether a request of that right may be refused on that ground.

    A person who has shown who they are is not refused for want of it.
    """
    match ground:
        case Ground.NOT_IDENTIFIED:
            applies = not identified
        case Ground.UNFOUNDED | Ground.EXCESSIVE:
            applies = True
        case Ground.OTHERS_RIGHTS:
            applies = right in ANSWERED_BY_COPY
        case Ground.LAW_EXEMPTS:
            applies = right is Right.ACCESS
        case Ground.NOT_MET:
            applies = right is not Right.ACCESS
        case _:
            assert_never(ground)
    return Decision.yes("access.subject") if applies else Decision.no("access.subject", "ground_does_not_apply")


def case_ends(answered_at: datetime | None, deadline: datetime) -> datetime:
    """When the case of an access request ends, with the statement of how the identity was checked (access.subject).

    A withdrawal ends no case: a request must be answered all the same. An unanswered one outlives its deadline by as
    long, and by then a new request opens a new case.
    """
    return (answered_at or deadline) + CASE_RETENTION


IDENTITY_WAYS: Final = ("called-back", "seen-id", "login")  # of checking identity; a letter has a sentence for each


_NEGATION = re.compile(r"\b(?:ikke|ikkje|ingen|aldri|ennå|not|never|none|yet|nobody)\b", re.IGNORECASE)


def identity_stated(statement: str) -> Decision:
    """Whether an access request states how the person's identity was checked (access.subject)."""
    if _NEGATION.search(statement):
        return Decision.no("access.subject", "identity_says_none")
    is_explained = len(statement.strip()) >= REASON_SHORTEST and not has_hidden_characters(statement)
    is_said = is_explained or statement in IDENTITY_WAYS
    return Decision.yes("access.subject") if is_said else Decision.no("access.subject", "identity_missing")


def may_differ(code: str, reason: str | None) -> Decision:
    """Whether an access answer may hold more or less than the person's own speech: only with the weighing as reason.

    The *code* of a no says which: the whole call, no sound whose voices are not separated (GDPR 15(4)), words of the
    employee about the caller.
    """
    is_valid = reason_problem(reason) is None
    return Decision.yes("access.subject") if is_valid else Decision.no("access.subject", code)


# -- holds ---------------------------------------------------------------------------------------------


class HoldGround(StrEnum):
    """The grounds for keeping a call beyond its retention, closed to both purposes."""

    CONTESTED = "18a"  # GDPR 18(1)(a): its accuracy is contested
    AGAINST_ERASURE = "18b"  # (b): it is unlawful, and the person asks that it be kept
    CLAIMS = "18c"  # (c): the person needs it for a legal claim
    OBJECTED = "18d"  # (d): an objection is being decided
    COMPLAINT = "complaint"  # a pending request or complaint of the person
    ORDER = "order"  # of police or court


def may_hold(until: datetime, *, now: datetime) -> Decision:
    """Whether a hold may last until then: it has an end, which officers may set again (retention.90d)."""
    if until <= now:
        return Decision.no("retention.90d", "hold_ends_in_past")
    is_short = until < now + HOLD_LONGEST + timedelta(days=1)  # until the end of the last day
    return Decision.yes("retention.90d") if is_short else Decision.no("retention.90d", "hold_too_long")


def outlives_withdrawal(ground: HoldGround) -> bool:
    """Whether a call on hold outlives a withdrawal: only where the person asked that it be kept."""
    return ground in {HoldGround.AGAINST_ERASURE, HoldGround.CLAIMS}


# -- objections of employees --------------------------------------------------------------------------


class ObjectionScope(StrEnum):
    """The uses of their calls to which an employee may object, each alone (GDPR 21)."""

    RECORDING = "recording"  # and so to both purposes
    QUALITY = "quality"
    TRAINING = "training"


class ObjectionState(StrEnum):
    """The states of an objection; while it is pending, the use is closed (GDPR 18(1)(d))."""

    PENDING = "pending"
    UPHELD = "upheld"
    REJECTED = "rejected"
    LIFTED = "lifted"


Objections = Mapping[ObjectionScope, ObjectionState]  # of one employee
NO_OBJECTIONS: Final[Objections] = {}


def closing(purpose: Purpose | None, *, officer: bool) -> frozenset[ObjectionScope]:
    """The objections that close a use: a purpose, or None for making and reviewing training copies.

    A manager makes copies from originals that open to them for quality; an officer by a right of her own.
    """
    if purpose is not None:
        return frozenset({ObjectionScope.RECORDING, ObjectionScope(purpose)})
    copying = {ObjectionScope.RECORDING, ObjectionScope.TRAINING}
    return frozenset(copying if officer else {*copying, ObjectionScope.QUALITY})


def unless_objected(objections: Objections, scopes: frozenset[ObjectionScope]) -> Decision:
    """Whether an employee's objections leave a use open that those to *scopes* close (data.employee)."""
    states = {objections.get(scope) for scope in scopes}
    if ObjectionState.UPHELD in states:
        return Decision.no("data.employee", "agent_objected")
    if ObjectionState.PENDING in states:
        return Decision.no("data.employee", "objection_pending")
    return Decision.yes("data.employee")


def taken_in_despite(objections: Objections, *, informed: bool) -> Decision:
    """Whether a call may be taken in for its employee: nothing objected to is kept, and none who was never told.

    While an objection to recording is pending, calls are taken in and closed: docs/adr/0033.
    """
    if objections.get(ObjectionScope.RECORDING) is ObjectionState.UPHELD:
        return Decision.no("data.employee", "agent_objected")
    return Decision.yes("info.employees") if informed else Decision.no("info.employees", "agent_not_told")


# -- opening a recording ------------------------------------------------------------------------------


class OpenRequest(NamedTuple):
    """A request to open a recording for a purpose, with the facts that decide it."""

    purpose: Purpose
    granted: bool
    consented: frozenset[Purpose]
    released: bool  # a training copy
    due_at: datetime
    objections: Objections = NO_OBJECTIONS  # of the employee who answered
    on_hold: bool = False
    withdrawn: bool = False  # while it was on hold, which kept it
    may_leave: bool = True  # False: it would leave as a file, which no grant here allows


def _closed(request: OpenRequest, now: datetime) -> Decision | None:
    """The decision against every use of a recording: on hold, withdrawn or past its day; None for others."""
    if request.on_hold:
        return Decision.no("access.subject", "on_hold")
    if request.withdrawn:
        return Decision.no("consent.withdraw", "consent_withdrawn")
    if is_due(request.due_at, now):
        return Decision.no("retention.90d", "past_its_day")
    return None


def may_open(request: OpenRequest, *, now: datetime) -> Decision:
    """Whether a recording may be opened; the grant is checked first, so that a refusal without one reveals nothing."""
    if not request.granted or (request.purpose is Purpose.QUALITY and request.released):
        return Decision.no("access.managers", "no_grant")
    if (closed := _closed(request, now)) is not None:
        return closed
    if request.purpose not in request.consented:
        return Decision.no("consent.purposes", "not_consented")
    if request.purpose is Purpose.TRAINING and not request.released:
        return Decision.no("data.pseudonymised", "no_released_copy")
    objected = unless_objected(request.objections, closing(request.purpose, officer=False))
    if not objected.allowed:
        return objected
    if not request.may_leave:  # last: the refusal says that the person may hear the recording
        return Decision.no("access.managers", "no_export_grant")
    match request.purpose:
        case Purpose.TRAINING:
            return Decision.yes("purpose.training")
        case Purpose.QUALITY:
            return Decision.yes("purpose.quality")
        case never:
            assert_never(never)


def may_copy(request: OpenRequest, *, now: datetime, officer: bool) -> Decision:
    """Whether a training copy may be made or reviewed.

    An officer may for every call whose consent names training; a manager only for a call that they may open for
    quality. A released copy is closed to managers here. An objection to training refuses everybody (GDPR 21).
    """
    if not officer and (not request.granted or request.released):
        return Decision.no("access.managers", "no_grant")
    if (closed := _closed(request, now)) is not None:
        return closed
    if Purpose.TRAINING not in request.consented or not (officer or Purpose.QUALITY in request.consented):
        return Decision.no("consent.purposes", "not_consented")
    objected = unless_objected(request.objections, closing(None, officer=officer))
    return Decision.yes("data.pseudonymised") if objected.allowed else objected


def may_hear(request: OpenRequest, *, now: datetime, officer: bool) -> Decision:
    """Whether a reviewer of a training copy may hear it, or a stretch of its original: by a grant alone."""
    if not request.granted:
        return Decision.no("access.managers", "no_grant")
    return may_copy(request, now=now, officer=officer)
