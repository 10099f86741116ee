"""A day of all shipped kinds of exchanges: what is stored in the end is exactly what consent allows to keep."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.calls.intake.candidates import Tags
from arlo_rec.edge.commands.run import Run
from arlo_rec.exchanges.maps import read
from arlo_rec.policy import State
from arlo_rec.sound import audio
from arlo_rec.store import open_store
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support import world as worlds
from tests.support.attack import identity
from tests.support.exchange_day import DAY, KINDS, NAIVE, Day, DayCall, allowed, day, deliver, steps
from tests.support.exports import MAKERS, approve
from tests.support.faults import Crash, Plan, faults
from tests.support.intake import objects, problems
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("consent.basis"), pytest.mark.slow]


@dataclass
class Company:
    """A company with a spool for each of its exchanges, and a clock that this test sets."""

    world: World
    time: Callable[[], datetime]
    set_clock: Callable[[datetime], None]
    map: Path

    def ingest(self, kind: str) -> dict[str, Any]:
        """Take in the spool of one kind."""
        by = ["--map", str(self.map) if kind == "naive" else kind] if kind in (*MAKERS, "naive") else []
        return self.world.json("ingest", str(self.world.spool / kind), *by, who="telefon")

    def live(self, made: Day, hours: float, disturb: Callable[[str], None] = lambda _: None) -> None:
        """Let the day happen."""
        for since, until in steps(hours):
            deliver(made, self.world.spool, since, until)
            for one in made.withdrawals:
                if one.kind == "support" and since <= one.at < until:
                    self.set_clock(one.at)
                    self.world.json("withdraw", one.caller, "--yes", who="skranke")
            self.set_clock(until)
            for kind in KINDS:
                disturb(kind)
                self.ingest(kind)

    def held(self, made: Day) -> dict[tuple[str, int], str]:
        """The recordings that the store holds, by the marks of their calls."""
        found = {}
        with open_store(
            find(self.world.store), identity(self.world, "sigrid"), self.time(), StateFolder(None)
        ) as store:
            tags = Tags(store.secret(INDEX_SEED))
            for call in made.calls:
                for row in store.catalogue.search.of_sources([tags.tag("source", source_id(call))]):
                    if row.state is State.HELD:
                        found[call.mark] = row.id.hex()
        return found


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    time = [DAY - timedelta(hours=6)]
    monkeypatch.setattr(Run, "now", lambda _: time[0])
    world = worlds.found(tmp_path)
    file = world.base / "naive.toml"
    file.write_text(NAIVE, "utf-8")
    approve(world, *MAKERS, '[[map]]\nname = "naive"\nfile = "naive.toml"')
    for kind in KINDS:
        (world.spool / kind).mkdir(parents=True)
    return Company(world, lambda: time[0], lambda at: time.__setitem__(0, at), file)


def source_id(call: DayCall) -> str:
    """The exchange's id of a call."""
    told = call.told
    if call.kind == "freepbx":
        return f"{int(told.at.timestamp())}.{told.number}"
    if call.kind == "kamailio":
        return f"{int(told.at.timestamp())}-000000-{told.number:032x}-1"
    return f"{told.uuid}.wav" if call.kind == "vcon" else told.uuid


def sound_of(world: World, call: str) -> bytes:
    """The frames that a manager gets."""
    out = world.base / f"{call}.wav"
    world.json("export", call, "--purpose", "quality", "--reason", REASON, "--out", str(out), who="leif")
    with out.open("rb") as stream:
        return audio.read_wav(stream, out.stat().st_size).data


def assert_kept(company: Company, made: Day, looks: int) -> None:
    """What is held is what consent allows, and sounds as the exchange recorded it behind the key."""
    world, kept = company.world, allowed(made, DAY + timedelta(hours=44))
    held = company.held(made)
    assert held.keys() == kept.keys()
    assert len(objects(world)) == len(kept) > len(made.calls) // 4
    assert problems(world) == []
    world.grant()
    for mark in random.Random(1).sample(sorted(kept), min(looks, len(kept))):
        assert sound_of(world, held[mark]) == kept[mark], mark


def test_a_day_of_all_exchanges_leaves_exactly_what_consent_allows(company: Company, whole: bool) -> None:
    made = day(seed=1, count=10_000 if whole else 270)
    company.live(made, hours=2 if whole else 11)
    assert_kept(company, made, looks=300 if whole else 25)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_day_in_which_every_intake_is_killed_loses_nothing_and_doubles_nothing(
    company: Company, seed: int, whole: bool
) -> None:
    made, chance = day(seed=seed, count=450 if whole else 90), random.Random(seed)

    def killed(kind: str) -> None:
        for _ in range(2 if whole else 1):
            with faults(Plan(chance.randrange(1, 120), after=chance.random() < 0.5)), suppress(Crash):
                company.ingest(kind)

    company.live(made, hours=4 if whole else 22, disturb=killed)
    assert_kept(company, made, looks=20 if whole else 5)


def test_the_map_of_local_times_has_no_mistake() -> None:
    assert read.check(NAIVE.encode("utf-8"), "naive.toml") == []
