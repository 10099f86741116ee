"""How much each word of a Norwegian call looks like a part of somebody's name.

A perceptron reads the words from left to right and adds up weights: of the word, its ends, its neighbours, the lists
of `namelists`, and what it said of the two words before. It works with and without capitals and punctuation, because
speech engines give both, and for names that are in no list. What it says is a score and no decision: names are missed,
most of all where nothing is written with a capital, so a person listens before anything is given away.

The weights were learnt by `tools/train_tagger.py` from NorNE (Norwegian Dependency Treebank with entities; the
annotations are CC0, the texts are not) and from made-up frames of telephone talk. The file holds no words: a feature is
a 32-bit CRC of its text, mixed and cut to a place in a table of a million places, which others share. Nothing of the
texts can be read from it; at most it can be asked whether one word, with an ending or a neighbour, had some weight.

    tagger.bin.gz   magic, two logistics of the score (2 x 2 floats), words often written small (a bit table), weights
                    for persons and for other names (a signed byte each), SHA-256 of all that; gzip. It guards against
                    damage, not against an attacker, who could change the code as well.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from arlo_rec.model.errors import Integrity
from arlo_rec.speech.detectors import name_lists

FILE = Path(__file__).with_name("tagger.bin.gz")
MAGIC = b"arlo-tagger-1\n"
PLACES = 1 << 20  # of weights: fewer cost recall by collisions, more cost megabytes
COMMON_BITS = 1 << 18  # of the table of everyday words; 17,000 are in it: 1 other word in 16 is taken for one
EVERYDAY = 8  # the bit of `Own.listed` above those of the name lists
REPEATED = 0.6  # of a margin holds wherever else in the call the word stands; chosen on the development splits
USUAL = 0.5  # on made-up talk in small letters: recall 0.83, and 0.93 at 0.2, where 1 word taken in 30 is none
_HEAD = struct.Struct("<4f")
_MASK = PLACES - 1
_ENDS = ".?!:…"
_AROUND = " \t\r\n.,;:!?…\"'`´“”„«»‘’()[]{}<>*_/\\|–—-"

# How a word is written: in a text with capitals small, capital at a start, capital elsewhere, all capitals; in a text
# without any capital; with a digit.
SMALL, FIRST, CAPITAL, CAPITALS, BARE, DIGITS = range(6)

NOTHING, PERSON, OTHER = range(3)  # what a word is a part of: no name, a person's, one of a firm, place, product ...


@dataclass(frozen=True, slots=True)
class Own:
    """What a word gives by itself: hashes that are mixed with how it is written, and what its neighbours ask of it."""

    hashes: tuple[int, ...]
    word: int
    ending: int
    listed: int  # bits: given, family, ambiguous, everyday word


Lists = Callable[[str], int]
ABSENT = Own((), zlib.crc32(b"none"), zlib.crc32(b"none3"), 0)  # where no word is


def people(words: Sequence[str]) -> list[float]:
    """For each word from 0 to 1 how much it looks like a part of a person's name; 0.5 is the usual threshold.

    Words come as an engine wrote them, with or without capitals, punctuation attached or not there at all; the more
    of a call is given at once, the better. Raises Integrity ("tagger_damaged") if the weights are not as shipped.
    """
    return weights().scores(words)


def bare(word: str) -> str:
    """The word without what stands around it."""
    return word.strip(_AROUND)


def written(words: Sequence[str]) -> list[int]:
    """How each word is written, given the others (3 bits), and the punctuation before and behind it (3 and 2 bits)."""
    cased = _cased(words)
    found: list[int] = []
    before = ""
    for raw in words:
        word = bare(raw)
        start, end = raw.find(word), raw.rfind(word) + len(word)
        opening, behind = raw[:start], raw[end:] if word else raw
        how = _how(word, cased=cased, start=before[-1:] in _ENDS)
        mark = 4 if opening else _mark(before) if found else 2
        found.append(how | mark << 3 | _mark(behind) << 6)
        before = behind.rstrip("\"'»”)") or behind or " "
    return found


def _how(word: str, *, cased: bool, start: bool) -> int:
    if any(one.isdigit() for one in word):
        return DIGITS
    if not cased:
        return BARE
    if not word[:1].isupper():
        return SMALL
    if len(word) > 1 and word.isupper():
        return CAPITALS
    return FIRST if start else CAPITAL


def _mark(text: str) -> int:
    """What punctuation this is: none, a comma, the end of a sentence, another."""
    last = text.strip()[-1:]
    return 0 if not last else 1 if last == "," else 2 if last in _ENDS else 3


def _cased(words: Sequence[str]) -> bool:
    """Whether capitals mean something: an engine that writes everything large says no more than one that does small."""
    return any(word != word.lower() for word in words) and any(word != word.upper() for word in words)


def describe(word: str, listed: Lists) -> Own:
    """The hashes of one bare word; *listed* says which lists it is in."""
    if not word:
        return ABSENT
    plain = word.lower()
    code = listed(plain)
    texts = [f"w {plain}", f"l {code} {min(len(plain), 8)}", f"h {code & 7} {'-' in plain}"]
    texts += [f"p {plain[:size]}" for size in (1, 2, 3, 4)]
    texts += [f"s {plain[-size:]}" for size in (1, 2, 3, 4, 5)]
    if code < EVERYDAY:  # no everyday word: its ends say more
        texts += [f"rp {plain[:3]}", f"rs {plain[-3:]}", f"rs {plain[-4:]}"]
    hashes = tuple(zlib.crc32(one.encode()) for one in texts)
    return Own(hashes, hashes[0], zlib.crc32(f"e {plain[-3:]}".encode()), code)


def judge(seen: Sequence[Own], how: Sequence[int], person: Sequence[int], other: Sequence[int]) -> list[int]:
    """The margin of each word: by how much it looks more like a person's name than like another name or none."""
    margins: list[int] = []
    before = earlier = NOTHING
    padded = [ABSENT, ABSENT, *seen, ABSENT, ABSENT]
    cases = [7, *how, 7]
    for at in range(len(seen)):
        here = places(padded, cases, at, before, earlier)
        named = sum([person[place] for place in here])
        rival = sum([other[place] for place in here])
        margins.append(named - max(rival, 0))
        earlier, before = before, PERSON if named > max(rival, 0) else OTHER if rival > 0 else NOTHING
    return margins


