"""Find identifiers in the words of a call: findings of the rules, weighed by the scores of a network.

    certain      a rule's finding by the words themselves (five digits, an e-mail address, "my name is ..."): always cut
    proposed     a rule's finding by context ("what is your code?" and all that follows), or by the writing of a word:
                 cut where the network does not rule it out, or where the engine heard badly
    likely       a finding of the network alone: cut
    possible     words that the network does not rule out: cut in strict mode
The thresholds were chosen on calls that the network had not learnt from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import identifiers, network, phonetic
from arlo_rec.words.detectors.identifiers import Finding
from arlo_rec.words.detectors.kinds import ASKED, LABELLED
from arlo_rec.words.detectors.numerals import has_digits, is_number
from arlo_rec.words.detectors.quantities import find_quantities
from arlo_rec.words.tokens import Times, Token

if TYPE_CHECKING:
    from arlo_rec.words.detectors.network import Floats

LIKELY: Final = 0.08  # score of one word of a stretch: low, as a recognised voice is worse than seconds of silence
PART: Final = 0.007  # score of the other words of that stretch
RULED_OUT: Final = 0.008  # score below which a rule's proposal is not cut
POSSIBLE, PART_OF_POSSIBLE = 0.02, 0.0025  # scores of the same from which strict mode cuts
HARMLESS: Final = 0.006  # score below which strict mode keeps a word that is not common
TELLING: Final = 0.3  # score of a circumstance that a reviewer is shown
SURE: Final = 0.5  # score of recognition: with less, another word may have been said
CONTEXT: Final = "context"  # source of findings of the network alone
OF_DIGITS: Final = frozenset({Kind.NUMBER, Kind.BIRTH})
IDENTIFIES: Final = 0.9  # score from which years, amounts and decimals are cut as one of these
NEAR: Final = 1.0  # seconds between two words of one finding
PROPOSALS: Final = frozenset(
    {
        network.WORD_NAMES,
        (Kind.NAME, "greeting"),
        (Kind.NUMBER, "repeated"),
        (Kind.HEALTH, "cue"),
        (Kind.ADDRESS, "cue"),
    }
    | {(kind, "answer") for kind in (Kind.SECRET, *ASKED)}
)  # types and sources that are cut only where the network does not rule them out
AGAIN: Final = (Kind.SECRET, "repeated")  # cut where the same word is a secret elsewhere, even far from any question
_TOLD = network.CLASSES.index(Kind.CIRCUMSTANCE)  # the last one
_DIRECT, _CIRCUMSTANCES = range(1, _TOLD), range(_TOLD, _TOLD + 1)


class Found(NamedTuple):
    """Findings that are cut, circumstances for a reviewer, and possible ones that strict mode cuts.

    `harmless` are the words that strict mode keeps although they are not common.
    """

    identifiers: list[Finding]
    circumstances: list[Finding]
    possible: list[Finding]
    harmless: frozenset[Word]


def find(words: Sequence[Word], known: phonetic.KnownNames) -> Found:
    """Find all identifiers, sorted by time; raises Integrity if a shipped list or model is damaged."""
    ruled = identifiers.find_identifiers(words, known)
    circumstances = identifiers.find_circumstances(words)
    streams = identifiers.split_channels(words)
    direct = [finding for finding in ruled if (finding.type, finding.source) not in {*PROPOSALS, AGAIN}]
    channels = [
        _Channel(stream, own, scores)
        for stream, own, scores in zip(
            streams, identifiers.split_words(words), network.score(streams, [*ruled, *circumstances]), strict=True
        )
    ]
    for channel in channels:
        direct += channel.weighed({finding for finding in ruled if (finding.type, finding.source) in PROPOSALS})
        direct += channel.runs(_DIRECT, PART, LIKELY)
        circumstances += channel.runs(_CIRCUMSTANCES, TELLING, TELLING)
    secrets = [finding for finding in direct if finding.type is Kind.SECRET]
    again = {word for channel in channels for word in channel.words_of(secrets)}
    for channel in channels:
        direct += channel.weighed({finding for finding in ruled if (finding.type, finding.source) == AGAIN}, again)
    return Found(
        sorted(direct, key=_by_time),
        sorted(circumstances, key=_by_time),
        [finding for channel in channels for finding in channel.runs(_DIRECT, PART_OF_POSSIBLE, POSSIBLE)],
        frozenset(word for channel in channels for word in channel.harmless()),
    )


class _Channel:
    """The words of a channel, their tokens and scores."""

    def __init__(self, stream: Sequence[Token], words: Sequence[Word], scores: Floats) -> None:
        self._stream, self._words, self._scores = stream, words, scores
        self._times, self._direct = Times.of(stream), scores[:, _DIRECT].sum(axis=1)
        self._quantities = find_quantities(stream)

    def weighed(self, proposed: Iterable[Finding], again: Set[str] | None = None) -> Iterator[Finding]:
        """Yield the stretches of proposals whose words are not ruled out, or were heard badly.

        With *again*, its words and all numbers are kept, too.
        """
        for finding in proposed:
            places = self._places(finding)
            kept = np.array([self._is_kept(at, again) for at in range(places.start, places.stop)], bool)
            within = self._stream[places]
            for first, last in _spans(within, kept):
                part = within[first : last + 1]
                yield replace(finding, start=part[0].start, end=max(token.end for token in part))

    def runs(self, kinds: range, least: float, most: float) -> Iterator[Finding]:
        """Yield stretches of words of *kinds* that all score *least* or more, and one of them *most* or more.

        Two thresholds, as edges are traced in pictures (Canny 1986, https://doi.org/10.1109/TPAMI.1986.4767851):
        measured, the rest of a call loses an eighth less at the same cover.
        """
        own = self._scores[:, kinds].sum(axis=1)
        for first, last in _spans(self._stream, own >= least):
            within, rows = self._stream[first : last + 1], self._scores[first : last + 1, kinds]
            kind, highest = LABELLED[kinds[int(rows.max(axis=0).argmax())] - 1], float(own[first : last + 1].max())
            is_quantity = kind in OF_DIGITS and highest < IDENTIFIES and self._says_quantities(first, last)
            if highest < most or is_quantity:
                continue
            yield Finding(
                within[0].start,
                max(token.end for token in within),
                within[0].channel,
                kind,
                CONTEXT,
                round(highest, 2),
                all(token.timed for token in within),
            )

    def _says_quantities(self, first: int, last: int) -> bool:
        """Whether all numbers among these words are years, amounts or decimals, and there is one."""
        said = {
            at for at in range(first, last + 1) if is_number(self._stream[at].folded) or has_digits(self._stream[at])
        }
        return bool(said) and said <= self._quantities

    def words_of(self, findings: Iterable[Finding]) -> set[str]:
        """The words in findings of this channel."""
        return {token.folded for finding in findings for token in self._stream[self._places(finding)]}

    def harmless(self) -> Iterator[Word]:
        """The words that are almost surely no identifier."""
        return (word for word, low in zip(self._words, self._direct < HARMLESS, strict=True) if low)

    def _places(self, finding: Finding) -> slice:
        is_own = finding.channel == self._stream[0].channel
        return self._times.places(finding.start, finding.end) if is_own else slice(0, 0)

    def _is_kept(self, at: int, again: Set[str] | None) -> bool:
        token = self._stream[at]
        is_said = again is not None and (token.folded in again or has_digits(token) or is_number(token.folded))
        is_unsure = token.score is not None and token.score < SURE
        return bool(is_said or is_unsure or not self._direct[at] < RULED_OUT)


def _spans(stream: Sequence[Token], inside: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last index of each run of words that are *inside*, without a pause of `NEAR` between them."""
    for is_inside, run in groupby(range(len(stream)), key=inside.tolist().__getitem__):
        if is_inside:
            places = list(run)
            first = places[0]
            for before, at in pairwise(places):
                if stream[at].start - stream[before].end > NEAR:
                    yield first, before
                    first = at
            yield first, places[-1]


def _by_time(finding: Finding) -> tuple[float, float]:
    return finding.start, finding.end
