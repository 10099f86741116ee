"""The telephone system with own code: what it says of a call, and for how long the call would be kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec import policy
from arlo_rec.commands.run import Run
from arlo_rec.intake import sealing
from arlo_rec.model.records import Recording
from tests.support.catalogue import insider
from tests.support.world import REASON, World, assert_clean, assert_no_bug

WHY = ("--purpose", "quality", "--reason", REASON)
CALLED = ("--identity", "called back on the number of the contract")
YEARS = timedelta(days=3650)


def problems(world: World) -> set[tuple[str, str]]:
    told = world.run("verify", "--json", who="iver")
    return {(one["code"], one["what"]) for one in told.json["problems"]} if told.exit == 15 else set()


def take_in(world: World, monkeypatch: pytest.MonkeyPatch, alter: Callable[[Recording], Recording], **how: Any) -> str:
    """Take in a call whose row says what *alter* makes of it; its entry commits to that row."""
    kept = sealing.recording_of
    with monkeypatch.context() as own:
        own.setattr(sealing, "recording_of", lambda *given: alter(kept(*given)))
        (call,) = world.take_in("a", **how)
    return call


# -- how long it is kept ------------------------------------------------------------------------------


@pytest.mark.rule("retention.90d")
def test_a_call_that_is_due_in_ten_years_is_named_and_opens_no_longer_than_90_days(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = datetime.now(UTC) - timedelta(days=80)
    call = take_in(world, monkeypatch, lambda row: row._replace(due_at=row.due_at + YEARS), started=started)
    world.grant("leif")
    (shown,) = world.json("find", *WHY, who="leif")["recordings"]
    assert datetime.fromisoformat(shown["expires_at"]) == started + policy.RETENTION
    assert problems(world) == {("deadline_differs", call)}

    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=11))
    out = str(world.base / "out.wav")
    heard = world.run("export", call, *WHY, "--out", out, "--json", who="leif")
    assert (heard.exit, heard.json["error"]["code"]) == (14, "past_its_day")
    assert world.json("find", *WHY, who="leif")["recordings"] == []
    told = world.json("dsar", "90000001", *CALLED, "--out", str(world.base / "answer.html"), who="sigrid")
    assert told["recordings"] == 0
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 1


@pytest.mark.rule("retention.90d")
def test_an_export_of_it_that_runs_past_the_day_on_which_it_is_due_is_silenced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = datetime.now(UTC) - timedelta(days=80)
    call = take_in(world, monkeypatch, lambda row: row._replace(due_at=row.due_at + YEARS), started=started)
    world.grant("leif")
    codes = set()
    for before in range(1, 6):  # readings of the clock until the day is over
        readings = itertools.count(-before)
        due = started + policy.RETENTION
        monkeypatch.setattr(Run, "now", lambda _run, due=due, at=readings: due + next(at) * timedelta(seconds=2))
        heard = world.run("export", call, *WHY, "--out", str(world.base / "out.wav"), "--json", who="leif")
        codes.add(heard.json["error"]["code"])
    assert codes == {"past_its_day", "gone_meanwhile"}
    assert not (world.base / "out.wav").exists()


@pytest.mark.rule("retention.90d")
def test_a_call_that_begins_in_ten_years_is_named_and_opens_for_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its 90 days would begin then."""
    later = lambda row: row._replace(started_at=row.started_at + YEARS, due_at=row.due_at + YEARS)  # noqa: E731
    call = take_in(world, monkeypatch, later)
    world.grant("leif")
    assert problems(world) == {("deadline_differs", call)}
    heard = world.run("export", call, *WHY, "--out", str(world.base / "out.wav"), "--json", who="leif")
    assert (heard.exit, heard.json["error"]["code"]) == (15, "deadline_differs")
    answer = world.json("dsar", "90000001", *CALLED, "--out", str(world.base / "answer.html"), who="sigrid")
    assert (answer["recordings"], answer["damaged"]) == (0, [call])
    assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1


# -- what is known of it ------------------------------------------------------------------------------

