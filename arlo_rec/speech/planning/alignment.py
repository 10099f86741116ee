"""Whether a transcript belongs to a sound, by how far its times are off, and which speech no word of it covers.

Engines are wrong by a tenth of a second and more, each in its own direction; some write milliseconds where others
write seconds; and files are mixed up. All of that shows when words are laid beside the speech that was found in the
sound itself. It says what it found; what follows from it is decided elsewhere.
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

FARTHEST = 1.0  # seconds searched either way
BELIEVED = 0.5  # seconds: no engine that was measured is off by more than 0.3
AGREES = 0.36  # correlation: in eight made calls 0.54 and more with their own words, 0.41 without channels
STANDS_OUT = 0.16  # above what it is BESIDE the best place: 0.19 and more; 0.13 where turns of another call coincide
BESIDE = 1.0  # seconds on either side: a word or two
MARGIN = 0.3  # seconds that a word is believed to reach further than its times: 90 % of starts lie within 0.43
LEAST_COVER = 0.6  # share of the speech
SHORTEST = 0.3  # seconds of speech that are worth a cut of their own: "ja" is as long
JUDGED = 20.0  # seconds of speech: turns of less coincide by chance too often to tell one call from another
FASTEST = 10.0  # words a second that nobody speaks
MOST_AT_ONCE, MOST_PER_SECOND = 100, 20  # words of one channel: more cost minutes, and nobody said them
AT_ONCE = 10.0  # seconds in which that holds, too
LONGEST, PER_LETTER = 0.6, 0.1  # seconds: engines make a word last over what they did not hear, "I" of 6.8 s was met
LONGEST_UNTIMED, PER_LETTER_UNTIMED = 2.0, 0.5  # where a cue was shared out: its pauses are shared out, too
WINDOWS = ((30.0, 0.08), (20.0, 0.2))  # seconds; gain in correlation elsewhere: own words 0.05 and 0.13 at most
WINDOW_AGREES = 0.1  # correlation: own words 0.14 and more
WINDOW_SPEECH = 10.0  # seconds of speech that make a window worth looking at
WINDOW_REACH = 5.0  # seconds searched either way
JUMPED, JUMPED_GAIN, JUMPED_AGREES = 1.0, 0.25, 0.5  # seconds off, gain and correlation there: no doubt is left
DRIFTS = (0.985, 0.99, 1.01, 1.015)  # clocks that run so much too slow or too fast
DRIFTS_GAIN = 0.01  # in correlation: own words 0.002 at most


@dataclass(frozen=True, slots=True)
class Fit:
    """How the words of a transcript lie on the speech of a sound."""

    offset_s: float  # to be added to every time
    agreement: float  # correlation of words and speech, -1 to 1, once they are shifted
    sure: bool  # False: do not shift, and think twice whether these are the words of this sound


def offset(words: Sequence[Word], activity: Activity) -> Fit:
    """By how much *words* are to be shifted to lie on the speech of *activity*, one figure for the whole transcript.

    Words of no channel, and of a channel that the sound lacks, are compared with what is spoken on any channel.
    """
    reach, beside = round(FARTHEST / STEP), round(BESIDE / STEP)
    curve = _correlations(_lanes(words, activity), reach + beside)
    best = beside + int(curve[beside:-beside].argmax())
    agreement, off = float(curve[best]), round((best - reach - beside) * STEP, 2)
    stands_out = agreement - float(max(curve[best - beside], curve[best + beside])) >= STANDS_OUT
    return Fit(off, agreement, sure=agreement >= AGREES and stands_out and abs(off) <= BELIEVED)


def shifted(words: Sequence[Word], seconds: float) -> list[Word]:
    """The same words, *seconds* later; what would begin before the sound begins with it."""
    return [replace(one, start=max(0.0, one.start + seconds), end=max(0.0, one.end + seconds)) for one in words]


def misfit(words: Sequence[Word], activity: Activity, duration: float) -> str | None:
    """Why *words* are not those of a sound of *duration* seconds, as a code; None where they may well be.

    milliseconds              times a thousand times too large
    seconds_as_milliseconds   all words at the very start, faster than anybody speaks
    ends_after_the_sound      the last word ends behind the sound
    too_many_words            more than anybody says in the time of the sound, or within seconds of it
    another_call              words and speech do not go together; not told of less than `JUDGED` seconds of speech
    jumps                     they do, but for a stretch whose words lie more than a second off
    covers_too_little         much is spoken that no word covers; `cover_of_speech` says how much
    """
    last = max((one.end for one in words), default=0.0)
    longest = duration * 1.02 + 0.5  # clocks of engines differ, and some round up to whole seconds
    if last > 10 * longest and last / 1000 <= longest:
        return "milliseconds"
    if last > longest:
        return "ends_after_the_sound"
    if is_crowded([one.start for one in words], duration, len(activity.speech)):
        return "too_many_words"
    if words and last <= duration / 100 and len(words) > FASTEST * last:
        return "seconds_as_milliseconds"
    fit = offset(words, activity)
    if words and not fit.sure and float(activity.anyone.sum()) * STEP >= JUDGED:
        return "another_call"
    if fit.sure and any(_is_jump(*each) for each in _windows(shifted(words, fit.offset_s), activity)):
        return "jumps"
    if cover_of_speech(shifted(words, fit.offset_s) if fit.sure else words, activity) < LEAST_COVER:
        return "covers_too_little"
    return None


def is_crowded(starts: Sequence[float], duration: float, channels: int) -> bool:
    """Whether more begins within *duration* seconds, or within `AT_ONCE` of them, than people can say."""
    if len(starts) > MOST_AT_ONCE + MOST_PER_SECOND * duration * channels:
        return True
    most = MOST_AT_ONCE + round(MOST_PER_SECOND * AT_ONCE) * channels
    ordered = sorted(starts)
    return any(later - one < AT_ONCE for one, later in zip(ordered, ordered[most:], strict=False))


def is_steady(words: Sequence[Word], activity: Activity) -> bool:
    """Whether words that were laid on their speech lie on it everywhere, and not only on the whole.

    False where a stretch of them lies badly or would lie better elsewhere, or all of them if their clock ran slower or
    faster.
    """
    if any(gain >= most or best - gain < WINDOW_AGREES for gain, _, best, most in _windows(words, activity)):
        return False
    straight = offset(words, activity).agreement
    return all(offset(_stretched(words, by), activity).agreement < straight + DRIFTS_GAIN for by in DRIFTS)


def is_plausible(word: Word | Token) -> bool:
    """Whether somebody may have spoken *word* for as long as it lasts; if not, something else was said there, too."""
    longest, letter = (LONGEST, PER_LETTER) if word.timed else (LONGEST_UNTIMED, PER_LETTER_UNTIMED)
    letters = len(word.text if isinstance(word, Word) else word.raw)
    return word.end - word.start <= longest + letter * letters


def cover_of_speech(words: Sequence[Word], activity: Activity, channel: int | None = None) -> float:
    """The share of the speech, of *channel* or of all, that lies within words and `MARGIN` around them; 1 if none is.

    Words of no channel cover what is spoken on any, and those that last implausibly long nothing.
    """
    masks = _widened(words, activity, MARGIN)
    asked = range(len(activity.speech)) if channel is None else (channel,)
    speech = sum(int(activity.speech[each].sum()) for each in asked)
    within = sum(int((activity.speech[each] & masks[each]).sum()) for each in asked)
    return within / speech if speech else 1.0


def uncovered(
    words: Sequence[Word], activity: Activity, *, margin: float = MARGIN, shortest: float = SHORTEST
) -> list[tuple[int, float, float]]:
    """Channel, start and end of speech of at least *shortest* seconds that lies outside words and *margin* around."""
    masks = _widened(words, activity, margin)
    return [
        (channel, start, end)
        for channel, speech in enumerate(activity.speech)
        for start, end in find_spans(speech & ~masks[channel])
        if end - start >= shortest - STEP / 2
    ]


def _widened(words: Sequence[Word], activity: Activity, margin: float) -> list[Array]:
    """For each channel the steps within *margin* of a word that may have been spoken there."""
    channels, steps = activity.speech.shape
    plausible = [one for one in words if is_plausible(one)]
    return [
        mask_spans(
            steps,
            [
                (one.start - margin, one.end + margin)
                for one in plausible
                if one.channel in (None, channel) or not 0 <= one.channel < channels
            ],
        )
        for channel in range(channels)
    ]


def _stretched(words: Sequence[Word], by: float) -> list[Word]:
    return [replace(one, start=one.start * by, end=one.end * by) for one in words]


def _windows(words: Sequence[Word], activity: Activity) -> Iterator[tuple[float, float, float, float]]:
    """Of each stretch of a call: by how much its words agree better elsewhere, how far off and how well; the limit."""
    lanes, steps, reach = list(_lanes(words, activity)), activity.speech.shape[1], round(WINDOW_REACH / STEP)
    for seconds, most in WINDOWS:
        length = round(seconds / STEP)
        for first in {*range(0, max(1, steps - length), length // 2), max(0, steps - length)}:
            within = slice(first, first + length)
            if float(activity.anyone[within].sum()) * STEP >= WINDOW_SPEECH:
                curve = _correlations(((said[within], spoken[within]) for said, spoken in lanes), reach)
                best = int(curve.argmax())
                if curve[best] > 0:  # else no word is there, or nothing but speech
                    yield float(curve[best] - curve[reach]), (best - reach) * STEP, float(curve[best]), most


def _is_jump(gain: float, off: float, agreement: float, _: float) -> bool:
    return gain >= JUMPED_GAIN and abs(off) >= JUMPED and agreement >= JUMPED_AGREES


def _lanes(words: Sequence[Word], activity: Activity) -> Iterator[tuple[Array, Array]]:
    """Masks of words and of the speech that they are to lie on."""
    channels, steps = activity.speech.shape
    for channel in (*range(channels), None):
        speech = activity.anyone if channel is None else activity.speech[channel]
        own = [one for one in words if (one.channel if one.channel in range(channels) else None) == channel]
        if own:
            yield mask_spans(steps, _phrases(own)), speech


def _phrases(words: Sequence[Word]) -> Iterator[tuple[float, float]]:
    """Words joined over pauses that speech is joined over, too."""
    start = end = None
    for one in sorted(words, key=lambda word: word.start):
        if start is None or end is None or one.start - end >= PAUSE:
            if start is not None and end is not None:
                yield start, end
            start, end = one.start, one.end
        end = max(end, one.end)
    if start is not None and end is not None:
        yield start, end


def _correlations(lanes: Iterator[tuple[Array, Array]], reach: int) -> Array:
    """Pearson's, of words shifted by -*reach* to +*reach* steps and speech, over all lanes as if they were one.

    What is shifted over an end of the sound counts as neither for nor against.
    """
    import numpy

    pairs = list(lanes)
    if not pairs:
        return numpy.zeros(2 * reach + 1)
    words, speech = (numpy.concatenate(side).astype("f4") for side in zip(*pairs, strict=True))
    sizes = float(numpy.sqrt(words.var(dtype="f8") * speech.var(dtype="f8"))) * len(words)
    if sizes == 0:
        return numpy.zeros(2 * reach + 1)
    curve = numpy.zeros(2 * reach + 1)
    for said, spoken in pairs:
        around = numpy.pad(said.astype("f4") - words.mean(dtype="f8"), reach)
        heard = spoken.astype("f4") - speech.mean(dtype="f8")
        curve += numpy.correlate(around, heard, "valid")[::-1]  # words made later are words read from before
    return curve / sizes
