"""Who could have heard a call: every time in which a grant was live, also one that waits or was denied since."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.edge.commands.run import Run
from tests.support.answers import opened
from tests.support.world import REASON, World

pytestmark = [pytest.mark.slow, pytest.mark.rule("access.subject")]
ANSWER = ("--identity", "called-back", "--out")


@pytest.fixture
def two(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two officers, who have both been here for long."""
    secret = str(world.base / "passphrase")
    world.json("person", "add", "astrid", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    day(monkeypatch, 30)
    world.json("purge", "--allow-large", who="cron")
    return world


def day(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Go on to that day from today."""
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=number))


def told(world: World) -> list[tuple[int, int]]:
    """From which day until which day somebody could have heard the call, by the answer."""
    out = world.base / f"answer-{len(list(world.base.glob('answer-*')))}.html"
    passphrase = world.json("dsar", "90000001", *ANSWER, str(out), who="sigrid")["passphrase"]
    content = opened(out.read_bytes(), passphrase.encode())
    (call,) = json.loads(content["bodies"]["data.json"])["recordings"]
    return [(_day(each["starts_at"]), _day(each["until"])) for each in call["grants"]]


def _day(at: str) -> int:
    return round((datetime.fromisoformat(at) - datetime.now(UTC)) / timedelta(days=1))


@pytest.mark.parametrize("then", ["waits", "is denied", "is approved", "is revoked"])
def test_a_grant_that_a_reset_suspended_is_told_for_the_time_before(
    two: World, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    two.take_in("a", started=datetime.now(UTC) + timedelta(days=29))
    grant = two.grant("leif", "quality", "--days", "20")["id"]
    day(monkeypatch, 32)
    two.json("person", "passphrase", "--reset", "leif", who="sigrid")
    day(monkeypatch, 34)
    if then == "is approved":
        assert two.json("approve", grant, who="astrid")["grant"]["state"] == "live"
    elif then == "is denied":
        two.json("deny", grant, "--reason", REASON, who="astrid")
    elif then == "is revoked":
        two.json("revoke", "leif", who="sigrid")
    day(monkeypatch, 36)
    assert told(two) == [(30, 32), *([(34, 50)] if then == "is approved" else [])]


def test_a_grant_that_was_never_approved_is_not_told_and_one_that_was_only_since_then(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.take_in("a", started=datetime.now(UTC) + timedelta(days=29))
    grant = two.grant("sigrid", "quality", "--days", "20")
    assert grant["state"] == "pending"
    assert told(two) == []
    day(monkeypatch, 33)
    two.json("approve", grant["id"], who="astrid")
    assert told(two) == [(33, 50)]
    day(monkeypatch, 35)
    two.json("person", "remove", "sigrid", "--yes", who="astrid")
