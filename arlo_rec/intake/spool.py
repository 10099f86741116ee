"""Files in a spool that others write to: opened so that no link, pipe or exchanged file can deceive the intake.

The folder that somebody named stays the one that was first seen (`Home`). Whatever lies below it is reached from its
handle, folder by folder, without following links and without waiting, and must be a regular file with one name; a
sound must lie in or below the very folder in which its manifest was read. What is read and what is removed later is
that very file, unchanged, in that very folder. What a file means is not known here, nor whether it may be removed
(`batch`).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from arlo_rec.backends import shared_folder

FolderId = tuple[int, int]  # device and inode


class NotAFile(Exception):
    """There is no plain file of that name that may be read.

    `missing` where nothing has the name; `outside` where the name leads out of its folder, or nowhere.
    """

    def __init__(self, *, missing: bool = False, outside: bool = False) -> None:
        super().__init__("not a plain file")
        self.missing, self.outside = missing, outside


class Home:
    """The folder that somebody named, or in which the file lies that they named; always the one that was first seen.

    No handle is kept, for thousands of files may be named.
    """

    def __init__(self, folder: Path, *, named: bool = False, not_of: int | None = None) -> None:
        """*named*: the folder itself was named, and is not reached through a link; *not_of*: see `home_of`."""
        self.folder, self.not_of = folder, not_of
        self._flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC | (os.O_NOFOLLOW if named else 0)
        self._seen: FolderId | None = None
        with suppress(OSError, ValueError), self.reached(folder) as handle:  # else nothing is found below it
            self._seen = _id(handle)

    @contextmanager
    def reached(self, folder: Path, flags: int = shared_folder.WAY) -> Iterator[int]:
        """A folder in or below this one, reached without following a link; raises OSError."""
        parts = (*folder.relative_to(self.folder).parts, ".")
        handle = os.open(self.folder, self._flags)
        if self._seen not in (None, _id(handle)):
            os.close(handle)
            raise FileNotFoundError(errno.ENOENT, "another folder", str(self.folder))
        handle = shared_folder.descend(handle, parts, flags, folder)
        try:
            yield handle
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """A file of the spool and what tells it from another of the same name."""

    path: Path
    size: int
    device: int
    inode: int
    changed_ns: int
    folder: FolderId  # in which it lies
    home: Home = field(compare=False, repr=False)

    def is_still(self, status: os.stat_result) -> bool:
        """Whether that is the *status* of this file, unchanged."""
        now = (status.st_size, status.st_dev, status.st_ino, status.st_mtime_ns)
        return now == (self.size, self.device, self.inode, self.changed_ns)


@contextmanager
def opened(
    home: Home, folder: Path, name: str, *, same: FolderId | None = None, shared: bool = False
) -> Iterator[tuple[BinaryIO, SpoolFile]]:
    """Open a plain file below *folder*, which lies in or below *home* and is *same* where that is given.

    Raises NotAFile, also where reading it fails inside.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise NotAFile(outside=True)
    handle, lies_in = _open_below(home, folder / name, folder, parts[:-1], same)
    try:
        status = os.fstat(handle)
        if status.st_nlink != 1:
            raise NotAFile(missing=status.st_nlink == 0)  # removed by another run since it was opened
        if status.st_uid == home.not_of:
            raise NotAFile
        with os.fdopen(os.dup(handle), "rb", buffering=0 if shared else -1) as stream:
            path, changed = folder / name, status.st_mtime_ns
            yield stream, SpoolFile(path, status.st_size, status.st_dev, status.st_ino, changed, lies_in, home)
    except OSError:
        raise NotAFile from None
    finally:
        os.close(handle)


def is_unchanged(stream: BinaryIO, file: SpoolFile) -> bool:
    """Whether an opened file is still as it was: nobody wrote to it while it was read."""
    return file.is_still(os.fstat(stream.fileno()))


def is_there(home: Home, path: Path) -> bool:
    """Whether anything below *home* has this name, a link to nothing too; never raises."""
    return _status(home, path) is not None


def home_of(path: Path, *, not_of: int | None = None) -> Home:
    """The folder that somebody named, or that of the file that they named; a link to a folder is no folder.

    No file of the account *not_of* is read or removed there: who comes through the door names any path of the machine,
    and what its account wrote is no delivery.
    """
    try:
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):
        is_folder = False
    return Home(path if is_folder else path.parent, named=is_folder, not_of=not_of)


def files(home: Home, path: Path) -> Iterator[Path]:
    """The files at *path*: itself, or everything below a folder, in order; links are not followed.

    A folder that cannot be listed gives the name of a manifest in it, which cannot be opened: its refusal makes
    somebody look.
    """
    if home.folder != path:
        yield path
        return
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        try:
            with home.reached(folder, shared_folder.FOLDER) as handle, os.scandir(handle) as entries:
                below = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        except OSError:
            yield folder / "unreadable.json"
            continue
        yield from (folder / name for name, is_folder in below if not is_folder)
        waiting += [folder / name for name, is_folder in reversed(below) if is_folder]


def remove(file: SpoolFile) -> bool:
    """Remove a file if it is still the one that was read, unchanged and in its folder; whether it is gone."""
    try:
        with file.home.reached(file.path.parent) as folder:
            if _id(folder) != file.folder:
                return False
            if not file.is_still(os.stat(file.path.name, dir_fd=folder, follow_symlinks=False)):
                return False
            os.unlink(file.path.name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def sync(removed: Iterable[SpoolFile]) -> None:
    """Make removals survive a power cut; a spool that cannot be synced is cleaned again by the next run."""
    for home, folder in {(file.home, file.path.parent) for file in removed}:
        with suppress(OSError), home.reached(folder, shared_folder.FOLDER) as handle:
            os.fsync(handle)


def _open_below(home: Home, path: Path, begin: Path, way: Sequence[str], same: FolderId | None) -> tuple[int, FolderId]:
    """A handle of a plain file *way* below a folder, and the folder in which it lies; raises NotAFile."""
    try:
        with home.reached(begin) as first:
            if same is not None and _id(first) != same:
                raise NotAFile
            lies_in = shared_folder.descend(os.dup(first), way, shared_folder.WAY, path)
        try:
            return shared_folder.open_in(lies_in, path.name, os.O_RDONLY, path.parent), _id(lies_in)
        finally:
            os.close(lies_in)
    except FileNotFoundError:
        raise NotAFile(missing=True) from None
    except (OSError, ValueError):  # the latter: a name that the system's encoding cannot write
        raise NotAFile from None


def _id(handle: int) -> FolderId:
    about = os.fstat(handle)
    return about.st_dev, about.st_ino


def _status(home: Home, path: Path) -> os.stat_result | None:
    try:
        with home.reached(path.parent) as folder:
            return os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except (OSError, ValueError):  # nothing there, or a name that no file can have
        return None
