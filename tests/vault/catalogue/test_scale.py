"""A sample of what bench/scale.py measures at a million: a filled store is whole, and no command reads a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.law.log.events import Purged
from arlo_rec.law.model.records import RecordingId, to_iso, to_micros
from arlo_rec.machine import consistency
from arlo_rec.policy import POLICY_VERSION
from arlo_rec.store import open_store
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue import audit_check, audit_log, log_clock, log_stretch
from arlo_rec.vault.catalogue.erasures import Erasure, Erasures, NewProof
from arlo_rec.vault.catalogue.meta import Meta
from arlo_rec.vault.catalogue.recordings import _IS_PAST_RETENTION
from arlo_rec.vault.certificates import check
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.erasure import receipts
from arlo_rec.vault.keys.key_files import log_key, read_catalogue_seal
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from bench import fill
from tests.support import world as worlds
from tests.support.attack import identity
from tests.support.catalogue import catalogue
from tests.support.world import REASON, World

pytestmark = pytest.mark.slow

COUNT, DUE, TEAMS = 2_000, 60, 3
LARGE = (
    *("recordings", "shares", "metadata", "mentions", "entries", "tombstones", "refusals"),
    *("commit_keys", "audience_keys", "audience_seals", "audience_wraps"),
)
SMALL_INDEXES = (  # which are read whole, and no table
    "SELECT count(*) FROM recordings WHERE state = 'held'",  # 0.07 s for a million
)


@pytest.fixture(scope="module")
def filled(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store of 2,000 recordings of 89 days and 60 whose day is over; never change it."""
    world = worlds.copy(template, tmp_path_factory.mktemp("filled"))
    world.grant()
    now, where = datetime.now(UTC), fill.Yard(world.base)
    young = fill.Filling(COUNT, now - timedelta(days=89), timedelta(days=89), TEAMS, named=2)
    old = fill.Filling(DUE, now - timedelta(days=91), timedelta(hours=20), TEAMS, first_caller=10_000, named=0)
    for one in (young, old):
        fill.fill(where, one, workers=0)
    return world


