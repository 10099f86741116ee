"""The files of the person at the other end of the door, and what their account remembers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arlo_rec.backends.named_files import SECRET_BYTES, Writing
from arlo_rec.door.calls import Door
from arlo_rec.door.frames import PIECE
from arlo_rec.model.errors import Lost


class RemoteFiles:
    """The files of the person at the other end; see Files."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.have_left = False

    def demand_new(self, path: Path) -> None:
        """See Files."""
        self._door.call("demand_new", path=str(path))

    def demand_new_folder(self, path: Path) -> Path:
        """See Files."""
        return self._door.call("demand_new_folder", gives=Path, path=str(path))[0]

    def read(self, path: Path, most: int, *, pipes: bool = False) -> bytes:
        """See Files. A file comes in pieces, and no more of it than *most* bytes."""
        size, first = self._door.call("read", gives=int, path=str(path), most=most, pipes=pipes)
        content = bytearray(first)
        while len(content) < size <= most:
            _, piece = self._door.call("read_on", at=len(content))
            if not piece:
                raise Lost
            content += piece
        if len(content) != size or size > most:
            raise Lost
        return bytes(content)

    def secret(self, path: Path) -> bytes:
        """See Files."""
        content = self._door.call("secret", path=str(path))[1]
        if len(content) > SECRET_BYTES:
            raise Lost
        return content

    def names(self, path: Path) -> list[str]:
        """See Files."""
        return self._door.call("names", gives=_texts, path=str(path))[0]

    def absolute(self, path: Path) -> Path:
        """See Files."""
        return self._door.call("absolute", gives=Path, path=str(path))[0]

    def begin(self, path: Path) -> Writing:
        """See Files."""
        return _RemoteWriting(self, self._door, path)

    def write_secret(self, path: Path, content: bytes) -> None:
        """See Files."""
        self._door.call("write_secret", content, path=str(path))

    def write_folder(self, path: Path, files: Mapping[str, bytes]) -> None:
        """See Files. Its files go one behind the other, and it is written when all are there."""
        for name, content in files.items():
            for at in range(0, len(content), PIECE):
                self._door.call("file_of_folder", content[at : at + PIECE], file=name)
        self._door.call("write_folder", path=str(path), names=list(files))

    def remove(self, path: Path) -> None:
        """See NamedFile."""
        self._door.call("remove", path=str(path))


class _RemoteWriting:
    """See Writing. Bytes go in pieces of PIECE."""

    def __init__(self, files: RemoteFiles, door: Door, path: Path) -> None:
        self._files, self._door = files, door
        self._buffer = bytearray()
        self._was_to_be_named = False
        self._number = door.call("begin", gives=int, path=str(path))[0]

    def write(self, piece: bytes) -> None:
        """See Writing."""
        self._buffer += piece
        while len(self._buffer) >= PIECE:
            self._send(PIECE)

    def name(self) -> None:
        """See Writing."""
        self._send(len(self._buffer))
        self._was_to_be_named = True
        self._door.call("name", file=self._number)

    def keep(self) -> None:
        """See Writing."""
        self._door.call("keep", file=self._number)

    def drop(self) -> None:
        """See Writing; raises Lost where nobody can know whether the person has the file."""
        try:
            self._door.call("drop", file=self._number)
        except Lost:
            if self._was_to_be_named:
                raise

    def _send(self, size: int) -> None:
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._files.have_left = True
        self._door.call("write", piece, file=self._number)


class RemoteStateFiles:
    """What the person's account remembers; see StateFiles. What is new is kept until `send`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._known: dict[bytes, bytes | None] = {}
        self._waiting: dict[bytes, bytes | None] = {}

    def read(self, store: bytes) -> bytes | None:
        """See StateFiles."""
        if store not in self._known:
            is_there, content = self._door.call("read_state", gives=bool, store=store.hex())
            self._known[store] = content if is_there else None
        return self._known[store]

    def write(self, store: bytes, content: bytes) -> None:
        """See StateFiles."""
        self._known[store] = self._waiting[store] = content

    def forget(self, store: bytes) -> None:
        """See StateFiles."""
        self._known[store] = self._waiting[store] = None

    def send(self) -> None:
        """Have it remembered: at the end of a command, when no lock is held."""
        for store, content in self._waiting.items():
            if content is None:
                self._door.call("forget_state", store=store.hex())
            else:
                self._door.call("write_state", content, store=store.hex())


def _texts(told: Any) -> list[str]:
    return [str(text) for text in told]
