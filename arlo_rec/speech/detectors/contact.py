"""E-mail addresses, street addresses and dates of birth in what was said.

How far each reaches is decided by its own words: an e-mail address by "at" and "dot", a street by its ending and a
number, a date by a month and a year. What is left out of a reach is what a listener could use, so each reaches rather
one word too far.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from arlo_rec.speech.detectors import lexicon as lex
from arlo_rec.speech.detectors.harmless import is_harmless
from arlo_rec.speech.detectors.numbers import has_digits, is_number
from arlo_rec.speech.detectors.tokens import Found, Token

MOST_LOCAL = 6  # words of the part before "at"
_ENDINGS = lex.words("com no se dk net org eu info io")
_NUMERIC_DATE = re.compile(r"^\d{1,4}[./-]\d{1,2}[./-]\d{2,4}$")
_YEAR = re.compile(r"^(19\d\d|200\d|201\d)$")
_DAY = re.compile(r"^([1-9]|[12]\d|3[01])(\.|st|nd|rd|th)?$")
_HOUSE = re.compile(r"^\d{1,4}[a-zæøå]?$")
BIRTH_REACH = 12  # words behind "born" or "date of birth"


def emails(stream: Sequence[Token]) -> Iterator[Found]:
    """E-mail addresses, spoken or written."""
    at = 0
    while at < len(stream):
        reach = _email(stream, at)
        if reach:
            yield Found(*reach, "email", "rule", 0.95)
            at = reach[1]
        at += 1


def _email(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    """The reach of an address whose "at" or first domain stands at *at*."""
    one = stream[at]
    if _is_literal(one.folded):
        return _local(stream, at), _domain(stream, at)
    if one.folded in lex.AT and (one.folded != "at" or _domain(stream, at) > at):
        return _local(stream, at), _domain(stream, at)
    pair = (one.folded, stream[at + 1].folded) if at + 1 < len(stream) else ("", "")
    if pair in lex.AT_PAIRS:
        return _local(stream, at), _domain(stream, at + 1)
    if one.folded == "at" and _domain(stream, at) > at + 1:
        return _local(stream, at), _domain(stream, at)
    if one.folded in lex.DOT and pair[1] in lex.DOMAINS and at > 0 and not stream[at - 1].ends:
        return _local(stream, max(at - 1, 0)), at + 1
    return None


def _is_literal(word: str) -> bool:
    """Whether a word is an address, or the domain of one, as it is written."""
    before, at, behind = word.partition("@")
    if at and before and behind:
        return True
    name, dot, ending = word.rpartition(".")
    return bool(dot and name) and ending in _ENDINGS


def _local(stream: Sequence[Token], at: int) -> int:
    """Where the part before "at" begins: joined by dots and dashes, or letters and digits one by one."""
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


def _domain(stream: Sequence[Token], at: int) -> int:
    """Where the part behind "at" ends; *at* itself where no domain follows within four words."""
    last = at
    for place in range(at + 1, min(at + 6, len(stream))):
        word = stream[place].folded
        if stream[place].start - stream[place - 1].end > 2.0:
            break
        dotted = stream[place - 1].folded in lex.DOT
        if (dotted or word in lex.DOMAINS or _is_literal(word)) and (word not in {"no", "me", "post"} or dotted):
            last = place
            if not (place + 1 < len(stream) and stream[place + 1].folded in lex.DOT):
                break
    return last


def addresses(stream: Sequence[Token]) -> Iterator[Found]:
    """Streets with their numbers, with postcode and town behind; and what follows "I live in"."""
    for at in range(len(stream)):
        reach = _street(stream, at) or _postcode(stream, at)
        if reach:
            yield Found(*reach, "address", "rule", 0.85)
        pair = (stream[at].folded, stream[at + 1].folded) if at + 1 < len(stream) else ("", "")
        if pair in lex.LIVE:
            last = at + 1
            while last + 1 < len(stream) and last - at < 9 and not stream[last].ends:
                last += 1
            if last > at + 1:
                yield Found(at + 2, last, "address", "cue", 0.7)


def _street(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    one = stream[at]
    compound = one.folded.endswith(lex.STREETS) and len(one.folded) >= 7 and one.folded not in lex.NO_STREET
    alone = one.folded in lex.STREETS_ALONE and at > 0
    if not compound and not alone:
        return None
    behind = [place for place in (at + 1, at + 2) if place < len(stream) and _is_house(stream[place])]
    before = [place for place in range(max(0, at - 4), at) if _is_house(stream[place])]
    named = alone and stream[at - 1].capital and not stream[at - 1].begins
    if behind and not stream[at].ends:
        number = behind[-1] if len(behind) > 1 and behind[-1] == behind[0] + 1 else behind[0]
        first = at - (2 if alone and at > 1 and stream[at - 2].capital else 1 if alone or _joined(stream, at) else 0)
        return first, _town(stream, number)
    if before and (alone or named):
        return _number_begin(stream, before[0]), _town(stream, at)
    if named or (compound and one.capital and not one.begins):
        return at - (1 if alone else 0), _town(stream, at)
    return None


def _number_begin(stream: Sequence[Token], at: int) -> int:
    """Where the house number that *at* is a part of begins: "one hundred and ninety three"."""
    while at > 0 and (_is_house(stream[at - 1]) or is_number(stream[at - 1].folded)) and not stream[at - 1].ends:
        at -= 1
    return at


def _joined(stream: Sequence[Token], at: int) -> bool:
    return at > 0 and stream[at - 1].capital and not stream[at - 1].begins


def _is_house(one: Token) -> bool:
    return bool(_HOUSE.match(one.folded)) or has_digits(one)


def _town(stream: Sequence[Token], at: int) -> int:
    """Behind a house number: its letter, a postcode and a town."""
    last = at
    for place in range(at + 1, min(at + 9, len(stream))):
        one = stream[place]
        ended = stream[place - 1].ends and not (has_digits(one) or one.capital)
        if ended or one.start - stream[place - 1].end > 2.0:
            break
        if has_digits(one) or (one.capital and not one.begins) or len(one.folded) == 1:
            last = place
        elif one.folded not in {"i", "in", "på", "og", "and", "postnummer", "postcode", "comma", "komma", "ved"}:
            break
    if (last > at and has_digits(stream[last])) or _is_house(stream[at]):
        last = _small_town(stream, last)
    return last


def _small_town(stream: Sequence[Token], last: int) -> int:
    """The town behind a number, written small: the next word that says something, perhaps behind "i" or "in"."""
    behind = last + 1
    if behind < len(stream) and stream[behind].folded in {"i", "in", "på"}:
        behind += 1
    if behind < len(stream) and not stream[last].ends and not is_harmless(stream[behind].folded):
        return behind
    return last


def _postcode(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    if stream[at].folded not in lex.POSTCODE:
        return None
    last = at
    for place in range(at + 1, min(at + 8, len(stream))):
        if has_digits(stream[place]):
            last = place
    return (at + 1, min(last + 1, len(stream) - 1)) if last > at else None


def births(stream: Sequence[Token]) -> Iterator[Found]:
    """Dates of birth: any day with a year, and any day at all behind a word for being born."""
    for at, one in enumerate(stream):
        if _NUMERIC_DATE.match(one.folded):
            yield Found(at, at, "birth", "rule", 0.8)
        elif one.folded in lex.MONTHS or _is_numbered_month(stream, at):
            reach = _date(stream, at)
            if reach and _has_year(stream, at, *reach):
                yield Found(*reach, "birth", "rule", 0.85)
        if one.folded in lex.BORN:
            reach = _behind(stream, at)
            if reach:
                yield Found(*reach, "birth", "cue", 0.85)


@lru_cache(maxsize=4096)
def _is_ordinal(word: str) -> bool:
    """ "åttende", "tjueåttende", "twenty-eighth", "den 8." """
    if word in lex.ORDINALS or _DAY.match(word):
        return True
    return any(word.endswith(one) and is_number(word[: -len(one)].strip("-")) for one in lex.ORDINALS)


def _is_numbered_month(stream: Sequence[Token], at: int) -> bool:
    """The second of "tjueåttende i åttende", "den ellevte tredje"."""
    word = stream[at].folded
    if not _is_ordinal(word) or at == 0 or word.isdigit():
        return False
    before = [stream[place].folded for place in range(max(0, at - 2), at)]
    return any(_is_ordinal(one) and not one.isdigit() for one in before)


def _is_day(one: Token) -> bool:
    return _is_ordinal(one.folded) or has_digits(one)


def _date(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    """The words of a date around a month."""
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


_INNER = lex.words("the of og och and den i av hundre hundra hundrede hundred tusen tusind thousand in eh uh to två")


def _has_year(stream: Sequence[Token], at: int, first: int, last: int) -> bool:
    """A number behind the month, or a year anywhere, that is no time of day."""
    if last > at and not (last + 1 < len(stream) and stream[last + 1].folded in lex.MEASURES):
        behind = [one.folded for one in stream[at + 1 : last + 1]]
        return any(one in lex.TEENS or len(one) > 1 for one in behind)
    return any(_YEAR.match(one.folded) for one in stream[first : last + 1])


def _behind(stream: Sequence[Token], at: int) -> tuple[int, int] | None:
    """What is said of a date within twelve words behind "born", to the end of its sentence."""
    days: list[int] = []
    for place in range(at + 1, min(at + 1 + BIRTH_REACH, len(stream))):
        if days and (stream[place - 1].ends or place - days[-1] > 4):
            break
        if _is_day(stream[place]) or stream[place].folded in lex.MONTHS:
            days.append(place)
    return (days[0], days[-1]) if days else None
