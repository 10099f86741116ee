"""An engine hears each channel whole and by itself, and a long sound is not held twice for that or for its cuts."""

from __future__ import annotations

import os
import threading
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy
import pytest

from arlo_rec.sound import audio
from arlo_rec.sound.audio import Encoding, Fill, Sound, Stretch
from arlo_rec.sound.speech import Heard, Word
from arlo_rec.words.engine import BLOCK, transcribe

RATE = 16_000  # the engine's: nothing is resampled


@dataclass
class Listener:
    """An engine that keeps what it is given."""

    given: list[tuple[bytes, tuple[str, ...]]] = field(default_factory=list)
    says: str = "ja"
    meets: threading.Barrier | None = None
    interrupted: bool = False
    stopped: bool = False

    def hear(self, samples: bytes, language: str | None, hints: Sequence[str]) -> Heard:
        if self.interrupted:
            raise KeyboardInterrupt
        if self.meets is not None:
            self.meets.wait()
        self.given.append((samples, tuple(hints)))
        heard = Heard([Word(self.says, 1.0, 1.2, 0.9)])
        heard.language, heard.sure = "no", 0.9
        return heard

    def stop(self) -> None:
        self.stopped = True


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


def test_each_of_several_engines_hears_the_call_without_hints_and_with_them_in_their_order() -> None:
    sound = Sound(Encoding.PCM16, RATE, 1, bytes(2 * RATE))
    engines = [Listener(says="ja"), Listener(says="nei")]
    transcripts = transcribe(engines, sound, None, ["Kari"])
    assert [transcript.words[0].text for transcript in transcripts] == ["ja", "ja", "nei", "nei"]
    assert [[hints for _, hints in engine.given] for engine in engines] == [[(), ("Kari",)]] * 2


def test_engines_hear_beside_each_other() -> None:
    both = threading.Barrier(2, timeout=20)
    engines = [Listener(meets=both), Listener(meets=both)]
    assert len(transcribe(engines, Sound(Encoding.PCM16, RATE, 1, bytes(2 * RATE)), None, [])) == 2


def test_an_interrupt_stops_every_engine() -> None:
    engines = [Listener(interrupted=True), Listener()]
    with pytest.raises(KeyboardInterrupt):
        transcribe(engines, Sound(Encoding.PCM16, RATE, 1, bytes(2 * RATE)), None, [])
    assert [engine.stopped for engine in engines] == [True, True]
