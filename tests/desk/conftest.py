"""What the tests of pages share: one browser, and where pictures of a page are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.browser import LOOPBACK, Browser
from tests.support.world import World


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(LOOPBACK) as started:
        yield started


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("LISTEN_PICTURES", tmp_path))
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def office(world: World) -> World:
    """A world with six calls of last week and one of today."""
    world.grant()
    now = datetime.now(UTC)
    monday = now - timedelta(days=now.weekday() + 7)
    for number in range(6):
        started, agent = monday + timedelta(hours=number), ("Ola Oppdiktet", "Kari Prøvesen")[number % 2]
        world.deliver(f"w{number}", started=started, seconds=3, agent=agent, seed=number)
    world.deliver("now", started=now - timedelta(minutes=5), seconds=3, seed=9)
    world.json("ingest", str(world.spool), who="telefon")
    return world


@pytest.fixture
def as_it_was(browser: Browser) -> Iterator[None]:
    yield
    browser.command("Emulation.clearDeviceMetricsOverride")
    browser.colours("light")
