"""Withdrawals by a key press at the exchange: what they erase, what they leave, and what a broken one does."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.consent import CLOCK_TOLERANCE, judge_notice
from arlo_rec.policy import RETENTION, WITHDRAWN_MARGIN
from tests.support import world as worlds
from tests.support.clock import later
from tests.support.faults import Crash, Plan, faults
from tests.support.intake import denials, ingest, left, objects, problems
from tests.support.policies import another_release
from tests.support.spools import WITHDRAWN
from tests.support.world import World

pytestmark = pytest.mark.rule("consent.withdraw")
OTHER = "+4790000001"


def notice(world: World, pressed: datetime, *, form: str = "notice.json", **changes: Any) -> Path:
    """Leave what the exchange says of a caller who pressed the key."""
    told = {"withdrawal": {"caller": WITHDRAWN, "at": pressed.isoformat(), "key": "9", **changes}}
    world.spool.mkdir(exist_ok=True)
    path = world.spool / form
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(told) + "\n")
    return path


def hour(back: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=back)


@pytest.mark.parametrize("form", ["notice.json", "calls.jsonl"])
def test_a_key_press_erases_the_calls_of_that_number_from_before_it(world: World, form: str) -> None:
    world.take_in("a", "b", caller=WITHDRAWN, started=hour(3))
    world.take_in("later", caller=WITHDRAWN, started=hour(1))
    world.take_in("other", caller=OTHER, started=hour(3))
    path = notice(world, hour(2), form=form)
    would = ingest(world, "--dry-run", exit=0)
    assert would["withdrawn"][0]["would_erase"] == 2 and len(objects(world)) == 4
    (told,) = ingest(world, exit=0)["withdrawn"]
    assert (told["source"], told["erased"]) == (str(path) + (":1" if form.endswith("l") else ""), 2)
    assert world.json("certificate", "verify", told["receipt"])["valid"]
    assert (len(objects(world)), left(world), problems(world)) == (2, set(), [])
    world.deliver("late", caller=WITHDRAWN, started=hour(2.5))
    assert [one["code"] for one in ingest(world, exit=3)["refused"]] == ["withdrawn"]
    world.deliver("again", caller=WITHDRAWN, started=hour(0.5))
    assert len(ingest(world, exit=0)["accepted"]) == 1


def test_a_call_of_the_same_spool_from_before_the_key_press_is_never_kept(world: World) -> None:
    world.deliver("a", caller=WITHDRAWN, started=hour(3))
    world.deliver("b", caller=OTHER, started=hour(3))
    world.gather("calls.jsonl")
    notice(world, hour(2), form="calls.jsonl")
    told = ingest(world, exit=3)
    assert ([one["code"] for one in told["refused"]], len(told["accepted"])) == (["withdrawn"], 1)
    assert (len(objects(world)), left(world)) == (1, set())


def test_a_notice_that_comes_again_erases_nothing_and_makes_no_second_receipt(world: World) -> None:
    world.take_in("a", caller=WITHDRAWN, started=hour(3))
    at = hour(2)
    for erased in (1, 0, 0):
        notice(world, at)
        (told,) = ingest(world, exit=0)["withdrawn"]
        assert (told["erased"], left(world)) == (erased, set())
    assert len(list((world.store / "receipts").iterdir())) == 1


def test_the_files_that_others_saved_are_to_be_deleted_as_after_every_withdrawal(world: World) -> None:
    [call] = world.take_in("a", caller=WITHDRAWN, started=hour(3))
    world.grant()
    words = ("export", call, "--purpose", "quality", "--reason", worlds.REASON, "--out", str(world.base / "a.wav"))
    world.json(*words, who="leif")
    notice(world, hour(2))
    ingest(world, exit=0)
    assert "delete" in world.tasks("leif")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"caller": None}, "bad_metadata"),
        ({"caller": "anonymous"}, "bad_metadata"),
        ({"caller": "%"}, "bad_metadata"),
        ({"caller": 4790000003}, "bad_metadata"),
        ({"at": "yesterday"}, "bad_metadata"),
        ({"at": None}, "bad_metadata"),
        ({"key": 9}, "bad_metadata"),
        ({"at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}, "future"),
        ({"at": (datetime.now(UTC) - timedelta(days=98)).isoformat()}, "expired"),
    ],
)
def test_a_notice_that_cannot_be_carried_out_is_refused_and_erases_nothing(
    world: World, change: dict[str, Any], code: str
) -> None:
    world.take_in("a", caller=WITHDRAWN, started=hour(3))
    path = notice(world, hour(2), **change)
    (world.spool / "notice.wav").write_bytes(b"of another call")
    (refused,) = ingest(world, exit=3)["refused"]
    assert refused["code"] == code
    assert ("withheld" in refused["message"]) == (change.get("caller", "") in (None, "anonymous"))
    assert len(objects(world)) == 1
    assert left(world) == ({"notice.wav"} if code == "expired" else {path.name, "notice.wav"})
    assert [entry["detail"]["code"] for entry in denials(world)] == [code]


@pytest.mark.parametrize("broken", ["future", "zone", "cut off", "call", "line"])
def test_a_withdrawal_that_is_not_carried_out_is_never_removed_and_the_officer_erases_instead(
    world: World, broken: str
) -> None:
    world.take_in("a", caller=WITHDRAWN, started=hour(3))
    changes = {"at": "2026-10-01T08:15:45"} if broken == "zone" else {}
    path = notice(world, hour(-1), form="calls.jsonl" if broken == "line" else "notice.json", **changes)
    told = json.loads(path.read_text())
    if broken == "call":
        path.write_text(json.dumps(told | {"source_id": "x", "caller": WITHDRAWN, "consent": {"key": "2"}}))
    if broken == "cut off":
        path.write_text(path.read_text()[:40])
    codes = ("--remove-refused", "future", "--remove-refused", "bad_metadata")
    for more in ((), codes):
        shown = ingest(world, *more, exit=3)
        assert shown["removed"] == []
        assert [each.partition(".json:")[0].removesuffix(":1") for each in shown["left"]] == [str(path)] * bool(more)
        assert left(world) == {path.name}
    (refused,) = shown["refused"]
    assert "arlo-rec withdraw" in refused["message"] and "recording is dated" not in refused["message"]
    found = world.run("status", "--json", who="iver")
    assert (found.exit, "withdrawal_refused" in found.json["critical"]) == (3, True)
    (task,) = world.json("todo", "--lang", "en", who="sigrid")["todo"]
    assert task["kind"] == "withdrawal_refused"
    assert "arlo-rec withdraw NUMBER" in task["text"] and "--remove-refused" not in task["text"]
    assert world.json("withdraw", WITHDRAWN, "--yes", who="sigrid")["erased"] == 1
    path.unlink()
    ingest(world, exit=0)
    assert (world.tasks("sigrid"), world.run("status", who="iver").exit) == ([], 0)


def test_what_is_a_call_and_a_withdrawal_at_once_is_neither(world: World) -> None:
    path = world.deliver("a", caller=WITHDRAWN, started=hour(3))
    at = hour(2).isoformat()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"withdrawal": {"caller": WITHDRAWN, "at": at}}))
    assert [one["code"] for one in ingest(world, exit=3)["refused"]] == ["bad_metadata"]


@pytest.mark.parametrize("fact", [{"consent": {"key": "1"}}, {"audio": "a.wav"}, {"source_id": "pbx.a"}], ids=str)
def test_a_withdrawal_that_has_a_fact_of_a_call_is_neither(world: World, fact: dict[str, Any]) -> None:
    world.take_in("b", caller=WITHDRAWN, started=hour(3))
    path = notice(world, hour(2))
    path.write_text(json.dumps(json.loads(path.read_text()) | fact))
    assert [one["code"] for one in ingest(world, exit=3)["refused"]] == ["bad_metadata"]
    assert len(objects(world)) == 1


def test_a_call_that_began_within_five_minutes_of_the_key_press_goes_too_as_clocks_differ(world: World) -> None:
    at = hour(2)
    world.take_in("near", caller=WITHDRAWN, started=at + timedelta(minutes=4, seconds=59))
    (kept,) = world.take_in("after", caller=WITHDRAWN, started=at + timedelta(minutes=5), seed=1)
    notice(world, at)
    (told,) = ingest(world, exit=0)["withdrawn"]
    assert (told["erased"], [each.partition(".")[0] for each in objects(world)]) == (1, [kept])


def test_a_key_press_by_a_clock_that_is_ahead_counts_from_now(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    notice(world, now + timedelta(minutes=4))
    ingest(world, exit=0)
    later(monkeypatch, minutes=10)
    world.deliver("again", caller=WITHDRAWN, started=now + timedelta(minutes=6))
    assert len(ingest(world, exit=0)["accepted"]) == 1


def test_a_withdrawal_so_old_that_nothing_of_before_it_can_be_held_is_no_fault(world: World) -> None:
    notice(world, datetime.now(UTC) - timedelta(days=98))
    ingest(world, exit=3)
    status = world.json("status", who="iver")
    assert (status["refused"], status["critical"], left(world)) == ([], [], set())


def test_a_withdrawal_is_carried_out_while_nothing_may_be_taken_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a", caller=WITHDRAWN, started=hour(3))
    another_release(monkeypatch, "rules")
    world.deliver("b", caller=OTHER)
    notice(world, hour(2))
    assert world.code("ingest", str(world.spool), who="telefon") == (14, "policy_drift")
    assert (objects(world), left(world)) == (set(), {"b.json", "b.wav"})


@given(st.timedeltas(timedelta(days=-200), timedelta(days=1)))
def test_a_withdrawal_counts_while_a_call_from_before_it_can_be_held(ahead: timedelta) -> None:
    now = datetime(2026, 10, 1, tzinfo=UTC)
    decision = judge_notice(now + ahead, now=now)
    assert decision.allowed == (-(RETENTION + WITHDRAWN_MARGIN) < ahead <= CLOCK_TOLERANCE)


@pytest.mark.slow
def test_a_run_cut_off_anywhere_is_ended_by_the_next(template: World, tmp_path: Path) -> None:
    def offered(name: str) -> World:
        world = worlds.copy(template, tmp_path / name)
        world.take_in("a", caller=WITHDRAWN, started=hour(3), seconds=0.05)
        world.deliver("b", caller=OTHER, started=hour(3), seconds=0.05)
        notice(world, hour(2))
        return world

    with faults(Plan()) as plan:
        ingest(offered("count"), exit=0)
    steps = range(1, len(plan.names) + 1, 2)
    crashed = 0
    for at in steps:
        world = offered(str(at))
        with faults(Plan(at)), suppress(Crash):  # the last steps may be others than counted
            crashed += 1
            world.run("ingest", str(world.spool), who="telefon")
            crashed -= 1
        ingest(world, exit=0)
        assert (len(objects(world)), left(world), problems(world)) == (1, set(), []), plan.names[at - 1]
    assert crashed >= len(steps) // 2


@pytest.mark.rule("access.need")
def test_a_telephone_system_withdraws_by_a_notice_and_looks_at_no_persons_calls(world: World) -> None:
    (call,) = world.take_in("a", seconds=0.2)
    for words in (("90000001", "--dry-run"), ("90000001", "--yes"), ("--call", call, "--yes")):
        assert world.code("withdraw", *words, who="telefon") == (13, "only_by_notice")
    assert world.json("status", who="iver")["held"] == 1
