"""Refusals of requests that a second officer decides: proposed, approved, or denied (GDPR 12(4), 12(5)).

A person who is refused hears it from two officers, where there are two; `keys.four_eyes` says which may be the second.
An undecided refusal expires after seven days, and the request stays open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from arlo_rec.law.log.events import CaseRefusalDenied, CaseRefusalProposed, CaseRefused, Denied
from arlo_rec.law.log.registers import LoggedCase, ProposedRefusal
from arlo_rec.law.model.errors import NotGranted, NothingMatched
from arlo_rec.law.model.policy_versions import demanded_reason
from arlo_rec.law.rights import Ground
from arlo_rec.policy import FOUR_EYES, Action
from arlo_rec.vault.access import cases
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import four_eyes
from arlo_rec.vault.opened import Store

_RULE = "access.subject"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A proposed refusal of a request, and its case."""

    case: LoggedCase
    proposed: ProposedRefusal
    state: str = "waits"  # approved, denied

    @property
    def ends_at(self) -> datetime:
        """When it expires undecided."""
        return self.proposed.at + FOUR_EYES


def refusal(
    store: Store, case: LoggedCase, ground: Ground, reason: str, now: datetime
) -> CaseRefused | CaseRefusalProposed:
    """The event by which this officer refuses a request, or proposes that to a second officer where there is one."""
    me = store.person.name
    if not four_eyes.needs_second(store.roster, me, me, now):
        return CaseRefused(case=case.id, ground=ground, reason=reason)
    return CaseRefusalProposed(case=case.id, ground=ground, reason=reason, request=primitives.fresh(8).hex())


def waiting(store: Store, now: datetime) -> Iterator[Refusal]:
    """The refusals that wait for a second officer, by the deadline of their cases."""
    for case in cases.running(store, now):
        if (proposed := case.waiting(now)) is not None:
            yield Refusal(case, proposed)


def may_decide(store: Store, refusal: Refusal, now: datetime) -> bool:
    """Whether this officer may be the second one."""
    return four_eyes.may_decide(store.roster, refusal.proposed.by, store.person.name, now)


def approve(store: Store, refusal: Refusal, now: datetime) -> Refusal:
    """Approve a refusal as the second officer; raises NotGranted to any other, NothingMatched if it waits no more."""
    store.demand(Action.DSAR, now)
    store.demand_clock(Action.DSAR, now)
    if not may_decide(store, refusal, now):
        store.note(Denied(action=Action.DSAR, rule=_RULE, code="not_second", to=refusal.proposed.by), now)
        raise NotGranted("not_second", rule="access.officer")
    id_, ground, reason = refusal.proposed.id, refusal.proposed.ground, refusal.proposed.reason
    with store.change(now) as change:
        _demand_waits(store, refusal, now)
        change.log(CaseRefused(case=refusal.case.id, ground=ground, reason=reason, waits=id_))
    return Refusal(cases.logged(store)[refusal.case.id], refusal.proposed, "approved")


def deny(store: Store, refusal: Refusal, reason: str | None, now: datetime) -> Refusal:
    """Deny a refusal, or take back one's own, with a reason; raises Usage, NotGranted, NothingMatched."""
    store.demand(Action.DSAR, now)
    why = demanded_reason(reason)
    with store.change(now) as change:
        _demand_waits(store, refusal, now)
        change.log(CaseRefusalDenied(case=refusal.case.id, waits=refusal.proposed.id, why=why))
    return Refusal(cases.logged(store)[refusal.case.id], refusal.proposed, "denied")


def _demand_waits(store: Store, refusal: Refusal, now: datetime) -> None:
    if refusal.proposed not in {each.proposed for each in waiting(store, now)}:
        raise NothingMatched("no_pending_grant", id=refusal.proposed.id)
