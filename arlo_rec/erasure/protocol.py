"""Taking recordings to ERASED so that a crash anywhere is finished by the next run. The one write order:

    0  under the root's lock, alone; what an earlier run left is finished first
    1  new R into the free slot                                   a crash: the new R hangs nothing, old one counts
    2  one transaction: shares out, siblings re-wrapped, ERASING, generation, tombstones, log, checkpoint
    3  the journal emptied into the catalogue (tried for 5 s; if a reader is in the way: at the next open)
    4  the old slot overwritten                                   the point of no return: no copy opens any more
    5  objects unlinked, folders synced
    6  one transaction: ERASED
    7  receipt written, then the erasure marked done; only then is success told

Steps 3 to 7 are `finish`, which is also the recovery that every opening of a store runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from arlo_rec.access import disclosures
from arlo_rec.backends.files import file_lock
from arlo_rec.crypto import merkle, primitives
from arlo_rec.erasure import receipts
from arlo_rec.erasure.receipts import Erased
from arlo_rec.keys import root_secret
from arlo_rec.keys.layout import restore_ballast
from arlo_rec.model.errors import InUse, Unreachable
from arlo_rec.model.records import Person, RecordingId, from_micros, to_micros
from arlo_rec.policy import Role, holds_root
from arlo_rec.store import ROOT_PART, Change, HeldRoot, Store

FLUSH_WAIT = 5.0  # seconds that a reader may keep the journal busy before we go on without
Done = TypeVar("Done")
_NUMBER_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32, none mistaken for another on the telephone


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be erased, decided already, and why."""

    kind: str
    rule: str
    recordings: tuple[RecordingId, ...]


def carry_out(
    store: Store,
    order: Callable[[], Order],
    now: datetime,
    also: Callable[[Change, Order], None],
) -> Erased:
    """Erase what *order* says once nobody else can change it; returns when its keys are gone for good.

    *order* is asked again inside, under the lock and in the transaction: what was taken in since a person
    was shown the list goes too. *also* adds tombstones and the one entry of the log to the same commit. Where
    the objects cannot be unlinked now, what returns is not `complete`: the next run goes on, and there is no
    receipt yet.
    """
    number = new_number()
    with store.root.lock(exclusive=True, wait=store.lock_wait):
        finish(store, now, locked=True)
        done = with_ballast(store, lambda: _commit(store, number, order, now, also), lambda: _committed(store, number))
        finish(store, now, locked=True)
        return replace(done, complete=number not in _open_erasures(store))


def _commit(
    store: Store,
    number: str,
    order: Callable[[], Order],
    now: datetime,
    also: Callable[[Change, Order], None],
) -> Erased:
    held = store.read_root()
    new_root = primitives.fresh()
    _write_new_slot(store, held, new_root, held.seed, held.seed_version)
    with store.change(now) as change:
        tree = store.book.tree()
        wanted = order()
        store.tree(held).cut(wanted.recordings, new_root)
        store.catalogue.mark_erasing(wanted.recordings, number)
        disclosures.reached(store, wanted.recordings)
        store.db.run(
            "INSERT INTO erasures (number, kind, at, rule, person, state, recordings) VALUES (?,?,?,?,?,?,?)",
            (
                number,
                wanted.kind,
                to_micros(now),
                wanted.rule,
                store.person.name,
                "open",
                ",".join(one.hex() for one in wanted.recordings),
            ),
        )
        also(change, wanted)
        if len(change.entries) != 1:
            raise RuntimeError("an erasure is one entry of the log")
        path = b"".join(merkle.path_of_last(tree))
        store.db.run("INSERT INTO proofs (number, seq, path) VALUES (?, ?, ?)", (number, tree.size, path))
        _new_generation(store, held)
    return Erased(number, wanted.kind, now, wanted.rule, wanted.recordings)


def replace_root(store: Store, now: datetime, also: Callable[[Change], Sequence[Person]]) -> None:
    """A new R under a new root seed, sealed to the people whom *also* returns: nobody else opens what follows."""
    with store.root.lock(exclusive=True, wait=store.lock_wait):
        finish(store, now, locked=True)
        held = store.read_root()
        new_root, seed, version = primitives.fresh(), primitives.fresh(), held.seed_version + 1
        _write_new_slot(store, held, new_root, seed, version)
        with store.change(now) as change:
            holders = also(change)
            store.db.run("DELETE FROM seals WHERE part = ?", (ROOT_PART,))
            for person in holders:
                store.give_part(person, ROOT_PART, version, seed)
            store.tree(held).cut((), new_root)
            _new_generation(store, held)
        store.drop_cached_secrets()
        finish(store, now, locked=True)


