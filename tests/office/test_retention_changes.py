"""Retention is shortened at once, for what is held too, and lengthened only for what is recorded after."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.log.events import Purged
from arlo_rec.law.model.policy_versions import Policy, first
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.law.model.records import Recording, RecordingId
from tests.support.attack import own_code
from tests.support.clock import later
from tests.support.policies import propose, put, refused
from tests.support.world import REASON, World, wait_until_due

pytestmark = pytest.mark.rule("retention.90d")
NOW = datetime(2026, 10, 9, 8, tzinfo=UTC)
FIRST = first("2026-01", NOW, SHIPPED)
ASKED = ("--purpose", "quality", "--reason", REASON)


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def held(world: World) -> list[str]:
    """What a manager finds who may hear everything."""
    return [each["id"] for each in world.json("find", *ASKED, who="leif")["recordings"]]


@pytest.mark.parametrize(("days", "ends"), [(1, 1), (59, 59), (60, 60), (90, 60), (91, 60)])
def test_a_recording_ends_when_its_row_says_and_no_later_than_the_policy_does(days: int, ends: int) -> None:
    facts = dict.fromkeys(Recording._fields) | {"started_at": NOW, "due_at": NOW + timedelta(days=days)}
    policy = Policy((replace(FIRST, retention_days=60),))
    assert policy.ends_at(Recording(**facts)) == NOW + timedelta(days=ends)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_shorter_retention_closes_at_once_what_is_held_and_the_purge_erases_it(world: World) -> None:
    [old] = world.take_in("old", started=ago(days=40))
    [young] = world.take_in("young", started=ago(days=20))
    world.grant()
    [gone] = world.take_in("gone", started=ago(days=89, hours=23, minutes=59, seconds=58))
    wait_until_due(world, 1)  # by the retention of before: the proposal changes nothing for it
    proposal = propose(world, 'version = "2026-02"\nretention_days = 30\n')
    assert proposal["consequences"] == [{"code": "due", "count": 1, "days": 30}]
    assert sorted(held(world)) == sorted([old, young]) and gone not in held(world)
    world.json("approve", proposal["id"], who="sigrid")
    assert held(world) == [young]
    out = str(world.base / "sound.wav")
    assert world.code("export", old, *ASKED, "--out", out, who="leif") == (14, "past_its_day")
    assert (status := world.json("status", who="iver"))["due"] == 2 and status["held"] == 3
    assert world.json("purge", "--dry-run", who="cron")["due"] == 2
    purged = world.json("purge", who="cron")
    assert (purged["erased"], purged["overdue"]) == (2, 0)
    assert world.json("status", who="iver")["held"] == 1
    assert world.json("verify", "--read-data", who="iver")["problems"] == []


@pytest.mark.slow
def test_what_a_person_and_a_manager_read_is_the_shorter_end(world: World) -> None:
    start = ago(days=20)
    world.take_in("call", started=start)
    world.grant()
    put(world, 'version = "2026-02"\nretention_days = 30\n')
    [hit] = world.json("find", *ASKED, who="leif")["recordings"]
    assert datetime.fromisoformat(hit["expires_at"]) == start + timedelta(days=30)


@pytest.mark.slow
def test_a_call_that_is_older_than_the_retention_is_not_taken_in(world: World) -> None:
    put(world, 'version = "2026-02"\nretention_days = 30\n')
    world.deliver("old", started=ago(days=30, hours=1))
    world.deliver("young", started=ago(days=29, hours=23), seed=1)
    answer = world.json("ingest", str(world.spool), who="telefon")
    assert [each["code"] for each in answer["refused"]] == ["expired"]
    assert len(answer["accepted"]) == 1


@pytest.mark.slow
def test_many_that_officers_made_due_stop_no_purge_and_a_wrong_clock_still_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in(*(f"old{number}" for number in range(22)), started=ago(days=40))
    world.json("purge", who="cron")
    put(world, 'version = "2026-02"\nretention_days = 30\n')
    assert world.json("purge", who="cron")["erased"] == 22
    world.take_in(*(f"new{number}" for number in range(22)), started=ago(days=24))
    later(monkeypatch, days=6, hours=12)
    assert world.code("purge", who="cron") == (14, "retention.guard")


@pytest.mark.slow
def test_a_longer_retention_is_for_what_is_recorded_after(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, 'version = "2026-02"\nretention_days = 30\n')
    [before] = world.take_in("before", started=ago(days=25))
    proposal = propose(world, 'version = "2026-03"\nretention_days = 60\n')
    assert proposal["consequences"] == [{"code": "keep_days", "count": 1, "days": 30}]
    world.json("approve", proposal["id"], who="sigrid")
    later(monkeypatch, hours=1)
    [after] = world.take_in("after", started=datetime.now(UTC) + timedelta(minutes=30))
    later(monkeypatch, days=31)
    world.grant()
    assert held(world) == [after]
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 1
    assert before not in held(world)


@pytest.mark.slow
def test_nobody_sets_more_than_the_guidelines_say(world: World) -> None:
    assert refused(world, 'version = "2026-02"\nretention_days = 91\n') == (14, "retention_longer")
    [entry] = world.json("audit", "show", "--denied", "--action", "policy", who="iver")["entries"]
    assert (entry["action"], entry["outcome"], entry["rule"]) == ("policy", "denied", "retention.90d")


@pytest.mark.slow
def test_what_a_purge_took_before_any_version_made_it_due_is_a_problem(world: World) -> None:
    [call] = world.take_in("call", started=ago(days=20))
    with own_code(world, "sigrid") as store:
        assert store.policy.due_at(ago(days=20)) > datetime.now(UTC)
        erased = Purged(rule="retention.90d", recordings=(RecordingId(bytes.fromhex(call)),), count=1)
        store.note(erased, datetime.now(UTC))
    codes = [each["code"] for each in world.run("verify", "--json", who="iver").json["problems"]]
    assert "erased_too_early" in codes
    put(world, 'version = "2026-02"\nretention_days = 10\n')  # what is approved later excuses nothing
    codes = [each["code"] for each in world.run("verify", "--json", who="iver").json["problems"]]
    assert "erased_too_early" in codes


# -- the rule itself ----------------------------------------------------------------------------------

_HOURS = st.integers(-24 * 120, 24 * 400)
_CHANGES = st.lists(st.tuples(st.integers(0, 24 * 200), st.integers(1, 90)), max_size=5)


def policy_of(changes: list[tuple[int, int]]) -> Policy:
    """Versions that come into force after so many hours, each with its days."""
    more = (replace(FIRST, since=NOW + timedelta(hours=at), retention_days=days) for at, days in changes)
    return Policy((FIRST, *more))


def is_past(policy: Policy, start: datetime, at: datetime) -> bool:
    """The same by asking at every change since the start which version was in force then."""
    changes = (each.since for each in policy.versions)
    days = {policy.at(moment).retention_days for moment in (start, *changes) if start <= moment <= at}
    return bool(days) and start + timedelta(days=min(days)) <= at


@given(_CHANGES, _HOURS, _HOURS)
def test_the_shortest_retention_that_was_in_force_since_the_start_counts(
    changes: list[tuple[int, int]], start: int, at: int
) -> None:
    policy, began, now = policy_of(changes), NOW + timedelta(hours=start), NOW + timedelta(hours=at)
    is_due = policy.due_at(began) <= now
    assert is_due is (began <= now and is_past(policy, began, now))
    assert is_due is (began <= policy.latest_due(now))


def test_what_is_recorded_at_the_instant_of_a_longer_retention_has_the_longer_one() -> None:
    policy, at = policy_of([(0, 30), (24, 60)]), NOW + timedelta(hours=24)
    instant = timedelta(microseconds=1)
    assert policy.due_at(at) == at + timedelta(days=60)
    assert policy.due_at(at - instant) == at - instant + timedelta(days=30)
    assert policy.latest_due(at + timedelta(days=40)) == at - instant


@given(_CHANGES, _HOURS, _HOURS)
def test_what_is_due_stays_due(changes: list[tuple[int, int]], one: int, other: int) -> None:
    policy, (early, late) = policy_of(changes), sorted((one, other))
    assert policy.latest_due(NOW + timedelta(hours=early)) <= policy.latest_due(NOW + timedelta(hours=late))
