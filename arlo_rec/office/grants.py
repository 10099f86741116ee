"""Grants: giving access, revoking it, and listing it.

A grant opens held and future recordings by a key pair of its own, made here. Its end deletes the seed of that pair,
and later recordings are no longer sealed to it (access.officer, access.managers).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, Self

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.event import content_id
from arlo_rec.law.log.events import Denied, GrantGiven, GrantRevoked
from arlo_rec.law.model import documents
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import InUse, NothingMatched, Refused, Unreachable, Usage, nearest, nearest_names
from arlo_rec.law.model.progress import Observer, unobserved
from arlo_rec.law.model.records import NO_LIMITS, Grant, Limits, Person, to_iso
from arlo_rec.policy import (
    GLASS_LONGEST,
    GRANT_LONGEST,
    Action,
    Purpose,
    has_hidden_characters,
    may,
    may_be_granted,
    reason_problem,
)
from arlo_rec.vault.access import grant_history, grant_keys, short_ids
from arlo_rec.vault.access.grant_keys import GrantPair
from arlo_rec.vault.access.teams import held_calls
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.erasure import protocol
from arlo_rec.vault.keys import four_eyes
from arlo_rec.vault.keys.roster import NAME_LONGEST
from arlo_rec.vault.opened import Change, Store

TEAM_LONGEST = 200  # characters, as in a manifest


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a grant: person, purpose, teams, end, reason and limits."""

    person: str
    purpose: str | None
    teams: tuple[str, ...] | None  # None: all, future ones too
    until: datetime
    reason: str | None
    limits: Limits = NO_LIMITS
    glass: bool = False  # emergency access, which a manager may agree to
    may_export: bool = False


class GrantShown(Record, frozen=True):
    """A grant in an answer; its state is that of now."""

    id: str
    person: str
    purpose: Purpose
    teams: frozenset[str] | None
    until: datetime
    state: str
    by: str
    reason: str
    own: bool
    approved_by: list[str]
    may_export: bool
    limits: Limits
    break_glass: bool

    @classmethod
    def at(cls, now: datetime, grant: Grant, **used: object) -> Self:
        """The grant as it is at *now*."""
        approved_by = [approval.by for approval in grant.approvals]
        return cls.of(grant, state=shown_state(grant, now), approved_by=approved_by, break_glass=grant.glass, **used)


class GrantUsed(GrantShown, frozen=True):
    """A grant in the quarter's review, with its use; in any other list without it."""

    heard: int | UnsetType = UNSET
    last_heard: datetime | UnsetType | None = UNSET
    due: bool | UnsetType = UNSET


class Grants(Record, frozen=True):
    """The grants that there are, and those that the quarter's review confirmed and ended."""

    grants: list[GrantUsed]
    confirmed: list[str] | UnsetType = UNSET
    ended: list[str] | UnsetType = UNSET


class Revoked(Record, frozen=True):
    """The grants that were revoked."""

    revoked: list[GrantShown]


class HeldOfTeam(Record, frozen=True):
    """The number of recordings of a team; of one without any, the known names that may be meant."""

    team: str
    held: int
    nearest: list[str]


class Doubt(NamedTuple):
    """A team or an agent of a grant without recordings, with the known names that may be meant."""

    name: str
    nearest: tuple[str, ...]
    is_agent: bool = False


class Granted(Record, frozen=True):
    """A grant, and the recordings that it opens."""

    grant: GrantShown
    held: list[HeldOfTeam]


