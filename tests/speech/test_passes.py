"""An engine hears each channel whole and by itself, and a long sound is not held twice for that or for its cuts."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy

from arlo_rec import audio
from arlo_rec.audio import Encoding, Fill, Sound, Stretch
from arlo_rec.speech.engine import BLOCK, Heard, transcribe
from arlo_rec.speech.words import Word

RATE = 16_000  # the engine's: nothing is resampled


@dataclass
class Listener:
    """An engine that keeps what it is given."""

    given: list[tuple[bytes, tuple[str, ...]]] = field(default_factory=list)

    def hear(self, samples: bytes, language: str | None, hints: Sequence[str]) -> Heard:
        self.given.append((samples, tuple(hints)))
        heard = Heard([Word("ja", 1.0, 1.2, 0.9)])
        heard.language, heard.sure = "no", 0.9
        return heard

    def stop(self) -> None:
        """It never runs."""


def test_each_channel_of_a_long_sound_is_given_whole_without_hints_and_with_them() -> None:
    samples = numpy.frombuffer(os.urandom(2 * 2 * (2 * BLOCK + 7)), "<i2").reshape(-1, 2)
    engine = Listener()
    plain, hinted = transcribe([engine], Sound(Encoding.PCM16, RATE, 2, samples.tobytes()), None, ["Kari"])
    for channel in (0, 1):
        right = samples[:, channel].tobytes()
        assert (right, ()) in engine.given and (right, ("Kari",)) in engine.given
    assert [word.channel for word in plain.words] == [0, 1] == [each.channel for each in hinted.languages]
    assert {each.name for each in plain.languages} == {"no"}


def test_a_cut_sound_takes_the_memory_of_itself_and_of_one_cut() -> None:
    sound = Sound(Encoding.ULAW, 8000, 2, b"\x55" * (8000 * 2 * 1200))
    stretches = [Stretch(at, at + 5.0) for at in range(0, 1200, 10)]
    tracemalloc.start()
    cut = audio.cut(sound, stretches, Fill.SILENCE, bytes(32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(cut.data) == len(sound.data)
    assert peak < 1.05 * len(sound.data)
