"""Find identifiers in the words of a call by rules: all detectors over all channels, as time spans.

    numbers    digits, codes, spelled words        contact    e-mail, addresses, dates of birth
    names      cues, lists, capitals, tagger       phonetic   names that are known for this call
    secrets    code words, passwords, codes of any length

Each finding has its source and a score; no detector removes the finding of another. `weighing` adds what a network
finds, and `planner` turns findings into cuts.

Circumstances identify a person without a name: their health, and where they work, learn, live or were in the news.
Health is of a type of its own and always cut (GDPR 9). The rest is harmless more often than not, and only a listener
can tell: `circumstance` is where a reviewer looks first. Each is found in one phrase, and reaches from the word for the
person to the end of the clause. GDPR 4(1) and 4(5) call such details identifying, too.

Answers are found here, and cut even where they were misrecognised. After "What is your date of birth?" on one channel,
the answer is what the other channel says until the asker's next turn; in a mono recording it is the next sentence.
Harmless words around an answer that were recognised with confidence are left out of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import contact, cues, lexicon, names, numbers, phonetic, secrets, word_lists
from arlo_rec.words.detectors.cues import AROUND
from arlo_rec.words.detectors.kinds import ASKED, heard
from arlo_rec.words.detectors.lexicon import ARTICLES
from arlo_rec.words.detectors.numerals import has_digits
from arlo_rec.words.detectors.word_lists import is_common, is_harmless, is_word
from arlo_rec.words.tokens import Match, Token, is_cased, tokenise

PHRASE_PAUSE = 0.9  # seconds of silence that end a phrase
BEFORE, BEHIND = 6, 7  # words that belong to it, as far as the phrase goes
NEAR_PERSON = 8  # words within which a person is spoken of
SUBJECT = 3  # words before "works at" that name who works
LONG = 6  # letters of a town that is hardly a word, too


def match_health(stream: Sequence[Token]) -> Iterator[Match]:
    """Yield statements about a person's health in the words of one channel; matches may overlap."""
    return (match for match in _find(stream) if match.type is Kind.HEALTH)


def match_circumstances(stream: Sequence[Token]) -> Iterator[Match]:
    """Yield circumstances other than health in the words of one channel; matches may overlap."""
    yield from (match for match in _find(stream) if match.type is Kind.CIRCUMSTANCE)
    cased = is_cased(stream)
    yield from (
        Match(at, at, Kind.CIRCUMSTANCE, "list", 0.5) for at, token in enumerate(stream) if is_place(token, cased=cased)
    )


def _find(stream: Sequence[Token]) -> Iterator[Match]:
    first = 0
    for at, token in enumerate(stream):
        if token.ends or at + 1 == len(stream) or stream[at + 1].start - token.end > PHRASE_PAUSE:
            yield from _in_phrase(stream, first, at)
            first = at + 1


def _in_phrase(stream: Sequence[Token], first: int, last: int) -> Iterator[Match]:
    phrase = stream[first : last + 1]
    for at in range(len(phrase)):
        kind = _kind_of(phrase, at)
        if kind is not None:
            begin, end = _extent(phrase, at)
            yield Match(first + begin, first + end, kind, "cue", 0.6 if kind is Kind.HEALTH else 0.5)


def _kind_of(phrase: Sequence[Token], at: int) -> Kind | None:
    word, behind = phrase[at].folded, phrase[at + 1].folded if at + 1 < len(phrase) else ""
    if word in lexicon.ILL or word in lexicon.ILL_BEGINNINGS:
        return Kind.HEALTH
    if not _is_of_person(phrase, at):
        return Kind.CIRCUMSTANCE if word in lexicon.NEWS or word in lexicon.OFFICE or word in lexicon.LAW else None
    is_fall = word in lexicon.FALLS and at > 0 and _is_person(phrase, at - 1)
    if is_fall or word in lexicon.ILL_OF_PEOPLE or (word, behind) in lexicon.ILL_PAIRS:
        return Kind.HEALTH
    tells = (
        _works(phrase, at, word, behind)
        or any(word in words for words in _OF_PEOPLE)
        or word in lexicon.NEWS
        or (word, behind) in lexicon.NEWS_PAIRS
        or ((word, behind) in lexicon.PLACE and any(token.folded in lexicon.HOMES for token in _near(phrase, at)))
    )
    return Kind.CIRCUMSTANCE if tells else None


