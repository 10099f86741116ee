"""Questions for something that identifies, and where their answers are: what is cut even where it was misheard.

"What is your date of birth?" on one channel: what the other says until the first speaks again is the answer. In one
channel the answer is the next sentence. Words at its begin that are heard well and say nothing stay.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from arlo_rec.speech.detectors import cues
from arlo_rec.speech.detectors.harmless import is_harmless
from arlo_rec.speech.detectors.numbers import has_digits
from arlo_rec.speech.detectors.tokens import Token

LATEST = 6.0  # seconds from the question to the first word of the answer
LONGEST = {"name": 6.0, "number": 14.0, "email": 12.0, "address": 10.0, "birth": 8.0, "code": 14.0, "spelled": 8.0}
NEAR = 20.0  # seconds in which a number that was asked for is one even if it is short
SURE = 0.5  # a word heard with less may be anything
BACKCHANNEL = 2  # words that the asker may put in without ending the answer
_KEYWORDS = {word: kind for kind, said in cues.ABOUT.items() for word in said}
_FIRST = ("email", "code", "birth", "address", "spelled", "number", "name")  # "serial number" is a code


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, by which channel, and when the asking ends; *told* where the asker goes on to tell it."""

    type: str
    channel: int | None
    start: float
    end: float
    told: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A stretch of one channel that answers a question."""

    start: float
    end: float
    channel: int | None
    type: str
    score: float


def questions(stream: Sequence[Token]) -> Iterator[Question]:
    """Every mention of something that identifies, once for each sentence."""
    for first, last in _sentences(stream):
        said = stream[first : last + 1]
        kinds = {_KEYWORDS[one.folded] for one in said if one.folded in _KEYWORDS}
        if any((one.folded, other.folded) in cues.WHO for one, other in pairwise(said)):
            kinds.add("name")
        kind = next((each for each in _FIRST if each in kinds), None)
        if kind:
            at = max((place for place, one in enumerate(said) if one.folded in _KEYWORDS), default=len(said) - 1)
            told = _told(said, at)
            yield Question(kind, said[0].channel, said[at].start, said[-1].end, said[told].start if told else None)


def _told(said: Sequence[Token], at: int) -> int | None:
    """Where "the serial number is ..." goes on: whoever mentions it tells it, and nobody is asked."""
    behind = at + 1
    if behind < len(said) and said[behind].folded in cues.MINE:
        behind += 1
    if behind + 1 < len(said) and said[behind].folded in cues.IS:
        return behind + 1
    return behind if behind < len(said) and not is_harmless(said[behind].folded) else None


def _sentences(stream: Sequence[Token]) -> Iterator[tuple[int, int]]:
    first = 0
    for at, one in enumerate(stream):
        later = at + 1 == len(stream) or stream[at + 1].start - one.end > 0.9
        if one.ends or later:
            yield first, at
            first = at + 1


def replies(streams: Sequence[Sequence[Token]]) -> Iterator[Answer]:
    """The answers of all channels to the questions of all channels."""
    for stream in streams:
        others = [one for one in streams if one is not stream]
        for asked in questions(stream):
            if asked.told is not None:
                yield from _trimmed(asked, _said_on(stream, asked))
            elif others:
                for other in others:
                    yield from _of_other(asked, stream, other)
            else:
                yield from _of_same(asked, stream)


def _said_on(stream: Sequence[Token], asked: Question) -> list[Token]:
    """What a sentence tells behind the mention, and what follows it without a pause."""
    begin = asked.told or asked.end
    taken: list[Token] = []
    for one in _between(stream, begin, begin + LONGEST[asked.type]):
        paused = bool(taken) and one.start - taken[-1].end > 1.5
        if paused or (taken and taken[-1].ends and one.start >= asked.end):
            break
        taken.append(one)
    return taken


def _between(stream: Sequence[Token], begin: float, end: float) -> Sequence[Token]:
    """The words that start from *begin* to before *end*."""
    first, behind = (bisect_left(stream, at, key=_start) for at in (begin, end))
    return stream[first:behind]


def _start(one: Token) -> float:
    return one.start


def _of_other(asked: Question, asking: Sequence[Token], answering: Sequence[Token]) -> Iterator[Answer]:
    """What the other channel says from the question to the next turn of whoever asked, as far as it answers."""
    latest = asked.end + LATEST + LONGEST[asked.type]
    said = _between(answering, max(asked.start, asked.end - 1.0), _next_turn(asking, asked.end, latest))
    if said and said[0].start <= asked.end + LATEST:
        yield from _trimmed(asked, _first_that_tells(asked, said))


def _first_that_tells(asked: Question, said: Sequence[Token]) -> list[Token]:
    """Whole sentences up to the first that tells anything: "One moment. It is nine one two." """
    taken: list[Token] = []
    for one in said:
        pause = bool(taken) and one.start - taken[-1].end > 1.0
        if taken and (taken[-1].ends or pause) and any(_tells(each) for each in taken):
            break
        if taken and one.start > taken[0].start + LONGEST[asked.type]:
            break
        taken.append(one)
    return taken


def _tells(one: Token) -> bool:
    """Whether a word may be a part of an answer."""
    return has_digits(one) or not is_harmless(one.folded) or (one.score is not None and one.score < SURE)


def _next_turn(stream: Sequence[Token], after: float, latest: float) -> float:
    """When a channel goes on talking, which is more than a word of agreement; at the *latest*."""
    later = _between(stream, after + 0.2, latest)
    for at, one in enumerate(later):
        joined = [each for each in later[at : at + BACKCHANNEL + 1] if each.start - one.start < 2.5]
        if len(joined) > BACKCHANNEL:
            return one.start
    return latest


def _of_same(asked: Question, stream: Sequence[Token]) -> Iterator[Answer]:
    """In one channel: the next sentences up to the first that tells anything."""
    said = _between(stream, asked.end, asked.end + LATEST + LONGEST[asked.type])
    if said and said[0].start < asked.end + LATEST:
        yield from _trimmed(asked, _first_that_tells(asked, said))


def _trimmed(asked: Question, said: Sequence[Token]) -> Iterator[Answer]:
    """Without the harmless words before and behind; nothing where all of it is harmless and heard well."""
    telling = [at for at, one in enumerate(said) if _tells(one)]
    if telling:
        first, last = said[telling[0]], said[telling[-1]]
        yield Answer(first.start, last.end, first.channel, asked.type, 0.6)


def near_questions(stream: Sequence[Token], asked: Sequence[Question]) -> list[bool]:
    """For each word of a stream whether a number or a code was asked for shortly before."""
    times = sorted(one.start for one in asked if one.type in ("number", "code", "address"))
    last = [bisect_left(times, one.start + 0.001) - 1 for one in stream]  # the last question before each word
    return [at >= 0 and one.start - times[at] < NEAR for one, at in zip(stream, last, strict=True)]
