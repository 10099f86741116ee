"""Place a transcript by the words that it shares with one that fits: one with gaps correlates badly with the speech."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from arlo_rec.sound.speech import Word
from arlo_rec.words.tokens import Token, tokenise

TELLING: Final = 4  # letters from which a word counts: shorter ones are in every call
LEAST: Final = 0.33  # share of the telling words: a half of the same call 0.39 and more, other calls up to 0.25
APART: Final = 0.3  # seconds between the two engines' times for a word
OFTEN: Final = 10  # times within the reach: a word that is said as often fits anywhere
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
    times = sorted(tokens[place].start for place in shared)
    return offset, [word for word in words if _is_any(times, word.start - NEAR, word.start + NEAR)]


def _is_any(ordered: Sequence[float], first: float, last: float) -> bool:
    return bisect_left(ordered, first) < bisect_right(ordered, last)


def _gaps(tokens: Sequence[Token], fitting: Sequence[Token], reach: float) -> Iterator[tuple[int, float]]:
    """Yield the place of a telling word, and how much later *fitting* has the same one in the same channel.

    A word that *fitting* has more than `OFTEN` times around tells nothing.
    """
    starts = defaultdict(list)
    for token in sorted(fitting, key=lambda each: each.start):
        starts[token.folded, token.channel].append(token.start)
    for place, token in enumerate(tokens):
        own = starts.get((token.folded, token.channel), []) if len(token.folded) >= TELLING else []
        around = own[bisect_left(own, token.start - reach) : bisect_right(own, token.start + reach)]
        if len(around) <= OFTEN:
            yield from ((place, start - token.start) for start in around)


def _commonest(gaps: Sequence[float]) -> float:
    """The median of the gaps about which most others lie within `APART`."""
    ordered = sorted(gaps)
    around = [(bisect_left(ordered, gap - APART), bisect_right(ordered, gap + APART)) for gap in ordered]
    first, behind = max(around, key=lambda each: each[1] - each[0], default=(0, 0))
    return median(ordered[first:behind] or [0.0])
