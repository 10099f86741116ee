"""A table that is longer than the terminal is shown by a pager, as git does it: PAGER, or less.

The pager is told to leave nothing behind: no history file, and no shell, editor or second file from within it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import Final

USUAL: Final = "less"
TOLD: Final = {  # unless the environment says otherwise: go on where all fits, keep bold, leave the text standing
    "LESS": "FRX",
    "LV": "-c",
    "LESSCHARSET": "utf-8",  # also where the locale is not installed, as behind SSH
}
FORCED: Final = {"LESSSECURE": "1", "LESSHISTFILE": "-"}  # less(1), SECURITY; a search there may be for a name


def show(text: str) -> bool:
    """Whether a pager showed *text*; not where it fits the terminal, or where there is no pager to be had."""
    words = _pager()
    if words is None or text.count("\n") < shutil.get_terminal_size().lines:
        return False
    environment = {**TOLD, **os.environ, **FORCED}
    try:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, env=environment)  # noqa: S603 - what its user named
    except OSError:
        return False
    try:
        process.communicate(
            text.encode("utf-8", "replace")
        )  # a pipe that is closed early is a reader who has seen enough
    except KeyboardInterrupt:  # is for the pager, which goes on: git waits for it too
        process.wait()
    return True


def _pager() -> list[str] | None:
    """The command of the pager; None where none is wanted (`PAGER=cat` or empty, a dumb terminal)."""
    named = os.environ.get("PAGER", USUAL)
    if os.environ.get("TERM", "dumb") == "dumb" or named in ("", "cat"):
        return None
    try:
        return shlex.split(named) or None
    except ValueError:
        return None
