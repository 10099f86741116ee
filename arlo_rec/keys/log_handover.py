"""Handover of the log's key to the next, by the old key's statement or, after a restore, by an officer's. Pure."""

from __future__ import annotations

from typing import Final

from arlo_rec.crypto import primitives
from arlo_rec.keys.roster import Signatories

_RESTORATION: Final = 32 + 64  # bytes: an officer's key and signature


def handover(origin: str, public: bytes) -> bytes:
    """The message that the old key signs for the new one."""
    return f"{origin}\nhands the log over to\n".encode("ascii") + public


def restoration(origin: str, public: bytes) -> bytes:
    """The message that an officer signs for the new key if the old one was lost."""
    return f"{origin}\nwas restored and goes on with\n".encode("ascii") + public


def is_restoration(statement: bytes | None) -> bool:
    """Whether a key's statement is an officer's, after a restore, and not the previous key's."""
    return statement is not None and len(statement) == _RESTORATION


def follows_on(origin: str, old: bytes, new: bytes, statement: bytes, size: int, signers: Signatories) -> bool:
    """Whether *new* is the log's key from *size* on, by the old key's statement or, after a restore, an officer's.

    *signers* must list her as an officer at that size.
    """
    if is_restoration(statement):
        officer, signature = statement[:32], statement[32:]
        return signers.is_officer(officer, size) and primitives.verified(officer, signature, restoration(origin, new))
    return primitives.verified(old, statement, handover(origin, new))
