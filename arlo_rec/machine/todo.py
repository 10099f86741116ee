"""Tasks of the current person, computed from roster, log and rows; nothing is opened, and nothing logged.

Every role may ask, and sees only what it may see anyway: an officer the tasks of all officers, a manager copies of
the teams of live grants and own files. An auditor sees the suppliers to be controlled, and what is wrong around the
store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from arlo_rec.law.log.registers import CaseState, HoldState
from arlo_rec.law.log.rows import CopyState, DisclosureState
from arlo_rec.law.model.errors import ArloError
from arlo_rec.law.model.particulars import Supplier
from arlo_rec.law.model.records import Grant, named_in
from arlo_rec.law.model.times import local_date, start_of_day
from arlo_rec.machine.findings import Area, Finding
from arlo_rec.machine.status import RECENT, not_looked_at, of_work, refused_in_spool
from arlo_rec.office import approvals, grant_review, grants, holds, pending, policy_changes, requests
from arlo_rec.policy import EXPORT_ALARM_AFTER, SUPPLIER_SOON, Action, Purpose, Role, supplier_control
from arlo_rec.vault.access import cases, disclosures, gate, limits, objections
from arlo_rec.vault.access.gate import Intent
from arlo_rec.vault.access.short_ids import short_ids
from arlo_rec.vault.access.teams import held_calls
from arlo_rec.vault.catalogue.tombstones import RECORDED_UNASKED, WITHDRAWAL_REFUSED
from arlo_rec.vault.opened import Store

SOON: Final = timedelta(days=7)  # before the end of a grant, and after it
SHOWN: Final = 6  # characters of an erased recording's id
MOST: Final = 3  # named recordings of a file
_OF_AUDITORS: Final = frozenset({*Area} - {Area.ACCESS, Area.REQUESTS, Area.POLICY})
_OF_OFFICERS: Final = frozenset({Area.SPOOL, Area.RETENTION, Area.BACKUP})  # the person's rights, and her own work
_TASKS_OF_THEIR_OWN: Final = frozenset({"policy_drift", "unpublished"})


class Task(NamedTuple):
    """A task: its kind, the id that a command takes, its start, and the values of its sentence."""

    kind: str  # `todo.` and this are the code of its sentence
    id: str
    since: datetime
    about: Mapping[str, object] = {}
    until: datetime | None = None  # when it expires
    finding: Finding | None = None  # whose sentence it has
    buttons: Sequence[str] = ()  # of the desk


def tasks(
    store: Store, suppliers: Sequence[Supplier], now: datetime, work: Sequence[Finding] | None = None
) -> list[Task]:
    """The person's tasks, the oldest first; raises NotGranted.

    *suppliers*: those that the company states. *work*: what `status.of_work` finds, where that is known.
    """
    store.demand(Action.LOOK_AFTER, now)
    with store.db.recalling():
        return _tasks(store, suppliers, now, work)


def _tasks(store: Store, suppliers: Sequence[Supplier], now: datetime, work: Sequence[Finding] | None) -> list[Task]:
    controls = list(_controls(suppliers, now))
    if store.person.role is Role.AUDITOR:
        return [*controls, *_work(store, now, work, _OF_AUDITORS)]
    if store.person.role not in {Role.OFFICER, Role.MANAGER}:
        return []
    waiting_tasks = [
        *_copies(store, now),
        *_deletions(store),
        *_files(store, now),
        *_grants_that_end(store, now),
        *_grants_that_ended(store, now),
        *_pending(store, now),
    ]
    if store.person.role is Role.OFFICER:
        waiting_tasks += [*controls, *_work(store, now, work, _OF_OFFICERS)]
        for waiting in (_broken, _review, _unpublished, _cases, _holds_that_end, _objections, _refused, _faults):
            waiting_tasks += waiting(store, now)
    return sorted(waiting_tasks, key=lambda task: (task.since, task.kind, task.id))


def _work(store: Store, now: datetime, work: Sequence[Finding] | None, areas: frozenset[Area]) -> Iterator[Task]:
    """Findings of work around the store, as tasks."""
    for finding in of_work(store, now) if work is None else work:
        if finding.area in areas and finding.code not in _TASKS_OF_THEIR_OWN:
            yield Task(finding.code, finding.code, finding.since or now, finding.values, finding=finding)


def _controls(suppliers: Sequence[Supplier], now: datetime) -> Iterator[Task]:
    """Suppliers to be controlled, the longest overdue first."""
    for each in sorted(suppliers, key=lambda supplier: supplier.next_at):
        control = supplier_control(each.next_at, local_date(now))
        if control.code != "ok":
            day = each.next_at - SUPPLIER_SOON if control.allowed else each.next_at
            yield Task(control.code, each.name, start_of_day(day), {"day": each.next_at})


def _copies(store: Store, now: datetime) -> Iterator[Task]:
    """Training copies that this person may review or release."""
    try:
        admission = gate.admit(store, Intent(Action.REVIEW, shows=False), now)
    except ArloError:  # clock behind, or erasures unknown: nothing opens, and status reports it
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
        is_ready = copy.state is CopyState.READY
        kind, buttons = ("release", ("release", "reject")) if is_ready else ("review", ("reject",))
        about: dict[str, object] = {"short": short[copy.first], "name": copy.made_by, "team": team}
        about |= {"started": starts.get(copy.parent), "revision": copy.revision, "of_call": of_call[copy.parent]}
        yield Task(kind, copy.first.hex(), copy.made_at, about, buttons=buttons)


def _grants_that_end(store: Store, now: datetime) -> Iterator[Task]:
    """The person's own grants that end within a week without a successor."""
    live = store.roster.live_grants(store.person.name, store.clock.today(now))
    for grant in live:
        later = (other for other in live if other.until > grant.until and other.purpose is grant.purpose)
        if grant.until - now <= SOON and not any(other.teams in (None, grant.teams) for other in later):
            yield Task("grant_ends", grant.id, max(grant.starts_at, grant.until - SOON), _terms(grant))