def grant(
    store: Store,
    terms: Terms,
    now: datetime,
    observer: Observer = unobserved,
    *,
    request: str | None = None,
    demand: Callable[[], None] = lambda: None,
) -> Grant:
    """Give access, perhaps for a *request* (its id), if *demand* raises nothing in that change.

    Raises Usage for bad terms, NothingMatched for an unknown person, Refused for a wrong role.

    An officer's own access, by whatever detour, is `pending` if a second officer can approve it: it opens nothing
    until then (`office.approvals`), and expires after seven days. Held recordings are opened to a grant in parts;
    *observer* gets the number of keys done. The next command of an officer continues an interrupted run.
    """
    store.demand(Action.GRANT, now)
    store.demand_clock(Action.GRANT, now)
    store.demand_approved(Action.GRANT, now)
    purpose = checked(store, terms, now, Action.GRANT)
    _demand_grantable(store, terms, now)
    pair = GrantPair.fresh()
    with store.root.lock(exclusive=False, wait=store.lock_wait):
        held = store.read_root()
        with store.change(now, held) as change:  # keys and state are decided by the roster read in this change
            demand()
            person = _named(store, terms.person)
            given = _given(store, terms, purpose, pair, now)
            store.put(store.roster.next(now, grants=(*store.roster.grants, given)))
            grant_keys.close(store, grant_keys.ended_with_seeds(store, now, person=person.name))
            grant_keys.deposit(store, given, pair)
            if given.state == "live":
                grant_keys.open_grant(store, given, person, held)
            change.log(GrantGiven(own=given.own, request=request, **facts(given)))
    with suppress(InUse, Unreachable):  # the grant is given; the next command of an officer opens the rest
        grant_history.finish(store, now, observer)
    return given


def _demand_grantable(store: Store, terms: Terms, now: datetime) -> None:
    """Raise NothingMatched for an unknown person; Refused, after its log entry, for a role without grants."""
    decision = may_be_granted(_named(store, terms.person).role)
    if not decision.allowed:
        _deny(store, decision.rule, decision.code, terms, now)
        raise Refused(decision.code, rule=decision.rule)


def _named(store: Store, name: str) -> Person:
    person = store.roster.person(name)
    if person is None:
        raise NothingMatched("no_such_person", name=name, **nearest(name, store.roster.names()))
    return person


def _given(store: Store, terms: Terms, purpose: Purpose, pair: GrantPair, now: datetime) -> Grant:
    """The grant of these terms by this officer, live or pending by the roster of this change."""
    by, limits, own_a_day = store.person.name, terms.limits, store.policy.at(store.clock.today(now)).own_a_day
    needs_second = four_eyes.needs_second(store.roster, by, terms.person, now)
    if terms.glass and not needs_second:
        raise Usage("glass_not_needed", rule="access.officer")
    if terms.glass:
        limits = limits.with_per_day(min(limits.per_day or own_a_day, own_a_day))
    if needs_second and limits.per_day is None:  # a higher limit has to be named, for the second officer to approve
        limits = limits.with_per_day(own_a_day)
    given = Grant(
        id="",
        person=terms.person,
        purpose=purpose,
        teams=frozenset(terms.teams) if terms.teams is not None else None,
        starts_at=now,
        until=terms.until,
        reason=str(terms.reason),
        by=by,
        public=pair.public,
        state="pending" if needs_second else "live",
        own=four_eyes.is_own(store.roster, by, terms.person, now),
        limits=limits,
        glass=terms.glass,
        may_export=terms.may_export,
    )
    return replace(given, id=id_of(given))


def id_of(grant: Grant) -> str:
    """The id of a grant: the digest of its terms and its first key pair, which no reset changes."""
    first = (*(pair.hex() for pair in grant.earlier_pairs), primitives.fingerprint(grant.public).hex())[0]
    return content_id(
        {
            "person": grant.person,
            "purpose": grant.purpose,
            "teams": sorted(grant.teams) if grant.teams is not None else None,
            "until": to_iso(grant.until),
            "reason": grant.reason,
            "limits": documents.plain(grant.limits),
            "glass": grant.glass,
            "may_export": grant.may_export,
            "pair": first,
        }
    )


def is_complete(store: Store, given: Grant) -> bool:
    """Whether all held recordings are open to a grant."""
    return store.catalogue.grant_keys.reached(given.id) is None


def doubts(store: Store, teams: Collection[str] | None, limits: Limits, now: datetime) -> list[Doubt]:
    """The teams and agents that a grant or a request names, and of whom no recording is held.

    Empty for a person who may not grant. The names of agents are read only if one of them is unknown, which is logged.
    """
    if not may(store.person.role, Action.GRANT).allowed:
        return []
    from arlo_rec.vault.access import employees  # here: what only counts loads no names

    agents = employees.named(store, sorted(limits.agents or ()), now)
    unknown = [each for each in agents if not each.calls]
    of_agents = (Doubt(each.name, (each.nearest,) if each.nearest else (), is_agent=True) for each in unknown)
    return [*_of_teams(teams or (), held_calls(store, now) if teams else Counter()), *of_agents]


