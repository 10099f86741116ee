"""Opening a store for an unlocked identity: the checks of every command, in their order.

1  the open lock, shared; alone for a re-keying or move  5  nothing is older than a state that was seen before
2  the catalogue's key, sealed to this identity          6  what an interrupted run left is finished
3  the place and newest state seen, from the root        7  failed unlocks are copied into the log
4  the catalogue: its version, roster and policy; an older one is upgraded (`vault/upgrade`)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from arlo_rec.law.log.events import CatalogueRekeyed
from arlo_rec.law.model.errors import Integrity, InUse, NotUnlocked, Unreachable, Usage
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.policy import Role
from arlo_rec.vault.backends import Connection, Locks, mounts
from arlo_rec.vault.backends.durable import disk, sync_folder
from arlo_rec.vault.backends.holders import holder_note
from arlo_rec.vault.backends.shared_folder import remove
from arlo_rec.vault.catalogue import schema
from arlo_rec.vault.catalogue.sealed_secrets import ROOT_SEED
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.erasure import protocol
from arlo_rec.vault.keys import authority, root_secret
from arlo_rec.vault.keys.authority import Link
from arlo_rec.vault.keys.engines import blobs, catalogue, opened_locks
from arlo_rec.vault.keys.key_files import Identity, catalogue_key, log_key, read_catalogue_seal, write_catalogue_seal
from arlo_rec.vault.keys.layout import Layout, restore_ballast, root_name, with_places_now
from arlo_rec.vault.keys.root_secret import Seen, StateFolder, open_root
from arlo_rec.vault.opened import LOCK_WAIT, Store, rolled_back
from arlo_rec.vault.unlock_attempts import take_attempts

# -- re-keying -------------------------------------------------------------------------------------------
#
# A new key for the whole catalogue, after a person who knew the old one was removed. Order:
#
#     1  the roster that removes the person names the key that the catalogue must not keep
#     2  seals with both seeds, new and old, for all who stay; the removed person's seal and key file are deleted
#     3  the catalogue encrypted anew                       a crash: it opens with one of the two
#     4  one transaction: columns under the new key; the log handed to its new key by the old one, signed by the new one
#     5  seals with the new seed alone
#
# This needs the catalogue alone; if it is in use, the next command tries again.


def is_due(store: Store, seeds: list[bytes]) -> bool:
    """Whether a re-keying was ordered and is unfinished; *seeds* are those sealed to this identity."""
    return len(seeds) > 1 or store.roster.is_known_outside(store.catalogue_mark)


def carry_out(store: Store, seeds: list[bytes], now: datetime) -> None:
    """Steps 2 to 5, from where an earlier run was stopped, with the store opened alone."""
    in_use = _in_use(store, seeds)
    if len(seeds) > 1 and not store.log.is_current_key(log_key(in_use)):  # step 4 is missing
        _hand_over(store, old=seeds[1 - seeds.index(in_use)], new=in_use, now=now)
    if not store.roster.is_known_outside(store.catalogue_mark):
        _seal_to_all(store, [in_use])
        return
    new = primitives.fresh()
    _seal_to_all(store, [new, in_use])
    with disk():
        for person in store.roster.former:
            gone = (store.layout.seal_file(person.name), store.layout.key_file(person.name))
            for path in gone:
                remove(path)
            for path in gone:  # before the re-keying goes on: after a power cut, nothing removes them again
                sync_folder(path.parent)
    store.db.rekey(catalogue_key(new))
    _hand_over(store, old=in_use, new=new, now=now)


def sign_with_known_key(store: Store, seeds: list[bytes]) -> None:
    """Sign with the key that the log knows: between steps 3 and 4 that is the old one."""
    for seed in seeds:
        if store.log.is_current_key(log_key(seed)):
            store.log.key = log_key(seed)


def _hand_over(store: Store, *, old: bytes, new: bytes, now: datetime) -> None:
    from arlo_rec.vault.catalogue import column_keys

    store.log.key = log_key(old)
    with store.change(now) as change:
        column_keys.move(store.db, new)
        store.log.hand_over(log_key(new))
        change.log(CatalogueRekeyed())
    _seal_to_all(store, [new])


def _seal_to_all(store: Store, seeds: list[bytes]) -> None:
    for person in store.roster.people:
        write_catalogue_seal(store.layout, person.name, person.seal_key, seeds, store.identity.signing)


def _in_use(store: Store, seeds: list[bytes]) -> bytes:
    return next(seed for seed in seeds if log_key(seed).public == store.log.key.public)


MOVED = frozenset({"root_moved", "store_moved"})  # codes that an officer's word takes away
JOURNAL_ROOM = 4 * 1024 * 1024  # bytes: the journal of an erasure in a store of a million, with its index


class OpenOptions(NamedTuple):
    """Options of opening a store.

    *erasing* deletes the ballast if the disk is full, which other commands must not. *allow_rollback* also opens a
    store that was rolled back, without changing it, with the codes in `rollbacks`. *looks*: a store on a disk that
    cannot be written, or elsewhere than its root says, is opened as it lies there. What an earlier run left stays
    unfinished. *alone*: until it is closed nobody else opens it.
    """

    lock_wait: float = LOCK_WAIT  # seconds
    erasing: bool = False
    allow_rollback: bool = False
    feed: Path | None = None  # instead of that of the signed settings
    root: Path | None = None  # the root folder of a store that was moved, or that folder, given by an officer
    command: str = ""  # words of the command, shown to those waiting for its locks
    observer: Observer = unobserved
    looks: bool = False  # whether the command works on a copy
    tries_upgrade: bool = False  # an upgrade that is due is tried and undone; then the store is only looked at
    alone: bool = False


_USUAL = OpenOptions()


@contextmanager
def open_store(
    layout: Layout, identity: Identity, now: datetime, state: StateFolder, options: OpenOptions = _USUAL
) -> Iterator[Store]:
    """The store, opened for one identity and closed at the end.

    Raises NotUnlocked if the identity is not on the roster, and Integrity if something is older than a seen state.
    Raises InUse, or Unreachable, also for another version of the catalogue.
    """
    with ExitStack() as stack:
        if options.erasing:
            _make_room(layout)
            stack.callback(restore_ballast, layout)
        yield stack.enter_context(_opened(layout, identity, now, state, options))


def trust(layout: Layout, identity: Identity, word: str, state: StateFolder) -> Link:
    """Have this account accept a store that was restored without its feed, if *word* is its check word.

    The chain is followed from this identity's key file. Raises Integrity for another word, Usage if this account has
    seen nothing that was lost.
    """
    alone = StateFolder(None)
    with _session(layout, identity, alone, b"", lock_wait=LOCK_WAIT, alone=False) as (store, _):
        newest = store.authority.newest
        assert newest is not None
        if "store_moved" in store.rollbacks:
            raise Integrity("store_moved", path=str(layout.root), store=str(layout.store))
        with store.db.reading():
            demanded = state.memory(layout.id).demanded(store.instance)
            if not any(rolled_back(store, seen) for seen in demanded.values()):
                raise Usage("nothing_to_trust")
        if not primitives.same(authority.check_word(newest.digest).encode(), word.strip().lower().encode()):
            raise Integrity("trust_differs", rule="access.officer")
        with store.db.reading():
            head = store.head()
        state.remember(layout.id, store.instance, head, instead=True)
    return newest


@contextmanager
def _opened(
    layout: Layout, identity: Identity, now: datetime, state: StateFolder, options: OpenOptions
) -> Iterator[Store]:
    """Steps 1 to 7, after a re-keying that is due."""
    if identity.once:
        raise NotUnlocked("one_time_passphrase", rule="security.password")
    note = holder_note(identity.name, options.command, now)
    reads_only = options.looks and (not mounts.takes_writes(layout.store) or _is_elsewhere(layout, options))
    session = partial(_session, layout, identity, state, note)
    with session(lock_wait=options.lock_wait, alone=options.alone, reads_only=reads_only) as (store, seeds):
        _confirm_move(store, options, now)
        if "store_moved" in store.rollbacks and store.db.reads_only and not store.is_outdated:
            store.is_copy = True
            store.rollbacks = [code for code in store.rollbacks if code not in MOVED]
        if store.rollbacks and options.allow_rollback:
            yield store
            return
        if store.rollbacks and not store.is_copy:  # of a copy an age is no attack
            raise _why_closed(store, options)
        outdated = store.is_outdated
        if store.db.reads_only and not outdated:
            store.feed = None if store.is_copy else options.feed or store.settings.feed
            yield store
            return
        if not outdated and not is_due(store, seeds):
            yield _recovered(store, now, options)
            return
    if outdated:
        with _upgraded(layout, identity, now, state, options) as store:
            yield store
        return
    with suppress(InUse), session(lock_wait=0, alone=True) as (store, seeds):
        options.observer(Progress(Phase.REKEYING))
        carry_out(store, seeds, now)
    with session(lock_wait=options.lock_wait, alone=options.alone) as (store, seeds):
        sign_with_known_key(store, seeds)
        yield _recovered(store, now, options)


def _is_elsewhere(layout: Layout, options: OpenOptions) -> bool:
    """Whether a store lies elsewhere than its root says, and this command does not say that it was moved."""
    return options.root is None and not layout.lies_at(root_secret.decode_place(open_root(layout).read_seen()))


def _why_closed(store: Store, options: OpenOptions) -> Integrity:
    """The gravest of what closes a store; that it was moved goes first, unless an officer says so of an older one."""
    older = [code for code in store.rollbacks if code not in MOVED] if options.root is not None else []
    code = (older or store.rollbacks)[0]
    rule = "access.officer" if code == "roster_rolled_back" else None
    return Integrity(code, rule=rule, path=str(store.layout.root), store=str(store.layout.store))


def _confirm_move(store: Store, options: OpenOptions, now: datetime) -> None:
    """Write an officer's word that store and root were moved: into the settings, then into the root.

    Nothing is written if anything of the store is older than what was seen: then it is an old copy.
    """
    is_said = options.root == store.layout.root and store.person.role is Role.OFFICER
    if not (is_said and store.rollbacks and MOVED.issuperset(store.rollbacks)):
        return
    with store.change(now):
        store.put(replace(store.settings, root=root_name(store.layout)))
    store.remember(moved=True)
    store.rollbacks.clear()


@contextmanager
def _upgraded(
    layout: Layout, identity: Identity, now: datetime, state: StateFolder, options: OpenOptions
) -> Iterator[Store]:
    """The store after an upgrade of its catalogue, or with one that was tried and undone."""
    from arlo_rec.vault import upgrade

    note = holder_note(identity.name, options.command, now)
    with _session(layout, identity, state, note, lock_wait=options.lock_wait, alone=True) as (store, seeds):
        options.observer(Progress(Phase.UPGRADE))
        sign_with_known_key(store, seeds)
        if store.is_outdated and not store.rollbacks:
            upgrade.carry_out(store, now, dry_run=options.tries_upgrade)
        if options.tries_upgrade:
            yield store
            return
    with _opened(layout, identity, now, state, options) as store:
        yield store


@contextmanager
def _session(
    layout: Layout,
    identity: Identity,
    state: StateFolder,
    note: bytes,
    *,
    lock_wait: float,
    alone: bool,
    reads_only: bool = False,
) -> Iterator[tuple[Store, list[bytes]]]:
    """Steps 1 to 5; *alone* takes the open lock exclusively."""
    with ExitStack() as stack:
        layout, locks = _locked(stack, layout, note, lock_wait=lock_wait, alone=alone, reads_only=reads_only)
        seeds = read_catalogue_seal(layout, identity)
        root_port = open_root(layout, note, locks)
        seen_there = root_port.read_seen()
        seen = root_secret.decode_seen(seen_there)
        connection, seed = _connect(layout, seeds, locks, reads_only=reads_only)
        stack.callback(connection.close)
        if len(seeds) > 1:
            from arlo_rec.vault.catalogue import column_keys

            column_keys.choose(connection, seeds)
        store = Store(layout, connection, blobs(layout), root_port, identity, seed, state, locks)
        store.lock_wait = lock_wait
        if seen is None:
            raise Integrity("seen_unreadable", path=str(layout.root))
        store.noted = seen
        with store.db.reading():
            store.is_outdated = schema.demand(store.meta, layout.store) < schema.VERSION
            store.load_documents()
            if not layout.lies_at(root_secret.decode_place(seen_there)):
                store.rollbacks.insert(0, "store_moved")
            if root_name(layout) != store.settings.root:
                store.rollbacks.append("root_moved")
            _demand_not_older(store, seen)
        yield store, seeds


def _locked(
    stack: ExitStack, layout: Layout, note: bytes, *, lock_wait: float, alone: bool, reads_only: bool
) -> tuple[Layout, Locks]:
    """Step 1, and the layout as it is then: where the locks moved with the catalogue meanwhile, the new ones."""
    while True:
        with ExitStack() as held:
            locks = held.enter_context(opened_locks(layout, note, reads_only=reads_only))
            held.enter_context(locks.lock("open", exclusive=alone, wait=lock_wait))
            before, layout = layout, with_places_now(layout)
            if layout.locks_at == before.locks_at:
                stack.enter_context(held.pop_all())
                return layout, locks


def _recovered(store: Store, now: datetime, options: OpenOptions) -> Store:
    """Steps 6 and 7; from now on every change is forwarded to the feed."""
    _follow(store, options.feed, now)
    own = store.memory.own(store.instance)
    if own is None or own[0] != store.instance or own[1].link.number < store.authority.pin().number:
        store.remember(anew=True)  # from now on this account accepts no other chain
    if store.secrets.holds(ROOT_SEED):
        with suppress(Unreachable):  # the store can be read without; `status` counts what is unfinished
            protocol.finish(store, now, observer=options.observer)
    _go_on_with_grants(store, now, options.observer)
    take_attempts(store, now)
    return store


def _go_on_with_grants(store: Store, now: datetime, observer: Observer) -> None:
    """Finish, as an officer, opening held recordings to interrupted grants."""
    if store.person.role is Role.OFFICER and store.catalogue.grant_keys.unfinished():
        from arlo_rec.vault.access import grant_history

        with suppress(InUse, Unreachable, Integrity):  # tampering with the catalogue stops no officer's command
            grant_history.finish(store, now, observer)


def _follow(store: Store, feed: Path | None, now: datetime) -> None:
    """Use the feed that this account names, else that of the signed settings, else none."""
    store.feed = feed or store.settings.feed
    if store.feed is not None:
        from arlo_rec.vault.offsite.feed import follow

        follow(store, now)


def _demand_not_older(store: Store, shared: Seen) -> None:
    """Note the codes of what is older than the *shared* state in the root folder, or than what this account has seen.

    Raises Integrity where a restore lies between this store and another instance that the account has seen.
    """
    foreign, found = store.memory.foreign(store.instance), list[str]()
    for known, seen in store.memory.demanded(store.instance).items():
        if known.branch == store.instance.branch:
            shared = shared.merged(seen)
        elif codes := rolled_back(store, seen):
            if known in foreign or store.authority.is_restored:
                raise Integrity("restored_unknown", rule="access.officer", digest=store.authority.check_word())
            found += codes
    found += rolled_back(store, shared)
    store.rollbacks += [code for code in dict.fromkeys(found) if code not in store.rollbacks]


def _make_room(layout: Layout) -> None:
    """Delete the ballast if the disk has no room for the catalogue's journal."""
    try:
        free = os.statvfs(layout.store)
    except OSError:
        return
    if free.f_bavail * free.f_frsize < JOURNAL_ROOM:
        with suppress(OSError):
            remove(layout.ballast)


def _connect(layout: Layout, seeds: list[bytes], locks: Locks, *, reads_only: bool) -> tuple[Connection, bytes]:
    """Open the catalogue with the first seed that fits; there are two only during a re-keying."""
    for seed in seeds:
        try:
            return catalogue(layout, catalogue_key(seed), reads_only=reads_only, locks=locks), seed
        except NotUnlocked:
            continue
    raise Integrity("catalogue_damaged")
