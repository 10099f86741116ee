"""An officer, with the program alone: what she may hear takes a grant and a reason, as it does everybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.world import REASON, World


@pytest.fixture
def proposed(world: World) -> tuple[World, str, str]:
    """A call, and a copy of it under review with a cut of ten milliseconds."""
    (call,) = world.take_in("a", seconds=3)
    cuts = world.base / "cuts.txt"
    cuts.write_text("0.10\t0.11\tname\n")
    made = world.json("pseudonymise", call, "--cuts", str(cuts), who="sigrid")
    return world, call, made["results"][0]["copy"]


@pytest.mark.rule("access.managers")
@pytest.mark.parametrize("part", [("--hear", "0-3"), ("--hear", "1"), ()], ids=["stretch", "cut", "copy"])
def test_she_hears_nothing_of_an_original_or_of_a_copy_under_review_without_a_grant(
    proposed: tuple[World, str, str], part: tuple[str, ...]
) -> None:
    world, _, copy = proposed
    out = world.base / "heard.wav"
    words = ("review", copy, *part, "--out", str(out), "--json")
    refused = world.run(*words, "--reason", REASON, who="sigrid")
    assert (refused.exit, refused.json["error"]["code"]) == (13, "no_grant")
    assert not out.exists()
    world.grant("sigrid")
    missing = world.run(*words, who="sigrid")
    assert (missing.exit, missing.json["error"]["code"]) == (2, "reason_missing")
    assert not out.exists()
    assert world.run(*words, "--reason", REASON, who="sigrid").exit == 0
    assert out.stat().st_size > 1000


@pytest.mark.rule("security.monitored")
def test_what_she_hears_is_logged_with_its_reason_and_its_seconds(proposed: tuple[World, str, str]) -> None:
    world, call, copy = proposed
    world.grant("sigrid")
    words = ("review", copy, "--hear", "0-1", "--out", str(world.base / "heard.wav"), "--reason", REASON)
    world.json(*words, who="sigrid")
    heard = [each for each in entries(world) if each.get("detail", {}).get("heard")]
    assert [(each["recordings"], each["reason"]) for each in heard] == [([call], REASON)]
    assert heard[0]["detail"] == {"heard": "0.00-1.00", "seconds": "2.50"}
    opened = [each for each in entries(world) if each["action"] == "hear"]
    assert [(each["recordings"], each["reason"]) for each in opened] == [([call], REASON)]


def test_a_grant_for_another_team_lets_her_hear_nothing(proposed: tuple[World, str, str]) -> None:
    world, _, copy = proposed
    world.grant("sigrid", "quality", "--team", "salg")
    words = ("review", copy, "--hear", "0-1", "--out", str(world.base / "heard.wav"), "--reason", REASON)
    assert world.run(*words, who="sigrid").exit == 13


def test_the_copy_of_a_call_for_training_alone_is_heard_by_an_officer_with_a_grant(world: World) -> None:
    """Nobody else could review it: no manager opens such a call."""
    (call,) = world.take_in("a", seconds=3, consent={"prompt": "nb-2025-01"})
    cuts = world.base / "cuts.txt"
    cuts.write_text("0.10\t0.11\tname\n")
    copy = world.json("pseudonymise", call, "--cuts", str(cuts), who="sigrid")["results"][0]["copy"]
    words = ("review", copy, "--out", str(world.base / "heard.wav"), "--reason", REASON)
    assert world.run(*words, who="sigrid").exit == 13
    world.grant("sigrid")
    world.grant("leif")
    assert world.run(*words, who="leif").exit == 14
    assert world.run(*words, who="sigrid").exit == 0


def entries(world: World) -> list[dict[str, Any]]:
    return json.loads(world.run("audit", "show", "--json", who="iver").out)["entries"]
