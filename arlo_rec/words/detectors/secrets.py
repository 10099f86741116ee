"""Find secrets in the words of all channels: code words, answers to security questions, passwords, codes of any length.

A secret may be any word, also a harmless one ("sun"), and is described as often as said ("a flower and a number"). So
its place counts: behind its name ("the code is ..."), before it ("... is the password"), or after a question for it,
until the asker has heard it. A secret is found wherever it is said again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.words.detectors import cues as said
from arlo_rec.words.detectors import lexicon as lex
from arlo_rec.words.detectors import numbers
from arlo_rec.words.detectors.cues import MINE
from arlo_rec.words.detectors.numerals import has_digits, is_number
from arlo_rec.words.detectors.word_lists import is_common, is_word
from arlo_rec.words.tokens import Match, Token

WINDOW = 45.0  # seconds after a question or an answer: "one moment, I have to look" comes before
MENTIONED = 15.0  # seconds after a mention that asks for nothing
BREATH = 4.0  # seconds in which a speaker goes on
ECHOED = 12.0  # seconds in which an answer is said again
OWN_WORDS = 20.0  # seconds after a mention without a question
GOES_ON = 6.0  # seconds after "the code is" in which the speaker says it
MOST_PHRASES = 120  # after the one that names a secret; later ones are of another subject
SELDOM = 1.0  # seconds between two followed phrases of a speaker: people ask no more often
UNANSWERED = 90.0  # seconds without an answer
PHRASE_PAUSE, PAUSE_OF_ONE_TRACK = 0.9, 0.45  # seconds that end a phrase; where all share a track, others go on
SAID_WITHIN = 5  # words of a phrase in which "it is" stands
HEARD_WITHIN = 6  # words of a phrase in which "thank you" or "that's right" stands
ELLIPTIC = 5  # words: "and the code word" is a question
SHORT = 10  # words of a phrase that goes whole, from its first word that tells to its last
FEW = 4  # telling words that are an answer even where each is harmless
LATE, ALONE = 6, 3  # words of a phrase that may continue an answer; and where each is harmless
MOST_STATED = 10  # words behind "the code is"
REACH = 6  # words between the name of a secret and "is": "the code for the door at the back is"
BEFORE = 4  # words before "is the password", or "as the password"
UNSURE = 0.5  # score of recognition: a word with less may be anything
STEM = 3  # letters before the "ord" or "kode" of a compound
ECHO, SHORT_ECHO = 6, 3  # words of a phrase in which the asker repeats it, in a question and otherwise
REPEATED = 4  # words: of a longer secret, single words are not looked for elsewhere
LEAST = 4  # letters of a word that is looked for elsewhere


@dataclass(frozen=True, slots=True)
class _Mention:
    """The name of a secret in a phrase: words *first* to *last*; `control`: a question follows that asks for it."""

    first: int
    last: int
    control: bool = False


class _Phrase(NamedTuple):
    """Words *first* to *last* (inclusive) of a stream, without a pause between them, and whether they name a secret."""

    stream: int
    first: int
    last: int
    start: float
    end: float
    tokens: Sequence[Token]
    mention: _Mention | None

    def match(self, begin: int, end: int, source: str) -> tuple[int, Match]:
        """The words of the phrase from *begin* to before *end* as a secret, with their stream."""
        return self.stream, Match(self.first + begin, self.first + end - 1, Kind.SECRET, source, 0.8)


def find_secrets(streams: Sequence[Sequence[Token]]) -> list[list[Match]]:
    """The secrets in each of the streams of a call, in any order; matches may overlap."""
    pause = PHRASE_PAUSE if len(streams) > 1 else PAUSE_OF_ONE_TRACK
    every = (phrase for at, stream in enumerate(streams) for phrase in _phrases(at, stream, pause))
    phrases = sorted(every, key=lambda phrase: phrase.start)
    matches: list[list[Match]] = [[] for _ in streams]
    opened = [-SELDOM] * len(streams)
    for at, phrase in enumerate(phrases):
        if phrase.mention is None:
            continue
        for stream, match in _around(phrases, at, phrase.mention):
            matches[stream].append(match)
        if phrase.start - opened[phrase.stream] >= SELDOM:
            opened[phrase.stream] = phrase.start
            for stream, match in _afterwards(phrases, at, phrase.mention, mono=len(streams) == 1):
                matches[stream].append(match)
    for stream, match in list(_repeated(streams, matches)):
        matches[stream].append(match)
    return matches


def _phrases(number: int, stream: Sequence[Token], pause: float) -> Iterator[_Phrase]:
    first = 0
    for at, token in enumerate(stream):
        if token.ends or at + 1 == len(stream) or stream[at + 1].start - token.end > pause:
            tokens = stream[first : at + 1]
            yield _Phrase(number, first, at, stream[first].start, token.end, tokens, _mention(tokens))
            first = at + 1


# -- where it is named --------------------------------------------------------------------------------


def _mention(tokens: Sequence[Token]) -> _Mention | None:
    """The last mention of a secret, or of a security question's subject, in a phrase."""
    for at in reversed(range(len(tokens))):
        word, before = tokens[at].folded, tokens[at - 1].folded if at else ""
        if word in said.CONTROL or (before, word) in said.CONTROL_PAIRS:
            return _Mention(max(0, at - 1), at, control=True)
        if (before, word) in said.PAIRS:
            return _Mention(at - 1, at)
        if before not in said.NO_SECRET and (word in said.NOUNS or _is_compound(word)):
            return _Mention(at, at)
        if (word in said.ASKED_BY_CONTROL or (before, word) in said.ASKED_BY_CONTROL_PAIRS) and _asks(tokens, at):
            return _Mention(at, at)
    return None


