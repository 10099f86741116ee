"""The server of the catalogue dies in the middle of an erasure, and its standby takes over.

Nothing that was acknowledged is lost, and nothing erased comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support import needs, postgres
from tests.support import world as worlds
from tests.support.backups import is_whole, opened
from tests.support.catalogue import catalogue
from tests.support.faults import Plan, faults
from tests.support.postgres import Pair
from tests.support.world import World, assert_no_bug

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("failover")]
WITHDRAW = ("withdraw", "90000001", "--yes")
WRITES = 15  # of a withdrawal


class Failover(Plan):
    """Has the standby take over before or after a write, and lets the program go on."""

    def __init__(self, pair: Pair, at: int, *, after: bool) -> None:
        super().__init__(at, after=after)
        self._pair = pair

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        self.count += 1
        self.names.append(name)
        if self.count != self.at:
            return work()
        if not self.after:
            self._pair.fail_over()
            return work()
        done = work()
        self._pair.fail_over()
        return done


@pytest.fixture
def pair() -> Iterator[Pair]:
    needs.demand(postgres.lacking(postgres.OLDEST))
    with postgres.pair(postgres.OLDEST) as servers:
        yield servers


@pytest.fixture
def called(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store with two calls of somebody who withdraws, and one of somebody else."""
    where = pair.address(pair.first.database())
    world = worlds.found(tmp_path_factory.mktemp("pair"), "--catalogue", where)
    world.grant()
    world.take_in("a", "b")
    world.take_in("other", caller="+4790000009")
    return world


@pytest.mark.sampled(4)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES + 2))
def test_a_failover_loses_nothing_acknowledged_and_revives_nothing_erased(
    pair: Pair, called: World, at: int, after: bool
) -> None:
    assert len(opened(called)) == 3
    plan = Failover(pair, at, after=after)
    with faults(plan):
        ran = called.run(*WITHDRAW, "--json", who="siri")
    assert plan.count >= min(at, WRITES), plan.names
    if plan.count < at:  # after the end
        pair.fail_over()
    assert ran.exit in (0, 3, 16), (ran, plan.names)
    if ran.exit != 16:
        assert len(opened(called)) == 1, plan.names
    again = called.run(*WITHDRAW, "--json", who="siri")
    assert again.exit == 0, (again, plan.names)
    assert len(opened(called)) == 1, plan.names
    assert len(receipts(called)) == 1, plan.names
    is_whole(called)
    assert_no_bug(called)


def receipts(world: World) -> list[str]:
    """The numbers of erasures, each of them finished."""
    db = catalogue(world)
    try:
        rows = db.rows("SELECT number, state FROM erasures")
    finally:
        db.close()
    assert {state for _, state in rows} == {"done"}
    return [number for number, _ in rows]
