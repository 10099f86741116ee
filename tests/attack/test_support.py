"""Whoever withdraws for a customer, and what the customer is told: an answer that says "erased" is true of the call."""

from __future__ import annotations

import pytest

from tests.support.copies import CONFIRM, WHY, call, propose
from tests.support.world import World


def held(world: World) -> int:
    return int(world.json("status", who="iver")["held"])


def reviewed(world: World, original: str) -> str:
    """A copy under review that another one replaced."""
    return str(propose(world, original)["copy"])


def released(world: World, original: str) -> str:
    copy = reviewed(world, original)
    world.json("review", copy, *CONFIRM, who="sigrid")
    return str(world.json("release", copy, "--reason", WHY, who="sigrid")["copy"]["id"])


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("kind", ["original", "review", "released", "gone", "exchange"])
def test_whatever_id_of_a_call_is_withdrawn_all_of_that_call_goes_and_is_shown_before(world: World, kind: str) -> None:
    (other,) = world.take_in("other", caller="+4790000002")
    original = call(world)
    ids = {"original": original, "exchange": "pbx.call000"}
    if kind in {"review", "released"}:
        ids |= {kind: {"review": reviewed, "released": released}[kind](world, original)}
    else:
        under_review = reviewed(world, original)
        world.json("reject", under_review, "--reason", WHY, who="sigrid")
        ids["gone"] = under_review
        reviewed(world, original)
    asked = ("withdraw", "--call", ids[kind])
    before = world.json(*asked, "--dry-run", who="siri")
    assert before["would_erase"] == 2
    assert original in {shown["id"] for shown in before["recordings"]}
    told = world.run(*asked, "--dry-run", who="siri").out
    assert len(told.splitlines()) == 2, "the call's time is shown, and how many calls"
    after = world.json(*asked, "--yes", who="siri")
    assert {shown["id"] for shown in after["recordings"]} == {shown["id"] for shown in before["recordings"]}
    assert (after["erased"], held(world)) == (2, 1)
    assert world.run("withdraw", "--call", other, "--dry-run", who="siri").exit == 0, "and nothing of another call"
    late = world.deliver("call000")
    refused = world.json("ingest", str(late), who="telefon")["refused"]
    assert [each["code"] for each in refused] == ["withdrawn"], "a copy's withdrawal leaves the call's tombstone"
