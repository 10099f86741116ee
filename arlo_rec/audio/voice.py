"""Voices made harder to recognise by ear: the resonances of each turn are moved, its melody and its words stay.

This is no anonymisation, and a disguised voice remains personal data. In a trial with sixteen speakers a verification
system had an equal error rate of 0.5 % undisguised and of 23 % with coefficients drawn like these; who trains on
disguised voices does better, and words, accent and manner are untouched. With one fixed coefficient it was back at
1.2 % once it disguised its samples, too: so each turn has its own, and nobody keeps it.

Source: Patino, Tomashenko, Todisco, Nautsch, Evans: Speaker anonymisation using the McAdams coefficient (2020,
arXiv 2011.01130). It works before anything is cut: what is cut has nothing to disguise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from arlo_rec.audio.activity import Activity, stretches
from arlo_rec.audio.cutting import Stretch, encoded, frames_of, write_channel
from arlo_rec.audio.forms import Sound
from arlo_rec.audio.sound import as_pcm16

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

LEAST_CHANCE = 16  # bytes
DOWN, UP = (0.6, 0.8), (1.15, 1.3)  # coefficients; nearer to 1 nothing is disguised, further away nothing understood
FRAME = 0.02  # seconds, half of it shared with the next: a voice hardly changes meanwhile
STAYS_HZ = 8000 / (2 * math.pi)  # the resonance that no coefficient moves, at every rate what it is at 8 kHz
SHARPEST = 0.98  # radius of a pole: nearer to 1 it rings longer than a frame
FLOOR = 1e-4  # of a frame's power, added as white noise so that every frame has a model
FADE = 0.005  # seconds at both ends of a turn
BATCH = 512  # frames at once
PAUSE = 1.0  # seconds: whoever pauses shorter goes on with the same turn


def turns_of(activity: Activity, pause: float = PAUSE) -> list[Stretch]:
    """The turns of each channel: its speech, joined where at most *pause* seconds lie between."""
    found = []
    for channel, speech in enumerate(activity.speech):
        turns: list[Stretch] = []
        for start, end in stretches(speech):
            if turns and start - turns[-1].end <= pause:
                turns[-1] = replace(turns[-1], end=end)
            else:
                turns.append(Stretch(start, end, (channel,)))
        found += turns
    return found


def disguise(sound: Sound, turns: Iterable[Stretch], chance: bytes) -> Sound:
    """The same sound with the voice of each of *turns* changed by a coefficient of its own, drawn from *chance*.

    Length and form stay, as does every byte outside the turns; nothing gets louder than full scale. Who has *chance*
    can draw the same again: take 32 bytes from the system and keep them nowhere. Raises ValueError for a turn that is
    not in the sound, and for less than 16 bytes of chance.
    """
    if len(chance) < LEAST_CHANCE:
        raise ValueError("too little chance")
    data = bytearray(sound.data)
    for begin, end, channels in frames_of(sound, turns):
        for channel in channels:
            changed = _turn(sound, begin, end, channel, _drawn(chance, channel, begin))
            write_channel(data, sound, begin, encoded(sound.encoding, changed), channel)
    return replace(sound, data=bytes(data))


def _drawn(chance: bytes, channel: int, begin: int) -> float:
    """The coefficient of the turn of *channel* from frame *begin*."""
    import numpy

    draw = numpy.random.default_rng([*chance, channel, *begin.to_bytes(8)])
    return float(draw.uniform(*(DOWN if draw.random() < 0.5 else UP)))


def _turn(sound: Sound, begin: int, end: int, channel: int, coefficient: float) -> Array:
    """Samples of full scale 1 of one turn, disguised, and faded from and to what lies around it."""
    import numpy

    hop = round(FRAME / 2 * sound.rate)
    first, behind = max(0, begin - 2 * hop), min(sound.frames, end + 2 * hop)
    around = replace(sound, data=sound.data[first * sound.frame_bytes : behind * sound.frame_bytes])
    own = numpy.frombuffer(as_pcm16(around).data, "<i2").reshape(-1, sound.channels)[:, channel] / 32768
    within = slice(begin - first, end - first)
    changed = _overlapped(own, sound.rate, hop, coefficient)[within]
    changed /= max(1.0, float(numpy.abs(changed).max()))
    fade = max(1, min(round(FADE * sound.rate), len(changed) // 2))
    share = numpy.minimum(1.0, (numpy.arange(len(changed)) + 0.5) / fade)
    share = numpy.minimum(share, share[::-1])
    mixed: Array = share * changed + (1 - share) * own[within]
    return mixed


def _overlapped(samples: Array, rate: int, hop: int, coefficient: float) -> Array:
    """All of *samples* disguised, frame by frame, each faded into the next."""
    import numpy

    count = math.ceil(len(samples) / hop) + 1
    padded = numpy.pad(samples, (hop, (count + 1) * hop - hop - len(samples)))
    window = numpy.sqrt(0.5 - 0.5 * numpy.cos(math.pi / hop * numpy.arange(2 * hop)))
    frames = numpy.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop]
    out = numpy.zeros(len(padded))
    for start in range(0, count, BATCH):
        changed = _frames(frames[start : start + BATCH] * window, rate, coefficient) * window
        halves = changed.reshape(len(changed), 2, hop)
        place = out[start * hop : (start + len(changed) + 1) * hop].reshape(-1, hop)
        place[:-1] += halves[:, 0]
        place[1:] += halves[:, 1]
    return out[hop : hop + len(samples)]


def _frames(frames: Array, rate: int, coefficient: float) -> Array:
    """Each of *frames* with its resonances moved, as loud as it was."""
    import numpy

    size = 2 ** math.ceil(math.log2(2 * frames.shape[1]))  # room for what rings on
    spectra = numpy.fft.rfft(frames, size)
    model = resonances(numpy.fft.irfft(numpy.abs(spectra) ** 2, size)[:, : order(rate) + 1])
    poles = poles_of(model)
    angles = numpy.angle(poles)
    scale = rate / (2 * math.pi * STAYS_HZ)
    moved = numpy.minimum((numpy.abs(angles) * scale) ** coefficient / scale, 0.99 * math.pi)
    moved = numpy.where(numpy.abs(poles.imag) > 0, numpy.sign(angles) * moved, angles)
    other = _polynomials(numpy.minimum(numpy.abs(poles), SHARPEST) * numpy.exp(1j * moved))
    ratio = numpy.fft.rfft(model, size) / numpy.fft.rfft(other, size)
    changed = numpy.fft.irfft(spectra * ratio, size)[:, : frames.shape[1]]
    before, after = (numpy.sqrt((each**2).sum(axis=1, keepdims=True)) for each in (frames, changed))
    as_loud: Array = changed * (before / numpy.maximum(after, 1e-9))
    return as_loud


def order(rate: int) -> int:
    """How many poles model a voice at *rate*: two for each kilohertz and four for its source, to what is affordable."""
    return min(24, 4 + rate // 1000)


def resonances(correlations: Array) -> Array:
    """Linear prediction of each row of autocorrelations, by Levinson and Durbin: polynomials that begin with 1."""
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


def poles_of(model: Array) -> Array:
    """The roots of each polynomial, as eigenvalues of its companion matrix."""
    import numpy

    rows, width = model.shape
    companions = numpy.zeros((rows, width - 1, width - 1))
    companions[:, 0, :] = -model[:, 1:]
    companions[:, numpy.arange(1, width - 1), numpy.arange(width - 2)] = 1.0
    roots: Array = numpy.linalg.eigvals(companions).astype("c16")
    return roots


def _polynomials(roots: Array) -> Array:
    """The reverse of `poles_of`, for roots in conjugate pairs."""
    import numpy

    made = numpy.zeros((len(roots), roots.shape[1] + 1), "c16")
    made[:, 0] = 1.0
    for count in range(roots.shape[1]):
        made[:, 1 : count + 2] -= roots[:, count : count + 1] * made[:, : count + 1]
    real: Array = made.real
    return real
