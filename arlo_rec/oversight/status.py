"""The status of a store: counts and instants, within a moment; `oversight.verify` checks the data itself.

Nothing here opens a recording or reads personal data; the auditor's role has no key for either.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from arlo_rec.access import cases, disclosures
from arlo_rec.access.cases import Waiting
from arlo_rec.admin import break_glass, policy_drift
from arlo_rec.backends.files import file_system, is_weak
from arlo_rec.catalogue.tombstones import RefusalCount
from arlo_rec.keys import root_secret
from arlo_rec.keys.layout import ballast_is_missing
from arlo_rec.model.errors import ArloError
from arlo_rec.model.records import Grant
from arlo_rec.offsite import escrow, feed
from arlo_rec.policy import OVERDUE_AFTER, REFUSED_FOR_GOOD, Action, Role, clock_against_log
from arlo_rec.store import Store

REFUSED_RECENT = timedelta(hours=24)  # refusals seen by an intake within this time are counted as still in a spool


class Status(NamedTuple):
    """The status of a store, as counts and instants."""

    held: int
    due: int
    overdue: int
    refused: list[RefusalCount]
    last_purge: datetime | None  # None: none ran yet
    clock_behind: bool  # the log, so that nothing opens and nothing is taken in
    log_size: int
    unreplayed: bool  # restored without knowing what was erased since, so that nothing opens and nothing is taken in
    unfinished: int
    weak_disk: str | None
    backups: list[escrow.BackupStatus]
    feed: feed.FeedStatus | None
    root_problem: ArloError | None  # an older root, or none
    rekeying_waits: bool  # somebody who left still knows the catalogue's key
    ballast_missing: bool
    check_word: str  # of the newest link of the chain of authority
    own_access: tuple[Grant, ...]  # live grants that an officer gave herself and nobody could approve
    waiting: tuple[Grant, ...]  # grants that wait for a second officer
    broken_glass: list[Grant]  # access that an officer took in an emergency within the last week
    one_officer: bool  # nobody can approve, or go on, in her place
    requests: list[Waiting]  # access requests without an answer
    drift: bool  # whether nobody approved what the program does, or the policy: other commands are closed
    unconfirmed: int  # disclosures of erased recordings whose deletion is not confirmed


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
        last_purge=store.log_time().last_purge(),
        clock_behind=not clock_against_log(now, store.log_time().newest.at).allowed,
        log_size=store.log.tree().size,
        unreplayed=store.settings.unknown_since is not None,
        drift=bool(policy_drift.closing(store)),
        unfinished=recordings.count_unfinished(),
        weak_disk=weak_disk(store),
        backups=list(escrow.statuses(store, store.today(now))),
        feed=feed.status(store),
        own_access=tuple(each for each in store.roster.grants if each.own and not each.approvals and each.live(now)),
        waiting=tuple(each for each in store.roster.grants if each.waits(now)),
        broken_glass=break_glass.broken(store, now),
        root_problem=root_problem(store),
        one_officer=sum(each.role is Role.OFFICER and not each.recovery for each in store.roster.people) < 2,
        rekeying_waits=store.rekeying_waits(),
        ballast_missing=ballast_is_missing(store.layout),
        check_word=store.authority.spoken(),
        requests=cases.urgent(store, now),
        unconfirmed=disclosures.count_open(store),
    )


def root_problem(store: Store) -> ArloError | None:
    """What is wrong with the root folder by its generation alone, which every role sees; None where nothing is."""
    try:
        root_secret.choose(store.root.read(), store.meta.number("generation"))
    except ArloError as problem:
        return problem
    return None


def weak_disk(store: Store) -> str | None:
    """The kind of the root folder's file system if overwriting in place may leave old bytes on it; else None."""
    kind = file_system(store.layout.root)
    return kind if is_weak(kind) else None
