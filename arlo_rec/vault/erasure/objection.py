"""Objections of employees to the use of their calls (GDPR 21): entered, upheld, rejected and lifted.

From its entry on an objection closes the use that it is about. Upholding one and erasing what it concerns is one entry
of the log, in one transaction: the copies, if it is to training; the calls too, if it is to recording. What another
person has a claim to stays until its day, closed: a call on hold, or one of which a caller asked for a copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.events import ObjectionEnded, ObjectionReceived, ObjectionUpheld
from arlo_rec.law.log.rows import DisclosureState
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import NothingMatched, Refused, Usage, nearest
from arlo_rec.law.model.names import agent_name, demanded_name
from arlo_rec.law.model.policy_versions import demanded_reason
from arlo_rec.law.model.records import Kind, Recording, RecordingId
from arlo_rec.law.model.times import local_date
from arlo_rec.law.rights import HoldGround, ObjectionScope, ObjectionState
from arlo_rec.policy import Action, Event
from arlo_rec.vault.access import cases, disclosures, employees, holds, objections
from arlo_rec.vault.access.disclosures import Disclosure
from arlo_rec.vault.access.objections import RULE, Objection
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.erasure import protocol, receipts
from arlo_rec.vault.opened import Change, Store

KIND: Final = "objection"  # the kind of its erasures in receipts
Scopes = tuple[ObjectionScope, ...]
_USED: Final = {  # the kinds of recordings that each use is made of
    ObjectionScope.RECORDING: frozenset({Kind.ORIGINAL, Kind.PSEUDONYMISED}),
    ObjectionScope.QUALITY: frozenset({Kind.ORIGINAL}),
    ObjectionScope.TRAINING: frozenset({Kind.PSEUDONYMISED}),
}


class Kept(NamedTuple):
    """How much an upheld objection leaves, because another person has a claim to it."""

    on_hold: int
    asked_for: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The effect of upholding an objection."""

    calls: int  # of the employee that are held
    recordings: tuple[Recording, ...]  # that it erases
    on_hold: tuple[Recording, ...]  # that stay because they are on hold for another
    asked_for: tuple[Recording, ...]  # that stay because a caller asked for a copy, and has no answer
    used: tuple[Recording, ...]  # in the uses that it closes

    @property
    def kept(self) -> Kept:
        """How much stays, in calls; in copies where only these are concerned."""
        is_call = any(row.kind is Kind.ORIGINAL for row in (*self.recordings, *self.on_hold, *self.asked_for))
        kind = Kind.ORIGINAL if is_call else Kind.PSEUDONYMISED
        return Kept(*(sum(row.kind is kind for row in rows) for rows in (self.on_hold, self.asked_for)))


@dataclass(frozen=True, slots=True)
class Upheld:
    """Upheld objections, and what was erased; without a receipt until the objects are deleted."""

    objections: list[Objection]
    erased: Plan
    number: str
    receipt: Path | None


class ObjectionAnswer(Record, frozen=True, kw_only=True):
    """Objections as they stand; or those of one employee that changed, and what was erased, or would be."""

    objections: list[Objection]
    erased: int | UnsetType = UNSET
    would_erase: int | UnsetType = UNSET
    calls: int | UnsetType = UNSET  # of the employee that are held, or were
    recordings: list[RecordingId] | UnsetType = UNSET
    on_hold: list[RecordingId] | UnsetType = UNSET  # that stay because they are on hold for another
    asked_for: list[RecordingId] | UnsetType = UNSET  # that stay because a caller asked for a copy
    recipients: list[Disclosure] | UnsetType = UNSET
    receipt: Path | UnsetType | None = UNSET  # None until the objects are deleted
    number: str | UnsetType = UNSET  # of the erasure
    letter: str | UnsetType = UNSET
    out: str | UnsetType = UNSET  # the file of the letter


def enter(store: Store, name: str, scopes: Sequence[str], received: date | None, now: datetime) -> list[Objection]:
    """Enter an objection as received on that day, today by default; it closes its uses at once.

    Raises Usage, NotGranted, and Refused where one is upheld already.
    """
    store.demand(Action.OBJECTION, now)
    agent, entered, today = demanded_name(name), _known(scopes), local_date(store.clock.today(now))
    day = received or today
    if day > today:
        raise Usage("received_in_future")
    with store.change(now) as change:
        _demand_undecided(store, agent, entered)
        request = primitives.fresh(8).hex()
        change.log(ObjectionReceived(request=request, agent=agent, scopes=entered, received=day.isoformat()))
    return _standing(store, agent, entered, now)


def plan(store: Store, name: str, scopes: Sequence[str], now: datetime) -> Plan:
    """The effect of upholding the objections of that name; raises Usage, NotGranted."""
    store.demand(Action.OBJECTION, now)
    agent = demanded_name(name)
    return _plan(store, agent, _in_state(store, agent, scopes, ObjectionState.PENDING), now)


def concerned(store: Store, objected: Sequence[Objection], now: datetime) -> tuple[Recording, ...]:
    """The recordings in the uses that objections of one employee close; raises NotGranted."""
    store.demand(Action.OBJECTION, now)
    return _plan(store, objected[0].person, tuple(objection.scope for objection in objected), now).used


