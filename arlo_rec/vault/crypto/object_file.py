"""The object file: one recording, its listening half wrapped under one audience key (docs/format.md).

`new_data_key` alone makes the key of an original; it takes a `Consent`, which only `consent.prove` returns.
`key_of_copy` takes the key of the original. Kf and the metadata are bound to the recording's identity
(`Recording.binding`): both open only together with the row that they were sealed with.

    0  8 magic   8  1 suite   9  1 kind   10 16 recording   26 16 parent   42 16 audience key   58 60 wrapped Kf
    118  Cobblestone-256 body

`open_body` reads a sound from the first byte to the last; `open_sound` at any place and in any order, without
decrypting the rest. `cryptography` has no random access to a Cobblestone body of its own; the layout of chunks and
nonces is that of c2sp.org/chunked-encryption.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import SEEK_END
from typing import BinaryIO, Final, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from arlo_rec.law.model.consent import Consent
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import Kind, RecordingId
from arlo_rec.vault.crypto import primitives

MAGIC = b"ARLOREC\x03"
SUITE = 1  # HKDF-SHA-256, AES-256-GCM-SIV; Cobblestone-256
_HEADER = struct.Struct(">8sBB16s16s16s60s")
HEADER_BYTES = _HEADER.size
NO_PARENT = bytes(16)
_KINDS: Final = {int(kind): kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Header:
    """The unencrypted header of an object: random ids, and the listening half wrapped under the named audience key."""

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
    """An audience key for headers: its id and the key itself."""

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
    """The header with `kf` wrapped under *audience_key*, and bound to the recording's identity."""
    wrapped = primitives.wrap(audience_key.secret, key.kf, _place(kind, recording, parent, binding))
    return Header(kind, recording, parent, audience_key.id, wrapped)


def read_header(raw: bytes) -> Header:
    """The header at the start of *raw*; raises Integrity if it is invalid."""
    if len(raw) < HEADER_BYTES:
        raise Integrity("object_damaged")
    magic, suite, kind, recording, parent, audience_key, wrapped = _HEADER.unpack(raw[:HEADER_BYTES])
    if magic != MAGIC or suite != SUITE or kind not in _KINDS:
        raise Integrity("object_damaged")
    of_call = RecordingId(parent) if parent != NO_PARENT else None
    return Header(_KINDS[kind], RecordingId(recording), of_call, audience_key, wrapped)


def listening_half(header: Header, audience_key: bytes, binding: bytes) -> bytes:
    """`kf`, unwrapped with the audience key that the header names.

    Raises Integrity for another key, or if the object was sealed with another row.
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
    """An incremental hash."""

    def update(self, piece: bytes, /) -> object:
        """Add a piece."""

    def digest(self) -> bytes:
        """The hash of all pieces."""


class Digested:
    """Passes pieces on while counting their bytes and hashing them."""

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
    """The sound, in pieces; raises Integrity if a chunk is changed or the end is missing."""
    head = header.encode()
    try:
        yield from primitives.decrypt_body(body_key(key, header, head), head, sealed)
    except primitives.Sealed:
        raise Integrity("object_damaged") from None


def seal_metadata(key: bytes, ke: bytes, recording: RecordingId, binding: bytes, plain: bytes) -> bytes:
    """Encrypt a recording's metadata under *key* (of its audience or of its commit) and the erasure half `ke`."""
    return primitives.wrap(_metadata_key(key, ke, recording), plain, b"metadata\0" + recording + binding)


def open_metadata(key: bytes, ke: bytes, recording: RecordingId, binding: bytes, sealed: bytes) -> bytes:
    """The inverse of `seal_metadata`; raises Integrity (metadata_damaged), also for another row."""
    try:
        return primitives.unwrap(_metadata_key(key, ke, recording), sealed, b"metadata\0" + recording + binding)
    except primitives.Sealed:
        raise Integrity("metadata_damaged", id=recording.hex()) from None


def body_key(key: DataKey, header: Header, head: bytes) -> bytes:
    return primitives.derive(key.kf + key.ke, "body", salt=header.recording, context=primitives.sha256(head))