def root_holders(store: Store, now: datetime) -> list[Person]:
    """Everybody of the roster who needs the root seed at *now*; the intake not, while nothing may be taken in."""
    closed = bool(store.number("unreplayed"))
    return [
        one
        for one in store.roster.people
        if holds_root(one.role, live_grant=bool(store.roster.live_grants(one.name, now)))
        and not (closed and one.role is Role.INGEST)
    ]


def expired_holders(store: Store, now: datetime) -> list[Person]:
    """Managers who still hold the root seed although their last grant has ended."""
    wanted = {one.name for one in root_holders(store, now)}
    rows = store.db.rows("SELECT holder FROM seals WHERE part = ?", (ROOT_PART,))
    holders = {bytes(row[0]) for row in rows}
    return [
        one
        for one in store.roster.people
        if one.role is Role.MANAGER and one.name not in wanted and primitives.fingerprint(one.seal_key) in holders
    ]


def finish(store: Store, now: datetime, *, locked: bool = False) -> bool:
    """Finish what an earlier run began; False where another run holds the root and will do it itself.

    Objects that cannot be reached now are left to the next run; a root that cannot be written raises.
    """
    if not locked:
        try:
            with store.root.lock(exclusive=True, wait=0):
                return finish(store, now, locked=True)
        except InUse:
            return False
    _mend_slots(store, now)
    for number in _open_erasures(store):
        with suppress(Unreachable):
            _finish_erasure(store, number, now)
    with suppress(Unreachable):
        _sweep_arrivals(store, now)
    return True


def with_ballast(store: Store, work: Callable[[], Done], done: Callable[[], Done | None] = lambda: None) -> Done:
    """Do *work*; where the disk is full, give up the ballast and do it once more.

    The disk may have been full only for what is written after the commit: *done* says what was done already, if
    anything was. Without it *work* is safe to repeat.
    """
    try:
        return work()
    except Unreachable as problem:
        if problem.code not in {"no_space", "catalogue_unwritable"} or not store.place.ballast.exists():
            raise
        store.place.ballast.unlink()
        already = done()
        return work() if already is None else already


def new_number() -> str:
    """A receipt's number: eight signs that can be read aloud."""
    signs = "".join(_NUMBER_SIGNS[byte & 31] for byte in primitives.fresh(8))
    return f"{signs[:4]}-{signs[4:]}"


def _write_new_slot(store: Store, held: HeldRoot, secret: bytes, seed: bytes, seed_version: int) -> None:
    free = 1 - held.slot
    content = root_secret.encode_slot(store.place.id, seed, seed_version, held.generation + 1, secret)
    store.root.write(free, content)


def _new_generation(store: Store, held: HeldRoot) -> None:
    store.set_number("generation", held.generation + 1)
    store.set_number("flush_due", 1)


def _mend_slots(store: Store, now: datetime) -> None:
    """Steps 3 and 4: bring the journal home, then make the slot that is not of today's generation a copy."""
    contents = store.root.read()
    slot, mend = root_secret.choose(contents, store.number("generation"))
    if store.number("flush_due") and store.db.flush(FLUSH_WAIT):
        with store.change(now):
            store.set_number("flush_due", 0)
    if mend:
        store.root.write(1 - slot.index, contents[slot.index])


def _open_erasures(store: Store) -> list[str]:
    rows = store.db.rows("SELECT number FROM erasures WHERE state = 'open' ORDER BY at, number")
    return [str(row[0]) for row in rows]


def _finish_erasure(store: Store, number: str, now: datetime) -> None:
    """Steps 5 to 7; raises Unreachable where the objects or the receipts cannot be written."""
    names = [one.hex() for one in store.catalogue.erasing(number)]
    for name in names:
        store.blobs.delete(name)
    store.blobs.settle(names)
    with store.change(now):
        store.catalogue.mark_erased(number)
    receipts.write(store, _erased(store, number))
    with store.change(now):
        store.db.run("UPDATE erasures SET state = 'done' WHERE number = ?", (number,))
    restore_ballast(store.place)


def _committed(store: Store, number: str) -> Erased | None:
    """The erasure of that number, if its transaction took place."""
    return _erased(store, number) if number in _open_erasures(store) else None


def _erased(store: Store, number: str) -> Erased:
    kind, at, rule, told = store.db.rows("SELECT kind, at, rule, recordings FROM erasures WHERE number = ?", (number,))[
        0
    ]
    ids = tuple(RecordingId(bytes.fromhex(one)) for one in told.split(",") if one)
    return Erased(number, kind, from_micros(at), rule, ids)


def _sweep_arrivals(store: Store, now: datetime) -> None:
    """Remove what an intake that died had announced; never while one is running."""
    if not store.catalogue.arriving():
        return
    try:
        with file_lock(store.place.intake_lock, exclusive=True, wait=0):
            left = store.catalogue.arriving()
            for recording in left:
                store.blobs.delete(recording.hex())
            store.blobs.settle([one.hex() for one in left])
            with store.change(now):
                store.catalogue.forget(left)
    except InUse:
        return