def doubts_unopened(
    store: Store, teams: Collection[str] | None, limits: Limits, held: Mapping[str, int]
) -> list[Doubt]:
    """The same without what only the names of agents tell: nothing is opened, and nothing logged.

    *held* is the number of recordings of each team.
    """
    if not may(store.person.role, Action.GRANT).allowed:
        return []
    from arlo_rec.vault.access import employees

    unknown = employees.without_calls(store, sorted(limits.agents or ()))
    return [*_of_teams(teams or (), held), *(Doubt(name, (), is_agent=True) for name in unknown)]


def _of_teams(teams: Collection[str], held: Mapping[str, int]) -> list[Doubt]:
    unknown = (team for team in sorted(teams) if not held.get(team))
    return [Doubt(team, tuple(nearest_names(team, held.keys() - {team}))) for team in unknown]


def held_of(store: Store, given: Grant, now: datetime) -> list[HeldOfTeam]:
    """The recordings of each team that callers agreed to for a grant's purpose; one of all teams has those of now."""
    held = held_calls(store, now, given.purpose)
    near = {team: nearest_names(team, held.keys() - {team}) for team in given.teams or () if not held[team]}
    names = sorted(held if given.teams is None else given.teams)
    return [HeldOfTeam(team, held[team], near.get(team, [])) for team in names]


def revoke(store: Store, name: str, grant_id: str | None, now: datetime) -> tuple[Grant, ...]:
    """End a person's live grants, or one of them; a new root seed withholds what they no longer need.

    Raises NothingMatched without such a live grant.
    """
    store.demand(Action.GRANT, now)
    _standing(store, name, grant_id, now)
    ids = set[str]()

    def end(change: Change) -> Sequence[Person]:
        ending = _standing(store, name, grant_id, now)  # including grants given since the command began
        ids.update(grant.id for grant in ending)
        left = tuple(grant.ended(now) if grant.id in ids else grant for grant in store.roster.grants)
        store.put(store.roster.next(now, grants=left))
        grant_keys.close(store, ids | grant_keys.ended_with_seeds(store, now, person=name))
        for grant in ending:
            change.log(GrantRevoked(**facts(grant)))
        return protocol.root_holders(store, now)

    protocol.replace_root(store, now, end)
    grant_history.sweep(store, now)
    return tuple(grant for grant in store.roster.grants if grant.id in ids)


def _standing(store: Store, name: str, grant_id: str | None, now: datetime) -> list[Grant]:
    """The grants of a person, or the one named, that a revocation ends; raises NothingMatched without one."""
    grant_id = resolve(store, grant_id) if grant_id is not None else None
    standing = [grant for grant in store.roster.grants if grant.person == name and not grant_keys.is_over(grant, now)]
    chosen = [grant for grant in standing if grant_id in (None, grant.id)]
    if not chosen:
        if not any(grant.person == name for grant in store.roster.grants):
            _named(store, name)  # a name may be misspelt
        raise NothingMatched("no_live_grant" if grant_id is None else "no_such_grant", name=name)
    return chosen


def standing(store: Store, ids: Sequence[str]) -> list[Grant]:
    """The grants of those ids, or beginnings of ids, that have not ended; raises NothingMatched."""
    by_id = {grant.id: grant for grant in store.roster.grants if grant.ended_at is None}
    wanted = [resolve(store, text) for text in ids]
    if missing := [grant_id for grant_id in wanted if grant_id not in by_id]:
        raise NothingMatched("no_such_live_grant", id=missing[0])
    return [by_id[grant_id] for grant_id in dict.fromkeys(wanted)]


def listed(store: Store, now: datetime, *, every: bool) -> tuple[Grant, ...]:
    """Live and pending grants, or all that there ever were."""
    store.demand(Action.SEE_GRANTS, now)
    return tuple(grant for grant in store.roster.grants if every or grant.live(now) or grant.is_pending(now))


