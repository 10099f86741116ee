"""Training copies: proposed, reviewed, released. A person decides what is cut, and a check proves that it was cut.

    propose   the original is opened, cut, checked against the original, and sealed to its makers: `needs_review`
    review    a person who may hear the original sees the cut list, hears each cut, changes it, and confirms it: `ready`
              (a change makes the next revision under the same id, which nobody confirmed yet)
    release   the copy is checked again and sealed to training under a new id; the copy under review is erased
    reject    the copy under review is erased

Every function takes the id that the user named and opens it through the gate. `training.cut_plan` decides where to cut,
`training.build` makes a copy, and `training.backlog` lists calls without a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from arlo_rec import audio
from arlo_rec.access import disclosures, gate
from arlo_rec.access.gate import Intent
from arlo_rec.audio import Sound
from arlo_rec.backends.durable import write_new
from arlo_rec.catalogue.copies import Copy, CopyState
from arlo_rec.erasure import protocol
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import CopyConfirmed, CopyErased, CopyMade, Opened, ReviewHeard
from arlo_rec.model.errors import Integrity, NotGranted, Refused, Usage
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
LONGEST_HEARD = 60  # seconds of a part of the original that is not a cut
CONTEXT = 1.5  # seconds before and behind a cut that a reviewer hears


@dataclass(frozen=True, slots=True)
class Changes:
    """A reviewer's changes of a cut list; cuts by their numbers, from 1."""

    accepted: Sequence[int] = ()
    removed: Sequence[int] = ()
    moved: Mapping[int, Cut] = field(default_factory=dict)
    added: Sequence[Cut] = ()

    def __bool__(self) -> bool:
        return bool(self.accepted or self.removed or self.moved or self.added)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a reviewer wants to hear: the original around a cut (by number), a part of it, or the copy (None)."""

    part: int | Cut | None
    reason: str | None


def propose(
    store: Store, shown_id: str, order: CopyOrder, models: SpeechModels, clock: Callable[[], datetime]
) -> TrainingCopy:
    """Make a copy of an original for review; raises NotOpen, Refused, Usage, Unreachable or Integrity."""
    cut_plan.demand_words(order, models)
    original = opening.open_original(store, shown_id, clock)
    plan = cut_plan.plan_cuts(original, order, models)
    return build.make(store, original, plan, order, clock())


# -- review -------------------------------------------------------------------------------------------


def show(store: Store, shown_id: str, clock: Callable[[], datetime]) -> TrainingCopy:
    """A copy under review with its cuts; raises NotGranted or Usage."""
    return TrainingCopy.of(*_open_under_review(store, shown_id, Action.REVIEW, clock))


def write_for_review(store: Store, heard: Heard, shown_id: str, out: Path, clock: Callable[[], datetime]) -> int:
    """Write what a reviewer wants to hear as WAV to a new file, and return the number of bytes.

    Whoever hears takes a live grant for quality and a reason, an officer too. It is logged as a disclosure, like an
    export, with the seconds of sound that leave; and like an export it leaves nothing where the recording was erased
    or the grant ended before the file has its name. Raises Usage where there is no such cut, and for a part of more
    than LONGEST_HEARD, so that an original is not heard whole in this way; and what the gate raises.
    """
    gate.admit(store, Intent(Action.HEAR, reason=heard.reason), clock())
    copy, recording = _open_under_review(store, shown_id, Action.REVIEW, clock)
    source, stretch, sound = _chosen(store, heard, copy, recording, clock)
    seq = _note_heard(store, source, stretch, sound, heard.reason, out.name, clock())
    with disclosures.unless_written(store, seq, clock()):
        wav = audio.canonical_wav(sound)
        return write_new(out, [wav], lambda: gate.still_open(store, source.permit, clock()))


def _chosen(
    store: Store, heard: Heard, copy: Copy, recording: OpenRecording, clock: Callable[[], datetime]
) -> tuple[OpenRecording, str, Sound]:
    """The recording of which something is heard, opened for that; what the log calls the part; and its sound."""
    part, reason = heard.part, heard.reason
    if part is None:
        opened = opening.open_recording(store, copy.id.hex(), Action.HEAR, clock, reason)
        return opened, "copy", opened.sound
    stretch = part if isinstance(part, Cut) else _numbered(CutRecord.of_copy(recording.metadata).plan.cuts, part)
    if isinstance(part, Cut) and part.end - part.start > LONGEST_HEARD:
        raise Usage("hear_too_long", most=LONGEST_HEARD)
    original = opening.open_recording(store, copy.parent.hex(), Action.HEAR, clock, reason)
    if stretch.start >= original.sound.duration:
        raise Usage("cuts_wrong", place="1", why="behind_the_end")
    sound = _part(original.sound, stretch.start - CONTEXT, stretch.end + CONTEXT)
    return original, f"{stretch.start:.2f}-{stretch.end:.2f}", sound


def change(store: Store, shown_id: str, changes: Changes, clock: Callable[[], datetime]) -> TrainingCopy:
    """Make the copy again from the original with other cuts, as its next revision; the one before is erased.

    Raises Refused where somebody else edited it since this person last looked at it: numbers of cuts mean others now.
    """
    _demand_seen(store, shown_id, clock)
    copy, recording = _open_under_review(store, shown_id, Action.REVIEW, clock)
    record = CutRecord.of_copy(recording.metadata)
    cuts = _changed(record.plan.cuts, changes)
    original = opening.open_recording(store, copy.parent.hex(), Action.REVIEW, clock)
    plan = record.plan.with_cuts(cut_plan.within(cuts, original.sound))
    changed = build.make(store, original, plan, record.order, clock(), replaces=copy)
    _erase(store, copy, Action.REVIEW, None, clock())
    return changed


def confirm(store: Store, shown_id: str, clock: Callable[[], datetime]) -> TrainingCopy:
    """Mark the cut list of a copy's newest revision as confirmed.

    Raises Refused where this person has not seen that revision, Usage where it is not the newest any more, NotGranted
    where it is gone.
    """
    _demand_seen(store, shown_id, clock)
    copy, recording = _open_under_review(store, shown_id, Action.REVIEW, clock)
    with store.change(clock()) as commit:
        held = copies.get(store, copy.id)
        if held is None or held.state not in (CopyState.NEEDS_REVIEW, CopyState.READY):
            raise copies.overtaken(store, copy)
        store.catalogue.copies.confirm(copy.id, store.person.name)
        commit.log(CopyConfirmed(recordings=(copy.id,)))
    return TrainingCopy.of(replace(copy, state=CopyState.READY), recording)


def reject(store: Store, shown_id: str, reason: str | None, clock: Callable[[], datetime]) -> Copy:
    """Erase a copy under review; raises Usage, also where it was edited or released meanwhile, or NotGranted."""
    _demand_reason(reason)
    copy, _ = _open_under_review(store, shown_id, Action.REJECT, clock)

    def still_waits() -> None:
        held = copies.get(store, copy.id)
        if held is None or held.state is CopyState.REPLACED:
            raise copies.overtaken(store, copy)

    _erase(store, copy, Action.REJECT, reason, clock(), still_waits)
    return copy


def _demand_seen(store: Store, shown_id: str, clock: Callable[[], datetime]) -> None:
    """Raise Refused where somebody else made the newest revision and this person has not opened it yet.

    What is not open to them at all is refused later, by the gate.
    """
    copy = copies.meant_by(store, shown_id, Action.REVIEW, clock)
    if copy is None or copy.revision == 1:
        return
    for entry in store.log.about(copy.id):
        event, signer = audit_events.read(entry.body or {}), store.signer_of(entry.seq)
        if isinstance(event, CopyMade | Opened) and signer is not None and signer.name == store.person.name:
            return
    raise Refused("revision_not_seen", rule=_RULE, copy=copy.first.hex(), revision=copy.revision, name=copy.made_by)


def _open_under_review(
    store: Store, shown_id: str, action: Action, clock: Callable[[], datetime]
) -> tuple[Copy, OpenRecording]:
    """A copy under review; raises NotOpen, or Usage where the id is not that of a copy under review.

    A copy that an interrupted run had replaced is erased now, and the error names its successor.
    """
    copy, recording = _open_unreleased(store, shown_id, action, clock)
    if copy.state is CopyState.REPLACED:
        successor = copies.successor(store, copy.id)
        _erase(store, copy, action, None, clock())
        raise _replaced_by(successor)
    return copy, recording


def _open_unreleased(
    store: Store, shown_id: str, action: Action, clock: Callable[[], datetime]
) -> tuple[Copy, OpenRecording]:
    """A copy that is not released; raises NotOpen, or Usage where the id is not that of such a copy.

    Earlier revisions that an interrupted run left behind are erased now.
    """
    recording = opening.open_recording(store, shown_id, action, clock)
    copy = copies.get(store, recording.permit.recording.id)
    if copy is None or copy.state is CopyState.RELEASED:
        raise Usage("not_under_review")
    for earlier in copies.leftovers(store, copy):
        _erase(store, earlier, action, None, clock())
    return copy, recording


def _replaced_by(successor: Copy | None) -> NotGranted:
    return NotGranted("copy_replaced", rule="data.pseudonymised", copy=successor.first.hex() if successor else "-")


def _changed(cuts: Sequence[Cut], changes: Changes) -> list[Cut]:
    """The cuts after a reviewer's changes, each with its decision."""
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


