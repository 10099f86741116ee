"""The object file: one recording, its listening half wrapped under one audience key (docs/format.md).

`new_data_key` is the only function that makes the key of an original, and it takes a `Consent`, which only
`consent.prove` returns; `key_of_copy` takes the key of the original. Kf and the metadata are bound to what the
recording is (`Recording.binding`): both open only together with the row that they were sealed with.

    0  8 magic   8  1 suite   9  1 kind   10 16 recording   26 16 parent   42 16 audience key   58 60 wrapped Kf
    118  Cobblestone-256 body
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from arlo_rec.crypto import primitives
from arlo_rec.model.consent import Consent
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import Kind, RecordingId

MAGIC = b"ARLOREC\x03"
SUITE = 1  # HKDF-SHA-256, AES-256-GCM-SIV; Cobblestone-256
_HEADER = struct.Struct(">8sBB16s16s16s60s")
HEADER_BYTES = _HEADER.size
NO_PARENT = bytes(16)
_KINDS: Final = {int(kind): kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Header:
    """The unencrypted header of an object: random ids, and one key that is wrapped under the audience key it names."""

    kind: Kind
    recording: RecordingId
    parent: RecordingId | None
    audience_key: bytes
    wrapped: bytes

    def encode(self) -> bytes:
        """The header's bytes; the body's key is derived from their hash."""
        parent = self.parent or NO_PARENT
        return _HEADER.pack(MAGIC, SUITE, self.kind, self.recording, parent, self.audience_key, self.wrapped)


@dataclass(frozen=True, slots=True)
class DataKey:
    """A recording's key: the listening half `kf` (who may listen) and the erasure half `ke` (until when)."""

    kf: bytes
    ke: bytes

    def __repr__(self) -> str:
        return "DataKey(…)"


def new_data_key(consent: Consent) -> DataKey:
    """A new key for a recording whose caller consented; raises TypeError without a proven consent."""
    if not isinstance(consent, Consent):
        raise TypeError("a data key needs a proven consent")
    return DataKey(primitives.fresh(), primitives.fresh())


def key_of_copy(parent: DataKey) -> DataKey:
    """A new key for a copy; takes the original's key, which could only be made with a consent. Raises TypeError."""
    if not isinstance(parent, DataKey):
        raise TypeError("a copy needs the key of its original")
    return DataKey(primitives.fresh(), primitives.fresh())


@dataclass(frozen=True, slots=True)
class AudienceSecret:
    """An audience key as a header uses it: its id, and the key itself."""

    id: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"AudienceSecret({self.id.hex()[:8]})"


def make_header(
    key: DataKey,
    kind: Kind,
    recording: RecordingId,
    parent: RecordingId | None,
    audience_key: AudienceSecret,
    binding: bytes,
) -> Header:
    """The header with `kf` wrapped under *audience_key*, and bound to what the recording is."""
    wrapped = primitives.wrap(audience_key.secret, key.kf, _place(kind, recording, parent, binding))
    return Header(kind, recording, parent, audience_key.id, wrapped)


def read_header(raw: bytes) -> Header:
    """The header at the start of *raw*; raises Integrity where it is not a valid header of this format."""
    if len(raw) < HEADER_BYTES:
        raise Integrity("object_damaged")
    magic, suite, kind, recording, parent, audience_key, wrapped = _HEADER.unpack(raw[:HEADER_BYTES])
    if magic != MAGIC or suite != SUITE or kind not in _KINDS:
        raise Integrity("object_damaged")
    of_call = RecordingId(parent) if parent != NO_PARENT else None
    return Header(_KINDS[kind], RecordingId(recording), of_call, audience_key, wrapped)


def listening_half(header: Header, audience_key: bytes, binding: bytes) -> bytes:
    """`kf`, unwrapped with the audience key that the header names.

    Raises Integrity where the key is another, or the row is not the one that the object was sealed with.
    """
    place = _place(header.kind, header.recording, header.parent, binding)
    try:
        return primitives.unwrap(audience_key, header.wrapped, place)
    except primitives.Sealed:
        raise Integrity("object_damaged") from None


def seal_body(key: DataKey, header: Header, sound: Iterable[bytes]) -> Iterator[bytes]:
    """The whole object in pieces: the header, then the sound encrypted under both halves of *key*."""
    head = header.encode()
    yield head
    yield from primitives.encrypt_body(body_key(key, header, head), head, sound)


class Digest(Protocol):
    """A hash that is fed."""

    def update(self, piece: bytes, /) -> object:
        """Feed it."""

    def digest(self) -> bytes:
        """The hash of all that it was fed."""


class Digested:
    """Passes pieces through while counting their bytes and feeding them to a hash."""

    def __init__(self, pieces: Iterable[bytes], digest: Digest) -> None:
        self._pieces = pieces
        self._digest = digest
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._digest.update(piece)
            self.size += len(piece)
            yield piece

    def digest(self) -> bytes:
        """The hash of all pieces so far."""
        return self._digest.digest()


def body_in(stream: BinaryIO) -> Iterator[bytes]:
    """The rest of *stream* in pieces for `open_body`: the body's head, then whole chunks, which decrypt fastest."""
    yield stream.read(primitives.BODY_HEAD)
    yield from iter(lambda: stream.read(primitives.FEED), b"")


def open_body(key: DataKey, header: Header, sealed: Iterable[bytes]) -> Iterator[bytes]:
    """The sound, in pieces; raises Integrity where a chunk is changed or the end is missing."""
    head = header.encode()
    try:
        yield from primitives.decrypt_body(body_key(key, header, head), head, sealed)
    except primitives.Sealed:
        raise Integrity("object_damaged") from None


def seal_metadata(key: bytes, ke: bytes, recording: RecordingId, binding: bytes, plain: bytes) -> bytes:
    """Encrypt a recording's metadata under *key* (of its audience or of its commit) and the erasure half `ke`."""
    return primitives.wrap(_metadata_key(key, ke, recording), plain, b"metadata\0" + recording + binding)


def open_metadata(key: bytes, ke: bytes, recording: RecordingId, binding: bytes, sealed: bytes) -> bytes:
    """What `seal_metadata` encrypted; raises Integrity (metadata_damaged), also where the row is another."""
    try:
        return primitives.unwrap(_metadata_key(key, ke, recording), sealed, b"metadata\0" + recording + binding)
    except primitives.Sealed:
        raise Integrity("metadata_damaged", id=recording.hex()) from None


def body_key(key: DataKey, header: Header, head: bytes) -> bytes:
    return primitives.derive(key.kf + key.ke, "body", salt=header.recording, context=primitives.sha256(head))


def _metadata_key(key: bytes, ke: bytes, recording: RecordingId) -> bytes:
    return primitives.derive(key + ke, "metadata", salt=recording)


def _place(kind: Kind, recording: RecordingId, parent: RecordingId | None, binding: bytes) -> bytes:
    """What a wrapped listening half is bound to."""
    return b"listening half\0" + recording + bytes([kind]) + (parent or NO_PARENT) + binding
