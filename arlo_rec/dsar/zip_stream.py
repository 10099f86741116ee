"""A ZIP archive that is written front to back, with its files as they are (stored) and nothing about whom it is of.

Sizes and checksums follow each file in a data descriptor, because they are not known before (APPNOTE.TXT 4.3.9); whoever
reads the archive by its directory, as every program but a stream reader does, finds them there. Names are ASCII, times
those of the answer, ZIP64 where it is needed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO

_LARGE = 2**30  # bytes: a file that may be longer gets ZIP64 fields from the start


class ZipStream:
    """An archive as it is being written: what each function returns is its next bytes."""

    def __init__(self, at: datetime) -> None:
        self._made = _Made()
        self._zip = zipfile.ZipFile(self._made, "w", zipfile.ZIP_STORED)  # type: ignore[arg-type]  # it only writes
        self._at = at
        self._file: IO[bytes] | None = None

    def begin(self, name: str, expected: int = 0) -> bytes:
        """Begin a file of about *expected* bytes."""
        info = zipfile.ZipInfo(name, self._at.timetuple()[:6])
        info.external_attr = 0o600 << 16  # for its reader alone, where that is known
        self._file = self._zip.open(info, "w", force_zip64=expected > _LARGE)
        return self._made.taken()

    def write(self, piece: bytes) -> bytes:
        """The next bytes of the file that was begun."""
        assert self._file is not None
        self._file.write(piece)
        return self._made.taken()

    def finish(self) -> bytes:
        """End the file that was begun."""
        assert self._file is not None
        self._file.close()
        self._file = None
        return self._made.taken()

    def file(self, name: str, pieces: Iterable[bytes], expected: int = 0) -> Iterator[bytes]:
        """A whole file."""
        yield self.begin(name, expected)
        for piece in pieces:
            yield self.write(piece)
        yield self.finish()

    def end(self) -> bytes:
        """The directory of the archive."""
        self._zip.close()
        return self._made.taken()


class _Made:
    """What zipfile wrote and nobody took; it cannot be sought in, so that zipfile does not go back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing waits here."""

    def taken(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken
