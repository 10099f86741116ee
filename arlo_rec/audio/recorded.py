"""A sound file as an exchange left it, recognised by its first bytes and read block by block, however long.

What is written as we keep it (PCM, floating point, G.711 in WAV or RF64) is read here, sample codes as they
came. All else is 16-bit PCM out of the decoder process. No tag, name or picture that a file carries gets in:
what comes out is samples.

Sources: RFC 3533 (Ogg), RFC 7845 (Opus), the Vorbis I specification 4.2, RFC 9639 (FLAC), id3.org's ID3v2.4,
RFC 4867 (AMR), ISO/IEC 13818-7 (ADTS), 11172-3 (MPEG audio), 14496-12 (the `ftyp` box).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, Final, Protocol

from arlo_rec.audio.decoding import Decoder, decoding, header_of
from arlo_rec.audio.forms import MAX_DATA, Header
from arlo_rec.audio.riff import Compressed, Located, WavCodec, locate, read_at
from arlo_rec.model.errors import SoundError

BLOCK = 96 * 1024  # bytes read at once: from 128 KiB on, malloc takes fresh pages from the kernel each time
_FIRST = 64  # bytes that tell the kind of a file

_HEADERLESS: Final = {  # raw codes without a mark: only the name tells
    ".g722": "g722",
    ".g726": "g726_32",
    ".g726-16": "g726_16",
    ".g726-24": "g726_24",
    ".g726-32": "g726_32",
    ".g726-40": "g726_40",
    ".g729": "g729",
}
ENDINGS: Final = (
    *(".wav", ".flac", ".mp3", ".opus", ".ogg", ".oga"),
    *(".amr", ".awb", ".aac", ".m4a"),
    *_HEADERLESS,
)
_OF_AV: Final = frozenset({WavCodec.G722, WavCodec.G726, WavCodec.G729})


class Recorded(Protocol):
    """A sound that was recognised and whose header was judged."""

    @property
    def header(self) -> Header:
        """Form and length."""

    def frames(self) -> Iterator[bytes]:
        """Every frame, in blocks; raises SoundError where there are fewer or more than the header says."""

    def identity(self) -> Iterator[bytes]:
        """What makes two deliveries of one form the same sound, in pieces."""


def recognise(stream: BinaryIO, size: int, name: str, decoder: Decoder) -> Recorded:
    """Judge a sound file of *size* bytes by its first bytes, and by its ending where it has no mark.

    *stream* is a plain file. Raises SoundError with the reason that it is not taken.
    """
    first = read_at(stream, 0, min(_FIRST, size))
    codec = _kind(first, stream, size, name)
    if codec is None:
        found = locate(stream, size)
        if not isinstance(found.form, Compressed):
            return _AsItCame(found.header(), stream, found)
        codec = "wav" if found.form.codec in _OF_AV else str(found.form.codec)
        header = header_of(decoder, codec, stream, size)
        if (header.rate, header.channels) != (found.form.rate, found.form.channels):
            raise SoundError("undecodable")
    elif size > MAX_DATA:  # larger than its samples may be: nothing that an exchange compressed
        raise SoundError("too_large", found=size)
    else:
        header = header_of(decoder, codec, stream, size)
    return _Decoded(header, stream, size, codec, decoder)


@dataclass(frozen=True, slots=True)
class _AsItCame:
    """A WAV file in an encoding of ours."""

    header: Header
    stream: BinaryIO
    where: Located

    def frames(self) -> Iterator[bytes]:
        """See Recorded."""
        end = self.where.start + self.where.length
        for start in range(self.where.start, end, BLOCK):
            yield read_at(self.stream, start, min(BLOCK, end - start))

    def identity(self) -> Iterator[bytes]:
        """Every sample, whatever tags the file had."""
        return self.frames()


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A compressed file."""

    header: Header
    stream: BinaryIO
    size: int
    codec: str
    decoder: Decoder

    def frames(self) -> Iterator[bytes]:
        """See Recorded."""
        left = self.header.data_bytes
        with decoding(self.decoder, self.codec, self.stream, self.size) as opened:
            for block in opened.blocks():
                left -= len(block)
                if left < 0:
                    break
                yield block
        if left:
            raise SoundError("length_differs")

    def identity(self) -> Iterator[bytes]:
        """Every byte of the file: the samples of a lossy codec differ from one machine's decoder to the next."""
        yield b"file\0"
        for start in range(0, self.size, BLOCK):
            yield read_at(self.stream, start, min(BLOCK, self.size - start))


def _kind(first: bytes, stream: BinaryIO, size: int, name: str) -> str | None:
    """The codec by which a file must be decoded; None for a RIFF file. Raises SoundError `not_sound`."""
    if first[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        return None
    if first[:4] == b"OggS":
        return _ogg_kind(first, stream, size)
    if first[:5] == b"#!AMR":
        return "amr"
    if first[4:8] == b"ftyp":
        return "mp4"
    start = _behind_id3(first)
    mark = read_at(stream, start, min(4, max(0, size - start))) if start < size else b""
    if mark == b"fLaC":
        return "flac"
    if len(mark) == 4 and mark[0] == 0xFF and mark[1] & 0xE0 == 0xE0:  # MPEG audio's sync word; then its layer
        return "aac" if mark[1] & 0xF6 == 0xF0 else "mp3"
    codec = _HEADERLESS.get(PurePath(name).suffix.lower())
    if codec is None:
        raise SoundError("not_sound")
    return codec


def without_first(length: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What *pieces* are behind their first *length* bytes; no piece is empty."""
    for piece in pieces:
        if length < len(piece):
            yield piece[length:] if length else piece
        length = max(0, length - len(piece))


def _ogg_kind(first: bytes, stream: BinaryIO, size: int) -> str:
    """By the first packet of the first page, which begins behind the table of its segments."""
    if len(first) < 28:
        raise SoundError("truncated")
    start = 27 + first[26]
    packet = read_at(stream, start, min(8, max(0, size - start)))
    for mark, codec in ((b"OpusHead", "opus"), (b"\x01vorbis", "vorbis"), (b"\x7fFLAC", "ogg_flac")):
        if packet.startswith(mark):
            return codec
    raise SoundError("format")


def _behind_id3(first: bytes) -> int:
    """Where a file goes on behind an ID3v2 tag: its size is four bytes of seven bits."""
    if first[:3] != b"ID3" or len(first) < 10 or any(byte & 0x80 for byte in first[6:10]):
        return 0
    length = first[6] << 21 | first[7] << 14 | first[8] << 7 | first[9]
    return 10 + length + (10 if first[5] & 0x10 else 0)
