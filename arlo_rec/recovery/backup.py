"""A backup: the catalogue and the sealed objects in one place, the root secret that opens them in another, for a day.

    0  the ring's old slots emptied; the escrow made known to the store, so that every purge empties it from now on
    1  a view of the catalogue and R of its generation, taken together under the root's lock
    2  that view copied to FOLDER/<number>, with key files and seals          a crash: a folder that no slot names
    3  every held object that is not there yet, checked against the catalogue a crash: the next run goes on
    4  one slot of the ring, the oldest, overwritten                          from now on this backup can be opened
    5  the backup entered into the catalogue and the log
    6  catalogues that no slot names, and objects that are held no longer, removed

Of a store in which nothing changed only step 4 is done, with the new time. There is one copy of each object for all
catalogues of the ring: an object that was erased is gone from here at the next run, whatever an older catalogue says.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from arlo_rec.backends.durable import disk, put_new, sync_folder, write_whole
from arlo_rec.backends.files import FileBlobs, file_lock, file_system, is_weak
from arlo_rec.backends.ringfile import RING_SLOTS, RingFile
from arlo_rec.crypto import primitives
from arlo_rec.keys import layout
from arlo_rec.model.errors import Usage
from arlo_rec.model.records import Person, Recording, RecordingId, to_micros
from arlo_rec.offsite import escrow, escrow_slot
from arlo_rec.offsite.escrow_slot import Kept
from arlo_rec.policy import RING_LONGEST, Action, Role
from arlo_rec.store import HeldRoot, Store

FORMAT = 1
AT_ONCE = 256  # objects copied before they are synced together
BESIDE = ("people", "seals")  # what a catalogue is opened with
_README = b"""A backup of an arlo-rec store: sealed recordings and copies of its catalogue. docs/operating.md says how
to restore it. It cannot be opened without the escrow folder that belongs to it.
"""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Where to, and for how long the ring keeps an old root (None: as it is set)."""

    folder: Path
    escrow: Path
    hours: int | None = None


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that can be restored until `until`, unless a newer one takes its place."""

    number: int
    at: datetime
    until: datetime
    held: int
    copied: int
    removed: int
    changed: bool  # whether the store had changed since the last
    damaged: tuple[RecordingId, ...]  # objects that are not what the catalogue says, and were not copied


def carry_out(
    store: Store, wishes: Wishes, now: datetime, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Backup:
    """Back the store up; raises NotGranted, Usage (places that are no good), InUse or Unreachable."""
    store.demand(Action.BACKUP, now)
    now = store.today(now)
    folder, ring_folder = _places(store, wishes)
    _lay_out(store, folder, ring_folder)
    with ExitStack() as alone:
        alone.enter_context(file_lock(folder / "lock", exclusive=True, wait=store.lock_wait))
        file = RingFile.create(ring_folder, group=store.place.group)
        alone.enter_context(file.lock(store.lock_wait))
        known = _register(store, folder, ring_folder, wishes.hours, now)
        escrow.forget_old(store, file, now)
        kept = escrow.slots(store.place.id, file.read())
        return _again(store, known, file, kept, now) or _anew(store, known, file, kept, now, progress)


def warnings(store: Store, wishes: Wishes) -> list[tuple[str, dict[str, str]]]:
    """What is weak about these places, as codes with their values."""
    folder, ring_folder = wishes.folder.absolute(), wishes.escrow.absolute()
    kind = file_system(ring_folder)
    found = [("backup.weak", {"kind": kind})] if is_weak(kind) else []
    with disk():
        ours = store.place.store.stat().st_dev
        near = [one for one in (folder, ring_folder) if one.stat().st_dev == ours]
    found += [("backup.same_disk", {"path": str(one)}) for one in near]
    return found


def _places(store: Store, wishes: Wishes) -> tuple[Path, Path]:
    """Both folders, absolute; none inside another, nor in the store. Raises Usage."""
    folder, ring_folder = wishes.folder.absolute(), wishes.escrow.absolute()
    if wishes.hours is not None and not 1 <= wishes.hours <= RING_LONGEST // timedelta(hours=1):
        raise Usage("bad_ring_hours", most=RING_LONGEST // timedelta(hours=1))
    ours = [folder, ring_folder, store.place.store, store.place.root]
    for at, one in enumerate(ours):
        if any(one == other or one in other.parents or other in one.parents for other in ours[at + 1 :]):
            raise Usage("backup_place", path=str(folder if at else ring_folder))
    return folder, ring_folder


def _lay_out(store: Store, folder: Path, ring_folder: Path) -> None:
    """The folders, where they are not there yet; raises Usage where they are of something else."""
    told = f'# arlo-rec backup\nformat = {FORMAT}\nid = "{store.place.id.hex()}"\n'.encode("ascii")
    about = folder / "backup.toml"
    with disk():
        if about.exists() and about.read_bytes() != told:
            raise Usage("backup_of_another", path=str(folder))
        if about.exists() and ring_folder.is_dir():
            return
        for one in (folder, ring_folder):
            if one.exists() and any(one.iterdir()) and not (about.exists() or (one / "ring").exists()):
                raise Usage("already_exists", path=str(one))
        group = store.place.store.stat().st_gid if store.place.group else None
        for one in (folder, ring_folder, folder / "objects", folder / "receipts"):
            layout.make_folder(one, group)
        (folder / "lock").touch(mode=store.place.file_mode)
        (folder / "lock").chmod(store.place.file_mode)
    write_whole(folder / "README", _README, mode=store.place.file_mode)
    write_whole(about, told, mode=store.place.file_mode)


def _register(store: Store, folder: Path, ring_folder: Path, hours: int | None, now: datetime) -> escrow.Known:
    """Step 0: from now on every purge empties that ring."""
    found = [one for one in escrow.known(store) if one.escrow == ring_folder]
    if any(one.folder == folder and one.escrow != ring_folder for one in escrow.known(store)):
        raise Usage("backup_folder_taken", path=str(folder))
    right = found and found[0].folder == folder and hours in (None, store.number("ring_hours"))
    if right:
        return found[0]
    with store.change(now) as change:
        store.db.run(
            "INSERT INTO escrows (path, folder, number, changes, at) VALUES (?, ?, 0, -1, 0) "
            "ON CONFLICT (path) DO UPDATE SET folder = excluded.folder, changes = -1",
            (str(ring_folder), str(folder)),
        )
        if hours is not None:
            store.set_number("ring_hours", hours)
        told = {"escrow": str(ring_folder), "folder": str(folder), "ring_hours": store.number("ring_hours")}
        change.log(store.entry(Action.BACKUP, "allowed", "access.secure", now, **told))
    return next(one for one in escrow.known(store) if one.escrow == ring_folder)


def _again(store: Store, known: escrow.Known, file: RingFile, kept: list[Kept], now: datetime) -> Backup | None:
    """A store in which nothing happened: its newest backup is as good as a new one. None where there is none."""
    newest, changes = kept[0] if kept else None, store.number("changes")
    same = newest is not None and newest.number == known.number and known.changes == changes
    if newest is None or not same or not (known.folder / str(newest.number) / escrow.CATALOGUE).is_file():
        return None
    if {primitives.fingerprint(one.seal_key) for one in _officers(store)} != newest.sealed.keys():
        return None
    file.write(newest.slot, escrow_slot.encode(store.place.id, replace(newest, at=now)))
    _enter(store, known, replace(newest, at=now), now, changes, {"held": newest.held})
    return Backup(newest.number, now, now + escrow.hours(store), newest.held, 0, 0, changed=False, damaged=())


def _anew(
    store: Store,
    known: escrow.Known,
    file: RingFile,
    kept: list[Kept],
    now: datetime,
    progress: Callable[[int, int], None],
) -> Backup:
    number = max([known.number, *(one.number for one in kept)]) + 1
    held, count, changes = _copy_catalogue(store, known.folder, number)
    copied, damaged = _copy_objects(store, known.folder, progress)
    sealed = escrow_slot.seal(
        store.place.id, number, held.generation, held.secret, _officers(store)[: escrow_slot.OFFICERS_MOST]
    )
    digest = escrow.digest(known.folder / str(number) / escrow.CATALOGUE)
    hours = store.number("ring_hours")
    new = Kept(_free(kept), number, held.generation, held.seed_version, now, hours, count, digest, sealed)
    file.write(new.slot, escrow_slot.encode(store.place.id, new))
    told = {"held": count, "copied": copied, "damaged": len(damaged)}
    _enter(store, known, new, now, changes, told)
    named = {one.number for one in escrow.slots(store.place.id, file.read())}
    removed = _forget(store, known.folder, named)
    return Backup(number, now, now + escrow.hours(store), told["held"], copied, removed, True, damaged)  # noqa: FBT003


def _officers(store: Store) -> list[Person]:
    return [one for one in store.roster.people if one.role is Role.OFFICER]


def _free(kept: list[Kept]) -> int:
    """An empty slot, or that of the oldest."""
    taken = {one.slot for one in kept}
    return next((slot for slot in range(RING_SLOTS) if slot not in taken), kept[-1].slot if kept else 0)


def _enter(store: Store, known: escrow.Known, kept: Kept, now: datetime, changes: int, told: dict[str, int]) -> None:
    """Step 5. What this changes itself is no change that a backup of *changes* lacks; what others did meanwhile is."""
    with store.change(now) as change:
        store.db.run(
            "UPDATE escrows SET number = ?, changes = ?, at = ? WHERE path = ?",
            (kept.number, changes + 1, to_micros(kept.at), str(known.escrow)),
        )
        change.log(store.entry(Action.BACKUP, "done", "access.secure", now, number=kept.number, **told))


# -- the catalogue ------------------------------------------------------------------------------------


def _copy_catalogue(store: Store, folder: Path, number: int) -> tuple[HeldRoot, int, int]:
    """Steps 1 and 2: R and the view of the catalogue that hangs from it, with how much it holds and has seen.

    The roster is that of the view, too: who was removed while this run waited gets no R.
    """
    part = folder / f"{number}.part"
    with disk():
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
    with ExitStack() as view:
        with store.root.lock(exclusive=False, wait=store.lock_wait):
            view.enter_context(store.reading())
            store.load_documents()
            held = store.read_root()
            changes = store.number("changes")
        count = store.catalogue.count("state = 'held'")
        store.db.copy_to(part / escrow.CATALOGUE)
        for beside in BESIDE:
            _copy_small(store.place.store / beside, part / beside, store.place.file_mode)
    with disk():
        (part / escrow.CATALOGUE).chmod(store.place.file_mode)
        _sync(part / escrow.CATALOGUE)
        sync_folder(part)
        shutil.rmtree(folder / str(number), ignore_errors=True)  # of a run that did not come to its slot
        part.rename(folder / str(number))
        sync_folder(folder)
    return held, count, changes


def _copy_small(source: Path, target: Path, mode: int) -> None:
    """Every whole file of a folder that is not there yet."""
    with disk():
        target.mkdir(exist_ok=True)
        for one in sorted(source.iterdir()):
            if one.is_file() and not one.name.startswith(".") and not (target / one.name).exists():
                put_new(target / one.name, [one.read_bytes()], mode)
        sync_folder(target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# -- objects ------------------------------------------------------------------------------------------


def _copy_objects(
    store: Store, folder: Path, progress: Callable[[int, int], None]
) -> tuple[int, tuple[RecordingId, ...]]:
    """Step 3: how many were copied, and which are damaged; raises Unreachable."""
    blobs = FileBlobs(folder / "objects", group=store.place.group)
    missing = list(_missing(store, blobs))
    damaged: list[RecordingId] = []
    for at in range(0, len(missing), AT_ONCE):
        put = []
        for _, one in store.catalogue.held_among(missing[at : at + AT_ONCE]):
            if _copy_object(store, blobs, one):
                put.append(one.id.hex())
            else:
                damaged.append(one.id)
        blobs.settle(put)
        progress(min(at + AT_ONCE, len(missing)), len(missing))
    _copy_small(store.place.receipts, folder / "receipts", store.place.file_mode)
    return len(missing) - len(damaged), tuple(_still_held(store, damaged))


def _missing(store: Store, blobs: FileBlobs) -> Iterator[RecordingId]:
    others = store.catalogue.ids_not_held().keys()
    for beginning in range(256):
        held = store.catalogue.ids(bytes([beginning])) - others
        there = {RecordingId(bytes.fromhex(name)) for name in blobs.names(f"{beginning:02x}")} if held else set()
        yield from sorted(held - there)


def _copy_object(store: Store, blobs: FileBlobs, one: Recording) -> bool:
    """Copy a sealed object, byte for byte what the catalogue says; False where it is not."""
    name, digest = one.id.hex(), hashlib.sha256()

    def pieces(stream: BinaryIO) -> Iterator[bytes]:
        while piece := stream.read(primitives.FEED):
            digest.update(piece)
            yield piece

    try:
        with store.blobs.open(name) as stream:
            blobs.put(name, pieces(stream))
    except KeyError:
        return False
    if digest.digest() != one.object_sha256:
        blobs.delete(name)
        return False
    return True


def _still_held(store: Store, recordings: list[RecordingId]) -> Iterator[RecordingId]:
    """Those that nobody erased meanwhile."""
    yield from (one.id for _, one in store.catalogue.held_among(recordings))


def _forget(store: Store, folder: Path, named: set[int]) -> int:
    """Step 6: how many objects were removed."""
    others = store.catalogue.ids_not_held().keys()
    blobs, removed = FileBlobs(folder / "objects", group=store.place.group), 0
    for beginning in range(256):
        names = set(blobs.names(f"{beginning:02x}"))
        held = {one.hex() for one in store.catalogue.ids(bytes([beginning])) - others} if names else set()
        for name in sorted(names - held):
            blobs.delete(name)
            removed += 1
        if names - held:
            blobs.settle(names - held)
    with disk():
        for one in folder.iterdir():
            number = one.name.removesuffix(".part")
            if one.is_dir() and number.isdigit() and (one.suffix or int(number) not in named):
                shutil.rmtree(one)
        sync_folder(folder)
    return removed
