"""Every column of every table, changed with the owner's account: `verify` names it, or nothing relies on it.

A new column is in here by itself, because the columns are those of the schema. Whoever adds one that `verify` does not
compare has to say below why that is harmless; whoever makes `verify` compare one takes it off the list.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue.schema import migrate
from tests.support import world as worlds
from tests.support.catalogue import catalogue, newest, own_code
from tests.support.world import World

pytestmark = pytest.mark.rule("security.monitored")

_OWN_KEY = "whoever holds the grant's key notices; a new grant opens the calls again (SECURITY.md)"
_REFUSAL = "`status` counts refusals by it, and an intake says in its own answer what it refuses"
_RING = "`backup` and `status` go by the ring, the log and the signed settings, and by this only as a hint"
_ORDER = "the order in which rows are read in batches, and a grant's history is wrapped"
_LATE = "of what is erased nothing is decided by it: a late delivery is refused by its age or a tombstone"
_SHARD = "it says only into which shard the next key goes; where a key hangs stands in `shares` and `day`"
_NOTES = "who says that notes were taken in hides failed unlocks: SECURITY.md does not promise them"
_OF_A_CALL = (
    *("kind", "parent", "started_at", "due_at", "team", "caller", "agent", "source", "content", "purposes", "prompt"),
    *("prompt_sha256", "policy", "object_digest", "object_bytes", "commit_key"),
)
HARMLESS = {
    "grant_histories.grant_id": _OWN_KEY,
    "grant_histories.reached": _OWN_KEY,
    "audience_seals.audience_key": _OWN_KEY,
    "audience_seals.grant_id": _OWN_KEY,
    "audience_seals.pair": _OWN_KEY,
    "audience_seals.sealed": _OWN_KEY,
    "audience_wraps.grant_id": _OWN_KEY,
    "audience_wraps.audience_key": _OWN_KEY,
    "audience_wraps.pair": _OWN_KEY,
    "audience_wraps.wrapped": _OWN_KEY,
    "refusals.tag": _REFUSAL,
    "refusals.code": _REFUSAL,
    "refusals.spool": _REFUSAL,
    "refusals.first_seen": _REFUSAL,
    "refusals.last_seen": _REFUSAL,
    "recordings.number": _ORDER,
    "recordings of the erased.number": _ORDER,
    "audience_keys.number": _ORDER,
    "escrows.id": _RING,
    "escrows.path": _RING,
    "escrows.folder": _RING,
    "escrows.number": _RING,
    "escrows.changes": _RING,
    "escrows.at": _RING,
    "shard_keys.hour": _SHARD,
    **{f"recordings of the erased.{column}": _LATE for column in _OF_A_CALL},
    "grant_seeds.sealed": "only whom it is sealed to can tell; an officer grants again, and looks at her own seal",
    "log_keys.number": "it only orders the keys, each of which is signed by the one before",
}


HARMLESS_STRUCK = {
    "grant_histories": _OWN_KEY,
    "audience_seals": _OWN_KEY,
    "audience_wraps": _OWN_KEY,
    "refusals": _REFUSAL,
    "escrows": _RING,
}
HARMLESS_NUMBERS = {
    "changes": "a number that grew is no rollback; one that fell is noticed by whoever saw it",
    "fed": "it says whether the feed's file is made where there is none, and up to where that forgot with the log",
    "needs": "only a program that does not open the catalogue shows it",
    "flush_due": "it only has the journal emptied once more, and a receipt say so",
    "spools": "folders in which an answer looks for refused calls; nothing is removed by it",
    "attempts_taken": _NOTES,
    "attempts_seen": _NOTES,
}


def _columns() -> dict[str, list[tuple[str, str]]]:
    """The columns of each table, with their types, as the schema makes them."""
    made = SqliteConnection(None, b"k" * 32)
    migrate(made)
    tables = made.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite%'")
    return {
        str(table): [(str(row[1]), str(row[2])) for row in made.rows(f"PRAGMA table_info({table})")]
        for (table,) in tables
    }


COLUMNS = _columns()
CASES = [f"{table}.{column}" for table, columns in COLUMNS.items() for column, _ in columns if table != "meta"]
CASES += [f"recordings of the erased.{column}" for column, _ in COLUMNS["recordings"]]
NUMBERS = ("schema", "generation", "log", "link", "log_clock", *HARMLESS_NUMBERS)


def _another(column: str, kind: str) -> str:
    return {
        "INTEGER": f"coalesce({column}, 0) + 1000",
        "TEXT": f"coalesce({column}, '') || 'x'",
        "BLOB": f"randomblob(max(length(coalesce({column}, x'')), 16))",
    }[kind]


def _is_named(world: World) -> bool:
    """Whether an auditor learns of it, or an officer, who has the keys to look further."""
    return any(world.run("verify", "--read-data", who=who).exit for who in ("iver", "sigrid"))


@pytest.mark.parametrize("case", CASES)
def test_a_column_that_is_changed_is_named_or_nothing_relies_on_it(lived: World, tmp_path: Path, case: str) -> None:
    world, (where, column) = worlds.copy(lived, tmp_path), case.split(".")
    table = where.split()[0]
    with own_code(world) as db:
        rows = "WHERE state = 'erased'" if where != table else newest(db, table)
        assert db.changed(f"UPDATE {table} SET {column} = {_another(column, dict(COLUMNS[table])[column])} {rows}")
    assert _is_named(world) != (case in HARMLESS)


@pytest.mark.parametrize("table", [table for table in COLUMNS if table != "meta"])
def test_a_row_that_is_struck_is_named_or_nothing_relies_on_it(lived: World, tmp_path: Path, table: str) -> None:
    world = worlds.copy(lived, tmp_path)
    with own_code(world) as db:
        assert db.changed(f"DELETE FROM {table} {newest(db, table)}")
    assert _is_named(world) != (table in HARMLESS_STRUCK)


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_that_is_changed_is_named_or_nothing_relies_on_it(lived: World, tmp_path: Path, key: str) -> None:
    world = worlds.copy(lived, tmp_path)
    with own_code(world) as db:
        another = "{0} = CASE WHEN {0} IS NOT NULL THEN randomblob(length({0})) END".format
        sql = f"UPDATE meta SET number = number + 1, {another('bytes')}, {another('sealed')} WHERE key = ?"
        assert db.changed(sql, (key,))
    assert _is_named(world) != (key in HARMLESS_NUMBERS)


def test_every_table_has_a_row_and_every_number_is_looked_at(lived: World) -> None:
    db = catalogue(lived)
    assert all(db.rows(f"SELECT 1 FROM {table}") for table in COLUMNS)
    assert {key for (key,) in db.rows("SELECT key FROM meta")} == set(NUMBERS)
    db.close()


def test_the_list_names_columns_that_there_are() -> None:
    assert set(HARMLESS) <= set(CASES)
    assert all(len(reason) > 20 for reason in HARMLESS.values())
