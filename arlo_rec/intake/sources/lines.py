"""The lines of a manifest that tells of many calls: read one after the other, whatever the size of the file.

Memory holds one line, and one that is too long is passed over. Nothing here knows what a line means.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import Any, BinaryIO, Protocol

from arlo_rec.intake.sources.manifest import MANIFEST_BYTES

PASSED_OVER = 64 * 1024 * 1024  # bytes of a line that is too long, before the rest of its file is given up
_PIECE = 64 * 1024  # bytes of a line that is too long, at a time


class Record(Protocol):
    """One call of a manifest of many: the line where it begins, and its very bytes."""

    @property
    def line(self) -> int:
        """Counted from 1, as editors do."""

    @property
    def raw(self) -> bytes:
        """Without the line end."""

    def told(self) -> dict[str, Any]:
        """The call as a JSON manifest would tell it; raises ValueError where it cannot be read."""


class Unreadable(Exception):
    """From this line on nobody can say where a call begins: what follows stays as it lies."""

    def __init__(self, line: int, raw: bytes) -> None:
        super().__init__(f"unreadable from line {line}")
        self.line, self.raw = line, raw


class Lines:
    """The lines of a file up to the *size* that it had when it was opened: what is added meanwhile is for the next run.

    Each comes with its line end, the first without a byte order mark. One that is longer than MANIFEST_BYTES
    comes cut off, and still is longer; where it has no end within PASSED_OVER, Unreadable is raised.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.number = 0
        self._stream, self._left = stream, size

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> bytes:
        line = rest = self._take(MANIFEST_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        passed = 0
        while rest and not rest.endswith(b"\n"):
            rest = self._take(_PIECE)
            passed += len(rest)
            if passed > PASSED_OVER:
                raise Unreadable(self.number, line)
        return line.removeprefix(BOM_UTF8) if self.number == 1 else line

    def _take(self, most: int) -> bytes:
        piece = self._stream.readline(min(most, self._left))
        self._left -= len(piece)
        return piece
