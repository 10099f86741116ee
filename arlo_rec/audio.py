"""The only room that knows sound formats: strict RIFF/WAVE in, canonical WAV out, a few cuts and copies.

Taken are 16-bit PCM and ITU-T G.711 (u-law, A-law), one or two channels, 8 to 48 kHz: what telephone
exchanges write. A file is taken whole or refused with a reason; nothing is repaired, because a sound that two
programs read differently is evidence of nothing. Chunks other than `fmt ` and `data` are skipped unread, so
no tag of a foreign program gets in. Samples travel as the bytes that came, little-endian and interleaved,
on any host.

RIFF sizes are held to one rule. Chunks begin at even places, so a chunk of odd size is followed by a pad byte
that its size does not count. Writers disagree only about the pad after the last chunk: it may be there or
not, and the RIFF size may count it or not. All else must fit the file to the byte.

It touches streams that it is handed and nothing else. It does not resample, mix, compress or play. Of what
exists in the world it does not yet take RF64, RIFX, 8-, 24- or 32-bit PCM, nor floating point.

Sources: Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft, 1991);
mmreg.h (WAVEFORMATEX, WAVEFORMATEXTENSIBLE); ITU-T G.711 (1988).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from functools import cache
from typing import BinaryIO, Final

from arlo_rec.errors import SoundError

MAX_DATA = 2**31 - 64  # bytes: players hold sizes in signed 32 bits, header included; 37 h of stereo G.711
MAX_CHUNKS = 1000  # a broadcast WAV has about ten; more is a file made to keep us busy
RATE_LOWEST = 8_000  # Hz: narrowband telephony
RATE_HIGHEST = 48_000  # Hz: the widest that Opus and WebRTC deliver

_RIFF = struct.Struct("<4sI4s")  # "RIFF", size of all that follows the size, form
_CHUNK = struct.Struct("<4sI")  # name, size of the body without its pad
_FMT = struct.Struct("<HHIIHH")  # tag, channels, rate, bytes per second, bytes per frame, bits per sample
_EXTENSION = struct.Struct("<HHIH14s")  # size, valid bits, speakers, then the sub-format: a tag and its tail
_EXTENDED = _FMT.size + _EXTENSION.size  # 40 bytes
_EXTENSIBLE_TAG = 0xFFFE
_SUB_FORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # mmreg.h: DEFINE_WAVEFORMATEX_GUID


class Encoding(StrEnum):
    """How one sample is written. There is no fourth."""

    PCM16 = "pcm16"
    ULAW = "ulaw"
    ALAW = "alaw"

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of one channel."""
        return 2 if self is Encoding.PCM16 else 1


_TAGS: Final = {Encoding.PCM16: 1, Encoding.ALAW: 6, Encoding.ULAW: 7}  # mmreg.h, as wFormatTag
_ENCODINGS: Final = {tag: encoding for encoding, tag in _TAGS.items()}


