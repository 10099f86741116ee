"""The quarterly review of access: an officer confirms or ends every live grant (access.need).

A grant given, approved or confirmed in this quarter is reviewed; every other is due. The log says how much each was
used: an unused grant is no longer needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Final, NamedTuple

from arlo_rec.law.log.events import GrantConfirmed, Opened
from arlo_rec.law.model.errors import NotGranted, NothingMatched
from arlo_rec.law.model.records import Grant, RecordingId
from arlo_rec.law.model.times import local_date, start_of_day
from arlo_rec.office.grants import facts, resolve
from arlo_rec.policy import Action, Purpose, State
from arlo_rec.vault.access.limits import HEARD
from arlo_rec.vault.keys import four_eyes
from arlo_rec.vault.opened import Store

ALL: Final = "all"


class Use(NamedTuple):
    """A live grant, the number of recordings heard by it, and the time of the last."""

    grant: Grant
    heard: int
    last: datetime | None
    is_due: bool


def quarter_began(now: datetime) -> datetime:
    """The beginning of the quarter in Oslo."""
    today = local_date(now)
    return start_of_day(date(today.year, today.month - (today.month - 1) % 3, 1))


def due(store: Store, now: datetime) -> list[Grant]:
    """The live grants that were not reviewed in this quarter."""
    began = quarter_began(now)
    return [
        grant for grant in store.roster.grants if grant.live(store.clock.today(now)) and _reviewed_at(grant) < began
    ]


def _reviewed_at(grant: Grant) -> datetime:
    """The time of the newest decision on a grant."""
    decided = [grant.starts_at, *(approval.at for approval in grant.approvals)]
    return max([*decided, *([grant.reviewed_at] if grant.reviewed_at is not None else [])])


def listed(store: Store, now: datetime) -> list[Use]:
    """Every live grant with its use, due ones first; raises NotGranted."""
    store.demand(Action.SEE_GRANTS, now)
    due_ids, heard = {grant.id for grant in due(store, now)}, list(_hearings(store))
    uses = []
    for grant in store.roster.grants:
        if grant.live(store.clock.today(now)):
            times = [(call, at) for person, team, call, at in heard if _is_by(grant, person, team, at)]
            last = max((at for _, at in times), default=None)
            uses.append(Use(grant, len({call for call, _ in times}), last, grant.id in due_ids))
    return sorted(uses, key=lambda use: (not use.is_due, use.grant.person, use.grant.starts_at))


def _is_by(grant: Grant, person: str, team: tuple[Purpose, str | None], at: datetime) -> bool:
    """Whether a recording of a team may have been heard by that grant at that time."""
    purpose, name = team
    is_of_team = grant.teams is None or name is None or name in grant.teams
    return person == grant.person and purpose is grant.purpose and is_of_team and at >= grant.starts_at


def _hearings(store: Store) -> Iterator[tuple[str, tuple[Purpose, str | None], RecordingId, datetime]]:
    """Person, purpose, team (None: erased), call and time of each logged hearing."""
    for entry in store.log.entries.holding([f'"action":"{action}"' for action in sorted(HEARD)], taken_in=False):
        event = entry.event
        if not isinstance(event, Opened) or event.action not in HEARD:
            continue
        for recording in event.recordings:
            row = store.catalogue.recordings.get(recording)
            team = row.team if row is not None and row.state is State.HELD else None
            call = row.parent if row is not None and row.parent is not None else recording
            by_quality = event.action == Action.REVIEW_LISTEN  # the right to hear originals for making copies
            purpose = Purpose.QUALITY if by_quality else Purpose(str(event.purpose))
            yield entry.person, (purpose, team), call, entry.at


def confirm(store: Store, ids: Collection[str], now: datetime) -> list[Grant]:
    """Confirm live grants, or ALL that are due; an officer confirms none of her own if another could.

    Raises NothingMatched or NotGranted, and then confirms none.
    """
    store.demand(Action.GRANT, now)
    store.demand_clock(Action.GRANT, now)
    with store.change(now) as change:
        wanted = {grant.id for grant in due(store, now)} if ALL in ids else set()
        wanted |= {resolve(store, grant_id) for grant_id in ids if grant_id != ALL}
        live = {grant.id: grant for grant in store.roster.grants if grant.live(store.clock.today(now))}
        if missing := wanted - live.keys():
            raise NothingMatched("no_such_live_grant", id=min(missing))
        own = [grant_id for grant_id in sorted(wanted) if _is_own(store, live[grant_id], now)]
        if own:
            raise NotGranted("not_second", rule="access.officer")
        confirmed = {grant_id: replace(live[grant_id], reviewed_at=now) for grant_id in wanted}
        grants = tuple(confirmed.get(grant.id, grant) for grant in store.roster.grants)
        if confirmed:
            store.put(store.roster.next(now, grants=grants))
        for grant_id in sorted(confirmed):
            change.log(GrantConfirmed(**facts(confirmed[grant_id])))
    return [confirmed[grant_id] for grant_id in sorted(confirmed)]


def _is_own(store: Store, grant: Grant, now: datetime) -> bool:
    """Whether this officer would confirm her own access although another officer could."""
    return four_eyes.needs_second(store.roster, store.person.name, grant.person, now)
