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
    going = list(frames_of(sound, stretches))
    data = bytearray(sound.data)
    fillers = _fillers(sound, going, fill, chance)
    for begin, end, channels in going:
        for channel in channels:
            _replace(data, sound, begin, end, channel, fillers)
    return replace(sound, data=bytes(data))


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

    Made anew and compared: length and form, every byte outside, every sample inside.
    """
    if replace(before, data=after.data) != after:
        return ["form_differs"]
    if len(before.data) != len(after.data):
        return ["length_differs"]
    mask = _mask(before, frames_of(before, stretches))
    inside, outside = mask, mask.translate(_NOT)
    found = [] if _masked(before.data, outside) == _masked(after.data, outside) else ["outside_differs"]
    right = cut(before, stretches, fill, chance)
    return found + ([] if _masked(right.data, inside) == _masked(after.data, inside) else ["inside_is_not_the_fill"])


_NOT = bytes([255 - value for value in range(256)])


def _mask(sound: Sound, going: Iterable[tuple[int, int, tuple[int, ...]]]) -> bytes:
    """255 for every byte that a cut covers, 0 for the others."""
    width = sound.encoding.sample_bytes
    mask = bytearray(len(sound.data))
    for begin, end, channels in going:
        for channel in channels:
            for byte in range(width):
                first = begin * sound.frame_bytes + channel * width + byte
                mask[first : end * sound.frame_bytes : sound.frame_bytes] = b"\xff" * (end - begin)
    return bytes(mask)


def _masked(data: bytes, mask: bytes) -> bytes:
    import numpy

    return bytes((numpy.frombuffer(data, "u1") & numpy.frombuffer(mask, "u1")).tobytes())


def _replace(data: bytearray, sound: Sound, begin: int, end: int, channel: int, fillers: Sequence[Any]) -> None:
    width, step = sound.encoding.sample_bytes, sound.frame_bytes
    filler: bytes = fillers[channel](begin, end)
    for byte in range(width):
        first = begin * step + channel * width + byte
        data[first : end * step : step] = filler[byte::width]


def _fillers(sound: Sound, going: Sequence[tuple[int, int, tuple[int, ...]]], fill: Fill, chance: bytes) -> list[Any]:
    """For each channel what gives the fill of frames [begin, end), as codes of the sound's encoding."""
    if fill is Fill.SILENCE:
        one = _SILENCE.get(sound.encoding, bytes(sound.encoding.sample_bytes))
        return [lambda begin, end: one * (end - begin)] * sound.channels
    if fill is Fill.TONE:
        return [lambda begin, end: _encoded(sound.encoding, _tone(begin, end, sound.rate))] * sound.channels
    levels = _floor(sound, going)
    return [
        lambda begin, end, at=channel: _encoded(sound.encoding, _noise(begin, end, at, levels[at], chance))
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


def _floor(sound: Sound, going: Sequence[tuple[int, int, tuple[int, ...]]]) -> list[float]:
    """How loud the quietest parts of each channel are, of what is not cut; full scale is 1."""
    import numpy

    samples = numpy.frombuffer(as_pcm16(sound).data, "<i2").reshape(-1, sound.channels) / 32768
    left = numpy.ones(sound.frames, bool)
    for begin, end, _ in going:
        left[begin:end] = False
    block = max(1, int(FLOOR_BLOCK * sound.rate))
    levels = []
    for channel in range(sound.channels):
        kept = samples[left, channel]
        blocks = kept[: len(kept) // block * block].reshape(-1, block)
        loudness = numpy.sqrt((blocks**2).mean(axis=1)) if len(blocks) else numpy.zeros(1)
        levels.append(float(numpy.quantile(loudness, FLOOR_SHARE)))
    return levels


def _encoded(encoding: Encoding, samples: numpy.ndarray[Any, Any]) -> bytes:
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
