"""What is kept of a caller's withdrawals, for the letter: by the log, so that no row alone tells of one."""

from __future__ import annotations

from collections.abc import Iterable

from arlo_rec.dsar.answer import PastWithdrawal
from arlo_rec.dsar.subjects import Identifier, KnownBy
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import Withdrawn
from arlo_rec.model.records import from_iso
from arlo_rec.offsite import feed
from arlo_rec.policy import RETENTION, WITHDRAWN_MARGIN, Action
from arlo_rec.store import Store


def of_callers(store: Store, known_by: Iterable[Identifier]) -> tuple[PastWithdrawal, ...]:
    """The withdrawals of which the codes of somebody's numbers are still kept, the oldest first."""
    found = {one for each in known_by if each.kind is KnownBy.CALLER for one in of_caller(store, each.tag)}
    return tuple(sorted(found, key=lambda withdrawal: withdrawal.at))


def of_caller(store: Store, caller: bytes) -> tuple[PastWithdrawal, ...]:
    """The withdrawals of which the caller's code is still kept, the oldest first.

    A withdrawal of a single call is not among them: it is kept under the call's reference, and no number leads to it.
    """
    table, found = store.catalogue.tombstones, []
    for seq in table.entries_of("caller", caller):
        entry, kept = store.log.entry(seq), table.of_entry(seq)
        event = audit_events.read(entry.body or {}) if entry is not None else None
        if isinstance(event, Withdrawn) and event.tombstones == feed.digest_of(kept):
            if entry is None or entry.body is None or not store.entry_counts(seq, Action.WITHDRAW):
                continue
            newest = max(tombstone.at for tombstone in kept)
            until = newest + RETENTION + WITHDRAWN_MARGIN
            found.append(PastWithdrawal(from_iso(entry.body["at"]), len(event.recordings), until))
    return tuple(found)
