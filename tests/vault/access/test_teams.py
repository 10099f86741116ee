"""Which teams, agents and names somebody is told of: only those that they may see, agents never without a log entry."""

from __future__ import annotations

import pytest

from arlo_rec.law.model.errors import nearest_names
from tests.support.world import REASON, World

WHY = ("--purpose", "quality", "--reason", REASON)


@pytest.fixture
def calls(world: World) -> World:
    """One call of each of two teams, and a manager of one of them."""
    world.take_in("a")
    world.take_in("b", team="teknisk", agent="Prøve Prøvesen", seed=7)
    world.grant("turid", "quality", "--team", "teknisk")
    return world


def seen(world: World, who: str, *words: str) -> dict[str, tuple[int, object]]:
    told = world.json("find", "--teams", *words, who=who)["teams"]
    return {team["team"]: (team["held"], team["agents"]) for team in told}


def reasons(world: World, who: str, *words: str) -> list[dict[str, object]]:
    told = world.json("find", *WHY, *words, who=who)
    assert told["recordings"] == []
    why: list[dict[str, object]] = told["why"]
    return why


@pytest.mark.rule("access.need")
def test_somebody_sees_the_teams_of_live_grants_an_officer_all_and_nobody_else_any(calls: World) -> None:
    assert seen(calls, "turid") == {"teknisk": (1, None)}
    assert seen(calls, "sigrid") == {"kundeservice": (1, None), "teknisk": (1, None)}
    for who in ("leif", "siri", "iver"):
        assert seen(calls, who) == {}
    calls.json("revoke", "turid", who="sigrid")
    assert seen(calls, "turid") == {}
    assert "arlo-rec request --purpose quality --team teknisk" in calls.run("find", "--teams", who="turid").out


def test_somebody_with_a_grant_is_told_that_nothing_is_held_and_not_that_a_grant_is_missing(world: World) -> None:
    world.grant()
    for who in ("leif", "sigrid"):
        assert world.run("find", "--teams", who=who).out == "No recordings are held of teams that you can see.\n"
    assert world.run("find", "--teams", *WHY, who="leif").out == "No recordings are held of teams that you can see.\n"


@pytest.mark.rule("security.reason")
def test_who_answered_takes_a_purpose_a_reason_and_a_grant_and_is_logged_as_a_search(calls: World) -> None:
    assert seen(calls, "turid", *WHY) == {"teknisk": (1, ["Prøve Prøvesen"])}
    entries = calls.json("audit", "show", "--action", "find", "--person", "turid", who="iver")["entries"]
    assert [entry["detail"] for entry in entries] == [{"criteria": {"list": "agents"}}, {"shown": 0}]
    for who, words, status in (
        ("turid", WHY[:2], 2),
        ("turid", WHY[2:], 2),
        ("turid", ("--purpose", "training", "--reason", REASON), 13),
        ("sigrid", WHY, 13),
        ("siri", WHY, 13),
    ):
        result = calls.run("find", "--teams", *words, "--json", who=who)
        assert result.exit == status and "Prøve" not in result.out


def test_only_what_is_held_for_the_purpose_is_counted(calls: World) -> None:
    calls.take_in("c", team="teknisk", consent={"prompt": "nb-2025-01"}, seed=8)  # training only
    assert seen(calls, "turid") == {"teknisk": (1, None)}
    assert seen(calls, "sigrid")["teknisk"] == (2, None)
    calls.json("withdraw", "90000001", "--yes", who="siri")
    assert seen(calls, "turid") == {"teknisk": (0, None)}
    assert seen(calls, "sigrid") == {}


def test_a_search_without_hits_says_why_and_names_nobody_whom_the_searcher_may_not_see(calls: World) -> None:
    assert reasons(calls, "turid", "--team", "tekniks") == [{"code": "team_not_granted", "nearest": ["teknisk"]}]
    for hidden in ("kundeservic", "kundeservice"):
        assert reasons(calls, "turid", "--team", hidden) == [{"code": "team_not_granted", "nearest": []}]
    assert reasons(calls, "turid", "--agent", "Ola")[-1] == {"code": "agent_unknown", "nearest": []}
    assert reasons(calls, "turid", "--agent", "Prøvesen")[-1] == {
        "code": "agent_unknown",
        "nearest": ["Prøve Prøvesen"],
    }
    calls.grant()
    assert reasons(calls, "leif", "--team", "Kundservice") == [{"code": "team_unknown", "nearest": ["kundeservice"]}]


@pytest.mark.parametrize(
    ("words", "code"), [(("--to", "2020-01-01"), "before_retention"), (("--from", "2999-01-01"), "in_future")]
)
def test_days_of_which_nothing_can_be_held_are_told(calls: World, words: tuple[str, ...], code: str) -> None:
    assert [why["code"] for why in reasons(calls, "turid", *words)] == ["only_teams", code]


def test_a_search_with_hits_gives_no_reason(calls: World) -> None:
    told = calls.json("find", *WHY, who="turid")
    assert (len(told["recordings"]), told["why"]) == (1, [])


def test_a_grant_echoes_how_much_each_team_holds_and_which_team_may_be_meant(calls: World) -> None:
    named = ("--team", "kundeservic", "--team", "kundeservice")
    assert calls.json("grant", "leif", *WHY, *named, who="sigrid")["held"] == [
        {"team": "kundeservic", "held": 0, "nearest": ["kundeservice"]},
        {"team": "kundeservice", "held": 1, "nearest": []},
    ]
    told = calls.json("grant", "leif", "--all-teams", *WHY, who="sigrid")["held"]
    assert [(team["team"], team["held"]) for team in told] == [("kundeservice", 1), ("teknisk", 1)]


def test_a_person_whom_nobody_knows_is_told_with_the_nearest(calls: World) -> None:
    result = calls.run("revoke", "turi", "--json", who="sigrid")
    assert (result.exit, result.json["error"]["code"]) == (4, "no_such_person") and "turid" in result.out
    result = calls.run("revoke", "leif", "--json", who="sigrid")
    assert (result.exit, result.json["error"]["code"]) == (4, "no_live_grant")
    assert "turid" in calls.run("audit", "show", "--person", "turi", who="iver").out
    assert "Nobody here" not in calls.run("audit", "show", "--person", "siri", who="iver").out


def test_names_that_hold_what_was_typed_go_before_those_alike_and_no_more_than_three_are_told() -> None:
    known = ["Ola Nordmann", "Ole Nordmann", "Kari Ola", "Berit", "Ola Hansen", "Ola Berg"]
    assert nearest_names("ola", known) == ["Kari Ola", "Ola Berg", "Ola Hansen"]
    assert nearest_names("berit", known) == ["Berit"]
    assert nearest_names("Ola Nordman", known) == ["Ola Nordmann", "Ole Nordmann"]
    assert nearest_names("xyz", known) == nearest_names("", known) == []
