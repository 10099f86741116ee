"""Forgetting the bodies of old log entries about what people did, by the policy's days.

Employees' data is kept no longer than needed (GDPR 5(1)(e)). Entries that others rest on are kept (`Forgettable`
marks the rest), and so are those of copies that left without a confirmed deletion. An entry is old if a finished
purge came after it that is older than the policy's days. No entry before that purge may claim a time more than a day
after it, so that a wrong clock ages no entry. The leaf stays, and the tree with it; `catalogue.log_stretch` checks
that no more is gone than the log says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from arlo_rec.law.log import events
from arlo_rec.law.log.entries import LogEntry
from arlo_rec.law.log.events import DeletionConfirmed, EntriesForgotten, Forgettable, LeftNothing, PurgeFinished
from arlo_rec.law.log.rows import DisclosureState
from arlo_rec.law.model.records import from_iso
from arlo_rec.vault.catalogue.audit_log import RawEntry
from arlo_rec.vault.catalogue.log_clock import LogTime, Moment
from arlo_rec.vault.catalogue.log_stretch import MARGIN
from arlo_rec.vault.opened import Store

_AT_ONCE: Final = 20_000  # entries examined in one change
_DAY: Final = timedelta(days=1)
_SAID: Final = tuple(f'"action":"{kind.ACTION}"' for kind in (DeletionConfirmed, LeftNothing))


@dataclass(slots=True)
class _Forgettables:
    """Entries that can be forgotten, up to a finished purge that is old enough."""

    before: int = 0
    at: datetime | None = None  # of that purge
    seqs: list[int] = field(default_factory=list)
    files: set[int] = field(default_factory=set)  # entries of a copy that left; `_deleted` picks from them
    is_last: bool = True  # no later entry is old enough

    def take(self, purge: int, at: datetime, waiting: Iterable[tuple[int, datetime, bool]]) -> None:
        """Add what came before a purge, except entries dated a day or more after it: those show a wrong clock."""
        self.before, self.at = purge, at
        old = [(seq, is_file) for seq, claimed, is_file in waiting if claimed < at + MARGIN]
        self.seqs += [seq for seq, is_file in old if not is_file]
        self.files |= {seq for seq, is_file in old if is_file}


def forget(store: Store, now: datetime) -> int:
    """Forget what is old enough by the clock, at most once a day; returns the number of entries. Raises as a change."""
    days, count, is_last = store.policy.at(now).entries_days, 0, False
    while not is_last:
        begin, at = last(store)
        old = _find(store, begin, at, now - timedelta(days=days))
        is_last = old.is_last
        if old.at is None or (at is not None and is_last and old.at < at + _DAY):
            break
        with store.change(now) as change:
            late = [row.seq for row in store.catalogue.disclosures.confirmed_before(begin)]
            files = old.files | set(_files(store, late))
            gone = sorted(set(old.seqs) | _deleted(store, files))
            for seq in files & set(gone):
                store.catalogue.disclosures.remove(seq)
            store.log.forget(gone)
            change.log(EntriesForgotten(before=old.before, days=days, entries=ranges(gone)))
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
    """The entry up to which bodies are forgotten, and the time of its purge; 0 and None before the first time.

    The newest forgetting entry says so. If a restore brought the bodies that it names back, an earlier one counts.
    """
    newest = None
    for entry in store.log.entries.of_forgetting():
        event, purge = entry.event, None
        if isinstance(event, EntriesForgotten):
            purge = store.log.entries.get(event.before)
        if not isinstance(event, EntriesForgotten) or purge is None or purge.body is None:
            continue
        newest = newest or (event.before, purge.at)
        if event.entries:
            if _is_gone(store, event.entries[0][0]):
                return newest
            newest = None
    return newest or (0, None)


def _is_gone(store: Store, seq: int) -> bool:
    return any(raw.body is None for raw in store.log.raw.entries(seq, seq + 1))


def _find(store: Store, begin: int, since: datetime | None, cutoff: datetime) -> _Forgettables:
    """Entries that can be forgotten from *begin* on, up to the last finished purge among those examined.

    *since*: the time of the purge up to which bodies are forgotten; earlier entries are less than a day younger.
    """
    old, waiting = _Forgettables(), list[tuple[int, datetime, bool]]()
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
                return old
            old.take(raw.seq, at, waiting)
            waiting = []
        if old.at is not None:
            old.is_last = start + _AT_ONCE >= store.log.tree().size
            return old
    return old


def _body(raw: RawEntry) -> dict[str, Any]:
    """The JSON of an entry; empty if its body is gone, or unreadable, which `verify` reports."""
    return LogEntry.read(raw.seq, raw.body).body or {}


def _files(store: Store, seqs: Iterable[int]) -> Iterator[int]:
    """The entries, of these, whose bodies still tell of a copy that left."""
    for seq in seqs:
        entry = store.log.entries.get(seq)
        event = entry.event if entry is not None else None
        if event is not None and event.leaves is not None:
            yield seq


def _deleted(store: Store, files: Collection[int]) -> set[int]:
    """The *files* whose copy was deleted or never written by the log, unless a row says otherwise."""
    if not files:
        return set()
    gone = set[int]()
    rows = {row.seq: row.state for row in store.catalogue.disclosures.get(files)}
    for entry in store.log.entries.holding(_SAID, taken_in=False):
        event = entry.event
        if isinstance(event, DeletionConfirmed | LeftNothing) and event.of in files:
            gone.add(event.of)
    return {seq for seq in gone if rows.get(seq, DisclosureState.CONFIRMED) is DisclosureState.CONFIRMED}
