"""Keys of a store in which others work are no struck keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from arlo_rec.machine import keys_check
from arlo_rec.machine.verify import verify
from arlo_rec.store import open_store
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from arlo_rec.vault.opened import Store
from tests.support.attack import identity
from tests.support.world import World


def test_what_is_taken_in_granted_and_erased_while_keys_are_looked_at_is_no_problem(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a", "b", seed=1)
    world.take_in("c", seed=5, caller="+4790000002")
    world.grant("leif")
    given, root_open, rounds = keys_check.given_secrets, keys_check._root_open, 0

    def given_late(store: Store, now: Any) -> Any:
        world.grant("turid", "quality")
        world.json("revoke", "leif", who="sigrid")
        return given(store, now)

    @contextmanager
    def after_a_change(store: Store) -> Iterator[Any]:
        nonlocal rounds
        rounds += 1
        assert world.json("withdraw", f"9000000{rounds}", "--yes", who="siri")["recordings"]
        world.take_in(f"later{rounds}", seed=10 * rounds, caller=f"+479000000{rounds + 2}")
        with root_open(store) as keys:
            yield keys

    monkeypatch.setattr(keys_check, "_SHARDS", 1)
    monkeypatch.setattr(keys_check, "given_secrets", given_late)
    monkeypatch.setattr(keys_check, "_root_open", after_a_change)
    assert world.json("verify", "--read-data", who="sigrid")["problems"] == []
    assert rounds > 1


def test_what_is_sealed_to_a_subject_access_key_that_is_newer_than_the_check_is_no_changed_key(world: World) -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", "vera", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    with open_store(find(world.store), identity(world, "iver"), datetime.now(UTC), StateFolder(None)) as store:
        world.json("person", "remove", "vera", "--yes", who="sigrid")
        world.take_in("a")
        codes = {problem.code for problem in verify(store, datetime.now(UTC), read_data=False).problems}
    assert "commit_key_changed" not in codes
