"""A slot of an escrow's ring: an old root secret (R), sealed to every officer, and the catalogue copy that it opens.

An old catalogue cannot be read with today's R, which is how an erasure reaches yesterday's copies. A backup therefore
needs the R of its own generation, and only until its slot is emptied. This module knows the bytes (docs/format.md);
`escrow` knows which rings a store has, `recovery.backup` and `recovery.restore` in which order slots are used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from arlo_rec.backends.ringfile import RING_SLOT_BYTES
from arlo_rec.crypto import primitives
from arlo_rec.model.records import Person, from_micros, to_micros

_MAGIC = b"ARLORING"
# magic, store, number, generation, version of the root seed, at, hours, held, catalogue, number of seals
_HEAD = struct.Struct(">8s16sQQHqHQ32sH")
_LARGEST = 2**48  # of any number here
_LATEST = to_micros(datetime(2200, 1, 1, tzinfo=UTC))
_HOLDER = 16  # bytes that name an officer's public key
_CHECKSUM = 32  # bytes
OFFICERS_MOST = (RING_SLOT_BYTES - _HEAD.size - _CHECKSUM) // (_HOLDER + primitives.SEAL_OF_KEY)


@dataclass(frozen=True, slots=True)
class EscrowSlot:
    """A backup that can still be opened, and what opens it."""

    index: int  # of the slot in its ring
    number: int  # of the backup; larger is newer
    generation: int
    seed_version: int
    at: datetime
    hours: int  # how long it may be opened after that
    held: int  # recordings in the copy
    catalogue: bytes  # SHA-256 of the copy
    sealed: dict[bytes, bytes]  # R, by the fingerprint of an officer's public key


def seal(store: bytes, number: int, generation: int, secret: bytes, officers: Iterable[Person]) -> dict[bytes, bytes]:
    """R of a generation, sealed to each of the officers, by the fingerprint of their public keys."""
    info = _info(store, number, generation)
    return {
        primitives.fingerprint(officer.seal_key): primitives.seal(officer.seal_key, secret, info)
        for officer in officers
    }


def open_sealed(store: bytes, slot: EscrowSlot, key: primitives.SealingKey) -> bytes | None:
    """R itself; None where it was not sealed to *key*, or not by a backup of this store."""
    sealed = slot.sealed.get(primitives.fingerprint(key.public))
    try:
        return key.open(sealed, _info(store, slot.number, slot.generation)) if sealed else None
    except primitives.Sealed:
        return None


def encode(store: bytes, slot: EscrowSlot) -> bytes:
    """The bytes of a slot."""
    numbers = (slot.number, slot.generation, slot.seed_version, to_micros(slot.at), slot.hours, slot.held)
    head = _HEAD.pack(_MAGIC, store, *numbers, slot.catalogue, len(slot.sealed))
    body = head + b"".join(holder + sealed for holder, sealed in sorted(slot.sealed.items()))
    return body + primitives.sha256(body)


def decode(store: bytes, index: int, content: bytes) -> EscrowSlot | None:
    """The slot that these bytes hold; None where they are empty, torn, or of another store."""
    magic, of, number, generation, version, at, hours, held, catalogue, count = _HEAD.unpack(content[: _HEAD.size])
    end = _HEAD.size + count * (_HOLDER + primitives.SEAL_OF_KEY)
    if magic != _MAGIC or of != store or primitives.sha256(content[:end]) != content[end : end + _CHECKSUM]:
        return None
    if not (number < _LARGEST and generation < _LARGEST and 0 <= at < _LATEST and hours and held < _LARGEST):
        return None
    sealed = {}
    for begin in range(_HEAD.size, end, _HOLDER + primitives.SEAL_OF_KEY):
        holder = content[begin : begin + _HOLDER]
        sealed[holder] = content[begin + _HOLDER : begin + _HOLDER + primitives.SEAL_OF_KEY]
    return EscrowSlot(index, number, generation, version, from_micros(at), hours, held, catalogue, sealed)


def is_empty(content: bytes) -> bool:
    """Whether a slot holds nothing at all; a torn one is not empty."""
    return not content.strip(b"\0")


def _info(store: bytes, number: int, generation: int) -> bytes:
    """What a sealed R is bound to."""
    return b"arlo-rec/1/ring\0" + store + struct.pack(">QQ", number, generation)
