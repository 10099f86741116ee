"""Turn a stored sound into a file for a person: MP3 by default, or WAV, block by block and on a thread of its own.

The caller reads the stored sound, because keys and the store belong to one thread; a `SoundEncoder` takes its blocks,
picks the channel, and keeps the loudness for a drawing. LAME releases the GIL while it encodes. Nothing is written to a
disk.

MP3 of variable bitrate, LAME -V 2: some 25 kbit/s for one side of a call at 8000 Hz. An MP3 is longer than its sound:
the encoder begins late and fills the last frame. LAME's tag says by how much, and holds a seek table; decoders cut off
the delay of 1105 samples and the padding by it, so the length is the stored sound's to the sample. Nothing is shifted.
lameenc leaves the tag out, so it is written here, in a silent frame before all others. Its other fields (loudness, the
encoder's settings, a checksum of the music) are zero: not known.

Sources: ISO/IEC 11172-3 2.4.1.3 and 13818-3 2.4.2.3 (a frame's header); gabriel.mp3-tech.org/mp3infotag.html (the tag).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from arlo_rec.law.model.errors import SoundError
from arlo_rec.sound.audio.formats import Encoding, Format, Header, Sound
from arlo_rec.sound.audio.riff import CANONICAL_LONGEST, locate
from arlo_rec.sound.audio.sound import as_pcm16, keep_channel

if TYPE_CHECKING:
    import numpy


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
_ENCODER: Final = b"LAME3.100"  # the version in lameenc; players read the delay behind this word alone
_VBR_MTRH, _QUALITY, _SPEED = 4, 2, 5  # `lame --vbr-new -V 2 -q 5`
_ALL_FIELDS = 0x0F  # frames, bytes, table, quality
_TABLE = 100


class Encoder:
    """An MP3 in memory: `write` the frames of a sound in order, then `finish`."""

    def __init__(self, rate: int, channels: int) -> None:
        import lameenc

        self._lame = lameenc.Encoder()
        self._lame.silence()  # no progress on stdout
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

    version: int  # its bits: 3 for version 1, 2 for 2, 0 for 2.5
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


Peak = tuple[int, int]  # lowest and highest, in hundredths of full scale

_HUNDREDTH: Final = 327.68  # of a 16-bit sample


def waveform(frames: bytes, channels: int, step: int) -> list[list[Peak]]:
    """For each *step* frames of 16-bit PCM the peak of each channel; the last step may be shorter."""
    import numpy

    samples = numpy.frombuffer(frames, "<i2").reshape(-1, channels)
    starts = numpy.arange(0, len(samples), step)
    low, high = (
        numpy.rint(way.reduceat(samples, starts) / _HUNDREDTH).astype(int).tolist()
        for way in (numpy.minimum, numpy.maximum)
    )
    return [list(zip(*both, strict=True)) for both in zip(low, high, strict=True)]


MP3, WAV = "audio/mpeg", "audio/wav"  # media types: RFC 3003, and the usual one in browsers
MP3_RATES: Final = frozenset(RATES)
PEAKS = 240  # values of a drawing: a pixel or two each on a telephone
LOUDEST = 99  # value of the loudest part, unless all is silent
MP3_BYTES_A_SAMPLE = 0.5  # more than any sound took: 0.42 speech over noise in one channel, 0.5 white noise in two
_BLOCK = 1 << 20  # bytes of the stored sound that are encoded at once


def read_blocks(pieces: Iterable[bytes]) -> tuple[Header, Iterator[bytes]]:
    """The header of a stored WAV file that comes in *pieces*, and its frames in blocks of whole frames.

    Nothing follows the frames. Raises SoundError for another file; the blocks raise it for fewer or more frames than
    the header says.
    """
    stream = iter(pieces)
    start = b""
    while len(start) < CANONICAL_LONGEST and (piece := next(stream, b"")):
        start += piece
    located = locate(io.BytesIO(start), 8 + int.from_bytes(start[4:8], "little"))
    return located.header(), _blocks(located.header(), start[located.start :], stream)


def _blocks(header: Header, first: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    left, size = header.data_bytes, _BLOCK // header.frame_bytes * header.frame_bytes
    waiting = bytearray(first)
    for piece in stream:
        waiting += piece
        while len(waiting) >= size and left >= size:
            yield bytes(waiting[:size])
            del waiting[:size]
            left -= size
    if len(waiting) != left + left % 2:  # a pad byte follows an odd number of bytes
        raise SoundError("length_differs")
    if left:
        yield bytes(waiting[:left])


class SoundEncoder:
    """Encodes one sound from its blocks; *channel* is the wanted side of a stereo sound, None the whole sound.

    As MP3 one side becomes one channel. As WAV it stays stereo, with exact zero in the other channel.
    """

    def __init__(self, header: Header, channel: int | None, *, mp3: bool) -> None:
        self.mediatype = MP3 if mp3 else WAV
        self._form = Format(header.encoding, header.rate, header.channels)
        self._channel = channel
        self._peaks = Peaks(header.frames)
        self._mp3 = Encoder(header.rate, header.channels if channel is None else 1) if mp3 else None

    def write(self, block: bytes) -> bytes:
        """Take a block of whole frames; returns its frames for a WAV, and nothing yet for an MP3."""
        sound = as_pcm16(Sound(self._form.encoding, self._form.rate, self._form.channels, block))
        if self._channel is not None and self._mp3 is None:
            sound = keep_channel(sound, self._channel)
        samples = _samples(sound)
        given = samples if self._channel is None else samples[:, self._channel : self._channel + 1]
        self._peaks.add(given)
        if self._mp3 is None:
            return sound.data
        self._mp3.write(given.tobytes())
        return b""

    def finish(self) -> bytes:
        """The whole MP3; empty for a WAV, whose frames `write` returned."""
        return self._mp3.finish() if self._mp3 is not None else b""

    @property
    def peaks(self) -> tuple[int, ...]:
        """The loudness of up to `PEAKS` equal parts of the sound, 0 to `LOUDEST`."""
        return self._peaks.values()


def pcm16_header(header: Header) -> Header:
    """The header of the sound as 16-bit PCM; raises SoundError `too_large`."""
    return replace(header, encoding=Encoding.PCM16)


class Peaks:
    """The loudest sample of each of up to `PEAKS` equal parts of a sound of that many frames."""

    def __init__(self, frames: int) -> None:
        import numpy

        count = min(PEAKS, frames)
        self._ends = numpy.arange(1, count + 1, dtype="i8") * frames // count
        self._loudest = numpy.zeros(count, "i4")
        self._done = 0

    def add(self, samples: numpy.ndarray[Any, Any]) -> None:
        """Take the next frames, as 16-bit samples by channel."""
        import numpy

        loud = numpy.abs(samples.astype("i4")).max(axis=1)
        first = int(numpy.searchsorted(self._ends, self._done, side="right"))
        starts = numpy.concatenate(([0], self._ends[first:] - self._done))
        starts = starts[starts < len(loud)]
        parts = slice(first, first + len(starts))
        self._loudest[parts] = numpy.maximum(self._loudest[parts], numpy.maximum.reduceat(loud, starts))
        self._done += len(loud)

    def values(self) -> tuple[int, ...]:
        """The peaks, scaled to `LOUDEST`; all zero for a silent sound."""
        most = int(self._loudest.max())
        return tuple(int(loud) * LOUDEST // most if most else 0 for loud in self._loudest)


def _samples(sound: Sound) -> numpy.ndarray[Any, Any]:
    import numpy

    samples: numpy.ndarray[Any, Any] = numpy.frombuffer(sound.data, "<i2").reshape(-1, sound.channels)
    return samples
