"""Read invented calls that are marked by hand, and vary them: a network shall learn where identifiers stand, not which.

    python tools/written_calls.py FILE      writes them in the form of tests/calls/fresh, with capitals and without

A file of `tests/calls/written` holds calls: a line "# id | agent | caller", then turns, "A: ..." of the agent and
"C: ..." of the caller, in which `{TYPE:words}` marks what identifies (the types of tests/calls/README.md).
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from arlo_rec.sound.audio.cut_list import Kind  # noqa: E402
from arlo_rec.sound.speech import Word  # noqa: E402
from arlo_rec.words.detectors import network, word_lists  # noqa: E402
from arlo_rec.words.detectors.kinds import LABELLED  # noqa: E402
from arlo_rec.words.detectors.word_lists import _by_frequency  # noqa: E402

CALLS = TOP / "tests" / "calls"
LANGUAGES = ("nb", "nn", "sv", "da", "en")
TALK = 40  # calls of the generator in each language: they are much alike
MARK = re.compile(r"\{([A-Z_]+)(?:\|[^:{}]*)?:([^{}]*)\}")
EDGE = ".,?!:;…–-\"«»()'’"
COMMON = 2000  # words
WORD, PAUSE = 0.35, (0.4, 1.5)  # seconds from word to word, and between turns
DIGITS = {
    "nb": "null en to tre fire fem seks sju syv åtte ni",
    "nn": "null ein to tre fire fem seks sju åtte ni",
    "sv": "noll ett två tre fyra fem sex sju åtta nio",
    "da": "nul en to tre fire fem seks syv otte ni",
    "en": "zero oh one two three four five six seven eight nine",
}
TENS = {
    "nb": "tjue tretti førti femti seksti sytti åtti nitti",
    "nn": "tjue tretti førti femti seksti sytti åtti nitti",
    "sv": "tjugo trettio fyrtio femtio sextio sjuttio åttio nittio",
    "da": "tyve tredive fyrre halvtreds tres halvfjerds firs halvfems",
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
}
TEENS = {
    "nb": "ti elleve tolv tretten fjorten femten seksten sytten atten nitten",
    "nn": "ti elleve tolv tretten fjorten femten seksten sytten atten nitten",
    "sv": "tio elva tolv tretton fjorton femton sexton sjutton arton nitton",
    "da": "ti elleve tolv tretten fjorten femten seksten sytten atten nitten",
    "en": "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
}


class Spoken(NamedTuple):
    """A word of a turn, and what it is part of: one of `network.CLASSES`."""

    text: str
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its turns are channel and words."""

    name: str
    language: str
    turns: tuple[tuple[int, tuple[Spoken, ...]], ...]


def read_all() -> Iterator[Call]:
    """All calls from which the network learns."""
    for path in sorted((CALLS / "written").glob("*.txt")):
        yield from read_marked(path)
    for language in LANGUAGES:
        yield from read_lines(CALLS / "fresh" / f"{language}.dev.jsonl")
        yield from list(read_lines(CALLS / "talk" / f"{language}.dev.jsonl"))[:TALK]


def read_marked(path: Path) -> Iterator[Call]:
    """The calls of a file with marks; raises ValueError where a line is none."""
    for block in re.split(r"(?m)^# ", path.read_text("utf-8"))[1:]:
        head, *lines = (line for line in block.split("\n") if line.strip())
        if any(line[:2] not in ("A:", "C:") for line in lines):
            raise ValueError(f"{path}: {head}")
        turns = tuple(("AC".index(line[0]), tuple(_marked_words(line[2:]))) for line in lines)
        yield Call(head.split("|")[0].strip(), path.name[:2], turns)


def _marked_words(text: str) -> Iterator[Spoken]:
    spans, plain, behind = [], "", 0
    for mark in MARK.finditer(text):
        plain += text[behind : mark.start()]
        spans.append((len(plain), len(plain) + len(mark[2]), _kind(mark[1])))
        plain, behind = plain + mark[2], mark.end()
    plain += text[behind:]
    if set(plain) & set("{}"):
        raise ValueError(text)
    for word in re.finditer(r"\S+", plain):
        inside = (kind for begin, end, kind in spans if word.start() < end and word.end() > begin)
        yield Spoken(word[0], next(inside, None))


def read_lines(path: Path) -> Iterator[Call]:
    """The calls with capitals of a file in the form of tests/calls/talk."""
    for line in path.read_text("utf-8").splitlines():
        call = json.loads(line)
        if call["variant"] != "cased":
            continue
        kinds = {
            place: _kind(each["type"]) for each in call["truth"] for place in range(each["first"], each["last"] + 1)
        }
        places = count()
        turns = tuple(
            (channel, tuple(Spoken(word, kinds.get(next(places))) for word in text.split()))
            for channel, _, text in call["turns"]
        )
        yield Call(call["id"], path.name[:2], turns)


def _kind(label: str) -> Kind:
    kind = Kind.NUMBER if label in NUMBERS else Kind(label.lower())
    if kind not in LABELLED:
        raise ValueError(label)
    return kind


