"""What the log says of cases of access requests: what was done in each, when it is due, and so when it ends.

A row of a case keeps only what is sealed to the officers, and by which blind indexes a request of the same person finds
it.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from arlo_rec.log.cases import LoggedCase, follow
from arlo_rec.log.events import OfCase
from arlo_rec.model.times import end_of_day, local_date
from arlo_rec.policy import is_due
from arlo_rec.store import Store


def logged(store: Store) -> dict[str, LoggedCase]:
    """Every case, by its id; those that ended too."""
    cases: dict[str, LoggedCase] = {}
    for entry in store.log.entries.of_cases():
        event = entry.event
        if isinstance(event, OfCase):
            follow(cases, event, entry.at)
    return cases


def running(store: Store, now: datetime) -> list[LoggedCase]:
    """The cases that have not ended, those that are due first before the others."""
    at = store.clock.today(now)
    cases = (case for case in logged(store).values() if case.ends_at > at)
    return sorted(cases, key=lambda case: (case.due_on, case.received_at))  # then in the log's order


class Waiting(NamedTuple):
    """A case without an answer, with what is left of its time."""

    case: LoggedCase
    days: int  # until the deadline, negative after it
    first_erased: datetime | None  # when the first of its recordings goes, if that is before its deadline
    days_whole: int | None = None  # until then: nothing is kept longer because of a request


def urgent(store: Store, now: datetime) -> list[Waiting]:
    """The cases without an answer, those that are due first before the others."""
    today = local_date(store.clock.today(now))
    left = ((case, case.days_left(today)) for case in running(store, now))
    return [_waiting(store, case, days, now) for case, days in left if days is not None]


def _waiting(store: Store, case: LoggedCase, days: int, now: datetime) -> Waiting:
    first = first_erased(store, case, now)
    if first is None or first >= end_of_day(case.due_on):
        return Waiting(case, days, None)
    return Waiting(case, days, first, (local_date(first) - local_date(store.clock.today(now))).days)


def first_erased(store: Store, case: LoggedCase, now: datetime) -> datetime | None:
    """When the first of the recordings that a case began with, and that are there, is erased; None without one."""
    ends = (store.policy.ends_at(row) for _, row in store.catalogue.search.held_among(case.held))
    return min((end for end in ends if not is_due(end, store.clock.today(now))), default=None)


def over(store: Store, now: datetime) -> set[str]:
    """The ids of the cases that ended and still have rows."""
    ids = {row.id for row in store.catalogue.cases.rows()}
    return {case for case, each in logged(store).items() if case in ids and each.ends_at <= now} if ids else set()
