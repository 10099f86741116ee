"""The programs that the figures are compared with, as Debian ships them."""

from __future__ import annotations

import subprocess

from bench.machine import NotRun
from tests.support import needs


def require(*programs: str) -> None:
    """Raise NotRun for programs of `tests/programs.txt` that are not here, and say how they come."""
    if reason := needs.program(*programs):
        raise NotRun(reason)


def version(program: str) -> str:
    """What a peer says that it is, on one line."""
    word = "version" if program == "restic" else "--version"
    said = subprocess.run([program, word], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0] if program != "age" else f"age {said.strip()}"
