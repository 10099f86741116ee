"""Bringing one channel to the rate that speech engines hear: 16-bit PCM in, 16-bit PCM out, block by block.

Each block is taken apart into its frequencies, and those that both rates can carry are put together at the other
rate: exact for ratios such as 160/441, no images above the old band, no aliases from above the new one. Blocks
overlap by more than the filter rings, so their seams cannot be found.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from arlo_rec.audio.formats import RATE_HIGHEST, RATE_LOWEST

if TYPE_CHECKING:
    import numpy

HEARD = 16_000  # Hz: what Whisper and Silero were trained on
BLOCK = 1 << 16  # samples that a block brings, about
GUARD = 1 << 11  # samples on each side of a block that are thrown away: at least 43 ms, 32 periods of the slope
FLAT = 0.925  # of the narrower band is passed as it is: 3.7 of 4 kHz, where a telephone's band has ended


def to_heard(samples: bytes, rate: int) -> bytes:
    """One channel of 16-bit PCM at *rate*, at 16 kHz; as long as it was, to the sample that covers its end.

    Raises ValueError for a rate that we do not take, or half a sample.
    """
    import numpy

    if not RATE_LOWEST <= rate <= RATE_HIGHEST or len(samples) % 2:
        raise ValueError("not 16-bit PCM of a rate that is taken")
    if rate == HEARD:
        return samples
    shared = math.gcd(rate, HEARD)
    up, down = HEARD // shared, rate // shared
    guard = -(-GUARD // down)  # in steps of *down* samples, which are *up* samples afterwards
    block = 2 * guard + -(-BLOCK // down)
    taken = numpy.frombuffer(samples, "<i2")
    heard = numpy.empty(-(-len(taken) * up // down), "<i2")
    for begin in range(0, len(taken), (block - 2 * guard) * down):
        first = begin - guard * down
        piece = numpy.zeros(block * down, "f4")
        held = taken[max(0, first) : first + block * down]
        piece[max(0, -first) : max(0, -first) + len(held)] = held
        ready = _at_other_rate(piece, block * up)[guard * up : (block - guard) * up]
        at = begin // down * up
        heard[at : at + len(ready)] = ready[: len(heard) - at]
    return heard.tobytes()


def _at_other_rate(piece: numpy.ndarray[Any, Any], length: int) -> numpy.ndarray[Any, Any]:
    """The same stretch of sound in *length* samples, rounded to 16 bits and held to them."""
    import numpy

    carried = min(len(piece), length) // 2 + 1  # frequencies below both Nyquist limits
    slope = numpy.clip((numpy.arange(carried, dtype="f4") / (carried - 1) - FLAT) / (1 - FLAT), 0, 1)
    spectrum = numpy.zeros(length // 2 + 1, "c8")
    spectrum[:carried] = numpy.fft.rfft(piece)[:carried] * (0.5 + 0.5 * numpy.cos(math.pi * slope))
    wave = numpy.fft.irfft(spectrum, length) * (length / len(piece))
    return numpy.clip(numpy.rint(wave), -32768, 32767)
