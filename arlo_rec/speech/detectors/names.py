"""Names of people in what was said: by what stands before them, by lists, by capitals, by a tagger.

    cues      "my name is", "du snakker med": a name must follow; "thank you", "hei": it may
    lists     given and family names, where they are not everyday words
    capitals  in a transcript that has them: a word in the middle of a sentence that is nobody's but a name's
    tagger    a small model of Norwegian names, for those in no list
Names that are known to a call are found by their sound (`likeness`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arlo_rec.speech.detectors import cues, name_lists, tagger
from arlo_rec.speech.detectors.harmless import is_harmless
from arlo_rec.speech.detectors.lexicon import words
from arlo_rec.speech.detectors.tokens import Found, Token, is_cased

MOST_WORDS = 4  # of one name
TAGGED = 0.5
CAPITAL = 0.6  # a capital letter in the middle of a sentence, and nothing else that speaks for a name
UNSURE = 0.7  # a word behind a greeting that was heard with less may be the name of whoever is greeted
_ENGLISH = words("the is you to it and my i can that of your have")


def found(stream: Sequence[Token]) -> Iterator[Found]:
    """Names in the words of one channel."""
    if not stream:
        return
    cased = is_cased(stream)
    tagged = [0.0] * len(stream) if is_english(stream) else tagger.people([one.written for one in stream])
    looks = [_looks(one, tagged[at], cased=cased) for at, one in enumerate(stream)]
    yield from _looking(stream, looks, cased=cased)
    for at in range(len(stream)):
        strength = _cue(stream, at)
        if at and is_greeting(stream, at - 1) and _heard_badly(stream[at - 1], stream[at]):
            yield Found(at, at, "name", "greeting", 0.4)
        if strength:
            reach = _slot(stream, looks, at, must=strength == "must", cased=cased)
            if reach:
                yield Found(*reach, "name", "cue", 0.9 if strength == "must" else 0.65)


def is_english(stream: Sequence[Token]) -> bool:
    """Whether one word in six is one of the commonest of English."""
    return sum(one.folded in _ENGLISH for one in stream) > len(stream) / 6


def _looks(one: Token, tagged: float, *, cased: bool) -> float:
    """How much one word by itself looks like a name, 0 to 1."""
    word = one.folded.removesuffix("'s")
    if word in cues.NOT_PEOPLE or not one.shown[:1].isalpha() or len(word) < 2:
        return 0.0
    ordinary = is_harmless(word) or name_lists.ambiguous(word)
    listed = name_lists.given(word) or name_lists.family(word)
    if cased:
        if not one.capital:
            return 0.2 if tagged < 0.9 or ordinary else 0.6
        if not one.begins:
            if not is_harmless(word) or listed:
                return 0.9 if listed or tagged > TAGGED else CAPITAL
            return max(0.3, tagged if tagged > TAGGED else 0.0)
        return max(0.8 if listed and not ordinary else 0.0, tagged if not is_harmless(word) else tagged * 0.6)
    return max(0.8 if listed and not ordinary else 0.0, tagged if not ordinary else tagged * 0.6)


def _looking(stream: Sequence[Token], looks: Sequence[float], *, cased: bool) -> Iterator[Found]:
    """Runs of words that look like names, with what belongs to them."""
    at = 0
    while at < len(stream):
        if looks[at] < TAGGED:
            at += 1
            continue
        last = at
        while last + 1 < len(stream) and _belongs(stream, looks, last + 1, cased=cased):
            last += 1
        while last > at and stream[last].folded in cues.PARTICLES and looks[last] < TAGGED:
            last -= 1
        yield Found(at, last, "name", "words", round(max(looks[at : last + 1]), 2))
        at = last + 1


def _belongs(stream: Sequence[Token], looks: Sequence[float], at: int, *, cased: bool) -> bool:
    """Whether the word at *at* is one more part of the name before it."""
    one, before = stream[at], stream[at - 1]
    if before.ends or one.start - before.end > 1.0:
        return False
    if cased:
        return (one.capital and one.folded not in cues.NOT_PEOPLE) or (
            one.folded in cues.PARTICLES and at + 1 < len(stream) and stream[at + 1].capital
        )
    return looks[at] >= TAGGED or not (is_harmless(one.folded) or one.folded in cues.NOT_PEOPLE)


def _cue(stream: Sequence[Token], at: int) -> str:
    """Whether the words that end before *at* say that a name must or may stand here."""
    for size in range(min(cues.LONGEST, at), 0, -1):
        if stream[at].start - stream[at - 1].end > 1.5:
            return ""
        said = tuple(one.folded for one in stream[at - size : at])
        if said in cues.MUST:
            return "must"
        if said in cues.MAY:
            return "may"
    return ""


def is_greeting(stream: Sequence[Token], last: int) -> bool:
    """Whether the words that end with *last* greet or thank, so that a name often follows."""
    return _ends_with(stream, last, cues.GREETING)


def asks_name(stream: Sequence[Token], last: int) -> bool:
    """Whether a name must follow the word at *last*."""
    return _ends_with(stream, last, cues.MUST)


def _ends_with(stream: Sequence[Token], last: int, phrases: frozenset[tuple[str, ...]]) -> bool:
    said = [one.folded for one in stream[max(0, last + 1 - cues.LONGEST) : last + 1]]
    return any(tuple(said[-size:]) in phrases for size in range(1, len(said) + 1))


def _heard_badly(before: Token, one: Token) -> bool:
    return one.score is not None and one.score < UNSURE and one.start - before.end < 0.5


def _slot(
    stream: Sequence[Token], looks: Sequence[float], at: int, *, must: bool, cased: bool
) -> tuple[int, int] | None:
    """The words that a cue is followed by, as far as they can be a name."""
    last = at - 1
    for place in range(at, min(at + MOST_WORDS, len(stream))):
        one = stream[place]
        if place > at and (stream[place - 1].ends or one.start - stream[place - 1].end > 0.8):
            break
        if not _may_be_name(one, looks[place], must=must, cased=cased):
            break
        last = place
    return (at, last) if last >= at else None


def _may_be_name(one: Token, looks: float, *, must: bool, cased: bool) -> bool:
    if one.folded in cues.NOT_PEOPLE or not one.shown[:1].isalpha():
        return False
    if looks >= TAGGED:
        return True
    if is_harmless(one.folded):
        return False
    if cased and not one.capital and not must:
        return False
    return must or (len(one.folded) > 2 and (one.capital or looks >= 0.25))
