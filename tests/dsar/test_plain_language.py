"""The letter is easy to read: LIX of the Norwegian one; words of the trade are explained where they first stand."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from arlo_rec.dsar.answer import Answer
from arlo_rec.i18n.messages import LANGUAGES
from arlo_rec.model.particulars import Particulars
from tests.support.answers import ANSWER, BY_TURNS, EMPLOYEE, LATER, MONO, NOTHING, OWN, letter_of

pytestmark = pytest.mark.slow

HARDEST = 45  # LIX: 35 to 45 is fiction and ordinary newspapers, above it official texts (C. H. Björnsson, 1968)
LONG = 7  # letters of a long word
SENTENCE = 5  # words; what is shorter would only make the letter look easier
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
NOT_OURS = re.compile(r"<(blockquote|bdi|code|q|svg)\b[^>]*>.*?</\1>", re.S)  # others' words, and no words
LINK = re.compile(r'<a class="term" href="#word-(\w+)">(.*?)</a>')
BLOCK = re.compile(r"</?(?:p|li|dt|dd|h\d|td|th|caption|summary|div|tr|ul|ol|dl|table|section|article|nav)\b[^>]*>")


def own_text(letter: str) -> str:
    """The letter's own sentences: without what is no sentence, as headings and single words in a list are.

    A block ends a sentence, as its last line does on paper.
    """
    blocks = BLOCK.split(NOT_OURS.sub(" ", letter))
    texts = [html.unescape(re.sub(r"<[^>]*>", "", block)) for block in blocks]
    return " . ".join(text for text in texts if len(text.split()) >= SENTENCE) + " . "


def lix(text: str) -> float:
    """Words per sentence, plus the percentage of words of more than six letters."""
    sentences = [one for one in re.split(r"[.:!?]+(?=\s)", text) if re.search(r"\w", one)]
    words = re.findall(r"[^\W\d_]+", text)
    return len(words) / len(sentences) + 100 * sum(len(word) >= LONG for word in words) / len(words)


def test_lix_is_what_its_author_counts() -> None:
    assert lix("Jeg bor her. Du kommer hit . ") == 3
    assert lix("Behandlingsansvarlig vurderer rettsgrunnlaget kontinuerlig. ") == 104


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_the_norwegian_letter_is_no_harder_than_a_newspaper(answer: Answer) -> None:
    text = own_text(letter_of(answer))
    assert len(text.split()) > 500
    assert lix(text) <= HARDEST


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
