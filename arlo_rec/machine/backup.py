"""A backup: the catalogue and the sealed objects in one place, the root secret that opens them in another, for a day.

    0  the ring's old slots emptied; the escrow registered, so that every purge empties it from now on
    1  a view of the catalogue and R of its generation, taken together under the root's lock
    2  that view copied to FOLDER/<number>, with key files and seals          a crash: a folder that no slot names
    3  every missing held object copied, checked against the catalogue        a crash: the next run goes on
    4  one slot of the ring, the oldest, overwritten                          from now on this backup can be opened
    5  the backup entered into the catalogue and the log
    6  catalogues that no slot names, and objects that are no longer held, removed

For an unchanged store only steps 4 and 5 are done, with the new time. There is one copy of each object for all
catalogues of the ring: an erased object is gone from here at the next run, whatever an older catalogue says.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.events import BackupMade
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.records import RecordingId
from arlo_rec.machine import backup_places as places
from arlo_rec.machine.backup_places import BackupOptions, PlaceForgotten
from arlo_rec.machine.object_copy import MANY, BlobCopier, Copiers, ObjectCopier, Wanted, in_portions
from arlo_rec.policy import Action
from arlo_rec.sound.processes.workers import workers
from arlo_rec.vault.backends import FILE_MODE, FOLDER_MODE, Expected, shared_folder
from arlo_rec.vault.backends.durable import disk, put_new, rename, sync_folder
from arlo_rec.vault.backends.files import FileBlobs, file_lock
from arlo_rec.vault.backends.ringfile import RING_SLOTS, RingFile
from arlo_rec.vault.backends.shared_folder import is_plain, open_file, read_small, remove_tree, status, touch
from arlo_rec.vault.catalogue.erasure_keys import ErasureKeys
from arlo_rec.vault.catalogue.escrows import EscrowRow
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.root_secret import SecretKey
from arlo_rec.vault.offsite import escrow
from arlo_rec.vault.offsite.escrow import EscrowSlot
from arlo_rec.vault.opened import HeldRoot, Store

SMALL_LONGEST = 64 * 1024 * 1024  # bytes of a file beside a catalogue: a receipt of a million recordings has 35 MB
NUMBER = re.compile(r"[0-9]{1,18}")  # of a backup and its folder
BESIDE = ("people", "seals")  # folders needed to open a catalogue


class Backup(Record, frozen=True):
    """A backup that can be restored until `until`, unless a newer one replaces it."""

    number: int
    at: datetime
    until: datetime
    held: int
    copied: int
    removed: int
    changed: bool  # since the last backup
    damaged: tuple[RecordingId, ...]  # objects that differ from the catalogue, and were not copied


class BackupAnswer(Record, frozen=True):
    """A backup with sentences about its places; or the place that was given up, alone."""

    number: int | UnsetType = UNSET
    at: datetime | UnsetType = UNSET
    until: datetime | UnsetType = UNSET
    held: int | UnsetType = UNSET
    copied: int | UnsetType = UNSET
    removed: int | UnsetType = UNSET
    changed: bool | UnsetType = UNSET
    damaged: tuple[RecordingId, ...] | UnsetType = UNSET
    warnings: list[str] | UnsetType = UNSET
    forgotten: PlaceForgotten | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class _Run:
    """A run with the locks of the backup's folder and of the ring."""

    store: Store
    row: EscrowRow
    ring: RingFile
    slots: list[EscrowSlot]  # openable ones, the newest first
    now: datetime


@dataclass(frozen=True, slots=True)
class _CatalogueCopy:
    """A copied catalogue: R of its generation, the R that opens it, its number of recordings, and of changes."""

    root: HeldRoot
    secret: bytes = field(repr=False)
    held: int
    changes: int


def carry_out(
    store: Store,
    options: BackupOptions,
    now: datetime,
    observer: Observer = unobserved,
) -> Backup:
    """Back the store up; raises NotGranted, Usage (bad places), InUse or Unreachable."""
    store.demand(Action.BACKUP, now)
    places.demand_clock(store, options, now)
    now, options = store.clock.today(now), options.absolute()
    places.check(store, options)
    places.demand_named(store, options, now)
    ring = places.laid_out(store, options)
    with ExitStack() as locks:
        locks.enter_context(file_lock(options.folder / "lock", exclusive=True, wait=store.lock_wait))
        locks.enter_context(ring.lock(store.lock_wait))
        row = places.register(store, options, now)
        escrow.empty_old_slots(store, ring, now)
        run = _Run(store, row, ring, escrow.slots(store.layout.id, ring.read()), now)
        return _renew(run) or _make(run, observer)


