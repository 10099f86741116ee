"""The metadata of recordings, sealed per audience: managers see less than officers.

A manager's copy holds the agent's name and the length. The copy for access requests also holds the caller's
number, the exchange's id, the consent as it was claimed, and the identifiers that the company already had.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from arlo_rec.crypto import object_file, primitives
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import RecordingId, to_micros
from arlo_rec.model.strict_json import canonical, parse_object
from arlo_rec.store import Store

_DAY = 86_400 * 1_000_000  # microseconds


class MetadataKeys:
    """The metadata keys of a batch: made new, sealed once per listening key, and not kept."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store = store
        self._day = to_micros(now) // _DAY
        self._made: dict[bytes, tuple[bytes, bytes]] = {}

    def seal(
        self,
        recording: RecordingId,
        ke: bytes,
        listening_key: bytes,
        public: bytes,
        facts: Mapping[str, Any],
    ) -> None:
        """Store *facts*, sealed for the audience of a listening key; inside a change."""
        if listening_key not in self._made:
            key_id, km = primitives.fresh(16), primitives.fresh()
            sealed = primitives.seal(public, km, _info(self._store, key_id))
            self._store.catalogue.metadata.add_key(key_id, listening_key, sealed, self._day)
            self._made[listening_key] = (key_id, km)
        key_id, km = self._made[listening_key]
        self._store.catalogue.metadata.add(
            recording, key_id, object_file.seal_metadata(km, ke, recording, canonical(facts))
        )


def open_for(
    store: Store,
    recording: RecordingId,
    keys: Mapping[bytes, primitives.SealingKey],
    ke: bytes,
    opened: dict[bytes, bytes],
) -> dict[str, Any] | None:
    """The metadata that one of *keys* (listening keys by id) opens; None if none does. *opened* caches metadata keys.

    Raises Integrity where a key or the metadata was changed.
    """
    for key_id, listening_key, sealed_key, sealed in store.catalogue.metadata.of(recording):
        if bytes(listening_key) not in keys:
            continue
        if bytes(key_id) not in opened:
            try:
                opened[bytes(key_id)] = keys[bytes(listening_key)].open(bytes(sealed_key), _info(store, bytes(key_id)))
            except primitives.Sealed:
                raise Integrity("metadata_damaged") from None
        try:
            return parse_object(object_file.open_metadata(opened[bytes(key_id)], ke, recording, bytes(sealed)))
        except ValueError:
            raise Integrity("metadata_damaged") from None
    return None


def _info(store: Store, key_id: bytes) -> bytes:
    return b"arlo-rec/1/metadata key\0" + store.layout.id + key_id
