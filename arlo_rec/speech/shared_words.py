"""Place a transcript by the words that it shares with one that fits: one with gaps correlates badly with the speech."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from arlo_rec.speech.words import Token, Word, tokenise

TELLING: Final = 4  # letters from which a word counts: shorter ones are in every call
LEAST: Final = 0.33  # share of the telling words: a half of the same call 0.39 and more, other calls up to 0.25
APART: Final = 0.3  # seconds between the two engines' times for a word
NEAR: Final = 2.0  # seconds from a shared word within which the other words are where they say


def find_offset(words: Sequence[Word], fitting: Sequence[Word], reach: float) -> tuple[float, list[Word]] | None:
    """The seconds, up to *reach*, by which *fitting* has the same words later, and the words near those.

    None where fewer than `LEAST` of the telling words are shared: these may be of another call.
    """
    tokens = tokenise(words)
    gaps = list(_gaps(tokens, tokenise(fitting), reach))
    offset = _commonest([gap for _, gap in gaps])
    shared = {place for place, gap in gaps if abs(gap - offset) <= APART}
    telling = sum(len(token.folded) >= TELLING for token in tokens)
    if not shared or len(shared) < LEAST * telling:
        return None
    times = [tokens[place].start for place in sorted(shared)]
    near = [word for word in words if any(abs(word.start - time) <= NEAR for time in times)]
    return offset, near


def _gaps(tokens: Sequence[Token], fitting: Sequence[Token], reach: float) -> Iterator[tuple[int, float]]:
    """Yield the place of a telling word, and how much later *fitting* has the same one in the same channel."""
    starts = defaultdict(list)
    for token in fitting:
        starts[token.folded].append((token.start, token.channel))
    for place, token in enumerate(tokens):
        for start, channel in starts[token.folded] if len(token.folded) >= TELLING else ():
            if abs(start - token.start) <= reach and channel == token.channel:
                yield place, start - token.start


def _commonest(gaps: Sequence[float]) -> float:
    """The median of the gaps about which most others lie within `APART`."""
    if not gaps:
        return 0.0
    middle = max(gaps, key=lambda gap: sum(abs(other - gap) <= APART for other in gaps))
    return median(gap for gap in gaps if abs(gap - middle) <= APART)
