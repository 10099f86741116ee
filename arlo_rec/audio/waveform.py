"""The waveform of a sound for a drawing: the lowest and the highest sample of each step and channel."""

from __future__ import annotations

from typing import Final

Peak = tuple[int, int]  # lowest and highest, in hundredths of full scale

_HUNDREDTH: Final = 327.68  # of a 16-bit sample


def peaks(frames: bytes, channels: int, step: int) -> list[list[Peak]]:
    """For each *step* frames of 16-bit PCM the peak of each channel; the last step may be shorter."""
    import numpy

    samples = numpy.frombuffer(frames, "<i2").reshape(-1, channels)
    starts = numpy.arange(0, len(samples), step)
    low, high = (
        numpy.rint(way.reduceat(samples, starts) / _HUNDREDTH).astype(int).tolist()
        for way in (numpy.minimum, numpy.maximum)
    )
    return [list(zip(*both, strict=True)) for both in zip(low, high, strict=True)]
