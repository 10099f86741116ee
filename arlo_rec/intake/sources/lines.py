"""The lines of a manifest of many calls, read one after the other, whatever the size of the file.

Memory holds one line, and the rest of a line that is too long is skipped. What a line means is known in `jsonlines` and
`table`.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import Any, BinaryIO, Protocol

from arlo_rec.intake.sources.manifest import MANIFEST_BYTES

PASSED_OVER = 64 * 1024 * 1024  # bytes skipped of a line that is too long, before the rest of its file is given up
_PIECE = 64 * 1024  # bytes of a line that is too long, at a time


class Record(Protocol):
    """One call of a manifest of many: the line where it begins, and its very bytes."""

    @property
    def line(self) -> int:
        """Counted from 1, as editors do."""

    @property
    def raw(self) -> bytes:
        """Without the line end."""

    def to_json(self) -> dict[str, Any]:
        """The JSON object that a manifest of this call would be; raises ValueError where it cannot be read."""


class Unreadable(Exception):
    """From this line on nobody can say where a call begins: what follows is not taken in, and the file stays."""

    def __init__(self, line: int, raw: bytes) -> None:
        super().__init__(f"unreadable from line {line}")
        self.line, self.raw = line, raw


class Lines:
    """The lines of a file up to the *size* that it had when it was opened; what is added meanwhile is not read.

    Each has its line end, and the first no byte order mark. A line that is longer than MANIFEST_BYTES is cut to one
    byte more than that; where it has no end within PASSED_OVER, Unreadable is raised.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.number = 0
        self._stream, self._bytes_left = stream, size

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> bytes:
        line = rest = self._read(MANIFEST_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        skipped = 0
        while rest and not rest.endswith(b"\n"):
            rest = self._read(_PIECE)
            skipped += len(rest)
            if skipped > PASSED_OVER:
                raise Unreadable(self.number, line)
        return line.removeprefix(BOM_UTF8) if self.number == 1 else line

    def _read(self, limit: int) -> bytes:
        piece = self._stream.readline(min(limit, self._bytes_left))
        self._bytes_left -= len(piece)
        return piece
