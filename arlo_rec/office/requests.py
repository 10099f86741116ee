"""Requests of managers for access, with a purpose and a reason, which an officer grants or denies (access.managers).

A request and its decision are log entries; the digest of a request's entry is its id. A request gives no access. An
undecided one expires.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from arlo_rec.law.log.entries import LogEntry
from arlo_rec.law.log.event import content_id
from arlo_rec.law.log.events import AccessRequested, GrantGiven, RequestDenied
from arlo_rec.law.model import documents
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import NothingMatched, Refused, nearest_names
from arlo_rec.law.model.policy_versions import demanded_reason
from arlo_rec.law.model.progress import Observer, unobserved
from arlo_rec.law.model.records import NO_LIMITS, Grant, Limits, from_iso, to_iso
from arlo_rec.office import grants
from arlo_rec.office.grants import Terms
from arlo_rec.policy import REQUEST_WAITS, Action, Purpose
from arlo_rec.vault.access import short_ids
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.opened import Store

MOST_WAITING: Final = 5  # of one person: protects officers from a flood


class Request(Record, frozen=True):
    """A request and its state."""

    id: str
    person: str
    purpose: Purpose
    teams: tuple[str, ...] | None  # None: all
    until: datetime
    may_export: bool
    limits: Limits
    reason: str
    at: datetime
    state: str  # `waits`, `given`, `denied`, `over`
    by: str | None  # the officer who decided
    why: str | None  # of the denial
    grant: str | None  # given for it

    @property
    def ends_at(self) -> datetime:
        """When an undecided request expires."""
        return min(self.until, self.at + REQUEST_WAITS)


class Requests(Record, frozen=True):
    """The request that was made, or every request of the person."""

    request: Request | UnsetType = UNSET
    requests: list[Request] | UnsetType = UNSET


def ask(store: Store, terms: Terms, now: datetime) -> Request:
    """Ask for access of one's own; raises Usage for bad terms, Refused if too many of this person are open."""
    store.demand(Action.REQUEST, now)
    store.demand_clock(Action.REQUEST, now)
    purpose = grants.checked(store, terms, now, Action.REQUEST)
    if sum(request.person == store.person.name for request in waiting(store, now)) >= MOST_WAITING:
        raise Refused("requests_many", rule="access.managers", most=MOST_WAITING)
    with store.change(now) as change:
        change.log(
            AccessRequested(
                purpose=str(purpose),
                reason=str(terms.reason),
                request=primitives.fresh(8).hex(),
                teams=sorted(terms.teams) if terms.teams is not None else None,
                until=to_iso(terms.until),
                limits=documents.plain(terms.limits) if terms.limits != NO_LIMITS else None,
                may_export=terms.may_export or None,
            )
        )
        name = content_id(change.bodies[-1])
    return next(request for request in every(store, now) if request.id == name)


def doubts(store: Store, terms: grants.Terms) -> list[grants.Doubt]:
    """The teams and agents of a request that are like one of this person's own grants, and not the same.

    No other name may be told to a person who has no grant for it.
    """
    own = [grant for grant in store.roster.grants if grant.person == store.person.name]
    teams = {team for grant in own for team in grant.teams or ()}
    agents = {agent for grant in own for agent in grant.limits.agents or ()}
    asked = [(name, teams) for name in terms.teams or ()] + [(name, agents) for name in terms.limits.agents or ()]
    like = ((name, nearest_names(name, known)) for name, known in asked if name not in known)
    return [grants.Doubt(name, tuple(nearest)) for name, nearest in like if nearest]


def waiting(store: Store, now: datetime) -> list[Request]:
    """Open requests of current people, oldest first."""
    return [asked for asked in every(store, now) if asked.state == "waits" and store.roster.person(asked.person)]


def own(store: Store, now: datetime) -> list[Request]:
    """The requests of this person, newest first; raises NotGranted."""
    store.demand(Action.REQUEST, now)
    return [asked for asked in every(store, now) if asked.person == store.person.name][::-1]


def every(store: Store, now: datetime) -> list[Request]:
    """All requests in the log, oldest first, with their state at *now*."""
    requests: dict[str, Request] = {}
    for entry in store.log.entries.of_requests(AccessRequested, GrantGiven, RequestDenied):
        event = entry.event
        if isinstance(event, AccessRequested):
            with suppress(KeyError, TypeError, ValueError):  # an unreadable entry asks for nothing; `verify` reports it
                asked = _read(event, entry)
                requests[asked.id] = asked
        elif isinstance(event, GrantGiven | RequestDenied) and event.request in requests:
            requests[event.request] = _decided(requests[event.request], event, entry.person)
    return [_as_of(request, now) for request in requests.values()]


def _read(event: AccessRequested, entry: LogEntry) -> Request:
    limits = documents.read(event.limits, Limits) if event.limits is not None else NO_LIMITS
    purpose, teams, until = Purpose(event.purpose), tuple(event.teams or ()) or None, from_iso(event.until)
    terms = (purpose, teams, until, event.may_export is True, limits, event.reason)
    return Request(content_id(entry.body or {}), entry.person, *terms, entry.at, "waits", None, None, None)


def _decided(asked: Request, event: GrantGiven | RequestDenied, officer: str) -> Request:
    if asked.state != "waits":
        return asked
    if isinstance(event, GrantGiven):
        return replace(asked, state="given", by=officer, grant=event.grant)
    return replace(asked, state="denied", by=officer, why=event.why)


def _as_of(asked: Request, now: datetime) -> Request:
    return replace(asked, state="over") if asked.state == "waits" and now >= asked.ends_at else asked


def approve(store: Store, asked: Request, now: datetime, observer: Observer = unobserved) -> Grant:
    """Grant a request as it was asked; raises what `grants.grant` raises."""
    purpose, may_export = str(asked.purpose), asked.may_export
    terms = Terms(asked.person, purpose, asked.teams, asked.until, asked.reason, asked.limits, may_export=may_export)
    return grants.grant(store, terms, now, observer, request=asked.id, demand=lambda: _demand_waits(store, asked, now))


def deny(store: Store, asked: Request, reason: str | None, now: datetime) -> Request:
    """Deny a request, with a reason; raises Usage, NotGranted."""
    store.demand(Action.GRANT, now)
    why = demanded_reason(reason)
    with store.change(now) as change:
        _demand_waits(store, asked, now)
        change.log(RequestDenied(request=asked.id, to=asked.person, why=why))
    return replace(asked, state="denied", by=store.person.name, why=why)


def _demand_waits(store: Store, asked: Request, now: datetime) -> None:
    """Raise NothingMatched if another officer decided meanwhile; inside the deciding change."""
    if asked not in waiting(store, now):
        raise NothingMatched("no_pending_grant", id=asked.id)


def shorts(store: Store, now: datetime, listed: list[Request]) -> dict[str, str]:
    """The shortest beginning of each request's id that means it alone, by the id; of an open one the whole id."""
    ids = {request.id for request in every(store, now)}
    short = {request.id: short_ids.shortest(request.id, ids) for request in listed}
    return {request.id: request.id if request.state == "waits" else short[request.id] for request in listed}
