"""Keys derived from the catalogue's seed, which every identity holds: that of its file, and the log's signing key."""

from __future__ import annotations

from arlo_rec.crypto import primitives


def log_key(seed: bytes) -> primitives.SigningKey:
    """The key that signs every checkpoint."""
    return primitives.SigningKey.from_seed(primitives.derive(seed, "log"))


def catalogue_key(seed: bytes) -> bytes:
    """The raw key of the SQLCipher file."""
    return primitives.derive(seed, "catalogue")
