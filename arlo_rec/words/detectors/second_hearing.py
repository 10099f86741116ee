"""Find where engines heard other words after a cue for a name: one that was misheard looks like any other words.

"Dilnoza" is heard as "says, don't know" by one engine and as "the nose" by another. No rule over the words of one finds
it; that they differ does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from arlo_rec.law.model.spans import Span, united
from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import names, phonetic
from arlo_rec.words.detectors.identifiers import Finding, split_channels, split_words
from arlo_rec.words.detectors.weighing import CONTEXT
from arlo_rec.words.tokens import Token

BEHIND: Final = 1.5  # seconds after a cue in which a name is said
DIFFER: Final = 0.45  # distance of what two engines heard there, as a share of the longer: spelling alone gives less
SHORTEST: Final = 3  # sounds: less is no name
APART: Final = 0.5  # seconds between the times of two engines for a word
FAINT: Final = 0.3  # score below which a finding of the network alone has to be borne out
NEAR: Final = 0.3  # seconds between the findings of two engines in the same words
HEARD: Final = 0.5  # score from which another engine confirms a word


def find(hearings: Sequence[Sequence[Sequence[Word]]]) -> Iterator[Finding]:
    """Yield the places after a cue where no two engines agree; *hearings* are the transcripts of each engine."""
    spoken = [[stream for words in transcripts for stream in split_channels(words)] for transcripts in hearings]
    for number, streams in enumerate(spoken):
        others = [stream for other, each in enumerate(spoken) if other != number for stream in each]
        for stream in streams:
            for index, token in enumerate(stream):
                if names.asks_name(stream, index):
                    yield from _compared(token, stream, others)


def borne_out(found: Mapping[int, Sequence[Finding]]) -> Iterator[Finding]:
    """Yield the findings in the words of each engine, less faint ones that no other engine's words bear out.

    Faint is what the network alone finds with a low score. Measured with two engines: nothing is missed for it, and a
    tenth less is cut. Of one engine all findings count.
    """
    for engine, findings in found.items():
        others = [other for number, theirs in found.items() if number != engine for other in theirs]
        near = {
            channel: united((each.start - NEAR, each.end + NEAR) for each in others if each.channel == channel)
            for channel in {other.channel for other in others}
        }
        for finding in findings:
            is_faint = finding.source == CONTEXT and finding.score < FAINT
            if len(found) == 1 or not is_faint or _touches(finding, near.get(finding.channel, [])):
                yield finding


def _touches(finding: Finding, spans: Sequence[Span]) -> bool:
    """Whether a finding overlaps any of these spans, which are in order and do not overlap."""
    at = bisect_left(spans, (finding.end, 0.0)) - 1
    return at >= 0 and spans[at][1] > finding.start


def confirmed(words: Sequence[Word], others: Sequence[Sequence[Word]]) -> frozenset[Word]:
    """The *words* that any transcript of *others*, of other engines, has at the same time and heard well."""
    heard = defaultdict(list)
    for other in others:
        for token in (token for stream in split_channels(other) for token in stream):
            if token.score is not None and token.score >= HEARD:
                heard[token.folded, token.channel].append(token.start)
    own = zip((word for some in split_words(words) for word in some), chain(*split_channels(words)), strict=True)
    return frozenset(
        word
        for word, token in own
        if any(abs(start - token.start) <= APART for start in heard.get((token.folded, token.channel), ()))
    )


def _compared(cue: Token, stream: Sequence[Token], others: Sequence[Sequence[Token]]) -> Iterator[Finding]:
    """Yield the place behind a cue if each other engine heard something else there."""
    ours = _said(stream, cue)
    theirs = [said for other in others if other and other[0].channel == cue.channel and (said := _said(other, cue))]
    if ours and theirs and all(_differ(ours, said) for said in theirs):
        end = max(token.end for said in (ours, *theirs) for token in said)
        yield Finding(cue.end, min(end, cue.end + BEHIND), cue.channel, Kind.NAME, "disagree", 0.5)


def _differ(one: Sequence[Token], other: Sequence[Token]) -> bool:
    first, second = (phonetic.phonetic_key("".join(token.folded for token in said)) for said in (one, other))
    return max(len(first), len(second)) >= SHORTEST and phonetic.distance(first, second) > DIFFER


def _said(stream: Sequence[Token], cue: Token) -> list[Token]:
    """The words that begin within `BEHIND` seconds after a cue."""
    return [token for token in stream if cue.end - 0.1 <= token.start < cue.end + BEHIND]
