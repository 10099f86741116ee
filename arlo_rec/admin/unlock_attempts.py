"""Failed unlocks: noted in a plain append-only file, and taken into the log by the next command that opens the store.

Whoever fails to unlock has no key to write into the log with; so a line with the time, the name that was claimed and
the login account waits beside the store. A file that became shorter is an entry of its own, and so is one that was
written to without becoming longer: what was cut may be a note that nobody had taken in yet.
"""

from __future__ import annotations

import os
import stat
from datetime import datetime
from io import BytesIO

from arlo_rec.backends.durable import disk
from arlo_rec.backends.shared_folder import open_file, status
from arlo_rec.i18n.messages import clean
from arlo_rec.keys.layout import Layout
from arlo_rec.keys.roster import NAME_LONGEST
from arlo_rec.log.events import UnlockFailed, UnlockNotesCut, UnlockNoteUnreadable
from arlo_rec.model.records import to_iso
from arlo_rec.model.strict_json import canonical, parse_object
from arlo_rec.store import Change, Store

ATTEMPTS_BYTES = 1024 * 1024  # read at once; a line that alone is as long is none that we wrote
ATTEMPTS_AT_ONCE = 1000  # taken into the log by one command; more wait for the next


def note_attempt(layout: Layout, name: str, login: str, at: datetime) -> None:
    """Keep a failed unlock where the next command finds it; never fails the command that reports it."""
    note = {"at": to_iso(at), "name": clean(name)[:NAME_LONGEST], "login": clean(login)[:NAME_LONGEST]}
    try:
        handle = open_file(layout.attempts, os.O_WRONLY | os.O_APPEND)
    except OSError:
        return
    try:
        os.write(handle, canonical(note) + b"\n")
    except OSError:
        return
    finally:
        os.close(handle)


def take_attempts(store: Store, now: datetime) -> None:
    """Take failed unlocks into the log; a file that was cut is an entry too (security.unauthorised).

    Notes are only ever appended. So a file that has become shorter was cut, and so may be one that is as long as it was
    when it was last taken in, and was written to since: only its owner can set the time of that back.
    """
    if _about(store.layout) == _known(store):
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
    """The size of the file, and when it was last written to, in nanoseconds; both 0 where it is none."""
    about = status(layout.attempts)
    return (about.st_size, about.st_mtime_ns) if about is not None and stat.S_ISREG(about.st_mode) else (0, 0)


def _known(store: Store) -> tuple[int, int]:
    """The same when it was last taken in; no time in a store that was just made or restored."""
    return store.meta.number("attempts_taken"), store.meta.number("attempts_seen")


def _read(layout: Layout, since: int) -> bytes:
    """What stands in the file behind *since*, as far as it is read at once; raises Unreachable."""
    with disk():
        handle = open_file(layout.attempts, os.O_RDONLY)
        try:
            return os.pread(handle, ATTEMPTS_BYTES, since)
        finally:
            os.close(handle)


def _log_attempt(change: Change, line: bytes) -> None:
    """An entry with the name that was claimed, the login account and the time that it happened."""
    try:
        note = parse_object(line)
        at, name, login = (clean(str(note[key]))[:NAME_LONGEST] for key in ("at", "name", "login"))
    except (KeyError, ValueError):
        change.log(UnlockNoteUnreadable())
        return
    change.log(UnlockFailed(at=at, name=name, login=login))