@dataclass(frozen=True, slots=True)
class Format:
    """How a sound is written. Raises SoundError `channels` or `rate` for what we do not take."""

    encoding: Encoding
    rate: int
    channels: int

    def __post_init__(self) -> None:
        if self.channels not in (1, 2):
            raise SoundError("channels", found=self.channels)
        if not RATE_LOWEST <= self.rate <= RATE_HIGHEST:
            raise SoundError("rate", found=self.rate)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame: one sample of each channel."""
        return self.encoding.sample_bytes * self.channels


@dataclass(frozen=True, slots=True)
class Header(Format):
    """What a WAV file says about its sound, checked against the size of the file; the sound is unread."""

    frames: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.rate


@dataclass(frozen=True, slots=True)
class Sound(Format):
    """A sound of whole frames, at least one; `data` holds the sample codes interleaved, as they came.

    Making one raises SoundError, so every Sound that exists can be written and read again.
    """

    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        Format.__post_init__(self)  # not super(): a dataclass with slots is a new class, which super() misses
        _check_length(self, len(self.data))

    @property
    def frames(self) -> int:
        """Samples of each channel."""
        return len(self.data) // self.frame_bytes

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.rate


def probe(stream: BinaryIO, size: int) -> Header:
    """Judge a WAV file of *size* bytes by its headers; raises SoundError just as `read_wav` does.

    The stream must be seekable; its place before does not matter, its place after is undefined.
    """
    form, _, length = _locate(stream, size)
    return Header(form.encoding, form.rate, form.channels, length // form.frame_bytes)


def read_wav(stream: BinaryIO, size: int) -> Sound:
    """Read a WAV file of *size* bytes; raises SoundError with the reason for which it is not taken.

    The sound is read in one go, and only after its size is known to fit both the file and `MAX_DATA`. A
    stream that ends before *size* is `truncated`; what it holds behind *size* is not looked at.
    """
    form, start, length = _locate(stream, size)
    return Sound(form.encoding, form.rate, form.channels, _read(stream, start, length))


def canonical_header(encoding: Encoding, rate: int, channels: int, data_bytes: int) -> bytes:
    """All that stands before *data_bytes* of sound in the one form that we write.

    RIFF, `fmt ` (16 bytes for PCM, 18 for G.711), `data`. The RIFF size counts the pad byte that must follow
    sound of odd size. Raises SoundError where a Sound of this form and size could not exist.
    """
    form = Format(encoding, rate, channels)
    _check_length(form, data_bytes)
    frame, bits = form.frame_bytes, 8 * encoding.sample_bytes
    body = _FMT.pack(_TAGS[encoding], channels, rate, rate * frame, frame, bits)
    if encoding is not Encoding.PCM16:
        body += struct.pack("<H", 0)  # mmreg.h: every format but PCM says the size of its extension
    chunks = _CHUNK.pack(b"fmt ", len(body)) + body + _CHUNK.pack(b"data", data_bytes)
    return _RIFF.pack(b"RIFF", 4 + len(chunks) + data_bytes + data_bytes % 2, b"WAVE") + chunks


def canonical_wav(sound: Sound) -> bytes:
    """The one WAV file that we write for a sound; `read_wav` gives the same sound back."""
    header = canonical_header(sound.encoding, sound.rate, sound.channels, len(sound.data))
    return b"".join((header, sound.data, bytes(len(sound.data) % 2)))


def frames_before(seconds: Fraction, rate: int) -> int:
    """How many frames begin before *seconds*, at *rate* frames a second; never negative, exact.

    Cut as many and nothing from before that moment is left, not even a part of a frame.
    """
    return max(0, math.ceil(seconds * rate))


def cut_start(sound: Sound, frames: int) -> Sound:
    """The sound without its first *frames* frames; raises SoundError `nothing_left` if that is all of it."""
    if frames < 0:
        raise ValueError("a sound has no frames before its first")
    if frames >= sound.frames:
        raise SoundError("nothing_left")
    return replace(sound, data=sound.data[frames * sound.frame_bytes :])


def as_pcm16(sound: Sound) -> Sound:
    """The sound in 16-bit PCM: G.711 decoded at full scale, 16-bit PCM as it is.

    Raises SoundError `too_large` where the wider samples pass `MAX_DATA`.
    """
    if sound.encoding is Encoding.PCM16:
        return sound
    _check_length(Format(Encoding.PCM16, sound.rate, sound.channels), 2 * len(sound.data))  # before it is made
    low, high = _decoder(sound.encoding)
    wide = bytearray(2 * len(sound.data))
    wide[0::2] = sound.data.translate(low)
    wide[1::2] = sound.data.translate(high)
    return Sound(Encoding.PCM16, sound.rate, sound.channels, bytes(wide))


def keep_channel(sound: Sound, channel: int) -> Sound:
    """The same stereo sound with *channel* (0 or 1) as it is and digital zero in the other.

    Takes 16-bit PCM alone, where zero is silence. Raises ValueError for anything else: a caller of this
    function has decoded before.
    """
    if sound.encoding is not Encoding.PCM16 or sound.channels != 2:
        raise ValueError("only 16-bit stereo has a channel to keep")
    if channel not in (0, 1):
        raise ValueError("channels are 0 and 1")
    kept = bytearray(len(sound.data))
    for place in (2 * channel, 2 * channel + 1):  # byte by byte, so the host's byte order has no say
        kept[place::4] = sound.data[place::4]
    return replace(sound, data=bytes(kept))


def _check_length(form: Format, length: int) -> None:
    """Refuse sound of no frame, of a part of a frame, or of more bytes than we take."""
    if length == 0:
        raise SoundError("no_frames")
    if length > MAX_DATA:
        raise SoundError("too_large", found=length)
    if length % form.frame_bytes:
        raise SoundError("half_frame")


def _locate(stream: BinaryIO, size: int) -> tuple[Format, int, int]:
    """The format of the sound, where it begins in the stream, and its bytes; all of it checked."""
    form: Format | None = None
    data: tuple[int, int] | None = None
    for name, start, length in _chunks(stream, size):
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
    _check_length(form, data[1])
    return form, *data


def _chunks(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Every chunk of a file of *size* bytes as (name, where its body begins, bytes of its body)."""
    riff_end = _read_riff(stream, size)
    end = place = _RIFF.size  # of the chunk before: where its body ends, and its pad
    count = 0
    while place + _CHUNK.size <= size:
        count += 1
        if count > MAX_CHUNKS:
            raise SoundError("too_many_chunks")
        name, length = _CHUNK.unpack(_read(stream, place, _CHUNK.size))
        start = place + _CHUNK.size
        end = start + length
        if end > size:
            raise SoundError("data_beyond_end" if name == b"data" else "chunk_beyond_end")
        yield name, start, length
        place = end + length % 2
    if size > place:
        raise SoundError("trailing_bytes", found=size - place)
    if riff_end not in (end, place):
        raise SoundError("riff_size")


