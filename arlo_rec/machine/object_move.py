"""Moving the objects of a store to another place, while others work.

    1  the new place examined: a service keeps what we rely on, and nothing lies there
    2  alone, for an instant: `store.toml` names both places        from now on everyone writes to the new place,
                                                                    reads from either, and deletes from both
    3  held objects put at the new place, read back, compared with the digests in the catalogue, and looked for in the
       catalogue again: what was erased meanwhile is deleted from both places
    4  these deleted from the old place                             a crash: the next run goes on with what is left
    5  the log entry, then `store.toml`, which names the new place alone

An object that differs from its digest stays where it is, and so does the old place, until it is erased.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from arlo_rec.law.log.events import ObjectsMoved
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import InUse, Usage
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.records import RecordingId
from arlo_rec.machine.object_copy import BlobCopier, Copiers, Wanted
from arlo_rec.office import moves
from arlo_rec.policy import Action
from arlo_rec.sound.processes.workers import workers
from arlo_rec.vault.backends import Blobs
from arlo_rec.vault.backends.durable import disk
from arlo_rec.vault.backends.files import file_lock
from arlo_rec.vault.backends.shared_folder import touch
from arlo_rec.vault.keys import engines, layout
from arlo_rec.vault.keys.layout import Layout
from arlo_rec.vault.opened import Store

if TYPE_CHECKING:
    from arlo_rec.vault.backends.moving import MovingBlobs

BESIDE: Final = 4  # portions of objects that are copied at once
PORTION: Final = 64  # objects that are put beside each other


class Moved(Record, frozen=True):
    """The objects that this run moved, each read back and compared; `left` are damaged ones at the old place."""

    to: str
    moved: int
    verified: int
    left: tuple[RecordingId, ...]


def begin(store: Store, to: str, now: datetime) -> Layout | None:
    """Step 1 for an officer: the layout that step 2 writes, or None where an earlier run wrote it.

    Raises NotGranted, also where another officer has to approve it, Usage for a place that cannot be taken, and what
    `engines.demand_fit` raises.
    """
    store.demand(Action.MOVE_OBJECTS, now)
    place, to = store.layout, layout.demanded_place(to)
    if to == place.objects_at:
        return None
    if place.objects_from is not None and to != place.objects_from:
        raise Usage("objects_move_unfinished", place=place.objects_at)
    if place.objects_from is None:
        engines.demand_fit(engines.blobs_at(place, to), to)
    moves.demand_approved(store, moves.Part.OBJECTS, place.objects_at, to, now)
    return place._replace(objects_at=to, objects_from=place.objects_at)


def name_both(new: Layout, wait: float, note: bytes) -> None:
    """Step 2; no store of *new* is open in this process. Raises InUse with the holder of the open lock."""
    with engines.opened_locks(new, note) as locks, locks.lock("open", exclusive=True, wait=wait):
        now = layout.find(new.store)
        if now.catalogue_at != new.catalogue_at:  # and with it the locks
            raise InUse("in_use")
        if {now.objects_at, now.objects_from} - {None} <= {new.objects_at, new.objects_from}:
            layout.finish(now._replace(objects_at=new.objects_at, objects_from=new.objects_from))
            return
    raise Usage("objects_move_unfinished", place=now.objects_at)


def carry_out(store: Store, now: datetime, observer: Observer = unobserved) -> Moved:
    """Steps 3 to 5; raises InUse while another run moves objects, and Unreachable."""
    from arlo_rec.vault.backends.moving import MovingBlobs

    place = store.layout
    if not isinstance(store.blobs, MovingBlobs):
        return Moved(place.objects_at, 0, 0, ())
    with disk():
        touch(place.lock_file("objects"), 0o600)
    with file_lock(place.lock_file("objects"), exclusive=True, wait=0):
        moved, left = _move(store, store.blobs, observer)
        request = moves.used(store, moves.Part.OBJECTS, str(place.objects_from), place.objects_at)
        with store.change(now) as change:
            change.log(ObjectsMoved(to=place.objects_at, moved=moved, left=len(left), request=request))
        if not left:
            layout.finish(layout.with_places_now(place)._replace(objects_from=None))
    return Moved(place.objects_at, moved, moved, left)


def _move(store: Store, blobs: MovingBlobs, observer: Observer) -> tuple[int, tuple[RecordingId, ...]]:
    """Steps 3 and 4: the number of moved objects, and the ids of those that stay."""
    count, moved, left = store.catalogue.search.count_held(), 0, list[RecordingId]()
    copier = BlobCopier(blobs.old, blobs.new, read_back=True)
    with workers(copier.begin, forked=False, sides=BESIDE) as copiers:
        for portion, bad in _copied(store, blobs, copiers):
            good = portion - bad
            still = _held(store, portion)
            blobs.delete_all(sorted(portion - still))
            blobs.old.delete_all(sorted(good & still))
            blobs.settle(portion)
            moved += len(good & still)
            left += (RecordingId(bytes.fromhex(name)) for name in sorted(bad & still))
            observer(Progress(Phase.OBJECT_MOVE, min(moved, count), count))
    return moved, tuple(left)


def _copied(store: Store, blobs: MovingBlobs, copiers: Copiers) -> Iterator[tuple[set[str], set[str]]]:
    """The names in each portion of the old place, and those that were not copied, as far as they are held.

    What a list of the old place leaves out, and the new one lacks, is asked for by its name.
    """
    portions = deque[set[str]]()

    def wanted() -> Iterator[Wanted]:
        for beginning in range(256):
            prefix = bytes([beginning])
            names = set(blobs.old.names(prefix.hex()))
            held = {recording.hex(): expected for recording, expected in store.catalogue.inventory.held_objects(prefix)}
            gone = sorted(names - held.keys())
            blobs.delete_all(gone)
            blobs.settle(gone)
            kept = sorted(names & held.keys())
            kept += _unlisted(blobs.new, blobs.old, sorted(held.keys() - names))
            for at in range(0, len(kept), PORTION):
                portion = Wanted(prefix.hex(), {name: held[name] for name in kept[at : at + PORTION]})
                portions.append(set(portion.objects))
                yield portion

    for bad in copiers.map(wanted()):
        yield portions.popleft(), set(bad)


def _unlisted(new: Blobs, old: Blobs, names: list[str]) -> list[str]:
    """Those of some objects that lie at the old place alone."""
    lacking = [name for name, head in zip(names, new.heads(names, 1), strict=True) if head is None]
    return [name for name, head in zip(lacking, old.heads(lacking, 1), strict=True) if head is not None]


def _held(store: Store, names: set[str]) -> set[str]:
    """Those of some objects that the catalogue still holds."""
    ids = [RecordingId(bytes.fromhex(name)) for name in names]
    return {recording.id.hex() for _, recording in store.catalogue.search.held_among(ids)}
