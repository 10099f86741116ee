"""Checks the commits of a history since one of them: a subject of at most 72 signs, and no merges.

    python3 -m tools.commits [SINCE]

Prints what is wrong, and exits with 1 if anything is. Nothing is wrong where the history does not reach back so far, as
in a shallow clone.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parent.parent
SINCE: Final = "ea63116c72bd809dc13c94de18d0341409964f45"  # from which on the rule holds
SIGNS: Final = 72


def git(top: Path, *words: str) -> str:
    """The output of a git command; nothing where it fails."""
    done = subprocess.run(["git", *words], cwd=top, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def wrong(top: Path, since: str) -> Iterator[str]:
    """Yield what is wrong with each commit after *since*, the newest first."""
    for line in git(top, "log", "--format=%h\t%p\t%s", f"{since}..HEAD").splitlines():
        name, parents, subject = line.split("\t", 2)
        if " " in parents:
            yield f"{name} is a merge: {subject}"
        elif len(subject) > SIGNS:
            yield f"{name} has a subject of {len(subject)} signs, not {SIGNS}: {subject}"


def main(words: list[str]) -> int:
    """Check the commits of this project."""
    found = list(wrong(TOP, words[0] if words else SINCE))
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
