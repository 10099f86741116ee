"""Cases of people's requests by the log: what was done in each, when it is due and when it ends.

A case's row holds only what is sealed to the officers, and the blind indexes by which a person's next request finds
it.
"""

from __future__ import annotations

from datetime import date, datetime

from arlo_rec.law.log.events import OfCase
from arlo_rec.law.log.registers import CaseState, LoggedCase, follow_case
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.records import RecordingId
from arlo_rec.law.model.times import end_of_day, local_date
from arlo_rec.law.rights import ANSWERED_BY_COPY, Right
from arlo_rec.policy import is_due
from arlo_rec.vault.access import holds
from arlo_rec.vault.access.holds import Holds
from arlo_rec.vault.opened import Store


def logged(store: Store) -> dict[str, LoggedCase]:
    """Every case by its id, ended ones included."""
    cases: dict[str, LoggedCase] = {}
    for entry in store.log.entries.of_cases():
        event = entry.event
        if isinstance(event, OfCase):
            follow_case(cases, event, entry.at, entry.person)
    return cases


def running(store: Store, now: datetime) -> list[LoggedCase]:
    """The cases that have not ended, by deadline."""
    at = store.clock.today(now)
    cases = (case for case in logged(store).values() if case.ends_at > at)
    today = local_date(at)
    return sorted(cases, key=lambda case: (case.due(today), case.received_at))  # then in the log's order


def asked_for(store: Store, now: datetime) -> frozenset[RecordingId]:
    """The recordings of which a person asked for a copy, has shown who they are, and has no answer.

    What is held when a request comes is given; only its 90 days and a withdrawal erase it before (EDPB 01/2022).
    """
    waiting = (case for case in running(store, now) if case.right in ANSWERED_BY_COPY and case.state is CaseState.OPEN)
    return frozenset[RecordingId]().union(*(case.held for case in waiting))


class Waiting(Record, frozen=True):
    """A case without an answer, and the time left."""

    case: str
    right: Right
    received: datetime
    due: date
    days_left: int  # until the deadline, negative after it
    first_erased: datetime | None  # when its first recording goes, if before the deadline
    days_whole: int | None  # until then: a request keeps nothing longer


def urgent(store: Store, now: datetime) -> list[Waiting]:
    """The cases without an answer, by deadline."""
    today = local_date(store.clock.today(now))
    left = [(case, days) for case in running(store, now) if (days := case.days_left(today)) is not None]
    on_hold = holds.at(store, now)
    return [_waiting(store, case, days, on_hold, now) for case, days in left]


def _waiting(store: Store, case: LoggedCase, days: int, on_hold: Holds, now: datetime) -> Waiting:
    first, days_whole = first_erased(store, case, on_hold, now), None
    today = local_date(store.clock.today(now))
    due = case.due(today)
    if first is not None and first < end_of_day(due):
        days_whole = (local_date(first) - today).days
    return Waiting(case.id, case.right, case.received_at, due, days, None if days_whole is None else first, days_whole)


def first_erased(store: Store, case: LoggedCase, on_hold: Holds, now: datetime) -> datetime | None:
    """When the first recording of a case is erased, of those still held; None without one."""
    ends = (on_hold.ends_at(row) for _, row in store.catalogue.search.held_among(case.held))
    return min((end for end in ends if not is_due(end, store.clock.today(now))), default=None)


def over(store: Store, now: datetime) -> set[str]:
    """The ids of ended cases that still have rows."""
    ids = {row.id for row in store.catalogue.cases.rows()}
    return {name for name, case in logged(store).items() if name in ids and case.ends_at <= now} if ids else set()
