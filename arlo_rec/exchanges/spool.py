"""Open files in a spool that others write to, so that no link, pipe or exchanged file deceives the intake.

A named folder stays the one that was first seen (`Home`). A file below it is reached from its handle, folder by folder,
without following links and without waiting. It must be a regular file with one name; a sound must lie in or below the
folder in which its manifest was read. Only that file, unchanged and in that folder, is read and later removed. `batch`
decides what a file means and whether it may be removed.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from arlo_rec.vault.backends import shared_folder

FolderId = tuple[int, int]  # device and inode
STILL_S = 1.0  # seconds after which a file that nobody changed counts as complete: sound is written more often
NO_NAME = "\0"  # begins what is the name of no file
_IS_NONE = frozenset(  # of a name that leads to no plain file, whatever the state of the machine
    {
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.EINVAL),
        *(errno.ENAMETOOLONG, errno.EILSEQ),
    }
)


class NotAFile(Exception):
    """No plain file of that name may be read.

    `missing`: nothing has the name; `outside`: the name leads out of its folder, or nowhere.
    """

    def __init__(self, *, missing: bool = False, outside: bool = False) -> None:
        super().__init__("not a plain file")
        self.missing, self.outside = missing, outside


class Unavailable(Exception):
    """A file or folder cannot be read for now, such as for want of a right or by a fault of the disk.

    Nothing is concluded from that: nothing is refused for it, and nothing removed.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(path, error)
        self.path, self.reason = path, error.strerror or str(error)


class Unfinished(Exception):
    """A file is still written to, or a part of its call is still to come."""


_NOWHERE: FolderId = (-1, -1)  # is no folder


class Home:
    """A named folder, or that of a named file; always the one that was first seen.

    It keeps no handle, as thousands of files may be named.
    """

    def __init__(
        self,
        folder: Path,
        *,
        named: bool = False,
        not_of: int | None = None,
        within: Sequence[Path] | None = None,
        closed: Sequence[Path] = (),
    ) -> None:
        """Look at the folder; *named*: it was named itself and may be no link; the others: see `home_of`."""
        self.folder, self.not_of, self._closed = folder, not_of, closed
        self._flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC | (os.O_NOFOLLOW if named else 0)
        self._seen: FolderId | None = None
        seen = None if within is None else _NOWHERE
        with suppress(OSError, ValueError), self.reached(folder) as handle:  # else no file is found below it
            seen = _id(handle) if within is None or _lies_in(handle, within) else _NOWHERE
        self._seen = seen

    def is_closed(self, path: Path) -> bool:
        """Whether a file below this folder lies in a place that is no spool."""
        real = self.folder.resolve() / path.relative_to(self.folder) if self._closed else path
        return any(real.is_relative_to(place) for place in self._closed)

    @contextmanager
    def reached(self, folder: Path, flags: int = shared_folder.WAY) -> Iterator[int]:
        """Open a folder in or below this one without following a link; raises OSError."""
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
    """A file of the spool, with marks that tell it from another of the same name."""

    path: Path
    size: int
    device: int
    inode: int
    changed_ns: int
    folder: FolderId  # that contains it
    home: Home = field(compare=False, repr=False)

    def is_still(self, status: os.stat_result) -> bool:
        """Whether *status* is of this file, unchanged."""
        now = (status.st_size, status.st_dev, status.st_ino, status.st_mtime_ns)
        return now == (self.size, self.device, self.inode, self.changed_ns)


@contextmanager
def opened(
    home: Home, folder: Path, name: str, *, same: FolderId | None = None, shared: bool = False
) -> Iterator[tuple[BinaryIO, SpoolFile]]:
    """Open a plain file below *folder*, which is in or below *home* and is *same* if given.

    Raises NotAFile, and Unavailable, also for errors of reading inside.
    """
    parts = PurePosixPath(name).parts
    if name.startswith(NO_NAME):
        raise NotAFile(missing=True)
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise NotAFile(outside=True)
    if home.is_closed(folder / name):
        raise NotAFile
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
    except OSError as error:
        raise Unavailable(folder / name, error) from None
    finally:
        os.close(handle)


