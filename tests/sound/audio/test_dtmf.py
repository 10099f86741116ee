"""Every key that was pressed is found whole, however loud, short, tilted or covered it is, and speech presses none."""

from __future__ import annotations

import math
from typing import Any

import numpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arlo_rec.sound.audio import Encoding, Sound
from arlo_rec.sound.audio.activity import HIGH, KEYS, LOW, Run, Tone, detect_keys, join_keys
from tests.support.given_calls import CALLS, call, made, samples, truth
from tests.support.properties import examples
from tests.support.sounds import tone as noise_at_full_scale

ALL = "".join(KEYS)
FORMS = [(Encoding.ULAW, 8000), (Encoding.ALAW, 8000), (Encoding.PCM16, 11_025), (Encoding.PCM16, 48_000)]
REACH = 0.06  # seconds that a tone may be told longer than it is: at each end three quarters of a frame, and EDGE
Array = numpy.ndarray[Any, Any]
Pressed = list[tuple[str, float, float]]


def pair(key: str, seconds: float, rate: int, *, level: float = -20, twist: float = 0, off: float = 0) -> Array:
    """Both tones of *key*, *level* dBFS together where neither is louder by *twist* dB, *off* their frequency."""
    row = next(at for at, keys in enumerate(KEYS) if key in keys)
    at = 2 * math.pi / rate * (1 + off) * numpy.arange(round(seconds * rate))
    low, high = numpy.sin(LOW[row] * at + 1), numpy.sin(HIGH[KEYS[row].index(key)] * at + 2)
    both: Array = 10 ** (level / 20) * (10 ** (-twist / 40) * low + 10 ** (twist / 40) * high)
    return both


