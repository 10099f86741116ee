"""Find numbers that identify nobody: years, amounts, and what is said with a decimal point."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from arlo_rec.words.detectors import lexicon as lex
from arlo_rec.words.detectors.numerals import Part, read_parts
from arlo_rec.words.tokens import Token

_YEAR = re.compile(r"^(18|19|20)\d\d$")
LONGEST: Final = 4  # digits of a decimal number on both sides of its point


def find_quantities(stream: Sequence[Token]) -> frozenset[int]:
    """The indices of the words of years, amounts and decimal numbers."""
    parts = list(read_parts(stream))
    return frozenset(
        place
        for at in range(len(parts))
        for last in (*_years(stream, parts, at), *_amounts(stream, parts, at), *_decimals(stream, parts, at))
        for place in range(parts[at].first, last + 1)
    )


def _years(stream: Sequence[Token], parts: Sequence[Part], at: int) -> Iterator[int]:
    """The last word of a year that begins with a part: "since nineteen eighty-four", "i 1984"."""
    before = stream[parts[at].first - 1].folded if parts[at].first else ""
    for said in (parts[at : at + 1], parts[at : at + 2]):
        is_joined = said[-1].first - said[0].last <= 1
        if before in lex.WHEN and is_joined and _YEAR.match("".join(part.text for part in said)):
            yield said[-1].last


def _amounts(stream: Sequence[Token], parts: Sequence[Part], at: int) -> Iterator[int]:
    """The last word of an amount: "two hundred kroner"."""
    last = parts[at].last
    if last + 1 < len(stream) and not stream[last].ends and stream[last + 1].folded in lex.MEASURES:
        yield last + 1


def _decimals(stream: Sequence[Token], parts: Sequence[Part], at: int) -> Iterator[int]:
    """The last word of a number with a decimal point: "fem komma seks"."""
    both = parts[at : at + 2]
    if len(both) < 2 or sum(len(part.text) for part in both) > LONGEST:
        return
    point = both[0].last + 1
    around = {stream[place].folded for place in (both[0].first - 1, both[1].last + 1) if 0 <= place < len(stream)}
    is_decimal = point + 1 == both[1].first and stream[point].folded in lex.POINTS and not around & lex.POINTS
    if is_decimal and all(part.text.isdigit() for part in both):
        yield both[1].last
