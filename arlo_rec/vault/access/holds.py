"""Calls on hold by the log: kept beyond their retention, and closed to both purposes (GDPR 18).

A hold is for a person who is recorded, for a request or complaint of theirs, or for an order. It names calls; their
copies are on hold with them. A withdrawal ends it, unless the person themselves asked that the call be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from arlo_rec.law.log.events import OfHold
from arlo_rec.law.log.registers import HoldState, LoggedHold, follow_hold
from arlo_rec.law.model.policy_versions import Policy
from arlo_rec.law.model.records import Recording, RecordingId
from arlo_rec.law.rights import outlives_withdrawal
from arlo_rec.policy import is_due
from arlo_rec.vault.opened import Store


class Holds(NamedTuple):
    """The holds in force, and the recordings whose consent was withdrawn while a hold kept them."""

    policy: Policy
    by_call: Mapping[RecordingId, Sequence[LoggedHold]]
    withdrawn: Mapping[RecordingId, Recording]  # also where their hold has ended

    def every(self, recording: Recording) -> list[LoggedHold]:
        """The holds that keep a recording; after a withdrawal only those for which the person asked."""
        of_call = self.by_call.get(recording.parent or recording.id, ())
        return [hold for hold in of_call if recording.id not in self.withdrawn or outlives_withdrawal(hold.ground)]

    def of(self, recording: Recording) -> LoggedHold | None:
        """The hold of a recording; of several, first one that outlives a withdrawal, then the longest."""
        return max(self.every(recording), key=lambda it: (outlives_withdrawal(it.ground), it.until), default=None)

    def until(self, recording: Recording) -> datetime | None:
        """The end of the last hold of a recording; None without one."""
        return max((hold.until for hold in self.every(recording)), default=None)

    def is_kept_for_person(self, recording: Recording) -> bool:
        """Whether a withdrawal leaves a recording, because the person asked that it be kept."""
        return (hold := self.of(recording)) is not None and outlives_withdrawal(hold.ground)

    def ends_at(self, recording: Recording) -> datetime:
        """The instant at which a recording is due: by the policy, or at the end of its last hold."""
        until, ends = self.until(recording), self.policy.ends_at(recording)
        if until is None:
            return ends
        return until if recording.id in self.withdrawn else max(until, ends)

    def is_over(self, recording: Recording, at: datetime) -> bool:
        """Whether a recording is to be erased at *at*: past retention or withdrawn, and on no hold."""
        is_past = recording.id in self.withdrawn or is_due(self.policy.ends_at(recording), at)
        return is_past and not self.every(recording)

    def closes(self, recording: Recording) -> bool:
        """Whether a recording is closed to both purposes: on hold, or withdrawn."""
        return recording.id in self.withdrawn or bool(self.every(recording))


def logged(store: Store) -> dict[str, LoggedHold]:
    """Every hold by its id, in the order of the log."""
    holds: dict[str, LoggedHold] = {}
    for entry in store.log.entries.of_requests(OfHold):
        event = entry.event
        if isinstance(event, OfHold):
            follow_hold(holds, event, entry.at, entry.person)
    return holds


def at(store: Store, now: datetime) -> Holds:
    """The holds in force."""
    return _in_force(store, store.clock.today(now))


def due(store: Store, at: datetime) -> list[Recording]:
    """The recordings to be erased at *at*: past retention, or withdrawn while on hold; and on no hold."""
    past, holds = store.catalogue.search.past_retention(at, store.policy.latest_due(at)), _in_force(store, at)
    every = {row.id: row for row in past} | dict(holds.withdrawn)
    return [recording for recording in every.values() if holds.is_over(recording, at)]


def count_due(store: Store, *instants: datetime) -> list[int]:
    """The number of recordings to be erased at each instant."""
    if not logged(store):
        return store.catalogue.search.count_past_retention([(at, store.policy.latest_due(at)) for at in instants])
    return [len(due(store, at)) for at in instants]


def _in_force(store: Store, at: datetime) -> Holds:
    every, by_call = logged(store).values(), dict[RecordingId, list[LoggedHold]]()
    for hold in every:
        for call in hold.calls if hold.state(at) is HoldState.SET else ():
            by_call.setdefault(call, []).append(hold)
    return Holds(store.policy, by_call, {row.id: row for row in _withdrawn(store, every)})


def _withdrawn(store: Store, holds: Iterable[LoggedHold]) -> list[Recording]:
    """The held recordings whose consent was withdrawn while one of *holds* kept them."""
    since: dict[RecordingId, datetime] = {}
    for hold in holds:
        if hold.set_at is not None and outlives_withdrawal(hold.ground):
            since |= {call: min(hold.set_at, since.get(call, hold.set_at)) for call in hold.calls}
    rows = store.catalogue.search.of_withdrawn(store.log.tree().size) if since else []
    return [row for seq, row in rows if _is_after(store, seq, since.get(row.parent or row.id))]


def _is_after(store: Store, seq: int, since: datetime | None) -> bool:
    entry = store.log.entries.get(seq)
    return since is not None and entry is not None and entry.body is not None and entry.at >= since
