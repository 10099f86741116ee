"""The status of a store: counts and instants, quickly computed; `oversight.verify` checks the data itself.

Nothing here opens a recording or reads personal data; the auditor's role has no key for either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from arlo_rec.access import cases, disclosures
from arlo_rec.access.cases import Waiting
from arlo_rec.admin import approvals, policy_drift
from arlo_rec.backends.files import file_system, is_weak
from arlo_rec.catalogue.tombstones import RefusalCount
from arlo_rec.keys import root_secret
from arlo_rec.keys.layout import ballast_is_missing
from arlo_rec.model.errors import ArloError
from arlo_rec.model.records import Grant
from arlo_rec.offsite import escrow, feed
from arlo_rec.policy import OVERDUE_AFTER, REFUSED_FOR_GOOD, Action, Role, clock_against_log
from arlo_rec.store import Store

REFUSED_RECENT = timedelta(hours=24)  # refusals seen within this time count as still in a spool


class Severity(StrEnum):
    """The urgency of a finding."""

    CRITICAL = "critical"  # now
    WARNING = "warning"  # before a loss; nothing is wrong today
    STATUS = "status"


# Findings on an access request with fewer days left; `_erases`: until a recording of it is erased
_DEADLINES: Final = ((0, "case_overdue"), (3, "case_due"), (8, "case_urgent"), (15, "case_soon"))
_CRITICAL: Final = frozenset({"case_overdue", "case_due", "case_due_erases"})


class Finding(NamedTuple):
    """A finding: a code for scripts, and the values of its sentence `{severity}.{code}`."""

    severity: Severity
    code: str
    values: Mapping[str, object] = {}
    sentence: str | None = None  # if its key differs


class Status(NamedTuple):
    """The status of a store, as counts and instants."""

    held: int
    due: int
    overdue: int
    refused: list[RefusalCount]
    last_purge: datetime | None  # None: no purge yet
    clock_behind: bool  # behind the log, so that nothing opens and nothing is taken in
    log_size: int
    unreplayed: bool  # restored without a feed, so that nothing opens and nothing is taken in
    unfinished: int
    weak_disk: str | None
    backups: list[escrow.BackupStatus]
    feed: feed.FeedStatus | None
    root_problem: ArloError | None  # an older or unreadable root
    rekeying_waits: bool  # a person who left still knows the catalogue's key
    ballast_missing: bool
    check_word: str  # of the newest link of the chain of authority
    own_access: tuple[Grant, ...]  # live grants of officers to themselves, which no second officer could approve
    waiting: tuple[Grant, ...]  # grants awaiting a second officer
    broken_glass: list[Grant]  # emergency access approved within the last week
    one_officer: bool  # no second officer to approve, or to succeed her
    requests: list[Waiting]  # access requests without an answer
    drift: bool  # program or policy is unapproved: most commands are closed
    unconfirmed: int  # disclosures of erased recordings without a confirmed deletion


def status(store: Store, now: datetime) -> Status:
    """The status of a store; raises NotGranted."""
    store.demand(Action.LOOK_AFTER, now)
    recordings, late = store.catalogue.search, now - OVERDUE_AFTER
    seen_since = now - REFUSED_RECENT
    return Status(
        held=store.catalogue.count_held(),
        due=recordings.count_past_retention(now, store.policy.latest_due(now)),
        overdue=recordings.count_past_retention(late, store.policy.latest_due(late)),
        refused=store.catalogue.refusals.counts(seen_since=seen_since, without=tuple(REFUSED_FOR_GOOD)),
        last_purge=store.clock.get().last_purge(),
        clock_behind=not clock_against_log(now, store.clock.get().newest.at).allowed,
        log_size=store.log.tree().size,
        unreplayed=store.settings.unknown_since is not None,
        drift=bool(policy_drift.closing(store)),
        unfinished=recordings.count_unfinished(),
        weak_disk=weak_disk(store),
        backups=list(escrow.statuses(store, store.clock.today(now))),
        feed=feed.status(store),
        own_access=tuple(own for own in store.roster.grants if own.own and not own.approvals and own.live(now)),
        waiting=tuple(grant for grant in store.roster.grants if grant.is_pending(now)),
        broken_glass=approvals.broken(store, now),
        root_problem=root_problem(store),
        one_officer=sum(grant.role is Role.OFFICER and not grant.recovery for grant in store.roster.people) < 2,
        rekeying_waits=store.roster.is_known_outside(store.catalogue_mark),
        ballast_missing=ballast_is_missing(store.layout),
        check_word=store.authority.check_word(),
        requests=cases.urgent(store, now),
        unconfirmed=disclosures.count_open(store),
    )


def findings(current: Status) -> Iterator[Finding]:
    """The findings of a status, in the order of display."""
    yield from _of_access(current)
    for happened, code in (
        (current.clock_behind, "clock_behind"),
        (current.drift, "policy_drift"),
        (current.unreplayed, "unreplayed"),
    ):
        if happened:
            yield Finding(Severity.CRITICAL, code)
    if (problem := current.root_problem) is not None:
        yield Finding(Severity.CRITICAL, problem.code, {"what": problem}, "critical.root")
    if current.rekeying_waits:
        yield Finding(Severity.CRITICAL, "rekeying_waits")
    if current.ballast_missing:
        yield Finding(Severity.CRITICAL, "ballast_missing")
    for row in current.refused:
        yield Finding(Severity.STATUS, "refused", {"why": row.code, "count": row.count, "at": row.oldest})
    if current.feed is None:
        yield Finding(Severity.WARNING, "no_feed")
    if current.one_officer:
        yield Finding(Severity.WARNING, "one_officer")
    if current.weak_disk:
        yield Finding(Severity.STATUS, "weak_disk", {"kind": current.weak_disk}, "weak_disk")
    if current.unconfirmed:
        yield Finding(Severity.STATUS, "unconfirmed", {"count": current.unconfirmed})
    yield from _of_requests(current.requests)
    yield from _of_copies(current)


def _of_access(current: Status) -> Iterator[Finding]:
    """Officers' own access, and grants awaiting a second officer."""
    for grant in current.own_access:
        values = {"name": grant.person, "by": grant.by, "purpose": grant.purpose, "teams": grant.teams}
        yield Finding(Severity.STATUS, "own_access", {**values, "until": grant.until})
    for grant in current.broken_glass:
        agreed = grant.approvals[-1]
        known = {"name": grant.person, "by": agreed.by, "at": agreed.at, "reason": grant.reason}
        yield Finding(Severity.CRITICAL, "glass_broken", known)
    for grant in current.waiting:
        yield Finding(Severity.STATUS, "waiting", {"name": grant.person, "by": grant.by, "id": grant.id})


