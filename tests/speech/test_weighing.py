"""What the rules find and what the network finds, put together: what is certain is cut, whatever the network says."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.speech.detectors import identifiers, network, phonetic, weighing
from arlo_rec.speech.words import Word
from tests.support.properties import examples
from tests.support.talk import LANGUAGES, talk, words_of

NOBODY = phonetic.prepare_names([])
TELLING = [
    "ja",
    "hei",
    "koden",
    "er",
    "sju",
    "to",
    "fire",
    "null",
    "åtte",
    "Kari",
    "kodeordet",
    "sol",
    "takk",
    "min",
    "adresse",
    "Storgata",
    "7",
    "syk",
    "hva",
    "heter",
    "du",
]


def covered(word: Word, findings: list[identifiers.Finding]) -> bool:
    return any(
        finding.channel == word.channel and finding.start < word.end and word.start < finding.end
        for finding in findings
    )


words_of_calls = st.lists(st.tuples(st.sampled_from(TELLING), st.sampled_from([0, 1])), min_size=1, max_size=30).map(
    lambda drawn: [Word(text, at / 2, at / 2 + 0.3, None, channel) for at, (text, channel) in enumerate(drawn)]
)


@examples(60)
@given(words_of_calls)
def test_what_a_rule_is_certain_of_is_cut_whatever_the_network_says(words: list[Word]) -> None:
    found = weighing.find(words, NOBODY)
    certain = [
        finding
        for finding in identifiers.find_identifiers(words, NOBODY)
        if (finding.type, finding.source) not in weighing.PROPOSALS
    ]
    assert [finding for finding in certain if finding not in found.identifiers] == []


def test_five_digits_go_whatever_the_network_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(streams: list[list[object]], _: object) -> list[network.Floats]:
        return [network.np.eye(1, len(network.CLASSES), dtype="f").repeat(len(stream), axis=0) for stream in streams]

    monkeypatch.setattr(network, "score", nothing)
    words = [
        Word(text, at / 2, at / 2 + 0.3, None, 1)
        for at, text in enumerate(["det", "er", "sju", "to", "fire", "null", "åtte"])
    ]
    found = weighing.find(words, NOBODY).identifiers
    assert [word.text for word in words if covered(word, found)] == ["sju", "to", "fire", "null", "åtte"]


def test_what_is_only_proposed_stays_where_it_is_ruled_out_and_goes_where_it_was_heard_badly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = [(0, "hva er kodeordet ditt"), (1, "det er gråstein")]
    words, at = [], 0.0
    for channel, text in turns:
        for each in text.split():
            words.append(Word(each, at, at + 0.3, 0.9, channel))
            at += 0.5
    answer = words[-1]
    assert covered(answer, identifiers.find_identifiers(words, NOBODY)), "the rule proposes it"

    def nothing(streams: list[list[object]], _: object) -> list[network.Floats]:
        return [network.np.eye(1, len(network.CLASSES), dtype="f").repeat(len(stream), axis=0) for stream in streams]

    monkeypatch.setattr(network, "score", nothing)
    ruled_out = [each for each in weighing.find(words, NOBODY).identifiers if each.source == "answer"]
    assert not covered(answer, ruled_out)
    badly = replace(answer, score=0.2)
    assert covered(badly, weighing.find([*words[:-1], badly], NOBODY).identifiers)


@pytest.mark.parametrize("language", LANGUAGES)
def test_strict_mode_cuts_all_that_the_network_finds(language: str) -> None:
    for call in random.Random(language).sample(list(talk(language, "lower")), 5):
        words = words_of(call)
        found = weighing.find(words, NOBODY)
        alone = [finding for finding in found.identifiers if finding.source == "context"]
        assert [word for word in words if covered(word, alone) and not covered(word, found.possible)] == []


def test_thresholds_stand_in_their_order() -> None:
    assert 0 < weighing.PART_OF_POSSIBLE < weighing.PART < weighing.LIKELY < 1
    assert weighing.HARMLESS < weighing.POSSIBLE < weighing.LIKELY
    assert weighing.RULED_OUT < weighing.LIKELY
