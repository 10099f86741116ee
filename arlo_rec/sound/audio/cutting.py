"""Cut stretches out of a sound: replace their samples by a fill, and change nothing else.

Inside a cut every sample of the channels that are cut is the fill; outside, every byte stays. The fill does not depend
on the replaced samples: silence, a tone, or noise as loud as the quietest parts of the rest. At both edges it fades in
from the value of the nearest sample that stays, so that no edge clicks. A cut is rounded outwards to whole frames.
Callers decide where to cut. Internally a cut is (first frame, frame after the last, channel).
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from arlo_rec.sound.audio.formats import Encoding, Sound
from arlo_rec.sound.audio.sound import as_pcm16, decoded_values

if TYPE_CHECKING:
    import numpy

TONE_HZ = 1000
TONE_LEVEL = 10 ** (-24 / 20)  # of full scale: audible, and not loud
FADE = 0.005  # seconds; measured: a step at the edge of a vowel is heard as a click, half a cosine of 5 ms is not
FLOOR_BLOCK = 0.02  # seconds over which loudness is measured
FLOOR_AT_ONCE = 512  # such blocks decoded at once: ten seconds
FLOOR_SHARE = 0.1  # quantile: the quietest tenth of the uncut sound is its noise floor
_SILENCE = {Encoding.ULAW: b"\xff", Encoding.ALAW: b"\xd5", Encoding.PCM8: b"\x80"}  # zero elsewhere


class Fill(StrEnum):
    """The samples that replace those of a cut."""

    SILENCE = "silence"
    TONE = "tone"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span to cut, in seconds from the start of the sound; None means every channel."""

    start: float
    end: float
    channels: tuple[int, ...] | None = None


def cut(sound: Sound, stretches: Iterable[Stretch], fill: Fill, chance: bytes = b"", fade: float = FADE) -> Sound:
    """Return the sound with *fill* in all stretches; *chance* (32 random bytes) seeds the noise.

    The fill fades in over *fade* seconds from each edge.
    Beside the two sounds, only one cut at a time is in memory. Raises ValueError for a stretch outside the sound.
    """
    cuts = _merge(_to_frames(sound, stretches))
    fillers = _make_fillers(sound, cuts, fill, chance, fade)
    data, copied, made = memoryview(sound.data), 0, io.BytesIO()
    made.seek(max(0, len(data) - 1))
    made.write(bytes(min(1, len(data))))  # allocate at once: a growing buffer takes more than it needs
    made.seek(0)
    for begin, end, members in _group_spans(cuts):
        piece = bytearray(data[begin * sound.frame_bytes : end * sound.frame_bytes])
        for first, behind, channel in members:
            _write_channel(piece, sound, first - begin, fillers[channel](first, behind), channel)
        made.write(data[copied : begin * sound.frame_bytes])
        made.write(piece)
        copied = end * sound.frame_bytes
    made.write(data[copied:])
    return replace(sound, data=made.getvalue())


