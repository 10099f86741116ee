"""A clock that is behind the log gives nobody anything; and what is still given then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.commands.run import Run
from arlo_rec.model.audit_events import LogShown
from arlo_rec.model.records import from_iso, to_micros
from arlo_rec.model.strict_json import parse_object
from tests.support.attack import own_code
from tests.support.catalogue import insider
from tests.support.world import REASON, World

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


@pytest.mark.rule("retention.90d")
def test_an_index_that_leaves_the_newest_entry_out_is_not_believed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is compared with the entries that it names, and with the last: an auditor adds one behind the newest."""
    (call,) = world.take_in("call")
    world.grant("leif", "quality", "--days", "1")
    words = ("export", call, "--purpose", "quality", "--reason", REASON, "--out", str(world.base / "out.wav"))
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + 2 * DAY)
    assert world.run(*words, who="leif").exit == 13, "its day is over, and that is the newest entry"
    monkeypatch.undo()
    assert world.run(*words, who="leif").exit == 14
    with own_code(world, "iver") as store, store.change(datetime.now(UTC)) as change:
        change.log(LogShown())
    with insider(world) as db:
        ((last, body),) = db.rows("SELECT seq, body FROM entries ORDER BY seq DESC LIMIT 1")
        at = to_micros(from_iso(parse_object(body)["at"]))
        db.run("UPDATE log_clock SET seq = ?, at = ? WHERE kind = 'newest'", (last, at))
    assert world.run(*words, who="leif").exit == 14
