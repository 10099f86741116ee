"""Training copies: proposed, reviewed, released. A person decides what is cut, and a proof shows that it was cut.

    propose   the original is opened, cut, proved against itself, and sealed to its makers: `needs_review`
    review    who may hear the original looks at the cut list, hears each cut, changes it, and confirms it: `ready`
    release   the copy is proved once more and sealed anew to training under another id; the copy under review is erased
    reject    the copy under review is erased
Every function takes the id that somebody named and opens it through the gate. Where to cut is decided in
`training.cut_plan`, how a copy is made in `training.build`; what is still to be made is found in `training.backlog`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from arlo_rec import audio
from arlo_rec.access import disclosures
from arlo_rec.audio import Sound
from arlo_rec.catalogue.copies import Copy, CopyState
from arlo_rec.erasure import protocol
from arlo_rec.model.audit_events import CopyConfirmed, CopyErased, ReviewHeard
from arlo_rec.model.errors import Integrity, NotGranted, Refused, Usage
from arlo_rec.model.records import RecordingId
from arlo_rec.policy import Action, Event, reason_problem
from arlo_rec.speech.cut_list import Cut
from arlo_rec.store import Store
from arlo_rec.training import build, copies, cut_plan, opening
from arlo_rec.training.build import CutRecord, TrainingCopy
from arlo_rec.training.copies import CopyDraft
from arlo_rec.training.cut_plan import CopyOrder, SpeechModels
from arlo_rec.training.opening import OpenRecording

if TYPE_CHECKING:
    from arlo_rec.speech.engines.engine import Engine

_RULE = "data.pseudonymised"
LONGEST_HEARD = 60  # seconds of a stretch that is no cut
CONTEXT = 1.5  # seconds before and behind a cut that a reviewer hears


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reviewer wants otherwise; cuts by their numbers, from 1."""

    accepted: Sequence[int] = ()
    removed: Sequence[int] = ()
    moved: Mapping[int, Cut] = field(default_factory=dict)
    added: Sequence[Cut] = ()

    def __bool__(self) -> bool:
        return bool(self.accepted or self.removed or self.moved or self.added)


def propose(
    store: Store, shown_id: str, order: CopyOrder, models: SpeechModels, clock: Callable[[], datetime]
) -> TrainingCopy:
    """Make a copy of an original, to be reviewed; raises NotGranted, Refused, Usage, Unreachable or Integrity."""
    cut_plan.demand_words(order, models)
    original = opening.open_original(store, shown_id, clock)
    plan = cut_plan.plan_cuts(original, order, models)
    return build.make(store, original, plan, order, clock())


# -- review -------------------------------------------------------------------------------------------


def show(store: Store, shown_id: str, clock: Callable[[], datetime]) -> TrainingCopy:
    """A copy under review with its cuts; raises NotGranted or Usage."""
    return TrainingCopy.of(*_open_under_review(store, shown_id, Action.REVIEW, clock))


def sound_for_review(store: Store, shown_id: str, part: int | Cut | None, clock: Callable[[], datetime]) -> bytes:
    """What a reviewer listens to, as WAV: the original around a cut, by its number, or around a stretch; or the copy.

    It is noted like an export: whoever has it must delete it when the call is erased. Raises Usage where there is no
    such cut, or for a stretch of more than a minute: the original is not heard whole in this way.
    """
    copy, recording = _open_under_review(store, shown_id, Action.REVIEW, clock)
    if part is None:
        _log_heard(store, copy.id, "copy", clock())
        return audio.canonical_wav(recording.sound)
    stretch = part if isinstance(part, Cut) else _numbered(CutRecord.of_copy(recording.metadata).plan.cuts, part)
    if isinstance(part, Cut) and part.end - part.start > LONGEST_HEARD:
        raise Usage("hear_too_long", most=LONGEST_HEARD)
    original = opening.open_recording(store, copy.parent.hex(), Action.REVIEW, clock)
    if stretch.start >= original.sound.duration:
        raise Usage("cuts_wrong", place="1", why="behind_the_end")
    _log_heard(store, copy.parent, f"{stretch.start:.2f}-{stretch.end:.2f}", clock())
    return audio.canonical_wav(_part(original.sound, stretch.start - CONTEXT, stretch.end + CONTEXT))


