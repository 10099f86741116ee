"""Digits, codes and spelled words in what was said, however they were spoken or written.

Any run of five digits or more goes, whatever it validates as: recognition mistakes one digit in six of Norwegian
numbers, so a checksum may label a number but never excuse it.

    symbols of one word     "912" "ni" "nittenåtti" "B-L-A" "X"
    numerals                "nine hundred and twelve" is 912, "enogtyve" is 21, "double four" is 44
    runs                    symbols with nothing but fillers between; how many decides
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from arlo_rec.speech.detectors import lexicon as lex
from arlo_rec.speech.detectors.check_digits import is_iban, label
from arlo_rec.speech.detectors.tokens import Found, Token

FEWEST_DIGITS = 5
FEWEST_SYMBOLS = 5  # of a code of letters and digits
FEWEST_LETTERS = 3  # of a spelled word
LONGEST_GAP = 8.0  # seconds between two parts of one number: the other one repeats what was heard
ECHO = 4.0  # seconds before and behind a number in which a part of it is said again
PIECE_GAP = 1.5  # seconds between two parts that stay, since something else was said there
MOST_FILLERS = 6
_DIGIT = re.compile(r"[0-9]")
_ALNUM = re.compile(r"[^\W_]")
_CODE = re.compile(r"^(?=.*[0-9])[\w+\-./#]+$")
_ORDINAL = re.compile(r"^[0-9]{1,2}(st|nd|rd|th|\.?)$")
_SPELLED = re.compile(r"^([^\W\d_])(?:[-.–]([^\W\d_]))+\.?$")


@dataclass(frozen=True, slots=True)
class Part:
    """What words *first* to *last* add to a run; letters in small, digits as digits. `weak`: also an ordinary word."""

    first: int
    last: int
    text: str
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Parts with nothing but fillers between."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All symbols; an "o" among digits is a zero."""
        told = "".join(one.text for one in self.parts)
        letters = {each for each in told if each.isalpha()}
        return told.replace("o", "0") if letters == {"o"} and len(told) > told.count("o") else told

    @property
    def digits(self) -> int:
        """How many digits."""
        return sum(each.isdigit() for each in self.text)

    @property
    def strong(self) -> int:
        """How many symbols come from words that are nothing else."""
        return sum(len(one.text) for one in self.parts if not one.weak)


def found(stream: Sequence[Token], asked: Sequence[bool]) -> Iterator[Found]:
    """Numbers, codes and spelled words; where a number was *asked* for, fewer symbols do.

    A number that was said in pieces counts as one, and each piece goes; what was said between them stays.
    """
    for run in runs(stream, asked):
        first, last = run.parts[0].first, run.parts[-1].last
        kind = _kind(run, 2 if any(asked[first : last + 1]) else 0)
        if kind is None:
            continue
        for begin, end in _pieces(stream, run):
            yield Found(begin, end, *kind)


def said(stream: Sequence[Token], asked: Sequence[bool]) -> Iterator[tuple[float, float, str]]:
    """Start, end and symbols of each number and code, so that it is known where it is repeated."""
    for run in runs(stream, asked):
        first, last = run.parts[0].first, run.parts[-1].last
        if _kind(run, 2 if any(asked[first : last + 1]) else 0) is not None:
            yield stream[first].start, stream[last].end, run.text


def repeated(stream: Sequence[Token], numbers: Sequence[tuple[float, float, str]]) -> Iterator[Found]:
    """Where a part of one of these *numbers* is said again within seconds of it: whoever wrote it down confirms it."""
    for run in runs(stream):
        at = stream[run.parts[0].first].start
        near = [text for start, end, text in numbers if start - ECHO < at < end + ECHO]
        if len(run.text) > 1 and any(run.text in text for text in near):
            for begin, end in _pieces(stream, run):
                yield Found(begin, end, "number", "repeated", 0.6)
        elif near:
            for part in run.parts:
                if len(part.text) > 1 and not part.weak:
                    yield Found(part.first, part.last, "number", "repeated", 0.5)


def _kind(run: Run, fewer: int) -> tuple[str, str, float] | None:
    """Type, source and score of a run that is long enough."""
    letters = len(run.text) - run.digits
    if 0 < letters == len(run.text):
        return ("spelled", "rule", 0.9) if letters >= FEWEST_LETTERS and run.strong >= 2 else None
    if not letters:
        long = run.digits >= FEWEST_DIGITS - fewer and run.strong >= 2
        return ("number", label(run.text) or "rule", 0.95) if long else None
    return (
        ("code", "iban" if is_iban(run.text) else "rule", 0.9)
        if len(run.text) >= FEWEST_SYMBOLS - fewer and run.strong >= 3
        else None
    )


