"""The certificate of an access answer, which proves without a store that it was given out and is unchanged.

It states store, case and time of the answer, and the SHA-256 of the rest of the file. It states that of the list of
accesses inside too (`access_list`). It proves its log entry, and is signed by the officer who made the answer, with the
vouchers for her key. No personal data: a random case id, digests, keys.

It is written last, before the file has a name:

    1  all bytes of the content are written
    2  the entry `AnswerSigned`, with the digest of the content, is durable
    3  the certificate, which proves that entry, is written     4  the file gets its name     5  `CaseAnswered`

So a crash leaves the log true: an answer was signed, but not given. A file without its entry cannot exist. A run that
ends by itself without a file logs `LeftNothing` (`access.disclosures`); after a killed run the answer stays among the
copies that may have left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from arlo_rec.law.log.events import AnswerSigned
from arlo_rec.law.model.records import to_iso
from arlo_rec.vault.certificates import check, seal
from arlo_rec.vault.certificates.seal import Archive, Content
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.opened import Store


@dataclass(frozen=True, slots=True)
class Statement:
    """The officer's signed statement about an answer, beside its content."""

    case: str
    of: int | None  # the entry that opened its recordings; None without any
    accesses: str | None  # SHA-256 of the list of accesses inside, in hex


def sealed(
    store: Store,
    pieces: Iterable[bytes],
    statement: Statement,
    clock: Callable[[], datetime],
    archive: Archive | None = None,
) -> Iterator[bytes]:
    """A page, or the *archive* whose members *pieces* write, with its certificate at the end.

    Raises ValueError, before anything is signed, for a page that ends otherwise, and the errors of `sign`.
    """

    def certificate(content: Content) -> bytes:
        return sign(store, statement, content, clock())

    return archive.signed(pieces, certificate) if archive is not None else seal.page(pieces, certificate)


def sign(store: Store, statement: Statement, content: Content, now: datetime) -> bytes:
    """The certificate of a written answer, made after its log entry, as canonical JSON.

    Raises Integrity if no officer vouches for this officer's key, so that the signature could not be checked.
    """
    event = AnswerSigned(case=statement.case, sha256=content.sha256, bytes=content.size, of=statement.of)
    with store.change(now) as change:
        path = merkle.path_of_last(store.log.tree())
        seq = change.log(event)
    return seal.by_officer(
        store,
        check.ANSWER,
        store.policy.at(now).version,
        **seal.proof_of(store, seq, path),
        case=statement.case,
        made_at=to_iso(now),
        sha256=content.sha256,
        bytes=content.size,
        accesses=statement.accesses,
    )
