"""Adding an officer takes two where there are two; until then the new one opens nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.backups import back_up, lose, restore
from tests.support.clock import later
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("access.officer"), pytest.mark.slow]


def add(world: World, name: str, role: str = "officer", by: str = "sigrid") -> dict[str, Any]:
    secret = ("--new-passphrase-file", str(world.base / "passphrase"))
    return world.json("person", "add", name, "--role", role, *secret, who=by)


def names(world: World) -> set[str]:
    return {each["name"] for each in world.json("person", "list", who="sigrid")["persons"]}


def test_a_new_officer_waits_for_a_second_one_and_opens_nothing_until_then(two: World) -> None:
    waits = add(two, "solveig")["pending"]["id"]
    assert "solveig" not in names(two)
    assert two.run("status", who="solveig").exit == 12
    assert (two.tasks("sigrid"), two.tasks("astrid")) == ([], ["approve_officer"])
    assert two.code("approve", waits, who="sigrid") == (13, "not_second")
    assert two.code("deny", waits, "--reason", REASON, who="sigrid") == (13, "not_second")
    assert two.code("approve", waits, who="leif")[0] == 13
    told = two.json("approve", waits, who="astrid")["person"]
    assert (told["name"], told["state"]) == ("solveig", "officer")
    assert two.run("status", who="solveig").exit in {0, 3}
    words = ("grant", "leif", "--all-teams", "--purpose", "quality", "--reason", REASON)
    assert two.code(*words, who="solveig") == (0, "")
    assert two.code("approve", waits, who="astrid") == (4, "no_pending_grant")
    entries = two.json("audit", "show", who="iver")["entries"]
    assert {"person propose", "person add"} <= {each["action"] for each in entries}
    assert two.json("verify", who="iver")["problems"] == []


def test_a_second_officer_denies_with_a_reason_and_the_name_is_free_again(two: World) -> None:
    waits = add(two, "solveig")["pending"]["id"]
    assert two.code("person", "add", "solveig", "--role", "manager", who="astrid") == (2, "name_taken")
    assert two.code("deny", waits, who="astrid") == (2, "reason_missing")
    assert two.json("deny", waits, "--reason", "nobody knows her", who="astrid")["person"]["state"] == "denied"
    assert two.code("approve", waits, who="astrid") == (4, "no_pending_grant")
    assert add(two, "solveig", "manager")["person"]["role"] == "manager"
    assert two.run("status", who="solveig").exit in {0, 3}


def test_it_is_over_after_seven_days_and_when_who_proposed_it_leaves(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = add(two, "solveig")["pending"]["id"]
    later(monkeypatch, days=15.5)
    assert two.code("approve", waits, who="astrid") == (4, "no_pending_grant")
    again = add(two, "solveig", by="astrid")["pending"]["id"]
    two.json("person", "remove", "astrid", "--yes", who="sigrid")
    assert two.code("approve", again, who="sigrid") == (4, "no_pending_grant")


def test_managers_and_services_are_added_by_one_officer_as_before(two: World) -> None:
    assert "pending" not in add(two, "mona", "manager")
    assert two.run("todo", who="mona").exit == 0


def test_one_whom_an_officer_added_lately_is_no_second_one(world: World) -> None:
    add(world, "astrid")
    assert "pending" not in add(world, "solveig"), "astrid may be sigrid"


def test_a_successor_beside_another_officer_is_added_as_any_other(two: World) -> None:
    assert two.code("person", "remove", "sigrid", "--successor", "sigrun", "--yes", who="sigrid") == (
        14,
        "handover_waits",
    )
    assert "sigrun" not in names(two)


def test_the_only_officer_hands_over_at_once(world: World) -> None:
    assert world.run("person", "remove", "sigrid", "--successor", "sigrun", "--yes", "--json", who="sigrid").exit == 0


def test_a_restored_store_adds_nobody_who_waited(two: World) -> None:
    waits = add(two, "solveig")["pending"]["id"]
    back_up(two)
    lose(two)
    restored = restore(two, "--accept-without-feed", "--reason", "the feed went with the machine")
    assert restored.exit in {0, 3}, restored
    assert two.code("approve", waits, who="astrid") == (4, "no_pending_grant")


def test_the_paper_adds_no_officer_beside_the_only_one_and_takes_her_place_once_she_is_gone(world: World) -> None:
    """It gives her keys to the one who comes after her, who then hands over to herself."""
    paper, mine = world.base / "paper", world.base / "passphrase-of-hers"
    paper.touch(mode=0o600)
    paper.write_text(json.loads((world.base / "init.json").read_text())["recovery_key"])
    by_paper = ("--as", "recovery", "--passphrase-file", str(paper))
    added = world.run("person", "add", "sigrun", "--role", "officer", "--json", *by_paper).json
    assert world.code("approve", added["pending"]["id"], who="sigrid") == (13, "not_second")
    told = world.run("person", "passphrase", "--reset", "sigrid", "--json", *by_paper).json
    paper.write_text(told["one_time_passphrase"])
    mine.write_text("en helt ny og lang setning")
    mine.chmod(0o600)
    as_her = ("--as", "sigrid", "--passphrase-file")
    assert world.run("person", "passphrase", *as_her, str(paper), "--new-passphrase-file", str(mine)).exit == 0
    assert (
        world.run("person", "remove", "sigrid", "--successor", "solveig", "--yes", "--json", *as_her, str(mine)).exit
        == 0
    )
