"""The certificate of an access answer: whoever has the file can check that we gave it out, and that it is unchanged.

It says which store and case the answer is of, when it was made, the SHA-256 of everything in the file but itself, and
that of the list of accesses inside (`access_list`). It proves that an entry of the log tells of it, and is signed by
the officer who made the answer, with the vouchers for her key. No personal data: a random case id, digests, keys.

It is the last thing that is written, while the file has no name yet:

    1  all bytes of the content are written
    2  the entry `AnswerSigned`, with the digest of the content, is durable
    3  the certificate, which proves that entry, is written     4  the file gets its name     5  `CaseAnswered`

So a crash leaves the log true: it says then that an answer was signed, and not that one was given. A file without its
entry cannot be. Where a run ends by itself without a file, `LeftNothing` says so (`access.disclosures`); one that was
killed stays among the copies that may have left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from arlo_rec.catalogue import log_proof
from arlo_rec.crypto import merkle
from arlo_rec.dsar import stored_zip
from arlo_rec.keys import vouching
from arlo_rec.log.events import AnswerSigned
from arlo_rec.model import json_forms
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import to_iso
from arlo_rec.model.strict_json import canonical, to_base64
from arlo_rec.store import Store

KIND: Final = "arlo-rec access answer"
CASE: Final = json_forms.text("[0-9A-Za-z-]{1,40}")
GENERATOR: Final = b'<meta name="generator" content="arlo-rec">'  # by which a page is known, near its beginning
PAGE_END: Final = b"</body>\n</html>\n"
MARK: Final = b'<script type="application/json" id="certificate">'
_MARK_END: Final = b"</script>\n"
AFTER_MARK: Final = _MARK_END + PAGE_END


@dataclass(frozen=True, slots=True)
class Statement:
    """What an officer signs of an answer beside its content."""

    case: str
    of: int | None  # the entry that let its recordings be opened; None where there are none
    accesses: str | None  # SHA-256 of the list of accesses inside, in hex


class Content(NamedTuple):
    """SHA-256, in hex, and length of everything in a file but its certificate."""

    sha256: str
    size: int


def signed_page(
    store: Store, page: Iterable[bytes], statement: Statement, clock: Callable[[], datetime]
) -> Iterator[bytes]:
    """A page that ends with `PAGE_END`, with its certificate as the last element.

    Raises ValueError, before anything is signed, for a page that ends otherwise.
    """
    digest, size, kept = hashlib.sha256(), 0, b""
    for piece in page:
        kept += piece
        ready, kept = kept[: -len(PAGE_END)], kept[-len(PAGE_END) :]
        digest.update(ready)
        size += len(ready)
        yield ready
    if kept != PAGE_END:
        raise ValueError("not the end of a page")
    yield page_tail(sign(store, statement, Content(digest.hexdigest(), size), clock()))


def signed_members(
    store: Store,
    archive: stored_zip.Archive,
    pieces: Iterable[bytes],
    statement: Statement,
    clock: Callable[[], datetime],
) -> Iterator[bytes]:
    """An archive whose members are written by *pieces*, with the certificate as the last member."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    digest.update(archive.records)
    content = Content(digest.hexdigest(), archive.offset + len(archive.records))
    yield stored_zip.tail(sign(store, statement, content, clock()), archive.offset, archive.records)


def page_tail(certificate: bytes) -> bytes:
    """Everything behind the content of a page."""
    return MARK + certificate + AFTER_MARK


def sign(store: Store, statement: Statement, content: Content, now: datetime) -> bytes:
    """The certificate of an answer whose content is written, after its entry; as canonical JSON.

    Raises Integrity where nobody vouches for this officer's key, so that nobody could check what she signs.
    """
    event = AnswerSigned(case=statement.case, sha256=content.sha256, bytes=content.size, of=statement.of)
    with store.change(now) as change:
        path = merkle.path_of_last(store.log.tree())
        seq = change.log(event)
    document = {
        **proof_of(store, seq, path, store.policy.at(now).version),
        "kind": KIND,
        "case": statement.case,
        "made_at": to_iso(now),
        "sha256": content.sha256,
        "bytes": content.size,
        "accesses": statement.accesses,
    }
    return signed(store, document)


def proof_of(store: Store, seq: int, path: Sequence[bytes], policy: str) -> dict[str, Any]:
    """What every certificate says of its entry, the last of its change: the store, that version, the proof."""
    leaf, notes = store.log.raw.leaves(seq, seq + 1).get(seq), store.log.checkpoints.notes_after(seq)
    if leaf is None or not notes:
        raise Integrity("log_damaged")
    return {
        "format": 1,
        "policy": policy,
        "store": store.layout.id.hex(),
        "entry": log_proof.entry_to_json(seq, leaf, path),
        "checkpoint": notes[0][1],
    }


def signed(store: Store, document: dict[str, Any]) -> bytes:
    """A document that says a checkpoint, with the log's keys, the vouchers, and this officer's signature; canonical.

    Raises Integrity where nobody vouches for her key.
    """
    signers = vouching.chain(store.catalogue.vouchers.get, store.identity.signing.public)
    if not vouching.is_true(store.layout.id, signers):
        raise Integrity("not_vouched")
    whole = {**document, "log_keys": log_proof.keys_to_json(store.log), "signers": vouching.to_json(signers)}
    whole["log_signature"] = to_base64(store.log.key.sign(log_message(whole)))
    signature = store.identity.signing.sign(message(whole))
    return canonical({**whole, "signature": to_base64(signature)})


def message(document: dict[str, Any]) -> bytes:
    """What the officer signs: the document without her signature, of whichever kind it says."""
    unsigned = {key: value for key, value in document.items() if key != "signature"}
    return b"arlo-rec/1/answer\0" + canonical(unsigned)


def log_message(document: dict[str, Any]) -> bytes:
    """What the log's newest key signs, which nobody has who was removed before: the document without signatures."""
    unsigned = {key: value for key, value in document.items() if key not in ("signature", "log_signature")}
    return b"arlo-rec/1/answer of the log\0" + canonical(unsigned)
