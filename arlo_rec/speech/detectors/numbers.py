"""Find numbers, codes and spelled words in the words of one channel, however they were spoken or written.

Any run of five digits or more is a match, whatever its check digits: recognition mistakes one digit in six of Norwegian
numbers, so a check digit may label a number but never exempt it. Three steps:

    symbols of each word    "912" "ni" "nittenåtti" "B-L-A" "X"
    numerals                "nine hundred and twelve" is 912, "enogtyve" is 21, "double four" is 44
    runs                    symbols with nothing but fillers between them; their count decides
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from arlo_rec.speech.detectors import lexicon as lex
from arlo_rec.speech.detectors.check_digits import is_iban, label_number
from arlo_rec.speech.detectors.tokens import Match, Token

FEWEST_DIGITS = 5  # of a number
FEWEST_SYMBOLS = 5  # of a code of letters and digits
FEWEST_LETTERS = 3  # of a spelled word
LONGEST_GAP = 8.0  # seconds between two parts of one number, while the other speaker repeats the first
ECHO = 4.0  # seconds before and after a number in which a part of it counts as repeated
PIECE_GAP = 1.5  # seconds between two parts from which on the gap is not cut: something else was said in it
MOST_FILLERS = 6  # words between two parts of a run
_DIGIT = re.compile(r"[0-9]")
_ALNUM = re.compile(r"[^\W_]")
_CODE = re.compile(r"^(?=.*[0-9])[\w+\-./#]+$")
_ORDINAL = re.compile(r"^[0-9]{1,2}(st|nd|rd|th|\.?)$")
_SPELLED = re.compile(r"^([^\W\d_])(?:[-.–]([^\W\d_]))+\.?$")


@dataclass(frozen=True, slots=True)
class Part:
    """The symbols of words *first* to *last* (inclusive): ASCII digits, lower-case letters.

    `weak`: the word is an ordinary word, too, so it counts only beside other parts.
    """

    first: int
    last: int
    text: str
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Parts with nothing but fillers between them."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All symbols; where "o" is the only letter among digits, it counts as zero."""
        symbols = "".join(part.text for part in self.parts)
        letters = {symbol for symbol in symbols if symbol.isalpha()}
        return symbols.replace("o", "0") if letters == {"o"} and len(symbols) > symbols.count("o") else symbols

    @property
    def digits(self) -> int:
        """The number of digits."""
        return sum(symbol.isdigit() for symbol in self.text)

    @property
    def strong(self) -> int:
        """The number of symbols of parts that are not weak."""
        return sum(len(part.text) for part in self.parts if not part.weak)


def find_numbers(stream: Sequence[Token], asked: Sequence[bool]) -> Iterator[Match]:
    """Yield numbers, codes and spelled words; shortly after a question for a number (*asked*), fewer symbols suffice.

    A number said in pieces is judged as one, but each piece is a match of its own, without the words between them.
    """
    for run in split_runs(stream, asked):
        first, last = run.parts[0].first, run.parts[-1].last
        kind = _classify(run, 2 if any(asked[first : last + 1]) else 0)
        if kind is None:
            continue
        for begin, end in _split_pieces(stream, run):
            yield Match(begin, end, *kind)


def list_numbers(stream: Sequence[Token], asked: Sequence[bool]) -> Iterator[tuple[float, float, str]]:
    """Yield start and end in seconds and the symbols of each number and code, for `find_repeated`."""
    for run in split_runs(stream, asked):
        first, last = run.parts[0].first, run.parts[-1].last
        if _classify(run, 2 if any(asked[first : last + 1]) else 0) is not None:
            yield stream[first].start, stream[last].end, run.text


def find_repeated(stream: Sequence[Token], numbers: Sequence[tuple[float, float, str]]) -> Iterator[Match]:
    """Yield parts of *numbers* said again within `ECHO` seconds, as by somebody who wrote the number down."""
    for run in split_runs(stream):
        at = stream[run.parts[0].first].start
        near = [text for start, end, text in numbers if start - ECHO < at < end + ECHO]
        if len(run.text) > 1 and any(run.text in text for text in near):
            for begin, end in _split_pieces(stream, run):
                yield Match(begin, end, "number", "repeated", 0.6)
        elif near:
            for part in run.parts:
                if len(part.text) > 1 and not part.weak:
                    yield Match(part.first, part.last, "number", "repeated", 0.5)


