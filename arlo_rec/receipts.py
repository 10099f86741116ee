"""Deletion receipts: signed files without personal data that anybody can check without a store.

A receipt says how many recordings were erased, when and by which rule, names them by their random ids, and
carries a checkpoint of the log that has the erasure in it. It is signed by the log's key; where that key was
renewed, the chain of keys is inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from arlo_rec import audit, crypto, logbook
from arlo_rec.backends.durable import write_whole
from arlo_rec.errors import Integrity, Usage
from arlo_rec.jsontext import canonical, from_base64, parse_object, to_base64
from arlo_rec.policy import POLICY_VERSION
from arlo_rec.records import RecordingId, from_iso, to_iso
from arlo_rec.store import Store

KIND = "arlo-rec deletion receipt"
LONGEST = 64 * 1024 * 1024  # bytes; a receipt of a million recordings has 35 MB


@dataclass(frozen=True, slots=True)
class Erased:
    """One erasure; `complete` once its objects are gone and its receipt is written."""

    number: str
    kind: str
    at: datetime
    rule: str
    recordings: tuple[RecordingId, ...]
    complete: bool = True


def file_for(store: Store, number: str) -> Path:
    """Where the receipt of that number lies."""
    return store.place.receipts / f"{number}.json"


def write(store: Store, erased: Erased) -> Path:
    """Sign and keep the receipt of a finished erasure; writing it again is harmless."""
    path = file_for(store, erased.number)
    _, note = store.book.newest()
    told: dict[str, Any] = {
        "format": 1,
        "kind": KIND,
        "number": erased.number,
        "store": store.place.id.hex(),
        "event": erased.kind,
        "rule": erased.rule,
        "policy": POLICY_VERSION,
        "erased_at": to_iso(erased.at),
        "count": len(erased.recordings),
        "recordings": [one.hex() for one in erased.recordings],
        "checked": _checked(store),
        "checkpoint": note,
        "log_keys": [
            {"vkey": shown, "statement": to_base64(statement) if statement else None}
            for shown, _, statement in store.book.key_chain()
        ],
    }
    signature = store.book.key.sign(_message(told))
    content = canonical({**told, "signature": to_base64(signature)})
    write_whole(path, content + b"\n", mode=store.place.file_mode)
    return path


def _checked(store: Store) -> list[str]:
    """What was done before this receipt: the journal only where no reader was in the way of emptying it."""
    done = ["root: both slots overwritten", "catalogue: shares gone", "objects: unlinked, folders synced"]
    return done + ([] if store.number("flush_due") else ["catalogue: journal emptied"])


def verify(raw: bytes, vkey: str | None = None) -> dict[str, Any]:
    """The receipt, if it is genuine; raises Integrity.

    1. it is a receipt of ours   2. each log key was vouched for by the one before   3. the last one signed it
    4. and its checkpoint   5. with *vkey*, that key is the first or a later one of the chain
    """
    try:
        told = parse_object(raw, max_bytes=LONGEST)
        signature = from_base64(told.pop("signature"), 64)
        keys = [audit.parse_vkey(one["vkey"]) for one in told["log_keys"]]
        statements = [one["statement"] for one in told["log_keys"]]
        right = told["kind"] == KIND and told["format"] == 1 and told["count"] == len(told["recordings"])
        right = right and type(told["count"]) is int and 1 < from_iso(told["erased_at"]).year < 9999
        right = right and all(isinstance(told[key], str) for key in ("number", "event", "rule", "policy"))
        note, store, message = str(told["checkpoint"]), bytes.fromhex(told["store"]).hex(), _message(told)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Integrity("certificate_invalid") from None
    origin = f"arlo-rec/{store}"
    if not right or not keys or any(name != origin for name, _ in keys):
        raise Integrity("certificate_invalid")
    _check_chain(origin, [public for _, public in keys], statements)
    last = keys[-1][1]
    if not crypto.verified(last, signature, message) or not audit.note_signed_by(note, origin, last):
        raise Integrity("certificate_invalid")
    if vkey is not None and _wanted(vkey) not in keys:
        raise Integrity("certificate_of_another_log")
    return told


def _check_chain(origin: str, keys: Sequence[bytes], statements: Sequence[object]) -> None:
    for old, new, statement in zip(keys, keys[1:], statements[1:], strict=False):
        try:
            said = from_base64(statement, 64)
        except ValueError:
            raise Integrity("certificate_invalid") from None
        if not logbook.handed_over(origin, old, new, said):
            raise Integrity("certificate_invalid")


def _wanted(vkey: str) -> tuple[str, bytes]:
    try:
        return audit.parse_vkey(vkey)
    except ValueError:
        raise Usage("bad_vkey") from None


def _message(told: dict[str, Any]) -> bytes:
    return b"arlo-rec/1/receipt\0" + canonical(told)
