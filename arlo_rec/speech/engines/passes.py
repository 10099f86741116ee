"""Transcribe a call in two passes of an engine: without hints, and with the names known for the call as hints.

With hints an engine recognises more names and fewer digits, so the results of both passes are used together (measured:
names found rose from 79 to 88 %; card numbers alone fell from 10 of 12 to 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from arlo_rec.audio import Sound, as_pcm16
from arlo_rec.speech.engines.engine import Engine
from arlo_rec.speech.engines.resampling import resample
from arlo_rec.speech.words import ENGINE, Transcript, Word


def transcribe(engine: Engine, sound: Sound, language: str | None, hints: Sequence[str]) -> list[Transcript]:
    """Transcribe *sound*, each channel separately: one transcript without hints, and one with them if there are any.

    Raises Unreachable or Usage as `Engine.hear` does.
    """
    channels = [resample(_extract_channel(sound, channel), sound.rate) for channel in range(sound.channels)]
    hint_lists = ([], list(hints)) if hints else ([],)
    return [Transcript(ENGINE, tuple(_hear_channels(engine, channels, language, given))) for given in hint_lists]


def _hear_channels(engine: Engine, channels: Sequence[bytes], language: str | None, hints: Sequence[str]) -> list[Word]:
    several = len(channels) > 1
    return [
        replace(word, channel=channel if several else None)
        for channel, samples in enumerate(channels)
        for word in engine.hear(samples, language, hints)
    ]


def _extract_channel(sound: Sound, channel: int) -> bytes:
    """The samples of one channel as 16-bit PCM."""
    wide = as_pcm16(sound).data
    if sound.channels == 1:
        return wide
    samples = bytearray(len(wide) // 2)
    samples[0::2] = wide[2 * channel :: 4]
    samples[1::2] = wide[2 * channel + 1 :: 4]
    return bytes(samples)
