"""`arlo-rec` and `python -m arlo_rec`."""

import sys

from arlo_rec.cli import main as run


def main() -> None:
    """Run the program and leave with its exit status."""
    sys.exit(run())


if __name__ == "__main__":
    main()
