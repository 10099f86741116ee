"""Which tests a run takes: the ordinary run, rings of proofs around it (`tests/rings.toml`), and what a change touches.

`python -m tests.support.rings touched|packages [COMMIT]` prints, one in a line, the rings that the changes since a
commit set off, or the tests of the packages that they lie in. Without a commit the changes are those not committed
yet, or where there are none, those of the last commit.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from tests.support.places import TESTS, TOP

LOOKED_AT_CLOSELY = (  # where a mistake exposes a voice or destroys evidence
    "tests/attack/",
    "tests/calls/",
    "tests/office/",
    "tests/people/consent/",
    "tests/vault/",
)
ALWAYS = ("tests/whole/test_house.py", "tests/whole/test_language.py", "tests/whole/test_meta.py")


@dataclass(frozen=True, slots=True)
class Ring:
    """Tests that prove more than the ordinary run, and the files whose change sets them off."""

    tests: tuple[str, ...]
    touched_by: tuple[str, ...]
    in_postgres: tuple[str, ...]  # tests that run once more with their catalogues in a database

    def holds(self, test: str) -> bool:
        """Whether a file of tests belongs to it."""
        return _lies_in(test, self.tests)


@dataclass(frozen=True, slots=True)
class Test:
    """What the choice of a run goes by; the name is a node's, `tests/FILE::FUNCTION[VARIANT]`."""

    __test__ = False  # it is none of pytest's own

    name: str
    is_slow: bool = False
    is_skipped: bool = False  # whether a mark says that it will be

    @property
    def function(self) -> str:
        """The name without the variant."""
        return self.name.partition("[")[0]

    @property
    def said(self) -> str:
        """The name of the function alone, by which a promise names it."""
        return self.function.rpartition("::")[2]


@cache
def rings() -> Mapping[str, Ring]:
    """Every ring by its name."""
    told = tomllib.loads((TESTS / "rings.toml").read_text("utf-8"))
    parts = ("tests", "touched_by", "in_postgres")
    return {name: Ring(*(tuple(ring.get(part, ())) for part in parts)) for name, ring in told.items()}


@cache
def promises() -> tuple[tuple[str, ...], ...]:
    """The names of the tests that show each promise of `tests/security.toml`."""
    told = tomllib.loads((TESTS / "security.toml").read_text("utf-8"))
    return tuple(tuple(promise["tests"]) for promise in told["promise"])


# -- what a run takes ------------------------------------------------------------------------------------


def ordinary(tests: Collection[Test], shown_by: Iterable[Collection[str]], seed: int) -> set[Test]:
    """Those of the ordinary run: whatever is quick, and a variant of each slow test of what is looked at closely.

    A promise of which nothing is among them gets a test: the first of *shown_by* that runs here. Another *seed* takes
    other variants.
    """
    variants, named = defaultdict[str, list[Test]](list), defaultdict[str, list[Test]](list)
    for test in tests:
        if test.is_slow:
            variants[test.function].append(test)
            named[test.said].append(test)
    taken = {test for test in tests if not test.is_slow}
    taken |= {_one(some, seed) for name, some in variants.items() if name.startswith(LOOKED_AT_CLOSELY)}
    seen = {test.said for test in taken if not test.is_skipped}
    for names in shown_by:
        slow = [test for name in names for test in named[name] if not test.is_skipped]
        if slow and seen.isdisjoint(names):
            taken.add(_one([test for test in slow if test.function == slow[0].function], seed))
            seen.add(slow[0].said)
    return taken


def _one(variants: Collection[Test], seed: int) -> Test:
    """One variant, of those that run here where there are any."""
    some = [test for test in variants if not test.is_skipped] or list(variants)
    return random.Random(f"{seed} {some[0].function}").choice(some)


# -- what a change touches -------------------------------------------------------------------------------


def touched(files: Iterable[str]) -> set[str]:
    """The rings that a change of these files sets off: all of them, where a file stands in no ring."""
    off = set[str]()
    for file in files:
        own = {name for name, ring in rings().items() if ring.holds(file) or _lies_in(file, ring.touched_by)}
        off |= own or set(rings())
    return off


def packages(files: Iterable[str]) -> list[str]:
    """The folders and files of tests that lie nearest to these files, and those that look at the whole house."""
    nearest = set(ALWAYS)
    for file in files:
        nearest |= _nearest(file)
    inner = {place for place in nearest if any(place != other and _lies_in(place, [f"{other}/"]) for other in nearest)}
    return sorted(nearest - inner)


def _nearest(file: str) -> set[str]:
    """Tests of the package of a file of the program; a file of tests itself; the tests that name what tests share."""
    first, *rest = file.split("/")
    if first == "arlo_rec":
        folders = ["/".join(("tests", *rest[:depth])) for depth in range(len(rest) - 1, 0, -1)]
        return set(next(([folder] for folder in folders if (TOP / folder).is_dir()), []))
    if first != "tests":
        return set()
    if rest[-1].startswith("test_"):
        return {file} if (TOP / file).exists() else set()
    if rest[0] == "support":
        return _naming(rest[-1].removesuffix(".py"))
    return {"tests"} if len(rest) == 1 and file.endswith(".py") else {"/".join(("tests", *rest[:-1]))} - {"tests"}


def _naming(shared: str) -> set[str]:
    """The files of tests that import a module of `tests/support`."""
    line = re.compile(rf"^from tests\.support(?:\.{shared} import| import .*\b{shared}\b)", re.MULTILINE)
    return {str(one.relative_to(TOP)) for one in TESTS.rglob("test_*.py") if line.search(one.read_text("utf-8"))}


def _lies_in(file: str, places: Iterable[str]) -> bool:
    return any(file.startswith(place) if place.endswith("/") else file == place for place in places)


def changed(since: str | None) -> list[str]:
    """The files that differ from a commit, or as the head of this module says."""
    new = _git("ls-files", "--others", "--exclude-standard")
    if since is not None:
        return _git("diff", "--name-only", since) + new
    return _git("diff", "--name-only", "HEAD") + new or _git("diff", "--name-only", "HEAD~1", "HEAD")


def _git(*words: str) -> list[str]:
    try:
        done = subprocess.run(["git", *words], cwd=TOP, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        raise SystemExit(f"git {' '.join(words)}: no git, no clone, or no such commit; name tests or rings") from None
    return done.stdout.splitlines()


def main(what: str, since: str | None = None) -> None:
    """Print what was asked for."""
    files = changed(since)
    told = sorted(touched(files)) if what == "touched" else packages(files)
    sys.stdout.writelines(f"{one}\n" for one in told)


if __name__ == "__main__":
    main(*sys.argv[1:])
