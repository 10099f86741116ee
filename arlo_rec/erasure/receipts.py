"""Deletion receipts: signed files without personal data that anybody can check without a store.

A receipt says how many recordings were erased, of which days, when and by which rule. It names them by their random
ids, lists every erased place, and says until when an escrow's ring may hold the old root secret. It holds the
erasure's leaf in the log with the path to a signed checkpoint. The log's key, which no erasure destroys, signs it;
the chain of that key's renewals is inside. Because every role holds the log's key, the eraser signs the erasure too,
and the officers' vouchers for the eraser's key are inside. It is written only after every place is erased;
`receipt_form` has its form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arlo_rec.backends.durable import write_whole
from arlo_rec.backends.shared_folder import read_small
from arlo_rec.catalogue import log_proof
from arlo_rec.catalogue.erasures import Erasure, NewProof, Proof
from arlo_rec.catalogue.log_proof import Genuine, LogKeys
from arlo_rec.crypto import merkle, primitives
from arlo_rec.erasure.receipt_form import KIND, PLACES, has_form
from arlo_rec.keys import vouching
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import to_iso
from arlo_rec.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.offsite import escrow, feed
from arlo_rec.policy import may_sign_receipt
from arlo_rec.store import Store

LONGEST = 64 * 1024 * 1024  # bytes; a receipt of a million recordings has 35 MB


def file_for(store: Store, number: str) -> Path:
    """The path of the receipt of that number."""
    return store.layout.receipts / f"{number}.json"


def write(store: Store, erasure: Erasure, *, is_flushed: bool) -> Path:
    """Sign and keep the receipt of an erasure whose objects are gone; repeating it is harmless.

    *is_flushed*: the catalogue's journal holds nothing of it any more.
    """
    path = file_for(store, erasure.number)
    proof = store.catalogue.erasures.proof(erasure.number)
    ring_until = escrow.until(store, erasure.at)
    receipt: dict[str, Any] = {
        "format": 1,
        "kind": KIND,
        "policy": store.policy.at(erasure.at).version,
        **_erased(store.layout.id, erasure),
        "days": _days(store, erasure.number),
        "places": [place for place in PLACES if place != "journal" or is_flushed],
        "ring_until": to_iso(ring_until) if ring_until else None,
        "feed": feed.has(store, proof.seq),
        "entry": _entry(proof),
        "checkpoint": proof.note,
        "log_keys": log_proof.keys_to_json(store.log),
        "signers": vouching.to_json(vouching.chain(store.catalogue.vouchers.get, proof.signer)),
        "erased_by": to_base64(proof.signature),
    }
    signature = store.log.key.sign(_message(receipt))
    content = canonical({**receipt, "signature": to_base64(signature)})
    write_whole(path, content + b"\n")
    return path


def is_as_written(store: Store, number: str) -> bool:
    """Whether the receipt of a finished erasure exists, is genuine, and matches the erasure and its log entry."""
    erasure, proof = store.catalogue.erasures.get(number), store.catalogue.erasures.proof(number)
    erased = _erased(store.layout.id, erasure)
    try:
        raw = read_small(file_for(store, number), LONGEST)
        receipt = verify(raw).document
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
    """The proof of an erasure whose entry is the next of *tree*, signed by the eraser; inside its transaction.

    Any holder of the root may later write the receipt with the log's key, which every role has; only the eraser
    signs here.
    """
    signature = store.identity.signing.sign(_erased_message(_erased(store.layout.id, erasure), tree.size))
    return NewProof(tree.size, merkle.path_of_last(tree), store.identity.signing.public, signature)


def _erased(store: bytes, erasure: Erasure) -> dict[str, Any]:
    """The fields of a receipt about the erasure itself."""
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
    """The fields of a receipt about its log entry."""
    return log_proof.entry_to_json(proof.seq, proof.leaf, proof.path)


def _days(store: Store, number: str) -> dict[str, int]:
    """The number of erased recordings of each day (UTC)."""
    started = store.catalogue.recordings.started_of_erasure(number)
    return dict(sorted(Counter(f"{at:%Y-%m-%d}" for at in started).items()))


def verify(raw: bytes, vkeys: Sequence[str] = ()) -> Genuine:
    """The verified receipt; raises Integrity, or Usage if one of *vkeys* is no verifier key.

    1. it is a receipt in its one form   2. each log key was signed by the key before it   3. the last signed it
    4. one of them signed its checkpoint, and so did the eraser   5. to which the erasure's leaf leads
    6. the eraser signed for what was erased, and has a role that erases so   7. by vouchers up to the first officer
    8. each of *vkeys* is a key of the log's chain, or that first officer's
    """
    wanted = log_proof.parsed_wanted(vkeys)
    try:
        receipt = parse_object(raw, max_bytes=LONGEST)
        if canonical(receipt) + b"\n" != raw or not has_form(receipt):
            raise Integrity("certificate_invalid")
        keys = log_proof.log_keys(receipt)
        vouchers = vouching.from_json(receipt["signers"])
        right = log_proof.is_of_log(receipt, keys) and _is_signed(receipt, keys, vouchers)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Integrity("certificate_invalid") from None
    if not right:
        raise Integrity("certificate_invalid")
    return log_proof.compared(receipt, keys, vouchers[-1], wanted)


def _is_signed(receipt: Mapping[str, Any], keys: LogKeys, vouchers: Sequence[vouching.Voucher]) -> bool:
    """Steps 3, 5, 6 and 7, and 4 for the eraser, whom only the signature of the entry's checkpoint identifies."""
    store, eraser = bytes.fromhex(receipt["store"]), vouchers[0]
    unsigned = {key: value for key, value in receipt.items() if key != "signature"}
    erased, seq = _erased_message(receipt, receipt["entry"]["seq"]), receipt["entry"]["seq"]
    return (
        primitives.verified(keys[-1][1], from_base64(receipt["signature"], 64), _message(unsigned))
        and primitives.verified(eraser.key, from_base64(receipt["erased_by"], 64), erased)
        and log_proof.wrote_last_entry(receipt, eraser.key)
        and may_sign_receipt(eraser.role, receipt["event"]).allowed
        and eraser.since <= seq
        and vouching.is_true(store, vouchers)
    )


def _message(receipt: Mapping[str, Any]) -> bytes:
    return b"arlo-rec/1/receipt\0" + canonical(receipt)


def _erased_message(receipt: Mapping[str, Any], seq: int) -> bytes:
    """The message that the eraser signs in the erasure's transaction: the erasure, and the place of its entry."""
    erased = {key: receipt[key] for key in ("store", "number", "event", "rule", "erased_at", "count", "recordings")}
    return b"arlo-rec/1/erased\0" + canonical({**erased, "seq": seq})
