"""Moving the catalogue of a store between its file and a real database: killed, refused, damaged, and whole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.engines.postgres.postgres import PostgresSchema, PostgresSession
from arlo_rec.machine import catalogue_move
from arlo_rec.store import OpenOptions, open_store
from arlo_rec.vault.backends import Row
from arlo_rec.vault.backends.sqlite import SqliteSchema
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.engines import FileLocks
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support import door, postgres
from tests.support import world as worlds
from tests.support.attack import identity
from tests.support.backups import back_up, lose, opened, with_feed
from tests.support.catalogue import catalogue, vandal
from tests.support.faults import Crash, Plan, faults
from tests.support.feed import configure
from tests.support.postgres import Postgres
from tests.support.properties import share
from tests.support.world import REASON, Result, World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres"), pytest.mark.in_a_file]
SAMPLE = 4  # deaths of each direction in the ordinary run; --prove takes all
FILES = ("catalogue.db", "catalogue.db-wal", "catalogue.db-shm", "catalogue.db-journal")


@pytest.fixture
def address(postgres_server: Postgres) -> str:
    """The address of an empty database."""
    return postgres_server.address(postgres_server.database())


@pytest.fixture
def moved(world: World, address: str) -> World:
    """A store with two calls, whose catalogue was moved to a database."""
    world.take_in("a", "b")
    move(world, address)
    return world


def move(world: World, to: str) -> int:
    """Move the catalogue; the number of rows."""
    told = world.json("catalogue", "move", "--to", to, who="sigrid")
    assert (told["to"], told["verified"], told["left"]) == (to, told["moved"], False)
    return int(told["moved"])


def refused(world: World, to: str) -> tuple[int, str]:
    return world.code("catalogue", "move", "--to", to, who="sigrid")


def is_sound(world: World) -> bool:
    assert world.run("audit", "verify", who="iver").exit == 0
    return world.json("verify", "--read-data", who="iver")["problems"] == []


def is_empty(address: str) -> bool:
    """Whether a database has no table, function or sequence of anybody's."""
    with psycopg.connect(address) as server:
        made = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        functions = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        return server.execute(f"{made} UNION {functions}").fetchall() == []


def in_folder(world: World) -> set[str]:
    return {name for name in FILES if (world.store / name).exists()}


def entries(world: World) -> list[dict[str, object]]:
    """The entries of moves."""
    shown = world.json("audit", "show", "--limit", "1000", who="iver")["entries"]
    return [each for each in shown if each["action"] == "move_catalogue"]


# -- both ways ----------------------------------------------------------------------------------------


def test_a_store_works_on_in_a_database_and_back_in_its_file(world: World, each_postgres: Postgres) -> None:
    there = each_postgres.address(each_postgres.database())
    (world.base / "mount").mkdir()
    configure(world)
    world.grant()
    ids = set(world.take_in("a", "b"))
    before = (world.store / "store.toml").read_bytes()
    assert move(world, there) > 80
    assert (in_folder(world), layout.find(world.store).catalogue_at) == (set(), there)
    assert is_sound(world)
    ids |= set(world.take_in("c", seed=5, caller="+4790000002"))
    world.grant("turid")
    assert move(world, "files") > 80
    assert (world.store / "store.toml").read_bytes() == before
    assert is_empty(there) and is_sound(world)
    ids |= set(world.take_in("d", seed=6))
    why = ("--purpose", "quality", "--reason", REASON)
    assert {call["id"] for call in world.json("find", *why, who="leif")["recordings"]} == ids
    world.json("withdraw", "90000002", "--yes", who="siri")
    assert len(opened(world)) == 3 and is_sound(world)
    move(world, there)
    back_up(world)
    lose(world)
    with_feed(world)
    assert len(opened(world)) == 3


def test_a_recording_has_a_number_that_none_had_before(moved: World) -> None:
    def numbers() -> list[int]:
        with closing(catalogue(moved)) as db:
            return [number for (number,) in db.rows("SELECT number FROM recordings ORDER BY number")]

    before = numbers()
    moved.take_in("c", seed=5)
    assert numbers() == [*before, before[-1] + 1]
    move(moved, "files")
    moved.take_in("d", seed=6)
    assert numbers() == [*before, before[-1] + 1, before[-1] + 2]


def test_every_row_is_as_it_was_but_what_the_move_counts(world: World, address: str) -> None:
    world.take_in("a")

    def rows() -> dict[str, list[Row]]:
        with closing(catalogue(world)) as db, db.reading():
            return {
                table: [row for portion in db.schema.portions(table) for row in portion]
                for table in catalogue_move.copying.TABLES
                if table not in {"meta", "entries", "checkpoints"}
            }

    before = rows()
    move(world, address)
    assert rows() == before
    move(world, "files")
    assert rows() == before


