"""A store in which everything happened, so that every table has a row, for whoever has its owner's account."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import world as worlds
from tests.support.backups import back_up
from tests.support.copies import CONFIRM, propose
from tests.support.world import REASON, World


@pytest.fixture(scope="session")
def lived(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Calls, grants, an export, an access answer, a withdrawal, a released copy, a backup and a refusal."""
    world = worlds.copy(template, tmp_path_factory.mktemp("lived"))
    call, _ = world.take_in("a", "b", seed=1)
    world.take_in("c", seed=3, caller="+4790000002")
    world.grant("leif")
    why = ("--purpose", "quality", "--reason", REASON)
    world.json("export", call, *why, "--out", str(world.base / "out.wav"), who="leif")
    identity = ("--identity", "called back on the number of the contract", "--out", str(world.base / "answer.html"))
    world.json("dsar", "90000001", *identity, who="sigrid")
    world.json("withdraw", "90000002", "--yes", who="siri")
    (other,) = world.take_in("d", seconds=1, seed=8)
    copy = str(propose(world, other)["copy"])
    world.json("review", copy, *CONFIRM, who="sigrid")
    world.json("release", copy, "--reason", REASON, "--engine", "none", who="sigrid")
    back_up(world)
    world.grant("turid", "training")
    world.deliver("bad", consent={"key": "2"})
    assert world.run("ingest", str(world.spool), who="telefon").exit == 3
    for who in ("iver", "sigrid"):
        assert world.run("verify", "--read-data", who=who).exit == 0
    return world


@pytest.fixture
def twin(lived: World, tmp_path: Path) -> World:
    return worlds.copy(lived, tmp_path)
