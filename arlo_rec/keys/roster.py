"""The roster: the identities with their roles and grants, one document signed as a whole by an officer.

A forged row in the database grants nothing, because the signature does not match, and an older roster is noticed,
because its counter is stored outside the catalogue too. Officers are introduced by officers: a chain of signatures
leads from the officers' keys in a person's own key file to whoever signed the roster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from arlo_rec.crypto import primitives
from arlo_rec.model.consent import Prompt
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.records import Approval, Grant, Person, from_iso, to_iso
from arlo_rec.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.policy import Purpose, Role, has_hidden_characters

RECOVERY_NAME = "recovery"  # the officer identity whose passphrase is the recovery key, kept on paper
NAME_LONGEST = 100  # characters


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed document: its bytes, the signer's key and the signature."""

    kind: str
    counter: int
    body: bytes
    signed_by: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Introduction:
    """An officer's signature that another signing key is an officer's."""

    key: bytes
    by: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class AccessKey:
    """The public half of a subject-access key; every recording is sealed to the newest."""

    id: bytes
    public: bytes
    since: datetime


@dataclass(frozen=True, slots=True)
class Roster:
    """The identities of a store and their grants."""

    store: bytes
    counter: int
    at: datetime
    people: tuple[Person, ...]
    former: tuple[Person, ...] = ()
    grants: tuple[Grant, ...] = ()
    introductions: tuple[Introduction, ...] = ()
    access_keys: tuple[AccessKey, ...] = ()

    def person(self, name: str) -> Person | None:
        """The identity of that name."""
        return next((person for person in self.people if person.name == name), None)

    def names(self) -> list[str]:
        """The names of everybody who is here."""
        return [person.name for person in self.people if not person.recovery]

    def signer(self, key: bytes, roles: Iterable[Role]) -> Person | None:
        """The person with that signing key and one of *roles*, former people included: their signatures stay valid."""
        wanted = set(roles)
        everybody = (*self.people, *self.former)
        return next((person for person in everybody if person.sign_key == key and person.role in wanted), None)

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

    def next(self, now: datetime, **changes: Any) -> Roster:
        """The roster with *changes*, the next counter, and the time *now*."""
        return replace(self, counter=self.counter + 1, at=now, **changes)


def check_name(name: str) -> str:
    """The name; raises Usage where a person or service cannot have it."""
    if not name.strip() or name != name.strip() or len(name) > NAME_LONGEST or has_hidden_characters(name):
        raise Usage("bad_name")
    return name


def introduce(officer: primitives.SigningKey, key: bytes, store: bytes) -> Introduction:
    """Sign an introduction of another officer's signing key."""
    return Introduction(key, officer.public, officer.sign(_introduction(key, store)))


def sign(kind: str, counter: int, body: bytes, officer: primitives.SigningKey) -> Signed:
    """Sign a document as an officer."""
    return Signed(kind, counter, body, officer.public, officer.sign(_message(kind, counter, body)))


def sign_roster(roster: Roster, officer: primitives.SigningKey) -> Signed:
    """The roster as a signed document."""
    return sign("roster", roster.counter, canonical(_to_json(roster)), officer)


def read_roster(signed: Signed, trusted: Iterable[bytes]) -> Roster:
    """The roster, after verifying the chain of officers from *trusted* to its signer; raises Integrity."""
    roster = _roster(signed.body)
    known = _trusted_officers(roster, trusted)
    current = {person.sign_key for person in roster.people if person.role is Role.OFFICER}
    # 1. the signer is an officer today   2. by a chain of introductions   3. who signed these very bytes
    true = primitives.verified(signed.signed_by, signed.signature, _message("roster", signed.counter, signed.body))
    if signed.signed_by not in current & known or not true or roster.counter != signed.counter:
        raise Integrity("roster_forged", rule="access.officer")
    return roster


def read_policy(signed: Signed, roster: Roster) -> dict[str, Prompt]:
    """The prompts of the signed policy by version; raises Integrity (purpose.change)."""
    message = _message("policy", signed.counter, signed.body)
    if roster.signer(signed.signed_by, {Role.OFFICER}) is None or not primitives.verified(
        signed.signed_by, signed.signature, message
    ):
        raise Integrity("policy_forged", rule="purpose.change")
    try:
        prompts = [_prompt(document) for document in parse_object(signed.body)["prompts"]]
        return {prompt.version: prompt for prompt in prompts}
    except (KeyError, TypeError, ValueError):
        raise Integrity("policy_forged", rule="purpose.change") from None


