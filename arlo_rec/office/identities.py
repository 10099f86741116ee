"""Identities: adding and removing people and services, renewing keys, changing passphrases, handing over.

A new person gets only the secrets that the role needs. A removed person loses the root secret at once, and the
catalogue with its re-keying; copies that they made before stay readable to them.

`retire` is the only place where keys become void: for removal, reset, rotation, a renewed recovery key and a
restore. An officer's change calls it, and then replaces R (`erasure.protocol.replace_root`), so that retired keys
open nothing later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.events import GrantGiven, PassphraseChanged, PersonAdded, PersonLogin, PersonRemoved, PersonReset
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, InUse, NothingMatched, Refused, Usage, nearest
from arlo_rec.law.model.records import Grant, PendingOfficer, Person
from arlo_rec.office import new_officers
from arlo_rec.office.grants import facts as grant_facts
from arlo_rec.office.new_officers import OfficerWaits
from arlo_rec.policy import Action, Role, holds_index
from arlo_rec.vault.access import audience_keys, grant_keys
from arlo_rec.vault.backends.named_files import NamedFile
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED, ROOT_SEED, access_seed
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.erasure import protocol
from arlo_rec.vault.keys import four_eyes
from arlo_rec.vault.keys.key_files import (
    ONE_TIME_GROUPS,
    RECOVERY_GROUPS,
    Identity,
    clean_passphrase,
    read_catalogue_seal,
    readable_secret,
    service_file,
    write_catalogue_seal,
    write_locked,
)
from arlo_rec.vault.keys.roster import RECOVERY_NAME, Roster, check_login, check_name, digest_of_people
from arlo_rec.vault.offsite import escrow
from arlo_rec.vault.opened import Change, Store

# -- retiring keys --------------------------------------------------------------------------------------


def retire(
    store: Store,
    roster: Roster,
    retired: Sequence[Person],
    now: datetime,
    *,
    left_at: datetime,
    reusable: Collection[str] = (),
) -> None:
    """Put *roster* in force, in which the keys of *retired* are void; inside a change of an officer.

    Each left at *left_at* (`Store.witnessed`), or at a later known time.

    1  filed as former, with the entry until which their signatures count; a name in *reusable* with the day
    2  the grants of people missing from *roster* end; so do their proposals
    3  their grants get new key pairs; if an officer is among them, all grants do, there is a new subject-access key,
       every secret she may have sealed is sealed anew by the current officer, because her signature no longer counts,
       and every slot of a ring that she could open is void
    4  secrets and seeds sealed to keys outside the new roster are deleted
    """
    officer_leaves = any(person.role is Role.OFFICER for person in retired)
    if officer_leaves:
        _open_all(store)
    size = store.log.tree().size
    voided = [
        replace(
            person,
            until_entry=size if person.until_entry is None else person.until_entry,
            left_at=max(left_at, person.left_at or left_at),
        )
        for person in retired
    ]
    filed = [filed_until(person, now) if person.name in reusable else person for person in voided]
    names = {person.name for person in roster.people}
    grants = tuple(grant if grant.person in names else grant.ended(now) for grant in roster.grants)
    access_keys = roster.access_keys
    if officer_leaves:
        access_keys = (*access_keys, audience_keys.new_access_key(store, roster.people, now))
    gone = {person.name for person in retired}
    pending = tuple(proposed for proposed in roster.pending if proposed.person.by not in gone)
    of = None if officer_leaves else {person.name for person in retired}
    grants, fresh = grant_keys.with_new_pairs(grants, now, of=of)
    store.put(
        roster.next(now, former=(*roster.former, *filed), grants=grants, access_keys=access_keys, pending=pending)
    )
    store.secrets.keep_for(store.roster.people)
    grant_keys.settle(store, fresh, now)
    if officer_leaves:
        for person in store.roster.people:
            give_secrets(store, person)


def give_secrets(store: Store, person: Person) -> None:
    """Give the secrets of a role; in an officer's change. The root seed is the caller's, who knows its version."""
    if holds_index(person.role):
        store.secrets.give(person, INDEX_SEED, 1, store.secret(INDEX_SEED))
    if person.role is Role.OFFICER:
        for key in store.roster.access_keys:
            name = access_seed(key.id)
            store.secrets.give(person, name, 1, store.secret(name))


def _open_all(store: Store) -> None:
    """Open every secret of the officers while the signatures of all its signers count."""
    for name in (INDEX_SEED, *(access_seed(key.id) for key in store.roster.access_keys)):
        store.secret(name)


def filed_until(person: Person, now: datetime) -> Person:
    """A person as filed when the name can be given again."""
    return replace(person, name=f"{person.name} (until {now:%Y-%m-%d})")


class PersonShown(Record, frozen=True):
    """An identity in an answer."""

    name: str
    role: Role
    service: bool
    since: datetime
    recovery: bool
    login: str

    @classmethod
    def of_person(cls, person: Person) -> Self:
        """The answer's part about *person*."""
        return cls.of(person, login=person.account)


