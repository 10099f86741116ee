"""What waits for a second officer: approved, denied, or over after seven days (access.officer).

Who may decide stands in `keys.four_eyes`. A grant that is approved bites from then on; whoever approved it signs the
link of the chain that it comes with.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from arlo_rec.access import grant_history, grant_keys
from arlo_rec.access.grant_history import Progress
from arlo_rec.admin.grants import facts
from arlo_rec.keys import four_eyes
from arlo_rec.model.audit_events import Denied, GrantApproved, GrantDenied
from arlo_rec.model.errors import InUse, NotGranted, NothingMatched, Unreachable, Usage
from arlo_rec.model.records import Approval, Grant
from arlo_rec.policy import Action, reason_problem
from arlo_rec.store import Store


def approve(store: Store, grant_id: str, now: datetime, progress: Progress = lambda _done, _all: None) -> Grant:
    """Make a pending grant live; raises NothingMatched where none of that id waits, NotGranted to the wrong officer."""
    store.demand(Action.GRANT, now)
    store.demand_clock(Action.GRANT, now)
    _demand_second(store, grant_id, now)
    with store.root.lock(exclusive=False, wait=store.lock_wait):
        held = store.read_root()
        with store.change(now) as change:
            store.load_documents()
            pending = _waiting(store, grant_id, now)
            approval = Approval(store.person.name, now)
            approved = replace(pending, state="live", approvals=(*pending.approvals, approval))
            _put(store, approved, now)
            if (person := store.roster.person(approved.person)) is None:
                raise NothingMatched("no_pending_grant", id=grant_id)
            grant_keys.open_grant(store, approved, person, held)
            change.log(GrantApproved(**facts(approved)))
    with suppress(InUse, Unreachable):  # as with a grant
        grant_history.finish(store, now, progress)
    return approved


def deny(store: Store, grant_id: str, reason: str | None, now: datetime) -> Grant:
    """End a pending grant, with a reason; raises Usage, and what `approve` raises."""
    store.demand(Action.GRANT, now)
    problem = reason_problem(reason)
    if problem or reason is None:
        raise Usage(str(problem), rule="security.reason")
    _demand_second(store, grant_id, now)
    with store.change(now) as change:
        store.load_documents()
        denied = replace(_waiting(store, grant_id, now).ended(now), state="denied")
        _put(store, denied, now)
        grant_keys.close(store, {denied.id})
        change.log(GrantDenied(why=reason, **facts(denied)))
    return denied


def waiting(store: Store, now: datetime) -> tuple[Grant, ...]:
    """The grants that wait for a second officer."""
    return tuple(each for each in store.roster.grants if each.waits(now))


def _demand_second(store: Store, grant_id: str, now: datetime) -> None:
    """Raise NothingMatched, or NotGranted after its log entry, unless this officer is the second pair of eyes."""
    pending = _waiting(store, grant_id, now)
    if not four_eyes.may_approve(store.roster, store.person.name, pending, now):
        denied = Denied(action=Action.GRANT, rule="access.officer", code="not_second", to=pending.person)
        store.note(denied, now)
        raise NotGranted("not_second", rule="access.officer")


def _waiting(store: Store, grant_id: str, now: datetime) -> Grant:
    for each in waiting(store, now):
        if each.id == grant_id:
            return each
    raise NothingMatched("no_pending_grant", id=grant_id)


def _put(store: Store, changed: Grant, now: datetime) -> None:
    grants = tuple(changed if each.id == changed.id else each for each in store.roster.grants)
    store.put_roster(store.roster.next(now, grants=grants))
