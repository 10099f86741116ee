"""The engines that keep a store's parts: its locks, objects and catalogue, each where the layout says it lies."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from arlo_rec.law.model.errors import Integrity, NotUnlocked, Unreachable, Usage
from arlo_rec.vault.backends import FILE_MODE, Blobs, Connection, Locks, shared_folder
from arlo_rec.vault.backends.durable import disk
from arlo_rec.vault.backends.files import FileBlobs, file_lock
from arlo_rec.vault.keys.layout import FILES, Layout, bucket_of, patience

if TYPE_CHECKING:
    from arlo_rec.engines.postgres.postgres import PostgresConnection
    from arlo_rec.engines.s3.objects import Access


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
    with closing(_postgres().PostgresSession(place.catalogue_at, reads_only=reads_only)) as session:
        yield session


def blobs(place: Layout, access: Callable[[], Access] | None = None) -> Blobs:
    """The objects of a store where they lie; nothing is asked of a service yet. See `blobs_at`."""
    new = blobs_at(place, place.objects_at, access)
    if place.objects_from is None:
        return new
    from arlo_rec.engines.s3.objects import MovingBlobs

    return MovingBlobs(new, blobs_at(place, place.objects_from, access))


def blobs_at(place: Layout, at: str, access: Callable[[], Access] | None) -> Blobs:
    """The objects at one place; *access* is called at the first use of a service, where it may raise Unreachable."""
    if at == FILES:
        return FileBlobs(place.objects)
    from arlo_rec.engines.s3.objects import Access, ObjectBlobs, s3_bucket

    bucket, prefix = bucket_of(at)
    return ObjectBlobs(
        lambda patience: s3_bucket(bucket, prefix, access() if access is not None else Access(), patience)
    )


def new_catalogue(place: Layout, key: bytes) -> Connection:
    """A catalogue without tables: an empty file, or the database.

    Raises Usage where that has tables, and Unreachable where the role may make none.
    """
    if place.catalogue_at != FILES:
        postgres = _postgres()
        try:
            connection = database(place, key)
        except NotUnlocked:  # of another store
            raise Usage("database_taken", value=place.catalogue_at[:80]) from None
        try:
            postgres.demand_empty(connection)
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
        postgres = _postgres()
        session = locks if isinstance(locks, postgres.PostgresSession) else None
        database: PostgresConnection = postgres.PostgresConnection(
            place.catalogue_at, key, reads_only=reads_only, session=session
        )
        if not postgres.is_made(database):
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


def database(place: Layout, key: bytes) -> PostgresConnection:
    """The database of the catalogue, with tables or without; raises NotUnlocked for those of another store."""
    opened: PostgresConnection = _postgres().PostgresConnection(place.catalogue_at, key)
    return opened


def _postgres() -> ModuleType:
    try:
        from arlo_rec.engines.postgres import postgres
    except ImportError:
        raise Unreachable("database_no_library") from None
    return postgres
