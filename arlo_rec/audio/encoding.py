"""Turn a stored sound into a file for a person: MP3 by default, or WAV, block by block and on a thread of its own.

The caller reads the stored sound, because keys and the store belong to one thread; a `SoundEncoder` takes its blocks,
picks the channel, and keeps the loudness for a drawing. LAME lets go of Python's lock while it encodes (`mp3`). Nothing
is written to a disk.

MP3 of variable bitrate, LAME -V 2: some 25 kbit/s for one side of a call at 8000 Hz. Decoders cut off the delay
of 1105 samples and the padding by the tag: the length is the stored sound's to the sample, and nothing is shifted.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from arlo_rec.audio.formats import Encoding, Format, Header, Sound
from arlo_rec.audio.mp3 import RATES, Encoder
from arlo_rec.audio.riff import CANONICAL_LONGEST, locate
from arlo_rec.audio.sound import as_pcm16, keep_channel
from arlo_rec.model.errors import SoundError

if TYPE_CHECKING:
    import numpy

MP3, WAV = "audio/mpeg", "audio/wav"  # media types: RFC 3003, and what every browser takes for the other
MP3_RATES: Final = frozenset(RATES)
PEAKS = 240  # values of a drawing: a pixel or two each on a telephone
LOUDEST = 99  # the value of the loudest part of a sound that is not silent
MP3_BYTES_A_SAMPLE = 0.5  # more than any sound took: 0.42 speech over noise in one channel, 0.5 white noise in two
_BLOCK = 1 << 20  # bytes of the stored sound that are encoded at once


def read_blocks(pieces: Iterable[bytes]) -> tuple[Header, Iterator[bytes]]:
    """The header of a stored WAV file that comes in *pieces*, and its frames in blocks of whole frames.

    Nothing follows the frames. Raises SoundError for another file, and the blocks where there are fewer or more frames
    than the header says.
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
    """Encodes one sound from its blocks; *channel* is the side of a stereo sound that is given, None the whole sound.

    As MP3 one side becomes one channel. As WAV it stays stereo, with exact zero in the other channel.
    """

    def __init__(self, header: Header, channel: int | None, *, mp3: bool) -> None:
        self.mediatype = MP3 if mp3 else WAV
        self._form = Format(header.encoding, header.rate, header.channels)
        self._channel = channel
        self._peaks = Peaks(header.frames)
        self._mp3 = Encoder(header.rate, header.channels if channel is None else 1) if mp3 else None

    def write(self, block: bytes) -> bytes:
        """Take a block of whole frames; returns its frames as they are in a WAV, and nothing yet of an MP3."""
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
        """The whole MP3; nothing of a WAV, whose frames were returned block by block."""
        return self._mp3.finish() if self._mp3 is not None else b""

    @property
    def peaks(self) -> tuple[int, ...]:
        """The loudness of up to `PEAKS` equal parts of what was given, 0 to `LOUDEST`."""
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
        """All of them, where the loudest is `LOUDEST`; all zero for a silent sound."""
        most = int(self._loudest.max())
        return tuple(int(loud) * LOUDEST // most if most else 0 for loud in self._loudest)


def _samples(sound: Sound) -> numpy.ndarray[Any, Any]:
    import numpy

    samples: numpy.ndarray[Any, Any] = numpy.frombuffer(sound.data, "<i2").reshape(-1, sound.channels)
    return samples