def _pieces(stream: Sequence[Token], run: Run) -> Iterator[tuple[int, int]]:
    first = last = run.parts[0].first
    for one in run.parts:
        if stream[one.first].start - stream[last].end > PIECE_GAP:
            yield first, last
            first = one.first
        last = one.last
    yield first, last


def is_number(word: str) -> bool:
    """Whether a word in small letters is made of number words."""
    return bool(_morphemes(word))


def has_digits(one: Token) -> bool:
    """Whether a word is a number or a part of one, and nothing else."""
    told = _written(one.shown)
    return told is not None and not told[2] and (bool(told[0]) or bool(_DIGIT.search(told[1])))


def runs(stream: Sequence[Token], asked: Sequence[bool] = ()) -> Iterator[Run]:
    """Runs of symbols in order; where a number was *asked* for, words that may be something else count, too."""
    parts: list[Part] = []
    for one in _numerals(_parts(stream)):
        if asked and asked[one.first] and one.weak and _beside(stream, one):
            one = replace(one, weak=False)
        if _is_amount(stream, one):
            yield from _trimmed(stream, parts)
            parts = []
            continue
        if parts and not _goes_on(stream, parts[-1].last, one.first):
            yield from _trimmed(stream, parts)
            parts = []
        parts.append(one)
    yield from _trimmed(stream, parts)


def _beside(stream: Sequence[Token], part: Part) -> bool:
    """Whether a number word stands right before or behind a word that is a number and an ordinary word, too."""
    return any(
        _written(stream[at].shown) is not None and stream[at].folded not in lex.WORDS_OF_ONE_LETTER
        for at in (part.first - 1, part.last + 1)
        if 0 <= at < len(stream) and abs(stream[at].start - stream[part.first].start) < 2.0
    )


def _is_amount(stream: Sequence[Token], part: Part) -> bool:
    """Twelve minutes, two hundred kroner."""
    behind = stream[part.last + 1].folded if part.last + 1 < len(stream) and not stream[part.last].ends else ""
    return len(part.text) <= 6 and behind in lex.MEASURES


def _trimmed(stream: Sequence[Token], parts: list[Part]) -> Iterator[Run]:
    """Without ordinary words at its begin, and at its end where they do not follow at once."""
    begin, end = 0, len(parts)
    while begin < end and parts[begin].weak and not _follows(parts, begin):
        begin += 1
    while begin < end and parts[end - 1].weak and not _close(stream, parts, end - 1):
        end -= 1
    if begin < end:
        yield Run(tuple(parts[begin:end]))


def _close(stream: Sequence[Token], parts: Sequence[Part], at: int) -> bool:
    """A number word that is an ordinary one too belongs to the number right before it."""
    one, before = parts[at], parts[at - 1] if at else None
    digit = one.text.isdigit() and stream[one.first].folded not in lex.ARTICLES
    return before is not None and (
        _follows(parts, at - 1) or (digit and stream[one.first].start - stream[before.last].end < 1.2)
    )


def _follows(parts: Sequence[Part], at: int) -> bool:
    """The part behind *at* comes in the next word."""
    return 0 <= at < len(parts) - 1 and parts[at + 1].first - parts[at].last == 1


def _goes_on(stream: Sequence[Token], last: int, first: int) -> bool:
    between = stream[last + 1 : first]
    if len(between) > MOST_FILLERS or stream[first].start - stream[last].end > LONGEST_GAP:
        return False
    strange = [one for one in between if one.folded not in lex.FILLERS]
    return len(strange) <= 1 and (not strange or stream[first].start - stream[last].end < 1.5)


# -- one word -----------------------------------------------------------------------------------------


def _parts(stream: Sequence[Token]) -> Iterator[tuple[int, int, list[tuple[str, int]], str, bool]]:
    """Word range, morphemes of a numeral or none, literal symbols, weak."""
    at = 0
    while at < len(stream):
        one = stream[at]
        word = one.folded
        if at + 1 < len(stream) and word in lex.TIMES and (value := lex.UNITS.get(stream[at + 1].folded)) is not None:
            yield at, at + 1, [], str(value)[:1] * lex.TIMES[word], False
            at += 2
            continue
        if told := _explained(stream, at):
            yield at, told, [], word, False
            at = told + 1
            continue
        if word in lex.SPELLING and _spells(stream, at):
            yield at, at, [], word[0], False
        else:
            yield at, at, *_word(one)
        at += 1