def _note_heard(
    store: Store, source: OpenRecording, stretch: str, sound: Sound, reason: str | None, file: str, now: datetime
) -> int:
    """Log what will be heard, why and how long it is, with its disclosure, and return the entry's number.

    In the same change the recording is still held: a withdrawal comes before it, and nothing leaves, or behind it, and
    tells who has it. Raises Refused.
    """
    seconds = f"{sound.duration:.2f}"
    with store.change(now) as commit:
        gate.still_open(store, source.permit, now)
        event = ReviewHeard(recordings=(source.recording.id,), reason=str(reason), heard=stretch, seconds=seconds)
        seq = commit.log(event)
        disclosures.note(store, seq, disclosures.EXPORT, now, file)
    return seq


def _part(sound: Sound, begin: float, end: float) -> Sound:
    """The part of a sound from *begin* to *end* in seconds, up to its length."""
    first = max(0, int(begin * sound.rate)) * sound.frame_bytes
    behind = min(sound.frames, int(end * sound.rate) + 1) * sound.frame_bytes
    return Sound(sound.encoding, sound.rate, sound.channels, sound.data[first:behind])


# -- release ------------------------------------------------------------------------------------------


def release(
    store: Store, shown_id: str, reason: str | None, engine: Engine | None, clock: Callable[[], datetime]
) -> TrainingCopy:
    """Release a reviewed copy to training.

    Raises Refused where it is not reviewed, or where *engine* still recognises a known name in it; Integrity where its
    sound does not match its cut list.
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
    return TrainingCopy.of(released, recording)


def _prove(original: OpenRecording, copy: OpenRecording) -> None:
    """Check a copy against its original, or against itself where its voice was disguised at random."""
    record = CutRecord.of_copy(copy.metadata)
    uncut = copy.sound if record.disguised else original.sound
    if uncut.frames != original.sound.frames:
        raise Integrity("copy_is_not_the_cut_call", why="length_differs")
    build.prove(uncut, copy.sound, record.plan.cuts, record.fill, record.chance)


def _demand_unheard(engine: Engine, original: OpenRecording, copy: OpenRecording) -> None:
    """Raise Refused where *engine* recognises a known name of the call in its copy."""
    from arlo_rec.speech.detectors import identifiers, phonetic
    from arlo_rec.speech.engines import passes

    known = phonetic.prepare_names(original.names)
    for transcript in passes.transcribe(engine, copy.sound, None, []):
        heard = identifiers.find_known_names(transcript.words, known)
        if heard:
            raise Refused("still_heard", rule=_RULE, at=f"{heard[0].start:.1f}-{heard[0].end:.1f}")


def _released_draft(original: OpenRecording, copy: Copy, recording: OpenRecording, *, heard_again: bool) -> CopyDraft:
    """The draft of the released copy: the reviewed sound, and the cut list without the words."""
    cuts = CutRecord.of_copy(recording.metadata).without_words().to_json()
    metadata = {**recording.metadata, "cuts": cuts}
    return CopyDraft(original, recording.sound, metadata, CopyState.RELEASED, copy, heard_again)


def _finish_release(
    store: Store, copy: Copy, recording: OpenRecording, reason: str | None, clock: Callable[[], datetime]
) -> TrainingCopy:
    """Finish a release that was interrupted after it made the new copy: erase the copy under review."""
    successor = copies.successor(store, copy.id)
    _erase(store, copy, Action.RELEASE, reason, clock())
    if successor is None or successor.state is not CopyState.RELEASED:
        raise _replaced_by(successor)
    return TrainingCopy.of(successor, recording)


def _erase(
    store: Store,
    copy: Copy,
    action: Action,
    reason: str | None,
    now: datetime,
    demand: Callable[[], None] = lambda: None,
) -> None:
    """Erase a copy under review, if *demand* raises nothing in that transaction; the log names original and reason."""

    def order() -> protocol.Order:
        demand()
        return protocol.Order(str(action), _RULE, Event.DISCARDED, (copy.id,))

    event = CopyErased(action=action, rule=_RULE, recordings=(copy.id,), parent=copy.parent.hex(), why=reason or "")
    protocol.carry_out(store, order, now, lambda commit, _: commit.log(event))


def _demand_reason(reason: str | None) -> None:
    if problem := reason_problem(reason):
        raise Usage(problem, rule="security.reason")
