"""Detect voice activity and measure the level of each channel, in steps of 10 ms.

By energy alone, against an adaptive noise floor per channel: what is louder than the floor for long enough counts as
speech, and so does a cough. A steady tone or hum becomes the floor; music on hold counts as speech. In stereo,
cross-talk from the other channel is told from speech by its constant attenuation.

Some recorders write digital silence wherever nobody speaks, and even the level of the rest, so that speech itself is
all that a floor could be taken from. Around digital silence a floor is believed only where the sound keeps still for
half a second far beneath the loudest, or where all of it is as quiet as a line; where there is none, whatever is not
digital silence counts as speech.

It recognises no words and cuts nothing. It works in blocks, so an hour takes little more memory than its samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from arlo_rec.audio.formats import Sound
from arlo_rec.audio.sound import as_pcm16

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

STEP = 0.01  # seconds
BLOCK = 10  # seconds decoded at once: whole seconds hold whole steps at every rate
QUIETEST = -90.0  # dBFS: below the last of 16 bits
DIGITAL = -75.0  # dBFS: quieter than any line; digital silence of a switch, which is no measure of the noise
SMOOTH = 5  # steps over which power is averaged: 10 ms of noise vary by 3 dB either way
FLOOR_SMOOTH = 20  # steps: longer than the quietest part of any syllable
FLOOR_BLOCK = 50  # steps of which the minimum is kept
FLOOR_REACH = 12  # such blocks on either side: within twelve seconds somebody breathes
STILL = 3.0  # dB: a line keeps within
BELOW = 15.0  # dB below the loudest around it: a floor beneath speech
LINE = -42.0  # dBFS: a line without speech is quieter
LONG, MOSTLY = 0.2, 0.9  # share of the time that such a line is on, and of that in which it keeps still
OPENS = 5.0  # dB above the floor: speech must reach it
HOLDS = 2.5  # dB above the floor: speech lasts while it is above
SHORTEST = 0.06  # seconds of speech: a plosive is as long
HANG_OVER = 0.06  # seconds added to both ends: sounds fade below the floor before they end
PAUSE = 0.30  # seconds: shorter pauses belong to the phrase
LEAK_BELOW = 15.0  # dB below the other channel: cross-talk of -24 to -30 dB was measured
LEAK_SPREAD = 6.0  # dB between the quartiles: cross-talk is constant; two people who speak at once are not
LEAK_MARGIN = 6.0  # dB above the median that still counts as cross-talk
LEAK_STEPS = 50  # fewest steps from which cross-talk is estimated


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """Speech and level as arrays of shape (channels, steps); step n begins at n * STEP seconds."""

    speech: Array  # bool
    level: Array  # float32, dBFS

    @property
    def anyone(self) -> Array:
        """Steps in which any channel has speech."""
        import numpy

        speech: Array = numpy.logical_or.reduce(self.speech, axis=0)
        return speech


def detect_activity(sound: Sound) -> Activity:
    """Detect speech and measure the level of every channel of *sound*, of any length, encoding and sample rate."""
    import numpy

    power = numpy.concatenate(list(_measure_power(sound)), axis=1)
    smooth = _to_decibels(_average(power, SMOOTH))
    above = smooth - numpy.stack([_floor_of(channel) for channel in power])
    silent = power < 10 ** (DIGITAL / 10)
    for channel in range(len(above)):
        if len(above) == 2:
            above[channel][_find_leaks(above[channel], smooth[channel], smooth[1 - channel])] = 0.0
    return Activity(numpy.stack([_detect_speech(*one) for one in zip(above, silent, strict=True)]), _to_decibels(power))


def find_spans(mask: Array) -> list[tuple[float, float]]:
    """Start and end in seconds of each run of true steps in the mask of one channel."""
    return [(round(first * STEP, 2), round(end * STEP, 2)) for first, end in _find_runs(mask)]


def mask_spans(steps: int, spans: Iterable[tuple[float, float]]) -> Array:
    """A mask of *steps*, true wherever one of *spans* (start and end in seconds) lies; the reverse of `find_spans`."""
    import numpy

    edges = numpy.zeros(steps + 1, "i4")
    for start, end in spans:
        first = min(max(round(start / STEP), 0), steps)
        edges[first] += 1
        edges[min(max(round(end / STEP), first), steps)] -= 1
    mask: Array = numpy.cumsum(edges)[:steps] > 0
    return mask


def read_blocks(sound: Sound, seconds: int = BLOCK) -> Iterator[Array]:
    """Yield the samples, *seconds* at a time, as float32 arrays of shape (frames, channels), full scale 1."""
    import numpy

    length = seconds * sound.rate * sound.frame_bytes
    for start in range(0, len(sound.data), length):
        block = as_pcm16(replace(sound, data=sound.data[start : start + length])).data
        yield numpy.frombuffer(block, "<i2").reshape(-1, sound.channels).astype("f4") / numpy.float32(32768)


def _measure_power(sound: Sound) -> Iterator[Array]:
    """Yield in blocks the variance of each step, without DC offset: arrays of shape (channels, steps)."""
    import numpy

    for block in read_blocks(sound):
        steps = math.ceil(len(block) / (sound.rate * STEP) - 1e-9)
        starts = (numpy.arange(steps) * sound.rate // 100).astype("i8")
        counts = numpy.diff(numpy.append(starts, len(block)))[:, None]
        mean = numpy.add.reduceat(block, starts, axis=0) / counts
        power = numpy.add.reduceat(block * block, starts, axis=0) / counts - mean * mean
        yield numpy.maximum(power, 0).T.astype("f4")


def _to_decibels(power: Array) -> Array:
    import numpy

    level: Array = 10 * numpy.log10(numpy.maximum(power, 10 ** (QUIETEST / 10)))
    return level.astype("f4")


def _average(power: Array, width: int) -> Array:
    """Moving average centred on each step, over fewer steps at both ends."""
    import numpy

    steps = power.shape[1]
    total = numpy.concatenate([numpy.zeros((len(power), 1)), numpy.cumsum(power, axis=1, dtype="f8")], axis=1)
    first = numpy.maximum(numpy.arange(steps) - width // 2, 0)
    behind = numpy.minimum(numpy.arange(steps) - width // 2 + width, steps)
    mean: Array = (total[:, behind] - total[:, first]) / (behind - first)
    return mean


def _floor_of(power: Array) -> Array:
    """The noise floor of one channel in dBFS for each step: the minimum over 12 s, as far as it is believed."""
    import numpy

    steps, blocks = len(power), math.ceil(len(power) / FLOOR_BLOCK)
    shut = _average(power[None] < 10 ** (DIGITAL / 10), FLOOR_SMOOTH)[0] > 0
    level = numpy.where(shut, numpy.inf, _to_decibels(_average(power[None], FLOOR_SMOOTH)[0]))
    beyond = blocks * FLOOR_BLOCK - steps
    level = numpy.pad(level, (0, beyond), constant_values=numpy.inf).reshape(blocks, FLOOR_BLOCK)
    floor = _minimum_around(level.min(axis=1))
    if shut.any():
        shuts = numpy.logical_or.reduce(numpy.pad(shut, (0, beyond)).reshape(blocks, FLOOR_BLOCK), axis=1)
        floor = numpy.where(_average(shuts[None], 2 * FLOOR_REACH + 1)[0] > 0, _believed_floor(level), floor)
    return numpy.repeat(numpy.where(numpy.isfinite(floor), floor, DIGITAL), FLOOR_BLOCK)[:steps]


def _believed_floor(level: Array) -> Array:
    """For each block of *level* the lowest around it that keeps still; infinite where that is no floor."""
    import numpy

    lowest, whole = level.min(axis=1), numpy.isfinite(level).all(axis=1)
    loudest = numpy.where(numpy.isfinite(level), level, -numpy.inf).max(axis=1)
    still = whole & (loudest - lowest < STILL)
    floor = _minimum_around(numpy.where(still, lowest, numpy.inf))
    most = -_minimum_around(-loudest)
    on, kept = _average(numpy.stack([whole, still]), 2 * FLOOR_REACH + 1)
    is_line = (most < LINE) & (on >= LONG) & (kept >= MOSTLY * on)
    return numpy.where((most - floor >= BELOW) | is_line, floor, numpy.inf)


def _minimum_around(values: Array) -> Array:
    """The minimum over `FLOOR_REACH` blocks on either side."""
    import numpy

    around = numpy.pad(values, FLOOR_REACH, constant_values=numpy.inf)
    minimum: Array = numpy.lib.stride_tricks.sliding_window_view(around, 2 * FLOOR_REACH + 1).min(axis=1)
    return minimum


def _find_leaks(above: Array, own: Array, other: Array) -> Array:
    """Steps of a channel that hold only cross-talk of the *other* one, at a constant attenuation."""
    import numpy

    below = own - other
    far = below < -LEAK_BELOW
    leak_levels = below[far & (above > OPENS)]
    if len(leak_levels) < LEAK_STEPS:
        return numpy.zeros(len(own), bool)
    low, middle, high = numpy.quantile(leak_levels, [0.25, 0.5, 0.75])
    leaked: Array = far & (below < middle + LEAK_MARGIN) if high - low < LEAK_SPREAD else numpy.zeros(len(own), bool)
    return leaked


def _detect_speech(above: Array, silent: Array) -> Array:
    """Turn dB above the floor into a mask of speech: threshold with hysteresis, hang-over, short pauses filled.

    Nothing fades in *silent* steps, which are digital silence: there is no hang-over.
    """
    import numpy

    above_threshold = above > OPENS
    speech = numpy.zeros(len(above), bool)
    hang, reached = round(HANG_OVER / STEP), -len(above)
    for first, end in _find_runs(above > HOLDS):
        if end - first < round(SHORTEST / STEP) or not above_threshold[first:end].any():
            continue
        start = max(0, first - hang) if not silent[max(0, first - hang)] else first
        behind = end + hang if not silent[min(end + hang, len(silent)) - 1] else end
        speech[reached if start - reached < round(PAUSE / STEP) else start : behind] = True
        reached = behind
    return speech


def _find_runs(mask: Array) -> list[tuple[int, int]]:
    """First step, and the step after the last, of each run of true steps."""
    import numpy

    edges = numpy.flatnonzero(numpy.diff(numpy.concatenate([[False], mask, [False]]).astype("i1")))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]
