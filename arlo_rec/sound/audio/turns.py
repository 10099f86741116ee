"""Speakers' turns on a track of several speakers: read from RTTM, drafted, and used to keep the speech of one.

A line is `SPEAKER file channel start duration <NA> <NA> name confidence <NA>`, in seconds from the start of the sound
(NIST, Rich Transcription 2009 evaluation plan, appendix A). The file is our id or the exchange's reference of a call;
the name is `caller` or `agent`; any other name is of an unknown speaker.

A draft has a stretch wherever anybody speaks, of an unknown speaker: a person fills in the names, and gives it back.

So that nothing of the other person goes out, these stretches are silenced and counted: where two speak at once, unsure
turns, the `MARGIN` around the other's turns, and speech in no turn. Turns of another recording, or counted from another
moment, do not fit the sound and give nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from arlo_rec.law.model.errors import Usage
from arlo_rec.sound.audio import Encoding, Sound

if TYPE_CHECKING:
    import numpy

    Mask = numpy.ndarray[Any, numpy.dtype[Any]]


LONGEST: Final = 16 * 1024 * 1024  # bytes of a document
_FIELDS = range(9, 11)  # the last, a look-ahead time, is of newer versions
_NOTHING = "<NA>"
UNKNOWN: Final = "unknown"  # speaker of a drafted stretch


class Turn(NamedTuple):
    """A stretch of one speaker, in seconds; the confidence is from 0 to 1, None if not stated."""

    start: float
    end: float
    speaker: str
    confidence: float | None = None


def read(document: bytes) -> Mapping[str, Sequence[Turn]]:
    """The turns of each sound, by the name of its file, in the document's order; raises Usage unless it is RTTM."""
    turns: dict[str, list[Turn]] = {}
    if len(document) > LONGEST:
        raise Usage("turns_too_long", longest=LONGEST // 1_000_000)
    try:
        lines = document.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise Usage("turns_unreadable", line=1) from None
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):  # a comment
            continue
        if fields[0] == "SPEAKER":  # other types are about words, noises and speakers
            try:
                turns.setdefault(fields[1], []).append(_turn(fields))
            except (ValueError, IndexError):
                raise Usage("turns_unreadable", line=number) from None
    if not turns:
        raise Usage("turns_unreadable", line=max(len(lines), 1))
    return turns


def _turn(fields: Sequence[str]) -> Turn:
    if len(fields) not in _FIELDS:
        raise ValueError("not so many fields")
    start, length = float(fields[3]), float(fields[4])
    confidence = None if fields[8] == _NOTHING else float(fields[8])
    if not (math.isfinite(start + length) and start >= 0 and length >= 0):
        raise ValueError("no stretch")
    if confidence is not None and not 0 <= confidence <= 1:
        raise ValueError("no confidence")
    return Turn(start, start + length, fields[7], confidence)


def written(turns: Mapping[str, Sequence[Turn]], note: str) -> bytes:
    """The turns as RTTM, which `read` reads; *note* is a comment of one line at the top."""
    lines = [f";; {note}"]
    for name, stretches in turns.items():
        for turn in stretches:
            times = f"{turn.start:.2f} {turn.end - turn.start:.2f}"
            sure = _NOTHING if turn.confidence is None else f"{turn.confidence:.2f}"
            lines.append(f"SPEAKER {name} 1 {times} {_NOTHING} {_NOTHING} {turn.speaker} {sure} {_NOTHING}")
    return "\n".join([*lines, ""]).encode("utf-8")


def draft(sound: Sound) -> tuple[Turn, ...]:
    """A turn of an unknown speaker for each stretch of speech in a sound of 16-bit PCM."""
    from arlo_rec.sound.audio import activity

    spans = activity.find_spans(activity.detect_activity(sound).anyone)
    return tuple(Turn(start, min(end, sound.duration), UNKNOWN) for start, end in spans)


