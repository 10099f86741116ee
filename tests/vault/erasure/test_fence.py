"""The lock of the root is lost while a change prepares: what it would wrap below the old R is not committed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from arlo_rec.law.model.errors import InUse
from arlo_rec.law.model.records import RecordingId
from arlo_rec.store import open_store
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support.attack import identity
from tests.support.backups import opened
from tests.support.world import World


def test_a_change_below_an_r_that_was_replaced_meanwhile_is_refused(world: World) -> None:
    kept, _ = world.take_in("other", caller="+4790000009"), world.take_in("a")
    now = datetime.now(UTC)
    with open_store(layout.find(world.store), identity(world, "sigrid"), now, StateFolder(None)) as store:
        held = store.read_root()  # as a run does whose lock is no lock any more
        world.json("withdraw", "90000001", "--yes", who="siri")
        keys, new = store.catalogue.erasure_keys(held.key), RecordingId(primitives.fresh(16))
        with pytest.raises(InUse), store.change(now, held):
            keys.add(new, primitives.fresh(), now)
        with store.change(now, store.read_root()):
            pass
    assert opened(world) == set(kept)
    assert world.json("verify", "--read-data", who="sigrid")["problems"] == []
