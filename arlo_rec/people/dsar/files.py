"""The files of an access answer's package, as the letter, `data.json` and the vCon describe them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from arlo_rec.people.dsar.answer import RecordingFacts
from arlo_rec.vault.crypto import primitives

MIXED: Final = "mixed"  # a channel in which either side may be heard: the exchange did not say whose it is


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file of the package without its content: its name, type, length and checksum."""

    name: str
    mediatype: str
    size: int  # bytes
    sha256: str  # hex
    sha512: bytes | None = None  # of a sound: the vCon refers to it by this (draft-ietf-vcon-vcon-core-04, ContentHash)
    recording: str | None = None  # the id of the recording whose sound it is
    channels: tuple[str | None, ...] = ()  # of a sound: a role, MIXED or None for silence; empty: one channel
    page: str | None = None  # the page of an archive that holds it; None if the letter's own page does

    @property
    def kilobytes(self) -> int:
        """The size in units of 1,000 bytes, rounded up."""
        return -(-self.size // 1000)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file enclosed with the letter, whole in memory."""

    name: str
    mediatype: str
    body: bytes = field(repr=False)
    recording: str | None = None  # the id of the recording whose sound it is

    @property
    def facts(self) -> FileFacts:
        """The file without its content."""
        digests = primitives.sha256(self.body).hex(), primitives.sha512(self.body)
        return FileFacts(self.name, self.mediatype, len(self.body), *digests, self.recording)


class Counting:
    """The length and checksum of a file that is written in pieces."""

    def __init__(self) -> None:
        self._sha256, self._sha512 = hashlib.sha256(), hashlib.sha512()
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Count the next bytes of the file."""
        self._sha256.update(piece)
        self._sha512.update(piece)
        self._size += len(piece)

    def counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """All of *pieces*, each counted before it is passed on."""
        for piece in pieces:
            self.add(piece)
            yield piece

    def facts(self, name: str, mediatype: str, of: RecordingFacts | None) -> FileFacts:
        """The file without its content, the sound *of* a recording."""
        digests = self._sha256.hexdigest(), self._sha512.digest()
        return FileFacts(name, mediatype, self._size, *digests, of.id if of is not None else None)


def in_json(file: FileFacts) -> dict[str, object]:
    """A file as `data.json` and the package's list name it."""
    return {"name": file.name, "mediatype": file.mediatype, "bytes": file.size, "sha256": file.sha256}
