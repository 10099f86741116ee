"""The one way to open a file in a folder that several accounts write to: backup, ring, feed, anchors.

Accounts that write to such a folder can replace any file by a link, a pipe, a device or a terabyte. So every folder on
the way is opened by its handle without following a link, from a named one (*below*; by default the folder of the file,
which no other account may exchange); the file is opened without following a link and without waiting. It must be a
plain file, and is read up to a known length. A file that is written to must have one name, so that nothing elsewhere
changes with it. Anything else raises `NotPlain`, an OSError; `durable.translated` words it.

Only this module and `bounded_read`, for files that were named in a command, open files for reading.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from arlo_rec.vault.backends.bounded_read import read_handle

_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY
WAY = os.O_PATH | os.O_DIRECTORY  # a folder that is only passed through: it need not be readable
_LINKS = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.ENODEV})  # a link, no folder, a pipe, a device
_WRITING = os.O_WRONLY | os.O_RDWR


class NotPlain(OSError):
    """A name leads to something that is no plain file, or no folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "not a plain file", str(path))


def open_folder(path: Path, *, below: Path | None = None) -> int:
    """A handle of a folder that is reached from *below* without following a link; raises OSError."""
    return _reach(path, below or path.parent, FOLDER)


def open_folder_in(folder: int, path: Path) -> int:
    """A folder inside an open one, to be passed through; only the last name of *path* counts. Raises OSError."""
    return _open(path.name, WAY, folder, path)


def open_file(path: Path, flags: int, *, below: Path | None = None, mode: int = 0o600) -> int:
    """A handle of a plain file, opened with *flags* as `os.open` takes them; raises OSError.

    With O_CREAT the mode is *mode* whatever the umask.
    """
    if below is None:
        return _opened(path, flags, mode, None, path)[0]
    folder = _reach(path.parent, below, WAY)
    try:
        return open_in(folder, path.name, flags, path.parent, mode=mode)
    finally:
        os.close(folder)


def open_in(folder: int, name: str, flags: int, lies_in: Path, *, mode: int = 0o600) -> int:
    """The same in an open folder; *lies_in* is its path, for messages."""
    return opened_in(folder, name, flags, lies_in, mode=mode)[0]


def opened_in(folder: int, name: str, flags: int, lies_in: Path, *, mode: int = 0o600) -> tuple[int, os.stat_result]:
    """The same, with the file's status."""
    return _opened(name, flags, mode, folder, lies_in / name)


def _opened(name: str | Path, flags: int, mode: int, folder: int | None, path: Path) -> tuple[int, os.stat_result]:
    try:
        handle = os.open(name, flags | _SAFE, mode, dir_fd=folder)
    except NotADirectoryError:  # its parent is no folder
        raise
    except OSError as error:
        raise _named(error, path) from None
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or (flags & _WRITING and about.st_nlink > 1):
            raise NotPlain(path)  # noqa: TRY301 - closes the handle like any other error
        if flags & os.O_CREAT and stat.S_IMODE(about.st_mode) != mode and about.st_uid == os.geteuid():
            os.fchmod(handle, mode)
    except BaseException:
        os.close(handle)
        raise
    return handle, about


def read_small(path: Path, most: int, *, below: Path | None = None) -> bytes:
    """The bytes of a plain file; raises OSError, also beyond *most*."""
    handle = open_file(path, os.O_RDONLY, below=below)
    try:
        return read_handle(handle, path, most)
    finally:
        os.close(handle)


def names(path: Path, *, below: Path | None = None) -> list[str]:
    """The names in a folder, sorted; raises OSError."""
    handle = open_folder(path, below=below)
    try:
        return sorted(os.listdir(handle))  # noqa: PTH208 - a path cannot be a handle
    finally:
        os.close(handle)


def status(path: Path, *, below: Path | None = None) -> os.stat_result | None:
    """The status of a file, or of a link itself; None if it is missing or out of reach. Never raises OSError."""
    try:
        if below is None:
            return path.lstat()
        with folder_of(path, below=below) as folder:
            return os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None


