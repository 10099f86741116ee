"""Resample one channel of 16-bit PCM to the sample rate of speech engines, block by block.

Each block is transformed by FFT, and the frequencies below both Nyquist limits are transformed back at the other rate:
exact for ratios such as 160/441, without images above the old band or aliases from above the new one. Blocks overlap by
more than the filter's ringing, so that no seams are audible or measurable.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from arlo_rec.audio.formats import RATE_HIGHEST, RATE_LOWEST

if TYPE_CHECKING:
    import numpy

ENGINE_RATE = 16_000  # Hz: what Whisper and Silero were trained on
BLOCK = 1 << 16  # samples that a block contributes, about
GUARD = 1 << 11  # samples discarded on each side of a block: at least 43 ms, 32 periods of the filter's slope
FLAT = 0.925  # share of the narrower band that passes unchanged: 3.7 of 4 kHz, above a telephone's band


def resample(samples: bytes, rate: int) -> bytes:
    """Resample one channel of 16-bit PCM from *rate* Hz to 16 kHz; its length is rounded up to a whole sample.

    Raises ValueError for a rate that is not accepted, or half a sample.
    """
    import numpy

    if not RATE_LOWEST <= rate <= RATE_HIGHEST or len(samples) % 2:
        raise ValueError("not 16-bit PCM of a rate that is taken")
    if rate == ENGINE_RATE:
        return samples
    divisor = math.gcd(rate, ENGINE_RATE)
    up, down = ENGINE_RATE // divisor, rate // divisor
    guard = -(-GUARD // down)  # in steps of *down* samples, which are *up* samples afterwards
    block = 2 * guard + -(-BLOCK // down)
    source = numpy.frombuffer(samples, "<i2")
    output = numpy.empty(-(-len(source) * up // down), "<i2")
    for start in range(0, len(source), (block - 2 * guard) * down):
        first = start - guard * down
        piece = numpy.zeros(block * down, "f4")
        samples_in = source[max(0, first) : first + block * down]
        piece[max(0, -first) : max(0, -first) + len(samples_in)] = samples_in
        resampled = _resample_block(piece, block * up)[guard * up : (block - guard) * up]
        position = start // down * up
        output[position : position + len(resampled)] = resampled[: len(output) - position]
    return output.tobytes()


def _resample_block(piece: numpy.ndarray[Any, Any], length: int) -> numpy.ndarray[Any, Any]:
    """Resample a block to *length* samples, rounded and clipped to 16 bits."""
    import numpy

    carried = min(len(piece), length) // 2 + 1  # frequencies below both Nyquist limits
    slope = numpy.clip((numpy.arange(carried, dtype="f4") / (carried - 1) - FLAT) / (1 - FLAT), 0, 1)
    spectrum = numpy.zeros(length // 2 + 1, "c8")
    spectrum[:carried] = numpy.fft.rfft(piece)[:carried] * (0.5 + 0.5 * numpy.cos(math.pi * slope))
    wave = numpy.fft.irfft(spectrum, length) * (length / len(piece))
    return numpy.clip(numpy.rint(wave), -32768, 32767)
