"""Approvals of pending grants by a second officer: approved, denied, or expired after seven days (access.officer).

`keys.four_eyes` says which officer may decide. An approved grant is live from then on; the approving officer signs
the link of the chain that carries it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from arlo_rec.law.log.events import Denied, GlassAgreed, GrantApproved, GrantDenied
from arlo_rec.law.model.errors import Integrity, InUse, NotGranted, NothingMatched, Refused, Unreachable
from arlo_rec.law.model.policy_versions import demanded_reason
from arlo_rec.law.model.progress import Observer, unobserved
from arlo_rec.law.model.records import Approval, Grant
from arlo_rec.office.grants import facts, id_of
from arlo_rec.policy import GLASS_ALARMS, Action, may
from arlo_rec.vault.access import grant_history, grant_keys
from arlo_rec.vault.keys import four_eyes
from arlo_rec.vault.opened import Store

# -- break glass -------------------------------------------------------------------------------------
# Emergency access (break-glass): an officer's own grant that a manager's agreement approves, visible to all.
#
# If no second officer can be reached, a manager may log that they know of the grant; then the officer approves her own
# access, for a day at most. `status` is critical for a week, and the other officers' `todo` names it. The officer must
# not be able to act as the agreeing manager.


def break_glass_waiting(store: Store, now: datetime) -> list[Grant]:
    """The emergency grants that wait for an agreement."""
    return [grant for grant in store.roster.grants if grant.glass and grant.is_pending(now)]


def agree(store: Store, grant: Grant, now: datetime) -> Grant:
    """Agree to a pending emergency grant; raises NotGranted if its giver or taker could act as this person."""
    store.demand(Action.BREAK_GLASS, now)
    store.demand_clock(Action.BREAK_GLASS, now)
    store.demand_approved(Action.BREAK_GLASS, now)
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


# -- approvals --------------------------------------------------------------------------------------


def approve(store: Store, grant_id: str, now: datetime, observer: Observer = unobserved) -> Grant:
    """Approve a pending grant, which makes it live.

    The officer's own emergency grant takes a manager's agreement instead of a second officer (`agree`).
    Raises NothingMatched if no grant of that id is pending, NotGranted to the wrong officer.
    """
    store.demand(Action.GRANT, now)
    store.demand_clock(Action.GRANT, now)
    store.demand_approved(Action.GRANT, now)
    with _logged_refusal(store, now), store.root.lock(exclusive=False, wait=store.lock_wait):
        held = store.read_root()
        with store.change(now, held) as change:
            pending, agreed = _waiting(store, grant_id, now), None
            if pending.glass and pending.by == store.person.name:
                agreed = agreed_by(store, pending, now)
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
    with suppress(InUse, Unreachable):  # as in `grants.grant`
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
    return tuple(grant for grant in store.roster.grants if grant.is_pending(now))


def may_approve(store: Store, grant: Grant, now: datetime) -> bool:
    """Whether this officer may approve a grant: as a second one, or her own emergency grant once a manager agreed."""
    if grant.glass and grant.by == store.person.name:
        return agreed_by(store, grant, now) is not None
    return store.person.name in four_eyes.second_officers(store.roster, grant.by, grant.person, now)


class _NotSecond(NotGranted):
    """This officer may not be the second one for a grant."""

    def __init__(self, to: str) -> None:
        super().__init__("not_second", rule="access.officer")
        self.to = to


@contextmanager
def _logged_refusal(store: Store, now: datetime) -> Iterator[None]:
    """Log the refusal of a change by `_NotSecond`; the change itself did not take place."""
    try:
        yield
    except _NotSecond as refusal:
        store.note(Denied(action=Action.GRANT, rule="access.officer", code=refusal.code, to=refusal.to), now)
        raise


def _decidable(store: Store, grant_id: str, now: datetime) -> Grant:
    """A pending grant that this officer may decide; inside the change, because the roster may have changed."""
    pending = _waiting(store, grant_id, now)
    if store.person.name not in four_eyes.second_officers(store.roster, pending.by, pending.person, now):
        raise _NotSecond(pending.person)
    return pending


def _waiting(store: Store, grant_id: str, now: datetime) -> Grant:
    """The pending grant of that id; raises Integrity if its content does not match the id."""
    pending = next((grant for grant in waiting(store, now) if grant.id == grant_id), None)
    if pending is None:
        raise NothingMatched("no_pending_grant", id=grant_id)
    if id_of(pending) != pending.id:
        raise Integrity("changed", rule="access.officer", id=pending.id)
    return pending


def _put(store: Store, changed: Grant, now: datetime) -> None:
    grants = tuple(changed if grant.id == changed.id else grant for grant in store.roster.grants)
    store.put(store.roster.next(now, grants=grants))
