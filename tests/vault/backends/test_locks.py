"""The locks of a store's runs: files where one machine opens the store, sessions of a database where several do."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest

from arlo_rec.engines.postgres import postgres
from arlo_rec.engines.postgres.postgres import DEAD, PostgresConnection, PostgresSession
from arlo_rec.law.model.errors import InUse, Unreachable
from arlo_rec.vault.backends import LOCKS, Locks, holders
from arlo_rec.vault.keys.engines import FileLocks
from arlo_rec.vault.keys.layout import Layout
from arlo_rec.vault.opened import LOCK_WAIT
from tests.support.engines import KEY, first_tables
from tests.support.postgres import Postgres

Run = Callable[[], Locks]
ON_SERVER = pytest.param("session", marks=[pytest.mark.slow, pytest.mark.xdist_group("postgres")])


@pytest.fixture(params=["files", ON_SERVER])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    """Another run of the same store each time."""
    with ExitStack() as stack:
        if request.param == "files":
            for name in LOCKS:
                (tmp_path / f"{name}.lock").touch()
            yield lambda: FileLocks(Layout(tmp_path, tmp_path, b""))
            return
        server: Postgres = request.getfixturevalue("postgres_server")
        address = server.address(server.database())
        yield lambda: stack.enter_context(closing(PostgresSession(address)))


def taken(locks: Locks, name: str, *, exclusive: bool) -> AbstractContextManager[None]:
    return locks.lock(name, exclusive=exclusive, wait=0)


def is_free(locks: Locks, name: str, *, exclusive: bool) -> bool:
    try:
        with taken(locks, name, exclusive=exclusive):
            return True
    except InUse:
        return False


@pytest.mark.parametrize("name", LOCKS)
def test_an_exclusive_lock_is_of_one_run_and_a_shared_one_of_many(run: Run, name: str) -> None:
    one, other = run(), run()
    with taken(one, name, exclusive=True):
        assert not is_free(other, name, exclusive=True)
        assert not is_free(other, name, exclusive=False)
    with taken(one, name, exclusive=False):
        assert not is_free(other, name, exclusive=True)
        assert is_free(other, name, exclusive=False)
    assert is_free(other, name, exclusive=True)


def test_locks_of_different_names_do_not_meet(run: Run) -> None:
    one, other = run(), run()
    with ExitStack() as stack:
        for number, name in enumerate(LOCKS):
            stack.enter_context(taken(one if number % 2 else other, name, exclusive=True))


def test_a_run_takes_a_lock_that_it_holds_again_only_if_both_are_shared(run: Run) -> None:
    """An intake holds its lock, and must not be taken for a killed one by its own withdrawals."""
    own, other = run(), run()
    with taken(own, "intake", exclusive=True):
        assert not is_free(own, "intake", exclusive=True)
        assert not is_free(own, "intake", exclusive=False)
    with taken(own, "intake", exclusive=False):
        assert not is_free(own, "intake", exclusive=True)
        assert is_free(own, "intake", exclusive=False)
        assert not is_free(other, "intake", exclusive=True), "the outer one is still held"
    assert is_free(other, "intake", exclusive=True)


def test_an_error_inside_releases_the_lock(run: Run) -> None:
    own, other = run(), run()
    with pytest.raises(RuntimeError), taken(own, "root", exclusive=True):
        raise RuntimeError
    assert is_free(other, "root", exclusive=True)


def _hold(run: Run, told: Pipe) -> None:
    with run().lock("root", exclusive=True, wait=0):
        told.send("held")
        signal.pause()


def test_a_killed_run_holds_nothing(run: Run) -> None:
    ours, theirs = get_context("fork").Pipe()
    process = get_context("fork").Process(target=_hold, args=(run, theirs), daemon=True)
    process.start()
    assert ours.recv() == "held"
    other = run()
    assert not is_free(other, "root", exclusive=True)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with other.lock("root", exclusive=True, wait=10):
        pass


def test_the_locks_of_a_dead_host_end_before_a_command_stops_waiting_for_them() -> None:
    assert DEAD < LOCK_WAIT


@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_a_lock_that_was_lost_is_one_of_a_session_that_commits_nothing_more(postgres_server: Postgres) -> None:
    address = postgres_server.address(postgres_server.database())
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'INSERT%';"
    with closing(PostgresSession(address)) as lost, closing(PostgresConnection(address, KEY, session=lost)) as db:
        db.schema.build([("one", first_tables)])
        with taken(lost, "root", exclusive=True), pytest.raises(Unreachable), db.writing():
            db.changed("INSERT INTO t (word) VALUES ('lost')")
            postgres_server.psql(kill)
            with closing(PostgresSession(address)) as other, other.lock("root", exclusive=True, wait=10):
                pass
    with closing(PostgresConnection(address, KEY)) as again:
        assert again.rows("SELECT word FROM t") == []


@pytest.mark.parametrize(
    ("held", "wanted"),
    [(False, True), (True, True), (True, False)],
    ids=["a reader, for an erasure", "an erasure, for another", "an erasure, for a reader"],
)
@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_a_session_that_stands_still_with_a_lock_is_ended_by_the_server(
    postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch, held: bool, wanted: bool
) -> None:
    impatient(monkeypatch)
    address = postgres_server.address(postgres_server.database())
    still, other = PostgresSession(address), PostgresSession(address)
    with closing(still), closing(other), pytest.raises(Unreachable), still.lock("root", exclusive=held, wait=0):
        other.lock("root", exclusive=wanted, wait=20).__enter__()
        PostgresConnection(address, KEY, session=still)


@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_a_writer_that_stands_still_is_ended_by_the_next(
    postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    monkeypatch.setattr(postgres, "_SETTINGS", (*postgres._SETTINGS, "lock_timeout=400"))
    address = postgres_server.address(postgres_server.database())
    with closing(PostgresConnection(address, KEY)) as still, closing(PostgresConnection(address, KEY)) as other:
        still.schema.build([("one", first_tables)])
        with pytest.raises(Unreachable), still.writing():
            still.changed("INSERT INTO t (word) VALUES ('still')")
            still.rows("SELECT 1")
            with other.writing():
                other.changed("INSERT INTO t (word) VALUES ('goes on')")
        assert other.rows("SELECT word FROM t") == [("goes on",)]


@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_readers_wait_behind_an_erasure_that_waits_for_the_root_on_any_host(postgres_server: Postgres) -> None:
    address = postgres_server.address(postgres_server.database())
    came = list[str]()
    with ExitStack() as stack:
        first, erasing, later = (stack.enter_context(closing(PostgresSession(address))) for _ in range(3))

        def erase() -> None:
            with erasing.lock("root", exclusive=True, wait=20):
                came.append("erasure")

        with first.lock("root", exclusive=False, wait=0):
            waiting = threading.Thread(target=erase)
            waiting.start()
            while is_free(later, "root", exclusive=False):
                time.sleep(0.01)
            with first.lock("root", exclusive=False, wait=0):  # who has it gets it again
                assert came == []
        with later.lock("root", exclusive=False, wait=20):
            came.append("reader")
        waiting.join(20)
    assert came == ["erasure", "reader"]


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """All sessions are old, and stand still soon."""
    monkeypatch.setattr(holders, "LOOK_EVERY", 0.05)
    for constant, value in (("YOUNG", 0.0), ("STILL", 0.2)):
        monkeypatch.setattr(postgres, constant, value)
