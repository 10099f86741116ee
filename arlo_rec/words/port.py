"""The functions of this room for others, as `sound.speech.Words` asks for them; each loads what it needs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from arlo_rec.sound.audio import Sound
from arlo_rec.sound.speech import Engine, Engines, Plan, Transcript
from arlo_rec.words.detectors import lexicon

tells = lexicon.tells


def engine(model: Path, threads: int, language: str | None) -> AbstractContextManager[Engine]:
    """See `Words`."""
    from arlo_rec.words.engine import whisper

    return whisper(model, threads, language)


def transcribe(engines: Engines, sound: Sound, language: str | None, hints: Sequence[str]) -> list[Transcript]:
    """See `Words`."""
    from arlo_rec.words import engine

    return engine.transcribe(engines, sound, language, hints)


def read(raw: bytes, channel: int | None = None) -> Transcript:
    """See `Words`."""
    from arlo_rec.words import transcript_reading

    return transcript_reading.read(raw, channel)


def plan(
    sound: Sound,
    transcripts: Sequence[Transcript],
    people: Sequence[str],
    *,
    strict: bool,
    cut_circumstances: bool = False,
    lead: float = 0.0,
) -> Plan:
    """See `Words`."""
    from arlo_rec.words import planner

    return planner.plan(sound, transcripts, people, strict=strict, cut_circumstances=cut_circumstances, lead=lead)


def first_known(transcript: Transcript, people: Sequence[str]) -> tuple[float, float] | None:
    """See `Words`."""
    from arlo_rec.words.detectors import identifiers, phonetic

    found = identifiers.find_known_names(transcript.words, phonetic.prepare_names(people))
    return (found[0].start, found[0].end) if found else None
