"""The roster: the identities of a store with their roles and grants, as one document.

A link of the chain of authority commits to it (`keys.authority`), so it needs no signature of its own: a forged row
grants nothing. An older roster is detected, because the newest link is remembered outside the catalogue too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from arlo_rec.law.model import documents
from arlo_rec.law.model.documents import Document, plain
from arlo_rec.law.model.errors import Integrity, Usage
from arlo_rec.law.model.records import Grant, PendingOfficer, Person
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.policy import Purpose, Role, has_hidden_characters
from arlo_rec.vault.crypto import primitives

RECOVERY_NAME = "recovery"  # the officer identity whose passphrase is the recovery key, kept on paper
NAME_LONGEST = 100  # characters
LARGEST: Final = 64 * 1024 * 1024  # bytes of the document


class AccessKey(Document, frozen=True):
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
    pending: tuple[PendingOfficer, ...] = ()  # awaiting a second officer; not among `people` yet
    known_outside: bytes = b""  # public half of the log's key known to a person who left: the catalogue needs a new one
    format: Literal[1] = 1

    def person(self, name: str) -> Person | None:
        """The identity of that name."""
        return next((person for person in self.people if person.name == name), None)

    def names(self) -> list[str]:
        """The names of all current people and services."""
        return [person.name for person in self.people if not person.recovery]

    def signer(self, key: bytes, roles: Iterable[Role]) -> Person | None:
        """The current person with that signing key and one of *roles*."""
        wanted = set(roles)
        return next((person for person in self.people if person.sign_key == key and person.role in wanted), None)

    def officers(self) -> tuple[Person, ...]:
        """The officers, without the recovery identity."""
        return tuple(person for person in self.people if person.role is Role.OFFICER and not person.recovery)

    def live_grants(self, name: str, now: datetime) -> tuple[Grant, ...]:
        """The grants of that person that are live at *now*."""
        return tuple(grant for grant in self.grants if grant.person == name and grant.live(now))

    def ended_grant(self, name: str, purpose: Purpose, now: datetime, *, team: str | None = None) -> Grant | None:
        """The last grant of that person for that purpose, and that *team*, that ended before *now*."""
        ended = [
            grant
            for grant in self.grants
            if grant.person == name and grant.purpose is purpose and grant.was_live and grant.over_at <= now
            if team is None or grant.opens(purpose, team)
        ]
        return max(ended, key=lambda grant: grant.over_at, default=None)

    def officer_keys(self) -> tuple[bytes, ...]:
        """The signing keys that may sign a link, the recovery identity's included."""
        return tuple(person.sign_key for person in self.people if person.role is Role.OFFICER)

    def is_known_outside(self, mark: bytes) -> bool:
        """Whether a person who left knows the catalogue's key, by the public half of the log's key."""
        return primitives.same(self.known_outside, mark)

    def signers(self) -> Signatories:
        """All possible signers of log entries."""
        return Signatories(self)

    def next(self, now: datetime, **changes: Any) -> Roster:
        """The roster with *changes*, as of *now*."""
        return replace(self, at=now, **changes)


class Signatories:
    """The possible signers of log entries: present and former people, each in their time.

    A key that was removed, reset or rotated out signs nothing later, even for a holder of the log's key.
    """

    def __init__(self, roster: Roster) -> None:
        self._by_key = {person.sign_key: person for person in (*roster.former, *roster.people)}
        self._by_name: dict[str, list[Person]] = {}
        for person in self._by_key.values():
            self._by_name.setdefault(name_then(person.name), []).append(person)

    def keys(self) -> Collection[bytes]:
        """Every signing key, present and former."""
        return self._by_key.keys()

    def of_key(self, key: bytes | None, seq: int) -> Person | None:
        """The person with that key, if it may have signed entry *seq*."""
        person = self._by_key.get(key or b"")
        return person if person is not None and person.signs(seq) else None

    def named(self, name: object, seq: int) -> Person | None:
        """The person with that name at entry *seq*; the signature is another check."""
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
    """The name a person had while they signed: former people are filed with a day if the name is free again."""
    return _FILED.sub("", filed)


def check_name(name: str) -> str:
    """The name; raises Usage if a person or service cannot have it."""
    if not name.strip() or name != name.strip() or len(name) > NAME_LONGEST or has_hidden_characters(name):
        raise Usage("bad_name")
    if name_then(name) != name:  # as former people are filed
        raise Usage("bad_name")
    return name


def check_login(account: str) -> str:
    """The name of a login account; raises Usage for an impossible one."""
    if not account or len(account) > NAME_LONGEST or has_hidden_characters(account) or set(account) & set(" :/\t\n"):
        raise Usage("bad_login")
    return account


def people_to_json(roster: Roster) -> list[dict[str, Any]]:
    """The present and former identities, as JSON."""
    return [plain(person) for person in (*roster.people, *roster.former)]


def digest_of_people(roster: Roster) -> str:
    """SHA-256 of `people_to_json` in hex: log entries that change the roster commit to it."""
    return primitives.sha256(canonical(people_to_json(roster))).hex()


def read_people(people: list[dict[str, Any]]) -> list[Person]:
    """The inverse of `people_to_json`; raises Integrity (feed_differs)."""
    try:
        read = documents.read(people, list[Person])
        for person in read:
            _demand_keys(person)
    except ValueError:
        raise Integrity("feed_differs") from None
    return read


def decode(body: bytes) -> Roster:
    """The roster that a link commits to; raises Integrity (roster_forged)."""
    try:
        roster = documents.decode(body, Roster, max_bytes=LARGEST)
        for person in (*roster.people, *roster.former, *(proposed.person for proposed in roster.pending)):
            _demand_keys(person)
        for grant in roster.grants:
            demand_length(grant.public, 0 if grant.ended_at else primitives.SEAL_PUBLIC)
    except ValueError:
        raise Integrity("roster_forged", rule="access.officer") from None
    return roster


def _demand_keys(person: Person) -> None:
    demand_length(person.seal_key, primitives.SEAL_PUBLIC)
    demand_length(person.sign_key, primitives.SIGN_PUBLIC)


def demand_length(key: bytes, length: int) -> None:
    """Raise ValueError if a key has another length."""
    if len(key) != length:
        raise ValueError("no key")
