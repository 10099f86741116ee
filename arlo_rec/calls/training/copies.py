"""Seal and hold training copies: decide to whom a copy is sealed, and write it in order.

    1  announced, so that a crash leaves no orphan      2  sealed, written, made durable, read back
    3  one transaction: row, wrapped erasure key, its own commit key and audience key, metadata, state, log
A copy under review is for those who could hear its original, a released copy for training; its cuts and their reasons
are in metadata that no trainer opens. A copy has its original's deadline and is erased with it. An edit makes the next
revision: another recording, with an entry of its own, under the id that people know (`access.revisions`).
`catalogue.copies` has the rows; `build` makes the sound, `pseudonymise` releases it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arlo_rec.calls.training.opening import OpenRecording
from arlo_rec.law.log.events import CopyMade, CopyReleased
from arlo_rec.law.log.rows import CopyState
from arlo_rec.law.model.errors import ArloError, Integrity, NotGranted, NotOpen, Refused, Usage
from arlo_rec.law.model.records import ID_CHANCE, Audience, Kind, Recording, RecordingId, Stage, audience_of, new_id
from arlo_rec.sound import audio
from arlo_rec.sound.audio import Sound
from arlo_rec.vault.access import gate, metadata, revisions
from arlo_rec.vault.access.audience_keys import AudienceKey, CommitKeys
from arlo_rec.vault.access.metadata import Facts
from arlo_rec.vault.backends import Expected, is_stored
from arlo_rec.vault.catalogue.copies import Copy
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.opened import Store

FOR_TRAINERS = ("agent", "duration_s", "encoding", "rate", "tracks")


@dataclass(frozen=True, slots=True)
class CopyDraft:
    """A copy before it is sealed: its sound, metadata, and future state."""

    original: OpenRecording
    sound: Sound = field(repr=False)
    metadata: Mapping[str, Any] = field(repr=False)  # for its makers; of a released copy for the officers alone
    state: CopyState  # NEEDS_REVIEW or RELEASED
    replaces: Copy | None  # the revision that was edited, or reviewed
    heard_again: bool = False  # an engine heard it once more before its release

    @property
    def facts(self) -> Facts:
        """The metadata: all for officers; of a released copy, the trainers' part for its listeners."""
        is_released = self.state is CopyState.RELEASED
        return Facts(self.metadata, for_trainers(self.metadata) if is_released else self.metadata)

    def row(self, copy: RecordingId, made_by: str, made_at: datetime) -> Copy:
        """The row of the copy with a recording's id; an edit keeps the id that people know."""
        before, first, revision = self.replaces, copy, 1
        if before is not None and self.state is CopyState.RELEASED:
            revision = before.revision
        elif before is not None:
            first, revision = before.first, before.revision + 1
        made_from = before.id if before is not None else None
        return Copy(copy, self.original.recording.id, self.state, made_by, made_at, first, revision, None, made_from)


@dataclass(frozen=True, slots=True)
class SealedCopy:
    """A copy whose object is written: its future row, its erasure key, and its audience key."""

    recording: Recording
    ke: bytes = field(repr=False)
    audience_key: AudienceKey