ODD: list[dict[str, Any]] = [
    {"duration_s": "long"},
    {"duration_s": 1e308},
    {"duration_s": 10**400},
    {"duration_s": -1},
    {"duration_s": True},
    {"channels": {"caller": 7, "agent": 0}},
    {"channels": {"caller": -1}},
    {"channels": {"caller": 0, "agent": 0}},
    {"channels": {"caller": 0, "nobody": 1}},
    {"channels": None},
    {"known": None},
    {"known": {"caller": 5}},
    {"known": {"caller": [5]}},
    {"agent": 7},
    {"agent": "a" * 5000},
    {"consent": None},
    {"consent": {"at": "tomorrow"}},
    {"consent": {"at": "2026-01-01T00:00:00"}},
    {"source_id": ["x"]},
    {"caller": {"x": 1}},
    {"lead_s": "x"},
    {"rate": 0},
]


def name_of(odd: dict[str, Any]) -> str:
    return str(odd)[:40]


def take_in_odd(world: World, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any], without: str = "") -> str:
    """Take in a call of which something *odd* is said, to officers and, where they read it, to managers."""
    kept = sealing.facts_of

    def facts_of(*given: Any) -> sealing.Facts:
        facts = kept(*given)
        heard = {key: value for key, value in odd.items() if key in facts.heard}
        whole, heard = {**facts.whole, **odd}, {**facts.heard, **heard}
        whole.pop(without, None)
        heard.pop(without, None)
        return sealing.Facts(whole, heard)

    with monkeypatch.context() as own:
        own.setattr(sealing, "facts_of", facts_of)
        (call,) = world.take_in("odd", seconds=1)
    return call


def stops_nothing(world: World, call: str, odd: str) -> None:
    """A search goes on and names it where managers read that; an access answer names it, and gives the other."""
    world.grant("leif")
    cuts, out = world.base / "cuts.txt", world.base / "answer.html"
    cuts.write_text("0.1\t0.2\tKari\n", "utf-8")
    damaged = [call] if odd in sealing.FOR_MANAGERS else []
    for more in ((), ("--agent", "Ola"), ("--limit", "5")):
        assert world.json("find", *WHY, *more, who="leif")["damaged"] == damaged
    assert len(world.json("find", *WHY, who="leif")["recordings"]) == 2 - len(damaged)
    if damaged:
        assert call in world.run("find", *WHY, who="leif").out
    answer = world.json("dsar", "90000001", *CALLED, "--out", str(out), who="sigrid")
    assert (answer["recordings"], answer["damaged"]) == (1, [call])
    copied = world.run("pseudonymise", call, "--cuts", str(cuts), "--json", who="sigrid")
    assert (copied.exit, copied.json["error"]["code"]) == (15, "metadata_damaged")
    assert_no_bug(world)


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("odd", ODD, ids=name_of)
def test_what_is_odd_of_a_call_stops_no_search_and_an_answer_names_the_call(
    world: World, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]
) -> None:
    world.take_in("a", seconds=1)
    call = take_in_odd(world, monkeypatch, odd)
    stops_nothing(world, call, *odd)


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("missing", ["agent", "consent", "caller", "known"])
def test_what_is_not_said_of_a_call_neither(world: World, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    world.take_in("a", seconds=1)
    call = take_in_odd(world, monkeypatch, {}, without=missing)
    world.grant("leif")
    found = world.json("find", *WHY, who="leif")
    assert found["damaged"] == ([call] if missing == "agent" else [])
    answer = world.json("dsar", "90000001", *CALLED, "--out", str(world.base / "a.html"), who="sigrid")
    assert (answer["recordings"], answer["damaged"]) == (1, [call])
    assert_no_bug(world)


@pytest.mark.rule("access.subject")
def test_details_that_do_not_open_stop_no_search_either(world: World) -> None:
    kept, spoilt = world.take_in("a", "b", seconds=1)
    with insider(world) as db:
        db.run("UPDATE metadata SET sealed = randomblob(100) WHERE recording = ?", (bytes.fromhex(spoilt),))
    world.grant("leif")
    found = world.json("find", *WHY, who="leif")
    assert ([one["id"] for one in found["recordings"]], found["damaged"]) == ([kept], [spoilt])


@pytest.mark.rule("security.monitored")
def test_a_name_of_controls_reaches_no_terminal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in_odd(world, monkeypatch, {"agent": "\x1b[2J\u202e", "source_id": "\x1b[2J"})
    world.grant("leif")
    for who, *words in (
        ("leif", "find", *WHY),
        ("sigrid", "dsar", "90000001", *CALLED, "--out", str(world.base / "answer.html")),
    ):
        result = world.run(*words, who=who)
        assert result.exit == 0
        assert_clean(result)
