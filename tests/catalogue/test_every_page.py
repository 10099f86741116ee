"""An older single page of the catalogue, put back by whoever can write the file, is noticed by the next command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import world as worlds
from tests.support.catalogue import catalogue
from tests.support.world import World

pytestmark = pytest.mark.slow

PAGE = 4096  # bytes: SQLCipher 4
PAGES_TRIED = 40  # spread over all; --prove tries every one


def settled(world: World) -> bytes:
    """The catalogue as one file, its journal brought home."""
    db = catalogue(world)
    assert db.flush(5.0)
    db.close()
    return (world.store / "catalogue.db").read_bytes()


@pytest.fixture(scope="module")
def stages(template: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, list[bytes]]:
    """A store, and its catalogue as it was after each of the commands that made it; the last is today's."""
    world = worlds.copy(template, tmp_path_factory.mktemp("stages"))
    found = [settled(world)]
    world.grant()
    found.append(settled(world))
    world.take_in("a", "b", "c")
    world.take_in("d", caller="+4790000002", seed=7)
    found.append(settled(world))
    world.json("withdraw", "90000002", "--yes", who="skranke")
    found.append(settled(world))
    world.take_in("e", seed=9, caller="+4790000003")
    world.json("revoke", "leif", who="sigrid")
    found.append(settled(world))
    return world, found


def everything(world: World) -> list[object]:
    """Every row of every table, if tables and indexes agree; else nothing."""
    db = catalogue(world)
    tables = sorted(row[0] for row in db.rows("SELECT name FROM sqlite_master WHERE type = 'table'"))
    found: list[object] = [db.rows(f"SELECT * FROM {one}") for one in tables] if db.indexes_agree() else []
    db.close()
    return found


def test_an_older_page_is_noticed_by_the_next_command(
    stages: tuple[World, list[bytes]], tmp_path: Path, whole: bool
) -> None:
    """Only a page that nothing stands in any more may be older; `verify` names what is wrong, whatever it is."""
    world, (*olders, newest) = stages
    changed = [
        (older, at)
        for older in olders
        for at in range(0, min(len(older), len(newest)), PAGE)
        if older[at : at + PAGE] != newest[at : at + PAGE]
    ]
    noticed = 0
    for older, at in changed if whole else changed[:: len(changed) // PAGES_TRIED]:
        twin = worlds.copy(world, tmp_path / "twin")
        mixed = newest[:at] + older[at : at + PAGE] + newest[at + PAGE :]
        (twin.store / "catalogue.db").write_bytes(mixed)
        command, verification = twin.run("status", who="iver"), twin.run("verify", "--read-data", who="iver")
        if {command.exit, verification.exit} == {15}:
            noticed += 1
        else:
            assert (command.exit, verification.exit) == (0, 0), (at // PAGE + 1, command, verification)
            assert everything(twin) == everything(world), f"page {at // PAGE + 1}"
        shutil.rmtree(twin.base)
    assert noticed > 30


def test_an_older_page_of_an_index_is_noticed_in_a_large_store_by_verify(
    stages: tuple[World, list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a withdrawal would not find every call of its caller."""
    world, olders = stages
    db = catalogue(world)
    ((page,),) = db.rows("SELECT rootpage FROM sqlite_master WHERE name = 'recordings_by_caller'")
    db.close()
    monkeypatch.setattr("arlo_rec.store.VERIFIED_WHOLE", 0)
    twin = worlds.copy(world, tmp_path / "twin")
    place = slice((page - 1) * PAGE, page * PAGE)
    mixed = bytearray(olders[-1])
    mixed[place] = olders[0][place]
    (twin.store / "catalogue.db").write_bytes(mixed)
    assert twin.run("verify", who="iver").exit == 15
