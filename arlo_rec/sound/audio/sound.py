"""Read, write and convert whole sounds in memory: to and from WAV, to 16-bit PCM, to a single channel.

It serves sounds that a person listens to or receives; intake reads block by block (`sound_file`). Samples are the
delivered bytes, little-endian and interleaved, on any host.

Source: ITU-T G.711 (1988).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import BinaryIO

from arlo_rec.sound.audio.formats import Encoding, Format, Header, Sound, check_length
from arlo_rec.sound.audio.riff import canonical_header, locate, read_at

_PIECE = 1 << 20  # bytes
_FLOAT_BLOCK = 1 << 20  # bytes of floats turned to integers at once


def probe(stream: BinaryIO, size: int) -> Header:
    """Read the header of a WAV file of *size* bytes; raises SoundError just as `read_wav` does.

    The stream must be seekable; its position before does not matter, its position after is undefined.
    """
    return locate(stream, size).header()


def read_wav(stream: BinaryIO, size: int) -> Sound:
    """Read a WAV file of *size* bytes; raises SoundError with the reason for a refusal.

    The samples are read in one go, after their length is known to fit both the file and `MAX_DATA`. A stream that ends
    before *size* is `truncated`; bytes after *size* are not read.
    """
    located = locate(stream, size)
    header = located.header()
    return Sound(header.encoding, header.rate, header.channels, read_at(stream, located.start, located.length))


def canonical_pieces(header: Header, frames: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the canonical WAV file of *frames* in pieces: header, the frames as given, the pad byte."""
    yield canonical_header(header)
    yield from frames
    if header.data_bytes % 2:
        yield b"\0"


def canonical_wav(sound: Sound) -> bytes:
    """The canonical WAV file of a sound; `read_wav` gives the same sound back."""
    return b"".join(iterate_pieces(sound))


def iterate_pieces(sound: Sound) -> Iterator[bytes]:
    """Yield the canonical WAV file of a sound in pieces, so that it is not in memory twice."""
    header = Header(sound.encoding, sound.rate, sound.channels, sound.frames)
    starts = range(0, len(sound.data), _PIECE)
    return canonical_pieces(header, (sound.data[start : start + _PIECE] for start in starts))


def as_pcm16(sound: Sound) -> Sound:
    """Convert a sound to 16-bit PCM: G.711 decoded to full scale, wider integers truncated to their upper 16 bits.

    Floating-point samples have full scale 1.0 and are clipped to it; NaN becomes silence. Raises SoundError
    `too_large` where the samples would exceed `MAX_DATA`.
    """
    if sound.encoding is Encoding.PCM16:
        return sound
    check_length(Format(Encoding.PCM16, sound.rate, sound.channels), 2 * sound.frames * sound.channels)
    return Sound(Encoding.PCM16, sound.rate, sound.channels, bytes(_as_16_bits(sound)))


def keep_channel(sound: Sound, channel: int) -> Sound:
    """The stereo sound with *channel* (0 or 1) unchanged and digital zero in the other.

    Accepts 16-bit PCM only, where zero is silence. Raises ValueError for anything else: callers decode first.
    """
    if sound.encoding is not Encoding.PCM16 or sound.channels != 2:
        raise ValueError("only 16-bit stereo has a channel to keep")
    if channel not in (0, 1):
        raise ValueError("channels are 0 and 1")
    kept = bytearray(len(sound.data))
    for offset in (2 * channel, 2 * channel + 1):  # byte by byte, independent of the host's byte order
        kept[offset::4] = sound.data[offset::4]
    return replace(sound, data=bytes(kept))


def _as_16_bits(sound: Sound) -> bytearray:
    """Interleave the low and high bytes of all 16-bit samples, without a loop over samples."""
    data, width = sound.data, sound.encoding.sample_bytes
    output = bytearray(2 * (len(data) // width))
    if sound.encoding in (Encoding.ULAW, Encoding.ALAW, Encoding.PCM8):
        low, high = _decoder(sound.encoding)
        output[0::2] = data.translate(low)
        output[1::2] = data.translate(high)
    elif sound.encoding in (Encoding.PCM24, Encoding.PCM32):
        output[0::2] = data[width - 2 :: width]
        output[1::2] = data[width - 1 :: width]
    else:
        import numpy

        dtype = f"<f{width}"
        for start in range(0, len(data), _FLOAT_BLOCK):
            with numpy.errstate(invalid="ignore"):  # a signalling NaN is silence like any other
                block = numpy.frombuffer(data[start : start + _FLOAT_BLOCK], dtype).astype("<f8")
            clipped = numpy.clip(numpy.nan_to_num(block, nan=0.0), -1.0, 1.0)
            samples = numpy.clip(numpy.rint(clipped * 32768), -32768, 32767).astype("<i2").tobytes()
            offset = start // width * 2
            output[offset : offset + len(samples)] = samples
    return output


def decoded_values(encoding: Encoding) -> list[int]:
    """The 16-bit values of the 256 codes of an 8-bit encoding; raises KeyError for a wider encoding."""
    decode = {Encoding.ULAW: _ulaw_value, Encoding.ALAW: _alaw_value, Encoding.PCM8: _pcm8_value}[encoding]
    return [decode(code) for code in range(256)]


@cache
def _decoder(encoding: Encoding) -> tuple[bytes, bytes]:
    """Translation tables from an 8-bit code to the low and the high byte of its 16-bit value."""
    values = [value & 0xFFFF for value in decoded_values(encoding)]
    return bytes(value & 0xFF for value in values), bytes(value >> 8 for value in values)


def _ulaw_value(code: int) -> int:
    """Decode by ITU-T G.711, table 2, times four (its 14 bits at 16-bit full scale): -32124 to 32124."""
    bare = code ^ 0xFF  # sent inverted
    value = ((((bare & 0x0F) << 3) + 132) << (bare >> 4 & 7)) - 132  # 132: the bias, 33 times four
    return -value if bare & 0x80 else value


def _alaw_value(code: int) -> int:
    """Decode by ITU-T G.711, table 1, times eight (its 13 bits at 16-bit full scale): -32256 to 32256; never 0."""
    bare = code ^ 0x55  # sent with its even bits inverted
    segment, step = bare >> 4 & 7, (bare & 0x0F) << 4
    value = (step + 264) << (segment - 1) if segment else step + 8
    return value if bare & 0x80 else -value


def _pcm8_value(code: int) -> int:
    return (code - 128) * 256  # unsigned, zero at 128
