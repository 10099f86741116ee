"""The programs that the figures are compared with, as Debian ships them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PACKAGES = {"restic": "restic", "borg": "borgbackup", "age": "age", "lame": "lame", "zip": "zip"}


def install(*programs: str) -> None:
    """Install what is missing, as root on Debian; elsewhere say what to install and end with 2."""
    missing = [PACKAGES[program] for program in programs if shutil.which(program) is None]
    if not missing:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        quiet = {"check": True, "env": environment, "stdout": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **quiet)
        return
    print(f"peers are missing: sudo apt-get install {' '.join(missing)}", file=sys.stderr)
    sys.exit(2)


def version(program: str) -> str:
    """What a peer says that it is, on one line."""
    word = "version" if program == "restic" else "--version"
    said = subprocess.run([program, word], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0] if program != "age" else f"age {said.strip()}"
