"""What managers ask for: access for a purpose, with a reason, for an officer to give or to deny (access.managers).

A request is an entry of the log that its manager signed, and so is what an officer decided of it; what waits is
computed from them, and no row is believed. Nobody gets anything by asking. One that nobody decides ends by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from arlo_rec.access import short_ids
from arlo_rec.admin import grants
from arlo_rec.admin.grants import Terms
from arlo_rec.crypto import primitives
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import AccessRequested, GrantGiven, RequestDenied
from arlo_rec.model.errors import NothingMatched, Refused, Usage
from arlo_rec.model.progress import Observer, unobserved
from arlo_rec.model.records import NO_LIMITS, Grant, Limits, from_iso, to_iso
from arlo_rec.policy import REQUEST_WAITS, Action, Purpose, reason_problem
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
    asked = Request(
        primitives.fresh(8).hex(),
        store.person.name,
        purpose,
        terms.teams,
        terms.until,
        terms.limits,
        str(terms.reason),
        now,
    )
    store.note(_event(asked), now)
    return asked


def _event(asked: Request) -> AccessRequested:
    return AccessRequested(
        purpose=str(asked.purpose),
        reason=asked.reason,
        request=asked.id,
        teams=sorted(asked.teams) or None,
        until=to_iso(asked.until),
        limits=asked.limits.to_json() if asked.limits != NO_LIMITS else None,
    )


# -- what waits ---------------------------------------------------------------------------------------


def waiting(store: Store, now: datetime) -> list[Request]:
    """What nobody decided yet, oldest first, of who may ask and is still here."""
    return [each for each in every(store, now) if each.state == "waits"]


def every(store: Store, now: datetime) -> list[Request]:
    """All that was ever asked for and that the log still tells of, oldest first, each as it stands at *now*."""
    found: dict[str, Request] = {}
    for entry in store.log.of_requests():
        body = entry.body or {}
        event, signer = audit_events.read(body), store.signer_of(entry.seq)
        if signer is None or not store.entry_counts(entry.seq, str(body.get("action"))):
            continue
        if isinstance(event, AccessRequested) and event.request not in found and _is_here(store, signer.name):
            asked = _read(event, signer.name, body)
            found |= {asked.id: asked} if asked is not None else {}
        elif isinstance(event, GrantGiven | RequestDenied) and event.request in found:
            found[event.request] = _decided(found[event.request], event, signer.name)
    return [_as_of(each, now) for each in found.values()]


def _is_here(store: Store, name: str) -> bool:
    return store.roster.person(name) is not None


def _read(event: AccessRequested, person: str, body: Mapping[str, Any]) -> Request | None:
    """The request of an entry; None where own code wrote what is none."""
    try:
        limits = Limits.from_json(event.limits) if event.limits is not None else NO_LIMITS
        terms = Terms(person, event.purpose, tuple(event.teams or ()), from_iso(event.until), event.reason, limits)
        at = from_iso(body["at"])
    except (KeyError, TypeError, ValueError):
        return None
    if grants.problem_of(terms, at) is not None or not short_ids.is_one(str(event.request)):
        return None
    return Request(event.request, person, Purpose(event.purpose), terms.teams, terms.until, limits, event.reason, at)


def _decided(asked: Request, event: GrantGiven | RequestDenied, officer: str) -> Request:
    if asked.state != "waits":
        return asked
    if isinstance(event, GrantGiven):
        return replace(asked, state="given", by=officer)
    return replace(asked, state="denied", by=officer, why=event.why)


def _as_of(asked: Request, now: datetime) -> Request:
    return replace(asked, state="over") if asked.state == "waits" and now >= asked.ends_at else asked


# -- what an officer decides --------------------------------------------------------------------------


def named(store: Store, text: str, now: datetime) -> Request | None:
    """The request that waits and is meant by its id or the beginning of it; None where there is not one."""
    some = {each.id: each for each in waiting(store, now)}
    found = short_ids.named(text, list(some))
    return some[found[0]] if len(found) == 1 else None


def approve(store: Store, asked: Request, now: datetime, observer: Observer = unobserved) -> Grant:
    """Give what was asked for, as it was asked; raises what `grants.grant` raises."""
    terms = Terms(asked.person, str(asked.purpose), asked.teams, asked.until, asked.reason, asked.limits)
    return grants.grant(store, terms, now, observer, request=asked.id)


def deny(store: Store, asked: Request, reason: str | None, now: datetime) -> Request:
    """Deny what was asked for, with a reason; raises Usage, NotGranted."""
    store.demand(Action.GRANT, now)
    problem = reason_problem(reason)
    if problem or reason is None:
        raise Usage(str(problem), rule="security.reason")
    with store.change(now) as change:
        if named(store, asked.id, now) is None:
            raise NothingMatched("no_pending_grant", id=asked.id)
        change.log(RequestDenied(request=asked.id, to=asked.person, why=reason))
    return replace(asked, state="denied", by=store.person.name, why=reason)


def shorts(store: Store, now: datetime, some: list[Request]) -> Iterator[tuple[Request, str]]:
    """Each request with the shortest beginning of its id that means it alone."""
    ids = {each.id for each in every(store, now)}
    return ((each, short_ids.shortest(each.id, ids)) for each in some)
