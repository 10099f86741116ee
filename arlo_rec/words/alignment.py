"""Align the transcripts of a call with its speech: shift each to where its words were spoken, or refuse it.

Engines' times are off by a tenth of a second and more, each in its own direction; some documents have milliseconds
where others have seconds; and files get mixed up. All of this shows when words are correlated with the voice activity
of the sound (`audio.activity`). A transcript of another sound refuses the plan. Beside one that fits, it is left out if
it has few words; if it has gaps, what it shares is used (`shared_words`). Where the words show that no speech was
measured, all sound but digital silence counts as speech: unexplained sound is cut and not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from arlo_rec.law.model.errors import Usage
from arlo_rec.sound.audio import Sound
from arlo_rec.sound.audio.activity import DIGITAL, PAUSE, STEP, Activity, find_spans, mask_spans
from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.sound.speech import ENGINE, Dropped, Transcript, Word
from arlo_rec.words.detectors.identifiers import Finding
from arlo_rec.words.shared_words import find_offset
from arlo_rec.words.tokens import Token

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]


FARTHEST = 1.5  # seconds searched either way
BELIEVED = 1.2  # seconds: the largest offset that is corrected; a second, and what an engine is off by itself
AGREES = 0.36  # least correlation; mono calls 0.43 and more with their own words, stereo ones without channels mostly
AGREES_APART = 0.45  # the same where words have channels: own words 0.61 and more, another call's with excess 0.39
STANDS_OUT = 0.16  # least excess over the correlation BESIDE it: own words 0.19 and more, another call's up to 0.13
BESIDE = 1.0  # seconds on either side of the best offset: a word or two
MARGIN = 0.3  # seconds around a word that count as covered: 90 % of word starts are off by less than 0.43
LEAST_COVER = 0.6  # share of the speech
SHORTEST = 0.3  # seconds of uncovered speech that count: "ja" is as long
JUDGED = 20.0  # seconds of speech: turns of less coincide by chance too often to tell one call from another
PROVEN = 60.0  # seconds of speech: of 20 to 25, another call's words are taken 2 times in 100, of 50 to 60 once in 850
FASTEST = 10.0  # words a second: faster than people speak
MOST_AT_ONCE, MOST_PER_SECOND = 100, 20  # words of one channel: people say fewer, and more would take minutes
AT_ONCE = 10.0  # seconds: the span in which that limit also holds
LONGEST, PER_LETTER = 0.6, 0.1  # seconds: engines extend a word over speech that they missed; an "I" of 6.8 s was seen
LONGEST_UNTIMED, PER_LETTER_UNTIMED = 2.0, 0.5  # seconds, for words that share a cue's time, pauses included
WINDOWS = ((30.0, 0.08), (20.0, 0.2))  # seconds; largest gain of correlation elsewhere: own words 0.05 and 0.13
WINDOW_AGREES = 0.1  # least correlation in a window: own words 0.14 and more
WINDOW_SPEECH = 10.0  # seconds of speech that a window needs to be compared
WINDOW_REACH = 5.0  # seconds searched either way
JUMPED, JUMPED_GAIN, JUMPED_AGREES = 1.0, 0.25, 0.5  # seconds off, gain and correlation from which a jump is certain
DRIFTS = (0.985, 0.99, 1.01, 1.015)  # clock ratios that are tried
DRIFTS_GAIN = 0.01  # least gain of correlation that shows drift: own words 0.002 at most


@dataclass(frozen=True, slots=True)
class Alignment:
    """The best alignment of a transcript's words with the speech of a sound."""

    offset_s: float  # seconds to add to every time
    agreement: float  # correlation of shifted words and speech, -1 to 1
    sure: bool  # False: do not shift; these may not be the words of this sound


def align(words: Sequence[Word], activity: Activity) -> Alignment:
    """Find the one offset that best aligns all *words* with the speech of *activity*.

    Words without channel, or of a channel that the sound lacks, are compared with the speech of any channel.
    """
    reach, beside = round(FARTHEST / STEP), round(BESIDE / STEP)
    correlations = _correlate(_pair_masks(words, activity), reach + beside)
    best = beside + int(correlations[beside:-beside].argmax())
    agreement, seconds = float(correlations[best]), round((best - reach - beside) * STEP, 2)
    stands_out = agreement - float(max(correlations[best - beside], correlations[best + beside])) >= STANDS_OUT
    agrees = agreement >= (AGREES_APART if _have_channels(words, activity) else AGREES)
    return Alignment(seconds, agreement, sure=agrees and stands_out and abs(seconds) <= BELIEVED)