def policy_body(version: str, prompts: Iterable[Prompt]) -> bytes:
    """The policy document that an officer signs."""
    documents = [
        {
            "version": prompt.version,
            "lang": prompt.lang,
            "text": prompt.text,
            "purposes": sorted(prompt.purposes),
            "since": prompt.since.isoformat(),
        }
        for prompt in prompts
    ]
    return canonical({"format": 1, "version": version, "prompts": documents, "approvals": []})


def _trusted_officers(roster: Roster, trusted: Iterable[bytes]) -> set[bytes]:
    known = set(trusted)
    waiting = list(roster.introductions)
    while True:
        new = [
            introduction
            for introduction in waiting
            if introduction.by in known and _is_genuine(introduction, roster.store)
        ]
        if not new:
            return known
        known.update(introduction.key for introduction in new)
        waiting = [introduction for introduction in waiting if introduction not in new]


def _is_genuine(introduction: Introduction, store: bytes) -> bool:
    message = _introduction(introduction.key, store)
    return primitives.verified(introduction.by, introduction.signature, message)


def _introduction(key: bytes, store: bytes) -> bytes:
    return b"arlo-rec/1/officer\0" + store + key


def _message(kind: str, counter: int, body: bytes) -> bytes:
    return f"arlo-rec/1/{kind}/{counter}\0".encode("ascii") + body


# -- the document -------------------------------------------------------------------------------------


def _to_json(roster: Roster) -> dict[str, Any]:
    return {
        "format": 1,
        "store": roster.store.hex(),
        "counter": roster.counter,
        "at": to_iso(roster.at),
        "people": [_person_to_json(person) for person in roster.people],
        "former": [_person_to_json(person) for person in roster.former],
        "grants": [_grant_to_json(grant) for grant in roster.grants],
        "introductions": [_introduction_to_json(introduction) for introduction in roster.introductions],
        "access_keys": [
            {"id": key.id.hex(), "public": to_base64(key.public), "since": to_iso(key.since)}
            for key in roster.access_keys
        ],
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


def _introduction_to_json(introduction: Introduction) -> dict[str, Any]:
    return {
        "key": to_base64(introduction.key),
        "by": to_base64(introduction.by),
        "signature": to_base64(introduction.signature),
    }


def _person_to_json(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "role": person.role,
        "seal": to_base64(person.seal_key),
        "sign": to_base64(person.sign_key),
        "since": to_iso(person.since),
        "service": person.service,
        "recovery": person.recovery,
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
        "approvals": [
            {"by": approval.by, "at": to_iso(approval.at), "signature": to_base64(approval.signature)}
            for approval in grant.approvals
        ],
    }


def _roster(body: bytes) -> Roster:
    try:
        document = parse_object(body, max_bytes=64 * 1024 * 1024)
        return Roster(
            bytes.fromhex(document["store"]),
            int(document["counter"]),
            from_iso(document["at"]),
            tuple(_person(person) for person in document["people"]),
            tuple(_person(person) for person in document["former"]),
            tuple(_grant(grant) for grant in document["grants"]),
            tuple(_read_introduction(introduction) for introduction in document["introductions"]),
            tuple(
                AccessKey(bytes.fromhex(key["id"]), from_base64(key["public"]), from_iso(key["since"]))
                for key in document["access_keys"]
            ),
        )
    except (KeyError, TypeError, ValueError):
        raise Integrity("roster_forged", rule="access.officer") from None


def _read_introduction(document: dict[str, Any]) -> Introduction:
    return Introduction(
        from_base64(document["key"], 32), from_base64(document["by"], 32), from_base64(document["signature"], 64)
    )


def _prompt(document: dict[str, Any]) -> Prompt:
    return Prompt(
        document["version"],
        document["lang"],
        document["text"],
        frozenset(Purpose(purpose) for purpose in document["purposes"]),
        date.fromisoformat(document["since"]),
    )


def _person(document: dict[str, Any]) -> Person:
    return Person(
        str(document["name"]),
        Role(document["role"]),
        from_base64(document["seal"], primitives.SEAL_PUBLIC),
        from_base64(document["sign"], 32),
        from_iso(document["since"]),
        bool(document["service"]),
        bool(document["recovery"]),
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
        tuple(
            Approval(str(approval["by"]), from_iso(approval["at"]), from_base64(approval["signature"]))
            for approval in document["approvals"]
        ),
    )
