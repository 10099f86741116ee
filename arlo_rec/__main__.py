"""`arlo-rec` and `python -m arlo_rec`."""

import gc
import os
import sys

gc.set_threshold(50_000)  # loading modules leaves no garbage: to look for it every 700 objects is 6 % of a command

from arlo_rec.cli import main as run  # noqa: E402  (after the line above, which is for it)


def main() -> None:
    """Run the program and leave with its exit status."""
    stand_in_for_closed()
    sys.exit(run())


def stand_in_for_closed() -> None:
    """Take the place of standard streams that are closed: else the next file to be opened would have their number.

    What stands in for stdout cannot be written, for an answer that nobody can read is no success.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # the lowest number that is free, which is this one
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


if __name__ == "__main__":
    main()
