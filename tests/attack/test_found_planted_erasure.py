"""An erasure that own code plants as unfinished: the next command of whoever holds the root writes its receipt."""

from __future__ import annotations

import pytest

from arlo_rec.keys import layout
from tests.support.catalogue import insider
from tests.support.world import World, assert_clean, assert_no_bug


def plant(world: World, number: str) -> None:
    """The number of a finished erasure is another, and it is not finished."""
    with insider(world) as db:
        db.run("UPDATE erasures SET number = ?, state = 'open'", (number,))
        db.run("UPDATE proofs SET number = ?", (number,))


@pytest.mark.rule("security.monitored")
@pytest.mark.parametrize("number", ["../../evil", "/dev/shm/evil-{}", "../people/evil"])
def test_its_number_makes_nobody_write_elsewhere(world: World, number: str) -> None:
    world.take_in("a")
    world.json("withdraw", "90000001", "--yes", who="siri")
    place = layout.find(world.store).receipts / f"{number.format(world.base.name)}.json"
    plant(world, number.format(world.base.name))
    world.run("person", "list", who="sigrid")
    assert not place.exists()
    assert_no_bug(world)


@pytest.mark.rule("security.monitored")
@pytest.mark.parametrize("number", ["x" * 5000, "\x1b[2J", "a\0b", ""])
def test_its_number_is_no_bug_and_reaches_no_terminal(world: World, number: str) -> None:
    world.take_in("a")
    world.json("withdraw", "90000001", "--yes", who="siri")
    plant(world, number)
    for who, *words in (("sigrid", "person", "list"), ("iver", "verify"), ("iver", "status"), ("cron", "purge")):
        assert_clean(world.run(*words, who=who))
    assert_no_bug(world)
