"""Find what tells who somebody is without a name: their health, and where they work, learn, live or were in the news.

Health is of a type of its own and always cut (GDPR 9). The rest is harmless more often than not, and only who hears the
call can tell: `circumstance` is where a reviewer looks first. Each is found by what is said of somebody in one phrase;
it reaches from who is spoken of to the end of the clause. GDPR 4(1) and 4(5) call such details identifying, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from arlo_rec.speech.detectors import lexicon as told
from arlo_rec.speech.detectors import word_lists
from arlo_rec.speech.detectors.lexicon import ARTICLES
from arlo_rec.speech.detectors.word_lists import is_common, is_word
from arlo_rec.speech.words import Match, Token, is_cased

PHRASE_PAUSE = 0.9  # seconds of silence that end a phrase
BEFORE, BEHIND = 6, 7  # words that belong to it, as far as the phrase goes
NEAR = 8  # words within which somebody is spoken of
SUBJECT = 3  # words before "works at" in which who works is named
LONG = 6  # letters of a town that is hardly a word, too
ABOUT, HEALTH = "circumstance", "health"


def find_health(stream: Sequence[Token]) -> Iterator[Match]:
    """Yield what is said of somebody's health in the words of one channel; matches may overlap."""
    return (match for match in _find(stream) if match.type == HEALTH)


def find_circumstances(stream: Sequence[Token]) -> Iterator[Match]:
    """Yield where to look for what tells who somebody is, health left out; matches may overlap."""
    yield from (match for match in _find(stream) if match.type == ABOUT)
    cased = is_cased(stream)
    yield from (Match(at, at, ABOUT, "list", 0.5) for at, token in enumerate(stream) if is_place(token, cased=cased))


def _find(stream: Sequence[Token]) -> Iterator[Match]:
    first = 0
    for at, token in enumerate(stream):
        if token.ends or at + 1 == len(stream) or stream[at + 1].start - token.end > PHRASE_PAUSE:
            yield from _in_phrase(stream, first, at)
            first = at + 1


def _in_phrase(stream: Sequence[Token], first: int, last: int) -> Iterator[Match]:
    phrase = stream[first : last + 1]
    for at in range(len(phrase)):
        kind = _kind_of(phrase, at)
        if kind is not None:
            begin, end = _extent(phrase, at)
            yield Match(first + begin, first + end, kind, "cue", 0.6 if kind == HEALTH else 0.5)


def _kind_of(phrase: Sequence[Token], at: int) -> str | None:
    word, behind = phrase[at].folded, phrase[at + 1].folded if at + 1 < len(phrase) else ""
    if word in told.ILL or word in told.ILL_BEGINNINGS:
        return HEALTH
    if not _is_of_somebody(phrase, at):
        return ABOUT if word in told.NEWS or word in told.OFFICE or word in told.LAW else None
    is_fall = word in told.FALLS and at > 0 and _is_person(phrase, at - 1)
    if is_fall or word in told.ILL_OF_PEOPLE or (word, behind) in told.ILL_PAIRS:
        return HEALTH
    tells = (
        _works(phrase, at, word, behind)
        or any(word in words for words in _OF_PEOPLE)
        or word in told.NEWS
        or (word, behind) in told.NEWS_PAIRS
        or ((word, behind) in told.PLACE and any(token.folded in told.HOMES for token in _near(phrase, at)))
    )
    return ABOUT if tells else None


_OF_PEOPLE = (
    *(told.PROFESSIONS, told.SCHOOL, told.OFFICE, told.EVENTS),
    *(told.LAW, told.FAMILY, told.NEIGHBOURS),
)


def _works(phrase: Sequence[Token], at: int, word: str, behind: str) -> bool:
    """Whether somebody is said to work somewhere, or to run something; a camera that works is nobody."""
    if not any(_is_person(phrase, index) for index in range(max(0, at - SUBJECT), at)):
        return False
    return (word in told.WORKS and behind in told.WORKS_AT) or (word in told.OWNS and behind in ARTICLES)


def _near(phrase: Sequence[Token], at: int) -> Sequence[Token]:
    return phrase[max(0, at - NEAR) : at + NEAR]


def _is_of_somebody(phrase: Sequence[Token], at: int) -> bool:
    return any(_is_person(phrase, index) for index in range(max(0, at - NEAR), min(len(phrase), at + NEAR)))


def _is_person(phrase: Sequence[Token], at: int) -> bool:
    """Whether a word names or points at somebody: "my", "han", "naboen", and "i" where it is English."""
    token = phrase[at]
    if token.folded == "i":
        return token.stripped == "I" or (at + 1 < len(phrase) and phrase[at + 1].folded in told.I_BEFORE)
    return token.folded in told.PEOPLE or token.folded in told.SHORTENED


def _extent(phrase: Sequence[Token], at: int) -> tuple[int, int]:
    """From who is spoken of, or a word before, to the end of the clause."""
    begin = next((index for index in range(max(0, at - BEFORE), at) if _is_person(phrase, index)), at)
    end = min(len(phrase) - 1, at + BEHIND)
    for index, (one, other) in enumerate(pairwise(phrase[at : end + 1]), at):
        if one.raw.endswith(",") and is_common(other.folded) and index > at:
            return begin, index
    return begin, end


def is_place(token: Token, *, cased: bool) -> bool:
    """Whether a word is a town's name; where nothing is capitalised, short ones are everyday words more often."""
    if not word_lists.is_place(token.folded):
        return False
    return token.capital and not token.begins if cased else len(token.folded) >= LONG or not is_word(token.folded)
