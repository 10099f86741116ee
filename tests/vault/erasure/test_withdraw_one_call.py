"""A withdrawal of one call says of which, and that others of the same number stay."""

from __future__ import annotations

import pytest

from tests.support.world import World

pytestmark = pytest.mark.rule("consent.withdraw")


def test_what_is_read_aloud_is_of_that_call_alone_and_support_sees_that_others_stay(world: World) -> None:
    first, second = world.take_in("one", "two", caller="+4790000001")
    told = world.run("withdraw", "--call", first, "--yes", "--lang", "en", who="siri")
    assert "The recording in our system of your call of " in told.out
    assert "your recordings are erased" not in told.out
    assert "More calls from the same number are held and stay: 1." in told.out
    held = world.json("withdraw", "90000001", "--dry-run", who="siri")
    assert [recording["id"] for recording in held["recordings"]] == [second]
    last = world.run("withdraw", "--call", second, "--yes", "--lang", "en", who="siri")
    assert "stay" not in last.out
    assert world.run("withdraw", "90000001", "--yes", "--lang", "en", who="siri").out.startswith('Say: "We hold no')


def test_a_withheld_number_has_no_others(world: World) -> None:
    first, _ = world.take_in("one", "two", caller=None)
    assert "stay" not in world.run("withdraw", "--call", first, "--yes", "--lang", "en", who="siri").out
