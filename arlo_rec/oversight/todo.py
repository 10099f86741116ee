"""What waits for the person who has the store open: computed from roster, log and rows; nothing is opened or logged.

Every role may ask, and sees what it may see anyway: an officer what waits for any officer, a manager copies of the
teams of live grants and own files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from arlo_rec.access import cases, disclosures, gate, limits
from arlo_rec.access.gate import Intent
from arlo_rec.access.short_ids import short_ids
from arlo_rec.admin import break_glass, grant_review, pending
from arlo_rec.admin.pending import Kind
from arlo_rec.admin.policy_changes import Proposal
from arlo_rec.admin.requests import Request
from arlo_rec.log.rows import CopyState
from arlo_rec.model.errors import ArloError
from arlo_rec.model.records import Grant, PendingOfficer, named_in
from arlo_rec.policy import Action, Role
from arlo_rec.store import Store

SOON: Final = timedelta(days=7)  # before the end of a grant
SHOWN: Final = 6  # signs of an id of a recording that is gone
MOST: Final = 3  # recordings of a file that are named
_DECIDED_AS: Final = {  # the kind of task
    Kind.GRANT: "approve",
    Kind.GLASS: "glass",
    Kind.OFFICER: "approve_officer",
    Kind.POLICY: "approve_policy",
    Kind.REQUEST: "request",
}


class Task(NamedTuple):
    """Something that waits: of which kind, of what (an id that a command takes), since when, and what to say of it."""

    kind: str  # `todo.` and this is the code of its sentence
    id: str
    since: datetime
    about: Mapping[str, object] = {}
    until: datetime | None = None  # when it is over by itself


def tasks(store: Store, now: datetime) -> list[Task]:
    """What waits for this person, what has waited longest first; raises NotGranted."""
    store.demand(Action.LOOK_AFTER, now)
    if store.person.role not in {Role.OFFICER, Role.MANAGER}:
        return []
    found = [*_copies(store, now), *_deletions(store), *_grants_that_end(store, now), *_pending(store, now)]
    if store.person.role is Role.OFFICER:
        for waiting in (_broken, _review, _cases):
            found += waiting(store, now)
    return sorted(found, key=lambda task: (task.since, task.kind, task.id))


def _copies(store: Store, now: datetime) -> Iterator[Task]:
    """Training copies that this person may review or release."""
    try:
        admission = gate.admit(store, Intent(Action.REVIEW), now)
    except ArloError:  # a clock that is behind, or erasures that are unknown: nothing opens, and status says so
        return
    waiting = [(copy, team) for copy, team in store.catalogue.copies.under_review() if admission.covers(team)]
    calls = [call for _, call in store.catalogue.search.held_among({copy.parent for copy, _ in waiting})]
    if not admission.as_officer:
        open_to = limits.included(store, admission.quality_grants(), calls)
        waiting = [(copy, team) for copy, team in waiting if copy.parent in open_to]
    short = short_ids(store, admission.covers, [copy.first for copy, _ in waiting])
    of_call = Counter(copy.parent for copy, _ in waiting)
    starts = {call.id: call.started_at for call in calls}
    for copy, team in waiting:
        kind = "release" if copy.state is CopyState.READY else "review"
        about: dict[str, object] = {"short": short[copy.first], "name": copy.made_by, "team": team}
        about |= {"started": starts.get(copy.parent), "revision": copy.revision, "of_call": of_call[copy.parent]}
        yield Task(kind, copy.first.hex(), copy.made_at, about)


def _grants_that_end(store: Store, now: datetime) -> Iterator[Task]:
    """The person's own grants that end within a week and are followed by no other of the same kind."""
    live = store.roster.live_grants(store.person.name, store.clock.today(now))
    for grant in live:
        later = (each for each in live if each.until > grant.until and each.purpose is grant.purpose)
        if grant.until - now <= SOON and not any(each.teams in (None, grant.teams) for each in later):
            about = {"purpose": grant.purpose, "teams": _teams(grant), "until": grant.until}
            yield Task("grant_ends", grant.id, grant.until - SOON, about)


def _teams(grant: Grant) -> list[str] | None:
    return sorted(grant.teams) if grant.teams is not None else None


def _deletions(store: Store) -> Iterator[Task]:
    """Files of erased recordings that nobody confirmed to be deleted: one's own, or everybody's for an officer."""
    for row in store.catalogue.disclosures.open():
        if store.person.role is Role.OFFICER or row.person == store.person.name:
            entry = store.log.entries.get(row.seq)
            ids = named_in((entry.body if entry is not None else None) or {})
            gone = sorted(each.hex()[:SHOWN] for each in ids if store.catalogue.recordings.held(each) is None)
            of = ", ".join(gone[:MOST]) + (" …" if len(gone) > MOST else "")
            about: dict[str, object] = {
                "kind": row.kind,
                "name": row.person,
                "recordings": of,
                "file": disclosures.file_of(store, row),
            }
            about |= {"gone": len(gone), "count": len(ids)}
            yield Task("delete", str(row.seq), row.at, about)


def _pending(store: Store, now: datetime) -> Iterator[Task]:
    """What waits for this person's decision."""
    for each in pending.waiting(store, now):
        if each.is_mine:
            is_own = each.kind is Kind.GRANT and each.by == store.person.name
            kind = "glass_agreed" if is_own else _DECIDED_AS[each.kind]
            yield Task(kind, each.id, each.since, {"by": each.by, **_facts(each.what)}, each.until)


def _facts(what: Grant | PendingOfficer | Proposal | Request) -> dict[str, object]:
    """What is told of something that waits."""
    match what:
        case PendingOfficer(person=person):
            return {"name": person.name}
        case Proposal(version=version):
            return {"version": version.version}
    facts: dict[str, object] = {"name": what.person, "purpose": what.purpose, "reason": what.reason}
    return {**facts, "teams": sorted(what.teams or ()) or None, "until": what.until, "limits": what.limits}


def _broken(store: Store, now: datetime) -> Iterator[Task]:
    """Access in an emergency that another officer took."""
    for grant in break_glass.broken(store, now):
        if grant.by != store.person.name:
            about = {"name": grant.person, "by": grant.approvals[-1].by, "reason": grant.reason}
            yield Task("glass_broken", grant.id, grant.approvals[-1].at, about)


def _review(store: Store, now: datetime) -> Iterator[Task]:
    """The quarter's review of access, while grants of the quarter before wait for it."""
    if waits := grant_review.due(store, now):
        began = grant_review.quarter_began(now)
        yield Task("grants_review", began.date().isoformat(), began, {"count": len(waits)})


def _cases(store: Store, now: datetime) -> Iterator[Task]:
    """Access requests without an answer."""
    for case, days, first_erased, _ in cases.urgent(store, now):
        about = {"due": case.due_on.isoformat(), "days": days, "erased": first_erased}
        yield Task("case", case.id, case.received_at, about)
