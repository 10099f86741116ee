"""What cron does: erase what is 90 days old, and what else ends with time.

A purge would rather be late than destroy a store by a wrong clock: it refuses where the clock jumped or an
unusual share is due, and a clock that was set back is overruled by the time of the last run.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from arlo_rec.access import listening_keys
from arlo_rec.erasure import protocol, receipts
from arlo_rec.erasure.receipts import Erased
from arlo_rec.keys.layout import sweep_half_written
from arlo_rec.model.errors import Refused, Unreachable
from arlo_rec.model.records import Entry, Person, Recording, to_micros
from arlo_rec.offsite import escrow
from arlo_rec.policy import RETENTION, WITHDRAWN_MARGIN, Action, Decision, GuardLimits, guard
from arlo_rec.store import Change, Store


@dataclass(frozen=True, slots=True)
class Plan:
    """What a purge at `now` would erase; `now` is never before the last run."""

    now: datetime
    due: tuple[Recording, ...]
    decision: Decision


@dataclass(frozen=True, slots=True)
class Purged:
    """A purge that nobody can undo; `overdue` is what is still held past its day.

    It is not `complete` while sealed files could not be unlinked; their receipt follows.
    """

    due: tuple[Recording, ...]
    erased: int
    overdue: int
    receipt: Path | None
    complete: bool
    rings_left: tuple[str, ...] = ()  # that could not be emptied


def plan(store: Store, now: datetime, limits: GuardLimits, *, allow_large: bool) -> Plan:
    """What is due, and whether that is believable; raises NotGranted for roles that do not purge."""
    store.demand(Action.PURGE, now)
    mark, at = store.instant("purged_at"), store.today(now)
    due = tuple(store.catalogue.due(at))
    decision = guard(now=at, mark=mark, due=len(due), held=store.catalogue.count("state = 'held'"), limits=limits)
    if allow_large and not decision.allowed:
        decision = Decision(allowed=True, rule=decision.rule, code="allowed_by_hand")
    return Plan(at, due, decision)


def carry_out(store: Store, planned: Plan, now: datetime) -> Purged:
    """Erase what is due; raises Refused (retention.guard) where the plan is not believable."""
    if not planned.decision.allowed:
        with store.change(now) as change:
            change.log(
                store.entry(
                    Action.PURGE,
                    "denied",
                    planned.decision.rule,
                    now,
                    code=planned.decision.code,
                    due=len(planned.due),
                )
            )
        raise Refused("retention.guard", rule="retention.90d", why=planned.decision.code, due=len(planned.due))
    done = _erase(store, planned)
    _end_access(store, planned.now)
    rings_left = tuple(escrow.expire(store, planned.now))
    _tidy(store, planned.now)
    left = store.catalogue.count_due(planned.now)
    complete = done is None or done.complete
    receipt = receipts.file_for(store, done.number) if done is not None and complete else None
    return Purged(planned.due, len(planned.due) - left, left, receipt, complete, rings_left)


def _erase(store: Store, planned: Plan) -> Erased | None:
    if not planned.due:
        return None

    def order() -> protocol.Order:
        return protocol.Order(
            "expiry", planned.decision.rule, tuple(one.id for one in store.catalogue.due(planned.now))
        )

    def tell(change: Change, wanted: protocol.Order) -> None:
        entry = store.entry(Action.PURGE, "done", planned.decision.rule, planned.now, count=len(wanted.recordings))
        change.log(entry.naming(*wanted.recordings))

    return protocol.carry_out(store, order, planned.now, tell)


def _end_access(store: Store, now: datetime) -> None:
    """What a grant opened is closed when its time is over; whoever lost the last one loses the root seed too."""
    outlived = [one for one in store.roster.people if listening_keys.outlived(store, one, now)]
    if not protocol.expired_holders(store, now):
        if outlived:
            with store.change(now) as change:
                for person in outlived:
                    listening_keys.close_to(store, person, now)
                change.log(_expired(store, outlived, now))
        return

    def end(change: Change) -> Sequence[Person]:
        store.load_documents()
        ended = protocol.expired_holders(store, now)
        for person in {one.name: one for one in (*outlived, *ended)}.values():
            listening_keys.close_to(store, person, now)
        change.log(_expired(store, ended, now))
        return protocol.root_holders(store, now)

    protocol.replace_root(store, now, end)


def _expired(store: Store, people: Sequence[Person], now: datetime) -> Entry:
    return store.entry("grant", "done", "access.managers", now, expired=[one.name for one in people])


def _tidy(store: Store, now: datetime) -> None:
    """Move the mark of the last run, and drop what no late delivery can meet any more."""
    before = now - RETENTION - WITHDRAWN_MARGIN
    with suppress(Unreachable):
        sweep_half_written(store.place, now)
    with store.change(now) as change:
        store.set_instant("purged_at", now)
        store.catalogue.clear_old(before)
        store.db.run("DELETE FROM refusals WHERE last_seen < ?", (to_micros(before),))
        listening_keys.clear_unused(store, listening_keys.month_of(before - RETENTION))
        if not store.catalogue.count_due(now):
            change.log(store.entry(Action.PURGE, "done", "retention.90d", now, mark=True))