def _of_copies(current: Status) -> Iterator[Finding]:
    """Backups and the feed."""
    for backup in current.backups:
        places = {"folder": str(backup.row.folder), "escrow": str(backup.row.escrow)}
        if backup.newest:
            yield Finding(Severity.STATUS, "backup", {**places, "at": backup.newest})
        if backup.problem:
            yield Finding(Severity.CRITICAL, backup.problem, places)
    if (feed := current.feed) is not None and feed.problem:
        yield Finding(Severity.CRITICAL, feed.problem, {"path": str(feed.path), "count": feed.behind})
    if feed is not None and feed.foreign:
        yield Finding(Severity.STATUS, "feed_foreign", {"count": feed.foreign}, "warning.feed_foreign")


def _of_requests(requests: Sequence[Waiting]) -> Iterator[Finding]:
    """Access requests with a near deadline, or with a recording that is erased before it."""
    if requests:
        yield Finding(Severity.STATUS, "cases", {"count": len(requests)})
    for case, days, first, days_whole in requests:
        values = {"case": case.id, "due": case.due_on, "days": days, "at": first}
        for left, ending in ((days, ""), (days_whole, "_erases")):
            code = next((code + ending for before, code in _DEADLINES if left is not None and left < before), None)
            if code is not None:
                yield Finding(Severity.CRITICAL if code in _CRITICAL else Severity.STATUS, code, values)


def root_problem(store: Store) -> ArloError | None:
    """The problem of the root folder by its generation alone, visible to every role; else None."""
    try:
        root_secret.choose(store.root.read(), store.meta.number("generation"))
    except ArloError as problem:
        return problem
    return None


def weak_disk(store: Store) -> str | None:
    """The kind of the root folder's file system if overwriting in place may leave old bytes on it; else None."""
    kind = file_system(store.layout.root)
    return kind if is_weak(kind) else None
