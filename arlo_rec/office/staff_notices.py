"""Privacy notices shown to employees, and recorded employees without one (info.employees).

Calls name employees as the telephone system does, and most have no identity in the store; so a notice is shown to a
name, also to that of a person on the roster. What was shown is computed from the log, which cannot tell whether it
was read. An officer may require the notice: calls of employees who were never shown it are then refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.events import NamesCompared, NoticeRequired, NoticeShown
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Usage, nearest
from arlo_rec.law.model.names import agent_name, demanded_name
from arlo_rec.law.model.records import RecordingId
from arlo_rec.law.model.times import end_of_day, local_date
from arlo_rec.policy import Action
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.opened import Store

EMPLOYEES: Final = "employees"
NOTICES: Final = (EMPLOYEES,)


class Shown(Record, frozen=True):
    """A notice shown to a person on a day, in a version of the policy."""

    person: str
    notice: str
    version: str
    shown_at: date


class NoticesAnswer(Record, frozen=True):
    """Notices shown to employees; or the employees without one, with the number of calls with unreadable names."""

    notices: list[Shown] | UnsetType = UNSET
    required: bool | UnsetType = UNSET
    calls: int | UnsetType = UNSET  # held ones of those who are noted now
    missing: tuple[str, ...] | UnsetType = UNSET
    unknown: int | UnsetType = UNSET


class Missing(NamedTuple):
    """Names of employees with held calls and without a notice, and the number of calls with unreadable names."""

    people: tuple[str, ...]
    unknown: int


def show(
    store: Store, names: Sequence[str], notice: str, day: date | None, version: str | None, now: datetime
) -> list[Shown]:
    """Log that these people were shown a notice, today or on another *day*; each name once.

    The notice is that of the policy in force at the end of that day, or of *version*. Raises NotGranted; Usage for
    an invalid name, an unknown notice or version, and a day in the future or before the version.
    """
    store.demand(Action.PEOPLE, now)
    people = {agent_name(name): name for name in map(demanded_name, names)}
    _demand_notice(notice)
    today = local_date(store.clock.today(now))
    shown_at = day or today
    if shown_at > today:
        raise Usage("notice_in_future")
    with store.change(now) as change:
        named = _version(store, version, min(end_of_day(shown_at), store.clock.today(now)))
        if local_date(store.policy.versions[named].since) > shown_at:
            since = local_date(store.policy.versions[named].since).isoformat()
            raise Usage("notice_before_version", version=store.policy.versions[named].version, day=since)
        text = store.policy.versions[named].version
        tags = primitives.derive(store.secret(INDEX_SEED), "tags")
        told = [primitives.tag(tags, name.encode("utf-8"), kind="agent").hex() for name in people]
        change.log(
            NoticeShown(
                request=primitives.fresh(8).hex(),
                people=list(people.values()),
                tags=told,
                notice=notice,
                version=text,
                shown=shown_at.isoformat(),
            )
        )
    return [Shown(name, notice, text, shown_at) for name in people.values()]


def _demand_notice(notice: str) -> None:
    """Raise Usage for an unknown notice."""
    if notice not in NOTICES:
        raise Usage("no_such_notice", name=notice[:40], notices=", ".join(NOTICES), **nearest(notice, NOTICES))


def _version(store: Store, version: str | None, at: datetime) -> int:
    """The index of the version of that name, or of the one in force at an instant; raises Usage."""
    versions = store.policy.versions
    if version is None:
        return versions.index(store.policy.at(at))
    known = [entry.version for entry in versions]
    if version not in known:
        raise Usage("no_such_version", name=version[:40], **nearest(version, known))
    return known.index(version)


def require(store: Store, now: datetime, *, required: bool) -> None:
    """Log that calls of employees who were never told are refused from now on, or no longer; raises NotGranted."""
    store.demand(Action.PEOPLE, now)
    with store.change(now) as change:
        change.log(NoticeRequired(request=primitives.fresh(8).hex(), required=required))


def is_required(store: Store) -> bool:
    """Whether calls of employees who were never told are refused."""
    required = False
    for entry in store.log.entries.of_requests(NoticeRequired):
        if isinstance(event := entry.event, NoticeRequired):
            required = event.required
    return required


def told(store: Store) -> frozenset[bytes]:
    """The tags of employees who were shown the notice, in any version."""
    return frozenset(tag for event in _shown(store) for tag in map(bytes.fromhex, event.tags))


def told_if_required(store: Store) -> frozenset[bytes] | None:
    """The tags of employees who were told; None while that is not required."""
    return told(store) if is_required(store) else None


def untold_calls(store: Store) -> list[RecordingId]:
    """The newest held call of each employee who was never told; no key is needed."""
    known = told(store)
    return [call for tag, call in store.catalogue.agents.last_calls().items() if tag not in known]


def count_untold(store: Store, since: datetime) -> int:
    """The number of employees in held calls from *since* on who were never told; no key is needed."""
    return len(store.catalogue.agents.since(since) - told(store))


def listed(store: Store, now: datetime) -> list[Shown]:
    """All shown notices, the newest entry first; raises NotGranted."""
    store.demand(Action.AUDIT_SHOW, now)
    every = [
        Shown(name, event.notice, event.version, date.fromisoformat(event.shown))
        for event in _shown(store)
        for name in event.people
    ]
    return every[::-1]


def _shown(store: Store) -> Iterator[NoticeShown]:
    for entry in store.log.entries.of_requests(NoticeShown):
        if isinstance(event := entry.event, NoticeShown):
            yield event


def missing(store: Store, notice: str, now: datetime) -> Missing:
    """Employees whose calls are held and who were never shown a notice, in any version.

    The metadata of one call of each is opened, with the officers' key; only the name is read. Raises NotGranted, Usage
    for an unknown notice, Refused.
    """
    store.demand(Action.PEOPLE, now)
    store.demand_replayed(Action.PEOPLE, now)
    store.demand_clock(Action.PEOPLE, now)
    _demand_notice(notice)
    calls = [row.id for _, row in store.catalogue.search.held_among(untold_calls(store))]
    store.note(NamesCompared(notice=notice, named=len(calls)), now)
    from arlo_rec.vault.access import employees  # here: status counts without a name

    names = employees.names_in(store, calls)
    return Missing(tuple(names.known[key] for key in sorted(names.known)), names.unknown)
