"""Look up how common a word is: `is_common` for words that say nothing of who somebody is, `is_known` for any word.

The frequencies are those of wordfreq (Speer 2022, https://doi.org/10.5281/zenodo.7199437: subtitles, Wikipedia, news,
books and the web), of Norwegian, Swedish, Danish and English. What may identify is no common word here, however often
it is said: names, towns, number words, and what `circumstance_words` has. Lists are read once, at the first look-up.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from arlo_rec.model.errors import Integrity
from arlo_rec.speech.detectors import circumstance_words, cues, lexicon, name_lists
from arlo_rec.speech.detectors.harmless import is_harmless, load_words
from arlo_rec.speech.detectors.numerals import is_number

LANGUAGES: Final = ("nb", "sv", "da", "en")  # nynorsk has no list of its own
MOST: Final = 10_000  # of each language: measured, strict cuts no less of what identifies, and a third less of the rest
HALF: Final = 3  # letters of half a compound
_ENDINGS: Final = ("en", "et", "a", "ene", "n", "t", "er", "ar", "ane", "e", "s", "ens", "ets")
_NUMBERS: Final = frozenset({*lexicon.UNITS, *lexicon.TIMES}) | lexicon.ORDINALS | lexicon.MONTHS


class _Words:
    """A set of words by 64 bits of a hash of each, in a tenth of the memory: an hour of sound is beside it."""

    def __init__(self, words: Iterable[str]) -> None:
        self._hashes = array("Q", sorted(map(_hash, words)))

    def __contains__(self, word: str) -> bool:
        return self.place(word) is not None

    def place(self, word: str) -> int | None:
        """Where the word stands among them, in an order of no meaning; None where it does not."""
        wanted = _hash(word)
        at = bisect_left(self._hashes, wanted)
        return at if at < len(self._hashes) and self._hashes[at] == wanted else None


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())


def is_common(folded: str) -> bool:
    """Whether a case-folded word is harmless by our own list, or common and nothing that may identify."""
    return folded in _load_common()


def rank(folded: str, language: str) -> int | None:
    """How many words of a language are commoner than a case-folded one; None for one that `is_known` does not know."""
    words, ranks = _load_ranks(language)
    at = words.place(folded)
    return None if at is None else ranks[at]


def is_known(folded: str, language: str) -> bool:
    """Whether a case-folded word is said or written in a language once in a million words or more."""
    return folded in _load_known(language)


@cache
def is_word(folded: str) -> bool:
    """Whether a case-folded word is known in any of the languages: itself, its stem, or both halves of a compound.

    What is none of these is a name more often than not: of the made Norwegian talk, 166 names and 9 other words.
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
    is_listed = name_lists.is_given(word) or name_lists.is_family(word) or name_lists.is_place(word)
    is_letter = len(word) < 2 or not word.replace("'", "").isalpha()
    is_told = word in cues.NOT_PEOPLE or circumstance_words.tells(word)
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