def _to_frames(sound: Sound, stretches: Iterable[Stretch]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield first frame, frame after the last, and channels of each stretch; raises ValueError for one outside."""
    for stretch in stretches:
        channels = tuple(range(sound.channels)) if stretch.channels is None else stretch.channels
        finite = math.isfinite(stretch.start) and math.isfinite(stretch.end)
        within = finite and 0 <= stretch.start < stretch.end and stretch.start < sound.duration
        if not within or not channels or not set(channels) <= set(range(sound.channels)):
            raise ValueError("a stretch that is not in the sound")
        yield int(stretch.start * sound.rate), min(math.ceil(stretch.end * sound.rate), sound.frames), channels


def find_problems(
    before: Sound,
    after: Sound,
    stretches: Sequence[Stretch],
    fill: Fill,
    chance: bytes = b"",
    fade: float = FADE,
) -> list[str]:
    """Compare *after* with *before* cut at these stretches; returns the differences as codes.

    The comparison is byte by byte: length and format, every byte outside, every sample inside. Only cuts are copied.
    """
    if replace(before, data=after.data) != after:
        return ["form_differs"]
    if len(before.data) != len(after.data):
        return ["length_differs"]
    cuts = _merge(_to_frames(before, stretches))
    fillers = _make_fillers(before, cuts, fill, chance, fade)
    old, new, size = memoryview(before.data), memoryview(after.data), before.frame_bytes
    codes, compared = set(), 0
    for begin, end, members in [*_group_spans(cuts), (before.frames, before.frames, [])]:
        if old[compared : begin * size] != new[compared : begin * size]:
            codes.add("outside_differs")
        expected, copied = (bytearray(view[begin * size : end * size]) for view in (old, new))
        for first, behind, channel in members:
            filler = fillers[channel](first, behind)
            if _read_channel(copied, before, first - begin, behind - begin, channel) != filler:
                codes.add("inside_is_not_the_fill")
            _write_channel(expected, before, first - begin, filler, channel)
            _write_channel(copied, before, first - begin, filler, channel)
        if expected != copied:
            codes.add("outside_differs")  # of an uncut channel
        compared = end * size
    return sorted(codes, reverse=True)


def _merge(stretches: Iterable[tuple[int, int, tuple[int, ...]]]) -> list[tuple[int, int, int]]:
    """Merge overlapping and touching stretches of each channel into cuts, sorted by first frame."""
    merged: list[tuple[int, int, int]] = []
    by_channel = sorted((channel, begin, end) for begin, end, channels in stretches for channel in channels)
    for channel, begin, end in by_channel:
        if merged and merged[-1][2] == channel and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end), channel)
        else:
            merged.append((begin, end, channel))
    return sorted(merged)


def _group_spans(cuts: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int, list[tuple[int, int, int]]]]:
    """Group overlapping cuts of all channels; yield first frame, frame after the last, and the cuts of each group."""
    members: list[tuple[int, int, int]] = []
    end = 0
    for span in cuts:
        if members and span[0] > end:
            yield members[0][0], end, members
            members = []
        members.append(span)
        end = max(end, span[1]) if len(members) > 1 else span[1]
    if members:
        yield members[0][0], end, members


def _write_channel(piece: bytearray, sound: Sound, first: int, filler: bytes, channel: int) -> None:
    """Write *filler* into one channel of *piece* from its frame *first* on."""
    width, step = sound.encoding.sample_bytes, sound.frame_bytes
    end = first + len(filler) // width
    for byte in range(width):
        piece[first * step + channel * width + byte : end * step : step] = filler[byte::width]


def _read_channel(piece: bytearray, sound: Sound, first: int, end: int, channel: int) -> bytes:
    """The bytes of one channel's samples of *piece*, from frame *first* to before *end*."""
    width, step = sound.encoding.sample_bytes, sound.frame_bytes
    samples = bytearray((end - first) * width)
    for byte in range(width):
        samples[byte::width] = piece[first * step + channel * width + byte : end * step : step]
    return bytes(samples)


def _make_fillers(
    sound: Sound, cuts: Sequence[tuple[int, int, int]], fill: Fill, chance: bytes, fade: float
) -> list[Callable[[int, int], bytes]]:
    """Return for each channel a function that makes the fill of frames [begin, end), in the sound's encoding."""
    levels = _measure_floor(sound, cuts) if fill is Fill.NOISE else [0.0] * sound.channels

    def make(channel: int, begin: int, end: int) -> bytes:
        rise = _make_rise(min(math.ceil(fade * sound.rate), (end - begin) // 2))
        reach, falls = len(rise), 1 - rise
        head, tail = _value_at(sound, begin - 1, channel) * falls, _value_at(sound, end, channel) * falls[::-1]
        if fill is Fill.SILENCE:
            code = _SILENCE.get(sound.encoding, bytes(sound.encoding.sample_bytes))
            return encode(sound.encoding, head) + code * (end - begin - 2 * reach) + encode(sound.encoding, tail)
        if fill is Fill.TONE:
            wave = _make_tone(end - begin, sound.rate)
        else:
            wave = _make_noise(begin, end, channel, levels[channel], chance)
        wave[:reach] = wave[:reach] * rise + head
        wave[end - begin - reach :] = wave[end - begin - reach :] * rise[::-1] + tail
        return encode(sound.encoding, wave)

    return [partial(make, channel) for channel in range(sound.channels)]


def _make_rise(frames: int) -> numpy.ndarray[Any, Any]:
    """Half a cosine from 0 to nearly 1."""
    import numpy

    return (1 - numpy.cos(math.pi * numpy.arange(frames) / max(1, frames))) / 2


def _value_at(sound: Sound, frame: int, channel: int) -> float:
    """The value of a sample, full scale 1; zero outside the sound."""
    if not 0 <= frame < sound.frames:
        return 0.0
    one = replace(sound, data=sound.data[frame * sound.frame_bytes : (frame + 1) * sound.frame_bytes])
    at = channel * 2
    return int.from_bytes(as_pcm16(one).data[at : at + 2], "little", signed=True) / 32768


def _make_tone(frames: int, rate: int) -> numpy.ndarray[Any, Any]:
    import numpy

    wave: numpy.ndarray[Any, Any] = TONE_LEVEL * numpy.sin(2 * math.pi * TONE_HZ / rate * numpy.arange(frames))
    return wave


def _make_noise(begin: int, end: int, channel: int, level: float, chance: bytes) -> numpy.ndarray[Any, Any]:
    import numpy

    seed = [*chance, channel, *begin.to_bytes(8)]
    return numpy.random.default_rng(seed).standard_normal(end - begin) * level


def _measure_floor(sound: Sound, cuts: Sequence[tuple[int, int, int]]) -> list[float]:
    """The noise floor (RMS, full scale 1) of each channel, from blocks in which no channel is cut."""
    import numpy

    block = max(1, int(FLOOR_BLOCK * sound.rate))
    count = sound.frames // block
    kept = numpy.ones(count, bool)
    for begin, end, _ in _group_spans(cuts):
        kept[begin // block : -(-end // block)] = False
    loudness = numpy.zeros((count, sound.channels))
    for first in range(0, count, FLOOR_AT_ONCE):
        behind = min(count, first + FLOOR_AT_ONCE)
        part = replace(sound, data=sound.data[first * block * sound.frame_bytes : behind * block * sound.frame_bytes])
        samples = numpy.frombuffer(as_pcm16(part).data, "<i2").reshape(-1, block, sound.channels) / 32768
        loudness[first:behind] = numpy.sqrt((samples**2).mean(axis=1))
    uncut = loudness[kept]
    return [
        float(numpy.quantile(uncut[:, channel], FLOOR_SHARE)) if len(uncut) else 0.0
        for channel in range(sound.channels)
    ]


def encode(encoding: Encoding, samples: numpy.ndarray[Any, Any]) -> bytes:
    """Encode samples of full scale 1; louder ones are clipped."""
    import numpy

    clipped = numpy.clip(samples, -1.0, 1.0)
    if encoding in (Encoding.FLOAT32, Encoding.FLOAT64):
        return bytes(clipped.astype("<f4" if encoding is Encoding.FLOAT32 else "<f8").tobytes())
    integers = numpy.clip(numpy.rint(clipped * 32768), -32768, 32767).astype("<i4")
    if encoding in (Encoding.ULAW, Encoding.ALAW, Encoding.PCM8):
        return _encode_nearest(encoding, integers)
    if encoding is Encoding.PCM16:
        return bytes(integers.astype("<i2").tobytes())
    four = (integers << 16).astype("<i4").tobytes()
    if encoding is Encoding.PCM32:
        return bytes(four)
    packed = bytearray(len(four) // 4 * 3)
    for byte in range(3):
        packed[byte::3] = four[byte + 1 :: 4]
    return bytes(packed)


def _encode_nearest(encoding: Encoding, integers: numpy.ndarray[Any, Any]) -> bytes:
    """The 8-bit code whose value lies nearest to each sample."""
    import numpy

    values = numpy.array(decoded_values(encoding))
    order = numpy.lexsort((-numpy.arange(len(values)), values))  # of mu-law's two zeros that of silence
    middles = (values[order][1:] + values[order][:-1]) / 2
    return bytes(order[numpy.searchsorted(middles, integers)].astype("u1").tobytes())
