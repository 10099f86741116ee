"""Teams that a person may see, with the number of held recordings; read from rows alone, without a key.

A row has the team and no name. The agents of a team stand in metadata, which takes a purpose and a reason
(`search.agents_of_teams`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.records import Grant, Kind
from arlo_rec.policy import Action, Purpose, Role, may
from arlo_rec.vault.catalogue.recordings import Tally
from arlo_rec.vault.opened import Store


class Team(Record, frozen=True):
    """A team; agents are None without a purpose and a reason for their names."""

    team: str
    agents: tuple[str, ...] | None
    held: int


def listed(store: Store, now: datetime) -> list[Team]:
    """The teams that this person may see, by name: for an officer all, for a manager those of live grants.

    A team named by a grant is listed with nothing held too. Empty for every other role. Raises as
    `Store.demand_replayed` and `Store.demand_clock` do.
    """
    if not may(store.person.role, Action.FIND).allowed:
        return []
    store.demand_replayed(Action.FIND, now)
    store.demand_clock(Action.FIND, now)
    if store.person.role is Role.OFFICER:
        held = held_calls(store, now)
    else:
        held = held_for(store, store.roster.live_grants(store.person.name, store.clock.today(now)), now)
    return [Team(name, None, held[name]) for name in sorted(held)]


def names(store: Store, grants: Iterable[Grant]) -> list[str]:
    """The teams that some grants name; every team where one opens all."""
    named = [grant.teams for grant in grants]
    if None in named:
        return store.catalogue.search.teams()
    return sorted({team for teams in named for team in teams or ()})


def may_see_some(store: Store, now: datetime) -> bool:
    """Whether this person may see teams at all."""
    live = store.roster.live_grants(store.person.name, store.clock.today(now))
    return may(store.person.role, Action.FIND).allowed and (store.person.role is Role.OFFICER or bool(live))


def ended(store: Store, now: datetime) -> list[Grant]:
    """For each purpose the last grant of this person, if it has ended."""
    of_purposes = (store.roster.ended_grant(store.person.name, each, store.clock.today(now)) for each in Purpose)
    return [grant for grant in of_purposes if grant is not None]


def held_calls(store: Store, now: datetime, purpose: Purpose | None = None) -> Counter[str]:
    """The number of held calls of each team, for officers; only those whose callers agreed to a *purpose*."""
    held, today = Counter[str](), store.clock.today(now)
    for row in store.catalogue.search.tallies(today, store.policy.latest_due(today)):
        if row.kind is Kind.ORIGINAL and purpose in {None, *row.purposes}:
            held[row.team] += row.held
    return held


def held_for(store: Store, grants: Iterable[Grant], now: datetime) -> Counter[str]:
    """The number of recordings of each team that some grants open; teams named by a grant may have 0."""
    listed = list(grants)
    held, today = (
        Counter(dict.fromkeys((team for grant in listed for team in grant.teams or ()), 0)),
        store.clock.today(now),
    )
    for row in store.catalogue.search.tallies(today, store.policy.latest_due(today)):
        if any(_is_open_by(grant, row) for grant in listed):
            held[row.team] += row.held
    return held


def _is_open_by(grant: Grant, row: Tally) -> bool:
    wanted = Kind.PSEUDONYMISED if grant.purpose is Purpose.TRAINING else Kind.ORIGINAL
    return row.kind is wanted and grant.purpose in row.purposes and grant.opens(grant.purpose, row.team)
