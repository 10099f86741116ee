"""What was nearly typed right: a team in other capitals, a way of checking identity, an employee's name."""

from __future__ import annotations

import pytest

from arlo_rec.law.model.names import as_spelt
from tests.support.world import REASON, World


@pytest.mark.parametrize(
    ("typed", "known", "taken"),
    [
        (("Kundeservice",), ("kundeservice", "salg"), ("kundeservice",)),
        (("kundeservice",), ("kundeservice", "Kundeservice"), ("kundeservice",)),
        (("KUNDESERVICE",), ("kundeservice", "Kundeservice"), ("KUNDESERVICE",)),
        (("ny", "SALG"), ("salg",), ("ny", "salg")),
        ((), ("salg",), ()),
    ],
)
def test_a_team_is_taken_as_it_is_spelt_here_where_that_is_one(
    typed: tuple[str, ...], known: tuple[str, ...], taken: tuple[str, ...]
) -> None:
    assert as_spelt(typed, known) == taken


def test_a_grant_of_a_team_in_other_capitals_is_of_what_was_typed_and_says_which_is_meant(world: World) -> None:
    """Anybody's own code can write a row of a team, and must not steer what an officer gives."""
    world.take_in("call")
    grant = ("grant", "leif", "--purpose", "quality", "--team", "KundeService", "--reason", REASON)
    told = world.json(*grant, who="sigrid")
    assert told["grant"]["teams"] == ["KundeService"]
    assert told["held"] == [{"team": "KundeService", "held": 0, "nearest": ["kundeservice"]}]


def test_a_search_takes_a_team_in_other_capitals(world: World) -> None:
    (recording,) = world.take_in("call")
    world.grant()
    for team in ((), ("--team", "kundeservice"), ("--team", "KUNDESERVICE")):
        found = world.json("find", "--purpose", "quality", "--reason", REASON, *team, who="leif")["recordings"]
        assert [each["id"] for each in found] == [recording]


def test_a_way_of_checking_identity_that_is_mistyped_stands_in_no_letter(world: World) -> None:
    told = world.run("case", "open", "90000001", "--identity", "called-bakc", "--lang", "en", "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, "identity_way_unknown")
    assert "called-back" in told.json["error"]["message"]
    assert world.json("case", "list", who="sigrid")["cases"] == []
    assert world.run("case", "open", "90000001", "--identity", "BankID-innlogging", who="sigrid").exit == 0


def test_an_employee_whom_no_call_names_is_told_before_anything_is_written(world: World) -> None:
    world.take_in("call")
    asked = ("--identity", "login", "--lang", "en")
    assert (
        "No recordings found for: Ola Oppdikted."
        in world.run("case", "open", "--agent", "Ola Oppdikted", *asked, who="sigrid").out
    )
    assert "No recordings found" not in world.run("case", "open", "--agent", "Ola Oppdiktet", *asked, who="sigrid").out


def test_no_word_that_cannot_be_typed_is_suggested(world: World) -> None:
    told = world.run("dsar", "90000001", "--call", "1", "--lang", "en", who="sigrid")
    assert told.exit == 2
    assert "callers" not in told.err
