"""Fixtures that several files of this folder ask for."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from tests.support import world as worlds
from tests.support.tables import FORMS
from tests.support.world import World


@pytest.fixture
def patience(whole: bool) -> Iterator[None]:
    """Nothing may hang: a pipe, a device, a lock. A property takes ten times as long with all of its examples."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(600 if whole else 60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def shared(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """One store for all tests in which nothing may be taken in."""
    return worlds.copy(template, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def refusing(shared: World) -> Iterator[World]:
    """That store with an empty spool, and the proof that nothing got into it."""
    shared.spool.mkdir()
    yield shared
    shutil.rmtree(shared.spool)
    assert not list((shared.store / "objects").glob("*/*"))


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    """The name of a manifest of many."""
    return str(request.param)
