"""Find what may identify somebody in the words of a call: what the rules find, weighed by what a network makes of it.

    certain      what a rule finds by what the words themselves are (five digits, an e-mail address, "my name is ...")
                 is cut whatever the network says
    proposed     what a rule finds by what stands around ("what is your code?" and all that follows), or by how a word
                 is written, is cut where the network does not rule it out, or where the engine heard badly
    likely       what the network alone finds is cut
    possible     what it does not rule out is cut in strict mode
The thresholds were chosen on calls that the network had not learnt from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arlo_rec.speech.detectors import identifiers, network, phonetic, word_features
from arlo_rec.speech.detectors.identifiers import Finding
from arlo_rec.speech.detectors.tokens import Token
from arlo_rec.speech.words import Word

if TYPE_CHECKING:
    from arlo_rec.speech.detectors.network import Floats
    from arlo_rec.speech.engines.name_model import Labeller

LIKELY: Final = 0.03  # score of one word of a stretch: a voice that is known weighs more than seconds of silence
PART: Final = 0.005  # score of the other words of that stretch
RULED_OUT: Final = 0.01  # score below which what a rule proposes stays
POSSIBLE, PART_OF_POSSIBLE = 0.016, 0.0017  # scores of the same from which strict mode cuts
HARMLESS: Final = 0.004  # score below which strict mode keeps a word that is not common
TELLING: Final = 0.3  # score of a circumstance that a reviewer is shown
SURE: Final = 0.5  # score of recognition: with less, what was said is not known
NEAR: Final = 1.0  # seconds between two words of one finding
PROPOSALS: Final = frozenset(
    {("secret", "answer"), ("secret", "repeated"), word_features.WORD_NAMES, ("health", "cue"), ("address", "cue")}
    | {(kind, "answer") for kind in ("name", "number", "code", "email", "address", "birth", "spelled")}
)  # types and sources of what is cut only where the network does not rule it out
_NOTHING, _TOLD = network.CLASSES.index("nothing"), network.CLASSES.index("circumstance")
_WHAT = range(1, len(network.CLASSES))  # all but nothing


class Found(NamedTuple):
    """What identifies somebody, where a reviewer should look, and what strict mode cuts as well; each by its start.

    `harmless` are the words that strict mode keeps although they are not common.
    """

    identifiers: list[Finding]
    circumstances: list[Finding]
    possible: list[Finding]
    harmless: frozenset[Word]


def find(words: Sequence[Word], known: phonetic.KnownNames, labeller: Labeller | None = None) -> Found:
    """Everything that may identify somebody.

    Raises Integrity where a list or a model that we ship is damaged, Unreachable where *labeller* does not answer.
    """
    ruled = identifiers.find_identifiers(words, known, labeller)
    told = identifiers.find_circumstances(words)
    streams = identifiers.split_channels(words)
    found = [finding for finding in ruled if (finding.type, finding.source) not in PROPOSALS]
    proposed = [finding for finding in ruled if (finding.type, finding.source) in PROPOSALS]
    possible: list[Finding] = []
    harmless: set[Word] = set()
    by_channel = zip(identifiers.split_words(words), streams, network.score(streams, [*ruled, *told]), strict=True)
    for own_words, stream, scores in by_channel:
        direct = 1 - scores[:, _NOTHING] - scores[:, _TOLD]
        own = [finding for finding in proposed if finding.channel == stream[0].channel]
        found += [*_weigh(own, stream, direct), *_runs(stream, scores, direct, PART, LIKELY)]
        told += _runs(stream, scores, scores[:, _TOLD], TELLING, TELLING)
        possible += _runs(stream, scores, direct, PART_OF_POSSIBLE, POSSIBLE)
        harmless |= {word for word, low in zip(own_words, direct < HARMLESS, strict=True) if low}
    return Found(sorted(found, key=_by_time), sorted(told, key=_by_time), possible, frozenset(harmless))


def _weigh(proposed: Sequence[Finding], stream: Sequence[Token], direct: Floats) -> Iterator[Finding]:
    """What is left of proposals: the stretches of which no word is ruled out, unless it was heard badly."""
    badly = [token.score is not None and token.score < SURE for token in stream]
    kept = (direct >= RULED_OUT) | np.array(badly, bool)
    starts, ends = np.array([token.start for token in stream]), np.array([token.end for token in stream])
    for finding in proposed:
        inside = kept & (starts < finding.end) & (ends > finding.start)
        for first, last in _spans(stream, inside):
            within = stream[first : last + 1]
            yield replace(finding, start=within[0].start, end=max(token.end for token in within))


def _runs(stream: Sequence[Token], scores: Floats, own: Floats, least: float, most: float) -> Iterator[Finding]:
    """Stretches of words that each have an *own* score of *least*, and one of *most*, as what they most likely are.

    Two thresholds, as edges are traced in pictures (Canny 1986, https://doi.org/10.1109/TPAMI.1986.4767851): measured,
    the rest of a call loses an eighth less at the same cover.
    """
    for first, last in _spans(stream, own >= least):
        if own[first : last + 1].max() < most:
            continue
        within, rows = stream[first : last + 1], scores[first : last + 1]
        likeliest = int(rows[:, _WHAT].max(axis=0).argmax()) + _WHAT[0]
        yield Finding(
            within[0].start,
            max(token.end for token in within),
            within[0].channel,
            network.CLASSES[likeliest],
            "context",
            round(float((1 - rows[:, _NOTHING]).max()), 2),
            all(token.timed for token in within),
        )


def _spans(stream: Sequence[Token], inside: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last place of each stretch of words inside, without a pause of `NEAR` between them."""
    first: int | None = None
    for at, is_inside in enumerate(inside.tolist()):
        if is_inside and first is not None and stream[at].start - stream[at - 1].end > NEAR:
            yield first, at - 1
            first = at
        if is_inside and first is None:
            first = at
        if not is_inside and first is not None:
            yield first, at - 1
            first = None
    if first is not None:
        yield first, len(stream) - 1


def _by_time(finding: Finding) -> tuple[float, float]:
    return finding.start, finding.end
