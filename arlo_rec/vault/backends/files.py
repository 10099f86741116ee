"""Objects as files, the root as a file that is overwritten in place, and file locks. Only this module uses flock.

Objects lie at `ab/<name>`. `put` writes `ab/<name>.part`; `settle` syncs and renames those of a batch, then syncs every
folder once. So a reader never sees part of an object, and an interruption leaves only a `.part` file. Syncing after a
whole batch, on several threads, is twice as fast on ext4 as syncing each file when it is written.

A holder of a lock is named, and a run that waits for one that stands still ends it (`holders`).
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import struct
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from arlo_rec.law.model.errors import Integrity, InUse
from arlo_rec.vault.backends import FILE_MODE, FOLDER_MODE, NAME, SLOT_BYTES, SLOTS
from arlo_rec.vault.backends.durable import disk, name_durably, put_new, sync_folder, translated
from arlo_rec.vault.backends.holders import STILL, STILL_FOR_ERASURE, Every, Watch, holder_of, leave_note, remove_note
from arlo_rec.vault.backends.shared_folder import (
    NotPlain,
    make_folder,
    names,
    open_file,
    open_folder,
    open_folder_in,
    open_in,
    opened_in,
    read_small,
    remove,
    status,
)

LOCK = "lock"  # in the root folder
NAMES = re.compile(r"[0-9a-f]{32}(?:;[0-9a-f]{32})*+")
ANNOUNCED = 256  # objects whose heads are requested together; each holds a descriptor, of which a process has 1024
SYNCED_WHOLE = frozenset({"ext4", "xfs", "btrfs", "tmpfs"})  # syncfs(2) is as good as fsync of each: not over a network
_BYTE = struct.Struct("@hhqqi0q")  # of struct flock: kind, whence, begin, length, process
POLL = 0.02  # seconds between tries for a lock
SYNCERS = 4  # threads that sync files: they wait for one journal, not for each other
SEEN_WAIT = 30.0  # seconds; the lock is held for two small writes
_Result = TypeVar("_Result")


class FileBlobs:
    """Objects below one folder."""

    def __init__(self, folder: Path) -> None:
        """Take a *folder* inside one that was named, reached without a link."""
        self._folder, self._above = folder, folder.parent
        self._handle_of_folder = -1
        self._unnamed: set[str] = set()  # names that were put and not settled yet
        self._seen_folders: set[str] = set()  # that are there
        self._shards: dict[str, Path] = {}

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        """See Blobs."""
        path = self._path(name)
        with disk():
            if name[:2] not in self._seen_folders and status(path.parent, below=self._above) is None:
                make_folder(path.parent, FOLDER_MODE, below=self._above)
            self._seen_folders.add(name[:2])
            part = path.with_suffix(".part")
            try:
                put_new(part, pieces, FILE_MODE, sync=False, below=self._above)
            except BaseException:
                with suppress(OSError):
                    remove(part, below=self._above)
                raise
        self._unnamed.add(name)

    def settle(self, names: Iterable[str]) -> None:
        """See Blobs."""
        from concurrent.futures import ThreadPoolExecutor

        names = set(names)
        put = [self._path(name) for name in names & self._unnamed]
        folders = {self._folder} | {self._folder / beginning for beginning in {name[:2] for name in names}}
        with disk(), ThreadPoolExecutor(SYNCERS) as threads:
            list(threads.map(self._name_some, _shares(put, SYNCERS)))
            there = sorted(folder for folder in folders if status(folder, below=self._above))
            list(threads.map(self._sync_some, _shares(there, SYNCERS)))
        self._unnamed -= names

    def _name_some(self, paths: Sequence[Path]) -> None:
        for path in paths:
            name_durably(path, below=self._above)

    def _sync_some(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            sync_folder(folder, below=self._above)

    def open(self, name: str) -> BinaryIO:
        """See Blobs."""
        return os.fdopen(self._handle(name), "rb", buffering=0)

    def heads(self, names: Sequence[str], length: int) -> Iterator[tuple[int, bytes] | None]:
        """See Blobs. The kernel learns of ANNOUNCED files before the first is read, so that it reads ahead."""
        for at in range(0, len(names), ANNOUNCED):
            some = names[at : at + ANNOUNCED]
            opened: list[tuple[int, int] | None] = []
            try:
                with disk(), self._shards_of(some) as shards:
                    for name in some:
                        opened.append(self._announced(name, shards[name[:2]], length))
                    heads = [None if file is None else (file[1], os.read(file[0], length)) for file in opened]
            finally:
                for file in opened:
                    if file is not None:
                        os.close(file[0])
            yield from heads

    @contextmanager
    def _shards_of(self, some: Sequence[str]) -> Iterator[dict[str, int | None]]:
        """The folders of some objects, each opened once, by the first two digits; None for a missing one."""
        if some and not NAMES.fullmatch(";".join(some)):
            raise ValueError("an object's name is 32 hex digits")
        with ExitStack() as opened:
            shards: dict[str, int | None] = {}
            for name in {name[:2]: name for name in some}.values():
                try:
                    shards[name[:2]] = opened.enter_context(self._shard(name))
                except FileNotFoundError:
                    shards[name[:2]] = None
            yield shards

    def _announced(self, name: str, shard: int | None, length: int) -> tuple[int, int] | None:
        """An open object, announced to the kernel, and its size; None if it is missing."""
        if shard is None:
            return None
        try:
            handle, about = opened_in(shard, name, os.O_RDONLY, self._lies_in(name))
        except FileNotFoundError:
            return None
        os.posix_fadvise(handle, 0, length, os.POSIX_FADV_WILLNEED)
        return handle, about.st_size

    def size(self, name: str) -> int | None:
        """See Blobs."""
        try:
            with self._shard(name) as shard:
                return os.stat(name, dir_fd=shard, follow_symlinks=False).st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise translated(error) from None

    def delete(self, name: str) -> None:
        """See Blobs."""
        self._unnamed.discard(name)
        with disk(), suppress(FileNotFoundError), self._shard(name) as shard:
            for part in (name, f"{name}.part"):
                with suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=shard)

    def delete_all(self, names: Sequence[str]) -> None:
        """See Blobs. The kernel frees the blocks of a file outside the lock of its folder."""
        from concurrent.futures import ThreadPoolExecutor

        with disk(), ThreadPoolExecutor(SYNCERS) as threads:
            list(threads.map(self._delete_some, (sorted(names)[at::SYNCERS] for at in range(SYNCERS))))
        self._unnamed -= set(names)

    def _delete_some(self, names: Sequence[str]) -> None:
        with self._shards_of(names) as shards:
            for name in names:
                shard = shards[name[:2]]
                for part in (name, f"{name}.part") if shard is not None else ():
                    with suppress(FileNotFoundError):
                        os.unlink(part, dir_fd=shard)

    def probe(self) -> None:
        """See Blobs; a disk of this machine keeps what `settle` demands of it."""

    def names(self, beginning: str = "") -> Iterator[str]:
        """See Blobs."""
        with disk():
            for shard in [beginning] if beginning else names(self._folder, below=self._above):
                about = status(self._folder / shard, below=self._above)
                if about is not None and stat.S_ISDIR(about.st_mode):
                    files = names(self._folder / shard, below=self._above)
                    yield from (file for file in files if NAME.fullmatch(file))

    def _handle(self, name: str) -> int:
        try:
            with self._shard(name) as shard:
                return open_in(shard, name, os.O_RDONLY, self._lies_in(name))
        except FileNotFoundError:
            raise KeyError(name) from None
        except OSError as error:
            raise translated(error) from None

    def _path(self, name: str) -> Path:
        self._demand_name(name)
        return self._lies_in(name) / name

    def _lies_in(self, name: str) -> Path:
        """The path of an object's folder; cached, because making a path costs as much as opening a file."""
        return self._shards.get(name[:2]) or self._shards.setdefault(name[:2], self._folder / name[:2])

    def _demand_name(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise ValueError("an object's name is 32 hex digits")

    @contextmanager
    def _shard(self, name: str) -> Iterator[int]:
        """The folder of an object, open; all handles are kept: a verification opens a million objects."""
        self._demand_name(name)
        if self._handle_of_folder < 0:
            self._handle_of_folder = open_folder(self._folder, below=self._above)
            weakref.finalize(self, os.close, self._handle_of_folder)
        shard = open_folder_in(self._handle_of_folder, self._lies_in(name))
        try:
            yield shard
        finally:
            os.close(shard)


def _shares(paths: Sequence[Path], count: int) -> list[Sequence[Path]]:
    """The paths in at most *count* parts, dealt out in turn."""
    return [paths[at::count] for at in range(min(count, len(paths)))]


class FileRoot:
    """The root folder: `root` (two slots), `seen` (two slots) and `lock`; the lock alone where R lies elsewhere."""

    def __init__(self, folder: Path, note: bytes = b"", still: float | None = None) -> None:
        """Take the *note* that names the holder of the lock to others, and *still* of `lock_handle` for an erasure."""
        self._folder, self._note = folder, note
        self._still = STILL_FOR_ERASURE if still is None else still
        self._held = 0  # locks of this run

    @classmethod
    def create(cls, folder: Path, *, has_slots: bool = True) -> FileRoot:
        """Create the files in an existing, empty folder."""
        slots = (("root", SLOTS * SLOT_BYTES), ("seen", SLOTS * SLOT_BYTES)) if has_slots else ()
        with disk():
            for name, length in (*slots, (LOCK, 0)):
                put_new(folder / name, [bytes(length)], FILE_MODE)
            sync_folder(folder)
        return cls(folder)

    def read(self) -> list[bytes]:
        """See Root."""
        return self._slots("root")

    def write(self, slot: int, content: bytes) -> None:
        """See Root."""
        self._overwrite("root", slot, content)

    def read_seen(self) -> list[bytes]:
        """See Root."""
        return self._slots("seen")

    def update_seen(self, change: Callable[[list[bytes]], bytes | None]) -> None:
        """See Root."""
        with file_lock(self._folder / "seen", exclusive=True, wait=SEEN_WAIT, still=STILL_FOR_ERASURE):
            content = change(self.read_seen())
            if content is not None:
                for slot in range(SLOTS):
                    self._overwrite("seen", slot, content)

    @contextmanager
    def lock(self, *, exclusive: bool, wait: float) -> Iterator[None]:
        """See Root. Who comes after an erasure that waits, waits behind it."""
        deadline, still = time.monotonic() + wait, self._still if exclusive else STILL
        with ExitStack() as turn:
            if not self._held:  # else it would wait for an erasure that waits for this run
                turn.enter_context(_turn(self._folder, exclusive=exclusive, wait=wait, still=still))
            left = max(0.0, deadline - time.monotonic())
            path, note = self._folder / LOCK, self._note
            with file_lock(path, exclusive=exclusive, wait=left, note=note, still=still):
                turn.close()
                self._held += 1
                try:
                    yield
                finally:
                    self._held -= 1

    def _slots(self, name: str) -> list[bytes]:
        try:
            content = read_small(self._folder / name, SLOTS * SLOT_BYTES)
        except FileNotFoundError:
            is_here = any(status(self._folder / other) is not None for other in ("root", "seen", LOCK))
            gone = "seen_unreadable" if name == "seen" and is_here else "root_missing"  # its disk may be away
            raise Integrity(gone, path=str(self._folder)) from None
        except OSError as error:
            raise translated(error) from None
        return [content[i * SLOT_BYTES : (i + 1) * SLOT_BYTES] for i in range(SLOTS)]

    def _overwrite(self, name: str, slot: int, content: bytes) -> None:
        if len(content) > SLOT_BYTES:
            raise ValueError("more than a slot holds")
        with disk():
            handle = open_file(self._folder / name, os.O_WRONLY | os.O_DSYNC)
            try:
                os.pwrite(handle, content.ljust(SLOT_BYTES, b"\0"), slot * SLOT_BYTES)
            finally:
                os.close(handle)


def wipe_root(folder: Path) -> None:
    """Overwrite the root secret of a store that is removed; a missing file, or a link, is no error. Raises OSError."""
    with suppress(FileNotFoundError, NotPlain):
        handle = open_file(folder / "root", os.O_WRONLY | os.O_DSYNC, below=folder.parent)
        try:
            os.pwrite(handle, bytes(max(SLOTS * SLOT_BYTES, os.fstat(handle).st_size)), 0)
        finally:
            os.close(handle)


def _named(lock: Path) -> dict[str, Any]:
    """The holder of a lock that this run has not opened, as values of an error."""
    with disk():
        handle = open_file(lock, os.O_RDONLY)
    try:
        return holder_of(handle)
    finally:
        os.close(handle)


@contextmanager
def _turn(folder: Path, *, exclusive: bool, wait: float, still: float) -> Iterator[None]:
    """The turn to wait for a lock: the folder itself is locked, and so readers let an erasure that waits go first.

    Raises InUse after *wait* seconds, with the holder of the lock that is waited for.
    """
    with disk():
        handle = open_folder(folder, below=folder)  # which may itself be a link
    try:
        try:
            lock_handle(handle, exclusive=exclusive, wait=wait, still=still)
        except InUse:
            raise InUse("in_use", **_named(folder / LOCK)) from None
        yield
    finally:
        os.close(handle)


@contextmanager
def file_lock(
    path: Path, *, exclusive: bool, wait: float, note: bytes = b"", still: float | None = None
) -> Iterator[None]:
    """Lock a file, shared or exclusive, until the process ends at the latest; raises InUse after *wait* seconds.

    A *note* (`holder_note`) is for files without other content: it names the holder to a waiting run. A file on a disk
    that cannot be written gets none. For *still* see `lock_handle`.
    """
    with disk():
        try:
            handle = open_file(path, os.O_RDWR)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            handle, note = open_file(path, os.O_RDONLY), b""
    try:
        try:
            lock_handle(handle, exclusive=exclusive, wait=wait, still=still)
        except InUse:
            raise InUse("in_use", **(holder_of(handle) if note else {})) from None
        if note:
            leave_note(handle, note)
        try:
            yield
        finally:
            if note:
                remove_note(handle, note)
    finally:
        os.close(handle)


def lock_handle(handle: int, *, exclusive: bool, wait: float, still: float | None = None) -> None:
    """Lock an open file, shared or exclusive, until it is closed; raises InUse after *wait* seconds.

    A holder that stands *still* meanwhile for so many seconds is ended (`holders.Watch`); None: it is left alone.
    """
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    watch = Every(Watch(os.fstat(handle).st_ino, still).look) if still is not None else None
    until(lambda: _try_lock(handle, kind), wait, watch)


def lock_byte(handle: int, at: int) -> bool:
    """Lock one byte of an open file until it is closed; False if another has it. True where there are no such locks.

    It is a lock of the open file, not of the process (fcntl(2), open file description locks).
    """
    if not hasattr(fcntl, "F_OFD_SETLK"):
        return True
    try:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, _BYTE.pack(fcntl.F_WRLCK, os.SEEK_SET, at, 1, 0))
    except OSError as error:
        return error.errno not in {errno.EAGAIN, errno.EACCES}
    return True


def is_full(folder: Path) -> bool:
    """Whether the file system of a folder has less than a megabyte of free space."""
    try:
        free = os.statvfs(folder)
    except OSError:
        return False
    return free.f_bavail * free.f_frsize < 1024 * 1024


def until(attempt: Callable[[], bool], wait: float, watch: Every | None = None) -> None:
    """Call *attempt* until it returns true, and have holders watched; raises InUse after *wait* seconds."""
    deadline = time.monotonic() + wait
    while not attempt():
        if time.monotonic() >= deadline:
            raise InUse("in_use")
        if watch is not None:
            watch.look()
        time.sleep(POLL)


def _try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