_OF_PEOPLE = (
    *(lexicon.PROFESSIONS, lexicon.SCHOOL, lexicon.OFFICE, lexicon.EVENTS),
    *(lexicon.LAW, lexicon.FAMILY, lexicon.NEIGHBOURS),
)


def _works(phrase: Sequence[Token], at: int, word: str, behind: str) -> bool:
    """Whether a person, and not a camera, is said to work somewhere or to run something."""
    if not any(_is_person(phrase, index) for index in range(max(0, at - SUBJECT), at)):
        return False
    return (word in lexicon.WORKS and behind in lexicon.WORKS_AT) or (word in lexicon.OWNS and behind in ARTICLES)


def _near(phrase: Sequence[Token], at: int) -> Sequence[Token]:
    return phrase[max(0, at - NEAR_PERSON) : at + NEAR_PERSON]


def _is_of_person(phrase: Sequence[Token], at: int) -> bool:
    return any(
        _is_person(phrase, index) for index in range(max(0, at - NEAR_PERSON), min(len(phrase), at + NEAR_PERSON))
    )


def _is_person(phrase: Sequence[Token], at: int) -> bool:
    """Whether a word names or points at a person: "my", "han", "naboen", and "i" where it is English."""
    token = phrase[at]
    if token.folded == "i":
        return token.stripped == "I" or (at + 1 < len(phrase) and phrase[at + 1].folded in lexicon.I_BEFORE)
    return token.folded in lexicon.PEOPLE or token.folded in lexicon.SHORTENED


def _extent(phrase: Sequence[Token], at: int) -> tuple[int, int]:
    """First and last word of a circumstance: from the word for the person to the end of the clause."""
    begin = next((index for index in range(max(0, at - BEFORE), at) if _is_person(phrase, index)), at)
    end = min(len(phrase) - 1, at + BEHIND)
    for index, (token, later) in enumerate(pairwise(phrase[at : end + 1]), at):
        if token.raw.endswith(",") and is_common(later.folded) and index > at:
            return begin, index
    return begin, end


def is_place(token: Token, *, cased: bool) -> bool:
    """Whether a word is a town's name; where nothing is capitalised, short ones are everyday words more often."""
    if not word_lists.is_place(token.folded) or token.folded in lexicon.MONTHS:
        return False
    return token.capital and not token.begins if cased else len(token.folded) >= LONG or not is_word(token.folded)


LATEST = 6.0  # seconds from the question to the first word of the answer
NEAR = 20.0  # seconds in which a number that was asked for is one even if it is short
SURE = 0.5  # score: a word recognised with less may be anything
BACKCHANNEL = 2  # words ("mm", "yes") of the asker that do not end the answer
_KEYWORDS = {word: kind for kind, said in cues.ABOUT.items() for word in said}


