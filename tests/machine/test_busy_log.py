"""A log that others add to while it is checked is no damaged log."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from arlo_rec.law.log.entries import LogEntry
from arlo_rec.law.model.records import to_iso
from arlo_rec.machine import status
from arlo_rec.store import open_store
from arlo_rec.vault.catalogue import audit_check, audit_log
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support.attack import identity
from tests.support.catalogue import append_to_log
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


def planted(world: World, count: int) -> None:
    """Approvals of nothing, by own code of the owner's account."""
    said = {"action": "policy approve", "outcome": "done", "rule": "purpose.change", "at": to_iso(datetime.now(UTC))}
    since = {"version": "2099-01", "since": "2099-01-01T00:00:00Z"}
    append_to_log(world, "sigrid", *({**said, "detail": {"request": f"{at:032x}", **since}} for at in range(count)))


def test_what_asks_for_nothing_is_not_parsed_by_commands_that_look_for_something_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(world, 300)
    parsed, real = 0, LogEntry.read

    class Counting(LogEntry):
        @classmethod
        def read(cls, seq: int, raw: bytes | None) -> LogEntry:
            nonlocal parsed
            parsed += 1
            return real(seq, raw)

    monkeypatch.setattr(audit_log, "LogEntry", Counting)
    for words, who in ((("withdraw", "90000009", "--yes"), "siri"), (("purge",), "cron")):
        parsed = 0
        world.json(*words, who=who)
        assert parsed < 100, words


def test_a_log_with_more_requests_than_a_company_writes_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "REQUESTS_MOST", 20)
    assert "log_flooded" not in world.json("status", who="iver")["warnings"]
    planted(world, 21)
    assert "log_flooded" in world.json("status", who="iver")["warnings"]
