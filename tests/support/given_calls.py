"""The calls in calls/given: their sound, where speech is in it, what is said, and what an engine heard."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy

from arlo_rec.sound import audio
from arlo_rec.sound.audio import Encoding, Sound
from arlo_rec.sound.audio.activity import STEP, Activity, detect_activity, mask_spans, read_blocks
from arlo_rec.sound.audio.cutting import encode
from arlo_rec.sound.speech import Word
from tests.support.places import GIVEN

CALLS = range(8)
Array = numpy.ndarray[Any, Any]


@cache
def call(number: int) -> Sound:
    body = (GIVEN / f"call{number:03}.wav").read_bytes()
    return audio.read_wav(io.BytesIO(body), len(body))


@cache
def active(number: int) -> Activity:
    return detect_activity(call(number))


def told(number: int) -> dict[str, Any]:
    return dict(json.loads((GIVEN / f"call{number:03}.json").read_bytes()))


def truth(number: int) -> Array:
    """Where phrases were put when the call was made; their inner pauses count as speech."""
    spoken = told(number)
    spans: list[list[tuple[float, float]]] = [[] for _ in range(call(number).channels)]
    for one in spoken["ref"]:
        spans[0 if spoken["mono"] else one["ch"]].append((one["start"], one["end"]))
    steps = math.ceil(call(number).duration / STEP)
    return numpy.stack([mask_spans(steps, each) for each in spans])


def samples(sound: Sound) -> Array:
    return numpy.concatenate(list(read_blocks(sound))).astype("f8")


def made(channels: Array, rate: int = 8000, encoding: Encoding = Encoding.PCM16) -> Sound:
    """A sound of frames x channels, full scale 1."""
    return Sound(encoding, rate, channels.shape[1], encode(encoding, channels.reshape(-1)))


@cache
def heard(number: int, kind: str = "words-base") -> tuple[Word, ...]:
    """What an engine heard in a made call."""
    told = json.loads((GIVEN / kind / f"call{number:03}.json").read_bytes())["words"]
    return tuple(Word(one["w"].strip(), one["s"], one["e"], one["p"], one["ch"]) for one in told)


def spoken(*spans: tuple[int, float, float], channels: int = 2, seconds: float = 30) -> Activity:
    steps = round(seconds / STEP)
    masks = [mask_spans(steps, [(a, b) for at, a, b in spans if at == each]) for each in range(channels)]
    return Activity(numpy.stack(masks), numpy.zeros((channels, steps), "f4"))


def later(words: tuple[Word, ...], behind: float, by: float) -> tuple[Word, ...]:
    """All that is said from *behind* on, *by* seconds later."""
    return tuple(replace(one, start=one.start + by, end=one.end + by) if one.start >= behind else one for one in words)


def slower(words: tuple[Word, ...], by: float) -> tuple[Word, ...]:
    return tuple(replace(one, start=one.start * by, end=one.end * by) for one in words)
