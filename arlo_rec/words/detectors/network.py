"""Score how likely each word of a call belongs to each kind of identifier, by a convolutional network.

The network reads each word with the 31 before and behind it, of all speakers: the question two turns before decides
whether "green tractor" is a secret. All words of a call stand in the order in which they were said, as numbers:

    grams       hashes of the word, its first and last letters, and its runs of three and four letters: places of a
                table of `PLACES` that collisions share, so that no word can be read from it
    position    how it is written, and where: capitals, marks, who speaks, the pause before it
    lists       how common it is in each language, and whether it is a name, a town, a number ...
    found       the rules that found it, of `identifiers`

Several networks that learnt from the same calls in another order give a score each; the mean counts. The result is a
score, not a decision: `weighing` decides. The weights were learnt by `tools/train_network.py` from invented calls
(`tests/calls/written`, `tests/calls/fresh`, `tests/calls/talk`), in which names, numbers and secrets are replaced at
random. The file contains no words.

    network.bin     SHA-256 of the rest; the rest is NumPy's .npz: of each network the table of grams, the layers that
                    join, mix and label, as whole numbers of a byte with a scale for each column. The digest detects
                    damage, not an attacker, who could change the code as well.

Dilated convolutions over words: Strubell et al. 2017, https://doi.org/10.18653/v1/D17-1283. Words as bags of hashed
letter runs: Bojanowski et al. 2017, https://doi.org/10.1162/tacl_a_00051.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from math import log1p
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arlo_rec.law.model.errors import Integrity
from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.words.detectors import lexicon, word_lists
from arlo_rec.words.detectors.kinds import LABELLED, RULED
from arlo_rec.words.detectors.numerals import is_number
from arlo_rec.words.detectors.word_lists import LANGUAGES, is_common, is_harmless, is_word, rank
from arlo_rec.words.tokens import Times, Token, is_cased

if TYPE_CHECKING:
    from arlo_rec.words.detectors.identifiers import Finding

PLACES: Final = 1 << 14  # of the table of grams; the place after them stands for no gram
GRAMS: Final = 40  # of a word at most
RUNS: Final = 16  # of three letters, and of four, from a word's beginning on
FROM_CONTEXT: Final = frozenset({"answer", "repeated"})  # sources that tell little of the word itself
WORD_NAMES: Final = (Kind.NAME, "words")  # names by what is written, which are wrong more often than others
_RULES: Final = [*((kind, soft) for kind in RULED for soft in (False, True)), WORD_NAMES, Kind.CIRCUMSTANCE]
_COLUMN: Final = {rule: column for column, rule in enumerate(_RULES)}
RULES: Final = len(_RULES)  # the last columns of `Description.dense`
RAREST: Final = 11.0  # the logarithm of more words than a list has
LONGEST_PAUSE = 3.0  # seconds
MOST_SAID = 8  # times that a word is said
_LONGEST = 12  # letters


class Description(NamedTuple):
    """The words of a call as numbers: the grams of each different word, each word's index in them, and features."""

    grams: NDArray[np.int32]  # different words x GRAMS
    which: NDArray[np.int32]  # words
    dense: NDArray[np.float32]  # words x numbers


def order(streams: Sequence[Sequence[Token]]) -> NDArray[np.intp]:
    """Sort the indices of the words of all channels, one channel behind the other, by time."""
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
        *(word_lists.is_given(name), word_lists.is_family(name), word_lists.is_ambiguous(name)),
        *(word_lists.is_place(folded), word_lists.is_given(name.removesuffix("s"))),
        *(is_number(folded), any(map(str.isdigit, folded)), folded.isdigit()),
        *(is_common(folded), is_harmless(folded), is_word(folded), lexicon.tells(folded)),
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
    if finding.type is Kind.CIRCUMSTANCE:
        return _COLUMN[finding.type]
    return _COLUMN.get((finding.type, finding.source in FROM_CONTEXT))


FILE: Final = Path(__file__).with_name("network.bin")
CLASSES: Final = (None, *LABELLED)  # of a word: none, or its kind
DILATIONS: Final = (1, 2, 4, 8, 16)  # words between those that a layer joins
REACH: Final = sum(DILATIONS)  # words on each side that are joined to a word
AT_ONCE, SUMMED_AT_ONCE = 1024, 256  # words that are run, and whose grams are summed, at once, for memory
DIGEST = hashlib.sha256().digest_size

LAYERS: Final = (
    *("grams", "join", "join_shift", "label", "label_shift"),
    *(f"{name}_{layer}" for name in ("near", "near_shift", "mix") for layer in range(len(DILATIONS))),
)  # the layers of a network

Floats = NDArray[np.float32]
Packed = Mapping[str, tuple[NDArray[Any], Floats]]  # whole numbers of a byte, and what one of them is in each column


