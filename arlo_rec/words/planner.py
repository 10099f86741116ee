"""Plan the cuts of a call from its sound and its transcripts.

    1  voice activity and DTMF keys of the sound       2  align each transcript with it, or refuse it (`alignment`)
    3  find what identifies in each transcript         4  find speech that no word covers
    5  strict: add all speech that is not surely harmless    6  pad, snap to quiet steps, join

It decides no access to the call and touches no store. The plan's `warnings` are reasons for a person to review it. One
is that nothing was understood: an engine that does not know a language still writes words, in the right places, so that
a plan without findings would look right. Three measures show it: the scores of the words, the share of them in our
lists, and the language that was detected if none was given. Measured with "base" on real Norwegian and Danish and on
English calls.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Final

from arlo_rec.law.model.errors import Usage
from arlo_rec.sound.audio import Sound
from arlo_rec.sound.audio.activity import (
    STEP,
    Activity,
    detect_activity,
    detect_keys,
    find_spans,
    join_keys,
    mask_spans,
)
from arlo_rec.sound.audio.cut_list import LOOK, Cut, Kind
from arlo_rec.sound.speech import NO_SCORES, NOT_UNDERSTOOD, NOTHING_FOUND, UNPROVEN, Plan, Transcript, Word
from arlo_rec.words import alignment, loops
from arlo_rec.words.alignment import Fitted, find_uncovered, is_plausible, measure_coverage
from arlo_rec.words.detectors import identifiers, lexicon, names, phonetic, second_hearing, weighing, word_lists
from arlo_rec.words.detectors.identifiers import Finding
from arlo_rec.words.detectors.word_lists import is_common

LEAST_SCORE: Final = 0.56  # mean score of the words, by their length; Norwegian: 0.48 to 0.69, English: 0.59 to 0.97
LEAST_KNOWN: Final = 0.45  # share of the words that a list has; talk in five languages: 0.61 and more
LEAST_BOTH: Final = 0.45  # product of both; Norwegian and Danish: up to 0.44, English: 0.46 and more
LEAST_SURE: Final = 0.7  # of the language that was detected: nynorsk 0.23 to 0.66, English 0.97 and more
SURE_SCORE: Final = 0.75  # mean score with which an unsure language is excused
LONGEST: Final = 1.0  # seconds for which a word counts: engines extend words over missed speech
FEW: Final = 10  # words of a channel that are not judged alone
FEWEST: Final = 3  # words from which their share in lists counts
FULL: Final = 0.5  # share of the words of the fullest transcript that another needs to stand for a channel
LANGUAGES: Final = frozenset({"no", "nb", "nn", "en", "sv", "da"})  # of which we have lists
ALIGNERS: Final = frozenset(
    {"whisperx"}
)  # their scores say how well words fit their times, not how well they were heard


def is_understood(transcripts: Sequence[Transcript]) -> bool:
    """Whether every channel has at least one transcript that was understood."""
    channels = {word.channel for transcript in transcripts for word in transcript.words}
    return all(
        any(_understands(transcript, channel) for transcript in _full(transcripts, channel)) for channel in channels
    )


def _full(transcripts: Sequence[Transcript], channel: int | None) -> list[Transcript]:
    """The transcripts with at least `FULL` times the words of the one with most words of the channel."""
    counts = [len(_of_channel(transcript, channel)) for transcript in transcripts]
    return [
        transcript for transcript, count in zip(transcripts, counts, strict=True) if 0 < count >= FULL * max(counts)
    ]


def _understands(transcript: Transcript, channel: int | None) -> bool:
    """Whether the words of a channel were understood; fewer than `FEW` are judged with those of the other channels."""
    words = _of_channel(transcript, channel)
    alone = len(words) >= FEW
    words = words if alone else transcript.words
    score = _mean_score(transcript, words)
    if len(words) < FEWEST:
        return score is None or score >= LEAST_SCORE
    known = sum(_is_known(word) for word in words) / len(words)
    detected = [language for language in transcript.languages if not alone or language.channel == channel]
    if any(language.name not in LANGUAGES for language in detected):
        return False
    if score is None:
        return known >= LEAST_KNOWN
    if score < SURE_SCORE and any(language.sure < LEAST_SURE for language in detected):
        return False
    return score >= LEAST_SCORE and score * known >= LEAST_BOTH


def _of_channel(transcript: Transcript, channel: int | None) -> tuple[Word, ...]:
    return tuple(word for word in transcript.words if word.channel == channel)


def _mean_score(transcript: Transcript, words: Sequence[Word]) -> float | None:
    """Mean score of the words, by length; None without scores of recognition."""
    scored = [(min(LONGEST, max(0.01, word.end - word.start)), word.score) for word in words if word.score is not None]
    if not scored or transcript.form in ALIGNERS:
        return None
    return sum(length * score for length, score in scored) / sum(length for length, _ in scored)


def _is_known(word: Word) -> bool:
    folded = word.text.strip(" .,;:?!…\"'“”„«»()-–—").casefold()
    return (
        any(sign.isdigit() for sign in folded)
        or folded in _numbers()
        or word_lists.is_harmless(folded)
        or word_lists.is_given(folded)
        or word_lists.is_family(folded)
    )


@cache
def _numbers() -> frozenset[str]:
    return frozenset({*lexicon.UNITS, *lexicon.TEENS, *lexicon.TENS, *lexicon.HUNDREDS, *lexicon.THOUSANDS})


PAD = 0.3  # seconds added at both ends: 90 % of corrected word starts are within
PAD_OF_SEVERAL = 0.2  # where engines differ, what they found together is wider by itself
PAD_OF_SOUND = 0.1  # for findings located in the sound itself
FROM_SOUND = frozenset(["strict", "no_words", "sound"])
PAD_UNTIMED = 1.0  # for words whose times were interpolated
PAD_UNSURE = 0.8  # where the offset of a transcript is uncertain
SNAP = 0.25  # seconds searched outwards for a quiet step
SNAP_OF_SOUND = 0.1  # for speech without words: the words beside it are kept
JOIN = 0.5  # seconds: cuts closer together become one
SURE = 0.5  # score from which strict mode keeps a harmless word
REACH = 0.1  # seconds around a kept word that count as its speech
HEARD_BADLY = 0.4  # score: with less, another word may have been said
EDGE = 0.2  # seconds of speech between kept words that count as theirs: engines' times are off by as much
EVEN, EVEN_GAP, EVEN_SHORTEST = 0.5, 0.5, 0.3  # score; seconds within and of a stretch that is listed for the reviewer
LOOK_SHORTEST = 0.8  # seconds of a stretch to look at that is left audible: less is the padding around a cut
LOW_COVER = 0.8  # share of the speech in words below which a person is warned
NAME_SHORTEST, NAME_LONGEST = 0.25, 1.5  # seconds of wordless speech after a cue
DIGIT = 0.3  # seconds in which a digit is said
UNHEARD = 0.5  # seconds of speech without a word that are cut in detect mode; shorter ones are breaths and "mm"


def plan(
    sound: Sound,
    transcripts: Sequence[Transcript],
    people: Sequence[str],
    *,
    strict: bool,
    cut_circumstances: bool = False,
    lead: float = 0.0,
) -> Plan:
    """Plan the cuts of a call for which the names of *people* are known.

    *lead* is the length in seconds of what was removed from the start of the recording: transcripts may count from
    before it. *strict* also cuts all speech that is not confidently harmless. Circumstances are
    cut in that mode and with *cut_circumstances*, else listed for a reviewer to look at. Raises what
    `alignment.fit` raises; Usage `scores_missing` in *strict* without any scores; ValueError without transcripts.
    """
    if not transcripts:
        raise ValueError("a plan is made from words")
    _demand_scores(transcripts, strict=strict)
    fitted = alignment.fit(sound, detect_activity(sound), list(map(loops.mark, transcripts)), lead)
    activity, with_words = fitted.activity, fitted.with_words
    passes = [transcript.words for transcript in with_words]
    all_words = [word for words in passes for word in words]
    results = [weighing.find(words, phonetic.prepare_names(people)) for words in passes]
    by_engine: dict[int, list[Finding]] = defaultdict(list)
    for transcript, result in zip(with_words, results, strict=True):
        by_engine[transcript.source.engine] += [*result.identifiers, *(result.possible if strict else ())]
    findings = [*chain(*by_engine.values())] if strict else list(second_hearing.borne_out(by_engine))
    findings += [redaction for transcript in fitted.aligned for redaction in transcript.redactions]
    findings += _find_keys(sound)
    findings += _find_wordless_speech(activity, all_words)
    findings += _find_names_after_cues(activity, passes)
    circumstances = [finding for result in results for finding in result.circumstances]
    doubtful = list(second_hearing.find(_by_engine(with_words)))
    if strict:
        findings += doubtful
        findings += _find_unexplained_speech(activity, passes, {word for result in results for word in result.harmless})
    findings += circumstances if strict or cut_circumstances else []
    pad = _pad(with_words, strict=strict)
    cuts = _join_cuts(_to_cut(finding, activity, sound.duration, pad) for finding in _said_out(findings, all_words))
    to_look = [*([] if strict else doubtful), *([] if strict or cut_circumstances else circumstances)]
    look_here = _look_here(to_look, cuts, activity, sound.duration)
    return Plan(
        (*cuts, *look_here),
        measure_coverage(all_words, activity),
        tuple(transcript.offset_s for transcript in with_words),
        tuple(_list_warnings(sound, fitted, cuts)),
        tuple(_list_doubtful(_not_confirmed(with_words), cuts)),
        tuple(map(tuple, passes)),
        fitted.dropped,
    )


def _demand_scores(transcripts: Sequence[Transcript], *, strict: bool) -> None:
    """Raise Usage in *strict* mode where no word has a score: nothing says then which words were surely heard."""
    words = [word for transcript in transcripts for word in transcript.words]
    if strict and words and all(word.score is None for word in words):
        raise Usage("scores_missing")


def _by_engine(transcripts: Sequence[alignment.Aligned]) -> list[list[list[Word]]]:
    """The words of transcripts that engines made here, by engine."""
    numbers = sorted({each.source.engine for each in transcripts if each.own})
    return [[each.words for each in transcripts if each.own and each.source.engine == number] for number in numbers]


def _said_out(findings: Iterable[Finding], words: Sequence[Word]) -> Iterator[Finding]:
    """Findings that end with digits, until these can have been said: engines end "406." up to 0.4 s early."""
    digits = ((word, sum(map(str.isdigit, word.text))) for word in words)
    ends = {(word.channel, word.end): word.start + DIGIT * count for word, count in digits if count}
    for finding in findings:
        yield replace(finding, end=max(finding.end, ends.get((finding.channel, finding.end), 0.0)))


def _pad(transcripts: Sequence[alignment.Aligned], *, strict: bool) -> float:
    """The seconds that are added to a finding at both ends; in *strict* mode another engine takes none of them away."""
    if not all(transcript.fit.sure and transcript.steady for transcript in transcripts):
        return PAD_UNSURE
    is_one = len({transcript.source.engine for transcript in transcripts}) == 1
    return PAD if strict or is_one else PAD_OF_SEVERAL


def _not_confirmed(transcripts: Sequence[alignment.Aligned]) -> list[Word]:
    """The words of the first transcript that no other engine heard well, too."""
    first, *others = transcripts
    engine = first.source.engine if first.own else None
    of_others = [other.words for other in others if other.own and other.source.engine != engine]
    sure = second_hearing.confirmed(first.words, of_others)
    return [word for word in first.words if word not in sure]


def _find_keys(sound: Sound) -> Iterator[Finding]:
    """The keys that were pressed, by their tones."""
    for run in join_keys(detect_keys(sound)):
        yield Finding(run.start, run.end, run.channel, Kind.KEYS, "sound", 0.99)


def _find_wordless_speech(activity: Activity, words: Sequence[Word]) -> Iterator[Finding]:
    """Speech of at least `UNHEARD` seconds that no pass has a word for."""
    for channel, start, end in find_uncovered(words, activity, shortest=UNHEARD):
        yield Finding(start, end, channel, Kind.SPEECH, "no_words", 0.5)


def _find_names_after_cues(activity: Activity, passes: Sequence[Sequence[Word]]) -> Iterator[Finding]:
    """Speech without a word of any pass right after "my name is" or "thank you": probably a name that was missed."""
    starts = defaultdict(list)
    for word in sorted((word for words in passes for word in words if is_plausible(word)), key=lambda each: each.start):
        starts[word.channel].append(word.start)
    for stream in (stream for words in passes for stream in identifiers.split_channels(words)):
        for index, token in enumerate(stream):
            if not (names.is_greeting(stream, index) or names.asks_name(stream, index)):
                continue
            later = starts[token.channel]
            end = min(
                [activity.speech.shape[1] * STEP, token.end + NAME_LONGEST, *later[bisect_left(later, token.end) :][:1]]
            )
            first, last = round((token.end + 0.05) / STEP), round(end / STEP)
            speech = activity.speech[_rows(token.channel), first:last].any(axis=0)
            spoken = int(speech.sum()) * STEP if last > first else 0.0
            if spoken >= NAME_SHORTEST:
                yield Finding(token.end, end, token.channel, Kind.NAME, "no_words", 0.5)


def _find_unexplained_speech(
    activity: Activity, passes: Sequence[Sequence[Word]], harmless: Container[Word]
) -> Iterator[Finding]:
    """Find for strict mode speech without a surely harmless word, and all speech within `PAD` of any other word.

    A word is harmless if it is common, or one of *harmless*. A breath or an ending shorter than `EDGE` between kept
    words is kept with them; a word that was heard badly explains nothing.
    """
    steps = activity.speech.shape[1]
    for channel, speech in enumerate(activity.speech):
        words = [word for own_words in passes for word in own_words if word.channel in (None, channel)]
        harmless_words = [word for word in words if word in harmless or _is_common_word(word)]
        sure = [word for word in harmless_words if _is_heard_surely(word)]
        near = mask_spans(steps, [(word.start - REACH, word.end + REACH) for word in sure])
        bad = mask_spans(steps, [(word.start - PAD, word.end + PAD) for word in set(words) - set(harmless_words)])
        badly = [(word.start - REACH, word.end + REACH) for word in words if _is_heard_badly(word)]
        bad |= mask_spans(steps, badly) & ~mask_spans(steps, [(word.start, word.end) for word in sure])
        for start, end in find_spans(speech & ~(near & ~bad)):
            if end - start >= EDGE or bad[round(start / STEP) : round(end / STEP)].any():
                yield Finding(start, end, channel, Kind.SPEECH, "strict", 0.5)


def _is_heard_badly(word: Word) -> bool:
    return word.score is not None and word.score < HEARD_BADLY


def _is_heard_surely(word: Word) -> bool:
    return word.timed and is_plausible(word) and word.score is not None and word.score >= SURE


def _is_common_word(word: Word) -> bool:
    """Whether a word is common, and no given name with a capital."""
    text = word.text.strip(" .,;:?!\"'-")
    return is_common(text.casefold()) and not (text[:1].isupper() and word_lists.is_given(text.casefold()))


# -- edges --------------------------------------------------------------------------------------------


def _to_cut(finding: Finding, activity: Activity, duration: float, pad: float) -> Cut:
    """Pad and snap a finding to a cut of all channels, since cross-talk carries a name into the other channel."""
    wide = PAD_OF_SOUND if finding.source in FROM_SOUND else pad if finding.timed else max(pad, PAD_UNTIMED)
    snap = SNAP_OF_SOUND if finding.source == "strict" else SNAP
    start = _find_quiet(activity, finding.channel, finding.start - wide, -1, snap)
    end = _find_quiet(activity, finding.channel, finding.end + wide, 1, snap)
    return Cut(
        round(max(0.0, start), 3),
        round(min(duration, end), 3),
        None,
        (finding.type,),
        (finding.source,),
        round(finding.score, 2),
    )


def _look_here(
    circumstances: Sequence[Finding], cuts: Sequence[Cut], activity: Activity, duration: float
) -> Iterator[Cut]:
    """Yield uncut stretches for a reviewer to look at."""
    starts = [cut.start for cut in cuts]
    for cut in _join_cuts(_to_cut(finding, activity, duration, PAD) for finding in circumstances):
        if any(end - start >= LOOK_SHORTEST for start, end in _subtract_cuts(cut, cuts, starts)):
            yield replace(cut, sources=(LOOK,), status=LOOK)


def _find_quiet(activity: Activity, channel: int | None, at: float, direction: int, within: float) -> float:
    """Time of the first step without speech outwards of *at*, *within* seconds; else of the quietest step there."""
    first = round(at / STEP)
    steps = [first + direction * distance for distance in range(round(within / STEP) + 1)]
    steps = [step for step in steps if 0 <= step < activity.speech.shape[1]]
    if not steps:
        return at
    speech = activity.speech[_rows(channel)][:, steps].any(axis=0)
    if not speech.all():
        return steps[int(speech.argmin())] * STEP
    level = activity.level[_rows(channel)][:, steps].max(axis=0)
    return steps[int(level.argmin())] * STEP


def _rows(channel: int | None) -> slice:
    """Rows of one channel in the arrays of an activity, or of all."""
    return slice(None) if channel is None else slice(channel, channel + 1)


def _join_cuts(cuts: Iterator[Cut]) -> list[Cut]:
    """Join cuts less than `JOIN` apart, with all their types and sources and the highest score."""
    joined: list[Cut] = []
    for cut in sorted((cut for cut in cuts if cut.end > cut.start), key=lambda cut: (cut.start, cut.end)):
        if joined and cut.start - joined[-1].end < JOIN:
            last = joined[-1]
            joined[-1] = replace(
                last,
                end=max(last.end, cut.end),
                types=tuple(sorted({*last.types, *cut.types})),
                sources=tuple(sorted({*last.sources, *cut.sources})),
                score=max(last.score or 0.0, cut.score or 0.0),
            )
        else:
            joined.append(cut)
    return joined


# -- for the reviewer ---------------------------------------------------------------------


def _list_warnings(sound: Sound, fitted: Fitted, cuts: Sequence[Cut]) -> Iterator[str]:
    activity, with_words = fitted.activity, fitted.with_words
    words = [word for transcript in with_words for word in transcript.words]
    if not is_understood([transcript.as_heard for transcript in with_words]):
        yield NOT_UNDERSTOOD
    if not fitted.proven:
        yield UNPROVEN
    if not cuts:
        yield NOTHING_FOUND
    if measure_coverage(words, activity) < LOW_COVER:
        yield "low_cover"
    if not all(transcript.fit.sure and transcript.steady for transcript in with_words):
        yield "offset_unsure"
    if any(not word.timed for word in words):
        yield "times_worked_out"
    if all(word.score is None for word in with_words[0].words):
        yield NO_SCORES
    if any(transcript.outside for transcript in fitted.aligned):
        yield "redaction_outside"
    if fitted.dropped:
        yield "transcript_dropped"
    if fitted.unmeasured:
        yield "speech_unmeasured"
    for channel in range(sound.channels):
        spoken = bool(activity.speech[channel].any())
        if spoken and not any(word.channel in (None, channel) for word in words):
            yield f"no_words_in_channel_{channel}"


def _list_doubtful(words: Sequence[Word], cuts: Sequence[Cut]) -> list[tuple[float, float, int | None]]:
    """Start, end and channel of uncut spans for the reviewer to check, sorted by time; *words* are not confirmed.

    These are words with a score below `EVEN`, joined where they follow each other, and the uncut parts of implausibly
    long words: these may hide unwritten speech.
    """
    starts = [cut.start for cut in cuts]
    spans = list(_join_low_scores(words, cuts, starts))
    for word in words:
        if not is_plausible(word):
            uncut = _subtract_cuts(word, cuts, starts)
            spans += [(start, end, word.channel) for start, end in uncut if end - start >= EVEN_SHORTEST]
    return sorted(set(spans), key=lambda span: span[:2])


def _subtract_cuts(word: Word | Cut, cuts: Sequence[Cut], starts: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Yield the parts of a word, or of another stretch, outside all cuts, which are sorted and do not overlap."""
    time = word.start
    for cut in cuts[max(0, bisect_left(starts, time) - 1) : bisect_left(starts, word.end)]:
        if cut.start > time:
            yield time, cut.start
        time = max(time, cut.end)
    if word.end > time:
        yield time, word.end


def _join_low_scores(
    words: Sequence[Word], cuts: Sequence[Cut], starts: Sequence[float]
) -> Iterator[tuple[float, float, int | None]]:
    run: tuple[float, float, int | None] | None = None
    for word in words:
        before = bisect_left(starts, word.end) - 1  # the last cut that begins before the word ends
        stays = before < 0 or cuts[before].end <= word.start
        low = stays and is_plausible(word) and word.score is not None and word.score < EVEN
        if low and run is not None and run[2] == word.channel and word.start - run[1] < EVEN_GAP:
            run = (run[0], word.end, word.channel)
            continue
        if run is not None and run[1] - run[0] >= EVEN_SHORTEST:
            yield run
        run = (word.start, word.end, word.channel) if low else None
    if run is not None and run[1] - run[0] >= EVEN_SHORTEST:
        yield run
