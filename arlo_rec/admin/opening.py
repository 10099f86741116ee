"""From an unlocked identity to an open store: the checks of every command, in their order.

1  the door: shared with everybody but a re-keying       5  nothing older than what was seen before
2  the catalogue's key, sealed to this identity          6  a small catalogue is looked through whole
3  the newest state seen outside, read before the inside 7  what an earlier run left is finished
4  the catalogue, its roster and policy, verified        8  failed unlocks are taken into the log
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from arlo_rec.admin import rekey
from arlo_rec.admin.unlock_attempts import take_attempts
from arlo_rec.backends.files import FileBlobs, FileRoot, file_lock
from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.catalogue import audit_check, schema
from arlo_rec.catalogue.sealed_secrets import ROOT_SEED
from arlo_rec.erasure import protocol
from arlo_rec.keys import root_secret
from arlo_rec.keys.key_files import Identity, read_catalogue_seal
from arlo_rec.keys.layout import Layout, restore_ballast
from arlo_rec.keys.root_secret import Seen
from arlo_rec.keys.seen_state import StateFolder
from arlo_rec.model.errors import Integrity, InUse, NotUnlocked, Unreachable
from arlo_rec.store import LOCK_WAIT, Store, catalogue_key

JOURNAL_ROOM = 4 * 1024 * 1024  # bytes: the journal of an erasure in a store of a million, with its index
LOOKED_THROUGH = 4 * 1024 * 1024  # bytes of a catalogue that every command looks through: 1,900 recordings, 50 ms


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """How a store is opened.

    *erasing* gives up the ballast where the disk is full; other commands leave it to those. Whoever is *doubting* gets
    a store that was rolled back too, untouched, with what is wrong in `doubts`.
    """

    lock_wait: float = LOCK_WAIT  # seconds
    erasing: bool = False
    doubting: bool = False
    feed: Path | None = None  # instead of the one that the store was made with


_USUAL = OpenOptions()


@contextmanager
def open_store(
    layout: Layout, identity: Identity, now: datetime, state: StateFolder, options: OpenOptions = _USUAL
) -> Iterator[Store]:
    """The store, opened for one identity and closed at the end.

    Raises NotUnlocked where the identity is none of this store, Integrity where something is older than what was seen,
    InUse, or Unreachable.
    """
    with ExitStack() as stack:
        if options.erasing:
            _make_room(layout)
            stack.callback(restore_ballast, layout)
        yield stack.enter_context(_opened(layout, identity, now, state, options))


@contextmanager
def _opened(
    layout: Layout, identity: Identity, now: datetime, state: StateFolder, options: OpenOptions
) -> Iterator[Store]:
    """Steps 1 to 8, with a re-keying that is due done before."""
    if identity.once:
        raise NotUnlocked("one_time_passphrase", rule="security.password")
    with _session(layout, identity, state, lock_wait=options.lock_wait, alone=False) as (store, seeds):
        if store.doubts and options.doubting:
            yield store
            return
        if store.doubts:
            raise Integrity(store.doubts[0], rule="access.officer" if store.doubts[0] == "roster_rolled_back" else None)
        if not rekey.is_due(store, seeds):
            yield _recovered(store, now, options)
            return
    with suppress(InUse), _session(layout, identity, state, lock_wait=0, alone=True) as (store, seeds):
        rekey.carry_out(store, seeds, now)
    with _session(layout, identity, state, lock_wait=options.lock_wait, alone=False) as (store, seeds):
        rekey.sign_with_known_key(store, seeds)
        yield _recovered(store, now, options)


@contextmanager
def _session(
    layout: Layout, identity: Identity, state: StateFolder, *, lock_wait: float, alone: bool
) -> Iterator[tuple[Store, list[bytes]]]:
    """Steps 1 to 5; *alone* keeps everybody else out."""
    with ExitStack() as stack:
        stack.enter_context(file_lock(layout.open_lock, exclusive=alone, wait=lock_wait))
        seeds = read_catalogue_seal(layout, identity)
        root_port = FileRoot(layout.root)
        seen = _seen(root_port, state, layout.id)
        connection, seed = _connect(layout, seeds)
        stack.callback(connection.close)
        blobs = FileBlobs(layout.objects, group=layout.group)
        store = Store(layout, connection, blobs, root_port, identity, seed, state)
        store.lock_wait = lock_wait
        schema.demand_version(store.meta.number("schema"), layout.store)
        if seen is None:
            raise Integrity("seen_unreadable", path=str(layout.root))
        store.load_documents()
        store.doubts += rolled_back(store, seen)
        yield store, seeds


def _recovered(store: Store, now: datetime, options: OpenOptions) -> Store:
    """Steps 6 to 8, and from now on whatever is changed is told outside."""
    if not options.doubting and store.layout.catalogue.stat().st_size <= LOOKED_THROUGH:
        _look_through(store)
    _follow(store, options.feed, now)
    if store.secrets.holds(ROOT_SEED):
        with suppress(Unreachable):  # whoever only reads can do so; `status` counts what is unfinished
            protocol.finish(store, now)
    take_attempts(store, now)
    return store


def _follow(store: Store, feed: Path | None, now: datetime) -> None:
    """The feed that is configured, else the one that the store was made with, else none."""
    kept = store.meta.feed()
    store.feed = feed or (Path(kept) if kept is not None else None)
    if store.feed is not None:
        from arlo_rec.offsite.feed import follow

        follow(store, now)


def _look_through(store: Store) -> None:
    """Every row, every index and every leaf of the log: nothing of them is older than the rest. Raises Integrity."""
    if not store.db.agrees():
        raise Integrity("catalogue_damaged")
    if any(not store.db.still_sums_up(table) for table in store.db.sums()):
        raise Integrity("rows_rolled_back")
    if audit_check.check(store.log, store.signers()):
        raise Integrity("log_damaged")


def rolled_back(store: Store, seen: Seen) -> list[str]:
    """In what the catalogue is older than, or not the same as, what somebody saw of it, as codes."""
    with store.reading():
        head = store.head()
        known = head.root if head.size <= seen.size else store.log.root_at(seen.size)
    problems = []
    if head.roster < seen.roster:
        problems.append("roster_rolled_back")
    if head.generation < seen.generation:
        problems.append("catalogue_older_than_root")
    if head.size < seen.size or known != seen.root:
        problems.append("log_rolled_back")
    if head.changes < seen.changes or (head.changes == seen.changes and head.sums != seen.sums):
        problems.append("rows_rolled_back")
    return problems


def _seen(root_port: FileRoot, state: StateFolder, store_id: bytes) -> Seen | None:
    """The newest state that anybody, or this account, has seen; None where the root folder's copies are unreadable."""
    beside = root_secret.decode_seen(root_port.read_seen())
    own = state.seen(store_id)
    return beside if beside is None or own is None else beside.merged(own)


def _make_room(layout: Layout) -> None:
    """Give up the ballast where the disk could not even take the catalogue's journal."""
    try:
        free = os.statvfs(layout.store)
    except OSError:
        return
    if free.f_bavail * free.f_frsize < JOURNAL_ROOM:
        layout.ballast.unlink(missing_ok=True)


def _connect(layout: Layout, seeds: list[bytes]) -> tuple[SqliteConnection, bytes]:
    """Open the catalogue with the first seed that fits; two are sealed only while it is being re-keyed."""
    if not layout.catalogue.exists():
        raise Integrity("catalogue_missing")
    for seed in seeds:
        try:
            return SqliteConnection(layout.catalogue, catalogue_key(seed)), seed
        except NotUnlocked:
            continue
    raise Integrity("catalogue_damaged")
