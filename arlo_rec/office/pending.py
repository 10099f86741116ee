"""Pending decisions of every kind in one shape, for `approve`, `deny`, `todo` and the desk: one class for each kind.

The id is the digest of the content, so that a decision applies to exactly what was read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, NamedTuple, Self

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.registers import LoggedHold
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import NothingMatched, Usage
from arlo_rec.law.model.progress import Observer, unobserved
from arlo_rec.law.model.records import Grant, PendingOfficer
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

BOTH: Final = ("approve", "deny")


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


class Outcome(NamedTuple):
    """The end of a pending decision: the answer, and the code and the values of its sentence."""

    answer: Decided
    code: str
    about: Mapping[str, object]
    opens: Grant | None = None  # live from now on


@dataclass(frozen=True)
class Pending(ABC):
    """A pending decision, as it was asked for."""

    TASK: ClassVar[str]  # the kind of its task; `todo.` and this are the code of its sentence
    BUTTONS: ClassVar[Sequence[str]]  # of the desk

    id: str
    by: str  # the person who asked
    since: datetime
    until: datetime  # when it expires undecided
    is_mine: bool  # whether the current person may decide

    @classmethod
    @abstractmethod
    def waiting(cls, store: Store, now: datetime) -> Iterator[Self]:
        """Yield what waits of this kind."""

    @property
    @abstractmethod
    def facts(self) -> Mapping[str, object]:
        """The values of its task's sentence."""

    @property
    def access(self) -> Grant | Request | None:
        """The access that is asked for."""
        return None

    @abstractmethod
    def approve(self, store: Store, now: datetime, observer: Observer = unobserved) -> Outcome:
        """Approve it; raises what its kind raises."""

    @abstractmethod
    def deny(self, store: Store, reason: str | None, now: datetime) -> Outcome:
        """Deny it, with a reason; raises Usage, and what its kind raises."""


def _facts_of_access(asked: Grant | Request) -> Mapping[str, object]:
    facts: dict[str, object] = {"name": asked.person, "purpose": asked.purpose, "reason": asked.reason}
    terms = (asked.limits, asked.may_export)
    return {**facts, "teams": frozenset(asked.teams or ()) or None, "until": asked.until, "limits": terms}


@dataclass(frozen=True)
class GrantWaits(Pending):
    """Access that an officer gave, for a second officer."""

    TASK: ClassVar[str] = "approve"
    BUTTONS: ClassVar[Sequence[str]] = BOTH
    grant: Grant

    @property
    def access(self) -> Grant:
        """The access that is asked for."""
        return self.grant

    @classmethod
    def waiting(cls, store: Store, now: datetime) -> Iterator[GrantWaits]:
        """Yield the grants that wait; of one's own emergency access, what an agreement allows."""
        for grant in approvals.waiting(store, now):
            kind = OwnGlassWaits if grant.by == store.person.name else GrantWaits
            is_mine = approvals.may_approve(store, grant, now)
            yield kind(grant.id, grant.by, grant.starts_at, grant.pending_until, is_mine, grant)

    @property
    def facts(self) -> Mapping[str, object]:
        """The person, the purpose, the end, and the reason."""
        return _facts_of_access(self.grant)

    def approve(self, store: Store, now: datetime, observer: Observer = unobserved) -> Outcome:
        """Approve as a second officer, or one's own emergency access once a manager agreed."""
        grant = approvals.approve(store, self.id, now, observer)
        return Outcome(Decided(grant=GrantShown.at(now, grant)), "grant.done", {}, grant)

    def deny(self, store: Store, reason: str | None, now: datetime) -> Outcome:
        """End the pending grant."""
        grant = approvals.deny(store, self.id, reason, now)
        return Outcome(Decided(grant=GrantShown.at(now, grant)), "grant.denied", {"name": grant.person})


class OwnGlassWaits(GrantWaits):
    """Emergency access of one's own, to which a manager agreed."""

    TASK: ClassVar[str] = "glass_agreed"
    BUTTONS: ClassVar[Sequence[str]] = ("approve",)


class GlassWaits(GrantWaits):
    """Emergency access of an officer, for a manager to agree to."""

    TASK: ClassVar[str] = "glass"
    BUTTONS: ClassVar[Sequence[str]] = ("approve",)

    @classmethod
    def waiting(cls, store: Store, now: datetime) -> Iterator[GlassWaits]:
        """Yield the emergency grants that wait for an agreement."""
        for grant in approvals.break_glass_waiting(store, now):
            yield cls(grant.id, grant.by, grant.starts_at, grant.pending_until, is_mine=True, grant=grant)

    def approve(self, store: Store, now: datetime, observer: Observer = unobserved) -> Outcome:
        """Agree as a manager, upon which the officer may approve."""
        del observer
        grant = approvals.agree(store, self.grant, now)
        about = {"id": grant.id, "by": grant.by}
        return Outcome(Decided(grant=GrantShown.at(now, grant)), "grant.glass_agreed", about)


