"""What hides speech, or tells that words and sound do not belong together, is cut, warned of or refused: on made calls,
with the words of an engine and what may have become of them on their way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from arlo_rec.law.model.errors import Usage
from arlo_rec.sound.audio.cut_list import Cut
from arlo_rec.sound.speech import ENGINE, Plan, Redaction, Transcript, Word
from arlo_rec.words import planner
from arlo_rec.words.alignment import is_plausible
from arlo_rec.words.detectors import identifiers, phonetic
from arlo_rec.words.detectors.numbers import label_number
from tests.support.given_calls import CALLS, active, call, heard, later, slower, spoken, told

STEREO, MONO = 2, 1


def planned(number: int, *transcripts: Transcript, strict: bool = False) -> Plan:
    return planner.plan(call(number), transcripts, list(told(number)["known"].values()), strict=strict)


def of(words: Sequence[Word], *redactions: Redaction, form: str = "words") -> Transcript:
    return Transcript(form, tuple(sorted(words, key=lambda word: word.start)), redactions)


def refused(number: int, *transcripts: Transcript) -> tuple[str, str]:
    with pytest.raises(Usage) as error:
        planned(number, *transcripts)
    assert error.value.code == "transcript_misfit"
    return str(error.value.detail["why"]), str(error.value.detail["place"])


def share_cut(plan: Plan, start: float, end: float) -> float:
    return sum(max(0.0, min(cut.end, end) - max(cut.start, start)) for cut in plan.cuts) / (end - start)


def under_one_word(number: int, channel: int, start: float, end: float) -> list[Word]:
    """The words of a call as if an engine had heard "okay", and surely, all the while from *start* to *end*."""
    rest = [word for word in heard(number) if word.channel != channel or word.end <= start or word.start >= end]
    return [*rest, Word("okay", start, end, 0.95, channel)]


# -- words that last too long --------------------------------------------------------------------------


@pytest.mark.sampled(1)
@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
def test_no_harmless_word_hides_what_was_said_under_it(strict: bool) -> None:
    hidden = 0
    for number in (0, 2, 4, 6):
        for identifier in told(number)["identifiers"]:
            if identifier["end"] - identifier["start"] > 1.5:
                words = under_one_word(number, identifier["ch"], identifier["start"] - 0.2, identifier["end"] + 0.1)
                plan = planned(number, of(words), strict=strict)
                assert share_cut(plan, identifier["start"], identifier["end"]) > 0.95, identifier
                hidden += 1
    assert hidden > 10


def test_in_strict_mode_a_harmless_word_stays_unless_it_lasts_too_long() -> None:
    activity = spoken((0, 10, 17))
    for seconds, left in ((0.9, 0.9 + 2 * planner.REACH), (3.0, 0.0)):
        findings = list(planner._find_unexplained_speech(activity, [[Word("okay", 12.0, 12.0 + seconds, 0.99, 0)]], ()))
        assert sum(finding.end - finding.start for finding in findings) == pytest.approx(7 - left, abs=0.03)


def test_a_long_word_right_behind_a_cue_does_not_end_what_the_engine_could_not_spell() -> None:
    activity = active(STEREO)
    start = next(
        at / 100 for at in range(100, activity.speech.shape[1] - 300) if activity.speech[0][at : at + 150].all()
    )
    cue = [
        Word(text, start - 0.6 + 0.2 * at, start - 0.4 + 0.2 * at, 0.9, 0)
        for at, text in enumerate(["my", "name", "is"])
    ]
    long = Word("it", start + 0.1, start + 3.0, 0.9, 0)
    short = replace(long, end=start + 0.3)
    (finding,) = planner._find_names_after_cues(activity, [[*cue, long]])
    assert finding.start == pytest.approx(start) and finding.end == pytest.approx(start + planner.NAME_LONGEST)
    assert list(planner._find_names_after_cues(activity, [[*cue, short]])) == []


@pytest.mark.slow
def test_what_a_long_word_covers_and_is_not_cut_is_listed_for_whoever_reviews() -> None:
    cuts = [Cut(5.0, 9.0), Cut(11.0, 12.0), Cut(14.8, 20.0)]
    long, short = Word("I", 8.0, 15.0, 0.99, 0), Word("ja", 12.5, 12.8, 0.99, 0)
    assert planner._list_doubtful([long, short], cuts) == [(9.0, 11.0, 0), (12.0, 14.8, 0)]
    assert planner._list_doubtful([replace(long, end=8.9), short], cuts) == []
    assert planner._list_doubtful([long], []) == [(8.0, 15.0, 0)]
    for number in CALLS:
        plan = planned(number, of(heard(number)))
        for word in plan.words[0]:
            if not is_plausible(word):
                listed = sum(
                    max(0.0, min(end, word.end) - max(start, word.start))
                    for start, end, channel in plan.unsure
                    if channel == word.channel
                )
                left = (word.end - word.start) * (1 - share_cut(plan, word.start, word.end))
                assert listed == pytest.approx(left, abs=2 * planner.EVEN_SHORTEST)


# -- words that jump or drift --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("number", CALLS)
def test_nobody_is_warned_of_the_words_of_an_engine(number: int) -> None:
    for kind in ("words-base", "words-base-hints"):
        assert "offset_unsure" not in planned(number, of(heard(number, kind))).warnings


def test_a_transcript_that_jumps_is_refused_or_warned_of() -> None:
    outcomes = set()
    for number in CALLS:
        duration = call(number).duration
        words = later(later(heard(number), 0.5 * duration, 3), 0.85 * duration, -3)
        try:
            outcomes.add("offset_unsure" if "offset_unsure" in planned(number, of(words)).warnings else "nothing")
        except Usage as error:
            outcomes.add(str(error.detail["why"]))
    assert "nothing" not in outcomes and "jumps" in outcomes


def test_where_a_clock_drifted_cuts_reach_further_and_somebody_is_warned() -> None:
    plan = planned(STEREO, of(slower(heard(STEREO), 1.01)))
    assert "offset_unsure" in plan.warnings
    straight = planned(STEREO, of(heard(STEREO)))
    assert sum(cut.end - cut.start for cut in plan.cuts) > sum(cut.end - cut.start for cut in straight.cuts)


def test_what_was_heard_here_is_not_asked_whether_it_is_of_this_call() -> None:
    words = later(heard(STEREO), 0.5 * call(STEREO).duration, -3)
    planned(STEREO, of(words, form=ENGINE))


# -- channels, counts, scores --------------------------------------------------------------------------


def test_words_and_marks_of_a_channel_that_the_sound_lacks_are_refused() -> None:
    lost = replace(heard(STEREO)[5], channel=5)
    assert refused(STEREO, of([*heard(STEREO), lost])) == ("no_such_channel", "1")
    good = of(heard(STEREO))
    assert refused(STEREO, good, of(heard(STEREO), Redaction(3.0, 4.0, 2))) == ("no_such_channel", "2")


def test_in_a_sound_of_one_channel_every_word_and_mark_is_of_that_one() -> None:
    words = [replace(word, channel=at % 2) for at, word in enumerate(heard(MONO))]
    plan = planned(MONO, of(words, Redaction(3.0, 4.0, 1)))
    assert share_cut(plan, 3.0, 4.0) == 1.0


def test_more_words_or_marks_than_anybody_makes_are_refused_before_they_cost_minutes() -> None:
    begun = time.process_time()
    words = [replace(heard(STEREO)[5], start=20.0, end=20.0)] * 450_000
    assert refused(STEREO, of([*heard(STEREO), *words])) == ("too_many_words", "1")
    assert refused(STEREO, of(heard(STEREO), *[Redaction(20.0, 21.0)] * 450_000)) == ("too_many_redactions", "1")
    assert time.process_time() - begun < 10


@pytest.mark.slow
def test_somebody_is_warned_where_the_first_transcript_has_no_scores_whatever_the_others_have() -> None:
    bare = of([replace(word, score=None) for word in heard(STEREO)])
    assert "no_scores" in planned(STEREO, bare, of(heard(STEREO))).warnings
    assert "no_scores" not in planned(STEREO, of(heard(STEREO)), bare).warnings


# -- what a vendor marked ------------------------------------------------------------------------------


@pytest.mark.slow
def test_marks_behind_the_end_are_warned_of() -> None:
    duration = call(STEREO).duration
    inside, outside = Redaction(duration - 2, duration - 1), Redaction(duration + 5, duration + 6)
    assert "redaction_outside" not in planned(STEREO, of(heard(STEREO), inside)).warnings
    plan = planned(STEREO, of(heard(STEREO), inside, outside))
    assert "redaction_outside" in plan.warnings and share_cut(plan, duration - 2, duration - 1) == 1.0
    assert "redaction_outside" in planned(STEREO, of(heard(STEREO)), of([], outside)).warnings


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False])
def test_a_file_of_marks_alone_adds_its_marks_to_a_transcript_and_nothing_else(first: bool) -> None:
    words, marks = of(heard(STEREO)), of([], Redaction(30.0, 31.0, 0))
    alone = planned(STEREO, words)
    plan = planned(STEREO, *([marks, words] if first else [words, marks]))
    assert share_cut(plan, 30.0, 31.0) == 1.0
    assert (plan.words, plan.offsets, plan.warnings) == (alone.words, alone.offsets, alone.warnings)
    assert plan.cover_of_speech == alone.cover_of_speech
    assert refused(STEREO, marks)[0] == "covers_too_little"


# -- digits that are none of ours ----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1²345", "12³45678901", "٤٥٦٧٨٩", "①②③④⑤"])
def test_digits_of_any_script_are_a_number_and_no_bug(text: str) -> None:
    words = [Word("takk", 0.0, 0.4), Word("hei", 0.4, 0.6), Word(text, 0.6, 2.0), Word("ja", 2.0, 2.2)]
    assert (0.6, 2.0, "number") in {
        (finding.start, finding.end, finding.type)
        for finding in identifiers.find_identifiers(words, phonetic.prepare_names([]))
    }
    assert label_number(text) is None
