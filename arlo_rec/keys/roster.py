"""The roster: the identities of a store with their roles and grants, as one document.

It is not signed by itself. A link of the chain of authority commits to it (`keys.authority`), so a forged row grants
nothing, and an older roster is noticed, because the newest link is remembered outside the catalogue too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from arlo_rec.crypto import primitives
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.records import Approval, Grant, Limits, PendingOfficer, Person, from_iso, to_iso
from arlo_rec.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.policy import Purpose, Role, has_hidden_characters

RECOVERY_NAME = "recovery"  # the officer identity whose passphrase is the recovery key, kept on paper
NAME_LONGEST = 100  # characters


class AccessKey(NamedTuple):
    """The public half of a subject-access key; every recording is sealed to the newest."""

    id: bytes
    public: bytes
    since: datetime


@dataclass(frozen=True, slots=True)
class Roster:
    """The identities of a store and their grants."""

    store: bytes
    at: datetime
    people: tuple[Person, ...]
    former: tuple[Person, ...] = ()
    grants: tuple[Grant, ...] = ()
    access_keys: tuple[AccessKey, ...] = ()
    pending: tuple[PendingOfficer, ...] = ()  # whom a second officer has to approve; they are no person of it yet
    known_outside: bytes = b""  # public half of the log's key that somebody knows who left: the catalogue takes another

    def person(self, name: str) -> Person | None:
        """The identity of that name."""
        return next((person for person in self.people if person.name == name), None)

    def names(self) -> list[str]:
        """The names of everybody who is here."""
        return [person.name for person in self.people if not person.recovery]

    def signer(self, key: bytes, roles: Iterable[Role]) -> Person | None:
        """The person with that signing key and one of *roles* today; who left signs nothing that still counts."""
        wanted = set(roles)
        return next((person for person in self.people if person.sign_key == key and person.role in wanted), None)

    def officers(self) -> tuple[Person, ...]:
        """The officers, without the recovery identity."""
        return tuple(person for person in self.people if person.role is Role.OFFICER and not person.recovery)

    def live_grants(self, name: str, now: datetime) -> tuple[Grant, ...]:
        """The grants of that person that are live at *now*."""
        return tuple(grant for grant in self.grants if grant.person == name and grant.live(now))

    def entitled(self, purpose: Purpose, team: str, now: datetime) -> tuple[Person, ...]:
        """The people who have a live grant for that purpose and team."""
        names = {grant.person for grant in self.grants if grant.live(now) and grant.opens(purpose, team)}
        return tuple(person for person in self.people if person.name in names)

    def officer_keys(self) -> tuple[bytes, ...]:
        """The signing keys of everybody who may sign a link, the recovery identity included."""
        return tuple(person.sign_key for person in self.people if person.role is Role.OFFICER)

    def next(self, now: datetime, **changes: Any) -> Roster:
        """The roster with *changes*, as of *now*."""
        return replace(self, at=now, **changes)


class Signatories:
    """Who may have signed which entry of the log: everybody who is or was here, each in their time.

    A key that was removed, reset or rotated out signs for nothing that came after, whoever holds the log's key.
    """

    def __init__(self, roster: Roster) -> None:
        self._by_key = {person.sign_key: person for person in (*roster.former, *roster.people)}
        self._by_name: dict[str, list[Person]] = {}
        for person in self._by_key.values():
            self._by_name.setdefault(name_then(person.name), []).append(person)

    def keys(self) -> Collection[bytes]:
        """Every signing key that there ever was."""
        return self._by_key.keys()

    def of_key(self, key: bytes | None, seq: int) -> Person | None:
        """Whose key it is, if it may have signed for entry *seq*."""
        person = self._by_key.get(key or b"")
        return person if person is not None and person.signs(seq) else None

    def named(self, name: object, seq: int) -> Person | None:
        """Who had that name at entry *seq*; that their key signed it is another question."""
        for person in self._by_name.get(name, ()) if isinstance(name, str) else ():
            if person.signs(seq):
                return person
        return None

    def is_officer(self, key: bytes, seq: int) -> bool:
        """Whether that key was an officer's at entry *seq*."""
        person = self.of_key(key, seq)
        return person is not None and person.role is Role.OFFICER


_FILED = re.compile(r" \(until \d{4}-\d{2}-\d{2}\)$")


def name_then(filed: str) -> str:
    """The name that somebody had while they signed: former people are filed with the day where a name is free again."""
    return _FILED.sub("", filed)


def check_name(name: str) -> str:
    """The name; raises Usage where a person or service cannot have it."""
    if not name.strip() or name != name.strip() or len(name) > NAME_LONGEST or has_hidden_characters(name):
        raise Usage("bad_name")
    if name_then(name) != name:  # as former people are filed
        raise Usage("bad_name")
    return name


def check_login(account: str) -> str:
    """The name of a login account; raises Usage where none can be called so."""
    if not account or len(account) > NAME_LONGEST or has_hidden_characters(account) or set(account) & set(" :/\t\n"):
        raise Usage("bad_login")
    return account


def encode(roster: Roster) -> bytes:
    """The document as canonical JSON."""
    return canonical(_to_json(roster))


# -- the document -------------------------------------------------------------------------------------


