"""`python -m tests.proof.program WORDS…`: the program, but dumpable: so strace can name its files for every account.

The kernel shows the descriptors of a process that is not dumpable to root alone (proc(5)); strace -y reads them there.
What the program does to files is the same.
"""

from __future__ import annotations

import sys

from arlo_rec import __main__ as program
from arlo_rec.crypto import hardening


def run(words: list[str]) -> None:
    """Run the program, and leave with its exit status."""
    hardening.forbid_core_dumps = lambda: None
    sys.argv[1:] = words
    program.main()


if __name__ == "__main__":
    run(sys.argv[1:])
