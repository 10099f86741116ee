"""Tell words that were understood from what an engine makes of a language that it does not know.

Such an engine still writes words, in the right places, and so a plan would look right in which nothing is found. Three
things show it: how sure it was of its words, how many of them are in any of our lists, and, where nobody said which
language is spoken, which it took it for. Measured with "base" on real Norwegian and Danish and on English calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from arlo_rec.speech.detectors import harmless, lexicon, name_lists
from arlo_rec.speech.words import Transcript, Word

LEAST_SCORE: Final = 0.56  # mean score of the words, by their length; Norwegian: 0.48 to 0.69, English: 0.59 to 0.97
LEAST_KNOWN: Final = 0.45  # share of the words that a list has; talk in five languages: 0.61 and more
LEAST_BOTH: Final = 0.45  # one times the other; Norwegian and Danish: up to 0.44, English: 0.46 and more
LEAST_SURE: Final = 0.7  # of the language that was detected: nynorsk 0.23 to 0.66, English 0.97 and more
SURE_SCORE: Final = 0.75  # mean score with which an unsure language is excused
LONGEST: Final = 1.0  # seconds for which a word counts: engines extend one over what they missed
FEW: Final = 10  # words of a channel that are not judged alone
FEWEST: Final = 3  # words of which it is asked whether a list has them
FULL: Final = 0.5  # share of the words of the fullest transcript that another needs to stand for a channel
LANGUAGES: Final = frozenset({"no", "nb", "nn", "en", "sv", "da"})  # of which we have lists
ALIGNERS: Final = frozenset({"whisperx"})  # whose scores say how well words fit their times, and not how well heard


def is_understood(transcripts: Sequence[Transcript]) -> bool:
    """Whether in every channel at least one of the transcripts that have its words was understood."""
    channels = {word.channel for transcript in transcripts for word in transcript.words}
    return all(
        any(_understands(transcript, channel) for transcript in _full(transcripts, channel)) for channel in channels
    )


def _full(transcripts: Sequence[Transcript], channel: int | None) -> list[Transcript]:
    """The transcripts that have about as many words of a channel as the one that has most: fewer excuse nothing."""
    counts = [len(_of_channel(transcript, channel)) for transcript in transcripts]
    return [
        transcript for transcript, count in zip(transcripts, counts, strict=True) if 0 < count >= FULL * max(counts)
    ]


def _understands(transcript: Transcript, channel: int | None) -> bool:
    """Whether the words of a channel were understood; a few of them are judged with those of the others."""
    words = _of_channel(transcript, channel)
    alone = len(words) >= FEW
    words = words if alone else transcript.words
    score = _mean_score(transcript, words)
    if len(words) < FEWEST:
        return score is None or score >= LEAST_SCORE
    known = sum(_is_known(word) for word in words) / len(words)
    detected = [each for each in transcript.languages if not alone or each.channel == channel]
    if any(each.name not in LANGUAGES for each in detected):
        return False
    if score is None:
        return known >= LEAST_KNOWN
    if score < SURE_SCORE and any(each.sure < LEAST_SURE for each in detected):
        return False
    return score >= LEAST_SCORE and score * known >= LEAST_BOTH


def _of_channel(transcript: Transcript, channel: int | None) -> tuple[Word, ...]:
    return tuple(word for word in transcript.words if word.channel == channel)


def _mean_score(transcript: Transcript, words: Sequence[Word]) -> float | None:
    """The mean of the scores, by length; None where there are none that say how well it was heard."""
    scored = [(min(LONGEST, max(0.01, word.end - word.start)), word.score) for word in words if word.score is not None]
    if not scored or transcript.form in ALIGNERS:
        return None
    return sum(length * score for length, score in scored) / sum(length for length, _ in scored)


def _is_known(word: Word) -> bool:
    folded = word.text.strip(" .,;:?!…\"'“”„«»()-–—").casefold()
    return (
        any(sign.isdigit() for sign in folded)
        or folded in _numbers()
        or harmless.is_harmless(folded)
        or name_lists.is_given(folded)
        or name_lists.is_family(folded)
    )


@cache
def _numbers() -> frozenset[str]:
    return frozenset({*lexicon.UNITS, *lexicon.TEENS, *lexicon.TENS, *lexicon.HUNDREDS, *lexicon.THOUSANDS})
