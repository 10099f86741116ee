"""Join two mono sounds, the legs of one call, to a stereo sound block by block.

An exchange that writes a file for each side begins both at the same time, so frames are paired from the first on. The
shorter leg is followed by silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from arlo_rec.law.model.errors import SoundError
from arlo_rec.sound.audio.formats import Encoding, Header
from arlo_rec.sound.audio.sound_file import BLOCK, Fed, SoundFile

_SILENCE: Final = {Encoding.PCM8: b"\x80", Encoding.ULAW: b"\xff", Encoding.ALAW: b"\xd5"}  # G.711: the smallest value


class _Unfed:
    """A hash that nobody asks for."""

    def update(self, piece: bytes, /) -> None:
        """Forget a piece."""


@dataclass(frozen=True, slots=True)
class JoinedLegs:
    """Two mono sounds as one: the first is channel 0, the second channel 1; see `sound_file.SoundFile`."""

    header: Header
    legs: tuple[SoundFile, SoundFile]

    def frames(self, identity: Fed) -> Iterator[bytes]:
        """Yield all frames; see `SoundFile`."""
        self.identify(identity)
        width = self.header.encoding.sample_bytes
        first, second = (self._padded(leg) for leg in self.legs)
        for one, other in zip(first, second, strict=True):
            both = bytearray(2 * len(one))
            for byte in range(width):
                both[byte :: 2 * width] = one[byte::width]
                both[width + byte :: 2 * width] = other[byte::width]
            yield bytes(both)

    def identify(self, identity: Fed) -> None:
        """Feed the length of both legs, then both; see `SoundFile`."""
        identity.update(b"legs\0%d\0%d\0" % tuple(leg.header.frames for leg in self.legs))
        for leg in self.legs:
            leg.identify(identity)

    def _padded(self, leg: SoundFile) -> Iterator[bytes]:
        """Yield a leg in blocks of one size, with silence up to the length of the longer."""
        width, waiting = self.header.encoding.sample_bytes, bytearray()
        silence = _SILENCE.get(self.header.encoding, b"\0" * width)
        left = self.header.frames * width
        for piece in leg.frames(_Unfed()):
            waiting += piece
            while len(waiting) >= _LEG_BLOCK:
                yield bytes(waiting[:_LEG_BLOCK])
                left -= _LEG_BLOCK
                del waiting[:_LEG_BLOCK]
        while left > 0:
            more = min(_LEG_BLOCK, left) - len(waiting)
            yield bytes(waiting) + silence * (more // width)
            left -= _LEG_BLOCK
            waiting.clear()


_LEG_BLOCK: Final = BLOCK // 2  # bytes; whole frames of every encoding


def join_legs(first: SoundFile, second: SoundFile) -> SoundFile:
    """One stereo sound of two mono ones; raises SoundError `legs` where they are not mono, or not alike."""
    forms = {(leg.header.encoding, leg.header.rate, leg.header.channels) for leg in (first, second)}
    if len(forms) != 1 or first.header.channels != 1:
        raise SoundError("legs")
    longest = max(first.header.frames, second.header.frames)
    return JoinedLegs(Header(first.header.encoding, first.header.rate, 2, longest), (first, second))
