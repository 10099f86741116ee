"""Where somebody speaks in a sound, and how loud each hundredth of a second is, per channel.

By energy alone, against a floor of noise that follows the channel: what is louder than the floor for long enough is
speech, and so is a cough. A steady tone or hum becomes the floor; music that somebody waits through is speech here.
In stereo, what one channel leaks into the other is told from speech by how constant the leak is.

It decides nothing about what was said and cuts nothing. It works in blocks, so an hour costs little more memory than
the hour itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from arlo_rec.audio.forms import Sound
from arlo_rec.audio.sound import as_pcm16

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

STEP = 0.01  # seconds
BLOCK = 10  # seconds decoded at once: whole seconds hold whole steps at every rate
QUIETEST = -90.0  # dBFS: below the last of 16 bits
DIGITAL = -75.0  # dBFS: quieter than any line; a switch that sends nothing, which tells nothing of the noise
SMOOTH = 5  # steps over which power is averaged: a hundredth of a second of noise varies by 3 dB either way
FLOOR_SMOOTH = 20  # steps: no syllable lasts so long at its quietest
FLOOR_BLOCK = 50  # steps of which the quietest is kept
FLOOR_REACH = 12  # such blocks on either side: in twelve seconds somebody breathes
OPENS = 5.0  # dB above the floor
HOLDS = 2.5  # dB above the floor
SHORTEST = 0.06  # seconds: a plosive is as long
HANG_OVER = 0.06  # seconds: sounds fade below the floor before they end
PAUSE = 0.30  # seconds: shorter ones belong to the phrase
LEAK_BELOW = 15.0  # dB: leaks of -24 to -30 dB were met
LEAK_SPREAD = 6.0  # dB between the quartiles: a leak is constant; two who speak at once are not
LEAK_MARGIN = 6.0  # dB
LEAK_STEPS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """What `activity` found: arrays of channels x steps; step n begins at n * STEP seconds."""

    speech: Array  # bool
    level: Array  # float32, dBFS

    @property
    def anyone(self) -> Array:
        """Steps in which any channel has speech."""
        import numpy

        speech: Array = numpy.logical_or.reduce(self.speech, axis=0)
        return speech


def activity(sound: Sound) -> Activity:
    """Speech and level of every channel of *sound*, of any length, encoding and rate."""
    import numpy

    power = numpy.concatenate(list(_powers(sound)), axis=1)
    smooth = _decibels(_averaged(power, SMOOTH))
    shut = _averaged(power < 10 ** (DIGITAL / 10), FLOOR_SMOOTH) > 0
    quiet = numpy.where(shut, numpy.inf, _decibels(_averaged(power, FLOOR_SMOOTH)))
    floor = numpy.stack([_floor(channel) for channel in quiet])
    above = smooth - floor
    for channel in range(len(above)):
        if len(above) == 2:
            above[channel][_leaked(above[channel], smooth[channel], smooth[1 - channel])] = 0.0
    return Activity(numpy.stack([_speech(channel) for channel in above]), _decibels(power))


def stretches(mask: Array) -> list[tuple[float, float]]:
    """Start and end in seconds of each run of true steps of one channel."""
    return [(round(first * STEP, 2), round(behind * STEP, 2)) for first, behind in _runs(mask)]


def covered(steps: int, spans: Iterable[tuple[float, float]]) -> Array:
    """A mask of *steps*, true wherever one of *spans* (start and end in seconds) lies; the reverse of `stretches`."""
    import numpy

    edges = numpy.zeros(steps + 1, "i4")
    for start, end in spans:
        first = min(max(round(start / STEP), 0), steps)
        edges[first] += 1
        edges[min(max(round(end / STEP), first), steps)] -= 1
    mask: Array = numpy.cumsum(edges)[:steps] > 0
    return mask


def pieces(sound: Sound, seconds: int = BLOCK) -> Iterator[Array]:
    """The samples, *seconds* at a time, as float32 of full scale 1: frames x channels."""
    import numpy

    length = seconds * sound.rate * sound.frame_bytes
    for start in range(0, len(sound.data), length):
        block = as_pcm16(replace(sound, data=sound.data[start : start + length])).data
        yield numpy.frombuffer(block, "<i2").reshape(-1, sound.channels).astype("f4") / numpy.float32(32768)


def _powers(sound: Sound) -> Iterator[Array]:
    """Mean power of each step around its mean, since some lines have an offset: channels x steps, in blocks."""
    import numpy

    for block in pieces(sound):
        steps = math.ceil(len(block) / (sound.rate * STEP) - 1e-9)
        starts = (numpy.arange(steps) * sound.rate // 100).astype("i8")
        counts = numpy.diff(numpy.append(starts, len(block)))[:, None]
        mean = numpy.add.reduceat(block, starts, axis=0) / counts
        power = numpy.add.reduceat(block * block, starts, axis=0) / counts - mean * mean
        yield numpy.maximum(power, 0).T.astype("f4")


def _decibels(power: Array) -> Array:
    import numpy

    level: Array = 10 * numpy.log10(numpy.maximum(power, 10 ** (QUIETEST / 10)))
    return level.astype("f4")


def _averaged(power: Array, width: int) -> Array:
    """A moving average around each step, of what there is at the ends."""
    import numpy

    steps = power.shape[1]
    total = numpy.concatenate([numpy.zeros((len(power), 1)), numpy.cumsum(power, axis=1, dtype="f8")], axis=1)
    first = numpy.maximum(numpy.arange(steps) - width // 2, 0)
    behind = numpy.minimum(numpy.arange(steps) - width // 2 + width, steps)
    mean: Array = (total[:, behind] - total[:, first]) / (behind - first)
    return mean


def _floor(level: Array) -> Array:
    """The noise of one channel in dBFS, step by step: the quietest of some seconds; infinite *level* tells nothing."""
    import numpy

    blocks = math.ceil(len(level) / FLOOR_BLOCK)
    padded = numpy.pad(level, (0, blocks * FLOOR_BLOCK - len(level)), constant_values=numpy.inf)
    lowest = padded.reshape(blocks, FLOOR_BLOCK).min(axis=1)
    around = numpy.pad(lowest, FLOOR_REACH, constant_values=numpy.inf)
    floor = numpy.lib.stride_tricks.sliding_window_view(around, 2 * FLOOR_REACH + 1).min(axis=1)
    return numpy.repeat(numpy.where(numpy.isfinite(floor), floor, DIGITAL), FLOOR_BLOCK)[: len(level)]


def _leaked(above: Array, own: Array, other: Array) -> Array:
    """Steps of a channel that hold no more than the *other* one's sound, a constant distance below it."""
    import numpy

    below = own - other
    far = below < -LEAK_BELOW
    heard = below[far & (above > OPENS)]
    if len(heard) < LEAK_STEPS:
        return numpy.zeros(len(own), bool)
    low, middle, high = numpy.quantile(heard, [0.25, 0.5, 0.75])
    leaked: Array = far & (below < middle + LEAK_MARGIN) if high - low < LEAK_SPREAD else numpy.zeros(len(own), bool)
    return leaked


def _speech(above: Array) -> Array:
    """From decibels above the floor to speech: opened, held, widened, and pauses filled."""
    import numpy

    opened = above > OPENS
    found = numpy.zeros(len(above), bool)
    hang, last = round(HANG_OVER / STEP), -len(above)
    for first, behind in _runs(above > HOLDS):
        if behind - first < round(SHORTEST / STEP) or not opened[first:behind].any():
            continue
        start = max(0, first - hang)
        found[last if start - last < round(PAUSE / STEP) else start : behind + hang] = True
        last = behind + hang
    return found


def _runs(mask: Array) -> list[tuple[int, int]]:
    """First step and step behind the last of each run of true ones."""
    import numpy

    edges = numpy.flatnonzero(numpy.diff(numpy.concatenate([[False], mask, [False]]).astype("i1")))
    return [(int(first), int(behind)) for first, behind in edges.reshape(-1, 2)]
