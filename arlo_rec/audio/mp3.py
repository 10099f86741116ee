"""Encode 16-bit samples as MP3 with LAME, and put the tag before it by which players find the recording's own length.

An MP3 is longer than its sound: the encoder begins late and fills the last frame. LAME's tag says by how much, and
holds a table of places to seek by; lameenc leaves it out, so it is written here, in a silent frame before all others.
What it could say besides (loudness, the encoder's settings, a checksum of the music) is zero: not known.

Sources: ISO/IEC 11172-3 2.4.1.3 and 13818-3 2.4.2.3 (a frame's header); gabriel.mp3-tech.org/mp3infotag.html (the tag).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

RATES: Final = {  # Hz: version bits and sampling bits of a frame's header; there is no MP3 of another rate
    **{44100: (3, 0), 48000: (3, 1), 32000: (3, 2)},
    **{22050: (2, 0), 24000: (2, 1), 16000: (2, 2)},
    **{11025: (0, 0), 12000: (0, 1), 8000: (0, 2)},
}
_OF_BITS: Final = {bits: rate for rate, bits in RATES.items()}
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # layer III, by the header's four bits
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # at the lower rates (versions 2 and 2.5)
_HEADER = 4  # bytes
_DELAY = 576  # samples that LAME puts before the sound; decoders know of their own 529
_ENCODER: Final = b"LAME3.100"  # what lameenc is built with; players read the delay behind this word alone
_VBR_MTRH, _QUALITY, _SPEED = 4, 2, 5  # `lame --vbr-new -V 2 -q 5`
_ALL_FIELDS = 0x0F  # frames, bytes, table, quality
_TABLE = 100


class Encoder:
    """An MP3 in memory: `write` the frames of a sound in order, then `finish`."""

    def __init__(self, rate: int, channels: int) -> None:
        import lameenc

        self._lame = lameenc.Encoder()
        self._lame.silence()  # it would tell its progress on stdout
        self._lame.set_in_sample_rate(rate)
        self._lame.set_out_sample_rate(rate)
        self._lame.set_channels(channels)
        self._lame.set_vbr(_VBR_MTRH)
        self._lame.set_vbr_quality(_QUALITY)
        self._lame.set_quality(_SPEED)
        self._channels = channels
        self._samples = 0
        self._frames = bytearray()

    def write(self, samples: bytes) -> None:
        """Take 16-bit samples, interleaved, in whole frames of the sound."""
        self._samples += len(samples) // (2 * self._channels)
        self._frames += self._lame.encode(samples)

    def finish(self) -> bytes:
        """The whole file."""
        self._frames += self._lame.flush()
        return with_tag(bytes(self._frames), self._samples)


class Frame(NamedTuple):
    """The header of an MPEG audio frame of layer III."""

    version: int  # its bits: 3 for 1, 2 for 2, 0 for 2.5
    rate: int  # Hz
    length: int  # bytes
    is_mono: bool

    @property
    def samples(self) -> int:
        """Samples of each channel."""
        return 1152 if self.version == 3 else 576

    @property
    def side(self) -> int:
        """Bytes of side information behind the header."""
        if self.version == 3:
            return 17 if self.is_mono else 32
        return 9 if self.is_mono else 17


def with_tag(frames: bytes, samples: int) -> bytes:
    """The file of LAME's *frames*, which hold so many *samples* of each channel."""
    lengths = [frame.length for frame in _walk(frames)]
    first = _read(frames[:_HEADER])
    head = _tag_header(frames[:_HEADER], first)
    own = _read(head)
    count, total = len(lengths), own.length + len(frames)
    places = list(accumulate(lengths, initial=0))  # behind the tag, as LAME counts them
    table = bytes(256 * places[part * count // _TABLE] // len(frames) for part in range(_TABLE))
    padding = count * first.samples - _DELAY - samples
    body = head + bytes(own.side)
    body += struct.pack(">4sIII", b"Xing", _ALL_FIELDS, count, total) + table + struct.pack(">I", 100 - 10 * _QUALITY)
    body += _ENCODER + bytes([_VBR_MTRH]) + bytes(1 + 4 + 2 + 2 + 1 + 1)  # lowpass, peak, gains, flags, bitrate
    body += (_DELAY << 12 | padding).to_bytes(3) + bytes(1 + 1 + 2) + struct.pack(">IH", total, 0)
    body += struct.pack(">H", crc16(body))
    return body.ljust(own.length, b"\0") + frames


def _tag_header(header: bytes, first: Frame) -> bytes:
    """The header of the smallest frame like LAME's that has room for the tag."""
    needed = _HEADER + first.side + 16 + _TABLE + 4 + 36
    for bits in range(1, 15):
        like = bytes([header[0], header[1], bits << 4 | header[2] & 0x0C, header[3]])
        if _read(like).length >= needed:
            return like
    raise AssertionError("320 kbit/s have room for it")


def _walk(frames: bytes) -> Iterator[Frame]:
    """Every frame; raises ValueError where the bytes are none."""
    at = 0
    while at < len(frames):
        frame = _read(frames[at : at + _HEADER])
        yield frame
        at += frame.length
    if at != len(frames):
        raise ValueError("half a frame")


def _read(header: bytes) -> Frame:
    """A frame by its header; raises ValueError."""
    bits = int.from_bytes(header)
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    kbits = (_KBITS_1 if version == 3 else _KBITS_2)[min(bits >> 12 & 15, 14)]
    rate = _OF_BITS.get((version, bits >> 10 & 3))
    if bits >> 21 != 0x7FF or layer != 1 or rate is None or not kbits:
        raise ValueError("no frame of layer III")
    length = (144 if version == 3 else 72) * kbits * 1000 // rate + (bits >> 9 & 1)
    return Frame(version, rate, length, bits >> 6 & 3 == 3)


def crc16(data: bytes) -> int:
    """CRC-16/ARC, which LAME puts behind its tag."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
