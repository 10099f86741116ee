"""The clock of this machine against the log, and an officer's acceptance of a clock that is behind it.

While the clock is behind, `Store.demand_clock` refuses to open, to take in and to grant. A clock that was ahead may
have written an entry of the year 2099; so an officer can accept the clock, with a reason and in the log.
"""

from __future__ import annotations

from datetime import datetime

from arlo_rec.law.log.events import ClockAccepted, Denied, GrantRevoked
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.records import to_iso
from arlo_rec.office.grants import facts
from arlo_rec.policy import CLOCK_MARGIN, Action, clock_against_log, reason_problem
from arlo_rec.vault.access import grant_keys
from arlo_rec.vault.opened import Change, Store


class Newest(Record, frozen=True):
    """The newest entry of the log, and its person (None: that entry is gone)."""

    entry: int
    at: datetime
    person: str | None


class Reading(Record, frozen=True):
    """The clock against the log's time."""

    now: datetime
    behind: bool
    behind_s: int  # seconds by which it is behind the newest entry
    newest: Newest
    last_purge: datetime | None  # when the last purge finished
    accepted: int | None  # the newest entry by which an officer accepted the clock


def read(store: Store, now: datetime) -> Reading:
    """The clock against the log; raises NotGranted."""
    store.demand(Action.LOOK_AFTER, now)
    time = store.clock.get()
    entry = store.log.entries.get(time.newest.seq)
    person = entry.person if entry is not None and entry.body is not None else None
    accepted = time.accepted.seq if time.accepted.seq >= 0 else None
    behind = not clock_against_log(now, time.newest.at).allowed
    behind_s = max(0, int((time.newest.at - now).total_seconds()))
    return Reading(now, behind, behind_s, Newest(time.newest.seq, time.newest.at, person), time.last_purge(), accepted)


def accept(store: Store, reason: str | None, now: datetime) -> int:
    """Accept the clock; return the number of the entry before which none counts as time any more.

    Grants that a clock ahead of time gave or approved end, because their seven days never passed. Raises NotGranted,
    and Usage without a reason or if the clock is not behind, each after its log entry.
    """
    store.demand(Action.CLOCK, now)
    newest = store.clock.get().newest.at
    problem = reason_problem(reason) or ("clock_not_behind" if clock_against_log(now, newest).allowed else None)
    if problem is not None or reason is None:
        store.note(Denied(action=Action.CLOCK, rule="security.reason", code=str(problem)), now)
        raise Usage(str(problem), rule="security.reason")
    with store.change(now) as change:
        accepted = change.log(ClockAccepted(reason=reason, before=change.next_seq, newest=to_iso(newest)))
        _end_given_ahead(store, change, now)
        return accepted


def _end_given_ahead(store: Store, change: Change, now: datetime) -> None:
    """End the grants that were given or approved at a time after the accepted clock."""
    ahead = {
        grant.id
        for grant in store.roster.grants
        if max([grant.starts_at, *(approval.at for approval in grant.approvals)]) > now + CLOCK_MARGIN
        and not grant_keys.is_over(grant, now)
    }
    if not ahead:
        return
    for grant in store.roster.grants:
        if grant.id in ahead:
            change.log(GrantRevoked(**facts(grant)))
    left = tuple(grant.ended(now) if grant.id in ahead else grant for grant in store.roster.grants)
    store.put(store.roster.next(now, grants=left))
    grant_keys.close(store, ahead)
