"""An older single page of the catalogue, put back by whoever can write the file, is noticed by the next command."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import world as worlds
from tests.support.catalogue import catalogue
from tests.support.world import World

pytestmark = pytest.mark.slow

TWO_HOURS = timedelta(hours=2)
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
    found: list[object] = [db.rows(f"SELECT * FROM {one}") for one in tables] if not db._structure() else []
    db.close()
    return found


def test_an_older_page_is_noticed(stages: tuple[World, list[bytes]], tmp_path: Path, whole: bool) -> None:
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
        verification = twin.run("verify", "--read-data", who="iver")
        if verification.exit == 15:
            noticed += 1
        else:
            assert verification.exit == 0, (at // PAGE + 1, verification)
            assert everything(twin) == everything(world), f"page {at // PAGE + 1}"
        shutil.rmtree(twin.base)
    assert noticed > 30


def test_an_older_page_of_an_index_is_noticed(stages: tuple[World, list[bytes]], tmp_path: Path) -> None:
    """Else a withdrawal would not find every call of its caller."""
    world, olders = stages
    place = page_of(world, "recordings_by_caller")
    twin = worlds.copy(world, tmp_path / "twin")
    mixed = bytearray(olders[-1])
    mixed[place] = olders[0][place]
    (twin.store / "catalogue.db").write_bytes(mixed)
    assert twin.run("verify", who="iver").exit == 15


def page_of(world: World, name: str) -> slice:
    """Where the first page of a table or an index lies in the file."""
    db = catalogue(world)
    ((page,),) = db.rows("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,))
    db.close()
    return slice((page - 1) * PAGE, page * PAGE)


def test_an_older_page_ends_no_command_as_an_unexpected_error(
    stages: tuple[World, list[bytes]], tmp_path: Path
) -> None:
    world, (*_, older, newest) = stages
    changed = [at for at in range(0, len(older), PAGE) if older[at : at + PAGE] != newest[at : at + PAGE]]
    ends = set()
    for at in changed:
        twin = worlds.copy(world, tmp_path / "twin")
        (twin.store / "catalogue.db").write_bytes(newest[:at] + older[at : at + PAGE] + newest[at + PAGE :])
        twin.deliver("late", seed=11, caller="+4790000004")
        ends.add(twin.run("ingest", str(twin.spool), who="telefon").exit)
        ends.add(twin.run("withdraw", "90000003", "--yes", who="siri").exit)
        shutil.rmtree(twin.base)
    assert ends <= {0, 3, 4, 15}
