"""Find numbers, codes and spelled words in the words of one channel, however they were spoken or written.

Any run of five digits or more is a match, whatever its check digits: recognition mistakes one digit in six of Norwegian
numbers, so a check digit may label a number (for the reviewer) but never exempt it. Number words that are ordinary
words, too ("en", "to", "ni"), count in full as soon as there are five digits. A run is symbols (`numerals`) with
nothing but fillers between them; amounts ("two hundred kroner") and times of day are in none.

Sources of the check digits: Skatteetaten (fødselsnummer, D-nummer), Bits (kontonummer, KID), Brønnøysundregistrene
(organisasjonsnummer), ISO/IEC 7812-1 (cards, Luhn), ISO 13616 (IBAN), Skatteverket (personnummer); Danish CPR numbers
have no check digit since 2007.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.words.detectors import lexicon as lex
from arlo_rec.words.detectors.numerals import Part, has_digits, has_symbols, read_parts
from arlo_rec.words.detectors.quantities import find_quantities
from arlo_rec.words.tokens import Match, Token

FEWEST_DIGITS = 5  # of a number
FEWEST_SYMBOLS = 5  # of a code of letters and digits
FEWEST_LETTERS = 3  # of a spelled word
LONGEST_GAP = 8.0  # seconds between two parts of one number, while the other speaker repeats the first
ECHO = 4.0  # seconds before and after a number in which a part of it counts as repeated
PIECE_GAP = 1.5  # seconds between two parts from which on the gap is not cut: something else was said in it
MOST_FILLERS = 6  # words between two parts of a run
LONGEST_AMOUNT = 6  # digits
FEWEST_BEFORE = 4  # digits right before a number from which on it is no amount: "... nine two five years ago"
CODE_DIGITS = 4  # of the codes of alarms and doors
_YEAR = re.compile(r"^(1[89]|20)\d\d$")
_TIME_OR_YEAR = re.compile(r"^(([01]?\d|2[0-4])( ?[0-5][05]| 0 ?[05])?|(19|20) ?\d\d|20 0 \d)$")


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
    def said_digits(self) -> int:
        """The number of digits that were said as such: "for" is none, though it sounds like four."""
        return sum(symbol.isdigit() for part in self.parts if not part.guessed for symbol in part.text)

    @property
    def letters(self) -> int:
        """The number of letters that are not ordinary words, too."""
        return sum(symbol.isalpha() for part in self.parts if not part.weak for symbol in part.text)

    @property
    def strong(self) -> int:
        """The number of symbols of parts that are not weak."""
        return sum(len(part.text) for part in self.parts if not part.weak)


def find_numbers(stream: Sequence[Token], asked: Sequence[bool]) -> Iterator[Match]:
    """Yield numbers, codes and spelled words; shortly after a question for a number (*asked*), fewer symbols suffice.

    A number said in pieces is judged as one, but each piece is a match of its own, without the words between them.
    """
    quantities = find_quantities(stream)
    for run in split_runs(stream, asked):
        first, last = run.parts[0].first, run.parts[-1].last
        is_quantity = quantities.issuperset(range(first, last + 1))
        kind = _classify(run, 2 if any(asked[first : last + 1]) and not is_quantity else 0)
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
    """Yield parts of *numbers* said again within `ECHO` seconds, as by a listener who writes the number down."""
    for run in split_runs(stream):
        at = stream[run.parts[0].first].start
        near = [text for start, end, text in numbers if start - ECHO < at < end + ECHO]
        if len(run.text) > 1 and any(run.text in text for text in near):
            for begin, end in _split_pieces(stream, run):
                yield Match(begin, end, Kind.NUMBER, "repeated", 0.6)
        elif near:
            for part in run.parts:
                if len(part.text) > 1 and not part.weak:
                    yield Match(part.first, part.last, Kind.NUMBER, "repeated", 0.5)


def _classify(run: Run, fewer: int) -> tuple[Kind, str, float] | None:
    """Type, source and score of a run; None where it has too few symbols. *fewer* lowers the limits."""
    digits = "".join(symbol for symbol in run.text if symbol.isdigit())
    letters = len(run.text) - len(digits)
    if letters == len(run.text):
        return (Kind.SPELLED, "rule", 0.9) if letters >= FEWEST_LETTERS and run.strong >= 2 else None
    if not run.letters and (
        run.said_digits >= FEWEST_DIGITS or (run.digits >= FEWEST_DIGITS - fewer and run.strong >= 2)
    ):
        return Kind.NUMBER, label_number(digits) or "rule", 0.95
    if not run.letters and _is_code_of_a_door(run):
        return Kind.SECRET, "rule", 0.7
    firm = run.strong + sum(part.weak and not part.guessed and part.text.isdigit() for part in run.parts)
    if run.letters and len(run.text) >= FEWEST_SYMBOLS - fewer and firm >= 3:
        return Kind.CODE, "iban" if is_iban(run.text) else "rule", 0.9
    return None


def _is_code_of_a_door(run: Run) -> bool:
    """Whether a run is four digits, said one by one or written as one word, and no year."""
    texts = [part.text for part in run.parts if not part.guessed]
    if len(texts) == 1:
        return len(texts[0]) == CODE_DIGITS and texts[0].isdigit() and not _YEAR.match(texts[0])
    return len(texts) >= CODE_DIGITS and all(len(text) == 1 and text.isdigit() for text in texts)


def _split_pieces(stream: Sequence[Token], run: Run) -> Iterator[tuple[int, int]]:
    first = last = run.parts[0].first
    for part in run.parts:
        if stream[part.first].start - stream[last].end > PIECE_GAP:
            yield first, last
            first = part.first
        last = part.last
    yield first, last


def split_runs(stream: Sequence[Token], asked: Sequence[bool] = ()) -> Iterator[Run]:
    """Yield the runs of symbols in order; shortly after a question (*asked*), weak words beside numbers count fully."""
    parts: list[Part] = []
    for part in read_parts(stream):
        if asked and asked[part.first] and part.weak and _is_beside_number(stream, part):
            part = replace(part, weak=False)
        goes_on = bool(parts) and _continues(stream, parts[-1].last, part.first)
        if _is_amount(stream, part) and not (goes_on and _goes_on_with(parts, part)):
            yield from _trimmed(stream, parts)
            parts = []
            continue
        if parts and not goes_on:
            yield from _trimmed(stream, parts)
            parts = []
        parts.append(part)
    yield from _trimmed(stream, parts)


def _is_beside_number(stream: Sequence[Token], part: Part) -> bool:
    """Whether the word right before or after a weak part has symbols of a number: a letter's are no word's, too."""
    has_any = has_digits if part.is_weak_letter else has_symbols
    return any(
        has_any(stream[at])
        for at in (part.first - 1, part.last + 1)
        if 0 <= at < len(stream) and abs(stream[at].start - stream[part.first].start) < 2.0
    )


def _is_amount(stream: Sequence[Token], part: Part) -> bool:
    """Whether a number is an amount: "twelve minutes", "two hundred kroner"."""
    behind = stream[part.last + 1].folded if part.last + 1 < len(stream) and not stream[part.last].ends else ""
    return len(part.text) <= LONGEST_AMOUNT and behind in lex.MEASURES


def _goes_on_with(parts: Sequence[Part], part: Part) -> bool:
    """Whether a part continues a number that is said digit by digit, rather than being an amount."""
    digits, next_first = 0, part.first
    for before in reversed(parts):
        if next_first - before.last > 1 or not before.text.isdigit():
            break
        digits, next_first = digits + len(before.text), before.first
    return digits >= FEWEST_BEFORE


def _trimmed(stream: Sequence[Token], parts: list[Part]) -> Iterator[Run]:
    """Yield the run without the weak parts at its ends that are no part of it."""
    inner = _without_ends(parts, lambda part: part.is_weak_letter)
    if all(part.text.isdigit() for part in inner):  # else the letters within say that those at the ends may belong
        parts = inner or parts
    if Run(tuple(parts)).said_digits >= FEWEST_DIGITS:
        parts = _without_apart_ends(stream, parts)
    else:
        parts = _without_weak_ends(stream, parts)
    if parts and not _are_two_times(stream, parts):
        yield Run(tuple(parts))


def _are_two_times(stream: Sequence[Token], parts: Sequence[Part]) -> bool:
    """Whether parts are two times of day or two years: "half past eight to nine thirty", "between 2010 and 2012"."""
    first = parts[0].first
    is_between = first > 0 and stream[first - 1].folded in lex.BETWEEN
    joins = lex.UNTIL | lex.BESIDE if is_between else lex.UNTIL
    for at in range(1, len(parts)):
        between = [token.folded for token in stream[parts[at - 1].last + 1 : parts[at].first]]
        if len(between) == 1 and between[0] in joins:
            return all(_TIME_OR_YEAR.match(" ".join(part.text for part in side)) for side in (parts[:at], parts[at:]))
    return False


def _without_ends(parts: list[Part], leaves: Callable[[Part], bool]) -> list[Part]:
    """The parts without those at both ends for which *leaves* is true."""
    begin, end = 0, len(parts)
    while begin < end and leaves(parts[begin]):
        begin += 1
    while begin < end and leaves(parts[end - 1]):
        end -= 1
    return parts[begin:end]


def _without_apart_ends(stream: Sequence[Token], parts: list[Part]) -> list[Part]:
    """The parts without weak ones at the ends that another word than a filler keeps apart from the rest."""
    begin, end = 0, len(parts)
    while end - begin > 1 and parts[begin].weak and _are_apart(stream, parts[begin], parts[begin + 1]):
        begin += 1
    while end - begin > 1 and parts[end - 1].weak and _are_apart(stream, parts[end - 2], parts[end - 1]):
        end -= 1
    return parts[begin:end]


def _are_apart(stream: Sequence[Token], part: Part, later: Part) -> bool:
    return any(token.folded not in lex.FILLERS for token in stream[part.last + 1 : later.first])


def _without_weak_ends(stream: Sequence[Token], parts: list[Part]) -> list[Part]:
    """The parts without weak ones at the beginning, nor at the end unless they belong to the part before."""
    begin, end = 0, len(parts)
    while begin < end and parts[begin].weak and not _next_is_adjacent(parts, begin):
        begin += 1
    while begin < end and parts[end - 1].weak and not _belongs_to_previous(stream, parts, end - 1):
        end -= 1
    return parts[begin:end]


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


_FIRST = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_SECOND = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_ACCOUNT = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_ORGANISATION = (3, 2, 7, 6, 5, 4, 3, 2)


def label_number(digits: str) -> str | None:
    """The label of a number: `national_id`, `account`, `organisation`, `card`, `kid`, `phone`, or None for any other.

    Only the digits 0 to 9 count; a text with any other digit ("²", "٣") has no label.
    """
    if not (digits.isascii() and digits.isdecimal()):
        return None
    if len(digits) == 11:
        return "national_id" if is_national_id(digits) else "account" if is_account(digits) else None
    if len(digits) == 9 and is_organisation(digits):
        return "organisation"
    if len(digits) in (10, 12) and is_luhn(digits[-10:]) and _is_day(digits[-6:-4], digits[-8:-6]):
        return "national_id"
    if 13 <= len(digits) <= 19 and is_luhn(digits) and digits[0] in "23456":
        return "card"
    if is_phone(digits):
        return "phone"
    return "kid" if 4 <= len(digits) <= 25 and (is_luhn(digits) or is_kid_mod11(digits)) else None


def is_phone(digits: str) -> bool:
    """Whether digits are a Norwegian telephone number of 8 digits, or a number with a country code."""
    bare = digits.removeprefix("00")
    return (
        (len(digits) == 8 and digits[0] in "2345679")
        or (bare != digits and 9 <= len(bare) <= 15)
        or (digits.startswith(("47", "46", "45", "44")) and 10 <= len(digits) <= 13)
    )


def is_national_id(digits: str) -> bool:
    """Whether 11 digits are a Norwegian fødselsnummer or D-number (day + 40): both check digits and a valid date."""
    day, month = int(digits[:2]), int(digits[2:4])
    if not (1 <= day <= 31 or 41 <= day <= 71) or not (1 <= month <= 12 or 41 <= month <= 52 or 81 <= month <= 92):
        return False
    values = [int(digit) for digit in digits]
    first = -_weighted(values[:9], _FIRST) % 11
    return first == values[9] and -_weighted(values[:10], _SECOND) % 11 == values[10]


def is_account(digits: str) -> bool:
    """Whether 11 digits are a Norwegian bank account number (modulus 11)."""
    values = [int(digit) for digit in digits]
    return -_weighted(values[:10], _ACCOUNT) % 11 == values[10]


def is_organisation(digits: str) -> bool:
    """Whether 9 digits are a Norwegian organisation number: first digit 8 or 9, modulus 11."""
    values = [int(digit) for digit in digits]
    return digits[0] in "89" and -_weighted(values[:8], _ORGANISATION) % 11 == values[8]


def is_luhn(digits: str) -> bool:
    """Whether the last digit is a Luhn check digit: modulus 10 with alternating weights (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        weighted = int(digit) * (1 + position % 2)
        total += weighted - 9 if weighted > 9 else weighted
    return total % 10 == 0


def is_kid_mod11(digits: str) -> bool:
    """Whether the last digit is a KID's check digit by modulus 11, with weights 2 to 7 from the right."""
    values = [int(digit) for digit in digits]
    check = -sum(value * (2 + position % 6) for position, value in enumerate(reversed(values[:-1]))) % 11
    return check == values[-1]


def is_iban(text: str) -> bool:
    """Whether letters and digits without blanks are a valid IBAN, modulus 97 (ISO 13616)."""
    bare = text.upper()
    if not 15 <= len(bare) <= 34 or not bare.isalnum() or not bare.isascii() or not bare[:2].isalpha():
        return False
    moved = "".join(str(int(character, 36)) for character in bare[4:] + bare[:4])
    return int(moved) % 97 == 1


def _weighted(values: list[int], weights: tuple[int, ...]) -> int:
    return sum(value * weight for value, weight in zip(values, weights, strict=True))


def _is_day(day: str, month: str) -> bool:
    return 1 <= int(day) % 60 <= 31 and 1 <= int(month) <= 12
