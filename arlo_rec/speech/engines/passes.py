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
from arlo_rec.speech.words import ENGINE, Language, Transcript, Word

BLOCK = 1 << 18  # frames of which a channel is taken at once


def transcribe(engine: Engine, sound: Sound, language: str | None, hints: Sequence[str]) -> list[Transcript]:
    """Transcribe *sound*, each channel separately: one transcript without hints, and one with them if there are any.

    Raises Unreachable or Usage as `Engine.hear` does.
    """
    hint_lists = ([], list(hints)) if hints else ([],)
    words: list[list[Word]] = [[] for _ in hint_lists]
    languages: list[list[Language]] = [[] for _ in hint_lists]
    for number in range(sound.channels):  # one after the other: at the engine's rate, each is larger than the sound
        samples = resample(_extract_channel(sound, number), sound.rate)
        channel = number if sound.channels > 1 else None
        for of_pass, given in enumerate(hint_lists):
            heard = engine.hear(samples, language, given)
            words[of_pass] += [replace(word, channel=channel) for word in heard]
            if heard.language is not None:
                languages[of_pass].append(Language(channel, heard.language, heard.sure))
    return [
        Transcript(ENGINE, tuple(spoken), languages=tuple(detected))
        for spoken, detected in zip(words, languages, strict=True)
    ]


def _extract_channel(sound: Sound, channel: int) -> bytes:
    """The samples of one channel as 16-bit PCM, made block by block."""
    if sound.channels == 1:
        return as_pcm16(sound).data
    samples, length = bytearray(2 * sound.frames), BLOCK * sound.frame_bytes
    for start in range(0, len(sound.data), length):
        wide = as_pcm16(replace(sound, data=sound.data[start : start + length])).data
        first, behind = 2 * start // sound.frame_bytes, 2 * start // sound.frame_bytes + len(wide) // 2
        samples[first:behind:2] = wide[2 * channel :: 4]
        samples[first + 1 : behind : 2] = wide[2 * channel + 1 :: 4]
    return bytes(samples)
