"""Telephone numbers: every notation gives the same E.164 form, or NothingMatched.

Only ASCII digits and no patterns: `%`, Arabic digits and words match nothing. A withheld number is no number; it is
stored as None and matches no caller.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from arlo_rec.law.model.errors import NotANumber, NothingMatched, Usage
from arlo_rec.law.model.records import Private

HOME_REGION = "NO"  # a number without a country code is Norwegian
WITHHELD = frozenset({"", "anonymous", "unknown"})  # written by exchanges for a hidden number
LONGEST = 60  # characters, separators included
_BETWEEN = re.compile(
    "[ ()./\u00a0\u2007\u2009\u202f\u2010-\u2015\u2212-]"
)  # separators, also those that word processors insert
_BARE = re.compile(r"\+?[0-9]{2,20}", re.ASCII)
_MOBILE = re.compile(r"\+47([49][0-9]{2})([0-9]{2})([0-9]{3})", re.ASCII)  # whose groups the library has as 2-2-2-2
_GROUP = re.compile(r"\+?[0-9]+", re.ASCII)


def is_withheld(text: str | None) -> bool:
    """Whether a source's text means that the caller withheld the number."""
    return text is None or text.strip().lower() in WITHHELD


def parse_caller(text: str) -> Private:
    """The E.164 form of a number in any notation; raises NothingMatched for anything else."""
    import phonenumbers

    bare = _BETWEEN.sub("", text.strip())
    if len(text) > LONGEST or not _BARE.fullmatch(bare):
        raise NotANumber
    try:
        number = phonenumbers.parse(bare, HOME_REGION)
    except phonenumbers.NumberParseException:
        raise NotANumber from None
    if not phonenumbers.is_possible_number(number):
        is_home = number.country_code == phonenumbers.country_code_for_region(HOME_REGION)
        raise NotANumber(len(str(number.national_number)) if is_home else None)
    return Private(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def numbers_in(words: Sequence[str]) -> list[Private]:
    """The numbers in some words, in E.164 form; raises NothingMatched.

    Words that together form a number are one, typed in groups; else each is a number. If each word is a number in
    use, they are several, even if so long a number is possible abroad.
    """
    if len(words) < 2 or not all(map(_is_number_in_use, words)):
        try:
            return [parse_caller(" ".join(words))]
        except NothingMatched:
            if len(words) < 2:
                raise
    return [parse_caller(word) for word in words]


def one_number(text: str) -> Private:
    """The number in a text, typed in groups or not; raises Usage for two numbers, else NothingMatched."""
    words = text.split()
    try:
        numbers = numbers_in(words)
    except NothingMatched:
        groups = _GROUP.findall(text[: 2 * LONGEST])
        halves = ((groups[:at], groups[at:]) for at in range(1, len(groups)))
        if any(all(_is_number_in_use(" ".join(half)) for half in both) for both in halves):
            raise Usage("two_numbers") from None
        parse_caller(text)  # raises the problem of the whole text
        raise
    if len(numbers) > 1:
        raise Usage("two_numbers")
    return numbers[0]


def is_in_use(number: Private) -> bool:
    """Whether the number exists in its country's numbering plan; others are mistyped or very new."""
    import phonenumbers

    return phonenumbers.is_valid_number(phonenumbers.parse(number.reveal()))


def in_groups(number: Private) -> str:
    """A number as people say it: `900 00 003` for a Norwegian one, `+46 70 123 45 67` for a foreign one."""
    import phonenumbers

    parsed = phonenumbers.parse(number.reveal())
    if parsed.country_code != phonenumbers.country_code_for_region(HOME_REGION):
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    if mobile := _MOBILE.fullmatch(number.reveal()):
        return " ".join(mobile.groups())
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)


def _is_number_in_use(text: str) -> bool:
    try:
        return is_in_use(parse_caller(text))
    except NothingMatched:
        return False
