"""Score how much each word of a Norwegian call looks like part of a person's name: a perceptron over hashed features.

The perceptron goes through the words from left to right and sums weights: of the word, its prefixes and suffixes, its
neighbours, the lists of `word_lists`, and its own tags of the two words before. It works with and without capitals and
punctuation, because speech engines write both, and for names in no list. Its result is a score, not a decision: it
misses names, above all where nothing is capitalised, so a person listens before a copy is released.

The weights were learnt by `tools/train_tagger.py` from NorNE (Norwegian Dependency Treebank with entities; the
annotations are CC0, the texts are not) and from made-up frames of telephone talk. The file contains no words: a feature
is a 32-bit CRC of its text, mixed and truncated to an index of a table of a million weights, shared by collisions. The
texts cannot be read from it; at most one can test whether a word, with an ending or a neighbour, has a weight.

    tagger.bin      SHA-256 of the rest, which is a gzip file: magic, two logistic functions of the score (2 x 2
                    floats), words often written in lower case (a bit table), weights for persons and for other names
                    (a signed byte each). The digest detects damage, not an attacker, who could change the code as well.
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

from arlo_rec.law.model.errors import Integrity
from arlo_rec.words.detectors import word_lists

FILE = Path(__file__).with_name("tagger.bin")
MAGIC = b"arlo-tagger-1\n"
DIGEST = hashlib.sha256().digest_size
PLACES = 1 << 20  # of weights: fewer cost recall by collisions, more cost megabytes
COMMON_BITS = 1 << 18  # of the table of everyday words; 17,000 are in it: 1 other word in 16 collides with one
EVERYDAY = 8  # the bit of `WordFeatures.listed` above those of the name lists
REPEATED = 0.6  # share of a word's best margin that counts at its other occurrences; chosen on the development splits
USUAL = 0.5  # threshold; on made-up lower-case talk: recall 0.83 (0.93 at 0.2, where 1 match in 30 is no name)
_HEAD = struct.Struct("<4f")
_MASK = PLACES - 1
_ENDS = ".?!:…"
_AROUND = " \t\r\n.,;:!?…\"'`´“”„«»‘’()[]{}<>*_/\\|–—-"

# How a word is written: in cased text lower case, capitalised at a sentence's start, capitalised elsewhere, upper case;
# in uncased text; with a digit.
SMALL, FIRST, CAPITAL, CAPITALS, BARE, DIGITS = range(6)

NOTHING, PERSON, OTHER = range(3)  # tags: no name, a person's name, a name of a firm, place, product ...


@dataclass(frozen=True, slots=True)
class WordFeatures:
    """The features of a word by itself: hashes to be mixed with its writing, and those that its neighbours use."""

    hashes: tuple[int, ...]
    word: int
    ending: int
    listed: int  # bits: given, family, ambiguous, everyday word


Lists = Callable[[str], int]
ABSENT = WordFeatures(
    (), zlib.crc32(b"none"), zlib.crc32(b"none3"), 0
)  # padding before the first and after the last word


def score_names(words: Sequence[str]) -> list[float]:
    """Score each word from 0 to 1 by how much it looks like part of a person's name; 0.5 is the usual threshold.

    *words* are as an engine wrote them, with or without capitals and attached punctuation; more context gives better
    scores. Raises Integrity ("tagger_damaged") if the weights are not as shipped.
    """
    return load_weights().score(words)


def strip_marks(word: str) -> str:
    """The word without the punctuation around it."""
    return word.strip(_AROUND)


def encode_writing(words: Sequence[str]) -> list[int]:
    """Encode each word's case, given the others (3 bits), and the punctuation before and after it (3 and 2 bits)."""
    cased = _is_cased(words)
    codes: list[int] = []
    before = ""
    for raw in words:
        word = strip_marks(raw)
        start, end = raw.find(word), raw.rfind(word) + len(word)
        opening, behind = raw[:start], raw[end:] if word else raw
        how = _classify_case(word, cased=cased, start=before[-1:] in _ENDS)
        mark = 4 if opening else _classify_mark(before) if codes else 2
        codes.append(how | mark << 3 | _classify_mark(behind) << 6)
        before = behind.rstrip("\"'»”)") or behind or " "
    return codes


def _classify_case(word: str, *, cased: bool, start: bool) -> int:
    if any(character.isdigit() for character in word):
        return DIGITS
    if not cased:
        return BARE
    if not word[:1].isupper():
        return SMALL
    if len(word) > 1 and word.isupper():
        return CAPITALS
    return FIRST if start else CAPITAL


