"""Detect DTMF, the pairs of tones by which telephone keys send menu choices, codes and numbers.

A frame holds a key where one tone of each group dominates its group, both have about the same level, and little else
is in the frame. Whether a key sequence identifies somebody is not judged here: `speech.planner` cuts all of them.

Sources: ITU-T Q.23 (the tones), Q.24 (receivers; of its limits by country the lenient ones are used, since a key that
is missed stays in the sound).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arlo_rec.audio.activity import read_blocks
from arlo_rec.audio.formats import Sound

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

LOW = (697, 770, 852, 941)  # Hz
HIGH = (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")  # one row for each low tone, one column for each high tone
HOPS = 100  # frames a second
FRAME = 0.025  # seconds: half of the shortest tone that keypads must send, so that two frames lie wholly within it
QUIETEST = 10 ** (-50 / 10)  # power relative to full scale: Q.24 has receivers accept -29 dBm0 and reject -55
# Power ratio of the groups, either way. Q.24 has 4 to 8 dB; and a high tone that is 1.5 % off, which Q.24 has receivers
# accept, is 0.6 of the spacing of a frame's frequencies away: a Hann window shows it 2.1 dB too weak
TWIST = 10 ** (10.5 / 10)
APART = 10 ** (6 / 10)  # power ratio of a tone to any other tone of its group
PURE = 0.52  # share of a frame's power in the two tones: speech rarely reaches it, and never for long
FRAMES = 2  # fewest frames of that purity in a key
HELD = 0.25  # share of a frame's power that extends a key before and after those, where speech overlaps the tone
MISSING = 2  # frames that a click may remove from a tone: Q.24 bridges 10 ms and separates keys after 40
LONELY = 0.06  # seconds: a single shorter tone is speech more often than a key
EDGE = 0.01  # seconds added at both ends: a tone with twist in noise is detected late, and its remainder is audible
SPREAD = 0.037  # seconds by which a detected tone is longer than the real one, on average


@dataclass(frozen=True, slots=True)
class Tone:
    """One key press; seconds from the start of the sound, rounded outwards so that the whole tone lies within."""

    channel: int
    start: float
    end: float
    key: str


@dataclass(frozen=True, slots=True)
class Run:
    """A sequence of key presses on one channel; seconds from the start of the sound, rounded outwards."""

    channel: int
    start: float
    end: float
    keys: str


def detect_keys(sound: Sound) -> list[Tone]:
    """Detect the keys in each channel of *sound*; sorted by start."""
    import numpy

    by_channel = [numpy.concatenate(frames) for frames in zip(*_classify_blocks(sound), strict=True)]
    tones = [
        tone for channel, frames in enumerate(by_channel) for tone in _join_frames(channel, frames, sound.duration)
    ]
    return sorted(tones, key=lambda tone: (tone.start, tone.channel))


def join_keys(tones: Iterable[Tone], gap_s: float = 5.0) -> list[Run]:
    """Join tones of one channel that are at most *gap_s* seconds apart; single short ones are dropped as speech."""
    open_runs: dict[int, Run] = {}
    done: list[Run] = []
    for tone in sorted(tones, key=lambda tone: tone.start):
        run = open_runs.get(tone.channel)
        if run is not None and tone.start - run.end <= gap_s:
            open_runs[tone.channel] = Run(tone.channel, run.start, max(run.end, tone.end), run.keys + tone.key)
            continue
        done += [run] if run is not None else []
        open_runs[tone.channel] = Run(tone.channel, tone.start, tone.end, tone.key)
    kept = [run for run in (*done, *open_runs.values()) if len(run.keys) > 1 or run.end - run.start >= LONELY + SPREAD]
    return sorted(kept, key=lambda run: (run.start, run.channel))


def _classify_blocks(sound: Sound) -> Iterator[list[Array]]:
    """Yield for each block, per channel, the keys of its frames as `_classify_frames` encodes them."""
    import numpy

    length = round(FRAME * sound.rate)
    waves = _make_waves(sound.rate, length)
    rest = numpy.zeros((0, sound.channels), "f4")
    done, behind = 0, 0  # frames classified so far; samples read so far
    for block in read_blocks(sound):
        first = behind - len(rest)
        behind += len(block)
        last = behind == sound.frames
        samples = numpy.concatenate([rest, block, numpy.zeros((length if last else 0, sound.channels), "f4")])
        count = math.ceil((behind if last else behind - length) * HOPS / sound.rate)
        starts = numpy.arange(done, max(done, count)) * sound.rate // HOPS - first
        yield [_classify_frames(samples[:, channel], starts, waves) for channel in range(sound.channels)]
        done += len(starts)
        rest = samples[max(0, done * sound.rate // HOPS - first) :]


def _make_waves(rate: int, length: int) -> Array:
    """Cosines and sines of the eight tones, Hann-windowed and scaled to half an amplitude; last column: the window."""
    import numpy

    window = numpy.hanning(length + 2)[1:-1]
    turns = numpy.outer(numpy.arange(length), [2 * math.pi * hz / rate for hz in LOW + HIGH])
    waves = numpy.concatenate([numpy.cos(turns), numpy.sin(turns)], axis=1) * (window / window.sum())[:, None]
    both: Array = numpy.concatenate([waves, window[:, None] / numpy.sqrt((window**2).sum())], axis=1)
    return both.astype("f4")


def _classify_frames(samples: Array, starts: Array, waves: Array) -> Array:
    """The key of each frame of one channel that begins at *starts*: row * 4 + column, plus 16 if pure; -1 for none."""
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
    low_power, high_power = lows[:, -1], highs[:, -1]
    is_key = (
        (numpy.minimum(low_power, high_power) > QUIETEST)
        & (low_power < high_power * TWIST)
        & (high_power < low_power * TWIST)
        & (low_power > lows[:, -2] * APART)
        & (high_power > highs[:, -2] * APART)
        & (low_power + high_power > total * HELD)
    )
    return numpy.where(is_key, row * 4 + column + 16 * (low_power + high_power > total * PURE), -1).astype("i1")


def _join_frames(channel: int, frames: Array, duration: float) -> Iterator[Tone]:
    """Yield a tone for each run of frames of the same key."""
    import numpy

    keyed_frames = numpy.flatnonzero(frames >= 0)
    keys, pure = frames[keyed_frames] % 16, frames[keyed_frames] >= 16
    breaks = numpy.flatnonzero((numpy.diff(keyed_frames) > MISSING + 1) | (numpy.diff(keys) != 0)) + 1
    for first, stop in zip([0, *breaks], [*breaks, len(keyed_frames)], strict=True):
        if pure[first:stop].sum() >= FRAMES:
            row, column = divmod(int(keys[first]), 4)
            start, end = int(keyed_frames[first]) / HOPS - EDGE, int(keyed_frames[stop - 1]) / HOPS + FRAME + EDGE
            yield Tone(channel, max(0.0, round(start, 3)), min(round(end, 3), duration), KEYS[row][column])
