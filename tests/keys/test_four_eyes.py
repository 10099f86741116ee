"""What an officer gives herself, directly or by a detour, waits for a second officer; and who is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.keys import four_eyes
from arlo_rec.keys.roster import Roster
from arlo_rec.model.records import Person
from arlo_rec.policy import FOUR_EYES, Role

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)
pytestmark = pytest.mark.rule("access.officer")


def person(name: str, role: Role, *, by: str = "sigrid", since: datetime = LONG_AGO) -> Person:
    return Person(name, role, b"", name.encode(), since, recovery=name == "recovery", by=by)


def roster(*more: Person) -> Roster:
    settled = (
        person("sigrid", Role.OFFICER),
        person("recovery", Role.OFFICER),
        person("astrid", Role.OFFICER),
        person("leif", Role.MANAGER),
    )
    names = {each.name for each in more}
    return Roster(bytes(16), NOW, people=(*(each for each in settled if each.name not in names), *more))


@pytest.mark.parametrize(
    ("by", "to", "own"),
    [
        ("sigrid", "leif", False),
        ("sigrid", "sigrid", True),
        ("recovery", "sigrid", True),  # she may hold the paper
        ("sigrid", "recovery", True),
        ("recovery", "leif", False),
        ("astrid", "sigrid", False),
    ],
)
def test_own_access_is_what_an_officer_gives_herself_or_lets_the_paper_give_her(by: str, to: str, own: bool) -> None:
    assert four_eyes.is_own(roster(), by, to, NOW) is own


def test_who_was_added_lately_stands_for_who_added_them_until_seven_days_are_over() -> None:
    puppet = person("puppet", Role.MANAGER, since=NOW - FOUR_EYES + timedelta(seconds=1))
    assert four_eyes.is_own(roster(puppet), "sigrid", "puppet", NOW)
    assert not four_eyes.is_own(roster(puppet), "astrid", "puppet", NOW)
    assert not four_eyes.is_own(roster(puppet), "sigrid", "puppet", NOW + timedelta(seconds=1))


def test_a_chain_of_puppets_is_no_way_around_it() -> None:
    first = person("first", Role.OFFICER, since=NOW - timedelta(days=2))
    second = person("second", Role.OFFICER, by="first", since=NOW - timedelta(days=1))
    there = roster(first, second)
    assert four_eyes.is_own(there, "second", "sigrid", NOW)
    assert four_eyes.is_own(there, "sigrid", "second", NOW)
    assert four_eyes.second_officers(there, "second", "sigrid", NOW) == {"astrid"}


def test_a_puppet_of_the_recovery_key_may_be_any_officers() -> None:
    puppet = person("puppet", Role.MANAGER, by="recovery", since=NOW - timedelta(days=1))
    assert four_eyes.is_own(roster(puppet), "sigrid", "puppet", NOW)
    assert four_eyes.is_own(roster(puppet), "astrid", "puppet", NOW)


def test_neither_the_recovery_key_nor_who_stands_for_somebody_involved_approves() -> None:
    assert four_eyes.second_officers(roster(), "sigrid", "sigrid", NOW) == {"astrid"}
    assert four_eyes.second_officers(roster(), "astrid", "sigrid", NOW) == set()
    renewed = person("astrid", Role.OFFICER, by="recovery", since=NOW - timedelta(days=3))
    assert four_eyes.second_officers(roster(renewed), "sigrid", "sigrid", NOW) == set(), (
        "whoever holds the paper reset her"
    )


def test_what_a_new_officer_gives_herself_is_approved_by_whoever_added_her_only_where_there_is_nobody_else() -> None:
    sara = person("sara", Role.OFFICER, since=NOW - timedelta(days=1))
    assert four_eyes.second_officers(roster(sara), "sara", "sara", NOW) == {"astrid"}
    alone = roster(sara, person("astrid", Role.MANAGER))
    assert four_eyes.second_officers(alone, "sara", "sara", NOW) == {"sigrid"}
    assert not four_eyes.second_officers(alone, "sigrid", "sigrid", NOW), "sara may be sigrid herself"


def test_nobody_makes_herself_the_only_one_by_a_reset_or_a_removal() -> None:
    """A grant to herself waits then too, and ends, for nobody can decide it yet."""
    lately = NOW - timedelta(days=2)
    reset = roster(person("astrid", Role.OFFICER, since=lately))
    was = replace(person("astrid (until 2026-09-29)", Role.OFFICER), until_entry=5, left_at=lately)
    assert four_eyes.waits(replace(reset, former=(was,)), "sigrid", "sigrid", NOW)
    removed = replace(roster(), people=tuple(each for each in roster().people if each.name != "astrid"))
    gone = replace(person("astrid", Role.OFFICER), until_entry=5, left_at=lately)
    assert four_eyes.waits(replace(removed, former=(gone,)), "sigrid", "sigrid", NOW)
    assert not four_eyes.waits(replace(removed, former=(gone,)), "sigrid", "sigrid", lately + FOUR_EYES)
    assert not four_eyes.waits(removed, "sigrid", "sigrid", NOW)
