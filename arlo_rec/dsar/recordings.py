"""The recordings of an answer: what is known of each, and the part of its sound that the person gets."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from arlo_rec import audio
from arlo_rec.access import gate, metadata
from arlo_rec.access.gate import Permit
from arlo_rec.dsar import accesses
from arlo_rec.dsar.accesses import LogMentions
from arlo_rec.dsar.answer import RecordingFacts
from arlo_rec.model.errors import Refused
from arlo_rec.model.records import Recording, from_iso
from arlo_rec.store import Store


class SoundForCaller(NamedTuple):
    """The sound for the caller, as 16-bit WAV, or the code of why it is withheld."""

    wav: bytes | None
    withheld: str | None


def facts_of(
    store: Store, permits: list[Permit], mentions: LogMentions, clock: Callable[[], datetime], *, whole: bool
) -> list[RecordingFacts]:
    """The facts about the permitted recordings, with their sound; raises Refused where one is no longer held."""
    if not permits:
        return []
    erasure_keys = gate.erasure_keys(store, [permit.recording for permit in permits])
    recordings = []
    for permit in permits:
        recording = permit.recording
        ke = erasure_keys.get(recording.id)
        known = metadata.open_for(store, recording, permit.keyring, ke, whole=True) if ke else None
        if known is None:
            raise Refused("gone_meanwhile", rule="consent.withdraw")
        body = b"".join(gate.listen_to(store, permit, clock))
        sound = sound_for(body, known["channels"], whole=whole)
        told = accesses.recorded(store, mentions.entries, mentions.named[recording.id], clock())
        copies = accesses.copies(store, mentions.entries, recording.id)
        facts = _facts(store, recording, known, sound, whole=whole)
        listened = accesses.possible(store, recording, mentions)
        could = accesses.possible_of_copies(store, recording, copies, mentions)
        recordings.append(replace(facts, accesses=told, copies=copies, grants=listened, copy_grants=could))
    return recordings


def sound_for(body: bytes, roles: Mapping[str, int], *, whole: bool) -> SoundForCaller:
    """The part of a sound that the caller gets.

    That is the caller's own voice (data.customer); the agent's channel (data.employee) is exact zero, unless the
    officer decided on the *whole* call.
    """
    sound = audio.as_pcm16(audio.read_wav(io.BytesIO(body), len(body)))
    if whole:
        return SoundForCaller(audio.canonical_wav(sound), None)
    if sound.channels != 2:
        return SoundForCaller(None, "mono")
    if "caller" not in roles:
        return SoundForCaller(None, "roles_unknown")
    return SoundForCaller(audio.canonical_wav(audio.keep_channel(sound, roles["caller"])), None)


def _facts(
    store: Store, recording: Recording, known: Mapping[str, Any], sound: SoundForCaller, *, whole: bool
) -> RecordingFacts:
    """The facts about a recording; *whole* where its sound includes the agent."""
    return RecordingFacts(
        id=recording.id.hex(),
        started_at=recording.started_at,
        duration_s=float(known["duration_s"]),
        team=recording.team,
        purposes=tuple(sorted(recording.purposes)),
        consent_at=from_iso(known["consent"]["at"]),
        prompt_version=recording.prompt,
        prompt_lang=store.prompts[recording.prompt].lang,
        prompt_text=store.prompts[recording.prompt].text,
        prompt_sha256=recording.prompt_sha256.hex(),
        number=known["caller"],
        reference=str(known["source_id"]),
        identifiers=tuple(known["known"].get("caller", ())),
        erased_on=recording.ends_at,
        sound=sound.wav,
        own_speech=sound.wav is not None and not whole,
        withheld=sound.withheld,
        copies=(),
        accesses=(),
        grants=(),
        copy_grants=(),
    )
