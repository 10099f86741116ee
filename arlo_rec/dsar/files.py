"""The files of an access answer's package: what the letter, `data.json` and the vCon say of each."""

from __future__ import annotations

from dataclasses import dataclass, field

from arlo_rec.crypto import primitives


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file of the package without its content: what is said of it, and checked against it."""

    name: str
    mediatype: str
    size: int  # bytes
    sha256: str  # hex
    sha512: bytes | None = None  # of a sound: the vCon refers to it by this (draft-ietf-vcon-vcon-core-04, ContentHash)
    recording: str | None = None  # the id of the recording whose sound it is
    channels: tuple[str | None, ...] = ()  # of a sound: "caller", "agent" or None for silence; empty: one channel

    @property
    def kilobytes(self) -> int:
        """The size in units of 1,000 bytes, rounded up."""
        return -(-self.size // 1000)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that is enclosed with the letter, whole in memory."""

    name: str
    mediatype: str
    body: bytes = field(repr=False)
    recording: str | None = None  # the id of the recording whose sound it is

    @property
    def facts(self) -> FileFacts:
        """What is said of the file."""
        digests = primitives.sha256(self.body).hex(), primitives.sha512(self.body)
        return FileFacts(self.name, self.mediatype, len(self.body), *digests, self.recording)


def in_json(file: FileFacts) -> dict[str, object]:
    """A file as `data.json` and the package's list name it."""
    return {"name": file.name, "mediatype": file.mediatype, "bytes": file.size, "sha256": file.sha256}