def _grants_that_ended(store: Store, now: datetime) -> Iterator[Task]:
    """The person's own grants whose time ended in the last week, where there is no other, and none is asked for."""
    name, today = store.person.name, store.clock.today(now)
    asked = {request.purpose for request in requests.waiting(store, now) if request.person == name}
    given = {grant.purpose for grant in store.roster.live_grants(name, today)}
    for purpose in Purpose:
        grant = store.roster.ended_grant(name, purpose, today)
        if (
            grant is not None
            and grant.ended_at is None
            and today - grant.until <= SOON
            and purpose not in asked | given
        ):
            yield Task("grant_ended", grant.id, grant.until, _terms(grant))


def _terms(grant: Grant) -> dict[str, object]:
    return {"purpose": grant.purpose, "teams": grant.teams, "until": grant.until, "options": grant.options}


def _files(store: Store, now: datetime) -> Iterator[Task]:
    """Saved files that were kept too long, of recordings that are held: one's own, or all for an officer."""
    for row in disclosures.kept_too_long(store, now):
        is_mine = store.person.role is Role.OFFICER or row.person == store.person.name
        if is_mine and row.state is DisclosureState.OUT:  # else it is among `_deletions`
            entry = store.log.entries.get(row.seq)
            ids = [name.hex()[:SHOWN] for name in (entry.recordings if entry is not None else ())]
            about: dict[str, object] = {"kind": row.kind, "name": row.person, "file": disclosures.file_of(store, row)}
            about |= {"recordings": ", ".join(ids), "at": row.at}
            yield Task("file_kept", str(row.seq), row.at + EXPORT_ALARM_AFTER, about, buttons=("deleted",))


def _deletions(store: Store) -> Iterator[Task]:
    """Files of erased or closed recordings without a confirmed deletion: one's own, or all for an officer."""
    for row in store.catalogue.disclosures.open():
        if store.person.role is Role.OFFICER or row.person == store.person.name:
            entry = store.log.entries.get(row.seq)
            ids = named_in((entry.body if entry is not None else None) or {})
            gone = sorted(name.hex()[:SHOWN] for name in ids if store.catalogue.recordings.held(name) is None)
            of_which = gone or sorted(name.hex()[:SHOWN] for name in ids)  # none is gone, if an objection closed it
            of = ", ".join(of_which[:MOST]) + (" …" if len(of_which) > MOST else "")
            about: dict[str, object] = {
                "kind": row.kind,
                "name": row.person,
                "recordings": of,
                "file": disclosures.file_of(store, row),
            }
            about |= {"gone": len(gone), "count": len(ids)}
            yield Task("delete", str(row.seq), row.at, about, buttons=("deleted",))


