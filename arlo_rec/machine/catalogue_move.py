"""Moving the catalogue of a store to another place: from its file to a database, or back.

    1  the new place is empty, and `store.toml` names it         a crash: what lies there by then is of this move
    2  alone until 4: the old rows compared with their sums, and copied
    3  the new rows read back and compared; one change more is counted, so that `seen` is older than the new catalogue
    4  `store.toml` names the new place as the catalogue's, and the old one as the place that was left
    5  `seen` moves on to the new catalogue, so that the old one is never opened again
    6  the old one destroyed                                     a crash: the next run goes on
    7  the log entry, then `store.toml`, which names the new place alone

Until 4 the old catalogue counts, and from then on the new one. Both have the same key.
"""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import datetime
from typing import Final

from arlo_rec.law.log.events import CatalogueMoved
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, InUse, Unreachable, Usage
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.office import moves
from arlo_rec.policy import Action
from arlo_rec.vault.backends.durable import disk, sync_folder
from arlo_rec.vault.backends.shared_folder import remove, status
from arlo_rec.vault.catalogue import copying, schema
from arlo_rec.vault.catalogue.meta import Meta
from arlo_rec.vault.keys import engines, layout
from arlo_rec.vault.keys.key_files import catalogue_key, read_catalogue_seal
from arlo_rec.vault.keys.layout import FILES, Layout
from arlo_rec.vault.opened import Store

_BESIDE: Final = ("", "-wal", "-shm", "-journal")  # the file of a catalogue, and what its engine keeps beside it


class Moved(Record, frozen=True):
    """The rows that this run moved, each read back and compared."""

    to: str
    moved: int
    verified: int
    left: bool  # whether tables lie in the other database that no key of this store opens


def begin(store: Store, to: str, now: datetime) -> bool:
    """Whether an officer's move has rows to copy; else the catalogue lies there already.

    Raises NotGranted, also where another officer has to approve it, and Unreachable. Raises Usage for a place that
    cannot be taken, or while another move is unfinished.
    """
    store.demand(Action.MOVE_CATALOGUE, now)
    place = store.layout
    if to == place.catalogue_at:
        return False
    if place.catalogue_from is not None:
        raise Usage("catalogue_move_unfinished", place=place.catalogue_at)
    if place.catalogue_to not in (None, to):
        raise Usage("catalogue_move_unfinished", place=place.catalogue_to or "")
    _demand_fit(store, to)
    moves.demand_approved(store, moves.Part.CATALOGUE, place.catalogue_at, to, now)
    return True


def _demand_fit(store: Store, to: str) -> None:
    """Step 1, but for its write."""
    place, key = store.layout, _key(store)
    if (owner := store.db.schema.owner_beside()) is not None:
        raise Unreachable("database_takes_owner", owner=owner, command=f"catalogue move --to {to}")
    if to == FILES and not layout.has_room(place, store.db.schema.size()):
        raise Unreachable("no_space", path=str(place.store))
    if to == place.catalogue_to:
        return
    if to != FILES:
        engines.new_catalogue(place._replace(catalogue_at=to), key).close()
    elif status(place.catalogue) is not None:
        raise Usage("already_exists", path=str(place.catalogue))


def _key(store: Store) -> bytes:
    """The key of the catalogue; raises InUse while a re-keying waits for others."""
    seeds = read_catalogue_seal(store.layout, store.identity)
    if len(seeds) > 1:
        raise InUse("in_use")
    return catalogue_key(seeds[0])


def carry_out(store: Store, to: str, now: datetime, observer: Observer = unobserved) -> int:
    """Steps 1 to 4 with the store open alone: the number of rows in the new catalogue, which nobody opened yet.

    Raises also Integrity, for rows that were changed or damaged. After an error nothing is left at the new place.
    """
    if not begin(store, to, now):
        return 0
    place, key = store.layout, _key(store)
    schema.demand_untouched(store.db, place.catalogue)
    layout.finish(place._replace(catalogue_to=to))
    if not _destroy(place, to, key):
        raise Usage("database_taken", value=to[:80])
    new = place._replace(catalogue_at=to, catalogue_to=None, catalogue_from=place.catalogue_at)
    try:
        rows = _fill(store, new, key, observer)
    except BaseException:
        with suppress(ArloError):
            _destroy(place, to, key)
            layout.finish(place._replace(catalogue_to=None))
        raise
    layout.finish(new)
    return rows


def _fill(store: Store, new: Layout, key: bytes, observer: Observer) -> int:
    """Steps 2 and 3: the number of rows."""
    with store.db.reading():
        observer(Progress(Phase.CATALOGUE_MOVE))
        copying.demand_unchanged(store.db)
        total, done = copying.count(store.db), 0

        def told(rows: int) -> None:
            nonlocal done
            done += rows
            observer(Progress(Phase.CATALOGUE_MOVE, done, total))

        with closing(engines.new_catalogue(new, key)) as target:
            read = copying.copy(store.db, target, told)
        changes = store.meta.number("changes")
    observer(Progress(Phase.COMPARISON))
    with closing(engines.catalogue(new, key)) as target:
        copying.demand_same(target, read)
        schema.demand_untouched(target, new.catalogue)
        with target.writing():
            Meta(target).set("changes", changes + 1)
    return total


def finish(store: Store, moved: int, now: datetime) -> Moved:
    """Steps 5 to 7 of a move, or the end of one that was given up; nothing where none is unfinished."""
    place = store.layout
    other = place.catalogue_from or place.catalogue_to
    if other is None:
        return Moved(place.catalogue_at, 0, 0, left=False)
    store.remember(anew=True)
    is_gone = _destroy(place, other, _key(store))
    if place.catalogue_from is not None:
        request = moves.used(store, moves.Part.CATALOGUE, other, place.catalogue_at)
        with store.change(now) as change:
            change.log(CatalogueMoved(before=_kind(other), after=_kind(place.catalogue_at), request=request))
    layout.finish(layout.with_places_now(place)._replace(catalogue_to=None, catalogue_from=None))
    return Moved(place.catalogue_at, moved, moved, left=not is_gone)


def _destroy(place: Layout, at: str, key: bytes) -> bool:
    """Destroy what lies at a place of the catalogue that does not count; False of tables that the key does not open."""
    if at == FILES:
        with disk():
            for ending in _BESIDE:
                remove(place.catalogue.with_name(place.catalogue.name + ending))
            sync_folder(place.store)
        return True
    return engines.drop_database(place._replace(catalogue_at=at), key, copying.TABLES)


def _kind(at: str) -> str:
    """A place in the words of the log, which names no server."""
    return FILES if at == FILES else "database"