def _have_channels(words: Sequence[Word], activity: Activity) -> bool:
    return len({word.channel for word in words} & set(range(len(activity.speech)))) > 1


def shift(words: Sequence[Word], seconds: float) -> list[Word]:
    """Return the words *seconds* later; times before the start of the sound become 0."""
    return [replace(word, start=max(0.0, word.start + seconds), end=max(0.0, word.end + seconds)) for word in words]


def find_mismatch(words: Sequence[Word], activity: Activity, duration: float) -> str | None:
    """Find why *words* are not of a sound of *duration* seconds; returns a code, None where they may be.

    milliseconds              times are a thousand times too large
    seconds_as_milliseconds   all words at the very start, faster than people speak
    ends_after_the_sound      the last word ends after the sound
    too_many_words            more than people say in the whole sound, or within `AT_ONCE` seconds of it
    another_call              words and speech do not correlate; only for sounds with `JUDGED` seconds of speech
    jumps                     they do, except for a window whose words are more than a second off
    covers_too_little         less than `LEAST_COVER` of the speech lies within words (`measure_coverage`)
    """
    end = max((word.end for word in words), default=0.0)
    longest = duration * 1.02 + 0.5  # clocks of engines differ, and some round up to whole seconds
    if end > 10 * longest and end / 1000 <= longest:
        return "milliseconds"
    if end > longest:
        return "ends_after_the_sound"
    if is_crowded([word.start for word in words], duration, len(activity.speech)):
        return "too_many_words"
    if words and end <= duration / 100 and len(words) > FASTEST * end:
        return "seconds_as_milliseconds"
    alignment = align(words, activity)
    if words and not alignment.sure and float(activity.anyone.sum()) * STEP >= JUDGED:
        return "another_call"
    if alignment.sure and any(
        _is_jump(*window) for window in _compare_windows(shift(words, alignment.offset_s), activity)
    ):
        return "jumps"
    if measure_coverage(shift(words, alignment.offset_s) if alignment.sure else words, activity) < LEAST_COVER:
        return "covers_too_little"
    return None


def is_crowded(starts: Sequence[float], duration: float, channels: int) -> bool:
    """Whether more words start within *duration* seconds, or within any `AT_ONCE` of them, than people can say."""
    if len(starts) > MOST_AT_ONCE + MOST_PER_SECOND * duration * channels:
        return True
    most = MOST_AT_ONCE + round(MOST_PER_SECOND * AT_ONCE) * channels
    ordered = sorted(starts)
    return any(later - first < AT_ONCE for first, later in zip(ordered, ordered[most:], strict=False))


def is_steady(words: Sequence[Word], activity: Activity) -> bool:
    """Whether aligned words agree with the speech throughout the call, and not only on the whole.

    False where a window of them correlates badly or would correlate better at another offset, or all of them with
    another clock rate.
    """
    if any(gain >= most or best - gain < WINDOW_AGREES for gain, _, best, most in _compare_windows(words, activity)):
        return False
    straight = align(words, activity).agreement
    return all(align(_stretch(words, by), activity).agreement < straight + DRIFTS_GAIN for by in DRIFTS)


def is_plausible(word: Word | Token) -> bool:
    """Whether *word* can last as long as its times say; if not, other speech is hidden in them."""
    longest, letter = (LONGEST, PER_LETTER) if word.timed else (LONGEST_UNTIMED, PER_LETTER_UNTIMED)
    letters = len(word.text if isinstance(word, Word) else word.raw)
    return word.end - word.start <= longest + letter * letters


def measure_coverage(words: Sequence[Word], activity: Activity, channel: int | None = None) -> float:
    """Share of the speech, of *channel* or of all, within words and `MARGIN` around them; 1 without any speech.

    Words without channel cover the speech of every channel; words that last implausibly long cover nothing.
    """
    masks = _mask_words(words, activity, MARGIN)
    channels = range(len(activity.speech)) if channel is None else (channel,)
    speech = sum(int(activity.speech[channel].sum()) for channel in channels)
    within = sum(int((activity.speech[channel] & masks[channel]).sum()) for channel in channels)
    return within / speech if speech else 1.0


def find_uncovered(
    words: Sequence[Word], activity: Activity, *, margin: float = MARGIN, shortest: float = SHORTEST
) -> list[tuple[int, float, float]]:
    """Channel, start and end of speech of at least *shortest* seconds outside words and *margin* seconds around."""
    masks = _mask_words(words, activity, margin)
    return [
        (channel, start, end)
        for channel, speech in enumerate(activity.speech)
        for start, end in find_spans(speech & ~masks[channel])
        if end - start >= shortest - STEP / 2
    ]


