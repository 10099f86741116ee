"""Adding an officer takes two where there are two: her keys open every recording (access.officer).

The new officer waits on the signed roster, with their public keys, and opens nothing: they are no person of it yet. A
second officer approves (`keys.four_eyes` says who may), and then they are enrolled as everybody else; or denies; or
nobody does, and after seven days it is over. What an officer who left had proposed is over too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from arlo_rec.access import short_ids
from arlo_rec.keys import four_eyes
from arlo_rec.log.events import Denied, OfficerDenied, OfficerProposed
from arlo_rec.model.errors import Integrity, NotGranted, NothingMatched, Usage
from arlo_rec.model.policy_versions import demanded_reason
from arlo_rec.model.records import PendingOfficer, Person, to_iso
from arlo_rec.policy import Action
from arlo_rec.store import Store


def waits(store: Store, now: datetime) -> bool:
    """Whether an officer whom this one adds waits for a second: as access that she gives to herself would."""
    return four_eyes.waits(store.roster, store.person.name, store.person.name, now)


def propose(store: Store, person: Person, now: datetime) -> PendingOfficer:
    """Let a new officer wait on the roster."""
    with store.change(now) as change:
        proposed = PendingOfficer(id_of(person, now), person, now)
        left = tuple(each for each in store.roster.pending if each.waits(now))
        if any(each.person.name == person.name for each in left):
            raise Usage("name_taken", name=person.name)
        store.put(store.roster.next(now, pending=(*left, proposed)))
        change.log(OfficerProposed(proposed=person.name, waits=proposed.id))
    return proposed


def id_of(person: Person, at: datetime) -> str:
    """The id of an officer who waits: the digest of who it is, with which keys, by whom and since when."""
    keys = {"seal": person.seal_key.hex(), "sign": person.sign_key.hex()}
    return short_ids.of_content({"name": person.name, **keys, "by": person.by, "at": to_iso(at)})


def waiting(store: Store, now: datetime) -> list[PendingOfficer]:
    """Who waits for a second officer."""
    return [each for each in store.roster.pending if each.waits(now)]


def may_decide(store: Store, proposed: PendingOfficer, now: datetime) -> bool:
    """Whether this officer is a second pair of eyes for what another proposed."""
    by = proposed.person.by
    return store.person.name in four_eyes.second_officers(store.roster, by, by, now)


def approve(
    store: Store, proposed: PendingOfficer, now: datetime, enrol: Callable[[Person, Callable[[], None]], None]
) -> Person:
    """Approve, and return the officer of now. Raises NothingMatched or NotGranted.

    *enrol* puts a person on the roster, after what it is given ran in the same change.
    """
    store.demand(Action.PEOPLE, now)
    store.demand_clock(Action.PEOPLE, now)
    _demand_second(store, proposed, now)
    officer = replace(proposed.person, since=store.clock.witnessed(now))
    enrol(officer, lambda: _take_off(store, proposed, now))
    return officer


def deny(store: Store, proposed: PendingOfficer, reason: str | None, now: datetime) -> None:
    """End what waits, with a reason; raises Usage, NothingMatched or NotGranted."""
    store.demand(Action.PEOPLE, now)
    why = demanded_reason(reason)
    _demand_second(store, proposed, now)
    with store.change(now) as change:
        _take_off(store, proposed, now)
        change.log(OfficerDenied(proposed=proposed.person.name, why=why))


def _demand_second(store: Store, proposed: PendingOfficer, now: datetime) -> None:
    """Raise NotGranted, after its log entry, where this officer is no second pair of eyes.

    Raises Integrity where its id is the digest of somebody else.
    """
    if id_of(proposed.person, proposed.at) != proposed.id:
        raise Integrity("changed", rule="access.officer", id=proposed.id)
    if not may_decide(store, proposed, now):
        name = proposed.person.name
        store.note(Denied(action=Action.PEOPLE, rule="access.officer", code="not_second", to=name), now)
        raise NotGranted("not_second", rule="access.officer")


def _take_off(store: Store, proposed: PendingOfficer, now: datetime) -> None:
    """Let them wait no more; in a change. Raises NothingMatched where another officer decided meanwhile."""
    if proposed not in waiting(store, now):
        raise NothingMatched("no_pending_grant", id=proposed.id)
    left = tuple(each for each in store.roster.pending if each.id != proposed.id)
    store.put(store.roster.next(now, pending=left))
