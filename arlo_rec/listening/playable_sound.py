"""A stored sound as a file that every browser plays, made piece by piece as it is asked for, and its waveform.

Nothing is written anywhere. A chunk of the object that was changed is heard as silence, and told; the rest is whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from arlo_rec.audio import encoding
from arlo_rec.audio.formats import Encoding, Header, Sound
from arlo_rec.audio.riff import CANONICAL_LONGEST, canonical_header, locate
from arlo_rec.audio.sound import as_pcm16
from arlo_rec.crypto.object_file import SeekableSound
from arlo_rec.crypto.primitives import CHUNK
from arlo_rec.model.errors import Integrity
from arlo_rec.model.spans import Span, united

STEP: Final = 0.1  # seconds of a value of the waveform: 72,000 values in two hours
_BLOCK: Final = 64 * CHUNK  # bytes of the stored sound that are looked at together for the waveform
_SILENCE: Final = {Encoding.ULAW: b"\xff", Encoding.ALAW: b"\xd5", Encoding.PCM8: b"\x80"}  # of other encodings: zero


class PlayableSound:
    """A 16-bit PCM WAV file of known size. A reader is for one thread."""

    def __init__(self, stored: SeekableSound) -> None:
        """Read the stored sound's header; raises Integrity where it is damaged, and SoundError where it is none."""
        first = stored.read(0, min(CANONICAL_LONGEST, stored.size))
        located = locate(io.BytesIO(first), stored.size)
        self._stored, self._start = stored, located.start
        self.header = located.header()
        self._head = canonical_header(
            Header(Encoding.PCM16, self.header.rate, self.header.channels, self.header.frames)
        )
        self._silence = _SILENCE.get(self.header.encoding, b"\0")
        self._wide = 2 * self.header.channels  # bytes of a frame of the file that is made
        self.damaged: set[int] = set()  # chunks that could not be read
        self.size = len(self._head) + self._wide * self.header.frames

    def read(self, start: int, stop: int) -> bytes:
        """The bytes of the file from *start* up to *stop*; raises ValueError outside 0 to `size`."""
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"{start} to {stop} of {self.size} bytes")
        head = self._head[start:stop]
        first, last = max(0, start - len(self._head)), stop - len(self._head)
        if last <= first:
            return head
        frames = self.frames(first // self._wide, -(-last // self._wide))
        skipped = first // self._wide * self._wide
        return head + frames[first - skipped : last - skipped]

    def frames(self, first: int, behind: int) -> bytes:
        """The frames from *first* up to *behind*, as 16-bit PCM."""
        header = self.header
        data = self._bytes(self._start + first * header.frame_bytes, self._start + behind * header.frame_bytes)
        return as_pcm16(Sound(header.encoding, header.rate, header.channels, data)).data

    def seconds_of(self, start: int, stop: int) -> Span:
        """What of the sound is in the bytes of the file from *start* up to *stop*."""
        first, last = (max(0, place - len(self._head)) / self._wide / self.header.rate for place in (start, stop))
        return first, last

    def damaged_spans(self) -> list[Span]:
        """What was found damaged so far."""
        rate = self.header.frame_bytes * self.header.rate
        places = (chunk * CHUNK - self._start for chunk in self.damaged)
        return united((max(0.0, place / rate), (place + CHUNK) / rate) for place in places)

    def _bytes(self, start: int, stop: int) -> bytes:
        """Bytes of the stored sound, with silence for chunks that were changed."""
        try:
            return self._stored.read(start, stop)
        except Integrity:
            return b"".join(self._chunks(start, stop))

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        for chunk in range(start // CHUNK, -(-stop // CHUNK)):
            begin, end = max(start, chunk * CHUNK), min(stop, (chunk + 1) * CHUNK)
            try:
                yield self._stored.read(begin, end)
            except Integrity:
                self.damaged.add(chunk)
                yield self._silence * (end - begin)


@dataclass(slots=True)
class Waveform:
    """The peaks of each STEP; it grows while the sound is read."""

    peaks: list[list[encoding.Peak]] = field(default_factory=list)
    damaged: list[Span] = field(default_factory=list)
    is_whole: bool = False

    def read(self, sound: PlayableSound) -> Iterator[None]:
        """Look through a sound; yields after each block, so that whoever asked can stop."""
        header = sound.header
        step = max(1, round(STEP * header.rate))
        block = max(1, _BLOCK // header.frame_bytes // step) * step
        for first in range(0, header.frames, block):
            data = sound.frames(first, min(first + block, header.frames))
            self.peaks += encoding.waveform(data, header.channels, step)
            self.damaged = sound.damaged_spans()
            yield
        self.is_whole = True