SURE: Final = 0.8  # the least confidence of a turn that is kept; a turn without one was marked by a person
MARGIN: Final = (
    0.25  # seconds around a turn of another speaker: two annotators differ by as much (NIST's scoring collar)
)
_FITS: Final = 0.6  # the least share of the turns with speech, and of the speech within turns
_BEYOND: Final = 0.5  # seconds by which a turn may end after the sound
_LAG: Final = 60.0  # seconds of shift that are compared; sound before the key press is cut
_IN_PLACE: Final = 0.3  # seconds: turns that fit better at a larger shift are counted from another moment
_SHORTEST: Final = 0.2  # seconds of speech that are counted as unsure; less is the edge of a turn


class OwnSpeech(NamedTuple):
    """A sound of unchanged length in which only one person is heard; times in seconds."""

    sound: Sound
    kept: tuple[tuple[float, float], ...]  # start and end of each unchanged stretch
    unsure: tuple[tuple[float, float], ...]  # stretches with speech of an unclear speaker


def by_turns(sound: Sound, turns: Sequence[Turn], side: str) -> OwnSpeech | None:
    """The speech of *side* (`caller` or `agent`) in a mono sound of 16-bit PCM; None where the turns do not fit it."""
    from arlo_rec.sound.audio import activity

    if sound.encoding is not Encoding.PCM16 or sound.channels != 1:
        raise ValueError("turns are of 16-bit mono")
    speech = activity.detect_activity(sound).anyone
    steps = len(speech)
    own = _mask(steps, [turn for turn in turns if turn.speaker == side and _is_sure(turn)])
    others = [turn for turn in turns if turn.speaker != side]
    theirs = _mask(steps, others)
    if len(others) in (0, len(turns)):
        return None  # a single speaker, or a draft without names: the two were not told apart
    if not _fit(speech, _mask(steps, turns), turns, sound):
        return None
    kept = own & ~_mask(steps, others, MARGIN)
    unsure = activity.find_spans(speech & ~kept & ~(theirs & ~own))
    silenced = replace(sound, data=_silenced(sound, kept))
    counted = tuple((start, end) for start, end in unsure if end - start >= _SHORTEST)
    return OwnSpeech(silenced, tuple(activity.find_spans(kept)), counted)


def _is_sure(turn: Turn) -> bool:
    return turn.confidence is None or turn.confidence >= SURE


def _mask(steps: int, turns: Sequence[Turn], margin: float = 0.0) -> Mask:
    from arlo_rec.sound.audio import activity

    return activity.mask_spans(steps, [(max(turn.start - margin, 0.0), turn.end + margin) for turn in turns])


def _fit(speech: Mask, in_turn: Mask, turns: Sequence[Turn], sound: Sound) -> bool:
    """Whether turns are of this sound: most speech lies in turns, most turns have speech, and neither is shifted."""
    both, in_turns, heard = (int(mask.sum()) for mask in (speech & in_turn, in_turn, speech))
    within = all(turn.end <= sound.duration + _BEYOND for turn in turns)
    return within and in_turns > 0 and both >= _FITS * max(in_turns, heard) and _is_in_place(speech, in_turn)


def _is_in_place(speech: Mask, in_turn: Mask) -> bool:
    """Whether the turns agree with the speech best without a shift, compared in steps of 0.1 s."""
    import numpy

    coarse = [numpy.add.reduceat(mask.astype("f8"), numpy.arange(0, len(mask), 10)) / 10 for mask in (speech, in_turn)]
    reach = min(round(_LAG * 10), len(coarse[0]) - 1)
    heard = numpy.pad(coarse[0], reach)
    agreement = numpy.correlate(heard, coarse[1], "valid")  # overlap of both, for each shift
    near = agreement[max(reach - round(_IN_PLACE * 10), 0) : reach + round(_IN_PLACE * 10) + 1]
    return bool(near.max() >= agreement.max())


def _silenced(sound: Sound, kept: Mask) -> bytes:
    """The samples with exact zero wherever a step is not *kept*."""
    import numpy

    samples = numpy.frombuffer(sound.data, "<i2").copy()
    edges = numpy.arange(len(kept) + 1) * sound.rate // 100  # where each step begins
    samples[~numpy.repeat(kept, numpy.diff(edges))[: len(samples)]] = 0
    return samples.tobytes()
