"""Whoever reads the rows of the catalogue without its key, as the administrator of a database could.

They see teams, times, states, prompts, sizes and tags; no name of staff, reason, path, caller or entry of the log.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from arlo_rec.law.model.errors import Integrity
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue import column_keys
from arlo_rec.vault.catalogue.audit_log import RawEntries
from arlo_rec.vault.catalogue.authority import Links
from arlo_rec.vault.catalogue.columns import SEALED, SealedColumn
from arlo_rec.vault.catalogue.copies import Copies
from arlo_rec.vault.catalogue.disclosures import Disclosures
from arlo_rec.vault.catalogue.escrows import Escrows
from arlo_rec.vault.catalogue.schema import migrate
from arlo_rec.vault.crypto.primitives import ColumnKey
from tests.support.catalogue import catalogue
from tests.support.world import REASON, World

NAMED = re.compile(r"made_by|reviewed_by|person|path|folder|file|body|sealed|reason")
NOT_OF_STAFF = {  # columns of such a name that are sealed to a key of their own
    *(f"{table}.sealed" for table in ("seals", "grant_seeds", "commit_keys", "audience_seals", "metadata", "cases")),
    "proofs.path",  # in a Merkle tree
}


def values(db: SqliteConnection) -> list[tuple[str, bytes]]:
    """Every text and blob of every row, with its table."""
    tables = [name for (name,) in db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [
        (table, value.encode("utf-8") if isinstance(value, str) else bytes(value))
        for table in tables
        for row in db.rows(f"SELECT * FROM {table}")
        for value in row
        if isinstance(value, str | bytes)
    ]


def secrets_of(world: World, bodies: list[dict[str, Any]]) -> set[str]:
    """What nobody may read: people and their words, paths, callers, and every action of the log."""
    told = {str(body["person"]) for body in bodies}
    told |= {str(body["detail"]["reason"]) for body in bodies if body.get("detail", {}).get("reason")}
    told |= {REASON, "called back on the number", str(world.base), "out.wav", "90000001", "90000002"}
    return told | {'"action"', '"seal_key"', "arlo-rec/1/link"}


def test_no_row_shows_a_name_a_reason_a_path_a_caller_or_an_entry(lived: World) -> None:
    db = catalogue(lived)
    bodies = [json.loads(body) for _, body in RawEntries(db).bodies() if body]
    rows = values(db)
    db.close()
    hidden = {word.encode() for word in secrets_of(lived, bodies)}
    assert len(rows) > 500 and len(hidden) > 10
    assert {"sigrid", "leif", "siri", "telefon"} <= {str(body["person"]) for body in bodies}
    shown = {(table, word) for table, value in rows for word in hidden if word in value}
    assert not shown


def test_the_search_finds_what_is_not_sealed(lived: World) -> None:
    """The same words do stand in the rows once the columns are opened."""
    db = catalogue(lived)
    opened = {
        *(disclosure.person for disclosure in Disclosures(db).every()),
        *(copy.made_by for copy in Copies(db).every()),
        *(str(escrow.escrow) for escrow in Escrows(db).every()),
    }
    documents = Links(db).documents()
    db.close()
    assert {"leif", "sigrid", str(lived.base / "escrow")} <= opened
    assert b'"turid"' in documents["roster"] and str(lived.base).encode() in documents["settings"]


def test_every_column_whose_name_promises_a_name_a_reason_or_a_path_is_sealed() -> None:
    made = SqliteConnection(None, b"k" * 32)
    migrate(made)
    tables = [row[0] for row in made.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {
        f"{table}.{row[1]}": row[2]
        for table in tables
        if not table.startswith(("sqlite_", "_sqlite"))
        for row in made.rows(f"PRAGMA table_info({table})")
    }
    sealed = {f"{table}.{column}" for table, (_, *of_table) in SEALED.items() for column in of_table}
    assert {name for name in columns if NAMED.search(name.split(".")[1])} - NOT_OF_STAFF == sealed
    assert {columns[name] for name in sealed} == {"BLOB"}


@pytest.mark.parametrize("table", SEALED)
def test_a_value_that_is_moved_to_another_row_column_or_store_does_not_open(lived: World, table: str) -> None:
    key, *columns = SEALED[table]
    db = catalogue(lived)
    own, foreign, tried = db.columns, ColumnKey(b"k" * 32), 0
    for column in columns:
        for row, value in db.rows(f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL"):
            assert SealedColumn(db, table, column).open(row, value)
            other = row + 1 if isinstance(row, int) else f"{row}x" if isinstance(row, str) else row[::-1]
            places = ((table, "x", row, own), ("x", column, row, own), (table, column, other, own))
            for of_table, of_column, of_row, db.columns in (*places, (table, column, row, foreign)):
                with pytest.raises(ValueError, match="does not open"):
                    SealedColumn(db, of_table, of_column).open(of_row, value)
            db.columns, tried = own, tried + 1
    db.close()
    assert tried


def test_the_same_value_is_stored_differently_each_time(lived: World) -> None:
    db = catalogue(lived)
    column = SealedColumn(db, "copies", "made_by")
    assert len({column.seal(b"x", b"leif") for _ in range(20)}) == 20
    db.close()


def test_a_move_to_another_key_keeps_every_value_and_leaves_none_under_the_old_key(lived: World) -> None:
    db = catalogue(lived)

    def everything() -> list[object]:
        links, raw = Links(db), RawEntries(db)
        return [
            *(raw.entries(0, 2**62), links.after(0), links.documents(), Disclosures(db).every()),
            *(Copies(db).every(), Escrows(db).every()),
        ]

    def stored() -> set[tuple[str, bytes]]:
        return {
            (f"{table}.{column}", value)
            for table, (_, *columns) in SEALED.items()
            for column in columns
            for (value,) in db.rows(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
        }

    before, old, sealed = everything(), db.columns, stored()
    with pytest.raises(ZeroDivisionError), db.writing():
        column_keys.move(db, b"s" * 32)
        assert everything() == before
        assert len(stored()) == len(sealed) and not stored() & sealed
        db.columns = old
        with pytest.raises(Integrity):
            Links(db).documents()
        assert not {body for _, body in RawEntries(db).bodies() if body}
        raise ZeroDivisionError
    assert everything() == before
    db.close()
