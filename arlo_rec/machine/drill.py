"""A drill: whether the backup comes back, tried without touching store, ring, feed or any account's memory.

An officer restores the newest backup to a throw-away copy, which is verified and removed. Order:

    1  the copy's lock; what a killed drill left is removed       3  `machine.restore`, with a copy of the feed
    2  room for the copy, so that the store can go on erasing     4  `machine.verify` with data
    5  the copy removed, its root secret overwritten first        6  one entry in the log of the store

The copy lies inside the store's folders: on their disks, of their owner, in no backup. It has the ring's and backup's
paths and writes to neither. A killed drill is removed by the next drill or purge.

Every other role compares the backup with the store: the ring's slot, the catalogue's digest, key files, objects, feed.
Only officers have the key to a ring, so that says nothing of what is inside.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from arlo_rec.law.log.events import BackupLookedAt, Drilled
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, Unreachable
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.records import RecordingId
from arlo_rec.machine import backup_copy, restore
from arlo_rec.machine.backup_copy import BackupSource, RestoreOptions
from arlo_rec.machine.consistency import Problem
from arlo_rec.machine.object_copy import AT_ONCE
from arlo_rec.machine.verify import verify
from arlo_rec.policy import Action, may
from arlo_rec.store import OpenOptions, open_store
from arlo_rec.vault.backends import FILE_MODE, FOLDER_MODE, is_stored
from arlo_rec.vault.backends.durable import disk, put_new
from arlo_rec.vault.backends.files import FileBlobs, file_lock
from arlo_rec.vault.backends.holders import holder_note
from arlo_rec.vault.backends.shared_folder import make_folder, names, open_file, status
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.key_files import Identity, is_own_key_file, is_seal_for
from arlo_rec.vault.keys.layout import BALLAST_BYTES, Layout
from arlo_rec.vault.keys.root_secret import StateFolder
from arlo_rec.vault.offsite import escrow, feed
from arlo_rec.vault.offsite.escrow import EscrowSlot
from arlo_rec.vault.opened import Store

ROOM_LEFT: Final = 2 * BALLAST_BYTES  # bytes that a drill leaves free: with them an erasure needs no ballast
SMALL_FILES: Final = BALLAST_BYTES + 2**20  # bytes of the copy's ballast, key files and locks


class DrillAnswer(Record, frozen=True):
    """The outcome of a drill; without an officer's key the backup was compared and not opened."""

    opened: bool
    backup: int | None  # its number; None if none could be restored
    backup_at: datetime | None
    recordings: int  # in the restored copy; in the backup, by its slot, if it was not opened
    erased_again: int | None  # since the backup; None if it was not opened
    lost: int  # recordings held now that would be missing
    damaged: int  # recordings of the backup without a whole object there
    without: tuple[RecordingId, ...]  # those of them that are held now, as far as the look found them
    passed_over: tuple[int, ...]  # newer backups that could not be used
    closed: bool  # because no feed says what was erased since
    seconds: int
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class DrillOptions:
    """A backup, its ring, and the feed (None: that of the store, if it has one)."""

    folder: Path
    escrow: Path
    feed: Path | None = None

    def into(self, place: Layout) -> RestoreOptions:
        """The same, to be restored to the throw-away copy of the store at *place*."""
        copy_of_feed = place.drill / "feed" if self.feed is not None else None
        return RestoreOptions(self.folder, self.escrow, place.drill / "store", place.drill_root, copy_of_feed)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A copy that was restored, checked and removed again."""

    slot: EscrowSlot
    restored: restore.Restored
    held: frozenset[RecordingId]
    problems: tuple[Problem, ...]


def opens(store: Store, now: datetime) -> bool:
    """Whether this identity restores backups; raises NotGranted if it may not even look after the store."""
    store.demand(Action.LOOK_AFTER, now)
    return may(store.person.role, Action.RESTORE).allowed


# -- an officer's drill ------------------------------------------------------------------------------


def rehearse(
    place: Layout,
    options: DrillOptions,
    name: str,
    unlock: Callable[[BackupSource], Identity],
    now: datetime,
    observer: Observer = unobserved,
) -> Rehearsal | ArloError:
    """Steps 1 to 5 by the officer *name*, or the error that ended them; raises InUse while another drill runs."""
    note = holder_note(name, "drill", now)
    with file_lock(place.lock_file("drill"), exclusive=True, wait=0, note=note):
        try:
            layout.remove_copy(place.drill, place.drill_root)
            return _rehearsed(place, options, unlock, now, observer)
        except ArloError as problem:
            return problem
        finally:
            layout.remove_copy(place.drill, place.drill_root)


def _rehearsed(
    place: Layout,
    options: DrillOptions,
    unlock: Callable[[BackupSource], Identity],
    now: datetime,
    observer: Observer,
) -> Rehearsal:
    into, alone = options.into(place), StateFolder(None)  # no account remembers the copy
    sources = backup_copy.find(into, now)
    _demand_room(place, options, sources[0])
    with disk():
        make_folder(place.drill, FOLDER_MODE)
    _copy_feed(place, options, into)
    used: list[tuple[BackupSource, Identity]] = []

    def unlocked(source: BackupSource) -> Identity:
        used.append((source, unlock(source)))
        return used[-1][1]

    restored = restore.carry_out(sources, into, unlocked, lambda _: None, now, alone, observer)
    source, identity = used[-1]
    with open_store(layout.find(into.store), identity, now, alone, OpenOptions(command="drill")) as copy:
        found = verify(copy, now, read_data=True, observer=observer)
        held = frozenset(recording for _, recording in copy.catalogue.inventory.held_rows(AT_ONCE))
    return Rehearsal(source.slot, restored, held, tuple(found.problems))


def _demand_room(place: Layout, options: DrillOptions, source: BackupSource) -> None:
    """Raise Unreachable if the copy would leave less than ROOM_LEFT on the disk of the store."""
    blobs, receipts = FileBlobs(options.folder / "objects"), options.folder / "receipts"
    files = [source.catalogue, source.catalogue]  # its journal, while it is encrypted anew, is as long
    files += [options.feed] if options.feed is not None else []
    with disk():
        files += [receipts / name for name in names(receipts)]
    small = sum(about.st_size for about in map(status, files) if about is not None)
    needed = SMALL_FILES + small + sum(blobs.size(name) or 0 for name in blobs.names())
    with disk():
        free = os.statvfs(place.store)
    room = free.f_bavail * free.f_frsize
    if room < needed + ROOM_LEFT:
        raise Unreachable("drill_no_room", path=str(place.store), needed=_mib(needed + ROOM_LEFT), free=_mib(room))


def _mib(count: int) -> int:
    return -(-count // 2**20)


def _copy_feed(place: Layout, options: DrillOptions, into: RestoreOptions) -> None:
    """Copy the feed, so that nothing of the copy is written into that of the store."""
    if options.feed is None or into.feed is None:
        return
    feed.demand_reachable(options.feed, place.id)
    with disk():
        handle = open_file(options.feed, os.O_RDONLY)
        try:
            put_new(into.feed, iter(lambda: os.read(handle, primitives.FEED), b""), FILE_MODE)
        finally:
            os.close(handle)


def enter(store: Store, rehearsal: Rehearsal | ArloError, begun: datetime, now: datetime) -> DrillAnswer:
    """Step 6, with what would be lost now; raises the error that ended the drill, after its entry."""
    seconds = _seconds(begun, now)
    if isinstance(rehearsal, ArloError):
        store.note(Drilled(problem=rehearsal.code, seconds=seconds), now)
        raise rehearsal
    slot, restored, held = rehearsal.slot, rehearsal.restored, rehearsal.held
    erased = int(restored.erased or 0)
    here = {recording for _, recording in store.catalogue.inventory.held_rows(AT_ONCE)}
    answer = DrillAnswer(
        opened=True,
        backup=slot.number,
        backup_at=slot.at,
        recordings=len(held),
        erased_again=erased,
        lost=len(here - held),
        damaged=max(0, slot.held - erased - len(held)),
        without=(),
        passed_over=restored.passed_over,
        closed=restored.closed,
        seconds=seconds,
        problems=list(rehearsal.problems),
    )
    store.note(
        Drilled(
            number=slot.number,
            held=answer.recordings,
            erased_again=erased,
            lost=answer.lost,
            damaged=answer.damaged,
            problems=len(answer.problems),
            seconds=seconds,
        ),
        now,
    )
    return answer


def _seconds(begun: datetime, now: datetime) -> int:
    return max(0, round((now - begun) / timedelta(seconds=1)))


# -- a look without the ring's key -----------------------------------------------------------------------


def look(
    store: Store, options: DrillOptions, clock: Callable[[], datetime], observer: Observer = unobserved
) -> DrillAnswer:
    """Compare the backup with the store, and enter that into the log; raises as `backup_copy.find`."""
    begun = clock()
    if options.feed is not None:
        feed.demand_reachable(options.feed, store.layout.id)
    source = backup_copy.find(options.into(store.layout), begun)[0]
    observer(Progress(Phase.COMPARISON))
    problems = [Problem(code, what) for code, what in _of_backup(store, source)]
    problems += [Problem(code, "feed") for code in feed.check(store, options.feed).problems]
    lost, damaged = _without_object(store, options)
    answer = DrillAnswer(
        opened=False,
        backup=source.slot.number,
        backup_at=source.slot.at,
        recordings=source.slot.held,
        erased_again=None,
        lost=lost,
        damaged=len(damaged),
        without=tuple(damaged),
        passed_over=(),
        closed=(options.feed or store.feed) is None,
        seconds=_seconds(begun, clock()),
        problems=problems,
    )
    counts = {"lost": lost, "damaged": len(damaged), "problems": len(problems), "seconds": answer.seconds}
    store.note(BackupLookedAt(number=source.slot.number, held=source.slot.held, **counts), clock())
    return answer


def _of_backup(store: Store, source: BackupSource) -> Iterator[tuple[str, str]]:
    """Codes of what is wrong with slot, catalogue, key files and seals of a backup, each with its place."""
    slot, name = source.slot, str(source.slot.number)
    if not escrow.counts(store, slot):
        yield "backup_damaged", f"slot {slot.index}"
    if not slot.sealed.keys() & escrow.holders(store):
        yield "backup_not_for_officers", f"slot {slot.index}"
    there = source.folder.parent
    if not (escrow.has_catalogue(there, slot.number) and escrow.is_file(source.catalogue, slot.catalogue)):
        yield "backup_damaged", f"{name}/{escrow.CATALOGUE}"
    place, signers = source.layout(store.layout.root), store.roster.signers().keys()
    for officer in escrow.officers(store):
        if not is_own_key_file(place, officer):
            yield "backup_file_missing", f"{name}/people/{place.key_file(officer.name).name}"
        if not is_seal_for(place, officer, signers):
            yield "backup_file_missing", f"{name}/seals/{place.seal_file(officer.name).name}"


def _without_object(store: Store, options: DrillOptions) -> tuple[int, list[RecordingId]]:
    """How many held recordings the backup lacks, those with a damaged object included; and these."""
    blobs, table = FileBlobs(options.folder / "objects"), store.catalogue.inventory
    lost, damaged = 0, list[RecordingId]()
    for beginning in range(256):
        for recording, expected in list(table.held_objects(bytes([beginning]))):
            with disk():
                is_there, is_good = blobs.size(recording.hex()) is not None, is_stored(blobs, recording.hex(), expected)
            lost += not is_good
            damaged += [recording] if is_there and not is_good else []
    return lost, damaged
