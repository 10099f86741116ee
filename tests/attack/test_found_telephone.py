"""The telephone system with own code: what it knows of a call, and for how long the call is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec import policy
from arlo_rec.commands.run import Run
from arlo_rec.intake import sealing
from tests.support.world import REASON, World, assert_clean, assert_no_bug

WHY = ("--purpose", "quality", "--reason", REASON)
CALLED = ("--identity", "called back on the number of the contract")


@pytest.mark.rule("retention.90d")
def test_a_call_that_is_due_in_ten_years_is_named_or_opens_no_longer_than_90_days(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as own:
        own.setattr(policy, "due_at", lambda started: started + timedelta(days=3650))
        (call,) = world.take_in("a")
    if world.run("verify", "--read-data", "--json", who="iver").exit == 15:
        return
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=100))
    world.grant("leif")
    heard = world.run("export", call, *WHY, "--out", str(world.base / "out.wav"), "--json", who="leif")
    assert heard.exit != 0, heard
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 1


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize(
    "odd",
    [
        {"duration_s": "long"},
        {"duration_s": 1e308},
        {"channels": {"caller": 7, "agent": 0}},
        {"channels": {"caller": -1}},
        {"channels": None},
        {"known": None},
        {"known": {"caller": 5}},
        {"agent": 7},
        {"agent": "\x1b[2J"},
        {"consent": None},
        {"consent": {"at": "tomorrow"}},
        {"source_id": ["x"]},
        {"caller": {"x": 1}},
        {"lead_s": "x"},
    ],
    ids=str,
)
def test_what_the_telephone_system_knows_of_a_call_stops_no_search_and_no_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]
) -> None:
    kept = sealing.facts_of

    def facts_of(*given: Any) -> sealing.Facts:
        facts = kept(*given)
        heard = {key: value for key, value in odd.items() if key in facts.heard}
        return sealing.Facts({**facts.whole, **odd}, {**facts.heard, **heard})

    with monkeypatch.context() as own:
        own.setattr(sealing, "facts_of", facts_of)
        (call,) = world.take_in("a", seconds=1)
    world.grant("leif")
    cuts = world.base / "cuts.txt"
    cuts.write_text("0.1\t0.2\tKari\n", "utf-8")
    for who, *words in (
        ("leif", "find", *WHY),
        ("leif", "find", *WHY, "--agent", "Ola"),
        ("sigrid", "dsar", "90000001", *CALLED, "--out", str(world.base / "answer.html")),
        ("sigrid", "pseudonymise", call, "--cuts", str(cuts)),
    ):
        assert_clean(world.run(*words, who=who))
    assert_no_bug(world)
