"""Deletion receipts: signed files without personal data that can be checked without a store.

A receipt says how many recordings were erased, of which days, when and by which rule. It names them by their random ids
and lists every place that was erased. It says until when an escrow's ring may still hold the old root secret. It
carries the erasure's leaf in the log with the path to a signed checkpoint. The log's key signs it, which no erasure
destroys; where that key was renewed, the chain of keys is inside. Every role holds the log's key, so whoever erased has
signed for what was erased too, and the officers' vouchers for that key are inside. It is written only after every place
is erased; `certificates.check` checks it.
"""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from arlo_rec.law.model.errors import Integrity, NothingMatched, Usage
from arlo_rec.law.model.particulars import Particulars
from arlo_rec.law.model.records import from_iso, to_iso
from arlo_rec.law.model.strict_json import canonical, to_base64
from arlo_rec.law.pages import Formats
from arlo_rec.law.pages import render as render_page
from arlo_rec.policy import Action, Role
from arlo_rec.vault.backends.durable import write_whole
from arlo_rec.vault.backends.shared_folder import read_small
from arlo_rec.vault.catalogue.erasures import Erasure, NewProof, Proof
from arlo_rec.vault.certificates import check, seal
from arlo_rec.vault.certificates.check import PLACES, Forged, Genuine, Unknown
from arlo_rec.vault.certificates.verdict import verify
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.keys import vouching
from arlo_rec.vault.offsite import escrow, feed
from arlo_rec.vault.opened import Store


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
    receipt = seal.by_log(
        store,
        check.RECEIPT,
        store.policy.at(erasure.at).version,
        vouching.chain(store.catalogue.vouchers.get, proof.signer),
        **_erased(erasure),
        days=_days(store, erasure.number),
        places=[place for place in PLACES if place != "journal" or is_flushed],
        ring_until=to_iso(ring_until) if ring_until else None,
        feed=feed.has(store, proof.seq),
        entry=_entry(proof),
        checkpoint=proof.note,
        erased_by=to_base64(proof.signature),
    )
    write_whole(path, canonical(receipt) + b"\n")
    return path


def find(store: Store, text: str, now: datetime) -> Genuine:
    """A receipt by its number, as people write it; others than those of withdrawals are shown to officers alone.

    Raises Usage for what is no number, NotGranted, NothingMatched and Integrity.
    """
    store.demand(Action.SEE_RECEIPT, now)
    signs = re.sub(r"[\W_]", "", text).upper()
    number = f"{signs[:4]}-{signs[4:]}"
    if not check.is_number(number):
        raise Usage("bad_receipt_number")
    erasures = store.catalogue.erasures
    erasure = erasures.find(number)
    is_hidden = erasure is None or (erasure.kind != "withdrawal" and store.person.role is not Role.OFFICER)
    if is_hidden or number in erasures.unfinished():
        raise NothingMatched("no_such_receipt", number=number)
    if not is_as_written(store, number):
        raise Integrity("receipt_changed", number=number)
    return verify(io.BytesIO(read_small(file_for(store, number), check.LONGEST)))


def is_as_written(store: Store, number: str) -> bool:
    """Whether the receipt of a finished erasure exists, is genuine, and matches the erasure and its log entry."""
    erasure, proof = store.catalogue.erasures.get(number), store.catalogue.erasures.proof(number)
    erased = {"store": store.layout.id.hex(), **_erased(erasure)}
    try:
        raw = read_small(file_for(store, number), check.LONGEST)
        receipt = check.check(io.BytesIO(raw)).document
    except (OSError, Forged, Unknown):
        return False
    ours = {key.vkey for key in store.log.key_chain()}
    return (
        receipt["kind"] == check.RECEIPT
        and {key: receipt[key] for key in erased} == erased
        and receipt["entry"] == _entry(proof)
        and receipt["erased_by"] == to_base64(proof.signature)
        and receipt["signers"][0]["key"] == to_base64(proof.signer)
        and {key["vkey"] for key in receipt["log_keys"]} <= ours
    )


def signed_proof(store: Store, erasure: Erasure, tree: merkle.Tree) -> NewProof:
    """The proof of an erasure whose entry is the next of *tree*, signed by the eraser; inside its transaction.

    Any holder of the root may later write the receipt with the log's key, which every role has; only the eraser
    signs here.
    """
    erased = {"store": store.layout.id.hex(), **_erased(erasure)}
    signature = store.identity.signing.sign(check.erasure_message(erased, tree.size))
    return NewProof(tree.size, merkle.path_of_last(tree), store.identity.signing.public, signature)


def _erased(erasure: Erasure) -> dict[str, Any]:
    """The facts of a receipt about the erasure."""
    return {
        "number": erasure.number,
        "event": erasure.kind,
        "rule": erasure.rule,
        "erased_at": to_iso(erasure.at),
        "count": len(erasure.recordings),
        "recordings": [recording.hex() for recording in erasure.recordings],
    }


def _entry(proof: Proof) -> dict[str, Any]:
    """The facts of a receipt about its log entry."""
    return seal.entry_to_json(proof.seq, proof.leaf, proof.path)


def _days(store: Store, number: str) -> dict[str, int]:
    """The number of erased recordings of each day (UTC)."""
    started = store.catalogue.recordings.started_of_erasure(number)
    return dict(sorted(Counter(f"{at:%Y-%m-%d}" for at in started).items()))


# -- receipt page ------------------------------------------------------------------------------------
# A deletion receipt as a page for a customer, to read and to print, in either language. It proves nothing: the signed
# file does, which the page holds as a link.
#
# Its words stand in `page/receipt.nb.html.j2` and `page/receipt.en.html.j2`.


PAGE: Final = Path(__file__).with_name("page")


def render(genuine: Genuine, lang: str, company: Particulars) -> str:
    """The page in `nb` or `en` of a receipt that was verified."""
    receipt, formats = genuine.document, Formats(lang)
    ring_until = receipt["ring_until"]
    days = [(formats.day(date.fromisoformat(day)).replace(" ", "\xa0"), n) for day, n in receipt["days"].items()]
    return render_page(
        PAGE,
        f"receipt.{lang}.html.j2",
        **{key: receipt[key] for key in ("number", "count", "rule", "policy", "places", "feed")},
        days=", ".join(day if n == 1 else f"{day}\xa0({n})" for day, n in days),
        erased_at=formats.moment(from_iso(receipt["erased_at"])),
        ring_until=formats.moment(from_iso(ring_until)) if ring_until else None,
        seq=receipt["entry"]["seq"],
        vkey=genuine.officer_vkey,
        signed=base64.b64encode(canonical(receipt) + b"\n").decode("ascii"),
        controller=company.controller,
        contact=company.contact,
        style=(PAGE / "receipt.css").read_text("utf-8"),
    )
