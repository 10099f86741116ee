"""Wrapping the erasure keys of recordings below the root secret: a new root secret takes away what it does not wrap.

    R --wraps--> day key --wraps--> shard key (up to 256 recordings of one deletion hour) --wraps--> Ke

Each wrap is bound to its level and to the name of what it wraps: no wrapped key can stand in another's place.
"""

from __future__ import annotations

from arlo_rec.crypto import primitives
from arlo_rec.model.errors import Integrity

SHARD_SIZE = 256  # recordings: erasing one re-wraps at most 255 siblings


def wrap(parent: bytes, secret: bytes, level: str, name: bytes) -> bytes:
    """A key of the tree wrapped under the one above it, bound to its level and name."""
    return primitives.wrap(parent, secret, level.encode("ascii") + b"\0" + name)


def unwrap(parent: bytes, wrapped: bytes, level: str, name: bytes) -> bytes:
    """What `wrap` wrapped; raises Integrity."""
    try:
        return primitives.unwrap(parent, wrapped, level.encode("ascii") + b"\0" + name)
    except primitives.Sealed:
        raise Integrity("key_tree_does_not_open", level=level) from None
