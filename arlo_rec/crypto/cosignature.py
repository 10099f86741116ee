"""Cosignatures of a witness (c2sp.org/tlog-cosignature, Ed25519): that it saw a checkpoint as the newest, and when.

A witness has a key that nobody of the log holds. What it signs is the checkpoint and the time; the signature's line
stands below those of the log in the same note.
"""

from __future__ import annotations

import base64
import struct
from typing import Final, NamedTuple

from arlo_rec.crypto import merkle
from arlo_rec.crypto.primitives import SigningKey, verified

KIND: Final = b"\x04"  # the algorithm byte of a cosignature
_SIGNATURE: Final = struct.Struct(">4sQ64s")  # the key's id, seconds since 1970, the signature
_PRIVATE: Final = "PRIVATE+KEY"
NAME_LENGTH: Final = 100


class Witness(NamedTuple):
    """A witness with its private key."""

    name: str
    key: SigningKey

    @property
    def vkey(self) -> str:
        """The key with which everybody checks its cosignatures."""
        return merkle.vkey(self.name, self.key.public, KIND)


def is_name(text: str) -> bool:
    """Whether a witness may be called so: a URL without its scheme, by C2SP; visible ASCII without a plus."""
    return 0 < len(text) <= NAME_LENGTH and text.isascii() and text.isprintable() and not {" ", "+"} & set(text)


def private_key(name: str, seed: bytes) -> str:
    """A signer's key as other witnesses keep it: `PRIVATE+KEY+name+key id+base64(1, seed)` (Go's sumdb/note)."""
    key_id = merkle.key_id(name, SigningKey.from_seed(seed).public)
    return f"{_PRIVATE}+{name}+{key_id.hex()}+{base64.b64encode(merkle.ED25519 + seed).decode('ascii')}\n"


def parse_private_key(text: str) -> Witness:
    """What `private_key` wrote; raises ValueError."""
    name, _key_id, encoded = text.strip().removeprefix(f"{_PRIVATE}+").split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    if not is_name(name) or len(raw) != 33 or private_key(name, raw[1:]).strip() != text.strip():
        raise ValueError("not a signer's key")
    return Witness(name, SigningKey.from_seed(raw[1:]))


def parse_vkey(text: str) -> tuple[str, bytes]:
    """Name and public key of a witness; raises ValueError."""
    return merkle.parse_vkey(text, KIND)


def cosign(note: str, witness: Witness, at: int) -> str:
    """The note with one more line: that the witness saw it, *at* in seconds since 1970. Raises ValueError."""
    checkpoint, _ = merkle.parse_note(note)
    signature = witness.key.sign(_message(checkpoint, at))
    raw = _SIGNATURE.pack(merkle.key_id(witness.name, witness.key.public, KIND), at, signature)
    return merkle.with_signature(note, witness.name, raw)


def cosigned_at(note: str, name: str, public: bytes) -> int | None:
    """When that witness cosigned the note, in seconds since 1970; None where it did not."""
    try:
        checkpoint, signatures = merkle.parse_note(note)
        key_id, at, signature = _SIGNATURE.unpack(signatures.get(name, b""))
    except (ValueError, struct.error):
        return None
    genuine = key_id == merkle.key_id(name, public, KIND) and verified(public, signature, _message(checkpoint, at))
    return int(at) if genuine else None


def _message(checkpoint: merkle.Checkpoint, at: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % at + checkpoint.text()
