"""Decisions in a case: its deadline is extended, it is granted or refused, or it is closed.

Access and portability are granted by an answer (`request`). Every other right is granted once the program has done
what it asks for: a letter says nothing that is not so. A refusal has a ground of the law, and the officer's own words
beside it; where there is a second officer, it waits for them (`admin.refusals`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from arlo_rec.access import holds, objections
from arlo_rec.admin import refusals
from arlo_rec.dsar import register, subjects
from arlo_rec.dsar.letter import Aftermath
from arlo_rec.dsar.register import OVER, Entry
from arlo_rec.dsar.subjects import KnownBy
from arlo_rec.erasure import withdrawal
from arlo_rec.i18n.messages import language_of
from arlo_rec.log.cases import PENDING, CaseState, LoggedCase
from arlo_rec.log.events import CaseClosed, CaseExtended, CaseGranted
from arlo_rec.model.deadlines import answer_due
from arlo_rec.model.errors import Refused, Usage
from arlo_rec.model.times import end_of_day, local_date
from arlo_rec.policy import Action, reason_problem
from arlo_rec.rights import ANSWERED_BY_COPY, Ground, ObjectionScope, ObjectionState, Right, may_refuse
from arlo_rec.store import Change, Store

_RULE: Final = "access.subject"
_OF_RECORDINGS: Final = (Right.ERASURE, Right.RESTRICTION, Right.OBJECTION)  # roster and log have nothing of these


def extend(store: Store, case: str, reason: str | None, lang: str | None, now: datetime) -> LoggedCase:
    """Extend the deadline by the two months that GDPR 12(3) allows, once and within the first month.

    Raises NotGranted, NothingMatched, Usage for an invalid reason, Refused (access.subject).
    """

    def event(change: Change, logged: LoggedCase) -> None:
        today = store.clock.today(now)
        if logged.extension is not None:
            raise Refused("case_extended_already", rule=_RULE, case=logged.id)
        if today >= end_of_day(logged.due(local_date(today))):
            raise Refused("case_too_late_to_extend", rule=_RULE, case=logged.id)
        received = local_date(logged.received_at)
        due = answer_due(received, stood_still=logged.stood_still, extended=True)
        change.log(CaseExtended(case=logged.id, reason=str(reason), due=due.isoformat()))

    _check_reason(reason, lang)
    return _do(store, case, event, now)


def grant(store: Store, case: str, reason: str | None, lang: str | None, now: datetime) -> LoggedCase:
    """Grant a request of another right than access, and say what was done; raises as `extend`.

    Raises Refused as long as the program has not done what the right asks for.
    """

    def event(change: Change, logged: LoggedCase) -> None:
        if logged.right in ANSWERED_BY_COPY:
            raise Refused("case_answered_by_dsar", rule=_RULE, case=logged.id)
        if logged.state is CaseState.IDENTITY:
            raise Refused("case_identity_open", rule=_RULE, case=logged.id)
        if command := _to_be_done(store, register.shown(store, logged.id, now), now):
            raise Refused("case_not_carried_out", rule=_RULE, case=logged.id, command=command)
        change.log(CaseGranted(case=logged.id, reason=str(reason)))

    _check_reason(reason, lang)
    return _do(store, case, event, now)


def refuse(
    store: Store, case: str, ground: str | None, reason: str | None, lang: str | None, now: datetime
) -> LoggedCase:
    """Refuse a request on a ground of the law, or propose that to a second officer (GDPR 12(4)); raises as `extend`.

    Raises Usage for an unknown ground.
    """
    if ground not in set(Ground):
        code = "ground_missing" if ground is None else "ground_unknown"
        raise Usage(code, rule=_RULE, grounds=", ".join(Ground))
    chosen = Ground(ground)

    def event(change: Change, logged: LoggedCase) -> None:
        decision = may_refuse(logged.right, chosen, identified=logged.is_identified)
        if not decision.allowed:
            raise Refused(decision.code, rule=decision.rule, ground=chosen, case=logged.id)
        if logged.proposed is not None and logged.proposed in {each.proposed for each in refusals.waiting(store, now)}:
            raise Refused("case_refusal_waits", rule=_RULE, case=logged.id)
        if logged.right is Right.OBJECTION and _pending(store, register.shown(store, logged.id, now)):
            raise Refused("case_not_carried_out", rule=_RULE, case=logged.id, command="person objection NAME --reject")
        refusals.refuse(store, change, logged, chosen, str(reason), now)

    _check_reason(reason, lang)
    return _do(store, case, event, now)


def close(store: Store, case: str, reason: str | None, lang: str | None, now: datetime) -> LoggedCase:
    """Close a case whose answer was handed over, or, with a reason, one that needs none; raises as `extend`."""

    def event(change: Change, logged: LoggedCase) -> None:
        if logged.state in PENDING and reason is None:
            raise Refused("case_not_answered", rule=_RULE, case=logged.id)
        change.log(CaseClosed(case=logged.id, reason=reason))

    if reason is not None:
        _check_reason(reason, lang)
    return _do(store, case, event, now, among=(*PENDING, CaseState.ANSWERED))


def _do(
    store: Store,
    case: str,
    event: Callable[[Change, LoggedCase], None],
    now: datetime,
    *,
    among: Sequence[CaseState] = PENDING,
) -> LoggedCase:
    """Log an event of a case in one of these states; the case afterwards."""
    store.demand(Action.DSAR, now)
    with store.change(now) as change:
        logged = register.known(store, case, now)
        if logged.state not in among:
            raise Refused(OVER[logged.state], rule=_RULE, case=logged.id)
        event(change, logged)
    return register.known(store, logged.id, now)


def _check_reason(reason: str | None, lang: str | None) -> None:
    """Raise Usage for an invalid reason, and for one in another language than was chosen for its letter."""
    problem = reason_problem(reason)
    if problem is not None:
        raise Usage(problem, rule=_RULE)
    if lang is not None and language_of(str(reason)) not in {None, lang}:
        raise Usage("reason_in_other_language", rule=_RULE, letter=lang)


# -- what is done ---------------------------------------------------------------------------------------


def _to_be_done(store: Store, entry: Entry, now: datetime) -> str | None:
    """The command that carries out what a person asks for, as long as it was not; None once it is done."""
    known_by = entry.statement.known_by
    if any(each.kind is KnownBy.PERSON for each in known_by) and entry.case.right in _OF_RECORDINGS:
        raise Refused("right_of_user", rule=_RULE, case=entry.case.id)
    names = [each.text for each in known_by if each.kind is KnownBy.AGENT]
    held = partial(subjects.held, store, known_by, now)
    match entry.case.right:
        case Right.ERASURE | Right.OBJECTION if names:
            wanted = {ObjectionScope.RECORDING} if entry.case.right is Right.ERASURE else set(ObjectionScope)
            is_done = all(_upheld(store, name) & wanted for name in names)
            return None if is_done else "person objection NAME --uphold"
        case Right.ERASURE | Right.OBJECTION:
            return ("withdraw CALLER" if held() else "purge") if subjects.still_there(store, known_by) else None
        case Right.RESTRICTION:
            on_hold = holds.at(store, now)
            if not held():
                raise Refused("nothing_to_restrict", rule=_RULE, case=entry.case.id)
            return None if all(on_hold.every(call) for call in held()) else "hold set"
    return None


def _upheld(store: Store, name: str) -> set[ObjectionScope]:
    """The uses of their calls to which an employee objected with success."""
    standing = objections.of_agent(store, name)
    return {scope for scope, objection in standing.items() if objection.state is ObjectionState.UPHELD}


def _pending(store: Store, entry: Entry) -> bool:
    """Whether an objection of the employee of a case is undecided."""
    names = [each.text for each in entry.statement.known_by if each.kind is KnownBy.AGENT]
    standing = [objection for name in names for objection in objections.of_agent(store, name).values()]
    return any(objection.state is ObjectionState.PENDING for objection in standing)


# -- what is left -----------------------------------------------------------------------------------------


def aftermath(store: Store, entry: Entry, now: datetime) -> Aftermath:
    """The rest that a letter of a granted request tells: files and a backup that are left, and the end of a hold."""
    known_by, files, until = entry.statement.known_by, 0, None
    for subject in subjects.of_each(known_by):
        left = withdrawal.left_outside(store, subject, now)
        files += left.saved
        until = max(filter(None, (until, left.backup_until)), default=None)
    on_hold = holds.at(store, now)
    untils = map(on_hold.until, subjects.held(store, known_by, now))
    return Aftermath(files, until, min(filter(None, untils), default=None))