@dataclass(frozen=True)
class RequestWaits(Pending):
    """Access that a person asked for."""

    TASK: ClassVar[str] = "request"
    BUTTONS: ClassVar[Sequence[str]] = BOTH
    asked: Request

    @property
    def access(self) -> Request:
        """The access that is asked for."""
        return self.asked

    @classmethod
    def waiting(cls, store: Store, now: datetime) -> Iterator[RequestWaits]:
        """Yield the open requests."""
        for asked in requests.waiting(store, now):
            is_mine = asked.person != store.person.name
            yield cls(asked.id, asked.person, asked.at, asked.ends_at, is_mine, asked)

    @property
    def facts(self) -> Mapping[str, object]:
        """The person, the purpose, the end, and the reason."""
        return _facts_of_access(self.asked)

    def approve(self, store: Store, now: datetime, observer: Observer = unobserved) -> Outcome:
        """Give access as it was asked for, which may need a second officer."""
        grant = requests.approve(store, self.asked, now, observer)
        code = "grant.pending" if grant.state == "pending" else "grant.done"
        return Outcome(Decided(grant=GrantShown.at(now, grant)), code, {}, grant)

    def deny(self, store: Store, reason: str | None, now: datetime) -> Outcome:
        """Deny the request."""
        asked = requests.deny(store, self.asked, reason, now)
        return Outcome(Decided(request=asked), "request.denied", {"name": asked.person})


@dataclass(frozen=True)
class OfficerWaits(Pending):
    """A new officer, whom another proposed."""

    TASK: ClassVar[str] = "approve_officer"
    BUTTONS: ClassVar[Sequence[str]] = BOTH
    proposed: PendingOfficer

    @classmethod
    def waiting(cls, store: Store, now: datetime) -> Iterator[OfficerWaits]:
        """Yield the proposed officers."""
        for each in new_officers.waiting(store, now):
            is_mine = new_officers.may_decide(store, each, now)
            yield cls(each.id, each.person.by, each.at, each.at + FOUR_EYES, is_mine, each)

    @property
    def facts(self) -> Mapping[str, object]:
        """The person who is proposed."""
        return {"name": self.proposed.person.name}

    def approve(self, store: Store, now: datetime, observer: Observer = unobserved) -> Outcome:
        """Enrol the officer."""
        del observer
        name, role = (person := identities.approve_officer(store, self.proposed, now)).name, person.role
        return Outcome(Decided(person=OfficerDecided(name, role, "officer")), "person.officer_approved", {"name": name})

    def deny(self, store: Store, reason: str | None, now: datetime) -> Outcome:
        """Take the proposed officer off the roster."""
        new_officers.deny(store, self.proposed, reason, now)
        name, role = self.proposed.person.name, self.proposed.person.role
        return Outcome(Decided(person=OfficerDecided(name, role, "denied")), "person.officer_denied", {"name": name})


@dataclass(frozen=True)
class PolicyWaits(Pending):
    """A version of the policy, which an officer proposed."""

    TASK: ClassVar[str] = "approve_policy"
    BUTTONS: ClassVar[Sequence[str]] = BOTH
    proposal: Proposal

    @classmethod
    def waiting(cls, store: Store, now: datetime) -> Iterator[PolicyWaits]:
        """Yield the proposed versions."""
        for each in policy_changes.waiting(store, now):
            is_mine = policy_changes.may_approve(store, each, now)
            yield cls(each.id, each.by, each.at, each.at + FOUR_EYES, is_mine, each)

    @property
    def facts(self) -> Mapping[str, object]:
        """The version's name."""
        return {"version": self.proposal.version.version}

    def approve(self, store: Store, now: datetime, observer: Observer = unobserved) -> Outcome:
        """Approve the version, which is in force from its date on."""
        del observer
        proposal = policy_changes.approve(store, self.id, now)
        about = {"version": proposal.version.version, "at": proposal.version.since}
        return Outcome(Decided(proposal=ProposalShown.of_proposal(proposal)), "policy.approved", about)

    def deny(self, store: Store, reason: str | None, now: datetime) -> Outcome:
        """Deny the version."""
        proposal = policy_changes.deny(store, self.id, reason, now)
        about = {"version": proposal.version.version}
        return Outcome(Decided(proposal=ProposalShown.of_proposal(proposal)), "policy.denied", about)