def _pending(store: Store, now: datetime) -> Iterator[Task]:
    """Decisions that this person may make."""
    mine = [decision for decision in pending.waiting(store, now) if decision.is_mine]
    is_asked = any(decision.access is not None and decision.access.teams for decision in mine)
    held = held_calls(store, now) if is_asked and store.person.role is Role.OFFICER else Counter[str]()
    for each in mine:
        asked = each.access
        doubts = grants.doubts_unopened(store, asked.teams, asked.limits, held) if asked is not None else ()
        about = {"by": each.by, **each.facts, "doubts": doubts}
        yield Task(each.TASK, each.id, each.since, about, each.until, buttons=each.BUTTONS)


def _broken(store: Store, now: datetime) -> Iterator[Task]:
    """Emergency access of other officers."""
    for grant in approvals.broken(store, now):
        if grant.by != store.person.name:
            about = {"name": grant.person, "by": grant.approvals[-1].by, "reason": grant.reason}
            yield Task("glass_broken", grant.id, grant.approvals[-1].at, about)


def _unpublished(store: Store, now: datetime) -> Iterator[Task]:
    """Pages of a changed version of the guidelines, from the day on which it is in force."""
    if (version := policy_changes.unpublished(store, now)) is not None:
        yield Task("publish", version.version, version.since, {"version": version.version})


def _holds_that_end(store: Store, now: datetime) -> Iterator[Task]:
    """Holds that end within a week: the person is told before (GDPR 18(3)), or officers set another."""
    at = store.clock.today(now)
    for hold in holds.listed(store, now):
        if hold.calls and hold.state(at) is HoldState.SET and hold.until - at <= SOON:
            about = {"ground": hold.ground, "count": len(hold.calls), "until": hold.until}
            yield Task("hold_ends", hold.id, hold.until - SOON, about)


def _review(store: Store, now: datetime) -> Iterator[Task]:
    """The quarterly review of access, while grants are due."""
    if due := grant_review.due(store, now):
        began = grant_review.quarter_began(now)
        yield Task("grants_review", began.date().isoformat(), began, {"count": len(due)})


def _refused(store: Store, now: datetime) -> Iterator[Task]:
    """Refused files that still lie in a spool, by the code of the refusal; the officer herself can mend some."""
    refused = refused_in_spool(store, now)
    for row in refused:
        about: dict[str, object] = {"count": row.count}
        kind = {"agent_not_told": "untold", WITHDRAWAL_REFUSED: WITHDRAWAL_REFUSED}.get(row.code)
        if kind is None:
            kind, about["refusal"] = "refused", row.code
        yield Task(kind, row.code, row.oldest, about)
    if (at := not_looked_at(refused, now)) is not None:
        yield Task("spool_not_looked_at", at.date().isoformat(), at, {"at": at})


def _faults(store: Store, now: datetime) -> Iterator[Task]:
    """Recordings of the last week to which nobody said yes, and a program or policy that nobody approved."""
    if (recorded := store.catalogue.refusals.recorded_unasked(now - RECENT)) is not None:
        yield Task(RECORDED_UNASKED, RECORDED_UNASKED, recorded.oldest, {"count": recorded.count})
    if store.unapproved:
        yield Task("policy_drift", "policy_drift", now)


def _cases(store: Store, now: datetime) -> Iterator[Task]:
    """Requests without an answer, and answers that nobody noted as handed over."""
    for case in cases.urgent(store, now):
        about = {"right": case.right, "due": case.due, "days": case.days_left, "erased": case.first_erased}
        yield Task("case", case.case, case.received, about)
    for answered in cases.running(store, now):
        if answered.state is CaseState.ANSWERED and answered.answered_at is not None:
            yield Task("case_answered", answered.id, answered.answered_at)


def _objections(store: Store, now: datetime) -> Iterator[Task]:
    """Objections of employees without a decision."""
    for objection in objections.pending(store, now):
        about = {"scope": objection.scope, "due": objection.due, "days": objection.days_left}
        yield Task("objection", objection.person, objection.at, about)
