"""The chain of authority in the catalogue: read from a pin, and extended by a link at the end of a change.

A link counts if an officer of the link before signed it and the log commits to it; documents count if the newest
link has their digests. `keys.authority` has the chain itself. Tables: `links`, which are never deleted, and
`documents`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from arlo_rec.law.log.event import content_id
from arlo_rec.law.log.events import AuthorityChanged, PolicyApproved, PolicyProposed
from arlo_rec.law.model import policy_versions
from arlo_rec.law.model.errors import Integrity, InUse
from arlo_rec.law.model.policy_versions import Policy, PolicyVersion
from arlo_rec.law.model.records import Approval, from_iso
from arlo_rec.vault.backends import Connection, Row
from arlo_rec.vault.catalogue.audit_log import AuditLog
from arlo_rec.vault.catalogue.columns import SealedColumn, reads_rows
from arlo_rec.vault.catalogue.meta import Meta
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import authority, roster, settings
from arlo_rec.vault.keys.authority import Digests, Link, Pin
from arlo_rec.vault.keys.roster import Roster
from arlo_rec.vault.keys.settings import Settings

_LINKS = "SELECT number, body, signature, policy, restored_after FROM links"


class Links:
    """The links of one store, and the current documents; unverified."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._bodies = SealedColumn(connection, "links", "body")
        self._documents = SealedColumn(connection, "documents", "body")

    @reads_rows
    def numbers(self) -> list[int]:
        """The numbers of all links, in order."""
        return [int(row[0]) for row in self._db.rows("SELECT number FROM links ORDER BY number")]

    @reads_rows
    def after(self, number: int) -> list[Link]:
        """The links behind *number*, in order; raises Integrity for an unreadable one."""
        return [self._link(row) for row in self._db.rows(f"{_LINKS} WHERE number > ? ORDER BY number", (number,))]

    @reads_rows
    def get(self, number: int) -> Link | None:
        """The link of that number."""
        rows = self._db.rows(f"{_LINKS} WHERE number = ?", (number,))
        return self._link(rows[0]) if rows else None

    @reads_rows
    def with_policy_since(self, digest: bytes) -> Link | None:
        """The link that put the policy with that digest into force: the one after the last with another policy."""
        last = "(SELECT max(number) FROM links WHERE policy <> ?)"
        rows = self._db.rows(f"{_LINKS} WHERE number = 1 + coalesce({last}, 0)", (digest,))
        return self._link(rows[0]) if rows else None

    @reads_rows
    def branch(self) -> bytes:
        """The digest of the newest link of a restore, unverified; zeros without one."""
        newest = "(SELECT max(number) FROM links WHERE restored_after IS NOT NULL)"
        rows = self._db.rows(f"{_LINKS} WHERE number = {newest}")
        return self._link(rows[0]).digest if rows else bytes(authority.DIGEST)

    def add(self, link: Link) -> None:
        """Insert a link; inside a change."""
        self._db.run(
            "INSERT INTO links (number, body, signature, policy, restored_after) VALUES (?, ?, ?, ?, ?)",
            (
                *(link.number, self._bodies.seal(link.number, link.body()), link.signature),
                *(link.documents.policy, link.restored_after),
            ),
        )

    @reads_rows
    def documents(self) -> dict[str, bytes]:
        """The bytes of the current documents, by kind."""
        rows = self._db.rows("SELECT kind, body FROM documents")
        return {str(kind): self._documents.open(kind, body) for kind, body in rows}

    def put_document(self, kind: str, body: bytes) -> None:
        """Replace a current document; inside a change."""
        self._db.run(
            "INSERT INTO documents (kind, body) VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET body = excluded.body",
            (kind, self._documents.seal(kind, body)),
        )

    def _link(self, row: Row) -> Link:
        """The link of a row; raises ValueError where a column by which links are found differs from the link."""
        number, body, signature, policy, restored_after = row
        link = authority.decode(self._bodies.open(number, body), bytes(signature))
        if (link.number, link.documents.policy, link.restored_after) != (number, policy, restored_after):
            raise ValueError("a link and its columns differ")
        return link


_FORGED, _RULE = "authority_forged", "access.officer"
_KINDS = ("roster", "policy", "settings")
_NEWEST = "link"  # in `meta`: number and digest of the newest link
_PIN = struct.Struct(">Q32s")


class Documents(NamedTuple):
    """The documents in force."""

    roster: Roster
    policy: Policy
    settings: Settings


