"""Emergency access (break-glass): an officer's own grant that a manager's agreement approves, visible to all.

If no second officer can be reached, a manager may log that they know of the grant; then the officer approves her own
access, for a day at most. `status` is critical for a week, and the other officers' `todo` names it. The officer must
not be able to act as the agreeing manager.
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
    """The emergency grants that wait for an agreement."""
    return [grant for grant in store.roster.grants if grant.glass and grant.is_pending(now)]


def agree(store: Store, grant: Grant, now: datetime) -> Grant:
    """Agree to a pending emergency grant; raises NotGranted if its giver or taker could act as this person."""
    store.demand(Action.BREAK_GLASS, now)
    store.demand_clock(Action.BREAK_GLASS, now)
    if not _is_another(store, store.person.name, grant, now):
        denied = Denied(action=Action.BREAK_GLASS, rule="access.officer", code="not_second", to=grant.person)
        store.note(denied, now)
        raise NotGranted("not_second", rule="access.officer")
    store.note(GlassAgreed(glass=grant.id, to=grant.person), now)
    return grant


def agreed_by(store: Store, grant: Grant, now: datetime) -> str | None:
    """A person who agreed and still may; None without one."""
    for entry in store.log.entries.holding([f'"glass":"{grant.id}"'], taken_in=False):
        event, person = entry.event, store.roster.person(entry.person)
        if not isinstance(event, GlassAgreed) or person is None:
            continue
        if may(person.role, Action.BREAK_GLASS).allowed and _is_another(store, person.name, grant, now):
            return person.name
    return None


def _is_another(store: Store, name: str, grant: Grant, now: datetime) -> bool:
    return not any(four_eyes.is_own(store.roster, name, officer, now) for officer in {grant.by, grant.person})


def broken(store: Store, now: datetime) -> list[Grant]:
    """The emergency grants approved within the last week, live or not."""
    return [
        grant
        for grant in store.roster.grants
        if grant.glass and grant.was_live and grant.approvals and now < grant.approvals[-1].at + GLASS_ALARMS
    ]
