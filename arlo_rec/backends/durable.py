"""Writing to the disk so that what is there is whole, and stays: the small steps that everything else is built of."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from arlo_rec.model.errors import Unreachable, Usage

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor  # loaded where something is written: it costs 2 ms

DRAIN_BYTES = 32 * 1024 * 1024  # of a long file, after which the disk begins to work


def translated(error: OSError) -> Unreachable:
    """Our error for one of the operating system; a full disk has a code of its own."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Unreachable("no_space")
    if error.errno == errno.EROFS:
        return Unreachable("read_only_disk")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Unreachable("no_permission", path=str(error.filename or ""))
    return Unreachable("disk_failed", path=str(error.filename or "?"), reason=error.strerror or str(error.errno))


@contextmanager
def disk() -> Iterator[None]:
    """Turn the operating system's errors into ours."""
    try:
        yield
    except OSError as error:
        raise translated(error) from None


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a small file so that it is there whole or not at all, and durably."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with disk():
        try:
            put_new(part, [content], mode)
            part.replace(path)
            sync_folder(path.parent)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise


def write_new(path: Path, pieces: Iterable[bytes], still: Callable[[], None] = lambda: None) -> int:
    """Write a file that must not exist yet, readable for its owner, which is there whole or not at all.

    It gets its name when it is whole, so that a run that is killed leaves nothing behind. Then *still* is asked once
    more, and may take the file away again by raising: what was erased between the last piece and the name is not kept.
    """
    written = 0
    with _nameless(path.parent) as (handle, lies):
        with disk(), os.fdopen(handle, "wb", closefd=False) as file:
            for piece in pieces:
                file.write(piece)
                written += len(piece)
            file.flush()
            os.fsync(handle)
        with disk():
            _name_new(handle, lies, path)
    try:
        still()
    except BaseException:
        with disk():
            path.unlink(missing_ok=True)
        raise
    with disk():
        sync_folder(path.parent)
    return written


@contextmanager
def _nameless(folder: Path) -> Iterator[tuple[int, str]]:
    """A new file of its owner's in *folder*, and where it can be linked from: nowhere else has it a name.

    On a file system that keeps no file without one (NFS, some FUSE) it has a hidden one until the end.
    """
    part: Path | None = None
    with disk():
        try:
            handle = os.open(folder, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}:
                raise
            part = folder / f".{os.getpid()}.part"
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        yield handle, str(part or f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
        if part is not None:
            with suppress(OSError):
                part.unlink()


def _name_new(handle: int, lies: str, path: Path) -> None:
    """Give the finished file its name, without replacing anything."""
    try:
        os.link(lies, path, src_dir_fd=handle)  # with a descriptor, whichever, Python follows the link in /proc
    except FileExistsError:
        raise Usage("out_exists", path=str(path)) from None


def put_new(path: Path, pieces: Iterable[bytes], mode: int, *, sync: bool = True) -> None:
    """Write a file from its beginning; a long one is brought to the disk while it is written. Raises OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb", buffering=0):
        os.fchmod(handle, mode)
        with _Draining(handle) as draining:
            for piece in pieces:
                _write_all(handle, piece)
                draining.written(len(piece))
        if sync:
            os.fsync(handle)


class _Draining:
    """Brings a long file to the disk while it is still being written, so that syncing it in the end takes no time.

    What fails on the way is raised at the end: the kernel tells only once of a write that the disk refused.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._waiting = 0
        self._thread: ThreadPoolExecutor | None = None
        self._drained: list[Future[None]] = []

    def __enter__(self) -> _Draining:
        return self

    def written(self, length: int) -> None:
        """So many bytes more."""
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


def name_durably(path: Path) -> None:
    """Sync what was put for *path* and give it its name; the name is durable once its folder was synced."""
    part = path.with_suffix(".part")
    handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    part.rename(path)


def _write_all(handle: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(handle, rest) :]