def is_plain(path: Path, *, below: Path | None = None) -> bool:
    """Whether a path is a plain file; never raises OSError."""
    about = status(path, below=below)
    return about is not None and stat.S_ISREG(about.st_mode)


def make_folder(path: Path, mode: int, *, below: Path | None = None) -> None:
    """Create a folder with that mode whatever the umask, or change the mode of an existing one; raises OSError.

    Its parent must exist. A folder of another account keeps its mode.
    """
    parent = _reach(path.parent, below or path.parent, WAY)
    try:
        with suppress(FileExistsError):
            _make(path, parent)
        handle = _open(path.name, FOLDER, parent, path)
    finally:
        os.close(parent)
    try:
        about = os.fstat(handle)
        if about.st_uid != os.geteuid() and os.geteuid() != 0:
            return
        if stat.S_IMODE(os.fstat(handle).st_mode) != mode:
            os.fchmod(handle, mode)
    finally:
        os.close(handle)


def _make(path: Path, parent: int) -> None:
    try:
        os.mkdir(path.name, 0o700, dir_fd=parent)
    except OSError as error:
        raise _named(error, path) from None


def touch(path: Path, mode: int, *, below: Path | None = None) -> None:
    """Create an empty file with that mode whatever the umask, if it is missing; raises OSError."""
    os.close(open_file(path, os.O_WRONLY | os.O_CREAT, below=below, mode=mode))


def remove(path: Path, *, below: Path | None = None) -> None:
    """Remove a file, or the link that has its name; a missing file is no error. Raises OSError."""
    with suppress(FileNotFoundError):
        if below is None:
            os.unlink(path)  # noqa: PTH108 - as below
            return
        with folder_of(path, below=below) as folder:
            os.unlink(path.name, dir_fd=folder)


def remove_tree(path: Path, *, below: Path | None = None) -> None:
    """Remove a folder with all its content, or the file of its name, and nothing behind a link; raises OSError."""
    import shutil

    with suppress(FileNotFoundError), folder_of(path, below=below) as folder:
        if stat.S_ISDIR(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
            shutil.rmtree(path.name, dir_fd=folder)
        else:
            os.unlink(path.name, dir_fd=folder)


@contextmanager
def folder_of(path: Path, *, below: Path | None = None) -> Iterator[int]:
    """The folder of a file, open; raises OSError."""
    handle = open_folder(path.parent, below=below or path.parent)
    try:
        yield handle
    finally:
        os.close(handle)


def _reach(path: Path, begin: Path, flags: int) -> int:
    """A handle of a folder below *begin*, opened with *flags*; the folders on the way are only passed through."""
    count = len(begin.parts)
    parts = path.parts[count:]  # of pathlib's `relative_to` an intake would notice the cost
    if path.parts[:count] != begin.parts or ".." in parts:
        raise ValueError(f"{path} does not lie in {begin}")
    return descend(os.open(begin, (WAY if parts else flags) | os.O_CLOEXEC), parts, flags, path)


def descend(handle: int, parts: Sequence[str], flags: int, path: Path) -> int:
    """Exchange the handle of a folder for that of one below it, reached without following a link; raises OSError."""
    for at, part in enumerate(parts, 1):
        above = handle
        try:
            handle = _open(part, flags if at == len(parts) else WAY, above, path)
        finally:
            os.close(above)
    return handle


def _open(name: str, flags: int, folder: int, path: Path) -> int:
    """Open a folder in a folder; its errors name the whole path."""
    try:
        return os.open(name, flags | _SAFE, dir_fd=folder)
    except OSError as error:
        raise _named(error, path) from None


def _named(error: OSError, path: Path) -> OSError:
    """The error that names the whole path."""
    if error.errno in _LINKS:
        return NotPlain(path)
    error.filename = str(path)
    return error
