"""Fixtures that every test may ask for."""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.sound.processes import workers
from arlo_rec.vault.backends import mounts
from tests.support import needs, openbao, postgres, properties, rings, seaweed, tried
from tests.support import world as worlds
from tests.support.clock import later
from tests.support.feed import configure
from tests.support.remembered import remembered
from tests.support.seaweed import Service
from tests.support.world import World


@pytest.fixture(scope="session", autouse=True)
def _passphrases_cost_once() -> Iterator[None]:
    with remembered():
        yield


@pytest.fixture(scope="session", autouse=True)
def _stores_in_memory_are_no_finding() -> Iterator[None]:
    """Stores of tests lie in memory on purpose; the test of that finding puts it back."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mounts, "MEMORY", frozenset())
        yield


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store with people, made once; never change it. `--engine` says where its catalogue lies."""
    where = tuple[str, ...]()
    if request.config.getoption("--engine") is not None:
        server: postgres.Postgres = request.getfixturevalue("postgres_server")
        where = ("--catalogue", server.address(server.database()))
    return worlds.found(tmp_path_factory.mktemp("template"), *where)


_WORLDS = itertools.count()


@pytest.fixture
def world(template: World, tmp_path: Path) -> Iterator[World]:
    """A copy of the template for one test, in a folder that no other test had.

    pytest gives the next test of a like name the folder of one that passed; a server that still ends may write there.
    """
    base = tmp_path / f"w{next(_WORLDS)}"
    base.mkdir()
    copied = worlds.copy(template, base)
    yield copied
    postgres.drop(copied.store)


@pytest.fixture
def fed(world: World) -> World:
    """A world whose store has a feed."""
    (world.base / "mount").mkdir()
    configure(world)
    world.json("purge", who="cron")
    return world


@pytest.fixture(autouse=True)
def _workers_fork_again() -> Iterator[None]:
    """What one test did with a library of threads, the next one does not do: no worker of a test uses it."""
    yield
    workers._forks = True


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An S3 service with TLS on loopback; tests that ask for it are of the group `s3`, so that it starts once."""
    needs.demand(seaweed.lacking())
    with seaweed.running(tmp_path_factory.mktemp("s3")) as service:
        yield service


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openbao.OpenBao]:
    """An OpenBao of one node, for the tests of the group `openbao`."""
    needs.demand(openbao.lacking())
    with openbao.OpenBao(tmp_path_factory.mktemp("bao")) as server:
        yield server


@pytest.fixture(scope="session")
def bao_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openbao.OpenBao]:
    """An OpenBao of three nodes by raft, for tests that kill its leader."""
    needs.demand(openbao.lacking())
    with openbao.OpenBao(tmp_path_factory.mktemp("cluster"), 3) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_servers() -> Iterator[Callable[[int], postgres.Postgres]]:
    """A PostgreSQL of each version that is asked for, for the tests of the group `postgres`."""
    with ExitStack() as stack:

        @cache
        def started(version: int) -> postgres.Postgres:
            needs.demand(postgres.lacking(version))
            return stack.enter_context(postgres.running(version))

        yield started


@pytest.fixture(scope="session")
def postgres_server(
    request: pytest.FixtureRequest, postgres_servers: Callable[[int], postgres.Postgres]
) -> postgres.Postgres:
    """The PostgreSQL that `--engine` names, else the newest of this machine."""
    return postgres_servers(request.config.getoption("--engine") or postgres.NEWEST)


@pytest.fixture(params=postgres.VERSIONS)
def each_postgres(
    request: pytest.FixtureRequest, postgres_servers: Callable[[int], postgres.Postgres]
) -> postgres.Postgres:
    """A PostgreSQL of every version that is tried."""
    return postgres_servers(request.param)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C reaches this process and those that it starts: a shell lets what runs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


ATTACKERS = Path(__file__).parent / "attack"
MEMORY = Path("/dev/shm")  # a file system in memory: nothing that a test writes needs to last
ROOM = 2 * 1024**3  # bytes that must be free there


def pytest_configure(config: pytest.Config) -> None:
    """Temporary folders lie in memory where there is room; `PYTEST_DEBUG_TEMPROOT` names another place."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    quick = config.getoption("markexpr") == "not slow"
    properties.choose("prove" if config.getoption("--prove") else "quick" if quick else "ordinary")
    if not hasattr(config, "workerinput"):  # pytest-xdist's, of a process that tests
        config.pluginmanager.register(tried.Tried(config.getoption("--ran")))


