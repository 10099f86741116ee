"""From what was heard to what is to be cut: passes united, times corrected, edges moved outwards to where it is quiet.

    1  activity and keys of the sound itself       2  each transcript: does it fit, by how much is it late
    3  findings of each                            4  speech that no word covers
    5  strict: all that is not confidently harmless    6  padded, snapped, joined
It decides nothing about who may do what with it, and touches no store. Why a person has to look stands in `warnings`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from arlo_rec.audio import Sound
from arlo_rec.audio.activity import STEP, Activity, detect_activity, find_spans, mask_spans
from arlo_rec.audio.dtmf import detect_keys, join_keys
from arlo_rec.model.errors import Usage
from arlo_rec.speech.cut_list import Cut
from arlo_rec.speech.detectors import identifiers, name_lists, names, phonetic
from arlo_rec.speech.detectors.harmless import is_harmless
from arlo_rec.speech.detectors.identifiers import Finding
from arlo_rec.speech.planning.alignment import (
    LEAST_COVER,
    Fit,
    cover_of_speech,
    is_crowded,
    is_plausible,
    is_steady,
    misfit,
    offset,
    shifted,
    uncovered,
)
from arlo_rec.speech.words import ENGINE, Transcript, Word

if TYPE_CHECKING:
    from arlo_rec.speech.engines.name_model import Labeller

PAD = 0.3  # seconds either way: 90 % of corrected word starts lie within
PAD_OF_SOUND = 0.1  # where the sound itself says where it is
FROM_SOUND = frozenset(["strict", "no_words", "sound"])
PAD_UNTIMED = 1.0  # where times were worked out from the neighbours'
PAD_UNSURE = 0.8  # where it is not sure by how much the times are off
SNAP = 0.25  # seconds outwards, to the next quiet step
JOIN = 0.5  # seconds between two cuts that become one
SURE = 0.6  # in strict mode a word stays that was heard with this and more
REACH = 0.1  # seconds that a word that stays is believed to reach further than its times
EVEN, EVEN_GAP, EVEN_SHORTEST = 0.5, 0.5, 0.3  # score; seconds within and of a stretch that is listed for the reviewer
LOW_COVER = 0.8  # of the speech in words: less and a person must look
NAME_SHORTEST, NAME_LONGEST = 0.25, 1.5  # seconds of speech behind a cue that no word covers
NEXT = 8  # words behind a cue, of which the first that lasts plausibly long ends what the engine could not spell
UNHEARD = 0.5  # seconds of speech without a word that are cut in detect mode; shorter ones are breaths and "mm"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to cut and why somebody has to look at it."""

    cuts: tuple[Cut, ...]
    cover_of_speech: float
    offsets: tuple[float, ...]  # seconds that were added to the times of each transcript that has words
    warnings: tuple[str, ...]
    unsure: tuple[tuple[float, float, int | None], ...]  # heard badly, or for implausibly long, and not cut
    words: tuple[Word, ...] = field(repr=False)  # of the first transcript that has any, with corrected times


def plan(
    sound: Sound,
    transcripts: Sequence[Transcript],
    people: Sequence[str],
    *,
    strict: bool,
    lead: float = 0.0,
    labeller: Labeller | None = None,
) -> Plan:
    """The cuts of a call in which *people* are known; *lead* are seconds of it that were cut before what is left.

    Raises Usage `transcript_misfit` for a transcript that is not of this sound.
    """
    if not transcripts:
        raise ValueError("a plan is made from words")
    heard = detect_activity(sound)
    every_one = [_fitted(sound, heard, one, lead, count) for count, one in enumerate(transcripts, 1)]
    fitted = _alike([one for one in every_one if one.words or not one.redactions] or every_one)
    passes = [one.words for one in fitted]
    if cover_of_speech([one for words in passes for one in words], heard) < LEAST_COVER:
        raise Usage("transcript_misfit", place="1", why="covers_too_little")
    known = phonetic.prepare_names(people)
    every = [one for words in passes for one in words]
    findings = [one for words in passes for one in identifiers.find_identifiers(words, known, labeller)]
    findings += [each for one in every_one for each in one.redactions]
    findings += [
        Finding(one.start, one.end, one.channel, "keys", "sound", 0.99) for one in join_keys(detect_keys(sound))
    ]
    findings += _without_words(heard, every)
    findings += [one for words in passes for one in _behind_cues(heard, words)]
    if strict:
        findings += _not_kept(heard, passes)
    sure = all(one.fit.sure and one.steady for one in fitted)
    cuts = _joined(_cut(one, heard, sound.duration, PAD if sure else PAD_UNSURE) for one in findings)
    return Plan(
        tuple(cuts),
        cover_of_speech(every, heard),
        tuple(one.by for one in fitted),
        tuple(_warnings(sound, heard, fitted, every_one, cuts)),
        tuple(_heard_badly(passes[0], cuts)),
        tuple(passes[0]),
    )


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A transcript moved onto the speech of a sound, *by* so many seconds."""

    words: list[Word]
    redactions: list[Finding]
    fit: Fit
    by: float
    own: bool  # heard here, in this very sound
    steady: bool  # False: off by more in one part than in another
    outside: bool  # a redaction lies behind the end


def _fitted(sound: Sound, heard: Activity, transcript: Transcript, lead: float, count: int) -> _Fitted:
    """As it counts from the sound's own begin, or from *lead* seconds before it: whichever agrees better."""
    _demand_sane(sound, transcript, count)
    words = [_in(sound, each) for each in transcript.words]
    starts = [0.0, -lead] if lead > 0 else [0.0]
    tried = [(_moved(words, by), by) for by in starts]
    moved, by = max(tried, key=lambda one: offset(one[0], heard).agreement if one[0] else -1.0)
    own = transcript.form == ENGINE
    why = None if own else misfit(moved, heard, sound.duration)
    if why is not None and why != "covers_too_little":  # what another one may cover
        raise Usage("transcript_misfit", place=str(count), why=why)
    fit = offset(moved, heard)
    if fit.sure:
        moved, by = _moved(moved, fit.offset_s), by + fit.offset_s
    marked = [
        Finding(max(0.0, one.start + by), one.end + by, _channel(sound, one.channel), "other", "vendor", 1.0)
        for one in transcript.redactions
        if one.end + by > 0
    ]
    steady = own or not fit.sure or is_steady(moved, heard)
    outside = any(one.start >= sound.duration for one in marked)
    return _Fitted(moved, marked, fit, round(by, 3), own, steady, outside)


