"""Reading a small file at a path that others control: without blocking, and never more bytes than expected.

A pipe without a writer, an endless device and a file that is too large raise `OSError`, like a missing file. The module
knows nothing of the files' meaning.
"""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import time
from pathlib import Path
from typing import BinaryIO, Final

BINARY: Final = getattr(os, "O_BINARY", 0)  # on Windows, where lines end otherwise
READING: Final = os.O_RDONLY | BINARY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
PIPE_WAIT = 5.0  # seconds for a pipe to end: enough for a shell's `<(...)`, not for a person who types


def read_named(path: Path, most: int, *, pipes: bool = False) -> bytes:
    """The bytes of a plain file, or with *pipes* of a finite pipe or device; raises OSError beyond *most*."""
    handle = os.open(path, READING)
    try:
        return read_handle(handle, path, most, pipes=pipes)
    finally:
        os.close(handle)


def open_named(path: Path, most: int) -> BinaryIO:
    """A plain file of any size, or at most *most* bytes of a pipe; raises OSError."""
    handle = os.open(path, READING)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return os.fdopen(handle, "rb")
    try:
        return io.BytesIO(read_handle(handle, path, most, pipes=True))
    finally:
        os.close(handle)


def read_handle(handle: int, path: Path, most: int, *, pipes: bool = False) -> bytes:
    """The same for a file that the caller opened with READING."""
    about = os.fstat(handle)
    if not pipes and not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    if about.st_size > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    content = bytearray()
    deadline = time.monotonic() + PIPE_WAIT
    while len(content) <= most:
        try:
            piece = os.read(handle, most + 1 - len(content))
        except BlockingIOError:
            _wait(handle, deadline)
            continue
        if not piece:
            return bytes(content)
        content += piece
    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))


def is_ours(path: Path) -> bool:
    """Whether only this account and root may write a file; raises OSError."""
    about = path.stat()
    return about.st_uid in {os.geteuid(), 0} and not about.st_mode & 0o022


def _wait(handle: int, deadline: float) -> None:
    """Wait until more bytes can be read; raises OSError after *deadline*."""
    more = select.poll()
    more.register(handle, select.POLLIN)
    left = deadline - time.monotonic()
    if left <= 0 or not more.poll(left * 1000):
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
