"""What waits for a decision, of every kind in one shape: `approve`, `deny` and `todo` know no other.

The id is the digest of what waits, so that nothing but what was read is decided. Who may decide stands with each kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from arlo_rec.access import short_ids
from arlo_rec.admin import approvals, break_glass, identities, new_officers, policy_changes, policy_drift, requests
from arlo_rec.admin.policy_changes import Proposal
from arlo_rec.admin.requests import Request
from arlo_rec.model.errors import NothingMatched
from arlo_rec.model.progress import Observer, unobserved
from arlo_rec.model.records import Grant, PendingOfficer, Person
from arlo_rec.policy import FOUR_EYES, Action, may
from arlo_rec.store import Store


class Kind(StrEnum):
    """The kinds of decisions that wait."""

    GRANT = "grant"  # for a second officer
    GLASS = "glass"  # access in an emergency, for a manager who says that they know of it
    OFFICER = "officer"  # whom another officer added
    POLICY = "policy"  # a version that an officer proposed
    REQUEST = "request"  # of access, by a manager or an officer


class Pending(NamedTuple):
    """Something that waits for a decision, as it was asked for."""

    kind: Kind
    id: str
    what: Grant | PendingOfficer | Proposal | Request
    by: str  # who asked for it
    since: datetime
    until: datetime  # when it is over, if it is not decided
    is_mine: bool  # whether it waits for the person who has the store open


def waiting(store: Store, now: datetime) -> list[Pending]:
    """What waits for officers, for an officer; for managers, for a manager; nothing for other roles."""
    role = store.person.role
    if may(role, Action.GRANT).allowed:
        return [*_grants(store, now), *_officers(store, now), *_policies(store, now), *_requests(store, now)]
    return list(_glass(store, now)) if may(role, Action.BREAK_GLASS).allowed else []


def named(store: Store, text: str, now: datetime) -> Pending:
    """What waits and is meant by an id or its beginning.

    A beginning means the same as long as the log tells of it, also once it was decided. Raises NothingMatched where it
    means several, or what waits no more; NotGranted where this person decides nothing; and Refused for all but a
    version of the policy where the program or the policy is not what officers approved.
    """
    here = {each.id: each for each in waiting(store, now)}
    found = short_ids.named(text, {*here, *_decided(store, now)})
    if len(found) > 1:
        raise NothingMatched("several_wait", id=text)
    meant = here.get(found[0]) if found else None
    if meant is None or meant.kind is not Kind.POLICY:
        policy_drift.demand_approved(store)
    if meant is None:
        store.demand(Action.GRANT, now)
        if any(each.id == found[0] for each in policy_changes.every(store, now) if found):
            policy_changes.named(store, found[0], now)  # raises why it waits no more
        raise NothingMatched("no_pending_grant", id=text)
    return meant


def _decided(store: Store, now: datetime) -> Iterator[str]:
    """The ids that an officer may mean besides: of what was decided, or is over."""
    if may(store.person.role, Action.GRANT).allowed:
        for every in (
            store.roster.grants,
            store.roster.pending,
            policy_changes.every(store, now),
            requests.every(store, now),
        ):
            yield from (each.id for each in every)


# -- deciding -----------------------------------------------------------------------------------------


def approve(
    store: Store, pending: Pending, now: datetime, observer: Observer = unobserved
) -> Grant | Person | Proposal:
    """Approve what waits, and return what it is now; raises what its kind raises.

    An officer who waits no more is a person.
    """
    match pending.what:
        case PendingOfficer() as proposed:
            return identities.approve_officer(store, proposed, now)
        case Proposal() as version:
            return policy_changes.approve(store, version.id, now)
        case Request() as asked:
            return requests.approve(store, asked, now, observer)
        case Grant() as grant if pending.kind is Kind.GLASS:
            return break_glass.agree(store, grant, now)
    return approvals.approve(store, pending.id, now, observer)


def deny(
    store: Store, pending: Pending, reason: str | None, now: datetime
) -> Grant | PendingOfficer | Proposal | Request:
    """End what waits, with a reason, and return it; raises Usage, and what its kind raises."""
    match pending.what:
        case PendingOfficer() as proposed:
            new_officers.deny(store, proposed, reason, now)
            return proposed
        case Proposal() as version:
            return policy_changes.deny(store, version.id, reason, now)
        case Request() as asked:
            return requests.deny(store, asked, reason, now)
    return approvals.deny(store, pending.id, reason, now)


# -- the kinds ----------------------------------------------------------------------------------------


def _grants(store: Store, now: datetime) -> Iterator[Pending]:
    for each in approvals.waiting(store, now):
        is_mine = approvals.may_approve(store, each, now)
        yield Pending(Kind.GRANT, each.id, each, each.by, each.starts_at, each.waits_until, is_mine)


def _glass(store: Store, now: datetime) -> Iterator[Pending]:
    for each in break_glass.waiting(store, now):
        yield Pending(Kind.GLASS, each.id, each, each.by, each.starts_at, each.waits_until, is_mine=True)


def _officers(store: Store, now: datetime) -> Iterator[Pending]:
    for each in new_officers.waiting(store, now):
        is_mine = new_officers.may_decide(store, each, now)
        yield Pending(Kind.OFFICER, each.id, each, each.person.by, each.at, each.at + FOUR_EYES, is_mine)


def _policies(store: Store, now: datetime) -> Iterator[Pending]:
    for each in policy_changes.waiting(store, now):
        is_mine = policy_changes.may_approve(store, each, now)
        yield Pending(Kind.POLICY, each.id, each, each.by, each.at, each.at + FOUR_EYES, is_mine)


def _requests(store: Store, now: datetime) -> Iterator[Pending]:
    for each in requests.waiting(store, now):
        is_mine = each.person != store.person.name
        yield Pending(Kind.REQUEST, each.id, each, each.person, each.at, each.ends_at, is_mine)
