"""Making a new store: the first officer, the recovery officer, the root, the catalogue, the first log entry.

`store.toml` is written last: until then there is no store, and a run that broke off can be repeated once the
half-made folders are removed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from arlo_rec.backends.durable import disk
from arlo_rec.backends.feedfile import FeedFile
from arlo_rec.backends.files import FileBlobs, FileRoot
from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.catalogue.schema import VERSION, migrate
from arlo_rec.crypto import primitives
from arlo_rec.keys import layout, root_secret, roster
from arlo_rec.keys.key_files import (
    RECOVERY_GROUPS,
    Identity,
    clean_passphrase,
    readable_secret,
    write_catalogue_seal,
    write_locked,
)
from arlo_rec.keys.layout import Place
from arlo_rec.keys.roster import RECOVERY_NAME, AccessKey, Roster
from arlo_rec.keys.seen_state import StateFolder
from arlo_rec.model.errors import Usage
from arlo_rec.model.prompts import SHIPPED
from arlo_rec.model.records import Person
from arlo_rec.policy import POLICY_VERSION, Role
from arlo_rec.store import INDEX_PART, ROOT_PART, Store, access_part, catalogue_key


@dataclass(frozen=True, slots=True)
class Founded:
    """What `init` tells once."""

    place: Place
    officer: str
    vkey: str
    officer_vkey: str
    recovery_key: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """Where and for whom a store is made."""

    store: Path
    root: Path
    officer: str
    group: str | None = None
    feed: Path | None = None


def found(wishes: Wishes, passphrase: bytes, now: datetime, state: StateFolder) -> Founded:
    """Make a store; raises Usage where something is in the way, Unreachable where the disk refuses."""
    name = roster.check_name(wishes.officer)
    if name == RECOVERY_NAME:
        raise Usage("name_taken", name=name)
    store_id = primitives.fresh(16)
    where = layout.create(wishes.store, wishes.root, store_id, group_id=group_id(wishes.group))
    officer = Identity(store_id, name, primitives.fresh())
    officer = Identity(store_id, name, officer.seed, (officer.signing.public,))
    recovery = Identity(store_id, RECOVERY_NAME, primitives.fresh(), officer.officers)
    recovery_key = readable_secret(RECOVERY_GROUPS)
    seed = primitives.fresh()
    with disk():
        handle = os.open(where.catalogue, os.O_CREAT | os.O_EXCL | os.O_WRONLY, where.file_mode)
        os.fchmod(handle, where.file_mode)
        os.close(handle)
    FileRoot.create(where.root, group=where.group)
    if wishes.feed is not None:
        FeedFile(wishes.feed).create(where.file_mode)
    store = _build(where, officer, recovery, seed, now, state, wishes.feed)
    vkey, officer_vkey = store.book.vkey(), _officer_vkey(store)
    store.close()
    for identity, secret in ((officer, passphrase), (recovery, clean_passphrase(recovery_key.encode()))):
        write_locked(where, identity, secret)
        write_catalogue_seal(where, identity.name, identity.sealing.public, [seed])
    layout.finish(where)
    return Founded(where, name, vkey, officer_vkey, recovery_key)


def _build(
    where: Place,
    officer: Identity,
    recovery: Identity,
    seed: bytes,
    now: datetime,
    state: StateFolder,
    feed: Path | None,
) -> Store:
    connection = SqliteConnection(where.catalogue, catalogue_key(seed))
    connection.build(migrate)
    blobs = FileBlobs(where.objects, group=where.group)
    store = Store(where, connection, blobs, FileRoot(where.root), officer, seed, state)
    access_seed, access_id = primitives.fresh(), primitives.fresh(16)
    store.roster = _first_roster(where, officer, recovery, access_id, access_seed, now)
    store.person = store.roster.people[0]
    root_seed, index_seed = primitives.fresh(), primitives.fresh()
    slot = root_secret.encode_slot(where.id, root_seed, 1, 1, primitives.fresh())
    for index in (0, 1):
        store.root.write(index, slot)
    numbers = {"schema": VERSION, "generation": 1, "flush_due": 0, "rekey_due": 0, "attempts_taken": 0}
    with store.change(now) as change:
        store.put_document(roster.sign_roster(store.roster, officer.signing))
        store.put_document(roster.sign("policy", 1, roster.policy_body(POLICY_VERSION, SHIPPED), officer.signing))
        for person in store.roster.people:
            store.give_part(person, ROOT_PART, 1, root_seed)
            store.give_part(person, INDEX_PART, 1, index_seed)
            store.give_part(person, access_part(access_id), 1, access_seed)
        for key, value in numbers.items():
            store.set_number(key, value)
        store.set_instant("purged_at", now)
        if feed is not None:
            store.db.run("INSERT INTO meta (key, value) VALUES ('feed', ?)", (str(feed),))
        store.book.found()
        sworn = roster.digest_of_people(store.roster)
        change.log(store.entry("init", "done", "access.officer", now, officer=officer.name, people=sworn))
    return store


def _first_roster(
    where: Place, officer: Identity, recovery: Identity, access_id: bytes, access_seed: bytes, now: datetime
) -> Roster:
    return Roster(
        where.id,
        1,
        now,
        people=(
            Person(officer.name, Role.OFFICER, officer.sealing.public, officer.signing.public, now),
            Person(
                recovery.name,
                Role.OFFICER,
                recovery.sealing.public,
                recovery.signing.public,
                now,
                recovery=True,
            ),
        ),
        introductions=(roster.introduce(officer.signing, recovery.signing.public, where.id),),
        access_keys=(AccessKey(access_id, primitives.SealingKey.from_seed(access_seed).public, now),),
    )


def _officer_vkey(store: Store) -> str:
    from arlo_rec.crypto.merkle import vkey

    public = store.identity.signing.public
    return vkey(f"{store.book.origin}/{primitives.fingerprint(public).hex()}", public)


def group_id(name: str | None) -> int | None:
    """The number of a group; raises Usage where there is none of that name."""
    if name is None:
        return None
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise Usage("no_such_group", name=name) from None
