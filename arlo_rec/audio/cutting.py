"""Taking stretches out of a sound: what lay there is replaced by a fill, and nothing else is touched.

Inside a cut every sample of the channels that are cut is the fill; outside, every byte is as it was. The fill knows
nothing of what was there: silence, a tone, or noise as loud as the quietest parts of what is left. A cut covers whole
frames, outwards, so that no part of a frame of what was to go is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from arlo_rec.audio.forms import Encoding, Sound
from arlo_rec.audio.sound import as_pcm16, decoded_values

if TYPE_CHECKING:
    import numpy

TONE_HZ = 1000
TONE_LEVEL = 10 ** (-24 / 20)  # of full scale: audible, and not loud
FLOOR_BLOCK = 0.02  # seconds over which loudness is measured
FLOOR_AT_ONCE = 512  # such blocks: ten seconds
FLOOR_SHARE = 0.1  # the quietest tenth of what is left is its floor
_SILENCE = {Encoding.ULAW: b"\xff", Encoding.ALAW: b"\xd5", Encoding.PCM8: b"\x80"}  # zero elsewhere


class Fill(StrEnum):
    """What takes the place of what is cut."""

    SILENCE = "silence"
    TONE = "tone"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds from the start of the sound; None cuts every channel."""

    start: float
    end: float
    channels: tuple[int, ...] | None = None


def cut(sound: Sound, stretches: Iterable[Stretch], fill: Fill, chance: bytes = b"") -> Sound:
    """The same sound with *fill* in all stretches; *chance* (32 bytes) is where noise comes from.

    Raises ValueError for a stretch that is not in the sound.
    """
    going = _merged(frames_of(sound, stretches))
    fillers = _fillers(sound, going, fill, chance)
    whole, done = memoryview(sound.data), 0
    pieces: list[memoryview | bytearray] = []
    for begin, end, members in _spans(going):
        piece = bytearray(whole[begin * sound.frame_bytes : end * sound.frame_bytes])
        for first, behind, channel in members:
            write_channel(piece, sound, first - begin, fillers[channel](first, behind), channel)
        pieces += [whole[done : begin * sound.frame_bytes], piece]
        done = end * sound.frame_bytes
    return replace(sound, data=b"".join([*pieces, whole[done:]]))


def frames_of(sound: Sound, stretches: Iterable[Stretch]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """First frame, frame behind the last, and channels of each stretch."""
    for one in stretches:
        channels = tuple(range(sound.channels)) if one.channels is None else one.channels
        right = all(math.isfinite(at) for at in (one.start, one.end)) and 0 <= one.start < one.end
        if not right or one.start >= sound.duration or not channels or not set(channels) <= set(range(sound.channels)):
            raise ValueError("a stretch that is not in the sound")
        yield int(one.start * sound.rate), min(math.ceil(one.end * sound.rate), sound.frames), channels


def problems(before: Sound, after: Sound, stretches: Sequence[Stretch], fill: Fill, chance: bytes = b"") -> list[str]:
    """In what a copy is not its original with these stretches cut, as codes; empty if in nothing.

    Compared byte by byte: length and form, every byte outside, every sample inside. Only spans that are cut are copied.
    """
    if replace(before, data=after.data) != after:
        return ["form_differs"]
    if len(before.data) != len(after.data):
        return ["length_differs"]
    going = _merged(frames_of(before, stretches))
    fillers = _fillers(before, going, fill, chance)
    old, new, size = memoryview(before.data), memoryview(after.data), before.frame_bytes
    found, done = set(), 0
    for begin, end, members in [*_spans(going), (before.frames, before.frames, [])]:
        if old[done : begin * size] != new[done : begin * size]:
            found.add("outside_differs")
        kept, there = (bytearray(one[begin * size : end * size]) for one in (old, new))
        for first, behind, channel in members:
            filler = fillers[channel](first, behind)
            if _samples(there, before, first - begin, behind - begin, channel) != filler:
                found.add("inside_is_not_the_fill")
            write_channel(kept, before, first - begin, filler, channel)
            write_channel(there, before, first - begin, filler, channel)
        if kept != there:
            found.add("outside_differs")  # of a channel that was not cut there
        done = end * size
    return sorted(found, reverse=True)


def _merged(going: Iterable[tuple[int, int, tuple[int, ...]]]) -> list[tuple[int, int, int]]:
    """First frame, frame behind the last, and channel of what is cut; of one channel nothing overlaps or touches."""
    merged: list[tuple[int, int, int]] = []
    by_channel = sorted((channel, begin, end) for begin, end, channels in going for channel in channels)
    for channel, begin, end in by_channel:
        if merged and merged[-1][2] == channel and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end), channel)
        else:
            merged.append((begin, end, channel))
    return sorted(merged)


def _spans(going: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int, list[tuple[int, int, int]]]]:
    """Frames in which any channel is cut, in order, each once, with what is cut in them."""
    members: list[tuple[int, int, int]] = []
    reached = 0
    for one in going:
        if members and one[0] > reached:
            yield members[0][0], reached, members
            members = []
        members.append(one)
        reached = max(reached, one[1]) if len(members) > 1 else one[1]
    if members:
        yield members[0][0], reached, members