def _classify_mark(text: str) -> int:
    """The class of punctuation: 0 none, 1 a comma, 2 the end of a sentence, 3 any other."""
    last = text.strip()[-1:]
    return 0 if not last else 1 if last == "," else 2 if last in _ENDS else 3


def _is_cased(words: Sequence[str]) -> bool:
    """Whether capitals carry information: the words are neither all lower case nor all upper case."""
    return any(word != word.lower() for word in words) and any(word != word.upper() for word in words)


def describe(word: str, listed: Lists) -> WordFeatures:
    """The features of a word without marks; *listed* gives the bits of the lists that contain it."""
    if not word:
        return ABSENT
    plain = word.lower()
    code = listed(plain)
    texts = [f"w {plain}", f"l {code} {min(len(plain), 8)}", f"h {code & 7} {'-' in plain}"]
    texts += [f"p {plain[:size]}" for size in (1, 2, 3, 4)]
    texts += [f"s {plain[-size:]}" for size in (1, 2, 3, 4, 5)]
    if code < EVERYDAY:  # prefixes and suffixes of a rarer word get weights of their own
        texts += [f"rp {plain[:3]}", f"rs {plain[-3:]}", f"rs {plain[-4:]}"]
    hashes = tuple(zlib.crc32(text.encode()) for text in texts)
    return WordFeatures(hashes, hashes[0], zlib.crc32(f"e {plain[-3:]}".encode()), code)


def judge(
    features: Sequence[WordFeatures], writing: Sequence[int], person: Sequence[int], other: Sequence[int]
) -> list[int]:
    """The margin of each word: its sum of weights for a person's name, less that for another name if positive."""
    margins: list[int] = []
    before = earlier = NOTHING
    padded = [ABSENT, ABSENT, *features, ABSENT, ABSENT]
    cases = [7, *writing, 7]
    for position in range(len(features)):
        weights = index_features(padded, cases, position, before, earlier)
        person_sum = sum([person[index] for index in weights])
        other_sum = sum([other[index] for index in weights])
        margins.append(person_sum - max(other_sum, 0))
        earlier, before = before, PERSON if person_sum > max(other_sum, 0) else OTHER if other_sum > 0 else NOTHING
    return margins


def index_features(
    padded: Sequence[WordFeatures], cases: Sequence[int], at: int, before: int, earlier: int
) -> list[int]:
    """The indices of the weights of word *at*; *padded* has two more words on each side than the text, *cases* one.

    Each kind of feature mixes in a constant of its own; multiplication by odd constants (Knuth) spreads the hashes.
    """
    left2, left, word, right, right2 = padded[at : at + 5]
    how, marks = cases[at + 1] & 7, cases[at + 1] >> 3
    case = how * 0x9E3779B1
    tags = before + 3 * earlier
    indexes = [((value ^ case) * 0x85EBCA6B >> 9) & _MASK for value in word.hashes]
    lists = word.listed | left.listed << 4 | right.listed << 8
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
        left.word * 3 ^ word.listed * 0x27D4EB2F ^ case ^ 0x0BB67AE8,
        right.word * 3 ^ word.listed * 0x27D4EB2F ^ case ^ 0x13C6EF37,
        lists * 0x27D4EB2F ^ how ^ 0x254FF53A,
        cased * 0x27D4EB2F ^ tags ^ 0x39B05688,
        (cased * 16 + word.listed) * 0x27D4EB2F ^ tags ^ 0x428A2F98,
        word.word * 3 ^ tags * 0x27D4EB2F ^ case ^ 0x59F111F1,
        word.ending * 3 ^ tags * 0x27D4EB2F ^ case ^ 0x6923F82A,
        left.word * 3 ^ tags * 0x27D4EB2F ^ case ^ 0x7BCA4AB1,
        right.word * 3 ^ tags * 0x27D4EB2F ^ case ^ 0x0807AA98,
        left.ending * 3 ^ word.ending * 5 ^ case ^ 0x12835B01,
        (marks * 16 + word.listed) * 0x27D4EB2F ^ case ^ 0x243185BE,
        (marks * 16 + tags) * 0x27D4EB2F ^ case ^ 0x550C7DC3,
        left.word * 3 ^ marks * 0x27D4EB2F ^ case ^ 0x72BE5D74,
    ):
        indexes.append((value * 0x85EBCA6B >> 9) & _MASK)
    return indexes


