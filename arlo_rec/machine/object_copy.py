"""Copying many objects: from one folder of objects to another, as a backup and its restore do, or between any places.

The objects of one subfolder go together: it is opened once on either side, and on a disk of this machine all of them
are synced by one call. Syncing each costs four times as much as everything else for an object of a short call.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from arlo_rec.sound.processes.workers import Workers
from arlo_rec.vault.backends import FILE_MODE, FOLDER_MODE, Blobs, Expected, is_stored, mounts
from arlo_rec.vault.backends.durable import disk, sync_files, write_all
from arlo_rec.vault.backends.files import SYNCED_WHOLE
from arlo_rec.vault.backends.shared_folder import make_folder, open_folder, open_in, opened_in
from arlo_rec.vault.crypto import object_file, primitives

AT_ONCE: Final = 1024  # objects that are synced together
MANY: Final = 100  # objects that are worth two processes
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


@dataclass(frozen=True, slots=True)
class Wanted:
    """Objects whose names begin with the same two digits, each with what it must hold."""

    beginning: str
    objects: Mapping[str, Expected]


Copiers = Workers[Wanted, list[str]]  # their answers name the objects that could not be copied


@dataclass(frozen=True, slots=True)
class ObjectCopier:
    """Copies from *source* to *target*: folders of objects below folders that a command named."""

    source: Path
    target: Path
    read_back: bool = False  # whether a copy counts only when it was read again

    @contextmanager
    def begin(self) -> Iterator[ObjectCopier]:
        """See `workers`."""
        yield self

    def __call__(self, wanted: Wanted) -> list[str]:
        """Copy objects durably; returns the names of missing objects and of those with another content.

        A copy has its name with all its bytes or not at all, whenever the power fails, and replaces any file of that
        name. Raises Unreachable.
        """
        with disk():
            return self._copy(wanted)

    def _copy(self, wanted: Wanted) -> list[str]:
        try:
            source = open_folder(self.source / wanted.beginning, below=self.source.parent)
        except FileNotFoundError:
            return list(wanted.objects)
        try:
            with self._target(wanted.beginning) as target:
                objects = wanted.objects.items()
                good = [name for name, expected in objects if self._copy_one(source, target, name, expected)]
                bad = wanted.objects.keys() - set(good)
                for name in bad:
                    with suppress(FileNotFoundError):
                        os.unlink(f"{name}.part", dir_fd=target)
                _name(target, good, whole=mounts.file_system(self.target) in SYNCED_WHOLE)
                if self.read_back:
                    bad |= {name for name in good if self._digest(target, name) != wanted.objects[name].digest}
        finally:
            os.close(source)
        return list(bad)

    def _copy_one(self, source: int, target: int, name: str, expected: Expected) -> bool:
        """Copy an object to a `.part` file; whether it is as expected. One of another length is not even read."""
        digest, left = primitives.hasher(), expected.length
        try:
            reading, about = opened_in(source, name, os.O_RDONLY, self.source)
        except FileNotFoundError:
            return False
        try:
            if about.st_size != expected.length:
                return False
            writing = self._part(target, f"{name}.part")
            try:
                while left and (piece := os.read(reading, min(left, primitives.FEED))):
                    digest.update(piece)
                    write_all(writing, piece)
                    left -= len(piece)
            finally:
                os.close(writing)
        finally:
            os.close(reading)
        return digest.digest() == expected.digest

    def _digest(self, target: int, name: str) -> bytes:
        handle = open_in(target, name, os.O_RDONLY, self.target)
        try:
            return primitives.digest_of(iter(lambda: os.read(handle, primitives.FEED), b""))
        finally:
            os.close(handle)

    def _part(self, target: int, part: str) -> int:
        """A new `.part` file, replacing that of a killed run."""
        try:
            return open_in(target, part, _NEW, self.target, mode=FILE_MODE)
        except FileExistsError:
            os.unlink(part, dir_fd=target)
            return open_in(target, part, _NEW, self.target, mode=FILE_MODE)

    @contextmanager
    def _target(self, beginning: str) -> Iterator[int]:
        make_folder(self.target / beginning, FOLDER_MODE, below=self.target.parent)
        handle = open_folder(self.target / beginning, below=self.target.parent)
        try:
            yield handle
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class BlobCopier:
    """Copies from one place of objects to another, of which neither need be a folder; safe in several threads."""

    source: Blobs
    target: Blobs
    read_back: bool = False  # whether a copy counts only when it was read again
    _there: dict[str, frozenset[str]] = field(default_factory=dict)  # by their first digits: an earlier run's copies

    @contextmanager
    def begin(self) -> Iterator[BlobCopier]:
        """See `workers`."""
        yield self

    def __call__(self, wanted: Wanted) -> list[str]:
        """Copy objects as `ObjectCopier` does; an object that an earlier run copied is only compared."""
        if wanted.beginning not in self._there:
            self._there[wanted.beginning] = frozenset(self.target.names(wanted.beginning))
        there = self._there[wanted.beginning] & wanted.objects.keys()
        rest = sorted(wanted.objects.keys() - {name for name in there if self._is_there(name, wanted)})
        self.target.delete_all(rest)  # what a killed run left of them
        good = [name for name in rest if self._put(name, wanted.objects[name])]
        self.target.settle(good)
        bad = set(rest) - set(good)
        if self.read_back:
            bad |= {name for name in good if not self._is_there(name, wanted)}
        return sorted(bad)

    def _is_there(self, name: str, wanted: Wanted) -> bool:
        return is_stored(self.target, name, wanted.objects[name])

    def _put(self, name: str, expected: Expected) -> bool:
        """Put an object as expected, not settled yet; False if it is missing or another."""
        try:
            with self.source.open(name) as stream:
                pieces = object_file.Digested(iter(lambda: stream.read(primitives.FEED), b""), primitives.hasher())
                self.target.put(name, _genuine(pieces, expected))
        except (KeyError, _Another):
            return False
        return True


class _Another(Exception):
    """Ends a put whose object is another than the catalogue says."""


def _genuine(pieces: object_file.Digested, expected: Expected) -> Iterator[bytes]:
    """The pieces; raises _Another at their end, or once there are too many."""
    for piece in pieces:
        if pieces.size > expected.length:
            raise _Another
        yield piece
    if pieces.digest() != expected.digest:
        raise _Another


def _name(folder: int, names: Sequence[str], *, whole: bool) -> None:
    """Sync the `.part` files of objects, give them their names, and make these durable; *whole* as for `sync_files`."""
    sync_files(folder, [f"{name}.part" for name in names], whole=whole)
    for name in names:
        os.rename(f"{name}.part", name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def in_portions(objects: Iterable[tuple[bytes, Expected]]) -> Iterator[Wanted]:
    """Objects, by id in order, each with what it must hold, in portions that are copied together."""
    portion: dict[str, Expected] = {}
    beginning = ""
    for recording, expected in objects:
        name = recording.hex()
        if portion and (name[:2] != beginning or len(portion) == AT_ONCE):
            yield Wanted(beginning, portion)
            portion = {}
        beginning = name[:2]
        portion[name] = expected
    if portion:
        yield Wanted(beginning, portion)
