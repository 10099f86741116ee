"""Align a transcript with the speech of a sound: its time offset, whether it belongs to it, and which speech it misses.

Engines' times are off by a tenth of a second and more, each in its own direction; some documents have milliseconds
where others have seconds; and files get mixed up. All of this shows when words are correlated with the voice activity
of the sound (`audio.activity`). `planner` decides what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from arlo_rec.audio.activity import PAUSE, STEP, Activity, find_spans, mask_spans
from arlo_rec.speech.detectors.tokens import Token
from arlo_rec.speech.words import Word

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
FASTEST = 10.0  # words a second: faster than anybody speaks
MOST_AT_ONCE, MOST_PER_SECOND = 100, 20  # words of one channel: nobody says more, and more would take minutes
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
    """Whether words have several of the sound's channels."""
    return len({word.channel for word in words} & set(range(len(activity.speech)))) > 1


def shift(words: Sequence[Word], seconds: float) -> list[Word]:
    """Return the words *seconds* later; times before the start of the sound become 0."""
    return [replace(word, start=max(0.0, word.start + seconds), end=max(0.0, word.end + seconds)) for word in words]


def find_mismatch(words: Sequence[Word], activity: Activity, duration: float) -> str | None:
    """Why *words* cannot be those of a sound of *duration* seconds, as a code; None where they can.

    milliseconds              times are a thousand times too large
    seconds_as_milliseconds   all words at the very start, faster than anybody speaks
    ends_after_the_sound      the last word ends after the sound
    too_many_words            more than anybody says in the whole sound, or within `AT_ONCE` seconds of it
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
    """The share of the speech, of *channel* or of all, within words and `MARGIN` around them; 1 without any speech.

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
    """For each channel, a mask of the steps within *margin* seconds of a plausible word that may be of the channel."""
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
