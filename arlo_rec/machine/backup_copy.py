"""A backup's catalogue in its new place, verified against its slot.

Others can write into the folders of a backup and of its ring. So a maker of backups in the
catalogue's own roster must have signed the slot, and R must open with all of the slot's fields. The catalogue must have
the slot's digest, and its rows must be as new as its log.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from arlo_rec.law.model.errors import ArloError, Integrity, NotGranted, NotUnlocked, Refused, Unreachable, Usage
from arlo_rec.machine.backup_places import ABOUT_BYTES
from arlo_rec.machine.replay import PastLog
from arlo_rec.policy import Action, may
from arlo_rec.vault.backends import FILE_MODE
from arlo_rec.vault.backends.durable import disk, put_new, translated
from arlo_rec.vault.backends.elsewhere import Way
from arlo_rec.vault.backends.files import FileBlobs
from arlo_rec.vault.backends.ringfile import RingFile
from arlo_rec.vault.backends.shared_folder import open_file, read_small
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue import column_keys, schema
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.key_files import Identity, catalogue_key, read_catalogue_seal
from arlo_rec.vault.keys.layout import Layout
from arlo_rec.vault.keys.root_secret import StateFolder, create_root
from arlo_rec.vault.offsite import escrow
from arlo_rec.vault.offsite.escrow import EscrowSlot
from arlo_rec.vault.opened import Store

# -- sources: backups that a slot of the ring still opens --------------------------------------------


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """A backup, and the places of the restored store."""

    folder: Path
    escrow: Path
    store: Path
    root: Path
    feed: Path | None = None
    root_at: str | None = None  # the address of the restored store's root secret in a service
    way: Way | None = None  # to engines beyond this machine

    def place(self, store_id: bytes) -> Layout:
        """The places of the restored store."""
        return Layout(self.store, self.root, store_id, root_at=self.root_at, way=self.way)


@dataclass(frozen=True, slots=True)
class BackupSource:
    """The backup to restore."""

    store_id: bytes
    slot: EscrowSlot
    folder: Path

    @property
    def catalogue(self) -> Path:
        """The copy of the catalogue."""
        return self.folder / escrow.CATALOGUE

    def layout(self, root_folder: Path) -> Layout:
        """The places of its key files and seals."""
        return Layout(self.folder, root_folder, self.store_id)


def find(options: RestoreOptions, now: datetime) -> list[BackupSource]:
    """The backups within their time, the newest first.

    A slot counts only once it is opened: others can write into both folders. Raises Usage, Refused (all are older
    than their ring allows), Unreachable or Integrity.
    """
    store_id = _store_id(options.folder)
    slots = escrow.slots(store_id, RingFile(options.escrow).read())
    live = [slot for slot in slots if escrow.is_within(slot, now)]
    if not live:
        raise Refused("backup_too_old", rule="consent.withdraw", path=str(options.folder))
    return [BackupSource(store_id, slot, options.folder / str(slot.number)) for slot in live]


def _store_id(folder: Path) -> bytes:
    try:
        about = tomllib.loads(read_small(folder / escrow.ABOUT, ABOUT_BYTES).decode("utf-8"))
        return bytes.fromhex(about["id"])
    except NotADirectoryError:
        raise Usage("no_such_folder", path=str(folder)) from None
    except FileNotFoundError:
        raise Unreachable("no_backup", path=str(folder)) from None
    except OSError as error:
        raise translated(error) from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise Integrity("backup_damaged", path=str(folder)) from None


@dataclass(frozen=True, slots=True)
class GenuineCopy:
    """The backup's catalogue, open in its new place and under a new key."""

    store: Store
    old_seed: bytes
    new_seed: bytes
    secret: bytes  # R of its generation
    past: PastLog  # by its own log


class NotThisBackup(Exception):
    """The backup is damaged or planted, or not for this officer; an older one may be good."""

    def __init__(self, problem: ArloError) -> None:
        super().__init__(problem.code)
        self.problem = problem


