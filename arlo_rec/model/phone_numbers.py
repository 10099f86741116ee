"""Parsing telephone numbers: every notation gives the same E.164 form, or NothingMatched.

Only ASCII digits and no patterns: `%`, Arabic digits and words match nothing. A withheld number is no
number; it is stored as None and matches nobody.
"""

from __future__ import annotations

import re

from arlo_rec.model.errors import NothingMatched
from arlo_rec.model.records import Private

HOME_REGION = "NO"  # a number without a country code is Norwegian
WITHHELD = frozenset({"", "anonymous", "unknown"})  # what exchanges write for a hidden number
LONGEST = 60  # characters, separators included
_BETWEEN = re.compile(
    "[ ()./\u00a0\u2007\u2009\u202f\u2010-\u2015\u2212-]"
)  # separators, also those that word processors insert
_BARE = re.compile(r"\+?[0-9]{2,20}", re.ASCII)


def is_withheld(text: str | None) -> bool:
    """Whether a source's text means that the caller withheld the number."""
    return text is None or text.strip().lower() in WITHHELD


def parse_caller(text: str) -> Private:
    """The E.164 form of a number in any notation; raises NothingMatched where it is not a number."""
    import phonenumbers

    bare = _BETWEEN.sub("", text.strip())
    if len(text) > LONGEST or not _BARE.fullmatch(bare):
        raise NothingMatched("not_a_number")
    try:
        number = phonenumbers.parse(bare, HOME_REGION)
    except phonenumbers.NumberParseException:
        raise NothingMatched("not_a_number") from None
    if not phonenumbers.is_possible_number(number):
        raise NothingMatched("not_a_number")
    return Private(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
