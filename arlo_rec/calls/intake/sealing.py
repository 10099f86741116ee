"""Encrypt accepted calls: write and read back objects, insert rows and keys.

It writes objects (`seal`) and, inside a transaction of the caller, the tables of a recording (`insert`). `batch`
decides the order and handles failures; `access.audience_keys` decides in that transaction to whom keys are sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arlo_rec import policy
from arlo_rec.calls.intake import candidates
from arlo_rec.calls.intake.candidates import (
    NOT_NOW,
    Announced,
    ConsentRules,
    Duplicate,
    Examined,
    NotNow,
    Refusal,
    Tags,
)
from arlo_rec.exchanges.spool import SpoolFile
from arlo_rec.law.log.events import CallTakenIn
from arlo_rec.law.model.consent import Consent
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import Audience, Call, Kind, Recording, RecordingId, Stage, audience_of, to_iso
from arlo_rec.law.model.times import iso_week
from arlo_rec.policy import Event
from arlo_rec.sound import audio
from arlo_rec.vault.access import metadata
from arlo_rec.vault.access.audience_keys import AudienceKey, CommitKeys
from arlo_rec.vault.access.metadata import Facts
from arlo_rec.vault.backends import Blobs
from arlo_rec.vault.catalogue.erasure_keys import ErasureKeys
from arlo_rec.vault.catalogue.tables import Catalogue
from arlo_rec.vault.crypto import object_file, primitives

NotSealed = Refusal | Duplicate | NotNow
FOR_MANAGERS = ("agent", "channels", "duration_s", "encoding", "known", "lead_s", "rate", "tracks")


@dataclass(frozen=True, slots=True)
class BatchKeys:
    """The audience keys of one batch, made in advance: one for each audience of each team.

    So calls can be sealed in parallel, even in other processes. Unused keys are not kept.
    """

    made: dict[tuple[Audience, str], AudienceKey] = field(default_factory=dict)

    @classmethod
    def of_teams(cls, teams: Iterable[str], near: RecordingId) -> BatchKeys:
        """Fresh keys for a batch with calls of these teams, of which *near* is one recording."""
        places = [(audience, team) for team in set(teams) for audience in Audience]
        return cls({place: AudienceKey.fresh(*place, near) for place in places})

    def of(self, audience: Audience, team: str) -> AudienceKey:
        """The key of the batch for an audience of a team."""
        return self.made[audience, team]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A call whose object is written, synced, named and read back, with the contents of its row.

    Its key's listening half is missing: it is in the object's header, under the audience key.
    """

    ke: bytes
    audience_key: AudienceKey
    recording: Recording  # without commit key, which is made in the transaction
    facts: Facts
    consent: Consent
    sounds: tuple[SpoolFile, ...]  # the files read

    def content(self) -> bytes:
        """The tag of its sound."""
        return self.recording.content


@dataclass(frozen=True, slots=True)
class RecordingTables:
    """The tables written for a new recording in one transaction: rows, erasure keys, and the keys of this commit."""

    catalogue: Catalogue
    erasure_keys: ErasureKeys
    keys: CommitKeys


@dataclass(frozen=True, slots=True)
class Sealer:
    """Turns sounds into objects without the catalogue, so that it can work in another process."""

    decoder: audio.Decoder
    tags: Tags
    blobs: Blobs

    def seal(self, calls: Sequence[Announced], keys: BatchKeys, rules: ConsentRules) -> list[Sealed | NotSealed]:
        """Do steps 3 and 4 of `ingest` for calls of one batch; returns the result of each, in order.

        :raises Integrity: `object_damaged`, where an object cannot be read back
        :raises Unreachable: where the disk fails
        """
        written = [self._write(call, keys, rules) for call in calls]
        self.blobs.settle([call.id.hex() for call in calls])
        return [self._read_back(result) if isinstance(result, _Written) else result for result in written]

    def _write(self, announced: Announced, keys: BatchKeys, rules: ConsentRules) -> _Written | NotSealed:
        """Cut off the sound before the key press, encrypt the rest and write it as an object, not yet named."""
        try:
            with candidates.examined(announced.judged, self.decoder, self.tags, rules) as examined:
                return _encrypt(announced, examined, keys, self.blobs)
        except (Refusal, Duplicate, *NOT_NOW) as reason:
            return reason

    def _read_back(self, written: _Written) -> Sealed:
        """Decrypt an object to its last chunk, which proves more than hashing it again."""
        head = written.header.encode()
        try:
            with self.blobs.open(written.sealed.recording.id.hex()) as stream:
                whole = stream.read(len(head)) == head
                for _ in object_file.open_body(written.key, written.header, object_file.body_in(stream)):
                    pass
        except KeyError:
            whole = False
        if not whole:
            raise Integrity("object_damaged")
        return written.sealed


