"""Decisions on an employee's objection to training copies of their calls (GDPR 21).

Upholding one and erasing the existing copies is one entry of the log, in one transaction: from then on no copy of
such a call is made, released or opened. The calls themselves stay, for quality.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import UNSET, UnsetType

from arlo_rec.access import objections
from arlo_rec.access.disclosures import Disclosure
from arlo_rec.access.objections import LIFTED, REJECTED, RULE, UPHELD, Objection
from arlo_rec.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.crypto import primitives
from arlo_rec.erasure import protocol, receipts
from arlo_rec.log.events import ObjectionEnded, ObjectionUpheld
from arlo_rec.model.documents import Record
from arlo_rec.model.errors import NothingMatched, Refused
from arlo_rec.model.names import agent_name, demanded_name
from arlo_rec.model.policy_versions import demanded_reason
from arlo_rec.model.records import Kind, Recording, RecordingId, Subject
from arlo_rec.policy import Action, Event
from arlo_rec.store import Store

KIND: Final = "objection"  # the kind of its erasures in receipts


@dataclass(frozen=True, slots=True)
class Plan:
    """The effect of upholding an objection."""

    calls: int  # of the employee; they are held, and stay
    copies: tuple[Recording, ...]


@dataclass(frozen=True, slots=True)
class Upheld:
    """An upheld objection, and what was erased; without a receipt until the objects are deleted."""

    objection: Objection
    erased: Plan
    number: str
    receipt: Path | None


class ObjectionAnswer(Record, frozen=True, kw_only=True):
    """Every objection as it stands; or the decision on one, and what upholding it erased, or would erase."""

    objections: list[Objection] | UnsetType = UNSET
    objection: Objection | UnsetType = UNSET
    erased: int | UnsetType = UNSET
    would_erase: int | UnsetType = UNSET
    calls: int | UnsetType = UNSET  # of the employee; they stay
    copies: list[RecordingId] | UnsetType = UNSET
    recipients: list[Disclosure] | UnsetType = UNSET
    receipt: Path | UnsetType | None = UNSET  # None until the objects are deleted
    number: str | UnsetType = UNSET  # of the erasure


def plan(store: Store, name: str, now: datetime) -> Plan:
    """The effect of upholding the objection of that name; raises Usage, NotGranted."""
    store.demand(Action.OBJECTION, now)
    return _plan(store, demanded_name(name))


def uphold(store: Store, name: str, reason: str | None, now: datetime) -> Upheld:
    """Uphold an objection, and erase the copies of that employee's calls; returns once their keys are destroyed.

    An upheld objection may be upheld again. Raises Usage, NotGranted.
    """
    store.demand(Action.OBJECTION, now)
    agent, why, request = demanded_name(name), demanded_reason(reason), primitives.fresh(8).hex()
    planned = Plan(0, ())

    def order() -> protocol.Order:
        nonlocal planned
        planned = _plan(store, agent)
        return protocol.Order(KIND, RULE, Event.DISCARDED, tuple(copy.id for copy in planned.copies))

    erased = protocol.carry_out(
        store,
        order,
        now,
        lambda change, wanted: change.log(
            ObjectionUpheld(rule=RULE, recordings=wanted.recordings, request=request, agent=agent, reason=why)
        ),
    )
    receipt = receipts.file_for(store, erased.number) if erased.complete else None
    return Upheld(Objection(agent, UPHELD, now, store.person.name, why), planned, erased.number, receipt)


def reject(store: Store, name: str, reason: str | None, now: datetime) -> Objection:
    """Reject an objection; raises Usage, NotGranted, and Refused for an upheld one, which has to be lifted."""
    return _end(store, name, reason, REJECTED, now)


def lift(store: Store, name: str, reason: str | None, now: datetime) -> Objection:
    """Lift an upheld objection, so that copies are made again; raises Usage, NotGranted, NothingMatched."""
    return _end(store, name, reason, LIFTED, now)


def _end(store: Store, name: str, reason: str | None, decision: str, now: datetime) -> Objection:
    store.demand(Action.OBJECTION, now)
    agent, why = demanded_name(name), demanded_reason(reason)
    with store.change(now) as change:
        is_upheld = agent_name(agent) in objections.upheld(store)
        if decision == LIFTED and not is_upheld:
            raise NothingMatched("objection_not_upheld", name=agent)
        if decision == REJECTED and is_upheld:
            raise Refused("objection_is_upheld", rule=RULE, name=agent)
        request = primitives.fresh(8).hex()
        change.log(ObjectionEnded(request=request, agent=agent, decision=decision, reason=why))
    return Objection(agent, decision, now, store.person.name, why)


def _plan(store: Store, agent: str) -> Plan:
    """The copies of the calls that an employee answered."""
    tags = primitives.derive(store.secret(INDEX_SEED), "tags")
    subject = Subject(agent=primitives.tag(tags, agent_name(agent).encode("utf-8"), kind="agent"))
    rows = store.catalogue.search.of_subject(subject)
    copies = sorted((row for row in rows if row.kind is Kind.PSEUDONYMISED), key=lambda row: (row.started_at, row.id))
    return Plan(len(rows) - len(copies), tuple(copies))
