"""What IT watches: the state of a store, in a moment. Whether everything is still what was put there: `verification`.

Nothing here opens a recording or holds personal data; the auditor's role has no key that could.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from arlo_rec.access import disclosures
from arlo_rec.backends.files import file_system, is_weak
from arlo_rec.model.records import from_micros, to_micros
from arlo_rec.offsite import escrow, feed
from arlo_rec.offsite.escrow import Standing
from arlo_rec.policy import OVERDUE_AFTER, Action
from arlo_rec.store import Store

REFUSED_RECENT = timedelta(hours=24)  # refused files seen in a run since then count as lying there


@dataclass(frozen=True, slots=True)
class Status:
    """How a store stands. Counts and instants only."""

    held: int
    due: int
    overdue: int
    refused: list[tuple[str, int, datetime]]  # code, how many, the oldest first seen
    last_purge: datetime
    log_size: int
    unfinished: int
    weak_disk: str | None
    backups: list[Standing]
    feed: feed.Standing | None
    unconfirmed: int  # copies of what was erased, of which nobody said that they were deleted


def status(store: Store, now: datetime) -> Status:
    """Held, due, overdue, refused by age, last purge."""
    store.demand(Action.LOOK_AFTER, now)
    late = to_micros(now - OVERDUE_AFTER)
    refused = store.db.rows(
        "SELECT code, count(*), min(first_seen) FROM refusals WHERE last_seen >= ? "
        "AND code NOT IN ('withdrawn', 'expired') GROUP BY code ORDER BY code",  # their files are removed
        (to_micros(now - REFUSED_RECENT),),
    )
    return Status(
        held=store.catalogue.count("state = 'held'"),
        due=store.catalogue.count("state = 'held' AND due_at <= ?", (to_micros(now),)),
        overdue=store.catalogue.count("state = 'held' AND due_at <= ?", (late,)),
        refused=[(str(code), int(count), from_micros(first)) for code, count, first in refused],
        last_purge=store.instant("purged_at"),
        log_size=store.book.tree().size,
        unfinished=store.catalogue.count("state IN ('arriving', 'erasing')"),
        weak_disk=weak_disk(store),
        backups=list(escrow.standings(store, store.today(now))),
        feed=feed.standing(store),
        unconfirmed=disclosures.open_ones(store),
    )


def weak_disk(store: Store) -> str | None:
    """The kind of file system below the root folder where overwriting in place does not overwrite; else None."""
    kind = file_system(store.place.root)
    return kind if is_weak(kind) else None
