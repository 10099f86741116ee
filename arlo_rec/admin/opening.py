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
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

from arlo_rec.admin import rekey
from arlo_rec.backends.durable import disk
from arlo_rec.backends.files import FileBlobs, FileRoot, file_lock
from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.catalogue import audit_log, schema
from arlo_rec.erasure import protocol
from arlo_rec.i18n.sanitise import clean
from arlo_rec.keys import root_secret
from arlo_rec.keys.key_files import Identity, read_catalogue_seal
from arlo_rec.keys.layout import Place, restore_ballast
from arlo_rec.keys.root_secret import Seen
from arlo_rec.keys.roster import NAME_LONGEST
from arlo_rec.keys.seen_state import StateFolder
from arlo_rec.model.errors import Integrity, InUse, NotUnlocked, Unreachable
from arlo_rec.model.records import Entry, to_iso
from arlo_rec.model.strict_json import canonical, parse_object
from arlo_rec.store import LOCK_WAIT, ROOT_PART, Store, catalogue_key

JOURNAL_ROOM = 4 * 1024 * 1024  # bytes: the journal of an erasure in a store of a million, with its index
LOOKED_THROUGH = 4 * 1024 * 1024  # bytes of a catalogue that every command looks through: 1,900 recordings, 50 ms
ATTEMPTS_BYTES = 1024 * 1024  # of them; a line that alone is as long is none that we wrote
ATTEMPTS_AT_ONCE = 1000  # taken into the log by one command; more wait for the next


@contextmanager
def open_store(
    place: Place,
    identity: Identity,
    now: datetime,
    state: StateFolder,
    *,
    lock_wait: float = LOCK_WAIT,
    erasing: bool = False,
    doubting: bool = False,
    feed: Path | None = None,
) -> Iterator[Store]:
    """The store, opened for one identity and closed at the end.

    Where the disk is full and the command is *erasing*, the ballast is given up; other commands leave it to those.
    Whoever is *doubting* gets a store that was rolled back too, untouched, with what is wrong in `doubts`.
    """
    with ExitStack() as stack:
        if erasing:
            _make_room(place)
            stack.callback(restore_ballast, place)
        yield stack.enter_context(
            _opened(place, identity, now, state, lock_wait=lock_wait, doubting=doubting, feed=feed)
        )


@contextmanager
def _opened(
    place: Place,
    identity: Identity,
    now: datetime,
    state: StateFolder,
    *,
    lock_wait: float,
    doubting: bool,
    feed: Path | None,
) -> Iterator[Store]:
    """Steps 1 to 8, with a re-keying that is due done before."""
    if identity.once:
        raise NotUnlocked("one_time_passphrase", rule="security.password")
    with _session(place, identity, state, lock_wait=lock_wait, alone=False) as (store, seeds):
        if store.doubts and doubting:
            yield store
            return
        if store.doubts:
            raise Integrity(store.doubts[0], rule="access.officer" if store.doubts[0] == "roster_rolled_back" else None)
        if not rekey.is_due(store, seeds):
            yield _recovered(store, now, doubting=doubting, feed=feed)
            return
    with suppress(InUse), _session(place, identity, state, lock_wait=0, alone=True) as (store, seeds):
        rekey.carry_out(store, seeds, now)
    with _session(place, identity, state, lock_wait=lock_wait, alone=False) as (store, seeds):
        rekey.sign_with_known_key(store, seeds)
        yield _recovered(store, now, doubting=doubting, feed=feed)


@contextmanager
def _session(
    place: Place, identity: Identity, state: StateFolder, *, lock_wait: float, alone: bool
) -> Iterator[tuple[Store, list[bytes]]]:
    """Steps 1 to 5; *alone* keeps everybody else out."""
    with ExitStack() as stack:
        stack.enter_context(file_lock(place.open_lock, exclusive=alone, wait=lock_wait))
        seeds = read_catalogue_seal(place, identity)
        root_port = FileRoot(place.root)
        seen = _seen(root_port, state, place)
        connection, seed = _connect(place, seeds)
        stack.callback(connection.close)
        blobs = FileBlobs(place.objects, group=place.group)
        store = Store(place, connection, blobs, root_port, identity, seed, state)
        store.lock_wait = lock_wait
        _bring_up_to_date(store, connection)
        store.load_documents()
        store.doubts += rolled_back(store, seen)
        yield store, seeds


def _recovered(store: Store, now: datetime, *, doubting: bool, feed: Path | None) -> Store:
    """Steps 6 to 8, and from now on whatever is changed is told outside."""
    if not doubting and store.place.catalogue.stat().st_size <= LOOKED_THROUGH:
        _look_through(store)
    _follow(store, feed, now)
    if store.holds(ROOT_PART):
        with suppress(Unreachable):  # whoever only reads can do so; `status` counts what is unfinished
            protocol.finish(store, now)
    take_attempts(store, now)
    return store


