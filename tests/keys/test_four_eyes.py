"""What an officer gives herself, directly or by a detour, waits for a second officer; and who is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.keys import four_eyes
from arlo_rec.keys.roster import Roster
from arlo_rec.model.records import Grant, Person
from arlo_rec.policy import FOUR_EYES, Purpose, Role

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


def test_whoever_added_a_new_officer_approves_nothing_that_she_gives_herself() -> None:
    sara = person("sara", Role.OFFICER, since=NOW - timedelta(days=1))
    assert four_eyes.second_officers(roster(sara), "sara", "sara", NOW) == {"astrid"}
    alone = roster(sara, person("astrid", Role.MANAGER))
    assert four_eyes.waits(alone, "sara", "sara", NOW)
    assert not four_eyes.second_officers(alone, "sara", "sara", NOW), "sigrid may be sara herself"
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


def test_who_gave_keys_to_somebody_who_is_gone_is_behind_whoever_got_keys_from_them() -> None:
    mona = person("mona", Role.MANAGER, by="puppet", since=NOW - timedelta(days=1))
    puppet = person("puppet", Role.OFFICER, since=NOW - timedelta(days=2))
    gone = replace(puppet, until_entry=5, left_at=NOW)
    there = replace(roster(mona), former=(gone,))
    assert four_eyes.is_own(there, "sigrid", "mona", NOW)
    assert four_eyes.second_officers(there, "sigrid", "mona", NOW) == {"astrid"}


def test_a_reset_makes_no_officer_another_ones_own_and_nobody_approves_as_or_for_whom_she_renewed() -> None:
    lately = NOW - timedelta(days=1)
    renewed = person("sigrid", Role.OFFICER, by="astrid", since=lately)
    was = replace(person("sigrid (until 2026-09-30)", Role.OFFICER), until_entry=5, left_at=lately)
    there = replace(roster(renewed), former=(was,))
    for by, to in (("astrid", "sigrid"), ("sigrid", "sigrid"), ("astrid", "astrid")):
        assert four_eyes.waits(there, by, to, NOW)
        assert not four_eyes.second_officers(there, by, to, NOW)
    third = replace(there, people=(*there.people, person("bodil", Role.OFFICER)))
    assert four_eyes.second_officers(third, "astrid", "sigrid", NOW) == {"bodil"}


def test_what_the_paper_gives_to_its_puppet_takes_two_officers_of_whom_one_may_hold_it() -> None:
    puppet = roster(person("puppet", Role.MANAGER, by="recovery", since=NOW - timedelta(days=1)))
    seconds = four_eyes.second_officers
    assert seconds(puppet, "recovery", "puppet", NOW) == {"sigrid", "astrid"}
    assert seconds(puppet, "recovery", "puppet", NOW, {"astrid"}) == {"sigrid"}
    assert not seconds(puppet, "recovery", "puppet", NOW, {"astrid", "sigrid"})
    given = Grant("1", "puppet", Purpose.QUALITY, None, NOW, NOW, "", "recovery", b"", state="pending")
    assert not four_eyes.is_approved(puppet, given, {"astrid"}, NOW)
    assert four_eyes.is_approved(puppet, given, {"astrid", "sigrid"}, NOW)


def test_an_officer_who_is_the_only_one_waits_for_nobody_whomever_she_gave_keys() -> None:
    people = tuple(each for each in roster().people if each.name != "astrid")
    mona, sara = person("mona", Role.MANAGER, since=NOW), person("sara", Role.OFFICER, since=NOW)
    alone = replace(roster(), people=(*people, mona, sara))
    for by, to in (("sigrid", "sigrid"), ("sigrid", "mona"), ("sara", "mona"), ("recovery", "sigrid")):
        assert four_eyes.is_own(alone, by, to, NOW) and not four_eyes.waits(alone, by, to, NOW)
    renewed = person("sigrid", Role.OFFICER, by="recovery", since=NOW)
    was = replace(person("sigrid (until 2026-10-01)", Role.OFFICER), until_entry=5, left_at=NOW)
    reset = replace(alone, people=(renewed, *(each for each in people if each.name != "sigrid")), former=(was,))
    assert not four_eyes.waits(reset, "sigrid", "sigrid", NOW), "the paper is hers"
    hers = replace(alone, people=(*people, person("mona", Role.MANAGER, by="recovery", since=NOW)))
    assert four_eyes.second_officers(hers, "recovery", "mona", NOW) == {"sigrid"}, "of that she hears, whoever has it"


def test_the_successor_of_another_officer_is_asked_at_once_and_of_the_only_one_nobody_is() -> None:
    lately = NOW - timedelta(days=1)
    gro = person("gro", Role.OFFICER, by="astrid", since=lately)
    astrid = replace(person("astrid", Role.OFFICER), until_entry=5, left_at=lately, handed_to="gro")
    people = tuple(each for each in roster().people if each.name != "astrid")
    there = replace(roster(), people=(*people, gro), former=(astrid,))
    assert four_eyes.second_officers(there, "sigrid", "sigrid", NOW) == {"gro"}
    for by, to in (("sigrid", "sigrid"), ("recovery", "sigrid"), ("gro", "gro")):
        assert four_eyes.waits(there, by, to, NOW)
    assert not four_eyes.waits(there, "gro", "leif", NOW)
    removed = replace(there, people=people, former=(astrid, replace(gro, until_entry=6, left_at=NOW)))
    assert four_eyes.waits(removed, "sigrid", "sigrid", NOW), "and not after she was removed either"
    assert not four_eyes.waits(removed, "sigrid", "sigrid", NOW + FOUR_EYES)
    alone = replace(there, people=tuple(each for each in there.people if each.name != "sigrid"))
    assert not four_eyes.waits(alone, "gro", "gro", NOW)


def test_who_was_removed_after_a_handover_that_broke_off_counts_for_seven_days_like_any_other() -> None:
    """The officer who removes them could otherwise approve her own access on the same day."""
    lately = NOW - timedelta(days=1)
    astrid = replace(person("astrid", Role.OFFICER), until_entry=5, left_at=lately, handed_to="gro")
    people = tuple(each for each in roster().people if each.name != "astrid")
    there = replace(roster(), people=people, former=(astrid,))
    assert four_eyes.waits(there, "sigrid", "sigrid", NOW)
    assert not four_eyes.waits(there, "sigrid", "sigrid", lately + FOUR_EYES)


def test_who_may_be_the_puppet_of_whoever_holds_the_paper_is_waited_for_by_no_only_officer() -> None:
    """She would approve it herself, and it would not be shown as her own any more."""
    people = tuple(each for each in roster().people if each.name != "astrid")
    gro = person("gro", Role.OFFICER, by="recovery", since=NOW - timedelta(days=1))
    there = replace(roster(), people=(*people, gro))
    assert four_eyes.is_own(there, "sigrid", "sigrid", NOW) and not four_eyes.waits(there, "sigrid", "sigrid", NOW)
