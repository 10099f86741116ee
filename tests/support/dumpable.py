"""`python -m tests.support.dumpable WORDS…`: the program as it is, but dumpable.

The kernel shows the descriptors of a process that is not dumpable to root alone (proc(5)): a test of another account
would not see which files it has open, nor would strace -y. What the program does to files is the same.
"""

from __future__ import annotations

import sys
from typing import Final

from arlo_rec import __main__ as program
from arlo_rec.sound.processes import hardening

PROGRAM: Final = (sys.executable, "-m", "tests.support.dumpable")


def run(words: list[str]) -> None:
    """Run the program, and leave with its exit status."""
    hardening.forbid_core_dumps = lambda: None
    sys.argv[1:] = words
    program.main()


if __name__ == "__main__":
    run(sys.argv[1:])
