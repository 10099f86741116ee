"""Two passes of an engine over a call: as it is, and with the names that are known to it as hints.

With hints an engine hears more names and fewer digits, so both are united and neither replaces the other (measured:
names that were found rose from 79 to 88 %; card numbers alone fell from 10 of 12 to 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from arlo_rec.audio import Sound, as_pcm16
from arlo_rec.speech.engines.engine import Engine
from arlo_rec.speech.engines.resampling import to_heard
from arlo_rec.speech.words import ENGINE, Transcript, Word


def heard(engine: Engine, sound: Sound, language: str | None, hints: Sequence[str]) -> list[Transcript]:
    """What the engine hears, each channel by itself; raises Unreachable or Usage as `Engine.hear` does."""
    channels = [to_heard(_channel(sound, one), sound.rate) for one in range(sound.channels)]
    passes = ([], list(hints)) if hints else ([],)
    return [Transcript(ENGINE, tuple(_words(engine, channels, language, one))) for one in passes]


def _words(engine: Engine, channels: Sequence[bytes], language: str | None, hints: Sequence[str]) -> list[Word]:
    several = len(channels) > 1
    return [
        replace(one, channel=at if several else None)
        for at, samples in enumerate(channels)
        for one in engine.hear(samples, language, hints)
    ]


def _channel(sound: Sound, channel: int) -> bytes:
    """One channel as 16-bit PCM."""
    wide = as_pcm16(sound).data
    if sound.channels == 1:
        return wide
    one = bytearray(len(wide) // 2)
    one[0::2] = wide[2 * channel :: 4]
    one[1::2] = wide[2 * channel + 1 :: 4]
    return bytes(one)
