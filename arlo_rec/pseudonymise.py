"""Training copies: proposed, reviewed, released. A person decides what is cut, and a check proves that it was cut.

    make      the original is opened, cut, checked against the original, and sealed to its makers: `needs_review`
    review    a person who may hear the original sees the cut list, decides each cut, hears what was heard badly, and
              confirms it: `ready`
              (a change makes the next revision under the same id, unconfirmed)
    release   the copy is checked again and sealed to training under a new id; the copy under review is erased
    reject    the copy under review is erased

Every function takes the id that the user named and opens it through the gate. `training.cut_plan` decides where to cut,
`training.build` makes a copy, and `training.backlog` lists calls
without a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from arlo_rec.calls.training import build, copies, cut_plan, opening, under_review
from arlo_rec.calls.training.build import CutRecord, TrainingCopy
from arlo_rec.calls.training.copies import CopyDraft
from arlo_rec.calls.training.cut_plan import Changes, CutPlan, edited
from arlo_rec.calls.training.opening import OpenRecording
from arlo_rec.calls.training.owed import Owed, heard, owed
from arlo_rec.calls.training.under_review import RULE
from arlo_rec.law.log.events import CopyConfirmed
from arlo_rec.law.log.rows import CopyState
from arlo_rec.law.model.errors import Refused, ReviewUnfinished, Usage
from arlo_rec.law.model.policy_versions import demanded_reason
from arlo_rec.policy import Action
from arlo_rec.sound import speech
from arlo_rec.sound.speech import NOT_UNDERSTOOD
from arlo_rec.vault.access.gate import Intent
from arlo_rec.vault.catalogue.copies import Copy
from arlo_rec.vault.opened import Store

if TYPE_CHECKING:
    from arlo_rec.sound.speech import Engines


class Review(NamedTuple):
    """A copy under review, and what this person still has to do before they may stand for it."""

    copy: TrainingCopy
    owed: Owed


# -- review -------------------------------------------------------------------------------------------


def show(store: Store, shown_id: str, intent: Intent, clock: Callable[[], datetime]) -> Review:
    """A copy under review with its cuts, and what is left to do; raises NotGranted or Usage."""
    copy, recording = under_review.open_one(store, shown_id, intent, clock)
    under_review.note_shown(store, copy, len(CutRecord.of_copy(recording.metadata).plan.cuts), clock())
    return _review(store, copy, recording)


def _review(store: Store, copy: Copy, recording: OpenRecording) -> Review:
    shown = TrainingCopy.of(copy, recording)
    return Review(shown, owed(shown.plan, heard(store, copy, shown.plan), shown.duration))


def change(
    store: Store, shown_id: str, wanted: Callable[[CutPlan], Changes], intent: Intent, clock: Callable[[], datetime]
) -> TrainingCopy:
    """Make the copy again from the original with other cuts, as its next revision; the one before is erased.

    *wanted* says what to change of the plan that is there. Raises Refused if another person edited it since this
    person was last shown it: numbers of cuts may mean others now.
    """
    copy, recording = under_review.open_one(store, shown_id, intent, clock)
    under_review.demand_seen(store, copy)
    record = CutRecord.of_copy(recording.metadata)
    cuts = edited(record.plan.listed, wanted(record.plan))
    if cuts == list(record.plan.listed):  # a new revision would take back what was confirmed
        raise Usage("nothing_to_change")
    original = opening.open_recording(store, copy.parent.hex(), intent, clock)
    plan = record.plan.with_cuts(cut_plan.within(cuts, original.sound))
    changed = build.make(store, original, plan, record.order, clock(), replaces=copy)
    under_review.erase(store, copy, Action.REVIEW, None, clock())
    return changed


def confirm(store: Store, shown_id: str, reason: str | None, clock: Callable[[], datetime]) -> TrainingCopy:
    """Mark the cut list of a copy's newest revision as confirmed.

    Raises Refused where this person has not seen that revision; without a *reason* where a cut is not decided, or a
    badly recognised place was not heard; and whatever the reason where the speech was not understood, or where only
    hearing all of it tells. Raises Usage where the reason is none, or where it is not the newest revision any more;
    NotGranted where it is gone.
    """
    copy, recording = under_review.open_one(store, shown_id, Intent(Action.REVIEW, shows=False), clock)
    under_review.demand_seen(store, copy)
    _demand_understood(copy, recording)
    left = _review(store, copy, recording).owed
    _demand_heard(copy, recording, left)
    if left and reason is None:
        raise _unfinished(copy, left)
    if left or reason is not None:
        demanded_reason(reason)
    with store.change(clock()) as commit:
        held = store.catalogue.copies.get(copy.id)
        if held is None or held.state not in (CopyState.NEEDS_REVIEW, CopyState.READY):
            raise copies.overtaken(store, copy)
        commit.log(_confirmed(copy, left, reason))
    return TrainingCopy.of(copy._replace(state=CopyState.READY), recording)


def _demand_understood(copy: Copy, recording: OpenRecording) -> None:
    """Raise Refused where an engine did not understand what is said: what has to be cut there, nothing can tell."""
    if not CutRecord.of_copy(recording.metadata).plan.is_understood:
        raise Refused(NOT_UNDERSTOOD, rule=RULE, copy=copy.first.hex(), id=copy.parent.hex())


def _demand_heard(copy: Copy, recording: OpenRecording, left: Owed) -> None:
    """Raise Refused where the words may miss all that matters, and what stays was not heard, whatever the reason."""
    if left.unheard and CutRecord.of_copy(recording.metadata).plan.may_miss_all:
        raise Refused("review_must_be_heard", rule=RULE, copy=copy.first.hex(), parts=_parts(left))


def _parts(left: Owed) -> str:
    return ", ".join(f"{start:.1f}-{end:.1f}" for start, end in left.unheard)


def _confirmed(copy: Copy, left: Owed, reason: str | None) -> CopyConfirmed:
    """The entry of a confirmation, with the reason that was given, and how much was left."""
    if not left:
        return CopyConfirmed(recordings=(copy.id,), reason=reason)
    undecided, unheard = len(left.undecided), len(left.unheard)
    return CopyConfirmed(recordings=(copy.id,), reason=reason, undecided=undecided, unheard=unheard)


def _unfinished(copy: Copy, left: Owed) -> ReviewUnfinished:
    """The steps left before a confirmation."""
    cuts = ", ".join(map(str, left.undecided))
    return ReviewUnfinished(copy=copy.first.hex(), cuts=cuts, parts=_parts(left))


def reject(store: Store, shown_id: str, reason: str | None, clock: Callable[[], datetime]) -> Copy:
    """Erase a copy under review; raises Usage, also where it was edited or released meanwhile, or NotGranted."""
    demanded_reason(reason)
    copy, _ = under_review.open_one(store, shown_id, Intent(Action.REJECT), clock)

    def still_waits() -> None:
        held = store.catalogue.copies.get(copy.id)
        if held is None or held.state is CopyState.REPLACED:
            raise copies.overtaken(store, copy)

    under_review.erase(store, copy, Action.REJECT, reason, clock(), still_waits)
    return copy


# -- release ------------------------------------------------------------------------------------------


def release(
    store: Store, shown_id: str, reason: str | None, engines: Engines, clock: Callable[[], datetime]
) -> TrainingCopy:
    """Release a reviewed copy to training.

    Raises Refused where it is not reviewed, or where one of *engines* still recognises a known name in it; Integrity
    where its sound does not match its cut list.
    """
    demanded_reason(reason)
    copy, recording = under_review.open_unreleased(store, shown_id, Intent(Action.RELEASE), clock)
    if copy.state is CopyState.REPLACED:
        return _finish_release(store, copy, recording, reason, clock)
    if copy.state is not CopyState.READY:
        raise Refused("not_reviewed", rule=RULE)
    _demand_understood(copy, recording)
    original = opening.open_recording(store, copy.parent.hex(), Intent(Action.RELEASE), clock)
    _prove(original, recording)
    if engines:
        _demand_unheard(engines, original, recording)
    draft = _released_draft(original, copy, recording, heard_again=bool(engines))
    released = copies.make(store, draft, clock())
    under_review.erase(store, copy, Action.RELEASE, reason, clock())
    return TrainingCopy.of(released, recording)


def _prove(original: OpenRecording, copy: OpenRecording) -> None:
    """Check a copy against its original."""
    record = CutRecord.of_copy(copy.metadata)
    build.prove(original.sound, copy.sound, record.plan.cuts, record.fill, record.chance, record.fade)


def _demand_unheard(engines: Engines, original: OpenRecording, copy: OpenRecording) -> None:
    """Raise Refused where one of *engines* recognises a known name of the call in its copy."""
    judge = speech.words()
    for transcript in judge.transcribe(engines, copy.sound, None, []):
        if heard := judge.first_known(transcript, original.call.names):
            raise Refused("still_heard", rule=RULE, at=f"{heard[0]:.1f}-{heard[1]:.1f}")


def _released_draft(original: OpenRecording, copy: Copy, recording: OpenRecording, *, heard_again: bool) -> CopyDraft:
    """The draft of the released copy: the reviewed sound, and the cut list without the words."""
    cuts = CutRecord.of_copy(recording.metadata).without_words().to_json()
    metadata = {**recording.metadata, "cuts": cuts}
    return CopyDraft(original, recording.sound, metadata, CopyState.RELEASED, copy, heard_again)


def _finish_release(
    store: Store, copy: Copy, recording: OpenRecording, reason: str | None, clock: Callable[[], datetime]
) -> TrainingCopy:
    """Finish a release that was interrupted after it made the new copy: erase the copy under review."""
    successor = store.catalogue.copies.made_from(copy.id)
    under_review.erase(store, copy, Action.RELEASE, reason, clock())
    if successor is None or successor.state is not CopyState.RELEASED:
        raise under_review.replaced_by(successor)
    return TrainingCopy.of(successor, recording)