def _is_compound(word: str) -> bool:
    """Whether a word is a kind of "ord" or "kode" in no list: "leieboerkoden", "vaktmesterord"."""
    end = next((end for end in ("ordet", "ord", "koden", "kode", "koda", "kod") if word.endswith(end)), "")
    stem = word.removesuffix(end)
    if not end or len(stem) < STEM or is_common(word) or word.startswith(said.NO_SECRET_BEGINNINGS):
        return False
    return is_word(stem) or is_word(stem.removesuffix("s"))


def _asks(tokens: Sequence[Token], at: int) -> bool:
    """Whether a phrase asks for the secret that it names at index *at*, or breaks off before saying it."""
    is_question = tokens[-1].raw.rstrip().endswith("?") or tokens[-1].folded in said.IS
    others = {token.folded for index, token in enumerate(tokens) if index != at}
    if others & said.FORGOTTEN and not others & said.WHICH:
        return False
    return is_question or len(tokens) <= ELLIPTIC or bool(others & said.ASKS)


def _around(phrases: Sequence[_Phrase], at: int, mention: _Mention) -> Iterator[tuple[int, Match]]:
    """The words for the secret in the phrase that names it, and their repetitions right afterwards."""
    phrase = phrases[at]
    for begin, end in _stated(phrase.tokens, mention):
        yield phrase.match(begin, end, "cue")
        yield from _echoes(phrases, at, phrase.tokens[begin:end])


def _afterwards(phrases: Sequence[_Phrase], at: int, mention: _Mention, *, mono: bool) -> Iterator[tuple[int, Match]]:
    """The words for a secret after a phrase that names and asks for it, or names it only."""
    tokens = phrases[at].tokens
    is_stated = next(_stated(tokens, mention), None) is not None
    near = [*tokens[max(0, mention.first - 2) : mention.first], *tokens[mention.last + 1 :][:REACH]]
    is_told = is_stated and any(token.folded in said.IS | said.AS for token in near)
    if not is_told and (mention.control or _asks(tokens, mention.last)):
        yield from _answers(phrases, at, mention, mono=mono)
    elif not is_stated and not any(token.folded in said.FORGOTTEN for token in tokens):
        yield from _own_words(phrases, at)
        yield from _answers(phrases, at, mention, mono=mono, is_asked=False)


def _following(phrases: Sequence[_Phrase], at: int) -> Iterator[_Phrase]:
    """The phrases after one that may still be about its secret."""
    return (phrases[later] for later in range(at + 1, min(len(phrases), at + 1 + MOST_PHRASES)))


def _echoes(phrases: Sequence[_Phrase], at: int, secret: Sequence[Token]) -> Iterator[tuple[int, Match]]:
    """Repetitions by the other speaker, right after the secret was said."""
    words = {token.folded for token in secret if token.folded not in said.AROUND}
    for later in _following(phrases, at):
        if later.start > phrases[at].end + ECHOED:
            return
        if len(later.tokens) <= SHORT and any(token.folded in words for token in later.tokens):
            span = _telling_span(later.tokens, 0, len(later.tokens))
            if span is not None:
                yield later.match(*span, "repeated")


def _own_words(phrases: Sequence[_Phrase], at: int) -> Iterator[tuple[int, Match]]:
    """The same speaker's words for a secret soon after its name: with digits, or quoted ("says")."""
    for later in _following(phrases, at):
        if later.start > phrases[at].end + OWN_WORDS:
            return
        if later.stream != phrases[at].stream:
            continue
        is_said = {token.folded for token in later.tokens[:SAID_WITHIN]} & said.SAYS
        if is_said or any(has_digits(token) for token in later.tokens):
            span = _telling_span(later.tokens, 0, len(later.tokens))
            if span is not None:
                yield later.match(*span, "answer")


