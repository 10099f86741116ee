"""One heap for all threads, as the C library counts them."""

from __future__ import annotations

import subprocess
import sys

from tests.support import needs

SCRIPT = """
import ctypes, threading
from arlo_rec.sound.processes import workers

{first}
together = threading.Barrier(4)

def take():
    kept = [bytearray(100_000 + at) for at in range(20)]
    together.wait()
    return kept

threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = libc.fdopen(1, b"w")
libc.malloc_info(0, ctypes.c_void_p(out))
libc.fflush(ctypes.c_void_p(out))
"""


def heaps(first: str) -> int:
    """How many heaps a program has whose threads take memory at the same time."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(first=first)], capture_output=True, text=True, check=True
    )
    return done.stdout.count("<heap nr=")


@needs.mark(needs.linux())
def test_threads_take_memory_from_one_heap() -> None:
    needs.demand("needs a C library of several heaps" if heaps("") == 1 else None)
    assert heaps("workers.share_one_heap()") == 1
