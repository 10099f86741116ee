"""Transcripts are laid on the sound within a second, left out where they are thin, and refused by the name of their
file; and where a sound gives no measure of speech, strict mode cuts what no words explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy
import pytest

from arlo_rec.calls.training import evaluation
from arlo_rec.calls.training.cut_plan import CopyOrder
from arlo_rec.law.model.errors import Usage
from arlo_rec.policy import Mode
from arlo_rec.sound.audio import Encoding, Sound, as_pcm16
from arlo_rec.sound.audio.activity import STEP, Activity, detect_activity
from arlo_rec.sound.audio.cut_list import LOOK
from arlo_rec.sound.speech import ENGINE, Redaction, Transcript, Word
from arlo_rec.words import alignment, planner, shared_words
from arlo_rec.words.alignment import align, find_mismatch, shift
from arlo_rec.words.detectors import phonetic, weighing
from arlo_rec.words.shared_words import find_offset
from arlo_rec.words.tokens import tokenise
from tests.support.gated import gated
from tests.support.given_calls import CALLS, active, call, heard, made, told
from tests.support.places import CALLS as FOLDERS

STEREO = 2
KINDS = ("words-base", "words-base-hints")


def of(words: Sequence[Word], *redactions: Redaction, file: str = "words.json", form: str = "words") -> Transcript:
    return Transcript(form, tuple(words), redactions, file)


def planned(number: int, *transcripts: Transcript, strict: bool = False) -> planner.Plan:
    return planner.plan(call(number), transcripts, list(told(number)["known"].values()), strict=strict)


# -- a second early or late ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", CALLS)
def test_words_that_are_up_to_a_second_early_or_late_are_taken_for_what_they_are(number: int, kind: str) -> None:
    right = align(heard(number, kind), active(number)).offset_s
    for seconds in (-0.9, -0.6, -0.3, 0.3, 0.6, 0.9):
        words = shift(heard(number, kind), seconds)
        assert find_mismatch(words, active(number), call(number).duration) is None, seconds
        alignment = align(words, active(number))
        assert alignment.sure and alignment.offset_s == pytest.approx(right - seconds, abs=0.1)


@pytest.mark.slow
def test_the_same_holds_of_our_own_calls() -> None:
    for each in evaluation.labelled_calls(FOLDERS / "made"):
        activity = alignment.fit(each.sound, evaluation_activity(each), each.transcripts, 0.0).activity
        for transcript in each.transcripts:
            for seconds in (-0.9, -0.6, -0.3, 0.3, 0.6, 0.9):
                words = shift(transcript.words, seconds)
                assert find_mismatch(words, activity, each.sound.duration) is None, (each.name, seconds)


def evaluation_activity(each: evaluation.LabelledCall) -> Activity:
    return detect_activity(each.sound)


@pytest.mark.slow
def test_no_transcript_of_another_call_is_taken_for_this_ones() -> None:
    every = [
        (each.name, each.sound, evaluation_activity(each), each.transcripts)
        for folder in ("given", "made")
        for each in evaluation.labelled_calls(FOLDERS / folder)
    ]
    swapped = 0
    for name, sound, activity, _ in every:
        for other, _, _, transcripts in every:
            for transcript in transcripts if other != name else ():
                why = find_mismatch(transcript.words, activity, sound.duration)
                assert why is not None and not align(transcript.words, activity).sure, (name, other)
                swapped += 1
    assert swapped == 16 * 15 * 2


# -- too short to tell ---------------------------------------------------------------------------------


def clip(number: int, start: float, seconds: float, *, mono: bool) -> tuple[Sound, list[Word]]:
    """A part of a given call and the words in it."""
    whole = call(number)
    first, last = int(start * whole.rate), int((start + seconds) * whole.rate)
    part = replace(whole, data=whole.data[first * whole.frame_bytes : last * whole.frame_bytes])
    words = [word for word in heard(number) if start <= word.start and word.end <= start + seconds]
    words = [replace(word, start=word.start - start, end=word.end - start) for word in words]
    if mono:
        samples = numpy.frombuffer(as_pcm16(part).data, "<i2").reshape(-1, part.channels).mean(axis=1)
        part = Sound(Encoding.PCM16, part.rate, 1, samples.astype("<i2").tobytes())
        words = [replace(word, channel=None) for word in words]
    return part, words


def is_silently_taken(sound: Sound, words: Sequence[Word]) -> bool:
    """Whether nobody is told to hear a call because of these words."""
    try:
        return alignment.fit(sound, detect_activity(sound), [of(words)], 0.0).proven
    except Usage:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("mono", [True, False])
@pytest.mark.parametrize("seconds", [5.0, 10.0, 20.0, 30.0, 50.0, 68.0])
def test_words_of_another_call_are_refused_or_somebody_hears_the_call(seconds: float, mono: bool) -> None:
    clips = [clip(number, 1.0, seconds, mono=mono) for number in CALLS]
    for place, (sound, _) in enumerate(clips):
        assert not [
            other for other, (_, words) in enumerate(clips) if other != place and is_silently_taken(sound, words)
        ]


@pytest.mark.parametrize(("seconds", "proven"), [(15.0, False), (70.0, True)])
def test_a_short_call_proves_no_transcript_but_its_own_engines(seconds: float, proven: bool) -> None:
    sound, words = clip(STEREO, 0.0, seconds, mono=False)
    activity = detect_activity(sound)
    assert alignment.fit(sound, activity, [of(words)], 0.0).proven is proven
    assert alignment.fit(sound, activity, [of(words, form=ENGINE)], 0.0).proven
    assert alignment.fit(sound, activity, [of(words, form=ENGINE), of(words)], 0.0).proven is proven
    assert ("words_unproven" in planner.plan(sound, [of(words)], [], strict=False).warnings) is not proven


def test_strict_mode_without_any_scores_is_refused() -> None:
    bare = of([replace(word, score=None) for word in heard(STEREO)])
    with pytest.raises(Usage) as error:
        planned(STEREO, bare, strict=True)
    assert error.value.code == "scores_missing"
    assert planned(STEREO, bare, of(heard(STEREO)), strict=True).cuts


# -- thin and wrong ------------------------------------------------------------------------------------


def thin(number: int = STEREO, other: int = 3) -> list[Word]:
    """A few words, of which nobody can tell that they are of this call."""
    return [word for word in heard(other, KINDS[1]) if word.end < call(number).duration][::6]


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False])
def test_a_thin_transcript_that_does_not_fit_is_left_out_beside_one_that_does(first: bool) -> None:
    good, few = of(heard(STEREO)), of(thin(), file="second.json")
    plan = planned(STEREO, *([few, good] if first else [good, few]))
    alone = planned(STEREO, good)
    assert (plan.cuts, plan.words) == (alone.cuts, alone.words)
    assert [(each.place, each.file, each.why) for each in plan.dropped] == [
        (1 if first else 2, "second.json", "another_call")
    ]
    assert {*plan.warnings} == {*alone.warnings, "transcript_dropped"}


def gappy(number: int, name: str) -> tuple[list[Word], Word]:
    """Every other word of a second engine, which alone heard a name; and that name."""
    words = list(heard(number, KINDS[1])[::2])
    at = next(at for at, word in enumerate(words) if word.start > 20.0)
    words[at] = replace(words[at], text=name)
    return words, words[at]


@pytest.mark.slow
@pytest.mark.parametrize("number", CALLS)
def test_of_a_transcript_with_gaps_that_is_used_which_lies_beside_words_that_another_has_too(number: int) -> None:
    alone = planned(number, of(heard(number)))
    for seconds in (0.0, 0.4):
        words, named = gappy(number, "Zebulon")
        plan = planned(number, of(heard(number)), of(shift(words, seconds), file="second.json"))
        cuts = [cut for cut in plan.cuts if cut.status != LOOK]
        for own in (cut for cut in alone.cuts if cut.status != LOOK and cut.sources != ("no_words",)):
            assert any(cut.start <= own.start + 0.01 and own.end - 0.01 <= cut.end for cut in cuts), own
        assert any(cut.start <= named.start + 0.2 and named.end <= cut.end for cut in cuts)
        assert {each.file for each in plan.dropped} <= {"second.json"}


def test_nothing_of_another_call_counts_as_shared() -> None:
    for number in CALLS:
        for other in set(CALLS) - {number}:
            assert find_offset(heard(other), heard(number), 1.5) is None, (number, other)


def test_a_word_that_is_said_again_and_again_is_no_work_and_shows_nothing() -> None:
    words = [Word("again", 0.06 * number, 0.06 * number + 0.05, 0.9, 0) for number in range(3000)]
    tokens = tokenise(words)
    assert len(list(shared_words._gaps(tokens, tokens, 1.5))) <= shared_words.OFTEN * len(tokens)
    assert find_offset(words, words, 1.5) is None


@pytest.mark.parametrize(
    ("transcripts", "file", "why"),
    [
        ([of(thin(), file="thin.json")], "thin.json", "another_call"),
        ([of(heard(STEREO)), of(thin(), Redaction(3.0, 4.0), file="marks.json")], "marks.json", "another_call"),
        ([of(heard(STEREO)), of(heard(3), file="whole.json")], "whole.json", "another_call"),
        ([of(heard(STEREO)), of([replace(heard(STEREO)[5], channel=7)], file="c.json")], "c.json", "no_such_channel"),
        ([of([word for word in heard(STEREO) if word.channel == 0], file="agent.json")], "agent.json",
         "covers_too_little"),
    ],
)  # fmt: skip
def test_a_transcript_that_is_refused_is_named(transcripts: list[Transcript], file: str, why: str) -> None:
    with pytest.raises(Usage) as error:
        planned(STEREO, *transcripts)
    assert (error.value.code, error.value.detail["file"], error.value.detail["why"]) == ("transcript_misfit", file, why)


def test_an_engine_that_heard_next_to_nothing_is_no_wrong_file() -> None:
    with pytest.raises(Usage) as error:
        planned(STEREO, of(heard(STEREO)[:20], file="", form=ENGINE))
    assert error.value.code == "engine_heard_too_little"


# -- no measure of speech ------------------------------------------------------------------------------


@pytest.mark.sampled(1)
@pytest.mark.slow
@pytest.mark.rule("data.pseudonymised")
@pytest.mark.parametrize("folder", ["given", "made"])
@pytest.mark.parametrize(("below", "even"), [(25.0, 0.0), (25.0, 0.05), (20.0, 0.02), (15.0, 0.1)])
def test_strict_mode_covers_a_gated_call_as_it_covers_the_call(folder: str, below: float, even: float) -> None:
    plain, shut, over = [], [], []
    for each in evaluation.labelled_calls(FOLDERS / folder):
        before = evaluation.evaluate(each, CopyOrder(Mode.STRICT))
        sound = gated(each.sound, below, even)
        after = evaluation.evaluate(replace(each, sound=sound), CopyOrder(Mode.STRICT))
        plain += before.covers
        shut += after.covers
        over.append(after.over_cut - before.over_cut)
    assert evaluation.figures(shut).mean_cover >= 0.99 * evaluation.figures(plain).mean_cover
    assert -0.08 < sum(over) / len(over) < 0.05, "nor does it cut much less, or more"


def test_where_words_lie_where_no_speech_was_measured_all_sound_is_speech_and_somebody_is_warned() -> None:
    level = numpy.where(numpy.arange(3000) % 500 < 400, -20.0, -90.0).astype("f4")[None].repeat(2, axis=0)
    activity = Activity(numpy.zeros((2, 3000), bool), level)
    words = [Word("ja", 5.0 * at + 1.0, 5.0 * at + 1.7, 0.9, 0) for at in range(6)]
    measured = alignment._measured_by(activity, words)
    assert measured.speech[0].sum() * STEP == pytest.approx(24.0) and not measured.speech[1].any()
    assert alignment._measured_by(activity, words[:2]) is activity, "two words may be a mistake"
    speech = activity.speech.copy()
    speech[0, 100:200] = speech[0, 600:700] = speech[0, 1100:1200] = True
    assert alignment._measured_by(Activity(speech, level), words) is not activity.speech


@pytest.mark.slow
def test_strict_mode_cuts_what_no_harmless_word_explains_where_the_sound_is_as_loud_in_every_pause() -> None:
    quiet = numpy.random.default_rng(0).standard_normal((call(STEREO).frames, 2)) * 0.1
    loud = made(quiet)
    words = of(heard(STEREO), form=ENGINE)
    plan = planner.plan(loud, [words], [], strict=True)
    detected = planner.plan(loud, [words], [], strict=False)
    assert "speech_unmeasured" in plan.warnings and "speech_unmeasured" in detected.warnings
    total, whole = (sum(cut.end - cut.start for cut in each.cuts) for each in (detected, plan))
    assert whole > total and whole > 0.4 * loud.duration


# -- several engines -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("number", CALLS)
def test_in_strict_mode_another_engine_takes_nothing_away(number: int) -> None:
    own = of(heard(number), form=ENGINE)
    alone = planned(number, own, strict=True)
    assert planned(number, own, replace(own, engine=1), strict=True).cuts == alone.cuts, "nor of the edges"
    other = replace(of([replace(word, text="the") for word in heard(number, KINDS[1])], form=ENGINE), engine=1)
    plan = planned(number, own, other, strict=True)
    found = weighing.find(plan.words[0], phonetic.prepare_names(list(told(number)["known"].values())))
    for finding in (*found.identifiers, *found.possible):
        first, last = max(0.0, finding.start - 0.29), min(call(number).duration, finding.end + 0.29)
        assert any(cut.start <= first and last <= cut.end for cut in plan.cuts), finding
