"""Sounds as recorders write them that gate: digital silence wherever nobody speaks, and the rest evened out."""

from __future__ import annotations

import numpy

from arlo_rec.sound.audio import Sound
from arlo_rec.sound.audio.activity import detect_activity
from tests.support.given_calls import Array, made, samples

WINDOW = 0.03  # seconds over which the gate measures
LEVEL = 0.1  # of full scale: to which speech is evened


def gated(sound: Sound, below: float = 25.0, even: float = 0.0) -> Sound:
    """Zeros outside speech and where it is more than *below* dB under its loudest; else evened over *even* seconds."""
    whole, speech = samples(sound), detect_activity(sound).speech
    channels = [
        _gated(whole[:, channel], _per_sample(speech[channel], sound), sound.rate, below, even)
        for channel in range(sound.channels)
    ]
    return made(numpy.clip(numpy.stack(channels, axis=1), -0.99, 0.99), sound.rate, sound.encoding)


def _gated(line: Array, speech: Array, rate: int, below: float, even: float) -> Array:
    level = 10 * numpy.log10(_mean(line**2, WINDOW, rate) + 1e-12)
    opens = speech & (level > numpy.quantile(level[speech], 0.9) - below) if speech.any() else speech
    if even:
        power = _mean(numpy.where(opens, line**2, 0.0), even, rate) / numpy.maximum(_mean(opens, even, rate), 1e-3)
        line = line / (numpy.sqrt(power) + 1e-5) * LEVEL
    return numpy.where(opens, line, 0.0)


def _mean(values: Array, seconds: float, rate: int) -> Array:
    width = int(seconds * rate)
    return numpy.convolve(values, numpy.ones(width) / width, "same")


def _per_sample(speech: Array, sound: Sound) -> Array:
    mask = numpy.repeat(speech, sound.rate // 100)[: sound.frames]
    return numpy.pad(mask, (0, sound.frames - len(mask)))
