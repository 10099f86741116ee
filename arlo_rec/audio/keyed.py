"""Keys pressed on a telephone, heard in its sound: the pairs of tones that carry menu choices, codes and numbers.

A frame holds a key where one tone of each group stands out, both about as loud, and little else is heard. It finds
what tells a number; it does not judge whether the number was meant for somebody.

Sources: ITU-T Q.23 (the tones), Q.24 (how a receiver tells them; its limits by country are kept on the lenient side,
since a key that is missed stays in the sound).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arlo_rec.audio.activity import pieces
from arlo_rec.audio.forms import Sound

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

LOW = (697, 770, 852, 941)  # Hz
HIGH = (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")  # one row of keys for each low tone
HOPS = 100  # frames a second
FRAME = 0.025  # seconds: half of the shortest tone that keypads are asked for, so two frames lie wholly within
QUIETEST = 10 ** (-50 / 10)  # of full scale: Q.24 has receivers take -29 dBm0 and leave -55
TWIST = 10 ** (9 / 10)  # either group louder: Q.24 has 4 to 8 dB, and lines tilt
APART = 10 ** (6 / 10)  # how much a tone is louder than any other of its group
PURE = 0.52  # of a frame's power in the two tones: speech hardly ever comes to that, and then not for long
FRAMES = 2  # as pure as that in one tone
HELD = 0.25  # of a frame's power: enough before and after those, so that what is louder than a tone hides none of it
MISSING = 2  # frames that a click may take out of a tone: Q.24 joins over 10 ms and parts keys over 40
LONELY = 0.06  # seconds: a single shorter one is speech more often than a key
EDGE = 0.01  # seconds added at both ends: a twisted pair in noise is found late, and its last periods tell it, too
SPREAD = 0.037  # seconds that what is told is longer than the tone, on average


@dataclass(frozen=True, slots=True)
class Tone:
    """One key; seconds from the start of the sound, outwards: the whole tone lies within."""

    channel: int
    start: float
    end: float
    key: str


@dataclass(frozen=True, slots=True)
class Run:
    """Keys that were pressed one after the other; seconds from the start of the sound, outwards."""

    channel: int
    start: float
    end: float
    keys: str


def keyed(sound: Sound) -> list[Tone]:
    """The keys that are heard in *sound*, by start; each channel for itself."""
    import numpy

    found = [numpy.concatenate(frames) for frames in zip(*_keys(sound), strict=True)]
    tones = [tone for channel, frames in enumerate(found) for tone in _tones(channel, frames, sound.duration)]
    return sorted(tones, key=lambda one: (one.start, one.channel))


def runs(tones: Iterable[Tone], gap_s: float = 5.0) -> list[Run]:
    """Tones of one channel joined where at most *gap_s* seconds lie between them; lonely short ones are left out."""
    open_runs: dict[int, Run] = {}
    done: list[Run] = []
    for one in sorted(tones, key=lambda tone: tone.start):
        run = open_runs.get(one.channel)
        if run is not None and one.start - run.end <= gap_s:
            open_runs[one.channel] = Run(one.channel, run.start, max(run.end, one.end), run.keys + one.key)
            continue
        done += [run] if run is not None else []
        open_runs[one.channel] = Run(one.channel, one.start, one.end, one.key)
    kept = [run for run in (*done, *open_runs.values()) if len(run.keys) > 1 or run.end - run.start >= LONELY + SPREAD]
    return sorted(kept, key=lambda run: (run.start, run.channel))


def _keys(sound: Sound) -> Iterator[list[Array]]:
    """For each channel the keys of some frames, block by block: see `_judged`."""
    import numpy

    length = round(FRAME * sound.rate)
    waves = _waves(sound.rate, length)
    rest = numpy.zeros((0, sound.channels), "f4")
    done, behind = 0, 0  # frames that were looked at; samples that were read
    for block in pieces(sound):
        first = behind - len(rest)
        behind += len(block)
        last = behind == sound.frames
        samples = numpy.concatenate([rest, block, numpy.zeros((length if last else 0, sound.channels), "f4")])
        count = math.ceil((behind if last else behind - length) * HOPS / sound.rate)
        starts = numpy.arange(done, max(done, count)) * sound.rate // HOPS - first
        yield [_judged(samples[:, channel], starts, waves) for channel in range(sound.channels)]
        done += len(starts)
        rest = samples[max(0, done * sound.rate // HOPS - first) :]


def _waves(rate: int, length: int) -> Array:
    """Cosines and sines of the eight tones under a Hann window, so that each product is half an amplitude."""
    import numpy

    window = numpy.hanning(length + 2)[1:-1]
    turns = numpy.outer(numpy.arange(length), [2 * math.pi * hz / rate for hz in LOW + HIGH])
    waves = numpy.concatenate([numpy.cos(turns), numpy.sin(turns)], axis=1) * (window / window.sum())[:, None]
    both: Array = numpy.concatenate([waves, window[:, None] / numpy.sqrt((window**2).sum())], axis=1)
    return both.astype("f4")


def _judged(samples: Array, starts: Array, waves: Array) -> Array:
    """The key of each frame of one channel that begins at *starts*: row * 4 + column, 16 more if pure, -1 if none."""
    import numpy

    if not len(starts):
        return numpy.zeros(0, "i1")
    frames = numpy.lib.stride_tricks.sliding_window_view(samples, len(waves))[starts]
    parts = frames @ waves[:, :-1]
    frames *= waves[:, -1]
    total = numpy.einsum("ij,ij->i", frames, frames)
    power = 2 * (parts[:, :8] ** 2 + parts[:, 8:] ** 2)
    low, high = power[:, :4], power[:, 4:]
    row, column = low.argmax(axis=1), high.argmax(axis=1)
    lows, highs = numpy.sort(low, axis=1), numpy.sort(high, axis=1)
    one, other = lows[:, -1], highs[:, -1]
    found = (
        (numpy.minimum(one, other) > QUIETEST)
        & (one < other * TWIST)
        & (other < one * TWIST)
        & (one > lows[:, -2] * APART)
        & (other > highs[:, -2] * APART)
        & (one + other > total * HELD)
    )
    return numpy.where(found, row * 4 + column + 16 * (one + other > total * PURE), -1).astype("i1")


def _tones(channel: int, frames: Array, duration: float) -> Iterator[Tone]:
    """Frames of the same key that follow each other."""
    import numpy

    heard = numpy.flatnonzero(frames >= 0)
    keys, pure = frames[heard] % 16, frames[heard] >= 16
    breaks = numpy.flatnonzero((numpy.diff(heard) > MISSING + 1) | (numpy.diff(keys) != 0)) + 1
    for first, behind in zip([0, *breaks], [*breaks, len(heard)], strict=True):
        if pure[first:behind].sum() >= FRAMES:
            row, column = divmod(int(keys[first]), 4)
            start, end = int(heard[first]) / HOPS - EDGE, int(heard[behind - 1]) / HOPS + FRAME + EDGE
            yield Tone(channel, max(0.0, round(start, 3)), min(round(end, 3), duration), KEYS[row][column])