def uphold(store: Store, name: str, scopes: Sequence[str], reason: str | None, now: datetime) -> Upheld:
    """Uphold objections, and erase what they concern; returns once the keys are destroyed.

    Upheld ones may be upheld again. Raises Usage, NotGranted.
    """
    store.demand(Action.OBJECTION, now)
    agent, why = demanded_name(name), demanded_reason(reason)
    decided = _in_state(store, agent, scopes, ObjectionState.PENDING)
    planned, request = Plan(0, (), (), (), ()), primitives.fresh(8).hex()

    def order() -> protocol.Order:
        nonlocal planned
        planned = _plan(store, agent, decided, now)
        return protocol.Order(KIND, RULE, Event.DISCARDED, tuple(row.id for row in planned.recordings))

    def note(change: Change, wanted: protocol.Order) -> None:
        saved = disclosures.saved(store, [row.id for row in planned.used])
        files = [each.id for each in saved if each.state is DisclosureState.OUT]
        change.log(
            ObjectionUpheld(
                rule=RULE,
                recordings=wanted.recordings,
                request=request,
                agent=agent,
                scopes=decided,
                reason=why,
                files=files or None,
            )
        )

    erased = protocol.carry_out(store, order, now, note)
    receipt = receipts.file_for(store, erased.number) if erased.complete else None
    return Upheld(_standing(store, agent, decided, now), planned, erased.number, receipt)


def reject(store: Store, name: str, scopes: Sequence[str], reason: str | None, now: datetime) -> list[Objection]:
    """Reject objections; raises Usage, NotGranted, and Refused for an upheld one, which has to be lifted."""
    return _end(store, name, scopes, reason, ObjectionState.REJECTED, now)


def lift(store: Store, name: str, scopes: Sequence[str], reason: str | None, now: datetime) -> list[Objection]:
    """Lift upheld objections, so that the uses open again; raises Usage, NotGranted, NothingMatched."""
    return _end(store, name, scopes, reason, ObjectionState.LIFTED, now)


def _end(
    store: Store, name: str, scopes: Sequence[str], reason: str | None, decision: ObjectionState, now: datetime
) -> list[Objection]:
    store.demand(Action.OBJECTION, now)
    agent, why = demanded_name(name), demanded_reason(reason)
    is_lift = decision is ObjectionState.LIFTED
    with store.change(now) as change:
        standing = objections.of_agent(store, agent)
        if is_lift and not _with_state(standing, scopes or list(standing), ObjectionState.UPHELD):
            raise NothingMatched("objection_not_upheld", name=agent)
        ended = _in_state(store, agent, scopes, ObjectionState.UPHELD if is_lift else ObjectionState.PENDING)
        if not is_lift:
            _demand_undecided(store, agent, ended)
        request = primitives.fresh(8).hex()
        change.log(ObjectionEnded(request=request, agent=agent, scopes=ended, decision=decision, reason=why))
    return _standing(store, agent, ended, now)


def _in_state(store: Store, agent: str, scopes: Sequence[str], state: ObjectionState) -> Scopes:
    """The named scopes; without a name, those in which an employee's objection has that state."""
    standing = objections.of_agent(store, agent)
    return _known(scopes or _with_state(standing, list(standing), state))


def _with_state(
    standing: Mapping[ObjectionScope, Objection], scopes: Sequence[str], state: ObjectionState
) -> list[ObjectionScope]:
    return [scope for scope, objection in standing.items() if scope in scopes and objection.state is state]


def _known(scopes: Sequence[str]) -> Scopes:
    """The scopes of these words, each once; raises Usage for none, and for an unknown one."""
    every = ", ".join(ObjectionScope)
    for word in scopes:
        if word not in set(ObjectionScope):
            raise Usage("objection_scope_unknown", value=word[:40], scopes=every, **nearest(word, ObjectionScope))
    if not scopes:
        raise Usage("objection_scope_missing", scopes=every)
    return tuple(scope for scope in ObjectionScope if scope in scopes)


def _demand_undecided(store: Store, agent: str, scopes: Scopes) -> None:
    """Raise Refused where one of them is upheld, which has to be lifted first."""
    if _with_state(objections.of_agent(store, agent), scopes, ObjectionState.UPHELD):
        raise Refused("objection_is_upheld", rule=RULE, name=agent)


def _standing(store: Store, agent: str, scopes: Scopes, now: datetime) -> list[Objection]:
    """The objections of an employee to these scopes, as they stand."""
    name = agent_name(agent)
    return [each for each in objections.every(store, now) if agent_name(each.person) == name and each.scope in scopes]


def _plan(store: Store, agent: str, scopes: Scopes, now: datetime) -> Plan:
    """The recordings of an employee's calls: those to erase, those that stay, and those of the closed uses."""
    subject = employees.subject(store, agent)
    rows = sorted(store.catalogue.search.of_subject(subject), key=lambda row: (row.started_at, row.id))
    of_use = frozenset().union(*(_USED[scope] for scope in scopes))
    kinds = of_use if ObjectionScope.RECORDING in scopes else of_use - {Kind.ORIGINAL}
    wanted = [row for row in rows if row.kind in kinds]
    on_hold = _for_another(store, wanted, now)
    asked = cases.asked_for(store, now) if wanted else frozenset()
    asked_for = {row.id for row in wanted if row.id in asked and row.kind is Kind.ORIGINAL} - on_hold
    return Plan(
        sum(row.kind is Kind.ORIGINAL for row in rows),
        tuple(row for row in wanted if row.id not in on_hold | asked_for),
        tuple(row for row in wanted if row.id in on_hold),
        tuple(row for row in wanted if row.id in asked_for),
        tuple(row for row in rows if row.kind in of_use),
    )


def _for_another(store: Store, rows: Sequence[Recording], now: datetime) -> set[RecordingId]:
    """The recordings on hold on another ground than this objection."""
    at, every = store.clock.today(now), holds.logged(store).values() if rows else ()
    others = [hold for hold in every if hold.ground is not HoldGround.OBJECTED]
    return {row.id for row in rows if any(hold.holds(row.parent or row.id, at) for hold in others)}
