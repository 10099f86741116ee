"""One input once more: `python -m tests.fuzz TARGET SEED NUMBER` shows its bytes, and the traceback where it fails."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.fuzz.target import made
from tests.fuzz.targets import targets


def main(name: str, seed: str, number: str) -> None:
    """Show input *number* and what becomes of it."""
    with tempfile.TemporaryDirectory() as folder:
        target = next(one for one in targets(Path(folder)) if one.name == name)
        raw = made(target, int(seed), int(number))
        sys.stdout.write(f"{raw!r}\n")
        sys.stdout.write("taken\n" if target.parse(raw) else "refused\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
