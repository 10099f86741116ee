"""Failed unlocks: noted in a plain append-only file, and taken into the log by the next command that opens the store.

A failed unlock has no key for the log; so a line with the time, the claimed name and the login account waits in a
file beside the store. A file that became shorter is logged, and so is one that was written to without becoming
longer: a line may have been cut before it was taken in.
"""

from __future__ import annotations

import errno
import os
import stat
from datetime import datetime
from io import BytesIO

from arlo_rec.law.log.events import UnlockFailed, UnlockNotesCut, UnlockNoteUnreadable
from arlo_rec.law.messages import clean
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.model.strict_json import canonical, parse_object
from arlo_rec.vault.backends.durable import disk, write_all
from arlo_rec.vault.backends.shared_folder import open_file, status
from arlo_rec.vault.keys.layout import Layout
from arlo_rec.vault.keys.roster import NAME_LONGEST
from arlo_rec.vault.opened import Change, Store

ATTEMPTS_BYTES = 1024 * 1024  # read at once; a longer line is not ours
GIVEN_UP_BYTES = 64 * 1024  # of the ballast, for some 500 notes on a full disk
ATTEMPTS_AT_ONCE = 1000  # lines taken in by one command; the rest wait for the next


def note_attempt(layout: Layout, name: str, login: str, at: datetime) -> None:
    """Append a failed unlock for the next command to log; raises Unreachable (`attempt_unnoted`).

    Guesses must not go on unnoted, so on a full disk a part of the ballast makes room.
    """
    note = {"at": to_iso(at), "name": clean(name)[:NAME_LONGEST], "login": clean(login)[:NAME_LONGEST]}
    line = canonical(note) + b"\n"
    try:
        handle = open_file(layout.attempts, os.O_WRONLY | os.O_APPEND)
        try:
            _append(handle, line, layout)
        finally:
            os.close(handle)
    except OSError as error:
        path, reason = str(layout.attempts), error.strerror or ""
        raise Unreachable("attempt_unnoted", rule="security.unauthorised", path=path, reason=reason) from None


def _append(handle: int, line: bytes, layout: Layout) -> None:
    """Append a line whole; raises OSError."""
    size = os.fstat(handle).st_size
    try:
        write_all(handle, line)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _shorten_ballast(layout)
        is_begun = os.fstat(handle).st_size > size  # what stands there of it is a line of its own
        write_all(handle, b"\n" * is_begun + line)


def _shorten_ballast(layout: Layout) -> None:
    ballast = open_file(layout.ballast, os.O_WRONLY)
    try:
        os.ftruncate(ballast, max(os.fstat(ballast).st_size - GIVEN_UP_BYTES, 0))
    finally:
        os.close(ballast)


def take_attempts(store: Store, now: datetime) -> None:
    """Take failed unlocks into the log; a cut file is an entry too (security.unauthorised).

    Notes are only appended. So a shorter file was cut, and so may be one of the same size that was written to since
    it was last taken in: only its owner can set that time back.
    """
    with store.db.reading():
        known = _known(store)
    if _about(store.layout) == known:
        return
    with store.change(now) as change:
        (size, written), (taken, seen) = _about(store.layout), _known(store)
        store.meta.set("attempts_seen", written)
        if size < taken or (size == taken and seen not in (0, written)):
            change.log(UnlockNotesCut())
        if size <= taken:
            store.meta.set("attempts_taken", size)
            return
        lines = BytesIO(_read(store.layout, taken)[: size - taken]).readlines()[:ATTEMPTS_AT_ONCE]
        for line in (line for line in lines if line.endswith(b"\n") or len(line) == ATTEMPTS_BYTES):
            _log_attempt(change, line)
            taken += len(line)
        store.meta.set("attempts_taken", taken)


def _about(layout: Layout) -> tuple[int, int]:
    """The size of the file and the time of its last change in nanoseconds; both 0 if it is no file."""
    about = status(layout.attempts)
    return (about.st_size, about.st_mtime_ns) if about is not None and stat.S_ISREG(about.st_mode) else (0, 0)


def _known(store: Store) -> tuple[int, int]:
    """The same values when last taken in; the time is 0 in a new or restored store."""
    return store.meta.number("attempts_taken"), store.meta.number("attempts_seen")


def _read(layout: Layout, since: int) -> bytes:
    """The part of the file behind *since*, up to ATTEMPTS_BYTES; raises Unreachable."""
    with disk():
        handle = open_file(layout.attempts, os.O_RDONLY)
        try:
            return os.pread(handle, ATTEMPTS_BYTES, since)
        finally:
            os.close(handle)


def _log_attempt(change: Change, line: bytes) -> None:
    """Log one line: claimed name, login account and time."""
    try:
        note = parse_object(line)
        at, name, login = (clean(str(note[key]))[:NAME_LONGEST] for key in ("at", "name", "login"))
    except (KeyError, ValueError):
        change.log(UnlockNoteUnreadable())
        return
    change.log(UnlockFailed(at=at, name=name, login=login))
