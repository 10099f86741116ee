"""A ring whose slot is given a new time because a row says that nothing happened since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.catalogue.meta import Meta
from arlo_rec.commands.run import Run
from tests.support.backups import back_up, kept
from tests.support.catalogue import insider
from tests.support.world import World


@pytest.mark.rule("consent.withdraw")
def test_a_row_that_says_that_nothing_happened_keeps_no_old_root_in_the_ring(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor's own code, once an hour: the receipt says 24 hours, and the old R never leaves."""
    world.take_in("a")
    back_up(world)
    old = kept(world)[0].generation
    world.json("withdraw", "90000001", "--yes", who="siri")
    for hours in (20, 40):
        with insider(world) as db:
            db.run("UPDATE escrows SET changes = ?", (Meta(db).number("changes") + 1,))
        monkeypatch.setattr(Run, "now", lambda _run, h=hours: datetime.now(UTC) + timedelta(hours=h))
        back_up(world)
        world.json("purge", who="cron")
    assert old not in {slot.generation for slot in kept(world)}


@pytest.mark.parametrize("number", [2**63 - 1, 2**48 - 1, 10**6, -(2**40)])
def test_a_row_with_a_number_that_no_backup_has_takes_no_backup_away(world: World, number: int) -> None:
    world.take_in("a")
    back_up(world)
    world.take_in("b", seed=3)
    with insider(world) as db:
        assert db.run("UPDATE escrows SET number = ?", (number,))
    assert back_up(world)["number"] == 2
    assert [slot.number for slot in kept(world)] == [2, 1]