def name_code(plain: str) -> int:
    """Bits of the lists with a lower-case name, by its parts, without genitive: 1 given, 2 family, 4 ambiguous."""
    names = word_lists.load_names()
    code = 0
    for part in plain.split("-") if "-" in plain else (plain,):
        for form in (part, part[:-1].rstrip("'’")) if part.endswith("s") else (part,):
            mine = (form in names.given) + 2 * (form in names.family) + 4 * (form in names.ambiguous)
            if mine:
                code |= mine
                break
    return code


def is_everyday(bits: bytes | bytearray, plain: str) -> bool:
    """Whether a lower-case word is in the table of everyday words; 1 other word in 16 is, too, by collision."""
    at = zlib.crc32(b"common " + plain.encode()) % COMMON_BITS
    return bool(bits[at >> 3] >> (at & 7) & 1)


def build_everyday_table(words: Iterable[str]) -> bytes:
    """The table of everyday words: one bit for each hash."""
    bits = bytearray(COMMON_BITS // 8)
    for word in words:
        at = zlib.crc32(b"common " + word.encode()) % COMMON_BITS
        bits[at >> 3] |= 1 << (at & 7)
    return bytes(bits)


@dataclass(frozen=True, slots=True)
class Weights:
    """The learnt weights and calibration: the score of a margin m is 1 / (1 + exp(-(slope * m + shift)))."""

    logistic: tuple[tuple[float, float], tuple[float, float]]  # slope and shift, for cased and for uncased text
    common: bytes
    person: array[int]
    other: array[int]

    def score(self, words: Sequence[str]) -> list[float]:
        """The scores of `score_names`."""
        slope, shift = self.logistic[not _is_cased(words)]
        return [
            1 / (1 + math.exp(-max(-60.0, min(60.0, slope * margin + shift)))) for margin in self.compute_margins(words)
        ]

    def compute_margins(self, words: Sequence[str]) -> list[float]:
        """The margin of each word, in units of the weights.

        A word's best margin in the call counts in part (`REPEATED`) at its other occurrences: a name clear from a
        self-introduction is a name where the person is only thanked.
        """
        plain = [strip_marks(word) for word in words]
        own = {word: describe(word, self._listed) for word in set(plain)}  # not cached: no word of a call is kept
        alone = judge([own[word] for word in plain], encode_writing(words), self.person, self.other)
        best: dict[str, int] = {}
        for word, margin in zip(plain, alone, strict=True):
            if own[word].listed < EVERYDAY and margin > best.get(word, 0):
                best[word] = margin
        return [
            max(margin, REPEATED * best[word]) if word in best else margin
            for word, margin in zip(plain, alone, strict=True)
        ]

    def _listed(self, plain: str) -> int:
        return name_code(plain) | EVERYDAY * is_everyday(self.common, plain)

    def write(self) -> bytes:
        """The bytes of a file that `read` accepts."""
        head = MAGIC + _HEAD.pack(*self.logistic[0], *self.logistic[1])
        body = head + self.common + self.person.tobytes() + self.other.tobytes()
        packed = gzip.compress(body, 9, mtime=0)
        return hashlib.sha256(packed).digest() + packed


@cache
def load_weights() -> Weights:
    """The shipped weights, read once; raises Integrity ("tagger_damaged")."""
    return read(FILE)


def read(path: Path) -> Weights:
    """Read the weights of a file; raises Integrity ("tagger_damaged") if any bit differs from what was written."""
    size = len(MAGIC) + _HEAD.size + COMMON_BITS // 8 + 2 * PLACES
    unpacking = zlib.decompressobj(wbits=31)
    try:
        whole = path.read_bytes()
        digest, packed = whole[:DIGEST], whole[DIGEST:]
        is_ours = hashlib.sha256(packed).digest() == digest  # of the packed: some bits of a packing change nothing
        body = unpacking.decompress(packed, size + 1) if is_ours else b""
    except (OSError, zlib.error):
        raise Integrity("tagger_damaged") from None
    if len(body) != size or not unpacking.eof or unpacking.unused_data or not body.startswith(MAGIC):
        raise Integrity("tagger_damaged")
    cased_slope, cased_shift, uncased_slope, uncased_shift = _HEAD.unpack_from(body, len(MAGIC))
    at = len(MAGIC) + _HEAD.size
    tables = at + COMMON_BITS // 8
    person, other = array("b", body[tables : tables + PLACES]), array("b", body[tables + PLACES :])
    logistic = (cased_slope, cased_shift), (uncased_slope, uncased_shift)
    return Weights(logistic, body[at:tables], person, other)
