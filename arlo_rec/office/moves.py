"""Moves of the catalogue and of the objects, which two officers approve where there are two.

The owner's account moves them, and an officer's key is demanded. Her first run proposes; a second officer reads from
where to where, and approves; then the same command carries it out. An approval is for these two places, for seven days
and for one move: the entry of the move names it. It ends when one of its officers leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, assert_never

from arlo_rec.law.log.events import CatalogueMoved, Denied, MoveApproved, MoveDenied, MoveProposed, ObjectsMoved
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import NotGranted, NothingMatched
from arlo_rec.law.model.policy_versions import demanded_reason
from arlo_rec.policy import FOUR_EYES, Action
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import four_eyes
from arlo_rec.vault.opened import Store

_RULE = "access.officer"


class Part(StrEnum):
    """The parts of a store that lie where its owner says."""

    CATALOGUE = "catalogue"
    OBJECTS = "objects"

    @property
    def action(self) -> Action:
        """The action that moves it."""
        match self:
            case Part.CATALOGUE:
                return Action.MOVE_CATALOGUE
            case Part.OBJECTS:
                return Action.MOVE_OBJECTS
            case _:
                assert_never(self)


class MoveState(StrEnum):
    """The states of a proposed move."""

    WAITS = "waits"  # for a second officer
    APPROVED = "approved"
    DENIED = "denied"
    DONE = "done"
    OVER = "over"  # its time ended, or one of its officers left


class Move(NamedTuple):
    """A proposed move by the log."""

    id: str
    part: Part
    before: str
    to: str
    by: str
    at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    is_denied: bool = False
    is_done: bool = False

    @property
    def ends_at(self) -> datetime:
        """When it expires undecided, or unused."""
        return (self.approved_at or self.at) + FOUR_EYES

    def state(self, officers: Collection[str], now: datetime) -> MoveState:
        """The state at *now*, with these officers."""
        if self.is_done:
            return MoveState.DONE
        if self.is_denied:
            return MoveState.DENIED
        if now >= self.ends_at or not {self.by, self.approved_by or self.by} <= {*officers}:
            return MoveState.OVER
        return MoveState.WAITS if self.approved_at is None else MoveState.APPROVED


class MoveShown(Record, frozen=True):
    """A proposed move as answers show it."""

    id: str
    part: Part
    before: str
    to: str
    by: str
    approved_by: str | None
    state: MoveState

    @classmethod
    def of_move(cls, move: Move) -> MoveShown:
        """The answer's part about a move that was decided."""
        state = MoveState.DENIED if move.is_denied else MoveState.APPROVED
        return cls(move.id, move.part, move.before, move.to, move.by, move.approved_by, state)


def demand_approved(store: Store, part: Part, before: str, to: str, now: datetime) -> None:
    """Raise NotGranted where a second officer has to approve this move first; it is proposed then."""
    me = store.person.name
    if not four_eyes.needs_second(store.roster, me, me, now):
        return
    store.demand_clock(part.action, now)
    states = {_state(store, move, now): move for move in _same(store, part, before, to)}
    if MoveState.APPROVED in states:
        return
    waits = states.get(MoveState.WAITS)
    if waits is not None:
        raise NotGranted("move_waits", rule=_RULE, id=waits.id)
    asked = MoveProposed(part=part, before=before, to=to, request=primitives.fresh(8).hex())
    with store.change(now) as change:
        change.log(asked)
    raise NotGranted("move_waits", rule=_RULE, id=asked.id)


def used(store: Store, part: Part, before: str, to: str) -> str | None:
    """The approval that a move used, as its entry names it; None where none was needed."""
    live = [move for move in _same(store, part, before, to) if move.approved_at is not None and not move.is_done]
    return live[-1].id if live else None


def _same(store: Store, part: Part, before: str, to: str) -> list[Move]:
    return [move for move in logged(store).values() if (move.part, move.before, move.to) == (part, before, to)]


def logged(store: Store) -> dict[str, Move]:
    """Every proposed move by its id, in the order of the log."""
    moves: dict[str, Move] = {}
    for entry in store.log.entries.of_requests(MoveProposed, MoveApproved, MoveDenied, CatalogueMoved, ObjectsMoved):
        match entry.event:
            case MoveProposed(part=part, before=before, to=to) as event if part in {*Part}:
                moves[event.id] = Move(event.id, Part(part), before, to, entry.person, entry.at)
            case MoveApproved(request=request) if request in moves:
                moves[request] = moves[request]._replace(approved_by=entry.person, approved_at=entry.at)
            case MoveDenied(request=request) if request in moves:
                moves[request] = moves[request]._replace(is_denied=True)
            case CatalogueMoved(request=str(request)) | ObjectsMoved(request=str(request)) if request in moves:
                moves[request] = moves[request]._replace(is_done=True)
    return moves


def _state(store: Store, move: Move, now: datetime) -> MoveState:
    return move.state({officer.name for officer in store.roster.officers()}, store.clock.today(now))


# -- the second officer -----------------------------------------------------------------------------------


def waiting(store: Store, now: datetime) -> Iterator[Move]:
    """The moves that wait for a second officer."""
    yield from (move for move in logged(store).values() if _state(store, move, now) is MoveState.WAITS)


def may_decide(store: Store, move: Move, now: datetime) -> bool:
    """Whether this officer may be the second one."""
    return four_eyes.may_decide(store.roster, move.by, store.person.name, now)


def approve(store: Store, move: Move, now: datetime) -> Move:
    """Approve a move as the second officer; raises NotGranted to any other, NothingMatched if it waits no more."""
    store.demand(move.part.action, now)
    store.demand_clock(move.part.action, now)
    if not may_decide(store, move, now):
        store.note(Denied(action=move.part.action, rule=_RULE, code="not_second", to=move.by), now)
        raise NotGranted("not_second", rule=_RULE)
    with store.change(now) as change:
        _demand_waits(store, move, now)
        change.log(MoveApproved(request=move.id))
    return logged(store)[move.id]


def deny(store: Store, move: Move, reason: str | None, now: datetime) -> Move:
    """Deny a move, or take back one's own, with a reason; raises Usage, NotGranted, NothingMatched."""
    store.demand(move.part.action, now)
    why = demanded_reason(reason)
    with store.change(now) as change:
        _demand_waits(store, move, now)
        change.log(MoveDenied(request=move.id, why=why))
    return logged(store)[move.id]


def _demand_waits(store: Store, move: Move, now: datetime) -> None:
    if move.id not in {each.id for each in waiting(store, now)}:
        raise NothingMatched("no_pending_grant", id=move.id)
