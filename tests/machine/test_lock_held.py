"""A run that stands still with the lock of the store: every watcher names it, and what erases or revokes ends it."""

from __future__ import annotations

import signal

import pytest

from arlo_rec.vault.backends import holders
from arlo_rec.vault.keys import layout
from tests.support import needs
from tests.support import world as worlds
from tests.support.other_runs import HOLDS, STANDS, other_run
from tests.support.watchers import ALL, told_by
from tests.support.world import World


@pytest.mark.in_a_file
@pytest.mark.parametrize("exclusive", [False, True], ids=["a reader", "an erasure"])
def test_a_stopped_run_is_critical_until_the_first_who_takes_access_away_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch, exclusive: bool
) -> None:
    needs.demand(needs.linux())
    monkeypatch.setattr(holders, "YOUNG", 0.0)
    monkeypatch.setattr(holders, "LOOKED_AT", 0.1)
    monkeypatch.setattr(layout, "STILL_FOR_ERASURE", 0.2)
    world.grant()
    with other_run(world.base / "store.root", HOLDS.format(exclusive=exclusive), STANDS) as stopped:
        stopped.send_signal(signal.SIGSTOP)
        assert told_by(world, "lock_held") == ALL
        assert str(stopped.pid) in world.run("status", who="iver").out
        assert world.run("revoke", "leif", who="sigrid").exit == 0
        assert stopped.wait(5) == -signal.SIGKILL
    assert world.json("status", who="iver")["critical"] == []
    worlds.assert_no_bug(world)
