"""What a login account remembers of stores, as bytes: a file for each store below its state folder."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from arlo_rec.backends.bounded_read import read_small

LONGEST: Final = 4096  # bytes of such a file
_NAME: Final = "seen"


class StateFiles(Protocol):
    """The files of one account, by the ids of stores. What cannot be read or written is no error."""

    def read(self, store: bytes) -> bytes | None:
        """What is remembered of a store; None where nothing is."""

    def write(self, store: bytes, content: bytes) -> None:
        """Remember that, in place of what was remembered."""

    def forget(self, store: bytes) -> None:
        """Remember nothing of a store."""


class LocalStateFiles:
    """Those of this machine, in a folder (None: nothing is remembered); see StateFiles."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def read(self, store: bytes) -> bytes | None:
        """See StateFiles."""
        if self._folder is None:
            return None
        try:
            return read_small(self._file(self._folder, store), LONGEST)
        except OSError:
            return None

    def write(self, store: bytes, content: bytes) -> None:
        """See StateFiles."""
        if self._folder is None:
            return
        file = self._file(self._folder, store)
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        with suppress(OSError):  # a state that cannot be kept must not stop an erasure
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(file)

    def forget(self, store: bytes) -> None:
        """See StateFiles."""
        if self._folder is not None:
            with suppress(OSError):
                self._file(self._folder, store).unlink(missing_ok=True)

    @staticmethod
    def _file(folder: Path, store: bytes) -> Path:
        return folder / store.hex() / _NAME
