"""Sealing training copies and holding them: to whom a copy is sealed, and the order in which it is written.

    1  announced, so that a crash leaves no orphan      2  sealed, written, made durable, read back
    3  one transaction: row, wrapped erasure key, its own commit key and audience key, metadata, state, log
A copy under review is for whoever could hear its original, a released copy for training; what was cut, and why, stands
in metadata that no trainer opens. A copy has its original's deadline and is erased with it. The rows stand in
`catalogue.copies`; what a copy sounds like is decided in `build`, when it is released in `pseudonymise`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from arlo_rec import audio
from arlo_rec.access import gate, metadata
from arlo_rec.access.audience_keys import AudienceKey, CommitKeys
from arlo_rec.access.metadata import Facts
from arlo_rec.access.sworn import SwornRows
from arlo_rec.audio import Sound
from arlo_rec.backends.files import file_lock
from arlo_rec.catalogue.copies import Copy, CopyState
from arlo_rec.crypto import object_file, primitives
from arlo_rec.model import audit_events
from arlo_rec.model.audiences import Audience, Stage, audience_of
from arlo_rec.model.audit_events import CopyConfirmed, CopyMade, CopyReleased
from arlo_rec.model.errors import Integrity, NotOpen, Refused, Usage
from arlo_rec.model.records import ID_CHANCE, Kind, Recording, RecordingId, new_id
from arlo_rec.policy import Action
from arlo_rec.store import Store
from arlo_rec.training.opening import OpenRecording

FOR_TRAINERS = ("agent", "duration_s", "encoding", "rate", "tracks")


@dataclass(frozen=True, slots=True)
class CopyDraft:
    """A copy before it is sealed: its sound, what is known of it, and in which state it will be held."""

    original: OpenRecording
    sound: Sound = field(repr=False)
    metadata: Mapping[str, Any] = field(repr=False)  # for its makers; of a released copy for the officers alone
    state: CopyState  # NEEDS_REVIEW or RELEASED
    replaces: RecordingId | None  # the copy under review that was changed or reviewed
    heard_again: bool = False  # whether an engine heard it once more before its release

    @property
    def facts(self) -> Facts:
        """The metadata: all of it for the officers; of a released copy, what trainers may know for whoever hears it."""
        is_released = self.state is CopyState.RELEASED
        return Facts(self.metadata, for_trainers(self.metadata) if is_released else self.metadata)


@dataclass(frozen=True, slots=True)
class SealedCopy:
    """A copy whose object is written: its row to be, its erasure key, and the audience key that it opens with."""

    recording: Recording
    ke: bytes = field(repr=False)
    audience_key: AudienceKey


def for_trainers(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What trainers may know of a call."""
    return {name: metadata[name] for name in FOR_TRAINERS}


def make(store: Store, draft: CopyDraft, now: datetime) -> Recording:
    """Seal a copy and hold it, by the roster of its transaction; the log says which copy of which original.

    The copy that it replaces is marked in the same transaction: nobody confirms or releases that one any more, and only
    one copy follows it. Raises Refused where whoever makes it may not any longer or nobody reviewed it; NotGranted or
    Usage where the original or the replaced copy is gone; InUse, Unreachable or Integrity.
    """
    with file_lock(store.layout.intake_lock, exclusive=False, wait=store.lock_wait):
        sealed = _seal(store, draft, now)
        return _hold(store, draft, sealed, now)


def _audience(draft: CopyDraft) -> Audience:
    """Who may hear a copy; one under review nobody who could not hear its original, whatever the row says of it."""
    original = draft.original
    if draft.state is CopyState.RELEASED:
        return audience_of(original.recording.purposes, Stage.RELEASED)
    opened = original.permit.keyring.audience_key(original.header.audience_key)
    if opened is None or opened.audience is not Audience.ORIGINAL:
        return Audience.OFFICER
    return audience_of(original.recording.purposes, Stage.UNDER_REVIEW)


# -- by the log -----------------------------------------------------------------------------------------


def get(store: Store, copy: RecordingId) -> Copy | None:
    """The copy of that id, if it is held, in the state that the log tells of: anybody's own code can write a row.

    One is `released` by the entry that made it, replaced by that of its successor, and `ready` by a confirmation of
    somebody who may review.
    """
    row, sworn = store.catalogue.copies.get(copy), SwornRows(store).of_id(copy)
    if row is None or sworn is None:
        return None
    if sworn.state == CopyState.RELEASED:
        return replace(row, state=CopyState.RELEASED)
    if successor(store, copy) is not None:
        return replace(row, state=CopyState.REPLACED)
    return replace(row, state=CopyState.READY if is_confirmed(store, copy) else CopyState.NEEDS_REVIEW)


