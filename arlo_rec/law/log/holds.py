"""A hold on recordings, by the log: proposed, set, denied or lifted (GDPR 18)."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from arlo_rec.law.log.events import HoldDenied, HoldLifted, HoldProposed, HoldSet, OfHold
from arlo_rec.law.model.records import RecordingId, from_iso
from arlo_rec.law.rights import HoldGround
from arlo_rec.policy import FOUR_EYES


class HoldState(StrEnum):
    """The states of a hold; it holds only while it is set."""

    WAITS = "waits"  # for a second officer
    SET = "set"
    DENIED = "denied"
    LIFTED = "lifted"
    OVER = "over"  # it ended, or nobody decided on it


class LoggedHold(NamedTuple):
    """A hold by the log."""

    id: str
    ground: HoldGround
    calls: frozenset[RecordingId]
    until: datetime
    by: str
    at: datetime
    reason: str
    set_at: datetime | None = None
    approved_by: str | None = None
    denied_at: datetime | None = None
    lifted_at: datetime | None = None

    def state(self, now: datetime) -> HoldState:
        """The state at *now*."""
        if self.lifted_at is not None:
            return HoldState.LIFTED
        if self.denied_at is not None:
            return HoldState.DENIED
        if now >= self.until or (self.set_at is None and now >= self.at + FOUR_EYES):
            return HoldState.OVER
        return HoldState.WAITS if self.set_at is None else HoldState.SET

    def holds(self, recording: RecordingId, now: datetime) -> bool:
        """Whether it holds that call at *now*."""
        return recording in self.calls and self.state(now) is HoldState.SET


def follow(holds: MutableMapping[str, LoggedHold], event: OfHold, at: datetime, by: str) -> None:
    """Apply an event of that time, by that officer, to *holds*; a malformed one changes none."""
    try:
        known = holds.get(event.request)
        match event:
            case HoldProposed():
                facts = (HoldGround(event.ground), frozenset(event.recordings), from_iso(event.until))
                holds[event.id] = LoggedHold(event.id, *facts, by, at, event.reason)
            case HoldSet() if known is not None:
                holds[event.request] = known._replace(set_at=at, approved_by=by if by != known.by else None)
            case HoldDenied() if known is not None:
                holds[event.request] = known._replace(denied_at=at)
            case HoldLifted() if known is not None:
                holds[event.request] = known._replace(lifted_at=at)
    except (TypeError, ValueError, OverflowError):
        return
