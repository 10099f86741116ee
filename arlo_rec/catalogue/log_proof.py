"""Proofs in documents: anybody can check without a store that the log has an entry, and who signed for it.

    entry        its number, its leaf, and the inclusion path to the root of a checkpoint
    checkpoint   signed by the log's key, and by the writer of the entries that it closes
    log_keys     every key of the log from the first, each signed by the one before
    signers      the officers' vouchers from the key that signed the document up to the first officer's

Receipts, access answers and lists of accesses have these; each kind says what else it holds, and who must sign it. A
document that is not compared with a key known from elsewhere may be of any store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from arlo_rec.catalogue.audit_log import AuditLog
from arlo_rec.crypto import merkle
from arlo_rec.keys import log_handover, vouching
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.strict_json import from_base64, to_base64

LogKeys = Sequence[tuple[str, bytes]]  # name and public key


class Genuine(NamedTuple):
    """A verified document, the first officer's verifier key, and which keys were compared with known ones."""

    document: dict[str, Any]
    officer_vkey: str
    log_checked: bool
    officer_checked: bool


def keys_to_json(log: AuditLog) -> list[dict[str, str | None]]:
    """Every key of the log from the first, or from the last that an officer vouched for after a restore."""
    chain = log.key_chain()
    begin = max((at for at, key in enumerate(chain) if log_handover.is_restoration(key.statement)), default=0)
    keys = [
        {"vkey": key.vkey, "statement": to_base64(key.statement) if key.statement else None} for key in chain[begin:]
    ]
    return [{**keys[0], "statement": None}, *keys[1:]]


def entry_to_json(seq: int, leaf: bytes, path: Sequence[bytes]) -> dict[str, Any]:
    """An entry with its inclusion path."""
    return {"seq": seq, "leaf": to_base64(leaf), "path": [to_base64(node) for node in path]}


def root_of(entry: Mapping[str, Any], size: int) -> bytes | None:
    """The root of a log of *size* entries by an entry's path; None if the path has a wrong length.

    Raises ValueError.
    """
    path = [from_base64(node, 32) for node in entry["path"]]
    return merkle.root_by_path(from_base64(entry["leaf"], 32), entry["seq"], size, path)


def origin_of(document: Mapping[str, Any]) -> str:
    """The name of a document's log."""
    return f"arlo-rec/{document['store']}"


def log_keys(document: Mapping[str, Any]) -> LogKeys:
    """The log's keys in a document, unverified; raises ValueError."""
    return [merkle.parse_vkey(key["vkey"]) for key in document["log_keys"]]


def is_of_log(document: Mapping[str, Any], keys: LogKeys) -> bool:
    """Whether each of a document's *keys* was signed by the key before it, and one of them signed its checkpoint.

    Raises ValueError.
    """
    origin = origin_of(document)
    statements = [key["statement"] for key in document["log_keys"]]
    if any(name != origin for name, _ in keys) or statements[0] is not None:
        return False
    for (_, old), (_, new), statement in zip(keys, keys[1:], statements[1:], strict=False):
        if not log_handover.handed_over(origin, old, new, from_base64(statement, 64)):
            return False
    return any(merkle.note_signed_by(document["checkpoint"], origin, public) for _, public in keys)


def wrote_last_entry(document: Mapping[str, Any], key: bytes) -> bool:
    """Whether *key* signed the checkpoint that a document's entry is the last of: then the entry is that person's.

    Raises ValueError.
    """
    checkpoint, _ = merkle.parse_note(document["checkpoint"])
    size, name = document["entry"]["seq"] + 1, merkle.signer_name(origin_of(document), key)
    is_last = checkpoint.size == size and checkpoint.root == root_of(document["entry"], size)
    return is_last and merkle.note_signed_by(document["checkpoint"], name, key)


def parsed_wanted(vkeys: Sequence[str]) -> list[tuple[str, bytes]]:
    """The keys that a document is to be compared with; raises Usage for an invalid verifier key."""
    try:
        return [merkle.parse_vkey(vkey.strip()) for vkey in vkeys]
    except ValueError:
        raise Usage("bad_vkey") from None


def compared(
    document: dict[str, Any], keys: LogKeys, first: vouching.Voucher, wanted: Sequence[tuple[str, bytes]]
) -> Genuine:
    """A genuine document, compared with the *wanted* keys: each must be one of the log's, or the first officer's.

    Raises Integrity if one is neither.
    """
    officer = (merkle.signer_name(origin_of(document), first.key), first.key)
    if not set(wanted) <= {*keys, officer}:
        raise Integrity("certificate_of_another_log")
    checked = bool(set(keys) & set(wanted))
    return Genuine(document, merkle.vkey(*officer), log_checked=checked, officer_checked=officer in wanted)