def _metadata_key(key: bytes, ke: bytes, recording: RecordingId) -> bytes:
    return primitives.derive(key + ke, "metadata", salt=recording)


def _place(kind: Kind, recording: RecordingId, parent: RecordingId | None, binding: bytes) -> bytes:
    """Associated data of a wrapped listening half."""
    return b"listening half\0" + recording + bytes([kind]) + (parent or NO_PARENT) + binding


class BodyReader:
    """A seekable reader of a body from `encrypt_body`: it decrypts only the chunks with the requested bytes.

    Opening verifies the commitment and decrypts the last chunk, whose number follows from the body's length. A chunk's
    number is in its nonce, and only the last chunk is short. So a body that is truncated, even between two chunks, or
    has bytes appended does not open. Reading verifies each whole chunk before it returns a byte of
    it. Unread chunks are not verified: `decrypt_body` verifies all.

    The stream must be buffered or in memory; its position afterwards is undefined, and the caller closes it. A
    reader is for one thread.
    """

    def __init__(self, key: bytes, context: bytes, stream: BinaryIO, begin: int, end: int) -> None:
        """Open the body in *stream* from *begin* to *end*, with the key and context it was made with; raises Sealed."""
        last, rest = divmod(end - begin - primitives.BODY_HEAD, primitives.CHUNK + primitives.TAG)
        if len(key) != primitives.KEY or not 0 <= last < primitives.MAX_CHUNKS or rest < primitives.TAG:
            raise primitives.Sealed
        self._stream, self._begin, self._end = stream, begin + primitives.BODY_HEAD, end
        stream.seek(begin)
        head = stream.read(primitives.BODY_HEAD)
        info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + head[:24] + context
        derived = HKDFExpand(algorithm=SHA512(), length=primitives.KEY + primitives.NONCE + 32, info=info).derive(key)
        if not primitives.same(derived[primitives.KEY + primitives.NONCE :], head[24:]):
            raise primitives.Sealed
        self._aead, self._nonce = (
            AESGCM(derived[: primitives.KEY]),
            int.from_bytes(derived[primitives.KEY : primitives.KEY + primitives.NONCE], "big"),
        )
        self.size = last * primitives.CHUNK + len(self._chunk(last))

    def read(self, start: int, stop: int) -> bytes:
        """The plain bytes from *start* up to *stop*; raises Sealed, and ValueError outside 0 to `size`."""
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"{start} to {stop} of {self.size} bytes")
        first = start // primitives.CHUNK
        plain = b"".join(self._chunk(number) for number in range(first, -(-stop // primitives.CHUNK)))
        return plain[start - first * primitives.CHUNK : stop - first * primitives.CHUNK]

    def _chunk(self, number: int) -> bytes:
        at = self._begin + number * (primitives.CHUNK + primitives.TAG)
        self._stream.seek(at)
        sealed = self._stream.read(min(primitives.CHUNK + primitives.TAG, self._end - at))
        return primitives.open_aead(self._aead, (self._nonce ^ number).to_bytes(primitives.NONCE, "big"), sealed, b"")


class SeekableSound:
    """A seekable reader of the WAV file in an object, verified as `BodyReader` says."""

    def __init__(self, reader: BodyReader) -> None:
        self._reader = reader
        self.size = reader.size

    def read(self, start: int, stop: int) -> bytes:
        """The bytes of the WAV file from *start* up to *stop*; raises Integrity, and ValueError outside 0 to `size`."""
        try:
            return self._reader.read(start, stop)
        except primitives.Sealed:
            raise Integrity("object_damaged") from None
        except KeyError:  # a service deleted it meanwhile
            raise Integrity("object_missing") from None


def open_sound(key: DataKey, header: Header, stream: BinaryIO) -> SeekableSound:
    """A seekable reader of the sound of the object in *stream*; raises Integrity if its head or end is changed.

    The caller keeps the stream open, and reads nothing else from it, while the reader is in use.
    """
    head = header.encode()
    end = stream.seek(0, SEEK_END)
    try:
        return SeekableSound(BodyReader(body_key(key, header, head), head, stream, len(head), end))
    except primitives.Sealed:
        raise Integrity("object_damaged") from None
