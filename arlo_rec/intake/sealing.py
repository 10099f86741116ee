"""Encrypting accepted calls: choose the keys of a batch, write and read back objects, insert rows.

It writes objects (`seal`) and, inside a transaction of the caller, the tables of a recording (`insert`). When each of
these may happen, and what becomes of a call where one fails, is decided in `batch`; who may hear which recording in
`access.listening_keys`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arlo_rec import audio, policy
from arlo_rec.access import listening_keys
from arlo_rec.access.metadata import MetadataKeys
from arlo_rec.backends import Blobs
from arlo_rec.catalogue.erasure_keys import ErasureKeys
from arlo_rec.catalogue.listening_keys import ListeningKey
from arlo_rec.catalogue.tables import Catalogue
from arlo_rec.crypto import object_file
from arlo_rec.intake.candidates import Announced, Delivered, Examined
from arlo_rec.keys.roster import AccessKey
from arlo_rec.model.audit_events import CallTakenIn
from arlo_rec.model.consent import Consent
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import Call, Kind, Recording, to_iso
from arlo_rec.policy import Event, Purpose
from arlo_rec.store import Store

FOR_MANAGERS = ("agent", "channels", "duration_s", "encoding", "known", "lead_s", "rate", "tracks")


@dataclass(frozen=True, slots=True)
class Audience:
    """Whoever holds one listening key, and the metadata that they may read."""

    key_id: bytes
    public: bytes
    metadata: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class BatchKeys:
    """The listening keys that a batch is sealed to, by the roster of the transaction in which they were chosen."""

    roster: int  # the counter of that roster
    access: AccessKey
    quality: Mapping[tuple[str, str], ListeningKey]  # by team and month

    def audiences(self, call: Call, consent: Consent, sound: audio.Header) -> tuple[Audience, ...]:
        """The officers, by the subject-access key; the quality managers too where the consent names quality."""
        metadata = metadata_of(call, sound, consent)
        officers = Audience(self.access.id, self.access.public, metadata)
        if not policy.stanza_purposes(consent.purposes, pseudonymised=False):
            return (officers,)
        quality = self.quality[_team_and_month(call)]
        return (officers, Audience(quality.id, quality.public, for_managers(metadata)))


@dataclass(frozen=True, slots=True)
class WrittenObject:
    """Digest and length of an object's sealed bytes."""

    sha256: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """A call whose object is written, with all that it takes to open the object again and to insert its row."""

    delivered: Delivered
    roster: int  # the counter of the roster by which its keys were chosen
    key: object_file.DataKey
    header: object_file.Header
    recording: Recording
    audiences: tuple[Audience, ...]


@dataclass(frozen=True, slots=True)
class RecordingTables:
    """What is written for a new recording in one transaction: rows, erasure keys, metadata of one batch."""

    catalogue: Catalogue
    erasure_keys: ErasureKeys
    metadata_keys: MetadataKeys


def choose_keys(store: Store, calls: Iterable[Call], now: datetime) -> BatchKeys:
    """The keys of the current roster for some calls, made where there are none; inside a change."""
    quality: dict[tuple[str, str], ListeningKey] = {}
    for call in calls:
        place = _team_and_month(call)
        if place not in quality:
            quality[place] = listening_keys.key_for(store, Purpose.QUALITY, *place, now)
            listening_keys.key_for(store, Purpose.TRAINING, *place, now)  # for copies that a manager releases
    return BatchKeys(store.authority.links.newest(), listening_keys.access_key(store), quality)


def seal(announced: Announced, examined: Examined, keys: BatchKeys, blobs: Blobs) -> Sealed:
    """Cut off what was said before the key press, encrypt the rest and put it among the objects, under no name yet."""
    consent = examined.consent
    audiences = keys.audiences(announced.delivered.call, consent, examined.header)
    listeners = {audience.key_id: audience.public for audience in audiences}
    key = object_file.new_data_key(consent)
    header = object_file.make_header(key, Kind.ORIGINAL, announced.id, None, listeners)
    wav = audio.canonical_pieces(examined.header, examined.frames())
    pieces = object_file.Counted(object_file.seal_body(key, header, wav))
    blobs.put(announced.id.hex(), pieces)
    written = WrittenObject(pieces.sha256(), pieces.size)
    recording = recording_of(announced, examined.content, consent, written)
    return Sealed(announced.delivered, keys.roster, key, header, recording, audiences)


