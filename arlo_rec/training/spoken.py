"""What is said in a call, as a reviewer reads it: what stays above all, since that is where a name was missed.

Words of the first transcript are shown by turns; those of the others are a second opinion, and only where they differ.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from arlo_rec.speech.cut_list import Cut
from arlo_rec.speech.detectors import lexicon
from arlo_rec.training.cut_plan import CutPlan, HeardWord

UNSURE: Final = 0.5  # score below which a word was heard badly
PAUSE: Final = 1.5  # seconds without a word after which another turn begins
LONGEST_TURN: Final = 60  # words
NEAR: Final = 1.0  # seconds: two transcripts of one call time a word so differently
LONGEST_WORD: Final = 10.0  # seconds before a cut in which a word that reaches into it begins
_AROUND: Final = " .,;:?!…\"'“”„«»()-–—"


class SpokenWord(NamedTuple):
    """A word of a call, and what becomes of it in the copy."""

    word: HeardWord
    cut: int | None  # the number of the cut in which it is; None: it stays
    look: bool  # it may identify somebody without a name

    @property
    def is_unsure(self) -> bool:
        """Whether it was heard badly."""
        return self.word.score is not None and self.word.score < UNSURE

    def to_json(self) -> dict[str, Any]:
        """For scripts and for the page."""
        word = self.word
        return {
            "text": word.text,
            "start": word.start,
            "end": word.end,
            "channel": word.channel,
            "score": word.score,
            "cut": self.cut,
            "look": self.look,
            "pass": word.transcript,
        }


def spoken(plan: CutPlan) -> list[SpokenWord]:
    """Every word that is kept with a plan, in order of time."""
    numbered = [(cut, number) for number, cut in enumerate(plan.listed, 1) if cut.is_cut]
    by_start = sorted(numbered, key=lambda pair: pair[0].start)
    starts = [cut.start for cut, _ in by_start]
    longest = max((cut.end - cut.start for cut, _ in by_start), default=0.0)
    told = []
    for word in sorted(plan.words, key=lambda word: (word.start, word.end)):
        middle = (word.start + word.end) / 2
        some = by_start[bisect_left(starts, middle - longest) : bisect_right(starts, middle)]
        cut = next((number for cut, number in some if _covers(cut, middle, word.channel)), None)
        told.append(SpokenWord(word, cut, lexicon.tells(word.text)))
    return told


def _covers(cut: Cut, at: float, channel: int | None) -> bool:
    is_of_channel = cut.channels is None or (channel is not None and channel in cut.channels)
    return is_of_channel and cut.start <= at < cut.end


def turns(words: Sequence[SpokenWord]) -> list[list[SpokenWord]]:
    """The words of the first transcript, by turns of one speaker."""
    found: list[list[SpokenWord]] = []
    for told in words:
        if told.word.transcript:
            continue
        last = found[-1] if found else []
        goes_on = last and last[-1].word.channel == told.word.channel and len(last) < LONGEST_TURN
        if goes_on and told.word.start - last[-1].word.end < PAUSE:
            last.append(told)
        else:
            found.append([told])
    return found


def second_opinions(words: Sequence[SpokenWord]) -> list[list[SpokenWord]]:
    """What other transcripts have that stays and the first one has not there, in phrases, in order of time."""
    places: dict[tuple[str, int | None], list[float]] = defaultdict(list)
    for told in words:
        if not told.word.transcript:
            places[_same(told.word)].append(told.word.start)
    found: list[list[SpokenWord]] = []
    for told in words:
        if not told.word.transcript or told.cut is not None or _is_near(places.get(_same(told.word), []), told.word):
            continue
        last = found[-1][-1].word if found else None
        if last is not None and last.channel == told.word.channel and 0 <= told.word.start - last.end < NEAR:
            found[-1].append(told)
        else:
            found.append([told])
    return found


def _same(word: HeardWord) -> tuple[str, int | None]:
    return word.text.strip(_AROUND).casefold(), word.channel


def _is_near(places: Sequence[float], word: HeardWord) -> bool:
    place = bisect_left(places, word.start - NEAR)
    return place < len(places) and places[place] <= word.start + NEAR


def heard_in(cut: Cut, words: Sequence[SpokenWord], starts: Sequence[float]) -> Iterator[str]:
    """The words of the first transcript in a cut, of *words* by their *starts*: those that it touches."""
    first = bisect_left(starts, cut.start - LONGEST_WORD)
    for told in words[first : bisect_left(starts, cut.end)]:
        if not told.word.transcript and told.word.end > cut.start:
            yield told.word.text
