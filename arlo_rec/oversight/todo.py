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
from arlo_rec.admin import break_glass, grant_review, new_officers, policy_changes, requests
from arlo_rec.keys import four_eyes
from arlo_rec.model.errors import ArloError
from arlo_rec.model.log_rows import CopyState
from arlo_rec.model.records import Grant, named_in
from arlo_rec.policy import Action, Role
from arlo_rec.store import Store

SOON: Final = timedelta(days=7)  # before the end of a grant
SHOWN: Final = 6  # signs of an id of a recording that is gone
MOST: Final = 3  # recordings of a file that are named


class Task(NamedTuple):
    """Something that waits: of which kind, of what (an id that a command takes), since when, and what to say of it."""

    kind: str  # `todo.` and this is the code of its sentence
    id: str
    since: datetime
    about: Mapping[str, object] = {}


def tasks(store: Store, now: datetime) -> list[Task]:
    """What waits for this person, what has waited longest first; raises NotGranted."""
    store.demand(Action.LOOK_AFTER, now)
    if store.person.role not in {Role.OFFICER, Role.MANAGER}:
        return []
    found = [*_copies(store, now), *_deletions(store), *_grants_that_end(store, now)]
    if store.person.role is Role.OFFICER:
        for waiting in (_approvals, _officers, _policies, _broken, _requests, _review, _cases):
            found += waiting(store, now)
    else:
        found += _glass(store, now)
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
    live = store.roster.live_grants(store.person.name, store.today(now))
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


def _approvals(store: Store, now: datetime) -> Iterator[Task]:
    """Grants that wait for a second officer, where this one is a second pair of eyes."""
    for grant in store.roster.grants:
        seconds = four_eyes.second_officers(store.roster, grant.by, grant.person, now) if grant.waits(now) else ()
        if store.person.name in seconds:
            about: dict[str, object] = {
                "name": grant.person,
                "by": grant.by,
                "purpose": grant.purpose,
                "reason": grant.reason,
            }
            about |= {"teams": _teams(grant), "until": grant.until, "limits": grant.limits}
            yield Task("approve", grant.id, grant.starts_at, about)


def _officers(store: Store, now: datetime) -> Iterator[Task]:
    """Officers whom another added, where this one is a second pair of eyes."""
    for each in new_officers.waiting(store, now):
        if new_officers.may_decide(store, each, now):
            yield Task("approve_officer", each.id, each.at, {"name": each.person.name, "by": each.person.by})


def _policies(store: Store, now: datetime) -> Iterator[Task]:
    """Versions of the policy that were proposed, where this officer may approve them."""
    for each in policy_changes.waiting(store, now):
        if policy_changes.may_approve(store, each, now):
            yield Task("approve_policy", each.id, each.at, {"version": each.version.version, "by": each.by})


def _glass(store: Store, now: datetime) -> Iterator[Task]:
    """Access in an emergency that waits for a manager's word."""
    for grant in break_glass.waiting(store, now):
        about = {
            "name": grant.person,
            "reason": grant.reason,
            "teams": _teams(grant),
            "until": grant.until,
            "limits": grant.limits,
        }
        yield Task("glass", grant.id, grant.starts_at, about)


def _broken(store: Store, now: datetime) -> Iterator[Task]:
    """Access in an emergency that another officer took, and her own with the word that it waited for."""
    for grant in break_glass.broken(store, now):
        if grant.by != store.person.name:
            about = {"name": grant.person, "by": grant.approvals[-1].by, "reason": grant.reason}
            yield Task("glass_broken", grant.id, grant.approvals[-1].at, about)
    for grant in break_glass.waiting(store, now):
        if grant.by == store.person.name and break_glass.agreed_by(store, grant, now) is not None:
            yield Task("glass_agreed", grant.id, grant.starts_at, {"name": grant.person})


def _requests(store: Store, now: datetime) -> Iterator[Task]:
    """What managers ask for, and other officers."""
    for each in requests.waiting(store, now):
        if each.person == store.person.name:
            continue
        about: dict[str, object] = {"name": each.person, "purpose": each.purpose}
        about |= {"reason": each.reason, "teams": list(each.teams) or None, "until": each.until, "limits": each.limits}
        yield Task("request", each.id, each.at, about)


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
