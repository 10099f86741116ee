"""What waits for the person who has the store open: computed from roster, log and rows; nothing is opened or logged.

Every role may ask, and sees what it may see anyway: an officer what waits for any officer, a manager copies of the
teams of live grants and own files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from arlo_rec.access import cases, gate
from arlo_rec.access.gate import Intent
from arlo_rec.access.short_ids import short_ids
from arlo_rec.catalogue.copies import CopyState
from arlo_rec.keys import four_eyes
from arlo_rec.model.errors import ArloError
from arlo_rec.model.records import named_in
from arlo_rec.policy import Action, Role
from arlo_rec.store import Store

SHOWN: Final = 6  # signs of an id of a recording that is gone
MOST: Final = 3  # recordings of a file that are named


class Task(NamedTuple):
    """Something that waits: of which kind, of what (an id that a command takes), since when, and what to say of it."""

    kind: str  # `approve`, `case`, `review`, `release` or `delete`
    id: str
    since: datetime
    about: Mapping[str, object] = {}


def tasks(store: Store, now: datetime) -> list[Task]:
    """What waits for this person, what has waited longest first; raises NotGranted."""
    store.demand(Action.LOOK_AFTER, now)
    if store.person.role not in {Role.OFFICER, Role.MANAGER}:
        return []
    found = [*_copies(store, now), *_deletions(store)]
    if store.person.role is Role.OFFICER:
        found += [*_approvals(store, now), *_cases(store, now)]
    return sorted(found, key=lambda task: (task.since, task.kind, task.id))


def _copies(store: Store, now: datetime) -> Iterator[Task]:
    """Training copies that this person may review or release."""
    try:
        admission = gate.admit(store, Intent(Action.REVIEW), now)
    except ArloError:  # a clock that is behind, or erasures that are unknown: nothing opens, and status says so
        return
    waiting = [copy for copy, team in store.catalogue.copies.under_review() if admission.covers(team)]
    short = short_ids(store, admission.covers, [copy.first for copy in waiting])
    for copy in waiting:
        kind = "release" if copy.state is CopyState.READY else "review"
        yield Task(kind, copy.first.hex(), copy.made_at, {"short": short[copy.first], "name": copy.made_by})


def _deletions(store: Store) -> Iterator[Task]:
    """Files of erased recordings that nobody confirmed to be deleted: one's own, or everybody's for an officer."""
    for row in store.catalogue.disclosures.open():
        if store.person.role is Role.OFFICER or row.person == store.person.name:
            entry = store.log.entry(row.seq)
            ids = named_in((entry.body if entry is not None else None) or {})
            of = ", ".join(sorted(each.hex()[:SHOWN] for each in list(ids)[:MOST]))
            yield Task("delete", str(row.seq), row.at, {"kind": row.kind, "name": row.person, "recordings": of})


def _approvals(store: Store, now: datetime) -> Iterator[Task]:
    """Grants that wait for a second officer, where this one is a second pair of eyes."""
    for grant in store.roster.grants:
        if grant.waits(now) and four_eyes.may_approve(store.roster, store.person.name, grant, now):
            about: dict[str, object] = {
                "name": grant.person,
                "by": grant.by,
                "purpose": grant.purpose,
                "reason": grant.reason,
            }
            about |= {"teams": sorted(grant.teams) if grant.teams is not None else None, "until": grant.until}
            yield Task("approve", grant.id, grant.starts_at, about)


def _cases(store: Store, now: datetime) -> Iterator[Task]:
    """Access requests without an answer."""
    for case, days in cases.urgent(store, now):
        yield Task("case", case.id, case.received_at, {"due": case.due_on.isoformat(), "days": days})
