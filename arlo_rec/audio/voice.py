"""Disguise voices so that they are harder to recognise by ear: shift the formants of each turn, keep pitch and words.

This is not anonymisation, and a disguised voice remains personal data. In a trial with sixteen speakers a speaker
verification system had an equal error rate of 0.5 % undisguised and of 23 % with coefficients drawn like these; a
system trained on disguised voices does better, and words, accent and manner are unchanged. With one fixed coefficient
it was back at 1.2 % once it disguised its enrolment samples, too: so each turn has its own coefficient, which is not
stored.

Source: Patino, Tomashenko, Todisco, Nautsch, Evans: Speaker anonymisation using the McAdams coefficient (2020,
arXiv 2011.01130): linear prediction, then the angles of the poles raised to a power. It runs before `cutting`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from arlo_rec.audio.activity import Activity, find_spans
from arlo_rec.audio.cutting import Stretch, encode, to_frames, write_channel
from arlo_rec.audio.formats import Sound
from arlo_rec.audio.sound import as_pcm16

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

LEAST_CHANCE = 16  # bytes
DOWN, UP = (0.6, 0.8), (1.15, 1.3)  # ranges of coefficients; nearer to 1 is no disguise, further away unintelligible
FRAME = 0.02  # seconds, overlapping by half: a voice hardly changes in it
STAYS_HZ = 8000 / (2 * math.pi)  # the frequency that no coefficient moves, the same at every sample rate
SHARPEST = 0.98  # largest radius of a pole: nearer to 1 it rings longer than a frame
FLOOR = 1e-4  # share of a frame's power added as white noise, so that every frame has a stable model
FADE = 0.005  # seconds at both ends of a turn
BATCH = 512  # frames processed at once
PAUSE = 1.0  # seconds: a shorter pause does not end a turn


def find_turns(activity: Activity, pause: float = PAUSE) -> list[Stretch]:
    """The turns of each channel: its speech, joined over pauses of at most *pause* seconds."""
    all_turns = []
    for channel, speech in enumerate(activity.speech):
        turns: list[Stretch] = []
        for start, end in find_spans(speech):
            if turns and start - turns[-1].end <= pause:
                turns[-1] = replace(turns[-1], end=end)
            else:
                turns.append(Stretch(start, end, (channel,)))
        all_turns += turns
    return all_turns


def disguise(sound: Sound, turns: Iterable[Stretch], chance: bytes) -> Sound:
    """Return the sound with the voice of each turn changed by a coefficient of its own, drawn from *chance*.

    Length, format and every byte outside the turns stay; nothing gets louder than full scale. Whoever has *chance* can
    draw the coefficients again: take 32 random bytes from the system and do not store them. Raises ValueError for a
    turn outside the sound, and for less than 16 bytes of chance.
    """
    if len(chance) < LEAST_CHANCE:
        raise ValueError("too little chance")
    data = bytearray(sound.data)
    for begin, end, channels in to_frames(sound, turns):
        for channel in channels:
            changed = _disguise_turn(sound, begin, end, channel, _draw_coefficient(chance, channel, begin))
            write_channel(data, sound, begin, encode(sound.encoding, changed), channel)
    return replace(sound, data=bytes(data))


def _draw_coefficient(chance: bytes, channel: int, begin: int) -> float:
    """The coefficient of the turn of *channel* that begins at frame *begin*."""
    import numpy

    draw = numpy.random.default_rng([*chance, channel, *begin.to_bytes(8)])
    return float(draw.uniform(*(DOWN if draw.random() < 0.5 else UP)))


def _disguise_turn(sound: Sound, begin: int, end: int, channel: int, coefficient: float) -> Array:
    """The disguised samples (full scale 1) of one turn, cross-faded with the original at both ends."""
    import numpy

    hop = round(FRAME / 2 * sound.rate)
    first, behind = max(0, begin - 2 * hop), min(sound.frames, end + 2 * hop)
    around = replace(sound, data=sound.data[first * sound.frame_bytes : behind * sound.frame_bytes])
    own = numpy.frombuffer(as_pcm16(around).data, "<i2").reshape(-1, sound.channels)[:, channel] / 32768
    within = slice(begin - first, end - first)
    changed = _disguise_overlapping(own, sound.rate, hop, coefficient)[within]
    changed /= max(1.0, float(numpy.abs(changed).max()))
    fade = max(1, min(round(FADE * sound.rate), len(changed) // 2))
    share = numpy.minimum(1.0, (numpy.arange(len(changed)) + 0.5) / fade)
    share = numpy.minimum(share, share[::-1])
    mixed: Array = share * changed + (1 - share) * own[within]
    return mixed


def _disguise_overlapping(samples: Array, rate: int, hop: int, coefficient: float) -> Array:
    """Disguise *samples* frame by frame, with overlap-add."""
    import numpy

    count = math.ceil(len(samples) / hop) + 1
    padded = numpy.pad(samples, (hop, (count + 1) * hop - hop - len(samples)))
    window = numpy.sqrt(0.5 - 0.5 * numpy.cos(math.pi / hop * numpy.arange(2 * hop)))
    frames = numpy.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop]
    out = numpy.zeros(len(padded))
    for start in range(0, count, BATCH):
        changed = _disguise_frames(frames[start : start + BATCH] * window, rate, coefficient) * window
        halves = changed.reshape(len(changed), 2, hop)
        place = out[start * hop : (start + len(changed) + 1) * hop].reshape(-1, hop)
        place[:-1] += halves[:, 0]
        place[1:] += halves[:, 1]
    return out[hop : hop + len(samples)]


def _disguise_frames(frames: Array, rate: int, coefficient: float) -> Array:
    """Disguise each of *frames* by moving the poles of its model; its power stays."""
    import numpy

    size = 2 ** math.ceil(math.log2(2 * frames.shape[1]))  # zero-padded for the filter's ringing
    spectra = numpy.fft.rfft(frames, size)
    model = predict_linearly(numpy.fft.irfft(numpy.abs(spectra) ** 2, size)[:, : count_poles(rate) + 1])
    poles = find_poles(model)
    angles = numpy.angle(poles)
    scale = rate / (2 * math.pi * STAYS_HZ)
    moved = numpy.minimum((numpy.abs(angles) * scale) ** coefficient / scale, 0.99 * math.pi)
    moved = numpy.where(numpy.abs(poles.imag) > 0, numpy.sign(angles) * moved, angles)
    other = _expand_polynomials(numpy.minimum(numpy.abs(poles), SHARPEST) * numpy.exp(1j * moved))
    ratio = numpy.fft.rfft(model, size) / numpy.fft.rfft(other, size)
    changed = numpy.fft.irfft(spectra * ratio, size)[:, : frames.shape[1]]
    before, after = (numpy.sqrt((wave**2).sum(axis=1, keepdims=True)) for wave in (frames, changed))
    as_loud: Array = changed * (before / numpy.maximum(after, 1e-9))
    return as_loud


def count_poles(rate: int) -> int:
    """The number of poles that model a voice at *rate* Hz: one for each kHz and four for its source, at most 24."""
    return min(24, 4 + rate // 1000)


def predict_linearly(correlations: Array) -> Array:
    """Linear prediction by Levinson-Durbin for each row of autocorrelations: polynomials that begin with 1."""
    import numpy

    rows, width = correlations.shape
    power = correlations[:, 0] * (1 + FLOOR) + 1e-12
    model = numpy.zeros((rows, width))
    model[:, 0] = 1.0
    for count in range(1, width):
        reflected = -(model[:, :count] * correlations[:, count:0:-1]).sum(axis=1) / power
        model[:, 1 : count + 1] += reflected[:, None] * model[:, count - 1 :: -1][:, :count]
        power = power * (1 - reflected**2)
    return model


def find_poles(model: Array) -> Array:
    """The roots of each polynomial: the eigenvalues of its companion matrix."""
    import numpy

    rows, width = model.shape
    companions = numpy.zeros((rows, width - 1, width - 1))
    companions[:, 0, :] = -model[:, 1:]
    companions[:, numpy.arange(1, width - 1), numpy.arange(width - 2)] = 1.0
    roots: Array = numpy.linalg.eigvals(companions).astype("c16")
    return roots


def _expand_polynomials(roots: Array) -> Array:
    """The polynomials of *roots* in conjugate pairs: the inverse of `find_poles`."""
    import numpy

    made = numpy.zeros((len(roots), roots.shape[1] + 1), "c16")
    made[:, 0] = 1.0
    for count in range(roots.shape[1]):
        made[:, 1 : count + 2] -= roots[:, count : count + 1] * made[:, : count + 1]
    real: Array = made.real
    return real