def dialled(count: int, rate: int, *, shortest: float = 0.05, longest: float = 0.12, **more: float) -> Any:
    """All keys in turn, of 50 to 120 ms and as far apart; what was pressed when, and the frames."""
    chance = numpy.random.default_rng(7)
    parts, pressed, at = [numpy.zeros(rate // 5)], [], rate // 5
    for number in range(count):
        tone = pair(ALL[number % 16], chance.uniform(shortest, longest), rate, **more)
        pressed.append((ALL[number % 16], at / rate, (at + len(tone)) / rate))
        parts += [tone, numpy.zeros(round(chance.uniform(0.05, 0.12) * rate))]
        at += len(tone) + len(parts[-1])
    return pressed, numpy.concatenate(parts)


def noise_for(frames: Array, below: float) -> Array:
    """Noise that is *below* dB quieter than tones at -20 dBFS."""
    return numpy.random.default_rng(3).standard_normal(len(frames)) * 10 ** ((-20 - below) / 20)


def whole(tones: list[Tone], pressed: Pressed) -> int:
    """How many of the keys were found, from before their start to behind their end, and not much longer."""
    return sum(
        any(
            tone.key == key and tone.start <= start and tone.end >= end and tone.end - tone.start < end - start + REACH
            for tone in tones
        )
        for key, start, end in pressed
    )


def one_channel(frames: Array, rate: int = 8000, encoding: Encoding = Encoding.ULAW) -> Sound:
    return made(frames[:, None], rate, encoding)


@pytest.mark.parametrize(("encoding", "rate"), FORMS)
def test_keys_are_found_whole_in_noise_of_15_dB_in_every_form(encoding: Encoding, rate: int) -> None:
    pressed, frames = dialled(320, rate)
    tones = detect_keys(one_channel(frames + noise_for(frames, 15), rate, encoding))
    assert whole(tones, pressed) >= 0.99 * len(pressed)
    assert len(tones) == len(pressed)


def test_what_is_found_in_loud_noise_is_found_whole() -> None:
    pressed, frames = dialled(320, 8000)
    assert whole(detect_keys(one_channel(frames + noise_for(frames, 4))), pressed) >= 0.99 * len(pressed)


def test_keys_are_found_below_speech() -> None:
    pressed, frames = dialled(320, 8000)
    speech = samples(call(2))[: 8000 * 60, 0]
    speech = speech[numpy.repeat(truth(2)[0][:6000], 80)]  # nobody pauses
    speech = numpy.resize(speech / numpy.sqrt((speech**2).mean()), len(frames))
    for below in (12, 6):
        tones = detect_keys(one_channel(frames + speech * 10 ** ((-20 - below) / 20)))
        assert whole(tones, pressed) >= 0.99 * len(pressed), below


@pytest.mark.slow
def test_speech_presses_no_keys() -> None:
    tones = [detect_keys(call(number)) for number in CALLS]
    assert sum(map(len, tones)) <= 2, "in eleven minutes of it, some of them with two channels"
    assert not any(map(join_keys, tones))


@examples(60)
@example(key="3", seconds=0.5, start=0.2890625, rate=8000, level=-8.0, twist=-8.0, off=0.013671875)
@example(key="D", seconds=0.2, start=0.0, rate=11_025, level=-8.0, twist=-8.0, off=0.015)
@example(key="C", seconds=0.089, start=0.1, rate=8000, level=-15.0, twist=-8.0, off=0.015)
@given(
    key=st.sampled_from(ALL),
    seconds=st.floats(0.05, 0.5),
    start=st.floats(0, 0.3),
    rate=st.sampled_from([8000, 11_025, 16_000, 44_100, 48_000]),
    level=st.floats(-40, -8),
    twist=st.floats(-8, 8),
    off=st.floats(-0.015, 0.015),
)
def test_any_key_of_any_keypad_is_found(
    key: str, seconds: float, start: float, rate: int, level: float, twist: float, off: float
) -> None:
    tone = pair(key, seconds, rate, level=level, twist=twist, off=off)
    before = round(start * rate)
    frames = numpy.concatenate([numpy.zeros(before), tone, numpy.zeros(rate // 10)])
    frames += numpy.random.default_rng(5).standard_normal(len(frames)) * 10 ** ((level - 20) / 20)
    (detected,) = detect_keys(one_channel(frames, rate, Encoding.PCM16))
    assert detected.key == key
    assert whole([detected], [(key, before / rate, (before + len(tone)) / rate)])


@pytest.mark.parametrize("off", [-0.035, 0.035])
def test_tones_beside_those_of_keys_are_none(off: float) -> None:
    assert detect_keys(one_channel(dialled(32, 8000, off=off)[1])) == []


@pytest.mark.parametrize("lone", [697, 941, 1209, 1633, 425, 1000])
def test_one_tone_alone_is_no_key(lone: float) -> None:
    assert detect_keys(one_channel(0.1 * numpy.sin(2 * math.pi * lone / 8000 * numpy.arange(8000)))) == []


@pytest.mark.parametrize("encoding", sorted(Encoding))
def test_silence_and_noise_at_full_scale_hold_no_keys(encoding: Encoding) -> None:
    assert detect_keys(made(numpy.zeros((8000, 2)), encoding=encoding)) == []
    assert detect_keys(Sound(encoding, 8000, 2, noise_at_full_scale(3, encoding=encoding))) == []


def test_the_same_key_twice_is_two_keys() -> None:
    tone, pause = pair("5", 0.06, 8000), numpy.zeros(round(0.05 * 8000))
    tones = detect_keys(one_channel(numpy.concatenate([pause, tone, pause, tone, pause])))
    assert [tone.key for tone in tones] == ["5", "5"]


@pytest.mark.parametrize("seed", range(10))
def test_a_click_and_a_gap_of_ten_milliseconds_part_no_key(seed: int) -> None:
    for fault in (numpy.zeros(80), numpy.random.default_rng(seed).standard_normal(80) * 0.3):
        held = pair("5", 0.15, 8000)
        held[600:680] = fault
        assert (
            len(detect_keys(one_channel(numpy.concatenate([numpy.zeros(400 + 8 * seed), held, numpy.zeros(400)])))) == 1
        )


@pytest.mark.parametrize("twist", [-14, 14])
def test_a_pair_of_which_one_is_much_louder_is_no_key(twist: float) -> None:
    assert detect_keys(one_channel(dialled(32, 8000, twist=twist)[1])) == []


def test_tones_that_no_receiver_would_take_are_no_keys() -> None:
    assert detect_keys(one_channel(dialled(32, 8000, level=-56)[1], encoding=Encoding.PCM16)) == []


def test_keys_at_the_ends_of_a_sound_and_of_a_block_are_found_once_and_stay_within() -> None:
    frames = numpy.zeros(25 * 8000)
    pressed = [("1", 0.0, 0.06), ("2", 9.97, 10.03), ("3", 19.99, 20.05), ("4", 24.94, 25.0)]
    for key, start, end in pressed:
        frames[round(start * 8000) : round(end * 8000)] = pair(key, end - start, 8000)
    tones = detect_keys(one_channel(frames))
    assert [tone.key for tone in tones] == ["1", "2", "3", "4"] and whole(tones, pressed) == 4
    assert tones[0].start == 0 and tones[-1].end == 25.0


@pytest.mark.parametrize("frames", [1, 79, 199, 200, 201])
def test_a_sound_shorter_than_a_frame_is_looked_at_too(frames: int) -> None:
    assert detect_keys(one_channel(numpy.zeros(frames))) == []


def test_each_channel_has_its_own_keys() -> None:
    quiet = numpy.zeros(400)
    first, second = (numpy.concatenate([quiet, pair(key, 0.08, 8000), quiet]) for key in "17")
    tones = detect_keys(made(numpy.stack([first, second], axis=1)))
    assert [(tone.channel, tone.key) for tone in tones] == [(0, "1"), (1, "7")]


def test_keys_within_five_seconds_are_one_run_and_a_lonely_short_one_is_none() -> None:
    tones = [
        Tone(0, 1.0, 1.08, "1"), Tone(0, 6.0, 6.08, "2"), Tone(0, 11.1, 11.18, "9"), Tone(0, 20.0, 20.2, "#"),
        Tone(1, 1.5, 1.58, "4"),
    ]  # fmt: skip
    assert join_keys(tones) == [Run(0, 1.0, 6.08, "12"), Run(0, 20.0, 20.2, "#")]
    assert join_keys(tones, gap_s=5.1) == [Run(0, 1.0, 11.18, "129"), Run(0, 20.0, 20.2, "#")]
    assert join_keys([]) == []


@pytest.mark.parametrize(("seconds", "kept"), [(0.05, 0), (0.075, 1)])
def test_a_key_alone_counts_from_60_ms(seconds: float, kept: int) -> None:
    quiet = numpy.zeros(400)
    tones = detect_keys(one_channel(numpy.concatenate([quiet, pair("8", seconds, 8000), quiet])))
    assert len(tones) == 1 and len(join_keys(tones)) == kept
