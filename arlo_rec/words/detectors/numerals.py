"""Read the symbols of words: digits and letters, however they were spoken or written, and the numerals that words make.

    symbols of each word    "912" "ni" "nittenåtti" "B-L-A" "X"
    numerals                "nine hundred and twelve" is 912, "enogtyve" is 21, "double four" is 44
`numbers` decides which runs of them identify a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from arlo_rec.words.detectors import lexicon as lex
from arlo_rec.words.tokens import Token

_DIGIT = re.compile(r"[0-9]")
_ALNUM = re.compile(r"[^\W_]")
_CODE = re.compile(r"^(?=.*[0-9])[\w+\-./#]+$")
_SPELLED = re.compile(r"^([^\W\d_])(?:[-.–]([^\W\d_]))+\.?$")


@dataclass(frozen=True, slots=True)
class Part:
    """The symbols of words *first* to *last* (inclusive): ASCII digits, lower-case letters.

    `weak`: the word is an ordinary word, too, so it counts only beside other parts. `guessed`: it only sounds like a
    digit or a letter.
    """

    first: int
    last: int
    text: str
    weak: bool = False
    guessed: bool = False

    @property
    def is_weak_letter(self) -> bool:
        """Whether the part is a letter that is a word, too: "a", "i"."""
        return self.weak and not self.text.isdigit()


def read_parts(stream: Sequence[Token]) -> Iterator[Part]:
    """Yield the symbols of the words of one channel, numerals joined, in order."""
    return _join_numerals(_parse_words(stream))


def is_number(word: str) -> bool:
    """Whether a case-folded word consists of number words."""
    return bool(_morphemes(word))


def has_digits(token: Token) -> bool:
    """Whether a word is a number or part of one, and not an ordinary word, too."""
    parsed = _parse_symbols(token.stripped)
    return parsed is not None and not parsed[2] and (bool(parsed[0]) or bool(_DIGIT.search(parsed[1])))


def has_symbols(token: Token) -> bool:
    """Whether a word has symbols of a number or a code, also where it is an ordinary word, too."""
    return _parse_symbols(token.stripped) is not None and token.folded not in lex.WORDS_OF_ONE_LETTER


# -- one word -----------------------------------------------------------------------------------------


def _parse_words(stream: Sequence[Token]) -> Iterator[tuple[int, int, list[tuple[str, int]], str, bool]]:
    """Yield for each word: first and last index, morphemes of a numeral if it is one, literal symbols, and weakness."""
    at = 0
    while at < len(stream):
        token = stream[at]
        word = token.folded
        if at + 1 < len(stream) and word in lex.TIMES and (value := lex.UNITS.get(stream[at + 1].folded)) is not None:
            yield at, at + 1, [], str(value)[:1] * lex.TIMES[word], False
            at += 2
            continue
        if last := _find_spelling_end(stream, at):
            yield at, last, [], word, False
            at = last + 1
            continue
        if word in lex.SPELLING and _is_spelling(stream, at):
            yield at, at, [], word[0], False
        else:
            yield at, at, *_parse_word(token)
        at += 1


def _find_spelling_end(stream: Sequence[Token], at: int) -> int:
    """Index of the last word of a "D as in David" that begins at *at*; 0 where none begins there."""
    word = stream[at].folded
    if len(word) != 1 or not word.isalpha():
        return 0
    for last in (at + 2, at + 3):
        if last < len(stream) and stream[last].folded[:1] == word and len(stream[last].folded) > 1:
            return last if all(token.folded in lex.LETTER_AS for token in stream[at + 1 : last]) else 0
    return 0


def _is_spelling(stream: Sequence[Token], at: int) -> bool:
    """Whether a neighbour of a spelling alphabet's word is such a word or a letter, or, for ICAO's, a number."""
    beside = [stream[index].folded for index in (at - 1, at + 1) if 0 <= index < len(stream)]
    if any(word in lex.SPELLING or (len(word) == 1 and word.isalpha() and word not in "aiåoø") for word in beside):
        return True
    return stream[at].folded in lex.ICAO and any(_morphemes(word) or word.isdigit() for word in beside)


@lru_cache(maxsize=4096)
def _parse_symbols(shown: str) -> tuple[tuple[tuple[str, int], ...], str, bool] | None:
    word = _to_ascii_digits(shown.casefold())
    if word in lex.SOUNDS_LIKE:
        return ((), lex.SOUNDS_LIKE[word], True)
    if morphemes := _morphemes(word):
        return (tuple(morphemes), "", word in lex.WEAK)
    if _CODE.match(word):
        return ((), "".join(_ALNUM.findall(word)), False)
    if len(word) == 1 and word.isalpha():
        return ((), word, word in lex.WORDS_OF_ONE_LETTER)
    if _SPELLED.match(word):
        return ((), "".join(_ALNUM.findall(word)), False)
    if shown.isupper() and 2 <= len(shown) <= 6 and not any(letter in "AEIOUYÆØÅÄÖ" for letter in shown):
        return ((), word, False)  # "BKKN": letters that recognition ran together
    if word in lex.LETTER_NAMES:
        return ((), lex.LETTER_NAMES[word], True)
    return None


def _to_ascii_digits(word: str) -> str:
    """Replace digits of any script, superscript or circled, by 0 to 9: "1²3", "٤٥" are read out as numbers, too."""
    return word if word.isascii() else "".join(_to_ascii_digit(sign) for sign in word)


def _to_ascii_digit(sign: str) -> str:
    value = unicodedata.digit(sign, None)
    return sign if value is None else str(value)


def _parse_word(token: Token) -> tuple[list[tuple[str, int]], str, bool]:
    parsed = _parse_symbols(token.stripped)
    return ([], "", True) if parsed is None else (list(parsed[0]), parsed[1], parsed[2])


@lru_cache(maxsize=4096)
def _morphemes(word: str) -> tuple[tuple[str, int], ...]:
    """The morphemes of a numeral: "femhundreogsekstisju" is 5, hundred, and, 60, 7; empty for any other word."""
    for piece in word.split("-") if "-" in word else ():
        if not _morphemes(piece):
            return ()
    if "-" in word:
        return tuple(morpheme for piece in word.split("-") for morpheme in _morphemes(piece))
    single = _morpheme(word)
    if single:
        return (single,)
    for size in range(len(word) - 1, 1, -1):
        head = _morpheme(word[:size])
        if head and (rest := _morphemes(word[size:])):
            return (head, *rest)
    return ()


def _morpheme(word: str) -> tuple[str, int] | None:
    if word in lex.TEENS:
        return ("teen", lex.TEENS[word])
    if word in lex.TENS:
        return ("tens", lex.TENS[word])
    if word in lex.UNITS:
        value = lex.UNITS[word]
        return ("tens", value) if value >= 10 else ("unit", value)
    if word in lex.HUNDREDS:
        return ("hundred", 100)
    if word in lex.THOUSANDS:
        return ("thousand", 1000)
    return ("and", 0) if word in lex.ALSO else None


# -- numerals -----------------------------------------------------------------------------------------


def _join_numerals(parts: Iterator[tuple[int, int, list[tuple[str, int]], str, bool]]) -> Iterator[Part]:
    """Yield each run of number words as the digits of its numerals, and literal symbols as they are."""
    waiting: list[tuple[int, str, int, bool]] = []  # word, kind, value, weak
    for first, last, morphemes, text, weak in parts:
        if morphemes:
            waiting += [(first, kind, value, weak) for kind, value in morphemes]
            continue
        yield from _read_numerals(waiting)
        waiting = []
        if text:
            yield Part(first, last, text, weak, guessed=weak and text.isdigit())
    yield from _read_numerals(waiting)


def _read_numerals(morphemes: list[tuple[int, str, int, bool]]) -> Iterator[Part]:
    at = 0
    while at < len(morphemes):
        if morphemes[at][1] == "and":
            at += 1
            continue
        value, used = _read_numeral([(kind, value) for _, kind, value, _ in morphemes[at:]])
        numeral = morphemes[at : at + used]
        weak = all(morpheme[3] for morpheme in numeral)
        digits = str(value // 1000 if value and not value % 1000 else value)  # "a thousand thanks" is not four digits
        yield Part(numeral[0][0], numeral[-1][0], digits, weak)
        at += used


def _read_numeral(left: Sequence[tuple[str, int]]) -> tuple[int, int]:
    """The value of the longest numeral at the beginning of *left*, and the number of its morphemes."""
    total, used, room = 0, 0, 1_000_000
    while used < len(left):
        kind, value = left[used]
        follows = [kind for kind, _ in left[used + 1 : used + 3]]
        if kind == "and":
            if used + 1 >= len(left) or left[used + 1][0] not in ("unit", "teen", "tens") or room <= 1:
                break
            used += 1
            continue
        if kind == "unit" and follows == ["and", "tens"]:  # "en og tyve", "enogtyve"
            if room < 100:
                break
            total, room, used = total + value + left[used + 2][1], 1, used + 3
            continue
        size = {"unit": 10, "teen": 100, "tens": 100}.get(kind, 0)
        if kind in ("hundred", "thousand"):
            if (total if value == 1000 else total % 1000) >= value:
                break
            total, room = _multiply(total, value), value
        elif room >= size and not (kind == "unit" and value == 0 and used):
            total, room = total + value, {"unit": 1, "teen": 1, "tens": 10}[kind]
        else:
            break
        used += 1
        if room == 1 and used < len(left) and left[used][0] not in ("hundred", "thousand"):
            break
    return total, _drop_final_and(left, max(used, 1))


def _multiply(total: int, by: int) -> int:
    if by == 1000:
        return (total or 1) * 1000
    return total - total % 1000 + (total % 1000 or 1) * 100


def _drop_final_and(left: Sequence[tuple[str, int]], used: int) -> int:
    """Leave a final "and" to what follows the numeral."""
    while used > 1 and left[used - 1][0] == "and":
        used -= 1
    return used
