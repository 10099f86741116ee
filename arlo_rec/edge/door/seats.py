"""Seats at a store: each account or person has a few doors at once, so that none of them fills the machine with doors.

A seat is a lock of one byte of the store's file `open.lock`, far behind its end. The kernel frees it with the process.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from arlo_rec.vault.backends.files import lock_byte

SEATS: Final = 16  # of one account, or one person by ssh
_FILE: Final = "open.lock"


def take(store: Path, who: str) -> bool:
    """Take a seat until this process ends; False if *who* has all of theirs. True where there is no such store."""
    try:
        handle = os.open(store / _FILE, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # which the command tells
        return True
    begin = int.from_bytes(hashlib.sha256(who.encode("utf-8", "surrogatepass")).digest()[:6]) * SEATS
    if any(lock_byte(handle, begin + seat) for seat in range(SEATS)):
        return True  # with the file open, which ends with the process
    os.close(handle)
    return False
