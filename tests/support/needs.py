"""What a test needs of a machine: each function gives the reason to skip where that is lacking, else None.

No test is skipped in another way, so that the summary of a run counts the reasons; each says what would help.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support.places import TESTS, TOP

WHOLE = "not in a sample: ./dev prove"
LOOSE = "no clone of the repository"
_SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin"  # the programs of root, which are on no path of an ordinary account
_FILTERED = {"x86_64", "aarch64"}


def mark(*reasons: str | None) -> pytest.MarkDecorator:
    """A mark that skips a test for the first of the reasons that there is."""
    reason = next(filter(None, reasons), None)
    return pytest.mark.skipif(reason is not None, reason=reason or "")


def demand(*reasons: str | None) -> None:
    """Skip the test that runs, for the first of the reasons that there is."""
    for reason in filter(None, reasons):
        pytest.skip(reason)


def program(*names: str) -> str | None:
    """Programs of `tests/programs.txt`."""
    missing = [name for name in names if find(name) is None]
    wanted = dict.fromkeys(word for name in missing for word in packages()[name].split())
    return f"no {', '.join(missing)}: sudo apt-get install {' '.join(wanted)}" if missing else None


def find(name: str) -> str | None:
    """The path of a program, also of one that only root has on the path."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}")


@cache
def packages() -> dict[str, str]:
    """Debian's packages of each program that tests start."""
    lines = (TESTS / "programs.txt").read_text("ascii").splitlines()
    return dict(line.split(" ", 1) for line in lines if not line.startswith("#"))


def root() -> str | None:
    """The rights of root."""
    return None if os.geteuid() == 0 else "needs root"


def systemd() -> str | None:
    """What reads units; without a folder of systemd's own in /run, which only root can make, it reads none."""
    return program("systemd-analyze") or (None if Path("/run/systemd").is_dir() else root())


def browser() -> str | None:
    """A browser that is driven."""
    return program("chromium", "chromedriver")


def module(name: str, way: str) -> str | None:
    """A module of Python, and which way it comes here."""
    return None if importlib.util.find_spec(name) is not None else f"no {name}: {way}"


def engine(name: str, *, is_here: bool) -> str | None:
    """A server that `./dev engines` installs."""
    return None if is_here else f"no {name}: ./dev engines"


def model(name: str, folder: Path | None) -> str | None:
    """A speech model."""
    return None if folder is not None else f"no speech model: ./dev model {name}"


def file(path: str | Path, package: str) -> str | None:
    """What a package of Debian brings besides programs."""
    return None if Path(path).exists() else f"no {path}: sudo apt-get install {package}"


def linux() -> str | None:
    """The kernel's interfaces."""
    return None if sys.platform == "linux" else "needs Linux"


def call_filter() -> str | None:
    """The filter of system calls."""
    return linux() or (None if platform.machine() in _FILTERED else "needs x86-64 or arm64")


def clone() -> str | None:
    """The repository, and git."""
    return (None if (TOP / ".git").exists() else LOOSE) or program("git")


def unable(what: str, said: str = "") -> str:
    """What this machine refuses to its root, and the last line of what it said."""
    lines = said.strip().splitlines()
    return f"this machine allows no {what}" + (f": {lines[-1]}" if lines else "")
