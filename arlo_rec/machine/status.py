"""The status of a store: counts and instants, quickly computed; `machine.verify` checks the data itself.

Nothing here opens a recording or reads personal data; the auditor's role has no key for either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, Integrity, InUse
from arlo_rec.law.model.particulars import Supplier
from arlo_rec.law.model.records import Grant
from arlo_rec.law.model.times import local_date
from arlo_rec.law.rights import ObjectionScope
from arlo_rec.machine import surroundings
from arlo_rec.machine.findings import Area, Finding, Severity
from arlo_rec.office import approvals, policy_changes, staff_notices
from arlo_rec.policy import (
    OVERDUE_AFTER,
    REFUSED_FOR_GOOD,
    RETENTION,
    WITHDRAWN_MARGIN,
    Action,
    Role,
    clock_against_log,
    may,
    supplier_control,
)
from arlo_rec.vault.access import cases, disclosures, holds, objections
from arlo_rec.vault.access.cases import Waiting
from arlo_rec.vault.backends import holders, mounts
from arlo_rec.vault.backends.files import LOCK
from arlo_rec.vault.catalogue.tombstones import WAITING, WITHDRAWAL_REFUSED, RefusalCount
from arlo_rec.vault.erasure.protocol import Rest, rest
from arlo_rec.vault.keys.jobs import Job
from arlo_rec.vault.keys.layout import ballast_is_missing
from arlo_rec.vault.offsite import escrow, feed
from arlo_rec.vault.opened import Store

LOOKED_AT_WITHIN = timedelta(hours=24)  # in which a spool with refused files should be looked at again
REQUESTS_MOST = 20_000  # entries of requests: decades of an office; one of `status` costs 25 microseconds
RECENT = timedelta(days=7)  # for which faults of the exchange are reported, and employees who were never told


# Findings on an access request with fewer days left; `_erases`: until a recording of it is erased
_DEADLINES: Final = ((0, "case_overdue"), (3, "case_due"), (8, "case_urgent"), (15, "case_soon"))
_DECISIONS: Final = ((0, "objection_overdue"), (3, "objection_due"))
_CRITICAL: Final = frozenset({"case_overdue", "case_due", "case_due_erases", "objection_overdue", "objection_due"})


class FindingShown(Record, frozen=True):
    """A finding as scripts read it; `remedy` is a command, or a line of the settings."""

    code: str
    severity: Severity
    area: Area
    remedy: str | None


class LastRuns(Record, frozen=True):
    """The end of the newest run of each job; null: never, as far as is known."""

    ingest: datetime | None
    purge: datetime | None
    backup: datetime | None
    verify: datetime | None
    anchor: datetime | None
    drill: datetime | None


class SpoolShown(Record, frozen=True):
    """The remains of the last intake in a folder of the telephone system, as counts."""

    folder: Path
    at: datetime
    left: int
    unclaimed: int
    unreadable: int
    since: datetime | None


class Access(Record, frozen=True):
    """A grant that a status names."""

    id: str
    person: str
    by: str
    until: datetime


class PendingObjection(Record, frozen=True):
    """An employee's objection without a decision, and the time left."""

    scope: ObjectionScope
    received: date
    due: date | None
    days_left: int | None


class SupplierShown(Record, frozen=True):
    """A supplier, and when IT controls it."""

    name: str
    task: str
    controlled_at: date | None  # None: not yet
    next_at: date


