"""The spool writer: what a manifest claims of time, of a call's id and of names, also by an exchange that is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.clock import later
from tests.support.world import World

CALLED = ("--identity", "called-back")


def codes(world: World) -> list[str]:
    told = world.json("ingest", str(world.spool), who="telefon")
    return [each["code"] for each in told["refused"]] + ["taken"] * len(told["accepted"])


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("ahead", [320, 301, 600])
def test_a_key_press_of_a_time_to_come_does_not_count_right_after_a_withdrawal(
    world: World, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """The call on the line, by an exchange whose clock is ahead, or by somebody who writes what it takes."""
    world.json("withdraw", "90000001", "--yes", who="siri")
    now = datetime.now(UTC)
    world.deliver("call", started=now + timedelta(minutes=4), pressed_after=ahead - 240, seconds=400, channels=1)
    assert codes(world) == ["future"]
    assert (world.spool / "call.wav").exists(), "it stays until its time has come"
    later(monkeypatch, seconds=ahead - 1)
    assert codes(world) == ["future"]
    later(monkeypatch, seconds=ahead + 1)
    assert codes(world) == ["taken"], "a new consent after the margin is one"


def test_a_key_press_of_a_time_to_come_counts_for_nobody_beyond_the_tolerance_of_clocks(world: World) -> None:
    now = datetime.now(UTC)
    world.deliver("call", started=now + timedelta(minutes=4), pressed_after=120, seconds=200, channels=1)
    world.deliver("other", started=now, pressed_after=120, seconds=200, channels=1, seed=1)
    assert sorted(codes(world)) == ["future", "taken"]


@pytest.mark.rule("consent.withdraw")
def test_an_exchanges_id_that_is_the_id_of_another_call_takes_no_other_call(world: World) -> None:
    """Support reads out one id, and two calls would go."""
    (mine,) = world.take_in("mine")
    world.deliver("other", source_id=mine, caller="+4790000002", seed=5)
    world.json("ingest", str(world.spool), who="telefon")
    told = world.run("withdraw", "--call", mine, "--dry-run", "--json", who="siri")
    assert told.exit != 0 or told.json["would_erase"] == 1, told


@pytest.mark.rule("access.subject")
def test_a_reference_that_leads_to_two_calls_gives_neither(world: World) -> None:
    (mine,) = world.take_in("mine", caller=None, seconds=0.2)
    world.deliver("other", source_id=mine, caller=None, seed=5)
    world.json("ingest", str(world.spool), who="telefon")
    assert world.code("case", "open", "--reference", mine, *CALLED, who="sigrid") == (14, "reference_of_two")
