"""Lists of given and family names, and which of them are everyday words too.

Names of Norway, Sweden, Denmark and the English-speaking countries, and of those whose people live there in numbers:
about as many as fit in 100 kB. A name that stands in no list is not thereby none, so nothing may be kept because of
this room; the tagger finds the others by what stands around them.

The lists come from Faker (https://github.com/joke2k/faker, MIT licence, copyright (c) 2012 Daniele Faraglia) and from
lists of our own; `tools/make_namelists.py` writes them. The file is read once, when it is first asked.
"""

from __future__ import annotations

import gzip
import zlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from arlo_rec.model.errors import Integrity

FILE = Path(__file__).with_name("names.txt.gz")


class Names(NamedTuple):
    """Case-folded names; `ambiguous` are in one of the others."""

    given: frozenset[str]
    family: frozenset[str]
    ambiguous: frozenset[str]


def given(word: str) -> bool:
    """Whether the case-folded *word* is a given name in some list."""
    return word in lists().given


def family(word: str) -> bool:
    """Whether the case-folded *word* is a family name in some list."""
    return word in lists().family


def ambiguous(word: str) -> bool:
    """Whether the case-folded *word* is a name and an everyday word too, so that it counts only in context."""
    return word in lists().ambiguous


@cache
def lists() -> Names:
    """All names; raises Integrity ("names_damaged") if the file is not as it was shipped."""
    return read(FILE)


def read(path: Path) -> Names:
    """The names in a file; raises Integrity ("names_damaged")."""
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        raise Integrity("names_damaged") from None
    told = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith("#"))
    if set(told) != set(Names._fields):
        raise Integrity("names_damaged")
    return Names(**{kind: frozenset(names.split()) for kind, names in told.items()})