@dataclass(frozen=True, slots=True)
class Question:
    """The type of identifier that a sentence of one channel asks for or mentions; times in seconds.

    `start` is the keyword's, `end` the sentence's; `stated` is where the speaker states the identifier, else None.
    """

    type: Kind
    channel: int | None
    start: float
    end: float
    stated: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A time span of one channel, in seconds, that answers a question for an identifier of *type*."""

    start: float
    end: float
    channel: int | None
    type: Kind
    score: float


def find_questions(stream: Sequence[Token]) -> Iterator[Question]:
    """Yield a question for each sentence of one channel that mentions a type of identifier."""
    for first, last in _split_sentences(stream):
        sentence = stream[first : last + 1]
        kinds = {_KEYWORDS[token.folded] for token in sentence if token.folded in _KEYWORDS}
        if any((token.folded, other.folded) in cues.WHO for token, other in pairwise(sentence)):
            kinds.add(Kind.NAME)
        kind = next((kind for kind in ASKED if kind in kinds), None)
        if kind:
            keywords = [index for index, token in enumerate(sentence) if token.folded in _KEYWORDS]
            keyword = max(keywords, default=len(sentence) - 1)
            statement = _find_statement(sentence, keyword)
            stated = sentence[statement].start if statement else None
            yield Question(kind, sentence[0].channel, sentence[keyword].start, sentence[-1].end, stated)


def _find_statement(sentence: Sequence[Token], at: int) -> int | None:
    """Index of the first word after "the serial number is", where the speaker states it; None where it is asked for."""
    behind = at + 1
    if behind < len(sentence) and sentence[behind].folded in cues.MINE:
        behind += 1
    if behind + 1 < len(sentence) and sentence[behind].folded in cues.IS_OF_QUESTION:
        return behind + 1
    return behind if behind < len(sentence) and not is_harmless(sentence[behind].folded) else None


def _split_sentences(stream: Sequence[Token]) -> Iterator[tuple[int, int]]:
    first = 0
    for at, token in enumerate(stream):
        pause = at + 1 == len(stream) or stream[at + 1].start - token.end > 0.9
        if token.ends or pause:
            yield first, at
            first = at + 1


def find_answers(streams: Sequence[Sequence[Token]]) -> Iterator[Answer]:
    """Yield the answers to the questions of all channels: of the same speaker, another channel, or the mono channel."""
    for stream in streams:
        other_channels = [other for other in streams if other is not stream]
        for question in find_questions(stream):
            if question.stated is not None:
                yield from _trim_harmless(question, _take_statement(stream, question))
            elif other_channels:
                for answering in other_channels:
                    yield from _find_reply(question, stream, answering)
            else:
                yield from _find_reply_in_mono(question, stream)


def _take_statement(stream: Sequence[Token], question: Question) -> list[Token]:
    """The words from the statement to the end of its sentence, or to a pause of 1.5 s."""
    begin = question.stated or question.end
    tokens: list[Token] = []
    for token in _slice_by_start(stream, begin, begin + heard(question.type).longest):
        paused = bool(tokens) and token.start - tokens[-1].end > 1.5
        if paused or (tokens and tokens[-1].ends and token.start >= question.end):
            break
        tokens.append(token)
    return tokens


def _slice_by_start(stream: Sequence[Token], begin: float, end: float) -> Sequence[Token]:
    """The words that start from *begin* to before *end*."""
    first, behind = (bisect_left(stream, at, key=attrgetter("start")) for at in (begin, end))
    return stream[first:behind]


def _find_reply(question: Question, asking: Sequence[Token], answering: Sequence[Token]) -> Iterator[Answer]:
    """The answer of the other channel, which ends at the asker's next turn at the latest."""
    latest = question.end + LATEST + heard(question.type).longest
    tokens = _slice_by_start(
        answering, max(question.start, question.end - 1.0), _find_next_turn(asking, question.end, latest)
    )
    if tokens and tokens[0].start <= question.end + LATEST:
        yield from _trim_harmless(question, _take_telling_sentences(question, tokens))


def _take_telling_sentences(question: Question, tokens: Sequence[Token]) -> list[Token]:
    """Whole sentences up to the first that may hold the answer: "One moment. It is nine one two." """
    kept: list[Token] = []
    for token in tokens:
        pause = bool(kept) and token.start - kept[-1].end > 1.0
        if kept and (kept[-1].ends or pause) and any(_may_answer(token) for token in kept):
            break
        if kept and token.start > kept[0].start + heard(question.type).longest:
            break
        kept.append(token)
    return kept


def _may_answer(token: Token) -> bool:
    """Whether a word may be part of an answer: digits, not a harmless word, or recognised badly."""
    return has_digits(token) or not is_harmless(token.folded) or (token.score is not None and token.score < SURE)


def _find_next_turn(stream: Sequence[Token], after: float, latest: float) -> float:
    """Start of the next turn of a channel, *latest* if there is none; up to `BACKCHANNEL` words are not a turn."""
    later = _slice_by_start(stream, after + 0.2, latest)
    for at, token in enumerate(later):
        joined = [word for word in later[at : at + BACKCHANNEL + 1] if word.start - token.start < 2.5]
        if len(joined) > BACKCHANNEL:
            return token.start
    return latest


def _find_reply_in_mono(question: Question, stream: Sequence[Token]) -> Iterator[Answer]:
    """The answer where all speakers share one channel: the sentences that follow the question."""
    tokens = _slice_by_start(stream, question.end, question.end + LATEST + heard(question.type).longest)
    if tokens and tokens[0].start < question.end + LATEST:
        yield from _trim_harmless(question, _take_telling_sentences(question, tokens))


def _trim_harmless(question: Question, tokens: Sequence[Token]) -> Iterator[Answer]:
    """Yield the span without harmless words at both ends; nothing where all words are harmless and recognised well."""
    telling = [
        at
        for at, token in enumerate(tokens)
        if _may_answer(token) or (question.type is Kind.NAME and _may_be_name(token))
    ]
    if telling:
        first, last = tokens[telling[0]], tokens[telling[-1]]
        yield Answer(first.start, last.end, first.channel, question.type, 0.6)


