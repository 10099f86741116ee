"""Start-up: CPU time of the program against `python -c 'import typer'`, in the same run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.machine import cpu_seconds, most, pairs

TIMES = 15
LIMITS = {"--version": 1.4, "--help": 1.4, "status --key-file": 2.5, "the front of a door": 1.2}
DONE_AT_ONCE = (
    "sh -c 'printf \"arlo-rec door 1\\nz\\0\\0\\0\\1\\0\"; cat >/dev/null'"  # a door behind which all is done
)
PROGRAM = str(Path(sys.executable).parent / "arlo-rec")
SMALLEST = {"TIMES": 1}


def run() -> Iterator[str]:
    """One line per command: medians, ratio, and the ratio that the project keeps to."""
    with tempfile.TemporaryDirectory() as folder:
        environment, key = make_store(Path(folder))
        peer = [sys.executable, "-c", "import typer"]
        commands = {
            "--version": [PROGRAM, "--version"],
            "--help": [PROGRAM, "--help"],
            "status --key-file": [PROGRAM, "status", "--key-file", key],
            "the front of a door": [PROGRAM, "status", "--via", DONE_AT_ONCE],
        }
        yield "| command | ms | import typer, ms | ratio | limit |"
        yield "|---|---|---|---|---|"
        for name, words in commands.items():
            ours, theirs, ratio = pairs(
                lambda w=words: cpu_seconds(w, environment), lambda: cpu_seconds(peer, environment), TIMES
            )
            yield f"| {name} | {ours * 1000:.0f} | {theirs * 1000:.0f} | {ratio:.2f} | {most(ratio, LIMITS[name])} |"


def make_store(base: Path, *words: str, more: dict[str, str] | None = None) -> tuple[dict[str, str], str]:
    """A store with a support service below *base*: the environment of its commands, and the key file.

    *words* are further ones of `init`, and *more* further variables.
    """
    secret = base / "passphrase"
    secret.write_text("riktig hest batteri stift")
    secret.chmod(0o600)
    compiled = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}  # as installed
    environment = {
        **compiled,
        "ARLO_REC_STORE": str(base / "store"),
        "XDG_STATE_HOME": str(base / "state"),
        "HOME": str(base),
        **(more or {}),
    }
    person = ["--as", "sigrid", "--passphrase-file", str(secret)]
    quiet = {"check": True, "env": environment, "stdout": subprocess.DEVNULL}
    subprocess.run([PROGRAM, "init", "--officer", "sigrid", "--passphrase-file", str(secret), *words], **quiet)
    for name, role in (("skranke", "support"), ("telefon", "ingest")):
        add = [PROGRAM, "person", "add", name, "--role", role, "--service", "--key-out", str(base / f"{name}.key")]
        subprocess.run([*add, *person], **quiet)
    return environment, str(base / "skranke.key")
