"""Fit the transcripts of a call to its sound: lay each where its words were spoken, leave it out, or refuse it.

A transcript that does not belong to the sound refuses the plan, since somebody mixed up files; only one that has few
words, beside another that fits, is left out. Where words show that the sound gives no measure of speech, whatever is
not digital silence counts as speech, so that what no word explains is cut and not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from arlo_rec.audio import Sound
from arlo_rec.audio.activity import DIGITAL, STEP, Activity, mask_spans
from arlo_rec.model.errors import Usage
from arlo_rec.speech.detectors.identifiers import Finding
from arlo_rec.speech.planning.alignment import (
    LEAST_COVER,
    Alignment,
    align,
    find_mismatch,
    is_crowded,
    is_plausible,
    is_steady,
    measure_coverage,
    shift,
)
from arlo_rec.speech.words import ENGINE, Transcript, Word

THIN = 0.5  # share of the words of one that fits, below which a transcript that does not fit is left out
MEASURED = 3.0  # seconds of words of a channel from which they tell whether its speech is measured
HEARD = 0.5  # least share of them in which there is speech; made calls: 0.8 and more


@dataclass(frozen=True, slots=True)
class Aligned:
    """A transcript aligned with the speech of a sound."""

    words: list[Word] = field(repr=False)
    redactions: list[Finding]
    fit: Alignment
    offset_s: float  # seconds that were added to its times
    source: Transcript = field(repr=False)
    misfit: str | None  # why it is not of this sound
    steady: bool  # False: off by more in one part than in another
    outside: bool  # a redaction starts after the end of the sound

    @property
    def own(self) -> bool:
        """Whether it was recognised here, from this very sound."""
        return self.source.form == ENGINE

    @property
    def as_heard(self) -> Transcript:
        """The transcript with the times that were corrected."""
        return replace(self.source, words=tuple(self.words))


@dataclass(frozen=True, slots=True)
class Dropped:
    """A transcript that is not used, and why, as a code."""

    place: int  # from 1
    file: str
    why: str


@dataclass(frozen=True, slots=True)
class Fitted:
    """The transcripts of a call laid on its speech."""

    activity: Activity = field(repr=False)  # as it is to be used: more than was detected where that was no measure
    aligned: list[Aligned]
    with_words: list[Aligned]
    dropped: tuple[Dropped, ...]
    unmeasured: bool


def fit(sound: Sound, activity: Activity, transcripts: Sequence[Transcript], lead: float) -> Fitted:
    """Lay each transcript on the speech of a sound; times count from its start or from *lead* seconds before it.

    Raises Usage `transcript_misfit` with the number and the file of a transcript that does not belong to this sound;
    `engine_heard_too_little` where there is no other than what an engine heard here.
    """
    tried = [_align(sound, activity, transcript, lead, number) for number, transcript in enumerate(transcripts, 1)]
    dropped = tuple(_drop(tried))
    left_out = {each.place for each in dropped}
    aligned = [transcript for place, transcript in enumerate(tried, 1) if place not in left_out]
    some = [transcript for transcript in aligned if transcript.words or not transcript.redactions] or aligned
    with_words = _share_offset(some)
    words = [word for transcript in with_words for word in transcript.words]
    measured = _measured_by(activity, words)
    unmeasured = measured is not activity
    if measure_coverage(words, activity) < LEAST_COVER:
        raise _too_little([transcript.source for transcript in aligned])
    return Fitted(measured, aligned, with_words, dropped, unmeasured)


def _drop(tried: Sequence[Aligned]) -> Iterator[Dropped]:
    """Yield those that do not fit and are thin; raises Usage for any other that does not fit."""
    fullest = max((len(transcript.words) for transcript in tried if transcript.misfit is None), default=0)
    for place, transcript in enumerate(tried, 1):
        if transcript.misfit is None:
            continue
        is_thin = len(transcript.words) < THIN * fullest and not transcript.redactions
        if not is_thin or transcript.misfit != "another_call":
            raise _misfit(place, transcript.source, transcript.misfit)
        yield Dropped(place, transcript.source.file, transcript.misfit)


def _misfit(place: int, transcript: Transcript, why: str) -> Usage:
    return Usage("transcript_misfit", place=str(place), file=transcript.file or str(place), why=why)


def _too_little(transcripts: Sequence[Transcript]) -> Usage:
    if all(transcript.form == ENGINE for transcript in transcripts):
        return Usage("engine_heard_too_little")
    files = ", ".join(dict.fromkeys(transcript.file for transcript in transcripts if transcript.file))
    return Usage("transcript_misfit", place="1", file=files or "1", why="covers_too_little")


def _align(sound: Sound, activity: Activity, transcript: Transcript, lead: float, number: int) -> Aligned:
    """Align a transcript from the origin with the better agreement: the start of the sound, or *lead* before it."""
    _demand_sane(sound, transcript, number)
    words = [_to_sound_channel(sound, word) for word in transcript.words]
    origins = [0.0, -lead] if lead > 0 else [0.0]
    candidates = [(_shift_into_sound(words, seconds), seconds) for seconds in origins]
    moved, offset_s = max(candidates, key=lambda pair: align(pair[0], activity).agreement if pair[0] else -1.0)
    own = transcript.form == ENGINE
    misfit = None if own else find_mismatch(moved, activity, sound.duration)
    if misfit == "too_many_words":  # aligning them would take minutes
        raise _misfit(number, transcript, misfit)
    if misfit == "covers_too_little":  # another transcript may cover the rest
        misfit = None
    fit = align(moved, activity)
    if fit.sure:
        moved, offset_s = _shift_into_sound(moved, fit.offset_s), offset_s + fit.offset_s
    redactions = [
        Finding(
            max(0.0, redaction.start + offset_s),
            redaction.end + offset_s,
            _channel_of(sound, redaction.channel),
            "other",
            "vendor",
            1.0,
        )
        for redaction in transcript.redactions
        if redaction.end + offset_s > 0
    ]
    steady = own or not fit.sure or is_steady(moved, activity)
    outside = any(redaction.start >= sound.duration for redaction in redactions)
    return Aligned(moved, redactions, fit, round(offset_s, 3), transcript, misfit, steady, outside)


def _demand_sane(sound: Sound, transcript: Transcript, number: int) -> None:
    """Raise Usage for channels that the sound lacks, and for redactions so many that they would take minutes."""
    channels = {word.channel for word in transcript.words}
    channels |= {redaction.channel for redaction in transcript.redactions}
    if sound.channels > 1 and not channels <= {None, *range(sound.channels)}:
        raise _misfit(number, transcript, "no_such_channel")
    if is_crowded([redaction.start for redaction in transcript.redactions], sound.duration, sound.channels):
        raise _misfit(number, transcript, "too_many_redactions")


def _share_offset(transcripts: list[Aligned]) -> list[Aligned]:
    """Give our own passes with too few words the offset of one that is sure: passes of one engine are equally late."""
    sure = next((transcript for transcript in transcripts if transcript.own and transcript.fit.sure), None)
    if sure is None:
        return transcripts
    return [
        replace(
            transcript,
            words=_shift_into_sound(transcript.words, sure.offset_s),
            offset_s=sure.offset_s,
            fit=sure.fit,
        )
        if transcript.own and not transcript.fit.sure
        else transcript
        for transcript in transcripts
    ]


def _shift_into_sound(words: Sequence[Word], seconds: float) -> list[Word]:
    """Shift words by *seconds* and drop those that end before the sound begins."""
    return [word for word in shift(words, seconds) if word.end > 0] if seconds else list(words)


def _to_sound_channel(sound: Sound, word: Word) -> Word:
    return word if sound.channels > 1 else replace(word, channel=_channel_of(sound, word.channel))


def _channel_of(sound: Sound, channel: int | None) -> int | None:
    """The channel in this sound: None where the sound has only one, whatever the transcript says."""
    return channel if sound.channels > 1 else None


def _measured_by(activity: Activity, words: Sequence[Word]) -> Activity:
    """The same activity; with all sound as speech in channels where words were heard and speech was not."""
    channels, steps = activity.speech.shape
    speech = activity.speech
    for channel in range(channels):
        spoken = mask_spans(
            steps,
            [
                (word.start, word.end)
                for word in words
                if word.timed and is_plausible(word) and (word.channel == channel or channels == 1)
            ],
        )
        within = int((spoken & activity.speech[channel]).sum())
        if int(spoken.sum()) * STEP >= MEASURED and within < HEARD * int(spoken.sum()):
            speech = speech.copy() if speech is activity.speech else speech
            speech[channel] = activity.level[channel] > DIGITAL
    return activity if speech is activity.speech else replace(activity, speech=speech)
