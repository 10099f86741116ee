"""Deletion receipts: signed files without personal data that anybody can check without a store.

A receipt says how many recordings were erased, of which days, when and by which rule, names them by their random ids,
lists every place that was erased, and until when an escrow's ring may still hold the old root secret. It carries
the erasure's leaf in the log with the path to a signed checkpoint, and is signed by the log's key, which no erasure
destroys; where that key was renewed, the chain of keys is inside. Every role holds the log's key, so whoever erased has
signed for what was erased too, and the officers' vouchers for that key are inside. It is written only after every place
is erased; its form stands in `receipt_form`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from arlo_rec.backends.durable import write_whole
from arlo_rec.backends.shared_folder import read_small
from arlo_rec.catalogue import audit_log
from arlo_rec.catalogue.erasures import Erasure, NewProof, Proof
from arlo_rec.crypto import merkle, primitives
from arlo_rec.erasure.receipt_form import KIND, PLACES, has_form, is_number
from arlo_rec.keys import vouching
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.records import to_iso
from arlo_rec.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.offsite import escrow, feed
from arlo_rec.policy import POLICY_VERSION, may_sign_receipt
from arlo_rec.store import Store

LONGEST = 64 * 1024 * 1024  # bytes; a receipt of a million recordings has 35 MB


class Genuine(NamedTuple):
    """A receipt that was verified, the first officer's verifier key, and which keys were compared with known ones."""

    receipt: dict[str, Any]
    officer_vkey: str
    log_checked: bool
    officer_checked: bool


def file_for(store: Store, number: str) -> Path:
    """Where the receipt of that number lies; raises Integrity where it is no receipt's number.

    Anybody's own code writes the rows of erasures, and would else choose which file is written.
    """
    if not is_number(number):
        raise Integrity("catalogue_damaged")
    return store.layout.receipts / f"{number}.json"


def write(store: Store, erasure: Erasure) -> Path:
    """Sign and keep the receipt of an erasure whose objects are gone; writing it again is harmless."""
    path = file_for(store, erasure.number)
    proof = store.catalogue.erasures.proof(erasure.number)
    ring_until = escrow.until(store, erasure.at)
    receipt: dict[str, Any] = {
        "format": 1,
        "kind": KIND,
        "policy": POLICY_VERSION,
        **_erased(store.layout.id, erasure),
        "days": _days(store, erasure.number),
        "places": [place for place in PLACES if place != "journal" or not store.meta.number("flush_due")],
        "ring_until": to_iso(ring_until) if ring_until else None,
        "feed": feed.has(store, proof.seq),
        "entry": _entry(proof),
        "checkpoint": proof.note,
        "log_keys": _log_keys(store),
        "signers": vouching.to_json(vouching.chain(store.catalogue.vouchers.get, proof.signer)),
        "erased_by": to_base64(proof.signature),
    }
    signature = store.log.key.sign(_message(receipt))
    content = canonical({**receipt, "signature": to_base64(signature)})
    write_whole(path, content + b"\n", mode=store.layout.file_mode, below=store.layout.store)
    return path


def is_as_written(store: Store, number: str) -> bool:
    """Whether the receipt of a finished erasure is there, genuine, and of that erasure and its entry in this log."""
    erasure, proof = store.catalogue.erasures.get(number), store.catalogue.erasures.proof(number)
    erased = _erased(store.layout.id, erasure)
    try:
        raw = read_small(file_for(store, number), LONGEST, below=store.layout.store)
        receipt = verify(raw).receipt
    except (OSError, Integrity):
        return False
    ours = {key.vkey for key in store.log.key_chain()}
    return (
        {key: receipt[key] for key in erased} == erased
        and receipt["entry"] == _entry(proof)
        and receipt["erased_by"] == to_base64(proof.signature)
        and vouching.from_json(receipt["signers"])[0].key == proof.signer
        and {key["vkey"] for key in receipt["log_keys"]} <= ours
    )


def signed_proof(store: Store, erasure: Erasure, tree: merkle.Tree) -> NewProof:
    """The proof of an erasure whose entry is the next of *tree*, signed by whoever erases; inside its transaction.

    Whoever finishes an erasure and writes its receipt may be anybody who holds the root, and the log's key is
    everybody's: what was erased is signed for here, by the one who could.
    """
    signature = store.identity.signing.sign(_erased_message(_erased(store.layout.id, erasure), tree.size))
    return NewProof(tree.size, merkle.path_of_last(tree), store.identity.signing.public, signature)


def _erased(store: bytes, erasure: Erasure) -> dict[str, Any]:
    """What a receipt says of the erasure itself."""
    return {
        "number": erasure.number,
        "store": store.hex(),
        "event": erasure.kind,
        "rule": erasure.rule,
        "erased_at": to_iso(erasure.at),
        "count": len(erasure.recordings),
        "recordings": [recording.hex() for recording in erasure.recordings],
    }


