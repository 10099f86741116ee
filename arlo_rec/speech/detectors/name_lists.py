"""Look up given and family names, and which of them are everyday words too.

The lists have names of Norway, Sweden, Denmark, the English-speaking countries and their larger immigrant groups:
about as many as fit in 100 kB. A word in no list may still be a name, so absence must never be a reason to keep a word;
`tagger` finds other names by context.

The lists come from Faker (https://github.com/joke2k/faker, MIT licence, copyright (c) 2012 Daniele Faraglia) and from
lists of our own (`tools/make_namelists.py`). Given names of the census of the United States of 1990 (public domain)
stand beside them, and towns of GeoNames (https://www.geonames.org, CC-BY-4.0; `tools/make_more_names.py`).
"""

from __future__ import annotations

import gzip
import zlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from arlo_rec.model.errors import Integrity

FILE = Path(__file__).with_name("names.txt.gz")
MORE = Path(__file__).with_name("more_names.txt.gz")
PLACES = Path(__file__).with_name("places.txt.gz")


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


def is_place(word: str) -> bool:
    """Whether the case-folded *word* is a listed town, which may be an everyday word too ("moss", "bath")."""
    return word in load_places()


@cache
def load_names() -> Names:
    """All names, read once; raises Integrity ("names_damaged") if a file cannot be read."""
    first, more = read(FILE), _read(MORE, ("given", "ambiguous"))
    is_word_too = more["ambiguous"] - first.given - first.family
    return Names(first.given | more["given"], first.family, first.ambiguous | is_word_too)


@cache
def load_places() -> frozenset[str]:
    """All towns, read once; raises Integrity ("names_damaged") if the file cannot be read."""
    return _read(PLACES, ("places",))["places"]


def read(path: Path) -> Names:
    """Read the names of a file; raises Integrity ("names_damaged")."""
    return Names(**_read(path, Names._fields))


def _read(path: Path, kinds: tuple[str, ...]) -> dict[str, frozenset[str]]:
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        raise Integrity("names_damaged") from None
    found = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith("#"))
    if set(found) != set(kinds):
        raise Integrity("names_damaged")
    return {kind: frozenset(words.split()) for kind, words in found.items()}
