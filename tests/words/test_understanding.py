"""Words of an engine that does not know the language are told from words that were understood."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy
import pytest

from arlo_rec.calls.training import evaluation
from arlo_rec.sound.speech import ENGINE, Language, Transcript, Word
from arlo_rec.words.engine import transcribe, whisper
from arlo_rec.words.planner import FEW, is_understood
from tests.support import needs
from tests.support.given_calls import made
from tests.support.models import BASE, needs_base
from tests.support.places import CALLS
from tests.support.talk import LANGUAGES, talk, words_of

GUESSED = "Ait gløt eugia ait hafrua boks arven en ait spuftspil eid brø tøks linjnyks maskotten eid glorpinge"
UNDERSTOOD = "hei jeg ringer fordi alarmen ikke virker og jeg vil gjerne ha hjelp med det i dag hvis du kan"
# Real voices, not ours to ship: Debian's tuxpaint-stamps-default, or a folder of its files
STAMPS = Path(os.environ.get("ARLO_REC_TEST_STAMPS", "/usr/share/tuxpaint/stamps"))


def said(text: str, score: float | None, channel: int | None = None) -> list[Word]:
    return [Word(word, at * 0.4, at * 0.4 + 0.3, score, channel) for at, word in enumerate(text.split())]


def heard(*words: Sequence[Word], languages: tuple[Language, ...] = (), form: str = ENGINE) -> Transcript:
    return Transcript(form, tuple(word for some in words for word in some), languages=languages)


@pytest.mark.parametrize("folder", ["given", "made"])
def test_english_that_was_heard_in_noise_was_understood_in_either_pass(folder: str) -> None:
    for call in evaluation.labelled_calls(CALLS / folder):
        for transcript in call.transcripts:
            assert is_understood([transcript]), call.name
        assert is_understood(call.transcripts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_talk_without_scores_is_known_by_its_words_in_each_of_our_languages(language: str) -> None:
    for call in talk(language, "lower"):
        assert is_understood([Transcript("words", tuple(words_of(call)))])


@pytest.mark.parametrize(
    ("text", "score", "right"),
    [
        (UNDERSTOOD, 0.9, True),
        (UNDERSTOOD, 0.6, True),
        (UNDERSTOOD, 0.5, False),
        (GUESSED, 0.69, False),
        (GUESSED, 0.95, False),
        (GUESSED, None, False),
        (UNDERSTOOD, None, True),
        ("", 0.9, True),
        ("spuftspil", 0.4, False),
        ("spuftspil", 0.8, True),
    ],
)
def test_a_guess_is_told_by_scores_and_by_words_that_nobody_says(text: str, score: float | None, right: bool) -> None:
    assert is_understood([heard(said(text, score))]) is right


@pytest.mark.parametrize(("score", "right"), [(0.95, True), (0.4, True)])
def test_scores_of_an_aligner_say_nothing_of_understanding(score: float, right: bool) -> None:
    assert is_understood([heard(said(UNDERSTOOD, score), form="whisperx")]) is right


@pytest.mark.parametrize(
    ("language", "sure", "score", "right"),
    [("no", 0.99, 0.9, True), ("de", 0.99, 0.9, False), ("la", 0.56, 0.9, False), ("nn", 0.4, 0.7, False),
     ("nn", 0.4, 0.9, True), ("en", 0.98, 0.7, True)],
)  # fmt: skip
def test_a_language_that_we_have_no_lists_of_or_that_nobody_is_sure_of_is_not_understood(
    language: str, sure: float, score: float, right: bool
) -> None:
    assert is_understood([heard(said(UNDERSTOOD, score), languages=(Language(None, language, sure),))]) is right


def test_each_channel_must_be_understood_by_a_pass_that_has_its_words() -> None:
    good, bad = said(UNDERSTOOD, 0.9, 0), said(GUESSED, 0.5, 1)
    assert not is_understood([heard(good, bad)])
    assert is_understood([heard(good, bad), heard(said(UNDERSTOOD, 0.9, 1))])
    assert not is_understood([heard(good, bad), heard(said(UNDERSTOOD, 0.9, 1)[: len(bad) // 3])]), "a few words"


def test_a_few_words_of_a_channel_are_judged_with_the_others() -> None:
    good, few = said(UNDERSTOOD, 0.9, 0), said(GUESSED, 0.5, 1)
    foreign = (Language(1, "ko", 0.3),)
    assert is_understood([heard(good, few[: FEW - 1], languages=foreign)]) is False, "of the whole, too"
    assert is_understood([heard(good, few[: FEW - 1])])
    assert not is_understood([heard(good, few[:FEW])])


# -- a real engine and real voices --------------------------------------------------------------------


def stamps(language: str, count: int) -> Iterator[Any]:
    """Calls of eight clips each, in the band and with the noise of a telephone."""
    import soundfile

    paths, chance = sorted(STAMPS.rglob(f"*_desc_{language}.ogg")), Random(language)
    for _ in range(count):
        parts = []
        for path in chance.sample(paths, 8):
            wave, rate = soundfile.read(path, always_2d=True)
            step = numpy.arange(0, len(wave), rate / 8000).astype(int)
            parts += [wave.mean(axis=1)[step], numpy.zeros(5000)]
        whole = numpy.concatenate(parts)
        noise = numpy.random.default_rng(1).standard_normal(len(whole)) * numpy.sqrt((whole**2).mean() / 300)
        yield made((0.5 * (whole + noise) / abs(whole).max())[:, None])


@needs_base
@needs.mark(needs.file(STAMPS, "tuxpaint-stamps-default"))
@pytest.mark.parametrize(
    ("language", "asked", "least"), [("nn", None, 3), ("nn", "nn", 3), ("nn", "en", 3), ("da", "da", 2)]
)
def test_base_does_not_understand_norwegian_and_it_shows_and_little_danish(
    language: str, asked: str | None, least: int
) -> None:
    with whisper(Path(str(BASE)), threads=2) as engine:
        guessed = [not is_understood(transcribe([engine], sound, asked, [])) for sound in stamps(language, 3)]
    assert sum(guessed) >= least


@needs_base
def test_base_understands_english_and_says_so(whole: bool) -> None:
    calls = [replace(call, transcripts=()) for call in evaluation.labelled_calls(CALLS / "given")]
    with whisper(Path(str(BASE)), threads=2) as engine:
        for call in calls if whole else calls[2:3]:
            (transcript,) = transcribe([engine], call.sound, None, [])
            assert {language.name for language in transcript.languages} == {"en"}
            assert is_understood([transcript])
