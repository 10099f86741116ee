"""What became of recordings that were held when a request arrived and are gone by now: by the log.

Nothing is kept longer because somebody asks for it, and a withdrawal erases all the same; the answer says so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from arlo_rec.dsar import accesses
from arlo_rec.dsar.accesses import LogMentions
from arlo_rec.dsar.answer import ErasedSince
from arlo_rec.log.cases import LoggedCase
from arlo_rec.model.audit_events import Erases, Purged, Withdrawn
from arlo_rec.model.records import RecordingId
from arlo_rec.policy import is_due
from arlo_rec.store import Store


def since_intake(
    store: Store, case: LoggedCase, known: Collection[RecordingId], now: datetime
) -> tuple[ErasedSince, ...]:
    """The recordings that a case began with and that are gone, the oldest first; *known* are those that are there.

    One that is past retention and waits for the next purge has no time yet.
    """
    gone = case.held - set(known)
    ends, taken_in, at = _ends(store, gone), store.log.taking_in(gone), store.today(now)
    found = []
    for recording, entry in taken_in.items():
        row = store.catalogue.recordings.held(recording)
        if recording in ends:
            found.append(ErasedSince(recording.hex(), entry.at, *ends[recording]))
        elif row is not None and is_due(store.policy.ends_at(row), at):
            found.append(ErasedSince(recording.hex(), entry.at, None, "expired"))
    return tuple(sorted(found, key=lambda each: each.taken_in_at))


def with_accesses(
    store: Store, gone: Sequence[ErasedSince], mentions: LogMentions | None, now: datetime
) -> tuple[ErasedSince, ...]:
    """The same with who saw, opened and saved each while it was there: that outlives it (CJEU C-553/07)."""
    if mentions is None:
        return tuple(gone)
    return tuple(
        replace(
            each,
            accesses=accesses.recorded(store, mentions, mentions.named[name], now),
            exports=accesses.exports(store, mentions, name, now),
        )
        for each in gone
        for name in [RecordingId(bytes.fromhex(each.id))]
    )


def _ends(store: Store, gone: Collection[RecordingId]) -> dict[RecordingId, tuple[datetime | None, str]]:
    """When and why each was erased."""
    ends: dict[RecordingId, tuple[datetime | None, str]] = {}
    for entry in store.log.naming(gone) if gone else ():
        event = entry.event
        if isinstance(event, Erases):
            why = "withdrawn" if isinstance(event, Withdrawn) else "expired" if isinstance(event, Purged) else "other"
            for recording in set(gone).intersection(entry.recordings) - ends.keys():
                ends[recording] = entry.at, why
    return ends
