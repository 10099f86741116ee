"""The engines that keep a store's parts: its locks, objects and catalogue, each where the layout says it lies."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import TYPE_CHECKING

from arlo_rec.law.model.errors import Integrity, NotUnlocked, Unreachable, Usage
from arlo_rec.vault.backends import FILE_MODE, Blobs, Connection, Locks, shared_folder
from arlo_rec.vault.backends.durable import disk
from arlo_rec.vault.backends.files import FileBlobs, file_lock
from arlo_rec.vault.keys.layout import FILES, Layout, patience

if TYPE_CHECKING:
    from arlo_rec.vault.backends.elsewhere import Catalogues


class FileLocks:
    """The locks of a store that one machine opens: files of its folder; *note* names their holder."""

    def __init__(self, place: Layout, note: bytes = b"") -> None:
        self._place, self._note = place, note

    def lock(self, name: str, *, exclusive: bool, wait: float) -> AbstractContextManager[None]:
        """See Locks."""
        return file_lock(self._place.lock_file(name), exclusive=exclusive, wait=wait, note=self._note)


@contextmanager
def opened_locks(place: Layout, note: bytes = b"", *, reads_only: bool = False) -> Iterator[Locks]:
    """The locks of a store: of its files, with the holder's *note*; or of a session of the database, for all hosts."""
    if not place.is_shared:
        yield FileLocks(place, note)
        return
    with closing(_catalogues(place).session(place.catalogue_at, reads_only=reads_only)) as session:
        yield session


def blobs(place: Layout) -> Blobs:
    """The objects of a store where they lie; nothing is asked of a service yet. See `blobs_at`."""
    new = blobs_at(place, place.objects_at)
    if place.objects_from is None:
        return new
    from arlo_rec.vault.backends.moving import MovingBlobs

    return MovingBlobs(new, blobs_at(place, place.objects_from))


def blobs_at(place: Layout, at: str) -> Blobs:
    """The objects at one place; raises Usage for no place."""
    if at == FILES:
        return FileBlobs(place.objects)
    from arlo_rec.vault.backends import elsewhere

    engine = elsewhere.engine_at(at)
    if engine is None or engine.objects is None:
        raise Usage("bad_objects_place", value=elsewhere.without_secret(at))
    return engine.objects.blobs(at, place.way)


def demand_fit(blobs: Blobs, at: str) -> None:
    """Raise Unreachable where a place of objects is away or unfit, Usage where something lies there."""
    blobs.probe()
    if next(blobs.names(), None) is not None:
        raise Usage("objects_not_empty", place=at)


def new_catalogue(place: Layout, key: bytes) -> Connection:
    """A catalogue without tables: an empty file, or the database.

    Raises Usage where that has tables, and Unreachable where the role may make none.
    """
    if place.catalogue_at != FILES:
        kept = _catalogues(place)
        try:
            connection = kept.opened(place.catalogue_at, key)
        except NotUnlocked:  # of another store
            raise Usage("database_taken", value=place.catalogue_at[:80]) from None
        try:
            kept.demand_empty(connection)
        except BaseException:
            connection.close()
            raise
        return connection
    from arlo_rec.vault.backends.sqlite import SqliteConnection

    with disk():
        shared_folder.touch(place.catalogue, FILE_MODE)
    return SqliteConnection(place.catalogue, key, still=patience(place))


def catalogue(place: Layout, key: bytes, *, reads_only: bool = False, locks: Locks | None = None) -> Connection:
    """The catalogue where it lies, opened, in the session of the *locks* if they are of one.

    Raises NotUnlocked for another key, Integrity where it is missing.
    """
    if place.catalogue_at != FILES:
        kept = _catalogues(place)
        database = kept.opened(place.catalogue_at, key, reads_only=reads_only, locks=locks)
        if not kept.is_made(database):
            database.close()
            raise Integrity("catalogue_missing")
        return database
    from arlo_rec.vault.backends.sqlite import SqliteConnection

    about = shared_folder.status(place.catalogue)
    if about is None:
        raise Integrity("catalogue_missing")
    if not stat.S_ISREG(about.st_mode):
        raise Unreachable("not_plain_file", path=str(place.catalogue))
    return SqliteConnection(place.catalogue, key, reads_only=reads_only, still=patience(place))


def drop_database(place: Layout, key: bytes, tables: tuple[str, ...]) -> bool:
    """Remove the tables of a catalogue in a database; False of tables that the key does not open."""
    kept = _catalogues(place)
    try:
        with closing(kept.opened(place.catalogue_at, key)) as database:
            if kept.is_made(database):
                kept.drop(database, tables)
    except NotUnlocked:
        return False
    return True


def _catalogues(place: Layout) -> Catalogues:
    from arlo_rec.vault.backends import elsewhere

    kept = elsewhere.catalogues_at(place.catalogue_at)
    if kept is None:
        raise Usage("bad_database", value=elsewhere.without_secret(place.catalogue_at))
    return kept
