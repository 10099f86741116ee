"""What managers ask for: access for a purpose, with a reason, for an officer to give or to deny (access.managers).

A request is an entry of the log that its manager signed, and so is what an officer decided of it; what waits is
computed from them, and no row is believed. Nobody gets anything by asking. One that nobody decides ends by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from arlo_rec.access import short_ids
from arlo_rec.access.signed import Signed, time_in
from arlo_rec.admin import grants
from arlo_rec.admin.grants import Terms
from arlo_rec.crypto import primitives
from arlo_rec.model import audit_events, reasons
from arlo_rec.model.audit_events import AccessRequested, GrantGiven, RequestDenied
from arlo_rec.model.errors import NothingMatched, Refused
from arlo_rec.model.progress import Observer, unobserved
from arlo_rec.model.records import NO_LIMITS, Grant, Limits, to_iso
from arlo_rec.policy import REQUEST_WAITS, Action, Purpose
from arlo_rec.store import Store

_ID: Final = re.compile(r"[0-9a-f]{16}")
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
    """What was asked for and the log still tells of, oldest first, each as it stands at *now*.

    Of what nobody decided, the newest few of each person: own code can write as many as it likes.
    """
    found: dict[str, Request] = {}
    signed, taken = Signed(store), _ids_of_others(store)
    for entry in store.log.of_requests():
        body = entry.body or {}
        event = audit_events.read(body)
        if isinstance(event, AccessRequested):
            is_new = _ID.fullmatch(event.request) and event.request not in found and event.request not in taken
            signer = signed.counts(entry.seq, body) if is_new and _is_here(store, body.get("person")) else None
            asked = _read(event, signer.name, body) if signer is not None else None
            found |= {asked.id: asked} if asked is not None else {}
        elif isinstance(event, GrantGiven | RequestDenied) and event.request in found:
            signer = signed.counts(entry.seq, body)
            if signer is not None:
                found[event.request] = _decided(found[event.request], event, signer.name)
    return _newest([_as_of(each, now) for each in found.values()])


def _newest(every: list[Request]) -> list[Request]:
    """All but those that wait beyond the newest few of each person."""
    kept, counts = [], Counter[str]()
    for each in reversed(every):
        counts[each.person] += each.state == "waits"
        if each.state != "waits" or counts[each.person] <= MOST_WAITING:
            kept.append(each)
    return kept[::-1]


def _ids_of_others(store: Store) -> frozenset[str]:
    """The ids of grants and of officers who wait: a request of one of these would be taken for it."""
    return frozenset({grant.id for grant in store.roster.grants} | {each.id for each in store.roster.pending})


def _is_here(store: Store, name: object) -> bool:
    return isinstance(name, str) and store.roster.person(name) is not None


def _read(event: AccessRequested, person: str, body: Mapping[str, Any]) -> Request | None:
    """The request of an entry; None where own code wrote what is none."""
    at, until = time_in(body), time_in({"at": event.until})
    if at is None or until is None:
        return None
    try:
        limits = Limits.from_json(event.limits) if event.limits is not None else NO_LIMITS
        terms = Terms(person, event.purpose, tuple(event.teams or ()), until, event.reason, limits)
        if grants.problem_of(terms, at) is not None:
            return None
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None
    return Request(event.request, person, Purpose(event.purpose), terms.teams, until, limits, event.reason, at)


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
    why = reasons.demanded(reason)
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
