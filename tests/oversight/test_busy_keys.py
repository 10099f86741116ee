"""Keys of a store in which others work are no struck keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from arlo_rec.oversight import keys_check, opened_keys
from arlo_rec.store import Store
from tests.support.world import World


def test_what_is_taken_in_granted_and_erased_while_keys_are_looked_at_is_no_problem(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a", "b", seed=1)
    world.take_in("c", seed=5, caller="+4790000002")
    world.grant("leif")
    given, root_open, rounds = keys_check.given_secrets, opened_keys._root_open, 0

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

    monkeypatch.setattr(opened_keys, "_SHARDS", 1)
    monkeypatch.setattr(keys_check, "given_secrets", given_late)
    monkeypatch.setattr(opened_keys, "_root_open", after_a_change)
    assert world.json("verify", "--read-data", who="sigrid")["problems"] == []
    assert rounds > 1
