"""A crash or an error at every write: what must always hold is checked then, and again after the next run."""

from __future__ import annotations

import io
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arlo_rec import audio, place
from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.crypto import derive
from arlo_rec.errors import NotUnlocked
from arlo_rec.keyfiles import read_catalogue_seal
from tests import world as worlds
from tests.attack import rob
from tests.faults import Crash, Plan, faults
from tests.test_attack import identity
from tests.world import PASSPHRASE, World

SAMPLE = 8  # crash points per command in the ordinary run, and half as many errors; --prove takes all
SEED = 20261125


@dataclass(frozen=True)
class Case:
    """A command to be killed, what is there before it, and how it ends when it is run again."""

    name: str
    words: tuple[str, ...]
    who: str
    prepare: Callable[[World], None]
    again: tuple[int, ...] = (0,)


def _three_calls(world: World) -> None:
    for seed, stem in enumerate(("x", "y", "z")):
        world.deliver(stem, seed=seed + 20, seconds=0.2)


def _one_manifest(world: World) -> None:
    _three_calls(world)
    world.gather("calls.jsonl")


def _nothing(_world: World) -> None:
    return None


CASES = [
    Case("ingest", ("ingest", "SPOOL"), "telefon", _three_calls),
    Case("ingest of many", ("ingest", "SPOOL"), "telefon", _one_manifest),
    Case("withdraw", ("withdraw", "90000001", "--yes"), "skranke", _nothing),
    Case("purge", ("purge",), "cron", _nothing),
    Case("grant", ("grant", "turid", "--purpose", "quality", "--reason", "stands in for Leif"), "sigrid", _nothing),
    Case("revoke", ("revoke", "leif"), "sigrid", _nothing, (0, 4)),
    Case("remove", ("person", "remove", "turid", "--yes"), "sigrid", _nothing, (0, 4)),
    Case("passphrase", ("person", "passphrase", "--new-passphrase-file", "PASSPHRASE"), "sigrid", _nothing),
]