@contextmanager
def genuine_copy(
    source: BackupSource, target: Layout, unlock: Callable[[BackupSource], Identity], state: StateFolder
) -> Iterator[GenuineCopy]:
    """The backup's catalogue in its new place; raises NotThisBackup if it does not match its slot."""
    try:
        _copy_catalogue(source, target)
        identity = unlock(source)
        copy = _open_copy(source, target, identity, _secret(source, identity), state)
    except (NotUnlocked, Integrity) as problem:
        raise NotThisBackup(problem) from None
    with closing(copy.store.db):
        yield copy


def _open_copy(
    source: BackupSource, target: Layout, identity: Identity, secret: bytes, state: StateFolder
) -> GenuineCopy:
    """Open the copied catalogue, under a new key; raises NotGranted, NotUnlocked, Integrity, Unreachable."""
    connection, old_seed = _connect(source.layout(target.root), target.catalogue, identity)
    new_seed = primitives.fresh()
    connection.rekey(catalogue_key(new_seed))
    blobs = FileBlobs(target.objects)
    root = create_root(target)
    store = Store(target, connection, blobs, root, identity, new_seed, state)
    store.instance = store.instance._replace(place=None)
    try:
        version = schema.demand(store.meta, source.folder)
        schema.demand_untouched(store.db, source.folder, version)
        store.load_documents()
        _demand_officer(store)
        _demand_signed(store, source)
        with store.db.writing():
            if version < schema.VERSION:
                schema.upgrade(store.db, store.meta)
            column_keys.move(store.db, new_seed)
        past = PastLog(store)
        past.read_own()
        past.demand_current()
    except BaseException:
        store.db.close()
        raise
    return GenuineCopy(store, old_seed, new_seed, secret, past)


def _copy_catalogue(source: BackupSource, target: Layout) -> None:
    """Copy the catalogue's bytes; raises Integrity if they do not match the slot, Unreachable."""
    if not escrow.has_catalogue(source.folder.parent, source.slot.number):
        raise Integrity("backup_damaged", path=str(source.folder))
    digest = primitives.hasher()

    def pieces(file: BinaryIO) -> Iterator[bytes]:
        while piece := file.read(primitives.FEED):
            digest.update(piece)
            yield piece

    with disk():
        copied = open_file(source.catalogue, os.O_RDONLY, below=source.folder.parent)
        with os.fdopen(copied, "rb", buffering=0) as file:
            if not escrow.is_solid(copied):
                raise Integrity("backup_damaged", path=str(source.folder))
            put_new(target.catalogue, pieces(file), FILE_MODE)
    if digest.digest() != source.slot.catalogue:
        raise Integrity("backup_damaged", path=str(source.folder))


def _demand_officer(store: Store) -> None:
    """Raise NotGranted if this identity may not restore; there is no log yet for the refusal."""
    decision = may(store.person.role, Action.RESTORE)
    if not decision.allowed:
        raise NotGranted(decision.code, rule=decision.rule)


def _demand_signed(store: Store, source: BackupSource) -> None:
    """Raise Integrity unless a maker of backups at the time of the copy signed the slot."""
    if not escrow.counts(store, source.slot):
        raise Integrity("backup_damaged", path=str(source.folder))


def _secret(source: BackupSource, identity: Identity) -> bytes:
    """R of its generation; raises NotUnlocked if it was not sealed to that officer with this slot."""
    secret = escrow.open_sealed(source.store_id, source.slot, identity.sealing)
    if secret is None:
        raise NotUnlocked("backup_not_for_you", rule="access.officer")
    return secret


def _connect(sealed: Layout, catalogue: Path, identity: Identity) -> tuple[SqliteConnection, bytes]:
    """The catalogue, opened with one of the seeds sealed to *identity* there, and that seed."""
    seeds = read_catalogue_seal(sealed, identity)
    for seed in seeds:
        try:
            connection = SqliteConnection(catalogue, catalogue_key(seed))
        except NotUnlocked:
            continue
        column_keys.choose(connection, seeds)
        return connection, seed
    raise Integrity("backup_damaged", path=str(catalogue))
