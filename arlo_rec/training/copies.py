"""Training copies as recordings of their own: sealed to their makers, then, once released, to training.

    1  announced, so that a crash leaves no orphan      2  sealed, put, settled, read back
    3  one transaction: row, share of the root, metadata, state, log
A copy has its original's day of erasure, and goes with it: `parent` says whose it is. What was cut, and why, stands in
its metadata for the makers, never in that of the trainers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from arlo_rec import audio
from arlo_rec.access import listening_keys, metadata
from arlo_rec.access.metadata import MetadataKeys
from arlo_rec.audio import Sound
from arlo_rec.backends.files import file_lock
from arlo_rec.crypto import object_file, primitives
from arlo_rec.crypto.object_file import DataKey
from arlo_rec.model.errors import Integrity, InUse, NotGranted, Refused, Usage
from arlo_rec.model.records import ID_CHANCE, Kind, Recording, RecordingId, from_micros, new_id, to_micros
from arlo_rec.model.strict_json import canonical
from arlo_rec.policy import Action, Purpose, Role, State
from arlo_rec.store import Store

NEEDS_REVIEW, READY, RELEASED = "needs_review", "ready", "released"
REPLACED = "replaced"  # another one was made from it; nobody confirms or releases it, and it is erased


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy and where it stands."""

    id: RecordingId
    parent: RecordingId
    state: str
    made_by: str
    reviewed_by: str | None


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a copy is sealed to: public halves by key id, and what each learns besides the sound."""

    listeners: Mapping[bytes, bytes]
    told: Mapping[bytes, Mapping[str, Any]]


def get(store: Store, recording: RecordingId) -> Copy | None:
    """The copy of that id, if it is held."""
    rows = store.db.rows(
        "SELECT c.recording, c.parent, c.state, c.made_by, c.reviewed_by FROM copies c "
        "JOIN recordings r ON r.id = c.recording WHERE c.recording = ? AND r.state = 'held'",
        (recording,),
    )
    return _copy(rows[0]) if rows else None


def has_copy(store: Store, shown_id: str) -> bool:
    """Whether a copy of the recording of that id is held."""
    try:
        return bool(held_of(store, RecordingId(bytes.fromhex(shown_id))))
    except ValueError:
        return False


def held_of(store: Store, original: RecordingId) -> list[tuple[Copy, datetime]]:
    """The copies of a recording that are held, oldest first, and when each was made."""
    rows = store.db.rows(
        "SELECT c.recording, c.parent, c.state, c.made_by, c.reviewed_by, c.made_at FROM copies c "
        "JOIN recordings r ON r.id = c.recording "
        "WHERE c.parent = ? AND r.state = 'held' AND c.state <> ? ORDER BY c.made_at",
        (original, REPLACED),
    )
    return [(_copy(row), from_micros(row[5])) for row in rows]


def makers(store: Store, header: object_file.Header, told: Mapping[str, Any]) -> Audience:
    """Who could hear the original: its quality keys, and the newest subject-access key."""
    access = listening_keys.access_key(store)
    quality = listening_keys.public_halves(store, [name for name, _ in header.stanzas])
    listeners = {access.id: access.public, **quality}
    return Audience(listeners, dict.fromkeys(listeners, told))


def trainers(
    store: Store, original: Recording, told: Mapping[str, Any], plain: Mapping[str, Any], now: datetime
) -> Audience:
    """The training key of a team and month, and the subject-access key with all that is known; inside a change.

    Raises NotGranted where there is no such key and this person may make none: an officer makes it.
    """
    access, month = listening_keys.access_key(store), listening_keys.month_of(original.started_at)
    key = listening_keys.known_key(store, Purpose.TRAINING, original.team, month, now)
    if key is None:
        if store.person.role is not Role.OFFICER:
            raise NotGranted("training_key_missing", rule="access.officer")
        key = listening_keys.key_for(store, Purpose.TRAINING, original.team, month, now)
    return Audience({access.id: access.public, key.id: key.public}, {access.id: told, key.id: plain})


def make(
    store: Store,
    original: Recording,
    parent_key: DataKey,
    sound: Sound,
    audience: Audience,
    state: str,
    now: datetime,
    *,
    still: Callable[[], None],
    made_from: RecordingId | None = None,
) -> Recording:
    """Seal a copy and hold it; the log says which copy of which original.

    What it is *made_from*, a copy that was changed or reviewed, is replaced in the same transaction: so it is neither
    confirmed nor released any more, and followed once. *still* raises where whoever makes it may not any longer.
    Raises InUse, Unreachable or Integrity; NotGranted, Refused or Usage where original or copy changed meanwhile.
    """
    copy_id = new_id(original.due_at, primitives.fresh(ID_CHANCE))
    key = object_file.key_of_copy(parent_key)
    header = object_file.make_header(key, Kind.PSEUDONYMISED, copy_id, original.id, audience.listeners)
    with file_lock(store.place.intake_lock, exclusive=False, wait=store.lock_wait):
        with store.change(now):
            store.catalogue.arrive([copy_id])
        pieces = object_file.Counted(object_file.seal_body(key, header, audio.pieces_of(sound)))
        store.blobs.put(copy_id.hex(), pieces)
        store.blobs.settle([copy_id.hex()])
        if store.object_digest(copy_id) != pieces.sha256():
            raise Integrity("object_damaged")
        copy = replace(
            original, id=copy_id, kind=Kind.PSEUDONYMISED, parent=original.id, caller=None, agent=b"", source=b"",
            content=b"", object_sha256=pieces.sha256(), object_bytes=pieces.size,
        )  # fmt: skip
        _hold(store, copy, key.ke, audience, state, now, still, made_from)
    return copy


def successor_of(store: Store, replaced: RecordingId) -> RecordingId | None:
    """The copy that was made from one that was changed or reviewed, if it is held."""
    rows = store.db.rows(
        "SELECT c.recording FROM copies c JOIN recordings r ON r.id = c.recording "
        "WHERE c.made_from = ? AND r.state = 'held'",
        (replaced,),
    )
    return RecordingId(bytes(rows[0][0])) if rows else None


def _hold(
    store: Store,
    copy: Recording,
    ke: bytes,
    audience: Audience,
    state: str,
    now: datetime,
    still: Callable[[], None],
    made_from: RecordingId | None,
) -> None:
    with store.root.lock(exclusive=False, wait=store.lock_wait):
        tree = store.tree(store.read_root())
        with store.change(now) as change:
            if store.document("roster").counter != store.roster.counter:
                raise InUse("in_use")  # whom it is sealed to was decided by another roster
            original = store.catalogue.get(copy.parent) if copy.parent else None
            if original is None or original.state is not State.HELD:
                raise NotGranted("no_grant", rule="access.managers")  # withdrawn while the copy was made
            still()
            if made_from is not None:
                _replace(store, made_from, only_ready=state == RELEASED)
            store.catalogue.hold(copy)
            tree.hang(copy.id, ke, copy.due_at)
            keys = MetadataKeys(store, now)
            for name, told in audience.told.items():
                keys.seal(copy.id, ke, name, audience.listeners[name], told)
            store.db.run(
                "INSERT INTO copies (recording, parent, state, made_by, made_at, made_from) VALUES (?, ?, ?, ?, ?, ?)",
                (copy.id, copy.parent, state, store.person.name, to_micros(now), made_from),
            )
            sworn = primitives.sha256(canonical(copy.sworn())).hex()
            told = {"sworn": sworn, "parent": original.id.hex(), "state": state}
            change.log(store.entry(Action.PSEUDONYMISE, "done", "data.pseudonymised", now, **told).naming(copy.id))


def _replace(store: Store, before: RecordingId, *, only_ready: bool) -> None:
    """Mark the copy before as replaced; raises where somebody changed, rejected or released it meanwhile."""
    copy = get(store, before)
    if copy is None:
        raise NotGranted("no_grant", rule="access.managers")
    if copy.state == REPLACED:
        successor = successor_of(store, before)
        raise Usage("copy_replaced", copy=successor.hex() if successor else "-")
    if only_ready and copy.state != READY:
        raise Refused("not_reviewed", rule="data.pseudonymised")
    store.db.run("UPDATE copies SET state = ? WHERE recording = ?", (REPLACED, before))


def confirm(store: Store, recording: RecordingId) -> None:
    """Mark a copy as looked through; inside a change. Raises NotGranted where it is not under review any more."""
    copy = get(store, recording)
    if copy is None or copy.state not in (NEEDS_REVIEW, READY):
        raise NotGranted("no_grant", rule="access.managers")
    store.db.run(
        "UPDATE copies SET state = ?, reviewed_by = ? WHERE recording = ?", (READY, store.person.name, recording)
    )


def under_review(store: Store) -> list[tuple[Copy, datetime, str]]:
    """All copies that wait for a person, oldest first: when each was made, and the team of its call."""
    rows = store.db.rows(
        "SELECT c.recording, c.parent, c.state, c.made_by, c.reviewed_by, c.made_at, r.team FROM copies c "
        "JOIN recordings r ON r.id = c.recording WHERE r.state = 'held' AND c.state IN (?, ?) ORDER BY c.made_at",
        (NEEDS_REVIEW, READY),
    )
    return [(_copy(row), from_micros(row[5]), str(row[6])) for row in rows]


def known_of(
    store: Store, recording: RecordingId, keys: Mapping[bytes, primitives.SealingKey], ke: bytes
) -> dict[str, Any]:
    """What the makers' metadata of a recording says; raises Integrity where none of *keys* opens it."""
    told = metadata.open_for(store, recording, keys, ke, {})
    if told is None:
        raise Integrity("metadata_damaged")
    return told


def _copy(row: tuple[Any, ...]) -> Copy:
    return Copy(RecordingId(bytes(row[0])), RecordingId(bytes(row[1])), str(row[2]), str(row[3]), row[4])
