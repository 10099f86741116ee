"""Find names of people in the words of one channel: by cues before them, by lists, by capitals, by a tagger.

    cues      "my name is", "du snakker med": a name must follow; "thank you", "hei": a name may follow
    lists     given and family names that are not everyday words
    capitals  in a cased transcript: a capitalised word in mid-sentence that is not a known place, firm or product
    tagger    a small model of Norwegian names, for those in no list
Names that are known for a call are found by `phonetic`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.words.detectors import cues, tagger, word_lists
from arlo_rec.words.detectors.lexicon import split_words
from arlo_rec.words.detectors.numerals import is_number
from arlo_rec.words.detectors.word_lists import is_common, is_harmless, is_known, is_word
from arlo_rec.words.tokens import Match, Token, is_cased

MOST_WORDS = 4  # of one name
TAGGED = 0.5  # score from which a word counts as part of a name
CONTEXT = 0.3  # score of a listed name that is a word, too: enough after a phrase that a name may follow
CAPITAL = 0.6  # score of a capitalised word in mid-sentence without other evidence
UNSURE = 0.7  # recognition score: a word after a greeting with less may be the name of the person greeted
UNKNOWN, UNKNOWN_SHORTEST = 0.55, 4  # score of a word that English does not know; letters from which on it counts
_SWEDISH = split_words(
    "och är jag att inte för vad ni mig från när också ett ska då nej tack bara hur sen hej mycket var nu"
)
_ENGLISH = split_words("the is you to it and my i can that of your have")


def find_names(stream: Sequence[Token]) -> Iterator[Match]:
    """Yield the names in the words of one channel; matches may overlap."""
    if not stream:
        return
    cased = is_cased(stream)
    tagged = [0.0] * len(stream) if is_english(stream) else tagger.score_names([token.raw for token in stream])
    if is_swedish(stream):  # the tagger learnt Norwegian, and takes what it does not know for names
        tagged = [0.0 if is_known(token.folded, "sv") else score for token, score in zip(stream, tagged, strict=True)]
    scores = [_score_word(token, tagged[at], cased=cased) for at, token in enumerate(stream)]
    if not cased:
        known = _is_known_in_english if is_english(stream) else is_word
        scores = [max(score, _score_unknown(token, known)) for token, score in zip(stream, scores, strict=True)]
    yield from _find_scored_runs(stream, scores, cased=cased)
    for at in range(len(stream)):
        strength = _cue_strength(stream, at)
        if at and is_greeting(stream, at - 1) and _is_unsure_after(stream[at - 1], stream[at]):
            yield Match(at, at, Kind.NAME, "greeting", 0.4)
        if at + 1 < len(stream) and stream[at + 1].folded in cues.BEHIND and _is_listed(stream[at]):
            yield Match(at, at, Kind.NAME, "cue", 0.8)
        if strength:
            span = _take_name_after_cue(stream, scores, at, must=strength == "must", cased=cased)
            if span:
                yield Match(*span, Kind.NAME, "cue", 0.9 if strength == "must" else 0.65)


def _is_listed(token: Token) -> bool:
    return word_lists.is_given(token.folded) or word_lists.is_family(token.folded)


def is_english(stream: Sequence[Token]) -> bool:
    """Whether more than one word in six is among the commonest of English."""
    return sum(token.folded in _ENGLISH for token in stream) > len(stream) / 6


def is_swedish(stream: Sequence[Token]) -> bool:
    """Whether more than one word in ten is among the commonest of Swedish that Norwegian has not."""
    return sum(token.folded in _SWEDISH for token in stream) > len(stream) / 10


def _score_word(token: Token, tagged: float, *, cased: bool) -> float:
    """Score from 0 to 1 of how much a single word looks like a name; *tagged* is the tagger's score of it."""
    word = token.folded.removesuffix("'s")
    if word in cues.NOT_PEOPLE or not token.stripped[:1].isalpha() or len(word) < 2:
        return 0.0
    ordinary = is_harmless(word) or word_lists.is_ambiguous(word)
    listed = word_lists.is_given(word) or word_lists.is_family(word)
    if is_number(word) and not listed:
        return 0.0
    if "-" in word and _is_double(token, cased=cased):
        return 0.9
    if cased:
        if not token.capital:
            return 0.2 if tagged < 0.9 or ordinary else 0.6
        if not token.begins:
            if not is_harmless(word) or listed:
                return 0.9 if listed or tagged > TAGGED else CAPITAL
            return max(0.3, tagged if tagged > TAGGED else 0.0)
        by_list = 0.8 if listed and not ordinary else UNKNOWN if _is_no_word(token) else 0.0
        return max(by_list, tagged if not is_harmless(word) else tagged * 0.6)
    by_list = 0.0 if not listed or is_harmless(word) else CONTEXT if ordinary else 0.8
    return max(by_list, tagged * 0.6 if ordinary or is_common(word) else tagged)


