"""A file that only ever grows, on another mount: opened for appending, so that `chattr +a` may guard it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arlo_rec.backends.durable import disk
from arlo_rec.backends.files import lock_handle

_BLOCK = 64 * 1024  # bytes read at once from the end


class FeedFile:
    """One such file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, mode: int) -> None:
        """Make it where it is not there; raises Unreachable."""
        with disk():
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
            try:
                if os.fstat(handle).st_size == 0:
                    os.fchmod(handle, mode)
            finally:
                os.close(handle)

    @contextmanager
    def alone(self, wait: float) -> Iterator[int]:
        """The file, open and held by nobody else; raises InUse or Unreachable."""
        with disk():
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            lock_handle(handle, exclusive=True, wait=wait)
            yield handle
        finally:
            os.close(handle)

    def append(self, handle: int, lines: list[bytes]) -> None:
        """Add whole lines, durably; behind half a line that a crash left, they begin on one of their own."""
        with disk():
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            rest = memoryview((b"\n" if torn else b"") + b"".join(line + b"\n" for line in lines))
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)

    def backwards(self, handle: int) -> Iterator[bytes]:
        """Its whole lines, from the last to the first."""
        with disk():
            begin, rest = os.fstat(handle).st_size, b""
            half = True  # what no line end closes is half a line, or nothing
            while begin > 0:
                end, begin = begin, max(0, begin - _BLOCK)
                rest, *lines = (os.pread(handle, end - begin, begin) + rest).split(b"\n")
                if lines:
                    yield from reversed(lines[:-1] if half else lines)
                    half = False
            if not half:
                yield rest

    def lines(self) -> Iterator[bytes]:
        """Its whole lines, in order."""
        with disk(), self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line[:-1]
