"""Define the sound formats that are accepted: encodings, sample rates, channels, lengths, and their limits."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from arlo_rec.law.model.errors import SoundError

MAX_DATA = 2**31 - 64  # bytes: players keep sizes in signed 32 bits, header included; 37 h of stereo G.711
RATE_LOWEST = 8_000  # Hz: narrowband telephony
RATE_HIGHEST = 48_000  # Hz: the widest that Opus and WebRTC deliver


class Encoding(StrEnum):
    """The encoding of a sample in a stored sound; integers of more than 8 bits are signed, all little-endian."""

    PCM8 = "pcm8"
    PCM16 = "pcm16"
    PCM24 = "pcm24"
    PCM32 = "pcm32"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    ULAW = "ulaw"
    ALAW = "alaw"

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of one channel."""
        return SAMPLE_BYTES[self]


SAMPLE_BYTES: Final = {
    Encoding.PCM8: 1,
    Encoding.PCM16: 2,
    Encoding.PCM24: 3,
    Encoding.PCM32: 4,
    Encoding.FLOAT32: 4,
    Encoding.FLOAT64: 8,
    Encoding.ULAW: 1,
    Encoding.ALAW: 1,
}


@dataclass(frozen=True, slots=True)
class Format:
    """Encoding, sample rate in Hz and channels (1 or 2). Raises SoundError `channels` or `rate` for any other."""

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
    """The format and length in frames of a sound whose samples are not read. Raises SoundError as a Sound does."""

    frames: int

    def __post_init__(self) -> None:
        Format.__post_init__(self)
        check_length(self, self.frames * self.frame_bytes)

    @property
    def data_bytes(self) -> int:
        """Bytes of all frames."""
        return self.frames * self.frame_bytes

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.rate

    def without_start(self, frames: int) -> Header:
        """The header without the first *frames* of the sound; raises SoundError `nothing_left` if none remain."""
        if frames < 0:
            raise ValueError("a sound has no frames before its first")
        if frames >= self.frames:
            raise SoundError("nothing_left")
        return Header(self.encoding, self.rate, self.channels, self.frames - frames)


@dataclass(frozen=True, slots=True)
class Sound(Format):
    """A sound in memory: at least one whole frame; `data` holds the encoded samples, interleaved, as delivered.

    The constructor raises SoundError, so every Sound that exists can be written and read again.
    """

    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        Format.__post_init__(self)  # not super(): a dataclass with slots is a new class, which super() misses
        check_length(self, len(self.data))

    @property
    def frames(self) -> int:
        """The number of frames, that is of samples of each channel."""
        return len(self.data) // self.frame_bytes

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.rate


def check_length(form: Format, length: int) -> None:
    """Raise SoundError where *length* bytes are no frame, no whole number of frames, or more than `MAX_DATA`."""
    if length == 0:
        raise SoundError("no_frames")
    if length > MAX_DATA:
        raise SoundError("too_large", found=length)
    if length % form.frame_bytes:
        raise SoundError("half_frame")


def frames_before(seconds: Fraction, rate: int) -> int:
    """The number of frames that begin before *seconds* at *rate* Hz: exact, never negative.

    The rest of the sound holds nothing from before that moment, not even part of a frame.
    """
    return max(0, math.ceil(seconds * rate))
