"""A run that stands still with a lock that others wait for is ended; one that works, or is young, is not."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.engines import objects
from arlo_rec.law.model.errors import InUse
from arlo_rec.vault.backends import files, holders, sqlite
from arlo_rec.vault.backends.files import FileRoot
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.keys.layout import Layout, patience
from tests.support import needs
from tests.support.disks import mounted_image
from tests.support.other_runs import HOLDS, STANDS, other_run

KEY = bytes(32)
IN_CATALOGUE = (
    "db = SqliteConnection(place / 'c.db', bytes(32)); held = db.{kind}(); held.__enter__(); db.rows('SELECT * FROM t')"
)
WORKS = "\nwhile True: pass"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    FileRoot.create(tmp_path)
    with closing(SqliteConnection(tmp_path / "c.db", KEY)) as db, db.writing():
        db.run("CREATE TABLE t (x INTEGER)")
    return tmp_path


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """All runs are old, and stand still soon."""
    needs.demand(needs.linux())
    monkeypatch.setattr(holders, "YOUNG", 0.0)
    monkeypatch.setattr(holders, "LOOK_EVERY", 0.05)
    for module, name in ((files, "STILL"), (files, "STILL_FOR_ERASURE"), (sqlite, "STILL_FOR_ERASURE")):
        monkeypatch.setattr(module, name, 0.3)


def erases(place: Path, wait: float = 20) -> None:
    with FileRoot(place).lock(exclusive=True, wait=wait):
        pass


def reads(place: Path, wait: float = 20) -> None:
    with FileRoot(place).lock(exclusive=False, wait=wait):
        pass


def writes(place: Path) -> None:
    with closing(SqliteConnection(place / "c.db", KEY)) as db, db.writing():
        db.run("INSERT INTO t VALUES (1)")


def flushes(place: Path) -> None:
    with closing(SqliteConnection(place / "c.db", KEY)) as db:
        with db.writing():
            db.run("INSERT INTO t VALUES (1)")
        assert db.flush(20)


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (HOLDS.format(exclusive=False), erases),
        (HOLDS.format(exclusive=True), erases),
        (HOLDS.format(exclusive=True), reads),
        (IN_CATALOGUE.format(kind="writing"), writes),
        (IN_CATALOGUE.format(kind="reading"), flushes),
    ],
    ids=["a reader of the root", "an erasure, for another", "an erasure, for a reader", "a writer", "a view"],
)
def test_a_run_that_was_stopped_with_a_lock_is_ended_by_one_that_waits(
    place: Path, held: str, wanted: Callable[[Path], None]
) -> None:
    with other_run(place, held, STANDS) as stopped:
        stopped.send_signal(signal.SIGSTOP)
        wanted(place)
        assert stopped.wait(5) == -signal.SIGKILL


def test_what_a_stopped_run_started_ends_with_it(place: Path) -> None:
    with other_run(place, f"{HOLDS.format(exclusive=False)}; import os; os.fork()", STANDS) as stopped:
        (child,) = Path(f"/proc/{stopped.pid}/task/{stopped.pid}/children").read_text().split()
        for pid in (stopped.pid, int(child)):
            os.kill(pid, signal.SIGSTOP)
        erases(place)
        assert stopped.wait(5) == -signal.SIGKILL


@pytest.mark.parametrize("held", [HOLDS.format(exclusive=False), HOLDS.format(exclusive=True)])
def test_a_run_that_works_keeps_its_lock(place: Path, held: str) -> None:
    with other_run(place, held, WORKS) as working:
        with pytest.raises(InUse):
            erases(place, 0.8)
        assert working.poll() is None


def test_a_run_whose_child_works_keeps_its_lock(place: Path) -> None:
    forks = f"{HOLDS.format(exclusive=True)}; import os, time; child = os.fork()"
    with other_run(place, forks, "exec('while not child: pass'); time.sleep(600)") as waiting:
        with pytest.raises(InUse):
            reads(place, 0.8)
        assert waiting.poll() is None
        (child,) = Path(f"/proc/{waiting.pid}/task/{waiting.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)


@pytest.mark.parametrize("begins", ["child = 0", "child = os.fork()"], ids=["itself", "its parent"])
def test_a_run_ends_neither_itself_nor_what_it_comes_from(place: Path, begins: str) -> None:
    """It waits for a lock that it or its parent has, and no work of either counts."""
    soon = "from arlo_rec.vault.backends import files, holders; holders.YOUNG = 0.0; files.STILL_FOR_ERASURE = 0.2"
    soon += "; holders.LOOK_EVERY = 0.05; holders._Processes.work = lambda self, pid: 0"
    waits = "FileRoot(place).lock(exclusive=True, wait=1.0).__enter__()"
    then = f"import os; {begins}; os.waitpid(child, 0) if child else {waits}"
    with other_run(place, f"{soon}; {HOLDS.format(exclusive=False)}", then, stderr=subprocess.PIPE) as waiting:
        _, said = waiting.communicate(timeout=20)
    assert b"InUse" in said and waiting.returncode == (0 if "fork" in begins else 1)


def test_a_run_that_waits_for_a_disk_keeps_its_lock(place: Path) -> None:
    needs.demand(needs.program("fsfreeze"))
    holds, disk = HOLDS.format(exclusive=False), place / "disk"
    begins = "import os; file = os.open(place / 'disk' / 'file', os.O_CREAT | os.O_WRONLY)"
    then = "sys.stdin.readline(); os.write(file, b'x'); os.fsync(file); print('written', flush=True)"
    with mounted_image(place), other_run(place, f"{holds}; {begins}", then, stdin=subprocess.PIPE) as waiting:
        assert waiting.stdin is not None and waiting.stdout is not None
        subprocess.run(["fsfreeze", "-f", disk], check=True)
        try:
            waiting.stdin.write(b"\n")
            waiting.stdin.flush()
            with pytest.raises(InUse):
                erases(place, 0.8)
        finally:
            subprocess.run(["fsfreeze", "-u", disk], check=True)
        assert waiting.stdout.readline() == b"written\n"


@pytest.mark.parametrize(
    ("elsewhere", "still"),
    [
        ({}, holders.STILL_FOR_ERASURE),
        ({"objects_at": "s3://b/p"}, holders.STILL),
        ({"objects_from": "s3://b/p"}, holders.STILL),
        ({"catalogue_at": "postgres://db/arlo"}, holders.STILL),
        ({"root_at": "bao://transit/k"}, holders.STILL),
    ],
    ids=["files", "objects", "objects before a move", "catalogue", "root"],
)
def test_a_holder_that_may_wait_for_a_service_is_given_the_time_of_an_answer(
    place: Path, elsewhere: dict[str, Any], still: float
) -> None:
    assert patience(Layout(place, place, b"", **elsewhere)) == still
    assert timedelta(seconds=holders.STILL) >= objects.PATIENCE


def test_a_run_keeps_its_lock_for_as_long_as_the_store_says(place: Path) -> None:
    with other_run(place, HOLDS.format(exclusive=False), STANDS) as waiting:
        with pytest.raises(InUse):
            FileRoot(place, still=30.0).lock(exclusive=True, wait=0.8).__enter__()
        assert waiting.poll() is None


def test_a_young_run_and_another_program_keep_their_locks(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs.demand(needs.program("flock"))
    with subprocess.Popen(["flock", "-s", place / "lock", "sleep", "600"]) as other:
        with pytest.raises(InUse):
            while other.poll() is None:  # until it has the lock, and then for a while
                erases(place, 0.8)
        assert other.poll() is None
        os.kill(int(Path(f"/proc/{other.pid}/task/{other.pid}/children").read_text()), signal.SIGKILL)
    monkeypatch.setattr(holders, "YOUNG", 60.0)
    with other_run(place, HOLDS.format(exclusive=False), STANDS) as young:
        with pytest.raises(InUse):
            erases(place, 0.8)
        assert young.poll() is None


def test_a_view_without_a_lock_of_the_journal_is_left_alone(place: Path) -> None:
    """A desk that waits for its user has the catalogue open, and reads nothing."""
    opened = "db = SqliteConnection(place / 'c.db', bytes(32)); db.rows('SELECT * FROM t')"
    with other_run(place, opened, STANDS) as idle:
        flushes(place)
        writes(place)
        assert idle.poll() is None


def test_who_comes_after_an_erasure_that_waits_waits_behind_it(place: Path) -> None:
    came = list[str]()

    def erasure() -> None:
        with FileRoot(place).lock(exclusive=True, wait=20):
            came.append("erasure")

    def reader() -> None:
        with FileRoot(place).lock(exclusive=False, wait=20):
            came.append("reader")

    with FileRoot(place).lock(exclusive=False, wait=0):
        first = threading.Thread(target=erasure)
        first.start()
        until_waits(place)
        second = threading.Thread(target=reader)
        second.start()
        time.sleep(0.1)
        assert came == []
    for thread in (first, second):
        thread.join(20)
    assert came == ["erasure", "reader"]


def until_waits(place: Path) -> None:
    """Wait until an erasure has its turn to wait."""
    for _ in range(1000):
        with suppress(InUse):
            reads(place, 0)
            time.sleep(0.01)
            continue
        return
    raise AssertionError("no erasure waits")


def test_a_run_that_holds_the_lock_gets_it_again_while_an_erasure_waits(place: Path) -> None:
    root = FileRoot(place)
    with root.lock(exclusive=False, wait=0):
        waiting = threading.Thread(target=erases, args=(place,))
        waiting.start()
        until_waits(place)
        with root.lock(exclusive=False, wait=0):
            pass
    waiting.join(20)


def test_many_readers_keep_no_erasure_from_its_turn(place: Path) -> None:
    """Each reader comes again at once, so that there is always one: the lock would never be free by chance."""
    ends = threading.Event()

    def reader() -> None:
        while not ends.is_set():
            with FileRoot(place).lock(exclusive=False, wait=20):
                time.sleep(0.05)

    readers = [threading.Thread(target=reader) for _ in range(8)]
    for thread in readers:
        thread.start()
    try:
        for _ in range(3):
            erases(place, 10)
    finally:
        ends.set()
        for thread in readers:
            thread.join(20)
