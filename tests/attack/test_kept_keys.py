"""An officer who left, or whose keys were renewed: with every key that she could open, and somebody who is still in."""

from __future__ import annotations

import pytest

from arlo_rec.keys import layout
from tests.support.attack import Loot, identity, loot, rob
from tests.support.world import REASON, World


@pytest.fixture
def former(world: World) -> Loot:
    """What solveig could open: the subject-access key, every seed of a grant, every key of a commit."""
    words = ("--role", "officer", "--new-passphrase-file", str(world.base / "passphrase"))
    world.json("person", "add", "solveig", *words, who="sigrid")
    world.take_in("before", seed=1)
    world.grant("leif")
    world.take_in("then", seed=2)
    found = loot(world, "solveig")
    assert found.seeds and found.commits
    return found


def heard(world: World, former: Loot, accomplice: str) -> Loot:
    access = [seed for name, seed in former.parts.items() if name.startswith("access:")]
    keys = (*former.audiences.values(), *former.commits.values())
    return rob(layout.find(world.store), identity(world, accomplice), (*former.seeds.values(), *access), keys)


def test_nothing_that_comes_after_her_removal_opens_with_what_she_kept(world: World, former: Loot) -> None:
    world.json("person", "remove", "solveig", "--yes", who="sigrid")
    (new,) = world.take_in("after", seed=9)
    assert new not in heard(world, former, "cron").kf


def test_nothing_that_comes_after_a_reset_opens_with_what_was_kept_of_the_keys_before(
    world: World, former: Loot
) -> None:
    world.json("person", "passphrase", "--reset", "solveig", who="sigrid")
    (new,) = world.take_in("after", seed=9)
    assert new not in heard(world, former, "cron").kf


def test_whoever_has_a_grant_hears_old_and_new_calls_after_her_removal(world: World, former: Loot) -> None:
    words = ("find", "--purpose", "quality", "--reason", REASON)
    before = {one["id"] for one in world.json(*words, who="leif")["recordings"]}
    world.json("person", "remove", "solveig", "--yes", who="sigrid")
    (new,) = world.take_in("after", seed=9)
    assert {one["id"] for one in world.json(*words, who="leif")["recordings"]} == before | {new}
    assert set(loot(world, "leif").sounds) == before | {new}


def test_a_manager_with_new_keys_hears_old_and_new_calls_and_the_old_seed_no_new_one(world: World) -> None:
    world.take_in("before", seed=1)
    world.grant("leif")
    world.take_in("then", seed=2)
    kept = loot(world, "leif")
    told = world.json("person", "passphrase", "--reset", "leif", who="sigrid")
    once, new_file = world.base / "once", world.base / "passphrase"
    once.write_text(told["one_time_passphrase"])
    once.chmod(0o600)
    words = ("--passphrase-file", str(once), "--new-passphrase-file", str(new_file))
    world.json("person", "passphrase", "--as", "leif", *words)
    (new,) = world.take_in("after", seed=9)
    assert set(loot(world, "leif").sounds) == {*kept.sounds, new}
    assert new not in rob(layout.find(world.store), identity(world, "iver"), kept.seeds.values()).kf
