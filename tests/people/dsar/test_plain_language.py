"""The letter is easy to read: LIX of the Norwegian one; words of the trade are explained where they first stand."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from arlo_rec.law.messages import LANGUAGES
from arlo_rec.law.model.particulars import Particulars
from arlo_rec.people.dsar.answer import Answer
from tests.support.answers import ANSWER, BY_TURNS, EMPLOYEE, LATER, MONO, NOTHING, OWN, letter_of
from tests.support.plain_language import NOT_OURS, lix, own_text

pytestmark = pytest.mark.slow

HARDEST_LETTER = 38  # LIX, far below that of official texts
ANSWERS = {
    "full": ANSWER,
    "nothing": NOTHING,
    "one": replace(ANSWER, recordings=(LATER,)),
    "withheld": replace(ANSWER, recordings=(MONO,), particulars=Particulars(processors=())),
    "employee": EMPLOYEE,
    "single track": replace(ANSWER, recordings=(BY_TURNS,)),
    "whole": replace(ANSWER, recordings=(replace(OWN, own_speech=False, copies=()),), whole_call_reason="Grunn."),
}
JARGON = {  # patterns of the beginnings of words that a customer need not know
    "nb": (
        *("pseudonymis", "behandlingsansvarlig", "databehandler", "personvernforordning", "gdpr", "personopplysning"),
        *(
            "rettslig",
            "avskrift",
            "eøs",
            "sikkerhetskopi",
            "kontrollsum",
            "kryptert",
            "logg",
            "signer",
            "interesseavveining",
        ),
        *("transkri", "metadata", "hash", "signatur", "klartekst", "kanal", "stereo", "mono", "segment"),
    ),
    "en": (
        *("pseudonymis", "controller", "processor", "gdpr", "general data protection", "personal data", "legal basis"),
        *("transcript", "eea", "backup", "checksum", "encrypt", r"logs?\b", "signed", "balance of interests"),
        *("metadata", "hash", "signature", "plaintext", "channel", "stereo", "mono", "segment", "data subject"),
    ),
}
LINK = re.compile(r'<a class="term" href="#word-(\w+)">(.*?)</a>')


def test_lix_is_what_its_author_counts() -> None:
    assert lix("Jeg bor her. Du kommer hit . ") == 3
    assert lix("Behandlingsansvarlig vurderer rettsgrunnlaget kontinuerlig. ") == 104


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_the_norwegian_letter_is_no_harder_than_a_newspaper(answer: Answer) -> None:
    text = own_text(letter_of(answer))
    assert len(text.split()) > 500
    assert lix(text) <= HARDEST_LETTER


def unexplained(letter: str, lang: str) -> list[str]:
    """The words of the trade whose first place in the letter is no link to an explanation that is there."""
    body, words = NOT_OURS.sub(" ", letter).split('<section id="words">')
    there = set(re.findall(r'id="word-(\w+)"', words))
    marked = LINK.sub(lambda found: f"\0{found[2]}\0" if found[1] in there else found[2], body)
    text = html.unescape(re.sub(r"<[^>]*>", "", marked))
    firsts = {word: re.search(rf"(?<!\w){word}", text, re.IGNORECASE) for word in JARGON[lang]}
    return [word for word, first in firsts.items() if first and text.count("\0", 0, first.start()) % 2 == 0]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_every_word_of_the_trade_is_explained_where_it_first_stands(answer: Answer, lang: str) -> None:
    letter = letter_of(answer, lang)
    assert unexplained(letter, lang) == []
    used = [code for code, _ in LINK.findall(letter)]
    assert set(re.findall(r'id="word-(\w+)"', letter)) == set(used)  # none is explained that is not used


def test_a_word_that_is_not_explained_is_found() -> None:
    letter = letter_of(ANSWER)
    assert unexplained(letter.replace('<a class="term" href="#word-checksum">', "<a>"), "nb") == ["kontrollsum"]
    assert unexplained(letter.replace('id="word-eea"', ""), "nb") == ["eøs"]
    assert unexplained(letter.replace("Kort fortalt", "Metadata"), "nb") == ["metadata"]
