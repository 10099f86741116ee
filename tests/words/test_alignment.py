"""Words are laid where they were spoken, and those of another call, or of times in another unit, are told as such."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.sound.audio.activity import STEP, Activity, find_spans
from arlo_rec.sound.speech import Word
from arlo_rec.words.alignment import (
    MARGIN,
    align,
    find_mismatch,
    find_uncovered,
    is_crowded,
    is_plausible,
    is_steady,
    measure_coverage,
    shift,
)
from tests.support.given_calls import CALLS, active, call, heard, later, slower, spoken, told, truth

SHIFTS = [-0.3, -0.2, -0.1, 0.1, 0.2, 0.3]  # seconds
TIMES = st.floats(0, 30)


def without_channels(words: tuple[Word, ...]) -> tuple[Word, ...]:
    return tuple(replace(word, channel=None) for word in words)


@pytest.mark.parametrize("kind", ["words-base", "words-base-hints"])
@pytest.mark.parametrize("number", CALLS)
def test_however_far_an_engine_is_off_its_words_come_to_lie_where_they_were_spoken(number: int, kind: str) -> None:
    words = heard(number, kind)
    right = align(words, Activity(truth(number), active(number).level)).offset_s
    for seconds in (0.0, *SHIFTS):
        alignment = align(shift(words, seconds), active(number))
        assert alignment.sure
        assert alignment.offset_s == pytest.approx(right - seconds, abs=0.1)


@pytest.mark.parametrize("number", CALLS)
def test_words_without_channels_are_laid_on_whatever_is_spoken(number: int) -> None:
    with_them, without = (align(words, active(number)) for words in (heard(number), without_channels(heard(number))))
    assert without.sure and without.offset_s == pytest.approx(with_them.offset_s, abs=0.1)


@pytest.mark.parametrize("number", CALLS)
def test_words_of_a_call_are_its_own_and_no_other_calls(number: int) -> None:
    for other in CALLS:
        for words in (heard(number), without_channels(heard(number))):
            mismatch = find_mismatch(words, active(other), call(other).duration)
            assert (mismatch is None) == (number == other), (other, mismatch)
            assert number == other or not align(words, active(other)).sure


@pytest.mark.parametrize("number", CALLS)
def test_words_at_random_places_are_not_sure(number: int) -> None:
    chance, duration = random.Random(number), call(number).duration
    for _ in range(20):
        starts = [chance.uniform(0, duration - 0.3) for _ in range(200)]
        words = [Word("ja", start, start + 0.3, None, chance.choice([0, 1, None])) for start in starts]
        assert not align(words, active(number)).sure


def test_an_offset_that_no_engine_has_is_not_sure() -> None:
    for seconds in (-1.4, 1.4):
        alignment = align(shift(heard(2), seconds), active(2))
        assert not alignment.sure and alignment.agreement > 0.8


def test_without_words_or_without_speech_nothing_is_sure() -> None:
    for words, activity in (((), active(2)), (heard(2), spoken(seconds=90)), ((), spoken(seconds=0.01))):
        alignment = align(words, activity)
        assert not alignment.sure and alignment.agreement == 0


def test_times_in_another_unit_are_told() -> None:
    words, activity, duration = heard(0), active(0), call(0).duration
    times_too_large = [replace(word, start=word.start * 1000, end=word.end * 1000) for word in words]
    too_small = [replace(word, start=word.start / 1000, end=word.end / 1000) for word in words]
    assert find_mismatch(times_too_large, activity, duration) == "milliseconds"
    assert find_mismatch(times_too_large[:20], activity, duration) == "milliseconds"
    assert find_mismatch(too_small, activity, duration) == "seconds_as_milliseconds"


def test_a_word_behind_the_end_is_told_and_one_that_a_clock_moved_is_not() -> None:
    words, duration = heard(2), call(2).duration
    last = words[-1]
    for end, code in ((duration * 1.02 + 0.49, None), (duration * 1.02 + 0.51, "ends_after_the_sound")):
        assert find_mismatch((*words, replace(last, start=end - 0.1, end=end)), active(2), duration) == code


def test_a_transcript_of_one_channel_covers_too_little_and_which_one_lacks_is_told() -> None:
    words = [word for word in heard(2) if word.channel == 0]
    assert find_mismatch(words, active(2), call(2).duration) == "covers_too_little"
    assert measure_coverage(words, active(2), 0) > 0.95
    assert measure_coverage(words, active(2), 1) == 0
    assert 0.3 < measure_coverage(words, active(2)) < 0.7


def test_no_words_fit_where_nobody_speaks_and_nowhere_else() -> None:
    assert find_mismatch((), spoken(), 30) is None
    assert measure_coverage((), spoken()) == 1
    assert find_mismatch((), spoken((0, 1, 2)), 30) == "covers_too_little"


def test_of_a_few_seconds_of_speech_nobody_says_that_it_is_another_call() -> None:
    everywhere = [Word("ja", start, start + 0.5, None, 0) for start in range(30)]
    for speech, code in ((19.9, None), (20.1, "another_call")):
        activity = spoken((0, 3, 3 + speech))
        assert not align(everywhere, activity).sure
        assert find_mismatch(everywhere, activity, 30) == code


def test_short_pauses_between_words_are_no_pauses() -> None:
    words = [Word("ja", 3 + 0.5 * count, 3.21 + 0.5 * count, None, 0) for count in range(20)]
    assert align(words, spoken((0, 3, 12.71))).agreement == pytest.approx(1)


def test_words_are_put_right_before_it_is_told_how_much_they_cover() -> None:
    chance, at, speech = random.Random(1), 1.0, []
    while at < 85:
        speech.append((0, at, at + 0.5))
        at += chance.uniform(0.9, 3.0)
    words = [Word("ja", start - 0.33, start - 0.13, None, 0) for _, start, _ in speech]
    activity = spoken(*speech, seconds=90)
    assert measure_coverage(words, activity) < 0.5 and align(words, activity).sure
    assert find_mismatch(words, activity, 90) is None


def test_speech_that_no_word_covers_is_found() -> None:
    activity = spoken((0, 1, 3), (0, 10, 12), (1, 20, 20.29), (1, 25, 25.3))
    words = [Word("hei", 1.3, 2.0, None, 0), Word("du", 2.0, 2.7, None, 0), Word("du", 10.4, 10.6, None, 0)]
    assert find_uncovered(words, activity) == [(0, 10.9, 12.0), (1, 25.0, 25.3)]
    assert find_uncovered(words, activity, margin=0, shortest=0.25) == [
        (0, 1.0, 1.3), (0, 2.7, 3.0), (0, 10.0, 10.4), (0, 10.6, 12.0), (1, 20.0, 20.29), (1, 25.0, 25.3),
    ]  # fmt: skip


@pytest.mark.parametrize("channel", [None, 2, -1])
def test_a_word_of_no_known_channel_covers_what_is_spoken_on_any(channel: int | None) -> None:
    activity = spoken((0, 1, 1.9), (1, 1, 1.9))
    word = Word("hei", 1, 1.9, None, channel)
    assert find_uncovered([word], activity) == []
    assert align([word], activity).agreement == pytest.approx(1)
    assert find_uncovered([replace(word, channel=1)], activity) == [(0, 1.0, 1.9)]


@pytest.mark.parametrize("number", CALLS)
def test_words_that_were_left_out_are_found_where_they_were_spoken(number: int) -> None:
    plausible = [word for word in heard(number) if is_plausible(word)]
    implausible = [word for word in heard(number) if not is_plausible(word)]
    for channel, start, end in find_uncovered(heard(number), active(number)):
        assert end - start <= 1.5 or any(
            word.channel in (None, channel) and word.start - MARGIN <= end and start <= word.end + MARGIN
            for word in implausible
        )
    assert len(plausible) > 0.95 * len(heard(number))
    rest = [word for word in heard(number) if not 20 < word.start < 32]
    assert sum(end - start for _, start, end in find_uncovered(rest, active(number))) > 5


@given(
    st.lists(st.tuples(st.integers(0, 1), TIMES, st.floats(0, 3)), max_size=8),
    st.lists(st.tuples(st.sampled_from([0, 1, None]), TIMES, st.floats(0, 3)), max_size=8),
)
def test_covered_and_uncovered_speech_together_are_all_speech(
    speech: list[tuple[int, float, float]], words: list[tuple[int | None, float, float]]
) -> None:
    activity = spoken(*((channel, start, start + length) for channel, start, length in speech))
    spoken_words = [Word("ja", start, start + length, None, channel) for channel, start, length in words]
    total = sum(end - start for mask in activity.speech for start, end in find_spans(mask))
    left = find_uncovered(spoken_words, activity, shortest=0)
    assert sum(end - start for _, start, end in left) == pytest.approx(
        total * (1 - measure_coverage(spoken_words, activity))
    )
    for channel, start, end in left:
        assert activity.speech[channel][round(start / STEP) : round(end / STEP)].all()
        for word in spoken_words:
            if word.channel in (None, channel) and is_plausible(word):
                assert end <= word.start - MARGIN + 0.011 or start >= word.end + MARGIN - 0.011


def test_no_word_is_shifted_to_before_the_sound() -> None:
    assert shift([Word("ja", 0.1, 0.4)], -0.2) == [Word("ja", 0.0, pytest.approx(0.2))]
    assert shift([Word("ja", 0.1, 0.15)], -0.2) == [Word("ja", 0.0, 0.0)]


# -- words that last too long, jump, drift, or are too many --------------------------------------------


@pytest.mark.parametrize(("text", "longest"), [("I", 0.7), ("okay", 1.0), ("morning,", 1.4)])
def test_a_word_that_lasts_implausibly_long_covers_nothing(text: str, longest: float) -> None:
    activity = spoken((0, 10, 17))
    for seconds, plausible in ((longest - 0.01, True), (longest + 0.01, False)):
        word = Word(text, 10.0, 10.0 + seconds, 0.99, 0)
        assert is_plausible(word) == plausible
        assert (measure_coverage([word], activity) > 0) == plausible
        assert (find_uncovered([word], activity) == [(0, 10.0, 17.0)]) != plausible


def test_words_that_share_the_time_of_a_cue_may_last_long_but_not_endlessly() -> None:
    activity = spoken((0, 10, 20))
    slow = [Word("hei", 10.0, 13.0, None, 0, timed=False), Word("takk", 13.0, 17.0, None, 0, timed=False)]
    assert measure_coverage(slow, activity) == pytest.approx(0.73)
    assert measure_coverage([replace(word, timed=True) for word in slow], activity) == 0
    assert measure_coverage([Word("takk", 10.0, 20.0, None, 0, timed=False)], activity) == 0


@pytest.mark.parametrize("number", CALLS)
def test_a_transcript_of_cues_alone_still_covers_the_speech(number: int) -> None:
    words = []
    for cue in told(number)["ref"]:
        letters, at = max(1, sum(map(len, cue["text"].split()))), cue["start"]
        for text in cue["text"].split():
            behind = at + (cue["end"] - cue["start"]) * len(text) / letters
            words.append(Word(text, at, behind, None, None, timed=False))
            at = behind
    assert all(is_plausible(word) for word in words)
    assert measure_coverage(words, active(number)) > 0.95


def laid(words: tuple[Word, ...], number: int) -> list[Word]:
    return shift(words, align(words, active(number)).offset_s)


@pytest.mark.parametrize("kind", ["words-base", "words-base-hints"])
@pytest.mark.parametrize("number", CALLS)
def test_words_of_an_engine_lie_on_their_speech_all_through_the_call(number: int, kind: str) -> None:
    words = heard(number, kind)
    assert find_mismatch(words, active(number), call(number).duration) is None
    assert is_steady(laid(words, number), active(number))


def test_a_transcript_that_jumps_is_refused_or_not_steady() -> None:
    outcomes = []
    for number in CALLS:
        duration = call(number).duration
        for words in (
            later(heard(number), 0.5 * duration, -3),
            later(later(heard(number), 0.5 * duration, 3), 0.85 * duration, -3),
        ):
            why = find_mismatch(words, active(number), duration)
            outcomes.append(why or ("" if is_steady(laid(words, number), active(number)) else "unsteady"))
    assert "" not in outcomes and {"jumps", "another_call"} <= set(outcomes), outcomes


def test_a_transcript_whose_clock_is_a_hundredth_off_is_not_steady() -> None:
    told_of = []
    for number in CALLS:
        words = slower(heard(number), 1.01)
        if find_mismatch(words, active(number), call(number).duration) is None:
            told_of.append(not is_steady(laid(words, number), active(number)))
    assert len(told_of) >= 6 and all(told_of)


def test_more_words_than_anybody_says_are_refused_at_once() -> None:
    words, duration = heard(2), call(2).duration
    many = [replace(words[5], start=20.0, end=20.0)] * 450_000
    assert find_mismatch([*words, *many], active(2), duration) == "too_many_words"
    assert find_mismatch([*words, *many[:501]], active(2), duration) == "too_many_words", "so many in ten seconds"
    assert find_mismatch([*words, *many[:50]], active(2), duration) is None


@pytest.mark.parametrize("channels", [1, 2])
def test_how_many_words_are_too_many_grows_with_the_call_and_its_channels(channels: int) -> None:
    most = 100 + 20 * 60 * channels
    even = [60 * at / (most + 1) for at in range(most + 1)]
    assert is_crowded(even, 60, channels) and not is_crowded(even[:-1], 60, channels)
