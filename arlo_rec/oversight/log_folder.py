"""The log as a folder of static files that foreign clients read (c2sp.org/tlog-tiles); IT's, beside no store.

Nothing in it is personal: it has hashes, and of each entry the commitment, which reveals nothing of the body. Order:
every tile and bundle under another name, synced, then named; the folders synced; the checkpoint last. So a run that is
cut off leaves the folder true for the checkpoint that it has, and the next run goes on. What the checkpoint covers is
compared and never written again; what a run that was cut off left beyond it is.

Where the body of an entry is gone its commitment cannot be given, and the bundle that would hold it is left out: the
log is pruned in the words of tlog-tiles, up to the end of that bundle. The tiles of hashes are always whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.backends.durable import disk, put_new, rename, sync_folder, translated, write_whole
from arlo_rec.backends.files import lock_handle
from arlo_rec.backends.shared_folder import NotPlain, make_folder, names, open_folder, read_small
from arlo_rec.catalogue.audit_log import AuditLog
from arlo_rec.crypto import merkle, tiles
from arlo_rec.crypto.merkle import Checkpoint
from arlo_rec.crypto.tiles import Tile, Tiling
from arlo_rec.model.errors import Integrity, NothingMatched, Usage
from arlo_rec.model.progress import Observer, Phase, Progress, unobserved

CHECKPOINT: Final = "checkpoint"
TILES: Final = "tile"
_NOTE_BYTES: Final = 64 * 1024
_FILE: Final = 0o644  # others read it: a web server, an auditor's account
_FOLDER: Final = 0o755
_BATCH: Final = 32 * tiles.WIDTH  # leaves read at once: 1 MB
_WAIT: Final = 60.0  # seconds for another run into the same folder


class Published(NamedTuple):
    """What a folder holds now: the checkpoint, the number of new files, and before which entry bundles are missing."""

    checkpoint: Checkpoint
    written: int
    minimum_index: int


def publish(log: AuditLog, folder: Path, observer: Observer = unobserved) -> Published:
    """Write the log up to its newest checkpoint into *folder*, which is made, or goes on from an earlier run.

    Raises Usage where the folder is something else, Integrity where it is of another log or this one does not go on
    from its checkpoint, where a file in it is not what it was, or the leaves are not what was signed; InUse; and
    Unreachable.
    """
    with _locked(folder):
        before = _before(folder)
        newest, note = log.newest()
        if before is not None:
            _demand_same_log(log, folder, before, newest.size)
        files = _Files(folder, before.size if before else 0, log)
        _write_tiles(log, files, before, newest, observer)
        files.sync()
        if _read(folder, CHECKPOINT) != note.encode("utf-8"):
            write_whole(folder / CHECKPOINT, note.encode("utf-8"), mode=_FILE)
            files.written += 1
    return Published(newest, files.written, files.minimum_index)


def leaves_of(log: AuditLog, size: int) -> Iterator[bytes]:
    """The first *size* leaf hashes in order, read in batches; raises Integrity where one is missing."""
    for begin in range(0, size, _BATCH):
        found = log.leaves(begin, min(begin + _BATCH, size))
        for seq in range(begin, min(begin + _BATCH, size)):
            if seq not in found:
                raise Integrity("log_damaged")
            yield found[seq]


def _write_tiles(
    log: AuditLog, files: _Files, before: Checkpoint | None, newest: Checkpoint, observer: Observer
) -> None:
    tiling = Tiling()
    for leaf in leaves_of(log, newest.size):
        for tile in tiling.add(leaf):
            files.put(tile)
            if tile.level == 0:
                observer(Progress(Phase.LOG_COPY, tiling.size, newest.size))
        if before is not None and tiling.size == before.size and tiling.root() != before.root:
            raise Integrity("log_folder_differs", path=str(files.folder))
    if tiling.root() != newest.root:
        raise Integrity("log_damaged")
    for tile in tiling.partial():
        files.put(tile)


# -- the folder ---------------------------------------------------------------------------------------


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make the folder where there is none, and keep other runs out of it; raises Usage."""
    try:
        if not folder.exists():
            make_folder(folder, _FOLDER)
        handle = open_folder(folder, below=folder)
    except (NotPlain, NotADirectoryError):
        raise Usage("not_a_log_folder", path=str(folder)) from None
    except FileNotFoundError:
        raise Usage("no_such_folder", path=str(folder.parent)) from None
    except OSError as error:
        raise translated(error) from None
    try:
        lock_handle(handle, exclusive=True, wait=_WAIT)
        yield
    finally:
        os.close(handle)


def _before(folder: Path) -> Checkpoint | None:
    """The checkpoint of the run before; None in a new folder, or where no run came to its end.

    Raises Usage for a folder of something else, Integrity where it has tiles and its checkpoint was changed.
    """
    raw = _read(folder, CHECKPOINT)
    with disk():
        others = {name for name in names(folder, below=folder) if not name.startswith(f".{CHECKPOINT}.")}
    if raw is not None:
        try:
            return merkle.parse_note(raw.decode("utf-8"))[0]
        except ValueError:
            if TILES in others:
                raise Integrity("log_folder_changed", path=str(folder / CHECKPOINT)) from None
            raise Usage("not_a_log_folder", path=str(folder)) from None
    if others - {TILES}:
        raise Usage("not_a_log_folder", path=str(folder))
    return None


