"""How common a word is, by wordfreq's lists: read as wordfreq reads them, and nothing that may identify among them."""

from __future__ import annotations

import pytest
import wordfreq

from arlo_rec.words.detectors import word_lists
from arlo_rec.words.detectors.word_lists import LANGUAGES, is_common, is_known, is_word


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_are_those_of_wordfreq_in_its_order(language: str) -> None:
    told = [
        word for word in wordfreq.top_n_list(language, 1_000_000, wordlist="small") if not any(map(str.isdigit, word))
    ]
    ours = word_lists._by_frequency(language)
    assert (ours[:200], set(ours)) == (told[:200], set(told))


@pytest.mark.parametrize("word", ["ikke", "kamera", "battery", "knappen", "også", "naturligvis", "klockan", "aldrig"])
def test_what_everybody_says_is_common(word: str) -> None:
    assert is_common(word)


@pytest.mark.parametrize("word", ["stavanger", "kari", "sju", "forty", "lærer", "kreft", "bath", "olsen"])
def test_names_towns_numbers_and_what_tells_somebody_are_not_however_often_they_are_said(word: str) -> None:
    assert not is_common(word)


@pytest.mark.parametrize("word", ["alarmsentralen", "lyskaster", "fakturaen"])
def test_compounds_and_inflections_are_words(word: str) -> None:
    assert is_word(word)


@pytest.mark.parametrize("name", ["bhavneet", "szczepański", "ruqayat", "kvitleåsbø"])
def test_a_name_that_nobody_listed_is_no_word(name: str) -> None:
    assert not is_word(name) and not any(is_known(name, language) for language in LANGUAGES)