@dataclass(frozen=True)
class RefusalWaits(Pending):
    """A refusal of a person's request."""

    TASK: ClassVar[str] = "approve_refusal"
    BUTTONS: ClassVar[Sequence[str]] = ("approve_refusal", "deny_refusal")
    refusal: Refusal

    @classmethod
    def waiting(cls, store: Store, now: datetime) -> Iterator[RefusalWaits]:
        """Yield the proposed refusals."""
        for each in refusals.waiting(store, now):
            is_mine, asked = refusals.may_decide(store, each, now), each.proposed
            yield cls(asked.id, asked.by, asked.at, each.ends_at, is_mine, each)

    @property
    def facts(self) -> Mapping[str, object]:
        """The request that is to be refused, and the reason."""
        case, asked = self.refusal.case, self.refusal.proposed
        return {"case": case.id, "right": case.right, "ground": asked.ground, "reason": asked.reason}

    def approve(self, store: Store, now: datetime, observer: Observer = unobserved) -> Outcome:
        """Refuse the request."""
        del observer
        return self._outcome(refusals.approve(store, self.refusal, now), "case.refusal_approved")

    def deny(self, store: Store, reason: str | None, now: datetime) -> Outcome:
        """Leave the request open."""
        return self._outcome(refusals.deny(store, self.refusal, reason, now), "case.refusal_denied")

    def _outcome(self, refusal: Refusal, code: str) -> Outcome:
        decided = RefusalDecided(refusal.case.id, refusal.proposed.ground, refusal.state)
        return Outcome(Decided(refusal=decided), code, {"case": refusal.case.id})


@dataclass(frozen=True)
class HoldWaits(Pending):
    """A hold on calls."""

    TASK: ClassVar[str] = "approve_hold"
    BUTTONS: ClassVar[Sequence[str]] = BOTH
    hold: LoggedHold

    @classmethod
    def waiting(cls, store: Store, now: datetime) -> Iterator[HoldWaits]:
        """Yield the proposed holds."""
        for each in holds.waiting(store, now):
            is_mine = holds.may_decide(store, each, now)
            yield cls(each.id, each.by, each.at, min(each.until, each.at + FOUR_EYES), is_mine, each)

    @property
    def facts(self) -> Mapping[str, object]:
        """The number of calls, the ground, the end, and the reason."""
        ground, calls, until, reason = self.hold.ground, self.hold.calls, self.hold.until, self.hold.reason
        return {"ground": ground, "count": len(calls), "until": until, "reason": reason}

    def approve(self, store: Store, now: datetime, observer: Observer = unobserved) -> Outcome:
        """Set the hold."""
        del observer
        return self._outcome(holds.approve(store, self.hold, now), "hold.set", now)

    def deny(self, store: Store, reason: str | None, now: datetime) -> Outcome:
        """Set none."""
        return self._outcome(holds.deny(store, self.hold, reason, now), "hold.denied", now)

    def _outcome(self, hold: LoggedHold, code: str, now: datetime) -> Outcome:
        about = {"id": hold.id, "count": len(hold.calls), "until": hold.until}
        return Outcome(Decided(hold=HoldShown.at_time(hold, now)), code, about)


@dataclass(frozen=True)
class MoveWaits(Pending):
    """A move of the catalogue, or of the objects."""

    TASK: ClassVar[str] = "approve_move"
    BUTTONS: ClassVar[Sequence[str]] = ()  # it is decided by a command, where the machine is
    move: Move

    @classmethod
    def waiting(cls, store: Store, now: datetime) -> Iterator[MoveWaits]:
        """Yield the proposed moves."""
        for each in moves.waiting(store, now):
            yield cls(each.id, each.by, each.at, each.ends_at, moves.may_decide(store, each, now), each)

    @property
    def facts(self) -> Mapping[str, object]:
        """The part that is moved, from where to where."""
        return {"part": self.move.part, "before": self.move.before, "to": self.move.to}

    def approve(self, store: Store, now: datetime, observer: Observer = unobserved) -> Outcome:
        """Approve the move, which its command then carries out."""
        del observer
        move = moves.approve(store, self.move, now)
        about = {"id": move.id, "command": f"{move.part} move --to {move.to}"}
        return Outcome(Decided(move=MoveShown.of_move(move)), "move.approved", about)

    def deny(self, store: Store, reason: str | None, now: datetime) -> Outcome:
        """Deny the move."""
        move = moves.deny(store, self.move, reason, now)
        return Outcome(Decided(move=MoveShown.of_move(move)), "move.denied", {"id": move.id})


_OF_OFFICERS: Final[Sequence[type[Pending]]] = (
    *(GrantWaits, OfficerWaits, PolicyWaits, RequestWaits),
    *(RefusalWaits, HoldWaits, MoveWaits),
)


def waiting(store: Store, now: datetime) -> list[Pending]:
    """The pending decisions for this person's role."""
    role = store.person.role
    if may(role, Action.GRANT).allowed:
        return [decision for kind in _OF_OFFICERS for decision in kind.waiting(store, now)]
    return list(GlassWaits.waiting(store, now)) if may(role, Action.BREAK_GLASS).allowed else []


def doubts(store: Store, waits: Pending, now: datetime) -> list[Doubt]:
    """The teams and agents that pending access names, and of whom no recording is held."""
    asked = waits.access
    return grants.doubts(store, asked.teams, asked.limits, now) if asked is not None else []


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
