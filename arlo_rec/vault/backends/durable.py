"""Atomic and durable writes to files, for every other module.

Each function says what exists if it is interrupted, and what it syncs. Errors of the operating system become
`Unreachable` unless a docstring says otherwise.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.vault.backends import named_files
from arlo_rec.vault.backends.shared_folder import NotPlain, folder_of, open_file, open_folder, remove

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor  # loaded where something is written: it costs 2 ms

DRAIN_BYTES = 32 * 1024 * 1024  # of a long file, after which a sync is begun


def translated(error: OSError) -> Unreachable:
    """The Unreachable for an error of the operating system, with own codes for errors that a user can mend."""
    if isinstance(error, NotPlain):
        return Unreachable("not_plain_file", path=str(error.filename))
    return named_files.translated(error)


@contextmanager
def disk() -> Iterator[None]:
    """Turn the operating system's errors into Unreachable."""
    try:
        yield
    except OSError as error:
        raise translated(error) from None


def sync_folder(folder: Path, *, below: Path | None = None) -> None:
    """Sync *folder*, so that the names in it survive a power cut; raises OSError."""
    handle = open_folder(folder, below=below or folder)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_files(folder: int, names: Iterable[str], *, whole: bool) -> None:
    """Sync files of an open folder, and their names; with *whole* by one sync of its whole file system.

    An error of the disk since *folder* was opened is raised as OSError: syncfs(2) reports it since Linux 5.8. Elsewhere
    each file is synced, and the folder.
    """
    if not (whole and _syncfs(folder)):
        for name in names:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        os.fsync(folder)


def _syncfs(folder: int) -> bool:
    """Sync a whole file system; False if the system cannot, or reports no errors."""
    import ctypes
    import platform

    numbers = platform.release().split(".")[:2]
    if sys.platform != "linux" or not all(map(str.isdigit, numbers)) or tuple(map(int, numbers)) < (5, 8):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syncfs(folder) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return True


def write_whole(path: Path, content: bytes, *, mode: int = 0o600, below: Path | None = None) -> None:
    """Write or replace a small file atomically and durably; *below*: see `shared_folder`."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with disk():
        try:
            put_new(part, [content], mode, below=below)
            rename(part, path, below=below)
            sync_folder(path.parent, below=below)
        except OSError:
            with suppress(OSError):
                remove(part, below=below)
            raise


def rename(part: Path, path: Path, *, below: Path | None = None) -> None:
    """Give a file the name of another in the same folder, which it replaces; raises OSError."""
    if below is None:
        part.rename(path)
        return
    with folder_of(path, below=below) as folder:
        os.rename(part.name, path.name, src_dir_fd=folder, dst_dir_fd=folder)


def put_new(path: Path, pieces: Iterable[bytes], mode: int, *, sync: bool = True, below: Path | None = None) -> None:
    """Create a file, replacing another of its name; a long one is synced in parts while written. Raises OSError.

    The old file is removed and not written to: it may be a link, or have a second name elsewhere.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        handle = open_file(path, flags, below=below, mode=mode)
    except FileExistsError:
        remove(path, below=below)
        handle = open_file(path, flags, below=below, mode=mode)
    with os.fdopen(handle, "wb", buffering=0):
        with _Draining(handle) as draining:
            for piece in pieces:
                write_all(handle, piece)
                draining.written(len(piece))
        if sync:
            os.fsync(handle)


class _Draining:
    """Syncs a long file on another thread while it is being written, so that the final sync is short.

    An error of these syncs is raised at the end: the kernel reports a failed write-back only once.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._waiting = 0
        self._thread: ThreadPoolExecutor | None = None
        self._drained: list[Future[None]] = []

    def __enter__(self) -> _Draining:
        return self

    def written(self, length: int) -> None:
        """Count written bytes, and begin a sync after DRAIN_BYTES."""
        self._waiting += length
        if self._waiting >= DRAIN_BYTES:
            from concurrent.futures import ThreadPoolExecutor

            self._waiting = 0
            self._thread = self._thread or ThreadPoolExecutor(1)
            self._drained.append(self._thread.submit(os.fdatasync, self._handle))

    def __exit__(self, kind: object, *_: object) -> None:
        if self._thread is not None:
            self._thread.shutdown()
        if kind is None:
            for drain in self._drained:
                drain.result()


def name_durably(path: Path, *, below: Path | None = None) -> None:
    """Sync the `.part` file of *path* and rename it to *path*; the name is durable once its folder is synced."""
    part = path.with_suffix(".part")
    handle = open_file(part, os.O_RDONLY, below=below)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    rename(part, path, below=below)


def write_all(handle: int, piece: bytes) -> None:
    """Write a piece whole; raises OSError."""
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(handle, rest) :]