def is_unchanged(stream: BinaryIO, file: SpoolFile) -> bool:
    """Whether an opened file is unchanged since it was opened."""
    return file.is_still(os.fstat(stream.fileno()))


class Stillness:
    """Tells whether files are complete: unchanged for so many seconds.

    A file that was changed a moment ago is looked at again when the seconds are over. One run waits for three times as
    long at most: what others still write then is left to the next. With the clock of a file server ahead, a file
    that is as it was opened then counts as complete.
    """

    def __init__(self, seconds: float, now: datetime) -> None:
        self._seconds, self._left = seconds, 3 * seconds
        self._now = now.timestamp() - time.monotonic()  # of a clock that does not run

    def of(self, file: SpoolFile) -> bool:
        """Whether nobody writes to a file any more; its time may be ahead of our clock."""
        age = self._now + time.monotonic() - file.changed_ns / 1_000_000_000
        wait = max(0.0, self._seconds - max(age, 0.0))
        if wait > self._left and age >= 0:
            return False
        wait = min(wait, self._left)
        self._left -= wait
        time.sleep(wait)
        status = _status(file.home, file.path)
        return status is not None and file.is_still(status)


def is_there(home: Home, path: Path) -> bool:
    """Whether anything below *home* has this name, even a broken link; never raises."""
    return _status(home, path) is not None


def home_of(
    path: Path, *, not_of: int | None = None, within: Sequence[Path] | None = None, closed: Sequence[Path] = ()
) -> Home:
    """The named folder, or that of the named file; a link to a folder is no folder.

    No file of the account *not_of* is read or removed there: the files of the door's own account are no deliveries. A
    folder that lies outside all of *within*, as by an exchanged link on the way to it, has no files. Nor does a place
    *closed* beside a named file, whose sounds lie in or below its folder.
    """
    try:
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):
        is_folder = False
    closed = () if is_folder else closed
    return Home(path if is_folder else path.parent, named=is_folder, not_of=not_of, within=within, closed=closed)


def files(home: Home, path: Path, unavailable: list[Unavailable]) -> Iterator[Path]:
    """Yield the files at *path*: itself, or all below a folder, in order; links are not followed.

    A folder that cannot be read is added to *unavailable*.
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
        except FileNotFoundError:  # removed since its name was read
            continue
        except OSError as error:
            unavailable.append(Unavailable(folder, error))
            continue
        yield from (folder / name for name, is_folder in below if not is_folder)
        waiting += [folder / name for name, is_folder in reversed(below) if is_folder]


def remove(file: SpoolFile) -> bool:
    """Remove a file if it is still the one that was read, unchanged and in its folder; returns whether it is gone."""
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


def has_changed(file: SpoolFile) -> bool:
    """Whether a file of its name is there that is not the one that was read; never raises."""
    status = _status(file.home, file.path)
    return status is not None and not file.is_still(status)


def sync(removed: Iterable[SpoolFile]) -> None:
    """Make removals survive a power cut; a spool that cannot be synced is cleaned again by the next run."""
    for home, folder in {(file.home, file.path.parent) for file in removed}:
        with suppress(OSError), home.reached(folder, shared_folder.FOLDER) as handle:
            os.fsync(handle)


def _open_below(home: Home, path: Path, begin: Path, way: Sequence[str], same: FolderId | None) -> tuple[int, FolderId]:
    """Open a plain file *way* below a folder; returns its handle and its folder. Raises NotAFile and Unavailable."""
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
    except ValueError:  # a name that the system's encoding cannot write
        raise NotAFile from None
    except OSError as error:
        if error.errno in _IS_NONE:
            raise NotAFile from None
        raise Unavailable(path, error) from None


def _id(handle: int) -> FolderId:
    about = os.fstat(handle)
    return about.st_dev, about.st_ino


def _lies_in(handle: int, folders: Sequence[Path]) -> bool:
    """Whether an opened folder is one of these, or below one: by its own path, not by the one that led to it."""
    at = Path(f"/proc/self/fd/{handle}").readlink()
    return any(at.is_relative_to(folder.resolve()) for folder in folders)


def _status(home: Home, path: Path) -> os.stat_result | None:
    try:
        with home.reached(path.parent) as folder:
            return os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except (OSError, ValueError):  # no file, or an impossible name
        return None
