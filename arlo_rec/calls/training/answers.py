"""The records of training copies in answers."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from arlo_rec.calls.training.backlog import CopyWaiting
from arlo_rec.calls.training.build import TrainingCopy
from arlo_rec.calls.training.cut_plan import CutPlan, UnsureStretch, UnusedTranscript
from arlo_rec.calls.training.evaluation import Bench
from arlo_rec.calls.training.owed import Owed
from arlo_rec.calls.training.spoken import SpokenWord
from arlo_rec.law.model.documents import Record
from arlo_rec.sound.audio.cut_list import LOOK, NumberedCut


class CopyShown(Record, frozen=True, kw_only=True):
    """A training copy; a call whose copy failed has an error, and no copy."""

    id: str  # of the call
    copy: str | None
    revision: int | UnsetType | None = UNSET
    state: str | UnsetType = UNSET
    mode: str | UnsetType = UNSET
    cuts: list[NumberedCut] | UnsetType = UNSET
    removed: list[NumberedCut] | UnsetType = UNSET
    look_here: list[NumberedCut] | UnsetType = UNSET
    cover_of_call: float | UnsetType = UNSET
    cover_of_speech: float | UnsetType | None = UNSET
    offset_s: float | UnsetType | None = UNSET
    warnings: tuple[str, ...] | UnsetType = UNSET
    unused: tuple[UnusedTranscript, ...] | UnsetType = UNSET
    error: dict[str, str | int] | UnsetType = UNSET
    unsure: tuple[UnsureStretch, ...] | UnsetType = UNSET  # of a review, as what follows
    owed: Owed | UnsetType = UNSET
    words: list[SpokenWord] | UnsetType = UNSET
    done: str | UnsetType | None = UNSET  # on a page
    heard_again: bool | UnsetType = UNSET  # at a release


class CopiesMade(Record, frozen=True, kw_only=True):
    """The copies that were made, or the figures of labelled calls."""

    results: list[CopyShown] | UnsetType = UNSET
    passed_over: int | UnsetType = UNSET  # of the backlog
    bench: Bench | UnsetType = UNSET


class CopyAnswer(Record, frozen=True):
    """One copy."""

    copy: CopyShown


class Reviewed(Record, frozen=True, kw_only=True):
    """The copies that wait for a person, or a reviewed one, with what was heard on its page."""

    copies: list[CopyWaiting] | UnsetType = UNSET
    copy: CopyShown | UnsetType = UNSET
    url: str | UnsetType = UNSET
    heard_s: float | UnsetType = UNSET
    original_heard_s: float | UnsetType = UNSET


def numbered(plan: CutPlan) -> list[NumberedCut]:
    """The cuts with their numbers, by when they begin."""
    every = (NumberedCut.of(cut, number=number) for number, cut in enumerate(plan.listed, 1))
    return sorted(every, key=lambda cut: cut.start)


def shown(copy: TrainingCopy, **more: Any) -> CopyShown:
    """A copy with its cuts, and *more* about it."""
    plan, cuts = copy.plan, numbered(copy.plan)
    return CopyShown(
        id=copy.original.hex(),
        copy=copy.copy.hex(),
        revision=copy.revision,
        state=copy.state,
        mode=plan.mode,
        cuts=[cut for cut in cuts if cut.status not in {"removed", LOOK}],
        removed=[cut for cut in cuts if cut.status == "removed"],
        look_here=[cut for cut in cuts if cut.status == LOOK],
        cover_of_call=round(copy.cover, 4),
        cover_of_speech=None if plan.cover_of_speech is None else round(plan.cover_of_speech, 4),
        offset_s=plan.offset_s,
        warnings=plan.warnings,
        unused=plan.unused,
        **more,
    )
