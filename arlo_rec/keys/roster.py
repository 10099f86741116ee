"""The roster: who is here, in which role, with which grants. One document, signed whole by an officer.

A row that somebody writes into the database gives nobody anything, and a revocation that is deleted is
noticed: the document carries a counter that is remembered outside. Officers are introduced by officers:
starting from the keys in one's own key file, a chain of signatures leads to whoever signed the roster.
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

RECOVERY_NAME = "recovery"  # the officer who sleeps in a sealed envelope
NAME_LONGEST = 100  # characters


@dataclass(frozen=True, slots=True)
class Signed:
    """A document as it is kept: its bytes, and who signed exactly these."""

    kind: str
    counter: int
    body: bytes
    signed_by: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Introduction:
    """An officer's word that another key is an officer's too."""

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
    """Who is here and what they were granted."""

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
        return next((one for one in self.people if one.name == name), None)

    def names(self) -> list[str]:
        """The names of everybody who is here."""
        return [person.name for person in self.people if not person.recovery]

    def signer(self, key: bytes, roles: Iterable[Role]) -> Person | None:
        """Who signs with *key* in one of *roles*, people who left included: what they signed stands."""
        wanted = set(roles)
        everybody = (*self.people, *self.former)
        return next((one for one in everybody if one.sign_key == key and one.role in wanted), None)

    def officers(self) -> tuple[Person, ...]:
        """The officers, without the recovery identity."""
        return tuple(one for one in self.people if one.role is Role.OFFICER and not one.recovery)

    def live_grants(self, name: str, now: datetime) -> tuple[Grant, ...]:
        """What that person may open at *now*."""
        return tuple(one for one in self.grants if one.person == name and one.live(now))

    def entitled(self, purpose: Purpose, team: str, now: datetime) -> tuple[Person, ...]:
        """Everybody whose live grant opens that purpose and team."""
        names = {one.person for one in self.grants if one.live(now) and one.opens(purpose, team)}
        return tuple(one for one in self.people if one.name in names)

    def next(self, now: datetime, **changes: Any) -> Roster:
        """The roster after a change, with the next counter."""
        return replace(self, counter=self.counter + 1, at=now, **changes)


def check_name(name: str) -> str:
    """A name that a person or service can have; raises Usage."""
    if not name.strip() or name != name.strip() or len(name) > NAME_LONGEST or has_hidden_characters(name):
        raise Usage("bad_name")
    return name


def introduce(officer: primitives.SigningKey, key: bytes, store: bytes) -> Introduction:
    """Vouch for another officer's signing key."""
    return Introduction(key, officer.public, officer.sign(_introduction(key, store)))


def sign(kind: str, counter: int, body: bytes, officer: primitives.SigningKey) -> Signed:
    """Sign a document as an officer."""
    return Signed(kind, counter, body, officer.public, officer.sign(_message(kind, counter, body)))


def sign_roster(roster: Roster, officer: primitives.SigningKey) -> Signed:
    """The roster as it is kept."""
    return sign("roster", roster.counter, canonical(_told(roster)), officer)


def read_roster(signed: Signed, trusted: Iterable[bytes]) -> Roster:
    """The roster, once a chain of officers from *trusted* to its signer has been checked; raises Integrity."""
    roster = _roster(signed.body)
    known = _trusted_officers(roster, trusted)
    current = {one.sign_key for one in roster.people if one.role is Role.OFFICER}
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
        prompts = [_prompt(told) for told in parse_object(signed.body)["prompts"]]
        return {prompt.version: prompt for prompt in prompts}
    except (KeyError, TypeError, ValueError):
        raise Integrity("policy_forged", rule="purpose.change") from None


def policy_body(version: str, prompts: Iterable[Prompt]) -> bytes:
    """The policy document that an officer signs."""
    told = [
        {
            "version": one.version,
            "lang": one.lang,
            "text": one.text,
            "purposes": sorted(one.purposes),
            "since": one.since.isoformat(),
        }
        for one in prompts
    ]
    return canonical({"format": 1, "version": version, "prompts": told, "approvals": []})


def _trusted_officers(roster: Roster, trusted: Iterable[bytes]) -> set[bytes]:
    known = set(trusted)
    waiting = list(roster.introductions)
    while True:
        new = [
            one
            for one in waiting
            if one.by in known and primitives.verified(one.by, one.signature, _introduction(one.key, roster.store))
        ]
        if not new:
            return known
        known.update(one.key for one in new)
        waiting = [one for one in waiting if one not in new]


