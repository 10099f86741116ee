"""What the rules find and what the network finds, put together: what is certain is cut, whatever the network says."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import identifiers, network, phonetic, weighing
from arlo_rec.words.detectors.identifiers import Finding
from tests.support.talk import LANGUAGES, NOBODY, talk, words_of

ANSWERED = [(0, "hva er kodeordet ditt"), (1, "det er gråstein")]


def said(turns: Sequence[tuple[int | None, str]], score: float | None = 0.9) -> list[Word]:
    words, at = [], 0.0
    for channel, text in turns:
        for each in text.split():
            words.append(Word(each, at, at + 0.3, score, channel))
            at += 0.35
        at += 0.8
    return words


def covered(word: Word, findings: Sequence[Finding]) -> bool:
    return any(
        finding.channel == word.channel and finding.start <= word.start and word.end <= finding.end
        for finding in findings
    )


def left(words: Sequence[Word], findings: Sequence[Finding]) -> str:
    return " ".join(word.text for word in words if not covered(word, findings))


@pytest.fixture
def ruling_all_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that takes every word for nothing."""

    def nothing(streams: Sequence[Sequence[object]], _: object) -> list[network.Floats]:
        return [np.eye(1, len(network.CLASSES), dtype="f").repeat(len(stream), axis=0) for stream in streams]

    monkeypatch.setattr(network, "score", nothing)


@pytest.mark.usefixtures("ruling_all_out")
@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("det er sju to fire null åtte", "det er"),
        ("skriv til kari punktum vik krøllalfa eksempel punktum no", "skriv til"),
        ("serienummeret er A B 4 7 C 9 tror jeg", "serienummeret er tror jeg"),
        ("K som i Kari A som i Anna R som i Rune I som i Ida", ""),
        ("jeg heter Gunnleik Skarveflot", "jeg heter"),
        ("my name is Tavish Merrick", "my name is"),
        ("jeg bor i Storgata 17 B", "jeg bor i"),
        ("kodeordet er gråstein", "kodeordet er"),
    ],
)
def test_what_a_rule_is_certain_of_is_cut_whatever_the_network_says(text: str, stays: str) -> None:
    words = said([(1, text)])
    assert left(words, weighing.find(words, NOBODY).identifiers) == stays


@pytest.mark.usefixtures("ruling_all_out")
def test_a_known_name_is_cut_whatever_the_network_says() -> None:
    words = said([(0, "takk skal du ha merrick")])
    known = phonetic.prepare_names(["Tavish Merrick"])
    assert left(words, weighing.find(words, known).identifiers) == "takk skal du ha"


@pytest.mark.usefixtures("ruling_all_out")
def test_what_is_only_proposed_stays_where_it_is_ruled_out_and_goes_where_it_was_heard_badly() -> None:
    words = said(ANSWERED)
    answer = words[-1]
    assert covered(answer, identifiers.find_identifiers(words, NOBODY)), "the rule proposes it"
    answered = [each for each in weighing.find(words, NOBODY).identifiers if each.source == "answer"]
    assert not covered(answer, answered)
    badly = replace(answer, score=0.2)
    assert covered(badly, weighing.find([*words[:-1], badly], NOBODY).identifiers)


@pytest.mark.usefixtures("ruling_all_out")
def test_a_word_that_takes_no_time_is_not_lost() -> None:
    words = said(ANSWERED, 0.2)
    at_once = replace(words[-1], end=words[-1].start)
    assert covered(at_once, weighing.find([*words[:-1], at_once], NOBODY).identifiers)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [(0, 1), (1, 0), (None, None)])
@pytest.mark.parametrize("secret", ["gråstein", "vindu", "blå traktor"])
def test_a_secret_that_is_said_again_far_from_the_question_is_cut_there_too(
    secret: str, channels: tuple[int | None, int | None]
) -> None:
    agent, caller = channels
    story = [(side, "så var det sensoren på badet som ikke svarte da vi prøvde på nytt i går") for side in channels * 4]
    turns = [(agent, "hva er kodeordet ditt"), (caller, f"det er {secret}"), (agent, "takk"), *story]
    words = said([*turns, (caller, f"men jeg kan jo ikke bare rope {secret.split()[-1]} til alle")])
    found = weighing.find(words, NOBODY).identifiers
    last = secret.split()[-1]
    assert [covered(word, found) for word in words if word.text == last] == [True, True]


@pytest.mark.slow
def test_what_tells_without_a_name_is_shown_and_not_cut_as_such() -> None:
    for language in LANGUAGES:
        for call in talk(language, "cased", "fresh", ".tune"):
            found = weighing.find(words_of(call), NOBODY)
            assert "circumstance" not in {each.type for each in found.identifiers}
            assert {each.type for each in found.circumstances} <= {"circumstance"}


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_strict_mode_cuts_all_that_the_network_finds(language: str) -> None:
    counted = 0
    for call in random.Random(language).sample(list(talk(language, "lower")), 5):
        words = words_of(call)
        found = weighing.find(words, NOBODY)
        alone = [finding for finding in found.identifiers if finding.source == "context"]
        counted += len(alone)
        assert [word for word in words if covered(word, alone) and not covered(word, found.possible)] == []
    assert counted > 20


def test_thresholds_stand_in_their_order() -> None:
    assert 0 < weighing.PART_OF_POSSIBLE < weighing.PART < weighing.LIKELY < 1
    assert weighing.HARMLESS < weighing.POSSIBLE < weighing.LIKELY
    assert weighing.RULED_OUT < weighing.LIKELY


@pytest.mark.slow
def test_questions_without_end_cost_as_much_per_word_as_a_few() -> None:
    def cost(times: int) -> float:
        words = said(ANSWERED * times)
        began = time.process_time()
        weighing.find(words, NOBODY)
        return (time.process_time() - began) / times

    cost(20)
    assert cost(800) < 4 * cost(200)
