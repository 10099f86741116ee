"""A clock that is behind the log gives nobody anything; and what is still given then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.commands.run import Run
from tests.support.world import World

DAY = timedelta(days=1)


@pytest.mark.rule("retention.90d")
def test_a_pending_grant_that_was_over_is_not_approved_under_a_clock_that_is_set_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(by: timedelta) -> None:
        monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + by)

    secret = str(world.base / "passphrase")
    world.json("person", "add", "astrid", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    off(10 * DAY)
    world.json("purge", "--allow-large", who="cron")
    grant = world.grant("sigrid")
    assert grant["state"] == "pending"
    off(18 * DAY)
    world.json("purge", "--allow-large", who="cron")
    assert world.run("approve", grant["id"], "--json", who="astrid").exit != 0, "its seven days are over"
    off(11 * DAY)
    told = world.run("approve", grant["id"], "--json", who="astrid")
    assert told.exit == 14, told


@pytest.mark.rule("retention.90d")
def test_a_clock_that_jumped_ahead_by_six_days_erases_nothing_early(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SECURITY.md says so without a limit; and whoever goes on by six days a step erases a store without a question."""
    world.take_in("old", started=datetime.now(UTC) - 85 * DAY)
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + 6 * DAY)
    world.run("purge", "--json", who="cron")
    monkeypatch.undo()
    assert world.json("status", who="iver")["held"] == 1
