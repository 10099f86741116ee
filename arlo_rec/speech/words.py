"""Words with times: the values that readers of transcripts and speech engines return. Data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One word as the transcript writes it, without blanks around it; times in seconds from the recording's start."""

    text: str
    start: float
    end: float
    score: float | None = None  # the engine's confidence from 0 to 1; None where it gives none
    channel: int | None = None  # from 0; None where the transcript does not distinguish channels
    timed: bool = True  # False where the times are interpolated because the transcript has none


@dataclass(frozen=True, slots=True)
class Redaction:
    """A span that the maker of a transcript marked as identifying somebody, in seconds; channel None means all."""

    start: float
    end: float
    channel: int | None = None


NOT_UNDERSTOOD = "engine_not_understood"  # the warning with which no copy becomes ready


@dataclass(frozen=True, slots=True)
class Language:
    """The language that an engine took the speech of a channel for, and how sure it was of that, from 0 to 1."""

    channel: int | None
    name: str  # as Whisper calls it: "no", "nn", "en"
    sure: float


ENGINE = "engine"  # the form of a transcript that an engine made here, from the very sound


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of a call, sorted by start, and the spans that the transcript's maker marked."""

    form: str  # the form of the document: one of `transcripts.reading.FORMS`, or `ENGINE`
    words: tuple[Word, ...]
    redactions: tuple[Redaction, ...] = ()
    file: str = ""  # its name, for people; empty for what an engine made here
    languages: tuple[Language, ...] = ()  # that an engine detected where nobody said which it is

    @property
    def channel(self) -> int | None:
        """The channel of all words; None where there are several, or the transcript gives none."""
        channels = {word.channel for word in self.words}
        return channels.pop() if len(channels) == 1 else None
