"""Escrows of a store: rings of slots that keep old root secrets (R) for some hours, and are emptied in time.

An old catalogue cannot be read with today's R, which is how an erasure reaches yesterday's copies. A backup
therefore needs the R of its generation, until its slot is emptied. With a slot, an officer's key and the matching
catalogue copy, recordings erased since can be opened. So a purge empties every slot older than the ring's hours, and
`statuses` reports failures. A receipt names the hour after which no ring holds the old R.

The person who makes a backup signs its slot, and the sealed R opens only with the slot's head: others can write in a
ring's folder. docs/format.md has the bytes; `machine.backup` and `machine.restore` have the order of using slots.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError
from arlo_rec.law.model.records import Person, from_micros, to_micros
from arlo_rec.policy import RING_LONGEST, Action, Role, may
from arlo_rec.vault.backends.durable import disk
from arlo_rec.vault.backends.ringfile import RING_SLOT_BYTES, RingFile
from arlo_rec.vault.backends.shared_folder import is_plain, open_file
from arlo_rec.vault.catalogue.escrows import EscrowRow
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.settings import EscrowPlace
from arlo_rec.vault.opened import Store

# -- slots ---------------------------------------------------------------------------------------------


_MAGIC = b"ARLORNG2"
# magic, store, number, generation, version of the root seed, at, hours, held, catalogue, number of seals
_HEAD = struct.Struct(">8s16sQQHqHQ32sH")
_LARGEST = 2**48  # of every number here
_LATEST = to_micros(datetime(2200, 1, 1, tzinfo=UTC))
_HOLDER = 16  # bytes that name an officer's public key
_SIGNATURE, _CHECKSUM = 64, 32  # bytes
OFFICERS_MOST = (RING_SLOT_BYTES - _HEAD.size - _SIGNATURE - _CHECKSUM) // (_HOLDER + primitives.SEAL_OF_KEY)


@dataclass(frozen=True, slots=True)
class EscrowSlot:
    """An openable backup, and its sealed R."""

    index: int  # of the slot in its ring
    number: int  # of the backup; larger is newer
    generation: int
    seed_version: int
    at: datetime
    hours: int  # how long it may be opened
    held: int  # recordings in the copy
    catalogue: bytes  # BLAKE3 of the copy
    sealed: dict[bytes, bytes]  # R, by fingerprint of an officer's public key
    signature: bytes = bytes(_SIGNATURE)  # of the backup's maker


def seal(
    store: bytes, slot: EscrowSlot, secret: bytes, officers: Iterable[Person], signer: primitives.SigningKey
) -> EscrowSlot:
    """The slot with R of its generation, sealed to each of the officers, and signed."""
    info = _info(store, slot)
    sealed = {
        primitives.fingerprint(officer.seal_key): primitives.seal(officer.seal_key, secret, info)
        for officer in officers
    }
    whole = replace(slot, sealed=sealed)
    return replace(whole, signature=signer.sign(_body(store, whole)))


def is_signed(store: bytes, slot: EscrowSlot, signers: Iterable[bytes]) -> bool:
    """Whether one of these keys signed a slot, all fields included."""
    body = _body(store, slot)
    return any(primitives.verified(key, slot.signature, body) for key in signers)


def open_sealed(store: bytes, slot: EscrowSlot, key: primitives.SealingKey) -> bytes | None:
    """R itself; None if it was not sealed to *key*, or not by a backup of this store."""
    sealed = slot.sealed.get(primitives.fingerprint(key.public))
    try:
        return key.open(sealed, _info(store, slot)) if sealed else None
    except primitives.Sealed:
        return None


def encode(store: bytes, slot: EscrowSlot) -> bytes:
    """The bytes of a slot."""
    body = _body(store, slot) + slot.signature
    return body + primitives.sha256(body)


def decode(store: bytes, index: int, content: bytes) -> EscrowSlot | None:
    """The slot in these bytes; None if they are empty, torn, or of another store."""
    magic, of, number, generation, version, at, hours, held, catalogue, count = _HEAD.unpack(content[: _HEAD.size])
    seals = _HEAD.size + count * (_HOLDER + primitives.SEAL_OF_KEY)
    end = seals + _SIGNATURE
    if magic != _MAGIC or of != store or primitives.sha256(content[:end]) != content[end : end + _CHECKSUM]:
        return None
    if not (number < _LARGEST and generation < _LARGEST and 0 <= at < _LATEST and hours and held < _LARGEST):
        return None
    sealed = {}
    for begin in range(_HEAD.size, seals, _HOLDER + primitives.SEAL_OF_KEY):
        holder = content[begin : begin + _HOLDER]
        sealed[holder] = content[begin + _HOLDER : begin + _HOLDER + primitives.SEAL_OF_KEY]
    signature = content[seals:end]
    return EscrowSlot(index, number, generation, version, from_micros(at), hours, held, catalogue, sealed, signature)


def is_empty(content: bytes) -> bool:
    """Whether a slot holds nothing; a torn one is not empty."""
    return not content.strip(b"\0")


def _body(store: bytes, slot: EscrowSlot) -> bytes:
    """The signed bytes."""
    return _head(store, slot) + b"".join(holder + sealed for holder, sealed in sorted(slot.sealed.items()))


def _head(store: bytes, slot: EscrowSlot) -> bytes:
    numbers = (slot.number, slot.generation, slot.seed_version, to_micros(slot.at), slot.hours, slot.held)
    return _HEAD.pack(_MAGIC, store, *numbers, slot.catalogue, len(slot.sealed))


def _info(store: bytes, slot: EscrowSlot) -> bytes:
    """Associated data of a sealed R: the slot's head, the same for all recipients."""
    return b"arlo-rec/1/ring\0" + _head(store, replace(slot, sealed={}))