NUMBERS = {"PHONE", "NATIONAL_ID", "ACCOUNT", "CARD", "KID", "ORG", "SERIAL", "NUMBER", "KEYS"}


def timed(call: Call, chance: random.Random, *, mono: bool) -> tuple[list[Word], list[int]]:
    """The words of a call with invented times, and which of `network.CLASSES` each is; either may be on channel 0."""
    words, kinds, at = [], [], 0.4
    is_swapped = chance.random() < 0.5
    for speaker, turn in call.turns:
        channel = None if mono else 1 - speaker if is_swapped else speaker
        for spoken in turn:
            words.append(Word(spoken.text, round(at, 2), round(at + 0.3, 2), None, channel))
            kinds.append(network.CLASSES.index(spoken.kind))
            at += WORD
        at += chance.uniform(*PAUSE)
    return words, kinds


# -- variations ---------------------------------------------------------------------------------------


def in_small_letters(call: Call, *, split: bool = False) -> Call:
    """The call as an engine writes it that knows neither capitals nor marks; *split*: nor hyphens."""
    return replace(
        call,
        turns=tuple(
            (channel, turn)
            for channel, words in call.turns
            if (turn := tuple(piece for word in words for piece in _bare(word, split=split)))
        ),
    )


def _bare(word: Spoken, *, split: bool) -> Iterator[Spoken]:
    pieces = word.text.split("-") if split and "@" not in word.text else [word.text]
    yield from (Spoken(bare, word.kind) for piece in pieces if (bare := piece.lower().strip(EDGE)))


def vary(call: Call, chance: random.Random) -> Call:
    """The call with other names, numbers and secrets, cut short, misheard here and there, or in small letters."""
    varied = _Variation(call.language, chance)
    turns = call.turns
    if len(turns) > 12 and chance.random() < 0.5:
        third = len(turns) // 3
        turns = turns[chance.randrange(third) : len(turns) - chance.randrange(third)]
    told = tuple((channel, tuple(varied.word(spoken) for spoken in turn)) for channel, turn in turns)
    if chance.random() < 0.4:
        others = _words(call.language)[:5000]
        told = tuple((channel, turn) for channel, words in told if (turn := tuple(_misheard(words, others, chance))))
    varied_call = replace(call, turns=told)
    return in_small_letters(varied_call, split=chance.random() < 0.5) if chance.random() < 0.4 else varied_call


def _misheard(words: Sequence[Spoken], others: Sequence[str], chance: random.Random) -> Iterator[Spoken]:
    for word in words:
        fate = chance.random()
        if fate < 0.02:
            continue
        text = word.text
        if fate < 0.04:
            text = _like(text, chance.choice(others))
        elif fate < 0.07 and len(text) > 3:
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice("aeiounrstlkdm") + text[at + chance.randrange(2) :]
        yield word._replace(text=text.rstrip(EDGE) or text if chance.random() < 0.1 else text)


class _Variation:
    """What the words of one call become: the same word the same each time."""

    def __init__(self, language: str, chance: random.Random) -> None:
        self._language, self._chance = language, chance
        self._of_names = chance.choice([0, 0.5, 0.9])
        self._of_secrets = chance.choice([0, 0.5, 0.9])
        self._of_digits = chance.choice([False, True])
        self._became: dict[str, str] = {}

    def word(self, spoken: Spoken) -> Spoken:
        text = spoken.text.strip(EDGE)
        before, _, behind = spoken.text.partition(text) if text else (spoken.text, "", "")
        if not text or spoken.kind not in {"name", "number", "secret", "address"}:
            return spoken
        if spoken.kind == "name":
            new = "-".join(self._name(part) for part in text.split("-"))
        elif spoken.kind == "secret":
            new = self._became_of(text, self._digits(text) if self._of_digits else None) or self._secret(text)
        else:
            new = (self._digits(text) if self._of_digits else None) or text
        return spoken._replace(text=before + new + behind)

    def _became_of(self, text: str, new: str | None) -> str | None:
        return None if new is None else self._became.setdefault(f"digits {text.lower()}", new)

    def _name(self, text: str) -> str:
        plain = text.lower()
        stem, ending = (plain[:-2], text[-2:]) if plain.endswith("'s") else (plain, "")
        if stem not in self._became:
            is_other = len(stem) > 1 and self._chance.random() < self._of_names
            self._became[stem] = self._other_name() if is_other else stem
        return text if self._became[stem] == stem else _like(text, self._became[stem]) + ending

    def _other_name(self) -> str:
        fate = self._chance.random()
        if fate < 0.6:
            return self._chance.choice(_listed()["given" if fate < 0.35 else "family"])
        return _invent(self._chance) if fate < 0.9 else self._chance.choice(_words(self._language)[500:])

    def _secret(self, text: str) -> str:
        plain = text.lower()
        if len(plain) < 3 or not plain.isalpha():
            return text
        if plain not in self._became:
            is_other = self._chance.random() < self._of_secrets
            self._became[plain] = self._other_word() if is_other else plain
        return text if self._became[plain] == plain else _like(text, self._became[plain])

    def _other_word(self) -> str:
        """A word that may be a secret: a common one as often as any."""
        words = _words(self._language)
        return self._chance.choice(words[:COMMON] if self._chance.random() < 0.5 else words)

    def _digits(self, text: str) -> str | None:
        """Another number of as many digits, said in the same way; None where it is none that is known."""
        plain, language = text.lower(), self._language
        if plain.isdigit():
            return "".join(self._chance.choice("0123456789") for _ in plain)
        for table in (DIGITS, TENS, TEENS):
            if plain in (words := table[language].split()):
                return _like(text, self._chance.choice(words))
        tens, digits = TENS[language].split(), DIGITS[language].split()
        if any(plain.startswith(ten) and plain.removeprefix(ten) in digits for ten in tens):
            return _like(text, self._chance.choice(tens) + self._chance.choice(digits[1:]))
        if any(plain.endswith(f"og{ten}") and plain.removesuffix(f"og{ten}") in digits for ten in tens):  # Danish
            return _like(text, f"{self._chance.choice(digits[1:])}og{self._chance.choice(tens)}")
        return None


