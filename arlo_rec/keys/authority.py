"""The chain of authority: who are the officers of a store, link by link from its foundation.

Every change of the roster, the policy or the settings adds a link. A link holds the digests of these documents and the
keys of the officers from now on. An officer of the link *before* signs it, and it counts only if the entry of the log
at its place commits to it: so nobody is an officer because a row says so, and who was removed signs nothing any more.
A pin is the newest link that somebody has seen; whoever reads the chain begins there. This module is pure:
`catalogue.authority` reads and adds links, and says which log entry commits to one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from arlo_rec.crypto import primitives
from arlo_rec.model.errors import Integrity
from arlo_rec.model.strict_json import canonical, from_base64, parse_object, to_base64

LINK_LONGEST = 64 * 1024  # bytes: a link with ten officers has 1 kB
DIGEST = 32  # bytes, SHA-256
_SPOKEN_SIGNS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32, none mistaken for another
_SPOKEN_GROUPS = 5  # of 4 letters: 100 bits, which nobody finds another chain for
_FORGED = "authority_forged"


class Pin(NamedTuple):
    """The newest link that somebody has seen, by its number (0: none) and its digest."""

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
    seq: int  # of the log entry that commits to this link
    documents: Digests
    officers: tuple[bytes, ...]  # the officers' signing keys from now on, of whom one signs the next link
    signed_by: bytes
    restored_after: int | None = None  # restored from a backup without a feed: links behind that number are unknown
    signature: bytes = b""

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is signed."""
        return primitives.sha256(self.body())

    @property
    def pin(self) -> Pin:
        """The pin of somebody who has seen this link."""
        return Pin(self.number, self.digest)

    def body(self) -> bytes:
        """What is signed: canonical JSON, without the signature."""
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
    """The link after *before* (None: the first), signed; *seq* is the number that its log entry will have."""
    number, previous = (before.number + 1, before.digest) if before else (1, bytes(DIGEST))
    link = Link(number, previous, seq, documents, tuple(officers), signer.public, restored_after)
    return link._replace(signature=signer.sign(_message(store, link.body())))


def decode(body: bytes, signature: bytes) -> Link:
    """The link of these bytes; raises Integrity where they are none. Its signature is not verified here."""
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

    The first is signed by one of its own officers: who reads it has its pin from there.
    """
    officers = before.officers if before else link.officers
    expected = (before.number + 1, before.digest) if before else (1, bytes(DIGEST))
    in_place = (link.number, link.previous) == expected and link.seq > (before.seq if before else -1)
    genuine = link.signed_by in officers and primitives.verified(
        link.signed_by, link.signature, _message(store, link.body())
    )
    if not (in_place and genuine and link.officers):
        raise Integrity(_FORGED, rule="access.officer")


def spoken(digest: bytes) -> str:
    """A digest in five groups of four letters (100 bits), to be read out and typed: `k7qd-...`."""
    number = int.from_bytes(digest, "big") >> (len(digest) * 8 - _SPOKEN_GROUPS * 20)
    signs = [_SPOKEN_SIGNS[number >> (5 * place) & 31] for place in reversed(range(_SPOKEN_GROUPS * 4))]
    return "-".join("".join(signs[at : at + 4]) for at in range(0, len(signs), 4))


def _message(store: bytes, body: bytes) -> bytes:
    return b"arlo-rec/1/link\0" + store + body


def _digest(text: object) -> bytes:
    digest = bytes.fromhex(str(text))
    if len(digest) != DIGEST:
        raise ValueError("no digest")
    return digest
