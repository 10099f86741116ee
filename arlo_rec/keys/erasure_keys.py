"""Wrapping erasure halves of recordings' keys below the root secret R: what is not wrapped under a new R is destroyed.

    R --wraps--> day key --wraps--> shard key (up to 256 recordings of one deletion hour) --wraps--> Ke

Each wrap is bound to its level and to the name of what it wraps, so that wrapped keys cannot be exchanged. This module
wraps and unwraps; `catalogue.erasure_keys` stores the wrapped keys.
"""

from __future__ import annotations

from arlo_rec.crypto import primitives
from arlo_rec.model.errors import Integrity

SHARD_SIZE = 256  # recordings: an erasure wraps at most 255 others of the shard again


def wrap(parent: bytes, secret: bytes, level: str, name: bytes) -> bytes:
    """Wrap a key under its parent key, bound to its level and name."""
    return primitives.wrap(parent, secret, level.encode("ascii") + b"\0" + name)


def unwrap(parent: bytes, wrapped: bytes, level: str, name: bytes) -> bytes:
    """The key that `wrap` wrapped; raises Integrity (key_tree_does_not_open)."""
    try:
        return primitives.unwrap(parent, wrapped, level.encode("ascii") + b"\0" + name)
    except primitives.Sealed:
        raise Integrity("key_tree_does_not_open", level=level) from None