class Status(Record, frozen=True):
    """The status of a store, as counts and instants, with the codes of findings."""

    held: int
    due: int
    overdue: int
    refused: list[RefusalCount]
    recorded_unasked: int  # calls without a key of consent that came in the last week, and were removed
    ended_prompts: list[str]  # that an exchange still plays, by calls of the last week
    last_purge: datetime | None  # None: no purge yet
    log_size: int
    unfinished: int
    weak_disk: str | None
    backups: list[escrow.BackupStatus]
    feed: feed.FeedStatus | None
    unconfirmed: int  # disclosures of erased recordings without a confirmed deletion
    exports_overdue: int  # files that staff saved more than a week ago, without a confirmed deletion
    holds: int  # calls on hold
    requests: list[Waiting]  # requests without an answer
    objections: list[PendingObjection]  # of employees, without a decision
    untold: int  # employees in held calls of the last week who were never shown the notice
    warnings: list[str]
    check_word: str  # of the newest link of the chain of authority
    own_access: list[Access]  # live grants of officers to themselves, which no second officer could approve
    waiting: list[Access]  # grants awaiting a second officer
    broken_glass: list[Access]  # emergency access approved within the last week
    suppliers: list[SupplierShown]
    critical: list[str]
    last_runs: LastRuns
    free_bytes: int  # on the store's disk
    day_bytes: int  # that a busy day of the last week took
    spools: list[SpoolShown]
    findings: list[FindingShown]
    unlocked_until: datetime | UnsetType | None = UNSET  # of the person's own unlock


class Looked(NamedTuple):
    """A status, its findings in the order of display, and those among them that are work (`of_work`)."""

    status: Status
    found: list[Finding]
    work: list[Finding]


def status(store: Store, suppliers: Sequence[Supplier] | None, now: datetime, lang: str) -> Looked:
    """The status of a store; raises NotGranted.

    *suppliers*: those that the company states; None where it states none.
    """
    store.demand(Action.LOOK_AFTER, now)
    with store.db.recalling():
        return _status(store, suppliers, now, lang)


def _status(store: Store, suppliers: Sequence[Supplier] | None, now: datetime, lang: str) -> Looked:
    own = [grant for grant in store.roster.grants if grant.own and not grant.approvals and grant.live(now)]
    waiting = [grant for grant in store.roster.grants if grant.is_pending(now)]
    broken = approvals.broken(store, now)
    runs, left = surroundings.last_runs(store), surroundings.room(store, now)
    sees_requests = may(store.person.role, Action.AUDIT_SHOW).allowed  # the others have no part in them
    current = Status(
        **_counted(store, now),
        **_around(runs, left),
        backups=list(escrow.statuses(store, store.clock.today(now))),
        feed=feed.status(store),
        requests=cases.urgent(store, now) if sees_requests else [],
        objections=[PendingObjection.of(each) for each in objections.pending(store, now) if sees_requests],
        warnings=[],
        check_word=store.authority.check_word(),
        own_access=list(map(Access.of, own)),
        waiting=list(map(Access.of, waiting)),
        broken_glass=list(map(Access.of, broken)),
        suppliers=[SupplierShown.of(each, task=each.task.text(lang)) for each in suppliers or ()],
        critical=[],
        findings=[],
    )
    own_state, copies = list(_of_store(store, now)), list(_of_copies(current.backups, current.feed))
    around = surroundings.findings(store, runs, left, now)
    found = [*_of_access(own, broken, waiting), *own_state, *_of_counts(store, current, now)]
    found += [*_of_requests(current.requests), *_of_employees(current), *copies]
    found += [*_of_suppliers(suppliers, now), *around]
    warnings, critical = (
        list(dict.fromkeys(each.code for each in found if each.severity is severity))
        for severity in (Severity.WARNING, Severity.CRITICAL)
    )
    shown = [FindingShown.of(each) for each in found]
    work = _work([*own_state, *copies, *around], current.overdue)
    return Looked(replace(current, warnings=warnings, critical=critical, findings=shown), found, work)


