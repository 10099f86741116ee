"""Breaking the glass: an officer's own access in an emergency, with somebody else's word, that everybody is told of.

Where a second officer cannot be reached, a manager may say in the log that they know of it, and the officer approves
her own access by that: for a day at most. `status` is critical for a week, and the other officers' `todo` names it.
Whoever says that they know must be nobody as whom the officer could act.
"""

from __future__ import annotations

from datetime import datetime

from arlo_rec.keys import four_eyes
from arlo_rec.log.events import Denied, GlassAgreed
from arlo_rec.model.errors import NotGranted
from arlo_rec.model.records import Grant
from arlo_rec.policy import GLASS_ALARMS, Action, may
from arlo_rec.store import Store


def waiting(store: Store, now: datetime) -> list[Grant]:
    """The grants that wait for somebody's word."""
    return [grant for grant in store.roster.grants if grant.glass and grant.waits(now)]


def agree(store: Store, grant: Grant, now: datetime) -> Grant:
    """Say that one knows of a grant that waits; raises NotGranted to whom the officer could be, or who gets it."""
    store.demand(Action.BREAK_GLASS, now)
    store.demand_clock(Action.BREAK_GLASS, now)
    if not _is_another(store, store.person.name, grant, now):
        denied = Denied(action=Action.BREAK_GLASS, rule="access.officer", code="not_second", to=grant.person)
        store.note(denied, now)
        raise NotGranted("not_second", rule="access.officer")
    store.note(GlassAgreed(glass=grant.id, to=grant.person), now)
    return grant


def agreed_by(store: Store, grant: Grant, now: datetime) -> str | None:
    """Who said that they know of it and may still say so; None where nobody did."""
    for entry in store.log.entries.holding([f'"glass":"{grant.id}"'], taken_in=False):
        event, person = entry.event, store.roster.person(entry.person)
        if not isinstance(event, GlassAgreed) or person is None:
            continue
        if may(person.role, Action.BREAK_GLASS).allowed and _is_another(store, person.name, grant, now):
            return person.name
    return None


def _is_another(store: Store, name: str, grant: Grant, now: datetime) -> bool:
    return not any(four_eyes.is_own(store.roster, name, each, now) for each in {grant.by, grant.person})


def broken(store: Store, now: datetime) -> list[Grant]:
    """What was so approved within the last week, whether it is live still or not."""
    return [
        grant
        for grant in store.roster.grants
        if grant.glass and grant.was_live and grant.approvals and now < grant.approvals[-1].at + GLASS_ALARMS
    ]
