"""What a login account remembers of stores, as bytes: a file for each store below its state folder."""

from __future__ import annotations

import hashlib
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
        if self._folder is not None:
            self._keep(self._file(self._folder, store), content)

    def store_of(self, via: str) -> bytes | None:
        """The store to which a door led before; None where it is new, or nothing is remembered."""
        if self._folder is None:
            return None
        try:
            return bytes.fromhex(read_small(Path(self.place_of(via)), 64).decode("ascii").strip())
        except (OSError, ValueError):
            return None

    def keep_store_of(self, via: str, store: bytes) -> None:
        """Remember to which store a door leads."""
        if self._folder is not None:
            self._keep(Path(self.place_of(via)), store.hex().encode("ascii") + b"\n")

    def place_of(self, via: str) -> str:
        """The file in which that stands."""
        name = hashlib.sha256(via.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return str((self._folder or Path()) / "doors" / name)

    def forget(self, store: bytes) -> None:
        """See StateFiles."""
        if self._folder is not None:
            with suppress(OSError):
                self._file(self._folder, store).unlink(missing_ok=True)

    @staticmethod
    def _keep(file: Path, content: bytes) -> None:
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        with suppress(OSError):  # a state that cannot be kept must not stop an erasure
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(file)

    @staticmethod
    def _file(folder: Path, store: bytes) -> Path:
        return folder / store.hex() / _NAME