def _counted(store: Store, now: datetime) -> dict[str, Any]:
    """The fields of a status that are counted in the store."""
    unasked = store.catalogue.refusals.recorded_unasked(now - RECENT)
    due, overdue = holds.count_due(store, now, now - OVERDUE_AFTER)
    return {
        "held": store.catalogue.count_held(),
        "due": due,
        "overdue": overdue,
        "refused": refused_in_spool(store, now),
        "recorded_unasked": unasked.count if unasked is not None else 0,
        "ended_prompts": _ended_prompts(store, now),
        "last_purge": store.clock.get().last_purge(),
        "log_size": store.log.tree().size,
        "unfinished": store.catalogue.search.count_unfinished(),
        "weak_disk": weak_disk(store),
        "unconfirmed": disclosures.count_open(store),
        "exports_overdue": len(disclosures.kept_too_long(store, now)),
        "holds": sum(1 for _ in store.catalogue.search.held_among(holds.at(store, now).by_call)),
        "untold": staff_notices.count_untold(store, now - RECENT),
    }


def _around(runs: surroundings.Runs, left: surroundings.Room) -> dict[str, Any]:
    """The fields of a status about jobs, disk and spools."""
    ingested = runs[Job.INGEST]
    return {
        "last_runs": LastRuns(**{job: run.at if run is not None else None for job, run in runs.items()}),
        "free_bytes": left.free,
        "day_bytes": left.day,
        "spools": [SpoolShown.of(seen) for seen in (ingested.spools if ingested is not None else ())],
    }


def of_work(store: Store, now: datetime) -> list[Finding]:
    """The findings that whoever runs the store has to mend: they are tasks, too."""
    runs, left = surroundings.last_runs(store), surroundings.room(store, now)
    backups = escrow.statuses(store, store.clock.today(now))
    found = [*_of_store(store, now), *_of_copies(backups, feed.status(store))]
    found += surroundings.findings(store, runs, left, now)
    return _work(found, *holds.count_due(store, now - OVERDUE_AFTER))


def _work(found: Iterable[Finding], overdue: int) -> list[Finding]:
    late = [Finding(Severity.CRITICAL, "overdue", {"count": overdue})] if overdue else []
    return [each for each in (*found, *late) if each.severity is not Severity.STATUS]


def refused_in_spool(store: Store, now: datetime) -> list[RefusalCount]:
    """The refused calls and withdrawals that lay in a spool when it was last looked at, by code."""
    left = store.catalogue.refusals.in_spool(since=now - RETENTION - WITHDRAWN_MARGIN)
    return [row for row in left if row.code not in {*REFUSED_FOR_GOOD, WAITING} or row.code == "expired"]


def not_looked_at(left: Sequence[RefusalCount], now: datetime) -> datetime | None:
    """Since when no run looked at a spool with refused files, if that is too long ago; what lies there may be gone."""
    oldest = min((row.looked_at for row in left), default=now)
    return oldest if oldest < now - LOOKED_AT_WITHIN else None


def _ended_prompts(store: Store, now: datetime) -> list[str]:
    """The prompts with which calls of the last week were taken in after the last day of their use."""
    used = store.catalogue.search.prompts_since(now - RECENT)
    known = {version: prompt for version, prompt in store.prompts.items() if version in used}
    return sorted(version for version, prompt in known.items() if prompt.is_ended(used[version]))


def _of_access(own: Sequence[Grant], broken: Sequence[Grant], waiting: Sequence[Grant]) -> Iterator[Finding]:
    """Officers' own access, and grants awaiting a second officer."""
    longest = {(grant.person, grant.purpose): grant for grant in sorted(own, key=lambda grant: grant.until)}
    for grant in longest.values():
        values = {"name": grant.person, "by": grant.by, "purpose": grant.purpose, "teams": grant.teams}
        yield Finding(Severity.STATUS, "own_access", {**values, "until": grant.until})
    for grant in broken:
        agreed = grant.approvals[-1]
        known = {"name": grant.person, "by": agreed.by, "at": agreed.at, "reason": grant.reason}
        yield Finding(Severity.CRITICAL, "glass_broken", known)
    for grant in waiting:
        yield Finding(Severity.STATUS, "waiting", {"name": grant.person, "by": grant.by, "id": grant.id})


