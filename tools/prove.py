"""Runs rings of proofs: `./dev prove [--sample] [RING|touched ...] [WORDS for pytest]`.

Without names it runs every ring, whole; `touched` stands for the rings that the changes set off. With `--sample` a ring
tries what a run of all tests would, not all that there is, and the tests of the ordinary run are with it.
`tests/rings.toml` has the names; other words go to pytest, and without a ring `--prove` goes with them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final

from tests.support import rings

TOP: Final = Path(__file__).resolve().parent.parent
PYTEST: Final = (sys.executable, "-m", "pytest")
PYTHONS: Final = ("python3.11", "python3.12", "python3.13", "python3.14")
BESIDE_EACH_OTHER: Final = ("-n", "auto", "--dist", "loadgroup")
ALSO_IN_POSTGRES: Final = ("tests/vault/test_upgrade.py", "tests/attack/test_every_column.py")  # where all is tried


def main(words: Sequence[str]) -> int:
    """Run what was asked for; the status of the first that failed."""
    parser = argparse.ArgumentParser(
        prog="./dev prove", usage=f"%(prog)s [--sample] [{'|'.join(rings.rings())}|touched ...]"
    )
    parser.add_argument("--sample", action="store_true", help="a sample of each ring, and the ordinary run")
    parser.add_argument("--minutes", metavar="N", help="how long commands are cut off, with the ring of crashes")
    asked, rest = parser.parse_known_args(words)
    leading = list(takewhile(("touched", *rings.rings()).__contains__, rest))
    named, rest = set(leading), rest[len(leading) :]
    if "touched" in named:
        named = named - {"touched"} | rings.touched(rings.changed(None))
    elif not named and not rest:
        named = set(rings.rings())
    minutes = () if asked.minutes is None else ("--minutes", asked.minutes)
    for number, line in enumerate(_runs(sorted(named), minutes, is_whole=not asked.sample)):
        done = subprocess.run([*line, *(rest if number == 0 else ())], cwd=TOP, check=False)
        if done.returncode != 0:
            return done.returncode
    return 0


def _runs(names: Sequence[str], minutes: Sequence[str], *, is_whole: bool) -> Iterator[Sequence[str]]:
    """The commands that prove rings: their tests, on other Pythons, in PostgreSQL, and what cuts commands off."""
    print(f"rings: {', '.join(names) or 'none'}", flush=True)
    asked = [rings.rings()[name] for name in names]
    folders = [place for ring in asked for place in ring.tests]
    if not is_whole:
        yield *PYTEST, "--ordinary", *(f"--ring={name}" for name in names), *BESIDE_EACH_OTHER
    elif folders or not names:
        yield *PYTEST, "--prove", "--ignore=tests/whole/test_proof.py", *folders
    if is_whole and "pythons" in names:
        for python in filter(None, map(shutil.which, PYTHONS)):
            yield "env", f"ARLO_REC_PYTHON={python}", "./dev", "test", "tests"
    if again := [place for ring in asked for place in ring.in_postgres]:
        if not _can_have_postgres():
            print("no PostgreSQL, or not root: what runs with a catalogue there is skipped", file=sys.stderr)
        elif is_whole:
            yield *PYTEST, "--engine", "postgres", *again, *ALSO_IN_POSTGRES
        else:
            yield *PYTEST, "--engine", "postgres", "-m", "not slow", *BESIDE_EACH_OTHER, *again
    if is_whole and "crashes" in names:
        yield sys.executable, "-m", "tests.proof", "--write", *minutes


def _can_have_postgres() -> bool:
    return os.geteuid() == 0 and any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
