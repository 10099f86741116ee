"""Parse RIFF/WAVE and RF64 files strictly, and write the one header that stored sounds have.

A file is accepted as a whole or refused with a reason; nothing is repaired, because a file that two programs read
differently is no evidence. Chunks other than `fmt `, `data` and RF64's `ds64` are skipped unread, so that no tag of
another program is taken over.

Sizes must be exact. Chunks begin at even offsets, so a chunk of odd size is followed by a pad byte that its size does
not count. Writers disagree only about the pad after the last chunk: it may be there or not, and the RIFF size may count
it or not. All else must match the file to the byte. In RF64 a size of 2^32-1 stands for the 64-bit size in `ds64`,
which must be the first chunk.

Sources: Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft, 1991);
mmreg.h (WAVEFORMATEX, WAVEFORMATEXTENSIBLE); EBU Tech 3306 (RF64) and ITU-R BS.2088 (BW64).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final

from arlo_rec.law.model.errors import SoundError
from arlo_rec.sound.audio.formats import MAX_DATA, RATE_HIGHEST, RATE_LOWEST, Encoding, Format, Header, check_length

MAX_CHUNKS = 1000  # a broadcast WAV has about ten; more is an attack on processor time
ELSEWHERE = 2**32 - 1  # RF64: the size is in ds64
CANONICAL_LONGEST = 46  # bytes of a header that `canonical_header` writes

_RIFF = struct.Struct("<4sI4s")  # "RIFF", size of all that follows the size, form
_CHUNK = struct.Struct("<4sI")  # name, size of the body without its pad
_FMT = struct.Struct("<HHIIHH")  # tag, channels, rate, bytes per second, bytes per frame, bits per sample
_DS64 = struct.Struct("<QQ")  # size of all that follows the size, bytes of sound; then unused counts
_EXTENSION = struct.Struct("<HHIH14s")  # size, valid bits, speakers, then the sub-format: a tag and its tail
_EXTENDED = _FMT.size + _EXTENSION.size  # 40 bytes
_EXTENSIBLE_TAG = 0xFFFE
_SUB_FORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # mmreg.h: DEFINE_WAVEFORMATEX_GUID

_PCM, _FLOAT, _ALAW, _ULAW = 1, 3, 6, 7  # mmreg.h, as wFormatTag
_ENCODINGS: Final = {
    (_PCM, 8): Encoding.PCM8,
    (_PCM, 16): Encoding.PCM16,
    (_PCM, 24): Encoding.PCM24,
    (_PCM, 32): Encoding.PCM32,
    (_FLOAT, 32): Encoding.FLOAT32,
    (_FLOAT, 64): Encoding.FLOAT64,
    (_ALAW, 8): Encoding.ALAW,
    (_ULAW, 8): Encoding.ULAW,
}
_TAGS: Final = {encoding: tag for (tag, _), encoding in _ENCODINGS.items()}
_OF_OURS: Final = frozenset(_TAGS.values())


class WavCodec(StrEnum):
    """A compressed encoding in a WAV file, which a decoder must open."""

    MS_ADPCM = "ms_adpcm"
    IMA_ADPCM = "ima_adpcm"
    GSM = "gsm"
    G726 = "g726"
    G722 = "g722"
    G729 = "g729"


_CODECS: Final = {
    0x0002: WavCodec.MS_ADPCM,
    0x0011: WavCodec.IMA_ADPCM,
    0x0031: WavCodec.GSM,  # WAV49: Asterisk's `WAV`
    0x0045: WavCodec.G726,
    0x0064: WavCodec.G726,
    0x0065: WavCodec.G722,
    0x028F: WavCodec.G722,
    0x0083: WavCodec.G729,
}


@dataclass(frozen=True, slots=True)
class Compressed:
    """The form of a WAV file that the decoder must open; the decoder must find the same rate and channels."""

    codec: WavCodec
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Located:
    """The checked form of the sound in a WAV file, with offset and length of its data in bytes."""

    form: Format | Compressed
    start: int
    length: int

    def header(self) -> Header:
        """The header of a sound that needs no decoder; raises SoundError `format` for a compressed one."""
        if isinstance(self.form, Compressed):
            raise SoundError("format", found=self.form.codec)
        return Header(self.form.encoding, self.form.rate, self.form.channels, self.length // self.form.frame_bytes)


def locate(stream: BinaryIO, size: int) -> Located:
    """Parse the headers of a WAV file of *size* bytes; raises SoundError with the reason for a refusal.

    The stream must be seekable; its position before does not matter, its position after is undefined.
    """
    form: Format | Compressed | None = None
    data: tuple[int, int] | None = None
    for name, start, length in _read_chunks(stream, size):
        if name == b"fmt ":
            if data is not None:
                raise SoundError("data_before_fmt")
            if form is not None:
                raise SoundError("second_fmt")
            form = _read_format(stream, start, length)
        elif name == b"data":
            if data is not None:
                raise SoundError("second_data")
            data = start, length
    if form is None:
        raise SoundError("no_fmt")
    if data is None:
        raise SoundError("no_data")
    if isinstance(form, Format):
        check_length(form, data[1])
    elif not 0 < data[1] <= MAX_DATA:
        raise SoundError("no_frames" if not data[1] else "too_large")
    return Located(form, *data)


def read_at(stream: BinaryIO, start: int, length: int) -> bytes:
    """Read exactly *length* bytes at offset *start*; raises SoundError `truncated`."""
    stream.seek(start)
    content = stream.read(length)
    while len(content) < length:  # an unbuffered stream may give less than it has
        more = stream.read(length - len(content))
        if not more:
            raise SoundError("truncated")
        content += more
    return content


def canonical_header(header: Header) -> bytes:
    """The bytes of a stored WAV file before its samples.

    RIFF, `fmt ` (16 bytes for PCM, 18 for the rest), `data`. The RIFF size counts the pad byte that must
    follow samples of odd size.
    """
    frame, bits, length = header.frame_bytes, 8 * header.encoding.sample_bytes, header.data_bytes
    tag = _TAGS[header.encoding]
    body = _FMT.pack(tag, header.channels, header.rate, header.rate * frame, frame, bits)
    if tag != _PCM:
        body += struct.pack("<H", 0)  # mmreg.h: every format but PCM says the size of its extension
    chunks = _CHUNK.pack(b"fmt ", len(body)) + body + _CHUNK.pack(b"data", length)
    return _RIFF.pack(b"RIFF", 4 + len(chunks) + length + length % 2, b"WAVE") + chunks


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Sizes from the first chunks: the declared offset of the file's end, and RF64's bytes of sound."""

    end: int
    data: int | None = None


