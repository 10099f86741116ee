"""The sound in a sealed object, read at any place and in any order, without decrypting the rest.

`cryptography` has no random access to a Cobblestone body of its own; the layout of chunks and nonces is that of
c2sp.org/chunked-encryption. Whoever reads from the first byte to the last uses `object_file.open_body`.
"""

from __future__ import annotations

from io import SEEK_END
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from arlo_rec.crypto import primitives
from arlo_rec.crypto.object_file import DataKey, Header, body_key
from arlo_rec.model.errors import Integrity


class BodyReader:
    """A seekable reader of a body that `encrypt_body` made: it decrypts only the chunks that hold the bytes asked for.

    Opening verifies the commitment and decrypts the last chunk, whose number follows from the body's length. A
    chunk's number is in its nonce and only the last chunk is short, so a truncated body, even one cut between two
    chunks, or one with bytes appended, does not open. Reading verifies each whole chunk before it returns a byte of
    it. Chunks that are not read are not verified: `decrypt_body` verifies all.

    The stream must be buffered or in memory; its position afterwards is undefined, and the caller closes it. A reader
    is for one thread. `cryptography` 50 has no random access of its own.
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
    """A seekable reader of the WAV file in an object; `BodyReader` says what is verified when."""

    def __init__(self, reader: BodyReader) -> None:
        self._reader = reader
        self.size = reader.size

    def read(self, start: int, stop: int) -> bytes:
        """The bytes of the WAV file from *start* up to *stop*; raises Integrity, and ValueError outside 0 to `size`."""
        try:
            return self._reader.read(start, stop)
        except primitives.Sealed:
            raise Integrity("object_damaged") from None


def open_sound(key: DataKey, header: Header, stream: BinaryIO) -> SeekableSound:
    """A seekable reader of the sound of the object in *stream*; raises Integrity where its head or end is changed.

    The caller keeps the stream open, and reads nothing else from it, while the reader is in use.
    """
    head = header.encode()
    end = stream.seek(0, SEEK_END)
    try:
        return SeekableSound(BodyReader(body_key(key, header, head), head, stream, len(head), end))
    except primitives.Sealed:
        raise Integrity("object_damaged") from None