def _demand_sane(sound: Sound, transcript: Transcript, count: int) -> None:
    """Raise Usage for channels that the sound lacks, and for more words or redactions than cost little."""
    channels = {one.channel for one in transcript.words} | {one.channel for one in transcript.redactions}
    if sound.channels > 1 and not channels <= {None, *range(sound.channels)}:
        raise Usage("transcript_misfit", place=str(count), why="no_such_channel")
    if is_crowded([one.start for one in transcript.redactions], sound.duration, sound.channels):
        raise Usage("transcript_misfit", place=str(count), why="too_many_redactions")


def _alike(fitted: list[_Fitted]) -> list[_Fitted]:
    """Passes of one engine are late by the same: one that is too thin to tell goes by another one."""
    sure = next((one for one in fitted if one.own and one.fit.sure), None)
    if sure is None:
        return fitted
    return [
        replace(one, words=_moved(one.words, sure.by), by=sure.by, fit=sure.fit)
        if one.own and not one.fit.sure
        else one
        for one in fitted
    ]


def _moved(words: Sequence[Word], by: float) -> list[Word]:
    """The same words *by* seconds later; those that end before the sound begins are not of it."""
    return [one for one in shifted(words, by) if one.end > 0] if by else list(words)


def _in(sound: Sound, word: Word) -> Word:
    return word if sound.channels > 1 else replace(word, channel=_channel(sound, word.channel))


def _channel(sound: Sound, channel: int | None) -> int | None:
    """In one channel every word is of that channel, whoever spoke."""
    return channel if sound.channels > 1 else None


def _without_words(heard: Activity, words: Sequence[Word]) -> Iterator[Finding]:
    """Speech that no pass has a word for."""
    for channel, start, end in uncovered(words, heard, shortest=UNHEARD):
        yield Finding(start, end, channel, "speech", "no_words", 0.5)


def _behind_cues(heard: Activity, words: Sequence[Word]) -> Iterator[Finding]:
    """Speech without a word right behind "my name is" or "thank you": there stands what the engine could not spell."""
    for stream in identifiers.split_channels(words):
        for at, one in enumerate(stream):
            if not (names.is_greeting(stream, at) or names.asks_name(stream, at)):
                continue
            following = [each.start for each in stream[at + 1 : at + 1 + NEXT] if is_plausible(each)]
            behind = min([heard.speech.shape[1] * STEP, one.end + NAME_LONGEST, *following[:1]])
            first, last = round((one.end + 0.05) / STEP), round(behind / STEP)
            spoken = int(heard.speech[_rows(one.channel), first:last].any(axis=0).sum()) * STEP if last > first else 0.0
            if spoken >= NAME_SHORTEST:
                yield Finding(one.end, behind, one.channel, "name", "no_words", 0.5)


def _not_kept(heard: Activity, passes: Sequence[Sequence[Word]]) -> Iterator[Finding]:
    """Strict: speech that no pass explains by harmless words that it heard well, and all around any other word."""
    channels, steps = heard.speech.shape
    for channel in range(channels):
        mine = [one for words in passes for one in words if one.channel in (None, channel)]
        good = mask_spans(steps, [(one.start - REACH, one.end + REACH) for one in mine if _stays(one)])
        bad = mask_spans(steps, [(one.start - PAD, one.end + PAD) for one in mine if not _says_nothing(one)])
        for start, end in find_spans(heard.speech[channel] & ~(good & ~bad)):
            yield Finding(start, end, channel, "speech", "strict", 0.5)


def _stays(word: Word) -> bool:
    return word.timed and is_plausible(word) and _says_nothing(word) and (word.score is None or word.score >= SURE)


