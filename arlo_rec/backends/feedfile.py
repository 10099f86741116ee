"""A file of lines on another mount that is only appended to, so that `chattr +a` can protect it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arlo_rec.backends.durable import disk
from arlo_rec.backends.files import lock_handle

_BLOCK = 64 * 1024  # bytes read at once from the end


class FeedFile:
    """The feed's file; what its lines mean is known by `offsite.feed`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, mode: int) -> None:
        """Create the file where it does not exist; raises Unreachable."""
        with disk():
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
            try:
                if os.fstat(handle).st_size == 0:
                    os.fchmod(handle, mode)
            finally:
                os.close(handle)

    @contextmanager
    def alone(self, wait: float) -> Iterator[int]:
        """The file, open and locked exclusively; raises InUse after *wait* seconds, or Unreachable."""
        with disk():
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            lock_handle(handle, exclusive=True, wait=wait)
            yield handle
        finally:
            os.close(handle)

    def append(self, handle: int, lines: list[bytes]) -> None:
        """Append whole lines durably, on a new line where a crash left an incomplete one."""
        with disk():
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            rest = memoryview((b"\n" if torn else b"") + b"".join(line + b"\n" for line in lines))
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)

    def backwards(self, handle: int) -> Iterator[bytes]:
        """Its complete lines, from the last to the first."""
        with disk():
            begin, rest = os.fstat(handle).st_size, b""
            half = True  # the bytes after the last line end are an incomplete line, or nothing
            while begin > 0:
                end, begin = begin, max(0, begin - _BLOCK)
                rest, *lines = (os.pread(handle, end - begin, begin) + rest).split(b"\n")
                if lines:
                    yield from reversed(lines[:-1] if half else lines)
                    half = False
            if not half:
                yield rest

    def lines(self) -> Iterator[bytes]:
        """Its complete lines, in order."""
        with disk(), self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line[:-1]
