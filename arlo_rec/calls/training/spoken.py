"""The words of a call for the reviewer, above all the uncut ones, among which a name may be missed.

Words of the first transcript are shown by turns; differing words of the others are a second opinion.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from arlo_rec.calls.training.cut_plan import CutPlan
from arlo_rec.law.model.documents import Record
from arlo_rec.sound import speech
from arlo_rec.sound.audio.cut_list import Cut, NumberedCut

UNSURE: Final = 0.5  # score below which a word was heard badly
PAUSE: Final = 1.5  # seconds without a word after which another turn begins
LONGEST_TURN: Final = 60  # words
NEAR: Final = 1.0  # seconds by which two transcripts may time a word differently
LONGEST_WORD: Final = 10.0  # seconds before a cut in which a word that reaches into it may begin
_AROUND: Final = " .,;:?!…\"'“”„«»()-–—"


class SpokenWord(Record, frozen=True):
    """A word of a call, and its cut in the copy."""

    text: str
    start: float
    end: float
    channel: int | None
    score: float | None
    cut: int | None  # number of its cut; None: it is not cut
    look: bool  # it may identify a person without a name
    transcript: int = msgspec.field(name="pass")  # see `HeardWord`

    @property
    def is_unsure(self) -> bool:
        """Whether the word was heard badly."""
        return self.score is not None and self.score < UNSURE


def spoken(plan: CutPlan) -> list[SpokenWord]:
    """Every word of a plan, in order of time."""
    numbered = [(cut, number) for number, cut in enumerate(plan.listed, 1) if cut.is_cut]
    by_start = sorted(numbered, key=lambda pair: pair[0].start)
    starts = [cut.start for cut, _ in by_start]
    longest = max((cut.end - cut.start for cut, _ in by_start), default=0.0)
    in_copy = []
    for word in sorted(plan.words, key=lambda word: (word.start, word.end)):
        middle = (word.start + word.end) / 2
        some = by_start[bisect_left(starts, middle - longest) : bisect_right(starts, middle)]
        cut = next((number for cut, number in some if _covers(cut, middle, word.channel)), None)
        in_copy.append(SpokenWord.of(word, cut=cut, look=speech.words().tells(word.text)))
    return in_copy


def _covers(cut: Cut, at: float, channel: int | None) -> bool:
    is_of_channel = cut.channels is None or (channel is not None and channel in cut.channels)
    return is_of_channel and cut.start <= at < cut.end


def turns(words: Sequence[SpokenWord]) -> list[list[SpokenWord]]:
    """The words of the first transcript, by turns of one speaker."""
    by_turn: list[list[SpokenWord]] = []
    for word in words:
        if word.transcript:
            continue
        last = by_turn[-1] if by_turn else []
        goes_on = last and last[-1].channel == word.channel and len(last) < LONGEST_TURN
        if goes_on and word.start - last[-1].end < PAUSE:
            last.append(word)
        else:
            by_turn.append([word])
    return by_turn


def second_opinions(words: Sequence[SpokenWord]) -> list[list[SpokenWord]]:
    """Phrases of uncut words in other transcripts that the first one lacks, in order of time."""
    places: dict[tuple[str, int | None], list[float]] = defaultdict(list)
    for word in words:
        if not word.transcript:
            places[_same(word)].append(word.start)
    phrases: list[list[SpokenWord]] = []
    for word in words:
        if not word.transcript or word.cut is not None or _is_near(places.get(_same(word), []), word):
            continue
        last = phrases[-1][-1] if phrases else None
        if last is not None and last.channel == word.channel and 0 <= word.start - last.end < NEAR:
            phrases[-1].append(word)
        else:
            phrases.append([word])
    return phrases


def _same(word: SpokenWord) -> tuple[str, int | None]:
    return word.text.strip(_AROUND).casefold(), word.channel


def _is_near(places: Sequence[float], word: SpokenWord) -> bool:
    place = bisect_left(places, word.start - NEAR)
    return place < len(places) and places[place] <= word.start + NEAR


def heard_in(cut: Cut | NumberedCut, words: Sequence[SpokenWord], starts: Sequence[float]) -> Iterator[str]:
    """Yield the words of the first transcript that touch a cut; *starts* are the starts of *words*."""
    first = bisect_left(starts, cut.start - LONGEST_WORD)
    for word in words[first : bisect_left(starts, cut.end)]:
        if not word.transcript and word.end > cut.start:
            yield word.text