def _to_json(roster: Roster) -> dict[str, Any]:
    return {
        "format": 1,
        "store": roster.store.hex(),
        "at": to_iso(roster.at),
        "people": [_person_to_json(person) for person in roster.people],
        "former": [_person_to_json(person) for person in roster.former],
        "grants": [_grant_to_json(grant) for grant in roster.grants],
        "access_keys": [
            {"id": key.id.hex(), "public": to_base64(key.public), "since": to_iso(key.since)}
            for key in roster.access_keys
        ],
        "pending": [
            {"id": each.id, "person": _person_to_json(each.person), "at": to_iso(each.at)} for each in roster.pending
        ],
        "known_outside": to_base64(roster.known_outside),
    }


def people_to_json(roster: Roster) -> list[dict[str, Any]]:
    """The present and former identities, as JSON."""
    return [_person_to_json(person) for person in (*roster.people, *roster.former)]


def digest_of_people(roster: Roster) -> str:
    """SHA-256 of `people_to_json` in hex: what a log entry that changes the roster commits to."""
    return primitives.sha256(canonical(people_to_json(roster))).hex()


def read_people(people: list[dict[str, Any]]) -> list[Person]:
    """What `people_to_json` wrote; raises Integrity (feed_differs)."""
    try:
        return [_person(document) for document in people]
    except (KeyError, TypeError, ValueError):
        raise Integrity("feed_differs") from None


def _person_to_json(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "role": person.role,
        "seal": to_base64(person.seal_key),
        "sign": to_base64(person.sign_key),
        "since": to_iso(person.since),
        "service": person.service,
        "recovery": person.recovery,
        "by": person.by,
        "from": person.from_entry,
        "until": person.until_entry,
        "left": to_iso(person.left_at) if person.left_at else None,
        "handed_to": person.handed_to,
        "login": person.login,
    }


def _grant_to_json(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "person": grant.person,
        "purpose": grant.purpose,
        "teams": sorted(grant.teams) if grant.teams is not None else None,
        "from": to_iso(grant.starts_at),
        "until": to_iso(grant.until),
        "reason": grant.reason,
        "by": grant.by,
        "public": to_base64(grant.public),
        "earlier_pairs": [pair.hex() for pair in grant.earlier_pairs],
        "state": grant.state,
        "ended_at": to_iso(grant.ended_at) if grant.ended_at else None,
        "own": grant.own,
        "limits": grant.limits.to_json(),
        "glass": grant.glass,
        "reviewed_at": to_iso(grant.reviewed_at) if grant.reviewed_at else None,
        "approvals": _approvals_to_json(grant.approvals),
    }


def _approvals_to_json(approvals: Iterable[Approval]) -> list[dict[str, Any]]:
    return [{"by": approval.by, "at": to_iso(approval.at)} for approval in approvals]


def _approvals(documents: list[dict[str, Any]]) -> tuple[Approval, ...]:
    return tuple(Approval(str(approval["by"]), from_iso(approval["at"])) for approval in documents)


def decode(body: bytes) -> Roster:
    """The roster that a link commits to; raises Integrity (roster_forged)."""
    try:
        document = parse_object(body, max_bytes=64 * 1024 * 1024)
        return Roster(
            bytes.fromhex(document["store"]),
            from_iso(document["at"]),
            tuple(_person(person) for person in document["people"]),
            tuple(_person(person) for person in document["former"]),
            tuple(_grant(grant) for grant in document["grants"]),
            tuple(
                AccessKey(bytes.fromhex(key["id"]), from_base64(key["public"]), from_iso(key["since"]))
                for key in document["access_keys"]
            ),
            tuple(
                PendingOfficer(str(each["id"]), _person(each["person"]), from_iso(each["at"]))
                for each in document["pending"]
            ),
            from_base64(document["known_outside"]),
        )
    except (KeyError, TypeError, ValueError):
        raise Integrity("roster_forged", rule="access.officer") from None


def _person(document: dict[str, Any]) -> Person:
    return Person(
        str(document["name"]),
        Role(document["role"]),
        from_base64(document["seal"], primitives.SEAL_PUBLIC),
        from_base64(document["sign"], 32),
        from_iso(document["since"]),
        bool(document["service"]),
        bool(document["recovery"]),
        str(document["by"]),
        int(document["from"]),
        None if document["until"] is None else int(document["until"]),
        None if document["left"] is None else from_iso(document["left"]),
        str(document["handed_to"]),
        str(document["login"]),
    )


def _grant(document: dict[str, Any]) -> Grant:
    return Grant(
        str(document["id"]),
        str(document["person"]),
        Purpose(document["purpose"]),
        frozenset(document["teams"]) if document["teams"] is not None else None,
        from_iso(document["from"]),
        from_iso(document["until"]),
        str(document["reason"]),
        str(document["by"]),
        from_base64(document["public"], 0 if document["ended_at"] else primitives.SEAL_PUBLIC),
        tuple(bytes.fromhex(pair) for pair in document["earlier_pairs"]),
        str(document["state"]),
        from_iso(document["ended_at"]) if document["ended_at"] else None,
        _approvals(document["approvals"]),
        bool(document["own"]),
        Limits.from_json(document["limits"]),
        from_iso(document["reviewed_at"]) if document["reviewed_at"] else None,
        bool(document["glass"]),
    )