def read_back(sealed: Sealed, blobs: Blobs) -> None:
    """Open an object to its last chunk, which is cheaper than hashing it again, and proves more.

    :raises Integrity: `object_damaged`
    """
    head = sealed.header.encode()
    try:
        with blobs.open(sealed.recording.id.hex()) as stream:
            whole = stream.read(len(head)) == head
            for _ in object_file.open_body(sealed.key, sealed.header, object_file.body_in(stream)):
                pass
    except KeyError:
        whole = False
    if not whole:
        raise Integrity("object_damaged")


def insert(recording: Recording, ke: bytes, audiences: Iterable[Audience], tables: RecordingTables) -> None:
    """Fill the announced row of a recording, add its erasure key and its metadata; inside a change."""
    tables.catalogue.recordings.hold(recording)
    tables.erasure_keys.add(recording.id, ke, recording.due_at)
    for audience in audiences:
        tables.metadata_keys.seal(recording.id, ke, audience.key_id, audience.public, audience.metadata)


def taken_in(recording: Recording) -> CallTakenIn:
    """The log entry of a recording, with the digest of its row."""
    return CallTakenIn(recordings=(recording.id,), sworn=recording.row_digest())


def recording_of(announced: Announced, content: bytes, consent: Consent, written: WrittenObject) -> Recording:
    """The row of a call whose object is written; *content* is the tag of its sound."""
    delivered = announced.delivered
    call = delivered.call
    _, state = policy.transition(Event.TAKEN_IN)
    return Recording(
        id=announced.id,
        kind=Kind.ORIGINAL,
        parent=None,
        state=state,
        started_at=call.started_at,
        due_at=policy.due_at(call.started_at),
        team=call.team,
        caller=delivered.caller,
        agent=delivered.agent,
        source=delivered.source,
        content=content,
        purposes=consent.purposes,
        prompt=consent.prompt,
        prompt_sha256=consent.prompt_sha256,
        policy=consent.policy,
        object_sha256=written.sha256,
        object_bytes=written.size,
    )


def metadata_of(call: Call, sound: audio.Header, consent: Consent) -> dict[str, Any]:
    """What is known about a call, as JSON, for access requests; managers may read a part of it (`for_managers`)."""
    return {
        "agent": call.agent,
        "caller": call.caller.reveal() if call.caller else None,
        "channels": dict(call.channels) if sound.channels == 2 else {},
        "consent": {"at": to_iso(consent.at), "key": "1", "prompt": consent.prompt, "prompt_completed": True},
        "duration_s": round(sound.duration, 3),
        "encoding": sound.encoding,
        "known": {side: list(names) for side, names in call.known.items()},
        "lead_s": round((consent.at - call.started_at).total_seconds(), 6),
        "rate": sound.rate,
        "source_id": call.source_id,
        "tracks": sound.channels,
    }


def for_managers(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the metadata that managers may read: no number, no address, and nothing of the exchange's.

    The names that are known stand in it, because whoever may hear a call may also cut its names out of a copy.
    """
    names = {side: [text for text in known if _can_be_name(text)] for side, known in metadata["known"].items()}
    return {**{key: metadata[key] for key in FOR_MANAGERS}, "known": names}


def _can_be_name(known: str) -> bool:
    """Whether an identifier that was known beforehand can be a name: no digit and no "@" stands in it."""
    return "@" not in known and not any(character.isdigit() for character in known)


def _team_and_month(call: Call) -> tuple[str, str]:
    return call.team, listening_keys.month_of(call.started_at)
