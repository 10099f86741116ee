"""How much what was heard sounds like a name that is known: letters folded to sounds, then a weighted edit distance.

Recognition writes "Brandon Foster" as "brand and faster": vowels cost little, consonants of one place of articulation
less than others. The classes are those of Soundex (Russell 1918) and Daitch-Mokotoff, adapted to Nordic spelling.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from arlo_rec.speech.detectors.harmless import is_harmless
from arlo_rec.speech.detectors.tokens import Found, Token

NEAR = 0.30  # of the longer one's length; measured on words of a small English model: two of three misheard names
NEAR_SHORT = 0.21  # of names of fewer than six sounds, which ordinary words resemble
NEAR_ORDINARY = 0.12  # of one ordinary word: "camera" is no Cameron
MOST_WORDS = 4  # that one name was heard as
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
class Known:
    """A name as it is looked for: whole, and each part of three letters or more."""

    sounds: tuple[str, ...]


def known(names: Iterable[str]) -> Known:
    """From names as they are written in a catalogue."""
    forms: set[str] = set()
    for name in names:
        parts = [one for one in name[:LONGEST].replace("-", " ").split() if any(each.isalpha() for each in one)]
        forms |= {sounds(one) for one in [*parts, "".join(parts)]}
    return Known(tuple(sorted(one for one in forms if len(one) >= 3)))


@lru_cache(maxsize=8192)
def sounds(word: str) -> str:
    """A word as its sounds; doubled ones once."""
    folded = "".join(each for each in unicodedata.normalize("NFC", word).casefold() if each.isalpha())
    for written, sound in _SOUNDS:
        folded = folded.replace(written, sound)
    plain = "".join(each for each in unicodedata.normalize("NFD", folded) if not unicodedata.combining(each))
    return "".join(each for place, each in enumerate(plain) if place == 0 or each != plain[place - 1])


def found(stream: Sequence[Token], names: Known) -> Iterator[Found]:
    """Windows of one to four words that sound like a known name; of those that overlap, the likest."""
    windows = sorted(_windows(stream, names), key=lambda one: (-one.score, one.first - one.last))
    taken: set[int] = set()
    for one in windows:
        places = set(range(one.first, one.last + 1))
        if not places & taken:
            taken |= places
            yield one


def _windows(stream: Sequence[Token], names: Known) -> Iterator[Found]:
    longest = max((len(one) for one in names.sounds), default=0)
    for first in range(len(stream) if names.sounds else 0):
        heard = ""
        for last in range(first, min(first + MOST_WORDS, len(stream))):
            if last > first and stream[last].start - stream[last - 1].end > 1.0:
                break
            heard += stream[last].folded
            if len(heard) > 2 * longest + 4:
                break
            nearest = _nearest(sounds(heard), names)
            if nearest is not None and nearest <= _allowed(stream[first : last + 1]):
                yield Found(first, last, "name", "known", round(1 - nearest, 2))


def _allowed(window: Sequence[Token]) -> float:
    if not all(is_harmless(one.folded) for one in window):
        return NEAR
    return NEAR_ORDINARY if len(window) == 1 else NEAR_SHORT


@lru_cache(maxsize=65536)
def _nearest(heard: str, names: Known) -> float | None:
    """The smallest distance to any name, if it is near enough for the length of that name."""
    nearest: float | None = None
    for one in names.sounds:
        longer = max(len(heard), len(one))
        allowed = NEAR_SHORT if len(one) < 6 else NEAR
        if abs(len(heard) - len(one)) > allowed * longer + 1 or not _begins_alike(heard, one):
            continue
        share = _distance(heard, one) / longer
        if share <= allowed and (nearest is None or share < nearest):
            nearest = share
    return nearest


def _begins_alike(one: str, other: str) -> bool:
    first, second = one[:1], other[:1]
    return first == second or _cost(first, second) < 1 or one[-3:] == other[-3:]


def _cost(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in _VOWELS and other in _VOWELS:
        return 0.35
    return 0.4 if one in _CLASSES and _CLASSES[one] == _CLASSES.get(other) else 1.0


def _distance(one: str, other: str) -> float:
    before = [0.0]
    for letter in other:
        before.append(before[-1] + _gap(letter))
    for heard in one:
        row = [before[0] + _gap(heard)]
        for place, letter in enumerate(other, 1):
            row.append(
                min(before[place] + _gap(heard), row[-1] + _gap(letter), before[place - 1] + _cost(heard, letter))
            )
        before = row
    return before[-1]


def _gap(letter: str) -> float:
    return 0.5 if letter in _VOWELS or letter == "h" else 0.8
