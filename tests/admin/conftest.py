"""What the tests of decisions that take two officers share."""

from __future__ import annotations

import pytest

from tests.support.clock import later
from tests.support.world import World


@pytest.fixture
def two(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A store with two officers who have known each other for eight days."""
    secret = ("--new-passphrase-file", str(world.base / "passphrase"))
    told = world.json("person", "add", "astrid", "--role", "officer", *secret, who="sigrid")
    assert "pending" not in told, "there is nobody who could approve"
    later(monkeypatch, days=8)
    return world
