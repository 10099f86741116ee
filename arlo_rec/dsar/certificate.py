"""The certificate of an access answer, by which anybody can check that it was given out and is unchanged.

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

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from arlo_rec.certificates import check, seal
from arlo_rec.certificates.seal import Archive, Content
from arlo_rec.crypto import merkle
from arlo_rec.log.events import AnswerSigned
from arlo_rec.model.records import to_iso
from arlo_rec.store import Store


@dataclass(frozen=True, slots=True)
class Statement:
    """What an officer signs of an answer beside its content."""

    case: str
    of: int | None  # the entry that let its recordings be opened; None where there are none
    accesses: str | None  # SHA-256 of the list of accesses inside, in hex


def signed(
    store: Store,
    pieces: Iterable[bytes],
    statement: Statement,
    clock: Callable[[], datetime],
    archive: Archive | None = None,
) -> Iterator[bytes]:
    """A page, or the *archive* whose members *pieces* write, with its certificate at the end.

    Raises ValueError, before anything is signed, for a page that ends otherwise, and what `sign` raises.
    """

    def certificate(content: Content) -> bytes:
        return sign(store, statement, content, clock())

    return archive.signed(pieces, certificate) if archive is not None else seal.page(pieces, certificate)


def sign(store: Store, statement: Statement, content: Content, now: datetime) -> bytes:
    """The certificate of an answer whose content is written, after its entry; as canonical JSON.

    Raises Integrity where this officer's key is not vouched for, so that what she signs could not be checked.
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
