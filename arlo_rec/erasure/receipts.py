"""Deletion receipts: signed files without personal data that anybody can check without a store.

A receipt says how many recordings were erased, of which days, when and by which rule, names them by their random ids,
lists every place that was looked after, and until when the ring of a backup may still hold the old root. It carries
the erasure's leaf in the log with the path to a signed checkpoint, and is signed by the log's key, which no erasure
destroys; where that key was renewed, the chain of keys is inside. It is written when every place is done, not before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from arlo_rec.backends.durable import write_whole
from arlo_rec.catalogue import audit_log
from arlo_rec.crypto import merkle, primitives
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.records import RecordingId, from_iso, from_micros, to_iso
from arlo_rec.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.offsite import escrow, feed
from arlo_rec.policy import POLICY_VERSION
from arlo_rec.store import Store

KIND = "arlo-rec deletion receipt"
LONGEST = 64 * 1024 * 1024  # bytes; a receipt of a million recordings has 35 MB
PLACES = ("root", "catalogue", "objects", "journal")  # where something of a recording could be left
_WORDS = ("number", "event", "rule", "policy")


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
    seq, leaf, proof, note = _proof(store, erased.number)
    ring_until = escrow.until(store, erased.at)
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
        "days": _days(store, erased.number),
        "recordings": [one.hex() for one in erased.recordings],
        "places": [one for one in PLACES if one != "journal" or not store.number("flush_due")],
        "ring_until": to_iso(ring_until) if ring_until else None,
        "feed": feed.has(store, seq),
        "entry": {"seq": seq, "leaf": to_base64(leaf), "path": [to_base64(one) for one in proof]},
        "checkpoint": note,
        "log_keys": _log_keys(store),
    }
    signature = store.book.key.sign(_message(told))
    content = canonical({**told, "signature": to_base64(signature)})
    write_whole(path, content + b"\n", mode=store.place.file_mode)
    return path


def _proof(store: Store, number: str) -> tuple[int, bytes, list[bytes], str]:
    """Number and leaf of the erasure's entry, its path, and the checkpoint that the path leads to."""
    rows = store.db.rows(
        "SELECT p.seq, e.leaf, p.path, c.note FROM proofs p JOIN entries e ON e.seq = p.seq "
        "JOIN checkpoints c ON c.size = p.seq + 1 WHERE p.number = ?",
        (number,),
    )
    if not rows:
        raise Integrity("log_damaged")
    seq, leaf, path, note = rows[0]
    return int(seq), bytes(leaf), [bytes(path[i : i + 32]) for i in range(0, len(path), 32)], str(note)


def _days(store: Store, number: str) -> dict[str, int]:
    """How many recordings of each day (UTC) were erased."""
    rows = store.db.rows("SELECT started_at FROM recordings WHERE erasure = ?", (number,))
    return dict(sorted(Counter(f"{from_micros(row[0]):%Y-%m-%d}" for row in rows).items()))


def _log_keys(store: Store) -> list[dict[str, str | None]]:
    """Every key of the log from the first, or from the last that came by an officer's word after a restore."""
    chain = store.book.key_chain()
    begin = max((at for at, (_, _, said) in enumerate(chain) if audit_log.is_restoration(said)), default=0)
    told = [{"vkey": shown, "statement": to_base64(said) if said else None} for shown, _, said in chain[begin:]]
    return [{**told[0], "statement": None}, *told[1:]]


def verify(raw: bytes, vkey: str | None = None) -> dict[str, Any]:
    """The receipt, if it is genuine; raises Integrity.

    1. it is a receipt of ours, to the byte   2. each log key was vouched for by the one before   3. the last signed it
    4. one of them signed its checkpoint   5. to which the erasure's leaf leads
    6. with *vkey*, that key is the first or a later one of the chain
    """
    try:
        told = parse_object(raw, max_bytes=LONGEST)
        right = canonical(told) + b"\n" == raw and _is_receipt(told)
        signature = from_base64(told.pop("signature"), 64)
        keys = [merkle.parse_vkey(one["vkey"]) for one in told["log_keys"]]
        statements = [one["statement"] for one in told["log_keys"]]
        note, store, message = str(told["checkpoint"]), bytes.fromhex(told["store"]).hex(), _message(told)
        checkpoint, root = merkle.parse_note(note)[0], _root(told["entry"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Integrity("certificate_invalid") from None
    origin = f"arlo-rec/{store}"
    if not right or not keys or any(name != origin for name, _ in keys):
        raise Integrity("certificate_invalid")
    _check_chain(origin, [public for _, public in keys], statements)
    signed = any(merkle.note_signed_by(note, origin, public) for _, public in keys)
    leads = checkpoint.root == root and checkpoint.size == told["entry"]["seq"] + 1
    if not primitives.verified(keys[-1][1], signature, message) or not signed or not leads:
        raise Integrity("certificate_invalid")
    if vkey is not None and _wanted(vkey) not in keys:
        raise Integrity("certificate_of_another_log")
    return told


def _is_receipt(told: dict[str, Any]) -> bool:
    """Whether every value is of its kind; raises KeyError, TypeError or ValueError where one is not even that."""
    right = told["kind"] == KIND and told["format"] == 1 and told["count"] == len(told["recordings"])
    right = right and type(told["count"]) is int and 1 < from_iso(told["erased_at"]).year < 9999
    right = right and (told["ring_until"] is None or 1 < from_iso(told["ring_until"]).year < 9999)
    right = right and set(PLACES[:3]) <= set(told["places"]) <= set(PLACES) and told["feed"] in (True, False, None)
    right = right and all(isinstance(day, str) and type(count) is int for day, count in told["days"].items())
    return right and all(isinstance(told[key], str) for key in _WORDS)


def _root(entry: dict[str, Any]) -> bytes | None:
    seq, path = entry["seq"], [from_base64(one, 32) for one in entry["path"]]
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


def _message(told: dict[str, Any]) -> bytes:
    return b"arlo-rec/1/receipt\0" + canonical(told)