def pytest_xdist_auto_num_workers() -> int:
    """Half as many processes again as there are processors: many a test waits for what it started."""
    return len(os.sched_getaffinity(0)) * 3 // 2


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--prove` runs the long proofs whole; the ordinary run takes a sample of each. `--seed`: see `seed`."""
    parser.addoption("--prove", action="store_true", help="run long proofs whole, not as samples")
    parser.addoption("--engine", type=_version, metavar="postgres[:VERSION]", help="of the catalogues of worlds")
    parser.addoption("--seed", type=int, default=1, help="of changed inputs: another number gives others")
    parser.addoption("--ordinary", action="store_true", help="take the tests of the ordinary run alone")
    parser.addoption("--ring", action="append", choices=list(rings.rings()), help="and all tests of this ring")
    parser.addoption("--ran", type=Path, metavar="FILE", help="write there which tests ran")
    parser.addoption("--not-again", type=Path, metavar="FILE", help="leave out what ran as a file of --ran says")


def _version(engine: str) -> int:
    """The version that `--engine postgres:17` names, or the newest."""
    name, _, version = engine.partition(":")
    if name != "postgres" or (version and not version.isdecimal()):
        raise argparse.ArgumentTypeError("postgres, or postgres:VERSION")
    chosen = int(version or postgres.NEWEST)
    if reason := postgres.lacking(chosen):
        raise argparse.ArgumentTypeError(reason)
    return chosen


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """The attackers walk in the ordinary run: together they would take a third of the quick one.

    What is of a file is skipped where the catalogues lie in a database.
    """
    if item.get_closest_marker("in_a_file") and item.config.getoption("--engine") is not None:
        item.add_marker(needs.mark("the catalogue lies in no file"))
    if item.path.parent == ATTACKERS:
        item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this run does not take, what `--not-again` names, and variants of `sampled` tests."""
    left_out = set[pytest.Item]() if config.getoption("--prove") else _not_in_the_sample(config, items)
    left_out |= _not_taken(config, [item for item in items if item not in left_out])
    if ran := config.getoption("--not-again"):
        left_out |= tried.those_of(items, ran)
    config.hook.pytest_deselected(items=sorted(left_out, key=lambda item: item.nodeid))
    items[:] = [item for item in items if item not in left_out]


def _not_in_the_sample(config: pytest.Config, items: list[pytest.Item]) -> set[pytest.Item]:
    """Variants of `sampled` tests beyond the number that an ordinary run tries; another `--seed` keeps others."""
    variants = defaultdict[str, list[pytest.Item]](list)
    for item in items:
        if item.get_closest_marker("sampled"):
            variants[item.nodeid.partition("[")[0]].append(item)
    left_out = set[pytest.Item]()
    for name, some in variants.items():
        marker = some[0].get_closest_marker("sampled")
        assert marker is not None
        chance = random.Random(f"{config.getoption('--seed')} {name}")
        left_out.update(chance.sample(some, max(0, len(some) - marker.args[0])))
    return left_out


def _not_taken(config: pytest.Config, items: list[pytest.Item]) -> set[pytest.Item]:
    """What is neither of the ordinary run nor of a ring that was asked for; nothing, where all tests are."""
    names, is_ordinary = config.getoption("--ring"), config.getoption("--ordinary")
    if names is None and not is_ordinary:
        return set()
    tests = {_as_test(item): item for item in items}
    taken = rings.ordinary(tests, rings.promises(), config.getoption("--seed")) if is_ordinary else set[rings.Test]()
    asked = [rings.rings()[name] for name in names or ()]
    return {
        item
        for test, item in tests.items()
        if test not in taken and not any(ring.holds(item.location[0]) for ring in asked)
    }


def _as_test(item: pytest.Item) -> rings.Test:
    is_skipped = any(marker.args[0] for marker in item.iter_markers("skipif"))
    return rings.Test(tried.place(item.location), item.get_closest_marker("slow") is not None, is_skipped)


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether the long proofs run whole."""
    return bool(request.config.getoption("--prove"))


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """What changed inputs are made from."""
    return int(request.config.getoption("--seed"))


@pytest.fixture
def two(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A store with two officers who have known each other for eight days."""
    secret = ("--new-passphrase-file", str(world.base / "passphrase"))
    told = world.json("person", "add", "astrid", "--role", "officer", *secret, who="sigrid")
    assert "pending" not in told, "there is nobody who could approve"
    later(monkeypatch, days=8)
    world.catch_up()
    return world


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the program's clock."""

    def stand(at: datetime) -> None:
        monkeypatch.setattr(Run, "now", lambda _: at)

    return stand
