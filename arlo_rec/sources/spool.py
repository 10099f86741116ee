"""Files in a spool that others write to: opened so that no link, pipe or exchanged file can fool us.

Every file is opened relative to a handle of its folder, without following links and without waiting, and
must be a regular file with one name. What is read and what is removed later is that very file.
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
    """What lies there is no plain file that we read; `missing` where nothing lies there."""

    def __init__(self, *, missing: bool = False) -> None:
        super().__init__("not a plain file")
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Opened:
    """A file of the spool and what tells it from another of the same name."""

    path: Path
    size: int
    device: int
    inode: int


@contextmanager
def opened(folder: Path, name: str) -> Iterator[tuple[BinaryIO, Opened]]:
    """Open a plain file below *folder*; raises NotAFile."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise NotAFile
    handle = _open_below(folder, parts)
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            raise NotAFile
        with os.fdopen(os.dup(handle), "rb") as stream:
            yield stream, Opened(folder / name, about.st_size, about.st_dev, about.st_ino)
    finally:
        os.close(handle)


def remove(file: Opened) -> bool:
    """Remove a file if it is still the one that was read; whether it is gone."""
    try:
        about = file.path.lstat()
        if (about.st_dev, about.st_ino) != (file.device, file.inode):
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
    try:
        here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in parts[:-1]:
            there = os.open(part, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=here)
            os.close(here)
            here = there
    except FileNotFoundError:
        raise NotAFile(missing=True) from None
    except OSError:
        raise NotAFile from None
    try:
        return os.open(parts[-1], os.O_RDONLY | _FLAGS, dir_fd=here)
    except FileNotFoundError:
        raise NotAFile(missing=True) from None
    except OSError:
        raise NotAFile from None
    finally:
        os.close(here)
