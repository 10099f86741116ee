"""The catalogue's statements are SQL that SQLite and PostgreSQL both take: only placeholders and literals differ.

What only one engine knows stands behind the port, in `backends/sqlite`.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.catalogue import schema
from tests.support import promises
from tests.support import world as worlds
from tests.support.source import PACKAGE, nodes
from tests.support.world import World

CATALOGUE = PACKAGE / "catalogue"
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
POSTGRES = Path(next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), "/nowhere"))


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


@pytest.fixture(scope="module")
def postgres() -> Iterator[Callable[[str], str]]:
    """A throw-away PostgreSQL on a socket of its own: what `psql` says to a script."""
    if not (POSTGRES / "initdb").exists():
        pytest.skip("no PostgreSQL is installed")
    if os.geteuid() != 0:
        pytest.skip("needs root, to become the account that PostgreSQL runs as")
    with tempfile.TemporaryDirectory(prefix="pg-") as made:  # where another account comes to; a socket's name is short
        folder = Path(made)
        shutil.chown(folder, "postgres")
        with _served(folder):
            yield (
                lambda script: (
                    _as_postgres(
                        *("psql", "-h", made, "-U", "postgres", "-X", "-q", "-v", "VERBOSITY=terse", "-f", "-"),
                        script=script,
                    ).stderr
                )
            )


def _as_postgres(*words: str, script: str = "") -> subprocess.CompletedProcess[str]:
    command = ("runuser", "-u", "postgres", "--", str(POSTGRES / words[0]), *words[1:])
    return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, input=script)


@contextmanager
def _served(folder: Path) -> Iterator[None]:
    data = str(folder / "data")
    made = _as_postgres("initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "--locale=C", "-E", "UTF8")
    assert made.returncode == 0, made.stderr
    asked = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    begun = _as_postgres("pg_ctl", "-D", data, "-l", str(folder / "log"), "-o", asked, "-w", "start")
    assert begun.returncode == 0, begun.stderr
    try:
        yield
    finally:
        _as_postgres("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_postgresql_takes_every_statement_that_runs(statements: dict[str, str], postgres: Callable[[str], str]) -> None:
    assert not postgres(_of_postgres(schema._TABLES))
    prepared = [f"PREPARE s{at} AS {_numbered(_of_postgres(sql))};" for at, sql in enumerate(statements)]
    assert not postgres("\n".join(prepared))
    assert "syntax error" in postgres("PREPARE x AS INSERT OR REPLACE INTO documents (kind, body) VALUES ($1, $2);")


def _of_postgres(sql: str) -> str:
    """The same with the types and literals of PostgreSQL; the engine gives the number of a row there too."""
    for ours, theirs in (
        (r" STRICT(, WITHOUT ROWID)?(?=;)", ""),
        (r"\bBLOB\b", "BYTEA"),
        (r"\bINTEGER\b", "BIGINT"),
        (r"\bx'([0-9a-f]*)'", r"'\\x\1'::bytea"),
        (r"number BIGINT PRIMARY KEY, id", "number BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, id"),
    ):
        sql = re.sub(ours, theirs, sql)
    return sql


def _numbered(sql: str) -> str:
    """A statement with numbered placeholders, on one line."""
    parts = " ".join(sql.split()).split("?")
    return parts[0] + "".join(f"${at}{part}" for at, part in enumerate(parts[1:], 1))
