"""Places of backups: the folder and the escrow that an officer named, checked and made before a byte is copied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from arlo_rec.law.log.events import Denied, EscrowForgotten, EscrowRegistered
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import NotGranted, NothingMatched, Refused, Unreachable, Usage
from arlo_rec.law.model.times import shown
from arlo_rec.policy import RING_LONGEST, Action, GuardLimits, Role, clock_jumped
from arlo_rec.vault.backends import FILE_MODE, FOLDER_MODE, mounts
from arlo_rec.vault.backends.durable import disk, write_whole
from arlo_rec.vault.backends.ringfile import RingFile
from arlo_rec.vault.backends.shared_folder import is_plain, make_folder, read_small, status, touch
from arlo_rec.vault.catalogue.escrows import EscrowRow
from arlo_rec.vault.keys.settings import EscrowPlace
from arlo_rec.vault.offsite import escrow
from arlo_rec.vault.opened import Store

FORMAT = 1
ABOUT_BYTES = 4096  # of backup.toml; it has 80
_README = b"""A backup of an arlo-rec store: sealed recordings and copies of its catalogue. docs/operating.md says how
to restore it. It cannot be opened without the escrow folder that belongs to it.
"""


@dataclass(frozen=True, slots=True)
class BackupOptions:
    """The places of a backup, and the hours for which the ring keeps an old root secret (None: as set).

    *jump*: a service makes none where nothing was logged for longer, as its clock may be wrong.
    """

    folder: Path
    escrow: Path
    hours: int | None = None
    jump: timedelta = GuardLimits().jump

    def absolute(self) -> BackupOptions:
        """The same with absolute paths."""
        return replace(self, folder=self.folder.absolute(), escrow=self.escrow.absolute())


def warnings(store: Store, options: BackupOptions) -> list[tuple[str, dict[str, str]]]:
    """Weaknesses of these places, as codes with values."""
    options = options.absolute()
    kind = mounts.file_system(options.escrow)
    weak = [("backup.weak", {"kind": kind})] if mounts.is_weak(kind) else []
    with disk():
        device = store.layout.store.stat().st_dev
        near = [folder for folder in (options.folder, options.escrow) if folder.stat().st_dev == device]
    return weak + [("backup.same_disk", {"path": str(folder)}) for folder in near]


def check(store: Store, options: BackupOptions) -> None:
    """Raise Usage if one of the folders lies inside the other or the store, or the hours are out of bounds."""
    if options.hours is not None and not 1 <= options.hours <= RING_LONGEST // timedelta(hours=1):
        raise Usage("bad_ring_hours", most=RING_LONGEST // timedelta(hours=1))
    folders = [options.folder, options.escrow, store.layout.store, store.layout.root]
    for at, place in enumerate(folders):
        if any(place == later or place in later.parents or later in place.parents for later in folders[at + 1 :]):
            raise Usage("backup_place", path=str(options.escrow if at else options.folder))


def laid_out(store: Store, options: BackupOptions) -> RingFile:
    """The ring of a place, made with its folders if the place is new.

    Nothing is made anew where the store knows a place: a second ring would hide the first one, whose keys an erasure
    is to destroy. So a ring that was given up before it was emptied is known, too. Raises Unreachable if a known place
    is away, and Usage if a folder has other content.
    """
    for place in (options.folder, options.escrow):
        mounts.demand(place)
    ring, known = RingFile(options.escrow), store.settings.escrows
    knows_ring = options.escrow in {place.escrow for place in (*known, *escrow.lost(store))}
    if knows_ring and not ring.is_there:
        raise Unreachable("backup_unreachable", path=str(options.escrow))
    if any(place.folder == options.folder for place in known) and not is_plain(options.folder / escrow.ABOUT):
        raise Unreachable("backup_unreachable", path=str(options.folder))
    _make_folders(store, options)
    return ring if knows_ring else RingFile.create(options.escrow)


def _make_folders(store: Store, options: BackupOptions) -> None:
    folder = options.folder
    content = f'# arlo-rec backup\nformat = {FORMAT}\nid = "{store.layout.id.hex()}"\n'.encode("ascii")
    about = folder / escrow.ABOUT
    with disk():
        is_there = status(about) is not None
        if is_there and read_small(about, ABOUT_BYTES) != content:
            raise Usage("backup_of_another", path=str(folder))
        if is_there and options.escrow.is_dir():
            return
        for place in (folder, options.escrow):
            if not place.parent.is_dir():  # an unmounted disk: nothing is made in its place
                raise Usage("no_such_folder", path=str(place.parent))
            if place.exists() and any(place.iterdir()) and not (is_there or RingFile(place).is_there):
                raise Usage("already_exists", path=str(place))
        for place in (folder, options.escrow):
            make_folder(place, FOLDER_MODE)
        for place in (folder / "objects", folder / "receipts"):
            make_folder(place, FOLDER_MODE, below=folder)
        touch(folder / "lock", FILE_MODE)
    write_whole(folder / "README", _README)
    write_whole(about, content)


def register(store: Store, options: BackupOptions, now: datetime) -> EscrowRow:
    """Step 0: from now on every purge empties that ring; in an officer's change, if one is needed."""
    if not _is_named(store, options):
        place = EscrowPlace(options.escrow, options.folder)
        with store.change(now) as change:
            store.put(store.settings.with_escrow(place, options.hours))
            store.catalogue.escrows.register(options.escrow, options.folder)
            hours = store.settings.ring_hours
            change.log(EscrowRegistered(escrow=str(options.escrow), folder=str(options.folder), ring_hours=hours))
    return next(row for row in escrow.registered(store) if row.escrow == options.escrow)