def successor(store: Store, copy: RecordingId) -> Copy | None:
    """The copy that was made in the place of another, by the entry that made it."""
    row = store.catalogue.copies.made_from(copy)
    sworn = SwornRows(store).of_id(row.id) if row is not None else None
    return row if sworn is not None and sworn.replaces == copy.hex() else None


def is_confirmed(store: Store, copy: RecordingId) -> bool:
    """Whether somebody who may review it confirmed a copy, by the log."""
    for entry in store.log.about(copy):
        confirms = isinstance(audit_events.read(entry.body or {}), CopyConfirmed)
        if confirms and store.entry_counts(entry.seq, Action.REVIEW):
            return True
    return False


# -- sealed and held ----------------------------------------------------------------------------------


def _seal(store: Store, draft: CopyDraft, now: datetime) -> SealedCopy:
    """Announce a copy and write its object; raises Integrity where it does not lie there as it was written."""
    original = draft.original.recording
    audience_key = AudienceKey.fresh(_audience(draft), original.team)
    copy_id = new_id(original.due_at, primitives.fresh(ID_CHANCE))
    key = object_file.key_of_copy(draft.original.key)
    header = object_file.make_header(key, Kind.PSEUDONYMISED, copy_id, original.id, audience_key.key)
    with store.change(now):
        store.catalogue.recordings.announce([copy_id])
    pieces = object_file.Counted(object_file.seal_body(key, header, audio.iterate_pieces(draft.sound)))
    store.blobs.put(copy_id.hex(), pieces)
    store.blobs.settle([copy_id.hex()])
    if store.object_digest(copy_id) != pieces.sha256():
        raise Integrity("object_damaged")
    recording = replace(
        original, id=copy_id, kind=Kind.PSEUDONYMISED, parent=original.id, caller=None, agent=b"", source=b"",
        content=b"", object_sha256=pieces.sha256(), object_bytes=pieces.size, commit_key=b"",
    )  # fmt: skip
    return SealedCopy(recording, key.ke, audience_key)


def _hold(store: Store, draft: CopyDraft, sealed: SealedCopy, now: datetime) -> Recording:
    """Hold a sealed copy, if original and grant are still there, for whoever may hear it by now."""
    copy, original = sealed.recording, draft.original.recording
    with store.root.lock(exclusive=False, wait=store.lock_wait):
        erasure_keys = store.erasure_keys()
        with store.change(now) as change:
            if store.catalogue.recordings.held(original.id) is None:
                raise NotOpen  # withdrawn while the copy was made
            gate.still_open(store, draft.original.permit, now)
            if draft.replaces is not None:
                _replace(store, draft.replaces, releasing=draft.state is CopyState.RELEASED)
            keys = CommitKeys(store, now)
            copy = replace(copy, commit_key=keys.commit_key.id)
            store.catalogue.recordings.hold(copy)
            erasure_keys.add(copy.id, sealed.ke, copy.due_at)
            metadata.seal(keys, copy.id, sealed.ke, sealed.audience_key, draft.facts)
            row = Copy(copy.id, original.id, draft.state, store.person.name, now, made_from=draft.replaces)
            store.catalogue.copies.add(row)
            made = CopyMade(
                recordings=(copy.id,),
                sworn=copy.row_digest(),
                parent=original.id.hex(),
                state=draft.state.value,
                replaces=draft.replaces.hex() if draft.replaces is not None else None,
            )
            if draft.state is CopyState.RELEASED and draft.replaces is not None:
                change.log(CopyReleased(recordings=(draft.replaces,), heard_again=draft.heard_again))
            change.log(made)
    return copy


def _replace(store: Store, replaced: RecordingId, *, releasing: bool) -> None:
    """Mark a copy as replaced; raises where it was changed, rejected or released meanwhile, or is not reviewed."""
    copy = get(store, replaced)
    if copy is None:
        raise NotOpen
    if copy.state is CopyState.REPLACED:
        follower = successor(store, replaced)
        raise Usage("copy_replaced", copy=follower.id.hex() if follower else "-")
    if releasing and copy.state is not CopyState.READY:
        raise Refused("not_reviewed", rule="data.pseudonymised")
    store.catalogue.copies.replace(replaced)