def write_channel(piece: bytearray, sound: Sound, first: int, filler: bytes, channel: int) -> None:
    """Write *filler* into one channel of *piece* from its frame *first* on."""
    width, step = sound.encoding.sample_bytes, sound.frame_bytes
    behind = first + len(filler) // width
    for byte in range(width):
        piece[first * step + channel * width + byte : behind * step : step] = filler[byte::width]


def _samples(piece: bytearray, sound: Sound, first: int, behind: int, channel: int) -> bytes:
    """The samples of one channel of *piece*."""
    width, step = sound.encoding.sample_bytes, sound.frame_bytes
    found = bytearray((behind - first) * width)
    for byte in range(width):
        found[byte::width] = piece[first * step + channel * width + byte : behind * step : step]
    return bytes(found)


def _fillers(sound: Sound, going: Sequence[tuple[int, int, int]], fill: Fill, chance: bytes) -> list[Any]:
    """For each channel what gives the fill of frames [begin, end), as codes of the sound's encoding."""
    if fill is Fill.SILENCE:
        one = _SILENCE.get(sound.encoding, bytes(sound.encoding.sample_bytes))
        return [lambda begin, end: one * (end - begin)] * sound.channels
    if fill is Fill.TONE:
        return [lambda begin, end: encoded(sound.encoding, _tone(begin, end, sound.rate))] * sound.channels
    levels = _floor(sound, going)
    return [
        lambda begin, end, at=channel: encoded(sound.encoding, _noise(begin, end, at, levels[at], chance))
        for channel in range(sound.channels)
    ]


def _tone(begin: int, end: int, rate: int) -> numpy.ndarray[Any, Any]:
    import numpy

    frames = numpy.arange(begin, end)
    wave: numpy.ndarray[Any, Any] = TONE_LEVEL * numpy.sin(2 * math.pi * TONE_HZ / rate * frames)
    return wave


def _noise(begin: int, end: int, channel: int, level: float, chance: bytes) -> numpy.ndarray[Any, Any]:
    import numpy

    seed = [*chance, channel, *begin.to_bytes(8)]
    return numpy.random.default_rng(seed).standard_normal(end - begin) * level


def _floor(sound: Sound, going: Sequence[tuple[int, int, int]]) -> list[float]:
    """How loud the quietest parts of each channel are, of what is not cut in any; full scale is 1."""
    import numpy

    block = max(1, int(FLOOR_BLOCK * sound.rate))
    whole = sound.frames // block
    kept = numpy.ones(whole, bool)
    for begin, end, _ in _spans(going):
        kept[begin // block : -(-end // block)] = False
    loudness = numpy.zeros((whole, sound.channels))
    for first in range(0, whole, FLOOR_AT_ONCE):
        behind = min(whole, first + FLOOR_AT_ONCE)
        part = replace(sound, data=sound.data[first * block * sound.frame_bytes : behind * block * sound.frame_bytes])
        samples = numpy.frombuffer(as_pcm16(part).data, "<i2").reshape(-1, block, sound.channels) / 32768
        loudness[first:behind] = numpy.sqrt((samples**2).mean(axis=1))
    left = loudness[kept]
    return [
        float(numpy.quantile(left[:, channel], FLOOR_SHARE)) if len(left) else 0.0 for channel in range(sound.channels)
    ]


def encoded(encoding: Encoding, samples: numpy.ndarray[Any, Any]) -> bytes:
    """Samples of full scale 1 as codes."""
    import numpy

    held = numpy.clip(samples, -1.0, 1.0)
    if encoding in (Encoding.FLOAT32, Encoding.FLOAT64):
        return bytes(held.astype("<f4" if encoding is Encoding.FLOAT32 else "<f8").tobytes())
    wide = numpy.clip(numpy.rint(held * 32768), -32768, 32767).astype("<i4")
    if encoding in (Encoding.ULAW, Encoding.ALAW, Encoding.PCM8):
        return _nearest(encoding, wide)
    if encoding is Encoding.PCM16:
        return bytes(wide.astype("<i2").tobytes())
    whole = (wide << 16).astype("<i4").tobytes()
    if encoding is Encoding.PCM32:
        return bytes(whole)
    three = bytearray(len(whole) // 4 * 3)
    for byte in range(3):
        three[byte::3] = whole[byte + 1 :: 4]
    return bytes(three)


def _nearest(encoding: Encoding, wide: numpy.ndarray[Any, Any]) -> bytes:
    """The 8-bit code whose value lies nearest to each sample."""
    import numpy

    values = numpy.array(decoded_values(encoding))
    order = numpy.argsort(values, kind="stable")
    middles = (values[order][1:] + values[order][:-1]) / 2
    return bytes(order[numpy.searchsorted(middles, wide)].astype("u1").tobytes())