class PlaceForgotten(Record, frozen=True):
    """A place of backups that was given up; `emptied`: its ring opens nothing any more."""

    folder: Path
    escrow: Path
    emptied: bool


def forget(store: Store, named: Path, now: datetime) -> PlaceForgotten:
    """Give up the place whose folder or escrow is named: its ring is emptied where it can be, and no job asks for it.

    A ring that could not be emptied stays in the catalogue, so that receipts go on counting with it. Named once more,
    the officer says that it is destroyed. Raises NotGranted for anyone but an officer, and NothingMatched.
    """
    store.demand(Action.BACKUP, now)
    if store.person.role is not Role.OFFICER:
        store.note(Denied(action=Action.BACKUP, rule="access.officer", code="escrow_not_named"), now)
        raise NotGranted("escrow_not_named", rule="access.officer", path=str(named))
    path = named.absolute()
    named_places = (*store.settings.escrows, *escrow.lost(store))
    place = next((each for each in named_places if path in (each.folder, each.escrow)), None)
    if place is None:
        raise NothingMatched("no_such_place", path=str(path))
    was_lost = place not in store.settings.escrows
    emptied = not was_lost and escrow.empty(store, place.escrow)
    with store.change(now) as change:
        if not was_lost:
            store.put(store.settings.without_escrow(place))
        if was_lost or emptied:
            store.catalogue.escrows.forget(place.escrow)
        change.log(EscrowForgotten(escrow=str(place.escrow), folder=str(place.folder), emptied=emptied))
    return PlaceForgotten(place.folder, place.escrow, emptied)


def _is_named(store: Store, options: BackupOptions) -> bool:
    """Whether an officer named these places and hours before."""
    known = EscrowPlace(options.escrow, options.folder) in store.settings.escrows
    return known and options.hours in (None, store.settings.ring_hours)


def demand_clock(store: Store, options: BackupOptions, now: datetime) -> None:
    """Raise Refused for a service whose clock may be ahead: a backup would date the log, and close the store.

    Nothing is logged of it, for the same reason.
    """
    newest = store.clock.get().newest.at
    if store.person.role is not Role.OFFICER and not clock_jumped(now, newest, options.jump).allowed:
        raise Refused("clock_ahead", rule="retention.90d", at=shown(newest))


def demand_named(store: Store, options: BackupOptions, now: datetime) -> None:
    """Raise NotGranted, after its log entry, if only an officer may name these places; Usage for a taken folder."""
    places = store.settings.escrows
    if any(place.folder == options.folder and place.escrow != options.escrow for place in places):
        raise Usage("backup_folder_taken", path=str(options.folder))
    if store.person.role is not Role.OFFICER and not _is_named(store, options):
        store.note(Denied(action=Action.BACKUP, rule="access.officer", code="escrow_not_named"), now)
        raise NotGranted("escrow_not_named", rule="access.officer", path=str(options.escrow))