def _stated(tokens: Sequence[Token], mention: _Mention) -> Iterator[tuple[int, int]]:
    """Begin and end of a secret behind "the code is", or before "is the code" and "as a code"."""
    behind = _begin_behind(tokens, mention.last)
    if behind is not None:
        span = _telling_span(tokens, behind, _clause_end(tokens, behind))
        if span is not None and tokens[span[0]].folded not in said.NOT_SAID:
            yield span
    first = mention.first
    if first and tokens[first - 1].folded in MINE | lex.ARTICLES | said.THE:
        first -= 1
    if first < 2 or any(token.folded in said.QUESTION for token in tokens[:first]):
        return
    if tokens[first - 1].folded in said.IS | said.AS:
        span = _telling_span(tokens, max(0, first - 1 - BEFORE), first - 1)
        if span is not None:
            yield span


def _begin_behind(tokens: Sequence[Token], at: int) -> int | None:
    """Index of the secret's first word behind its name at index *at*; None where none is said."""
    behind = at + 1
    while behind < len(tokens) and tokens[behind].folded in MINE:
        behind += 1
    for index in range(behind, min(behind + REACH, len(tokens))):
        if tokens[index].folded in said.IS or tokens[index].folded == "be":
            return index + 1
        if index <= behind + 1 and tokens[index].folded in said.CHANGED_TO and _changes(tokens):
            return index + 1
    if behind < len(tokens) and (_is_solid(tokens[behind]) or tokens[at].raw.rstrip().endswith((":", ","))):
        return behind
    return None


def _changes(tokens: Sequence[Token]) -> bool:
    return any(token.folded in said.CHANGES for token in tokens)


def _clause_end(tokens: Sequence[Token], begin: int) -> int:
    """The end of the clause from *begin* on: at "but", "because", "and then", or after `MOST_STATED` words."""
    last = min(len(tokens), begin + MOST_STATED)
    for at in range(begin + 1, last):
        word, behind = tokens[at].folded, tokens[at + 1].folded if at + 1 < len(tokens) else ""
        if word in said.CLAUSE or (word in lex.ALSO and behind in said.NEW_CLAUSE):
            return at
    return last


# -- what follows a question --------------------------------------------------------------------------


def _answers(
    phrases: Sequence[_Phrase], at: int, mention: _Mention, *, mono: bool, is_asked: bool = True
) -> Iterator[tuple[int, Match]]:
    """The answers after a question, until its speaker has heard them or `WINDOW` has passed without another.

    After a mention that asks for nothing (not *is_asked*) only a short phrase counts, or one with "it is".
    """
    asked, latest, answered = phrases[at], phrases[at].end, 0 if is_asked else 1
    window = WINDOW if is_asked else MENTIONED
    goes_on = asked.tokens[-1].folded in said.IS  # the same speaker says it after a pause
    heard: set[str] = set()  # words of answers, also harmless ones: "Green bicycle is right"
    for place, later in enumerate(_following(phrases, at), at + 1):
        if later.start > latest + (window if answered else UNANSWERED):
            return
        is_own = later.stream == asked.stream and not mono
        is_named = later.mention is not None
        span = None
        if is_own and not (goes_on and not answered and later.start - asked.end < GOES_ON):
            is_question = later.tokens[-1].raw.rstrip().endswith("?")
            is_told = _says_it(later.tokens) or _number_words(later.tokens) > 1
            most = ECHO if is_question or is_told else SHORT_ECHO
            if len(later.tokens) <= most and _solid(later.tokens):
                span = _telling_span(later.tokens, 0, len(later.tokens))
        elif (span := _answer_span(later.tokens, is_late=answered > int(mention.control))) is not None:
            answered, latest = answered + 1, later.end
            heard |= {token.folded for token in later.tokens[slice(*span)] if token.folded not in said.AROUND}
        if span is not None:
            yield later.match(*span, "answer")
        yield from (
            later.match(index, index + 1, "repeated")
            for index, token in enumerate(later.tokens)
            if token.folded in heard
        )
        if is_named:
            latest = later.end
        elif answered > int(mention.control) and (is_own or mono) and _is_over(later, _following(phrases, place)):
            return


def _asks_for_another(heard: _Phrase, following: Iterator[_Phrase]) -> bool:
    """Whether the asker, having heard one secret, asks for a new one at once: "That's right. And the new one?" """
    own = (phrase for phrase in following if phrase.stream == heard.stream)
    at_once = takewhile(lambda phrase: phrase.start - heard.start < BREATH, own)
    return any(token.folded in said.ANOTHER for phrase in (heard, *at_once) for token in phrase.tokens)


