"""`arlo-rec` and `python -m arlo_rec`."""

import gc
import sys

gc.set_threshold(50_000)  # loading modules leaves no garbage: to look for it every 700 objects is 6 % of a command

from arlo_rec.cli import main as run  # noqa: E402  (after the line above, which is for it)


def main() -> None:
    """Run the program and leave with its exit status."""
    sys.exit(run())


if __name__ == "__main__":
    main()
