"""Whole commands under a clock that says what we want: set back, jumped ahead, in other zones, on odd days."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import needs
from tests.support import world as worlds
from tests.support.places import TOP
from tests.support.world import PASSPHRASE, REASON, Result, World

pytestmark = [
    pytest.mark.slow,
    needs.mark(needs.program("faketime")),
]

ZONES = ("Europe/Oslo", "UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati")
STARTS = {
    "into summer time": datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC),  # in Oslo 02:00 is 03:00 ten seconds later
    "into winter time": datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # 02:30 comes twice that night
    "a leap day": datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
}
RETENTION = timedelta(days=90)
MARGIN = timedelta(seconds=30)  # a command takes a moment, and its clock goes on
LISTEN = ("--purpose", "quality", "--reason", REASON)


@dataclass
class Clocked(World):
    """A world whose commands run in processes of their own, in a zone and at a time that we say."""

    at: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    zone: str = "UTC"

    def run(self, *words: str, who: str | None = None, stdin: bytes = b"") -> Result:
        """See World. The clock is moved by what it is off, which means the same in every zone."""
        off = (self.at - datetime.now(UTC)).total_seconds()
        told = {"TZ": self.zone, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "PYTHONPATH": str(TOP)}
        done = subprocess.run(
            ["faketime", "-f", f"{off:+.3f}s", sys.executable, "-m", "arlo_rec", *words, *self._who(who)],
            input=stdin,
            env={**os.environ, **self._environment(), **told},
            capture_output=True,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Clocked:
    """A store that was made on the first of March 2026, with an officer, a telephone, cron, IT and a manager."""
    world = Clocked(tmp_path_factory.mktemp("founded"))
    secret = world.base / "passphrase"
    secret.write_text(PASSPHRASE + "\n", "utf-8")
    secret.chmod(0o600)
    assert world.run("init", "--officer", "sigrid", "--passphrase-file", str(secret)).exit == 0
    for name, role in (("leif", "manager"), ("iver", "auditor")):
        world.json("person", "add", name, "--role", role, "--new-passphrase-file", str(secret), who="sigrid")
    for name in ("telefon", "cron"):
        words = ("--role", worlds.SERVICES[name], "--service", "--key-out", str(world.key(name)))
        world.json("person", "add", name, *words, who="sigrid")
    return world


@pytest.fixture
def clocked(founded: Clocked, tmp_path: Path) -> Clocked:
    """A copy of it for one test."""
    (tmp_path / "world").mkdir()
    return Clocked(worlds.copy(founded, tmp_path / "world").base)


def purged(world: Clocked, at: datetime, *words: str) -> int:
    """How many recordings a purge at that time erased."""
    world.at = at
    return int(world.json("purge", *words, who="cron")["erased"])


def taken_in(world: Clocked, started: datetime, at: datetime, stem: str = "call") -> str:
    """A call of some time, taken in at another."""
    world.at = at
    world.catch_up()
    return world.take_in(stem, started=started)[0]


@pytest.mark.sampled(2)
@pytest.mark.rule("retention.90d")
@pytest.mark.parametrize("day", STARTS)
def test_a_recording_goes_at_the_same_instant_in_every_zone_and_on_every_day(clocked: Clocked, day: str) -> None:
    """90 days are 2160 hours: not one less where a night has 23, and none where there is a 29th of February."""
    started = STARTS[day]
    taken_in(clocked, started, started + timedelta(hours=1))
    due = started + RETENTION
    assert purged(clocked, due - timedelta(days=6), "--allow-large") == 0
    for zone in ZONES:
        clocked.zone = zone
        assert purged(clocked, due - MARGIN) == 0, zone
    for count, zone in enumerate(ZONES):
        twin = Clocked(clocked.base.with_name(f"{clocked.base.name}-{count}"), zone=zone)
        worlds.copy(clocked, twin.base)
        assert purged(twin, due) == 1, zone


def test_a_clock_that_was_set_back_keeps_nothing_longer(clocked: Clocked) -> None:
    now = datetime(2026, 6, 15, tzinfo=UTC)
    started = now - RETENTION + timedelta(hours=1)
    old = taken_in(clocked, started, now - timedelta(days=2))
    assert purged(clocked, now, "--allow-large") == 0
    clocked.grant()
    clocked.at = now - timedelta(days=20)
    refused = clocked.run("export", old, *LISTEN, "--json", "--out", str(clocked.base / "out"), who="leif")
    assert (refused.exit, refused.json["error"]["code"]) == (14, "retention.guard")
    clocked.deliver("late", started=clocked.at)
    assert clocked.run("ingest", str(clocked.spool), who="telefon").exit == 14
    assert clocked.json("purge", who="cron")["due"] == 0
    assert clocked.json("status", who="iver")["last_purge"] > "2026-06-15", "its mark does not move back"
    assert purged(clocked, started + RETENTION) == 1
    assert clocked.json("status", who="iver")["held"] == 0


def test_a_clock_that_jumped_ahead_erases_nothing_and_opens_nothing_past_its_day(clocked: Clocked) -> None:
    started = datetime(2026, 3, 2, tzinfo=UTC)
    ours = taken_in(clocked, started, started + timedelta(hours=1))
    assert purged(clocked, started + timedelta(days=1)) == 0
    clocked.at = started + RETENTION + timedelta(hours=1)
    clocked.grant()
    refused = clocked.run("purge", "--json", who="cron")
    assert (refused.exit, refused.json["error"]["code"]) == (14, "retention.guard")
    (alarm,) = clocked.json("audit", "show", "--action", "purge", "--outcome", "denied", who="iver")["entries"]
    assert alarm["detail"]["code"] == "clock_jumped"
    assert clocked.run("find", *LISTEN, "--json", who="leif").json["recordings"] == []
    out = clocked.base / "out"
    assert clocked.run("export", ours, *LISTEN, "--out", str(out), who="leif").exit == 14
    assert not out.exists()
    clocked.at = started + timedelta(days=2)
    assert purged(clocked, clocked.at) == 0, "the refused run left no mark"
    assert clocked.json("status", who="iver")["held"] == 1
    assert purged(clocked, started + RETENTION, "--allow-large") == 1
