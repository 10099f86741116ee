"""Calls on hold by the log: kept beyond their retention, and closed to both purposes (GDPR 18).

A hold is for a person who is recorded, for a request or complaint of theirs, or for an order. It names calls; their
copies are on hold with them. A withdrawal ends it, unless the person themselves asked that the call be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from arlo_rec.log.events import OfHold
from arlo_rec.log.holds import HoldState, LoggedHold, follow
from arlo_rec.model.records import Recording, RecordingId
from arlo_rec.rights import outlives_withdrawal
from arlo_rec.store import Store


def logged(store: Store) -> dict[str, LoggedHold]:
    """Every hold by its id, in the order of the log."""
    holds: dict[str, LoggedHold] = {}
    for entry in store.log.entries.of_requests():
        event = entry.event
        if isinstance(event, OfHold):
            follow(holds, event, entry.at, entry.person)
    return holds


def active(store: Store, now: datetime) -> dict[RecordingId, LoggedHold]:
    """The hold of each call on hold; of several, the one that lasts longest."""
    at, calls = store.clock.today(now), dict[RecordingId, LoggedHold]()
    live = (hold for hold in logged(store).values() if hold.state(at) is HoldState.SET)
    for hold in sorted(live, key=lambda hold: hold.until):
        calls |= dict.fromkeys(hold.calls, hold)
    return calls


def of(recording: Recording, on_hold: Mapping[RecordingId, LoggedHold]) -> LoggedHold | None:
    """The hold of a call, or of the call that a copy was made of."""
    return on_hold.get(recording.parent or recording.id)


def ends_at(store: Store, recording: Recording, on_hold: Mapping[RecordingId, LoggedHold]) -> datetime:
    """When a recording is due to be erased: by the policy, or at the end of its hold."""
    hold, ends = of(recording, on_hold), store.policy.ends_at(recording)
    return max(ends, hold.until) if hold is not None else ends


def due(store: Store, at: datetime) -> list[Recording]:
    """The recordings to be erased at *at*: past retention, or withdrawn while on hold; and on no hold."""
    every = {row.id: row for row in store.catalogue.search.past_retention(at, store.policy.latest_due(at))}
    every |= {row.id: row for row in withdrawn(store)}
    on_hold = active(store, at)
    return [recording for recording in every.values() if of(recording, on_hold) is None]


def count_due(store: Store, at: datetime) -> int:
    """The number of recordings to be erased at *at*."""
    if not logged(store):
        return store.catalogue.search.count_past_retention(at, store.policy.latest_due(at))
    return len(due(store, at))


def is_withdrawn(store: Store, recording: Recording) -> bool:
    """Whether the consent to a held recording was withdrawn while it was on hold."""
    return any(row.id == recording.id for row in withdrawn(store))


def withdrawn(store: Store) -> list[Recording]:
    """The held recordings whose consent was withdrawn while they were on hold, also if their hold has ended."""
    since: dict[RecordingId, datetime] = {}
    for hold in logged(store).values():
        if hold.set_at is not None and outlives_withdrawal(hold.ground):
            since |= {call: min(hold.set_at, since.get(call, hold.set_at)) for call in hold.calls}
    rows = store.catalogue.search.of_withdrawn(store.log.tree().size) if since else []
    return [row for seq, row in rows if _is_after(store, seq, since.get(row.parent or row.id))]


def _is_after(store: Store, seq: int, since: datetime | None) -> bool:
    entry = store.log.entries.get(seq)
    return since is not None and entry is not None and entry.body is not None and entry.at >= since


def kept_for_person(store: Store, recordings: Iterable[Recording], now: datetime) -> list[Recording]:
    """The recordings that a withdrawal leaves, because the person asked that they be kept."""
    on_hold = active(store, now)
    if not on_hold:
        return []
    of_each = ((recording, of(recording, on_hold)) for recording in recordings)
    return [recording for recording, hold in of_each if hold is not None and outlives_withdrawal(hold.ground)]