def _classify(run: Run, fewer: int) -> tuple[str, str, float] | None:
    """Type, source and score of a run; None where it has too few symbols. *fewer* lowers the limits."""
    letters = len(run.text) - run.digits
    if 0 < letters == len(run.text):
        return ("spelled", "rule", 0.9) if letters >= FEWEST_LETTERS and run.strong >= 2 else None
    if not letters:
        long = run.digits >= FEWEST_DIGITS - fewer and run.strong >= 2
        return ("number", label_number(run.text) or "rule", 0.95) if long else None
    return (
        ("code", "iban" if is_iban(run.text) else "rule", 0.9)
        if len(run.text) >= FEWEST_SYMBOLS - fewer and run.strong >= 3
        else None
    )


def _split_pieces(stream: Sequence[Token], run: Run) -> Iterator[tuple[int, int]]:
    first = last = run.parts[0].first
    for part in run.parts:
        if stream[part.first].start - stream[last].end > PIECE_GAP:
            yield first, last
            first = part.first
        last = part.last
    yield first, last


def is_number(word: str) -> bool:
    """Whether a case-folded word consists of number words."""
    return bool(_morphemes(word))


def has_digits(token: Token) -> bool:
    """Whether a word is a number or part of one, and not an ordinary word, too."""
    parsed = _parse_symbols(token.stripped)
    return parsed is not None and not parsed[2] and (bool(parsed[0]) or bool(_DIGIT.search(parsed[1])))


def split_runs(stream: Sequence[Token], asked: Sequence[bool] = ()) -> Iterator[Run]:
    """Yield the runs of symbols in order; shortly after a question (*asked*), weak words beside numbers count fully."""
    parts: list[Part] = []
    for part in _join_numerals(_parse_words(stream)):
        if asked and asked[part.first] and part.weak and _is_beside_number(stream, part):
            part = replace(part, weak=False)
        if _is_amount(stream, part):
            yield from _trim_weak(stream, parts)
            parts = []
            continue
        if parts and not _continues(stream, parts[-1].last, part.first):
            yield from _trim_weak(stream, parts)
            parts = []
        parts.append(part)
    yield from _trim_weak(stream, parts)


def _is_beside_number(stream: Sequence[Token], part: Part) -> bool:
    """Whether the word right before or after a weak part has symbols of a number."""
    return any(
        _parse_symbols(stream[at].stripped) is not None and stream[at].folded not in lex.WORDS_OF_ONE_LETTER
        for at in (part.first - 1, part.last + 1)
        if 0 <= at < len(stream) and abs(stream[at].start - stream[part.first].start) < 2.0
    )


def _is_amount(stream: Sequence[Token], part: Part) -> bool:
    """Whether a number is an amount: "twelve minutes", "two hundred kroner"."""
    behind = stream[part.last + 1].folded if part.last + 1 < len(stream) and not stream[part.last].ends else ""
    return len(part.text) <= 6 and behind in lex.MEASURES


def _trim_weak(stream: Sequence[Token], parts: list[Part]) -> Iterator[Run]:
    """Yield the run without weak parts at its beginning, nor at its end unless they belong to the part before."""
    begin, end = 0, len(parts)
    while begin < end and parts[begin].weak and not _next_is_adjacent(parts, begin):
        begin += 1
    while begin < end and parts[end - 1].weak and not _belongs_to_previous(stream, parts, end - 1):
        end -= 1
    if begin < end:
        yield Run(tuple(parts[begin:end]))


def _belongs_to_previous(stream: Sequence[Token], parts: Sequence[Part], at: int) -> bool:
    """Whether a weak part belongs to the part right before it: adjacent, or a digit within 1.2 s."""
    part, previous = parts[at], parts[at - 1] if at else None
    digit = part.text.isdigit() and stream[part.first].folded not in lex.ARTICLES
    return previous is not None and (
        _next_is_adjacent(parts, at - 1) or (digit and stream[part.first].start - stream[previous.last].end < 1.2)
    )


def _next_is_adjacent(parts: Sequence[Part], at: int) -> bool:
    """Whether the part after index *at* is the very next word."""
    return 0 <= at < len(parts) - 1 and parts[at + 1].first - parts[at].last == 1


def _continues(stream: Sequence[Token], last: int, first: int) -> bool:
    between = stream[last + 1 : first]
    if len(between) > MOST_FILLERS or stream[first].start - stream[last].end > LONGEST_GAP:
        return False
    others = [token for token in between if token.folded not in lex.FILLERS]
    return len(others) <= 1 and (not others or stream[first].start - stream[last].end < 1.5)


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
            yield Part(first, last, text, weak)
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
