"""Seals documents that are given out, in the one form that `check` takes. All four kinds have:

    entry        the number of an entry of the log, its leaf, and the path to the root of a checkpoint
    checkpoint   signed by the log's key, and by the person who wrote the entries that it closes
    log_keys     every key of the log from the first, each signed by the one before
    signers      the officers' vouchers from the signer's key up to the first officer's
    signatures   of the log's newest key, and of the signer

The other fields of a kind are defined by its makers: `erasure.receipts`, `dsar.request`, `dsar.access_list` and
`publishing.publish`. A page or an archive ends with its certificate, and is written in one pass.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from arlo_rec.law.model.errors import Integrity, Usage
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.model.strict_json import canonical, to_base64
from arlo_rec.vault.catalogue.audit_log import AuditLog
from arlo_rec.vault.certificates import check
from arlo_rec.vault.keys import vouching
from arlo_rec.vault.opened import Store

_LATER = 0x8  # a flag of a ZIP's member: checksum and length stand behind the content
_MOST = 0xFFFFFFFF  # bytes of a member


class Content(NamedTuple):
    """SHA-256, in hex, and length of everything in a file but its certificate."""

    sha256: str
    size: int


Sign = Callable[[Content], bytes]  # makes the certificate, when the content is written


def entry_to_json(seq: int, leaf: bytes, path: Sequence[bytes]) -> dict[str, Any]:
    """An entry with its inclusion path."""
    return {"seq": seq, "leaf": to_base64(leaf), "path": [to_base64(node) for node in path]}


def proof_of(store: Store, seq: int, path: Sequence[bytes]) -> dict[str, Any]:
    """The proof of the entry *seq*, the last of its change."""
    leaf, notes = store.log.raw.leaves(seq, seq + 1).get(seq), store.log.checkpoints.notes_after(seq)
    if leaf is None or not notes:
        raise Integrity("log_damaged")
    return {"entry": entry_to_json(seq, leaf, path), "checkpoint": notes[0][1]}


def by_log(store: Store, kind: str, policy: str, signers: Sequence[vouching.Voucher], **fields: Any) -> dict[str, Any]:
    """A document of that kind with the log's keys and its newest key's signature; *fields* are the others."""
    shared = {"format": 1, "kind": kind, "policy": policy, "store": store.layout.id.hex()}
    document = {**shared, **fields, "log_keys": _log_keys(store.log), "signers": vouching.to_json(signers)}
    return {**document, "log_signature": to_base64(store.log.key.sign(check.log_message(document)))}


def by_officer(store: Store, kind: str, policy: str, **fields: Any) -> bytes:
    """The same signed by this officer, as canonical JSON; raises Integrity if her key is not vouched for."""
    signers = vouching.chain(store.catalogue.vouchers.get, store.identity.signing.public)
    if not vouching.is_true(store.layout.id, signers):
        raise Integrity("not_vouched")
    document = by_log(store, kind, policy, signers, **fields)
    return canonical({**document, "signature": to_base64(store.identity.signing.sign(check.signer_message(document)))})


def _log_keys(log: AuditLog) -> list[dict[str, str | None]]:
    """Every key of the log from the first, or from the last that came by an officer's word after a restore."""
    chain = log.key_chain()
    begin = max((at for at, key in enumerate(chain) if vouching.is_restoration(key.statement)), default=0)
    statements = [None, *(key.statement for key in chain[begin + 1 :])]
    return [
        {"vkey": key.vkey, "statement": to_base64(statement) if statement else None}
        for key, statement in zip(chain[begin:], statements, strict=True)
    ]


def ended_keys(log: AuditLog) -> list[dict[str, str]]:
    """The keys of the log that it signs with no more, each with the time of the last entry before the next key."""
    nexts = [(key.vkey, log.entries.first_from(after.from_size - 1)) for key, after in pairwise(log.key_chain())]
    return [{"vkey": vkey, "at": to_iso(entry.at)} for vkey, entry in nexts if entry is not None]


# -- pages -----------------------------------------------------------------------------------------------------


def before_certificate(page: bytes, form: str) -> bytes:
    """The part of an HTML page that its certificate covers: all but the end of the document.

    Raises ValueError if a page ends otherwise.
    """
    if form == "html" and not page.endswith(check.PAGE_END):
        raise ValueError("not the end of a page")
    return page.removesuffix(check.PAGE_END) if form == "html" else page


def behind_content(certificate: bytes, form: str) -> bytes:
    """The part of a page behind its content."""
    mark, after = check.ENDINGS[form]
    return mark + certificate + after


def page(pieces: Iterable[bytes], sign: Sign) -> Iterator[bytes]:
    """An HTML page with its certificate at the end; raises ValueError, before it is signed, for another document."""
    digest, size, kept = hashlib.sha256(), 0, b""
    for piece in pieces:
        kept += piece
        ready, kept = kept[: -len(check.PAGE_END)], kept[-len(check.PAGE_END) :]
        digest.update(ready)
        size += len(ready)
        yield ready
    before_certificate(kept, "html")
    yield behind_content(sign(Content(digest.hexdigest(), size)), "html")


# -- archives --------------------------------------------------------------------------------------------------


class Archive:
    """A ZIP of stored members that is written in one pass (APPNOTE.TXT 6.3.10), with ZIP64 beyond 4 GiB.

    Each member is `begin`, the pieces of its content through `write`, and `finish`; `signed` writes the end.
    """

    def __init__(self) -> None:
        self._offset = 0
        self._records: list[bytes] = []
        self._name, self._begin, self._crc, self._size = "", 0, 0, 0  # of the member that is being written

    def begin(self, name: str) -> bytes:
        """The header before the content of the next member."""
        self._name, self._begin, self._crc, self._size = name, self._offset, 0, 0
        return self._counted(check.zip_header(name, _LATER, 0, 0))

    def write(self, piece: bytes) -> bytes:
        """The next bytes of its content, unchanged."""
        self._crc, self._size = zlib.crc32(piece, self._crc), self._size + len(piece)
        return self._counted(piece)

    def finish(self) -> bytes:
        """The end of a member; raises Usage if its content is longer than 4 GiB."""
        if self._size >= _MOST:
            raise Usage("sound_too_large", megabytes=self._size // 1_000_000)
        self._records.append(check.zip_record(self._name, _LATER, self._crc, self._size, self._begin))
        return self._counted(struct.pack("<4sIII", b"PK\x07\x08", self._crc, self._size, self._size))

    def signed(self, pieces: Iterable[bytes], sign: Sign) -> Iterator[bytes]:
        """The archive whose members are written by *pieces*, with its certificate as the last member."""
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
            yield piece
        records = b"".join(self._records)
        digest.update(records)
        certificate = sign(Content(digest.hexdigest(), self._offset + len(records)))
        yield check.archive_end(certificate, self._offset, self._records)

    def _counted(self, piece: bytes) -> bytes:
        self._offset += len(piece)
        return piece
