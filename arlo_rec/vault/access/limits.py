"""Limits of a grant: agents, days, and recordings a day.

Keys enforce the purpose, team and end of a grant; each command enforces these limits. The agent stands in the
metadata, which the grant's own keys open; recordings opened today are counted in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from arlo_rec.law.log.events import Opened
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import NO_LIMITS, Grant, Recording, RecordingId
from arlo_rec.law.model.times import local_date, start_of_day
from arlo_rec.policy import Action, Decision
from arlo_rec.vault.access import metadata
from arlo_rec.vault.access.keyrings import GrantKeyring
from arlo_rec.vault.opened import Store

HEARD_ENOUGH: Final = Decision.no("access.need", "heard_enough")
MARGIN: Final = timedelta(hours=1)  # a command that ran over midnight may log its time this late
HEARD: Final = frozenset({Action.EXPORT, Action.LISTEN, Action.REVIEW_LISTEN})


def within(store: Store, grants: Sequence[Grant], recording: Recording) -> list[Grant]:
    """Those of *grants* (all for the recording's team and purpose) whose days and agents include it."""
    of_days = [grant for grant in grants if grant.limits.has_day(recording.started_at)]
    if not any(grant.limits.agents for grant in of_days):
        return of_days
    agent = _agent(store, of_days, recording)
    return [grant for grant in of_days if grant.limits.has_agent(agent)]


def _agent(store: Store, grants: Sequence[Grant], recording: Recording) -> str | None:
    """The agent of a call, as far as the grants' keys open its metadata; None if it is damaged or gone."""
    try:
        keys = metadata.erasure_keys(store, [recording])
        opened = next(metadata.open_each(store, [recording], GrantKeyring(store, grants), keys), None)
    except Integrity:
        return None
    return str(opened[1]["agent"]) if opened is not None and opened[1] is not None else None


def with_room(store: Store, grants: Sequence[Grant], recording: RecordingId, now: datetime) -> Grant | None:
    """The first of *grants* by which this recording may be heard today; None if all have reached their number."""
    free = next((grant for grant in grants if grant.limits.per_day is None), None)
    if free is not None or not grants:
        return free
    today = {_call_of(store, heard) for heard in _heard_today(store, now)}
    if _call_of(store, recording) in today:
        return grants[0]
    return next((grant for grant in grants if len(today) < (grant.limits.per_day or 0)), None)


def _call_of(store: Store, recording: RecordingId) -> RecordingId:
    """The call of an original or a copy."""
    row = store.catalogue.recordings.get(recording)
    return row.parent if row is not None and row.parent is not None else recording


def _heard_today(store: Store, now: datetime) -> Iterable[RecordingId]:
    """Recordings that this person opened to hear since midnight in Oslo; earlier entries end the search."""
    midnight = start_of_day(local_date(now))
    for entry in store.log.entries.newest_first():
        if entry.body is None:
            continue
        if entry.at < midnight - MARGIN:
            return
        event = entry.event
        if isinstance(event, Opened) and event.action in HEARD and entry.person == store.person.name:
            yield from event.recordings if entry.at >= midnight else ()


def included(store: Store, grants: Sequence[Grant], calls: Sequence[Recording]) -> set[RecordingId]:
    """The calls within the limits of a grant for their team; the grants cover every call's team."""
    if not are_limited(grants):
        return {call.id for call in calls}
    return {
        call.id
        for call in calls
        if within(store, [grant for grant in grants if grant.opens(grant.purpose, call.team)], call)
    }


def are_limited(grants: Iterable[Grant]) -> bool:
    """Whether any of these grants is limited."""
    return any(grant.limits != NO_LIMITS for grant in grants)
