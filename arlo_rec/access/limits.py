"""Within which limits a grant opens recordings: agents, days, and how many a day.

Purpose, team and end of a grant are held by keys. These limits are held by decision, in every command, and by the log:
who the agent was stands in the metadata that the grant's own keys open, and how many recordings somebody opened today
is counted in the entries that they signed. So with own code, and the keys of the grant, somebody goes beyond them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from arlo_rec.access import metadata
from arlo_rec.access.keyrings import GrantKeyring
from arlo_rec.access.sworn import SwornRows
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import Opened
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import NO_LIMITS, Grant, Recording, RecordingId, from_iso
from arlo_rec.model.times import local_date, start_of_day
from arlo_rec.policy import Action, Decision
from arlo_rec.store import Store

HEARD_ENOUGH: Final = Decision.no("access.need", "heard_enough")
HEARD: Final = frozenset({Action.EXPORT, Action.LISTEN, Action.HEAR, Action.REVIEW_LISTEN})


def within(store: Store, grants: Sequence[Grant], recording: Recording) -> list[Grant]:
    """The grants, of those for the recording's team and a purpose, in whose days and agents it is."""
    of_days = [grant for grant in grants if grant.limits.has_day(recording.started_at)]
    if not any(grant.limits.agents for grant in of_days):
        return of_days
    agent = _agent(store, of_days, recording)
    return [grant for grant in of_days if grant.limits.has_agent(agent)]


def _agent(store: Store, grants: Sequence[Grant], recording: Recording) -> str | None:
    """Who answered a call, as far as the grants' keys open its metadata; None where that is damaged or gone."""
    try:
        keys = metadata.erasure_keys(store, [recording])
        found = next(metadata.open_each(store, [recording], GrantKeyring(store, grants), keys), None)
    except Integrity:
        return None
    return str(found[1]["agent"]) if found is not None and found[1] is not None else None


def with_room(store: Store, grants: Sequence[Grant], recording: RecordingId, now: datetime) -> Grant | None:
    """The first of *grants* by which this recording may be heard today; None where each has its number for today."""
    free = next((grant for grant in grants if grant.limits.per_day is None), None)
    if free is not None or not grants:
        return free
    log = SwornRows(store)
    today = {_call(log, each) for each in _heard_today(store, now)}
    if _call(log, recording) in today:
        return grants[0]
    return next((grant for grant in grants if len(today) < (grant.limits.per_day or 0)), None)


def _call(log: SwornRows, recording: RecordingId) -> RecordingId:
    """The call of which a recording is the original or a copy."""
    sworn = log.of_id(recording)
    return sworn.parent if sworn is not None and sworn.parent is not None else recording


def _heard_today(store: Store, now: datetime) -> Iterable[RecordingId]:
    """What this person opened to be heard since midnight in Oslo, by the entries that they signed.

    An entry of before ends the search, unless they signed it themselves: own code can write any time into one.
    """
    midnight = start_of_day(local_date(now))
    for entry in store.log.newest_first():
        body = entry.body or {}
        is_own = body.get("person") == store.person.name
        if not is_own and _is_before(body.get("at"), midnight):
            return
        event = audit_events.read(body) if is_own else None
        if isinstance(event, Opened) and event.action in HEARD and not _is_before(body.get("at"), midnight):
            signer = store.signer_of(entry.seq)
            if signer is not None and signer.name == store.person.name:
                yield from event.recordings


def _is_before(at: object, midnight: datetime) -> bool:
    try:
        return from_iso(str(at)) < midnight
    except ValueError:
        return False


def are_limited(grants: Iterable[Grant]) -> bool:
    """Whether one of some grants is limited at all."""
    return any(grant.limits != NO_LIMITS for grant in grants)