def change(store: Store, shown_id: str, changes: Changes, clock: Callable[[], datetime]) -> TrainingCopy:
    """The same copy with other cuts, made anew from the original and to be reviewed; the one before is erased."""
    copy, recording = _open_under_review(store, shown_id, Action.REVIEW, clock)
    record = CutRecord.of_copy(recording.metadata)
    cuts = _changed(record.plan.cuts, changes)
    original = opening.open_recording(store, copy.parent.hex(), Action.REVIEW, clock)
    plan = record.plan.with_cuts(cut_plan.within(cuts, original.sound))
    changed = build.make(store, original, plan, record.order, clock(), replaces=copy.id)
    _erase(store, copy, Action.REVIEW, None, clock())
    return changed


def confirm(store: Store, shown_id: str, clock: Callable[[], datetime]) -> TrainingCopy:
    """Note that a person has gone through the cut list; raises NotGranted where it is not under review any more."""
    copy, recording = _open_under_review(store, shown_id, Action.REVIEW, clock)
    with store.change(clock()) as commit:
        held = store.catalogue.copies.get(copy.id)
        if held is None or held.state not in (CopyState.NEEDS_REVIEW, CopyState.READY):
            raise NotGranted("no_grant", rule="access.managers")
        store.catalogue.copies.confirm(copy.id, store.person.name)
        commit.log(CopyConfirmed(recordings=(copy.id,)))
    return TrainingCopy.of(replace(copy, state=CopyState.READY), recording)


def reject(store: Store, shown_id: str, reason: str | None, clock: Callable[[], datetime]) -> Copy:
    """Erase a copy that is not good enough; raises Usage or NotGranted."""
    _demand_reason(reason)
    copy, _ = _open_under_review(store, shown_id, Action.REJECT, clock)
    _erase(store, copy, Action.REJECT, reason, clock())
    return copy


def _open_under_review(
    store: Store, shown_id: str, action: Action, clock: Callable[[], datetime]
) -> tuple[Copy, OpenRecording]:
    """A copy that waits for a person; raises NotGranted, or Usage where the id is that of something else.

    One that was replaced by a run that broke off is erased now, and the error says what to look at instead.
    """
    copy, recording = _open_unreleased(store, shown_id, action, clock)
    if copy.state is CopyState.REPLACED:
        successor = store.catalogue.copies.made_from(copy.id)
        _erase(store, copy, action, None, clock())
        raise _replaced_by(successor)
    return copy, recording


def _open_unreleased(
    store: Store, shown_id: str, action: Action, clock: Callable[[], datetime]
) -> tuple[Copy, OpenRecording]:
    """A copy that is not released; raises NotGranted, or Usage where the id is that of something else."""
    recording = opening.open_recording(store, shown_id, action, clock)
    copy = store.catalogue.copies.get(recording.permit.recording.id)
    if copy is None or copy.state is CopyState.RELEASED:
        raise Usage("not_under_review")
    return copy, recording


def _replaced_by(successor: Copy | None) -> Usage:
    return Usage("copy_replaced", copy=successor.id.hex() if successor else "-")


def _changed(cuts: Sequence[Cut], changes: Changes) -> list[Cut]:
    """The cuts as a reviewer wants them, each with what became of it."""
    for number in (*changes.accepted, *changes.removed, *changes.moved):
        _numbered(cuts, number)
    changed = []
    for number, cut in enumerate(cuts, 1):
        if number in changes.removed:
            continue
        moved = changes.moved.get(number)
        if moved is not None:
            changed.append(replace(cut, start=moved.start, end=moved.end, status="changed"))
        else:
            changed.append(replace(cut, status="accepted") if number in changes.accepted else cut)
    return [*changed, *(replace(cut, status="added") for cut in changes.added)]


def _numbered(cuts: Sequence[Cut], number: int) -> Cut:
    if not 1 <= number <= len(cuts):
        raise Usage("no_such_cut", number=number, most=len(cuts))
    return cuts[number - 1]


def _log_heard(store: Store, recording: RecordingId, stretch: str, now: datetime) -> None:
    """Log who listens to what, and note that it leaves."""
    with store.change(now) as commit:
        seq = commit.log(ReviewHeard(recordings=(recording,), heard=stretch))
        disclosures.note(store, seq, disclosures.EXPORT, now)


