"""The object file: one recording, sealed to listening keys and bound to the root (docs/format.md).

No consent, no key: `new_data_key` is the only function that makes the key of a recording, and it takes a
`Consent`, which only `consent.prove` makes.

    0  8 magic   8  2 header length   10 1 suite   11 1 kind   12 16 recording   28 16 parent   44 1 stanzas
    then per stanza: 16 name of a listening key, 1168 HPKE seal of Kf       then: Cobblestone-256 body
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import SEEK_END
from typing import BinaryIO

from arlo_rec.crypto import primitives
from arlo_rec.model.consent import Consent
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import Kind, RecordingId

MAGIC = b"ARLOREC\x01"
SUITE = 1  # X-Wing, HKDF-SHA-256, AES-256-GCM; Cobblestone-256
_FIXED = struct.Struct(">8sHBB16s16sB")
_STANZA = 16 + primitives.SEAL_OF_KEY
MAX_STANZAS = 16
HEADER_LONGEST = _FIXED.size + MAX_STANZAS * _STANZA
NO_PARENT = bytes(16)


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in the plain head of an object: random names and sealed keys only."""

    kind: Kind
    recording: RecordingId
    parent: RecordingId | None
    stanzas: tuple[tuple[bytes, bytes], ...]

    def encode(self) -> bytes:
        """The bytes that the body is bound to."""
        length = _FIXED.size + len(self.stanzas) * _STANZA
        fixed = _FIXED.pack(
            MAGIC, length, SUITE, self.kind, self.recording, self.parent or NO_PARENT, len(self.stanzas)
        )
        return fixed + b"".join(name + sealed for name, sealed in self.stanzas)


@dataclass(frozen=True, slots=True)
class DataKey:
    """The two locks of one recording: who may listen (`kf`) and until when (`ke`)."""

    kf: bytes
    ke: bytes

    def __repr__(self) -> str:
        return "DataKey(…)"


def new_data_key(consent: Consent) -> DataKey:
    """Fresh keys for a recording that its caller consented to; there is no other way to get one."""
    if not isinstance(consent, Consent):
        raise TypeError("a data key needs a proven consent")
    return DataKey(primitives.fresh(), primitives.fresh())


def key_of_copy(parent: DataKey) -> DataKey:
    """Fresh keys for a copy: whoever opened the original holds its key, which a consent stands behind."""
    if not isinstance(parent, DataKey):
        raise TypeError("a copy needs the key of its original")
    return DataKey(primitives.fresh(), primitives.fresh())


def make_header(
    key: DataKey,
    kind: Kind,
    recording: RecordingId,
    parent: RecordingId | None,
    listeners: Mapping[bytes, bytes],
) -> Header:
    """Seal `kf` to *listeners* (listening keys' public halves by id)."""
    stanzas = tuple(
        (name, primitives.seal(public, key.kf, _stanza_info(recording, name))) for name, public in listeners.items()
    )
    return Header(kind, recording, parent, stanzas)


def read_header(raw: bytes) -> Header:
    """The header at the start of *raw*; raises Integrity where it is none of ours."""
    if len(raw) < _FIXED.size:
        raise Integrity("object_damaged")
    magic, length, suite, kind, recording, parent, count = _FIXED.unpack(raw[: _FIXED.size])
    right = length == _FIXED.size + count * _STANZA and count <= MAX_STANZAS and len(raw) >= length
    if magic != MAGIC or suite != SUITE or not right or kind not in set(Kind):
        raise Integrity("object_damaged")
    stanzas = []
    for i in range(count):
        start = _FIXED.size + i * _STANZA
        stanzas.append((raw[start : start + 16], raw[start + 16 : start + _STANZA]))
    return Header(
        Kind(kind),
        RecordingId(recording),
        RecordingId(parent) if parent != NO_PARENT else None,
        tuple(stanzas),
    )


def open_stanza(header: Header, keys: Mapping[bytes, primitives.SealingKey]) -> bytes | None:
    """`kf`, with the first of *keys* (by id) that has a stanza; None if none has."""
    for name, sealed in header.stanzas:
        if name in keys:
            try:
                return keys[name].open(sealed, _stanza_info(header.recording, name))
            except primitives.Sealed:
                raise Integrity("object_damaged") from None
    return None


def seal_body(key: DataKey, header: Header, sound: Iterable[bytes]) -> Iterator[bytes]:
    """The whole object: header, then the sound under both locks."""
    head = header.encode()
    yield head
    yield from primitives.encrypt_body(_body_key(key, header, head), head, sound)


class Counted:
    """Pieces of an object on their way to the disk, hashed and counted as they pass."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self._digest = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._digest.update(piece)
            self.size += len(piece)
            yield piece

    def sha256(self) -> bytes:
        """Of all pieces that passed."""
        return self._digest.digest()


def body_in(stream: BinaryIO) -> Iterator[bytes]:
    """A body from the stream's place on, in the pieces that open fastest: its head, then whole chunks."""
    yield stream.read(primitives.BODY_HEAD)
    yield from iter(lambda: stream.read(primitives.FEED), b"")


def open_body(key: DataKey, header: Header, sealed: Iterable[bytes]) -> Iterator[bytes]:
    """The sound, in pieces; raises Integrity where a chunk is changed or the end is missing."""
    head = header.encode()
    try:
        yield from primitives.decrypt_body(_body_key(key, header, head), head, sealed)
    except primitives.Sealed:
        raise Integrity("object_damaged") from None


class OpenSound:
    """The WAV file in an object, at any place and in any order; what is checked when: `crypto.BodyReader`."""

    def __init__(self, reader: primitives.BodyReader) -> None:
        self._reader = reader
        self.size = reader.size

    def read(self, start: int, stop: int) -> bytes:
        """The bytes of the WAV file from *start* up to *stop*; raises Integrity, and ValueError outside 0 to `size`."""
        try:
            return self._reader.read(start, stop)
        except primitives.Sealed:
            raise Integrity("object_damaged") from None


def open_sound(key: DataKey, header: Header, stream: BinaryIO) -> OpenSound:
    """The sound of the object in *stream*, to be read in places; raises Integrity where its head or end is changed.

    The stream must stay open, and be read by nobody else, as long as the sound is.
    """
    head = header.encode()
    end = stream.seek(0, SEEK_END)
    try:
        return OpenSound(primitives.BodyReader(_body_key(key, header, head), head, stream, len(head), end))
    except primitives.Sealed:
        raise Integrity("object_damaged") from None


def seal_metadata(km: bytes, ke: bytes, recording: RecordingId, plain: bytes) -> bytes:
    """Metadata under its own two locks: `km` says who, `ke` until when."""
    return primitives.wrap(_metadata_key(km, ke, recording), plain, b"metadata\0" + recording)


def open_metadata(km: bytes, ke: bytes, recording: RecordingId, sealed: bytes) -> bytes:
    """What `seal_metadata` sealed; raises Integrity."""
    try:
        return primitives.unwrap(_metadata_key(km, ke, recording), sealed, b"metadata\0" + recording)
    except primitives.Sealed:
        raise Integrity("metadata_damaged") from None


def _body_key(key: DataKey, header: Header, head: bytes) -> bytes:
    return primitives.derive(key.kf + key.ke, "body", salt=header.recording, context=primitives.sha256(head))


def _metadata_key(km: bytes, ke: bytes, recording: RecordingId) -> bytes:
    return primitives.derive(km + ke, "metadata", salt=recording)


def _stanza_info(recording: RecordingId, name: bytes) -> bytes:
    return b"arlo-rec/1/stanza\0" + recording + name
