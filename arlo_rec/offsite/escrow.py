"""The rings of a store: where they lie, what they still hold, and that they forget in time.

For as long as a slot stands, whoever has it, an officer's key and the copy of the catalogue that belongs to it opens
what was erased since. So a purge empties every slot older than the ring's hours, `status` says where that failed, and
a receipt names the hour after which no ring can hold the old root any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from arlo_rec.backends.durable import disk
from arlo_rec.backends.ringfile import RingFile
from arlo_rec.crypto import primitives
from arlo_rec.model.errors import ArloError
from arlo_rec.model.records import from_micros
from arlo_rec.offsite import escrow_slot
from arlo_rec.offsite.escrow_slot import Kept
from arlo_rec.policy import Role
from arlo_rec.store import Store

CATALOGUE = "catalogue.db"
AHEAD = timedelta(minutes=5)  # clocks of two machines
GRACE = timedelta(hours=2)  # a purge runs hourly; after two missed runs a slot counts as not emptied


@dataclass(frozen=True, slots=True)
class Known:
    """An escrow that this store has a backup with."""

    escrow: Path
    folder: Path  # of the backup
    number: int  # of the newest
    changes: int  # how many changes the store had seen when it was made
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How a backup stands; `problem` is a code, or None where it can be relied on."""

    known: Known
    newest: datetime | None  # the newest that can be opened
    problem: str | None


def hours(store: Store) -> timedelta:
    """How long a ring keeps an old root."""
    return timedelta(hours=store.number("ring_hours"))


def known(store: Store) -> list[Known]:
    """Every escrow that this store has."""
    rows = store.db.rows("SELECT path, folder, number, changes, at FROM escrows ORDER BY path")
    return [Known(Path(one[0]), Path(one[1]), int(one[2]), int(one[3]), from_micros(one[4])) for one in rows]


def until(store: Store, erased_at: datetime) -> datetime | None:
    """When the last ring forgets a root that was replaced at *erased_at*; None where there is no backup."""
    return erased_at + hours(store) if known(store) else None


def slots(store_id: bytes, contents: Sequence[bytes]) -> list[Kept]:
    """What can still be opened, the newest first."""
    found = [kept for slot, content in enumerate(contents) if (kept := escrow_slot.decode(store_id, slot, content))]
    return sorted(found, key=lambda one: (one.number, one.at), reverse=True)


def expire(store: Store, now: datetime) -> list[str]:
    """Empty every slot that is older than the ring, of every ring; the paths of those that could not be emptied."""
    failed = []
    for one in known(store):
        try:
            _expire(store, RingFile(one.escrow), now)
        except ArloError:
            failed.append(str(one.escrow))
    return failed


def forget_old(store: Store, file: RingFile, now: datetime) -> None:
    """Empty what is older than the ring, what a clock that was ahead dated, and half of something; alone."""
    for slot, content in enumerate(file.read()):
        kept = escrow_slot.decode(store.place.id, slot, content)
        if not escrow_slot.is_empty(content) and (kept is None or not _lives(store, kept, now)):
            file.write(slot, b"")


def _lives(store: Store, kept: Kept, now: datetime, late: timedelta = timedelta()) -> bool:
    """Whether a slot may stand: as long as it said when it was written, or as the ring is set, the shorter of both."""
    lasts = min(timedelta(hours=kept.hours), hours(store))
    return kept.at <= now + AHEAD and now < kept.at + lasts + late


def _expire(store: Store, file: RingFile, now: datetime) -> None:
    with file.lock(store.lock_wait):
        forget_old(store, file, now)


def standings(store: Store, now: datetime) -> Iterator[Standing]:
    """How each backup stands at *now*."""
    for one in known(store):
        try:
            contents = RingFile(one.escrow).read()
        except ArloError:
            yield Standing(one, None, "escrow_unreachable")
            continue
        yield _standing(store, one, contents, now)


def _standing(store: Store, one: Known, contents: Sequence[bytes], now: datetime) -> Standing:
    kept = slots(store.place.id, contents)
    halves = sum(not escrow_slot.is_empty(content) for content in contents) > len(kept)
    usable = [each for each in kept if (one.folder / str(each.number) / CATALOGUE).is_file()]
    newest = max((each.at for each in usable), default=None)
    problem = None
    if halves or not all(_lives(store, each, now, GRACE) for each in kept):
        problem = "ring_not_emptied"
    elif newest is None or newest < now - hours(store) / 2:
        problem = "backup_old"
    elif not _officers(store) & max(usable, key=lambda each: each.at).sealed.keys():
        problem = "backup_not_for_officers"
    return Standing(one, newest, problem)


def _officers(store: Store) -> set[bytes]:
    """The officers of today, as slots name them."""
    return {primitives.fingerprint(one.seal_key) for one in store.roster.people if one.role is Role.OFFICER}


def digest(path: Path) -> bytes:
    """SHA-256 of a copy; raises Unreachable."""
    with disk(), path.open("rb") as file:
        return primitives.sha256_of(iter(lambda: file.read(primitives.FEED), b""))
