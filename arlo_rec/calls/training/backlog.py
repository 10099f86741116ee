"""The backlog: calls without a training copy, processed one by one or several at once.

Only one thread uses the store: it opens a call, passes its sound to `planners` (which takes most of the time), and
makes the copy afterwards. While it waits, it looks every second whether a call in work may still be opened. The plan of
one that may not is given up. Each copy is committed by itself, so an interrupted run can be continued. `build`
makes a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from arlo_rec.calls.training import build, opening
from arlo_rec.calls.training.build import TrainingCopy
from arlo_rec.calls.training.cut_plan import CopyOrder, CutPlan
from arlo_rec.calls.training.opening import OpenRecording
from arlo_rec.calls.training.planners import Planners
from arlo_rec.law.log.rows import CopyState
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, Integrity, NotGranted, Refused, SoundError, Unreachable, Usage
from arlo_rec.law.model.records import Recording, RecordingId
from arlo_rec.law.rights import closing
from arlo_rec.policy import Action, Purpose
from arlo_rec.vault.access import gate, holds, limits, objections
from arlo_rec.vault.access.gate import Admission, Intent
from arlo_rec.vault.access.keyrings import GrantKeyring, Keyring, OfficerKeyring
from arlo_rec.vault.access.short_ids import short_ids
from arlo_rec.vault.opened import Store

LOOK_EVERY = 1.0  # seconds between two looks at whether calls in work may still be opened
_CALL_ERRORS = (Usage, NotGranted, Refused, Integrity, SoundError)
_ENGINE_ERRORS = frozenset({"engine_died", "engine_silent", "engine_garbled"})  # the next call gets a new process


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call whose copy failed, with the error."""

    id: str
    error: ArloError


@dataclass(frozen=True, slots=True)
class _CallInWork:
    """An open call, and the plan that is being made."""

    shown_id: str
    original: OpenRecording
    order: CopyOrder
    plan: Future[CutPlan] = field(repr=False)


class Pending(NamedTuple):
    """Calls without a copy, and the number left out because their employee objected."""

    calls: list[Recording]
    objected: int


def pending(store: Store, intent: Intent, now: datetime) -> Pending:
    """Originals without a copy, of which this person may make one; the next to be erased first.

    Raises what `gate.admit` raises.
    """
    admission = gate.admit(store, intent, now)
    today = store.clock.today(now)
    originals = store.catalogue.search.without_copy(today, store.policy.latest_due(today))
    on_hold = holds.at(store, now)
    originals = [call for call in originals if not on_hold.closes(call)]
    calls = [
        recording
        for recording in originals
        if admission.covers(recording.team) and Purpose.TRAINING in recording.purposes
    ]
    objected = _objected(store, admission, calls)
    return Pending([call for call in calls if call.id not in objected], len(objected))


def _objected(store: Store, admission: Admission, calls: Sequence[Recording]) -> set[RecordingId]:
    """The calls of which an objection lets this person make and review no copy."""
    keyring: Keyring = GrantKeyring(store, admission.quality_grants())
    if admission.is_officer:
        keyring = OfficerKeyring(store)
    return objections.objected_to(store, calls, keyring, closing(None, officer=admission.is_officer))


class CopyWaiting(Record, frozen=True):
    """A copy under review, with its short id, and the team and start of its call, if held."""

    id: RecordingId  # of the call
    copy: RecordingId
    revision: int
    state: CopyState
    made_at: datetime
    made_by: str
    team: str
    started_at: datetime | None
    short: str


def under_review(store: Store, now: datetime) -> list[CopyWaiting]:
    """Copies under review that this person may review, oldest first; raises NotGranted."""
    admission = gate.admit(store, Intent(Action.REVIEW, shows=False), now)
    waiting = [(copy, team) for copy, team in store.catalogue.copies.under_review() if admission.covers(team)]
    calls = {call.id: call for _, call in store.catalogue.search.held_among({copy.parent for copy, _ in waiting})}
    if not admission.as_officer:
        open_to = limits.included(store, admission.quality_grants(), list(calls.values()))
        waiting = [(copy, team) for copy, team in waiting if copy.parent in open_to]
    objected = _objected(store, admission, list(calls.values()))
    waiting = [(copy, team) for copy, team in waiting if copy.parent not in objected]
    short = short_ids(store, admission.covers, [copy.first for copy, _ in waiting])
    starts = {name: call.started_at for name, call in calls.items()}
    found = list[CopyWaiting]()
    for copy, team in waiting:
        ids = {"id": copy.parent, "copy": copy.first, "short": short[copy.first]}
        found.append(CopyWaiting.of(copy, **ids, team=team, started_at=starts.get(copy.parent)))
    return found


