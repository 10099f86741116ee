"""The object file: one recording, sealed to listening keys and bound to the root (docs/format.md).

`new_data_key` is the only function that makes the key of an original, and it takes a `Consent`, which only
`consent.prove` returns; `key_of_copy` takes the key of the original.

    0  8 magic   8  2 header length   10 1 suite   11 1 kind   12 16 recording   28 16 parent   44 1 stanzas
    then per stanza: 16 name of a listening key, 1168 HPKE seal of Kf       then: Cobblestone-256 body
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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
    """The unencrypted header of an object: random ids and sealed keys only."""

    kind: Kind
    recording: RecordingId
    parent: RecordingId | None
    stanzas: tuple[tuple[bytes, bytes], ...]

    def encode(self) -> bytes:
        """The header's bytes; the body's key is derived from their hash."""
        length = _FIXED.size + len(self.stanzas) * _STANZA
        fixed = _FIXED.pack(
            MAGIC, length, SUITE, self.kind, self.recording, self.parent or NO_PARENT, len(self.stanzas)
        )
        return fixed + b"".join(name + sealed for name, sealed in self.stanzas)


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


def make_header(
    key: DataKey,
    kind: Kind,
    recording: RecordingId,
    parent: RecordingId | None,
    listeners: Mapping[bytes, bytes],
) -> Header:
    """The header with `kf` sealed to *listeners* (public listening keys by id)."""
    stanzas = tuple(
        (name, primitives.seal(public, key.kf, _stanza_info(recording, name))) for name, public in listeners.items()
    )
    return Header(kind, recording, parent, stanzas)


def read_header(raw: bytes) -> Header:
    """The header at the start of *raw*; raises Integrity where it is not a valid header of this format."""
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
    """`kf`, opened with the first of *keys* (by id) that has a stanza; None if none has. Raises Integrity."""
    for name, sealed in header.stanzas:
        if name in keys:
            try:
                return keys[name].open(sealed, _stanza_info(header.recording, name))
            except primitives.Sealed:
                raise Integrity("object_damaged") from None
    return None


def seal_body(key: DataKey, header: Header, sound: Iterable[bytes]) -> Iterator[bytes]:
    """The whole object in pieces: the header, then the sound encrypted under both halves of *key*."""
    head = header.encode()
    yield head
    yield from primitives.encrypt_body(body_key(key, header, head), head, sound)


class Counted:
    """Passes pieces through while counting their bytes and computing their SHA-256."""

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
        """SHA-256 of all pieces so far."""
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


def seal_metadata(km: bytes, ke: bytes, recording: RecordingId, plain: bytes) -> bytes:
    """Encrypt a recording's metadata under its metadata key `km` and the erasure half `ke`."""
    return primitives.wrap(_metadata_key(km, ke, recording), plain, b"metadata\0" + recording)


def open_metadata(km: bytes, ke: bytes, recording: RecordingId, sealed: bytes) -> bytes:
    """What `seal_metadata` encrypted; raises Integrity (metadata_damaged)."""
    try:
        return primitives.unwrap(_metadata_key(km, ke, recording), sealed, b"metadata\0" + recording)
    except primitives.Sealed:
        raise Integrity("metadata_damaged") from None


def body_key(key: DataKey, header: Header, head: bytes) -> bytes:
    return primitives.derive(key.kf + key.ke, "body", salt=header.recording, context=primitives.sha256(head))


def _metadata_key(km: bytes, ke: bytes, recording: RecordingId) -> bytes:
    return primitives.derive(km + ke, "metadata", salt=recording)


def _stanza_info(recording: RecordingId, name: bytes) -> bytes:
    return b"arlo-rec/1/stanza\0" + recording + name
