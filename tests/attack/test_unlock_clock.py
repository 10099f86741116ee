"""Whoever sets the clock while an unlock runs or a page is open: both end by each clock that says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.desk import listen
from arlo_rec.edge.commands.run import Run
from arlo_rec.sound.processes.hardening import leave_session
from arlo_rec.store import open_store
from arlo_rec.vault.crypto import kernel_keyring
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support.attack import identity
from tests.support.keyring import begin_session
from tests.support.world import REASON, World

pytestmark = [pytest.mark.slow, pytest.mark.rule("security.password")]
LEIF = ("--as", "leif")
Clocks = Callable[[timedelta, timedelta], None]


@pytest.fixture
def unlocked(world: World) -> Iterator[World]:
    """A world in which Leif has unlocked for fifteen minutes."""
    begin_session()
    world.json("unlock", who="leif")
    yield world
    leave_session()


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Lets time pass since the machine started, and sets the wall clock off the true one."""
    since_boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def off(passed: timedelta, wall: timedelta) -> None:
        after = since_boot + passed // timedelta(microseconds=1) * 1000
        monkeypatch.setattr(kernel_keyring, "_since_boot", lambda: after)
        monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + wall)

    return off


def code(world: World, *words: str) -> str | None:
    error = world.run(*words, "--json", *LEIF).json.get("error")
    return error["code"] if error else None


@pytest.mark.parametrize("back", [timedelta(0), timedelta(minutes=9), timedelta(hours=3), timedelta(days=365)])
def test_a_clock_that_is_set_back_makes_no_unlock_longer(unlocked: World, clocks: Clocks, back: timedelta) -> None:
    """The kernel's own time of a key goes back with the wall clock."""
    clocks(timedelta(minutes=14), -back)
    assert code(unlocked, "status") is None
    clocks(timedelta(minutes=16), -back)
    assert code(unlocked, "status") == "unlock_expired"
    clocks(timedelta(0), timedelta(0))
    assert code(unlocked, "status") == "no_passphrase", "and its key is gone"


@pytest.mark.parametrize("ahead", [timedelta(minutes=15), timedelta(days=365)])
def test_a_clock_that_is_set_ahead_ends_an_unlock_for_good(unlocked: World, clocks: Clocks, ahead: timedelta) -> None:
    clocks(timedelta(minutes=1), ahead)
    assert code(unlocked, "status") == "unlock_expired"
    clocks(timedelta(minutes=2), timedelta(0))
    assert code(unlocked, "status") == "no_passphrase"


@pytest.mark.rule("access.managers")
@pytest.mark.parametrize(
    ("off", "why"),
    [
        (timedelta(minutes=-9), None),  # as a clock that drifts
        (timedelta(minutes=-11), "clock"),
        (timedelta(days=-365), "clock"),
        (timedelta(hours=25), "grant_ended"),
        (timedelta(days=365), "expired"),
    ],
)
def test_a_page_ends_by_a_clock_that_was_set_and_stays_ended(world: World, off: timedelta, why: str | None) -> None:
    world.grant("leif", "quality", "--days", "1")
    (call,) = world.take_in("call", seconds=0.2)
    now = datetime.now(UTC)
    with open_store(find(world.store), identity(world, "leif"), now, StateFolder(None)) as store:
        opened = listen.open_for(store, call, "quality", REASON, now)
        page = listen.session(store, opened, now)
        with listen.watched(store, opened, page, lambda: now + off) as look:
            look()
            assert page.why == why
            listen.end_where_closed(store, opened.permit, page, now)
            assert (page.why, page.is_open) == (why, why is None)
