"""Progress of long work, as a use case reports it to its observer; `edge.progress` shows it.

An observer is called during the work, up to once per call: it must return at once and raise nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Unit(StrEnum):
    """The unit that is counted; bytes are shown as MB."""

    CALLS = "calls"
    KEYS = "keys"
    ENTRIES = "entries"
    ROWS = "rows"
    BYTES = "bytes"


class Phase(StrEnum):
    """A part of a command that may take long; each has its sentence, `progress.<phase>`, and its total."""

    INTAKE = "intake"
    REHEARSAL = "rehearsal"  # an intake that writes nothing
    CATALOGUE_COPY = "catalogue_copy"
    OBJECT_COPY = "object_copy"
    OBJECT_MOVE = "object_move"
    CATALOGUE_MOVE = "catalogue_move"
    LOG_CHECK = "log_check"
    OBJECT_CHECK = "object_check"
    COMPARISON = "comparison"
    KEY_CHECK = "key_check"
    FILE_CHECK = "file_check"
    GRANT = "grant"
    TRAINING_COPIES = "training_copies"
    EVALUATION = "evaluation"
    ANSWER = "answer"  # to an access request
    ERASURE = "erasure"
    REKEYING = "rekeying"
    UPGRADE = "upgrade"


UNIT_OF: Final[Mapping[Phase, Unit]] = {  # of counted phases
    Phase.INTAKE: Unit.CALLS,
    Phase.REHEARSAL: Unit.CALLS,
    Phase.OBJECT_COPY: Unit.CALLS,
    Phase.OBJECT_MOVE: Unit.CALLS,
    Phase.CATALOGUE_MOVE: Unit.ROWS,
    Phase.LOG_CHECK: Unit.ENTRIES,
    Phase.OBJECT_CHECK: Unit.BYTES,
    Phase.KEY_CHECK: Unit.CALLS,
    Phase.GRANT: Unit.KEYS,
    Phase.TRAINING_COPIES: Unit.CALLS,
    Phase.EVALUATION: Unit.CALLS,
    Phase.ANSWER: Unit.BYTES,
    Phase.ERASURE: Unit.CALLS,
}


class Progress(NamedTuple):
    """The done and total amount of a phase; without a *total* nothing is counted, as during database work."""

    phase: Phase
    done: int = 0
    total: int | None = None
    workers: int | None = None  # of a cluster


Observer = Callable[[Progress], None]


def unobserved(_progress: Progress) -> None:
    """An observer that ignores progress."""