def score(streams: Sequence[Sequence[Token]], findings: Sequence[Finding]) -> list[Floats]:
    """Score the words of each channel: words x `CLASSES`, from 0 to 1, 1 in each row.

    *findings* are what the rules found in them. Raises Integrity ("tagger_damaged") if the weights are not as shipped.
    """
    if not streams:
        return []
    description = describe(streams, findings)
    networks = load_networks()
    scores = np.empty((len(description.which), len(CLASSES)), np.float32)
    scores[order(streams)] = np.mean([_run(weights, description) for weights in networks], axis=0)
    return np.split(scores, np.cumsum([len(stream) for stream in streams])[:-1])


def _run(packed: Packed, description: Description) -> Floats:
    """The scores of one network, computed in portions of words that need little memory."""
    weights = unpack(packed)
    words = _sum_grams(weights["grams"], description.grams)
    count = len(description.which)
    scores = np.empty((count, len(CLASSES)), np.float32)
    for first in range(0, count, AT_ONCE):
        begin, last = max(0, first - REACH), min(count, first + AT_ONCE)
        around = slice(begin, min(count, last + REACH))
        features = np.concatenate([words[description.which[around]], description.dense[around]], axis=1)
        scores[first:last] = _layers(weights, features)[first - begin : last - begin]
    return scores


def _layers(weights: Mapping[str, Floats], features: Floats) -> Floats:
    """The scores of words in a row, by their features."""
    state = _gelu(features @ weights["join"] + weights["join_shift"])
    for layer, dilation in enumerate(DILATIONS):
        padded = np.pad(state, ((dilation, dilation), (0, 0)))
        before, here, behind = weights[f"near_{layer}"]
        mixed = padded[: len(state)] @ before + state @ here + padded[2 * dilation :] @ behind
        state = state + _gelu(mixed + weights[f"near_shift_{layer}"]) @ weights[f"mix_{layer}"]
    margins = state @ weights["label"] + weights["label_shift"]
    odds = np.exp(margins - margins.max(axis=1, keepdims=True))
    shares: Floats = odds / odds.sum(axis=1, keepdims=True)
    return shares


def _sum_grams(table: Floats, grams: NDArray[np.int32]) -> Floats:
    """Of each word the sum of its grams' rows, by the root of how many there are."""
    sums = np.empty((len(grams), table.shape[1]), np.float32)
    for first in range(0, len(grams), SUMMED_AT_ONCE):
        some = grams[first : first + SUMMED_AT_ONCE]
        count = (some < PLACES).sum(axis=1, keepdims=True)
        sums[first : first + SUMMED_AT_ONCE] = table[some].sum(axis=1) / np.sqrt(np.maximum(count, 1))
    return sums


def _gelu(values: Floats) -> Floats:
    """Gaussian error linear units, by their tanh form (Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415)."""
    cubed = np.float32(0.044715) * values * values * values
    bent: Floats = np.float32(0.5) * values * (1 + np.tanh(np.float32(0.7978846) * (values + cubed)))
    return bent


# -- the file -----------------------------------------------------------------------------------------


@cache
def load_networks() -> list[Packed]:
    """The shipped weights of each network, read once; raises Integrity ("tagger_damaged")."""
    return read(FILE)


def read(path: Path) -> list[Packed]:
    """Read the weights of a file; raises Integrity ("tagger_damaged") if any bit differs from what was written."""
    try:
        whole = path.read_bytes()
        digest, body = whole[:DIGEST], whole[DIGEST:]
        if hashlib.sha256(body).digest() != digest:
            raise Integrity("tagger_damaged")
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            return [_packed(arrays, f"{number} ") for number in range(max(1, int(arrays["networks"])))]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error):
        raise Integrity("tagger_damaged") from None


def pack(networks: Sequence[Mapping[str, Floats]]) -> bytes:
    """The bytes of a file that `read` accepts, with weights rounded to 127 steps on each side of 0 for each column."""
    stored: dict[str, NDArray[Any]] = {"networks": np.array(len(networks))}
    for number, weights in enumerate(networks):
        for name, values in weights.items():
            steps = np.maximum(np.abs(values).max(axis=-2 if values.ndim > 1 else 0, keepdims=True), 1e-12) / 127
            is_shift = values.ndim == 1
            stored[f"{number} {name}"] = values if is_shift else np.round(values / steps).astype(np.int8)
            stored[f"{number} {name} step"] = np.ones(1, np.float32) if is_shift else steps.astype(np.float32)
    body = io.BytesIO()
    np.savez_compressed(body, allow_pickle=False, **stored)
    return hashlib.sha256(body.getvalue()).digest() + body.getvalue()


def _packed(arrays: Mapping[str, NDArray[Any]], beginning: str) -> Packed:
    return {name: (arrays[beginning + name], arrays[f"{beginning}{name} step"]) for name in LAYERS}


def unpack(packed: Packed) -> dict[str, Floats]:
    """The weights by which a network is run; they take four times the memory."""
    weights = {name: (values * steps).astype(np.float32) for name, (values, steps) in packed.items()}
    weights["grams"][PLACES] = 0.0  # where there is no gram
    return weights