# -- rings ---------------------------------------------------------------------------------------------


CATALOGUE = "catalogue.db"  # name of the copy in a backup's folder
ABOUT = "backup.toml"  # in a folder of backups; without it the disk of the folder is away
AHEAD = timedelta(minutes=5)  # tolerated difference of two machines' clocks
GRACE = timedelta(hours=2)  # a purge runs hourly; two missed runs are tolerated


class BackupStatus(Record, frozen=True):
    """The reliability of a backup; `problem` is a code, or None."""

    folder: Path
    escrow: Path
    newest: datetime | None  # of the openable backups
    problem: str | None


def registered(store: Store) -> list[EscrowRow]:
    """The escrows named by an officer, by path, with the catalogue's data on their backups.

    No other path is opened, whatever a row says.
    """
    rows = {(row.escrow, row.folder): row for row in store.catalogue.escrows.every()}
    places = sorted((place.escrow, place.folder) for place in store.settings.escrows)
    return [rows.get(place) or EscrowRow.never(*place) for place in places]


def ring_duration(store: Store) -> timedelta:
    """The time for which a ring keeps an old R."""
    return timedelta(hours=store.settings.ring_hours)


def until(store: Store, erased_at: datetime) -> datetime | None:
    """When the last slot with an R that was replaced at *erased_at* is emptied; None without a backup."""
    return erased_at + ring_duration(store) if store.settings.escrows or lost(store) else None


def lost(store: Store) -> list[EscrowPlace]:
    """The places that were given up before their ring could be emptied; nothing is written there."""
    rows = (EscrowPlace(row.escrow, row.folder) for row in store.catalogue.escrows.every())
    rings = {place.escrow for place in store.settings.escrows}
    return [place for place in rows if place.escrow not in rings]


def slots(store_id: bytes, contents: Sequence[bytes]) -> list[EscrowSlot]:
    """The readable slots of a ring, the newest first."""
    readable = [slot for i, content in enumerate(contents) if (slot := decode(store_id, i, content))]
    return sorted(readable, key=lambda slot: (slot.number, slot.at), reverse=True)


def expire(store: Store, now: datetime) -> list[str]:
    """Empty every slot older than its ring's hours; returns the paths of escrows where that failed."""
    failed = []
    for row in registered(store):
        ring = RingFile(row.escrow)
        try:
            with ring.lock(store.lock_wait):
                empty_old_slots(store, ring, now)
        except ArloError:
            failed.append(str(row.escrow))
    return failed


def empty(store: Store, folder: Path) -> bool:
    """Empty every slot of a ring; false where it cannot be reached."""
    ring = RingFile(folder)
    try:
        with ring.lock(store.lock_wait):
            for index in range(len(ring.read())):
                ring.write(index, b"")
    except ArloError:
        return False
    return True


def empty_old_slots(store: Store, ring: RingFile, now: datetime) -> None:
    """Empty slots that are too old, dated ahead or torn; the caller holds the ring's lock. Raises Unreachable."""
    for index, content in enumerate(ring.read()):
        slot = decode(store.layout.id, index, content)
        if not is_empty(content) and (slot is None or not _may_stay(store, slot, now)):
            ring.write(index, b"")


