"""Speech is found where it is, in every form of sound, and noise, silence and what leaks over are not taken for it."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.sound.audio import Encoding, Sound
from arlo_rec.sound.audio.activity import Activity, detect_activity, find_spans, mask_spans
from tests.support.gated import gated
from tests.support.given_calls import CALLS, Array, active, call, made, samples, truth
from tests.support.properties import examples
from tests.support.sounds import tone

STEREO_CLEAN = 2  # 30 dB above its noise, nothing leaks: what tests mix into it is all there is


def wider(mask: Array, seconds: float = 0.1) -> Array:
    channels = [mask_spans(mask.shape[1], [(a - seconds, b + seconds) for a, b in find_spans(row)]) for row in mask]
    return numpy.stack(channels)


def noise(seconds: float, level: float, rate: int = 8000, seed: int = 0) -> Array:
    """One channel at *level* dBFS."""
    return numpy.random.default_rng(seed).standard_normal((round(seconds * rate), 1)) * 10 ** (level / 20)


def missed_and_false(speech: Array, truth_mask: Array) -> tuple[float, float]:
    """Shares of speech that was missed and of pauses that were taken for speech, a tenth of a second aside."""
    sure, quiet = ~wider(~truth_mask), ~wider(truth_mask)
    return float((sure & ~speech).sum() / sure.sum()), float((quiet & speech).sum() / quiet.sum())


def test_in_made_calls_hardly_any_speech_is_missed_and_hardly_any_pause_is_speech() -> None:
    counts = numpy.zeros(4)
    for number in CALLS:
        speech, right = active(number).speech, truth(number)
        sure, quiet = ~wider(~right), ~wider(right)
        counts += [(sure & ~speech).sum(), sure.sum(), (quiet & speech).sum(), quiet.sum()]
        assert missed_and_false(speech, right)[0] < 0.02, number
    assert counts[0] / counts[1] < 0.01
    assert counts[2] / counts[3] < 0.01


@pytest.mark.parametrize("leak", [-30, -24, -20])
@pytest.mark.parametrize("quieter", [0, -12])
def test_what_leaks_over_from_the_other_channel_is_not_speech(leak: float, quieter: float) -> None:
    apart = samples(call(STEREO_CLEAN)) * [1, 10 ** (quieter / 20)]
    mixed = made(apart + 10 ** (leak / 20) * apart[:, ::-1])
    missed, false = missed_and_false(detect_activity(mixed).speech, truth(STEREO_CLEAN))
    assert missed < 0.01 and false < 0.05


def test_who_speaks_quietly_below_another_is_heard() -> None:
    apart = samples(call(STEREO_CLEAN)) * [1, 10 ** (-18 / 20)]
    apart[:, 1] = numpy.roll(apart[:, 1], 3 * 8000)  # both speak at once, for sixteen seconds
    right = truth(STEREO_CLEAN)
    right[1] = numpy.roll(right[1], 300)
    both = ~wider(~right)[0] & ~wider(~right)[1]
    assert both.sum() > 1500
    assert detect_activity(made(apart)).speech[:, both].mean() > 0.99


@pytest.mark.parametrize("encoding", sorted(Encoding))
def test_silence_has_no_speech(encoding: Encoding) -> None:
    activity = detect_activity(made(numpy.zeros((24_001, 2)), encoding=encoding))
    assert activity.speech.shape == (2, 301) and not activity.speech.any()
    assert activity.level.max() < -70


@pytest.mark.parametrize("encoding", sorted(Encoding))
def test_noise_at_full_scale_has_no_speech(encoding: Encoding) -> None:
    sound = Sound(encoding, 8000, 2, tone(12, encoding=encoding))
    activity = detect_activity(sound)
    assert not activity.speech.any()
    assert activity.level.max() < 1


@pytest.mark.parametrize("level", [-60, -40, -20])
def test_steady_hum_and_noise_are_the_floor(level: float) -> None:
    hum = 10 ** (level / 20) * numpy.sin(2 * math.pi * 50 / 8000 * numpy.arange(20 * 8000))[:, None]
    assert not detect_activity(made(hum + noise(20, level))).speech.any()


def test_a_line_that_is_switched_off_now_and_then_is_no_floor() -> None:
    line = noise(20, -45)
    for second in range(0, 20, 4):
        line[second * 8000 : (second + 1) * 8000] = 0
    assert not detect_activity(made(line)).speech.any()


def test_a_click_is_no_speech() -> None:
    line = noise(8, -50)
    line[32_000:32_080] *= 100
    assert not detect_activity(made(line)).speech.any()


def test_speech_that_fades_into_the_noise_is_kept_to_its_end() -> None:
    line = noise(8, -50)
    line[24_000:32_000] *= 10
    line[32_000:36_000] *= 10 ** (4 / 20)
    ((_, end),) = find_spans(detect_activity(made(line)).speech[0])
    assert end == pytest.approx(4.55, abs=0.1)


def test_an_offset_hides_no_speech() -> None:
    shifted = made(samples(call(STEREO_CLEAN)) * 0.5 + 0.3)
    missed, false = missed_and_false(detect_activity(shifted).speech, truth(STEREO_CLEAN))
    assert missed < 0.01 and false < 0.02


@examples(40)
@given(
    start=st.floats(1.0, 4.0),
    length=st.floats(0.1, 3.0),
    rate=st.sampled_from([8000, 11_025, 16_000, 22_050, 44_100, 48_000]),
    encoding=st.sampled_from(sorted(Encoding)),
    louder=st.integers(15, 30),
)
def test_a_burst_is_found_in_its_place_in_every_form(
    start: float, length: float, rate: int, encoding: Encoding, louder: int
) -> None:
    line = noise(8, -50, rate)
    line[round(start * rate) : round((start + length) * rate)] *= 10 ** (louder / 20)
    ((first, behind),) = find_spans(detect_activity(made(line, rate, encoding)).speech[0])
    assert first == pytest.approx(start, abs=0.12) and first <= start
    assert behind == pytest.approx(start + length, abs=0.12) and behind >= start + length


def test_the_level_is_that_of_each_hundredth_of_a_second_wherever_blocks_end() -> None:
    line = noise(21.234, -20, 11_025)
    line -= line.mean()
    level = detect_activity(made(line, 11_025)).level[0]
    edges = [step * 11_025 // 100 for step in range(len(level) + 1)]
    for step in (0, 1, 999, 1000, 1001, 1999, 2000, len(level) - 1):
        part = line[edges[step] : edges[step + 1]]
        assert level[step] == pytest.approx(10 * math.log10(part.var()), abs=0.05)


@given(frames=st.integers(1, 2000), channels=st.integers(1, 2), rate=st.sampled_from([8000, 11_025, 48_000]))
def test_a_sound_of_any_length_has_a_step_for_every_hundredth_begun(frames: int, channels: int, rate: int) -> None:
    activity = detect_activity(made(numpy.full((frames, channels), 0.1), rate))
    assert activity.speech.shape == activity.level.shape == (channels, math.ceil(frames * 100 / rate))
    assert numpy.isfinite(activity.level).all()


@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_stretches_and_masks_say_the_same(mask: list[bool]) -> None:
    spans = find_spans(numpy.array(mask))
    assert mask_spans(len(mask), spans).tolist() == mask
    assert all(a[1] < b[0] for a, b in pairwise(spans))


def test_anyone_is_any_channel() -> None:
    speech = numpy.array([[True, False, False], [False, False, True]])
    assert Activity(speech, numpy.zeros((2, 3))).anyone.tolist() == [True, False, True]


# -- digital silence between words ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("even", [0.0, 0.2, 0.05, 0.02])
@pytest.mark.parametrize("number", CALLS)
def test_what_is_left_between_digital_silence_is_speech_however_even_it_is(number: int, even: float) -> None:
    speech = active(number).speech
    found = detect_activity(gated(call(number), even=even)).speech
    assert (speech & ~found).sum() / speech.sum() < 0.05, "what the gate itself shut"
    assert (found & ~speech).sum() / speech.sum() < 0.05


def test_between_digital_silence_a_line_that_stays_open_beneath_speech_is_still_the_floor() -> None:
    line = noise(40, -60)
    for second in range(0, 40, 4):
        line[second * 8000 : second * 8000 + 4000] = 0
        line[second * 8000 + 16_000 : second * 8000 + 24_000] *= 100
    spans = find_spans(detect_activity(made(line)).speech[0])
    assert len(spans) == 10
    for at, (start, end) in enumerate(spans):
        assert start == pytest.approx(4 * at + 2, abs=0.12) and end == pytest.approx(4 * at + 3, abs=0.12)


def test_a_sound_that_is_as_loud_as_speech_and_stands_between_digital_silence_counts_as_speech() -> None:
    line = noise(20, -25)
    for second in range(0, 20, 4):
        line[second * 8000 : (second + 1) * 8000] = 0
    assert detect_activity(made(line)).speech.mean() == pytest.approx(0.75, abs=0.02)