def _says_nothing(word: Word) -> bool:
    """Whether a word is in the list of harmless ones, and not written like the name that it may be, too."""
    text = word.text.strip(" .,;:?!\"'-")
    return is_harmless(text.casefold()) and not (text[:1].isupper() and name_lists.is_given(text.casefold()))


# -- edges --------------------------------------------------------------------------------------------


def _cut(one: Finding, heard: Activity, duration: float, pad: float) -> Cut:
    """A finding as a cut of all channels: cross-talk carries a name into the other one."""
    wide = PAD_OF_SOUND if one.source in FROM_SOUND else pad if one.timed else max(pad, PAD_UNTIMED)
    start = _quiet(heard, one.channel, one.start - wide, -1)
    end = _quiet(heard, one.channel, one.end + wide, 1)
    return Cut(
        round(max(0.0, start), 3), round(min(duration, end), 3), None, (one.type,), (one.source,), round(one.score, 2)
    )


def _quiet(heard: Activity, channel: int | None, at: float, way: int) -> float:
    """The first step outwards without speech, at most `SNAP` away; else the quietest there."""
    first = round(at / STEP)
    places = [first + way * each for each in range(round(SNAP / STEP) + 1)]
    places = [each for each in places if 0 <= each < heard.speech.shape[1]]
    if not places:
        return at
    speech = heard.speech[_rows(channel)][:, places].any(axis=0)
    if not speech.all():
        return places[int(speech.argmin())] * STEP
    level = heard.level[_rows(channel)][:, places].max(axis=0)
    return places[int(level.argmin())] * STEP


def _rows(channel: int | None) -> slice:
    """One channel of an activity, or all of them."""
    return slice(None) if channel is None else slice(channel, channel + 1)


def _joined(cuts: Iterator[Cut]) -> list[Cut]:
    """Cuts that touch or nearly touch as one, with all their types and sources and the surest score."""
    made: list[Cut] = []
    for one in sorted((each for each in cuts if each.end > each.start), key=lambda each: (each.start, each.end)):
        if made and one.start - made[-1].end < JOIN:
            last = made[-1]
            made[-1] = replace(
                last,
                end=max(last.end, one.end),
                types=tuple(sorted({*last.types, *one.types})),
                sources=tuple(sorted({*last.sources, *one.sources})),
                score=max(last.score or 0.0, one.score or 0.0),
            )
        else:
            made.append(one)
    return made


# -- what a person has to know ------------------------------------------------------------------------


def _warnings(
    sound: Sound, heard: Activity, fitted: Sequence[_Fitted], every: Sequence[_Fitted], cuts: Sequence[Cut]
) -> Iterator[str]:
    words = [one for each in fitted for one in each.words]
    if not cuts:
        yield "nothing_found"
    if cover_of_speech(words, heard) < LOW_COVER:
        yield "low_cover"
    if not all(one.fit.sure and one.steady for one in fitted):
        yield "offset_unsure"
    if any(not one.timed for one in words):
        yield "times_worked_out"
    if all(one.score is None for one in fitted[0].words):
        yield "no_scores"
    if any(one.outside for one in every):
        yield "redaction_outside"
    for channel in range(sound.channels):
        spoken = bool(heard.speech[channel].any())
        if spoken and not any(one.channel in (None, channel) for one in words):
            yield f"no_words_in_channel_{channel}"


def _heard_badly(words: Sequence[Word], cuts: Sequence[Cut]) -> list[tuple[float, float, int | None]]:
    """Words heard with less than even chance that stay, joined where they follow each other; of words that last
    implausibly long, whatever is not cut: something that nobody wrote down may have been said in them."""
    starts = [one.start for one in cuts]
    found = list(_badly_scored(words, cuts, starts))
    for one in words:
        if not is_plausible(one):
            found += [(*each, one.channel) for each in _left(one, cuts, starts) if each[1] - each[0] >= EVEN_SHORTEST]
    return sorted(set(found), key=lambda one: one[:2])


def _left(word: Word, cuts: Sequence[Cut], starts: Sequence[float]) -> Iterator[tuple[float, float]]:
    """The parts of a word that lie in no cut; cuts are in order and apart."""
    at = word.start
    for one in cuts[max(0, bisect_left(starts, at) - 1) : bisect_left(starts, word.end)]:
        if one.start > at:
            yield at, one.start
        at = max(at, one.end)
    if word.end > at:
        yield at, word.end


def _badly_scored(
    words: Sequence[Word], cuts: Sequence[Cut], starts: Sequence[float]
) -> Iterator[tuple[float, float, int | None]]:
    run: tuple[float, float, int | None] | None = None
    for one in words:
        before = bisect_left(starts, one.end) - 1  # the last cut that begins before the word ends
        stays = before < 0 or cuts[before].end <= one.start
        low = stays and is_plausible(one) and one.score is not None and one.score < EVEN
        if low and run is not None and run[2] == one.channel and one.start - run[1] < EVEN_GAP:
            run = (run[0], one.end, one.channel)
            continue
        if run is not None and run[1] - run[0] >= EVEN_SHORTEST:
            yield run
        run = (one.start, one.end, one.channel) if low else None
    if run is not None and run[1] - run[0] >= EVEN_SHORTEST:
        yield run
