"""Describe the words of a call in numbers, as `network` reads them: what each is made of, where it stands, who has it.

    grams       hashes of the word, its first and last letters, and its runs of three and four letters: places of a
                table of `PLACES` that collisions share, so that no word can be read from it
    position    how it is written, and where: capitals, marks, who speaks, the pause before it
    lists       how common it is in each language, and whether it is a name, a town, a number ...
    found       by which rules it was found, as `identifiers` and `circumstances` found it

All words of a call stand in the order in which they were said, whoever said them.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from math import log1p
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arlo_rec.speech.detectors import circumstance_words, name_lists
from arlo_rec.speech.detectors.common_words import LANGUAGES, is_common, is_word, rank
from arlo_rec.speech.detectors.harmless import is_harmless
from arlo_rec.speech.detectors.numerals import is_number
from arlo_rec.speech.detectors.tokens import Times, Token, is_cased

if TYPE_CHECKING:
    from arlo_rec.speech.detectors.identifiers import Finding

PLACES: Final = 1 << 14  # of the table of grams; the place after them stands for no gram
GRAMS: Final = 40  # of a word at most
RUNS: Final = 16  # of three letters, and of four, from a word's beginning on
TYPES: Final = ("name", "number", "secret", "code", "spelled", "email", "address", "birth", "health")
FROM_CONTEXT: Final = frozenset({"answer", "repeated"})  # sources that say little of the word itself
WORD_NAMES: Final = ("name", "words")  # names by what is written, which are wrong more often than others
_RULES: Final = [*((kind, soft) for kind in TYPES for soft in (False, True)), WORD_NAMES, "circumstance"]
_COLUMN: Final = {rule: column for column, rule in enumerate(_RULES)}
RULES: Final = len(_RULES)  # the last columns of `Description.dense`
RAREST: Final = 11.0  # the logarithm of more words than a list has
LONGEST_PAUSE = 3.0  # seconds
MOST_SAID = 8  # times that a word is said
_LONGEST = 12  # letters


class Description(NamedTuple):
    """The words of a call: the grams of each word that differs, which of these each word is, and its other numbers."""

    grams: NDArray[np.int32]  # words that differ x GRAMS
    which: NDArray[np.int32]  # words
    dense: NDArray[np.float32]  # words x numbers


def order(streams: Sequence[Sequence[Token]]) -> NDArray[np.intp]:
    """The places of the words of all channels, one channel behind the other, in the order in which they were said."""
    return np.argsort([token.start for stream in streams for token in stream], kind="stable")


def describe(streams: Sequence[Sequence[Token]], findings: Sequence[Finding]) -> Description:
    """Describe the words of all channels in their `order`, given what the rules found in them."""
    every, in_order = [token for stream in streams for token in stream], order(streams)
    tokens = [every[place] for place in in_order]
    differing = {folded: place for place, folded in enumerate(dict.fromkeys(token.folded for token in tokens))}
    grams = np.full((len(differing), GRAMS), PLACES, np.int32)
    for folded, place in differing.items():
        own = _grams(folded)
        grams[place, : len(own)] = own
    listed = np.array([_listed(folded) for folded in differing], np.float32)
    which = np.array([differing[token.folded] for token in tokens], np.int32)
    dense = np.concatenate([_positions(streams, tokens), listed[which], _found(streams, findings)[in_order]], axis=1)
    return Description(grams, which, dense)


def _grams(folded: str) -> list[int]:
    edged = f"<{folded}>"
    texts = {f"w {folded}", f"l {min(len(folded), _LONGEST)}"}
    texts |= {f"p {folded[:size]}" for size in (2, 4)} | {f"s {folded[-size:]}" for size in (2, 3, 4)}
    texts |= {f"{size} {edged[at : at + size]}" for size in (3, 4) for at in range(min(len(edged) - size + 1, RUNS))}
    return sorted(zlib.crc32(text.encode()) % PLACES for text in texts)


def _listed(folded: str) -> list[float]:
    name = folded.removesuffix("'s")
    ranks = [rank(folded, language) for language in LANGUAGES]
    flags = (
        *(name_lists.is_given(name), name_lists.is_family(name), name_lists.is_ambiguous(name)),
        *(name_lists.is_place(folded), name_lists.is_given(name.removesuffix("s"))),
        *(is_number(folded), any(map(str.isdigit, folded)), folded.isdigit()),
        *(is_common(folded), is_harmless(folded), is_word(folded), circumstance_words.tells(folded)),
    )
    return [*(1.0 if place is None else log1p(place) / RAREST for place in ranks), *map(float, flags)]


def _positions(streams: Sequence[Sequence[Token]], tokens: Sequence[Token]) -> NDArray[np.float32]:
    cased = {stream[0].channel: is_cased(stream) for stream in streams if stream}
    times_said = Counter(token.folded for token in tokens)
    rows = []
    before: Token | None = None
    for token in tokens:
        written = token.raw.rstrip("\"'")
        is_inner = token.capital and not token.begins and cased[token.channel]
        flags = (
            *(cased[token.channel], token.capital, is_inner, token.begins, token.ends),
            *(written.endswith("?"), written.endswith(",")),
            *(token.stripped.isupper() and len(token.stripped) > 1, "-" in token.folded.strip("-")),
            *(token.channel == 0, token.channel == 1, before is not None and before.channel != token.channel),
        )
        pause = 0.0 if before is None else min(max(token.start - before.end, 0.0), LONGEST_PAUSE) / LONGEST_PAUSE
        said = min(times_said[token.folded], MOST_SAID) / MOST_SAID
        rows.append(np.array([*flags, pause, said], np.float32))
        before = token
    return np.stack(rows)


def _found(streams: Sequence[Sequence[Token]], findings: Sequence[Finding]) -> NDArray[np.float32]:
    """A column for each kind of rule: 1 where it found the word; one channel behind the other."""
    by_channel = {
        stream[0].channel: (Times.of(stream), np.zeros((len(stream), RULES), np.float32)) for stream in streams
    }
    for finding in findings:
        column = _column(finding)
        if column is not None:
            times, columns = by_channel[finding.channel]
            columns[times.places(finding.start, finding.end), column] = 1.0
    return np.concatenate([columns for _, columns in by_channel.values()])


def _column(finding: Finding) -> int | None:
    if (finding.type, finding.source) == WORD_NAMES:
        return _COLUMN[WORD_NAMES]
    if finding.type == "circumstance":
        return _COLUMN["circumstance"]
    return _COLUMN.get((finding.type, finding.source in FROM_CONTEXT))
