"""What IT watches: the state of a store, in a moment. Whether it is still what was put there: `oversight.verify`.

Nothing here opens a recording or holds personal data; the auditor's role has no key that could.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from arlo_rec.access import disclosures
from arlo_rec.backends.files import file_system, is_weak
from arlo_rec.catalogue.refusals import RefusalCount
from arlo_rec.offsite import escrow, feed
from arlo_rec.policy import OVERDUE_AFTER, REFUSED_FOR_GOOD, Action
from arlo_rec.store import Store

REFUSED_RECENT = timedelta(hours=24)  # refused files seen in a run since then count as lying there


@dataclass(frozen=True, slots=True)
class Status:
    """How a store stands. Counts and instants only."""

    held: int
    due: int
    overdue: int
    refused: list[RefusalCount]
    last_purge: datetime
    log_size: int
    unfinished: int
    weak_disk: str | None
    backups: list[escrow.BackupStatus]
    feed: feed.FeedStatus | None
    unconfirmed: int  # copies of what was erased, of which nobody said that they were deleted


def status(store: Store, now: datetime) -> Status:
    """Held, due, overdue, refused by age, last purge."""
    store.demand(Action.LOOK_AFTER, now)
    recordings = store.catalogue.recordings
    seen_since = now - REFUSED_RECENT
    return Status(
        held=recordings.count_held(),
        due=recordings.count_past_retention(now),
        overdue=recordings.count_past_retention(now - OVERDUE_AFTER),
        refused=store.catalogue.refusals.counts(seen_since=seen_since, without=tuple(REFUSED_FOR_GOOD)),
        last_purge=store.meta.instant("purged_at"),
        log_size=store.log.tree().size,
        unfinished=recordings.count_unfinished(),
        weak_disk=weak_disk(store),
        backups=list(escrow.statuses(store, store.today(now))),
        feed=feed.status(store),
        unconfirmed=disclosures.count_open(store),
    )


def weak_disk(store: Store) -> str | None:
    """The kind of file system below the root folder where overwriting in place does not overwrite; else None."""
    kind = file_system(store.layout.root)
    return kind if is_weak(kind) else None
