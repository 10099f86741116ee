"""A manager asks for access and an officer decides; nobody gets anything by asking, and no row is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.law.model.records import to_iso
from tests.support.catalogue import append_to_log
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("access.managers"), pytest.mark.slow]
ASK = (
    "request",
    "--purpose",
    "quality",
    "--team",
    "kundeservice",
    "--days",
    "7",
    "--reason",
    "guidance of a new colleague",
)
FIND = ("find", "--purpose", "quality", "--reason", REASON)


def ask(world: World, *more: str, who: str = "leif") -> dict[str, Any]:
    return dict(world.json(*ASK, *more, who=who)["request"])


def todo(world: World, who: str = "sigrid") -> list[tuple[str, str]]:
    return [(task["kind"], task["id"]) for task in world.json("todo", who=who)["todo"]]


def test_what_is_asked_for_waits_for_an_officer_who_gives_it_as_it_was_asked(world: World) -> None:
    (recording,) = world.take_in("call", agent="Ola Oppdiktet")
    asked = ask(world, "--agent", "Ola Oppdiktet", "--per-day", "2", "--may-export")
    assert (asked["state"], asked["teams"], asked["limits"]["per_day"]) == ("waits", ["kundeservice"], 2)
    assert world.run(*FIND, who="leif").exit == 13, "nobody gets anything by asking"
    assert todo(world) == [("request", asked["id"])]
    assert ("request", asked["id"]) not in todo(world, "leif")
    shown = world.run("todo", "--lang", "en", who="sigrid").out
    assert "leif asks for access (quality, teams: kundeservice" in " ".join(shown.split())
    given = world.json("approve", asked["id"], who="sigrid")["grant"]
    assert (given["person"], given["until"], given["limits"]) == ("leif", asked["until"], asked["limits"])
    assert given["may_export"] is asked["may_export"] is True
    assert [each["id"] for each in world.json(*FIND, who="leif")["recordings"]] == [recording]
    (own,) = world.json("request", who="leif")["requests"]
    assert (own["state"], own["by"], own["why"]) == ("given", "sigrid", None)
    assert ("request", asked["id"]) not in todo(world)
    assert world.code("approve", asked["id"], who="sigrid") == (4, "no_pending_grant")
    (entry,) = world.json("audit", "show", "--action", "grant", who="iver")["entries"]
    assert entry["detail"]["request"] == asked["id"]


def test_what_is_denied_says_why_to_who_asked(world: World) -> None:
    asked = ask(world)
    assert world.code("deny", asked["id"], who="sigrid") == (2, "reason_missing")
    denied = world.json("deny", asked["id"], "--reason", "the guidance is over now", who="sigrid")["request"]
    assert (denied["state"], denied["why"]) == ("denied", "the guidance is over now")
    told = world.run("request", "--lang", "en", who="leif").out
    assert "denied" in told and "the guidance is over now" in told
    assert world.run(*FIND, who="leif").exit == 13
    assert world.code("approve", asked["id"], who="sigrid") == (4, "no_pending_grant")


def test_only_officers_decide_and_only_those_ask_who_may_be_given_access(world: World) -> None:
    asked = ask(world)
    for who in ("leif", "turid", "siri", "iver"):
        assert world.code("approve", asked["id"], who=who)[0] == 13
        assert world.code("deny", asked["id"], "--reason", REASON, who=who)[0] == 13
    for who in ("siri", "iver"):
        assert world.code(*ASK, who=who) == (13, "not_your_role")
        assert world.code("request", who=who) == (13, "not_your_role")
    assert world.code(*ASK[:3], who="leif") == (2, "reason_missing")
    assert world.code("request", "--team", "x", "--reason", REASON, who="leif") == (2, "purpose_missing")
    assert world.code("request", "--purpose", "marketing", "--reason", REASON, who="leif") == (2, "purpose_unknown")


def test_a_request_ends_by_itself_and_five_of_one_person_wait_at_most(world: World) -> None:
    late = {"request": "ab" * 8, "teams": None, "until": to_iso(datetime.now(UTC) + timedelta(days=30))}
    entry = {"action": "request", "outcome": "done", "rule": "access.managers", "purpose": "quality", "reason": REASON}
    eight_days_ago = to_iso(datetime.now(UTC) - timedelta(days=8))
    append_to_log(world, "leif", {**entry, "detail": late, "at": eight_days_ago})
    assert [each["state"] for each in world.json("request", who="leif")["requests"]] == ["over"]
    for _ in range(5):
        ask(world)
    assert world.code(*ASK, who="leif") == (14, "requests_many")
    assert world.code(*ASK, who="turid") == (0, "")
    assert len(todo(world)) == 6
