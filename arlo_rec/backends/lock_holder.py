"""Who holds a lock: what the kernel says, and a small note that the holder leaves in the lock file.

The lock file of a backup lies where others may write, so a note is hostile text: it is bounded, sanitised, and believed
only where the process that it names holds the lock. A holder who leaves none is named by process and account.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from arlo_rec.i18n.sanitise import clean
from arlo_rec.model.records import to_iso
from arlo_rec.model.strict_json import canonical, parse_object

NOTE_BYTES = 512
WORD_LONGEST = 60  # characters of a name or a command that are shown
LOCKS_BYTES = 1024 * 1024  # of /proc/locks: some ten thousand locks of the whole machine
Detail = dict[str, Any]  # values of an error


def note_of(name: str, command: str, since: datetime) -> bytes:
    """What a holder writes into the lock file: name, command, process, and since when."""
    words = {"name": name[:WORD_LONGEST], "command": command[:WORD_LONGEST]}
    return canonical({**words, "pid": os.getpid(), "since": to_iso(since)})


def leave(handle: int, note: bytes) -> None:
    """Write a note into a lock file whose lock is held; a full disk keeps nobody from going on without."""
    with suppress(OSError):
        os.ftruncate(handle, os.pwrite(handle, note[:NOTE_BYTES], 0))


def take_away(handle: int, note: bytes) -> None:
    """Empty a lock file in which that note still stands, so that nobody is named who holds nothing any more."""
    with suppress(OSError):
        if os.pread(handle, NOTE_BYTES, 0) == note[:NOTE_BYTES]:
            os.ftruncate(handle, 0)


def holder(handle: int) -> Detail:
    """Who holds the lock of an open file, as values of an error; empty where nobody can be named."""
    holding = _holding(handle)
    noted = _noted(handle)
    if noted is not None and (noted["pid"] in holding or (not holding and _account(int(noted["pid"])) is not None)):
        return {**noted, "login": _account(int(noted["pid"])) or "?"}
    for pid in holding:
        return {"name": "?", "command": "?", "pid": pid, "since": "?", "login": _account(pid) or "?"}
    return {}


def _noted(handle: int) -> Detail | None:
    try:
        note = parse_object(os.pread(handle, NOTE_BYTES, 0))
        pid, since = note["pid"], datetime.fromisoformat(note["since"])
        words = {key: clean(note[key])[:WORD_LONGEST] for key in ("name", "command")}
        if type(pid) is not int or not 0 < pid < 2**22 + 1 or since.tzinfo is None:
            return None
        return {**words, "pid": pid, "since": to_iso(since)}
    except (OSError, KeyError, TypeError, ValueError, OverflowError):
        return None


def _holding(handle: int) -> list[int]:
    """The processes that hold a lock of the file, by /proc/locks; empty where the system does not say."""
    try:
        with Path("/proc/locks").open("rb") as file:
            lines = file.read(LOCKS_BYTES).decode("ascii", "replace").splitlines()
        inode = f":{os.fstat(handle).st_ino}"
    except OSError:
        return []
    fields = [line.split() for line in lines if "->" not in line]  # who waits has an arrow
    found = [each[4] for each in fields if len(each) > 5 and each[1] == "FLOCK" and each[5].endswith(inode)]
    return [int(pid) for pid in found if pid.isdecimal() and int(pid) > 0]


def _account(pid: int) -> str | None:
    """The login account of a running process; None where there is none of that number."""
    import pwd

    try:
        uid = Path(f"/proc/{pid}").stat().st_uid
        return clean(pwd.getpwuid(uid).pw_name)[:WORD_LONGEST]
    except KeyError:
        return str(uid)
    except OSError:
        return None
