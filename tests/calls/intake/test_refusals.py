"""What intake refuses: by which rule, in which order, what is logged of it, and what may not stay."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from tests.support import world as worlds
from tests.support.intake import denials, ingest, left, objects, problems, withdraw
from tests.support.sounds import tone_wav
from tests.support.spools import DAY, MICROSECOND, NOW, WITHDRAWN, iso
from tests.support.world import World


@dataclass(frozen=True)
class Fault:
    """What is wrong with a call: changes to its delivery, and what happens to its files afterwards."""

    rule: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    consent: Mapping[str, Any] = field(default_factory=dict)
    spoil: Callable[[Path], None] = lambda _: None


def _linked(manifest: Path) -> None:
    sound = manifest.with_suffix(".wav")
    os.link(sound, sound.with_suffix(".second-name"))


FAULTS = {  # in the contract's order
    "not_a_file": Fault("scope.only", spoil=_linked),
    "bad_metadata": Fault("consent.basis", {"agent": ""}),
    "outbound": Fault("scope.only", {"direction": "outbound"}),
    "no_consent": Fault("consent.press2", consent={"key": "2"}),
    "prompt_unknown": Fault("consent.prompt", consent={"prompt": "nb-1999-01"}),
    "prompt_not_completed": Fault("consent.prompt", consent={"prompt_completed": False}),
    "future": Fault("scope.only", {"started": NOW + timedelta(minutes=6)}),
    "expired": Fault("retention.90d", {"started": NOW - 91 * DAY}),
    "consent_after_call": Fault("consent.press1", {"pressed_after": 1}),
    "withdrawn": Fault("consent.withdraw", {"caller": WITHDRAWN}),
    "conflict": Fault("scope.only", {"source_id": "pbx.known", "seed": 1}),
    "bad_audio": Fault("scope.only", {"sound": tone_wav(0.5)[:-1]}),
}
LEAVE = {"outbound", "no_consent", "prompt_not_completed", "expired", "consent_after_call", "withdrawn"}
IMPOSSIBLE = {("future", "expired"), ("consent_after_call", "bad_audio")}  # no time is both; no sound, no end of it


def deliver_with(world: World, stem: str, *faults: Fault) -> None:
    changes: dict[str, Any] = {"started": NOW - timedelta(hours=2)}
    consent: dict[str, Any] = {}
    for one in faults:
        changes |= one.changes
        consent |= one.consent
    path = world.deliver(stem, **changes, consent=consent)
    for one in faults:
        one.spoil(path)


@pytest.fixture(scope="module")
def knowing(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store that knows one call and one withdrawal of an hour before NOW; only dry runs touch it."""
    world = worlds.copy(template, tmp_path_factory.mktemp("knowing"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "now", lambda _: NOW - timedelta(hours=1))
        world.accept_clock()
        world.grant()
        withdraw(world, WITHDRAWN)
        world.deliver("known", started=NOW - timedelta(hours=2))
        ingest(world, exit=0)
    return world


@pytest.fixture
def experienced(knowing: World, tmp_path: Path, clock: Callable[[datetime], None]) -> World:
    """The same store for one test, at NOW."""
    clock(NOW)
    return worlds.copy(knowing, tmp_path)


@pytest.mark.parametrize("code", list(FAULTS))
def test_a_call_is_refused_by_a_rule_logged_once_and_leaves_only_if_it_may_never_stay(
    experienced: World, code: str
) -> None:
    world, kept = experienced, objects(experienced)
    deliver_with(world, "call", FAULTS[code])
    files = left(world)
    (refused,) = ingest(world, "--keep-source", exit=3)["refused"]
    assert (refused["code"], refused["rule"]) == (code, FAULTS[code].rule)
    assert refused["source"] == str(world.spool / "call.json")
    assert refused["source_id"] == FAULTS[code].changes.get("source_id", "pbx.call")
    (entry,) = denials(world)
    assert (entry["rule"], entry["detail"]["code"]) == (FAULTS[code].rule, code)
    assert "pbx." not in json.dumps(entry)
    words = ("--lang", "nb")
    assert ingest(world, *words, exit=3)["refused"][0]["message"] != refused["message"]
    assert len(denials(world)) == 1  # the spool is looked at every minute
    assert left(world) == (set() if code in LEAVE else files)
    assert objects(world) == kept
    assert problems(world) == []


@pytest.mark.parametrize(
    ("first", "second"), [pair for pair in itertools.pairwise(FAULTS) if pair not in IMPOSSIBLE], ids="-".join
)
def test_of_two_faults_the_one_that_comes_first_is_told(
    knowing: World, clock: Callable[[datetime], None], first: str, second: str
) -> None:
    clock(NOW)
    deliver_with(knowing, "call", FAULTS[first], FAULTS[second])
    (refused,) = ingest(knowing, "--dry-run", exit=3)["refused"]
    shutil.rmtree(knowing.spool)
    assert refused["code"] == first


@pytest.mark.parametrize("options", [("--dry-run",), ()], ids=["dry", "real"])
def test_the_order_of_refusals_holds_for_every_two_and_for_all_at_once(
    experienced: World, options: tuple[str, ...]
) -> None:
    pairs = [pair for pair in itertools.combinations(FAULTS, 2) if pair not in IMPOSSIBLE]
    for first, second in pairs:
        deliver_with(experienced, f"{first}-{second}", FAULTS[first], FAULTS[second])
    deliver_with(experienced, "not_a_file-all", *FAULTS.values())
    told = ingest(experienced, *options, exit=3)
    found = {Path(one["source"]).stem: one["code"] for one in told["refused"]}
    assert len(found) == len(pairs) + 1
    assert found == {stem: stem.split("-")[0] for stem in found}


EDGES = [  # started before NOW, the key after the start, and how that ends
    (timedelta(minutes=-5), timedelta(0), "taken"),
    (timedelta(minutes=-5) - MICROSECOND, timedelta(0), "future"),
    (90 * DAY, timedelta(0), "expired"),
    (90 * DAY - MICROSECOND, timedelta(0), "taken"),
    (DAY, timedelta(hours=-1), "taken"),
    (DAY, timedelta(hours=-1) - MICROSECOND, "no_consent"),
    (DAY, timedelta(seconds=0.5), "consent_after_call"),  # as long as the sound
    (DAY, timedelta(seconds=0.5) - timedelta(microseconds=125), "taken"),  # its last sample
    (DAY, timedelta(seconds=0.5) - timedelta(microseconds=124), "consent_after_call"),
]


@pytest.mark.parametrize(("age", "press", "ending"), EDGES)
def test_edges_in_time_fall_to_the_right_side(
    world: World, clock: Callable[[datetime], None], age: timedelta, press: timedelta, ending: str
) -> None:
    clock(NOW)
    world.accept_clock()
    started = NOW - age
    world.deliver("call", started=started, consent={"at": iso(started + press)})
    told = ingest(world)
    assert [one["code"] for one in told["refused"]] + ["taken"] * len(told["accepted"]) == [ending]


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize(
    ("late", "code"),
    [(timedelta(minutes=5) - MICROSECOND, "withdrawn"), (timedelta(minutes=5), None), (-DAY, "withdrawn")],
    ids=["on the line", "a new call", "a late delivery"],
)
def test_a_consent_counts_again_five_minutes_after_a_withdrawal(
    world: World, clock: Callable[[datetime], None], late: timedelta, code: str | None
) -> None:
    clock(NOW)
    world.accept_clock()
    withdraw(world, "900 00 002")
    clock(NOW + timedelta(hours=1))
    world.deliver("call", started=NOW + late, caller=WITHDRAWN)
    told = ingest(world)
    assert [one["code"] for one in told["refused"]] == ([code] if code else [])
    assert left(world) == set()
    assert len(objects(world)) == (0 if code else 1)


def test_an_erased_source_id_stays_refused_whatever_comes_under_it(world: World) -> None:
    world.take_in("call", caller=None)
    assert world.json("withdraw", "--call", "pbx.call", "--yes", who="skranke")["erased"] == 1
    for seed in (0, 5):
        world.deliver("call", seed=seed, started=datetime.now(UTC) + timedelta(minutes=5, seconds=-10), caller=None)
        assert [one["code"] for one in ingest(world, exit=3)["refused"]] == ["withdrawn"]
        assert left(world) == set()
    world.deliver("call", caller=None)
    (world.spool / "call.wav").unlink()
    assert [one["code"] for one in ingest(world, exit=3)["refused"]] == ["withdrawn"]
    assert left(world) == set()


def test_a_quiet_intake_tells_of_a_refusal_once_and_status_goes_on_counting_it(world: World) -> None:
    world.deliver("old", consent={"prompt": "nb-1999-01"})
    words = ("ingest", str(world.spool), "--quiet", "--lang", "en")
    first = world.run(*words, who="telefon")
    assert (first.exit, "prompt_unknown" in first.out) == (3, True)
    world.deliver("new", consent={"prompt": "nb-1999-01"}, seed=2)
    second = world.run(*words, who="telefon")
    assert (second.exit, "new.json" in second.out, "old.json" in second.out) == (3, True, False)
    third = world.run(*words, who="telefon")
    assert (third.exit, third.out) == (3, "")
    refused = world.json("ingest", str(world.spool), who="telefon")["refused"]
    assert [one["told"] for one in refused] == [True, True], "a script is told of all of them"
    (counted,) = world.json("status", who="iver")["refused"]
    assert (counted["code"], counted["count"]) == ("prompt_unknown", 2)
