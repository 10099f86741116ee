"""What identifies somebody in the words of a call: all detectors over all channels, as stretches of time.

    numbers    digits, codes, spelled words        contact    e-mail, addresses, dates of birth
    names      cues, lists, capitals, tagger       likeness   names that are known to this call
    answers    what follows a question
Each finding says where it came from and how sure it is; none of them keeps anything out of a cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from arlo_rec.speech.detectors import answers, contact, cues, likeness, names, numbers
from arlo_rec.speech.detectors.harmless import is_harmless
from arlo_rec.speech.detectors.tokens import Found, Token, tokens
from arlo_rec.speech.words import Word

if TYPE_CHECKING:
    from arlo_rec.speech.engines.name_model import Labeller

SURE_NAME = 0.7  # a cue after which a name must follow, a listed name, a name by the tagger


LABELLED, LABELLED_ENGLISH = 0.5, 0.2  # in English small letters it finds what no rule does; elsewhere it adds mistakes


@dataclass(frozen=True, slots=True)
class Finding:
    """A stretch of one channel (None: of all) that identifies somebody; seconds from the start of the recording."""

    start: float
    end: float
    channel: int | None
    type: str
    source: str
    score: float
    timed: bool = True  # False where a word in it has no time of its own


def streams(words: Sequence[Word]) -> list[list[Token]]:
    """The words of each channel in order of time, as detectors look at them."""
    channels = sorted({one.channel for one in words}, key=lambda one: -1 if one is None else one)
    return [tokens(sorted((one for one in words if one.channel == each), key=_start)) for each in channels]


def found(words: Sequence[Word], known: likeness.Known, labeller: Labeller | None = None) -> list[Finding]:
    """Everything that identifies, in order of time.

    Raises Integrity where a list that we ship is damaged, Unreachable where *labeller* does not answer.
    """
    spoken = streams(words)
    asked = [one for stream in spoken for one in answers.questions(stream)]
    near = [answers.near_questions(stream, asked) for stream in spoken]
    said = [list(in_stream(stream, known, marks)) for stream, marks in zip(spoken, near, strict=True)]
    for stream, found in zip(spoken, said, strict=True):
        found += labelled(stream, labeller)
    heard = [each for stream, marks in zip(spoken, near, strict=True) for each in numbers.said(stream, marks)]
    named = {word for stream, found in zip(spoken, said, strict=True) for word in _names(stream, found)}
    for stream, found in zip(spoken, said, strict=True):
        found += [*numbers.repeated(stream, heard), *_named_again(stream, named)]
    findings = [_finding(stream, one) for stream, found in zip(spoken, said, strict=True) for one in found]
    findings += [
        Finding(one.start, one.end, one.channel, one.type, "answer", one.score) for one in answers.replies(spoken)
    ]
    return sorted(findings, key=lambda one: (one.start, one.end))


def known_in(words: Sequence[Word], known: likeness.Known) -> list[Finding]:
    """Where names that are known are still heard."""
    return [_finding(stream, one) for stream in streams(words) for one in likeness.found(stream, known)]


def in_stream(stream: Sequence[Token], known: likeness.Known, asked: Sequence[bool]) -> Iterator[Found]:
    """What the words of one channel say by themselves; *asked* marks words behind a question for a number."""
    yield from numbers.found(stream, asked)
    yield from contact.emails(stream)
    yield from contact.addresses(stream)
    yield from contact.births(stream)
    yield from names.found(stream)
    yield from likeness.found(stream, known)


def labelled(stream: Sequence[Token], labeller: Labeller | None) -> Iterator[Found]:
    """Names by a model that somebody has besides, if there is one: runs of words that it takes for parts of names."""
    if labeller is None or not stream:
        return
    least = LABELLED_ENGLISH if names.is_english(stream) else LABELLED
    scores = [score if kind == "name" else 0.0 for kind, score in labeller.labels([one.written for one in stream])]
    for sure, run in groupby(range(len(stream)), key=lambda at: scores[at] >= least):
        if sure:
            places = list(run)
            yield Found(places[0], places[-1], "name", "model", round(max(scores[at] for at in places), 2))


def _names(stream: Sequence[Token], found: Sequence[Found]) -> Iterator[str]:
    """The words of names that were surely found: the same word elsewhere in the call is the same name."""
    for one in found:
        if one.type == "name" and one.score >= SURE_NAME and one.source != "known":
            words = (each.folded.removesuffix("'s") for each in stream[one.first : one.last + 1])
            yield from (word for word in words if _is_name(word))


def _is_name(word: str) -> bool:
    return len(word) >= 3 and not is_harmless(word) and word not in cues.NOT_PEOPLE


def _named_again(stream: Sequence[Token], named: set[str]) -> Iterator[Found]:
    for at, one in enumerate(stream):
        if {one.folded, one.folded.removesuffix("'s"), one.folded.removesuffix("s")} & named:
            yield Found(at, at, "name", "repeated", SURE_NAME)


def _finding(stream: Sequence[Token], one: Found) -> Finding:
    said = stream[one.first : one.last + 1]
    return Finding(
        said[0].start,
        max(each.end for each in said),
        said[0].channel,
        one.type,
        one.source,
        one.score,
        all(each.timed for each in said),
    )


def _start(word: Word) -> float:
    return word.start
