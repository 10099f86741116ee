"""Fixtures that every test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import world as worlds
from tests.world import World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store with people, made once; never change it."""
    return worlds.found(tmp_path_factory.mktemp("template"))


@pytest.fixture
def world(template: World, tmp_path: Path) -> World:
    """A copy of the template for one test."""
    return worlds.copy(template, tmp_path)
