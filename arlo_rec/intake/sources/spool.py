"""Files in a spool that others write to: opened so that no link, pipe or exchanged file can deceive the intake.

Every file is opened relative to a handle of its folder, without following links and without waiting, and must be a
regular file with one name. What is read and what is removed later is that very file, unchanged. What a file means is
not known here, nor whether it may be removed (`batch_outcome`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotAFile(Exception):
    """There is no plain file of that name that may be read.

    `missing` where nothing has the name; `outside` where the name leads out of its folder, or nowhere.
    """

    def __init__(self, *, missing: bool = False, outside: bool = False) -> None:
        super().__init__("not a plain file")
        self.missing, self.outside = missing, outside


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """A file of the spool and what tells it from another of the same name."""

    path: Path
    size: int
    device: int
    inode: int
    changed_ns: int

    @classmethod
    def at(cls, path: Path, status: os.stat_result) -> SpoolFile:
        """The file whose *status* the system gave."""
        return cls(path, status.st_size, status.st_dev, status.st_ino, status.st_mtime_ns)


@contextmanager
def opened(folder: Path, name: str, *, shared: bool = False) -> Iterator[tuple[BinaryIO, SpoolFile]]:
    """Open a plain file below *folder*; raises NotAFile, also where reading it fails inside."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise NotAFile(outside=True)
    handle = _open_below(folder, parts)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise NotAFile(missing=status.st_nlink == 0)  # removed by another run since it was opened
        with os.fdopen(os.dup(handle), "rb", buffering=0 if shared else -1) as stream:
            yield stream, SpoolFile.at(folder / name, status)
    except OSError:
        raise NotAFile from None
    finally:
        os.close(handle)


def is_unchanged(stream: BinaryIO, file: SpoolFile) -> bool:
    """Whether an opened file is still as it was: nobody wrote to it while it was read."""
    return SpoolFile.at(file.path, os.fstat(stream.fileno())) == file


def is_there(path: Path) -> bool:
    """Whether anything has this name, a link to nothing too; never raises."""
    return _status(path) is not None


def files(path: Path) -> Iterator[Path]:
    """The files at *path*: itself, or everything below a folder, in order; links are not followed.

    A folder that cannot be listed gives the name of a manifest in it, which cannot be opened: its refusal makes
    somebody look.
    """
    if not _is_folder(path):
        yield path
        return
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                below = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        except OSError:
            yield folder / "unreadable.json"
            continue
        yield from (folder / name for name, is_folder in below if not is_folder)
        waiting += [folder / name for name, is_folder in reversed(below) if is_folder]


def remove(file: SpoolFile) -> bool:
    """Remove a file if it is still the one that was read, and unchanged; whether it is gone."""
    try:
        if SpoolFile.at(file.path, file.path.lstat()) != file:
            return False
        file.path.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def sync(folders: set[Path]) -> None:
    """Make removals survive a power cut; a spool that cannot be synced is cleaned again by the next run."""
    for folder in folders:
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _open_below(folder: Path, parts: tuple[str, ...]) -> int:
    """A handle of a file that is reached from *folder* without following a link; raises NotAFile."""
    reached = -1
    try:
        reached = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in parts[:-1]:
            above, reached = reached, os.open(part, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=reached)
            os.close(above)
        return os.open(parts[-1], os.O_RDONLY | _FLAGS, dir_fd=reached)
    except FileNotFoundError:
        raise NotAFile(missing=True) from None
    except (OSError, UnicodeEncodeError):  # the latter: a name that the system's encoding cannot write
        raise NotAFile from None
    finally:
        if reached >= 0:
            os.close(reached)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except (OSError, ValueError):  # nothing there, or a name that no file can have
        return None


def _is_folder(path: Path) -> bool:
    status = _status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)