class People(Record, frozen=True):
    """The identities of the store, and the officers to be."""

    persons: list[PersonShown]
    pending: list[OfficerWaits]


class PersonAnswer(Record, frozen=True, kw_only=True):
    """An identity that was added or changed; a one-time passphrase is shown once."""

    person: PersonShown
    pending: OfficerWaits | UnsetType = UNSET
    one_time_passphrase: str | UnsetType = UNSET
    rings_left: list[str] | UnsetType = UNSET  # of backups, with keys that are void
    backup_due: bool | UnsetType = UNSET


class PersonGone(Record, frozen=True):
    """An identity that was removed, and the secrets of an officer's successor, which are shown once."""

    person: PersonShown
    rekeyed: bool
    vkey: str
    rings_left: list[str]
    backup_due: bool
    successor: str | UnsetType = UNSET
    one_time_passphrase: str | UnsetType = UNSET
    recovery_key: str | UnsetType = UNSET


SERVICE_ROLES = frozenset({Role.SUPPORT, Role.INGEST, Role.RETENTION, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A person or service to be added, and how they unlock."""

    name: str
    role: Role
    passphrase: bytes | None = None
    key_out: NamedFile | None = None
    login: str = ""  # the login account that uses the door


@dataclass(frozen=True, slots=True)
class Added:
    """A new identity; the one-time passphrase is shown once."""

    person: PersonShown
    one_time: str | None
    identity: Identity = field(repr=False)
    pending: OfficerWaits | None = None  # an officer awaiting a second one


def add(store: Store, new: NewPerson, now: datetime, *, is_successor: bool = False) -> Added:
    """Add a person or service; a new officer who is no successor is pending if there is a second officer.

    Raises Usage if the name is taken or the role cannot be a service.
    """
    store.demand(Action.PEOPLE, now)
    store.demand_clock(Action.PEOPLE, now)
    name = check_name(new.name)
    _demand_free(store, name, now)
    if new.key_out is not None and new.role not in SERVICE_ROLES:
        raise Usage("role_is_no_service", role=new.role)
    one_time = None if new.passphrase or new.key_out else readable_secret(ONE_TIME_GROUPS)
    identity = Identity(store.layout.id, name, primitives.fresh(), store.authority.pin(), once=one_time is not None)
    person = Person(
        name,
        new.role,
        identity.sealing.public,
        identity.signing.public,
        store.clock.witnessed(now),
        service=new.key_out is not None,
        by=store.person.name,
        login=check_login(new.login) if new.login else "",
    )
    pending = None
    if new.key_out is None:
        write_locked(store.layout, identity, new.passphrase or (one_time or "").encode())
        if new.role is Role.OFFICER and not is_successor and new_officers.needs_second(store, now):
            pending = OfficerWaits(name, new_officers.propose(store, person, now).id)
        else:
            _enrol(store, person, now)
    else:
        with _written_key_file(new.key_out, identity):
            _enrol(store, person, now)
    return Added(PersonShown.of_person(person), one_time, identity, pending)


@contextmanager
def _written_key_file(key_out: NamedFile, identity: Identity) -> Iterator[None]:
    """Write a service's new key file, and remove it if the change fails, so that it can be repeated."""
    key_out.files.write_secret(key_out.path, service_file(identity))
    try:
        yield
    except ArloError:
        with suppress(ArloError):
            key_out.remove()
        raise


def _demand_free(store: Store, name: str, now: datetime) -> None:
    pending = (proposed.person for proposed in new_officers.waiting(store, now))
    if store.roster.person(name) or any(person.name == name for person in (*store.roster.former, *pending)):
        raise Usage("name_taken", name=name)


def listed(store: Store, now: datetime) -> People:
    """Every identity of the roster; raises NotGranted."""
    store.demand(Action.PEOPLE, now)
    waiting = [OfficerWaits(each.person.name, each.id) for each in new_officers.waiting(store, now)]
    return People([PersonShown.of_person(person) for person in store.roster.people], waiting)


def removable(store: Store, name: str, now: datetime) -> Person:
    """The person of that name, if they can be removed; raises NothingMatched or Usage."""
    store.demand(Action.PEOPLE, now)
    return _removable(store, name)


def _removable(store: Store, name: str) -> Person:
    person = store.roster.person(name)
    if person is None:
        raise NothingMatched("no_such_person", name=name, **nearest(name, store.roster.names()))
    if person.name == store.person.name:
        raise Usage("not_oneself")
    if person.recovery and len(store.roster.officers()) <= 1:
        raise Usage("recovery_needed")
    officers = [other for other in store.roster.people if other.role is Role.OFFICER]
    if person.role is Role.OFFICER and len(officers) <= 1:
        raise Usage("last_officer")
    return person


def remove(store: Store, person: Person, now: datetime) -> None:
    """Take a person off the roster: a new root seed now, a new catalogue key at the next opening.

    If an officer leaves, every slot of a reachable ring that she could open is emptied; every purge tries the others
    again (`escrow.statuses` lists them). Raises InUse if the person changed meanwhile, and what `removable` raises.
    """

    def leave(change: Change) -> Sequence[Person]:
        _demand_same(_removable(store, person.name), person)
        stay = tuple(member for member in store.roster.people if member.name != person.name)
        left = replace(store.roster, people=stay, known_outside=store.catalogue_mark)
        retire(store, left, [person], now, left_at=store.clock.witnessed(now))
        change.log(PersonRemoved(removed=person.name, people=digest_of_people(store.roster)))
        return protocol.root_holders(store, now)

    protocol.replace_root(store, now, leave)
    escrow.expire(store, now)


def set_passphrase(store: Store, identity: Identity, passphrase: bytes, now: datetime) -> None:
    """Write one's own key file under a new passphrase, with the newest link of the chain; logged first."""
    if store.person.service:
        raise Usage("service_has_no_passphrase")
    store.note(PassphraseChanged(), now)
    pinned = Identity(identity.store, identity.name, identity.seed, store.authority.pin())
    write_locked(store.layout, pinned, passphrase)


def reset(store: Store, name: str, now: datetime) -> Added:
    """Give a person who lost the passphrase new keys and a one-time passphrase; grants stay."""
    old = _renewable(store, name, now, service=False)
    if old.name == store.person.name or old.recovery:
        raise Usage("not_oneself")
    one_time = readable_secret(ONE_TIME_GROUPS)
    identity = Identity(store.layout.id, name, primitives.fresh(), store.authority.pin(), once=True)
    new = _renew(store, old, identity, now)
    write_locked(store.layout, identity, one_time.encode())
    return Added(PersonShown.of_person(new), one_time, identity)


def rotate(store: Store, name: str, key_out: NamedFile, now: datetime) -> Person:
    """Write a new key file for a service; the old keys are void."""
    old = _renewable(store, name, now, service=True)
    identity = Identity(store.layout.id, name, primitives.fresh(), store.authority.pin())
    with _written_key_file(key_out, identity):
        return _renew(store, old, identity, now)


def set_login(store: Store, name: str, account: str, now: datetime) -> PersonShown:
    """Set the login account that a person uses at the door; raises NothingMatched, Usage."""
    store.demand(Action.PEOPLE, now)
    store.demand_clock(Action.PEOPLE, now)
    with store.change(now) as change:
        person = store.roster.person(name)
        if person is None:
            raise NothingMatched("no_such_person", name=name, **nearest(name, store.roster.names()))
        changed = replace(person, login=check_login(account))
        people = tuple(changed if member.name == name else member for member in store.roster.people)
        store.put(store.roster.next(now, people=people))
        change.log(PersonLogin(person=name, login=account, people=digest_of_people(store.roster)))
    return PersonShown.of_person(changed)


def renew_recovery(store: Store, now: datetime) -> str:
    """A new recovery key, to be shown once; the old one is void."""
    store.demand(Action.PEOPLE, now)
    store.demand_clock(Action.PEOPLE, now)
    old = store.roster.person(RECOVERY_NAME)
    secret = readable_secret(RECOVERY_GROUPS)
    identity = Identity(store.layout.id, RECOVERY_NAME, primitives.fresh(), store.authority.pin())
    if old is not None:
        _renew(store, old, identity, now)
    else:
        keys = (identity.sealing.public, identity.signing.public)
        since = store.clock.witnessed(now)
        person = Person(identity.name, Role.OFFICER, *keys, since, recovery=True, by=store.person.name)
        _enrol(store, person, now)
    write_locked(store.layout, identity, clean_passphrase(secret.encode()))
    return secret


def _renewable(store: Store, name: str, now: datetime, *, service: bool) -> Person:
    store.demand(Action.PEOPLE, now)
    store.demand_clock(Action.PEOPLE, now)
    old = store.roster.person(name)
    if old is None or old.service is not service:
        alike = (person.name for person in store.roster.people if person.service is service)
        raise NothingMatched("no_such_person", name=name, **nearest(name, alike))
    return old


def _demand_same(person: Person | None, decided: Person) -> None:
    """Raise InUse if a person was removed or got new keys since the decision."""
    if person != decided:
        raise InUse("changed_meanwhile", name=decided.name)


def _renew(store: Store, old: Person, identity: Identity, now: datetime) -> Person:
    """Replace a person's keys in one change; everything sealed to the old keys is deleted, and the root is replaced.

    Raises InUse if *old* is not on the roster any more.
    """
    new = replace(old, seal_key=identity.sealing.public, sign_key=identity.signing.public)
    new = replace(new, since=store.clock.witnessed(now), by=store.person.name)

    def renew(change: Change) -> Sequence[Person]:
        _demand_same(store.roster.person(old.name), old)
        begun = replace(new, from_entry=change.next_seq)
        people = tuple(begun if person.name == old.name else person for person in store.roster.people)
        renewed = replace(store.roster, people=people, known_outside=store.catalogue_mark)
        renewed = replace(renewed, grants=_suspended(store, renewed, replace(old, left_at=new.since), now))
        retire(store, renewed, [old], now, left_at=new.since, reusable=[old.name])
        give_secrets(store, new)
        change.log(PersonReset(person=old.name, people=digest_of_people(store.roster)))
        for grant in store.roster.grants:
            if grant.person == new.name and grant.is_pending(now):
                change.log(GrantGiven(own=True, **grant_facts(grant)))
        return protocol.root_holders(store, now)

    protocol.replace_root(store, now, renew)
    escrow.expire(store, now)
    write_catalogue_seal(store.layout, old.name, new.seal_key, catalogue_seeds(store), store.identity.signing)
    return new


def _suspended(store: Store, roster: Roster, old: Person, now: datetime) -> tuple[Grant, ...]:
    """The grants of *roster* after new keys for *old*, which their giver may hold.

    Pending grants by or to them end, because another person may have asked for these. Live ones wait for a second
    officer.
    """
    by = store.person.name
    needs_second = four_eyes.needs_second(replace(roster, former=(*roster.former, old)), by, old.name, now)

    def after(grant: Grant) -> Grant:
        if grant.is_pending(now) and old.name in (grant.person, grant.by):
            return grant.ended(now)
        if grant.glass and old.name in (grant.person, grant.by):  # the roster still shows that it was broken
            return grant.ended(now)
        if needs_second and grant.person == old.name and grant.live(now):
            return replace(grant, state="pending", own=True, by=by, starts_at=now, approvals=())
        return grant

    return tuple(after(grant) for grant in roster.grants)


# -- handover -----------------------------------------------------------------------------------------


def may_hand_over(store: Store, leaving: str, name: str, now: datetime) -> None:
    """Check that this officer can leave to an identity of that name; raises NotGranted, Refused or Usage."""
    store.demand(Action.PEOPLE, now)
    store.demand_clock(Action.PEOPLE, now)
    if store.person.recovery:
        raise Usage("recovery_hands_nothing_over")
    if leaving != store.person.name:
        raise Usage("successor_of_another", name=store.person.name)
    if name in {officer.name for officer in store.roster.officers()} - {leaving}:
        raise Usage("successor_is_officer", name=name, leaving=leaving)
    if new_officers.needs_second(store, now):  # one officer alone would choose who the other one is
        raise Refused("handover_waits", rule="access.officer", name=name)
    _demand_free(store, check_name(name), now)


def hand_over(store: Store, name: str, now: datetime) -> Added:
    """Add the successor as an officer; the same run then calls `take_over` with the new identity.

    A crash in between leaves two officers, and the new one runs `person remove`.
    """
    added = add(store, NewPerson(name, Role.OFFICER), now, is_successor=True)
    with store.change(now):
        leaving = replace(store.person, handed_to=name)
        people = tuple(leaving if person.name == leaving.name else person for person in store.roster.people)
        store.put(store.roster.next(now, people=people))
    return replace(added, identity=replace(added.identity, once=False))


def take_over(store: Store, leaving: str, now: datetime) -> str:
    """Renew the recovery key, which the officer *leaving* may know, and remove them; the new key, to be shown once."""
    recovery = renew_recovery(store, now)
    remove(store, removable(store, leaving, now), now)
    return recovery


def catalogue_seeds(store: Store) -> list[bytes]:
    """The seeds of the catalogue, as sealed to this officer."""
    return read_catalogue_seal(store.layout, store.identity)


def approve_officer(store: Store, proposed: PendingOfficer, now: datetime) -> Person:
    """Approve a proposed officer; returns and raises as `new_officers.approve`."""
    return new_officers.approve(store, proposed, now, lambda person, settle: _enrol(store, person, now, settle=settle))


def _enrol(store: Store, person: Person, now: datetime, settle: Callable[[], None] | None = None) -> None:
    """Put a new person on the roster, and only then seal the catalogue's key to them.

    *settle* first ends a proposal, in the same change. After a crash in between, the person opens nothing; new keys
    (`reset`, `rotate`) come with that seal.
    """
    with store.root.lock(exclusive=False, wait=store.lock_wait):
        held = store.read_root()
        with store.change(now, held) as change:
            if settle is not None:
                settle()
            if not person.recovery or store.roster.person(person.name):  # only the recovery key's name is given again
                _demand_free(store, person.name, now)
            added = replace(person, from_entry=change.next_seq)
            store.put(store.roster.next(now, people=(*store.roster.people, added)))
            give_secrets(store, person)
            if added in protocol.root_holders(store, now):
                store.secrets.give(person, ROOT_SEED, held.seed_version, held.seed)
            digest = digest_of_people(store.roster)
            change.log(PersonAdded(added=person.name, role=person.role, people=digest))
        write_catalogue_seal(store.layout, person.name, person.seal_key, catalogue_seeds(store), store.identity.signing)