def _may_be_name(token: Token) -> bool:
    """Whether a word is a listed name, however common it is as a word."""
    is_listed = word_lists.is_given(token.folded) or word_lists.is_family(token.folded)
    return is_listed and len(token.folded) > 2 and token.folded not in AROUND


def mark_near_questions(stream: Sequence[Token], asked: Sequence[Question]) -> list[bool]:
    """Mark the words of a channel before which, within `NEAR` seconds, a number, code or address was asked for."""
    times = sorted(question.start for question in asked if question.type in {Kind.NUMBER, Kind.CODE, Kind.ADDRESS})
    latest = [bisect_left(times, token.start + 0.001) - 1 for token in stream]  # the last question before each word
    return [index >= 0 and token.start - times[index] < NEAR for token, index in zip(stream, latest, strict=True)]


SURE_NAME = 0.7  # score of a name after a cue that demands one, of a listed name, of a name by the tagger


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of one channel (None: of all) that identifies a person; seconds from the start of the recording."""

    start: float
    end: float
    channel: int | None
    type: Kind
    source: str
    score: float
    timed: bool = True  # False where the times of any of its words were interpolated


def split_words(words: Sequence[Word]) -> list[list[Word]]:
    """The words of each channel, sorted by start; those without a channel come first, as a channel of their own."""
    channels = sorted({word.channel for word in words}, key=lambda channel: -1 if channel is None else channel)
    return [
        sorted((word for word in words if word.channel == channel), key=attrgetter("start")) for channel in channels
    ]


def split_channels(words: Sequence[Word]) -> list[list[Token]]:
    """The tokens of each channel, in the order of `split_words`."""
    return [tokenise(own) for own in split_words(words)]


def find_identifiers(words: Sequence[Word], known: phonetic.KnownNames) -> list[Finding]:
    """The findings of the rules, sorted by start; raises Integrity where a list that we ship is damaged."""
    streams = split_channels(words)
    asked = [question for stream in streams for question in find_questions(stream)]
    near = [mark_near_questions(stream, asked) for stream in streams]
    found_by_channel = [
        list(find_in_channel(stream, known, marks)) for stream, marks in zip(streams, near, strict=True)
    ]
    channels = list(zip(streams, found_by_channel, strict=True))
    spoken = [
        number for stream, marks in zip(streams, near, strict=True) for number in numbers.list_numbers(stream, marks)
    ]
    name_words = {word for stream, matches in channels for word in _split_names(stream, matches)}
    for (_, matches), secret in zip(channels, secrets.find_secrets(streams), strict=True):
        matches += secret
    for stream, matches in channels:
        matches += [*numbers.find_repeated(stream, spoken), *_find_repeated_names(stream, name_words)]
    findings = [_to_finding(stream, match) for stream, matches in channels for match in matches]
    findings += [
        Finding(answer.start, answer.end, answer.channel, answer.type, "answer", answer.score)
        for answer in find_answers(streams)
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
    yield from match_health(stream)


def find_circumstances(words: Sequence[Word]) -> list[Finding]:
    """The circumstances for a reviewer to look at, sorted by start."""
    findings = [_to_finding(stream, match) for stream in split_channels(words) for match in match_circumstances(stream)]
    return sorted(findings, key=lambda finding: (finding.start, finding.end))


def _split_names(stream: Sequence[Token], matches: Sequence[Match]) -> Iterator[str]:
    """The words of names found with a score of `SURE_NAME` or more; elsewhere in the call they are names, too."""
    for match in matches:
        if match.type is Kind.NAME and match.score >= SURE_NAME and match.source != "known":
            words = (token.folded.removesuffix("'s") for token in stream[match.first : match.last + 1])
            yield from (word for word in words if _is_name(word))


def _is_name(word: str) -> bool:
    return len(word) >= 3 and not is_harmless(word) and word not in cues.NOT_PEOPLE


def _find_repeated_names(stream: Sequence[Token], name_words: set[str]) -> Iterator[Match]:
    for at, token in enumerate(stream):
        if {token.folded, token.folded.removesuffix("'s"), token.folded.removesuffix("s")} & name_words:
            yield Match(at, at, Kind.NAME, "repeated", SURE_NAME)


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
