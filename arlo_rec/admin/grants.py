"""What the security officer does: give access, take it back, see who has it.

A grant opens what is held and what comes by keys. Its end bites by keys at the next recording taken in, and
by decision for what was already opened (access.officer, access.managers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from arlo_rec.access import listening_keys
from arlo_rec.crypto import primitives
from arlo_rec.erasure import protocol
from arlo_rec.model.errors import NothingMatched, Refused, Usage
from arlo_rec.model.records import Entry, Grant, Person, to_iso
from arlo_rec.policy import (
    GRANT_LONGEST,
    Action,
    Purpose,
    grant_state,
    has_hidden_characters,
    holds_root,
    may_be_granted,
    reason_problem,
)
from arlo_rec.store import ROOT_PART, Change, Store

TEAM_LONGEST = 200  # characters, as in a manifest


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an officer wants to give."""

    person: str
    purpose: str | None
    teams: tuple[str, ...]
    until: datetime
    reason: str | None


def grant(store: Store, wanted: Wanted, now: datetime) -> Grant:
    """Give access; raises Usage for a bad wish, NothingMatched for an unknown person, Refused for a wrong role."""
    store.demand(Action.GRANT, now)
    purpose = _checked(store, wanted, now)
    person = store.roster.person(wanted.person)
    if person is None:
        raise NothingMatched("no_such_person", name=wanted.person)
    decision = may_be_granted(person.role)
    if not decision.allowed:
        _deny(store, decision.rule, decision.code, wanted, now)
        raise Refused(decision.code, rule=decision.rule)
    given = Grant(
        primitives.fresh(8).hex(),
        person.name,
        purpose,
        frozenset(wanted.teams) or None,
        now,
        wanted.until,
        str(wanted.reason),
        store.person.name,
        grant_state(to_oneself=person.name == store.person.name, officers=len(store.roster.officers())),
    )
    with store.root.lock(exclusive=False, wait=store.lock_wait):
        seed, version = _root_seed(store)
        with store.change(now) as change:
            store.load_documents()
            store.put_roster(store.roster.next(now, grants=(*store.roster.grants, given)))
            if given.state == "live":
                listening_keys.close_to(store, person, now)
                _open(store, person, given, seed, version)
            change.log(_entry(store, "grant", given, now))
    return given


def revoke(store: Store, name: str, grant_id: str | None, now: datetime) -> tuple[Grant, ...]:
    """End a person's live grants, or one of them; a new root seed keeps from them what they no longer need."""
    store.demand(Action.GRANT, now)
    ended = tuple(
        one
        for one in store.roster.grants
        if one.person == name and one.ended_at is None and one.until > now and grant_id in (None, one.id)
    )
    if not ended:
        raise NothingMatched("no_live_grant" if grant_id is None else "no_such_grant", name=name)

    def end(change: Change) -> Sequence[Person]:
        store.load_documents()
        ids = {one.id for one in ended}
        left = tuple(
            replace(one, ended_at=now, state="revoked") if one.id in ids else one for one in store.roster.grants
        )
        store.put_roster(store.roster.next(now, grants=left))
        if (person := store.roster.person(name)) is not None:
            listening_keys.close_to(store, person, now)
        for one in ended:
            change.log(_entry(store, "revoke", one, now))
        return protocol.root_holders(store, now)

    protocol.replace_root(store, now, end)
    return tuple(one for one in store.roster.grants if one.id in {gone.id for gone in ended})


def listed(store: Store, now: datetime, *, every: bool) -> tuple[Grant, ...]:
    """Live and pending grants, or all that there ever were."""
    store.demand(Action.SEE_GRANTS, now)
    return tuple(one for one in store.roster.grants if every or (one.ended_at is None and one.until > now))


def shown_state(grant: Grant, now: datetime) -> str:
    """How a grant stands today."""
    if grant.ended_at is not None:
        return "revoked"
    return "expired" if grant.until <= now else grant.state


def _open(store: Store, person: Person, given: Grant, seed: bytes, version: int) -> None:
    listening_keys.open_to(store, person, given.purpose, given.teams)
    if holds_root(person.role, live_grant=True):
        store.give_part(person, ROOT_PART, version, seed)


def _root_seed(store: Store) -> tuple[bytes, int]:
    held = store.read_root()
    return held.seed, held.seed_version


def _checked(store: Store, wanted: Wanted, now: datetime) -> Purpose:
    """The purpose of a grant that can be given; raises Usage after its log entry."""
    problem = None
    if wanted.purpose is None or wanted.purpose not in set(Purpose):
        problem = "purpose_missing" if wanted.purpose is None else "purpose_unknown"
    elif wrong := reason_problem(wanted.reason):
        problem = wrong
    elif not now < wanted.until <= now + GRANT_LONGEST:
        problem = "grant_length"
    elif any(not team.strip() or len(team) > TEAM_LONGEST or has_hidden_characters(team) for team in wanted.teams):
        problem = "bad_team"
    if problem:
        _deny(store, "access.officer", problem, wanted, now)
        raise Usage(problem, rule="access.officer")
    return Purpose(str(wanted.purpose))


def _deny(store: Store, rule: str, code: str, wanted: Wanted, now: datetime) -> None:
    with store.change(now) as change:
        change.log(store.entry(Action.GRANT, "denied", rule, now, code=code, to=wanted.person[:100]))


def _entry(store: Store, action: str, given: Grant, now: datetime) -> Entry:
    detail = {
        "grant": given.id,
        "to": given.person,
        "teams": sorted(given.teams) if given.teams is not None else None,
        "until": to_iso(given.until),
        "state": given.state,
    }
    return Entry(action, "done", "access.managers", store.person.name, now, given.purpose, given.reason, detail=detail)
