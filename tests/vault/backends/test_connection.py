"""Every engine that keeps a catalogue keeps the promises of `Connection` and `Schema`."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Integrity, NotUnlocked
from arlo_rec.vault.backends import AT_ONCE, Connection, Row, Schema
from tests.support import postgres
from tests.support.engines import KEY, Engine, SqliteEngine, first_tables
from tests.support.postgres import Postgres, PostgresEngine
from tests.support.properties import examples

FIRST = [("0001_first", first_tables)]
COLUMNS = ["number", "word", "raw"]  # of its table
OTHER_KEY = b"o" * 32
ADD = "INSERT INTO t (number, word, raw) VALUES (?, ?, ?)"
PUT = f"{ADD} ON CONFLICT (number) DO UPDATE SET word = excluded.word, raw = excluded.raw"


ENGINES = [
    "sqlite",
    *(
        pytest.param(version, id=f"postgres-{version}", marks=[pytest.mark.xdist_group("postgres")])
        for version in postgres.VERSIONS
    ),
]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A catalogue that nobody made yet."""
    if request.param == "sqlite":
        yield SqliteEngine(tmp_path / "c.db")
        return
    server: Postgres = request.getfixturevalue("postgres_servers")(request.param)
    made = server.address(server.database())
    yield PostgresEngine(made)
    postgres.drop_database(made)


@pytest.fixture
def db(engine: Engine) -> Iterator[Connection]:
    """A catalogue with the tables of `first_tables`."""
    with closing(engine.connect()) as connection:
        connection.schema.build(FIRST)
        yield connection


def first_of(row: Row) -> int:
    return int(row[0])


def count(db: Connection) -> int:
    return int(db.rows("SELECT count(*) FROM t")[0][0])


# -- transactions -------------------------------------------------------------------------------------


def test_a_transaction_is_all_or_nothing(db: Connection) -> None:
    with pytest.raises(KeyboardInterrupt), db.writing():
        db.run(ADD, (1, None, None))
        raise KeyboardInterrupt
    assert count(db) == 0
    with db.writing():
        db.run(ADD, (1, None, None))
    assert count(db) == 1


def test_a_change_outside_a_transaction_is_a_bug(db: Connection) -> None:
    with pytest.raises(RuntimeError):
        db.run(ADD, (1, None, None))
    with pytest.raises(RuntimeError):
        db.run_many(ADD, [(1, None, None)])
    assert count(db) == 0


def test_a_reader_sees_one_moment_and_does_not_stop_a_writer(db: Connection, engine: Engine) -> None:
    with closing(engine.connect()) as reader:
        with reader.reading():
            assert count(reader) == 0
            with db.writing():
                db.run(ADD, (1, None, None))
            assert count(reader) == 0
        assert count(reader) == 1


def test_each_transaction_has_an_odd_number_of_its_own(db: Connection) -> None:
    seen = []
    for block in (db.reading, db.writing, db.reading):
        with block():
            seen.append(db.snapshots)
        assert db.snapshots % 2 == 0
    assert len(set(seen)) == 3
    assert all(number % 2 for number in seen)


def test_what_was_asked_is_recalled_until_a_transaction_asks_anew_or_a_change_ends_it(
    db: Connection, engine: Engine
) -> None:
    def add(connection: Connection, number: int) -> None:
        with connection.writing():
            connection.run(ADD, (number, None, None))

    with closing(engine.connect()) as other:
        with db.recalling():
            assert count(db) == 0
            add(other, 1)
            with db.recalling():
                assert count(db) == 0
            with db.reading():
                assert count(db) == 1
            assert count(db) == 0
            db.rows("SELECT count(*) FROM t").clear()
            assert count(db) == 0, "the answer is nobody's but the asker's"
            add(db, 2)
            assert count(db) == 2
            add(other, 3)
            assert count(db) == 3
        assert count(db) == 3


def _add(engine: Engine, times: int) -> None:
    with closing(engine.connect()) as db:
        for _ in range(times):
            with db.writing():
                ((n,),) = db.rows("SELECT n FROM counter")
                db.run("UPDATE counter SET n = ?", (n + 1,))