def _like(text: str, new: str) -> str:
    return new.capitalize() if text[:1].isupper() else new


@cache
def _listed() -> dict[str, list[str]]:
    names = word_lists.load_names()
    return {"given": sorted(names.given), "family": sorted(names.family)}


@cache
def _words(language: str) -> list[str]:
    """Words that may be secrets: all but the commonest."""
    return _by_frequency("nb" if language == "nn" else language)[50:25_000]


@cache
def _behind_two() -> dict[str, list[str]]:
    """The letters that follow two letters in names."""
    behind: dict[str, list[str]] = {}
    for name in (*_listed()["given"], *_listed()["family"]):
        edged = f"^^{name}$"
        for at in range(len(edged) - 2):
            behind.setdefault(edged[at : at + 2], []).append(edged[at + 2])
    return behind


def _invent(chance: random.Random) -> str:
    """A name that nobody has, of letters as they follow each other in names."""
    while True:
        name = "^^"
        while len(name) < 15 and not name.endswith("$"):
            name += chance.choice(_behind_two()[name[-2:]])
        if name.endswith("$") and 6 <= len(name) <= 15:
            return name[2:-1]


# -- for measuring ------------------------------------------------------------------------------------


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Each call of a file with marks in the form of tests/calls/fresh, written with capitals and then without."""
    for block in re.split(r"(?m)^# ", path.read_text("utf-8"))[1:]:
        head, *said = (line for line in block.split("\n") if line.strip())
        name, agent, caller = (part.strip() for part in head.split("|"))
        labels: list[str] = []
        turns = [("AC".index(line[0]), list(_labelled(line[2:], labels))) for line in said]
        call = {"id": name, "lang": path.name[:2], "known": {"agent": agent, "caller": caller}}
        small = [
            (channel, [(piece.text, mark) for word, mark in turn for piece in _bare(Spoken(word, ""), split=True)])
            for channel, turn in turns
        ]
        yield {**call, "variant": "cased", **_in_time(turns, labels)}
        yield {**call, "variant": "lower", **_in_time([turn for turn in small if turn[1]], labels)}


def _labelled(text: str, labels: list[str]) -> Iterator[tuple[str, int | None]]:
    """Each word, and the place of its mark's label in *labels*, which grows."""
    plain, behind = "", 0
    spans: list[tuple[int, int, int]] = []
    for mark in MARK.finditer(text):
        plain += text[behind : mark.start()]
        spans.append((len(plain), len(plain) + len(mark[2]), len(labels)))
        labels.append(mark[0][1:].partition(":")[0])
        plain, behind = plain + mark[2], mark.end()
    plain += text[behind:]
    for word in re.finditer(r"\S+", plain):
        inside = (place for begin, end, place in spans if word.start() < end and word.end() > begin)
        yield word[0], next(inside, None)


def _in_time(turns: Sequence[tuple[int, list[tuple[str, int | None]]]], labels: Sequence[str]) -> dict[str, Any]:
    """The turns with invented times, and the truth by the places of its words."""
    told: list[list[Any]] = []
    truth: dict[int, dict[str, Any]] = {}
    at, place = PAUSE[0], 0
    for channel, words in turns:
        told.append([channel, round(at, 2), " ".join(word for word, _ in words)])
        for word, mark in words:
            if mark is not None:
                kind, _, more = labels[mark].partition("|")
                entry = truth.setdefault(mark, {"type": kind, "first": place, "last": place, "value": ""})
                entry |= {"last": place, "value": f"{entry['value']} {word}".strip(), **({more: True} if more else {})}
            place += 1
        at += WORD * len(words) + PAUSE[0]
    return {"turns": told, "truth": list(truth.values())}


def main() -> None:
    """Write the calls of a file."""
    for line in lines(Path(sys.argv[1])):
        print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
