"""Making a new store: the first officer, the recovery officer, the root, the catalogue, the first log entry.

`store.toml` is written last: until then there is no store, and an interrupted run can be repeated once its folders
are removed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.events import Initialised as StoreInitialised
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.policy_versions import Policy, first
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.law.model.records import Person
from arlo_rec.policy import POLICY_VERSION, Role
from arlo_rec.vault.backends.elsewhere import Way
from arlo_rec.vault.backends.feedfile import FeedFile
from arlo_rec.vault.catalogue.schema import enter_version, migrate
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED, ROOT_SEED, access_seed
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import engines, layout
from arlo_rec.vault.keys.key_files import (
    RECOVERY_GROUPS,
    Identity,
    catalogue_key,
    clean_passphrase,
    readable_secret,
    write_catalogue_seal,
    write_locked,
)
from arlo_rec.vault.keys.layout import FILES, Layout, demanded_place
from arlo_rec.vault.keys.root_secret import StateFolder, create_root, open_root
from arlo_rec.vault.keys.roster import RECOVERY_NAME, AccessKey, Roster, check_name, digest_of_people
from arlo_rec.vault.keys.settings import Settings
from arlo_rec.vault.offsite.feed_line import first_line
from arlo_rec.vault.opened import Store


class Initialised(Record, frozen=True):
    """A new store; its recovery key is shown once."""

    store: Path
    root: Path
    officer: str
    vkey: str
    officer_vkey: str
    recovery_key: str
    root_key: str | UnsetType = UNSET  # where the root secret lies in a service


@dataclass(frozen=True, slots=True)
class NewStore:
    """The paths and the officer of a new store."""

    store: Path
    root: Path
    officer: str
    feed: Path | None = None
    objects: str = FILES  # a place
    root_at: str | None = None  # the address of the root secret in a service
    way: Way | None = None  # to engines beyond this machine
    catalogue: str = FILES  # or the address of a database


@dataclass(frozen=True, slots=True)
class _Founders:
    """The first identities of a store, and the seed of its catalogue."""

    officer: Identity
    recovery: Identity
    catalogue_seed: bytes = field(repr=False)


def initialise(new: NewStore, passphrase: bytes, now: datetime, state: StateFolder) -> Initialised:
    """Make a store; raises Usage if something is in the way, Unreachable if the disk refuses."""
    name = check_name(new.officer)
    if name == RECOVERY_NAME:
        raise Usage("name_taken", name=name)
    store_id = primitives.fresh(16)
    feed = FeedFile(new.feed, first_line(store_id)) if new.feed is not None else None
    if feed is not None:
        feed.demand_folder()  # before anything is made
    at = demanded_place(new.objects)
    place = Layout(new.store, new.root, store_id, root_at=new.root_at, way=new.way, catalogue_at=new.catalogue)
    if at != FILES:
        engines.demand_fit(engines.blobs_at(place, at), at)
    open_root(place).demand_free()
    if new.catalogue != FILES:
        engines.new_catalogue(place, primitives.fresh()).close()  # before anything is made
    folders = layout.create(place)._replace(objects_at=at)
    officer = Identity(store_id, name, primitives.fresh())
    recovery = Identity(store_id, RECOVERY_NAME, primitives.fresh())
    founders = _Founders(officer, recovery, primitives.fresh())
    recovery_key = readable_secret(RECOVERY_GROUPS)
    if feed is not None:
        feed.create()
    store = _build(folders, founders, new, now, state)
    vkey, officer_vkey, pin = store.log.vkey(), _officer_vkey(store), store.authority.pin()
    store.root.founded()
    store.db.close()
    for identity, secret in ((officer, passphrase), (recovery, clean_passphrase(recovery_key.encode()))):
        write_locked(folders, replace(identity, pin=pin), secret)
        sealed_to = (identity.name, identity.sealing.public)
        write_catalogue_seal(folders, *sealed_to, [founders.catalogue_seed], officer.signing)
    layout.finish(folders)
    root_key = new.root_at if new.root_at is not None else UNSET
    return Initialised(folders.store, folders.root, name, vkey, officer_vkey, recovery_key, root_key)


def _build(folders: Layout, founders: _Founders, new: NewStore, now: datetime, state: StateFolder) -> Store:
    """The catalogue with its first documents, secrets and log entry, and R of generation 1 in both slots."""
    connection = engines.new_catalogue(folders, catalogue_key(founders.catalogue_seed))
    migrate(connection)
    blobs = engines.blobs(folders)
    officer, seed = founders.officer, founders.catalogue_seed
    store = Store(folders, connection, blobs, create_root(folders), officer, seed, state)
    root_seed, index_seed, subject_seed, subject_id = *(primitives.fresh() for _ in range(3)), primitives.fresh(16)
    subject_key = AccessKey(subject_id, primitives.SealingKey.from_seed(subject_seed).public, now)
    store.roster = _first_roster(folders, founders, subject_key, now)
    store.person = store.roster.people[0]
    store.root.found(1, root_seed, 1)
    store.policy = Policy((first(POLICY_VERSION, now, SHIPPED),))
    store.settings = Settings(layout.root_name(folders), new.feed.absolute() if new.feed else None)
    numbers = {"generation": 1}
    numbers |= dict.fromkeys(("flush_due", "attempts_taken", "attempts_seen"), 0)
    with store.change(now) as change:
        store.put(store.roster)
        store.put(store.settings)
        store.put(store.policy)
        store.vouch(founding=True)
        for person in store.roster.people:
            store.secrets.give(person, ROOT_SEED, 1, root_seed)
            store.secrets.give(person, INDEX_SEED, 1, index_seed)
            store.secrets.give(person, access_seed(subject_id), 1, subject_seed)
        enter_version(store.meta)
        for key, value in numbers.items():
            store.meta.set(key, value)
        store.log.add_first_key()
        change.log(StoreInitialised(officer=officer.name, people=digest_of_people(store.roster)))
    return store


def _first_roster(folders: Layout, founders: _Founders, subject_key: AccessKey, now: datetime) -> Roster:
    officer, recovery = founders.officer, founders.recovery
    people = (
        Person(officer.name, Role.OFFICER, officer.sealing.public, officer.signing.public, now, by=officer.name),
        Person(
            *(recovery.name, Role.OFFICER, recovery.sealing.public, recovery.signing.public, now),
            recovery=True,
            by=officer.name,
        ),
    )
    return Roster(folders.id, now, people=people, access_keys=(subject_key,))


def _officer_vkey(store: Store) -> str:
    from arlo_rec.vault.crypto.merkle import signer_name, vkey

    public = store.identity.signing.public
    return vkey(signer_name(store.log.origin, public), public)
