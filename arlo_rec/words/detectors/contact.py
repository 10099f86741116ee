"""Find e-mail addresses, street addresses and dates of birth in the words of one channel.

The extent of a match follows from its words: "at" and "dot" for an e-mail address, an ending and a house number for a
street, a month and a year for a date. A missed word could identify a person, so in doubt a match is one word too
long. Functions take a channel's tokens and the index *at* of one of them; spans are first and last index, inclusive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.words.detectors import lexicon as lex
from arlo_rec.words.detectors import word_lists
from arlo_rec.words.detectors.numerals import has_digits, is_number
from arlo_rec.words.detectors.word_lists import is_harmless
from arlo_rec.words.tokens import Match, Token

MOST_LOCAL = 6  # words of an address's local part
_ENDINGS = lex.split_words("com no se dk net org eu info io")
_NUMERIC_DATE = re.compile(r"^\d{1,4}[./-]\d{1,2}[./-]\d{2,4}$")
_YEAR = re.compile(r"^(19\d\d|200\d|201\d)$")
_DAY = re.compile(r"^([1-9]|[12]\d|3[01])(\.|st|nd|rd|th)?$")
_HOUSE = re.compile(r"^\d{1,4}[a-zæøå]?$")
_HOUSE_WITH_LETTER = re.compile(r"^\d{1,3}[a-h]$")
BIRTH_REACH = 12  # words after "born" or "date of birth" that are searched


def find_emails(stream: Sequence[Token]) -> Iterator[Match]:
    """Yield e-mail addresses, spoken ("kari at example dot com") or written."""
    at = 0
    while at < len(stream):
        span = _find_email(stream, at)
        if span:
            yield Match(*span, Kind.EMAIL, "rule", 0.95)
            at = span[1]
        at += 1


def _find_email(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    """The span of an e-mail address whose "at", or first word of its domain, is at index *at*."""
    token = stream[at]
    if _is_literal(token.folded):
        return _find_local_start(stream, at), _find_domain_end(stream, at)
    if token.folded in lex.AT and (token.folded != "at" or _find_domain_end(stream, at) > at):
        return _find_local_start(stream, at), _find_domain_end(stream, at)
    pair = (token.folded, stream[at + 1].folded) if at + 1 < len(stream) else ("", "")
    if pair in lex.AT_PAIRS:
        return _find_local_start(stream, at), _find_domain_end(stream, at + 1)
    if token.folded == "at" and _find_domain_end(stream, at) > at + 1:
        return _find_local_start(stream, at), _find_domain_end(stream, at)
    if token.folded in lex.DOT and pair[1] in lex.DOMAINS and at > 0 and not stream[at - 1].ends:
        return _find_local_start(stream, max(at - 1, 0)), at + 1
    return None


def _is_literal(word: str) -> bool:
    """Whether a word is a written e-mail address or domain."""
    before, at, behind = word.partition("@")
    if at and before and behind:
        return True
    name, dot, ending = word.rpartition(".")
    return bool(dot and name) and ending in _ENDINGS


def _find_local_start(stream: Sequence[Token], at: int) -> int:
    """Index of the first word of the local part: words joined by dots and dashes, or single letters and digits."""
    first, used = at, 0
    while first > 0 and used < MOST_LOCAL:
        before = stream[first - 1]
        joined = first < at and stream[first].folded in lex.DOT | lex.JOINED
        digit = has_digits(before) or before.folded in lex.UNITS
        takes = before.folded in lex.DOT | lex.JOINED or joined or digit or len(before.folded) == 1
        if not takes and (before.folded in lex.BEFORE_MAIL or used >= 2 or before.ends):
            break
        if stream[first].start - before.end > 2.0:
            break
        first, used = first - 1, used + (0 if takes else 1)
    return first


def _find_domain_end(stream: Sequence[Token], at: int) -> int:
    """Index of the last word of the domain after "at"; *at* itself where no domain follows within five words."""
    last = at
    for index in range(at + 1, min(at + 6, len(stream))):
        word = stream[index].folded
        if stream[index].start - stream[index - 1].end > 2.0:
            break
        dotted = stream[index - 1].folded in lex.DOT
        if (dotted or word in lex.DOMAINS or _is_literal(word)) and (word not in {"no", "me", "post"} or dotted):
            last = index
            if not (index + 1 < len(stream) and stream[index + 1].folded in lex.DOT):
                break
    return last


def find_addresses(stream: Sequence[Token]) -> Iterator[Match]:
    """Yield streets with house number, postcode and town, postcodes alone, and up to eight words after "I live in"."""
    for at in range(len(stream)):
        span = _find_street(stream, at) or _find_postcode(stream, at) or _find_house_alone(stream, at)
        if span:
            yield Match(*span, Kind.ADDRESS, "rule", 0.85)
        pair = (stream[at].folded, stream[at + 1].folded) if at + 1 < len(stream) else ("", "")
        if pair in lex.LIVE:
            last = at + 1
            while last + 1 < len(stream) and last - at < 9 and not stream[last].ends:
                last += 1
            if last > at + 1:
                yield Match(at + 2, last, Kind.ADDRESS, "cue", 0.7)


def _find_street(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    token = stream[at]
    compound = token.folded.endswith(lex.STREETS) and len(token.folded) >= 7 and token.folded not in lex.NO_STREET
    alone = token.folded in lex.STREETS_ALONE and at > 0
    if not compound and not alone:
        return None
    behind = [index for index in (at + 1, at + 2) if index < len(stream) and _is_house(stream[index])]
    before = [index for index in range(max(0, at - 4), at) if _is_house(stream[index])]
    named = alone and stream[at - 1].capital and not stream[at - 1].begins
    if behind and not stream[at].ends:
        number = behind[-1] if len(behind) > 1 and behind[-1] == behind[0] + 1 else behind[0]
        first = at - (
            2 if alone and at > 1 and stream[at - 2].capital else 1 if alone or _follows_capital(stream, at) else 0
        )
        return first, _find_town_end(stream, number)
    if before and (alone or named):
        return _find_number_start(stream, before[0]), _find_town_end(stream, at)
    is_said_alone = token.begins and (token.ends or token.raw.endswith(","))
    if named or (compound and token.capital and (not token.begins or is_said_alone)):
        first = at
        while alone and first > 0 and at - first < 3 and stream[first - 1].capital and not stream[first].begins:
            first -= 1
        return first, _find_town_end(stream, at)
    return None


def _find_house_alone(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    """The span of a house number with its letter, without a street: "to B", "12 c", "14B"."""
    if _HOUSE_WITH_LETTER.match(stream[at].folded):
        return at, at
    if at + 1 >= len(stream) or stream[at].ends or stream[at + 1].start - stream[at].end > 1.0:
        return None
    number, letter = stream[at], stream[at + 1].stripped
    is_number_word = is_number(number.folded) and number.folded not in lex.ALSO
    if not is_number_word and not (number.folded.isdigit() and len(number.folded) <= 3):
        return None
    return (at, at + 1) if letter in "bcdefgh" or (len(letter) == 1 and letter in "ABCDEFGH") else None


def _find_number_start(stream: Sequence[Token], at: int) -> int:
    """Index of the first word of the house number that ends at *at*: "one hundred and ninety three"."""
    while at > 0 and (_is_house(stream[at - 1]) or is_number(stream[at - 1].folded)) and not stream[at - 1].ends:
        at -= 1
    return at


def _follows_capital(stream: Sequence[Token], at: int) -> bool:
    return at > 0 and stream[at - 1].capital and not stream[at - 1].begins


def _is_house(token: Token) -> bool:
    return bool(_HOUSE.match(token.folded)) or has_digits(token)


def _find_town_end(stream: Sequence[Token], at: int) -> int:
    """Index of the last word of what follows a house number: its letter, a postcode and a town."""
    last = at
    for index in range(at + 1, min(at + 9, len(stream))):
        token = stream[index]
        ended = stream[index - 1].ends and not (has_digits(token) or token.capital)
        if ended or token.start - stream[index - 1].end > 2.0:
            break
        is_town = word_lists.is_place(token.folded) and not is_harmless(token.folded)
        is_digit = has_digits(token) or is_number(token.folded)
        is_told = is_digit or is_town or token.folded in _FLOORS or len(token.folded) == 1
        if is_told or (token.capital and not token.begins):
            last = index
        elif token.folded not in _BETWEEN:
            break
    if (last > at and has_digits(stream[last])) or _is_house(stream[at]):
        last = _find_lower_case_town(stream, last)
    return last


_FLOORS = lex.split_words("etasje etg sal etage floor flat stuen venstre højre høyre til th tv mf")
_BETWEEN = lex.split_words("i in på og and postnummer postcode comma komma ved")


def _find_lower_case_town(stream: Sequence[Token], last: int) -> int:
    """Index of a lower-case town after a number: the next word, perhaps after "i" or "in", unless it is harmless."""
    behind = last + 1
    if behind < len(stream) and stream[behind].folded in {"i", "in", "på"}:
        behind += 1
    if behind < len(stream) and not stream[last].ends and not is_harmless(stream[behind].folded):
        return behind
    return last


def _find_postcode(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    if stream[at].folded not in lex.POSTCODE:
        return None
    last = at
    for index in range(at + 1, min(at + 8, len(stream))):
        if has_digits(stream[index]):
            last = index
    return (at + 1, min(last + 1, len(stream) - 1)) if last > at else None


def find_births(stream: Sequence[Token]) -> Iterator[Match]:
    """Yield dates of birth: any date with a year, and any day or month after a word for being born."""
    for at, token in enumerate(stream):
        if _NUMERIC_DATE.match(token.folded):
            yield Match(at, at, Kind.BIRTH, "rule", 0.8)
        elif token.folded in lex.MONTHS or _is_numbered_month(stream, at):
            span = _find_date(stream, at)
            if span and _has_year(stream, at, *span):
                yield Match(*span, Kind.BIRTH, "rule", 0.85)
        if token.folded in lex.BORN:
            span = _find_date_after_born(stream, at)
            if span:
                yield Match(*span, Kind.BIRTH, "cue", 0.85)


@lru_cache(maxsize=4096)
def _is_ordinal(word: str) -> bool:
    """Whether a word is an ordinal: "åttende", "tjueåttende", "twenty-eighth", "8." """
    if word in lex.ORDINALS or _DAY.match(word):
        return True
    return any(word.endswith(ordinal) and is_number(word[: -len(ordinal)].strip("-")) for ordinal in lex.ORDINALS)


def _is_numbered_month(stream: Sequence[Token], at: int) -> bool:
    """Whether an ordinal stands for a month, like the second of "tjueåttende i åttende", "den ellevte tredje"."""
    word = stream[at].folded
    if not _is_ordinal(word) or at == 0 or word.isdigit():
        return False
    before = [stream[index].folded for index in range(max(0, at - 2), at)]
    return any(_is_ordinal(word) and not word.isdigit() for word in before)


def _is_day(token: Token) -> bool:
    return _is_ordinal(token.folded) or has_digits(token)


def _find_date(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    """The span of a date around the month at index *at*; None for a month alone."""
    first, last = at, at
    while first > 0 and at - first < 4 and not stream[first - 1].ends:
        before = stream[first - 1]
        if not (_is_day(before) or before.folded in _INNER):
            break
        first -= 1
    while last + 1 < len(stream) and last - at < 7 and not stream[last].ends:
        behind = stream[last + 1]
        if not (_is_day(behind) or behind.folded in _INNER or behind.folded in lex.UNITS):
            break
        last += 1
    while first < at and stream[first].folded in _INNER and stream[first].folded not in {"den", "the"}:
        first += 1
    while last > at and stream[last].folded in _INNER:
        last -= 1
    return (first, last) if last > first else None


_INNER = lex.split_words(
    "the of og och and den i av hundre hundra hundrede hundred tusen tusind thousand in eh uh to två"
)


def _has_year(stream: Sequence[Token], at: int, first: int, last: int) -> bool:
    """Whether a date has a year: a number after the month (not of a measure), or the digits of a year anywhere."""
    if last > at and not (last + 1 < len(stream) and stream[last + 1].folded in lex.MEASURES):
        behind = [token.folded for token in stream[at + 1 : last + 1]]
        return any(token in lex.TEENS or len(token) > 1 for token in behind)
    return any(_YEAR.match(token.folded) for token in stream[first : last + 1])


def _find_date_after_born(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    """The span of days and months within twelve words after "born", up to the end of the sentence."""
    days: list[int] = []
    for index in range(at + 1, min(at + 1 + BIRTH_REACH, len(stream))):
        if days and (stream[index - 1].ends or index - days[-1] > 4):
            break
        if _is_day(stream[index]) or stream[index].folded in lex.MONTHS:
            days.append(index)
    return (days[0], days[-1]) if days else None
