"""What became of recordings that were held when a request arrived and are gone by now: by the log alone.

Nothing is kept longer because somebody asks for it, and a withdrawal erases all the same; the answer says so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from arlo_rec.access.cases import LoggedCase
from arlo_rec.access.sworn import SwornRows
from arlo_rec.dsar import accesses
from arlo_rec.dsar.accesses import LogMentions
from arlo_rec.dsar.answer import ErasedSince
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import Erases, Purged, Withdrawn
from arlo_rec.model.records import RecordingId, from_iso, named_in
from arlo_rec.policy import is_due
from arlo_rec.store import Store


def since_intake(
    store: Store, case: LoggedCase, known: Collection[RecordingId], now: datetime
) -> tuple[ErasedSince, ...]:
    """The recordings that a case began with and that are gone, the oldest first; *known* are those that are there.

    One that is past retention and waits for the next purge has no time yet.
    """
    gone = case.held - set(known)
    ends, sworn, at = _ends(store, gone), SwornRows(store), store.today(now)
    found = []
    for recording in gone:
        entry = sworn.of_id(recording)
        if entry is None:
            continue
        if recording in ends:
            found.append(ErasedSince(recording.hex(), from_iso(str(entry.at)), *ends[recording]))
        elif entry.is_due(recording, at) or _is_due_by_policy(store, sworn, recording, at):
            found.append(ErasedSince(recording.hex(), from_iso(str(entry.at)), None, "expired"))
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


def lost(store: Store, case: LoggedCase, known: Collection[RecordingId], now: datetime) -> tuple[RecordingId, ...]:
    """The recordings that a case began with, of which there is no row and no entry that erased them."""
    gone = {each for each in case.held.difference(known) if store.catalogue.recordings.get(each) is None}
    ends, sworn, at = _ends(store, gone), SwornRows(store), store.today(now)
    entries = ((each, sworn.of_id(each)) for each in gone - ends.keys())
    return tuple(sorted(each for each, entry in entries if entry is not None and not entry.is_due(each, at)))


def _is_due_by_policy(store: Store, sworn: SwornRows, recording: RecordingId, at: datetime) -> bool:
    """Whether a recording that is still there is past a retention that the company shortened since."""
    row = store.catalogue.recordings.held(recording)
    return row is not None and sworn.is_sworn(row) and is_due(store.policy.ends_at(row), at)


def _ends(store: Store, gone: Collection[RecordingId]) -> dict[RecordingId, tuple[datetime | None, str]]:
    """When and why each was erased first, as entries say that count."""
    ends: dict[RecordingId, tuple[datetime | None, str]] = {}
    for entry in store.log.naming(gone) if gone else ():
        event = audit_events.read(entry.body or {})
        if not isinstance(event, Erases) or not store.entry_counts(entry.seq, str((entry.body or {})["action"])):
            continue
        why = "withdrawn" if isinstance(event, Withdrawn) else "expired" if isinstance(event, Purged) else "other"
        for recording in set(gone).intersection(named_in(entry.body or {})) - ends.keys():
            ends[recording] = from_iso((entry.body or {})["at"]), why
    return ends
