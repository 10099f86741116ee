"""Queries of the log for the auditor and the officer; each is logged before its result is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from arlo_rec.law.log import events
from arlo_rec.law.log.events import CopyMade, LogShown, UnlockFailed
from arlo_rec.law.model.records import RecordingId, from_iso, named_in
from arlo_rec.policy import Action
from arlo_rec.vault.opened import Store


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter for entries; None is no limit, `limit` keeps the newest, and `person` also matches claimed names."""

    person: str | None = None
    action: str | None = None
    outcomes: frozenset[str] = frozenset()  # empty: all
    recording: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    limit: int | None = None

    def takes(self, entry: dict[str, Any], revisions: frozenset[RecordingId] = frozenset()) -> bool:
        """Whether an entry passes the filter; *revisions* are those of the copy that `recording` means."""
        if self.person is not None and self.person not in {entry.get("person"), claimed_name(entry)}:
            return False
        if self.action is not None and entry.get("action") != self.action:
            return False
        if self.outcomes and entry.get("outcome") not in self.outcomes:
            return False
        if self.recording is not None and not (_names(entry, self.recording) or revisions & set(named_in(entry))):
            return False
        if self.since is None and self.before is None:
            return True
        at = _time_of(entry)
        return at is None or ((self.since is None or at >= self.since) and (self.before is None or at < self.before))


def _names(entry: dict[str, Any], recording: str) -> bool:
    """Whether an entry names a recording whose id begins so."""
    return any(named.hex().startswith(recording) for named in named_in(entry))


def _revisions(store: Store, copy: str) -> frozenset[RecordingId]:
    """Later revisions of the training copies whose ids begin so, and copies released from them."""
    later: dict[str, RecordingId] = {}
    for entry in store.log.entries.every():
        made = events.read(entry.body or {}) if (entry.body or {}).get("action") == CopyMade.ACTION else None
        if isinstance(made, CopyMade):
            before, begins = str(made.replaces or ""), str(made.first or "")
            if before in later or before.startswith(copy) or begins.startswith(copy):
                later |= {recording.hex(): recording for recording in made.recordings}
    return frozenset(later.values())


def claimed_name(entry: dict[str, Any]) -> object:
    """The claimed name of a failed unlock; None for any other entry."""
    detail = entry.get("detail")
    return detail.get("name") if entry.get("action") == UnlockFailed.ACTION and isinstance(detail, dict) else None


def _time_of(entry: dict[str, Any]) -> datetime | None:
    """The time of an entry; None if it is invalid; such entries match every period."""
    try:
        return from_iso(entry["at"])
    except (KeyError, TypeError, ValueError):
        return None


def show(store: Store, wanted: Filter, now: datetime) -> tuple[list[dict[str, Any]], int]:
    """The entries that pass the filter, in order and with their numbers, and the number of older ones beyond the limit.

    The query is logged first.
    """
    store.demand(Action.AUDIT_SHOW, now)
    store.note(LogShown(), now)
    revisions = _revisions(store, wanted.recording) if wanted.recording is not None else frozenset()
    entries = [
        {"seq": entry.seq, **entry.body}
        for entry in store.log.entries.every()
        if entry.body is not None and wanted.takes(entry.body, revisions)
    ]
    older = max(0, len(entries) - wanted.limit) if wanted.limit else 0
    return entries[older:], older


def actions() -> frozenset[str]:
    """Every action that an entry can have."""
    own = {action for action, _ in events.places() if action is not None}
    return frozenset({*own, *(str(action) for action in Action)})
