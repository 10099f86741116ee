"""Retiring the keys of a person or service: the only place where keys become void.

Removal, a reset, a rotated service key, a renewed recovery key and a restore all come here, inside a change of an
officer who then replaces R (`erasure.protocol.replace_root`), so that nothing that follows opens with what was retired.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from arlo_rec.access import audience_keys, grant_keys
from arlo_rec.catalogue.sealed_secrets import INDEX_SEED, access_seed
from arlo_rec.keys.roster import Roster
from arlo_rec.model.records import Person
from arlo_rec.policy import Role, holds_index
from arlo_rec.store import Store


def retire(
    store: Store,
    roster: Roster,
    retired: Sequence[Person],
    now: datetime,
    *,
    left_at: datetime,
    reusable: Collection[str] = (),
) -> None:
    """Put *roster* in force, in which nobody goes by the keys of *retired* any more; inside a change of an officer.

    They *left_at* that time (`Store.witnessed`), or at a later one that is known of them.

    1  filed as former, with the entry until which their signatures count; a name in *reusable* with the day
    2  the grants of everybody who is not in *roster* end; so does what they proposed
    3  their grants get new key pairs; where an officer is among them all do, there is a new subject-access key, every
       secret that she may have sealed for others is sealed anew by whoever runs this, for her signature counts no more,
       and every slot of a ring that she could open is void
    4  every secret that is sealed to nobody of the new roster is deleted; so are seeds of grants
    """
    officer_leaves = any(person.role is Role.OFFICER for person in retired)
    if officer_leaves:
        _open_all(store)
    size = store.log.tree().size
    voided = [
        replace(
            each,
            until_entry=size if each.until_entry is None else each.until_entry,
            left_at=max(left_at, each.left_at or left_at),
        )
        for each in retired
    ]
    filed = [filed_until(person, now) if person.name in reusable else person for person in voided]
    names = {person.name for person in roster.people}
    grants = tuple(grant if grant.person in names else grant.ended(now) for grant in roster.grants)
    access_keys = roster.access_keys
    if officer_leaves:
        access_keys = (*access_keys, audience_keys.new_access_key(store, roster.people, now))
    gone = {person.name for person in retired}
    pending = tuple(each for each in roster.pending if each.person.by not in gone)
    of = None if officer_leaves else {person.name for person in retired}
    grants, fresh = grant_keys.with_new_pairs(grants, now, of=of)
    store.put_roster(
        roster.next(now, former=(*roster.former, *filed), grants=grants, access_keys=access_keys, pending=pending)
    )
    store.secrets.keep_for(store.roster.people)
    grant_keys.settle(store, fresh, now)
    if officer_leaves:
        for person in store.roster.people:
            give_secrets(store, person)


def give_secrets(store: Store, person: Person) -> None:
    """Give the secrets of a role, except the root seed, whose version depends on the caller; in an officer's change."""
    if holds_index(person.role):
        store.secrets.give(person, INDEX_SEED, 1, store.secret(INDEX_SEED))
    if person.role is Role.OFFICER:
        for key in store.roster.access_keys:
            name = access_seed(key.id)
            store.secrets.give(person, name, 1, store.secret(name))


def _open_all(store: Store) -> None:
    """Open every secret of the officers while the signatures of all who sealed them count."""
    for name in (INDEX_SEED, *(access_seed(key.id) for key in store.roster.access_keys)):
        store.secret(name)


def filed_until(person: Person, now: datetime) -> Person:
    """A person as they are filed where the name is, or may be, given again."""
    return replace(person, name=f"{person.name} (until {now:%Y-%m-%d})")
