"""Forgetting what old entries of the log tell of what people did, where the policy says so.

Employees' data is kept no longer than it is needed (GDPR 5(1)(e)). Kinds of entries that others rest on are kept
(`Forgettable` says which are not), and so is one by which a copy left whose deletion nobody confirmed. An entry is old
where a finished purge came after it that is older than the policy's days, so that nobody ages an entry by its own time;
one whose own time is a day ahead of that is kept, since it shows a clock that was wrong.
The leaf stays, and the tree with it; `catalogue.forgotten` checks that no more went than was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from arlo_rec.access.signed import Signed, time_in
from arlo_rec.catalogue.audit_log import RawEntry, read_body
from arlo_rec.catalogue.disclosures import DisclosureState
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import EntriesForgotten, Forgettable, PurgeFinished
from arlo_rec.store import Store

_HINT: Final = "forgotten"  # in `meta`: the entry that told of the last time
_AT_ONCE: Final = 20_000  # entries that one change looks at
_DAY: Final = timedelta(days=1)


@dataclass(slots=True)
class _Found:
    """What can be forgotten, up to a finished purge that is old enough."""

    before: int = 0
    at: datetime | None = None  # of that purge
    seqs: list[int] = field(default_factory=list)
    is_last: bool = True  # nothing more is old enough


def forget(store: Store, now: datetime) -> int:
    """Forget what is old enough, at most once a day; the number of entries. Raises what a change raises."""
    days, count = store.policy.at(now).entries_days, 0
    if days is None:
        return 0
    is_last = False
    while not is_last:
        begin, at = last(store)
        found = _find(store, begin, now - timedelta(days=days))
        is_last = found.is_last
        if found.at is None or (at is not None and is_last and found.at < at + _DAY):
            break
        with store.change(now) as change:
            late = [row.seq for row in store.catalogue.disclosures.confirmed_before(begin)]
            gone = sorted(_closed(store, found.seqs) | _still_told(store, late))
            for seq in gone:
                store.catalogue.disclosures.remove(seq)
            store.log.forget(gone)
            store.meta.set_number(_HINT, change.next_seq)
            change.log(EntriesForgotten(before=found.before, days=days, entries=ranges(gone)))
        count += len(gone)
    return count


def ranges(seqs: Iterable[int]) -> list[list[int]]:
    """Ascending numbers as runs: the first and the last of each."""
    runs: list[list[int]] = []
    for seq in seqs:
        if runs and runs[-1][1] == seq - 1:
            runs[-1][1] = seq
        else:
            runs.append([seq, seq])
    return runs


def last(store: Store) -> tuple[int, datetime | None]:
    """Up to which entry something is forgotten, and the time of its purge (None: nothing); as an entry says, no row."""
    signed = Signed(store)
    entry = store.log.entry(store.meta.number(_HINT))
    event = audit_events.read(entry.body) if entry is not None and entry.body is not None else None
    if not isinstance(event, EntriesForgotten) or entry is None or signed.counts(entry.seq, entry.body or {}) is None:
        return 0, None
    purge = store.log.entry(event.before)
    at = time_in(purge.body) if purge is not None and purge.body is not None else None
    return (event.before, at) if at is not None else (0, None)


def _find(store: Store, begin: int, cutoff: datetime) -> _Found:
    """What can be forgotten from entry *begin* on, up to the last finished purge of those looked at."""
    found, signed, waiting = _Found(), Signed(store), list[tuple[int, datetime]]()
    for start in range(begin, store.log.tree().size, _AT_ONCE):
        for raw in store.log.raw_entries(start, start + _AT_ONCE):
            event, at = _read(raw)
            if isinstance(event, Forgettable) and at is not None:
                waiting.append((raw.seq, at))
            if not isinstance(event, PurgeFinished) or at is None:
                continue
            if signed.counts(raw.seq, {"action": event.ACTION}) is None:
                continue
            if at > cutoff:
                return found
            found.before, found.at = raw.seq, at
            found.seqs += [seq for seq, told in waiting if told < at + _DAY]
            waiting = []
        if found.at is not None:
            found.is_last = start + _AT_ONCE >= store.log.tree().size
            return found
    return found


def _read(raw: RawEntry) -> tuple[object, datetime | None]:
    try:
        body = read_body(raw.body) if raw.body is not None else {}
    except ValueError:
        return None, None
    return audit_events.read(body), time_in(body)


def _closed(store: Store, seqs: Sequence[int]) -> set[int]:
    """Those by which no copy left, or one whose deletion was confirmed."""
    kept = {row.seq for row in store.catalogue.disclosures.get(seqs) if row.state is not DisclosureState.CONFIRMED}
    return set(seqs) - kept


def _still_told(store: Store, seqs: Iterable[int]) -> set[int]:
    """Those of earlier entries that can be forgotten and were not: the deletion of a copy was confirmed since."""
    entries = (raw for seq in seqs for raw in store.log.raw_entries(seq, seq + 1))
    return {raw.seq for raw in entries if isinstance(_read(raw)[0], Forgettable)}
