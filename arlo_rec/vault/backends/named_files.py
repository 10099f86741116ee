"""Files that the user named: written and read with the user's rights, on the user's machine.

`LocalFiles` is where the program runs; at the other end of the door it is the same one, asked frame by frame
(`door.remote`). Nothing here is of Linux alone: the person's machine may be another.

A new file gets its name when all its bytes are written and synced, and never in place of another:

    begin    a file without a name (Linux), or with a hidden one beside it
    write    its bytes
    name     synced, and named; from here on it can be found
    keep     the name is durable
    drop     it is gone again: it may not be kept after all, or its writer is gone
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from arlo_rec.law.model.errors import NotUnlocked, Unreachable, Usage
from arlo_rec.vault.backends.bounded_read import BINARY, READING, read_handle, read_named

if TYPE_CHECKING:
    from collections.abc import Iterator


SECRET_BYTES: Final = 64 * 1024  # a key file has 700 bytes; a passphrase file has a line
_NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL})  # NFS, some FUSE
_HAS_NAME = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


class Writing(Protocol):
    """A new file while it is written."""

    def write(self, piece: bytes) -> None:
        """Add bytes at its end; raises Unreachable."""

    def name(self) -> None:
        """Sync it and give it its name; raises Usage if the name is taken by then, Unreachable."""

    def keep(self) -> None:
        """Make the name durable; raises Unreachable."""

    def drop(self) -> None:
        """Remove it, whether it has a name or not."""


class Files(Protocol):
    """The files of the user, by the paths that they typed."""

    @property
    def have_left(self) -> bool:
        """Whether bytes of a file went to another machine, which alone knows the file's end."""

    def demand_new(self, path: Path) -> None:
        """Raise Usage if *path* is not free, or its folder is missing."""

    def demand_new_folder(self, path: Path) -> Path:
        """The path of a folder to be written: new or empty, in an existing folder; raises Usage."""

    def read(self, path: Path, most: int, *, pipes: bool = False) -> bytes:
        """The bytes of a plain file, or with *pipes* of a pipe; raises OSError, also beyond *most*."""

    def secret(self, path: Path) -> bytes:
        """The bytes of a secret file; raises NotUnlocked, or Usage if group or others may access it.

        The mode of a systemd credential says nothing: only the service enters its folder.
        """

    def names(self, path: Path) -> list[str]:
        """The names in a folder, sorted; raises OSError."""

    def absolute(self, path: Path) -> Path:
        """The whole path."""

    def begin(self, path: Path) -> Writing:
        """A new file that gets that name, readable for its owner alone; raises Unreachable."""

    def write_secret(self, path: Path, content: bytes) -> None:
        """Write a new file that only its owner can read; raises Usage if it exists, Unreachable."""

    def remove(self, path: Path) -> None:
        """Remove a file that was written; a missing file is no error. Raises Unreachable."""

    def publish(self, path: Path, content: bytes) -> None:
        """Write a file that every account may read, in place of the one that an earlier run wrote; raises Usage."""

    def write_folder(self, path: Path, files: Mapping[str, bytes]) -> None:
        """Write a folder with these files, readable by others; it is named after all are written and synced.

        Raises Usage if the name is taken by anything but an empty folder, Unreachable.
        """


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file, or a folder, that the user named."""

    files: Files
    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """The last part of its path, also for a path of another operating system."""
        return self.path.name.rpartition("\\")[2]

    def beside(self, name: str) -> NamedFile:
        """Another file of that name in the same folder."""
        return NamedFile(self.files, self.path.with_name(name))

    def inside(self, name: str) -> NamedFile:
        """A file of that name in this folder."""
        return NamedFile(self.files, self.path / name)

    def absolute(self) -> str:
        """Its absolute path."""
        return str(self.files.absolute(self.path))

    def demand_new(self) -> NamedFile:
        """Return itself; raises Usage if the name is taken, or its folder is missing."""
        self.files.demand_new(self.path)
        return self

    def read(self, most: int, *, pipes: bool = False) -> bytes:
        """Its bytes; raises OSError, also beyond *most*."""
        return self.files.read(self.path, most, pipes=pipes)

    def write(self, pieces: Iterable[bytes], still: Callable[[], None] = lambda: None) -> int:
        """Write it; the number of bytes.

        After it is named, *still* is called; the file is removed again if that raises, as after an erasure between the
        last piece and the name. Raises Usage if the name is taken, Unreachable.
        """
        written, new = 0, self.files.begin(self.path)
        try:
            for piece in pieces:
                new.write(piece)
                written += len(piece)
            new.name()
            still()
            new.keep()
        except BaseException:
            new.drop()
            raise
        return written

    def write_folder(self, files: Mapping[str, bytes]) -> None:
        """Write it as a folder with these files; raises Usage if the name is taken, Unreachable."""
        self.files.write_folder(self.path, files)

    def remove(self) -> None:
        """Remove the written file; a missing file is no error. Raises Unreachable."""
        self.files.remove(self.path)


# -- on this machine ----------------------------------------------------------------------------------


def translated(error: OSError) -> Unreachable:
    """The Unreachable for an error of the operating system, with the place and a code of its own for a full disk."""
    path = str(error.filename or "?")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Unreachable("no_space", **({"path": path} if error.filename else {}))
    if error.errno == errno.EROFS:
        return Unreachable("read_only_disk", path=path)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Unreachable("no_permission", path=path)
    return Unreachable("disk_failed", path=path, reason=error.strerror or str(error.errno))


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise translated(error) from None


class LocalFiles:
    """The files of this machine; see Files. *handed*: the folder of systemd's credentials for a service."""

    def __init__(self, handed: str | None = None) -> None:
        self._handed = Path(handed) if handed else None
        self.have_left = False  # it is this machine

    def demand_new(self, path: Path) -> None:
        """See Files."""
        if os.path.lexists(nameable(path)):
            raise Usage("out_exists", path=str(path))
        if not os.path.isdir(path.parent):  # noqa: PTH112 - never raises
            raise Usage("no_such_folder", path=str(path.parent))

    def demand_new_folder(self, path: Path) -> Path:
        """See Files."""
        nameable(path)
        folder = Path(os.path.realpath(path))
        if os.path.lexists(folder) and not (os.path.isdir(folder) and _is_empty(folder)):  # noqa: PTH112
            raise Usage("out_not_empty", path=str(path))
        if not os.path.isdir(folder.parent):  # noqa: PTH112 - never raises
            raise Usage("no_such_folder", path=str(folder.parent))
        return folder

    def read(self, path: Path, most: int, *, pipes: bool = False) -> bytes:
        """See Files."""
        return read_named(path, most, pipes=pipes)

    def secret(self, path: Path) -> bytes:
        """See Files."""
        try:
            handle = os.open(path, READING)
        except OSError:
            raise NotUnlocked("secret_file_missing", path=str(path)) from None
        try:
            about = os.fstat(handle)
            is_open = os.name == "posix" and about.st_mode & 0o077
            if is_open and stat.S_ISREG(about.st_mode) and self._handed not in path.parents:
                raise Usage("secret_file_open", path=str(path))
            return read_handle(handle, path, SECRET_BYTES, pipes=True)
        except OSError:
            raise NotUnlocked("secret_file_missing", path=str(path)) from None
        finally:
            os.close(handle)

    def names(self, path: Path) -> list[str]:
        """See Files."""
        return sorted(os.listdir(path))  # noqa: PTH208 - names, as text

    def absolute(self, path: Path) -> Path:
        """See Files."""
        return path.absolute()

    def begin(self, path: Path) -> Writing:
        """See Files."""
        return _NewFile(path)

    def write_secret(self, path: Path, content: bytes) -> None:
        """See Files."""
        with _disk():
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o400)
            except FileExistsError:
                raise Usage("already_exists", path=str(path)) from None
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)

    def publish(self, path: Path, content: bytes) -> None:
        """See Files. The new file takes the name at once, so that no reader sees a part of it."""
        nameable(path)
        with suppress(FileNotFoundError):
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode) or (os.name == "posix" and about.st_uid != os.geteuid()):
                raise Usage("out_of_others", path=str(path))
        if not path.parent.is_dir():
            raise Usage("no_such_folder", path=str(path.parent))
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        with _disk():
            try:
                _write(part, content, 0o644)
                part.replace(path)
                _sync(path.parent)
            finally:
                part.unlink(missing_ok=True)

    def write_folder(self, path: Path, files: Mapping[str, bytes]) -> None:
        """See Files. Until it is named it is a hidden folder beside it; the remains of a killed run are removed."""
        part = path.with_name(f".{path.name}.part")
        with _disk():
            try:
                _remove_tree(part)
                part.mkdir(0o755)
                part.chmod(0o755)
                for name, content in files.items():
                    _write(part / name, content, 0o644)
                _sync(part)
                _name_folder(part, path)
                _sync(path.parent)
            except BaseException:
                with suppress(OSError):
                    _remove_tree(part)
                raise

    def remove(self, path: Path) -> None:
        """See NamedFile."""
        with _disk():
            path.unlink(missing_ok=True)


