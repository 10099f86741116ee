"""Files in a spool that others write to: opened so that no link, pipe or exchanged file can fool us.

Every file is opened relative to a handle of its folder, without following links and without waiting, and
must be a regular file with one name. What is read and what is removed later is that very file, unchanged.
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
    """What lies there is no plain file that we read.

    `missing` where nothing lies there; `outside` where the name leads out of its folder, or nowhere.
    """

    def __init__(self, *, missing: bool = False, outside: bool = False) -> None:
        super().__init__("not a plain file")
        self.missing, self.outside = missing, outside


@dataclass(frozen=True, slots=True)
class Opened:
    """A file of the spool and what tells it from another of the same name."""

    path: Path
    size: int
    device: int
    inode: int
    changed_ns: int

    @classmethod
    def at(cls, path: Path, about: os.stat_result) -> Opened:
        """The file of which the system says *about*."""
        return cls(path, about.st_size, about.st_dev, about.st_ino, about.st_mtime_ns)


@contextmanager
def opened(folder: Path, name: str, *, shared: bool = False) -> Iterator[tuple[BinaryIO, Opened]]:
    """Open a plain file below *folder*; raises NotAFile, also where reading it fails inside."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise NotAFile(outside=True)
    handle = _open_below(folder, parts)
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            raise NotAFile(missing=about.st_nlink == 0)  # removed by another run since it was opened
        with os.fdopen(os.dup(handle), "rb", buffering=0 if shared else -1) as stream:
            yield stream, Opened.at(folder / name, about)
    except OSError:
        raise NotAFile from None
    finally:
        os.close(handle)


def is_unchanged(stream: BinaryIO, about: Opened) -> bool:
    """Whether an opened file is still as it was: nobody wrote to it while it was read."""
    return Opened.at(about.path, os.fstat(stream.fileno())) == about


def is_there(path: Path) -> bool:
    """Whether anything has this name, a link to nothing too; never raises."""
    return _about(path) is not None


def files(path: Path) -> Iterator[Path]:
    """What lies at *path*: itself, or everything below a folder, in order; links are not followed.

    A folder that cannot be listed comes as a name in it that cannot be opened, so that somebody looks.
    """
    if not _is_folder(path):
        yield path
        return
    waiting = [path]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as found:
                below = sorted((one.name, one.is_dir(follow_symlinks=False)) for one in found)
        except OSError:
            yield here / "unreadable.json"
            continue
        yield from (here / name for name, is_folder in below if not is_folder)
        waiting += [here / name for name, is_folder in reversed(below) if is_folder]


def remove(file: Opened) -> bool:
    """Remove a file if it is still the one that was read and as it was then; whether it is gone."""
    try:
        if Opened.at(file.path, file.path.lstat()) != file:
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
    here = -1
    try:
        here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in parts[:-1]:
            above, here = here, os.open(part, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=here)
            os.close(above)
        return os.open(parts[-1], os.O_RDONLY | _FLAGS, dir_fd=here)
    except FileNotFoundError:
        raise NotAFile(missing=True) from None
    except (OSError, UnicodeEncodeError):  # the latter: a name that the system's encoding cannot write
        raise NotAFile from None
    finally:
        if here >= 0:
            os.close(here)


def _about(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except (OSError, ValueError):  # nothing there, or a name that no file can have
        return None


def _is_folder(path: Path) -> bool:
    about = _about(path)
    return about is not None and stat.S_ISDIR(about.st_mode)
