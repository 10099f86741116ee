"""Whoever writes to a spool, or an exchange whose clock is wrong: what a manifest claims of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.commands.run import Run
from tests.support.world import World


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
    pressed = now + timedelta(seconds=ahead)
    world.deliver("call", started=now + timedelta(minutes=4), pressed_after=ahead - 240, seconds=400, channels=1)
    assert codes(world) == ["future"]
    assert (world.spool / "call.wav").exists(), "it stays until its time has come"
    monkeypatch.setattr(Run, "now", lambda _run: pressed - timedelta(seconds=1))
    assert codes(world) == ["future"]
    monkeypatch.setattr(Run, "now", lambda _run: pressed + timedelta(seconds=1))
    assert codes(world) == ["taken"], "a new consent after the margin is one"


def test_a_key_press_of_a_time_to_come_counts_for_nobody_beyond_the_tolerance_of_clocks(world: World) -> None:
    now = datetime.now(UTC)
    world.deliver("call", started=now + timedelta(minutes=4), pressed_after=120, seconds=200, channels=1)
    world.deliver("other", started=now, pressed_after=120, seconds=200, channels=1, seed=1)
    assert sorted(codes(world)) == ["future", "taken"]
