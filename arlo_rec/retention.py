"""The hourly purge: erase recordings past retention, end expired grants, and delete expired records.

A wrong clock could erase a store, so a purge refuses if the clock jumped forward or an unusual share is due; if the
clock was set back, it uses the time of the last run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from arlo_rec.law.log import events
from arlo_rec.law.log.events import CasesEnded, Denied, GrantsExpired, PurgeFinished
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Refused, Unreachable
from arlo_rec.law.model.policy_versions import Policy, PolicyVersion
from arlo_rec.law.model.progress import Observer, unobserved
from arlo_rec.law.model.records import Person, Recording
from arlo_rec.policy import (
    CLOCK_MARGIN,
    RETENTION,
    WITHDRAWN_MARGIN,
    Action,
    Decision,
    Event,
    GuardLimits,
    guard,
    is_due,
)
from arlo_rec.vault.access import cases, disclosures, grant_history, grant_keys, holds
from arlo_rec.vault.access.disclosures import Disclosure
from arlo_rec.vault.erasure import old_entries, protocol, receipts
from arlo_rec.vault.erasure.protocol import ErasedRecording
from arlo_rec.vault.keys.layout import sweep_drill, sweep_half_written
from arlo_rec.vault.offsite import escrow, feed
from arlo_rec.vault.opened import Change, Store


@dataclass(frozen=True, slots=True)
class Plan:
    """The effect of a purge at `now`, which is not before the last run."""

    now: datetime
    due: tuple[Recording, ...]
    decision: Decision


class Purged(Record, frozen=True):
    """The result of a purge, or the preview of one; `overdue` counts held recordings past retention.

    It is not `complete` if object files could not be deleted; a later run deletes them and writes the receipt.
    """

    due: int
    erased: int
    overdue: int
    recordings: list[ErasedRecording]
    receipt: Path | None
    complete: bool
    rings_left: tuple[str, ...]  # escrows that could not be emptied
    recipients: list[Disclosure]
    forgotten: int  # old log entries whose bodies were deleted
    would_stop: str | None  # the code of why a purge would stop and ask
    feed: feed.FeedStatus | None


def plan(store: Store, now: datetime, limits: GuardLimits, *, allow_large: bool) -> Plan:
    """The due recordings, and whether a purge of them is plausible; raises NotGranted."""
    store.demand(Action.PURGE, now)
    mark, at = store.clock.get().purged.at, store.clock.today(now)
    due = _due(store, at)
    held = store.catalogue.count_held()
    decision = guard(now=at, mark=mark, due=len(due) - _by_new_policy(store, due, mark, at), held=held, limits=limits)
    if allow_large and not decision.allowed:
        decision = Decision(allowed=True, rule=decision.rule, code="allowed_by_hand")
    return Plan(at, due, decision)


def _by_new_policy(store: Store, due: Iterable[Recording], mark: datetime, at: datetime) -> int:
    """The number of recordings due only by a shorter retention approved since the last run.

    Officers approved erasing these, however many: they need no wrong clock as explanation. If a version began later
    than its approval, only the clock says so; then the guard counts its recordings.
    """
    versions = store.policy.versions

    def is_new(version: PolicyVersion) -> bool:
        approved_at = version.approvals[-1].at if version.approvals else version.since
        return version.since > mark and version.since - approved_at <= CLOCK_MARGIN

    before = Policy((versions[0], *(version for version in versions[1:] if not is_new(version))))
    if before == store.policy:
        return 0
    return sum(not is_due(before.ends_at(row), at) for row in due)


def _due(store: Store, at: datetime) -> tuple[Recording, ...]:
    """The recordings due at *at*: past retention and on no hold, or withdrawn while a hold kept them that has ended."""
    return tuple(sorted(holds.due(store, at), key=lambda row: (row.started_at, row.id)))


def preview(store: Store, planned: Plan) -> Purged:
    """The recordings that a purge would erase, and whether it would stop and ask."""
    due, recordings = len(planned.due), [ErasedRecording.of(recording) for recording in planned.due]
    reached = disclosures.of_recordings(store, [recording.id for recording in recordings])
    would_stop = None if planned.decision.allowed else planned.decision.code
    ended = (None, True, (), reached, 0)
    return Purged(due, 0, due, recordings, *ended, would_stop, feed.status(store))


def carry_out(store: Store, planned: Plan, now: datetime, observer: Observer = unobserved) -> Purged:
    """Erase what is due; raises Refused (retention.guard) if the plan is not plausible."""
    decision, due = planned.decision, len(planned.due)
    if not decision.allowed:
        known = store.clock.get().newest.at  # a clock that is ahead dates no log: right again, it would be behind
        at = min(now, known) if decision.code == "clock_jumped" else now
        store.note(Denied(action=Action.PURGE, rule=decision.rule, code=decision.code, due=due), at)
        raise Refused("retention.guard", rule="retention.90d", why=decision.code, due=due)
    erased = _erase(store, planned, observer)
    _end_access(store, planned.now)
    rings_left = tuple(escrow.expire(store, planned.now))
    _tidy(store, planned.now)
    forgotten = old_entries.forget(store, now)
    feed.forget(store, now)
    (left,) = holds.count_due(store, planned.now)
    complete = erased is None or erased.complete
    receipt = receipts.file_for(store, erased.number) if erased is not None and complete else None
    ended = {"erased": due - left, "overdue": left, "receipt": receipt, "complete": complete}
    return replace(preview(store, planned), **ended, rings_left=rings_left, forgotten=forgotten)


def _erase(store: Store, planned: Plan, observer: Observer) -> protocol.Erased | None:
    if not planned.due:
        return None
    rule = planned.decision.rule

    def order() -> protocol.Order:
        due = tuple(recording.id for recording in _due(store, planned.now))
        return protocol.Order("expiry", rule, Event.EXPIRED, due)

    def log(change: Change, wanted: protocol.Order) -> None:
        change.log(events.Purged(rule=rule, recordings=wanted.recordings, count=len(wanted.recordings)))

    return protocol.carry_out(store, order, planned.now, log, observer)


def _end_access(store: Store, now: datetime) -> None:
    """Withdraw the keys of expired grants; a person without a live grant also loses the root seed."""

    def end(change: Change) -> Sequence[Person]:
        ended_ids = grant_keys.ended_with_seeds(store, now)
        ended = {grant.person for grant in store.roster.grants if grant.id in ended_ids}
        ended |= {person.name for person in protocol.expired_holders(store, now)}
        grant_keys.close(store, ended_ids)
        change.log(GrantsExpired(expired=sorted(ended)))
        return protocol.root_holders(store, now)

    if protocol.expired_holders(store, now):
        protocol.replace_root(store, now, end)
    elif grant_keys.ended_with_seeds(store, now):
        with store.change(now) as change:
            end(change)
    grant_history.sweep(store, now)


def _end_cases(store: Store, now: datetime) -> None:
    """Delete ended cases of access requests, with the statements of how the identity was checked."""
    ended = cases.over(store, now)
    if ended:
        with store.change(now) as change:
            change.log(CasesEnded(cases=sorted(ended)))


def _tidy(store: Store, now: datetime) -> None:
    """Delete rows that a late delivery can no longer match, and log the time of this run for later runs."""
    before = now - RETENTION - WITHDRAWN_MARGIN
    with suppress(Unreachable):
        sweep_half_written(store.layout, now)
    with suppress(Unreachable):
        sweep_drill(store.layout)
    with store.change(now) as change:
        store.catalogue.tombstones.forget_before(before)
        store.catalogue.recordings.forget_erased(before)
        store.catalogue.refusals.forget_before(before)
        if holds.count_due(store, now) == [0]:
            change.log(PurgeFinished())
    _end_cases(store, now)
