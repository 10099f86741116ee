"""Deletion receipts: signed files without personal data that anybody can check without a store.

A receipt says how many recordings were erased, of which days, when and by which rule, names them by their random ids,
lists every place that was erased, and until when an escrow's ring may still hold the old root secret. It carries
the erasure's leaf in the log with the path to a signed checkpoint, and is signed by the log's key, which no erasure
destroys; where that key was renewed, the chain of keys is inside. It is written only after every place is erased.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from arlo_rec.backends.durable import write_whole
from arlo_rec.catalogue import audit_log
from arlo_rec.catalogue.erasures import Erasure
from arlo_rec.crypto import merkle, primitives
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.records import from_iso, to_iso
from arlo_rec.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.offsite import escrow, feed
from arlo_rec.policy import POLICY_VERSION
from arlo_rec.store import Store

KIND = "arlo-rec deletion receipt"
LONGEST = 64 * 1024 * 1024  # bytes; a receipt of a million recordings has 35 MB
PLACES = ("root", "catalogue", "objects", "journal")  # where something of a recording could be left
_WORDS = ("number", "event", "rule", "policy")


def file_for(store: Store, number: str) -> Path:
    """Where the receipt of that number lies."""
    return store.layout.receipts / f"{number}.json"


def write(store: Store, erasure: Erasure) -> Path:
    """Sign and keep the receipt of an erasure whose objects are gone; writing it again is harmless."""
    path = file_for(store, erasure.number)
    proof = store.catalogue.erasures.proof(erasure.number)
    ring_until = escrow.until(store, erasure.at)
    receipt: dict[str, Any] = {
        "format": 1,
        "kind": KIND,
        "number": erasure.number,
        "store": store.layout.id.hex(),
        "event": erasure.kind,
        "rule": erasure.rule,
        "policy": POLICY_VERSION,
        "erased_at": to_iso(erasure.at),
        "count": len(erasure.recordings),
        "days": _days(store, erasure.number),
        "recordings": [recording.hex() for recording in erasure.recordings],
        "places": [place for place in PLACES if place != "journal" or not store.meta.number("flush_due")],
        "ring_until": to_iso(ring_until) if ring_until else None,
        "feed": feed.has(store, proof.seq),
        "entry": {"seq": proof.seq, "leaf": to_base64(proof.leaf), "path": [to_base64(node) for node in proof.path]},
        "checkpoint": proof.note,
        "log_keys": _log_keys(store),
    }
    signature = store.log.key.sign(_message(receipt))
    content = canonical({**receipt, "signature": to_base64(signature)})
    write_whole(path, content + b"\n", mode=store.layout.file_mode, below=store.layout.store)
    return path


def _days(store: Store, number: str) -> dict[str, int]:
    """How many recordings of each day (UTC) were erased."""
    started = store.catalogue.recordings.started_of_erasure(number)
    return dict(sorted(Counter(f"{at:%Y-%m-%d}" for at in started).items()))


def _log_keys(store: Store) -> list[dict[str, str | None]]:
    """Every key of the log from the first, or from the last that came by an officer's word after a restore."""
    chain = store.log.key_chain()
    begin = max((at for at, key in enumerate(chain) if audit_log.is_restoration(key.statement)), default=0)
    keys = [
        {"vkey": key.vkey, "statement": to_base64(key.statement) if key.statement else None} for key in chain[begin:]
    ]
    return [{**keys[0], "statement": None}, *keys[1:]]


def verify(raw: bytes, vkey: str | None = None) -> dict[str, Any]:
    """The receipt, if it is genuine; raises Integrity.

    1. it is a receipt in canonical form   2. each log key was signed by the key before it   3. the last signed it
    4. one of them signed its checkpoint   5. to which the erasure's leaf leads
    6. with *vkey*, that key is the first or a later one of the chain
    """
    try:
        receipt = parse_object(raw, max_bytes=LONGEST)
        right = canonical(receipt) + b"\n" == raw and _is_receipt(receipt)
        signature = from_base64(receipt.pop("signature"), 64)
        keys = [merkle.parse_vkey(key["vkey"]) for key in receipt["log_keys"]]
        statements = [key["statement"] for key in receipt["log_keys"]]
        note, store, message = str(receipt["checkpoint"]), bytes.fromhex(receipt["store"]).hex(), _message(receipt)
        checkpoint, root = merkle.parse_note(note)[0], _root(receipt["entry"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Integrity("certificate_invalid") from None
    origin = f"arlo-rec/{store}"
    if not right or not keys or any(name != origin for name, _ in keys):
        raise Integrity("certificate_invalid")
    _check_chain(origin, [public for _, public in keys], statements)
    signed = any(merkle.note_signed_by(note, origin, public) for _, public in keys)
    leads = checkpoint.root == root and checkpoint.size == receipt["entry"]["seq"] + 1
    if not primitives.verified(keys[-1][1], signature, message) or not signed or not leads:
        raise Integrity("certificate_invalid")
    if vkey is not None and _wanted(vkey) not in keys:
        raise Integrity("certificate_of_another_log")
    return receipt


def _is_receipt(receipt: dict[str, Any]) -> bool:
    """Whether every value is of its kind; raises KeyError, TypeError or ValueError where one is not even that."""
    right = receipt["kind"] == KIND and receipt["format"] == 1 and receipt["count"] == len(receipt["recordings"])
    right = right and type(receipt["count"]) is int and 1 < from_iso(receipt["erased_at"]).year < 9999
    right = right and (receipt["ring_until"] is None or 1 < from_iso(receipt["ring_until"]).year < 9999)
    right = (
        right and set(PLACES[:3]) <= set(receipt["places"]) <= set(PLACES) and receipt["feed"] in (True, False, None)
    )
    right = right and all(isinstance(day, str) and type(count) is int for day, count in receipt["days"].items())
    return right and all(isinstance(receipt[key], str) for key in _WORDS)


def _root(entry: dict[str, Any]) -> bytes | None:
    seq, path = entry["seq"], [from_base64(node, 32) for node in entry["path"]]
    if type(seq) is not int:
        raise TypeError("a number of an entry")
    return merkle.root_by_path(from_base64(entry["leaf"], 32), seq, seq + 1, path)


def _check_chain(origin: str, keys: Sequence[bytes], statements: Sequence[object]) -> None:
    for old, new, statement in zip(keys, keys[1:], statements[1:], strict=False):
        try:
            said = from_base64(statement, 64)
        except ValueError:
            raise Integrity("certificate_invalid") from None
        if not audit_log.handed_over(origin, old, new, said):
            raise Integrity("certificate_invalid")


def _wanted(vkey: str) -> tuple[str, bytes]:
    try:
        return merkle.parse_vkey(vkey)
    except ValueError:
        raise Usage("bad_vkey") from None


def _message(receipt: dict[str, Any]) -> bytes:
    return b"arlo-rec/1/receipt\0" + canonical(receipt)
