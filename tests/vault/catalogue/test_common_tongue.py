"""The catalogue's statements are SQL that SQLite and PostgreSQL both take: only placeholders and literals differ.

What only one engine knows stands behind the port, in `backends/sqlite` and `engines/postgres/postgres`.
"""

from __future__ import annotations

import ast
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.engines.postgres.postgres import PostgresConnection
from arlo_rec.engines.postgres.postgres_sql import of_postgres
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue import schema
from tests.support import promises
from tests.support import world as worlds
from tests.support.postgres import Postgres
from tests.support.source import PACKAGE, nodes
from tests.support.world import World

CATALOGUE = PACKAGE / "vault" / "catalogue"
ONLY_SQLITE = re.compile(  # words of a statement, whatever their case
    r"\bOR (REPLACE|IGNORE|ABORT|FAIL|ROLLBACK)\b|\bREPLACE INTO\b|\bINDEXED BY\b|\bCROSS JOIN\b|\bLIMIT -1\b"
    r"|\bPRAGMA\b|\bsqlite_\w+|\browid\b|\b_rowid_\b|\boid\b|\bGLOB\b|\bAUTOINCREMENT\b|\bANALYZE\b|\bLIKE\b"
    r"|\b(instr|total|iif|ifnull|zeroblob|randomblob|quote|hex|unhex|typeof|printf|julianday|strftime|unixepoch"
    r"|likely|unlikely|likelihood|last_insert_rowid|changes|group_concat|json_\w+)\s*\("
    r"|\b(max|min)\s*\([^()]*,"  # of two values; PostgreSQL says greatest and least
    r"|(?<=[\s(])\+(?=[a-z])"  # the hint that a column is in no index
    r"|\?\d|[:@$][a-z]|==|!=",
    re.IGNORECASE,
)
SAID_BEFORE = (  # statements that stood here once
    "INSERT OR REPLACE INTO documents (kind, body) VALUES (?, ?)",
    "INSERT OR IGNORE INTO mentions (recording, seq) VALUES (?, ?)",
    "SELECT seq FROM entries ORDER BY seq LIMIT -1",
    "SELECT number FROM links WHERE instr(body, ?) = 0",
    "SELECT total(object_bytes) FROM recordings",
    "SELECT min(rowid) FROM recordings",
    "SELECT id FROM recordings WHERE number > ? AND +state = 'held'",
    "SELECT c.first FROM copies c CROSS JOIN recordings r ON r.id = c.recording",
    "INSERT INTO tombstones (at) VALUES (?) ON CONFLICT (tag) DO UPDATE SET at = max(at, excluded.at)",
    "UPDATE entries SET salt = zeroblob(16)",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM mentions WHERE recording = ?1)",
    "UPDATE refusals SET first_seen = iif(code = 'x', first_seen, ?)",
)
LEFT_OUT = {"ingest in processes", "purge of 100", "ingest of many"}  # the same statements, of more calls
WHY = ("--purpose", "quality", "--reason", "monthly quality talk")
READ = (  # besides what commands write
    *(("iver", words) for words in (("status",), ("check",), ("verify",), ("audit", "verify"))),
    *(("sigrid", words) for words in (("verify", "--read-data"), ("todo",), ("grants",), ("recipients", "list"))),
    ("leif", ("find", *WHY, "--team", "support")),
)


@pytest.mark.parametrize("path", sorted(CATALOGUE.glob("*.py")), ids=lambda path: path.stem)
def test_no_text_of_the_catalogue_has_a_word_that_one_engine_alone_knows(path: Path) -> None:
    """Every literal, and each part of one that is put together, but the schema, and prose."""
    prose = {
        id(node.body[0].value)
        for node in nodes(path)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr)
    }
    texts = [
        node.value
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]
    assert not [text for text in texts if text not in {schema._TABLES} and ONLY_SQLITE.search(text)]


@pytest.mark.parametrize("said", SAID_BEFORE)
def test_a_statement_that_only_sqlite_takes_is_recognised(said: str) -> None:
    assert ONLY_SQLITE.search(said)


@pytest.fixture(scope="module")
def statements(template: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each statement of the catalogue that a store's life runs, whole, with the module that it stands in."""
    seen: dict[str, str] = {}
    base = tmp_path_factory.mktemp("tongue")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("rows", "run", "run_many"):
            patch.setattr(SqliteConnection, name, _noting(getattr(SqliteConnection, name), seen))
        ready = promises.lived_in(template, base / "ready")
        _live(ready, base / "life")
        for scene in promises.SCENES:
            if scene.name not in LEFT_OUT:
                promises.set_up(scene, ready, base / scene.name)
                world = World(base / scene.name / "world")
                world.run(*scene.asked(world), who=scene.who)
                for who, words in READ:
                    world.run(*words, who=who)
                shutil.rmtree(base / scene.name)
    return seen


def _live(ready: World, base: Path) -> None:
    """What no single command shows: copies that left, refusals that lie and go, an answer, the end of a grant."""
    world = worlds.copy(ready, base)
    call = world.json("find", *WHY, who="leif")["recordings"][0]["id"]
    world.json("export", call, *WHY, "--out", str(base / "out.wav"), who="leif")
    identity = ("--identity", "called back on the number of the contract", "--out", str(base / "answer.html"))
    world.json("dsar", "90000001", *identity, who="sigrid")
    for stem in ("refused", "gone"):
        world.deliver(stem, caller="+4790000004", consent={"prompt": "unknown-1"})
    world.run("ingest", str(world.spool), who="telefon")
    (world.spool / "gone.json").unlink()
    world.run("ingest", str(world.spool), who="telefon")
    world.run("ingest", str(world.spool), "--remove-refused", "prompt_unknown", who="telefon")
    world.json("withdraw", "90000001", "--yes", who="skranke")
    for copy in world.json("recipients", "list", who="sigrid")["recipients"]:
        world.run("recipients", "confirm", str(copy["id"]), who="leif")
    world.run("withdraw", "--call", "pbx.d", "--yes", who="skranke")


def _noting(original: Callable[..., Any], seen: dict[str, str]) -> Callable[..., Any]:
    def noting(self: SqliteConnection, sql: str, *values: Any) -> Any:
        caller = Path(sys._getframe(1).f_code.co_filename)
        if caller.parent == CATALOGUE:
            seen.setdefault(re.sub(r"IN \(\?(, \?)+\)", "IN (?)", sql), caller.stem)
        return original(self, sql, *values)

    return noting


@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_no_statement_that_runs_has_a_word_that_one_engine_alone_knows(statements: dict[str, str]) -> None:
    assert len(statements) > 150
    asking = {path.stem for path in CATALOGUE.glob("*.py") if "self._db.r" in path.read_text("utf-8")}
    assert asking <= set(statements.values())
    assert not [sql for sql in statements if ONLY_SQLITE.search(sql)]


@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_postgresql_takes_every_statement_that_runs(statements: dict[str, str], each_postgres: Postgres) -> None:
    database = each_postgres.database()
    with closing(PostgresConnection(each_postgres.address(database), b"k" * 32)) as made:
        schema.migrate(made)
    prepared = [f"PREPARE s{at} AS {' '.join(of_postgres(sql).split())};" for at, sql in enumerate(statements)]
    assert not each_postgres.psql("\n".join(prepared), database)
    foreign = "PREPARE x AS INSERT OR REPLACE INTO documents (kind, body) VALUES ($1, $2);"
    assert "syntax error" in each_postgres.psql(foreign, database)
