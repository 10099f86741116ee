"""Words with times: the one form that readers of transcripts and speech engines give, whatever they come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One word as the transcript writes it, without blanks around it; seconds from the start of the recording."""

    text: str
    start: float
    end: float
    score: float | None = None  # 0 to 1, how sure the engine was; None where it does not say
    channel: int | None = None  # from 0; None where the transcript does not tell channels apart
    timed: bool = True  # False where the times are worked out from the neighbours', because the transcript has none


@dataclass(frozen=True, slots=True)
class Redaction:
    """A stretch that the maker of a transcript marked as one that identifies somebody; None is every channel."""

    start: float
    end: float
    channel: int | None = None


ENGINE = "engine"  # the form of what was heard here, in this very sound


@dataclass(frozen=True, slots=True)
class Transcript:
    """What one engine heard in one call: words in order of their start, and what its maker marked."""

    form: str  # which kind of document it was
    words: tuple[Word, ...]
    redactions: tuple[Redaction, ...] = ()

    @property
    def channel(self) -> int | None:
        """The one channel that all its words are of; None where there are several, or none is told."""
        channels = {one.channel for one in self.words}
        return channels.pop() if len(channels) == 1 else None