class _NewFile:
    """See Writing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part: Path | None = None
        self._has_name = False
        with _disk():
            self._handle = self._open(path.parent)
        self._file = os.fdopen(self._handle, "wb")

    def _open(self, folder: Path) -> int:
        """A new file in *folder*: without a name if the system has such files, else with a hidden one."""
        nameless = getattr(os, "O_TMPFILE", None)
        if nameless is not None:
            try:
                return os.open(folder, os.O_WRONLY | nameless | os.O_CLOEXEC, 0o600)
            except OSError as error:
                if error.errno not in _NO_NAMELESS:
                    raise
        self._part = folder / f".{self._path.name}.{os.getpid()}.part"
        return os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o600)

    def write(self, piece: bytes) -> None:
        """See Writing."""
        with _disk():
            self._file.write(piece)

    def name(self) -> None:
        """See Writing."""
        with _disk():
            self._file.flush()
            os.fsync(self._handle)
            try:
                if self._part is None:  # with a descriptor, whichever, Python follows the link in /proc
                    os.link(f"/proc/self/fd/{self._handle}", self._path, src_dir_fd=self._handle)
                else:
                    os.link(self._part, self._path)
            except FileExistsError:
                raise Usage("out_exists", path=str(self._path)) from None
        self._has_name = True
        self._end()

    def keep(self) -> None:
        """See Writing."""
        with _disk():
            _sync(self._path.parent)

    def drop(self) -> None:
        """See Writing."""
        self._end()
        if self._has_name:
            self._has_name = False
            with _disk():
                self._path.unlink(missing_ok=True)

    def _end(self) -> None:
        """Close open files and remove the hidden name; a full disk may refuse the last bytes."""
        with suppress(OSError):
            self._file.close()
        if self._part is not None:
            with suppress(OSError):
                self._part.unlink()
            self._part = None


def nameable(path: Path) -> Path:
    """A path that this machine can look up, whether or not it exists; raises Usage."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # too long, a circle of links, a folder that is closed to us
        raise Usage("path_does_not_go", path=str(path)[:100], reason=getattr(error, "strerror", None) or "") from None
    return path