def _demand_same_log(log: AuditLog, folder: Path, before: Checkpoint, size: int) -> None:
    """Raise Integrity where the log does not go on from what was published before."""
    if before.origin != log.origin:
        raise Integrity("log_folder_of_another", path=str(folder))
    if before.size > size:  # a number that somebody wrote there, which may be one that no catalogue holds
        raise Integrity("log_folder_longer", path=str(folder), size=size)
    if log.root_at(before.size) != before.root:
        raise Integrity("log_folder_differs", path=str(folder))


def _read(folder: Path, path: str) -> bytes | None:
    """The bytes of a file of the folder; None where there is none. Raises Unreachable."""
    with disk(), suppress(FileNotFoundError):
        return read_small(folder / path, _NOTE_BYTES, below=folder)
    return None


class _Files:
    """The tiles and bundles of one run: what is new is written, what the checkpoint before covers is compared."""

    def __init__(self, folder: Path, covered: int, log: AuditLog) -> None:
        self.folder, self.written, self.minimum_index = folder, 0, 0
        self._covered, self._log = covered, log
        self._made: set[Path] = set()  # folders that are there; their names are synced at the end

    def put(self, tile: Tile) -> None:
        """Write a tile, and for one of leaves the bundle of its entries; raises Integrity."""
        self._put(tile, tile.path, tile.hashes)
        if tile.level == 0:
            self._put_bundle(tile)

    def _put_bundle(self, tile: Tile) -> None:
        lying = _read(self.folder, tile.bundle_path)
        if lying is not None and tiles.is_bundle_of(lying, tile.leaves):
            return
        commitments = self._commitments(tile)
        if commitments is None:
            self.minimum_index = tile.end
        else:
            self._put(tile, tile.bundle_path, tiles.bundle(commitments))

    def _commitments(self, tile: Tile) -> list[bytes] | None:
        """The entries of a bundle; None where a body is gone. Raises Integrity where one is not what was sworn."""
        begin = tile.end - tile.width
        entries = self._log.raw_entries(begin, tile.end)
        if any(entry.body is None for entry in entries):
            return None
        commitments = [merkle.commit(entry.salt, entry.body or b"") for entry in entries]
        if [merkle.leaf_hash(each) for each in commitments] != tile.leaves:
            raise Integrity("log_damaged")
        return commitments

    def _put(self, tile: Tile, name: str, content: bytes) -> None:
        lying = _read(self.folder, name)
        if lying == content:
            return
        path = self.folder / name
        if lying is not None and tile.end <= self._covered:
            raise Integrity("log_folder_changed", path=str(path))
        self._make(path.parent)
        write_file(path, content, self.folder)
        self.written += 1

    def _make(self, folder: Path) -> None:
        if folder == self.folder or folder in self._made:
            return
        self._make(folder.parent)
        with disk():
            make_folder(folder, _FOLDER, below=self.folder)
        self._made.add(folder)

    def sync(self) -> None:
        """Sync the names of everything that was written."""
        with disk():
            for folder in [*sorted(self._made, reverse=True), self.folder]:
                sync_folder(folder, below=self.folder)


def write_file(path: Path, content: bytes, below: Path) -> None:
    """Write or replace a tile or a bundle; its folder is still to be synced. Raises Unreachable."""
    part = path.with_name(f".{path.name}.part")
    with disk():
        put_new(part, [content], _FILE, below=below)
        rename(part, path, below=below)


class Proof(NamedTuple):
    """That an entry is in the log of a checkpoint: its number, leaf hash and commitment, and the proof for others."""

    checkpoint: Checkpoint
    entry: int
    leaf: bytes
    commitment: bytes | None  # None where the body is gone
    text: str


def prove(log: AuditLog, entry: int) -> Proof:
    """Prove that entry number *entry* is in the log of the newest checkpoint (c2sp.org/tlog-proof).

    Raises NothingMatched where there is no such entry, Integrity where the leaves are not what was signed.
    """
    newest, note = log.newest()
    if not 0 <= entry < newest.size:
        raise NothingMatched("no_such_entry", entry=entry, last=newest.size - 1)
    path = merkle.paths_in(leaves_of(log, newest.size), newest.size, [entry])[entry]
    (raw,) = log.raw_entries(entry, entry + 1)
    if merkle.root_by_path(raw.leaf, entry, newest.size, path) != newest.root:
        raise Integrity("log_damaged")
    commitment = merkle.commit(raw.salt, raw.body) if raw.body is not None else None
    if commitment is not None and merkle.leaf_hash(commitment) != raw.leaf:
        raise Integrity("log_damaged")
    return Proof(newest, entry, raw.leaf, commitment, tiles.proof(entry, path, note))