def _renew(run: _Run) -> Backup | None:
    """For an unchanged store, the newest backup with a new time; None if it is not up to date."""
    store, row = run.store, run.row
    changes = store.meta.number("changes")
    newest = run.slots[0] if run.slots else None
    if newest is None or newest.number != row.number or row.changes != changes:
        return None
    if not _is_last_entry(store, newest.number):
        return None
    if not escrow.has_catalogue(row.folder, newest.number):
        return None
    if not escrow.is_file(row.folder / str(newest.number) / escrow.CATALOGUE, newest.catalogue):
        return None  # damaged
    if escrow.holders(store) != newest.sealed.keys():
        return None
    with store.root.lock(exclusive=False, wait=store.lock_wait):
        root = store.read_root()
    if root.generation != newest.generation or not isinstance(root.key, SecretKey):
        return None  # an R that was replaced, or of that copy alone, gets no new time
    renewed = _write(run, replace(newest, at=run.now), root.key.secret)
    _enter(run, renewed, changes, BackupMade(number=renewed.number, held=renewed.held))
    until = run.now + escrow.ring_duration(store)
    return Backup(renewed.number, run.now, until, renewed.held, 0, 0, changed=False, damaged=())


def _is_last_entry(store: Store, number: int) -> bool:
    """Whether the log ends with a backup of that number."""
    last = store.log.tree().size - 1
    entry = store.log.entries.get(last)
    event = entry.event if entry is not None else None
    return isinstance(event, BackupMade) and event.number == number


def _make(run: _Run, observer: Observer) -> Backup:
    """Steps 1 to 6."""
    store = run.store
    objects, is_large = run.row.folder / "objects", store.catalogue.search.count_held() > MANY
    copying: AbstractContextManager[Copiers]
    if isinstance(store.blobs, FileBlobs):
        copying = workers(ObjectCopier(store.layout.objects, objects).begin, forked=is_large)
    else:
        copying = workers(BlobCopier(store.blobs, FileBlobs(objects)).begin, forked=False)
    with copying as copiers:
        return _made(run, copiers, observer)


def _made(run: _Run, copiers: Copiers, observer: Observer) -> Backup:
    store, folder = run.store, run.row.folder
    number = max([_numbered(run), *(slot.number for slot in run.slots)]) + 1
    observer(Progress(Phase.CATALOGUE_COPY))
    copy = _copy_catalogue(store, folder, number)
    copied, damaged = _copy_objects(store, folder, copiers, observer)
    slot = _write(run, _slot(run, number, copy), copy.secret)
    event = BackupMade(number=number, held=copy.held, copied=copied, damaged=len(damaged))
    _enter(run, slot, copy.changes, event)
    named = {slot.number for slot in escrow.slots(store.layout.id, run.ring.read())}
    removed = _remove_old(store, folder, named)
    until = run.now + escrow.ring_duration(store)
    return Backup(number, run.now, until, copy.held, copied, removed, changed=True, damaged=damaged)


def _numbered(run: _Run) -> int:
    """The number of the newest backup by its unprotected row; 0 if the log has fewer entries."""
    return run.row.number if 0 <= run.row.number <= run.store.log.tree().size else 0


def _slot(run: _Run, number: int, copy: _CatalogueCopy) -> EscrowSlot:
    """The slot of a backup, in place of an empty one or the oldest."""
    root = copy.root
    taken = {slot.index for slot in run.slots}
    free = (index for index in range(RING_SLOTS) if index not in taken)
    return EscrowSlot(
        index=next(free, run.slots[-1].index if run.slots else 0),
        number=number,
        generation=root.generation,
        seed_version=root.seed_version,
        at=run.now,
        hours=run.store.settings.ring_hours,
        held=copy.held,
        catalogue=escrow.file_digest(run.row.folder / str(number) / escrow.CATALOGUE),
        sealed={},
    )


def _write(run: _Run, slot: EscrowSlot, secret: bytes) -> EscrowSlot:
    """Step 4: the signed slot with R, as read back from the ring; raises Unreachable if it is missing there."""
    store = run.store
    officers = escrow.officers(store)[: escrow.OFFICERS_MOST]
    whole = escrow.seal(store.layout.id, slot, secret, officers, store.identity.signing)
    run.ring.write(whole.index, escrow.encode(store.layout.id, whole))
    if whole not in escrow.slots(store.layout.id, run.ring.read()):
        raise Unreachable("ring_damaged", path=str(run.row.escrow))
    return whole


def _enter(run: _Run, slot: EscrowSlot, changes: int, event: BackupMade) -> None:
    """Step 5; *changes* is the number that the backup has.

    This change itself is not missing from the backup; others made meanwhile are.
    """
    with run.store.change(run.now) as change:
        run.store.catalogue.escrows.enter(run.row.escrow, slot.number, changes + 1, slot.at)
        change.log(event)


# -- the catalogue ------------------------------------------------------------------------------------