class Pins(NamedTuple):
    """The links that an identity's key file and its account have seen of a store."""

    key_file: Pin
    own: Pin | None  # of this very instance of the store
    foreign: frozenset[Pin]  # of instances from which a restore is known to divide it
    account: frozenset[Pin]  # all that the account has seen

    def newest_first(self) -> list[Pin]:
        """All of them, the newest first."""
        pins = (pin for pin in {self.key_file, *self.account} if pin.number)
        return sorted(pins, key=lambda pin: pin.number, reverse=True)

    def are_explained(self, lost: Sequence[Pin], restored: int | None) -> bool:
        """Whether a restore explains that links are *lost*; *restored* is the last one that a restored store knew."""
        is_after = restored is not None and restored < lost[0].number
        return self.own not in lost and (is_after or self.foreign.issuperset(lost))


class Authority:
    """The followed chain of one store, and the documents of its newest link."""

    def __init__(self, connection: Connection, store: bytes, log: AuditLog, meta: Meta) -> None:
        self.links = Links(connection)
        self._meta = meta
        self.newest: Link | None = None
        self.is_restored = False  # since the pin
        self.officer_left = False  # since the pin: a reason to compare the check word
        self._store = store
        self._log = log
        self._put: dict[str, bytes] = {}
        self._closing: Link | None = None

    def load(self, pins: Pins) -> tuple[Documents, list[str]]:
        """The documents in force, and the codes of what is older than a pin.

        Raises Integrity if the chain does not continue from there, the log does not commit to a link, or a document
        differs from its link.
        """
        problems = self.follow(pins)
        assert self.newest is not None
        bodies = self.links.documents()
        for kind in _KINDS:
            if kind not in bodies:
                raise Integrity(f"{kind}_missing")
            if primitives.sha256(bodies[kind]) != getattr(self.newest.documents, kind):
                raise Integrity(f"{kind}_forged", rule="purpose.change" if kind == "policy" else "access.officer")
        return (
            Documents(
                roster.decode(bodies["roster"]),
                policy_versions.decode(bodies["policy"]),
                settings.decode(bodies["settings"]),
            ),
            problems,
        )

    def follow(self, pins: Pins) -> list[str]:
        """Verify every link from the newest pin on; codes of what is older than a pin. Raises Integrity."""
        newest = self.pin().number
        known = [self.newest.pin] if self.newest is not None else pins.newest_first()
        lost: list[Pin] = []  # the pins that are not on this chain, the newest first
        for pin in known:
            chain = self.links.after(pin.number - 1)
            if chain and chain[0].pin == pin:
                end, restored = self._walk(chain)
                break
            lost.append(pin)
        else:
            raise Integrity("roster_rolled_back" if lost and lost[0].number > newest else _FORGED, rule=_RULE)
        if lost and pins.are_explained(lost, restored):
            raise Integrity("restored_unknown", rule=_RULE, digest=authority.check_word(end.digest))
        if lost and lost[0].number <= newest:
            raise Integrity(_FORGED, rule=_RULE)
        self.newest = end
        self.is_restored |= restored is not None
        return ["roster_rolled_back"] if lost else []

    def _walk(self, chain: Sequence[Link]) -> tuple[Link, int | None]:
        """The last link, after verifying all behind the first, and the link after which a restored store lost some."""
        link, restored = chain[0], None
        for following in chain[1:]:
            authority.demand_follows(following, link, self._store)
            self._demand_committed(following)
            self.officer_left |= not set(link.officers) <= set(following.officers)
            restored = following.restored_after if restored is None else restored
            link = following
        return link, restored

    def _demand_committed(self, link: Link) -> None:
        """Raise Integrity unless the log's entry at the place of *link* commits to it."""
        entry = self._log.entries.get(link.seq)
        if entry is None or entry.event != AuthorityChanged(link=link.number, digest=link.digest.hex()):
            raise Integrity(_FORGED, rule=_RULE)

    def broken(self) -> Iterator[int]:
        """The numbers of links that do not follow the one before, or to which the log does not commit.

        Of several missing in a row, only the first is given.
        """
        before: Link | None = None
        expected = 1
        for number in self.links.numbers():
            if number != expected:  # the link behind a gap has nothing to be compared with
                yield expected
                before = None
            try:
                link = _demanded(self.links.get(number))
                if before is not None or number == 1:
                    authority.demand_follows(link, before, self._store)
                self._demand_committed(link)
                before = link
            except Integrity:
                yield number
                before = None
            expected = number + 1

    def pin(self) -> Pin:
        """The newest link in the catalogue; an empty pin without one. Raises Integrity if it is unreadable."""
        kept = self._meta.raw(_NEWEST)
        if kept is None:
            return Pin()
        if len(kept) != _PIN.size:
            raise Integrity("catalogue_damaged", table="meta")
        return Pin(*_PIN.unpack(kept))

    def check_word(self) -> str:
        """The check word of the newest link, for two people to compare (`keys.authority`)."""
        return authority.check_word(_demanded(self.newest).digest)

    def has(self, pin: Pin) -> bool:
        """Whether a seen link is on the chain."""
        if self.newest is not None and self.newest.pin == pin:
            return True
        link = self.links.get(pin.number)
        return link is not None and link.digest == pin.digest

    def has_newer(self) -> bool:
        """Whether a link was added since this was loaded."""
        return self.newest is None or self.pin().number != self.newest.number

    def put(self, kind: str, body: bytes) -> None:
        """Put a document (`roster`, `policy` or `settings`) into force with the link that ends this change."""
        self.links.put_document(kind, body)
        self._put[kind] = body

    def close(
        self, seq: int, officers: Iterable[bytes], signer: primitives.SigningKey, restored_after: int | None = None
    ) -> AuthorityChanged | None:
        """Add the link for the documents of this change, and return its event, whose entry gets the number *seq*.

        None without a document. Raises InUse if another change added a link since this one loaded the documents.
        """
        if not self._put:
            return None
        before = self.newest
        if self.pin() != (before.pin if before else Pin()):
            raise InUse("in_use")
        digests = [
            primitives.sha256(self._put[kind]) if kind in self._put else getattr(_demanded(before).documents, kind)
            for kind in _KINDS
        ]
        link = authority.add(
            before, seq, Digests(*digests), officers, signer, self._store, restored_after=restored_after
        )
        authority.demand_follows(link, before, self._store)  # stops a signer who is no officer
        self._add(link)
        self._closing = link
        return AuthorityChanged(link=link.number, digest=link.digest.hex())

    def is_policy_approved(self) -> bool:
        """Whether officers approved the policy in force: the entry before its link says so.

        If that entry or link is lost, the answer is yes, and `verify` reports the loss: deleting it would close a store
        for ever.
        """
        link = self.links.with_policy_since(self.newest.documents.policy) if self.newest is not None else None
        if link is None or link.number == 1:  # the policy the store was made with
            return True
        entry = self._log.entries.get(link.seq - 1)
        return entry is None or entry.body is None or isinstance(entry.event, PolicyApproved)

    def is_founding(self, first: PolicyVersion) -> bool:
        """Whether the chain began with that version, which no entry of the log has; a lost first link says yes."""
        link = self.links.get(1)
        return link is None or link.documents.policy == primitives.sha256(policy_versions.encode(Policy((first,))))

    def policy_by_log(self, first: PolicyVersion) -> Policy:
        """The policy by the log's entries, behind the *first* version, which has none."""
        proposed = dict[str, PolicyVersion]()
        policy = Policy((first,))
        for entry in self._log.entries.of_requests(PolicyProposed, PolicyApproved):
            event = entry.event
            if isinstance(event, PolicyProposed):
                proposed[content_id(entry.body or {})] = policy_versions.read_version(event.document)
            elif isinstance(event, PolicyApproved) and event.request in proposed:
                version = proposed[event.request].starting(from_iso(event.since), policy.newest)
                approved = replace(version, approvals=(Approval(entry.person, entry.at),))
                policy = Policy((*policy.versions, approved))
        return policy

    def take_over(self, links: Iterable[Link]) -> None:
        """Append links of a feed, whose entries the log has already; inside a change. Raises Integrity."""
        before = _demanded(self.newest)
        for link in links:
            authority.demand_follows(link, before, self._store)
            self._demand_committed(link)
            self._add(link)
            before = link
        self.newest = before

    def _add(self, link: Link) -> None:
        self.links.add(link)
        self._meta.set(_NEWEST, _PIN.pack(*link.pin))

    def committed(self) -> None:
        """The change was committed."""
        self.newest = self._closing or self.newest
        self.abandon()

    def abandon(self) -> None:
        """The change was not committed."""
        self._put, self._closing = {}, None


def _demanded(link: Link | None) -> Link:
    if link is None:
        raise Integrity(_FORGED, rule=_RULE)
    return link
