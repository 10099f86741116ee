"""Detect voice activity and measure the level of each channel, in steps of 10 ms.

Detection is by energy, against an adaptive noise floor per channel: sound that is louder than the floor for long enough
counts as speech, even a cough. A steady tone or hum becomes the floor; music on hold counts as speech. In stereo,
cross-talk from the other channel is told from speech by its constant attenuation.

Some recorders write digital silence between speech and level the rest, which leaves only speech to measure a floor
from. Around digital silence a floor counts only where the sound keeps still for half a second far beneath the loudest.
Or all of it must be as quiet as a line; without a floor, all sound but digital silence counts as speech.

DTMF is found too: pairs of tones by which telephone keys send menu choices, codes and numbers. A frame holds a key
where one tone of each group dominates its group. Both must have about the same level, with little else in the frame.
Key sequences are not judged: `words.planner` cuts all of them. Sources: ITU-T Q.23 (the tones), Q.24 (receivers; of
its limits by country the lenient ones are used, since a key that is missed stays in the sound).

It recognises no words and cuts nothing. It works in blocks, so an hour takes little more memory than its samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from arlo_rec.sound.audio.formats import Sound
from arlo_rec.sound.audio.sound import as_pcm16

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
FLOOR_REACH = 12  # such blocks on either side: within twelve seconds a speaker breathes
STILL = 3.0  # dB: the largest change of a line
BELOW = 15.0  # dB below the loudest around it: a floor beneath speech
LINE = -42.0  # dBFS: a line without speech is quieter
LONG, MOSTLY = 0.2, 0.9  # least share of time that a line is on, and of that in which it keeps still
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
    return Activity(
        numpy.stack([_detect_speech(*channel) for channel in zip(above, silent, strict=True)]), _to_decibels(power)
    )


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
    """Noise floor of one channel in dBFS for each step: the minimum over 12 s, where it counts."""
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
    """The lowest still level around each block of *level*; infinite where that is no floor."""
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


LOW = (697, 770, 852, 941)  # Hz
HIGH = (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")  # one row for each low tone, one column for each high tone
HOPS = 100  # frames a second
FRAME = 0.025  # seconds: half of the shortest tone that keypads must send, so that two frames lie wholly within it
QUIETEST_KEY = 10 ** (-50 / 10)  # power relative to full scale: Q.24 has receivers accept -29 dBm0 and reject -55
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
        (numpy.minimum(low_power, high_power) > QUIETEST_KEY)
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
