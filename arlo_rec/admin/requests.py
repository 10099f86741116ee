"""What managers ask for: access for a purpose, with a reason, for an officer to give or to deny (access.managers).

A request is an entry of the log, whose digest is its id, and so is what an officer decided of it. Nobody gets anything
by asking. One that nobody decides ends by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from arlo_rec.access import short_ids
from arlo_rec.admin import grants
from arlo_rec.admin.grants import Terms
from arlo_rec.crypto import primitives
from arlo_rec.log.entries import LogEntry
from arlo_rec.log.events import AccessRequested, GrantGiven, RequestDenied
from arlo_rec.model import documents
from arlo_rec.model.errors import NothingMatched, Refused
from arlo_rec.model.policy_versions import demanded_reason
from arlo_rec.model.progress import Observer, unobserved
from arlo_rec.model.records import NO_LIMITS, Grant, Limits, from_iso, to_iso
from arlo_rec.policy import REQUEST_WAITS, Action, Purpose
from arlo_rec.store import Store

MOST_WAITING: Final = 5  # of one person: an officer's list is no place to flood


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for, and what became of it."""

    id: str
    person: str
    purpose: Purpose
    teams: tuple[str, ...]  # none: all
    until: datetime
    limits: Limits
    reason: str
    at: datetime
    state: str = "waits"  # or `given`, `denied`, `over`
    by: str | None = None  # the officer who decided
    why: str | None = None  # it was denied
    grant: str | None = None  # that was given for it

    @property
    def ends_at(self) -> datetime:
        """When it is over, if nobody decided it."""
        return min(self.until, self.at + REQUEST_WAITS)


def ask(store: Store, terms: Terms, now: datetime) -> Request:
    """Ask for access of one's own; raises Usage for bad terms, Refused where too much of this person waits already."""
    store.demand(Action.REQUEST, now)
    store.demand_clock(Action.REQUEST, now)
    purpose = grants.checked(store, terms, now, Action.REQUEST)
    if sum(each.person == store.person.name for each in waiting(store, now)) >= MOST_WAITING:
        raise Refused("requests_many", rule="access.managers", most=MOST_WAITING)
    with store.change(now) as change:
        change.log(
            AccessRequested(
                purpose=str(purpose),
                reason=str(terms.reason),
                request=primitives.fresh(8).hex(),
                teams=sorted(terms.teams) or None,
                until=to_iso(terms.until),
                limits=documents.plain(terms.limits) if terms.limits != NO_LIMITS else None,
            )
        )
        name = short_ids.of_content(change.bodies[-1])
    return next(each for each in every(store, now) if each.id == name)


# -- what waits ---------------------------------------------------------------------------------------


def waiting(store: Store, now: datetime) -> list[Request]:
    """What nobody decided yet, oldest first, of who is still here."""
    return [each for each in every(store, now) if each.state == "waits" and store.roster.person(each.person)]


def every(store: Store, now: datetime) -> list[Request]:
    """What was asked for and the log still tells of, oldest first, each as it stands at *now*."""
    found: dict[str, Request] = {}
    for entry in store.log.entries.of_requests():
        event = entry.event
        if isinstance(event, AccessRequested):
            with suppress(KeyError, TypeError, ValueError):  # what cannot be read asks for nothing; `verify` names it
                asked = _read(event, entry)
                found[asked.id] = asked
        elif isinstance(event, GrantGiven | RequestDenied) and event.request in found:
            found[event.request] = _decided(found[event.request], event, entry.person)
    return [_as_of(each, now) for each in found.values()]


def _read(event: AccessRequested, entry: LogEntry) -> Request:
    limits = documents.read(event.limits, Limits) if event.limits is not None else NO_LIMITS
    purpose, teams, until = Purpose(event.purpose), tuple(event.teams or ()), from_iso(event.until)
    name = short_ids.of_content(entry.body or {})
    return Request(name, entry.person, purpose, teams, until, limits, event.reason, entry.at)


def _decided(asked: Request, event: GrantGiven | RequestDenied, officer: str) -> Request:
    if asked.state != "waits":
        return asked
    if isinstance(event, GrantGiven):
        return replace(asked, state="given", by=officer, grant=event.grant)
    return replace(asked, state="denied", by=officer, why=event.why)


def _as_of(asked: Request, now: datetime) -> Request:
    return replace(asked, state="over") if asked.state == "waits" and now >= asked.ends_at else asked


# -- what an officer decides --------------------------------------------------------------------------


def approve(store: Store, asked: Request, now: datetime, observer: Observer = unobserved) -> Grant:
    """Give what was asked for, as it was asked; raises what `grants.grant` raises."""
    terms = Terms(asked.person, str(asked.purpose), asked.teams, asked.until, asked.reason, asked.limits)
    return grants.grant(store, terms, now, observer, request=asked.id, demand=lambda: _demand_waits(store, asked, now))


def deny(store: Store, asked: Request, reason: str | None, now: datetime) -> Request:
    """Deny what was asked for, with a reason; raises Usage, NotGranted."""
    store.demand(Action.GRANT, now)
    why = demanded_reason(reason)
    with store.change(now) as change:
        _demand_waits(store, asked, now)
        change.log(RequestDenied(request=asked.id, to=asked.person, why=why))
    return replace(asked, state="denied", by=store.person.name, why=why)


def _demand_waits(store: Store, asked: Request, now: datetime) -> None:
    """Raise NothingMatched where another officer decided meanwhile; in the change that does."""
    if asked not in waiting(store, now):
        raise NothingMatched("no_pending_grant", id=asked.id)


def shorts(store: Store, now: datetime, some: list[Request]) -> Iterator[tuple[Request, str]]:
    """Each request with the shortest beginning of its id that means it alone."""
    ids = {each.id for each in every(store, now)}
    return ((each, short_ids.shortest(each.id, ids)) for each in some)
