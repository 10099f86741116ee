"""Every single row and file of a store: deleted, changed or put back as it was once, it is noticed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.vault.backends.sqlite import SqliteConnection
from tests.support import world as worlds
from tests.support.catalogue import catalogue, vandal
from tests.support.copies import SAID
from tests.support.world import World

ROWS_TRIED = 6  # of each table, spread over all; --prove tries every row
TABLES = (
    *("meta", "links", "documents", "seals", "grant_seeds", "grant_histories", "commit_keys", "audience_keys"),
    *("audience_seals", "audience_wraps", "recordings", "metadata"),
    *("day_keys", "shard_keys", "shares", "tombstones", "erasures", "entries", "mentions", "checkpoints", "log_keys"),
    *("refusals", "cases", "escrows", "recipients", "burials", "proofs", "vouchers", "copies", "sums"),
)
UNCHANGED = {"log_keys", "refusals", "cases", "vouchers"}  # what the last of them leaves as it was


@pytest.fixture(scope="module")
def lived(template: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """A store in which every table has rows, and a copy of its catalogue from before the last of them changed."""
    world = worlds.copy(template, tmp_path_factory.mktemp("lived"))
    world.grant()
    world.take_in("a", "b", "c")
    world.take_in("d", caller="+4790000002", seed=7)
    world.deliver("refused", consent={"key": "2"})
    world.json("ingest", str(world.spool), who="telefon")
    shutil.rmtree(world.spool)
    words = ("--identity", "called back on the number of the contract", "--out", str(world.base / "answer.html"))
    world.json("dsar", "90000001", *words, who="sigrid")
    world.json("withdraw", "90000002", "--yes", who="skranke")
    cuts = world.base / "cuts.txt"
    cuts.write_text("0.1\t0.2\tname\n")
    backup = ("backup", str(world.base / "backup"), "--escrow", str(world.base / "escrow"))
    world.json(*backup, who="sigrid")
    older = world.base / "older.db"
    shutil.copy(world.store / "catalogue.db", older)
    world.json("withdraw", "90000001", "--yes", who="skranke")
    (left,) = world.take_in("e", seed=9, caller="+4790000003")
    world.json("pseudonymise", *SAID, left, "--cuts", str(cuts), who="sigrid")
    world.json("revoke", "leif", who="sigrid")
    world.grant("turid")
    world.json(*backup, who="cron")
    return world, older


def rows(db: SqliteConnection, table: str) -> list[tuple[Any, ...]]:
    """Everything in a table."""
    return [tuple(one) for one in db.rows(f"SELECT * FROM {table}")]


def test_every_table_that_there_is_is_tried(lived: tuple[World, Path]) -> None:
    world, _ = lived
    db = catalogue(world)
    there = {row[0] for row in db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    empty = {table for table in TABLES if not db.rows(f"SELECT 1 FROM {table}")}
    db.close()
    assert there - set(TABLES) == {"_sqlite_migrations", "sqlite_stat1", "sqlite_stat4"}
    assert not empty


def test_a_vandal_who_changes_nothing_is_not_noticed(lived: tuple[World, Path], tmp_path: Path) -> None:
    world, _ = lived
    twin = worlds.copy(world, tmp_path)
    with vandal(twin):
        pass
    assert not _noticed(twin)


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_is_gone_is_noticed(lived: tuple[World, Path], tmp_path: Path, table: str, whole: bool) -> None:
    world, _ = lived
    db = catalogue(world)
    keys = db.rows(f"SELECT {_row_key(table)} FROM {table}")
    db.close()
    for key in keys if whole else keys[:: max(1, len(keys) // ROWS_TRIED)]:
        twin = worlds.copy(world, tmp_path / "twin")
        with vandal(twin) as db:
            assert (
                db.changed(f"DELETE FROM {table} WHERE ({_row_key(table)}) = ({', '.join('?' * len(key))})", key) == 1
            )
        assert _noticed(twin), (table, key)
        shutil.rmtree(twin.base)


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_a_table_as_it_was_once_is_noticed(lived: tuple[World, Path], tmp_path: Path, table: str) -> None:
    world, older = lived
    twin = worlds.copy(world, tmp_path / "twin")
    before = worlds.copy(world, tmp_path / "before")
    for left in before.store.glob("catalogue.db-*"):
        left.unlink()
    shutil.copy(older, before.store / "catalogue.db")
    old = catalogue(before)
    then = rows(old, table)
    old.close()
    with vandal(twin) as db:
        is_changed = sorted(map(repr, then)) != sorted(map(repr, rows(db, table)))
        assert is_changed != (table in UNCHANGED)
        db.run(f"DELETE FROM {table}")
        for one in then:
            db.run(f"INSERT INTO {table} VALUES ({', '.join('?' * len(one))})", one)
    assert _noticed(twin) == (table not in UNCHANGED), table


def files(world: World) -> Iterator[Path]:
    """Every file of a store and its root folder that is not a note for people, of a run, or the room kept free."""
    for folder in (world.store, world.root):
        for one in sorted(folder.rglob("*")):
            is_note = one.name in {"README", "CACHEDIR.TAG", "ballast"} or one.name.startswith("ran.")
            if one.is_file() and not is_note and "-" not in one.suffix:
                yield one


@pytest.mark.slow
def test_a_file_that_is_gone_is_noticed(lived: tuple[World, Path], tmp_path: Path) -> None:
    world, _ = lived
    names = [one.relative_to(world.base) for one in files(world)]
    assert len(names) > 20
    for name in names:
        twin = worlds.copy(world, tmp_path / "twin")
        (twin.base / name).unlink()
        assert _noticed(twin), name
        shutil.rmtree(twin.base)


def test_two_files_of_a_kind_that_were_exchanged_are_noticed(lived: tuple[World, Path], tmp_path: Path) -> None:
    world, _ = lived
    twin = worlds.copy(world, tmp_path / "twin")
    people = sorted((twin.store / "people").iterdir())
    for one, other in pairwise(people):
        kept = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(kept)
    assert {twin.run("status", who=name).exit for name in ("sigrid", "iver", "siri")} == {12}


def _row_key(table: str) -> str:
    return {"mentions": "recording, seq", "audience_wraps": "grant_id, audience_key"}.get(table, "rowid")


def _noticed(world: World) -> bool:
    """Whether the next command, or a verification of everything, stops with 15 (or cannot even begin)."""
    for words in (("status",), ("verify", "--read-data")):
        if world.run(*words, who="iver").exit in {10, 12, 15, 16}:
            return True
    return False
