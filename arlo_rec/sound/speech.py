"""The words of a call, and the port behind which they are heard, read and judged.

An implementation is registered below the entry point `arlo_rec.words`; it gets a sound, transcripts and the names that
are known, and gives a plan of cuts. Nothing here needs it: a company that cuts by lists of its own can leave it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.sound.audio import Sound
from arlo_rec.sound.audio.cut_list import Cut

GROUP: Final = "arlo_rec.words"  # the entry point
LONGEST = 64 * 1024 * 1024  # bytes of a transcript; whisper.cpp with all its tokens takes about 10 MB an hour

NO_SCORES = "no_scores"  # the warning that nothing says how well the words were heard
NOTHING_FOUND = "nothing_found"  # the warning that nothing was cut
UNPROVEN = "words_unproven"  # the warning that these may be the words of another call
NOT_UNDERSTOOD = "engine_not_understood"  # the warning with which no copy becomes ready


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
    """A span that the maker of a transcript marked as identifying, in seconds; channel None means all."""

    start: float
    end: float
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Language:
    """The language that an engine detected in a channel, with its probability."""

    channel: int | None
    name: str  # Whisper's: "no", "nn", "en"
    sure: float


ENGINE = "engine"  # the form of a transcript that an engine made here


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of a call, sorted by start, and the spans that the transcript's maker marked."""

    form: str  # the form of the document: one of `transcript_reading.FORMS`, or `ENGINE`
    words: tuple[Word, ...]
    redactions: tuple[Redaction, ...] = ()
    file: str = ""  # its name, for people; empty if an engine made it here
    languages: tuple[Language, ...] = ()  # detected by an engine if none was given
    engine: int = 0  # the number of the engine that made it here

    @property
    def channel(self) -> int | None:
        """The channel of all words; None where there are several, or the transcript gives none."""
        channels = {word.channel for word in self.words}
        return channels.pop() if len(channels) == 1 else None


class Heard(list[Word]):
    """Recognised words, with the detected language and its probability if no language was given."""

    language: str | None = None  # Whisper's name
    sure: float = 1.0


class Engine(Protocol):
    """A speech engine: recognises words in a sound."""

    def hear(self, samples: bytes, language: str | None, hints: Sequence[str]) -> Heard:
        """Recognise the words of one channel; sorted by start, in seconds from its first sample; `channel` is None.

        *samples* is 16-bit PCM of one channel at 16 kHz. Without *language* the engine
        detects it. *hints* are words likely to occur, such as names; they can cause errors in other words, so callers
        combine a result with hints and one without. Recognises all of the sound or raises: never a part.
        """

    def stop(self) -> None:
        """Stop the engine, from any thread: a running `hear` and all later ones raise `engine_died`."""


Engines = Sequence[Engine]  # that hear the same call; none: nothing is heard


@dataclass(frozen=True, slots=True)
class Dropped:
    """A transcript that is not used, with the code of the reason."""

    place: int  # from 1
    file: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The cuts of a call, with warnings and doubtful spans for the reviewer; times in seconds."""

    cuts: tuple[Cut, ...]
    cover_of_speech: float
    offsets: tuple[float, ...]  # added to the times of each transcript that has words
    warnings: tuple[str, ...]
    unsure: tuple[tuple[float, float, int | None], ...]  # uncut spans with low scores, or in implausibly long words
    words: tuple[tuple[Word, ...], ...] = field(repr=False)  # of each transcript that has any, with corrected times
    dropped: tuple[Dropped, ...] = ()  # transcripts that were not used


class Words(Protocol):
    """Hearing, reading and judging of words, without any store, key or policy."""

    def engine(self, model: Path, threads: int, language: str | None) -> AbstractContextManager[Engine]:
        """Run the speech model of a folder for as long as the context lasts; *language* is for calls without one.

        Raises Usage for a folder that is none of a model, and Unreachable where it cannot be run.
        """

    def transcribe(
        self, engines: Engines, sound: Sound, language: str | None, hints: Sequence[str]
    ) -> list[Transcript]:
        """The words of each channel by each engine; raises what `Engine.hear` raises. An interrupt stops them all."""

    def read(self, raw: bytes, channel: int | None = None) -> Transcript:
        """Read a transcript in a form that companies have; raises Usage with `place` and `why`."""

    def plan(
        self,
        sound: Sound,
        transcripts: Sequence[Transcript],
        people: Sequence[str],
        *,
        strict: bool,
        cut_circumstances: bool = False,
        lead: float = 0.0,
    ) -> Plan:
        """Plan the cuts of a call for which the names of *people* are known.

        *lead* is the length in seconds of what was removed from the start of the recording: transcripts may count from
        before it. *strict* also cuts all speech that is not confidently harmless. Circumstances are cut in that mode
        and with *cut_circumstances*, else listed for a reviewer to look at. Raises Usage where the transcripts do not
        fit the sound, or, in *strict*, have no scores; ValueError without transcripts.
        """

    def first_known(self, transcript: Transcript, people: Sequence[str]) -> tuple[float, float] | None:
        """Where a transcript first has a name of one of *people*, in seconds; None where it has none."""

    def tells(self, text: str) -> bool:
        """Whether a word tells of a circumstance that may identify a person without a name."""


@cache
def words() -> Words:
    """The words that are registered; raises Unreachable `words_not_installed` where none are."""
    from importlib.metadata import entry_points  # here: no words, no cost

    for found in entry_points(group=GROUP):
        loaded: Words = found.load()
        return loaded
    raise Unreachable("words_not_installed")
