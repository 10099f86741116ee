"""Which employees were shown which privacy notice, and who was recorded and shown none (info.employees).

Employees stand in the calls by the name that the telephone system has of them, and most have no identity in the store;
so a notice is shown to a name, that of somebody in the roster too. The list of what was shown is computed from the log.
That somebody read it, no program knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from arlo_rec.access import metadata
from arlo_rec.access.keyrings import OfficerKeyring
from arlo_rec.log.events import NamesCompared, NoticeShown
from arlo_rec.model.errors import Usage, nearest
from arlo_rec.model.names import agent_name, demanded_name
from arlo_rec.model.times import end_of_day, local_date
from arlo_rec.policy import Action
from arlo_rec.store import Store

EMPLOYEES: Final = "employees"
NOTICES: Final = (EMPLOYEES,)


class Shown(NamedTuple):
    """That somebody was shown a notice on a day, as that version of the policy has it."""

    person: str
    notice: str
    version: str
    shown_at: date


class Missing(NamedTuple):
    """Employees whose calls are held and who were shown no notice, by name, and calls of which nobody could be told."""

    people: tuple[str, ...]
    unknown: int


def show(
    store: Store, names: Sequence[str], notice: str, day: date | None, version: str | None, now: datetime
) -> list[Shown]:
    """Note that these people were shown a notice, today or on another *day*; each name once.

    It is that of the policy that was in force at the end of that day, or of the *version* that is named. Raises
    NotGranted, or Usage where a name can be none, no such notice or version is known, or the day is still to come or
    before the version.
    """
    store.demand(Action.PEOPLE, now)
    people = {agent_name(each): each for each in map(demanded_name, names)}
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
        told = store.policy.versions[named].version
        event = NoticeShown(people=list(people.values()), notice=notice, version=told, shown=shown_at.isoformat())
        change.log(event)
    return [Shown(name, notice, told, shown_at) for name in people.values()]


def _demand_notice(notice: str) -> None:
    """Raise Usage where there is no such notice."""
    if notice not in NOTICES:
        raise Usage("no_such_notice", name=notice[:40], notices=", ".join(NOTICES), **nearest(notice, NOTICES))


def _version(store: Store, version: str | None, at: datetime) -> int:
    """The number of the version of that name, or of the one in force at an instant; raises Usage."""
    versions = store.policy.versions
    if version is None:
        return versions.index(store.policy.at(at))
    known = [each.version for each in versions]
    if version not in known:
        raise Usage("no_such_version", name=version[:40], **nearest(version, known))
    return known.index(version)


def listed(store: Store, now: datetime) -> list[Shown]:
    """Who was shown which notice when, what was noted last first; raises NotGranted."""
    store.demand(Action.AUDIT_SHOW, now)
    return list(_every(store))[::-1]


def _every(store: Store) -> Iterator[Shown]:
    for entry in store.log.entries.holding([f'"action":"{NoticeShown.ACTION}"'], taken_in=False):
        event = entry.event
        if isinstance(event, NoticeShown):
            day = date.fromisoformat(event.shown)
            yield from (Shown(name, event.notice, event.version, day) for name in event.people)


def missing(store: Store, notice: str, now: datetime) -> Missing:
    """Employees whose calls are held and who were never shown a notice, in any version.

    Raises NotGranted, Usage for a notice that there is not, Refused.

    Of each employee the metadata of one call is opened, with the officers' key, and nothing but the name is read.
    """
    store.demand(Action.PEOPLE, now)
    store.demand_replayed(Action.PEOPLE, now)
    store.demand_clock(Action.PEOPLE, now)
    _demand_notice(notice)
    told = {agent_name(each.person) for each in _every(store) if each.notice == notice}
    calls = [row for _, row in store.catalogue.search.held_among(store.catalogue.agents.last_calls().values())]
    store.note(NamesCompared(notice=notice, named=len(calls)), now)
    keys, names, unknown = metadata.erasure_keys(store, calls), dict[str, str](), 0
    for _, facts in metadata.open_each(store, calls, OfficerKeyring(store), keys):
        name = str(facts["agent"]) if facts is not None else None
        unknown += name is None
        names |= {agent_name(name): name} if name is not None and agent_name(name) not in told else {}
    return Missing(tuple(names[each] for each in sorted(names)), unknown)