def _part(sound: Sound, begin: float, end: float) -> Sound:
    """A sound from *begin* to *end* in seconds, as far as it goes."""
    first = max(0, int(begin * sound.rate)) * sound.frame_bytes
    behind = min(sound.frames, int(end * sound.rate) + 1) * sound.frame_bytes
    return Sound(sound.encoding, sound.rate, sound.channels, sound.data[first:behind])


# -- release ------------------------------------------------------------------------------------------


def release(
    store: Store, shown_id: str, reason: str | None, engine: Engine | None, clock: Callable[[], datetime]
) -> TrainingCopy:
    """Give a reviewed copy to training.

    Raises Refused where nobody reviewed it, or where *engine* still hears a name that is known; Integrity where it is
    not as cut.
    """
    _demand_reason(reason)
    copy, recording = _open_unreleased(store, shown_id, Action.RELEASE, clock)
    if copy.state is CopyState.REPLACED:
        return _finish_release(store, copy, recording, reason, clock)
    if copy.state is not CopyState.READY:
        raise Refused("not_reviewed", rule=_RULE)
    original = opening.open_recording(store, copy.parent.hex(), Action.RELEASE, clock)
    _prove(original, recording)
    if engine is not None:
        _demand_unheard(engine, original, recording)
    draft = _released_draft(original, copy, recording, heard_again=engine is not None)
    released = copies.make(store, draft, clock())
    _erase(store, copy, Action.RELEASE, reason, clock())
    return TrainingCopy.of(replace(copy, id=released.id, state=CopyState.RELEASED), recording)


def _prove(original: OpenRecording, copy: OpenRecording) -> None:
    """Prove a copy against its original; a disguised one, whose voice was drawn and not kept, against itself."""
    record = CutRecord.of_copy(copy.metadata)
    uncut = copy.sound if record.disguised else original.sound
    if uncut.frames != original.sound.frames:
        raise Integrity("copy_is_not_the_cut_call", why="length_differs")
    build.prove(uncut, copy.sound, record.plan.cuts, record.fill, record.chance)


def _demand_unheard(engine: Engine, original: OpenRecording, copy: OpenRecording) -> None:
    """Raise Refused where a name that is known to the call is heard in its copy."""
    from arlo_rec.speech.detectors import identifiers, phonetic
    from arlo_rec.speech.engines import passes

    known = phonetic.prepare_names(original.names)
    for transcript in passes.transcribe(engine, copy.sound, None, []):
        heard = identifiers.find_known_names(transcript.words, known)
        if heard:
            raise Refused("still_heard", rule=_RULE, at=f"{heard[0].start:.1f}-{heard[0].end:.1f}")


def _released_draft(original: OpenRecording, copy: Copy, recording: OpenRecording, *, heard_again: bool) -> CopyDraft:
    """The sound of a reviewed copy for training, its cut list without the words."""
    cuts = CutRecord.of_copy(recording.metadata).without_words().to_json()
    metadata = {**recording.metadata, "cuts": cuts}
    return CopyDraft(original, recording.sound, metadata, CopyState.RELEASED, copy.id, heard_again)


def _finish_release(
    store: Store, copy: Copy, recording: OpenRecording, reason: str | None, clock: Callable[[], datetime]
) -> TrainingCopy:
    """Finish a release that broke off behind its new copy: the copy under review is erased now."""
    successor = store.catalogue.copies.made_from(copy.id)
    _erase(store, copy, Action.RELEASE, reason, clock())
    if successor is None or successor.state is not CopyState.RELEASED:
        raise _replaced_by(successor)
    return TrainingCopy.of(successor, recording)


def _erase(store: Store, copy: Copy, action: Action, reason: str | None, now: datetime) -> None:
    """Erase a copy under review; the log names its original, and why."""
    order = protocol.Order(str(action), _RULE, Event.DISCARDED, (copy.id,))
    event = CopyErased(action=action, rule=_RULE, recordings=(copy.id,), parent=copy.parent.hex(), why=reason or "")
    protocol.carry_out(store, lambda: order, now, lambda commit, _: commit.log(event))


def _demand_reason(reason: str | None) -> None:
    if problem := reason_problem(reason):
        raise Usage(problem, rule="security.reason")
