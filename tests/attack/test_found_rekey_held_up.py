"""Whoever may open files of the store, without any key, keeps a re-keying from ever taking place; and who is told."""

from __future__ import annotations

import pytest

from arlo_rec.backends.files import file_lock
from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.keys import layout
from arlo_rec.keys.key_files import read_catalogue_seal
from arlo_rec.store import catalogue_key
from tests.support.attack import identity
from tests.support.world import World


@pytest.mark.rule("access.officer")
def test_a_rekeying_that_is_held_up_is_told(world: World) -> None:
    place, turid = layout.find(world.store), identity(world, "turid")
    (seed,) = read_catalogue_seal(place, turid)
    with file_lock(place.open_lock, exclusive=False, wait=1):  # flock -s STORE/open.lock sleep 1y
        world.json("person", "remove", "turid", "--yes", who="sigrid")
        world.take_in("a")
        world.json("purge", who="cron")
        status = world.run("status", "--json", who="iver")
        verified = world.run("verify", "--json", who="iver")
        SqliteConnection(place.catalogue, catalogue_key(seed)).close()  # she still reads every row and entry
    assert status.exit == 3 or verified.exit == 15, (status, verified)
