"""Years, prices and rates are numbers of nobody, however they are said, and also where a number was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import phonetic, weighing
from arlo_rec.words.detectors.quantities import find_quantities
from arlo_rec.words.tokens import tokenise

NOBODY = phonetic.prepare_names([])


def said(text: str) -> list[Word]:
    """Words of a third of a second each; channels change at a bar."""
    words, at = [], 0.3
    for number, turn in enumerate(text.split("|")):
        for word in turn.split():
            words.append(Word(word, round(at, 2), round(at + 0.3, 2), 0.9, number % 2))
            at += 0.35
        at += 0.6
    return words


def quantities(text: str) -> str:
    words = said(text)
    return " ".join(words[place].text for place in sorted(find_quantities(tokenise(words))))


def cut(text: str) -> str:
    words = said(text)
    findings = weighing.find(words, NOBODY).identifiers
    return " ".join(
        word.text
        for word in words
        if any(
            word.start < each.end - 0.01 and word.end > each.start + 0.01 and word.channel == each.channel
            for each in findings
        )
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("vi kjøpte huset i nitten åttifire", "nitten åttifire"),
        ("siden to tusen og elleve har", "to tusen og elleve"),
        ("sedan nittonhundraåttiofyra ja", "nittonhundraåttiofyra"),
        ("since nineteen eighty-four I think", "nineteen eighty-four"),
        ("renta er fem komma seks nå", "fem komma seks"),
        ("det koster fire hundre kroner", "fire hundre kroner"),
        ("min kode er nitten åttifire", ""),
        ("ni komma fire komma to komma en fem", ""),
        ("jeg fant 1984", ""),
    ],
)
def test_years_amounts_and_decimals_are_told_by_the_words_around_them(text: str, found: str) -> None:
    assert quantities(text).startswith(found) and bool(quantities(text)) == bool(found)


@pytest.mark.parametrize(
    "text",
    [
        "Hva koster det?|Det er fem komma seks prosent.|Det var da vi kjøpte huset i nitten åttifire.",
        "hvad koster det?|tre hundrede og halvfems kroner|vi har boet her siden nitten fireogfirs",
        "Can I have your number please?|Are you a customer with us?",
        "Which model is it?|That model from 2015 and the new one.",
    ],
)
def test_they_stay_also_where_a_number_was_asked_for(text: str) -> None:
    assert cut(text) == ""


@pytest.mark.parametrize(
    "text",
    ["Når er du født?|I nitten åttifire.", "What's your date of birth?|In nineteen eighty-four, the third of May."],
)
def test_a_year_that_answers_when_somebody_was_born_goes(text: str) -> None:
    assert text.split("|")[1].split()[1] in cut(text)


WORDS = ("i", "siden", "1984", "nitten", "åttifire", "fem", "komma", "seks", "kroner", "point", "is", "12")


WORDS = ("i", "siden", "1984", "nitten", "åttifire", "fem", "komma", "seks", "kroner", "point", "is", "12")


@given(st.lists(st.sampled_from(WORDS), max_size=8))
def test_every_place_is_one_of_the_words(words: list[str]) -> None:
    assert find_quantities(tokenise(said(" ".join(words)))) <= set(range(len(words)))
