"""What an officer gives herself, directly or by a detour, waits for a second officer; and who is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.records import Person
from arlo_rec.policy import FOUR_EYES, Role
from arlo_rec.vault.keys import four_eyes
from arlo_rec.vault.keys.roster import Roster, name_then
from tests.support.properties import examples
from tests.support.world import World

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
    assert four_eyes.second_officers(roster(renewed), "sigrid", "sigrid", NOW) == set(), "by the paper"


def test_whoever_added_a_new_officer_approves_nothing_that_she_gives_herself() -> None:
    sara = person("sara", Role.OFFICER, since=NOW - timedelta(days=1))
    assert four_eyes.second_officers(roster(sara), "sara", "sara", NOW) == {"astrid"}
    alone = roster(sara, person("astrid", Role.MANAGER))
    assert four_eyes.needs_second(alone, "sara", "sara", NOW)
    assert not four_eyes.second_officers(alone, "sara", "sara", NOW), "sigrid may be sara herself"
    assert not four_eyes.second_officers(alone, "sigrid", "sigrid", NOW), "sara may be sigrid herself"


def test_nobody_makes_herself_the_only_one_by_a_reset_or_a_removal() -> None:
    """A grant to herself waits then too, and ends, for nobody can decide it yet."""
    lately = NOW - timedelta(days=2)
    reset = roster(person("astrid", Role.OFFICER, since=lately))
    was = replace(person("astrid (until 2026-09-29)", Role.OFFICER), until_entry=5, left_at=lately)
    assert four_eyes.needs_second(replace(reset, former=(was,)), "sigrid", "sigrid", NOW)
    removed = replace(roster(), people=tuple(each for each in roster().people if each.name != "astrid"))
    gone = replace(person("astrid", Role.OFFICER), until_entry=5, left_at=lately)
    assert four_eyes.needs_second(replace(removed, former=(gone,)), "sigrid", "sigrid", NOW)
    assert not four_eyes.needs_second(replace(removed, former=(gone,)), "sigrid", "sigrid", lately + FOUR_EYES)
    assert not four_eyes.needs_second(removed, "sigrid", "sigrid", NOW)


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
        assert four_eyes.needs_second(there, by, to, NOW)
        assert not four_eyes.second_officers(there, by, to, NOW)
    third = replace(there, people=(*there.people, person("bodil", Role.OFFICER)))
    assert four_eyes.second_officers(third, "astrid", "sigrid", NOW) == {"bodil"}


def test_what_the_paper_gives_to_keys_of_its_own_waits_until_they_are_old_and_nobody_approves_it() -> None:
    there = roster(person("puppet", Role.MANAGER, by="recovery", since=NOW - timedelta(days=1)))
    for by, to in (("recovery", "puppet"), ("recovery", "recovery"), ("puppet", "puppet")):
        assert four_eyes.needs_second(there, by, to, NOW)
        assert not four_eyes.second_officers(there, by, to, NOW)
    assert four_eyes.needs_second(there, "sigrid", "puppet", NOW)
    assert four_eyes.second_officers(there, "sigrid", "puppet", NOW) == {"astrid"}, "one of them is no holder"
    old = NOW + FOUR_EYES - timedelta(days=1)
    assert not four_eyes.is_own(there, "recovery", "puppet", old)


def test_an_officer_who_is_the_only_one_waits_for_nobody_whomever_she_gave_keys() -> None:
    people = tuple(each for each in roster().people if each.name != "astrid")
    mona, sara = person("mona", Role.MANAGER, since=NOW), person("sara", Role.OFFICER, since=NOW)
    alone = replace(roster(), people=(*people, mona, sara))
    for by, to in (("sigrid", "sigrid"), ("sigrid", "mona"), ("sara", "mona"), ("recovery", "sigrid")):
        assert four_eyes.is_own(alone, by, to, NOW) and not four_eyes.needs_second(alone, by, to, NOW)
    renewed = person("sigrid", Role.OFFICER, by="recovery", since=NOW)
    was = replace(person("sigrid (until 2026-10-01)", Role.OFFICER), until_entry=5, left_at=NOW)
    reset = replace(alone, people=(renewed, *(each for each in people if each.name != "sigrid")), former=(was,))
    assert not four_eyes.needs_second(reset, "sigrid", "sigrid", NOW), "the paper is hers"
    hers = replace(alone, people=(*people, person("mona", Role.MANAGER, by="recovery", since=NOW)))
    assert four_eyes.needs_second(hers, "recovery", "mona", NOW), "somebody else may have found the paper"
    assert not four_eyes.needs_second(hers, "recovery", "mona", NOW + FOUR_EYES)


def test_the_successor_of_another_officer_is_asked_at_once_and_of_the_only_one_nobody_is() -> None:
    lately = NOW - timedelta(days=1)
    gro = person("gro", Role.OFFICER, by="astrid", since=lately)
    astrid = replace(person("astrid", Role.OFFICER), until_entry=5, left_at=lately, handed_to="gro")
    people = tuple(each for each in roster().people if each.name != "astrid")
    there = replace(roster(), people=(*people, gro), former=(astrid,))
    assert four_eyes.second_officers(there, "sigrid", "sigrid", NOW) == {"gro"}
    for by, to in (("sigrid", "sigrid"), ("recovery", "sigrid"), ("gro", "gro")):
        assert four_eyes.needs_second(there, by, to, NOW)
    assert not four_eyes.needs_second(there, "gro", "leif", NOW)
    removed = replace(there, people=people, former=(astrid, replace(gro, until_entry=6, left_at=NOW)))
    assert four_eyes.needs_second(removed, "sigrid", "sigrid", NOW), "and not after she was removed either"
    assert not four_eyes.needs_second(removed, "sigrid", "sigrid", NOW + FOUR_EYES)
    alone = replace(there, people=tuple(each for each in there.people if each.name != "sigrid"))
    assert not four_eyes.needs_second(alone, "gro", "gro", NOW)


def test_who_was_removed_after_a_handover_that_broke_off_counts_for_seven_days_like_any_other() -> None:
    """The officer who removes them could otherwise approve her own access on the same day."""
    lately = NOW - timedelta(days=1)
    astrid = replace(person("astrid", Role.OFFICER), until_entry=5, left_at=lately, handed_to="gro")
    people = tuple(each for each in roster().people if each.name != "astrid")
    there = replace(roster(), people=people, former=(astrid,))
    assert four_eyes.needs_second(there, "sigrid", "sigrid", NOW)
    assert not four_eyes.needs_second(there, "sigrid", "sigrid", lately + FOUR_EYES)


def test_who_may_be_the_puppet_of_whoever_holds_the_paper_is_waited_for_by_no_only_officer() -> None:
    """She would approve it herself, and it would not be shown as her own any more."""
    people = tuple(each for each in roster().people if each.name != "astrid")
    gro = person("gro", Role.OFFICER, by="recovery", since=NOW - timedelta(days=1))
    there = replace(roster(), people=(*people, gro))
    assert four_eyes.is_own(there, "sigrid", "sigrid", NOW) and not four_eyes.needs_second(
        there, "sigrid", "sigrid", NOW
    )


# -- whatever the roster ------------------------------------------------------------------------------

NAMES = ("sigrid", "astrid", "bodil", "gro", "leif", "mona")
_SINCE = st.sampled_from([LONG_AGO, NOW - timedelta(days=5), NOW - timedelta(days=1)])
_GIVERS = st.sampled_from(["", *NAMES[:4], "recovery"])


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    """Officers and managers, here or gone lately or long ago, with keys by anybody, also by each other in a circle."""
    people, former = [person("recovery", Role.OFFICER)], []
    for name in NAMES:
        role = draw(st.sampled_from([Role.OFFICER, Role.OFFICER, Role.MANAGER]))
        now = person(name, role, by=draw(_GIVERS), since=draw(_SINCE))
        state = draw(st.sampled_from(["here", "here", "here", "renewed", "gone", "absent"]))
        if state in {"here", "renewed"}:
            people.append(now)
        if state in {"renewed", "gone"}:
            left = draw(st.sampled_from([NOW - timedelta(days=30), NOW - timedelta(days=1)]))
            filed = f"{name} (until {left:%Y-%m-%d})" if state == "renewed" else name
            former.append(replace(person(filed, role, by=draw(_GIVERS)), until_entry=5, left_at=left))
    return Roster(bytes(16), NOW, people=tuple(people), former=tuple(former))


def held_by(officer: str, there: Roster, *, paper: bool) -> set[str]:
    """Everybody as whom one officer could act: herself, the paper, and whoever got keys lately from one of these."""
    mine = {officer, "recovery"} if paper else {officer}
    before: set[str] = set()
    while mine != before:
        before = set(mine)
        everybody = [*there.people, *there.former]
        mine |= {name_then(each.name) for each in everybody if each.by in mine and each.since + FOUR_EYES > NOW}
    return mine


@examples(400)
@given(rosters(), st.booleans())
def test_no_officer_gives_herself_access_at_once_where_there_is_another(there: Roster, paper: bool) -> None:
    """Also with the paper, and as everybody whom she gave keys in the last seven days.

    Another is one as whom she could not act even with the paper.
    """
    here = {each.name for each in there.people}
    for officer in sorted(each.name for each in there.officers()):
        mine = held_by(officer, there, paper=paper)
        others = {each.name for each in there.officers()} - held_by(officer, there, paper=True)
        for by, to in product(sorted(mine & here), repeat=2):
            if there.person(by).role is not Role.OFFICER:  # type: ignore[union-attr]
                continue
            assert four_eyes.is_own(there, by, to, NOW)
            assert four_eyes.needs_second(there, by, to, NOW) or not others
            assert not four_eyes.second_officers(there, by, to, NOW) & mine


@examples(200)
@given(rosters())
def test_what_waits_is_own_and_neither_giver_nor_taker_nor_the_paper_approves_it(there: Roster) -> None:
    here = sorted(each.name for each in there.people)
    for by, to in product(here, repeat=2):
        seconds = four_eyes.second_officers(there, by, to, NOW)
        assert seconds <= {each.name for each in there.officers()} - {by, to}
        assert four_eyes.is_own(there, by, to, NOW) == four_eyes.is_own(there, to, by, NOW)
        assert four_eyes.is_own(there, by, to, NOW) or not four_eyes.needs_second(there, by, to, NOW)


@pytest.mark.slow
def test_why_a_grant_of_the_first_week_counts_as_ones_own_is_said_once_for_each_person(world: World) -> None:
    """Each later grant, and a longer one, would repeat the same sentence, and status the same line."""
    words = ("grant", "--all-teams", "--reason", "responsible for quality", "--lang", "en", "leif")
    said = [world.run(*words, "--purpose", purpose, who="sigrid").out for purpose in ("quality", "quality", "training")]
    assert ["less than seven days ago" in out for out in said] == [True, False, False]
    assert "You added leif" in said[0]
    shown = world.run("status", "--lang", "en", who="sigrid").out
    assert shown.count("Given without independent approval: leif") == 2, "one line for each purpose"
    assert len(world.json("status", who="sigrid")["own_access"]) == 3