def _of_store(store: Store, now: datetime) -> Iterator[Finding]:
    """Findings that close the store, leave it open to a person who left, or keep what should be gone."""
    if store.is_copy:
        places = {"store": store.layout.store, "root": store.layout.root}
        yield Finding(Severity.CRITICAL, "store_moved", places)
    for code in store.rollbacks:  # of a copy: nothing else is opened so
        yield Finding(Severity.CRITICAL, code, {"what": Integrity(code, path=str(store.layout.root))}, "critical.root")
    if not clock_against_log(now, store.clock.get().newest.at).allowed:
        yield Finding(Severity.CRITICAL, "clock_behind")  # nothing opens and nothing is taken in
    if store.unapproved:
        yield Finding(Severity.CRITICAL, "policy_drift")  # nothing is given or opened, and calls pile up in the spool
    if (version := policy_changes.unpublished(store, now)) is not None:
        yield Finding(Severity.WARNING, "unpublished", {"version": version.version, "at": version.since})
    if store.settings.unknown_since is not None:
        yield Finding(Severity.CRITICAL, "unreplayed")  # restored without a feed: as for the clock
    yield from _of_root(store, now)
    if store.roster.is_known_outside(store.catalogue_mark):
        yield Finding(Severity.CRITICAL, "rekeying_waits")  # a person who left still knows the catalogue's key
    if feed.remembers(store):
        yield Finding(Severity.WARNING, "feed_remembers", {"path": store.feed})
    if (count := store.log.entries.count_of_requests()) > REQUESTS_MOST:
        yield Finding(Severity.WARNING, "log_flooded", {"count": count})
    if ballast_is_missing(store.layout):
        yield Finding(Severity.CRITICAL, "ballast_missing")


def _of_root(store: Store, now: datetime) -> Iterator[Finding]:
    """Findings on the root by its generation alone, visible to every role, and an erasure that is not finished."""
    try:
        left = left_by_erasure(store)
    except ArloError as problem:
        yield Finding(Severity.CRITICAL, problem.code, {"what": problem}, "critical.root")
        return
    if left.damaged is not None:
        yield Finding(Severity.CRITICAL, "root_slot_damaged", {"place": left.damaged})
    if left.is_cut_off:
        yield Finding(Severity.CRITICAL, "erasure_cut_off")
    if (holder := holders.standing(store.layout.root / LOCK)) is not None:
        since = now - timedelta(seconds=round(holder.pop("age")))
        yield Finding(Severity.CRITICAL, "lock_held", {**holder, "since": since})
    for flag in store.root.weaknesses():
        yield Finding(Severity.CRITICAL, "bao_key_weak", {"key": store.layout.root_at, "flag": flag})


def _of_counts(store: Store, current: Status, now: datetime) -> Iterator[Finding]:
    """Recordings held too long, refused calls, and whatever is missing outside the store."""
    if current.overdue:
        yield Finding(Severity.CRITICAL, "overdue", {"count": current.overdue})
    for row in current.refused:
        if row.code == WITHDRAWAL_REFUSED:  # GDPR 7(3): somebody withdrew, and the recordings are held
            yield Finding(Severity.CRITICAL, row.code, {"count": row.count, "at": row.oldest})
        else:
            yield Finding(Severity.STATUS, "refused", {"why": row.code, "count": row.count, "at": row.oldest})
    if (at := not_looked_at(current.refused, now)) is not None:
        yield Finding(Severity.WARNING, "spool_not_looked_at", {"at": at})
    if current.recorded_unasked:  # an incident: the exchange recorded what nobody said yes to
        yield Finding(Severity.CRITICAL, "recorded_unasked", {"count": current.recorded_unasked})
    for prompt in current.ended_prompts:
        yield Finding(Severity.WARNING, "ended_prompt", {"prompt": prompt})
    if current.feed is None and not store.is_copy:
        yield Finding(Severity.WARNING, "no_feed")
    if sum(person.role is Role.OFFICER and not person.recovery for person in store.roster.people) < 2:
        yield Finding(Severity.WARNING, "one_officer")  # no second one to approve, or to succeed her
    if current.holds:
        yield Finding(Severity.STATUS, "holds", {"count": current.holds})
    if current.weak_disk:
        yield Finding(Severity.STATUS, "weak_disk", {"kind": current.weak_disk}, "weak_disk")
    if current.unconfirmed:
        yield Finding(Severity.STATUS, "unconfirmed", {"count": current.unconfirmed})
    if current.exports_overdue:
        yield Finding(Severity.CRITICAL, "exports_overdue", {"count": current.exports_overdue})