def _read_chunks(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield every chunk of a file of *size* bytes as (name, offset of its body, bytes of its body)."""
    declared = _read_riff(stream, size)
    end = offset = _RIFF.size  # of the chunk before: the ends of its body and of its pad byte
    count = 0
    while offset + _CHUNK.size <= size:
        count += 1
        if count > MAX_CHUNKS:
            raise SoundError("too_many_chunks")
        name, length = _CHUNK.unpack(read_at(stream, offset, _CHUNK.size))
        if name == b"data" and length == ELSEWHERE and declared.data is not None:
            length = declared.data
        start = offset + _CHUNK.size
        end = start + length
        if end > size:
            raise SoundError("data_beyond_end" if name == b"data" else "chunk_beyond_end")
        yield name, start, length
        offset = end + length % 2
    if size > offset:
        raise SoundError("trailing_bytes", found=size - offset)
    if declared.end not in (end, offset):
        raise SoundError("riff_size")


def _read_riff(stream: BinaryIO, size: int) -> _Sizes:
    """Read the declared end of the file: *size*, or one byte off, which `_read_chunks` checks."""
    first = read_at(stream, 0, min(4, size))
    if first == b"RIFX":
        raise SoundError("big_endian")
    if first not in (b"RIFF", b"RF64", b"BW64"):
        raise SoundError("not_riff")
    _, length, form = _RIFF.unpack(read_at(stream, 0, _RIFF.size))
    if form != b"WAVE":
        raise SoundError("not_wave")
    declared = _Sizes(length + 8) if first == b"RIFF" else _read_ds64(stream, length)
    if abs(declared.end - size) > 1:
        raise SoundError("riff_size")
    return declared


def _read_ds64(stream: BinaryIO, length: int) -> _Sizes:
    """Read the sizes of an RF64 file from its first chunk."""
    name, size = _CHUNK.unpack(read_at(stream, _RIFF.size, _CHUNK.size))
    if name != b"ds64" or size < _DS64.size:
        raise SoundError("no_ds64")
    riff, data = _DS64.unpack(read_at(stream, _RIFF.size + _CHUNK.size, _DS64.size))
    return _Sizes((riff if length == ELSEWHERE else length) + 8, data)


def _read_format(stream: BinaryIO, start: int, length: int) -> Format | Compressed:
    """Read the body of a `fmt ` chunk, whose fields must agree with each other."""
    if length < _FMT.size:
        raise SoundError("fmt_short")
    raw = read_at(stream, start, min(length, _EXTENDED))
    tag, channels, rate, byte_rate, block_align, bits = _FMT.unpack_from(raw)
    if tag == _EXTENSIBLE_TAG:
        tag = _read_sub_format(raw, bits)
    if tag in _CODECS:
        if channels not in (1, 2):
            raise SoundError("channels", found=channels)
        if not RATE_LOWEST <= rate <= RATE_HIGHEST:
            raise SoundError("rate", found=rate)
        return Compressed(_CODECS[tag], rate, channels)
    if tag not in _OF_OURS:
        raise SoundError("format", found=tag)
    encoding = _ENCODINGS.get((tag, bits))
    if encoding is None:
        raise SoundError("width", found=bits)
    form = Format(encoding, rate, channels)
    if block_align != form.frame_bytes:
        raise SoundError("block_align", found=block_align)
    if byte_rate != rate * form.frame_bytes:
        raise SoundError("byte_rate", found=byte_rate)
    return form


def _read_sub_format(raw: bytes, bits: int) -> int:
    """The format tag inside a WAVEFORMATEXTENSIBLE.

    Fewer bits than the container's may be valid: they are the upper ones, so the samples keep their value.
    """
    if len(raw) < _EXTENDED:
        raise SoundError("fmt_short")
    extension, valid, _, tag, tail = _EXTENSION.unpack_from(raw, _FMT.size)
    if extension < _EXTENSION.size - 2:  # which does not count itself
        raise SoundError("fmt_short")
    if tail != _SUB_FORMAT_TAIL:
        raise SoundError("format", found=_EXTENSIBLE_TAG)
    if not (0 < valid <= bits if tag == _PCM else valid == bits):
        raise SoundError("width", found=valid)
    return int(tag)
