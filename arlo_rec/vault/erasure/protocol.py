"""Erasing recordings, so that the next run finishes after a crash anywhere. The only write order:

    0  under the root's lock, alone; what an earlier run left is finished first
    1  new R into the free slot                                   a crash: nothing is wrapped below the new R yet
    2  one transaction: wrapped keys destroyed, what stays wrapped below the new R, ERASING, generation, tombstones, log
    3  the journal emptied into the catalogue (tried for 5 s; if a reader prevents it: at the next open)
    4  the old slot overwritten                                   the point of no return: no copy opens any more
    5  objects unlinked, folders synced
    6  receipt written
    7  one transaction: ERASED, the erasure done, the journal no longer due; only then is success reported

Steps 3 to 7 are `finish`, which is also the recovery at every opening of a store. Receipts are imported only when
one is written, because most openings recover nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple, TypeVar

from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import InUse, Unreachable
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.records import Person, RecordingId
from arlo_rec.policy import Event, Role, holds_root
from arlo_rec.vault.backends.shared_folder import is_plain, remove
from arlo_rec.vault.catalogue.erasures import Erasure
from arlo_rec.vault.catalogue.sealed_secrets import ROOT_SEED
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.layout import restore_ballast
from arlo_rec.vault.opened import Change, Store

AT_ONCE = 1000  # objects unlinked between two progress reports
FLUSH_WAIT = 5.0  # seconds for which a reader may prevent step 3
Done = TypeVar("Done")
_NUMBER_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32, none mistaken for another on the telephone


class Order(NamedTuple):
    """A decided erasure: its recordings, rule, event, and *kind* for the receipt."""

    kind: str
    rule: str
    event: Event
    recordings: tuple[RecordingId, ...]


class Erased(NamedTuple):
    """A committed erasure; `complete` once its objects are deleted and its receipt is written."""

    number: str
    recordings: tuple[RecordingId, ...]
    complete: bool


class Rest(NamedTuple):
    """The remains of the last erasure: whether it must be finished, and an unexplained damage of the root."""

    is_cut_off: bool = False
    damaged: str | None = None


class ErasedRecording(Record, frozen=True):
    """An erased recording, as answers show it: nothing about a person."""

    id: RecordingId
    started_at: datetime


def carry_out(
    store: Store,
    order: Callable[[], Order],
    now: datetime,
    also: Callable[[Change, Order], object],
    observer: Observer = unobserved,
) -> Erased:
    """Erase what *order* returns; returns once the keys are destroyed.

    *order* is called under the lock and in the transaction, so that recordings taken in after the list was shown are
    erased too. *also* adds tombstones and the log entry to the same commit. If objects cannot be unlinked now, the
    result is not `complete`: the next run continues, and there is no receipt yet. *observer* gets the number of
    unlinked objects.
    """
    number = new_number()
    with store.root.lock(exclusive=True, wait=store.lock_wait):
        finish(store, now, locked=True)
        erasure = with_ballast(
            store, lambda: _commit(store, number, order, now, also), lambda: _committed(store, number)
        )
        finish(store, now, locked=True, observer=observer)
        return Erased(number, erasure.recordings, complete=number not in store.catalogue.erasures.unfinished())


def _commit(
    store: Store, number: str, order: Callable[[], Order], now: datetime, also: Callable[[Change, Order], object]
) -> Erasure:
    from arlo_rec.vault.erasure import receipts

    held = store.read_root()
    generation, new_root = store.root.begin(held.generation, held.seed, held.seed_version)
    with store.change(now, held) as change:
        tree = store.log.tree()
        wanted = order()
        store.catalogue.erasure_keys(held.key).destroy(wanted.recordings, new_root)
        store.catalogue.begin_erasure(wanted.recordings, number, wanted.event)
        erasure = Erasure(number, wanted.kind, now, wanted.rule, wanted.recordings)
        proof = receipts.signed_proof(store, erasure, tree)
        store.catalogue.erasures.add(erasure, proof)
        also(change, wanted)
        if len(change.bodies) != 1:
            raise RuntimeError("an erasure is one entry of the log")
        _new_generation(store, generation)
    return erasure


def replace_root(store: Store, now: datetime, also: Callable[[Change], Sequence[Person]]) -> None:
    """Replace R under a new root seed, which is sealed only to the people returned by *also*."""
    with store.root.lock(exclusive=True, wait=store.lock_wait):
        finish(store, now, locked=True)
        held = store.read_root()
        seed, version = primitives.fresh(), held.seed_version + 1
        generation, new_root = store.root.begin(held.generation, seed, version)
        with store.change(now, held) as change:
            holders = also(change)
            store.secrets.take_from_everybody(ROOT_SEED)
            for person in holders:
                store.secrets.give(person, ROOT_SEED, version, seed)
            store.catalogue.erasure_keys(held.key).destroy((), new_root)
            _new_generation(store, generation)
        store.secrets.forget_opened()
        finish(store, now, locked=True)


def root_holders(store: Store, now: datetime) -> list[Person]:
    """The people who need the root seed at *now*; without the intake while nothing may be taken in.

    A grant that ended before the last purge does not come back when the clock is set back.
    """
    closed, now = store.settings.unknown_since is not None, store.clock.today(now)
    return [
        person
        for person in store.roster.people
        if holds_root(person.role, live_grant=bool(store.roster.live_grants(person.name, now)))
        and not (closed and person.role is Role.INGEST)
    ]


def expired_holders(store: Store, now: datetime) -> list[Person]:
    """Managers who still hold the root seed although their last grant has ended."""
    wanted = {person.name for person in root_holders(store, now)}
    holders = store.secrets.holders(ROOT_SEED)
    return [
        person
        for person in store.roster.people
        if person.role is Role.MANAGER
        and person.name not in wanted
        and primitives.fingerprint(person.seal_key) in holders
    ]


def finish(store: Store, now: datetime, *, locked: bool = False, observer: Observer = unobserved) -> bool:
    """Finish what an earlier run began; False if another run holds the root and will do so.

    Unreachable objects are left to the next run; a root that cannot be written raises.
    """
    if not locked:
        try:
            with store.root.lock(exclusive=True, wait=0):
                return finish(store, now, locked=True, observer=observer)
        except InUse:
            return False
    is_flushed, is_due = _settle_root(store)
    for number in store.catalogue.erasures.unfinished():
        with suppress(Unreachable):
            _finish_erasure(store, number, now, observer, is_flushed=is_flushed)
    if is_flushed and is_due and store.meta.number("flush_due"):
        with store.change(now):
            store.meta.set("flush_due", 0)
    with suppress(Unreachable):
        _sweep_arrivals(store, now)
    return True


def rest(store: Store) -> Rest:
    """The work that `finish` would do; the caller holds the root's lock, so that no run is at it, and one view.

    Until a committed erasure has settled the root, its torn write is no damage. Raises Integrity or Unreachable.
    """
    unsettled = store.root.unsettled(store.meta.number("generation"))
    is_open, is_settling = bool(store.catalogue.erasures.unfinished()), bool(store.meta.number("flush_due"))
    if unsettled is None or unsettled.is_cut_off or is_settling:
        return Rest(is_cut_off=is_open or unsettled is not None)
    return Rest(is_open, unsettled.place)


def with_ballast(store: Store, work: Callable[[], Done], done: Callable[[], Done | None] = lambda: None) -> Done:
    """Do *work*; if the disk is full, delete the ballast and do it again.

    The disk may have become full only after the commit: *done* returns the result of a commit, or None. Without
    *done*, *work* must be safe to repeat.
    """
    try:
        return work()
    except Unreachable as problem:
        if problem.code not in {"no_space", "catalogue_unwritable"} or not is_plain(store.layout.ballast):
            raise
        remove(store.layout.ballast)
        already = done()
        return work() if already is None else already


def new_number() -> str:
    """A receipt number: eight characters that can be read aloud."""
    signs = "".join(_NUMBER_SIGNS[byte & 31] for byte in primitives.fresh(8))
    return f"{signs[:4]}-{signs[4:]}"


def _new_generation(store: Store, generation: int) -> None:
    store.meta.set("generation", generation)
    store.meta.set("flush_due", 1)


def _settle_root(store: Store) -> tuple[bool, bool]:
    """Steps 3 and 4: empty the journal into the catalogue, then destroy R of another generation.

    Returns whether the journal holds nothing of an erasure, False if a reader prevented the flush; and whether that is
    still to be noted.
    """
    with store.db.reading():
        generation, is_due = store.meta.number("generation"), bool(store.meta.number("flush_due"))
    is_unsettled = store.root.unsettled(generation) is not None
    is_flushed = not is_due or store.db.flush(FLUSH_WAIT)
    if is_unsettled:
        store.root.settle(generation)
    return is_flushed, is_due


def _finish_erasure(store: Store, number: str, now: datetime, observer: Observer, *, is_flushed: bool) -> None:
    """Steps 5 to 7, unless *number* can name no receipt; raises Unreachable for objects or a receipt."""
    from arlo_rec.vault.certificates.check import is_number
    from arlo_rec.vault.erasure import receipts

    if not is_number(number):
        return
    names = [recording.hex() for recording in store.catalogue.recordings.being_erased(number)]
    for done in range(0, len(names), AT_ONCE):
        observer(Progress(Phase.ERASURE, done, len(names)))
        if number not in store.catalogue.erasures.unfinished():  # asked each time: whose session was ended learns it
            return
        store.blobs.delete_all(names[done : done + AT_ONCE])
    store.blobs.settle(names)
    receipts.write(store, store.catalogue.erasures.get(number), is_flushed=is_flushed)
    with store.change(now):
        store.catalogue.recordings.finish_erasure(number)
        store.catalogue.erasures.finish(number)
        if is_flushed:
            store.meta.set("flush_due", 0)
    restore_ballast(store.layout)


def _committed(store: Store, number: str) -> Erasure | None:
    """The erasure of that number, if its transaction was committed and it is unfinished."""
    table = store.catalogue.erasures
    return table.get(number) if number in table.unfinished() else None


def _sweep_arrivals(store: Store, now: datetime) -> None:
    """Remove what a killed intake announced, unless an intake is running.

    A recording with a log entry was taken in, whatever its row says, and `verify` reports it.
    """
    if not store.catalogue.recordings.arriving():
        return
    try:
        with store.locks.lock("intake", exclusive=True, wait=0):
            every = store.catalogue.recordings.arriving()
            left = [recording for recording in every if next(store.log.entries.about(recording), None) is None]
            for recording in left:
                store.blobs.delete(recording.hex())
            store.blobs.settle([recording.hex() for recording in left])
            with store.change(now):
                store.catalogue.recordings.abandon(left)
    except InUse:
        return