def _of_copies(backups: Iterable[escrow.BackupStatus], current: feed.FeedStatus | None) -> Iterator[Finding]:
    """Backups and the feed."""
    for backup in backups:
        places = {"folder": backup.folder, "escrow": backup.escrow}
        if backup.newest:
            yield Finding(Severity.STATUS, "backup", {**places, "at": backup.newest})
        if backup.problem:
            yield Finding(Severity.CRITICAL, backup.problem, places)
    if current is not None and current.problem:
        yield Finding(Severity.CRITICAL, current.problem, {"path": current.path, "count": current.behind})
    if current is not None and current.foreign_lines:
        yield Finding(Severity.STATUS, "feed_foreign", {"count": current.foreign_lines}, "warning.feed_foreign")


def _of_requests(requests: Sequence[Waiting]) -> Iterator[Finding]:
    """Access requests with a near deadline, or with a recording that is erased before it."""
    if requests:
        yield Finding(Severity.STATUS, "cases", {"count": len(requests)})
    for case in requests:
        values = {
            "case": case.case,
            "right": case.right,
            "due": case.due,
            "days": case.days_left,
            "at": case.first_erased,
        }
        whole = None if case.days_whole is None else max(0, case.days_whole)  # a late purge may still erase it
        for left, ending in ((case.days_left, ""), (whole, "_erases")):
            code = next((code + ending for before, code in _DEADLINES if left is not None and left < before), None)
            if code is not None:
                yield Finding(Severity.CRITICAL if code in _CRITICAL else Severity.STATUS, code, values)


def _of_employees(current: Status) -> Iterator[Finding]:
    """Employees who objected and have no answer yet, and those who were never told."""
    for objection in current.objections:
        values = {"scope": objection.scope, "due": objection.due, "days": objection.days_left}
        code = next((code for before, code in _DECISIONS if (objection.days_left or 0) < before), "objection_pending")
        yield Finding(Severity.CRITICAL if code in _CRITICAL else Severity.STATUS, code, values)
    if current.untold:
        yield Finding(Severity.STATUS, "untold", {"count": current.untold})


def _of_suppliers(suppliers: Sequence[Supplier] | None, now: datetime) -> Iterator[Finding]:
    """Suppliers that IT is to control soon, or should have controlled."""
    if suppliers is None:
        yield Finding(Severity.STATUS, "suppliers_unstated")
    for each in suppliers or ():
        control = supplier_control(each.next_at, local_date(now))
        if control.code != "ok":
            severity = Severity.STATUS if control.allowed else Severity.WARNING
            yield Finding(severity, control.code, {"name": each.name, "day": each.next_at})


def left_by_erasure(store: Store, wait: float = 0) -> Rest:
    """The remains of the last erasure; none while a run holds the root for *wait* seconds. Raises as `rest`."""
    try:
        with store.root.lock(exclusive=False, wait=wait), store.db.reading():
            return rest(store)
    except InUse:
        return Rest()


def weak_disk(store: Store) -> str | None:
    """The kind of the root folder's file system if an overwritten R may stay there as old bytes; else None."""
    if store.layout.root_at is not None:
        return None
    kind = mounts.file_system(store.layout.root)
    return kind if mounts.is_weak(kind) else None
