"""A store in which something happened, for attackers who strike or invent evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import world as worlds
from tests.support.world import REASON, World


@pytest.fixture(scope="session")
def lived(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Calls, an export, an access answer, a withdrawal and its receipt."""
    world = worlds.copy(template, tmp_path_factory.mktemp("lived"))
    call, _ = world.take_in("a", "b", seed=1)
    world.take_in("c", seed=3, caller="+4790000002")
    world.grant("leif")
    why = ("--purpose", "quality", "--reason", REASON)
    world.json("export", call, *why, "--out", str(world.base / "out.wav"), who="leif")
    identity = ("--identity", "called back on the number of the contract", "--out", str(world.base / "answer.html"))
    world.json("dsar", "90000001", *identity, who="sigrid")
    world.json("withdraw", "90000002", "--yes", who="siri")
    assert world.run("verify", "--read-data", who="iver").exit == 0
    return world


@pytest.fixture
def twin(lived: World, tmp_path: Path) -> World:
    return worlds.copy(lived, tmp_path)