@pytest.fixture
def large(filled: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A copy of it for one test."""
    return worlds.copy(filled, tmp_path_factory.mktemp("large"))


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many batches as a store of a million has."""
    monkeypatch.setattr(log_stretch, "_BATCH", 7)
    monkeypatch.setattr(audit_check, "_STRETCH", 100)
    monkeypatch.setattr(consistency, "_BATCH", 7)


def problems(world: World) -> list[tuple[str, str]]:
    """What verify says of single recordings and the log; that rows were changed without a command it says besides."""
    told = world.run("verify", "--json", who="iver").json["problems"]
    return [(one["code"], one["what"]) for one in told if one["code"] != "rows_rolled_back"]


def a_held_id(world: World) -> str:
    """A recording from the middle of the store."""
    db = catalogue(world)
    rows = db.rows("SELECT id FROM recordings WHERE state = 'held' ORDER BY rowid LIMIT 1 OFFSET 900")
    db.close()
    return str(rows[0][0].hex())


def test_a_filled_store_is_whole_and_opens_like_one_that_grew(filled: World) -> None:
    assert filled.json("status", who="iver")["held"] == COUNT + DUE
    assert filled.json("verify", "--read-data", who="iver")["problems"] == []
    assert filled.json("audit", "verify", who="iver")["problems"] == []
    found = filled.json("find", "--purpose", "quality", "--reason", REASON, "--limit", "1", who="leif")["recordings"]
    out = str(filled.base / "one.wav")
    words = ("--purpose", "quality", "--reason", REASON, "--out", out)
    assert filled.json("export", found[0]["id"], *words, who="leif")["bytes"] > 400


def test_a_verification_in_small_batches_finds_nothing_either(filled: World, small_batches: None) -> None:
    assert problems(filled) == []


# -- what a streamed verification must still notice ---------------------------------------------------


def test_a_row_that_is_gone_is_missing(large: World, small_batches: None) -> None:
    gone = a_held_id(large)
    db = catalogue(large)
    with db.writing():
        db.run("DELETE FROM recordings WHERE id = ?", (bytes.fromhex(gone),))
    db.close()
    assert sorted(problems(large)) == [("object_of_nobody", gone), ("recording_missing", gone)]


def test_a_row_that_the_log_does_not_know_is_a_stranger(large: World, small_batches: None) -> None:
    stranger, real = "ab" * 16, a_held_id(large)
    db = catalogue(large)
    columns = [row[1] for row in db.rows("PRAGMA table_info(recordings)") if row[1] not in {"number", "id"}]
    with db.writing():
        copied = ", ".join(columns)
        db.run(
            f"INSERT INTO recordings (id, {copied}) SELECT ?, {copied} FROM recordings WHERE id = ?",
            (bytes.fromhex(stranger), bytes.fromhex(real)),
        )
    db.close()
    codes = ("metadata_missing", "object_missing", "recording_not_in_log", "share_missing")
    assert sorted(problems(large)) == [(code, stranger) for code in codes]


@pytest.mark.parametrize("batch", [7, 5000])
def test_a_row_that_is_held_although_the_log_tells_of_its_erasure_is_a_stranger(
    large: World, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_stretch, "_BATCH", batch)
    told = large.json("withdraw", fill.number_of(0), "--yes", who="skranke")
    back = told["recordings"][0]["id"]
    db = catalogue(large)
    with db.writing():
        db.run("UPDATE recordings SET state = 'held' WHERE id = ?", (bytes.fromhex(back),))
    db.close()
    assert ("recording_not_in_log", back) in problems(large)


def test_what_comes_and_goes_while_a_verification_runs_is_no_problem(
    large: World, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = consistency.ConsistencyCheck.problems

    def meanwhile(one: consistency.ConsistencyCheck) -> list[consistency.Problem]:
        """The log was walked to its end; the rows were not."""
        with monkeypatch.context() as patch:
            patch.undo()
            assert large.json("withdraw", fill.number_of(0), "--yes", who="skranke")["erased"] == 4
            large.take_in("new")
        return original(one)

    monkeypatch.setattr(consistency.ConsistencyCheck, "problems", meanwhile)
    assert problems(large) == []


def test_entry_and_receipt_of_a_very_large_purge_can_be_read_again(world: World) -> None:
    """Longer than any JSON that we take from outside."""
    db, where = catalogue(world), find(world.store)
    (seed,) = read_catalogue_seal(where, identity(world, "iver"))
    book, names = audit_log.AuditLog(db, where.id, log_key(seed), Meta(db)), [f"{n:032x}" for n in range(130_000)]
    now, ids = datetime.now(UTC), tuple(RecordingId(bytes.fromhex(one)) for one in names)
    erasure, cron = Erasure("ABCD-EFGH", "expiry", now, "retention.90d", ids), identity(world, "cron").signing
    entry = Purged(rule=erasure.rule, recordings=ids, count=len(ids)).to_json()
    entry |= {"at": to_iso(now), "person": "cron", "policy": POLICY_VERSION}
    with db.writing():
        tree = book.tree()
        book.append([entry], cron)
        erased = check.erasure_message({"store": where.id.hex(), **receipts._erased(erasure)}, tree.size)
        proof = NewProof(tree.size, merkle.path_of_last(tree), cron.public, cron.sign(erased))
        Erasures(db).add(erasure, proof)
        db.run("UPDATE meta SET number = number + 1 WHERE key = 'changes'")  # as every change of the program does
    assert [len(entry.body["recordings"]) for entry in book.entries.about(RecordingId(bytes(16))) if entry.body] == [
        130_000
    ]
    db.close()
    with open_store(where, identity(world, "iver"), now, StateFolder(None)) as store:
        lies = receipts.write(store, erasure, is_flushed=True)
        with store.db.writing():
            store.catalogue.log_clock.put(log_clock.computed(store.log.raw.bodies()))
    assert world.json("certificate", "verify", str(lies))["count"] == 130_000
    assert problems(world) == []


# -- no command reads a table -------------------------------------------------------------------------

COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "withdraw": ("skranke", ("withdraw", fill.number_of(1), "--yes")),
    "withdraw a call": ("skranke", ("withdraw", "--call", "no such call", "--yes")),
    "find in a team": ("leif", ("find", "--purpose", "quality", "--reason", REASON, "--team", fill.team(0))),
    "find in a time": ("leif", ("find", "--purpose", "quality", "--reason", REASON, "--from", "2026-01-01")),
    "purge": ("cron", ("purge",)),
    "status": ("iver", ("status",)),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_reads_a_whole_table(large: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    who, words = COMMANDS[name]
    with monkeypatch.context() as patch:
        executed = _traced(patch)
        assert large.run(*words, who=who).exit in (0, 3, 4)
    assert len(executed) > 5, "whatever a command does, it opens the store"
    db = catalogue(large)
    read_whole = {
        sql: plan for sql, values in executed.items() for plan in _plan(db, sql, values) if _is_whole(sql, plan)
    }
    db.close()
    for small in SMALL_INDEXES:
        read_whole.pop(small, None)
    assert not read_whole


@pytest.mark.parametrize(("who", "words"), [("iver", ("verify",)), ("sigrid", ("verify", "--read-data"))])
def test_no_verification_lets_the_engine_make_an_index_in_memory(
    large: World, monkeypatch: pytest.MonkeyPatch, who: str, words: tuple[str, ...]
) -> None:
    """It reads tables whole, but in their order: an index of a million rows would take 300 MB."""
    large.json("withdraw", fill.number_of(0), "--yes", who="skranke")
    with monkeypatch.context() as patch:
        executed = _traced(patch)
        assert large.run(*words, who=who).exit == 0
    db = catalogue(large)
    plans = {sql: list(_plan(db, sql, values)) for sql, values in executed.items() if not sql.startswith("PRAGMA")}
    db.close()
    assert len(plans) > 50
    assert not {sql: plan for sql, plan in plans.items() if "AUTOMATIC" in str(plan)}


def test_what_a_purge_looks_for_is_found_among_what_is_held_alone(filled: World) -> None:
    """Rows of what was erased stay for three months: as many as what is held."""
    db = catalogue(filled)
    now = datetime.now(UTC)
    plans = list(_plan(db, f"SELECT id FROM recordings WHERE {_IS_PAST_RETENTION}", (to_micros(now), to_micros(now))))
    db.close()
    reads = [plan for plan in plans if plan.startswith(("SCAN", "SEARCH"))]
    assert reads and all(re.search(r"recordings_(held|by_due|by_start) \(state=\? AND", plan) for plan in reads), reads


def test_the_test_of_plans_sees_a_table_that_is_read_whole(filled: World) -> None:
    db = catalogue(filled)
    for sql in (
        "SELECT id FROM recordings WHERE prompt = 'x'",
        "SELECT id FROM recordings WHERE +source = x'00'",
        "SELECT id FROM recordings WHERE state = 'held'",
        "DELETE FROM commit_keys WHERE NOT EXISTS (SELECT 1 FROM metadata WHERE key = commit_keys.id)",
    ):
        assert any(_is_whole(sql, plan) for plan in _plan(db, sql, ()))
    db.close()


def _traced(patch: pytest.MonkeyPatch) -> dict[str, Sequence[Any]]:
    """Every statement that is really carried out, with values of its first time."""
    executed: dict[str, Sequence[Any]] = {}

    def through(name: str) -> Callable[..., Any]:
        original = getattr(SqliteConnection, name)

        def traced(self: SqliteConnection, sql: str, values: Any = ()) -> Any:
            values = list(values)
            if name != "run_many" or values:
                executed.setdefault(sql, values[0] if name == "run_many" else values)
            return original(self, sql, values)

        return traced

    for name in ("rows", "run", "run_many"):
        patch.setattr(SqliteConnection, name, through(name))
    return executed


def _plan(db: SqliteConnection, sql: str, values: Sequence[Any]) -> Iterator[str]:
    """How the engine goes about it."""
    yield from (str(row[3]) for row in db.rows(f"EXPLAIN QUERY PLAN {sql}", values))


def _is_whole(sql: str, plan: str) -> bool:
    """Whether a step reads every row of a large table, or every held one; few are arriving or on their way out."""
    table = re.match(r"(SCAN|SEARCH) (\w+)", plan)
    if table is None or table[2] not in LARGE:
        return False
    by_state_alone = table[2] == "recordings" and plan.endswith("(state=?)")
    return table[1] == "SCAN" or (by_state_alone and not re.search("'(arriving|erasing)'", sql))
