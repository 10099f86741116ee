"""Words of a repetition loop are taken for badly heard, and people who repeat themselves are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.calls.training import evaluation
from arlo_rec.sound.speech import Transcript, Word
from arlo_rec.words import loops, planner
from tests.support.given_calls import call, heard
from tests.support.places import CALLS

TALK = ["thank", "you", "for", "calling", "how", "can", "I", "help", "with", "the", "camera", "at", "the", "door"]
PHRASES = st.lists(st.sampled_from(TALK), min_size=1, max_size=7)


def said(texts: list[str], score: float | None = 0.9, channel: int = 0, start: float = 0.0) -> list[Word]:
    return [Word(text, start + 0.4 * at, start + 0.4 * at + 0.3, score, channel) for at, text in enumerate(texts)]


@given(PHRASES)
def test_a_phrase_that_fills_a_window_is_a_loop_however_sure_its_words_are(phrase: list[str]) -> None:
    texts = (phrase * 96)[:96]
    marked = loops.mark(Transcript("words", tuple(said(texts))))
    assert {word.score for word in marked.words} == {loops.LOOP_SCORE}
    assert [word.text for word in marked.words] == texts


def test_a_loop_in_one_channel_says_nothing_of_the_other_nor_of_what_was_said_before() -> None:
    talk = [word for word in heard(2) if word.channel == 0]
    loop = said(["ja"] * 40, channel=1)
    both = tuple(sorted([*talk, *loop], key=lambda word: word.start))
    marked = loops.mark(Transcript("words", both)).words
    assert all(after == before for after, before in zip(marked, both, strict=True) if before.channel == 0)
    assert {word.score for word in marked if word.channel == 1} == {loops.LOOP_SCORE}


@pytest.mark.parametrize("folder", ["given", "made"])
def test_no_call_as_people_hold_them_is_a_loop(folder: str) -> None:
    for each in evaluation.labelled_calls(CALLS / folder):
        for transcript in each.transcripts:
            assert loops.mark(transcript) is transcript, each.name


def test_a_transcript_without_scores_gets_none() -> None:
    bare = Transcript("srt", tuple(said(["yes"] * 60, None)))
    assert loops.mark(bare) is bare


def test_yes_on_all_speech_is_no_explanation_in_strict_mode() -> None:
    words = tuple(Word("yes", word.start, word.end, 0.99, word.channel) for word in heard(2))
    plan = planner.plan(call(2), [Transcript("words", words)], [], strict=True)
    assert sum(cut.end - cut.start for cut in plan.cuts) > 0.7 * call(2).duration
