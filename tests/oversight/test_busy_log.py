"""A log that others add to while it is checked is no damaged log."""

from __future__ import annotations

from datetime import UTC, datetime

from arlo_rec.admin.opening import open_store
from arlo_rec.catalogue import audit_check
from arlo_rec.keys.layout import find
from arlo_rec.keys.root_secret import StateFolder
from tests.support.attack import identity
from tests.support.world import World


def test_what_is_added_while_the_log_is_checked_is_no_problem(world: World) -> None:
    """Between any two statements of the check: every one of them is tried."""
    world.take_in("a", "b")
    for busy_at in range(12):
        with open_store(find(world.store), identity(world, "iver"), datetime.now(UTC), StateFolder(None)) as store:
            rows, count = store.db.rows, 0

            def read(sql: str, values: object = (), at: int = busy_at) -> object:
                nonlocal count
                if count == at:
                    assert world.run("audit", "show", who="iver").exit == 0
                count += 1
                return rows(sql, values)  # noqa: B023 - called in this round

            store.db.rows = read  # type: ignore[method-assign, assignment]
            assert audit_check.check(store.log, store.roster.signers()) == []
    assert count > 0
