"""Make calls whose identifiers are known exactly, to examine what finds identifiers in calls.

    python tools/make_calls.py talk            the words of some hundred calls in five languages: tests/calls/talk
    python tools/make_calls.py sound           eight English calls to be heard: tests/calls/made
    python tools/make_calls.py words --model F what faster-whisper hears in those, in the folder F its model
    python tools/make_calls.py names           check the names against Faker's lists (needs Faker)
    python tools/make_calls.py check           check what stands in the two folders against itself

`--seed` and `--out` make others. The same seed makes the same bytes (sound: with the same engines). The wordings are
in call_scripts.py; every name, number, address and event is invented.

What it shows: whether an identifier is found in these wordings, in these forms. Every third wording of a list and half
of the names are in `test` alone, so that what was looked at in `dev` does not help there. What it does not show: how
people really speak. Nobody here interrupts, mumbles, or tells a long story, a recogniser's errors are in `made` alone,
and no share found here is the share that would be found in a company's calls.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import math
import pkgutil
import random
import re
import struct
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import ascii_lowercase
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import call_scripts as said  # noqa: E402 - see the path above
from make_demo_calls import RATE, resample, to_ulaw  # noqa: E402

from arlo_rec.sound.audio import Encoding, Sound, as_pcm16, canonical_wav, read_wav  # noqa: E402

CALLS = Path(__file__).resolve().parent.parent / "tests" / "calls"
SEED = 20_271
AGENT, CALLER = 0, 1
WORD = 0.35  # seconds from one word of a turn to the next: invented, about 170 words a minute
PAUSE = 0.4  # seconds between two turns
COUNTS = {"nb": (50, 100), "nn": (14, 28), "sv": (14, 28), "da": (14, 28), "en": (14, 28)}  # dev, test
NUMBERS = ("PHONE", "NATIONAL_ID", "ACCOUNT", "ORG", "KID", "CARD", "SERIAL")
ASKED = (*NUMBERS, "PHONE", "EMAIL", "EMAIL", "ADDRESS", "ADDRESS", "BIRTH", "BIRTH")  # as often as they stand here
ACCOUNT_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
SHORTEST_PART = 2  # digits: a part of a number with fewer tells nothing


# 1. Identifiers: what they are.


@dataclass(frozen=True)
class Identifier:
    """What it is when written plainly, its groups as it is read, and (numbers) whether its sums are right."""

    type: str
    value: str
    groups: tuple[str, ...] = ()
    pool: str | None = None
    valid: bool | None = None


@dataclass(frozen=True)
class Person:
    """A name, and whether Faker's lists have it."""

    given: str
    family: str
    pool: str


def digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def modulo_11(stem: str, weights: Sequence[int]) -> str:
    """The check digit of accounts and organisation numbers, "-" where the stem has none."""
    rest = -sum(int(digit) * weight for digit, weight in zip(stem, weights, strict=True)) % 11
    return "-" if rest == 10 else str(rest)


def luhn(stem: str) -> str:
    """The check digit of cards and Swedish numbers."""
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(stem))]
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def other_than(digit: str, chance: random.Random) -> str:
    return chance.choice([each for each in "0123456789" if each != digit])


def cut_up(value: str, *lengths: int) -> tuple[str, ...]:
    """*value* in groups of these lengths; what is over is the last group."""
    parts, at = [], 0
    for length in lengths:
        parts.append(value[at : at + length])
        at += length
    return tuple(part for part in (*parts, value[at:]) if part)


def phone(lang: str, chance: random.Random) -> Identifier:
    """A number that nobody has: kept for films (Sweden, Britain, America), or not handed out (Norway, Denmark)."""
    if lang in {"nb", "nn"}:
        value = chance.choice(
            ["42", "43", "44", "49", "42", "43", "44", "49", "25", "30", "34", "36", "39", "54", "65"]
        ) + digits(chance, 6)
        groups = cut_up(value, *chance.choice([(3, 2), (2, 2, 2), (2, 2, 2)]))
    elif lang == "sv":
        value = "07017406" + f"{chance.randrange(5, 100):02}"
        groups = cut_up(value, *chance.choice([(3, 3, 2), (4, 2, 2)]))
        if chance.random() < 0.3:
            value = "08465004" + f"{chance.randrange(100):02}"
            groups = cut_up(value, 2, 3, 3)
    elif lang == "da":
        value = chance.choice(["83", "84", "85", "95"]) + digits(chance, 6)
        groups = cut_up(value, 2, 2, 2)
    elif chance.random() < 0.5:
        value = "07700900" + digits(chance, 3)
        groups = cut_up(value, *chance.choice([(5, 3), (5, 6), (4, 3, 4)]))
    else:
        value = f"{chance.choice([212, 303, 415, 617, 702, 808])}55501{digits(chance, 2)}"
        groups = cut_up(value, 3, 3)
    return Identifier("PHONE", value, groups)


def born(chance: random.Random) -> tuple[int, int, int]:
    return chance.randint(1, 28), chance.randint(1, 12), chance.randint(1938, 2005)


def norwegian_id(chance: random.Random) -> Identifier:
    """Right sums only with a month above 80 (made people of the tax office) or a D-number of those."""
    day, month, year = born(chance)
    valid = chance.random() < 0.5
    while True:
        first = f"{day + (40 if chance.random() < 0.2 else 0):02}{month + (80 if valid else 0):02}{year % 100:02}"
        stem = first + digits(chance, 3)
        first_check = modulo_11(stem, (3, 7, 6, 1, 8, 9, 4, 5, 2))
        second_check = first_check != "-" and modulo_11(stem + first_check, ACCOUNT_WEIGHTS)
        if second_check and second_check != "-":
            break
    value = stem + first_check + (second_check if valid else other_than(second_check, chance))
    return Identifier("NATIONAL_ID", value, cut_up(value, *chance.choice([(6,), (6,), (2, 2, 2, 3)])), valid=valid)


def national_id(lang: str, chance: random.Random) -> Identifier:
    """Fødselsnummer and D-number, personnummer (birth number 98x), CPR (day above 60), British QQ, American 9xx."""
    day, month, year = born(chance)
    valid = chance.random() < 0.5
    if lang in {"nb", "nn"} or (lang == "en" and chance.random() < 0.4):
        return norwegian_id(chance)
    if lang == "sv":
        stem = f"{year % 100:02}{month:02}{day:02}98{chance.randint(0, 9)}"
        value = stem + (luhn(stem) if valid else other_than(luhn(stem), chance))
        long = chance.random() < 0.3
        value = ("19" if year < 2000 else "20") * long + value
        return Identifier("NATIONAL_ID", value, cut_up(value, 8 if long else 6), valid=valid)
    if lang == "da":
        value = f"{day + 60:02}{month:02}{year % 100:02}{digits(chance, 4)}"
        return Identifier("NATIONAL_ID", value, cut_up(value, *chance.choice([(6,), (2, 2, 2)])))
    if chance.random() < 0.4:
        value = f"QQ{digits(chance, 6)}{chance.choice('ABCD')}"
        return Identifier("NATIONAL_ID", value, cut_up(value, 2, 2, 2, 2))
    value = f"9{digits(chance, 8)}"
    return Identifier("NATIONAL_ID", value, cut_up(value, 3, 2))