def _entry(proof: Proof) -> dict[str, Any]:
    """What a receipt says of its log entry."""
    return {"seq": proof.seq, "leaf": to_base64(proof.leaf), "path": [to_base64(node) for node in proof.path]}


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


def verify(raw: bytes, vkeys: Sequence[str] = ()) -> Genuine:
    """The receipt, if it is genuine; raises Integrity, or Usage where one of *vkeys* is no verifier key.

    1. it is a receipt in its one form   2. each log key was signed by the key before it   3. the last signed it
    4. one of them signed its checkpoint, and so did the eraser   5. to which the erasure's leaf leads
    6. the eraser signed for what was erased, and is of a role that erases so   7. by officers' word up to the first
    8. each of *vkeys* is a key of the log's chain, or that first officer's
    """
    wanted = [_wanted(vkey) for vkey in vkeys]
    try:
        receipt = parse_object(raw, max_bytes=LONGEST)
        if canonical(receipt) + b"\n" != raw or not has_form(receipt):
            raise Integrity("certificate_invalid")
        keys = [merkle.parse_vkey(key["vkey"]) for key in receipt["log_keys"]]
        vouchers = vouching.from_json(receipt["signers"])
        right = _is_logged(receipt, keys) and _is_signed(receipt, keys, vouchers)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Integrity("certificate_invalid") from None
    if not right:
        raise Integrity("certificate_invalid")
    first = vouchers[-1].key
    officer = (merkle.signer_name(_origin(receipt), first), first)
    if not set(wanted) <= {*keys, officer}:
        raise Integrity("certificate_of_another_log")
    log_keys, named = set(keys) & set(wanted), officer in wanted
    return Genuine(receipt, merkle.vkey(*officer), log_checked=bool(log_keys), officer_checked=named)


def _origin(receipt: Mapping[str, Any]) -> str:
    return f"arlo-rec/{receipt['store']}"


def _is_logged(receipt: Mapping[str, Any], keys: Sequence[tuple[str, bytes]]) -> bool:
    """Steps 2, 4 and 5 for the log's own keys."""
    origin, note = _origin(receipt), receipt["checkpoint"]
    statements = [key["statement"] for key in receipt["log_keys"]]
    if any(name != origin for name, _ in keys) or statements[0] is not None:
        return False
    for (_, old), (_, new), statement in zip(keys, keys[1:], statements[1:], strict=False):
        if not audit_log.handed_over(origin, old, new, from_base64(statement, 64)):
            return False
    checkpoint, _ = merkle.parse_note(note)
    leads = checkpoint.root == _root(receipt["entry"]) and checkpoint.size == receipt["entry"]["seq"] + 1
    return leads and any(merkle.note_signed_by(note, origin, public) for _, public in keys)


def _is_signed(
    receipt: Mapping[str, Any], keys: Sequence[tuple[str, bytes]], vouchers: Sequence[vouching.Voucher]
) -> bool:
    """Steps 3, 6 and 7, and 4 for the eraser: an entry says who erased only by the signature of its checkpoint."""
    origin, store, eraser = _origin(receipt), bytes.fromhex(receipt["store"]), vouchers[0]
    unsigned = {key: value for key, value in receipt.items() if key != "signature"}
    erased, seq = _erased_message(receipt, receipt["entry"]["seq"]), receipt["entry"]["seq"]
    return (
        primitives.verified(keys[-1][1], from_base64(receipt["signature"], 64), _message(unsigned))
        and primitives.verified(eraser.key, from_base64(receipt["erased_by"], 64), erased)
        and merkle.note_signed_by(receipt["checkpoint"], merkle.signer_name(origin, eraser.key), eraser.key)
        and may_sign_receipt(eraser.role, receipt["event"]).allowed
        and eraser.since <= seq
        and vouching.is_true(store, vouchers)
    )


def _root(entry: Mapping[str, Any]) -> bytes | None:
    path = [from_base64(node, 32) for node in entry["path"]]
    return merkle.root_by_path(from_base64(entry["leaf"], 32), entry["seq"], entry["seq"] + 1, path)


def _wanted(vkey: str) -> tuple[str, bytes]:
    try:
        return merkle.parse_vkey(vkey.strip())
    except ValueError:
        raise Usage("bad_vkey") from None


def _message(receipt: Mapping[str, Any]) -> bytes:
    return b"arlo-rec/1/receipt\0" + canonical(receipt)


def _erased_message(receipt: Mapping[str, Any], seq: int) -> bytes:
    """What the eraser signs in the transaction of the erasure: what it is, and the place of its entry."""
    erased = {key: receipt[key] for key in ("store", "number", "event", "rule", "erased_at", "count", "recordings")}
    return b"arlo-rec/1/erased\0" + canonical({**erased, "seq": seq})
