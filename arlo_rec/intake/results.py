"""What an intake is asked to do, and what became of each delivery: filled by `batch_outcome`, shown by commands."""

from __future__ import annotations

from dataclasses import dataclass, field

from arlo_rec.model.records import RecordingId


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that is a recording now, or was one before."""

    id: RecordingId
    source: str
    source_id: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A call that was refused, and by which rule; `why` is a code word for a sound that cannot be taken in."""

    source: str
    source_id: str | None
    code: str
    rule: str
    why: str | None = None
    told: bool = False  # by an earlier run already


@dataclass(slots=True)
class Outcome:
    """What became of each delivery.

    `removed` are those of `refused` whose files were removed because somebody ordered it; `left` is what could not be
    removed, and `unclaimed` are sounds that no manifest names.
    """

    accepted: list[Taken] = field(default_factory=list)
    refused: list[NotTaken] = field(default_factory=list)
    duplicates: list[Taken] = field(default_factory=list)
    unclaimed: list[str] = field(default_factory=list)
    removed: list[NotTaken] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Add the outcome of one batch."""
        self.accepted += other.accepted
        self.refused += other.refused
        self.duplicates += other.duplicates
        self.removed += other.removed
        self.left += other.left


@dataclass(frozen=True, slots=True)
class Options:
    """How an intake is carried out.

    `remove_refused` are the codes of refusals whose files are removed, too; `not_of` see `spool.home_of`.
    """

    keep_source: bool = False
    dry_run: bool = False
    remove_refused: frozenset[str] = frozenset()
    not_of: int | None = None


AS_USUAL = Options()
