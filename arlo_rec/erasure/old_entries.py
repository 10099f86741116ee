"""Forgetting what old entries of the log tell of what people did, where the policy says so.

Employees' data is kept no longer than it is needed (GDPR 5(1)(e)). Kinds of entries that others rest on are kept
(`Forgettable` says which are not), and so is one by which a copy left of which no entry says that it was deleted. An
entry is old where a finished purge came after it that is older than the policy's days, and than which nothing before it
says to be a day younger: so a clock that was wrong ages no entry.
The leaf stays, and the tree with it; `catalogue.forgotten` checks that no more went than was said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from arlo_rec.catalogue.audit_log import RawEntry
from arlo_rec.catalogue.log_clock import LogTime, Moment
from arlo_rec.catalogue.log_stretch import MARGIN
from arlo_rec.log import events
from arlo_rec.log.entries import read_body
from arlo_rec.log.events import (
    DeletionConfirmed,
    EntriesForgotten,
    Forgettable,
    LeftNothing,
    PurgeFinished,
)
from arlo_rec.log.rows import DisclosureState
from arlo_rec.model.records import from_iso
from arlo_rec.store import Store

_AT_ONCE: Final = 20_000  # entries that one change looks at
_DAY: Final = timedelta(days=1)
_SAID: Final = tuple(f'"action":"{kind.ACTION}"' for kind in (DeletionConfirmed, LeftNothing))


@dataclass(slots=True)
class _Found:
    """What can be forgotten, up to a finished purge that is old enough."""

    before: int = 0
    at: datetime | None = None  # of that purge
    seqs: list[int] = field(default_factory=list)
    files: set[int] = field(default_factory=set)  # by which a copy left: `_deleted` says which of them
    is_last: bool = True  # nothing more is old enough

    def take(self, purge: int, at: datetime, waiting: Iterable[tuple[int, datetime, bool]]) -> None:
        """Take what came before a purge, but what claims to be a day younger: it shows a clock that was wrong."""
        self.before, self.at = purge, at
        old = [(seq, is_file) for seq, told, is_file in waiting if told < at + MARGIN]
        self.seqs += [seq for seq, is_file in old if not is_file]
        self.files |= {seq for seq, is_file in old if is_file}


def forget(store: Store, now: datetime) -> int:
    """Forget what is old enough by the clock, once a day at most; how many entries. Raises what a change raises."""
    days, count = store.policy.at(now).entries_days, 0
    if days is None:
        return 0
    is_last = False
    while not is_last:
        begin, at = last(store)
        found = _find(store, begin, at, now - timedelta(days=days))
        is_last = found.is_last
        if found.at is None or (at is not None and is_last and found.at < at + _DAY):
            break
        with store.change(now) as change:
            late = [row.seq for row in store.catalogue.disclosures.confirmed_before(begin)]
            files = found.files | set(_files(store, late))
            gone = sorted(set(found.seqs) | _deleted(store, files))
            for seq in files & set(gone):
                store.catalogue.disclosures.remove(seq)
            store.log.forget(gone)
            change.log(EntriesForgotten(before=found.before, days=days, entries=ranges(gone)))
        count += len(gone)
    return count


def ranges(seqs: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending numbers as runs: the first and the last of each."""
    runs: list[tuple[int, int]] = []
    for seq in seqs:
        begin = runs.pop()[0] if runs and runs[-1][1] == seq - 1 else seq
        runs.append((begin, seq))
    return runs


def last(store: Store) -> tuple[int, datetime | None]:
    """Up to which entry something is forgotten, and the time of its purge; before the first time 0 and None.

    By the newest entry that says so. Where a restore brought back what it names, and so what later ones do, an earlier
    one counts.
    """
    found = None
    for entry in store.log.entries.of_forgetting():
        event, purge = entry.event, None
        if isinstance(event, EntriesForgotten):
            purge = store.log.entries.get(event.before)
        if not isinstance(event, EntriesForgotten) or purge is None or purge.body is None:
            continue
        found = found or (event.before, purge.at)
        if event.entries:
            if _is_gone(store, event.entries[0][0]):
                return found
            found = None
    return found or (0, None)


def _is_gone(store: Store, seq: int) -> bool:
    return any(raw.body is None for raw in store.log.raw.entries(seq, seq + 1))


def _find(store: Store, begin: int, since: datetime | None, cutoff: datetime) -> _Found:
    """What can be forgotten from entry *begin* on, up to the last finished purge of those looked at.

    *since*: the time of the purge up to which something is forgotten; what came before is less than a day younger.
    """
    found, waiting = _Found(), list[tuple[int, datetime, bool]]()
    time = LogTime(newest=Moment(begin, since + MARGIN)) if since is not None else LogTime()
    for start in range(begin, store.log.tree().size, _AT_ONCE):
        for raw in store.log.raw.entries(start, start + _AT_ONCE):
            body = _body(raw)
            if not body:
                continue
            event, at, newest = events.read(body), from_iso(body["at"]), time.newest.at
            time = time.after(raw.seq, body)
            if isinstance(event, Forgettable):
                waiting.append((raw.seq, at, event.leaves is not None))
            if not isinstance(event, PurgeFinished) or newest >= at + MARGIN:
                continue
            if at > cutoff:
                return found
            found.take(raw.seq, at, waiting)
            waiting = []
        if found.at is not None:
            found.is_last = start + _AT_ONCE >= store.log.tree().size
            return found
    return found


def _body(raw: RawEntry) -> dict[str, Any]:
    """The JSON of an entry; nothing where it is gone."""
    return read_body(raw.body) if raw.body is not None else {}


def _files(store: Store, seqs: Iterable[int]) -> Iterator[int]:
    """Those of some entries that still tell of a copy that left."""
    for seq in seqs:
        entry = store.log.entries.get(seq)
        event = entry.event if entry is not None else None
        if event is not None and event.leaves is not None:
            yield seq


def _deleted(store: Store, files: Collection[int]) -> set[int]:
    """Those *files* of which the log says that the copy was deleted or never came into being, and no row says else."""
    if not files:
        return set()
    gone = set[int]()
    rows = {row.seq: row.state for row in store.catalogue.disclosures.get(files)}
    for entry in store.log.entries.holding(_SAID, taken_in=False):
        event = entry.event
        if isinstance(event, DeletionConfirmed | LeftNothing) and event.of in files:
            gone.add(event.of)
    return {seq for seq in gone if rows.get(seq, DisclosureState.CONFIRMED) is DisclosureState.CONFIRMED}