def _says_it(tokens: Sequence[Token]) -> bool:
    """Whether a phrase begins with "it is"."""
    return any(token.folded in said.IS for token in tokens[:SAID_WITHIN])


def _is_over(phrase: _Phrase, following: Iterator[_Phrase]) -> bool:
    """Whether the asker says in a phrase that they heard it, or asks for anything but another secret."""
    tokens = phrase.tokens
    is_heard = any(token.folded in said.HEARD for token in tokens[:HEARD_WITHIN])
    is_question = tokens[0].folded in said.QUESTION or tokens[-1].raw.rstrip().endswith("?")
    return (is_heard or (is_question and len(tokens) > ECHO)) and not _asks_for_another(phrase, following)


def _answer_span(tokens: Sequence[Token], *, is_late: bool) -> tuple[int, int] | None:
    """Begin and end of a possible answer in a phrase; None where it only asks for time.

    *is_late*: an answer was given already, so that only a short phrase, or one with "it is", continues it.
    """
    span = _telling_span(tokens, 0, len(tokens))
    if span is None:
        return None
    solid = _solid(tokens)
    telling = sum(_is_telling(tokens, index) for index in range(*span))
    named = [at for at, token in enumerate(tokens[:SAID_WITHIN]) if token.folded in said.IS | said.TAKES]
    if named and span[1] > named[-1] + 1:
        return named[-1] + 1, min(span[1], max(named[-1] + 1 + SHORT, solid[-1] + 1 if solid else 0))
    if _describes(tokens):
        return span
    if is_late and not (len(tokens) <= LATE and (solid or len(tokens) <= ALONE)):
        return None
    if len(tokens) <= SHORT:
        return span if solid or telling <= FEW else None
    return (max(span[0], solid[0] - 2), min(span[1], solid[-1] + 3)) if solid else None


def _describes(tokens: Sequence[Token]) -> bool:
    """Whether a phrase says "a flower and a number": an article and a word, twice."""
    words = [token.folded for token in tokens]
    return any(
        words[at] in lex.ARTICLES and words[at + 2] in said.AND and words[at + 3] in lex.ARTICLES
        for at in range(len(words) - 4)
    )


def _telling_span(tokens: Sequence[Token], begin: int, end: int) -> tuple[int, int] | None:
    """Begin and end of the telling words from *begin* to before *end*."""
    telling = [index for index in range(begin, end) if _is_telling(tokens, index)]
    return (telling[0], telling[-1] + 1) if telling else None


def _is_telling(tokens: Sequence[Token], at: int) -> bool:
    """Whether a word may be part of a secret, and is no word of asking and answering."""
    token = tokens[at]
    if _is_solid(token) or token.folded not in said.AROUND:
        return True
    return is_number(token.folded) and token.folded not in lex.ALSO and _number_words(tokens) >= min(2, len(tokens))


def _number_words(tokens: Sequence[Token]) -> int:
    return sum((is_number(token.folded) or has_digits(token)) and token.folded not in lex.ALSO for token in tokens)


def _solid(tokens: Sequence[Token]) -> list[int]:
    """Indices of the words that may be a secret by themselves."""
    return [index for index, token in enumerate(tokens) if _is_solid(token)]


def _is_solid(token: Token) -> bool:
    """Whether a word may be a secret by itself: digits, no harmless word, or one that was recognised badly."""
    if token.score is not None and token.score < UNSURE:
        return True
    return has_digits(token) or not (is_common(token.folded) or token.folded in said.AROUND)


# -- where it is said again ---------------------------------------------------------------------------


def _repeated(streams: Sequence[Sequence[Token]], by_stream: Sequence[Sequence[Match]]) -> Iterator[tuple[int, Match]]:
    """Yield the repetitions of the words and digits of secrets."""
    words, digits = set(), set()
    for stream, matches in zip(streams, by_stream, strict=True):
        for match in matches:
            span = stream[match.first : match.last + 1]
            if len(span) <= REPEATED:
                words |= {token.folded for token in span if len(token.folded) >= LEAST and not is_common(token.folded)}
            digits |= {run.text for run in numbers.split_runs(span) if len(run.text) >= LEAST}
    for at, stream in enumerate(streams):
        yield from (
            (at, Match(index, index, Kind.SECRET, "repeated", 0.7))
            for index, token in enumerate(stream)
            if token.folded in words
        )
        for run in numbers.split_runs(stream) if digits else ():
            if run.text in digits:
                yield at, Match(run.parts[0].first, run.parts[-1].last, Kind.SECRET, "repeated", 0.7)
