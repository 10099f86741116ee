"""The chain of authority: the officers of a store, link by link from its foundation.

Every change of the roster, the policy or the settings adds a link. A link holds the digests of these documents and
the signing keys of the officers from then on. An officer of the link *before* signs it, and it counts only if the
log's entry at its place commits to it: so a row alone makes no officer, and a removed officer signs no further link.
A pin is the newest link that a reader has seen; reading begins there. This module is pure: `catalogue.authority`
reads and adds links, and knows which log entry commits to one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.vault.crypto import primitives

LINK_LONGEST = 64 * 1024  # bytes: a link with ten officers has 1 kB
DIGEST = 32  # bytes, SHA-256
_CHECK_SIGNS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32, none mistaken for another
_CHECK_GROUPS = 5  # of 4 letters: 100 bits, too many to find another chain for
_FORGED = "authority_forged"


class Pin(NamedTuple):
    """The newest link seen by a reader: its number (0: none) and digest."""

    number: int = 0
    digest: bytes = bytes(DIGEST)


NO_PIN = Pin()


class Digests(NamedTuple):
    """SHA-256 of the documents that a link puts into force."""

    roster: bytes
    policy: bytes
    settings: bytes


class Link(NamedTuple):
    """One link, as its signer wrote it."""

    number: int  # from 1, without a gap
    previous: bytes  # digest of the link before; zeros in the first
    seq: int  # number of the log entry that commits to this link
    documents: Digests
    officers: tuple[bytes, ...]  # the officers' signing keys from now on; one of them signs the next link
    signed_by: bytes
    restored_after: int | None = None  # the first link of a restored store: links after that number are unknown
    signature: bytes = b""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signed body."""
        return primitives.sha256(self.body())

    @property
    def pin(self) -> Pin:
        """The pin of this link."""
        return Pin(self.number, self.digest)

    def body(self) -> bytes:
        """The signed bytes: canonical JSON, without the signature."""
        return canonical(
            {
                "format": 1,
                "number": self.number,
                "officers": [to_base64(key) for key in self.officers],
                "policy": self.documents.policy.hex(),
                "previous": self.previous.hex(),
                "restored_after": self.restored_after,
                "roster": self.documents.roster.hex(),
                "seq": self.seq,
                "settings": self.documents.settings.hex(),
                "signed_by": to_base64(self.signed_by),
            }
        )


def add(
    before: Link | None,
    seq: int,
    documents: Digests,
    officers: Iterable[bytes],
    signer: primitives.SigningKey,
    store: bytes,
    *,
    restored_after: int | None = None,
) -> Link:
    """The link after *before* (None: the first), signed; *seq* is the number of its log entry to come."""
    number, previous = (before.number + 1, before.digest) if before else (1, bytes(DIGEST))
    link = Link(number, previous, seq, documents, tuple(officers), signer.public, restored_after)
    return link._replace(signature=signer.sign(_message(store, link.body())))


def decode(body: bytes, signature: bytes) -> Link:
    """The link of these bytes, its signature unverified; raises Integrity for other bytes."""
    try:
        document = parse_object(body, max_bytes=LINK_LONGEST)
        digests = Digests(*(_digest(document[name]) for name in ("roster", "policy", "settings")))
        officers = tuple(from_base64(text, 32) for text in document["officers"])
        signed_by, previous = from_base64(document["signed_by"], 32), _digest(document["previous"])
        number, seq, restored = (document[name] for name in ("number", "seq", "restored_after"))
        link = Link(number, previous, seq, digests, officers, signed_by, restored, signature)
        if link.body() != body or type(number) is not int or type(seq) is not int:
            raise ValueError("not the one form of a link")  # noqa: TRY301 - handled like any other error in the bytes
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Integrity(_FORGED, rule="access.officer") from None
    return link


def demand_follows(link: Link, before: Link | None, store: bytes) -> None:
    """Raise Integrity unless *link* follows *before* (None: it is the first), signed by an officer of *before*.

    The first link is signed by one of its own officers; a reader's pin says which link is the right first one.
    """
    officers = before.officers if before else link.officers
    expected = (before.number + 1, before.digest) if before else (1, bytes(DIGEST))
    in_place = (link.number, link.previous) == expected and link.seq > (before.seq if before else -1)
    genuine = link.signed_by in officers and primitives.verified(
        link.signed_by, link.signature, _message(store, link.body())
    )
    if not (in_place and genuine and link.officers):
        raise Integrity(_FORGED, rule="access.officer")


def check_word(digest: bytes) -> str:
    """The check word: a digest in five groups of four letters (100 bits), to be read out and typed: `k7qd-...`."""
    number = int.from_bytes(digest, "big") >> (len(digest) * 8 - _CHECK_GROUPS * 20)
    signs = [_CHECK_SIGNS[number >> (5 * place) & 31] for place in reversed(range(_CHECK_GROUPS * 4))]
    return "-".join("".join(signs[at : at + 4]) for at in range(0, len(signs), 4))


def _message(store: bytes, body: bytes) -> bytes:
    return b"arlo-rec/1/link\0" + store + body


def _digest(text: object) -> bytes:
    digest = bytes.fromhex(str(text))
    if len(digest) != DIGEST:
        raise ValueError("no digest")
    return digest
