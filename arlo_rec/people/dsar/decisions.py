"""Decisions in a case: its deadline is extended, it is granted or refused, or it is closed.

Access and portability are granted by an answer (`request`). Every other right is granted once the program has done
what it asks for: a letter says nothing that is not so. The letter is worded before the decision is logged, so that none
is left without its letter. A refusal has a ground of the law, and the officer's own words
beside it; where there is a second officer, it waits for them (`office.refusals`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

from arlo_rec.law.log.events import CaseClosed, CaseExtended, OfCase
from arlo_rec.law.log.registers import (
    PENDING,
    Aftermath,
    CaseState,
    LoggedCase,
    case_after,
)
from arlo_rec.law.messages import language_of
from arlo_rec.law.model.deadlines import answer_due
from arlo_rec.law.model.errors import Refused, Usage
from arlo_rec.law.model.times import end_of_day, local_date
from arlo_rec.law.rights import (
    ANSWERED_BY_COPY,
    ClosingGround,
    Ground,
    ObjectionScope,
    ObjectionState,
    Right,
    may_refuse,
)
from arlo_rec.office import refusals
from arlo_rec.people.dsar import register, subjects
from arlo_rec.people.dsar.register import OVER, Entry
from arlo_rec.people.dsar.subjects import KnownBy
from arlo_rec.policy import Action, reason_problem
from arlo_rec.vault.access import holds, objections
from arlo_rec.vault.erasure import withdrawal
from arlo_rec.vault.opened import Store

if TYPE_CHECKING:
    from arlo_rec.people.dsar.letter import Notice

_RULE: Final = "access.subject"
Word: TypeAlias = "Callable[[LoggedCase], Notice | None]"  # the letter of a case as it is with the decision
_OF_RECORDINGS: Final = (Right.ERASURE, Right.RESTRICTION, Right.OBJECTION)  # roster and log have nothing of these


def extend(
    store: Store, case: str, reason: str | None, lang: str | None, word: Word, now: datetime
) -> tuple[LoggedCase, Notice | None]:
    """Extend the deadline by the two months that GDPR 12(3) allows, once and within the first month.

    Raises NotGranted, NothingMatched, Usage for an invalid reason, Refused (access.subject).
    """

    def event(logged: LoggedCase) -> OfCase:
        today = store.clock.today(now)
        if logged.extension is not None:
            raise Refused("case_extended_already", rule=_RULE, case=logged.id)
        if today >= end_of_day(logged.due(local_date(today))):
            raise Refused("case_too_late_to_extend", rule=_RULE, case=logged.id)
        received = local_date(logged.received_at)
        due = answer_due(received, stood_still=logged.stood_still, extended=True)
        return CaseExtended(case=logged.id, reason=str(reason), due=due.isoformat())

    _check_reason(reason, lang)
    return _do(store, case, event, word, now)


def grant(
    store: Store, case: str, reason: str | None, lang: str | None, word: Word, now: datetime
) -> tuple[LoggedCase, Notice | None]:
    """Grant a request of another right than access, and say what was done; raises as `extend`.

    Raises Refused as long as the program has not done what the right asks for.
    """

    def event(logged: LoggedCase) -> OfCase:
        if logged.right in ANSWERED_BY_COPY:
            raise Refused("case_answered_by_dsar", rule=_RULE, case=logged.id)
        if logged.state is CaseState.IDENTITY:
            raise Refused("case_identity_open", rule=_RULE, case=logged.id)
        entry = register.shown(store, logged.id, now)
        if command := _to_be_done(store, entry, now):
            raise Refused("case_not_carried_out", rule=_RULE, case=logged.id, command=command)
        return _aftermath(store, entry, now).event(logged.id, str(reason))

    _check_reason(reason, lang)
    return _do(store, case, event, word, now)


def refuse(
    store: Store, case: str, ground: str | None, reason: str | None, lang: str | None, word: Word, now: datetime
) -> tuple[LoggedCase, Notice | None]:
    """Refuse a request on a ground of the law, or propose that to a second officer (GDPR 12(4)); raises as `extend`.

    Raises Usage for an unknown ground.
    """
    if ground not in set(Ground):
        code = "ground_missing" if ground is None else "ground_unknown"
        raise Usage(code, rule=_RULE, grounds=", ".join(Ground))
    chosen = Ground(ground)

    def event(logged: LoggedCase) -> OfCase:
        decision = may_refuse(logged.right, chosen, identified=logged.is_identified)
        if not decision.allowed:
            raise Refused(decision.code, rule=decision.rule, ground=chosen, case=logged.id)
        _demand_none_waits(logged, now)
        if logged.right is Right.OBJECTION and _pending(store, register.shown(store, logged.id, now)):
            raise Refused("case_not_carried_out", rule=_RULE, case=logged.id, command="person objection NAME --reject")
        if logged.right is Right.OBJECTION and _upheld(store, register.shown(store, logged.id, now)):
            raise Refused("case_partly_upheld", rule=_RULE, case=logged.id)
        return refusals.refusal(store, logged, chosen, str(reason), now)

    _check_reason(reason, lang)
    return _do(store, case, event, word, now)


def close(
    store: Store, case: str, ground: str | None, reason: str | None, lang: str | None, word: Word, now: datetime
) -> tuple[LoggedCase, Notice | None]:
    """Close a case whose answer was handed over, or, on one of three grounds, one that needs none; raises as `extend`.

    An unanswered request that is closed for another cause is a refusal, of which the law has grounds and a letter.
    """
    if ground is not None and ground not in set(ClosingGround):
        raise Usage("closing_ground_unknown", rule=_RULE, grounds=", ".join(ClosingGround))

    def event(logged: LoggedCase) -> OfCase:
        if logged.state in PENDING and ground is None:
            raise Refused("case_not_answered", rule=_RULE, case=logged.id)
        if logged.state not in PENDING and ground is not None:
            raise Refused(OVER[logged.state], rule=_RULE, case=logged.id)
        _demand_none_waits(logged, now)
        if ground == ClosingGround.DUPLICATE and not register.others(store, logged, now):
            raise Refused("case_no_other", rule=_RULE, case=logged.id)
        return CaseClosed(case=logged.id, reason=reason, ground=ground)

    if reason is not None or ground is not None:
        _check_reason(reason, lang)
    return _do(store, case, event, word, now, among=(*PENDING, CaseState.ANSWERED))


def _demand_none_waits(case: LoggedCase, now: datetime) -> None:
    if case.waiting(now) is not None:
        raise Refused("case_refusal_waits", rule=_RULE, case=case.id)


def _do(
    store: Store,
    case: str,
    event: Callable[[LoggedCase], OfCase],
    word: Word,
    now: datetime,
    *,
    among: Sequence[CaseState] = PENDING,
) -> tuple[LoggedCase, Notice | None]:
    """Log an event of a case in one of these states, once its letter is worded; the case afterwards, and the letter."""
    store.demand(Action.DSAR, now)
    with store.change(now) as change:
        logged = register.known(store, case, now)
        if logged.state not in among:
            raise Refused(OVER[logged.state], rule=_RULE, case=logged.id)
        happens = event(logged)
        letter = word(case_after(logged, happens, now, store.person.name))
        change.log(happens)
    return register.known(store, logged.id, now), letter


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
    is_agent = any(each.kind is KnownBy.AGENT for each in known_by)
    held, on_hold = partial(subjects.held, store, known_by, now), holds.at(store, now)
    match entry.case.right:
        case Right.ERASURE if is_agent:
            return None if ObjectionScope.RECORDING in _upheld(store, entry) else "person objection NAME --uphold"
        case Right.OBJECTION if is_agent:
            if _pending(store, entry):
                return "person objection NAME --uphold|--reject"
            return None if _upheld(store, entry) else "person objection NAME --uphold"
        case Right.ERASURE | Right.OBJECTION:
            if not subjects.still_there(store, known_by):
                return None
            if any(map(on_hold.is_kept_for_person, held())):
                return "hold lift"
            return "withdraw CALLER" if held() else "purge"
        case Right.RESTRICTION:
            if not held():
                raise Refused("nothing_to_restrict", rule=_RULE, case=entry.case.id)
            return None if all(on_hold.every(call) for call in held()) else "hold set"
        case Right.RECTIFICATION | Right.COMPLAINT:  # what a person says of a call, and to the authority: in words
            return None
        case Right.ACCESS | Right.PORTABILITY:
            return "dsar CALLER"
        case never:
            assert_never(never)


def _standing(store: Store, entry: Entry) -> list[dict[ObjectionScope, ObjectionState]]:
    """The objections of the employee of a case, under each of their names."""
    names = [each.text for each in entry.statement.known_by if each.kind is KnownBy.AGENT]
    of_each = (objections.of_agent(store, name) for name in names)
    return [{scope: objection.state for scope, objection in standing.items()} for standing in of_each]


def _upheld(store: Store, entry: Entry) -> set[ObjectionScope]:
    """The uses of their calls to which an employee objected with success, under each of their names."""
    standing = _standing(store, entry)  # of a caller: nothing, and so nothing is upheld
    of_all = (scope for scope in ObjectionScope if all(it.get(scope) is ObjectionState.UPHELD for it in standing))
    return set(of_all) if standing else set()


def _pending(store: Store, entry: Entry) -> bool:
    """Whether an objection of the employee of a case is undecided."""
    return any(ObjectionState.PENDING in standing.values() for standing in _standing(store, entry))


# -- what is left -----------------------------------------------------------------------------------------


def _aftermath(store: Store, entry: Entry, now: datetime) -> Aftermath:
    """The rest that a letter of a granted request tells beside its effect."""
    known_by, files, until = entry.statement.known_by, 0, None
    for subject in subjects.of_each(known_by):
        left = withdrawal.left_outside(store, subject, now)
        files += left.saved
        until = max(filter(None, (until, left.backup_until)), default=None)
    on_hold = holds.at(store, now)
    kept = subjects.held(store, known_by, now)
    untils = list(filter(None, map(on_hold.until, kept)))
    is_objection = entry.case.right is Right.OBJECTION and any(_standing(store, entry))
    upheld = _upheld(store, entry) if is_objection else set(ObjectionScope)
    rejected = tuple(scope for scope in ObjectionScope if scope not in upheld)
    return Aftermath(files, until, min(untils, default=None), len(untils), len(kept) - len(untils), rejected)
