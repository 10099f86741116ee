"""Whole sounds in memory: read, written, cut, decoded to 16 bits, and one channel kept apart.

For what a person listens to or is handed; intake goes block by block (`recorded`). Samples travel as the
bytes that came, little-endian and interleaved, on any host.

Source: ITU-T G.711 (1988).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import BinaryIO

from arlo_rec.audio.forms import Encoding, Format, Header, Sound, check_length
from arlo_rec.audio.riff import canonical_header, locate, read_at

_PIECE = 1 << 20  # bytes
_FLOAT_BLOCK = 1 << 20  # bytes of floats turned to integers at once


def probe(stream: BinaryIO, size: int) -> Header:
    """Judge a WAV file of *size* bytes by its headers; raises SoundError just as `read_wav` does.

    The stream must be seekable; its place before does not matter, its place after is undefined.
    """
    return locate(stream, size).header()


def read_wav(stream: BinaryIO, size: int) -> Sound:
    """Read a WAV file of *size* bytes; raises SoundError with the reason for which it is not taken.

    The sound is read in one go, and only after its size is known to fit both the file and `MAX_DATA`. A
    stream that ends before *size* is `truncated`; what it holds behind *size* is not looked at.
    """
    found = locate(stream, size)
    form = found.header()
    return Sound(form.encoding, form.rate, form.channels, read_at(stream, found.start, found.length))


def canonical_pieces(header: Header, frames: Iterable[bytes]) -> Iterator[bytes]:
    """The one WAV file that we write for *frames*, in pieces: header, the frames as they come, the pad byte."""
    yield canonical_header(header)
    yield from frames
    if header.data_bytes % 2:
        yield b"\0"


def canonical_wav(sound: Sound) -> bytes:
    """The one WAV file that we write for a sound; `read_wav` gives the same sound back."""
    return b"".join(pieces_of(sound))


def pieces_of(sound: Sound) -> Iterator[bytes]:
    """The same file in pieces, so that it is not held twice."""
    header = Header(sound.encoding, sound.rate, sound.channels, sound.frames)
    starts = range(0, len(sound.data), _PIECE)
    return canonical_pieces(header, (sound.data[start : start + _PIECE] for start in starts))


def as_pcm16(sound: Sound) -> Sound:
    """The sound in 16-bit PCM: G.711 decoded at full scale, wider integers cut to their upper 16 bits.

    Floating point counts 1.0 as full scale and is held to it; what is not a number is silence. Raises
    SoundError `too_large` where the samples would pass `MAX_DATA`.
    """
    if sound.encoding is Encoding.PCM16:
        return sound
    check_length(Format(Encoding.PCM16, sound.rate, sound.channels), 2 * sound.frames * sound.channels)
    return Sound(Encoding.PCM16, sound.rate, sound.channels, bytes(_as_16_bits(sound)))


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


def _as_16_bits(sound: Sound) -> bytearray:
    """Low and high bytes of every sample, put together without a loop over samples."""
    data, width = sound.data, sound.encoding.sample_bytes
    wide = bytearray(2 * (len(data) // width))
    if sound.encoding in (Encoding.ULAW, Encoding.ALAW, Encoding.PCM8):
        low, high = _decoder(sound.encoding)
        wide[0::2] = data.translate(low)
        wide[1::2] = data.translate(high)
    elif sound.encoding in (Encoding.PCM24, Encoding.PCM32):
        wide[0::2] = data[width - 2 :: width]
        wide[1::2] = data[width - 1 :: width]
    else:
        _floats_to_16_bits(data, width, wide)
    return wide


def _floats_to_16_bits(data: bytes, width: int, wide: bytearray) -> None:
    import numpy

    kind = f"<f{width}"
    for start in range(0, len(data), _FLOAT_BLOCK):
        with numpy.errstate(invalid="ignore"):  # a signalling NaN is silence like any other
            block = numpy.frombuffer(data[start : start + _FLOAT_BLOCK], kind).astype("<f8")
        held = numpy.clip(numpy.nan_to_num(block, nan=0.0), -1.0, 1.0)
        samples = numpy.clip(numpy.rint(held * 32768), -32768, 32767).astype("<i2").tobytes()
        place = start // width * 2
        wide[place : place + len(samples)] = samples


def decoded_values(encoding: Encoding) -> list[int]:
    """The 16-bit value of each 8-bit code; raises KeyError for an encoding of wider samples."""
    decode = {Encoding.ULAW: _ulaw_value, Encoding.ALAW: _alaw_value, Encoding.PCM8: _pcm8_value}[encoding]
    return [decode(code) for code in range(256)]


@cache
def _decoder(encoding: Encoding) -> tuple[bytes, bytes]:
    """Translation tables from an 8-bit code to the low and the high byte of its 16-bit value."""
    values = [value & 0xFFFF for value in decoded_values(encoding)]
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


def _pcm8_value(code: int) -> int:
    """8-bit PCM is unsigned, around 128: -32768 to 32512."""
    return (code - 128) * 256