def test_the_log_tells_the_kinds_of_places_and_no_server(moved: World, address: str) -> None:
    move(moved, "files")
    there, back = (entry["detail"] for entry in entries(moved))
    assert there == {"before": "files", "after": "database"}
    assert back == {"before": "database", "after": "files"}


def test_the_catalogue_goes_from_one_database_to_another(moved: World, postgres_server: Postgres) -> None:
    before = layout.find(moved.store).catalogue_at
    after = postgres_server.address(postgres_server.database())
    move(moved, after)
    assert is_empty(before) and layout.find(moved.store).catalogue_at == after and is_sound(moved)


def test_the_place_where_it_lies_is_an_answer_and_nothing_is_logged(moved: World, address: str) -> None:
    (only,) = entries(moved)
    assert move(moved, address) == 0
    assert entries(moved) == [only]


def test_an_officer_moves_it_nowhere_through_the_door(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a")
    world.door = True
    monkeypatch.setattr(door, "_stand_still", lambda: None)
    assert refused(world, address) == (13, "not_through_door")
    world.door = False
    assert layout.find(world.store).catalogue_at == "files" and is_empty(address) and is_sound(world)


def test_one_of_two_officers_does_not_move_it_alone(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", "astrid", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=8))
    world.catch_up()
    assert refused(world, address) == (13, "move_waits")
    assert is_empty(address) and layout.find(world.store).catalogue_at == "files"
    (task,) = [task for task in world.json("todo", who="astrid")["todo"] if task["kind"] == "approve_move"]
    world.json("approve", task["id"], who="astrid")
    assert move(world, address) > 80
    (entry,) = entries(world)
    assert entry["detail"] == {"before": "files", "after": "database", "request": task["id"]}
    assert refused(world, "files") == (13, "move_waits")


# -- alone --------------------------------------------------------------------------------------------


def test_it_waits_for_whoever_has_the_store_open_and_then_changes_nothing(world: World, address: str) -> None:
    world.setting("lock_wait_s = 0")
    before = (world.store / "store.toml").read_bytes()
    who = identity(world, "iver")
    options = OpenOptions(command="status")
    with open_store(layout.find(world.store), who, datetime.now(UTC), StateFolder(None), options):
        assert refused(world, address) == (11, "in_use")
    assert (world.store / "store.toml").read_bytes() == before and is_empty(address)


@pytest.mark.parametrize("kind", [PostgresSchema, SqliteSchema])
def test_others_are_told_who_moves_it_and_then_find_it_at_the_new_place(
    moved: World, address: str, monkeypatch: pytest.MonkeyPatch, kind: type
) -> None:
    if kind is PostgresSchema:
        move(moved, "files")
    moved.setting("lock_wait_s = 0")
    told = list[Result]()
    fill = kind.fill  # type: ignore[attr-defined]

    def meanwhile(schema: object, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if table == "recordings":
            told.append(moved.run("status", who="iver"))
        fill(schema, table, columns, rows)

    monkeypatch.setattr(kind, "fill", meanwhile)
    before = layout.find(moved.store)
    move(moved, address if kind is PostgresSchema else "files")
    assert [result.exit for result in told] == [11]
    assert "sigrid" in told[0].err and "catalogue move" in told[0].err
    who = identity(moved, "iver")
    with open_store(before, who, datetime.now(UTC), StateFolder(None)) as store:
        assert store.layout.catalogue_at != before.catalogue_at


def test_whoever_waited_takes_the_locks_of_the_new_place(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store of several hosts has its locks in the database; here as if its root secret lay in OpenBao."""
    monkeypatch.setattr(layout.Layout, "is_shared", property(lambda place: place.catalogue_at != layout.FILES))
    world.setting("lock_wait_s = 0")
    who, at_home = identity(world, "iver"), layout.find(world.store)
    move(world, address)
    away = layout.find(world.store)
    with open_store(at_home, who, datetime.now(UTC), StateFolder(None)) as store:
        assert isinstance(store.locks, PostgresSession)
        assert refused(world, "files") == (11, "in_use")
    move(world, "files")
    with open_store(away, who, datetime.now(UTC), StateFolder(None)) as store:
        assert isinstance(store.locks, FileLocks)
        assert refused(world, address) == (11, "in_use")
    assert is_sound(world)


# -- refused ------------------------------------------------------------------------------------------


def test_a_database_with_tables_of_somebody_is_left_as_it_is(world: World, address: str) -> None:
    with psycopg.connect(address, autocommit=True) as other:
        other.execute("CREATE TABLE meta (theirs int); INSERT INTO meta VALUES (7)")
        assert refused(world, address) == (2, "database_taken")
        assert other.execute("SELECT theirs FROM meta").fetchall() == [(7,)]
    assert is_sound(world)


def test_a_database_of_another_store_is_left_as_it_is(
    moved: World, address: str, template: World, tmp_path: Path
) -> None:
    other = worlds.copy(template, tmp_path / "other")
    assert refused(other, address) == (2, "database_taken")
    assert is_sound(moved) and is_sound(other)


def test_a_live_catalogue_is_not_taken_by_a_copy_of_the_store(world: World, address: str, tmp_path: Path) -> None:
    twin = worlds.copy(world, tmp_path / "twin")
    move(world, address)
    assert refused(twin, address) == (2, "database_taken")
    assert is_sound(world) and is_sound(twin)


def test_a_server_that_does_not_answer_is_16_and_a_file_in_the_way_2(moved: World) -> None:
    before = (moved.store / "store.toml").read_bytes()
    assert refused(moved, "postgres://x@%2Fnowhere/x") == (16, "database_unreachable")
    (moved.store / "catalogue.db").write_bytes(b"somebody's")
    assert refused(moved, "files") == (2, "already_exists")
    assert (moved.store / "store.toml").read_bytes() == before
    assert (moved.store / "catalogue.db").read_bytes() == b"somebody's"


def test_without_room_for_the_file_nothing_is_begun(moved: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (moved.store / "store.toml").read_bytes()
    whole = layout.has_room
    monkeypatch.setattr(layout, "has_room", lambda place, more=0: whole(place, more and 2**60))
    assert refused(moved, "files") == (16, "no_space")
    assert (moved.store / "store.toml").read_bytes() == before


def test_a_role_that_owns_no_table_cannot_take_the_catalogue_away(moved: World, address: str) -> None:
    with psycopg.connect(address, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS mover")
        owner.execute("CREATE ROLE mover LOGIN")
        owner.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO mover")
    file = moved.store / "store.toml"
    file.write_text(file.read_text("utf-8").replace("postgres@", "mover@"), "utf-8")
    assert refused(moved, "files") == (16, "database_takes_owner")
    assert not in_folder(moved)
    file.write_text(file.read_text("utf-8").replace("mover@", "postgres@"), "utf-8")
    move(moved, "files")
    with psycopg.connect(address, autocommit=True) as owner:
        owner.execute("DROP OWNED BY mover; DROP ROLE mover")


def test_a_role_that_may_make_no_table_is_refused_by_the_server(world: World, address: str) -> None:
    with psycopg.connect(address, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS maker; CREATE ROLE maker LOGIN")
    assert refused(world, address.replace("postgres@", "maker@")) == (16, "database_refuses")
    assert is_sound(world) and layout.find(world.store).catalogue_to is None
    with psycopg.connect(address, autocommit=True) as owner:
        owner.execute("DROP ROLE maker")


# -- damage -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [PostgresSchema, SqliteSchema])
@pytest.mark.parametrize("harm", ["changed", "lost", "doubled"])
def test_rows_that_are_damaged_on_their_way_are_not_taken(
    moved: World, address: str, monkeypatch: pytest.MonkeyPatch, kind: type, harm: str
) -> None:
    if kind is PostgresSchema:
        move(moved, "files")
    here = layout.find(moved.store).catalogue_at
    fill = kind.fill  # type: ignore[attr-defined]

    def harmed(schema: object, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if table == "shares":
            last = (rows[-1][0], rows[-1][1], bytes(60))
            rows = {"changed": [*rows[:-1], last], "lost": rows[:-1], "doubled": [*rows, (bytes(16), *last[1:])]}[harm]
        fill(schema, table, columns, rows)

    to = address if kind is PostgresSchema else "files"
    with monkeypatch.context() as patched:
        patched.setattr(kind, "fill", harmed)
        assert refused(moved, to) == (15, "catalogue_damaged")
    now = layout.find(moved.store)
    assert (now.catalogue_at, now.catalogue_to) == (here, None)
    assert not in_folder(moved) if to == "files" else is_empty(address)
    assert is_sound(moved)
    assert move(moved, to)
    assert is_sound(moved)


def test_rows_that_somebody_changed_before_are_not_moved_to_where_their_sums_are_right(
    moved: World,
) -> None:
    with vandal(moved) as db:
        assert db.changed("UPDATE recordings SET team = 'salg'") == 2
    assert refused(moved, "files") == (15, "catalogue_damaged")
    assert not in_folder(moved)
    assert moved.code("verify", "--read-data", who="iver") == (15, "problems_found")


def test_a_trigger_of_somebody_s_is_not_moved(moved: World, address: str) -> None:
    with psycopg.connect(address, autocommit=True) as other:
        other.execute("CREATE RULE kept AS ON DELETE TO tombstones DO INSTEAD NOTHING")
    assert refused(moved, "files") == (15, "schema_changed")


# -- cut off ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["database", "files"])
def test_a_death_at_any_write_leaves_a_store_that_opens_and_a_move_that_goes_on(
    world: World, postgres_server: Postgres, tmp_path: Path, whole: bool, to: str
) -> None:
    world.take_in("a", "b")
    if to == "files":
        move(world, postgres_server.address(postgres_server.database()))
    entered = len(entries(world))
    with faults(Plan()) as counted:
        _moved_copy(world, postgres_server, tmp_path / "counted", to)
    points = [(at, after) for at in range(1, counted.count + 1) for after in (False, True)]
    last = [(at, after) for at, after in points if at > counted.count - 8]  # from the naming on
    chosen = points if whole else {*random.Random(1).sample(points, share(SAMPLE)), *random.Random(2).sample(last, 3)}
    for number, (at, after) in enumerate(sorted(chosen)):
        plan = Plan(at, after=after)
        with faults(plan), pytest.raises(Crash):
            _moved_copy(world, postgres_server, tmp_path / str(number), to)
        died = World(tmp_path / str(number))
        assert died.run("status", who="iver").exit in (0, 3), str(plan)
        assert died.json("verify", who="iver")["problems"] == [], str(plan)
        died.take_in("after", seed=9)
        place = layout.find(died.store)
        going_to = place.catalogue_to or place.catalogue_at
        if going_to == layout.find(world.store).catalogue_at:  # it died before its first write
            going_to = _free(postgres_server, to)
        move(died, going_to)
        assert is_sound(died), str(plan)
        most = 2 if at > counted.count - 4 else 1  # the entry is there, and the last write is not
        assert entered + 1 <= len(entries(died)) <= entered + most, str(plan)
        _is_alone(died, place)
        postgres.drop(died.store)


@pytest.mark.parametrize("to", ["database", "files"])
def test_a_write_that_fails_ends_the_move_and_the_catalogue_lies_at_one_place_or_at_the_other(
    world: World, postgres_server: Postgres, tmp_path: Path, whole: bool, to: str
) -> None:
    world.take_in("a")
    if to == "files":
        move(world, postgres_server.address(postgres_server.database()))
    with faults(Plan()) as counted:
        _moved_copy(world, postgres_server, tmp_path / "counted", to)
    points = [(at, after) for at in range(1, counted.count + 1) for after in (False, True)]
    for number, (at, after) in enumerate(points if whole else random.Random(3).sample(points, share(SAMPLE))):
        copied, plan = worlds.copy(world, tmp_path / str(number)), Plan(at, after=after, fails=True)
        here, place = layout.find(copied.store), _free(postgres_server, to)
        with faults(plan):
            assert refused(copied, place) in {(16, "disk_failed"), (0, "")}, str(plan)
        now = layout.find(copied.store)
        assert copied.json("verify", who="iver")["problems"] == [], str(plan)
        if now.catalogue_at == here.catalogue_at and now.catalogue_to is None:
            assert not in_folder(copied) if to == "files" else is_empty(place), str(plan)
        move(copied, place)
        assert is_sound(copied), str(plan)
        _is_alone(copied, here)
        postgres.drop(copied.store)


def _free(server: Postgres, to: str) -> str:
    return server.address(server.database()) if to == "database" else to


def _moved_copy(world: World, server: Postgres, base: Path, to: str) -> None:
    copied = worlds.copy(world, base)
    assert copied.run("catalogue", "move", "--to", _free(server, to), who="sigrid").exit == 0


def _is_alone(world: World, before: layout.Layout) -> None:
    """Nothing is left at any place but the one that counts."""
    now = layout.find(world.store)
    assert now.catalogue_to is now.catalogue_from is None
    for at in {before.catalogue_at, before.catalogue_to, before.catalogue_from} - {None, now.catalogue_at}:
        assert not in_folder(world) if at == layout.FILES else is_empty(str(at))


@pytest.fixture
def half(world: World, address: str) -> World:
    """A store whose move to a database died in the middle of the rows."""
    world.take_in("a")
    with faults(Plan(20)), pytest.raises(Crash):
        world.run("catalogue", "move", "--to", address, who="sigrid")
    assert not is_empty(address)
    return world


def test_a_move_that_died_is_said_by_status_and_done_before_another(half: World, address: str) -> None:
    findings = half.json("status", who="iver")["findings"]
    (said,) = [each for each in findings if each["code"] == "catalogue_move_unfinished"]
    assert address in half.run("status", "--lang", "nb", who="iver").out
    assert said["severity"] == "warning"
    other = address.rpartition("/")[0] + "/other"
    assert refused(half, other) == (2, "catalogue_move_unfinished")
    assert move(half, address) and is_sound(half)


def test_a_move_that_died_can_be_given_up(half: World, address: str) -> None:
    assert move(half, "files") == 0
    assert is_empty(address) and is_sound(half) and entries(half) == []
    assert b"format = 3" in (half.store / "store.toml").read_bytes()


def test_tables_that_came_where_a_move_died_are_left_as_they_are(half: World, address: str) -> None:
    with psycopg.connect(address, autocommit=True) as other:
        other.execute("UPDATE marks_of_key SET mark = '\\x00'")
    assert refused(half, address) == (2, "database_taken")
    told = half.run("catalogue", "move", "--to", "files", "--json", who="sigrid")
    assert (told.exit, told.json["left"]) == (3, True)
    assert not is_empty(address) and is_sound(half)


@pytest.fixture
def named(world: World, address: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """A store whose catalogue lies in a database, and whose move died before the file was removed."""
    world.take_in("a")

    def dies(*_values: object, **_named: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(catalogue_move, "finish", dies)
        with suppress(Crash):
            world.run("catalogue", "move", "--to", address, who="sigrid")
    assert layout.find(world.store).catalogue_at == address and in_folder(world)
    return world


def test_a_move_that_died_behind_its_naming_is_done_before_the_way_back(named: World, address: str) -> None:
    named.take_in("b", seed=5)
    assert refused(named, "files") == (2, "catalogue_move_unfinished")
    assert move(named, address) == 0
    assert not in_folder(named) and len(entries(named)) == 1 and is_sound(named)
    assert move(named, "files") and is_empty(address) and is_sound(named)


def test_the_old_catalogue_is_opened_no_more(moved: World, world: World, address: str, tmp_path: Path) -> None:
    """Somebody kept the file, or tables, of before the move, and names them in `store.toml` again."""
    twin = worlds.copy(moved, tmp_path / "twin")
    move(moved, "files")
    (moved.store / "store.toml").write_bytes((twin.store / "store.toml").read_bytes())
    assert moved.code("status", who="iver")[0] == 15
    postgres.drop(twin.store)


def test_a_file_that_was_kept_is_opened_no_more(world: World, address: str) -> None:
    world.take_in("a")
    kept = {name: (world.store / name).read_bytes() for name in (*in_folder(world), "store.toml")}
    move(world, address)
    for name, content in kept.items():
        (world.store / name).write_bytes(content)
    assert world.code("status", who="iver")[0] == 15


def test_tables_that_the_new_key_does_not_open_are_left_and_said(moved: World, address: str) -> None:
    """A person was removed, and the catalogue re-keyed, before the move that died was finished."""
    file = moved.store / "store.toml"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(catalogue_move, "finish", lambda *_values: (_ for _ in ()).throw(Crash))
        with suppress(Crash):
            moved.run("catalogue", "move", "--to", "files", who="sigrid")
    assert "catalogue_from" in file.read_text("utf-8")
    moved.json("person", "remove", "turid", "--yes", who="sigrid")
    moved.json("status", who="sigrid")
    told = moved.run("catalogue", "move", "--to", "files", "--lang", "nb", who="sigrid")
    assert told.exit == 3 and "Slett dem" in told.out
    assert not is_empty(address) and "catalogue_from" not in file.read_text("utf-8") and is_sound(moved)


@pytest.mark.parametrize("line", ['catalogue_to = "s3://x"', "catalogue_from = 7", 'catalogue_to = ""'])
def test_a_place_that_is_none_in_the_store_file_is_damage(world: World, line: str) -> None:
    path = world.store / "store.toml"
    path.write_text(path.read_text("utf-8") + line + "\n", "utf-8")
    assert world.code("status", who="iver") == (15, "store_file_damaged")
