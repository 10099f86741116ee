"""The metadata of recordings: all of it for the officers, under the commit key; a part for whoever hears them.

What managers may read holds the agent's name and the length, and stands under the audience key. What is for access
requests also holds the caller's number, the exchange's id, the consent as it was claimed, and the identifiers that the
company already had. Both open only together with the erasure half of the recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arlo_rec.access.audience_keys import AudienceKey, CommitKeys
from arlo_rec.access.keyrings import Keyring
from arlo_rec.crypto import object_file
from arlo_rec.model.audiences import Audience
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import Recording, RecordingId
from arlo_rec.model.strict_json import parse_object
from arlo_rec.store import Store


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a recording, and the part of it that whoever hears it may read."""

    whole: Mapping[str, Any] = field(repr=False)
    heard: Mapping[str, Any] = field(repr=False)


def seal(keys: CommitKeys, recording: RecordingId, ke: bytes, audience_key: AudienceKey, facts: Facts) -> None:
    """Store the metadata of a recording, with the keys that it is sealed under; inside a change."""
    keys.add(audience_key)
    keys.add_metadata(recording, keys.commit_key, ke, facts.whole)
    if audience_key.audience is not Audience.OFFICER:
        keys.add_metadata(recording, audience_key.key, ke, facts.heard)


def open_each(
    store: Store, recordings: Sequence[Recording], keyring: Keyring, erasure_keys: Mapping[RecordingId, bytes]
) -> Iterator[tuple[Recording, dict[str, Any]]]:
    """Each recording whose metadata the keyring opens, with it, in order; read in one go, opened one by one.

    One that has no erasure key any more is left out. Raises Integrity where a key or the metadata was changed.
    """
    held = [recording for recording in recordings if recording.id in erasure_keys]
    sealed = store.catalogue.metadata.of([recording.id for recording in held])
    keyring.load(held, {key for keys in sealed.values() for key in keys})
    for recording in held:
        by_key = sealed.get(recording.id, {})
        key = keyring.metadata_key(recording, by_key)
        if key is None:
            continue
        plain = object_file.open_metadata(key.secret, erasure_keys[recording.id], recording.id, by_key[key.id])
        try:
            yield recording, parse_object(plain)
        except ValueError:
            raise Integrity("metadata_damaged") from None


def open_for(store: Store, recording: Recording, keyring: Keyring, ke: bytes) -> dict[str, Any] | None:
    """The metadata of one recording; None where the keyring does not open it. Raises Integrity."""
    return next((facts for _, facts in open_each(store, [recording], keyring, {recording.id: ke})), None)
