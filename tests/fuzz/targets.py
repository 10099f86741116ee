"""Every parser of bytes that others may write, with true inputs to begin from.

`parse` swallows the errors that the parser's docstring names, each around the call that may raise it, checks what
must hold of an answer, and tells whether the input was taken. Whatever else comes out is a finding.
"""

from __future__ import annotations

from pathlib import Path

from tests.fuzz import incoming, spoken, stored
from tests.fuzz.target import Target


def targets(folder: Path) -> list[Target]:
    """All of them; those that need a file have it in *folder*, which must be empty."""
    return [*incoming.TARGETS, *spoken.TARGETS, *stored.Files(folder).targets(), *stored.TARGETS]