def places(padded: Sequence[Own], cases: Sequence[int], at: int, before: int, earlier: int) -> list[int]:
    """Where the weights of word *at* stand; *padded* has two words more on each side and *cases* one.

    Each kind of feature mixes in a number of its own, by multiplication with odd numbers (Knuth), which spreads them.
    """
    left2, left, this, right, right2 = padded[at : at + 5]
    how, marks = cases[at + 1] & 7, cases[at + 1] >> 3
    case = how * 0x9E3779B1
    tags = before + 3 * earlier
    found = [((one ^ case) * 0x85EBCA6B >> 9) & _MASK for one in this.hashes]
    lists = this.listed | left.listed << 4 | right.listed << 8
    cased = how | (cases[at] & 7) << 3 | (cases[at + 2] & 7) << 6
    for value in (
        left.word ^ case ^ 0x0A511ED1,
        right.word ^ case ^ 0x1B873593,
        left2.word ^ case ^ 0x2C1B3C6D,
        right2.word ^ case ^ 0x3D4D51CB,
        left.ending ^ case ^ 0x4F1BBCDC,
        right.ending ^ case ^ 0x510E527F,
        left.word * 3 ^ left2.word * 5 ^ case ^ 0x6A09E667,
        left.word * 3 ^ right.word * 5 ^ case ^ 0x7137449F,
        left.word * 3 ^ this.listed * 0x27D4EB2F ^ case ^ 0x0BB67AE8,
        right.word * 3 ^ this.listed * 0x27D4EB2F ^ case ^ 0x13C6EF37,
        lists * 0x27D4EB2F ^ how ^ 0x254FF53A,
        cased * 0x27D4EB2F ^ tags ^ 0x39B05688,
        (cased * 16 + this.listed) * 0x27D4EB2F ^ tags ^ 0x428A2F98,
        this.word * 3 ^ tags * 0x27D4EB2F ^ case ^ 0x59F111F1,
        this.ending * 3 ^ tags * 0x27D4EB2F ^ case ^ 0x6923F82A,
        left.word * 3 ^ tags * 0x27D4EB2F ^ case ^ 0x7BCA4AB1,
        right.word * 3 ^ tags * 0x27D4EB2F ^ case ^ 0x0807AA98,
        left.ending * 3 ^ this.ending * 5 ^ case ^ 0x12835B01,
        (marks * 16 + this.listed) * 0x27D4EB2F ^ case ^ 0x243185BE,
        (marks * 16 + tags) * 0x27D4EB2F ^ case ^ 0x550C7DC3,
        left.word * 3 ^ marks * 0x27D4EB2F ^ case ^ 0x72BE5D74,
    ):
        found.append((value * 0x85EBCA6B >> 9) & _MASK)
    return found


