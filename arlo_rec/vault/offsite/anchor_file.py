"""Files of anchors: checkpoints of the log, kept where its people cannot rewrite them.

A file holds one or more notes. `append` adds one with a single write at the end, as an append-only file (`chattr
+a`) allows. A power cut may leave the beginning of a note: the next one starts on a line of its own, and an
unreadable piece is skipped if a whole note follows it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.law.model.errors import Unreachable, Usage
from arlo_rec.vault.backends.bounded_read import read_named
from arlo_rec.vault.backends.durable import sync_folder, translated
from arlo_rec.vault.backends.files import lock_handle
from arlo_rec.vault.backends.named_files import nameable
from arlo_rec.vault.backends.shared_folder import open_file
from arlo_rec.vault.crypto import merkle

FILE_BYTES: Final = 16 * 1024 * 1024  # four years of a note of 450 bytes each hour
_TAIL: Final = 64 * 1024  # bytes at the end of a file that are searched for the newest note
_WAIT: Final = 60.0  # seconds for another appending run
_SIGNATURE: Final = "\u2014 "  # the beginning of a signature's line
_OWN, _COSIGNED = 68, 76  # bytes of a signature (id, Ed25519) and of a cosignature (with the time)


def read(path: Path) -> bytes:
    """The bytes of a file of anchors, or of a pipe; raises Usage if it is unreadable."""
    try:
        return read_named(path, FILE_BYTES, pipes=True)
    except OSError:
        raise Usage("file_unreadable", path=str(path)) from None


class Notes(NamedTuple):
    """The notes of a file of anchors, in order."""

    kept: list[str]
    is_whole: bool  # all of it is readable, and there is a note


def parse(raw: bytes) -> Notes:
    """The notes of a file; an unreadable piece does not count if a whole note follows it."""
    kept, is_whole = list[str](), False
    for note in _pieces(raw.decode("utf-8", "replace").split("\n")):
        is_whole = note is not None
        if note is not None:
            kept.append(note)
    return Notes(kept, is_whole)


def _pieces(lines: list[str]) -> Iterator[str | None]:
    """Each note, and None for each non-empty line outside a note."""
    at = 0
    while at < len(lines):
        end = _end_of_note(lines, at)
        note = _whole("\n".join(lines[at:end]) + "\n") if end else None
        if note is not None:
            yield note
            at = end
            continue
        if lines[at]:
            yield None
        at += 1


def _end_of_note(lines: list[str], at: int) -> int:
    """The line number behind the note that begins at *at*: four lines, an empty one, signatures; 0 without one."""
    if at + 5 >= len(lines) or lines[at + 4] or not lines[at + 5].startswith(_SIGNATURE):
        return 0
    end = at + 6
    while end < len(lines) and lines[end].startswith(_SIGNATURE):
        end += 1
    return end


def _whole(text: str) -> str | None:
    """A note whose last signature is complete; None for anything else."""
    try:
        _, signatures = merkle.parse_note(text)
    except ValueError:
        return None
    last = len(list(signatures.values())[-1])
    return text if last == _OWN or last >= _COSIGNED else None


def append(path: Path, note: str) -> bool:
    """Add a note at the end of a file, creating it if necessary; False if the note is there already.

    A note that a witness cosigned counts as the same. The note is on the disk on return. Raises Usage for a missing
    folder, Unreachable for a link, another kind of file or a failed write, and InUse.
    """
    try:
        handle = _open(nameable(path))
    except IsADirectoryError:
        raise Unreachable("not_plain_file", path=str(path)) from None
    except FileNotFoundError:
        raise Usage("no_such_folder", path=str(path.parent)) from None
    except OSError as error:
        raise translated(error) from None
    try:
        lock_handle(handle, exclusive=True, wait=_WAIT)
        tail = _tail(handle)
        if any(kept.startswith(note) for kept in parse(tail).kept):
            return False
        append_piece(handle, (b"" if tail[-1:] in (b"", b"\n") else b"\n") + note.encode("utf-8"))
        sync_folder(path.parent)
    except OSError as error:
        raise translated(error) from None
    finally:
        os.close(handle)
    return True


def _open(path: Path) -> int:
    """Open the file to read and append; its mode stays, because `chattr +a` prevents a change."""
    flags = os.O_RDWR | os.O_APPEND
    try:
        return open_file(path, flags)
    except FileNotFoundError:
        return open_file(path, flags | os.O_CREAT)  # or the one that another run made meanwhile


def _tail(handle: int) -> bytes:
    size = os.fstat(handle).st_size
    return os.pread(handle, _TAIL, max(0, size - _TAIL))


def append_piece(handle: int, piece: bytes) -> None:
    """One write, synced; raises OSError, also for a partial write."""
    if os.write(handle, piece) != len(piece):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(handle)
