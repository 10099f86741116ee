"""Find names known for a call by phonetic similarity: a phonetic key of the words, then a weighted edit distance.

Recognition writes "Brandon Foster" as "brand and faster": vowels cost little, consonants of one place of articulation
less than others. The consonant classes are those of Soundex (Russell 1918) and Daitch-Mokotoff, adapted to Nordic
spelling. It touches nothing but the words that it is given.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.words.detectors.word_lists import is_harmless
from arlo_rec.words.tokens import Match, Token

# Largest distances, as shares of the longer key's length
NEAR = 0.30  # measured on words of a small English model: finds two of three misrecognised names
NEAR_SHORT = 0.21  # for keys of fewer than six sounds, which ordinary words resemble, and windows of ordinary words
NEAR_ORDINARY = 0.12  # for a single ordinary word: "camera" is no Cameron
MOST_WORDS = 4  # that one name was recognised as
LONGEST = 60  # letters of a known name that are compared
_SOUNDS = (
    ("skj", "X"), ("sch", "X"), ("tsj", "X"), ("sj", "X"), ("sh", "X"), ("kj", "X"), ("tj", "X"), ("ch", "X"),
    ("ph", "f"), ("th", "t"), ("dt", "t"), ("ck", "k"), ("gh", "g"), ("hj", "i"), ("gj", "i"), ("hv", "v"), ("wh", "v"),
    ("aa", "o"), ("au", "o"), ("ee", "i"), ("ea", "i"), ("oo", "u"), ("ei", "e"), ("ai", "e"), ("ey", "i"), ("ay", "e"),
    ("x", "ks"), ("q", "k"), ("w", "v"), ("z", "s"), ("y", "i"), ("j", "i"), ("å", "o"), ("ø", "o"), ("ö", "o"),
    ("æ", "e"), ("ä", "e"), ("ü", "u"), ("c", "k"),
)  # fmt: skip
_VOWELS = frozenset("aeiou")
_CLASSES = {
    letter: group for group, letters in enumerate(("bpvf", "dt", "gkX", "sX", "mn", "lr")) for letter in letters
}


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The phonetic keys of known names: of each name as a whole, and of each part, of three sounds or more."""

    keys: tuple[str, ...]


def prepare_names(names: Iterable[str]) -> KnownNames:
    """Compute the keys of *names* as the catalogue has them; only the first 60 letters of a name count."""
    keys: set[str] = set()
    for name in names:
        parts = [part for part in name[:LONGEST].replace("-", " ").split() if any(map(str.isalpha, part))]
        keys |= {phonetic_key(part) for part in [*parts, "".join(parts)]}
    return KnownNames(tuple(sorted(key for key in keys if len(key) >= 3)))


@lru_cache(maxsize=8192)
def phonetic_key(word: str) -> str:
    """A word as its sounds: spelling variants folded, diacritics dropped, doubled sounds once."""
    folded = "".join(character for character in unicodedata.normalize("NFC", word).casefold() if character.isalpha())
    for written, sound in _SOUNDS:
        folded = folded.replace(written, sound)
    decomposed = unicodedata.normalize("NFD", folded)
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return "".join(character for index, character in enumerate(plain) if index == 0 or character != plain[index - 1])


def find_known_names(stream: Sequence[Token], names: KnownNames) -> Iterator[Match]:
    """Windows of one to four words that sound like a known name; of overlapping ones, the most similar."""
    windows = sorted(_match_windows(stream, names), key=lambda window: (-window.score, window.first - window.last))
    taken: set[int] = set()
    for window in windows:
        places = set(range(window.first, window.last + 1))
        if not places & taken:
            taken |= places
            yield window


def _match_windows(stream: Sequence[Token], names: KnownNames) -> Iterator[Match]:
    longest = max((len(key) for key in names.keys), default=0)
    for first in range(len(stream) if names.keys else 0):
        heard = ""
        for last in range(first, min(first + MOST_WORDS, len(stream))):
            if last > first and stream[last].start - stream[last - 1].end > 1.0:
                break
            heard += stream[last].folded
            if len(heard) > 2 * longest + 4:
                break
            nearest = _nearest_distance(phonetic_key(heard), names)
            if nearest is not None and nearest <= _allowed_distance(stream[first : last + 1]):
                yield Match(first, last, Kind.NAME, "known", round(1 - nearest, 2))


def _allowed_distance(window: Sequence[Token]) -> float:
    if not all(is_harmless(token.folded) for token in window):
        return NEAR
    return NEAR_ORDINARY if len(window) == 1 else NEAR_SHORT


@lru_cache(maxsize=65536)
def _nearest_distance(heard: str, names: KnownNames) -> float | None:
    """The smallest distance to any name that is within the limit for that name's length; None where there is none."""
    nearest: float | None = None
    for key in names.keys:
        longer = max(len(heard), len(key))
        allowed = NEAR_SHORT if len(key) < 6 else NEAR
        if abs(len(heard) - len(key)) > allowed * longer + 1 or not _begins_alike(heard, key):
            continue
        share = _edit_distance(heard, key) / longer
        if share <= allowed and (nearest is None or share < nearest):
            nearest = share
    return nearest


def distance(heard: str, other: str) -> float:
    """How far two phonetic keys are from each other, as a share of the longer: 0 for the same."""
    return _edit_distance(heard, other) / max(len(heard), len(other), 1)


def _begins_alike(heard: str, name: str) -> bool:
    first, second = heard[:1], name[:1]
    return first == second or _substitution_cost(first, second) < 1 or heard[-3:] == name[-3:]


def _substitution_cost(heard: str, name: str) -> float:
    if heard == name:
        return 0.0
    if heard in _VOWELS and name in _VOWELS:
        return 0.35
    return 0.4 if heard in _CLASSES and _CLASSES[heard] == _CLASSES.get(name) else 1.0


def _edit_distance(heard: str, name: str) -> float:
    """Weighted Levenshtein distance of two phonetic keys."""
    previous = [0.0]
    for letter in name:
        previous.append(previous[-1] + _indel_cost(letter))
    for sound in heard:
        row = [previous[0] + _indel_cost(sound)]
        for column, letter in enumerate(name, 1):
            replaced = previous[column - 1] + _substitution_cost(sound, letter)
            row.append(min(previous[column] + _indel_cost(sound), row[-1] + _indel_cost(letter), replaced))
        previous = row
    return previous[-1]


def _indel_cost(letter: str) -> float:
    return 0.5 if letter in _VOWELS or letter == "h" else 0.8
