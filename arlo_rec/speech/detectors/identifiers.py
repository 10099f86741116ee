"""Find what identifies somebody in the words of a call by rules: all detectors over all channels, as time spans.

    numbers    digits, codes, spelled words        contact    e-mail, addresses, dates of birth
    names      cues, lists, capitals, tagger       phonetic   names that are known for this call
    circumstances  somebody's health; work, school, the news ...
    answers    what follows a question                    secrets   code words, passwords, codes of any length
Each finding has its source and a score; no detector removes the finding of another. `weighing` adds what a network
finds, and `planning.planner` turns findings into cuts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arlo_rec.speech.detectors import answers, circumstances, contact, cues, names, numbers, phonetic, secrets
from arlo_rec.speech.detectors.harmless import is_harmless
from arlo_rec.speech.detectors.tokens import Match, Token, tokenise
from arlo_rec.speech.words import Word

SURE_NAME = 0.7  # score of a name after a cue that demands one, of a listed name, of a name by the tagger


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of one channel (None: of all) that identifies somebody; seconds from the start of the recording."""

    start: float
    end: float
    channel: int | None
    type: str
    source: str
    score: float
    timed: bool = True  # False where the times of any of its words were interpolated


def split_words(words: Sequence[Word]) -> list[list[Word]]:
    """The words of each channel, sorted by start; those without a channel come first, as a channel of their own."""
    channels = sorted({word.channel for word in words}, key=lambda channel: -1 if channel is None else channel)
    return [sorted((word for word in words if word.channel == channel), key=_start) for channel in channels]


def split_channels(words: Sequence[Word]) -> list[list[Token]]:
    """The tokens of each channel, in the order of `split_words`."""
    return [tokenise(own) for own in split_words(words)]


def find_identifiers(words: Sequence[Word], known: phonetic.KnownNames) -> list[Finding]:
    """What the rules find, sorted by start; raises Integrity where a list that we ship is damaged."""
    streams = split_channels(words)
    asked = [question for stream in streams for question in answers.find_questions(stream)]
    near = [answers.mark_near_questions(stream, asked) for stream in streams]
    found_by_channel = [
        list(find_in_channel(stream, known, marks)) for stream, marks in zip(streams, near, strict=True)
    ]
    channels = list(zip(streams, found_by_channel, strict=True))
    spoken = [
        number for stream, marks in zip(streams, near, strict=True) for number in numbers.list_numbers(stream, marks)
    ]
    name_words = {word for stream, matches in channels for word in _split_names(stream, matches)}
    for (_, matches), told in zip(channels, secrets.find_secrets(streams), strict=True):
        matches += told
    for stream, matches in channels:
        matches += [*numbers.find_repeated(stream, spoken), *_find_repeated_names(stream, name_words)]
    findings = [_to_finding(stream, match) for stream, matches in channels for match in matches]
    findings += [
        Finding(answer.start, answer.end, answer.channel, answer.type, "answer", answer.score)
        for answer in answers.find_answers(streams)
    ]
    return sorted(findings, key=lambda finding: (finding.start, finding.end))


def find_known_names(words: Sequence[Word], known: phonetic.KnownNames) -> list[Finding]:
    """The spans in which names known for this call were recognised, by sound alone."""
    return [
        _to_finding(stream, match)
        for stream in split_channels(words)
        for match in phonetic.find_known_names(stream, known)
    ]


def find_in_channel(stream: Sequence[Token], known: phonetic.KnownNames, asked: Sequence[bool]) -> Iterator[Match]:
    """Matches within one channel; *asked* marks the words shortly after a question for a number."""
    yield from numbers.find_numbers(stream, asked)
    yield from contact.find_emails(stream)
    yield from contact.find_addresses(stream)
    yield from contact.find_births(stream)
    yield from names.find_names(stream)
    yield from phonetic.find_known_names(stream, known)
    yield from circumstances.find_health(stream)


def find_circumstances(words: Sequence[Word]) -> list[Finding]:
    """Where a reviewer should look for what tells who somebody is without a name, sorted by start."""
    found = [
        _to_finding(stream, match)
        for stream in split_channels(words)
        for match in circumstances.find_circumstances(stream)
    ]
    return sorted(found, key=lambda finding: (finding.start, finding.end))


def _split_names(stream: Sequence[Token], matches: Sequence[Match]) -> Iterator[str]:
    """The words of names found with a score of `SURE_NAME` or more; elsewhere in the call they are names, too."""
    for match in matches:
        if match.type == "name" and match.score >= SURE_NAME and match.source != "known":
            words = (token.folded.removesuffix("'s") for token in stream[match.first : match.last + 1])
            yield from (word for word in words if _is_name(word))


def _is_name(word: str) -> bool:
    return len(word) >= 3 and not is_harmless(word) and word not in cues.NOT_PEOPLE


def _find_repeated_names(stream: Sequence[Token], name_words: set[str]) -> Iterator[Match]:
    for at, token in enumerate(stream):
        if {token.folded, token.folded.removesuffix("'s"), token.folded.removesuffix("s")} & name_words:
            yield Match(at, at, "name", "repeated", SURE_NAME)


def _to_finding(stream: Sequence[Token], match: Match) -> Finding:
    span = stream[match.first : match.last + 1]
    return Finding(
        span[0].start,
        max(token.end for token in span),
        span[0].channel,
        match.type,
        match.source,
        match.score,
        all(token.timed for token in span),
    )


def _start(word: Word) -> float:
    return word.start
