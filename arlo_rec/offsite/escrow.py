"""The escrows of a store: rings of slots that keep old root secrets (R) for some hours, and are emptied in time.

Whoever has a slot, an officer's key and the catalogue copy that belongs to it can open what was erased since. So a
purge empties every slot that is older than the ring's hours, `statuses` says where that failed, and a receipt names
the hour after which no ring holds the old R any more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from arlo_rec.backends.durable import disk
from arlo_rec.backends.ringfile import RingFile
from arlo_rec.backends.shared_folder import is_plain, open_file
from arlo_rec.catalogue.escrows import EscrowRow
from arlo_rec.crypto import primitives
from arlo_rec.model.errors import ArloError
from arlo_rec.model.records import Person
from arlo_rec.offsite import escrow_slot
from arlo_rec.offsite.escrow_slot import EscrowSlot
from arlo_rec.policy import Action, Role, may
from arlo_rec.store import Store

CATALOGUE = "catalogue.db"  # the name of the copy in a backup's folder
AHEAD = timedelta(minutes=5)  # by which the clocks of two machines may differ
GRACE = timedelta(hours=2)  # a purge runs hourly; after two missed runs a slot counts as not emptied


class BackupStatus(NamedTuple):
    """Whether a backup can be relied on; `problem` is a code, or None where it can."""

    row: EscrowRow
    newest: datetime | None  # of the backups that can be opened
    problem: str | None


def registered(store: Store) -> list[EscrowRow]:
    """The escrows that an officer named, in the order of their paths, with what the catalogue knows of their backups.

    No other path is opened, whatever a row says.
    """
    rows = {(row.escrow, row.folder): row for row in store.catalogue.escrows.every()}
    places = sorted((place.escrow, place.folder) for place in store.settings.escrows)
    return [rows.get(place) or EscrowRow.never(*place) for place in places]


def ring_duration(store: Store) -> timedelta:
    """How long a ring keeps an old R."""
    return timedelta(hours=store.settings.ring_hours)


def until(store: Store, erased_at: datetime) -> datetime | None:
    """When the last slot with an R that was replaced at *erased_at* is emptied; None where there is no backup."""
    return erased_at + ring_duration(store) if store.settings.escrows else None


def slots(store_id: bytes, contents: Sequence[bytes]) -> list[EscrowSlot]:
    """The slots of a ring that can be opened, the newest first."""
    readable = [slot for i, content in enumerate(contents) if (slot := escrow_slot.decode(store_id, i, content))]
    return sorted(readable, key=lambda slot: (slot.number, slot.at), reverse=True)


def expire(store: Store, now: datetime) -> list[str]:
    """Empty every slot that is older than its ring's hours; the paths of the escrows where that failed."""
    failed = []
    for row in registered(store):
        ring = RingFile(row.escrow)
        try:
            with ring.lock(store.lock_wait):
                empty_old_slots(store, ring, now)
        except ArloError:
            failed.append(str(row.escrow))
    return failed


def empty_old_slots(store: Store, ring: RingFile, now: datetime) -> None:
    """Empty slots that are too old, that a fast clock dated ahead, or that are torn; the caller holds the ring's lock.

    Raises Unreachable.
    """
    for index, content in enumerate(ring.read()):
        slot = escrow_slot.decode(store.layout.id, index, content)
        if not escrow_slot.is_empty(content) and (slot is None or not _may_stay(store, slot, now)):
            ring.write(index, b"")


def _may_stay(store: Store, slot: EscrowSlot, now: datetime, grace: timedelta = timedelta()) -> bool:
    """Whether a slot is in its time: the hours that it was written with or those set today, whichever is shorter.

    One that nobody signed who makes backups today has none, nor one that somebody could open who is no officer today.
    """
    if not counts(store, slot) or not slot.sealed.keys() <= holders(store):
        return False
    duration = min(timedelta(hours=slot.hours), ring_duration(store))
    return slot.at <= now + AHEAD and now < slot.at + duration + grace


def counts(store: Store, slot: EscrowSlot) -> bool:
    """Whether somebody on the roster who makes backups signed a slot: other people can write into a ring's folder."""
    makers = (person.sign_key for person in store.roster.people if may(person.role, Action.BACKUP).allowed)
    return escrow_slot.is_signed(store.layout.id, slot, makers)


def statuses(store: Store, now: datetime) -> Iterator[BackupStatus]:
    """Of each escrow, whether its backup can be relied on at *now*."""
    for row in registered(store):
        try:
            contents = RingFile(row.escrow).read()
        except ArloError:
            yield BackupStatus(row, None, "escrow_unreachable")
            continue
        yield _status(store, row, contents, now)


def _status(store: Store, row: EscrowRow, contents: Sequence[bytes], now: datetime) -> BackupStatus:
    readable = slots(store.layout.id, contents)
    has_torn = sum(not escrow_slot.is_empty(content) for content in contents) > len(readable)
    usable = [slot for slot in readable if has_catalogue(row.folder, slot.number)]
    newest = max(usable, key=lambda slot: slot.at, default=None)
    problem = None
    if has_torn or not all(_may_stay(store, slot, now, GRACE) for slot in readable):
        problem = "ring_not_emptied"
    elif newest is None and _officer_left_since(store, now - ring_duration(store)):
        problem = "backup_void"
    elif newest is None or newest.at < now - ring_duration(store) / 2:
        problem = "backup_old"
    elif not holders(store) & newest.sealed.keys():
        problem = "backup_not_for_officers"
    return BackupStatus(row, newest.at if newest else None, problem)


def _officer_left_since(store: Store, at: datetime) -> bool:
    left = (person.left_at for person in store.roster.former if person.role is Role.OFFICER)
    return any(time is not None and time >= at for time in left)


def officers(store: Store) -> list[Person]:
    """Everybody to whom a backup's R is sealed: the officers of today, the recovery identity included."""
    return [person for person in store.roster.people if person.role is Role.OFFICER]


def holders(store: Store) -> set[bytes]:
    """The same, as slots name them: by the fingerprints of their public keys."""
    return {primitives.fingerprint(officer.seal_key) for officer in officers(store)}


def has_catalogue(folder: Path, number: int) -> bool:
    """Whether a backup's folder has the copy of the catalogue of that number."""
    return is_plain(folder / str(number) / CATALOGUE, below=folder)


def file_digest(path: Path) -> bytes:
    """BLAKE3 of a file in a folder of a backup; raises Unreachable."""
    with disk(), os.fdopen(open_file(path, os.O_RDONLY, below=path.parents[1]), "rb", buffering=0) as file:
        return primitives.digest_of(iter(lambda: file.read(primitives.FEED), b""))
