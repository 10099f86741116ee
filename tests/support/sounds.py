"""Sounds for tests: WAV bytes built by hand, right or wrong on purpose, with nothing borrowed from `audio`.

`tone` and `wav` make what an exchange could deliver; `riff`, `chunk` and `fmt` make what it should not.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from arlo_rec.sound.audio import Encoding

TAGS = {
    **dict.fromkeys((Encoding.PCM8, Encoding.PCM16, Encoding.PCM24, Encoding.PCM32), 1),
    **dict.fromkeys((Encoding.FLOAT32, Encoding.FLOAT64), 3),
    Encoding.ALAW: 6,
    Encoding.ULAW: 7,
}
BITS = {
    Encoding.PCM8: 8,
    Encoding.PCM16: 16,
    Encoding.PCM24: 24,
    Encoding.PCM32: 32,
    Encoding.FLOAT32: 32,
    Encoding.FLOAT64: 64,
    Encoding.ALAW: 8,
    Encoding.ULAW: 8,
}
GUID_TAIL = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"  # of every sub-format that has a tag


def tone(
    seconds: float,
    *,
    rate: int = 8000,
    channels: int = 2,
    encoding: Encoding = Encoding.ULAW,
    seed: int = 0,
) -> bytes:
    """Frames of a sound that is the same in every run, not silent, and different in each channel.

    It is noise: no two stretches are alike, so a cut in the wrong place is seen.
    """
    width = BITS[encoding] // 8
    return random.Random(seed).randbytes(round(seconds * rate) * width * channels)


def tone_wav(
    seconds: float,
    *,
    rate: int = 8000,
    channels: int = 2,
    encoding: Encoding = Encoding.ULAW,
    seed: int = 0,
) -> bytes:
    """`tone` as a WAV file."""
    frames = tone(seconds, rate=rate, channels=channels, encoding=encoding, seed=seed)
    return wav(frames, rate=rate, channels=channels, encoding=encoding)


def wav(
    frames: bytes,
    *,
    encoding: Encoding = Encoding.ULAW,
    rate: int = 8000,
    channels: int = 2,
    extra_chunks: Sequence[bytes] = (),
    trailing_chunks: Sequence[bytes] = (),
) -> bytes:
    """A WAV file of *frames*, with chunks of others between `fmt ` and `data` and behind `data`."""
    form = fmt(encoding, rate=rate, channels=channels)
    return riff(form, *extra_chunks, chunk(b"data", frames), *trailing_chunks)


def riff(*chunks: bytes, name: bytes = b"RIFF", form: bytes = b"WAVE", size: int | None = None) -> bytes:
    """A RIFF file of *chunks*, which says that it has *size* bytes behind its first eight."""
    body = form + b"".join(chunks)
    return name + struct.pack("<I", len(body) if size is None else size) + body


def rf64(
    *chunks: bytes, name: bytes = b"RF64", riff_size: int | None = None, data_size: int = 0, table: bytes = bytes(4)
) -> bytes:
    """An RF64 file of *chunks* behind a `ds64` that says how large the file and its sound are."""
    ds64_bytes = 24 + len(table)
    size = 4 + 8 + ds64_bytes + sum(map(len, chunks)) if riff_size is None else riff_size
    ds64 = struct.pack("<QQQ", size, data_size, 0) + table
    return name + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + chunk(b"ds64", ds64) + b"".join(chunks)


def chunk(name: bytes, body: bytes, *, size: int | None = None, pad: bool = True) -> bytes:
    """A chunk, which says that its body has *size* bytes."""
    said = len(body) if size is None else size
    return name + struct.pack("<I", said) + body + bytes(len(body) % 2 if pad else 0)


def fmt(
    encoding: Encoding = Encoding.ULAW,
    *,
    rate: int = 8000,
    channels: int = 2,
    tag: int | None = None,
    bits: int | None = None,
    block_align: int | None = None,
    byte_rate: int | None = None,
    extension: bytes = b"",
) -> bytes:
    """A `fmt ` chunk; what is not given follows from the rest."""
    bits = BITS[encoding] if bits is None else bits
    tag = TAGS[encoding] if tag is None else tag
    block_align = bits // 8 * channels if block_align is None else block_align
    byte_rate = rate * block_align if byte_rate is None else byte_rate
    body = struct.pack("<HHIIHH", tag, channels, rate, byte_rate, block_align, bits)
    return chunk(b"fmt ", body + extension)


def extensible(
    encoding: Encoding = Encoding.PCM16,
    *,
    rate: int = 8000,
    channels: int = 2,
    tag: int | None = None,
    valid_bits: int | None = None,
    guid_tail: bytes = GUID_TAIL,
    extension_size: int = 22,
) -> bytes:
    """A `fmt ` chunk in the WAVEFORMATEXTENSIBLE form."""
    tag = TAGS[encoding] if tag is None else tag
    valid_bits = BITS[encoding] if valid_bits is None else valid_bits
    speakers = (1 << channels) - 1
    extension = struct.pack("<HHIH", extension_size, valid_bits, speakers, tag) + guid_tail
    return fmt(encoding, rate=rate, channels=channels, tag=0xFFFE, extension=extension)
