"""The recordings of an answer: what is known of each, before its sound is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from arlo_rec.access import gate, metadata
from arlo_rec.access.gate import Permit
from arlo_rec.dsar import accesses, own_words
from arlo_rec.dsar.accesses import LogMentions
from arlo_rec.dsar.answer import DamagedRecording, RecordingFacts
from arlo_rec.dsar.sounds import Source
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import Recording, from_iso
from arlo_rec.speech.turns import Turn
from arlo_rec.store import Store


class HeldCall(NamedTuple):
    """A recording whose metadata was opened: the facts without its sound, and what the sound is read by."""

    facts: RecordingFacts
    source: Source
    frames: int  # of the sound, as the metadata says; and so the others
    rate: int  # frames in a second
    tracks: int


def of_permits(
    store: Store,
    permits: list[Permit],
    mentions: LogMentions,
    clock: Callable[[], datetime],
    *,
    side: str = "caller",
    turns: Mapping[str, Sequence[Turn]] = MappingProxyType({}),
) -> tuple[list[HeldCall], list[DamagedRecording]]:
    """What is known of the permitted recordings, and those of which nothing can be known because they are damaged.

    *side* is the person's in the calls; *turns*, by id or reference, tell who speaks when on a single track.

    Raises Refused where one is no longer held.
    """
    if not permits:
        return [], []
    erasure_keys = metadata.erasure_keys(store, [permit.recording for permit in permits], lenient=True)
    calls, damaged = [], []
    for permit in permits:
        recording = permit.recording
        try:
            known = _known(store, permit, erasure_keys.get(recording.id))
        except Integrity as problem:
            gate.still_held(store, recording, clock())
            damaged.append(damage_of(store, recording, problem, mentions, clock()))
            continue
        facts = replace(_facts(store, recording, known, side), **_done_with(store, recording, mentions, clock()))
        made = set(mentions.named[recording.id]) - {recording.id}
        own = own_words.of_copies(store, recording.id, made, permit.keyring, known["channels"], side)
        facts = replace(facts, transcript_held=own.is_held, transcript=own.utterances)
        spoken = turns.get(facts.id) or turns.get(facts.reference) or ()
        frames, source = round(float(known["duration_s"]) * known["rate"]), Source(permit, known["channels"], spoken)
        calls.append(HeldCall(facts, source, frames, known["rate"], known["tracks"]))
    return calls, damaged


def _known(store: Store, permit: Permit, ke: bytes | None) -> dict[str, Any]:
    """What is known of a recording; raises Integrity where that, or a key of it, is damaged or missing."""
    recording = permit.recording
    known = metadata.open_for(store, recording, permit.keyring, ke, whole=True) if ke else None
    if known is None:
        raise Integrity("metadata_damaged", id=recording.id.hex())
    return known


def damage_of(
    store: Store, recording: Recording, problem: Integrity, mentions: LogMentions, now: datetime
) -> DamagedRecording:
    """What an answer says of a recording that cannot be given: its time is that of a row which may be changed."""
    return DamagedRecording(
        *(recording.id.hex(), recording.started_at, store.policy.ends_at(recording), problem.code),
        purposes=tuple(sorted(recording.purposes)),
        **_done_with(store, recording, mentions, now),
    )


def _done_with(store: Store, recording: Recording, mentions: LogMentions, now: datetime) -> dict[str, Any]:
    """What the log tells of a recording: who opened it or could have, and what was made and saved of it."""
    named = mentions.named[recording.id]
    return {
        "accesses": accesses.recorded(store, mentions, named, now),
        "copies": accesses.copies(store, mentions.entries, named, recording.id),
        "grants": accesses.possible(store, recording, mentions),
        "copy_grants": accesses.possible_of_copies(store, recording, mentions),
        "exports": accesses.exports(store, mentions, recording.id, now),
    }


def _facts(store: Store, recording: Recording, known: Mapping[str, Any], side: str) -> RecordingFacts:
    """What a person is told of a call, on whose *side* they were: nothing that is of the other."""
    return RecordingFacts(
        id=recording.id.hex(),
        started_at=recording.started_at,
        duration_s=float(known["duration_s"]),
        team=recording.team,
        purposes=tuple(sorted(recording.purposes)),
        consent_at=from_iso(known["consent"]["at"]) if side == "caller" else None,
        prompt_version=recording.prompt,
        prompt_lang=store.prompts[recording.prompt].lang,
        prompt_text=store.prompts[recording.prompt].text,
        prompt_sha256=recording.prompt_sha256.hex(),
        policy_version=recording.policy,
        number=known["caller"] if side == "caller" else None,
        reference=str(known["source_id"]),
        identifiers=_identifiers(known, side),
        erased_on=store.policy.ends_at(recording),
        own_speech=False,
        withheld=None,
        copies=(),
        accesses=(),
        grants=(),
        copy_grants=(),
    )


def _identifiers(known: Mapping[str, Any], side: str) -> tuple[str, ...]:
    """What came with a call about who the person is: of an employee first the name by which the call was found."""
    name = (str(known["agent"]),) if side == "agent" and known["agent"] else ()
    return tuple(dict.fromkeys((*name, *known["known"].get(side, ()))))