def resolve(store: Store, text: str) -> str:
    """The id of the one grant named by *text*, an id or its beginning; else *text* itself."""
    ids = short_ids.named(text, [grant.id for grant in store.roster.grants])
    return ids[0] if len(ids) == 1 else text


def shorts(store: Store, grants: Sequence[Grant | GrantShown]) -> dict[str, str]:
    """The shortest beginning of each grant's id that means it alone, by the id; of a pending one the whole id."""
    ids = {grant.id for grant in store.roster.grants}
    short = {grant.id: short_ids.shortest(grant.id, ids) for grant in grants}
    return {grant.id: grant.id if grant.state == "pending" else short[grant.id] for grant in grants}


def shown_state(grant: Grant, now: datetime) -> str:
    """The state of a grant at *now*: `live`, `pending`, `denied`, `revoked` or `expired`."""
    if grant.ended_at is not None:
        return grant.state
    return grant.state if grant.live(now) or grant.is_pending(now) else "expired"


def why_own(store: Store, granted: Grant) -> str | None:
    """The code of why a live grant counts as given to oneself; None where it does not, or an earlier one did."""
    before = (other for other in store.roster.grants if other.id != granted.id and other.own)
    if not granted.own or granted.state != "live" or any(_is_alike(other, granted) for other in before):
        return None
    if granted.by == granted.person:
        return "own"
    person = store.roster.person(granted.person)
    return "own_new" if person is not None and person.by == granted.by else "own_detour"


def _is_alike(one: Grant, other: Grant) -> bool:
    return (one.by, one.person) == (other.by, other.person)


def checked(store: Store, terms: Terms, now: datetime, action: Action) -> Purpose:
    """The purpose of terms that can be granted or requested; raises Usage after its log entry."""
    if problem := problem_of(terms, now):
        _deny(store, "access.officer", problem, terms, now, action)
        raise Usage(problem, rule="access.officer")
    return Purpose(str(terms.purpose))


def problem_of(terms: Terms, now: datetime) -> str | None:
    """The code of what is wrong with terms at *now*; None if nothing is."""
    problem = None
    if terms.purpose is None or terms.purpose not in set(Purpose):
        problem = "purpose_missing" if terms.purpose is None else "purpose_unknown"
    elif wrong := reason_problem(terms.reason):
        problem = wrong
    elif terms.until <= now:
        problem = "grant_over"
    elif terms.until > now + GRANT_LONGEST:
        problem = "grant_length"
    elif terms.glass and terms.until > now + GLASS_LONGEST:
        problem = "glass_length"
    elif terms.teams == ():
        problem = "team_missing"
    elif any(not team.strip() or len(team) > TEAM_LONGEST or has_hidden_characters(team) for team in terms.teams or ()):
        problem = "bad_team"
    elif not _are_limits(terms.limits):
        problem = "bad_limits"
    return problem


def _are_limits(limits: Limits) -> bool:
    """Whether limits are valid: usable names, days in order, and a number of at least 1."""
    names = limits.agents if limits.agents is not None else {"-"}
    are_names = bool(names) and all(
        name.strip() and len(name) <= TEAM_LONGEST and not has_hidden_characters(name) for name in names
    )
    is_span = limits.since is None or limits.before is None or limits.since < limits.before
    return are_names and is_span and (limits.per_day is None or limits.per_day >= 1)


def _deny(store: Store, rule: str, code: str, terms: Terms, now: datetime, action: Action = Action.GRANT) -> None:
    store.note(Denied(action=action, rule=rule, code=code, to=terms.person[:NAME_LONGEST]), now)


def facts(given: Grant) -> dict[str, Any]:
    """The fields of a grant in log entries."""
    return {
        "purpose": str(given.purpose),
        "reason": given.reason,
        "grant": given.id,
        "to": given.person,
        "teams": sorted(given.teams) if given.teams is not None else None,
        "until": to_iso(given.until),
        "state": given.state,
        "limits": documents.plain(given.limits) if given.limits != NO_LIMITS else None,
        "glass": given.glass or None,
        "may_export": given.may_export or None,
    }