def _explained(stream: Sequence[Token], at: int) -> int:
    """Where "D as in David" that begins at *at* ends; 0 where none does."""
    word = stream[at].folded
    if len(word) != 1 or not word.isalpha():
        return 0
    for last in (at + 2, at + 3):
        if last < len(stream) and stream[last].folded[:1] == word and len(stream[last].folded) > 1:
            return last if all(one.folded in lex.LETTER_AS for one in stream[at + 1 : last]) else 0
    return 0


def _spells(stream: Sequence[Token], at: int) -> bool:
    """Whether the words beside a word of a spelling alphabet are such words too, or letters."""
    beside = [stream[one].folded for one in (at - 1, at + 1) if 0 <= one < len(stream)]
    if any(one in lex.SPELLING or (len(one) == 1 and one.isalpha() and one not in "aiåoø") for one in beside):
        return True
    return stream[at].folded in lex.ICAO and any(_morphemes(one) or one.isdigit() for one in beside)


@lru_cache(maxsize=4096)
def _written(shown: str) -> tuple[tuple[tuple[str, int], ...], str, bool] | None:
    word = _with_our_digits(shown.casefold())
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
    if shown.isupper() and 2 <= len(shown) <= 6 and not any(each in "AEIOUYÆØÅÄÖ" for each in shown):
        return ((), word, False)  # "BKKN": letters that recognition ran together
    if word in lex.LETTER_NAMES:
        return ((), lex.LETTER_NAMES[word], True)
    return None


def _with_our_digits(word: str) -> str:
    """Digits of any script, raised or in a circle, as 0 to 9: "1²3", "٤٥" are said as numbers, too."""
    return word if word.isascii() else "".join(_digit(each) for each in word)


def _digit(sign: str) -> str:
    value = unicodedata.digit(sign, None)
    return sign if value is None else str(value)


def _word(one: Token) -> tuple[list[tuple[str, int]], str, bool]:
    told = _written(one.shown)
    return ([], "", True) if told is None else (list(told[0]), told[1], told[2])


@lru_cache(maxsize=4096)
def _morphemes(word: str) -> tuple[tuple[str, int], ...]:
    """A numeral in its parts: "femhundreogsekstisju" is 5, hundred, and, 60, 7; empty for anything else."""
    for piece in word.split("-") if "-" in word else ():
        if not _morphemes(piece):
            return ()
    if "-" in word:
        return tuple(each for piece in word.split("-") for each in _morphemes(piece))
    whole = _morpheme(word)
    if whole:
        return (whole,)
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


def _numerals(parts: Iterator[tuple[int, int, list[tuple[str, int]], str, bool]]) -> Iterator[Part]:
    """Each run of number words in its numerals, as digits."""
    waiting: list[tuple[int, str, int, bool]] = []  # word, kind, value, weak
    for first, last, morphemes, text, weak in parts:
        if morphemes:
            waiting += [(first, kind, value, weak) for kind, value in morphemes]
            continue
        yield from _composed(waiting)
        waiting = []
        if text:
            yield Part(first, last, text, weak)
    yield from _composed(waiting)


def _composed(heard: list[tuple[int, str, int, bool]]) -> Iterator[Part]:
    at = 0
    while at < len(heard):
        if heard[at][1] == "and":
            at += 1
            continue
        value, used = _numeral([(kind, value) for _, kind, value, _ in heard[at:]])
        mine = heard[at : at + used]
        weak = all(one[3] for one in mine)
        shown = str(value // 1000 if value and not value % 1000 else value)  # "a thousand thanks" is not four digits
        yield Part(mine[0][0], mine[-1][0], shown, weak)
        at += used


def _numeral(left: Sequence[tuple[str, int]]) -> tuple[int, int]:
    """The value of the longest numeral at the begin, and of how many morphemes it is made."""
    total, used, room = 0, 0, 1_000_000
    while used < len(left):
        kind, value = left[used]
        follows = [each for each, _ in left[used + 1 : used + 3]]
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
            total, room = _multiplied(total, value), value
        elif room >= size and not (kind == "unit" and value == 0 and used):
            total, room = total + value, {"unit": 1, "teen": 1, "tens": 10}[kind]
        else:
            break
        used += 1
        if room == 1 and used < len(left) and left[used][0] not in ("hundred", "thousand"):
            break
    return total, _without_and(left, max(used, 1))


def _multiplied(total: int, by: int) -> int:
    if by == 1000:
        return (total or 1) * 1000
    return total - total % 1000 + (total % 1000 or 1) * 100


def _without_and(left: Sequence[tuple[str, int]], used: int) -> int:
    """A numeral does not end with "and"."""
    while used > 1 and left[used - 1][0] == "and":
        used -= 1
    return used
