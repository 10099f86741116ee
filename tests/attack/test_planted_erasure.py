"""Any role with own code that plants an erasure as unfinished: the next command that holds the root finishes it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from arlo_rec.admin.opening import open_store
from arlo_rec.erasure import receipts
from arlo_rec.keys import layout
from arlo_rec.keys.seen_state import StateFolder
from arlo_rec.model.errors import Integrity
from tests.support.attack import identity
from tests.support.catalogue import insider
from tests.support.world import World, assert_clean, assert_no_bug

pytestmark = pytest.mark.rule("security.monitored")


def plant(world: World, number: str, state: str = "open") -> None:
    """The number of a finished erasure is another, and it is not finished."""
    world.take_in("a")
    world.json("withdraw", "90000001", "--yes", who="siri")
    with insider(world) as db:
        db.run("UPDATE erasures SET number = ?, state = ?", (number, state))
        db.run("UPDATE proofs SET number = ?", (number,))


@pytest.mark.parametrize("number", ["../../evil", "/dev/shm/evil-{}", "../people/evil"])
def test_its_number_makes_nobody_write_elsewhere(world: World, number: str) -> None:
    planted = number.format(world.base.name)
    place = layout.find(world.store).receipts / f"{planted}.json"
    plant(world, planted)
    world.run("person", "list", who="sigrid")
    assert not place.exists()
    assert_no_bug(world)


@pytest.mark.parametrize("state", ["open", "done"])
@pytest.mark.parametrize("number", ["../evil", "x" * 5000, "\x1b[2J", "a\0b", ""])
def test_its_number_stops_no_command_reaches_no_terminal_and_is_named(world: World, number: str, state: str) -> None:
    plant(world, number, state)
    for who, *words in (("sigrid", "person", "list"), ("iver", "status"), ("cron", "purge")):
        result = world.run(*words, who=who)
        assert result.exit in (0, 3), result
        assert_clean(result)
    assert_clean(world.run("verify", who="iver"))
    told = world.run("verify", "--json", who="iver")
    assert (told.exit, {one["code"] for one in told.json["problems"]}) == (15, {"erasure_differs"})
    assert_no_bug(world)


@pytest.mark.parametrize("number", ["../evil", "x" * 5000, "\x1b[2J", "a\0b", "", "abcd-efgh", "ABCD-EFGH\n"])
def test_no_other_number_than_a_receipts_names_a_file(world: World, number: str) -> None:
    with open_store(layout.find(world.store), identity(world, "iver"), datetime.now(UTC), StateFolder(None)) as store:
        assert receipts.file_for(store, "ABCD-EFGH").parent == store.layout.receipts
        with pytest.raises(Integrity):
            receipts.file_for(store, number)
