"""A disguised voice says the same at the same height and as loud, with other resonances; all around it stays."""

from __future__ import annotations

import math
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.audio import Encoding, Sound, Stretch
from arlo_rec.audio.activity import Activity, mask_spans
from arlo_rec.audio.voice import STAYS_HZ, count_poles, disguise, find_poles, find_turns, predict_linearly
from tests.support.given_calls import active, call, made, samples
from tests.support.properties import examples
from tests.support.sounds import tone

CHANCE, OTHER = bytes(range(32)), bytes(range(1, 33))
SPEECH = 2  # the call with the least noise
Array = numpy.ndarray[Any, Any]


def vowel(rate: int, seconds: float = 1.0, formants: tuple[float, ...] = (600, 2200)) -> Array:
    """A voice of 110 Hz through resonances: what a mouth held still gives."""
    frames = round(seconds * rate)
    at = numpy.arange(frames) / rate
    source = numpy.diff(numpy.floor(at * 110), prepend=0.0)
    spectrum = numpy.fft.rfft(source, 2 * frames)
    turn = numpy.exp(-2j * math.pi * numpy.fft.rfftfreq(2 * frames))
    for formant in formants:
        pole = numpy.exp((2j * math.pi * formant - 250) / rate)
        spectrum /= (1 - pole * turn) * (1 - pole.conjugate() * turn)
    wave = numpy.fft.irfft(spectrum)[:frames]
    return 0.3 * wave / numpy.abs(wave).max()