def _read_riff(stream: BinaryIO, size: int) -> int:
    """Where the file ends by its own words: at *size*, or one byte off, which `_chunks` judges."""
    first = _read(stream, 0, min(4, size))
    if first == b"RIFX":
        raise SoundError("big_endian")
    if first in (b"RF64", b"BW64"):
        raise SoundError("rf64")
    if first != b"RIFF":
        raise SoundError("not_riff")
    _, length, form = _RIFF.unpack(_read(stream, 0, _RIFF.size))
    if form != b"WAVE":
        raise SoundError("not_wave")
    end: int = length + 8
    if abs(end - size) > 1:
        raise SoundError("riff_size")
    return end


def _read_format(stream: BinaryIO, start: int, length: int) -> Format:
    """Read the body of a `fmt ` chunk, whose fields must agree with each other."""
    if length < _FMT.size:
        raise SoundError("fmt_short")
    raw = _read(stream, start, min(length, _EXTENDED))
    tag, channels, rate, byte_rate, block_align, bits = _FMT.unpack_from(raw)
    if tag == _EXTENSIBLE_TAG:
        tag = _sub_format(raw, bits)
    encoding = _ENCODINGS.get(tag)
    if encoding is None:
        raise SoundError("format", found=tag)
    if bits != 8 * encoding.sample_bytes:
        raise SoundError("width", found=bits)
    form = Format(encoding, rate, channels)
    if block_align != form.frame_bytes:
        raise SoundError("block_align", found=block_align)
    if byte_rate != rate * form.frame_bytes:
        raise SoundError("byte_rate", found=byte_rate)
    return form


def _sub_format(raw: bytes, bits: int) -> int:
    """The tag inside a WAVEFORMATEXTENSIBLE, all of whose *bits* must be valid."""
    if len(raw) < _EXTENDED:
        raise SoundError("fmt_short")
    extension, valid, _, tag, tail = _EXTENSION.unpack_from(raw, _FMT.size)
    if extension < _EXTENSION.size - 2:  # which does not count itself
        raise SoundError("fmt_short")
    if tail != _SUB_FORMAT_TAIL:
        raise SoundError("format", found=_EXTENSIBLE_TAG)
    if valid != bits:
        raise SoundError("width", found=valid)
    return int(tag)


def _read(stream: BinaryIO, start: int, length: int) -> bytes:
    """Exactly *length* bytes from *start*, or SoundError `truncated`."""
    stream.seek(start)
    found = stream.read(length)
    if len(found) != length:
        raise SoundError("truncated")
    return found


@cache
def _decoder(encoding: Encoding) -> tuple[bytes, bytes]:
    """Translation tables from a G.711 code to the low and the high byte of its 16-bit value."""
    decode = _ulaw_value if encoding is Encoding.ULAW else _alaw_value
    values = [decode(code) & 0xFFFF for code in range(256)]
    return bytes(value & 0xFF for value in values), bytes(value >> 8 for value in values)


def _ulaw_value(code: int) -> int:
    """ITU-T G.711, table 2, times four (its 14 bits at 16-bit full scale): -32124 to 32124."""
    bare = code ^ 0xFF  # sent inverted
    value = ((((bare & 0x0F) << 3) + 132) << (bare >> 4 & 7)) - 132  # 132: the bias, 33 times four
    return -value if bare & 0x80 else value


def _alaw_value(code: int) -> int:
    """ITU-T G.711, table 1, times eight (its 13 bits at 16-bit full scale): -32256 to 32256; never 0."""
    bare = code ^ 0x55  # sent with its even bits inverted
    segment, step = bare >> 4 & 7, (bare & 0x0F) << 4
    value = (step + 264) << (segment - 1) if segment else step + 8
    return value if bare & 0x80 else -value
