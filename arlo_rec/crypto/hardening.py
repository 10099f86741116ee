"""No core dump of a process that holds keys, sound and words: what was decrypted in memory must not come to a disk."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress

_PR_SET_DUMPABLE = 4  # prctl(2): 0 also keeps other processes of the account from reading this one


def forbid() -> None:
    """Give up core dumps, also those that go to a program; where the system does not let us, go on."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
