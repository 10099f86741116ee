"""What an intake was asked to do, and what became of everything that was offered: nouns that `ingest` fills."""

from __future__ import annotations

from dataclasses import dataclass, field

from arlo_rec.model.records import RecordingId


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that is now a recording, or was one already."""

    id: RecordingId
    source: str
    source_id: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A call that was refused, by which rule; `why` is a code word for sound that we do not take."""

    source: str
    source_id: str | None
    code: str
    rule: str
    why: str | None = None


@dataclass(slots=True)
class Outcome:
    """What became of everything that was offered.

    `removed` are those of `refused` whose files went because somebody ordered it; `left` what could not be removed.
    """

    accepted: list[Taken] = field(default_factory=list)
    refused: list[NotTaken] = field(default_factory=list)
    duplicates: list[Taken] = field(default_factory=list)
    unclaimed: list[str] = field(default_factory=list)
    removed: list[NotTaken] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Take over what became of one batch."""
        self.accepted += other.accepted
        self.refused += other.refused
        self.duplicates += other.duplicates
        self.removed += other.removed
        self.left += other.left


@dataclass(frozen=True, slots=True)
class Options:
    """How to go about it; `remove_refused` are the codes of refusals whose files go all the same."""

    keep_source: bool = False
    dry_run: bool = False
    remove_refused: frozenset[str] = frozenset()


AS_USUAL = Options()
