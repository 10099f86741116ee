"""What waits for a second officer: approved, denied, or over after seven days (access.officer).

Who may decide stands in `keys.four_eyes`. A grant that is approved bites from then on; whoever approved it signs the
link of the chain that it comes with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from arlo_rec.access import grant_history, grant_keys
from arlo_rec.admin import break_glass
from arlo_rec.admin.grants import facts, id_of
from arlo_rec.keys import four_eyes
from arlo_rec.log.events import Denied, GrantApproved, GrantDenied
from arlo_rec.model.errors import Integrity, InUse, NotGranted, NothingMatched, Refused, Unreachable
from arlo_rec.model.policy_versions import demanded_reason
from arlo_rec.model.progress import Observer, unobserved
from arlo_rec.model.records import Approval, Grant
from arlo_rec.policy import Action
from arlo_rec.store import Store


def approve(store: Store, grant_id: str, now: datetime, observer: Observer = unobserved) -> Grant:
    """Approve a pending grant, which makes it live.

    One that was given in an emergency its own giver approves, once somebody else knows of it (`admin.break_glass`).

    Raises NothingMatched where none of that id waits, NotGranted to the wrong officer.
    """
    store.demand(Action.GRANT, now)
    store.demand_clock(Action.GRANT, now)
    with _logged_refusal(store, now), store.root.lock(exclusive=False, wait=store.lock_wait):
        held = store.read_root()
        with store.change(now) as change:
            pending, agreed = _waiting(store, grant_id, now), None
            if pending.glass and pending.by == store.person.name:
                agreed = break_glass.agreed_by(store, pending, now)
                if agreed is None:
                    raise Refused("glass_unknown", rule="access.officer", id=pending.id)
            pending = pending if agreed is not None else _decidable(store, grant_id, now)
            if (person := store.roster.person(pending.person)) is None:
                raise NothingMatched("no_pending_grant", id=grant_id)
            approval = Approval(agreed or store.person.name, now)
            approved = replace(pending, state="live", approvals=(approval,))
            _put(store, approved, now)
            grant_keys.open_grant(store, approved, person, held)
            change.log(GrantApproved(**facts(approved)))
    with suppress(InUse, Unreachable):  # as with a grant
        grant_history.finish(store, now, observer)
    return approved


def deny(store: Store, grant_id: str, reason: str | None, now: datetime) -> Grant:
    """End a pending grant, with a reason; raises Usage, and what `approve` raises."""
    store.demand(Action.GRANT, now)
    why = demanded_reason(reason)
    with _logged_refusal(store, now), store.change(now) as change:
        denied = replace(_decidable(store, grant_id, now).ended(now), state="denied")
        _put(store, denied, now)
        grant_keys.close(store, {denied.id})
        change.log(GrantDenied(why=why, **facts(denied)))
    return denied


def waiting(store: Store, now: datetime) -> tuple[Grant, ...]:
    """The grants that wait for a second officer."""
    return tuple(each for each in store.roster.grants if each.waits(now))


def may_approve(store: Store, grant: Grant, now: datetime) -> bool:
    """Whether this officer may approve it: as a second one, or her own in an emergency that somebody knows of."""
    if grant.glass and grant.by == store.person.name:
        return break_glass.agreed_by(store, grant, now) is not None
    return store.person.name in four_eyes.second_officers(store.roster, grant.by, grant.person, now)


class _NotSecond(NotGranted):
    """This officer is no second pair of eyes for what somebody gets."""

    def __init__(self, to: str) -> None:
        super().__init__("not_second", rule="access.officer")
        self.to = to


@contextmanager
def _logged_refusal(store: Store, now: datetime) -> Iterator[None]:
    """Log that this officer is no second pair of eyes, which is found inside a change that then did not take place."""
    try:
        yield
    except _NotSecond as refusal:
        store.note(Denied(action=Action.GRANT, rule="access.officer", code=refusal.code, to=refusal.to), now)
        raise


def _decidable(store: Store, grant_id: str, now: datetime) -> Grant:
    """A pending grant that this officer may decide; inside the change that does: the roster may be another by then."""
    pending = _waiting(store, grant_id, now)
    if store.person.name not in four_eyes.second_officers(store.roster, pending.by, pending.person, now):
        raise _NotSecond(pending.person)
    return pending


def _waiting(store: Store, grant_id: str, now: datetime) -> Grant:
    """The grant that waits and is meant; raises Integrity where its id is the digest of another."""
    found = next((each for each in waiting(store, now) if each.id == grant_id), None)
    if found is None:
        raise NothingMatched("no_pending_grant", id=grant_id)
    if id_of(found) != found.id:
        raise Integrity("changed", rule="access.officer", id=found.id)
    return found


def _put(store: Store, changed: Grant, now: datetime) -> None:
    grants = tuple(changed if each.id == changed.id else each for each in store.roster.grants)
    store.put(store.roster.next(now, grants=grants))