def nearest_resonance(wave: Array, rate: int, low: float, high: float) -> float:
    """The sharpest resonance between two frequencies, in hertz, in the middle of *wave*."""
    middle = wave[len(wave) // 2 :][: rate // 20] * numpy.hanning(rate // 20)
    power = numpy.abs(numpy.fft.rfft(middle, 4 * len(middle))) ** 2
    poles = find_poles(predict_linearly(numpy.fft.irfft(power)[None, : count_poles(rate) + 1]))[0]
    hertz = numpy.angle(poles) * rate / (2 * math.pi)
    within = (hertz > low) & (hertz < high)
    return float(hertz[within][numpy.abs(poles[within]).argmax()])


def one_turn(wave: Array, rate: int = 8000, chance: bytes = CHANCE) -> Array:
    """*wave* disguised as a single turn from its start to its end."""
    sound = made(wave[:, None], rate)
    return samples(disguise(sound, [Stretch(0, sound.duration)], chance))[:, 0]


@examples(30)
@given(
    encoding=st.sampled_from(sorted(Encoding)),
    rate=st.sampled_from([8000, 11_025, 48_000]),
    channels=st.integers(1, 2),
    start=st.floats(0, 0.3),
    length=st.floats(0.001, 0.3),
)
def test_length_form_and_every_byte_outside_the_turns_stay(
    encoding: Encoding, rate: int, channels: int, start: float, length: float
) -> None:
    sound = Sound(encoding, rate, channels, tone(0.4, rate=rate, channels=channels, encoding=encoding))
    changed = disguise(sound, [Stretch(start, start + length, (channels - 1,))], CHANCE)
    assert (changed.encoding, changed.rate, changed.channels) == (encoding, rate, channels)
    before, after = (
        numpy.frombuffer(version.data, "u1").reshape(-1, channels, encoding.sample_bytes)
        for version in (sound, changed)
    )
    assert before.shape == after.shape
    behind = min(sound.frames, math.ceil((start + length) * rate))
    differs = (before != after).any(axis=2)
    differs[int(start * rate) : behind, channels - 1] = False
    assert not differs.any()


@pytest.mark.parametrize("encoding", sorted(Encoding))
def test_silence_stays_silence(encoding: Encoding) -> None:
    silent = made(numpy.zeros((8000, 2)), encoding=encoding)
    assert numpy.abs(samples(disguise(silent, [Stretch(0, 1)], CHANCE))).max() <= 16 / 32768


def test_speech_is_changed_and_as_loud_as_before() -> None:
    turns = find_turns(active(SPEECH))
    before, after = samples(call(SPEECH)), samples(disguise(call(SPEECH), turns, CHANCE))
    for channel in range(2):
        ((first, behind),) = [(t.start, t.end) for t in turns if t.channels == (channel,)][1:2]
        part = slice(round(first * 8000), round(behind * 8000))
        original, disguised = before[part, channel], after[part, channel]
        assert numpy.corrcoef(original, disguised)[0, 1] < 0.8
        assert 20 * math.log10(numpy.std(disguised) / numpy.std(original)) == pytest.approx(0, abs=1.5)


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_resonances_come_nearer_to_each_other_or_move_apart(rate: int) -> None:
    wave, ways = vowel(rate), set()
    for first in range(12):
        changed = one_turn(wave, rate, bytes([first]) * 32)
        low = nearest_resonance(changed, rate, 200, STAYS_HZ) / nearest_resonance(wave, rate, 200, STAYS_HZ)
        high = nearest_resonance(changed, rate, STAYS_HZ, 3800) / nearest_resonance(wave, rate, STAYS_HZ, 3800)
        assert abs(low - 1) > 0.05 and abs(high - 1) > 0.05
        assert (low > 1) == (high < 1)
        ways.add(low > 1)
    assert ways == {True, False}


def test_the_height_of_a_voice_stays() -> None:
    changed = one_turn(vowel(8000))[2000:6000]
    alike = numpy.correlate(changed, changed, "full")[len(changed) - 1 :]
    assert 8000 / (50 + int(alike[50:100].argmax())) == pytest.approx(110, abs=2)


def test_the_same_chance_gives_the_same_and_another_another() -> None:
    turns = find_turns(active(SPEECH))[:2]
    assert disguise(call(SPEECH), turns, CHANCE) == disguise(call(SPEECH), turns, CHANCE)
    assert disguise(call(SPEECH), turns, CHANCE) != disguise(call(SPEECH), turns, OTHER)


def test_each_turn_has_a_coefficient_of_its_own() -> None:
    twice = numpy.tile(vowel(8000), 2)
    changed = samples(disguise(made(twice[:, None]), [Stretch(0, 1), Stretch(1, 2)], CHANCE))[:, 0]
    assert numpy.corrcoef(changed[2000:6000], changed[10_000:14_000])[0, 1] < 0.95


def test_nothing_gets_louder_than_full_scale_nor_is_clipped_to_it() -> None:
    loud = samples(call(SPEECH))[8000:24_000, 0]
    loud = loud / numpy.abs(loud).max()
    changed = [numpy.abs(one_turn(loud, 8000, bytes([first]) * 32)) for first in range(12)]
    assert max(wave.max() for wave in changed) > 0.999, "some were held"
    assert all((wave > 0.9999).sum() <= 3 for wave in changed)


def test_a_resonance_near_the_end_of_the_band_is_not_folded_back() -> None:
    wave = vowel(8000, formants=(600, 3700))
    for first in range(12):
        changed = one_turn(wave, 8000, bytes([first]) * 32)
        if nearest_resonance(changed, 8000, 200, STAYS_HZ) < nearest_resonance(wave, 8000, 200, STAYS_HZ):
            assert nearest_resonance(changed, 8000, 2000, 4000) > 3700


def test_a_turn_begins_and_ends_with_what_lies_around_it() -> None:
    before = samples(call(SPEECH))[:, 0]
    changed = samples(disguise(call(SPEECH), [Stretch(2.0, 3.0, (0,))], CHANCE))[:, 0]
    for edge in (16_000, 23_999):
        assert abs(changed[edge] - before[edge]) < 0.02 * numpy.abs(before[16_000:24_000]).max()
    assert numpy.abs(changed - before)[16_000:24_000].max() > 0.1


def test_too_little_chance_and_a_turn_that_is_not_in_the_sound_are_refused() -> None:
    sound = made(numpy.zeros((8000, 1)))
    with pytest.raises(ValueError, match="chance"):
        disguise(sound, [], bytes(15))
    with pytest.raises(ValueError, match="not in the sound"):
        disguise(sound, [Stretch(1.0, 1.1)], CHANCE)


def test_whoever_pauses_for_a_second_has_not_ended_the_turn() -> None:
    speech = numpy.stack([mask_spans(1000, [(1, 2), (3, 4), (5.1, 6)]), mask_spans(1000, [(4, 5)])])
    turns = find_turns(Activity(speech, numpy.zeros((2, 1000), "f4")))
    assert turns == [Stretch(1, 4, (0,)), Stretch(5.1, 6, (0,)), Stretch(4, 5, (1,))]
