"""The catalogue of an earlier version becomes that of a newer program: whole or not at all, and never back."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.__main__ import _run
from arlo_rec.engines.postgres.postgres import PostgresConnection
from arlo_rec.vault.backends import Schema
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue import schema
from arlo_rec.vault.keys import layout
from tests.support import postgres
from tests.support import world as worlds
from tests.support.backups import back_up, is_whole, lose, places, restore
from tests.support.catalogue import catalogue
from tests.support.engines import KEY
from tests.support.faults import Crash, Plan, faults
from tests.support.newer import NEXT, Programs, digest_of_newer, step
from tests.support.places import TOP
from tests.support.postgres import Postgres
from tests.support.world import REASON, World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def digests(request: pytest.FixtureRequest) -> schema.Digests:
    """Those of what the steps of the newer program make; of the other engine only where worlds lie in it."""
    there = b""
    if request.config.getoption("--engine") is not None:
        server: Postgres = request.getfixturevalue("postgres_server")
        there = digest_of_newer(PostgresConnection(server.address(server.database()), KEY))
    return schema.Digests(digest_of_newer(SqliteConnection(None, KEY)), there)


@pytest.fixture
def programs(digests: schema.Digests) -> Programs:
    return Programs(digests)


@pytest.fixture
def old(fed: World) -> World:
    """A store of the program of now, with a call, a refusal and a withdrawal."""
    fed.take_in("a", "b")
    fed.deliver("no", consent={"key": None}, caller="+4790000007")
    fed.run("ingest", str(fed.spool), who="telefon")
    fed.json("withdraw", "90000002", "--yes", who="siri")
    return fed


@pytest.fixture
def newer(programs: Programs) -> Iterator[None]:
    """The newer program, from here on."""
    with pytest.MonkeyPatch.context() as patch:
        programs.newer(patch)
        yield


def version(world: World) -> int:
    db = catalogue(world)
    (number,) = db.rows("SELECT number FROM meta WHERE key = 'schema'")[0]
    db.close()
    return int(number)


def upgrades(world: World) -> list[dict[str, Any]]:
    entries = world.json("audit", "show", "--action", "upgrade", who="iver")["entries"]
    return [entry["detail"] for entry in entries]


@pytest.mark.parametrize(
    ("words", "who"),
    [
        (("status",), "iver"),
        (("purge",), "cron"),
        (("withdraw", "90000001", "--yes"), "siri"),
        (("verify", "--read-data"), "iver"),
    ],
)
def test_the_first_command_of_a_newer_program_upgrades_and_does_its_work(
    old: World, newer: None, words: tuple[str, ...], who: str
) -> None:
    assert old.run(*words, "--json", who=who).exit in (0, 3)
    assert version(old) == NEXT
    copied = postgres.address_of(old.store) is None
    assert upgrades(old) == [{"before": NEXT - 1, "after": NEXT, "needs": "0.2.0", "copied": copied}]
    is_whole(old)
    db = catalogue(old)
    assert db.rows("SELECT times FROM refusals") == [(2,)]
    assert all(db.sum_matches(table) for table in ("refusals", "marks", "meta"))
    db.close()


def test_an_older_program_is_refused_with_the_version_that_is_needed(old: World, programs: Programs) -> None:
    with pytest.MonkeyPatch.context() as patch:
        programs.newer(patch)
        assert old.run("status", who="iver").exit in (0, 3)
    for words, who in ((("status",), "iver"), (("withdraw", "90000001", "--yes"), "siri"), (("upgrade",), "sigrid")):
        ran = old.run(*words, "--json", who=who)
        assert (ran.exit, ran.json["error"]["code"]) == (16, "store_too_new")
        assert "arlo-rec 0.2.0 or newer" in ran.json["error"]["message"]
    assert version(old) == NEXT


def test_a_store_of_a_newer_form_says_which_version_it_needs(old: World) -> None:
    file = old.store / "store.toml"
    text = file.read_text("utf-8")
    assert 'needs = "0.1.0"' in text
    newer_text = re.sub(r"^format = \d$", f"format = {layout.IN_DATABASE + 1}", text, flags=re.MULTILINE)
    file.write_text(newer_text.replace('"0.1.0"', '"0.9.0"'), "utf-8")
    ran = old.run("status", "--json", who="iver")
    assert (ran.exit, ran.json["error"]["code"]) == (16, "store_too_new")
    assert "arlo-rec 0.9.0 or newer" in ran.json["error"]["message"]


def test_an_upgrade_is_tried_and_undone(old: World, newer: None) -> None:
    tried = old.json("upgrade", "--dry-run", who="cron")
    assert (tried["before"], tried["after"], tried["needs"], tried["upgraded"]) == (NEXT - 1, NEXT, "0.2.0", False)
    assert version(old) == NEXT - 1 and not list(old.store.glob("catalogue-*"))
    done = old.json("upgrade", who="cron")
    assert (done["before"], done["upgraded"], version(old)) == (NEXT - 1, True, NEXT)
    again = old.json("upgrade", who="cron")
    assert (again["before"], again["upgraded"], len(upgrades(old))) == (NEXT, False, 1)


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_write_leaves_the_old_catalogue_or_the_new_one(
    old: World, newer: None, tmp_path_factory: pytest.TempPathFactory, after: bool
) -> None:
    with faults(Plan()) as counted:
        trial = worlds.copy(old, tmp_path_factory.mktemp("trial"))
        assert trial.run("status", who="iver").exit in (0, 3)
    for at in range(1, counted.count + 1):
        world = worlds.copy(old, tmp_path_factory.mktemp("crash"))
        plan = Plan(at, after=after)
        with faults(plan), pytest.raises(Crash):
            world.run("status", who="iver")
        assert version(world) in (NEXT - 1, NEXT), str(plan)
        assert world.run("withdraw", "90000001", "--yes", "--json", who="siri").exit == 0, str(plan)
        assert (version(world), len(upgrades(world))) == (NEXT, 1), str(plan)


def stopped_in_the_middle(words: list[str]) -> None:
    """Run a command of the newer program, which says when its step is done, and waits before anything is committed."""

    def waits(changed: Schema) -> None:
        step(changed)
        sys.stdout.write("in the middle\n")
        sys.stdout.flush()
        sys.stdin.read()

    with pytest.MonkeyPatch.context() as patch:
        Programs(schema.Digests(b"", b"")).newer(patch)
        patch.setattr(schema, "STEPS", (schema.STEPS[0], schema.Step("0002_marks", waits)))
        _run(words)


def test_a_kill_in_the_middle_leaves_the_old_catalogue_and_the_next_command_upgrades(
    old: World, programs: Programs
) -> None:
    code = "import sys; from tests.vault.test_upgrade import stopped_in_the_middle as run; run(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "status", *old._who("iver")],
        env={**os.environ, **old._environment(), "PYTHONPATH": str(TOP)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == "in the middle\n"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.stdin.close()
    process.stdout.close()
    assert version(old) == NEXT - 1
    is_whole(old)
    with pytest.MonkeyPatch.context() as patch:
        programs.newer(patch)
        assert old.run("purge", who="cron").exit == 0
        assert (version(old), len(upgrades(old))) == (NEXT, 1)
        is_whole(old)


def test_a_step_that_fails_leaves_the_store_to_the_older_program(old: World, programs: Programs) -> None:
    def broken(changed: Schema) -> None:
        step(changed)
        changed.carry_out("CREATE TABLE more (name TEXT)")  # what DIGESTS does not know

    with pytest.MonkeyPatch.context() as patch:
        programs.newer(patch)
        patch.setattr(schema, "STEPS", (schema.STEPS[0], schema.Step("0002_marks", broken)))
        assert old.code("status", who="iver") == (15, "schema_changed")
    assert version(old) == NEXT - 1
    is_whole(old)


@pytest.mark.in_a_file
def test_a_rolled_back_store_is_not_upgraded(old: World, programs: Programs) -> None:
    before = (old.store / "catalogue.db").read_bytes()
    old.json("withdraw", "90000001", "--yes", who="siri")
    for ending in ("-wal", "-shm"):
        (old.store / f"catalogue.db{ending}").unlink(missing_ok=True)
    (old.store / "catalogue.db").write_bytes(before)
    with pytest.MonkeyPatch.context() as patch:
        programs.newer(patch)
        assert old.run("status", who="iver").exit == 15
        assert old.run("upgrade", who="iver").exit == 15
    assert version(old) == NEXT - 1


@pytest.mark.in_a_file
def test_a_changed_schema_is_not_upgraded(old: World, newer: None) -> None:
    db = catalogue(old)
    with db.writing():
        db.run("CREATE TRIGGER foreign_one AFTER INSERT ON refusals BEGIN SELECT 1; END")
    db.close()
    assert old.code("status", who="iver") == (15, "schema_changed")
    assert version(old) == NEXT - 1


@pytest.mark.in_a_file
def test_the_copy_of_the_old_catalogue_goes_after_a_day(old: World, newer: None) -> None:
    assert old.run("purge", who="cron").exit == 0
    copy = layout.find(old.store).catalogue_before(NEXT - 1)
    assert copy.stat().st_mode & 0o777 == 0o600
    opened = SqliteConnection(copy, _key(old))
    assert opened.rows("SELECT number FROM meta WHERE key = 'schema'") == [(NEXT - 1,)]
    opened.close()
    yesterday = (datetime.now(UTC) - timedelta(hours=25)).timestamp()
    os.utime(copy, (yesterday, yesterday))
    assert old.run("purge", who="cron").exit == 0
    assert not list(old.store.glob("catalogue-*"))


def _key(world: World) -> bytes:
    from arlo_rec.vault.keys.key_files import catalogue_key, read_catalogue_seal
    from tests.support.attack import identity

    (seed,) = read_catalogue_seal(layout.find(world.store), identity(world, "iver"))
    return catalogue_key(seed)


def test_a_backup_of_the_older_program_is_restored_by_the_newer_one(old: World, programs: Programs) -> None:
    held = old.json("status", who="iver")["held"]
    back_up(old)
    lose(old)
    with pytest.MonkeyPatch.context() as patch:
        programs.newer(patch)
        told = restore(old, "--feed", str(old.base / "mount" / "feed.jsonl"))
        assert (told.exit, told.json["held"]) == (0, held), told
        assert version(old) == NEXT
        is_whole(old)
        old.grant()
        assert old.run("find", "--purpose", "quality", "--reason", REASON, who="leif").exit == 0


def test_a_backup_of_a_newer_program_is_refused_by_the_older_one(old: World, programs: Programs) -> None:
    with pytest.MonkeyPatch.context() as patch:
        programs.newer(patch)
        back_up(old)
    folder, ring = places(old)
    target = Path(old.base / "elsewhere")
    words = ("restore", str(folder), "--escrow", str(ring), "--yes", "--store", str(target), "--json")
    ran = old.run(*words, who="sigrid")
    assert (ran.exit, ran.json["error"]["code"]) == (16, "store_too_new")
    assert not target.exists()