def _is_empty(folder: Path) -> bool:
    try:
        with os.scandir(folder) as names:
            return next(names, None) is None
    except OSError:
        return False


def _write(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    path.chmod(mode)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable; without effect on a system where a folder cannot be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _name_folder(part: Path, folder: Path) -> None:
    """Give a finished folder its name, also in place of an empty one; raises Usage if the name is taken."""
    try:
        part.rename(folder)
    except OSError as error:
        if error.errno in _HAS_NAME:
            raise Usage("out_exists", path=str(folder)) from None
        raise


def _remove_tree(path: Path) -> None:
    import shutil

    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


STATE_BYTES: Final = 4096  # bytes of such a file
_NAME: Final = "seen"


class StateFiles(Protocol):
    """The files of one account, by the ids of stores. Files that cannot be read or written are no error."""

    def read(self, store: bytes) -> bytes | None:
        """The remembered bytes of a store; None without them."""

    def write(self, store: bytes, content: bytes) -> None:
        """Remember these bytes of a store, replacing the old ones."""


class LocalStateFiles:
    """The state files of this machine, in a folder (None: nothing is remembered); see StateFiles."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def read(self, store: bytes) -> bytes | None:
        """See StateFiles."""
        if self._folder is None:
            return None
        try:
            return read_named(self._file(self._folder, store), STATE_BYTES)
        except OSError:
            return None

    def write(self, store: bytes, content: bytes) -> None:
        """See StateFiles."""
        if self._folder is not None:
            self._keep(self._file(self._folder, store), content)

    def store_of(self, via: str) -> bytes | None:
        """The store to which a door led before; None for a new door."""
        if self._folder is None:
            return None
        try:
            return bytes.fromhex(read_named(Path(self.place_of(via)), 64).decode("ascii").strip())
        except (OSError, ValueError):
            return None

    def keep_store_of(self, via: str, store: bytes) -> None:
        """Remember the store to which a door leads."""
        if self._folder is not None:
            self._keep(Path(self.place_of(via)), store.hex().encode("ascii") + b"\n")

    def place_of(self, via: str) -> str:
        """The file that holds the store of a door."""
        name = hashlib.sha256(via.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return str((self._folder or Path()) / "doors" / name)

    @staticmethod
    def _keep(file: Path, content: bytes) -> None:
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        with suppress(OSError):  # a state that cannot be kept must not stop an erasure
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(file)

    @staticmethod
    def _file(folder: Path, store: bytes) -> Path:
        return folder / store.hex() / _NAME
