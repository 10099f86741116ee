"""What keeps keys, sound and words inside a process: no core dumps, and nothing runs on when its parent is gone."""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when the thread that forked it ends
_PR_SET_DUMPABLE = 4  # prctl(2): 0 also keeps other processes of the account from reading this one


def forbid_core_dumps() -> None:
    """Disable core dumps, also those piped to a program; where the system refuses, go on without."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def end_with_parent(parent: int) -> None:
    """Have the system kill this process when *parent*, which forked it, is killed; where it cannot, go on without."""
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it was killed before
        os._exit(1)
