"""Pending decisions of every kind in one shape, for `approve`, `deny` and `todo`.

The id is the digest of the content, so that a decision applies to exactly what was read. Each kind says who may
decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, assert_never

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.registers import LoggedHold
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import NothingMatched, Usage
from arlo_rec.law.model.progress import Observer, unobserved
from arlo_rec.law.model.records import Grant, PendingOfficer, Person
from arlo_rec.law.rights import Ground
from arlo_rec.office import (
    approvals,
    grants,
    holds,
    identities,
    moves,
    new_officers,
    policy_changes,
    refusals,
    requests,
)
from arlo_rec.office.grants import Doubt, GrantShown, HeldOfTeam
from arlo_rec.office.holds import HoldShown
from arlo_rec.office.moves import Move, MoveShown
from arlo_rec.office.policy_changes import Proposal, ProposalShown
from arlo_rec.office.refusals import Refusal
from arlo_rec.office.requests import Request
from arlo_rec.policy import FOUR_EYES, Action, Role, may
from arlo_rec.vault.opened import Store


class Kind(StrEnum):
    """The kinds of pending decisions."""

    GRANT = "grant"  # for a second officer
    GLASS = "glass"  # emergency access, for a manager to agree to
    OFFICER = "officer"  # proposed by another officer
    POLICY = "policy"  # a version proposed by an officer
    REQUEST = "request"  # of access, by a manager or an officer
    REFUSAL = "refusal"  # of a person's request
    HOLD = "hold"  # on calls
    MOVE = "move"  # of the catalogue, or of the objects


What = Grant | PendingOfficer | Proposal | Request | Refusal | LoggedHold | Move


class Pending(NamedTuple):
    """A pending decision, as it was asked for."""

    kind: Kind
    id: str
    what: What
    by: str  # the person who asked
    since: datetime
    until: datetime  # when it expires undecided
    is_mine: bool  # whether the current person may decide


class OfficerDecided(Record, frozen=True):
    """A proposed officer, who was approved (`officer`) or denied."""

    name: str
    role: Role
    state: str


class RefusalDecided(Record, frozen=True):
    """A refusal that a second officer approved or denied."""

    case: str
    ground: Ground
    state: str


class Decided(Record, frozen=True):
    """The decision on one thing that waited; of a given request the grant, and the recordings that it opens."""

    grant: GrantShown | UnsetType = UNSET
    held: list[HeldOfTeam] | UnsetType = UNSET
    proposal: ProposalShown | UnsetType = UNSET
    person: OfficerDecided | UnsetType = UNSET
    request: Request | UnsetType = UNSET
    refusal: RefusalDecided | UnsetType = UNSET
    hold: HoldShown | UnsetType = UNSET
    move: MoveShown | UnsetType = UNSET


def decided(what: What | Person, now: datetime) -> Decided:
    """The answer about an approved decision (of an officer: the person), or about a denied one."""
    match what:
        case Person(name, role):
            return Decided(person=OfficerDecided(name, role, "officer"))
        case PendingOfficer(person=Person(name, role)):
            return Decided(person=OfficerDecided(name, role, "denied"))
        case Proposal():
            return Decided(proposal=ProposalShown.of_proposal(what))
        case Request():
            return Decided(request=what)
        case Refusal(case, proposed, state):
            return Decided(refusal=RefusalDecided(case.id, proposed.ground, state))
        case LoggedHold():
            return Decided(hold=HoldShown.at_time(what, now))
        case Move():
            return Decided(move=MoveShown.of_move(what))
        case Grant():
            return Decided(grant=GrantShown.at(now, what))
        case _:
            assert_never(what)


def waiting(store: Store, now: datetime) -> list[Pending]:
    """The pending decisions for this person's role."""
    role = store.person.role
    if may(role, Action.GRANT).allowed:
        kinds = (_grants, _officers, _policies, _requests, _refusals, _holds, _moves)
        return [decision for kind in kinds for decision in kind(store, now)]
    return list(_glass(store, now)) if may(role, Action.BREAK_GLASS).allowed else []


def doubts(store: Store, waits: Pending, now: datetime) -> list[Doubt]:
    """The teams and agents that pending access names, and of whom no recording is held."""
    what = waits.what
    return grants.doubts(store, what.teams, what.limits, now) if isinstance(what, Grant | Request) else []