def for_trainers(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a call that trainers may know."""
    return {name: metadata[name] for name in FOR_TRAINERS}


def make(store: Store, draft: CopyDraft, now: datetime) -> Copy:
    """Seal a copy and hold it, by the roster of its transaction; logs copy and original.

    The replaced copy is marked in the same transaction: it can no longer be confirmed or released, and has only one
    successor. Raises Refused if the maker's permission ended, the employee objected, or a copy to release is not
    reviewed; NotGranted or Usage if the original or the replaced copy is gone; InUse, Unreachable or Integrity.
    """
    with store.locks.lock("intake", exclusive=False, wait=store.lock_wait):
        sealed = _seal(store, draft, now)
        return _hold(store, draft, sealed, now)


def _audience(draft: CopyDraft) -> Audience:
    """The audience of a copy; that of one under review could hear its original, whatever the row says."""
    original = draft.original
    if draft.state is CopyState.RELEASED:
        return audience_of(original.recording.purposes, Stage.RELEASED)
    opened = original.permit.keyring.audience_key(original.header.audience_key)
    if opened is None or opened.audience is not Audience.ORIGINAL:
        return Audience.OFFICER
    return audience_of(original.recording.purposes, Stage.UNDER_REVIEW)


# -- found ----------------------------------------------------------------------------------------------


def overtaken(store: Store, copy: Copy) -> ArloError:
    """The error for a copy under review that another person changed or released since it was opened."""
    follower = store.catalogue.copies.made_from(copy.id)
    if follower is not None and follower.state is CopyState.RELEASED:
        return NotGranted("copy_replaced", rule="data.pseudonymised", copy=follower.id.hex())
    now = store.catalogue.copies.get(revisions.newest(store, copy.first))
    if now is not None and now.revision > copy.revision:
        return Usage("copy_changed", copy=copy.first.hex(), revision=now.revision)
    return NotOpen()


def leftovers(store: Store, copy: Copy) -> list[Copy]:
    """Earlier revisions of a copy that an interrupted run left: held, but replaced."""
    others = (row for row in store.catalogue.copies.revisions(copy.first) if row.id != copy.id)
    return [earlier for earlier in others if earlier.state is CopyState.REPLACED]


# -- sealed and held ----------------------------------------------------------------------------------


def _seal(store: Store, draft: CopyDraft, now: datetime) -> SealedCopy:
    """Announce a copy and write its object; raises Integrity if it is not read back as written."""
    original = draft.original.recording
    audience_key = AudienceKey.fresh(_audience(draft), original.team, original.id)
    copy_id = new_id(original.due_at, primitives.fresh(ID_CHANCE))
    key = object_file.key_of_copy(draft.original.key)
    recording = original._replace(
        id=copy_id, kind=Kind.PSEUDONYMISED, parent=original.id, caller=None, agent=b"", source=b"",
        content=b"", commit_key=b"",
    )  # fmt: skip
    header = object_file.make_header(key, Kind.PSEUDONYMISED, copy_id, original.id, audience_key.key, recording.binding)
    with store.change(now):
        store.catalogue.recordings.announce([copy_id])
    pieces = object_file.Digested(
        object_file.seal_body(key, header, audio.iterate_pieces(draft.sound)), primitives.hasher()
    )
    store.blobs.put(copy_id.hex(), pieces)
    store.blobs.settle([copy_id.hex()])
    if not is_stored(store.blobs, copy_id.hex(), Expected(pieces.digest(), pieces.size)):
        raise Integrity("object_damaged")
    recording = recording._replace(object_digest=pieces.digest(), object_bytes=pieces.size)
    return SealedCopy(recording, key.ke, audience_key)


def _hold(store: Store, draft: CopyDraft, sealed: SealedCopy, now: datetime) -> Copy:
    """Hold a sealed copy for its current audience, if original and grant are still there."""
    copy, original = sealed.recording, draft.original.recording
    with store.root.lock(exclusive=False, wait=store.lock_wait):
        held = store.read_root()
        erasure_keys = store.catalogue.erasure_keys(held.key)
        with store.change(now, held) as change:
            if store.catalogue.recordings.held(original.id) is None:
                raise NotOpen  # withdrawn while the copy was made
            gate.still_open(store, draft.original.permit, now)
            if draft.replaces is not None:
                _demand_replaceable(store, draft.replaces, releasing=draft.state is CopyState.RELEASED)
            keys = CommitKeys(store, now)
            copy = copy._replace(commit_key=keys.commit_key.id)
            store.catalogue.hold(copy)
            erasure_keys.add(copy.id, sealed.ke, copy.due_at)
            metadata.seal(keys, copy, sealed.ke, sealed.audience_key, draft.facts)
            row = draft.row(copy.id, store.person.name, now)
            if draft.state is CopyState.RELEASED and draft.replaces is not None:
                change.log(CopyReleased(recordings=(draft.replaces.id,), heard_again=draft.heard_again))
            change.log(_made(row, copy))
    return row


def _made(row: Copy, copy: Recording) -> CopyMade:
    """The log entry of a copy."""
    return CopyMade(
        recordings=(copy.id,),
        sworn=copy.row_digest(),
        parent=row.parent.hex(),
        state=row.state.value,
        revision=row.revision,
        replaces=row.made_from.hex() if row.made_from is not None else None,
        first=row.first.hex() if row.first != row.id else None,
    )


def _demand_replaceable(store: Store, replaced: Copy, *, releasing: bool) -> None:
    """Raise if a copy was changed, rejected or released meanwhile, or if a copy to release is not reviewed."""
    copy = store.catalogue.copies.get(replaced.id)
    if copy is None or copy.state is CopyState.REPLACED:
        raise overtaken(store, replaced)
    if releasing and copy.state is not CopyState.READY:
        raise Refused("not_reviewed", rule="data.pseudonymised")
