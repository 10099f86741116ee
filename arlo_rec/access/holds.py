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


def without_held(store: Store, due: Iterable[Recording], now: datetime) -> list[Recording]:
    """The recordings of *due* that no hold keeps."""
    on_hold = active(store, now)
    return [recording for recording in due if of(recording, on_hold) is None]


def count_overdue(store: Store, now: datetime) -> int:
    """The number of recordings past retention that no hold keeps."""
    search, latest = store.catalogue.search, store.policy.latest_due(now)
    on_hold = active(store, now)
    if not on_hold:
        return search.count_past_retention(now, latest)
    return sum(of(recording, on_hold) is None for recording in search.past_retention(now, latest))


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