def _mask_words(words: Sequence[Word], activity: Activity, margin: float) -> list[Array]:
    """Mask for each channel the steps within *margin* seconds of a plausible word that may be of the channel."""
    channels, steps = activity.speech.shape
    plausible = [word for word in words if is_plausible(word)]
    return [
        mask_spans(
            steps,
            [
                (word.start - margin, word.end + margin)
                for word in plausible
                if word.channel in (None, channel) or not 0 <= word.channel < channels
            ],
        )
        for channel in range(channels)
    ]


def _stretch(words: Sequence[Word], by: float) -> list[Word]:
    return [replace(word, start=word.start * by, end=word.end * by) for word in words]


def _compare_windows(words: Sequence[Word], activity: Activity) -> Iterator[tuple[float, float, float, float]]:
    """Yield for each window: the gain of correlation at its best offset, that offset in seconds, the correlation there,
    and the largest gain allowed."""
    pairs, steps, reach = list(_pair_masks(words, activity)), activity.speech.shape[1], round(WINDOW_REACH / STEP)
    for seconds, most in WINDOWS:
        length = round(seconds / STEP)
        for first in {*range(0, max(1, steps - length), length // 2), max(0, steps - length)}:
            within = slice(first, first + length)
            if float(activity.anyone[within].sum()) * STEP >= WINDOW_SPEECH:
                curve = _correlate(
                    ((word_mask[within], speech_mask[within]) for word_mask, speech_mask in pairs), reach
                )
                best = int(curve.argmax())
                if curve[best] > 0:  # else the window has no words, or only speech
                    yield (
                        float(curve[best] - curve[reach]),
                        (best - reach) * STEP,
                        float(curve[best]),
                        most,
                    )


def _is_jump(gain: float, off: float, agreement: float, _: float) -> bool:
    return gain >= JUMPED_GAIN and abs(off) >= JUMPED and agreement >= JUMPED_AGREES


def _pair_masks(words: Sequence[Word], activity: Activity) -> Iterator[tuple[Array, Array]]:
    """Yield for each channel, and for words without one, the masks of its words and of the speech to compare."""
    channels, steps = activity.speech.shape
    for channel in (*range(channels), None):
        speech = activity.anyone if channel is None else activity.speech[channel]
        channel_words = [
            word for word in words if (word.channel if word.channel in range(channels) else None) == channel
        ]
        if channel_words:
            yield mask_spans(steps, _join_phrases(channel_words)), speech


def _join_phrases(words: Sequence[Word]) -> Iterator[tuple[float, float]]:
    """Join words over pauses that `audio.activity` bridges, too; yield start and end of each phrase."""
    start = end = None
    for word in sorted(words, key=lambda word: word.start):
        if start is None or end is None or word.start - end >= PAUSE:
            if start is not None and end is not None:
                yield start, end
            start, end = word.start, word.end
        end = max(end, word.end)
    if start is not None and end is not None:
        yield start, end


def _correlate(mask_pairs: Iterator[tuple[Array, Array]], reach: int) -> Array:
    """Pearson correlation of words and speech for offsets of -*reach* to +*reach* steps, over all mask pairs as one.

    Steps shifted beyond an end of the sound do not count.
    """
    import numpy

    pairs = list(mask_pairs)
    if not pairs:
        return numpy.zeros(2 * reach + 1)
    words, speech = (numpy.concatenate(side).astype("f4") for side in zip(*pairs, strict=True))
    norm = float(numpy.sqrt(words.var(dtype="f8") * speech.var(dtype="f8"))) * len(words)
    if norm == 0:
        return numpy.zeros(2 * reach + 1)
    curve = numpy.zeros(2 * reach + 1)
    for word_mask, speech_mask in pairs:
        padded_words = numpy.pad(word_mask.astype("f4") - words.mean(dtype="f8"), reach)
        centred_speech = speech_mask.astype("f4") - speech.mean(dtype="f8")
        curve += numpy.correlate(padded_words, centred_speech, "valid")[
            ::-1
        ]  # delaying words reads them from earlier steps
    return curve / norm


THIN = 0.5  # share of a fitting transcript's words; a misfit with fewer is left out
MEASURED = 3.0  # fewest seconds of words that show whether a channel's speech is measured
HEARD = 0.5  # least share of speech in those; made calls: 0.8 and more


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
        """Whether an engine recognised it from this very sound."""
        return self.source.form == ENGINE

    @property
    def as_heard(self) -> Transcript:
        """The transcript with corrected times."""
        return replace(self.source, words=tuple(self.words))


@dataclass(frozen=True, slots=True)
class Fitted:
    """The transcripts of a call, aligned with its speech."""

    activity: Activity = field(repr=False)  # as detected, or with all sound where that was no measure
    aligned: list[Aligned]
    with_words: list[Aligned]
    dropped: tuple[Dropped, ...]
    unmeasured: bool
    proven: bool  # False: too little is said to tell whether an imported transcript is of this call


def fit(sound: Sound, activity: Activity, transcripts: Sequence[Transcript], lead: float) -> Fitted:
    """Align each transcript with the speech of a sound; times count from its start or from *lead* seconds before it.

    Raises Usage `transcript_misfit` with the number and the file of a transcript that does not belong to this sound;
    `engine_heard_too_little` where all transcripts are of an engine here.
    """
    tried = [_align(sound, activity, transcript, lead, number) for number, transcript in enumerate(transcripts, 1)]
    placed = list(_place_by_shared_words(tried, FARTHEST + lead))
    dropped = tuple(_drop(tried, placed))
    aligned = [transcript for transcript in placed if transcript.misfit is None]
    some = [transcript for transcript in aligned if transcript.words or not transcript.redactions] or aligned
    with_words = _share_offset(some)
    words = [word for transcript in with_words for word in transcript.words]
    measured = _measured_by(activity, words)
    unmeasured = measured is not activity
    if measure_coverage(words, activity) < LEAST_COVER:
        raise _too_little([transcript.source for transcript in aligned])
    speech = float(activity.anyone.sum()) * STEP
    proven = speech >= PROVEN or all(transcript.own for transcript in with_words)
    return Fitted(measured, aligned, with_words, dropped, unmeasured, proven)


def _place_by_shared_words(tried: Sequence[Aligned], reach: float) -> Iterator[Aligned]:
    """Yield the transcripts; of one that does not fit the part that others show to be of this call, if there is any."""
    fitting = [word for transcript in tried if transcript.misfit is None for word in transcript.words]
    for transcript in tried:
        found = find_offset(transcript.words, fitting, reach) if transcript.misfit == "another_call" else None
        if found is None:
            yield transcript
            continue
        seconds, near = found
        moved = [replace(each, start=each.start + seconds, end=each.end + seconds) for each in transcript.redactions]
        fit = Alignment(seconds, transcript.fit.agreement, sure=True)
        offset_s = round(transcript.offset_s + seconds, 3)
        words = _shift_into_sound(near, seconds)
        yield replace(transcript, words=words, redactions=moved, fit=fit, offset_s=offset_s, misfit=None)


def _drop(tried: Sequence[Aligned], placed: Sequence[Aligned]) -> Iterator[Dropped]:
    """Yield the transcripts of which not all is used; raises Usage for one that does not fit, and is not thin."""
    fullest = max((len(transcript.words) for transcript in tried if transcript.misfit is None), default=0)
    for place, (transcript, used) in enumerate(zip(tried, placed, strict=True), 1):
        if transcript.misfit is None:
            continue
        is_thin = len(transcript.words) < THIN * fullest and not transcript.redactions
        if used.misfit is not None and not (is_thin and transcript.misfit == "another_call"):
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
            Kind.OTHER,
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
    """Raise Usage for channels that the sound lacks, and for so many redactions that they would take minutes."""
    channels = {word.channel for word in transcript.words}
    channels |= {redaction.channel for redaction in transcript.redactions}
    if sound.channels > 1 and not channels <= {None, *range(sound.channels)}:
        raise _misfit(number, transcript, "no_such_channel")
    if is_crowded([redaction.start for redaction in transcript.redactions], sound.duration, sound.channels):
        raise _misfit(number, transcript, "too_many_redactions")


def _share_offset(transcripts: list[Aligned]) -> list[Aligned]:
    """Give unsure passes of our engine the offset of a sure one: all its passes are equally late."""
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
    """Shift words and drop those that end before the sound begins."""
    return [word for word in shift(words, seconds) if word.end > 0] if seconds else list(words)


def _to_sound_channel(sound: Sound, word: Word) -> Word:
    return word if sound.channels > 1 else replace(word, channel=_channel_of(sound, word.channel))


def _channel_of(sound: Sound, channel: int | None) -> int | None:
    """The channel in this sound; None where the sound has only one."""
    return channel if sound.channels > 1 else None


def _measured_by(activity: Activity, words: Sequence[Word]) -> Activity:
    """The activity, with all sound as speech in channels that have words but no measured speech."""
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
