"""Sealing training copies and holding them: to whom a copy is sealed, and the order in which it is written.

    1  announced, so that a crash leaves no orphan      2  sealed, written, made durable, read back
    3  one transaction: row, wrapped erasure key, metadata, state, log
A copy under review is sealed to whoever could hear its original, a released copy to training; what was cut, and why,
stands in metadata that no trainer opens. A copy has its original's deadline and is erased with it. The rows stand in
`catalogue.copies`; what a copy sounds like is decided in `build`, when it is released in `pseudonymise`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from arlo_rec import audio
from arlo_rec.access import gate, listening_keys
from arlo_rec.access.metadata import MetadataKeys
from arlo_rec.audio import Sound
from arlo_rec.backends.files import file_lock
from arlo_rec.catalogue.copies import Copy, CopyState
from arlo_rec.crypto import object_file, primitives
from arlo_rec.model.audit_events import CopyMade, CopyReleased
from arlo_rec.model.errors import Integrity, InUse, NotGranted, Refused, Usage
from arlo_rec.model.records import ID_CHANCE, Kind, Recording, RecordingId, new_id
from arlo_rec.policy import Purpose, Role
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


@dataclass(frozen=True, slots=True)
class Audience:
    """To whom a copy is sealed: public halves by key id, and the metadata that each key opens."""

    listeners: Mapping[bytes, bytes]
    metadata: Mapping[bytes, Mapping[str, Any]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedCopy:
    """A copy whose object is written: its row to be, its erasure key, and to whom it is sealed."""

    recording: Recording
    ke: bytes = field(repr=False)
    audience: Audience


def for_trainers(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What trainers may know of a call."""
    return {name: metadata[name] for name in FOR_TRAINERS}


def make(store: Store, draft: CopyDraft, now: datetime) -> Recording:
    """Seal a copy and hold it, by the roster of today; the log says which copy of which original.

    The copy that it replaces is marked in the same transaction: nobody confirms or releases that one any more, and only
    one copy follows it. Raises Refused where whoever makes it may not any longer or nobody reviewed it; NotGranted or
    Usage where the original or the replaced copy is gone; InUse, Unreachable or Integrity.
    """
    try:
        return _seal_and_hold(store, draft, now)
    except InUse:
        if not store.has_newer_documents():
            raise
    store.load_documents()  # once more, for the audience of the roster as it is now
    gate.still_open(store, draft.original.permit, now)
    return _seal_and_hold(store, draft, now)


def _seal_and_hold(store: Store, draft: CopyDraft, now: datetime) -> Recording:
    audience = _trainers(store, draft, now) if draft.state is CopyState.RELEASED else _makers(store, draft)
    with file_lock(store.layout.intake_lock, exclusive=False, wait=store.lock_wait):
        sealed = _seal(store, draft, audience, now)
        _hold(store, draft, sealed, now)
    return sealed.recording


# -- to whom ------------------------------------------------------------------------------------------


def _makers(store: Store, draft: CopyDraft) -> Audience:
    """Who could hear the original: its quality keys, and the newest subject-access key."""
    access = listening_keys.access_key(store)
    quality = listening_keys.public_halves(store, [key for key, _ in draft.original.header.stanzas])
    listeners = {access.id: access.public, **quality}
    return Audience(listeners, dict.fromkeys(listeners, draft.metadata))


def _trainers(store: Store, draft: CopyDraft, now: datetime) -> Audience:
    """The training key of the call's team and month, and the subject-access key with all that is known.

    The release is in the log with it. Raises NotGranted where there is no such key and this person may make none: an
    officer makes it.
    """
    original = draft.original.recording
    assert draft.replaces is not None  # what is released was under review before
    with store.change(now) as change:
        change.log(CopyReleased(recordings=(draft.replaces,), heard_again=draft.heard_again))
        access, month = listening_keys.access_key(store), listening_keys.month_of(original.started_at)
        key = listening_keys.known_key(store, Purpose.TRAINING, original.team, month, now)
        if key is None:
            if store.person.role is not Role.OFFICER:
                raise NotGranted("training_key_missing", rule="access.officer")
            key = listening_keys.key_for(store, Purpose.TRAINING, original.team, month, now)
    listeners = {access.id: access.public, key.id: key.public}
    return Audience(listeners, {access.id: draft.metadata, key.id: for_trainers(draft.metadata)})


# -- sealed and held ----------------------------------------------------------------------------------


def _seal(store: Store, draft: CopyDraft, audience: Audience, now: datetime) -> SealedCopy:
    """Announce a copy and write its object; raises Integrity where it does not lie there as it was written."""
    original = draft.original.recording
    copy_id = new_id(original.due_at, primitives.fresh(ID_CHANCE))
    key = object_file.key_of_copy(draft.original.key)
    header = object_file.make_header(key, Kind.PSEUDONYMISED, copy_id, original.id, audience.listeners)
    with store.change(now):
        store.catalogue.recordings.announce([copy_id])
    pieces = object_file.Counted(object_file.seal_body(key, header, audio.iterate_pieces(draft.sound)))
    store.blobs.put(copy_id.hex(), pieces)
    store.blobs.settle([copy_id.hex()])
    if store.object_digest(copy_id) != pieces.sha256():
        raise Integrity("object_damaged")
    recording = replace(
        original, id=copy_id, kind=Kind.PSEUDONYMISED, parent=original.id, caller=None, agent=b"", source=b"",
        content=b"", object_sha256=pieces.sha256(), object_bytes=pieces.size,
    )  # fmt: skip
    return SealedCopy(recording, key.ke, audience)


def _hold(store: Store, draft: CopyDraft, sealed: SealedCopy, now: datetime) -> None:
    """Hold a sealed copy, if roster, original and grant are as they were when it was sealed."""
    copy, original = sealed.recording, draft.original.recording
    with store.root.lock(exclusive=False, wait=store.lock_wait):
        erasure_keys = store.erasure_keys()
        with store.change(now) as change:
            if store.has_newer_documents():
                raise InUse("in_use")  # to whom it is sealed was decided by another roster
            if store.catalogue.recordings.held(original.id) is None:
                raise NotGranted("no_grant", rule="access.managers")  # withdrawn while the copy was made
            gate.still_open(store, draft.original.permit, now)
            if draft.replaces is not None:
                _replace(store, draft.replaces, releasing=draft.state is CopyState.RELEASED)
            store.catalogue.recordings.hold(copy)
            erasure_keys.add(copy.id, sealed.ke, copy.due_at)
            metadata_keys = MetadataKeys(store, now)
            for key, facts in sealed.audience.metadata.items():
                metadata_keys.seal(copy.id, sealed.ke, key, sealed.audience.listeners[key], facts)
            row = Copy(copy.id, original.id, draft.state, store.person.name, now)
            store.catalogue.copies.add(row, draft.replaces)
            digest, state = copy.row_digest(), draft.state.value
            change.log(CopyMade(recordings=(copy.id,), sworn=digest, parent=original.id.hex(), state=state))


def _replace(store: Store, replaced: RecordingId, *, releasing: bool) -> None:
    """Mark a copy as replaced; raises where it was changed, rejected or released meanwhile, or is not reviewed."""
    copy = store.catalogue.copies.get(replaced)
    if copy is None:
        raise NotGranted("no_grant", rule="access.managers")
    if copy.state is CopyState.REPLACED:
        successor = store.catalogue.copies.made_from(replaced)
        raise Usage("copy_replaced", copy=successor.id.hex() if successor else "-")
    if releasing and copy.state is not CopyState.READY:
        raise Refused("not_reviewed", rule="data.pseudonymised")
    store.catalogue.copies.replace(replaced)