def _may_stay(store: Store, slot: EscrowSlot, now: datetime, grace: timedelta = timedelta()) -> bool:
    """Whether a slot is within its hours: those it was written with, or today's, whichever is shorter.

    A slot is out of time if no current maker of backups signed it, or if it is sealed to a former officer.
    """
    if not counts(store, slot) or not slot.sealed.keys() <= holders(store):
        return False
    duration = min(timedelta(hours=slot.hours), ring_duration(store))
    return slot.at <= now + AHEAD and now < slot.at + duration + grace


def is_within(slot: EscrowSlot, now: datetime) -> bool:
    """Whether a backup may still be restored: its time is not over, though its slot may not be emptied yet."""
    return slot.at < now + RING_LONGEST and now < slot.at + timedelta(hours=slot.hours)


def counts(store: Store, slot: EscrowSlot) -> bool:
    """Whether a current maker of backups signed a slot: other people can write into a ring's folder."""
    makers = (person.sign_key for person in store.roster.people if may(person.role, Action.BACKUP).allowed)
    return is_signed(store.layout.id, slot, makers)


def statuses(store: Store, now: datetime) -> Iterator[BackupStatus]:
    """The reliability of each escrow's backup at *now*."""
    for row in registered(store):
        try:
            contents = RingFile(row.escrow).read()
        except ArloError:
            yield BackupStatus.of(row, newest=None, problem="escrow_unreachable")
            continue
        yield _status(store, row, contents, now)


def _status(store: Store, row: EscrowRow, contents: Sequence[bytes], now: datetime) -> BackupStatus:
    readable = slots(store.layout.id, contents)
    has_torn = sum(not is_empty(content) for content in contents) > len(readable)
    usable = [slot for slot in readable if is_within(slot, now) and has_catalogue(row.folder, slot.number)]
    newest = max(usable, key=lambda slot: slot.at, default=None)
    problem = None
    if has_torn or not all(_may_stay(store, slot, now, GRACE) for slot in readable):
        problem = "ring_not_emptied"
    elif newest is None and not is_plain(row.folder / ABOUT):
        problem = "backup_unreachable"
    elif newest is None and _officer_left_since(store, now - ring_duration(store)):
        problem = "backup_void"
    elif newest is None or newest.at < now - ring_duration(store) / 2:
        problem = "backup_old"
    elif not holders(store) & newest.sealed.keys():
        problem = "backup_not_for_officers"
    return BackupStatus.of(row, newest=newest.at if newest else None, problem=problem)


def _officer_left_since(store: Store, at: datetime) -> bool:
    left = (person.left_at for person in store.roster.former if person.role is Role.OFFICER)
    return any(time is not None and time >= at for time in left)


def officers(store: Store) -> list[Person]:
    """The recipients of a backup's R: all current officers, the recovery identity included."""
    return [person for person in store.roster.people if person.role is Role.OFFICER]


def holders(store: Store) -> set[bytes]:
    """The same by fingerprint of their public keys, as in slots."""
    return {primitives.fingerprint(officer.seal_key) for officer in officers(store)}


def has_catalogue(folder: Path, number: int) -> bool:
    """Whether a backup's folder has the copy of the catalogue with that number."""
    return is_plain(folder / str(number) / CATALOGUE, below=folder)


def file_digest(path: Path) -> bytes:
    """BLAKE3 of a file in a backup's folder; raises Unreachable."""
    with disk(), os.fdopen(open_file(path, os.O_RDONLY, below=path.parents[1]), "rb", buffering=0) as file:
        return primitives.digest_of(iter(lambda: file.read(primitives.FEED), b""))


def is_solid(handle: int) -> bool:
    """Whether an open file has bytes and no holes, as encrypted pages have none: with holes it may have no end."""
    length = os.fstat(handle).st_size
    return length > 0 and os.lseek(handle, 0, os.SEEK_HOLE) == length and os.lseek(handle, 0, os.SEEK_SET) == 0


def is_file(path: Path, digest: bytes) -> bool:
    """Whether a file in a backup's folder has that digest, and no holes; raises Unreachable."""
    with disk():
        handle = open_file(path, os.O_RDONLY, below=path.parents[1])
        try:
            solid = is_solid(handle)
        finally:
            os.close(handle)
    return solid and file_digest(path) == digest
