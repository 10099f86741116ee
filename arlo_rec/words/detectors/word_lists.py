"""Look up words: names and towns, harmless words, and how common a word is in each language.

Names are those of Norway, Sweden, Denmark, the English-speaking countries and their larger immigrant groups: about as
many as fit in 100 kB. A word in no list may still be a name, so absence must never be a reason to keep a word; `tagger`
finds other names by context. Lists are read once, at the first look-up.

Names come from Faker (https://github.com/joke2k/faker, MIT licence, copyright (c) 2012 Daniele Faraglia) and from lists
of our own (`tools/make_namelists.py`). Given names of the census of the United States of 1990 (public domain) stand
beside them, and towns of GeoNames (https://www.geonames.org, CC-BY-4.0; `tools/make_more_names.py`). Frequencies are
those of wordfreq (Speer 2022, https://doi.org/10.5281/zenodo.7199437: subtitles, Wikipedia, news, books and the web),
of Norwegian, Swedish, Danish and English. Words that may identify are never common here, however frequent: names,
towns, number words, and those of `lexicon.tells`.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.law.model.errors import Integrity
from arlo_rec.words.detectors import cues, lexicon
from arlo_rec.words.detectors.numerals import is_number

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
    lists = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith("#"))
    if set(lists) != set(kinds):
        raise Integrity("names_damaged")
    return {kind: frozenset(words.split()) for kind, words in lists.items()}


def is_harmless(folded: str) -> bool:
    """Whether a case-folded word is in the list of any language."""
    return folded in load_words()


@cache
def load_words() -> frozenset[str]:
    """The words of all languages, read once from `harmless.txt`."""
    text = files("arlo_rec.words.detectors").joinpath("harmless.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if line[:1] not in {"#", "["})
    return frozenset(word for line in lines for word in line.split())


LANGUAGES: Final = ("nb", "sv", "da", "en")  # nynorsk has no list of its own
MOST: Final = 10_000  # of each language: measured, strict mode cuts as many identifiers, and a third less of the rest
HALF: Final = 3  # letters of half a compound
_ENDINGS: Final = ("en", "et", "a", "ene", "n", "t", "er", "ar", "ane", "e", "s", "ens", "ets")
_NUMBERS: Final = frozenset({*lexicon.UNITS, *lexicon.TIMES}) | lexicon.ORDINALS | lexicon.MONTHS


class _Words:
    """A set of words as hashes of 64 bits, in a tenth of the memory, as an hour of sound is beside it."""

    def __init__(self, words: Iterable[str]) -> None:
        self._hashes = array("Q", sorted(map(_hash, words)))

    def __contains__(self, word: str) -> bool:
        return self.place(word) is not None

    def place(self, word: str) -> int | None:
        """Index of a word in the order of hashes; None for an unknown word."""
        wanted = _hash(word)
        at = bisect_left(self._hashes, wanted)
        return at if at < len(self._hashes) and self._hashes[at] == wanted else None


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())


def is_common(folded: str) -> bool:
    """Whether a case-folded word is harmless by our own list, or common and not identifying."""
    return folded in _load_common()


def rank(folded: str, language: str) -> int | None:
    """The number of words of a language that are commoner than a case-folded one; None for an unknown one."""
    words, ranks = _load_ranks(language)
    at = words.place(folded)
    return None if at is None else ranks[at]


def is_known(folded: str, language: str) -> bool:
    """Whether a case-folded word is said or written in a language once in a million words or more."""
    return folded in _load_known(language)


@cache
def is_word(folded: str) -> bool:
    """Whether a case-folded word is known in any of the languages: itself, its stem, or both halves of a compound.

    Other words are mostly names: in the made Norwegian talk, 166 names and 9 other words.
    """
    if _is_known_anywhere(folded):
        return True
    if any(folded.endswith(end) and _is_stem(folded.removesuffix(end)) for end in _ENDINGS):
        return True
    halves = ((folded[:at], folded[at:]) for at in range(HALF, len(folded) - HALF + 1))
    return any(_is_known_anywhere(head) and _is_tail(tail) for head, tail in halves)


def _is_known_anywhere(word: str) -> bool:
    return is_harmless(word) or any(word in _load_known(language) for language in LANGUAGES)


def _is_stem(word: str) -> bool:
    return len(word) > HALF and _is_known_anywhere(word)


def _is_tail(word: str) -> bool:
    """Whether a word is the second half of a compound, perhaps behind an "s" or "e" that joins them."""
    return _is_known_anywhere(word) or (word[0] in "se" and len(word) > HALF and _is_known_anywhere(word[1:]))


@cache
def _load_common() -> _Words:
    frequent = {word for language in LANGUAGES for word in _by_frequency(language)[:MOST]}
    return _Words(load_words().union(word for word in frequent if not _may_identify(word)))


def _may_identify(word: str) -> bool:
    if is_harmless(word):
        return False
    is_listed = is_given(word) or is_family(word) or is_place(word)
    is_letter = len(word) < 2 or not word.replace("'", "").isalpha()
    is_told = word in cues.NOT_PEOPLE or lexicon.tells(word)
    return is_listed or is_letter or is_told or word in _NUMBERS or is_number(word)


def _load_known(language: str) -> _Words:
    return _load_ranks(language)[0]


@cache
def _load_ranks(language: str) -> tuple[_Words, array[int]]:
    """The words of a language, and how many are commoner than each, in the same order."""
    by_frequency = _by_frequency(language)
    words = _Words(by_frequency)
    ranks = array("H", bytes(2 * len(by_frequency)))
    for position, word in enumerate(by_frequency):
        ranks[words.place(word) or 0] = min(position, 0xFFFF)
    return words, ranks


def _by_frequency(language: str) -> list[str]:
    """The words of wordfreq's smaller list, the commonest first.

    Its file is read without its code, which would load tokenisers of a hundred languages: 17 MB beside a call in
    memory; a test compares. Numbers are left out. Raises Integrity ("names_damaged") where it cannot be read.
    """
    import msgpack  # wordfreq's own dependency

    spec = find_spec("wordfreq")
    folders = spec.submodule_search_locations if spec is not None else None
    try:
        path = Path(next(iter(folders or ()))) / "data" / f"small_{language}.msgpack.gz"
        _, *by_frequency = msgpack.unpackb(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, StopIteration, ValueError, zlib.error):
        raise Integrity("names_damaged") from None
    return [word for words in by_frequency for word in words if not any(map(str.isdigit, word))]
