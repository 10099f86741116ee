"""Look up given and family names, and which of them are everyday words too.

The lists have names of Norway, Sweden, Denmark, the English-speaking countries and their larger immigrant groups:
about as many as fit in 100 kB. A word in no list may still be a name, so absence must never be a reason to keep a word;
`tagger` finds other names by context.

The lists come from Faker (https://github.com/joke2k/faker, MIT licence, copyright (c) 2012 Daniele Faraglia) and from
lists of our own; `tools/make_namelists.py` writes them. The file is read once, at the first look-up.
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
    """Case-folded names; those in `ambiguous` are also in `given` or `family`."""

    given: frozenset[str]
    family: frozenset[str]
    ambiguous: frozenset[str]


def is_given(word: str) -> bool:
    """Whether the case-folded *word* is a listed given name."""
    return word in load_names().given


def is_family(word: str) -> bool:
    """Whether the case-folded *word* is a listed family name."""
    return word in load_names().family


def is_ambiguous(word: str) -> bool:
    """Whether the case-folded *word* is a listed name and an everyday word too, so that it counts only in context."""
    return word in load_names().ambiguous


@cache
def load_names() -> Names:
    """All names, read once; raises Integrity ("names_damaged") if the file cannot be read."""
    return read(FILE)


def read(path: Path) -> Names:
    """Read the names of a file; raises Integrity ("names_damaged")."""
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        raise Integrity("names_damaged") from None
    kinds = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith("#"))
    if set(kinds) != set(Names._fields):
        raise Integrity("names_damaged")
    return Names(**{kind: frozenset(names.split()) for kind, names in kinds.items()})
