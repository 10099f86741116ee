"""Reading the log: for the auditor and the officer, with filters, each look at it an entry itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from arlo_rec.model.records import from_iso
from arlo_rec.model.strict_json import canonical
from arlo_rec.policy import Action
from arlo_rec.store import Store


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries; None is no limit. `limit` keeps the newest."""

    person: str | None = None
    action: str | None = None
    outcome: str | None = None
    recording: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    limit: int | None = None

    def takes(self, told: dict[str, Any]) -> bool:
        """Whether an entry is wanted."""
        for key in ("person", "action", "outcome"):
            wanted = getattr(self, key)
            if wanted is not None and told.get(key) != wanted:
                return False
        if self.recording is not None and self.recording not in told.get("recordings", ()):
            return False
        at = from_iso(told["at"])
        return (self.since is None or at >= self.since) and (self.before is None or at < self.before)


def show(store: Store, wanted: Filter, now: datetime) -> list[dict[str, Any]]:
    """Entries in order, each with its number; that somebody read the log is logged first."""
    store.demand(Action.AUDIT_SHOW, now)
    with store.change(now) as change:
        change.log(store.entry(Action.AUDIT_SHOW, "allowed", "security.monitored", now))
    found = [
        {"seq": line.seq, **line.told}
        for line in store.book.lines()
        if line.told is not None and wanted.takes(line.told)
    ]
    return found[-wanted.limit :] if wanted.limit else found


def row(entry: dict[str, Any]) -> list[str]:
    """An entry as the cells of a table."""
    rest = {key: entry[key] for key in ("purpose", "reason", "recordings", "detail") if key in entry}
    shown = canonical(rest).decode("utf-8") if rest else ""
    return [str(entry["seq"]), entry["at"], entry["person"], entry["action"], entry["outcome"], entry["rule"], shown]