@pytest.fixture(scope="module")
def lived_in(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store with a grant, three calls of one caller, one of another, and one whose day is over."""
    world = worlds.copy(template, tmp_path_factory.mktemp("lived-in"))
    world.grant("leif", "quality")
    world.take_in("a", "b", "c", seconds=0.2)
    world.take_in("d", caller="+4790000002", seed=9, seconds=0.2)
    soon = datetime.now(UTC) - timedelta(days=90) + timedelta(seconds=1)
    world.take_in("old", caller=None, seed=8, started=soon, seconds=0.2)
    while not world.json("status", who="iver")["due"]:
        continue
    return world


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_a_crash_at_any_write_breaks_no_promise(case: Case, lived_in: World, tmp_path: Path, whole: bool) -> None:
    count = _steps_of(case, lived_in, tmp_path / "count")
    points = [(at, after) for at in range(1, count + 1) for after in (False, True)]
    chosen = points if whole else random.Random(SEED).sample(points, min(SAMPLE, len(points)))
    for at, after in sorted(chosen):
        _crash_and_check(case, lived_in, tmp_path / f"{at}-{after}", Plan(at, after=after))
    assert count >= 2, "a transaction and the memory of it, at the least"


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_a_write_that_fails_is_told_and_breaks_no_promise(
    case: Case, lived_in: World, tmp_path: Path, whole: bool
) -> None:
    count = _steps_of(case, lived_in, tmp_path / "count")
    points = [(at, after) for at in range(1, count + 1) for after in (False, True)]
    chosen = points if whole else random.Random(SEED).sample(points, min(SAMPLE // 2, len(points)))
    for at, after in sorted(chosen):
        _fail_and_check(case, lived_in, tmp_path / f"{at}-{after}", Plan(at, after=after, fails=True))


def _steps_of(case: Case, template: World, base: Path) -> int:
    world = worlds.copy(template, base)
    case.prepare(world)
    with faults(Plan()) as plan:
        result = world.run(*_words(case, world), who=case.who)
    assert result.exit == 0, result
    return plan.count


def _crash_and_check(case: Case, template: World, base: Path, plan: Plan) -> None:
    world = worlds.copy(template, base)
    case.prepare(world)
    with faults(plan), pytest.raises(Crash):
        world.run(*_words(case, world), who=case.who)
    _holds_and_goes_on(case, world, f"{case.name} {plan}")


def _fail_and_check(case: Case, template: World, base: Path, plan: Plan) -> None:
    world = worlds.copy(template, base)
    case.prepare(world)
    with faults(plan):
        told = world.run(*_words(case, world), who=case.who)
    where = f"{case.name} {plan}"
    assert told.exit in {0, 3, 11, 15, 16}, (where, told)
    _holds_and_goes_on(case, world, where)


def _holds_and_goes_on(case: Case, world: World, where: str) -> None:
    _holds_at_the_crash(world, where)
    again = world.run(*_words(case, world), who=case.who)
    assert again.exit in case.again, (where, again)
    _holds_afterwards(case, world, where)
    shutil.rmtree(world.base)


def _words(case: Case, world: World) -> list[str]:
    names = {"SPOOL": str(world.spool), "PASSPHRASE": str(world.base / "passphrase")}
    return [names.get(word, word) for word in case.words]


def _holds_at_the_crash(world: World, where: str) -> None:
    """What is listed opens; what is delivered is there as a source or as a recording that opens."""
    frozen = world.base / "frozen"
    shutil.copytree(world.store, frozen)
    shutil.copytree(world.root, world.base / "frozen.root")
    known = place.find(world.store)
    at_rest = place.Place(frozen, world.base / "frozen.root", known.id)
    officer = identity(world, "sigrid")
    loot = rob(at_rest, officer)
    held = _held(at_rest, officer)
    assert held <= set(loot.sounds), where
    for sound in loot.sounds.values():
        assert sound[:4] == b"RIFF", where
    lying = {one.stem for one in world.spool.glob("*.wav")} if world.spool.exists() else set()
    delivered = {one.stem for one in world.spool.glob("*.json")} if world.spool.exists() else set()
    for many in world.spool.glob("*.jsonl"):
        delivered |= {Path(json.loads(line)["audio"]).stem for line in many.read_text("utf-8").splitlines()}
    assert lying <= delivered, f"{where}: a sound without its manifest would be nobody's"
    shutil.rmtree(frozen)
    shutil.rmtree(world.base / "frozen.root")


def _held(where: place.Place, officer: object) -> set[str]:
    for seed in read_catalogue_seal(where, officer):  # type: ignore[arg-type]
        try:
            db = SqliteConnection(where.catalogue, derive(seed, "catalogue"))
        except NotUnlocked:
            continue
        rows = db.rows("SELECT id FROM recordings WHERE state = 'held'")
        db.close()
        return {row[0].hex() for row in rows}
    raise AssertionError("the catalogue opens with no seed")


def _holds_afterwards(case: Case, world: World, where: str) -> None:
    """No orphan, no gap in the log, nothing half there; what was to be gone is gone, what was to stay opens."""
    found = world.run("verify", "--read-data", "--json", who="sigrid")
    assert found.exit == 0, (where, found)
    assert world.run("audit", "verify", who="sigrid").exit == 0, where
    sounds = rob(place.find(world.store), identity(world, "sigrid")).sounds
    expected = {"ingest": 8, "ingest of many": 8, "withdraw": 2, "purge": 4}.get(case.name, 5)
    assert len(sounds) == expected, where
    for sound in sounds.values():
        audio.read_wav(io.BytesIO(sound), len(sound))
    if case.name.startswith("ingest"):
        assert not list(world.spool.iterdir()), where
    if case.name == "revoke":
        assert world.run("find", "--purpose", "quality", "--reason", "monthly quality talk", who="leif").exit == 13
    if case.name == "remove":
        assert len(read_catalogue_seal(place.find(world.store), identity(world, "sigrid"))) == 1, where
    assert identity(world, "sigrid").name == "sigrid", PASSPHRASE
