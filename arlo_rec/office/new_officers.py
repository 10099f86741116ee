"""Proposals of new officers, which a second officer approves: an officer's keys open every recording (access.officer).

The proposed officer stands on the signed roster with their public keys, is no person of it yet, and opens nothing. A
second officer (`keys.four_eyes`) approves, which enrols them, or denies. After seven days a proposal expires; it
also ends when its proposer leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from arlo_rec.law.log.event import content_id
from arlo_rec.law.log.events import Denied, OfficerDenied, OfficerProposed
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Integrity, NotGranted, NothingMatched, Usage
from arlo_rec.law.model.policy_versions import demanded_reason
from arlo_rec.law.model.records import PendingOfficer, Person, to_iso
from arlo_rec.policy import Action
from arlo_rec.vault.keys import four_eyes
from arlo_rec.vault.opened import Store


class OfficerWaits(Record, frozen=True):
    """A new officer who waits for the approval of a second one."""

    name: str
    id: str  # of the proposal


def needs_second(store: Store, now: datetime) -> bool:
    """Whether an officer that this one adds needs a second officer, like access that she gives herself."""
    return four_eyes.needs_second(store.roster, store.person.name, store.person.name, now)


def propose(store: Store, person: Person, now: datetime) -> PendingOfficer:
    """Put a new officer on the roster as pending."""
    with store.change(now) as change:
        proposed = PendingOfficer(id_of(person, now), person, now)
        left = tuple(earlier for earlier in store.roster.pending if earlier.is_pending(now))
        if any(earlier.person.name == person.name for earlier in left):
            raise Usage("name_taken", name=person.name)
        store.put(store.roster.next(now, pending=(*left, proposed)))
        change.log(OfficerProposed(proposed=person.name, waits=proposed.id))
    return proposed


def id_of(person: Person, at: datetime) -> str:
    """The id of a proposal: the digest of name, keys, proposer and time."""
    keys = {"seal": person.seal_key.hex(), "sign": person.sign_key.hex()}
    return content_id({"name": person.name, **keys, "by": person.by, "at": to_iso(at)})


def waiting(store: Store, now: datetime) -> list[PendingOfficer]:
    """The proposed officers that are pending."""
    return [proposed for proposed in store.roster.pending if proposed.is_pending(now)]


def may_decide(store: Store, proposed: PendingOfficer, now: datetime) -> bool:
    """Whether this officer may be the second one for a proposal."""
    by = proposed.person.by
    return store.person.name in four_eyes.second_officers(store.roster, by, by, now)


def approve(
    store: Store, proposed: PendingOfficer, now: datetime, enrol: Callable[[Person, Callable[[], None]], None]
) -> Person:
    """Approve, and return the new officer. Raises NothingMatched or NotGranted.

    *enrol* puts a person on the roster, after running its second argument in the same change.
    """
    store.demand(Action.PEOPLE, now)
    store.demand_clock(Action.PEOPLE, now)
    _demand_second(store, proposed, now)
    officer = replace(proposed.person, since=store.clock.witnessed(now))
    enrol(officer, lambda: _take_off(store, proposed, now))
    return officer


def deny(store: Store, proposed: PendingOfficer, reason: str | None, now: datetime) -> None:
    """End a proposal, with a reason; raises Usage, NothingMatched or NotGranted."""
    store.demand(Action.PEOPLE, now)
    why = demanded_reason(reason)
    _demand_second(store, proposed, now)
    with store.change(now) as change:
        _take_off(store, proposed, now)
        change.log(OfficerDenied(proposed=proposed.person.name, why=why))


def _demand_second(store: Store, proposed: PendingOfficer, now: datetime) -> None:
    """Raise NotGranted, after its log entry, if this officer may not be the second one.

    Raises Integrity if the content does not match the id.
    """
    if id_of(proposed.person, proposed.at) != proposed.id:
        raise Integrity("changed", rule="access.officer", id=proposed.id)
    if not may_decide(store, proposed, now):
        name = proposed.person.name
        store.note(Denied(action=Action.PEOPLE, rule="access.officer", code="not_second", to=name), now)
        raise NotGranted("not_second", rule="access.officer")


def _take_off(store: Store, proposed: PendingOfficer, now: datetime) -> None:
    """Remove a proposal from the roster, in a change. Raises NothingMatched if another officer decided meanwhile."""
    if proposed not in waiting(store, now):
        raise NothingMatched("no_pending_grant", id=proposed.id)
    left = tuple(other for other in store.roster.pending if other.id != proposed.id)
    store.put(store.roster.next(now, pending=left))