def _is_double(token: Token, *, cased: bool) -> bool:
    """Whether a word is a double name ("Per-Erik"): each part with a capital, and one of them a listed name."""
    parts = token.stripped.removesuffix("'s").split("-")
    if len(parts) < 2 or not all(part.isalpha() and (part[0].isupper() or not cased) for part in parts):
        return False
    listed = [word_lists.is_given(part.casefold()) or word_lists.is_family(part.casefold()) for part in parts]
    return any(listed) if cased else all(listed)


def _is_no_word(token: Token) -> bool:
    """Whether a word is none in any of the languages, and may so be a name although a sentence begins with it."""
    return len(token.folded) >= UNKNOWN_SHORTEST and token.folded.isalpha() and not is_word(token.folded)


def _begins_name(before: Token, name: Token) -> bool:
    """Whether the first word of a sentence, right before a name, is a part of it: "Bill Stone." """
    word = before.folded
    is_listed = word_lists.is_given(word) or word_lists.is_family(word)
    return before.begins and before.capital and is_listed and not before.ends and name.start - before.end < 1.0


def _score_unknown(token: Token, is_known_word: Callable[[str], bool]) -> float:
    """The score of a word that the language does not know, where nothing is capitalised: many a name is one."""
    word = token.folded.removesuffix("'s")
    is_one = len(word) >= UNKNOWN_SHORTEST and word.isalpha() and word not in cues.NOT_PEOPLE and not is_number(word)
    return UNKNOWN if is_one and not is_harmless(word) and not is_known_word(word) else 0.0


def _is_known_in_english(word: str) -> bool:
    return is_known(word, "en")


def _find_scored_runs(stream: Sequence[Token], scores: Sequence[float], *, cased: bool) -> Iterator[Match]:
    """Runs of words that score as names, extended over particles and further parts of the name."""
    at = 0
    while at < len(stream):
        if scores[at] < TAGGED:
            at += 1
            continue
        last = at
        while last + 1 < len(stream) and _continues_name(stream, scores, last + 1, cased=cased):
            last += 1
        if cased and at and _begins_name(stream[at - 1], stream[at]):
            at -= 1
        while last > at and stream[last].folded in cues.PARTICLES and scores[last] < TAGGED:
            last -= 1
        yield Match(at, last, Kind.NAME, "words", round(max(scores[at : last + 1]), 2))
        at = last + 1


def _continues_name(stream: Sequence[Token], scores: Sequence[float], at: int, *, cased: bool) -> bool:
    """Whether the word at index *at* continues the name that ends before it."""
    token, before = stream[at], stream[at - 1]
    if before.ends or token.start - before.end > 1.0:
        return False
    if cased:
        return (token.capital and token.folded not in cues.NOT_PEOPLE) or (
            token.folded in cues.PARTICLES and at + 1 < len(stream) and stream[at + 1].capital
        )
    return scores[at] >= TAGGED or not (is_common(token.folded) or token.folded in cues.NOT_PEOPLE)


def _cue_strength(stream: Sequence[Token], at: int) -> str:
    """ "must" or "may" where the phrase before index *at* is a cue for a name, else an empty string."""
    for size in range(min(cues.LONGEST, at), 0, -1):
        if stream[at].start - stream[at - 1].end > 1.5:
            return ""
        phrase = tuple(token.folded for token in stream[at - size : at])
        if phrase in cues.MUST:
            return "must"
        if phrase in cues.MAY:
            return "may"
    return ""


def is_greeting(stream: Sequence[Token], last: int) -> bool:
    """Whether the words up to index *last* greet or thank, so that a name often follows."""
    return _ends_with(stream, last, cues.GREETING)


def asks_name(stream: Sequence[Token], last: int) -> bool:
    """Whether the words up to index *last* are a cue after which a name must follow."""
    return _ends_with(stream, last, cues.MUST)


def _ends_with(stream: Sequence[Token], last: int, phrases: frozenset[tuple[str, ...]]) -> bool:
    folded = [token.folded for token in stream[max(0, last + 1 - cues.LONGEST) : last + 1]]
    return any(tuple(folded[-size:]) in phrases for size in range(1, len(folded) + 1))


def _is_unsure_after(before: Token, token: Token) -> bool:
    return token.score is not None and token.score < UNSURE and token.start - before.end < 0.5


def _take_name_after_cue(
    stream: Sequence[Token], scores: Sequence[float], at: int, *, must: bool, cased: bool
) -> tuple[int, int] | None:
    """First and last index of the words after a cue that can be a name; None if the first one cannot."""
    last = at - 1
    for index in range(at, min(at + MOST_WORDS, len(stream))):
        token = stream[index]
        if index > at and (stream[index - 1].ends or token.start - stream[index - 1].end > 0.8):
            break
        if not _may_be_name(token, scores[index], must=must, cased=cased):
            break
        last = index
    return (at, last) if last >= at else None


def _may_be_name(token: Token, score: float, *, must: bool, cased: bool) -> bool:
    if token.folded in cues.NOT_PEOPLE or not token.stripped[:1].isalpha() or is_number(token.folded):
        return False
    if score >= TAGGED:
        return True
    if is_harmless(token.folded):
        return False
    if cased and not token.capital and not must:
        return False
    return must or (len(token.folded) > 2 and (token.capital or score >= 0.25))