def _follow(store: Store, feed: Path | None, now: datetime) -> None:
    """The feed that is configured, else the one that the store was made with, else none."""
    kept = store.db.rows("SELECT value FROM meta WHERE key = 'feed'")
    store.feed = feed or (Path(str(kept[0][0])) if kept else None)
    if store.feed is not None:
        from arlo_rec.offsite.feed import follow

        follow(store, now)


def _look_through(store: Store) -> None:
    """Every row, every index and every leaf of the log: nothing of them is older than the rest. Raises Integrity."""
    if not store.db.agrees():
        raise Integrity("catalogue_damaged")
    if any(not store.db.still_sums_up(table) for table in store.db.sums()):
        raise Integrity("rows_rolled_back")
    if audit_log.check(store.book, store.signers()):
        raise Integrity("log_damaged")


def rolled_back(store: Store, seen: Seen) -> list[str]:
    """In what the catalogue is older than, or not the same as, what somebody saw of it, as codes."""
    with store.reading():
        stands = store.standing()
        known = stands.root if stands.size <= seen.size else store.book.root_at(seen.size)
    found = []
    if stands.roster < seen.roster:
        found.append("roster_rolled_back")
    if stands.generation < seen.generation:
        found.append("catalogue_older_than_root")
    if stands.size < seen.size or known != seen.root:
        found.append("log_rolled_back")
    other = any(seen.sums) and stands.sums != seen.sums
    if stands.changes < seen.changes or (stands.changes == seen.changes and other):
        found.append("rows_rolled_back")
    return found


def note_attempt(place: Place, name: str, login: str, at: datetime) -> None:
    """Keep a failed unlock where the next command finds it; never fails the command that reports it."""
    told = {"at": to_iso(at), "name": clean(name)[:NAME_LONGEST], "login": clean(login)[:NAME_LONGEST]}
    try:
        handle = os.open(place.attempts, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(handle, canonical(told) + b"\n")
    except OSError:
        return
    finally:
        os.close(handle)


def take_attempts(store: Store, now: datetime) -> None:
    """Take failed unlocks into the log; a file that became shorter is an entry too (security.unauthorised)."""
    try:
        size = store.place.attempts.stat().st_size
    except OSError:
        size = 0
    if size == store.number("attempts_taken"):
        return
    with store.change(now) as change:
        taken = store.number("attempts_taken")
        if size < taken:
            change.log(store.entry("unlock", "failed", "security.unauthorised", now, code="attempts_cut"))
            store.set_number("attempts_taken", size)
            return
        with disk(), store.place.attempts.open("rb") as file:
            file.seek(taken)
            lines = BytesIO(file.read(ATTEMPTS_BYTES)).readlines()[:ATTEMPTS_AT_ONCE]
        for line in (one for one in lines if one.endswith(b"\n") or len(one) == ATTEMPTS_BYTES):
            change.log(_attempt(store, line, now))
            taken += len(line)
        store.set_number("attempts_taken", taken)


def _attempt(store: Store, line: bytes, now: datetime) -> Entry:
    """An entry under the name that was claimed, with the login account and the time that it happened."""
    try:
        told = parse_object(line)
        detail = {key: clean(str(told[key]))[:NAME_LONGEST] for key in ("at", "name", "login")}
    except (KeyError, ValueError):
        return store.entry("unlock", "denied", "security.unauthorised", now, code="attempt_unreadable")
    claimed = detail.pop("name")
    return replace(store.entry("unlock", "denied", "security.unauthorised", now, **detail), person=claimed)


def _seen(root_port: FileRoot, state: StateFolder, place: Place) -> Seen:
    beside = root_secret.decode_seen(root_port.read_seen())
    if beside is None:
        raise Integrity("seen_unreadable", path=str(place.root))
    own = state.seen(place.id)
    return beside if own is None else beside.merged(own)


def _make_room(place: Place) -> None:
    """Give up the ballast where the disk could not even take the catalogue's journal."""
    try:
        free = os.statvfs(place.store)
    except OSError:
        return
    if free.f_bavail * free.f_frsize < JOURNAL_ROOM:
        place.ballast.unlink(missing_ok=True)


def _bring_up_to_date(store: Store, connection: SqliteConnection) -> None:
    """A catalogue of an older version is migrated, by whoever comes first; one of a newer version is left alone."""
    version = store.number("schema")
    if version > schema.VERSION:
        raise Unreachable("store_too_new", path=str(store.place.store))
    if version < schema.VERSION:
        connection.build(schema.migrate)


def _connect(place: Place, seeds: list[bytes]) -> tuple[SqliteConnection, bytes]:
    """Open the catalogue with the first seed that fits; two are sealed only while it is being re-keyed."""
    if not place.catalogue.exists():
        raise Integrity("catalogue_missing")
    for seed in seeds:
        try:
            return SqliteConnection(place.catalogue, catalogue_key(seed)), seed
        except NotUnlocked:
            continue
    raise Integrity("catalogue_damaged")