def iban(country: str, account: str) -> str:
    rest = int("".join(str(int(sign, 36)) for sign in account + country + "00")) % 97
    return f"{country}{98 - rest:02}{account}"


def account(lang: str, chance: random.Random) -> Identifier:
    """A bank that is not there (0001 to 0009 in Norway), so that right sums are nobody's account either."""
    valid = chance.random() < 0.5
    check = "-"
    while check == "-":
        stem = f"000{chance.randint(1, 9)}{digits(chance, 6)}" if valid else digits(chance, 10)
        check = modulo_11(stem, ACCOUNT_WEIGHTS)
    if lang in {"nb", "nn"} and chance.random() < 0.75:
        value = stem + (check if valid else other_than(check, chance))
        return Identifier("ACCOUNT", value, cut_up(value, 4, 2), valid=valid)
    if chance.random() < 0.5:
        value = digits(chance, 8 if lang == "en" else 10)
        return Identifier("ACCOUNT", value, cut_up(value, 4, 4))
    country, rest = {"sv": ("SE", 20), "da": ("DK", 14), "en": ("GB", 14)}.get(lang, ("NO", 11))
    nowhere = "ZZZZ" if country == "GB" else f"000{chance.randint(1, 9)}"
    number = nowhere + digits(chance, rest - 4 * (country != "GB"))
    while country == "NO" and modulo_11(number[:-1], ACCOUNT_WEIGHTS) != number[-1]:
        number = nowhere + digits(chance, rest - 4)
    value = iban(country, number)
    value = value if valid else value[:-1] + other_than(value[-1], chance)
    return Identifier("ACCOUNT", value, cut_up(value, *[4] * (len(value) // 4)), valid=valid)


def organisation(lang: str, chance: random.Random) -> Identifier:
    """Right sums only from 3, the register's made companies; 00 (Denmark) and 99 (Britain) are not given."""
    valid = chance.random() < 0.5
    if lang == "sv":
        stem = f"55{chance.randint(60, 99)}{digits(chance, 5)}"
        value = stem + other_than(luhn(stem), chance)
        return Identifier("ORG", value, cut_up(value, 6), valid=False)
    if lang in {"da", "en"}:
        value = {"da": "00", "en": "99"}[lang] + digits(chance, 6)
        return Identifier("ORG", value, cut_up(value, *{"da": (2, 2, 2), "en": (4,)}[lang]))
    check = "-"
    while check == "-":
        stem = ("3" if valid else chance.choice("89")) + digits(chance, 7)
        check = modulo_11(stem, (3, 2, 7, 6, 5, 4, 3, 2))
    value = stem + (check if valid else other_than(check, chance))
    return Identifier("ORG", value, cut_up(value, 3, 3), valid=valid)


def payment(chance: random.Random) -> Identifier:
    valid = chance.random() < 0.5
    stem = "0" * chance.choice([0, 0, 2]) + digits(chance, chance.choice([6, 8, 9, 12, 14]))
    value = stem + (luhn(stem) if valid else other_than(luhn(stem), chance))
    return Identifier("KID", value, cut_up(value, *[chance.choice([3, 4])] * 4), valid=valid)


def card(chance: random.Random) -> Identifier:
    """Right sums only from 4000 00, which payment firms use in their tests."""
    valid = chance.random() < 0.5
    stem = ("400000" if valid else chance.choice(["45", "52", "49", "54"])).ljust(6, chance.choice("123456789"))
    stem += digits(chance, 9)
    value = stem + (luhn(stem) if valid else other_than(luhn(stem), chance))
    return Identifier("CARD", value, cut_up(value, 4, 4, 4), valid=valid)


def serial(chance: random.Random) -> Identifier:
    length = chance.choice([10, 12, 13, 13, 13])
    letters = set(chance.sample(range(length), chance.randint(3, 5)))
    value = "".join(
        chance.choice("ABCDEFGHJKLMNPRSTUVWXYZ") if place in letters else chance.choice("0123456789")
        for place in range(length)
    )
    return Identifier("SERIAL", value, cut_up(value, *[chance.choice([3, 4])] * 4))


# 2. Identifiers: how they are said.


def numeral(number: int, lang: str, chance: random.Random) -> list[str]:
    """0 to 999 as words, with the old counting ("enogtyve") now and then, and now and then in two words."""
    ones, tens = said.ONES[lang].split(), said.TENS[lang].split()
    if number < 20:
        return [ones[number]]
    if number < 100:
        ten, unit = tens[number // 10 - 2], number % 10
        if unit == 0:
            return [ten]
        if lang == "da":
            return [f"{ones[unit]}og{ten}"]
        if lang == "nb" and chance.random() < 0.2:
            return [f"{ones[unit]}og{said.OLD_TENS.split()[number // 10 - 2]}"]
        if lang == "en":
            return [f"{ten}-{ones[unit]}"]
        return [ten, ones[unit]] if chance.random() < 0.06 else [ten + ones[unit]]
    hundred, link = said.HUNDRED[lang]
    first = {"nb": "ett", "nn": "eitt", "da": "et"}.get(lang, ones[1]) if number < 200 else ones[number // 100]
    rest = numeral(number % 100, lang, chance) if number % 100 else []
    words = [first, hundred, *([link] if link and rest else []), *rest]
    if lang == "da":
        words[:2] = [first + hundred]
    return ["".join(words)] if lang in {"nb", "nn", "sv"} and chance.random() < 0.3 else words


def single_digits(group: str, lang: str, chance: random.Random) -> list[str]:
    """One word a digit, "dobbel to" for two that are alike now and then."""
    ones, words, at = said.ONES[lang].split(), [], 0
    while at < len(group):
        alike = group[at : at + 2] == group[at] * 2
        word = "oh" if lang == "en" and group[at] == "0" and chance.random() < 0.5 else ones[int(group[at])]
        if lang == "nb" and word == "sju" and chance.random() < 0.3:
            word = "syv"
        if alike and chance.random() < 0.5:
            words += [said.DOUBLE[lang], word]
            at += 2
        else:
            words.append(word)
            at += 1
    return words


def pairs(group: str, lang: str, chance: random.Random) -> list[str]:
    """Two digits at a time; an odd one out comes first."""
    words = single_digits(group[0], lang, chance) if len(group) % 2 else []
    for at in range(len(group) % 2, len(group), 2):
        pair = group[at : at + 2]
        words += single_digits(pair, lang, chance) if pair[0] == "0" else numeral(int(pair), lang, chance)
    return words


def say_group(group: str, style: str, lang: str, chance: random.Random) -> list[str]:
    """A group of digits (letters are named) in one of the styles."""
    if style == "written":
        return [group]
    if style == "apart":
        return list(group)
    if not group.isdigit():
        ones = said.ONES[lang].split()
        return [ones[int(sign)] if sign.isdigit() else sign for sign in group]
    if style == "pairs":
        return pairs(group, lang, chance)
    if style == "values":
        short = len(group) <= 3 and group[0] != "0"
        return numeral(int(group), lang, chance) if short else pairs(group, lang, chance)
    return single_digits(group, lang, chance)


STYLES = {
    "nb": {"written": 26, "joined": 8, "marked": 6, "apart": 6, "singles": 20, "pairs": 15, "values": 11, "mixed": 8},
    "en": {"written": 26, "joined": 8, "marked": 6, "apart": 8, "singles": 36, "pairs": 6, "values": 2, "mixed": 8},
    "aloud": {"singles": 80, "pairs": 14, "values": 6},  # what voices can read
}
MARKS = {"ACCOUNT": ".", "CARD": "-", "NATIONAL_ID": "-", "PHONE": "-", "ORG": ".", "KID": "-", "SERIAL": "-"}


def say_number(what: Identifier, groups: Sequence[str], lang: str, chance: random.Random, table: str) -> list[str]:
    """The groups as a recogniser may write them, or as a voice is to read them; *table* is the row of STYLES."""
    styles = STYLES.get(table, STYLES["nb"])
    style = chance.choices(list(styles), list(styles.values()))[0]
    if style == "joined":
        return ["".join(groups)]
    if (
        style == "written"
        and what.type == "PHONE"
        and groups == what.groups
        and groups[0][0] != "0"
        and chance.random() < 0.15
    ):
        return [said.COUNTRY_CODE[lang], *groups]
    if style == "marked":
        return [MARKS[what.type].join(groups)]
    commas = table == "aloud" or (style in {"singles", "pairs", "values"} and chance.random() < 0.4)
    out: list[str] = []
    for place, group in enumerate(groups):
        own = chance.choice(["written", "singles", "pairs"]) if style == "mixed" else style
        words = say_group(group, own, lang, chance)
        last = place == len(groups) - 1
        out += [*words[:-1], words[-1] + ("," if commas and not last else "")]
        if not last and chance.random() < 0.05:
            out.append(chance.choice(said.HESITATIONS[lang].split()))
    return out


def say_serial(value: str, lang: str, chance: random.Random) -> list[str]:
    """Signs one by one: letters by themselves, in the NATO alphabet, or "A som i Anna"."""
    letters = chance.choice(["plain", "plain", "nato", "as in"])
    spoken = chance.random() < 0.6
    out: list[str] = []
    for sign in value:
        if sign.isdigit():
            out += single_digits(sign, lang, chance) if spoken else [sign]
        elif letters == "nato":
            out.append(said.NATO.split()["ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(sign)])
        elif letters == "as in" and chance.random() < 0.7:
            out += [sign, *chance.choice(said.AS_IN[lang].split("|")).split(), letter_name(sign, lang)]
        else:
            out.append(sign)
    return out


def letter_name(sign: str, lang: str) -> str:
    """The word of the spelling alphabet that begins with *sign*; itself where there is none."""
    return next((word for word in said.ALPHABET[lang].split() if word[0].upper() == sign.upper()), sign)


def say_spelled(word: str, lang: str, chance: random.Random) -> list[str]:
    """A word letter by letter: "K A R I", "K-A-R-I", "K for Karin, A for Anna", "kilo alfa romeo india"."""
    letters = [sign for sign in word.upper() if sign.isalpha()]
    style = chance.choice(["apart", "apart", "commas", "hyphens", "as in", "as in", "nato"])
    if style == "hyphens":
        return ["-".join(letters)]
    if style == "commas":
        return [f"{sign}," for sign in letters[:-1]] + letters[-1:]
    if style == "nato":
        names = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", said.NATO.split(), strict=True))
        return [names.get(sign, sign) for sign in letters]
    if style == "as in":
        link = chance.choice(said.AS_IN[lang].split("|")).split()
        parts = [[sign, *link, letter_name(sign, lang)] for sign in letters]
        return [token for part in parts[:-1] for token in (*part[:-1], part[-1] + ",")] + parts[-1]
    out: list[str] = []
    for sign, before in zip(letters, ["", *letters], strict=False):
        if sign == before and out[-1] == sign and chance.random() < 0.5:
            out[-1:] = [said.DOUBLE[lang], sign]
        else:
            out.append(sign)
    return out


def plain(text: str) -> str:
    """Letters as they stand in an address of e-mail."""
    table = str.maketrans({"æ": "ae", "ø": "o"})
    return "".join(
        sign for sign in unicodedata.normalize("NFKD", text.lower().translate(table)) if sign in ascii_lowercase
    )


def email(who: Person, lang: str, chance: random.Random) -> Identifier:
    given, family = plain(who.given), plain(who.family)
    shapes = f"{given}.{family} {given}.{family} {given}{chance.randint(10, 99)} {given[0]}{family} {given}_{family}"
    shapes += f" {family} {given}-{family[0]} post.{family} {family}{chance.randint(1, 9)}"
    local = chance.choice(shapes.split())
    own = [f"{family}.{said.TLD[lang]}"] * 2 if who.pool == "unlisted" else []  # a made name's domain is nobody's
    return Identifier("EMAIL", f"{local}@{chance.choice([*said.DOMAINS.split(), *own])}")


def say_email(value: str, lang: str, chance: random.Random, literal: float) -> list[str]:
    """An address of e-mail in words, or (a share of *literal*) as it is written."""
    if chance.random() < literal:
        return [value]
    at, dot = chance.choice(said.AT[lang].split("|")), chance.choice(said.DOT[lang].split())
    signs = {"@": at, ".": dot, "-": said.DASH[lang], "_": said.UNDERSCORE[lang]}
    out: list[str] = []
    for part in re.findall(r"[a-z]+|\d+|[@._-]", value):
        if part.isdigit() and chance.random() < 0.6:
            out += pairs(part, lang, chance)
        elif len(part) == 1 and part.isalpha():
            out.append(part.upper())
        else:
            out += signs.get(part, part).split()
    return out


def address(lang: str, chance: random.Random, split: str) -> Identifier:
    """Street, number, and mostly postcode and town: in groups street, number, postcode, town."""
    front, back = (part.split() for part in said.STREETS[lang])
    name, kind = chance.choice(half(front, split)), chance.choice(back)
    street = f"{name} {kind}" if lang == "en" or kind == "allé" else name + kind
    number = str(chance.choice([chance.randint(1, 60), chance.randint(1, 60), chance.randint(100, 260)]))
    letter = chance.choice(["", "", "", "A", "B", "C"])
    code = {"sv": digits(chance, 5), "en": str(chance.randint(10000, 99999))}.get(lang, digits(chance, 4))
    code = code if chance.random() < 0.65 else ""
    town = chance.choice(said.TOWNS[lang].split()) if code or chance.random() < 0.6 else ""
    value = " ".join(part for part in (street, number + letter, code, town) if part)
    return Identifier("ADDRESS", value, (street, number, letter, code, town))


def say_address(what: Identifier, lang: str, chance: random.Random) -> list[str]:
    street, number, letter, code, town = what.groups
    spoken = chance.random() < 0.4
    house = numeral(int(number), lang, chance) if spoken else [number]
    if letter and not spoken and chance.random() < 0.5:
        house[-1] += letter
    elif letter:
        house.append(letter)
    out = [*house, *street.split()] if lang == "en" else [*street.split(), *house]
    comma = chance.random() < 0.6 and (code or town)
    out[-1] += "," if comma else ""
    if lang == "sv" and code:
        post = pairs(code, lang, chance) if spoken else [code[:3], code[3:]]
    elif code:
        post = pairs(code, lang, chance) if spoken else [code]
    else:
        post = ["i" if lang != "en" else "in"] if town and not comma else []
    return out + ([town, *post] if lang == "en" and code else [*post, *town.split()])


def birth(lang: str, chance: random.Random) -> Identifier:
    day, month, year = born(chance)
    return Identifier("BIRTH", f"{year}-{month:02}-{day:02}")


def say_year(year: int, lang: str, chance: random.Random) -> list[str]:
    """1968: "nittensekstiåtte", "sekstiåtte", "nitten hundre og sekstiåtte", 1968, 68; 2004: "to tusen og fire"."""
    low = numeral(year % 100, lang, chance) if year % 100 else []
    ones = said.ONES[lang].split()
    if year >= 2000:
        thousand = {"nb": ["to", "tusen"], "nn": ["to", "tusen"], "sv": ["tvåtusen"], "da": ["totusind"]}.get(lang)
        joint = {"sv": []}.get(lang, ["and" if lang == "en" else "og"])
        words = [*(thousand or ["two", "thousand"]), *(joint if low else []), *low]
        return chance.choice([words, [str(year)]])
    if lang == "en":
        return chance.choice([["nineteen", *low], ["nineteen", *low], [str(year)]])
    full = {"sv": ["".join([ones[19], "hundra", *low])], "da": ["nittenhundrede", "og", *low]}
    formal = full.get(lang, [ones[19], "hundre", "og", *low])
    return chance.choice(
        [["".join([ones[19], *low])], [ones[19], *low], low, formal, [str(year)], [f"{year % 100:02}"]]
    )


def say_birth(value: str, lang: str, chance: random.Random) -> list[str]:
    year, month, day = (int(part) for part in value.split("-"))
    if chance.random() < 0.2 and lang != "en":
        short = f"{day}.{month}.{year % 100:02}"
        return [chance.choice([short, f"{day:02}.{month:02}.{year}", f"{day}/{month}-{year % 100:02}"])]
    month_name, ordinals = said.MONTHS[lang].split()[month - 1], said.ORDINALS[lang].split()
    ordinal, written = ordinals[day - 1], f"{day}."
    years = say_year(year, lang, chance)
    if lang == "en":
        name = [month_name, chance.choice([ordinal, str(day)])]
        return chance.choice([[*name[:-1], name[-1] + ",", *years], ["the", ordinal, "of", month_name, *years]])
    article = {"sv": ["den"], "da": ["den"]}.get(lang, chance.choice([["den"], []]))
    link = {"sv": [], "da": []}.get(lang, ["i"])
    in_numbers = [*article, ordinal, *link, ordinals[month - 1], *years]
    bare = [*pairs(f"{day:02}{month:02}{year % 100:02}", lang, chance)]
    return chance.choice(
        [[*article, ordinal, month_name, *years], [*article, written, month_name, *years], in_numbers, bare]
    )


# 3. A call as words.


@dataclass(frozen=True)
class Piece:
    """Tokens that stand for a slot; *what* is None where they are no identifier."""

    tokens: list[str]
    what: Identifier | None = None
    part: bool = False


@dataclass
class Turn:
    """What one side says without being interrupted; each mark is first and last token, what they are, and if a part."""

    channel: int
    tokens: list[str] = field(default_factory=list)
    marks: list[tuple[int, int, Identifier, bool]] = field(default_factory=list)


@cache
def script(lang: str) -> dict[str, list[str]]:
    """The wordings of a language by their headings."""
    out: dict[str, list[str]] = {}
    for line in said.SCRIPTS[lang].strip().splitlines():
        if line.startswith("# "):
            current = out.setdefault(line[2:], [])
        else:
            current.append(line)
    return out


def half(names: list[str], split: str) -> list[str]:
    """The first half is for `dev`, the second for `test`."""
    middle = len(names) // 2
    return names[:middle] if split == "dev" else names[middle:]


def person(lang: str, chance: random.Random, split: str) -> Person:
    if chance.random() < 0.5:
        given, family = said.LISTED_GIVEN[lang].split(), said.LISTED_FAMILY[lang].split()
        return Person(chance.choice(half(given, split)), chance.choice(half(family, split)), "listed")
    if chance.random() < 0.2:
        given, family = said.FOREIGN_GIVEN.split(), said.FOREIGN_FAMILY.split()
        return Person(chance.choice(half(given, split)), chance.choice(half(family, split)), "unlisted")
    front, back = (part.split() for part in said.UNLISTED_FAMILY_PARTS[lang])
    family_name = chance.choice(half(front, split)) + chance.choice(back)
    return Person(chance.choice(half(said.UNLISTED_GIVEN[lang].split(), split)), family_name, "unlisted")


class Talk:
    """One call while it is being made up."""

    def __init__(self, lang: str, split: str, chance: random.Random, names: str | None = None) -> None:
        """*names*, if given, is the language that the names are from; the call is then one to be heard."""
        self.lang, self.split, self.chance = lang, split, chance
        self.names, self.aloud = names or lang, names is not None
        self.met: set[str] = set()
        self.agent, self.caller, self.other = (self.somebody() for _ in range(3))
        self.model = chance.choice(said.MODELS.split("|"))
        self.asked: Identifier | None = None
        self.unasked: dict[str, Identifier] = {}
        self.picked: set[str] = set()
        self.turns: list[Turn] = []

    def make(self, kinds: Sequence[str] = ()) -> list[Turn]:
        """Greeting, reason, these or three to six questions with talk between them, goodbye."""
        chance = self.chance
        self.say(self.pick("greet"), AGENT)
        self.say(self.pick("reason"), CALLER)
        for kind in kinds or self.questions():
            if kind == "KEYS":
                self.say(self.pick("keys"), AGENT)
                continue
            self.ask(kind)
            for heading, share in (("chat", 0.4 if self.aloud else 0.55), ("third", 0.25)):
                if chance.random() < share:
                    self.other = self.somebody()
                    self.say(self.pick(heading), CALLER)
        self.say(self.pick("close"), AGENT)
        return self.turns

    def somebody(self) -> Person:
        """A person whose name nobody else in the call has."""
        while True:
            stranger = person(self.names, self.chance, self.split)
            if not self.met & {stranger.given, stranger.family}:
                self.met |= {stranger.given, stranger.family}
                return stranger

    def questions(self) -> list[str]:
        kinds = list(dict.fromkeys(self.chance.sample(ASKED, 5)))[: self.chance.randint(3, 4)]
        first = (["NAME"] if self.chance.random() < 0.7 else []) + (["SPELLED"] if self.chance.random() < 0.4 else [])
        return first + kinds

    def pick(self, heading: str) -> str:
        """A wording that this call has not had; every third of a list is kept from `dev`."""
        lines = script(self.lang)[heading]
        kept = [line for place, line in enumerate(lines) if self.split == "test" or place % 3 != 2 or len(lines) < 3]
        line = self.chance.choice([line for line in kept if line not in self.picked] or kept)
        self.picked.add(line)
        return line

    def ask(self, kind: str) -> None:
        """A question, its answer in one turn or in several, and what the agent says to it."""
        chance = self.chance
        self.asked = None if kind == "NAME" else self.identifier(kind)
        self.say(self.pick(f"ask.{kind}"), AGENT)
        groups = self.asked.groups if self.asked else ()
        if kind in NUMBERS and len(groups) > 1 and chance.random() < 0.18:
            self.say(self.pick("split"), CALLER)
            return
        answer = self.pick(f"say.{kind}" if kind in {"NAME", "SPELLED"} or chance.random() < 0.5 else "say")
        while "{head}" in answer and (kind not in NUMBERS or len(groups) < 2):
            answer = self.pick("say")
        self.say(answer, CALLER)
        if kind == "NAME":
            self.say(self.pick("back.NAME"), AGENT)
        elif chance.random() < 0.6:
            self.say(self.pick("back"), AGENT)

    def identifier(self, kind: str) -> Identifier:
        lang, chance = self.lang, self.chance
        spelled = chance.choice([self.caller.family, self.caller.family, self.caller.given])
        makers: dict[str, Callable[[], Identifier]] = {
            "PHONE": lambda: phone(lang, chance),
            "NATIONAL_ID": lambda: national_id(lang, chance),
            "ACCOUNT": lambda: account(lang, chance),
            "ORG": lambda: organisation(lang, chance),
            "KID": lambda: payment(chance),
            "CARD": lambda: card(chance),
            "SERIAL": lambda: serial(chance),
            "KEYS": lambda: Identifier("KEYS", digits(chance, chance.randint(4, 8))),
            "EMAIL": lambda: email(self.caller, lang, chance),
            "ADDRESS": lambda: address(lang, chance, self.split),
            "BIRTH": lambda: birth(lang, chance),
            "SPELLED": lambda: Identifier("SPELLED", spelled, pool=self.caller.pool),
        }
        return makers[kind]()

    def say(self, line: str, channel: int) -> None:
        """Add the turns of a wording; a turn that does not say whose it is is *channel*'s."""
        for text in line.split(" | "):
            turn = Turn({"A": AGENT, "C": CALLER}[text[0]] if text[1:2] == ":" else channel)
            for chunk in (text[3:] if text[1:2] == ":" else text).split():
                self.add(turn, chunk)
            self.turns.append(turn)

    def add(self, turn: Turn, chunk: str) -> None:
        slot = re.fullmatch(r"(\W*)\{(\w+)\}(.*)", chunk)
        if slot is None:
            turn.tokens.append(chunk)
            return
        piece = self.fill(slot[2])
        tokens = [*piece.tokens]
        behind = slot[3].removeprefix("s" if tokens[-1].endswith("s") else "")  # "Anders kamera"
        tokens[0], tokens[-1] = slot[1] + tokens[0], tokens[-1].rstrip("," if slot[3] else "") + behind
        if piece.what is not None:
            first = len(turn.tokens)
            turn.marks.append((first, first + len(tokens) - 1, piece.what, piece.part))
        turn.tokens += tokens

    def fill(self, slot: str) -> Piece:
        """What stands in a slot this time: said anew each time, so a repetition may be in other words."""
        if slot == "id":
            assert self.asked is not None
            return Piece(self.spoken(self.asked), self.asked)
        if slot in {"head", "tail"}:
            return self.portion(slot)
        if slot.isupper():
            what = self.unasked.setdefault(slot, self.identifier(slot))
            return Piece(self.spoken(what), what)
        names = {"agent": self.agent.given, "caller": f"{self.caller.given} {self.caller.family}"}
        names |= {"agentfull": f"{self.agent.given} {self.agent.family}", "other": self.other.given}
        names |= {"otherfull": f"{self.other.given} {self.other.family}"}
        names |= {"callergiven": self.caller.given, "callerfamily": self.caller.family}
        if slot in names:
            who = {"a": self.agent, "c": self.caller, "o": self.other}[slot[0]]
            return Piece(names[slot].split(), Identifier("NAME", names[slot], pool=who.pool))
        return Piece(self.no_identifier(slot))

    def portion(self, slot: str) -> Piece:
        """The first or the last groups of a number, as a mark of their own."""
        assert self.asked is not None
        groups = self.asked.groups
        middle = next(at for at in range(1, len(groups)) if len("".join(groups[:at])) >= SHORTEST_PART)
        part = groups[:middle] if slot == "head" else groups[middle:]
        what = Identifier(self.asked.type, "".join(part))
        return Piece(say_number(what, part, self.lang, self.chance, self.styles), what, part=True)

    @property
    def styles(self) -> str:
        return "aloud" if self.aloud else self.lang

    def spoken(self, what: Identifier) -> list[str]:
        lang, chance = self.lang, self.chance
        if what.type == "SERIAL" and (self.aloud or chance.random() < 0.7):
            return say_serial(what.value, lang, chance)
        if what.type in NUMBERS:
            return say_number(what, what.groups, lang, chance, self.styles)
        ways: dict[str, Callable[[], list[str]]] = {
            "KEYS": lambda: list(what.value),
            "EMAIL": lambda: say_email(what.value, lang, chance, literal=0 if self.aloud else 0.2),
            "ADDRESS": lambda: say_address(what, lang, chance),
            "BIRTH": lambda: say_birth(what.value, lang, chance),
            "SPELLED": lambda: say_spelled(what.value, lang, chance),
        }
        return ways[what.type]()

    def no_identifier(self, slot: str) -> list[str]:
        lang, chance = self.lang, self.chance
        hour, minute = chance.randint(8, 20), chance.choice([0, 15, 30, 45])
        amount = chance.choice([49, 79, 99, 129, 199, 249, 399, 499, 999])
        thousands = f"{chance.randint(1, 9)} {chance.choice(['299', '490', '999'])}"
        choices: dict[str, Callable[[], str]] = {
            "amount": lambda: chance.choice(
                [str(amount), thousands, f"{amount},50", " ".join(numeral(amount, lang, chance))]
            ),
            "clock": lambda: chance.choice([f"{hour}.{minute:02}", str(hour), " ".join(numeral(hour, lang, chance))]),
            "minutes": lambda: chance.choice([str(minute + 10), " ".join(numeral(minute + 10, lang, chance))]),
            "model": lambda: self.model,
            "day": lambda: chance.choice(said.DAYS[lang].split()),
            "month": lambda: chance.choice(said.MONTHS[lang].split()),
            "town": lambda: chance.choice(said.TOWNS[lang].split()),
        }
        return choices[slot]().split()


def with_capitals(turn: Turn) -> Turn:
    """A sentence begins with a capital, and a turn ends with a full stop."""
    tokens, begins = [], True
    for token in turn.tokens:
        tokens.append(token[0].upper() + token[1:] if begins and "@" not in token else token)
        begins = token[-1] in ".?!" and not token[:-1].isdigit()
    if tokens[-1][-1] not in ".?!":
        tokens[-1] += "."
    return Turn(turn.channel, tokens, turn.marks)


def bare(token: str) -> list[str]:
    """A token in small letters and without marks: none, one or more words."""
    small = token.lower().strip(".,?!:;")
    return [small] if "@" in small else re.findall(r"[^\W_]+(?:'[^\W_]+)*", small)


def without_capitals(turn: Turn) -> Turn:
    """The same in small letters without any marks, as some engines write; what a mark held together falls apart."""
    tokens: list[str] = []
    places: list[tuple[int, int]] = []
    for token in turn.tokens:
        words = bare(token)
        places.append((len(tokens), len(tokens) + len(words) - 1))
        tokens += words
    marks = [(places[first][0], places[last][1], what, part) for first, last, what, part in turn.marks]
    return Turn(turn.channel, tokens, marks)


def as_line(name: str, talk: Talk, variant: str, turns: Sequence[Turn]) -> dict[str, Any]:
    """A call as it is kept: turns with their start, and the truth by the place of the words in the whole call."""
    at, place, kept, truth = 0.3, 0, [], []
    for turn in turns:
        kept.append([turn.channel, round(at, 2), " ".join(turn.tokens)])
        for first, last, what, part in turn.marks:
            entry: dict[str, Any] = {
                "type": what.type,
                "first": place + first,
                "last": place + last,
                "value": what.value,
            }
            entry |= {"pool": what.pool} if what.pool else {}
            entry |= {"valid": what.valid} if what.valid is not None else {}
            truth.append(entry | ({"part": True} if part else {}))
        place += len(turn.tokens)
        at += len(turn.tokens) * WORD + PAUSE
    known = {"agent": talk.agent.given, "caller": f"{talk.caller.given} {talk.caller.family}"}
    return {"id": name, "lang": talk.lang, "variant": variant, "known": known, "turns": kept, "truth": truth}


def words_of(line: dict[str, Any]) -> list[dict[str, Any]]:
    """The words of a kept call as engines hand them on: w, s, e (seconds), p, ch."""
    return [
        {
            "w": word,
            "s": round(start + place * WORD, 2),
            "e": round(start + (place + 1) * WORD - 0.02, 2),
            "p": 0.9,
            "ch": ch,
        }
        for ch, start, text in line["turns"]
        for place, word in enumerate(text.split())
    ]


def talks(lang: str, split: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Every call twice: `cased` with marks, `lower` without."""
    for number in range(count):
        name = f"{lang}-{split}-{number:03}"
        talk = Talk(lang, split, random.Random(f"{seed} {name}"))
        turns = talk.make()
        yield as_line(name, talk, "cased", [with_capitals(turn) for turn in turns])
        yield as_line(name, talk, "lower", [without_capitals(turn) for turn in turns])


def make_talk(out: Path, seed: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for lang, counts in COUNTS.items():
        for split, count in zip(("dev", "test"), counts, strict=True):
            lines = [
                json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in talks(lang, split, count, seed)
            ]
            (out / f"{lang}.{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


# 4. A call as sound.


@dataclass(frozen=True)
class Setting:
    """Who speaks how in a call to be heard: engines' voices, noise, cross-talk, names, and what is asked."""

    voices: tuple[str, str]  # agent, caller: "flite rms", "espeak en-gb"
    snr: int  # dB of speech over noise, in each channel
    leak: float  # share of the other side that is heard in a channel
    sides: str  # "stereo": each on a channel; "mono": both on one
    names: str
    pool: str  # of the caller's name
    kinds: tuple[str, ...]


SETTINGS = (
    Setting(("flite slt", "espeak en-gb"), 20, 0.03, "stereo", "en", "unlisted", ("NAME", "PHONE", "EMAIL")),
    Setting(("espeak en-us", "flite awb"), 25, 0.0, "stereo", "nb", "unlisted", ("NAME", "SPELLED", "SERIAL")),
    Setting(("flite kal16", "flite slt"), 15, 0.06, "stereo", "en", "unlisted", ("NATIONAL_ID", "KEYS", "ADDRESS")),
    Setting(("flite awb", "flite rms"), 30, 0.03, "stereo", "en", "listed", ("NAME", "CARD", "BIRTH")),
    Setting(("espeak en-gb-x-rp", "flite kal16"), 18, 0.06, "stereo", "nb", "unlisted", ("ACCOUNT", "PHONE")),
    Setting(("flite rms", "espeak en-us"), 22, 0.0, "stereo", "nb", "listed", ("SPELLED", "EMAIL", "ADDRESS")),
    Setting(("flite slt", "flite awb"), 20, 0.0, "mono", "en", "unlisted", ("NAME", "BIRTH", "KEYS", "KID")),
    Setting(("flite kal16", "espeak en-gb-scotland"), 28, 0.0, "mono", "en", "listed", ("PHONE", "ORG", "SERIAL")),
)
SHORTEST, LONGEST = 45.0, 75.0  # seconds of a call
WITHIN = 0.03  # seconds between two pieces of one turn
QUIET = 1 / 80  # of a piece's loudest value: what is below at its ends is silence, or the noise of a recorded voice
LEVEL = 2_500  # of 32767, root mean square of a piece: about -22 dB
KEY_ROWS, KEY_COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477)  # Hz; ITU-T Q.23


def synthesised(voice: str, text: str) -> list[int]:
    """What an engine says, at 8 kHz, without the silence around it, so that its ends are the ends of the speech."""
    engine, name = voice.split()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        if engine == "flite":
            words = ["flite", "-voice", name, "-o", str(path), "-t", text]
        else:  # -D: without it some voices draw random numbers
            words = ["espeak-ng", "-D", "-v", name, "-s", "150", "-w", str(path), "--", text]
        subprocess.run(words, check=True)
        with path.open("rb") as stream:
            sound = read_wav(stream, path.stat().st_size)
    values = resample(list(struct.unpack(f"<{sound.frames}h", sound.data)), sound.rate)
    floor = QUIET * max(abs(value) for value in values)
    loud = [place for place, value in enumerate(values) if abs(value) > floor]
    return levelled(values[loud[0] : loud[-1] + 1])


def levelled(values: Sequence[float]) -> list[int]:
    scale = LEVEL / math.sqrt(sum(value * value for value in values) / len(values))
    return [round(max(-30_000.0, min(30_000.0, value * scale))) for value in values]


def keyed(numbers: str, chance: random.Random) -> list[int]:
    """The tones of these keys, each with a pause behind it but the last."""
    values: list[float] = []
    for number in numbers:
        values += [0.0] * (round(chance.uniform(0.06, 0.25) * RATE) if values else 0)
        row, column = divmod("123456789*0#".index(number), 3)
        pair = (KEY_ROWS[row], KEY_COLUMNS[column])
        values += [
            sum(math.sin(math.tau * tone * place / RATE) for tone in pair)
            for place in range(round(chance.uniform(0.07, 0.14) * RATE))
        ]
    return levelled(values)


def pieces(turn: Turn) -> Iterator[tuple[str, Identifier | None]]:
    """A turn in pieces of speech: each identifier by itself, and what stands between them."""
    at = 0
    for first, last, what, _ in [*turn.marks, (len(turn.tokens), 0, None, False)]:
        if before := " ".join(turn.tokens[at:first]):
            yield before, None
        if what is not None:
            yield " ".join(turn.tokens[first : last + 1]).strip(".,?!"), what
        at = last + 1


def spoken_call(
    turns: Sequence[Turn], setting: Setting, chance: random.Random
) -> tuple[list[list[int]], dict[str, Any]]:
    """Both sides as values, one speaking at a time, and what was said when."""
    sides: list[list[int]] = [[0] * round(0.3 * RATE) for _ in (AGENT, CALLER)]
    truth: list[dict[str, Any]] = []
    ref: list[dict[str, Any]] = []
    for turn in turns:
        for text, what in pieces(turn):
            keys = what is not None and what.type == "KEYS"
            values = keyed(what.value, chance) if what and keys else synthesised(setting.voices[turn.channel], text)
            start, end = (round(frames / RATE, 3) for frames in (len(sides[0]), len(sides[0]) + len(values)))
            said_then = {"text": text, "start": start, "end": end}
            if not keys:
                ref.append({"ch": turn.channel} | said_then)
            if what is not None:
                truth.append({"type": what.type} | said_then | {"ch": turn.channel})
            for channel, side in enumerate(sides):
                side += (values if channel == turn.channel else [0] * len(values)) + [0] * round(WITHIN * RATE)
        for side in sides:
            side += [0] * round(0.5 * RATE)
    return sides, {"dur": len(sides[0]) / RATE, "identifiers": truth, "ref": ref}


def on_the_line(sides: Sequence[Sequence[int]], setting: Setting, seed: int) -> list[list[int]]:
    """The channels as they are recorded: with noise, and with something of the other side or (mono) all of it."""
    import numpy as np

    clean = np.array(sides, dtype=float)
    mixed = clean.sum(axis=0, keepdims=True) if setting.sides == "mono" else clean + setting.leak * clean[::-1]
    white = np.random.default_rng(seed).standard_normal(mixed.shape)
    pink = np.fft.rfft(white) / np.sqrt(np.arange(1, mixed.shape[1] // 2 + 2))  # as rooms and lines hum and hiss
    noise = np.fft.irfft(pink, mixed.shape[1])
    noise *= LEVEL * 10 ** (-setting.snr / 20) / np.sqrt((noise**2).mean())
    return [[int(value) for value in side] for side in np.clip(np.rint(mixed + noise), -32_000, 32_000)]


def made_call(number: int, seed: int, before: set[str]) -> tuple[Sound, dict[str, Any]]:
    """One call: drawn until the caller's name is of the pool, and the length between SHORTEST and LONGEST.

    *before* holds the two people and the wordings of the calls made before; those of this one are added.
    """
    setting, name = SETTINGS[number], f"made{number:03}"
    for attempt in itertools.count():
        chance = random.Random(f"{seed} {name} {attempt}")
        talk = Talk("en", "test", chance, names=setting.names)
        talk.picked |= {each for each in before if " " in each}
        turns = [with_capitals(turn) for turn in talk.make(setting.kinds)]
        people = {talk.agent.given, talk.caller.given, talk.caller.family}
        if talk.caller.pool != setting.pool or people & before:
            continue
        sides, truth = spoken_call(turns, setting, chance)
        if SHORTEST <= truth["dur"] <= LONGEST:
            break
    before |= talk.picked | people
    channels = on_the_line(sides, setting, seed + number)
    data = bytearray(len(channels) * len(channels[0]))
    for place, values in enumerate(channels):
        data[place :: len(channels)] = to_ulaw(values)
    known = {"agent": talk.agent.given, "caller": f"{talk.caller.given} {talk.caller.family}"}
    head: dict[str, Any] = {"id": name, "lang": "en", "agent": setting.voices[AGENT], "caller": setting.voices[CALLER]}
    head |= {
        "snr": setting.snr,
        "leak": setting.leak,
        "mono": setting.sides == "mono",
        "pool": setting.pool,
        "known": known,
    }
    return Sound(Encoding.ULAW, RATE, len(channels), bytes(data)), head | truth


def make_sound(out: Path, seed: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    before: set[str] = set()
    for number in range(len(SETTINGS)):
        sound, truth = made_call(number, seed, before)
        (out / f"{truth['id']}.wav").write_bytes(canonical_wav(sound))
        text = json.dumps(truth, ensure_ascii=False, indent=1)
        (out / f"{truth['id']}.json").write_text(text + "\n", encoding="utf-8")
        print(f"{truth['id']}: {truth['dur']:.1f} s, {len(truth['identifiers'])} identifiers")


def make_words(out: Path, model: Path) -> None:
    """What faster-whisper hears, twice: plainly, and with the known names as hot words."""
    from faster_whisper import WhisperModel
    from faster_whisper.audio import decode_audio

    engine = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=2, local_files_only=True)
    for path in sorted(out.glob("made*.wav")):
        truth = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        sides = [decode_audio(str(path))] if truth["mono"] else decode_audio(str(path), split_stereo=True)
        for folder, hints in (("words-base", None), ("words-base-hints", " ".join(truth["known"].values()))):
            heard = [word for channel, side in enumerate(sides) for word in heard_words(engine, side, channel, hints)]
            heard.sort(key=lambda word: word["s"])
            (out / folder).mkdir(exist_ok=True)
            text = json.dumps({"words": heard}, ensure_ascii=False)
            (out / folder / f"{path.stem}.json").write_text(text + "\n", encoding="utf-8")
        print(f"{path.stem}: {len(heard)} words")


def heard_words(engine: Any, side: Any, channel: int, hints: str | None) -> Iterator[dict[str, Any]]:
    """The words of one side, as they are kept."""
    segments, _ = engine.transcribe(side, language="en", word_timestamps=True, vad_filter=True, hotwords=hints)
    for segment in segments:
        for word in segment.words:
            start, end = round(float(word.start), 2), round(float(word.end), 2)
            yield {"w": word.word, "s": start, "e": end, "p": round(float(word.probability), 3), "ch": channel}


# 5. Does what was made agree with itself?


@cache
def readings(lang: str) -> dict[tuple[str, ...], str]:
    """What each word or row of words stands for when an identifier is read out."""
    out: dict[tuple[str, ...], str] = {}
    chance = random.Random(0)  # numeral() is drawn from until its forms have come
    for number in range(1000):
        for _ in range(40):
            out[tuple(word for token in numeral(number, lang, chance) for word in bare(token))] = str(number)
    tens, ones = said.TENS[lang].split(), said.ONES[lang].split()
    for ten, unit in itertools.product(range(8), range(1, 10)):
        out[tens[ten], ones[unit]] = f"{ten + 2}{unit}"
    meant = {"syv": "7", "oh": "0"} | dict.fromkeys(said.HESITATIONS[lang].split(), "")
    meant |= dict.fromkeys(said.AT[lang].split("|"), "@") | dict.fromkeys(said.DOT[lang].split(), ".")
    meant |= {said.DASH[lang]: "-", said.UNDERSCORE[lang]: "_"} | dict(
        zip(said.NATO.split(), ascii_lowercase, strict=True)
    )
    for sign, link in itertools.product(ascii_lowercase + "æøåäö", said.AS_IN[lang].split("|")):
        meant[f"{sign} {link} {letter_name(sign, lang)}"] = sign
    for words, one_meaning in meant.items():
        out[tuple(word for token in words.split() for word in bare(token))] = one_meaning
    return out


def reads_as(tokens: Sequence[str], value: str, lang: str) -> bool:
    """Whether these words (from bare()) can be read as *value*: an account of what was said, made without the maker."""
    if not tokens:
        return not value
    for length in range(1, min(9, len(tokens)) + 1):
        meant = readings(lang).get(tuple(tokens[:length]))
        if meant is not None and value.startswith(meant) and reads_as(tokens[length:], value[len(meant) :], lang):
            return True
    first, rest = tokens[0], tokens[1:]
    if value.startswith(first) and reads_as(rest, value[len(first) :], lang):
        return True
    if first != said.DOUBLE[lang] or not rest:
        return False
    twice = readings(lang).get((rest[0],), rest[0]) * 2
    return value.startswith(twice) and reads_as(rest[1:], value[len(twice) :], lang)


@cache
def ways_of_birth(value: str, lang: str) -> set[tuple[str, ...]]:
    """How this date may be said: drawn often enough that every way has come."""
    chance = random.Random(0)
    return {tuple(word for token in say_birth(value, lang, chance) for word in bare(token)) for _ in range(3000)}


def agrees(words: Sequence[str], entry: dict[str, Any], lang: str) -> bool:
    """Whether the words that the truth points at are what it says they are."""
    tokens = [token for word in words for token in bare(word)]
    value: str = entry["value"].lower()
    if {tokens[0], tokens[-1]} & set(said.HESITATIONS[lang].split()):
        return False
    if entry["type"] == "NAME":
        return " ".join(tokens).replace("'s", "").removesuffix("s") == value.removesuffix("s")
    if entry["type"] == "ADDRESS":
        names = re.findall(r"[^\W\d_]{2,}", value)  # street and town; what is left is house, letter and postcode
        rest = [token for token in tokens if token not in names and token not in {"i", "in"}]
        left = "".join(part for part in value.split() if part not in names)
        return set(names) <= set(tokens) and reads_as(rest, left, lang)
    if entry["type"] == "BIRTH":
        return tuple(tokens) in ways_of_birth(value, lang)
    if entry["type"] == "PHONE" and f"+{tokens[0]}" == said.COUNTRY_CODE[lang]:
        tokens = tokens[1:]
    return reads_as(tokens, value, lang)


def faults_of_talk(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with calls that were kept as words."""
    if len({(line["id"], line["variant"]) for line in lines}) != len(lines):
        yield "two calls have one name"
    for line in lines:
        words, end = words_of(line), 0
        turns = [turn for turn, (_, _, text) in enumerate(line["turns"]) for _ in text.split()]
        if any(word["e"] > after["s"] for word, after in itertools.pairwise(words)):
            yield f"{line['id']}: words overlap"
        for entry in line["truth"]:
            first, last = entry["first"], entry["last"]
            if not end <= first <= last < len(words) or turns[first] != turns[last]:
                yield f"{line['id']}: {entry} is not in one turn, or not after the one before"
            elif not agrees([word["w"] for word in words[first : last + 1]], entry, line["lang"]):
                yield f"{line['id']} {line['variant']}: {entry} is {[word['w'] for word in words[first : last + 1]]}"
            end = last + 1
    for cased, lower in zip(lines[::2], lines[1::2], strict=True):
        if [each["value"] for each in cased["truth"]] != [each["value"] for each in lower["truth"]]:
            yield f"{cased['id']}: the two variants do not hold the same"


def faults_of_files(talk: Path) -> Iterator[str]:
    """What is wrong with the files of calls kept as words: each by itself, and names in both halves."""
    for lang in COUNTS:
        names: list[set[str]] = []
        for split in ("dev", "test"):
            text = (talk / f"{lang}.{split}.jsonl").read_text(encoding="utf-8")
            lines = [json.loads(line) for line in text.splitlines()]
            yield from faults_of_talk(lines)
            truth = [entry for line in lines for entry in line["truth"] if entry["type"] == "NAME"]
            names.append({word for entry in truth for word in entry["value"].split()})
        if shared := names[0] & names[1]:
            yield f"{lang}: {shared} in dev and in test"


def faults_of_sound(made: Path) -> Iterator[str]:
    """What is wrong with the calls to be heard: times out of order or of the sound, silence where speech should be."""
    for path in sorted(made.glob("made*.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        with path.with_suffix(".wav").open("rb") as stream:
            sound = as_pcm16(read_wav(stream, path.with_suffix(".wav").stat().st_size))
        count = 1 if truth["mono"] else 2
        if (sound.channels, sound.rate) != (count, RATE) or abs(sound.duration - truth["dur"]) > 1 / RATE:
            yield f"{truth['id']}: the sound is not the one of the truth"
        values = struct.unpack(f"<{sound.frames * count}h", sound.data)
        for row in (truth["identifiers"], truth["ref"]):
            for before, after in itertools.pairwise([{"end": 0.0}, *row, {"start": truth["dur"]}]):
                if before["end"] > after["start"]:
                    yield f"{truth['id']}: {after} begins too early"
        for each in truth["identifiers"]:
            side = values[0 if truth["mono"] else each["ch"] :: count]
            noise = LEVEL * 10 ** (-truth["snr"] / 20)
            long = min(0.3, (each["end"] - each["start"]) / 2)  # a first sound may be weak
            for at in (each["start"], each["end"] - long):
                part = side[round(at * RATE) : round((at + long) * RATE)]
                if math.sqrt(sum(value * value for value in part) / len(part)) < 1.5 * noise:
                    yield f"{truth['id']}: nobody speaks at {at} in {each}"


def faults_of_names() -> Iterator[str]:
    """Listed names that Faker does not have, and unlisted ones that it has, in any of its countries."""
    from faker.providers import person as people

    listed: set[str] = set()
    for module in pkgutil.iter_modules(people.__path__):
        provider = importlib.import_module(f"{people.__name__}.{module.name}").Provider
        rows = [getattr(provider, attribute) for attribute in dir(provider) if "name" in attribute]
        names = {str(name).casefold() for row in rows if isinstance(row, dict | tuple | list) for name in row}
        listed |= names | {word for name in names for word in re.split(r"[\s-]", name)}
    for lang in said.SCRIPTS:
        front, back = (part.split() for part in said.UNLISTED_FAMILY_PARTS[lang])
        ours = {first + last for first in front for last in back} | set(said.UNLISTED_GIVEN[lang].split())
        ours |= set(f"{said.FOREIGN_GIVEN} {said.FOREIGN_FAMILY}".split())
        yield from (f"{lang}: {name} is in Faker" for name in sorted(ours) if name.casefold() in listed)
        theirs = f"{said.LISTED_GIVEN[lang]} {said.LISTED_FAMILY[lang]}".split()
        yield from (f"{lang}: {name} is not in Faker" for name in theirs if name.casefold() not in listed)


def main() -> None:
    """Make, or check and end with 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["talk", "sound", "words", "names", "check"])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, help="the folder; tests/calls/talk or tests/calls/made if not given")
    parser.add_argument("--model", type=Path, help="words: the folder of a faster-whisper model")
    options = parser.parse_args()
    talk, made = options.out or CALLS / "talk", options.out or CALLS / "made"
    faults: list[str] = []
    if options.what == "talk":
        make_talk(talk, options.seed)
    elif options.what == "sound":
        make_sound(made, options.seed)
    elif options.what == "words":
        make_words(made, options.model)
    elif options.what == "names":
        faults = list(faults_of_names())
    else:
        faults = [*faults_of_files(CALLS / "talk"), *faults_of_sound(CALLS / "made")]
    print("\n".join(faults), end="\n" if faults else "")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