def _introduction(key: bytes, store: bytes) -> bytes:
    return b"arlo-rec/1/officer\0" + store + key


def _message(kind: str, counter: int, body: bytes) -> bytes:
    return f"arlo-rec/1/{kind}/{counter}\0".encode("ascii") + body


# -- the document -------------------------------------------------------------------------------------


def _told(roster: Roster) -> dict[str, Any]:
    return {
        "format": 1,
        "store": roster.store.hex(),
        "counter": roster.counter,
        "at": to_iso(roster.at),
        "people": [_told_person(one) for one in roster.people],
        "former": [_told_person(one) for one in roster.former],
        "grants": [_told_grant(one) for one in roster.grants],
        "introductions": [
            {"key": to_base64(one.key), "by": to_base64(one.by), "signature": to_base64(one.signature)}
            for one in roster.introductions
        ],
        "access_keys": [
            {"id": one.id.hex(), "public": to_base64(one.public), "since": to_iso(one.since)}
            for one in roster.access_keys
        ],
    }


def told_people(roster: Roster) -> list[dict[str, Any]]:
    """Everybody who is or was here, as JSON."""
    return [_told_person(one) for one in (*roster.people, *roster.former)]


def digest_of_people(roster: Roster) -> str:
    """What the entry of a change of who is here swears of it."""
    return primitives.sha256(canonical(told_people(roster))).hex()


def read_people(told: list[dict[str, Any]]) -> list[Person]:
    """What `told_people` said; raises Integrity."""
    try:
        return [_person(one) for one in told]
    except (KeyError, TypeError, ValueError):
        raise Integrity("feed_differs") from None


def _told_person(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "role": person.role,
        "seal": to_base64(person.seal_key),
        "sign": to_base64(person.sign_key),
        "since": to_iso(person.since),
        "service": person.service,
        "recovery": person.recovery,
    }


def _told_grant(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "person": grant.person,
        "purpose": grant.purpose,
        "teams": sorted(grant.teams) if grant.teams is not None else None,
        "from": to_iso(grant.starts_at),
        "until": to_iso(grant.until),
        "reason": grant.reason,
        "by": grant.by,
        "state": grant.state,
        "ended_at": to_iso(grant.ended_at) if grant.ended_at else None,
        "approvals": [
            {"by": one.by, "at": to_iso(one.at), "signature": to_base64(one.signature)} for one in grant.approvals
        ],
    }


def _roster(body: bytes) -> Roster:
    try:
        told = parse_object(body, max_bytes=64 * 1024 * 1024)
        return Roster(
            bytes.fromhex(told["store"]),
            int(told["counter"]),
            from_iso(told["at"]),
            tuple(_person(one) for one in told["people"]),
            tuple(_person(one) for one in told["former"]),
            tuple(_grant(one) for one in told["grants"]),
            tuple(
                Introduction(from_base64(one["key"], 32), from_base64(one["by"], 32), from_base64(one["signature"], 64))
                for one in told["introductions"]
            ),
            tuple(
                AccessKey(bytes.fromhex(one["id"]), from_base64(one["public"]), from_iso(one["since"]))
                for one in told["access_keys"]
            ),
        )
    except (KeyError, TypeError, ValueError):
        raise Integrity("roster_forged", rule="access.officer") from None


def _prompt(told: dict[str, Any]) -> Prompt:
    return Prompt(
        told["version"],
        told["lang"],
        told["text"],
        frozenset(Purpose(one) for one in told["purposes"]),
        date.fromisoformat(told["since"]),
    )


def _person(told: dict[str, Any]) -> Person:
    return Person(
        str(told["name"]),
        Role(told["role"]),
        from_base64(told["seal"], primitives.SEAL_PUBLIC),
        from_base64(told["sign"], 32),
        from_iso(told["since"]),
        bool(told["service"]),
        bool(told["recovery"]),
    )


def _grant(told: dict[str, Any]) -> Grant:
    return Grant(
        str(told["id"]),
        str(told["person"]),
        Purpose(told["purpose"]),
        frozenset(told["teams"]) if told["teams"] is not None else None,
        from_iso(told["from"]),
        from_iso(told["until"]),
        str(told["reason"]),
        str(told["by"]),
        str(told["state"]),
        from_iso(told["ended_at"]) if told["ended_at"] else None,
        tuple(
            Approval(str(one["by"]), from_iso(one["at"]), from_base64(one["signature"])) for one in told["approvals"]
        ),
    )