@dataclass(frozen=True, slots=True)
class _Written:
    """A call whose object is written, with the means to open it again."""

    key: object_file.DataKey
    header: object_file.Header
    sealed: Sealed


def _encrypt(announced: Announced, examined: Examined, keys: BatchKeys, blobs: Blobs) -> _Written:
    consent, call = examined.consent, announced.delivered.call
    audience_key = keys.of(audience_of(consent.purposes, Stage.ORIGINAL), call.team)
    key, recording = object_file.new_data_key(consent), recording_of(announced, consent)
    header = object_file.make_header(key, Kind.ORIGINAL, announced.id, None, audience_key.key, recording.binding)
    wav = audio.canonical_pieces(examined.header, examined.frames())
    pieces = object_file.Digested(object_file.seal_body(key, header, wav), primitives.hasher())
    blobs.put(announced.id.hex(), pieces)
    recording = recording._replace(content=examined.content(), object_digest=pieces.digest(), object_bytes=pieces.size)
    facts = facts_of(call, examined.header, consent)
    return _Written(key, header, Sealed(key.ke, audience_key, recording, facts, consent, examined.files))


def insert(
    recording: Recording, ke: bytes, audience_key: AudienceKey, facts: Facts, tables: RecordingTables
) -> Recording:
    """Fill the announced row of a recording, add its erasure key and metadata; returns the row. Inside a change."""
    held = recording._replace(commit_key=tables.keys.commit_key.id)
    tables.catalogue.hold(held)
    tables.erasure_keys.add(held.id, ke, held.due_at)
    metadata.seal(tables.keys, held, ke, audience_key, facts)
    return held


def taken_in(recording: Recording, consent: Consent, map: str | None = None) -> CallTakenIn:
    """The log entry of a recording, with the digest of its row, prompt and key, and the week of the key press."""
    return CallTakenIn(
        recordings=(recording.id,),
        sworn=recording.row_digest(),
        prompt=recording.prompt,
        week=iso_week(consent.at),
        key=consent.key if consent.key != "1" else None,
        map=map,
    )


def recording_of(announced: Announced, consent: Consent) -> Recording:
    """The row of a call, still without its object, the tag of its sound and its commit key."""
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
        content=b"",
        purposes=consent.purposes,
        prompt=consent.prompt,
        prompt_sha256=consent.prompt_sha256,
        policy=consent.policy,
        object_digest=b"",
        object_bytes=0,
        commit_key=b"",
    )


def facts_of(call: Call, sound: audio.Header, consent: Consent) -> Facts:
    """The facts of a call: for access requests, and for managers."""
    whole = metadata_of(call, sound, consent)
    return Facts(whole, for_managers(whole))


def metadata_of(call: Call, sound: audio.Header, consent: Consent) -> dict[str, Any]:
    """The metadata of a call, as JSON, for access requests; managers may read a part of it (`for_managers`)."""
    return {
        "agent": call.agent,
        "caller": call.caller.reveal() if call.caller else None,
        "channels": dict(call.channels) if sound.channels == 2 else {},
        "consent": {"at": to_iso(consent.at), "key": consent.key, "prompt": consent.prompt, "prompt_completed": True},
        "duration_s": round(sound.duration, 3),
        "encoding": sound.encoding,
        "known": {side: list(names) for side, names in call.known.items()},
        "lead_s": round((consent.at - call.started_at).total_seconds(), 6),
        "rate": sound.rate,
        "source_id": call.source_id,
        "tracks": sound.channels,
    }


def for_managers(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the metadata that managers may read: no number, no address, nothing of the exchange.

    It includes known names, because managers who may hear a call may also cut its names out of a copy.
    """
    names = {side: [text for text in known if _can_be_name(text)] for side, known in whole["known"].items()}
    return {**{key: whole[key] for key in FOR_MANAGERS}, "known": names}


def _can_be_name(known: str) -> bool:
    """Whether a known identifier can be a name, with no digit and no "@"."""
    return "@" not in known and not any(character.isdigit() for character in known)
