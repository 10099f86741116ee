"""Make a training copy: cut the original by a plan, prove it against the original, and seal it to its makers.

The cuts, their words and reasons go into the makers' metadata alone. No decrypted byte touches the disk. `cut_plan`
decides where to cut; `copies` seals and holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from arlo_rec.calls.training import copies
from arlo_rec.calls.training.copies import CopyDraft
from arlo_rec.calls.training.cut_plan import CopyOrder, CutPlan
from arlo_rec.calls.training.opening import OpenRecording
from arlo_rec.law.log.rows import CopyState
from arlo_rec.law.model.errors import Integrity, Usage
from arlo_rec.law.model.records import RecordingId
from arlo_rec.law.model.strict_json import from_base64, to_base64
from arlo_rec.policy import Mode
from arlo_rec.sound import audio
from arlo_rec.sound.audio import Fill, Sound, Stretch
from arlo_rec.sound.audio.cut_list import Cut
from arlo_rec.vault.access import gate
from arlo_rec.vault.catalogue.copies import Copy
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.opened import Store


@dataclass(frozen=True, slots=True)
class CutRecord:
    """The record of a copy's cuts in the makers' metadata: enough to prove the copy, and to make it again."""

    plan: CutPlan
    fill: Fill
    chance: bytes = field(repr=False)  # the seed of the noise in its cuts
    fade: float = audio.FADE  # seconds over which the fill fades in; none in copies of older versions

    @property
    def order(self) -> CopyOrder:
        """The order to make the same copy again with other cuts."""
        return CopyOrder(self.plan.mode, self.fill)

    def without_words(self) -> CutRecord:
        """The same record without words, and without file names, which may name people."""
        return replace(self, plan=replace(self.plan.without_words(), unused=()))

    def to_json(self) -> dict[str, Any]:
        """The value of `cuts` in the metadata."""
        return self.plan.to_json() | {"fill": str(self.fill), "chance": to_base64(self.chance), "fade": self.fade}

    @classmethod
    def of_copy(cls, metadata: Mapping[str, Any]) -> CutRecord:
        """The record in the makers' metadata of a copy."""
        kept = metadata["cuts"]
        return cls(CutPlan.from_json(kept), Fill(kept["fill"]), from_base64(kept["chance"]), kept.get("fade", 0.0))


@dataclass(frozen=True, slots=True)
class TrainingCopy:
    """A copy with its cuts."""

    original: RecordingId
    copy: RecordingId  # the id that people know it by
    revision: int
    state: CopyState
    plan: CutPlan
    duration: float  # seconds
    sides: Mapping[str, int] = field(default_factory=dict)  # the channels of `caller` and `agent`, if known

    @classmethod
    def of(cls, copy: Copy, recording: OpenRecording) -> TrainingCopy:
        """The copy of a row, from its open recording."""
        plan = CutRecord.of_copy(recording.metadata).plan
        return cls(copy.parent, copy.first, copy.revision, copy.state, plan, recording.sound.duration, recording.sides)

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """The effective cuts, in order of time."""
        return self.plan.cuts

    @property
    def cover(self) -> float:
        """The share of the call's length that is cut in any channel."""
        total, reached = 0.0, 0.0
        for cut in sorted(self.cuts, key=lambda cut: cut.start):
            total += max(0.0, cut.end - max(cut.start, reached))
            reached = max(reached, cut.end)
        return total / self.duration


def by_policy(store: Store, order: CopyOrder, now: datetime) -> CopyOrder:
    """The order with the current policy's settings for every copy."""
    return replace(order, cut_circumstances=store.policy.at(store.clock.today(now)).cut_circumstances)


def make(
    store: Store,
    original: OpenRecording,
    plan: CutPlan,
    order: CopyOrder,
    now: datetime,
    *,
    replaces: Copy | None = None,
) -> TrainingCopy:
    """Make a copy that waits for a review; *replaces* is the revision that was edited.

    Raises Refused if the maker may no longer open the call, Usage if nothing is cut, and as `copies.make`.
    """
    gate.still_open(store, original.permit, now)
    if not plan.cuts and plan.mode is Mode.MANUAL:
        raise Usage("cuts_empty")
    record = CutRecord(plan, order.fill, primitives.fresh())
    sound = audio.cut(original.sound, stretches(plan.cuts), record.fill, record.chance, record.fade)
    prove(original.sound, sound, plan.cuts, record.fill, record.chance, record.fade)
    metadata = copies.for_trainers(original.metadata) | {"channels": original.sides, "cuts": record.to_json()}
    copy = copies.make(store, CopyDraft(original, sound, metadata, CopyState.NEEDS_REVIEW, replaces), now)
    return TrainingCopy(copy.parent, copy.first, copy.revision, copy.state, plan, sound.duration, original.sides)


def prove(
    original: Sound, copy: Sound, cuts: Sequence[Cut], fill: Fill, chance: bytes, fade: float = audio.FADE
) -> None:
    """Compare length and every sample outside and inside the cuts; raises Integrity for a difference."""
    if problems := audio.find_cut_problems(original, copy, stretches(cuts), fill, chance, fade):
        raise Integrity("copy_is_not_the_cut_call", why=problems[0])


def stretches(cuts: Sequence[Cut]) -> list[Stretch]:
    """Convert cuts to stretches of `audio`."""
    return [Stretch(cut.start, cut.end, cut.channels) for cut in cuts]
