"""Who keeps the catalogue open while they are removed, or keeps a re-keying from taking place; and who is told."""

from __future__ import annotations

from contextlib import closing

import pytest

from arlo_rec.backends.files import file_lock
from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.keys import layout
from arlo_rec.keys.catalogue_seed import catalogue_key
from arlo_rec.keys.key_files import read_catalogue_seal
from arlo_rec.model.errors import NotUnlocked
from tests.support.attack import identity
from tests.support.world import World


@pytest.mark.rule("access.officer")
def test_a_removed_person_does_not_call_the_rekeying_off(world: World) -> None:
    place, turid = layout.find(world.store), identity(world, "turid")
    (seed,) = read_catalogue_seal(place, turid)
    with file_lock(place.open_lock, exclusive=False, wait=1):  # as any command of hers that runs holds it
        world.json("person", "remove", "turid", "--yes", who="sigrid")
    with closing(SqliteConnection(place.catalogue, catalogue_key(seed))) as db, db.writing():
        db.run("UPDATE meta SET value = 0 WHERE key = 'rekey_due'")
        db.run("UPDATE meta SET value = value + 1 WHERE key = 'changes'")
    world.take_in("a")
    world.json("person", "list", who="sigrid")
    if world.run("verify", "--json", who="iver").exit == 15:
        return
    with pytest.raises(NotUnlocked):
        SqliteConnection(place.catalogue, catalogue_key(seed)).close()


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
