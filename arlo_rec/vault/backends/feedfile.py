"""A file of lines on another mount that is appended to, and rewritten as a whole where old lines must lose content.

`chattr +a` protects it from everybody, and forbids the rewriting too.

Every account with write access can put any content into it, and any file in its place. So it is opened as
`shared_folder` opens files, belongs to an account that may own it, and begins with its original first line: no other
file is ever appended to. It is read from its end in blocks, each byte at most twice, up to the longest line there is.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from arlo_rec.law.model.errors import Unreachable, Usage
from arlo_rec.vault.backends import FILE_MODE
from arlo_rec.vault.backends.durable import disk, translated
from arlo_rec.vault.backends.files import lock_handle
from arlo_rec.vault.backends.holders import STILL_FOR_ERASURE
from arlo_rec.vault.backends.shared_folder import NotPlain, folder_of, open_file, open_in

LONGEST = 128 * 1024 * 1024  # bytes of a line; see log.entries.LONGEST_OF_MANY
_BLOCK = 256 * 1024  # bytes read at once


class FeedFile:
    """The file of a feed; `offsite.feed_line` knows the meaning of its lines.

    *first* is its first line. The file is the opener's or root's, or with *of_anybody* any account's, for reading only.
    """

    def __init__(self, path: Path, first: bytes, *, of_anybody: bool = False) -> None:
        self.path = path
        self._first = first + b"\n"
        self._of_anybody = of_anybody

    @property
    def begin(self) -> int:
        """The offset of the second line."""
        return len(self._first)

    def demand_folder(self) -> None:
        """Raise Usage if the folder of the file is missing, Unreachable if it cannot be opened."""
        try:
            with folder_of(self.path):
                return
        except (FileNotFoundError, NotADirectoryError):
            raise Usage("no_such_folder", path=str(self.path.parent)) from None
        except OSError as error:
            raise translated(error) from None

    def create(self) -> None:
        """Create the file with its first line if it does not exist; raises Unreachable.

        It gets its name after that line is written: an empty file of that name is none of ours.
        """
        with disk(), folder_of(self.path) as folder:
            part = f".{self.path.name}.{os.getpid()}.part"
            handle = open_in(folder, part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self.path.parent, mode=FILE_MODE)
            try:
                os.write(handle, self._first)
                os.fsync(handle)
                os.link(part, self.path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except FileExistsError:
                return
            finally:
                os.close(handle)
                os.unlink(part, dir_fd=folder)
            os.fsync(folder)

    @contextmanager
    def alone(self, wait: float) -> Iterator[int]:
        """The file, open and locked exclusively; raises InUse after *wait* seconds, or Unreachable."""
        while True:  # until it is still the file of that name: another run may have rewritten it meanwhile
            with self._opened(os.O_RDWR | os.O_APPEND) as handle:
                lock_handle(handle, exclusive=True, wait=wait, still=STILL_FOR_ERASURE)
                if os.fstat(handle).st_nlink:
                    yield handle
                    return

    @contextmanager
    def reading(self) -> Iterator[int]:
        """The file, open for reading and not locked: the last line may be half; raises Unreachable."""
        with self._opened(os.O_RDONLY) as handle:
            yield handle

    @contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        with disk():
            try:
                handle = open_file(self.path, flags)
            except NotPlain:
                raise Unreachable("feed_no_file", path=str(self.path)) from None
        try:
            with disk():
                about = os.fstat(handle)
                first = os.pread(handle, len(self._first), 0)
            is_ours = self._of_anybody or about.st_uid in (os.geteuid(), 0)
            if about.st_nlink != 1 or not is_ours:
                raise Unreachable("feed_owner", path=str(self.path))
            if first != self._first:
                raise Unreachable("feed_of_another", path=str(self.path), first=self._first[:-1].decode("ascii"))
            yield handle
        finally:
            os.close(handle)

    def append(self, handle: int, lines: list[bytes]) -> None:
        """Append whole lines durably, on a new line if a crash left an incomplete one."""
        with disk():
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            rest = memoryview((b"\n" if torn else b"") + b"".join(line + b"\n" for line in lines))
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)

    def rewrite(self, lines: Iterable[bytes]) -> None:
        """Put a file of the first line and *lines* in its place, durably; the caller holds it `alone`.

        The old file stays whole until the new one gets its name. Raises Unreachable, as where it may only be appended
        to.
        """
        with disk(), folder_of(self.path) as folder:
            part = f".{self.path.name}.new"
            with suppress(FileNotFoundError):
                os.unlink(part, dir_fd=folder)  # of a run that was cut off
            handle = open_in(folder, part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self.path.parent, mode=FILE_MODE)
            try:
                with os.fdopen(handle, "wb", _BLOCK) as file:
                    file.write(self._first)
                    file.writelines(line + b"\n" for line in lines)
                    file.flush()
                    os.fsync(handle)
                os.rename(part, self.path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                os.unlink(part, dir_fd=folder)
                raise
            os.fsync(folder)

    def backwards(self, handle: int, mark: bytes) -> Iterator[tuple[int, bytes]]:
        """Its complete lines that end with *mark*, from the last to the first, each with the position of its end.

        Other lines are only read. Raises Unreachable if no line begins within LONGEST bytes.
        """
        with disk():
            size = os.fstat(handle).st_size
            for end in self._ends(handle, size, mark + b"\n"):
                begin = self._begin(handle, end)
                yield end, _read(handle, begin, end)

    def _ends(self, handle: int, size: int, mark: bytes) -> Iterator[int]:
        """Ends of the lines that end with *mark* (its last byte is the line end), from the last to the first."""
        at, kept, passed = size, b"", 0
        while at > 0:
            begin = max(0, at - _BLOCK)
            block = _read(handle, begin, at) + kept
            position = len(block)
            while (position := block.rfind(mark, 0, position)) >= 0:
                passed = 0
                yield begin + position + len(mark) - 1
                position += len(mark) - 1
            kept = block[: len(mark) - 1]
            passed += at - begin
            if passed > LONGEST:
                raise Unreachable("feed_too_long", path=str(self.path))
            at = begin

    def _begin(self, handle: int, end: int) -> int:
        """The beginning of the line that ends at *end*."""
        at = end
        while at > 0:
            begin = max(0, at - _BLOCK)
            line_end = _read(handle, begin, at).rfind(b"\n")
            if line_end >= 0:
                return begin + line_end + 1
            if end - begin > LONGEST:
                raise Unreachable("feed_too_long", path=str(self.path))
            at = begin
        return 0

    def count_lines(self, handle: int, begin: int) -> int:
        """The number of lines that end behind *begin*."""
        with disk():
            size, count = os.fstat(handle).st_size, 0
            for at in range(begin, size, _BLOCK):
                count += _read(handle, at, min(at + _BLOCK, size)).count(b"\n")
            return count

    def lines(self, handle: int) -> Iterator[bytes]:
        """Its complete lines behind the first, in order; at most the first LONGEST bytes of each."""
        at, rest, length = self.begin, list[bytes](), 0
        while True:
            with disk():
                at = _behind_hole(handle, at)
                block = os.pread(handle, _BLOCK, at)
            if not block:
                return
            at += len(block)
            *whole, last = block.split(b"\n")
            for line in whole:
                yield b"".join((*rest, line))
                rest, length = [], 0
            length += len(last)
            if last and length <= LONGEST:
                rest.append(last)


def _behind_hole(handle: int, at: int) -> int:
    """The next byte from *at* on that was written: a hole of a petabyte costs nothing, and is none of our lines."""
    try:
        return os.lseek(handle, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:  # behind the last byte
            raise
        return max(at, os.fstat(handle).st_size)


def _read(handle: int, begin: int, end: int) -> bytes:
    pieces = []
    while begin < end and (piece := os.pread(handle, end - begin, begin)):
        pieces.append(piece)
        begin += len(piece)
    return b"".join(pieces)