@pytest.mark.slow
def test_four_writers_lose_no_update(db: Connection, engine: Engine) -> None:
    start = multiprocessing.get_context("spawn")
    runs = [start.Process(target=_add, args=(engine, 50)) for _ in range(4)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert db.rows("SELECT n FROM counter") == [(200,)]


def test_a_connection_that_was_closed_for_a_fork_goes_on(db: Connection) -> None:
    with db.closed():
        pass
    with db.writing():
        db.run(ADD, (1, None, None))
    assert count(db) == 1


# -- the key ------------------------------------------------------------------------------------------


def test_another_key_does_not_open_it(db: Connection, engine: Engine) -> None:
    with pytest.raises(NotUnlocked):
        engine.connect(OTHER_KEY)


def test_a_new_key_replaces_the_old_one(db: Connection, engine: Engine) -> None:
    with db.writing():
        db.run(ADD, (1, None, None))
    db.rekey(OTHER_KEY)
    db.close()
    with pytest.raises(NotUnlocked):
        engine.connect(KEY)
    with closing(engine.connect(OTHER_KEY)) as again:
        assert count(again) == 1
    db.open()


def test_sealed_columns_stay_under_the_old_key_until_they_are_moved(db: Connection) -> None:
    sealed = db.columns.seal(b"plain", b"place")
    db.rekey(OTHER_KEY)
    assert db.columns.open(sealed, b"place") == b"plain"


# -- values -------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-(2**63), 2**63 - 1)


def test_values_come_back_as_they_went_in(db: Connection) -> None:
    @examples(40)
    @given(number=NUMBERS, word=st.none() | WORDS, raw=st.none() | st.binary(max_size=40))
    def holds(number: int, word: str | None, raw: bytes | None) -> None:
        with db.writing():
            db.run("DELETE FROM t")
            assert db.changed(ADD, (number, word, raw)) == 1
        assert db.rows("SELECT number, word, raw FROM t") == [(number, word, raw)]
        assert db.rows("SELECT number FROM t WHERE number = ?", (number,)) == [(number,)]

    holds()


def test_a_literal_of_bytes_and_a_sign_of_percent_are_taken_as_they_stand(db: Connection) -> None:
    with db.writing():
        db.run("INSERT INTO t (number, word, raw) VALUES (1, '50 %', x'00ff')")
        db.run(ADD, (2, "50 %", b"\0\xff"))
    assert db.rows("SELECT word, raw FROM t WHERE raw = x'00ff'") == [("50 %", b"\0\xff")] * 2
    assert db.rows("SELECT 1 FROM t WHERE word = '50 %' AND number = ?", (1,)) == [(1,)]


def test_texts_are_ordered_by_their_signs_whatever_the_language_of_the_machine(db: Connection) -> None:
    words = ["", "Z", "a", "a b", "aa", "b", "Å", "ø"]
    with db.writing():
        db.run_many(ADD, [(at, word, None) for at, word in enumerate(reversed(words))])
    assert [word for (word,) in db.rows("SELECT word FROM t ORDER BY word")] == words


def test_a_change_tells_how_many_rows_it_changed(db: Connection) -> None:
    with db.writing():
        db.run_many(ADD, [(at, None, None) for at in range(5)])
        assert db.changed("UPDATE t SET word = 'x' WHERE number < ?", (3,)) == 3
        assert db.changed("DELETE FROM t WHERE number = ?", (9,)) == 0


def test_a_question_sees_every_change_before_it_in_its_order(db: Connection) -> None:
    with db.writing():
        for turn in range(1201):  # more than are sent together
            db.run("UPDATE counter SET n = n + ?", (turn,))
        db.run_many(ADD, [(turn, None, None) for turn in range(1201)])
        db.run("DELETE FROM t WHERE number > ?", (1000,))
        assert db.changed("UPDATE counter SET n = 2 * n") == 1
        db.run("UPDATE counter SET n = n + 1")
        assert db.rows("SELECT n FROM counter") == [(1200 * 1201 + 1,)]
        assert count(db) == 1001
    assert count(db) == 1001
    assert db.sum_matches("t")


def test_changes_of_many_kinds_go_on_after_one_that_the_engine_refused(db: Connection) -> None:
    def counted(*more: str) -> None:
        with db.writing():
            for kind in range(150):
                db.run(f"UPDATE counter SET n = n + {kind}")
            for sql in more:
                db.run(sql)
            db.run("UPDATE counter SET n = n + 0")
            db.rows("SELECT n FROM counter")

    for _ in range(3):
        counted()
        with pytest.raises(Integrity):
            counted("INSERT INTO t (number) VALUES (1)", "INSERT INTO t (number) VALUES (1)")
    assert db.rows("SELECT n FROM counter") == [(3 * sum(range(150)),)]


def test_the_engine_gives_the_number_of_a_row_that_names_none(db: Connection) -> None:
    with db.writing():
        for word in ("a", "b"):
            db.run("INSERT INTO t (word) VALUES (?)", (word,))
    assert [word for (word,) in db.rows("SELECT word FROM t ORDER BY number")] == ["a", "b"]


# -- whole tables -------------------------------------------------------------------------------------


def test_rows_that_fill_a_table_are_read_in_the_order_of_its_key(db: Connection) -> None:
    @examples(40)
    @given(rows=st.lists(st.tuples(NUMBERS, st.none() | WORDS, st.none() | st.binary(max_size=9)), unique_by=first_of))
    def holds(rows: list[Row]) -> None:
        with db.writing():
            db.run("DELETE FROM t")
            db.schema.fill("t", COLUMNS, rows)
            assert [row for portion in db.schema.portions("t") for row in portion] == sorted(rows, key=first_of)
        assert db.sum_matches("t")

    holds()


def test_a_table_of_more_rows_than_are_read_at_once_comes_whole(db: Connection) -> None:
    rows = [(number, str(number), None) for number in range(2 * AT_ONCE + 1)]
    with db.writing():
        db.schema.fill("t", COLUMNS, rows)
    with db.reading():
        portions = list(db.schema.portions("t"))
    assert max(map(len, portions)) == AT_ONCE
    assert (db.schema.columns("t"), db.schema.columns("none")) == (COLUMNS, [])
    assert [row for portion in portions for row in portion] == rows


def test_a_row_that_names_no_number_follows_on_those_that_filled_the_table(db: Connection) -> None:
    with db.writing():
        db.schema.fill("t", COLUMNS, [(7, "given", None)])
        db.schema.fill("t", COLUMNS, [])
        db.run("INSERT INTO t (word) VALUES ('more')")
    assert db.rows("SELECT number FROM t WHERE word = 'more'") == [(8,)]


def test_rows_outside_a_transaction_are_a_bug(db: Connection) -> None:
    with pytest.raises(RuntimeError):
        db.schema.fill("t", COLUMNS, [(1, None, None)])
    assert count(db) == 0


def test_a_catalogue_grows_with_its_rows(db: Connection) -> None:
    before = db.schema.size()
    with db.writing():
        db.schema.fill("t", COLUMNS, [(number, None, bytes(1000)) for number in range(100)])
    assert before + 100_000 < db.schema.size() < before + 1_000_000


# -- sums ---------------------------------------------------------------------------------------------

Rows = dict[int, tuple[str | None, bytes | None]]
ROWS = st.dictionaries(st.integers(0, 6), st.tuples(st.none() | WORDS, st.none() | st.binary(max_size=3)), max_size=6)


def fill(db: Connection, rows: Rows) -> None:
    for number, (word, raw) in rows.items():
        db.run(PUT, (number, word, raw))


def test_a_sum_is_that_of_the_rows_whichever_way_they_came(db: Connection) -> None:
    """Rows put, written over and deleted, against the same rows put once, in another order."""

    @examples(40)
    @given(before=ROWS, rows=ROWS)
    def holds(
        before: dict[int, tuple[str | None, bytes | None]], rows: dict[int, tuple[str | None, bytes | None]]
    ) -> None:
        with db.writing():
            db.run("DELETE FROM t")
            empty = db.sums()
            fill(db, before)
            fill(db, rows)
            db.run_many("DELETE FROM t WHERE number = ?", [(gone,) for gone in before.keys() - rows.keys()])
            once = db.sums()
        assert db.sum_matches("t")
        with db.writing():
            db.run("DELETE FROM t")
            assert db.sums() == empty
            fill(db, dict(reversed(rows.items())))
        assert db.sums() == once
        assert (once == empty) == (not rows)

    holds()


def test_sums_of_a_transaction_that_was_rolled_back_are_as_before(db: Connection) -> None:
    before = db.sums()
    with pytest.raises(KeyboardInterrupt), db.writing():
        db.run(ADD, (1, None, None))
        assert db.sums() != before
        raise KeyboardInterrupt
    assert db.sums() == before
    with db.writing():
        db.run("UPDATE counter SET n = 1")
    assert db.sums() == before, "nothing of the other transaction is left"
    assert db.sum_matches("t")


@pytest.mark.parametrize("values", [(1, "a", None), (1, None, b"a"), (2, "b", None), (1, "a", b"")])
def test_another_row_has_another_sum(db: Connection, values: tuple[int, str | None, bytes | None]) -> None:
    with db.writing():
        db.run(ADD, (1, "b", None))
    before = db.sums()
    with db.writing():
        db.run("UPDATE t SET number = ?, word = ?, raw = ?", values)
    assert db.sums() != before


def test_a_sum_that_was_written_over_does_not_match(db: Connection) -> None:
    with db.writing():
        db.run(ADD, (1, None, None))
    assert db.sum_matches("t")
    with db.writing():
        db.run("UPDATE sums SET value = ?", (bytes(32),))
    assert not db.sum_matches("t")


def test_a_table_without_a_sum_matches_none(db: Connection) -> None:
    assert not db.sum_matches("counter")


# -- the schema ---------------------------------------------------------------------------------------


def test_a_step_is_carried_out_once(db: Connection) -> None:
    before = db.schema.described()
    db.schema.build(FIRST)
    assert db.rows("SELECT n FROM counter") == [(0,)]
    db.schema.build([*FIRST, ("0002_more", lambda schema: schema.carry_out("ALTER TABLE t ADD COLUMN more BLOB"))])
    assert db.rows("SELECT more FROM t") == []
    assert db.schema.described() != before


def test_a_step_that_fails_leaves_nothing(db: Connection) -> None:
    def broken(schema: Schema) -> None:
        schema.carry_out("CREATE TABLE more (name TEXT PRIMARY KEY) STRICT")
        raise KeyboardInterrupt

    before = db.schema.described()
    with pytest.raises(KeyboardInterrupt):
        db.schema.build([*FIRST, ("0002_more", broken)])
    assert db.schema.described() == before


def test_steps_inside_a_transaction_go_with_it(db: Connection) -> None:
    before = db.schema.described()
    with pytest.raises(KeyboardInterrupt), db.writing():
        db.schema.build([*FIRST, ("0002_more", lambda schema: schema.carry_out("DROP TABLE counter"))])
        raise KeyboardInterrupt
    assert db.schema.described() == before


def test_a_sum_begins_anew_after_a_step_that_changed_the_columns(db: Connection) -> None:
    def wider(schema: Schema) -> None:
        schema.carry_out("ALTER TABLE t ADD COLUMN more INTEGER NOT NULL DEFAULT 1")
        schema.keep_sum("t")

    with db.writing():
        db.run_many(ADD, [(at, "a", None) for at in range(3)])
    before = db.sums()
    db.schema.build([*FIRST, ("0002_wider", wider)])
    assert db.sums() != before
    assert db.sum_matches("t")
    with db.writing():
        db.run("UPDATE t SET more = 2 WHERE number = 1")
        db.run("DELETE FROM t WHERE number = 2")
    assert db.sum_matches("t")


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (name TEXT PRIMARY KEY) STRICT",
        "CREATE INDEX t_by_word ON t (word)",
        "CREATE VIEW more AS SELECT word FROM t",
        "DROP TABLE counter",
    ],
)
def test_a_description_differs_with_every_part_of_the_schema(db: Connection, change: str) -> None:
    before = db.schema.described()
    assert db.schema.described() == before
    with db.writing():
        db.schema.carry_out(change)
    assert db.schema.described() != before


# -- upkeep -------------------------------------------------------------------------------------------


def test_a_whole_catalogue_has_no_problem_and_nothing_left_in_its_journal(db: Connection) -> None:
    with db.writing():
        db.run(ADD, (1, "a", b"b"))
    assert db.flush(1)
    assert db.check_file() == []