def _copy_catalogue(store: Store, folder: Path, number: int) -> _CatalogueCopy:
    """Steps 1 and 2: the view of the catalogue, copied, and the R below which it is wrapped.

    The roster is that of the view too: a person removed while this run waited gets no R.
    """
    part = folder / f"{number}.part"
    with disk():
        remove_tree(part, below=folder)
        shared_folder.make_folder(part, FOLDER_MODE, below=folder)
        touch(part / escrow.CATALOGUE, FILE_MODE, below=folder)
    with ExitStack() as view:
        with store.root.lock(exclusive=False, wait=store.lock_wait):
            view.enter_context(store.db.reading())
            store.load_documents()
            root = store.read_root()
            secret, days = _secret_of_copy(store, root)
            changes = store.meta.number("changes")
        held = store.catalogue.search.count_held()
        from arlo_rec.vault.catalogue.copying import copy  # here: other commands make no tables

        put_days = partial(ErasureKeys.put_days, wrapped=days) if days else None
        store.db.copy_to(part / escrow.CATALOGUE, copy, put_days)
        for name in BESIDE:
            _copy_small(store, name, part / name, below=folder)
    with disk():
        _sync(part / escrow.CATALOGUE, below=folder)
        sync_folder(part, below=folder)
        remove_tree(folder / str(number), below=folder)  # of a run that did not reach its slot
        rename(part, folder / str(number), below=folder)
        sync_folder(folder)
    return _CatalogueCopy(root, secret, held, changes)


def _secret_of_copy(store: Store, root: HeldRoot) -> tuple[bytes, dict[int, bytes]]:
    """The R that opens a copy of the catalogue, and days' keys to be put into the copy.

    An R that never leaves its keeper goes into no ring: the copy gets one of its own.
    """
    if isinstance(root.key, SecretKey):
        return root.key.secret, {}
    own = SecretKey(primitives.fresh())
    return own.secret, store.catalogue.erasure_keys(root.key).days_below(own)


def _copy_small(store: Store, name: str, target: Path, *, below: Path) -> None:
    """Copy every whole file of a folder of the store that *target*, a folder of the backup *below*, lacks."""
    here, source = store.layout.store, store.layout.store / name
    with disk():
        shared_folder.make_folder(target, FOLDER_MODE, below=below)
        for file in (source / file for file in shared_folder.names(source, below=here) if not file.startswith(".")):
            if is_plain(file, below=here) and status(target / file.name, below=below) is None:
                content = read_small(file, SMALL_LONGEST, below=here)
                put_new(target / file.name, [content], FILE_MODE, below=below)
        sync_folder(target, below=below)


def _sync(path: Path, *, below: Path) -> None:
    handle = open_file(path, os.O_RDONLY, below=below)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# -- objects ------------------------------------------------------------------------------------------


def _copy_objects(
    store: Store, folder: Path, copiers: Copiers, observer: Observer
) -> tuple[int, tuple[RecordingId, ...]]:
    """Step 3: the number of copied objects, and the damaged ones; raises Unreachable."""
    blobs = FileBlobs(folder / "objects")
    count = max(0, store.catalogue.search.count_held() - sum(1 for _ in blobs.names()))
    copied, bad = 0, list[RecordingId]()
    portions = deque[int]()

    def missing() -> Iterator[Wanted]:
        for portion in in_portions(_missing(store, blobs)):
            portions.append(len(portion.objects))
            yield portion

    observer(Progress(Phase.OBJECT_COPY, 0, count))
    for damaged in copiers.map(missing()):
        bad += (RecordingId(bytes.fromhex(name)) for name in damaged)
        copied += portions.popleft() - len(damaged)
        observer(Progress(Phase.OBJECT_COPY, min(copied, count), count))
    _copy_small(store, "receipts", folder / "receipts", below=folder)
    still_held = (recording.id for _, recording in store.catalogue.search.held_among(bad))
    return copied, tuple(still_held)


def _missing(store: Store, blobs: FileBlobs) -> Iterator[tuple[RecordingId, Expected]]:
    """The held recordings without an object in the backup, by id, each with what its object must hold."""
    for beginning in range(256):
        there = frozenset(blobs.names(f"{beginning:02x}"))
        held = store.catalogue.inventory.held_objects(bytes([beginning]))
        yield from ((recording, expected) for recording, expected in held if recording.hex() not in there)


def _remove_old(store: Store, folder: Path, named: set[int]) -> int:
    """Step 6; *named* are the numbers of the backups in the ring. Returns the number of removed objects."""
    not_held = store.catalogue.inventory.not_held().keys()
    blobs, removed = FileBlobs(folder / "objects"), 0
    for beginning in range(256):
        names = set(blobs.names(f"{beginning:02x}"))
        ids = store.catalogue.inventory.ids(bytes([beginning])) - not_held if names else set()
        going = names - {recording.hex() for recording in ids}
        for name in sorted(going):
            blobs.delete(name)
        if going:
            blobs.settle(going)
        removed += len(going)
    with disk():
        for name in shared_folder.names(folder, below=folder):
            number = name.removesuffix(".part")
            if NUMBER.fullmatch(number) and (name != number or int(number) not in named):
                remove_tree(folder / name, below=folder)
        sync_folder(folder)
    return removed
