"""One officer against another, with the program alone: her own access without the second pair of eyes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.commands.run import Run
from tests.support.world import REASON, World

pytestmark = pytest.mark.rule("access.officer")
NEW = "en ganske ny og lang setning"


@pytest.fixture
def two(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two officers, who have both been here for long, and a manager, leif, who has been as long."""
    secret = str(world.base / "passphrase")
    world.json("person", "add", "astrid", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=30))
    world.json("purge", "--allow-large", who="cron")
    return world


def secret_file(world: World, text: str, name: str) -> str:
    path = world.base / name
    path.write_text(text + "\n", "utf-8")
    path.chmod(0o600)
    return str(path)


@pytest.mark.slow
def test_she_hears_nothing_as_a_manager_whom_she_granted_first_and_reset_then(two: World) -> None:
    now = datetime.now(UTC) + timedelta(days=29)
    (call,) = two.take_in("a", started=now)
    assert two.grant("leif")["state"] == "live"
    told = two.json("person", "passphrase", "--reset", "leif", who="sigrid")
    once = secret_file(two, told["one_time_passphrase"], "once")
    mine = secret_file(two, NEW, "mine")
    assert (
        two.run("person", "passphrase", "--as", "leif", "--passphrase-file", once, "--new-passphrase-file", mine).exit
        == 0
    )
    out = two.base / "heard.wav"
    words = ("export", call, "--purpose", "quality", "--reason", REASON, "--out", str(out))
    heard = two.run(*words, "--as", "leif", "--passphrase-file", mine, "--json")
    assert heard.exit == 13, heard


def test_she_does_not_make_herself_the_only_one_by_a_reset_of_the_other(two: World) -> None:
    two.json("person", "passphrase", "--reset", "astrid", who="sigrid")
    assert two.grant("sigrid")["state"] == "pending"