def named(store: Store, text: str, now: datetime) -> Pending:
    """The pending decision of an id. A beginning names none: contents with one beginning are soon found.

    Raises Usage for a beginning, NothingMatched if nothing pending has the id, NotGranted if this person decides
    nothing.
    """
    here = {pending.id: pending for pending in waiting(store, now)}
    if text in here:
        return here[text]
    if text and any(name.startswith(text) for name in here):
        raise Usage("id_not_whole", id=text)
    store.demand(Action.GRANT, now)
    if any(proposal.id == text for proposal in policy_changes.every(store, now)):
        policy_changes.named(store, text, now)  # raises its state
    raise NothingMatched("no_pending_grant", id=text)


def approve(
    store: Store, pending: Pending, now: datetime, observer: Observer = unobserved
) -> Grant | Person | Proposal | Refusal | LoggedHold | Move:
    """Approve a pending decision, and return the result; raises what its kind raises.

    An approved officer is returned as a person.
    """
    match pending.what:
        case PendingOfficer() as proposed:
            return identities.approve_officer(store, proposed, now)
        case Proposal() as version:
            return policy_changes.approve(store, version.id, now)
        case Request() as asked:
            return requests.approve(store, asked, now, observer)
        case Refusal() as refusal:
            return refusals.approve(store, refusal, now)
        case LoggedHold() as hold:
            return holds.approve(store, hold, now)
        case Move() as move:
            return moves.approve(store, move, now)
        case Grant() as grant if pending.kind is Kind.GLASS:
            return approvals.agree(store, grant, now)
        case Grant():
            return approvals.approve(store, pending.id, now, observer)
        case _:
            assert_never(pending.what)


def deny(store: Store, pending: Pending, reason: str | None, now: datetime) -> What:
    """Deny a pending decision, with a reason, and return it; raises Usage, and what its kind raises."""
    match pending.what:
        case PendingOfficer() as proposed:
            new_officers.deny(store, proposed, reason, now)
            return proposed
        case Proposal() as version:
            return policy_changes.deny(store, version.id, reason, now)
        case Request() as asked:
            return requests.deny(store, asked, reason, now)
        case Refusal() as refusal:
            return refusals.deny(store, refusal, reason, now)
        case LoggedHold() as hold:
            return holds.deny(store, hold, reason, now)
        case Move() as move:
            return moves.deny(store, move, reason, now)
        case Grant():
            return approvals.deny(store, pending.id, reason, now)
        case _:
            assert_never(pending.what)


def _grants(store: Store, now: datetime) -> Iterator[Pending]:
    for grant in approvals.waiting(store, now):
        is_mine = approvals.may_approve(store, grant, now)
        yield Pending(Kind.GRANT, grant.id, grant, grant.by, grant.starts_at, grant.pending_until, is_mine)


def _glass(store: Store, now: datetime) -> Iterator[Pending]:
    for grant in approvals.break_glass_waiting(store, now):
        yield Pending(Kind.GLASS, grant.id, grant, grant.by, grant.starts_at, grant.pending_until, is_mine=True)


def _officers(store: Store, now: datetime) -> Iterator[Pending]:
    for proposed in new_officers.waiting(store, now):
        is_mine = new_officers.may_decide(store, proposed, now)
        yield Pending(
            Kind.OFFICER, proposed.id, proposed, proposed.person.by, proposed.at, proposed.at + FOUR_EYES, is_mine
        )


def _policies(store: Store, now: datetime) -> Iterator[Pending]:
    for proposal in policy_changes.waiting(store, now):
        is_mine = policy_changes.may_approve(store, proposal, now)
        yield Pending(Kind.POLICY, proposal.id, proposal, proposal.by, proposal.at, proposal.at + FOUR_EYES, is_mine)


def _requests(store: Store, now: datetime) -> Iterator[Pending]:
    for request in requests.waiting(store, now):
        is_mine = request.person != store.person.name
        yield Pending(Kind.REQUEST, request.id, request, request.person, request.at, request.ends_at, is_mine)


def _refusals(store: Store, now: datetime) -> Iterator[Pending]:
    for refusal in refusals.waiting(store, now):
        proposed, is_mine = refusal.proposed, refusals.may_decide(store, refusal, now)
        yield Pending(Kind.REFUSAL, proposed.id, refusal, proposed.by, proposed.at, refusal.ends_at, is_mine)


def _holds(store: Store, now: datetime) -> Iterator[Pending]:
    for hold in holds.waiting(store, now):
        is_mine = holds.may_decide(store, hold, now)
        yield Pending(Kind.HOLD, hold.id, hold, hold.by, hold.at, min(hold.until, hold.at + FOUR_EYES), is_mine)


def _moves(store: Store, now: datetime) -> Iterator[Pending]:
    for move in moves.waiting(store, now):
        yield Pending(Kind.MOVE, move.id, move, move.by, move.at, move.ends_at, moves.may_decide(store, move, now))
