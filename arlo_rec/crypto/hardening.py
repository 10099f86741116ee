"""Disable core dumps of a process that holds keys, sound or words, so that decrypted memory is not written to disk."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress

_PR_SET_DUMPABLE = 4  # prctl(2): 0 also keeps other processes of the account from reading this one


def forbid_core_dumps() -> None:
    """Disable core dumps, also those piped to a program; where the system refuses, go on without."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
