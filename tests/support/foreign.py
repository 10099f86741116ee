"""A client of the log that is not ours: Go's `golang.org/x/mod/sumdb`, from Debian's packages (`foreign_log.go`)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.places import TESTS

_LIBRARY = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")
needs_go = pytest.mark.skipif(
    shutil.which("go") is None or not _LIBRARY.is_dir(),
    reason="no Go with golang.org/x/mod is installed (golang-go, golang-golang-x-mod-dev)",
)


class ForeignLog:
    """The program, built once."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "foreign_log"
        environment = {
            "GO111MODULE": "off",
            "GOPATH": "/usr/share/gocode",
            "GOFLAGS": "",
            "GOCACHE": str(folder / "go"),
        }
        source = TESTS / "support" / "foreign_log.go"
        words = ["go", "build", "-o", str(self._program), str(source)]
        subprocess.run(words, check=True, env={**os.environ, **environment}, cwd=folder)

    def __call__(self, *words: object) -> str:
        """What it says: what was found and "ok", or why it refuses."""
        done = subprocess.run([self._program, *map(str, words)], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done
        assert (done.returncode == 0) is done.stdout.endswith("ok\n"), done
        return done.stdout + done.stderr

    def accepts(self, *words: object) -> bool:
        """Whether it finds all in order."""
        return self(*words).endswith("ok\n")
