"""A slot of an escrow's ring: an old root secret (R), sealed to every officer, and the catalogue copy that it opens.

An old catalogue cannot be read with today's R, which is how an erasure reaches yesterday's copies. A backup therefore
needs the R of its own generation, and only until its slot is emptied. Whoever makes a backup signs its slot, and the
sealed R opens only with all that the slot says beside it: the folder of a ring is a place where others can write.

This module knows the bytes (docs/format.md); `escrow` knows which rings a store has and whose slots count,
`recovery.backup` and `recovery.restore` in which order slots are used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from arlo_rec.backends.ringfile import RING_SLOT_BYTES
from arlo_rec.crypto import primitives
from arlo_rec.model.records import Person, from_micros, to_micros

_MAGIC = b"ARLORNG2"
# magic, store, number, generation, version of the root seed, at, hours, held, catalogue, number of seals
_HEAD = struct.Struct(">8s16sQQHqHQ32sH")
_LARGEST = 2**48  # of any number here
_LATEST = to_micros(datetime(2200, 1, 1, tzinfo=UTC))
_HOLDER = 16  # bytes that name an officer's public key
_SIGNATURE, _CHECKSUM = 64, 32  # bytes
OFFICERS_MOST = (RING_SLOT_BYTES - _HEAD.size - _SIGNATURE - _CHECKSUM) // (_HOLDER + primitives.SEAL_OF_KEY)


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
    catalogue: bytes  # BLAKE3 of the copy
    sealed: dict[bytes, bytes]  # R, by the fingerprint of an officer's public key
    signature: bytes = bytes(_SIGNATURE)  # of whoever made the backup


def seal(
    store: bytes, slot: EscrowSlot, secret: bytes, officers: Iterable[Person], signer: primitives.SigningKey
) -> EscrowSlot:
    """The slot with R of its generation, sealed to each of the officers, and signed."""
    info = _info(store, slot)
    sealed = {
        primitives.fingerprint(officer.seal_key): primitives.seal(officer.seal_key, secret, info)
        for officer in officers
    }
    whole = replace(slot, sealed=sealed)
    return replace(whole, signature=signer.sign(_body(store, whole)))


def is_signed(store: bytes, slot: EscrowSlot, signers: Iterable[bytes]) -> bool:
    """Whether one of these keys signed a slot, with every word of it."""
    body = _body(store, slot)
    return any(primitives.verified(key, slot.signature, body) for key in signers)


def open_sealed(store: bytes, slot: EscrowSlot, key: primitives.SealingKey) -> bytes | None:
    """R itself; None where it was not sealed to *key*, or not by a backup of this store."""
    sealed = slot.sealed.get(primitives.fingerprint(key.public))
    try:
        return key.open(sealed, _info(store, slot)) if sealed else None
    except primitives.Sealed:
        return None


def encode(store: bytes, slot: EscrowSlot) -> bytes:
    """The bytes of a slot."""
    body = _body(store, slot) + slot.signature
    return body + primitives.sha256(body)


def decode(store: bytes, index: int, content: bytes) -> EscrowSlot | None:
    """The slot that these bytes hold; None where they are empty, torn, or of another store."""
    magic, of, number, generation, version, at, hours, held, catalogue, count = _HEAD.unpack(content[: _HEAD.size])
    seals = _HEAD.size + count * (_HOLDER + primitives.SEAL_OF_KEY)
    end = seals + _SIGNATURE
    if magic != _MAGIC or of != store or primitives.sha256(content[:end]) != content[end : end + _CHECKSUM]:
        return None
    if not (number < _LARGEST and generation < _LARGEST and 0 <= at < _LATEST and hours and held < _LARGEST):
        return None
    sealed = {}
    for begin in range(_HEAD.size, seals, _HOLDER + primitives.SEAL_OF_KEY):
        holder = content[begin : begin + _HOLDER]
        sealed[holder] = content[begin + _HOLDER : begin + _HOLDER + primitives.SEAL_OF_KEY]
    signature = content[seals:end]
    return EscrowSlot(index, number, generation, version, from_micros(at), hours, held, catalogue, sealed, signature)


def is_empty(content: bytes) -> bool:
    """Whether a slot holds nothing at all; a torn one is not empty."""
    return not content.strip(b"\0")


def _body(store: bytes, slot: EscrowSlot) -> bytes:
    """What is signed."""
    return _head(store, slot) + b"".join(holder + sealed for holder, sealed in sorted(slot.sealed.items()))


def _head(store: bytes, slot: EscrowSlot) -> bytes:
    numbers = (slot.number, slot.generation, slot.seed_version, to_micros(slot.at), slot.hours, slot.held)
    return _HEAD.pack(_MAGIC, store, *numbers, slot.catalogue, len(slot.sealed))


def _info(store: bytes, slot: EscrowSlot) -> bytes:
    """What a sealed R is bound to: the head, whoever else it is sealed to."""
    return b"arlo-rec/1/ring\0" + _head(store, replace(slot, sealed={}))
