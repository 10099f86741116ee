"""What stands in a slot of a ring: an old R, sealed to every officer, and the copy of a catalogue that it opens.

An old catalogue cannot be read with today's R, which is how an erasure reaches yesterday's copies. A backup therefore
needs the R of its own generation, and only for so long as a ring keeps it: then its slot is overwritten. This room
knows the bytes (docs/format.md); `escrow` knows which rings a store has, `backup` and `restore` the order.
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
OFFICERS_MOST = (RING_SLOT_BYTES - _HEAD.size - 32) // (_HOLDER + primitives.SEAL_OF_KEY)


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that can still be opened."""

    slot: int
    number: int  # of the backup; larger is newer
    generation: int
    seed_version: int
    at: datetime
    hours: int  # how long it may be opened after that
    held: int  # recordings in the copy
    catalogue: bytes  # SHA-256 of the copy
    sealed: dict[bytes, bytes]  # R, by the fingerprint of an officer's public key


def seal(store: bytes, number: int, generation: int, secret: bytes, officers: Iterable[Person]) -> dict[bytes, bytes]:
    """R of a generation, sealed to each of the officers."""
    info = _info(store, number, generation)
    return {primitives.fingerprint(one.seal_key): primitives.seal(one.seal_key, secret, info) for one in officers}


def open_sealed(store: bytes, kept: Kept, key: primitives.SealingKey) -> bytes | None:
    """R itself; None where it was not sealed to *key*, or not by a backup of this store."""
    sealed = kept.sealed.get(primitives.fingerprint(key.public))
    try:
        return key.open(sealed, _info(store, kept.number, kept.generation)) if sealed else None
    except primitives.Sealed:
        return None


def encode(store: bytes, kept: Kept) -> bytes:
    """The bytes of a slot."""
    numbers = (kept.number, kept.generation, kept.seed_version, to_micros(kept.at), kept.hours, kept.held)
    head = _HEAD.pack(_MAGIC, store, *numbers, kept.catalogue, len(kept.sealed))
    body = head + b"".join(holder + sealed for holder, sealed in sorted(kept.sealed.items()))
    return body + primitives.sha256(body)


def decode(store: bytes, slot: int, content: bytes) -> Kept | None:
    """What stands in a slot; None where nothing does, or where a write was torn, or of another store."""
    magic, of, number, generation, version, at, hours, held, catalogue, count = _HEAD.unpack(content[: _HEAD.size])
    end = _HEAD.size + count * (_HOLDER + primitives.SEAL_OF_KEY)
    if magic != _MAGIC or of != store or primitives.sha256(content[:end]) != content[end : end + 32]:
        return None
    if not (number < _LARGEST and generation < _LARGEST and 0 <= at < _LATEST and hours and held < _LARGEST):
        return None
    sealed = {}
    for begin in range(_HEAD.size, end, _HOLDER + primitives.SEAL_OF_KEY):
        holder = content[begin : begin + _HOLDER]
        sealed[holder] = content[begin + _HOLDER : begin + _HOLDER + primitives.SEAL_OF_KEY]
    return Kept(slot, number, generation, version, from_micros(at), hours, held, catalogue, sealed)


def is_empty(content: bytes) -> bool:
    """Whether nothing at all stands in a slot; half of something is not nothing."""
    return not content.strip(b"\0")


def _info(store: bytes, number: int, generation: int) -> bytes:
    return b"arlo-rec/1/ring\0" + store + struct.pack(">QQ", number, generation)