def name_code(plain: str) -> int:
    """Which lists a small-written name is in, by its parts and without a genitive: 1 given, 2 family, 4 ambiguous."""
    names = name_lists.lists()
    code = 0
    for part in plain.split("-") if "-" in plain else (plain,):
        for form in (part, part[:-1].rstrip("'’")) if part.endswith("s") else (part,):
            mine = (form in names.given) + 2 * (form in names.family) + 4 * (form in names.ambiguous)
            if mine:
                code |= mine
                break
    return code


def everyday(bits: bytes | bytearray, plain: str) -> bool:
    """Whether a small-written word is in the table of words that are often written small."""
    at = zlib.crc32(b"common " + plain.encode()) % COMMON_BITS
    return bool(bits[at >> 3] >> (at & 7) & 1)


def everyday_table(words: Iterable[str]) -> bytes:
    """The table of these words: one bit each, no words."""
    bits = bytearray(COMMON_BITS // 8)
    for word in words:
        at = zlib.crc32(b"common " + word.encode()) % COMMON_BITS
        bits[at >> 3] |= 1 << (at & 7)
    return bytes(bits)


@dataclass(frozen=True, slots=True)
class Weights:
    """What was learnt: the score of a margin m is 1 / (1 + exp(-(slope * m + shift)))."""

    logistic: tuple[tuple[float, float], tuple[float, float]]  # slope and shift, with capitals and without
    common: bytes
    person: array[int]
    other: array[int]

    def scores(self, words: Sequence[str]) -> list[float]:
        """What `people` says."""
        slope, shift = self.logistic[not _cased(words)]
        return [1 / (1 + math.exp(-max(-60.0, min(60.0, slope * one + shift)))) for one in self.margins(words)]

    def margins(self, words: Sequence[str]) -> list[float]:
        """By how much each word looks more like a person's name than like anything else, in steps of weights.

        A word that is clearly a name where somebody says who he is, is one where he is only thanked.
        """
        plain = [bare(word) for word in words]
        own = {word: describe(word, self._listed) for word in set(plain)}  # for this call only: nothing said is kept
        alone = judge([own[word] for word in plain], written(words), self.person, self.other)
        best: dict[str, int] = {}
        for word, margin in zip(plain, alone, strict=True):
            if own[word].listed < EVERYDAY and margin > best.get(word, 0):
                best[word] = margin
        return [
            max(margin, REPEATED * best[word]) if word in best else margin
            for word, margin in zip(plain, alone, strict=True)
        ]

    def _listed(self, plain: str) -> int:
        return name_code(plain) | EVERYDAY * everyday(self.common, plain)

    def write(self) -> bytes:
        """The file that `read` reads."""
        head = MAGIC + _HEAD.pack(*self.logistic[0], *self.logistic[1])
        body = head + self.common + self.person.tobytes() + self.other.tobytes()
        return gzip.compress(body + hashlib.sha256(body).digest(), 9, mtime=0)


@cache
def weights() -> Weights:
    """The weights that are shipped; read once. Raises Integrity ("tagger_damaged")."""
    return read(FILE)


def read(path: Path) -> Weights:
    """The weights in a file; raises Integrity ("tagger_damaged") if one bit of it is not as it was written."""
    size = len(MAGIC) + _HEAD.size + COMMON_BITS // 8 + 2 * PLACES
    unpacking = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacking.decompress(path.read_bytes(), size + 33)
    except (OSError, zlib.error):
        raise Integrity("tagger_damaged") from None
    body, digest = unpacked[:size], unpacked[size:]
    whole = unpacking.eof and not unpacking.unused_data and hashlib.sha256(body).digest() == digest
    if not whole or not body.startswith(MAGIC):
        raise Integrity("tagger_damaged")
    one, two, three, four = _HEAD.unpack_from(body, len(MAGIC))
    at = len(MAGIC) + _HEAD.size
    tables = at + COMMON_BITS // 8
    person, other = array("b", body[tables : tables + PLACES]), array("b", body[tables + PLACES :])
    return Weights(((one, two), (three, four)), body[at:tables], person, other)
