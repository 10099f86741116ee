"""Check that this tree can be released as its version, and say what is missing: `./dev release`.

It changes nothing and publishes nothing. What it looks at:

    tree        clean, and its version has no tag yet
    changelog   its newest heading is the version, with a day or `unreleased`
    fixture     a store of this version, and of every version before it that the changelog dates
    schema      the catalogue of the fixture is that which the program makes
    locks       everything that pyproject.toml asks for stands in requirements/
    build       two builds of wheel and sdist have the same bytes
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2}|unreleased)$", re.MULTILINE)
_PINNED = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def main() -> int:
    """Exit 0 if all is ready, 1 with a line for each thing that is not."""
    version = version_of(TOP)
    checks: dict[str, Callable[[Path, str], Iterator[str]]] = {
        "tree": tree,
        "changelog": changelog,
        "fixture": fixtures,
        "schema": schema_of_fixture,
        "locks": locks,
        "build": build,
    }
    missing = 0
    for name, check in checks.items():
        problems = list(check(TOP, version))
        missing += len(problems)
        for line in problems or ["as it should be"]:
            print(f"{name}: {line}", flush=True)
    print(f"{version}: ready" if not missing else f"{version}: not ready, {missing} to mend")
    return 1 if missing else 0


def version_of(top: Path) -> str:
    """The version in `arlo_rec/__init__.py`."""
    found = re.search(r'^__version__ = "(.+)"$', (top / "arlo_rec" / "__init__.py").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit("arlo_rec/__init__.py has no __version__")
    return found[1]


def tree(top: Path, version: str) -> Iterator[str]:
    """Changes that are not committed, and a tag that stands already."""
    if changed := _git(top, "status", "--porcelain"):
        yield f"not committed: {', '.join(line[3:] for line in changed.splitlines()[:5])}"
    if _git(top, "tag", "--list", f"v{version}"):
        yield f"v{version} is tagged already: raise __version__"


def changelog(top: Path, version: str) -> Iterator[str]:
    """A newest heading that is not of this version, and versions out of order."""
    headings = HEADING.findall((top / "CHANGELOG.md").read_text("utf-8"))
    if not headings or headings[0][0] != version:
        yield f"the newest heading of CHANGELOG.md is not '## [{version}] - DATE'"
    numbers = [tuple(map(int, number.split("."))) for number, _ in headings]
    if numbers != sorted(set(numbers), reverse=True):
        yield "the versions of CHANGELOG.md are not in order"
    if any(day == "unreleased" for _, day in headings[1:]):
        yield "an older version of CHANGELOG.md is unreleased"


def fixtures(top: Path, version: str) -> Iterator[str]:
    """Versions without a store that stands for their formats."""
    released = [number for number, day in HEADING.findall((top / "CHANGELOG.md").read_text("utf-8"))]
    for number in {version, *released}:
        if not (top / "tests" / "fixtures" / "formats" / number / "world.tar.xz").is_file():
            yield f"{number} has no fixture: python -m tools.make_fixture"


def schema_of_fixture(top: Path, version: str) -> Iterator[str]:
    """A fixture that was made before the last change of the schema."""
    import json

    from arlo_rec.vault.catalogue.schema import DIGESTS, VERSION

    about = top / "tests" / "fixtures" / "formats" / version / "about.json"
    made = json.loads(about.read_text("utf-8")) if about.is_file() else {}
    if made and (made.get("schema"), made.get("digest")) != (VERSION, DIGESTS[VERSION].sqlite.hex()):
        yield f"the schema changed since the fixture: remove {about.parent.relative_to(top)}, and make it again"


def locks(top: Path, version: str) -> Iterator[str]:
    """Packages that pyproject.toml asks for and no lock has."""
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((top / "pyproject.toml").read_text("utf-8"))["project"]
    for lock, lines in (("run", project["dependencies"]), ("dev", project["optional-dependencies"]["dev"])):
        text = (top / "requirements" / f"{lock}.txt").read_text("ascii")
        held = {canonicalize_name(name): number for name, number in _PINNED.findall(text)}
        for asked in map(Requirement, lines):
            name = canonicalize_name(asked.name)
            here = asked.marker is None or asked.marker.evaluate()
            if name != project["name"] and here and not (name in held and asked.specifier.contains(held[name])):
                yield f"requirements/{lock}.txt has no {asked}: ./dev update {name}"


def build(top: Path, version: str) -> Iterator[str]:
    """Wheel and sdist whose bytes differ between two builds of the same commit, under other circumstances."""
    when = _git(top, "log", "-1", "--format=%ct")
    with tempfile.TemporaryDirectory(prefix="arlo-rec-release-") as folder:
        first = _built(top, Path(folder) / "first", when, umask=0o022, zone="UTC")
        second = _built(top, Path(folder) / "second", when, umask=0o077, zone="Asia/Kathmandu")
    if set(first) != set(second) or len(first) != 2:
        yield f"not a wheel and an sdist: {sorted({*first, *second})}"
        return
    for name, digest in first.items():
        if second[name] != digest:
            yield f"{name} differs between two builds"
        elif not re.search(rf"^arlo_rec-{re.escape(version)}[-.]", name):
            yield f"{name} is not of {version}"
        else:
            print(f"build: {name} sha256 {digest}")


def _built(top: Path, out: Path, when: str, *, umask: int, zone: str) -> dict[str, str]:
    """SHA-256 of wheel and sdist, built from a clean copy of the commit."""
    copy = out / "source"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{top}", str(copy)], check=True, umask=umask)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": when, "TZ": zone}
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out / "dist"), str(copy)]
    done = subprocess.run(words, check=False, env=environment, umask=umask, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the build failed: {done.stderr[-500:]}")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((out / "dist").iterdir())}


def _git(top: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=top, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