def next_to_review(store: Store, now: datetime) -> CopyWaiting | None:
    """The oldest unconfirmed copy that this person may hear; for an officer who may hear none, any.

    Raises NotGranted.
    """
    admission = gate.admit(store, Intent(Action.REVIEW, shows=False), now)
    waiting = [row for row in under_review(store, now) if row.state is CopyState.NEEDS_REVIEW]
    audible = [row for row in waiting if admission.grant_for(row.team) is not None]
    return next(iter(audible or waiting), None)


def make_copies(
    store: Store,
    shown_ids: Sequence[str],
    intent: Intent,
    order_of: Callable[[str], CopyOrder],
    planners: Planners,
    clock: Callable[[], datetime],
    *,
    unless_copied: bool = False,
) -> Iterator[TrainingCopy | FailedCall]:
    """Make a copy of each call, as many at once as the *planners* take, the first planned first.

    A failed call stops no other. Raises errors that concern all calls: a missing reason, a full disk, a store in use,
    an engine that does not start, a cluster that is gone.
    """
    gate.admit(store, intent, clock())
    planners.start()
    in_work = list[_CallInWork]()
    try:
        for shown_id in _to_copy(store, shown_ids, clock, unless_copied=unless_copied):
            if isinstance(shown_id, FailedCall):
                yield shown_id
                continue
            while len(in_work) >= planners.at_once:
                yield from _finished(store, in_work, planners, clock)
            try:
                order = build.by_policy(store, order_of(shown_id), clock())
                planners.demand_words(order)
                original = opening.open_original(store, shown_id, intent, clock)
            except _CALL_ERRORS as error:
                yield FailedCall(shown_id, error)
                continue
            in_work.append(_CallInWork(shown_id, original, order, planners.submit(original.call, order)))
        while in_work:
            yield from _finished(store, in_work, planners, clock)
    except BaseException:  # Ctrl-C too: do not wait for running engines
        planners.stop()
        raise


def _finished(
    store: Store, in_work: list[_CallInWork], planners: Planners, clock: Callable[[], datetime]
) -> Iterator[TrainingCopy | FailedCall]:
    """Wait a while, and take out of *in_work* what is planned, and what may no longer be opened."""
    wait([call.plan for call in in_work], LOOK_EVERY, FIRST_COMPLETED)
    for call in [*in_work]:
        if call.plan.done():
            in_work.remove(call)
            yield _finish(store, call, clock)
        elif (error := _closed(store, call, clock)) is not None:
            in_work.remove(call)
            planners.give_up(call.plan)
            yield FailedCall(call.shown_id, error)


def _closed(store: Store, call: _CallInWork, clock: Callable[[], datetime]) -> ArloError | None:
    """The error of a call that may no longer be opened: withdrawn, overdue, on hold, or its grant is gone."""
    try:
        gate.still_open(store, call.original.permit, clock())
    except _CALL_ERRORS as error:
        return error
    return None


def _to_copy(
    store: Store, shown_ids: Iterable[str], clock: Callable[[], datetime], *, unless_copied: bool
) -> Iterator[str | FailedCall]:
    """Yield whole ids, each once even if named in short too, without calls that got a copy meanwhile."""
    begun: set[str] = set()
    for shown_id in shown_ids:
        try:
            whole = opening.whole_id(store, shown_id, clock)
        except _CALL_ERRORS as error:
            yield FailedCall(shown_id, error)
            continue
        if whole not in begun and not (unless_copied and _has_copy(store, whole)):
            begun.add(whole)
            yield whole


def _has_copy(store: Store, shown_id: str) -> bool:
    try:
        return bool(store.catalogue.copies.of_original(RecordingId(bytes.fromhex(shown_id))))
    except ValueError:
        return False


def _finish(store: Store, call: _CallInWork, clock: Callable[[], datetime]) -> TrainingCopy | FailedCall:
    """Wait for a call's plan and make its copy."""
    try:
        copy = build.make(store, call.original, call.plan.result(), call.order, clock())
        return replace(copy, plan=copy.plan.without_words())  # saves memory: a backlog is long, and needs no words
    except _CALL_ERRORS as error:
        return FailedCall(call.shown_id, error)
    except Unreachable as error:
        if error.code in _ENGINE_ERRORS:
            return FailedCall(call.shown_id, error)
        raise
