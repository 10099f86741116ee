"""The programs that the figures are compared with, as Debian ships them."""

from __future__ import annotations

import shutil
import subprocess

from bench.machine import NotRun

PACKAGES = {"restic": "restic", "borg": "borgbackup", "age": "age", "lame": "lame", "zip": "zip"}


def require(*programs: str) -> None:
    """Raise NotRun for programs that are not here, and say how they come."""
    if missing := [PACKAGES[program] for program in programs if shutil.which(program) is None]:
        raise NotRun(f"needs sudo apt-get install {' '.join(missing)}")


def version(program: str) -> str:
    """What a peer says that it is, on one line."""
    word = "version" if program == "restic" else "--version"
    said = subprocess.run([program, word], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0] if program != "age" else f"age {said.strip()}"
