"""In an emergency an officer's own access takes somebody else's word, lasts a day, and everybody is told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.clock import later
from tests.support.world import EVERYTHING, REASON, World

pytestmark = [pytest.mark.rule("access.officer"), pytest.mark.slow]
WHY = "a threat was made in a call tonight"
FIND = ("find", "--purpose", "quality", "--reason", REASON)


@pytest.fixture
def two(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A store with two officers who have known each other, and the managers, for eight days, and a call."""
    secret = ("--new-passphrase-file", str(world.base / "passphrase"))
    world.json("person", "add", "astrid", "--role", "officer", *secret, who="sigrid")
    later(monkeypatch, days=8)
    world.catch_up()
    world.take_in("a", started=datetime.now(UTC) + timedelta(days=8) - timedelta(hours=1))
    return world


def broken(world: World, *more: str, who: str = "sigrid") -> dict[str, Any]:
    words = ("grant", who, "break-glass", *EVERYTHING, "--purpose", "quality", "--reason", WHY)
    return dict(world.json(*words, *more, who=who)["grant"])


def test_it_takes_the_word_of_somebody_else_and_opens_for_a_day(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given = broken(two)
    assert (given["state"], given["break_glass"], given["limits"]["per_day"]) == ("pending", True, 20)
    assert two.run(*FIND, who="sigrid").exit == 13
    assert two.code("approve", given["id"], who="sigrid") == (14, "glass_unknown"), "nobody knows of it yet"
    assert "glass" in two.tasks("leif")
    told = two.run("approve", given["id"], "--lang", "en", who="leif")
    assert (told.exit, "The log says that you know of it" in told.out) == (0, True)
    assert two.run(*FIND, who="sigrid").exit == 13, "and gives nothing by itself"
    assert two.tasks("sigrid") == ["glass_agreed"]
    live = two.json("approve", given["id"], who="sigrid")["grant"]
    assert (live["state"], live["approved_by"]) == ("live", ["leif"])
    assert len(two.json(*FIND, who="sigrid")["recordings"]) == 1
    later(monkeypatch, days=9, hours=1)
    assert two.run(*FIND, who="sigrid").exit == 13


def test_everybody_is_told_of_it_for_a_week(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given = broken(two)
    assert "glass_broken" not in two.json("status", who="iver")["critical"]
    two.json("approve", given["id"], who="leif")
    two.json("approve", given["id"], who="sigrid")
    for days in (8, 14):
        later(monkeypatch, days=days)
        told = two.run("status", "--lang", "en", who="iver")
        assert (told.exit, WHY in " ".join(told.out.split())) == (3, True)
        assert "glass_broken" in two.json("status", who="iver")["critical"]
        assert "glass_broken" in two.tasks("astrid")
    later(monkeypatch, days=15.5)
    assert "glass_broken" not in two.json("status", who="iver")["critical"]
    assert "glass_broken" not in two.tasks("astrid")


def test_new_keys_of_the_officer_end_it_and_silence_nothing(two: World) -> None:
    """She, or whoever resets her, would otherwise make it wait again, as if it had never been broken."""
    given = broken(two)
    two.json("approve", given["id"], who="leif")
    two.json("approve", given["id"], who="sigrid")
    two.json("person", "passphrase", "--reset", "sigrid", who="astrid")
    (grant,) = two.json("grants", "--all", who="astrid")["grants"]
    assert (grant["state"], grant["approved_by"]) == ("revoked", ["leif"])
    assert "glass_broken" in two.json("status", who="iver")["critical"]
    assert "glass_broken" in two.tasks("astrid")


def test_another_officer_may_still_decide_it(two: World) -> None:
    given = broken(two)
    assert two.json("approve", given["id"], who="astrid")["grant"]["state"] == "live"
    other = broken(two, "--days", "1")
    assert (
        two.json("deny", other["id"], "--reason", "nobody was threatened", who="astrid")["grant"]["state"] == "denied"
    )
    assert two.code("approve", other["id"], who="leif")[0] in {4, 13}


def test_nobody_as_whom_the_officer_could_act_knows_of_it(two: World) -> None:
    given = broken(two)
    secret = ("--new-passphrase-file", str(two.base / "passphrase"))
    two.json("person", "add", "puppet", "--role", "manager", *secret, who="sigrid")
    assert two.code("approve", given["id"], who="puppet") == (13, "not_second")
    for who in ("siri", "iver"):
        assert two.code("approve", given["id"], who=who)[0] == 13
    assert two.code("approve", given["id"], who="sigrid") == (14, "glass_unknown")


@pytest.mark.parametrize("words", [("--days", "2"), ("--until", "2030-01-01")])
def test_it_lasts_a_day_at_most(two: World, words: tuple[str, ...]) -> None:
    grant = ("grant", "sigrid", "break-glass", *EVERYTHING, "--purpose", "quality", "--reason", WHY)
    assert two.code(*grant, *words, who="sigrid")[0] == 2


def test_what_needs_nobody_else_is_no_emergency(two: World, world: World) -> None:
    grant = ("grant", "leif", "break-glass", *EVERYTHING, "--purpose", "quality", "--reason", WHY)
    assert two.code(*grant, who="sigrid") == (2, "glass_not_needed")
