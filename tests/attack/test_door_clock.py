"""The person at the door: whoever sets the clock, back or ahead, or uses the program while it is wrong."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.model.records import from_iso
from arlo_rec.law.model.times import local_date
from arlo_rec.policy import RETENTION
from tests.support.answers import opened
from tests.support.attack import loot
from tests.support.copies import SAID, labels, propose
from tests.support.policies import put
from tests.support.world import REASON, World

LISTEN = ("--purpose", "quality", "--reason", REASON)
WHY = "the server had another year since yesterday"
DAY = timedelta(days=1)
Clock = Callable[[timedelta], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the program's clock, from now on by so much off the true one."""

    def off(by: timedelta) -> None:
        monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + by)

    return off


def refused(world: World, *words: str, who: str) -> bool:
    """Whether a command is refused because the clock is behind, in words that name the entry and whose it is."""
    result = world.run(*words, "--json", who=who)
    error = result.json.get("error") or {}
    if (result.exit, error.get("code"), error.get("rule")) != (14, "retention.guard", "retention.90d"):
        return False
    assert "arlo-rec clock --accept" in error["message"]
    return True


def heard(world: World, recording: str) -> int:
    out = world.base / f"heard-{len(list(world.base.glob('heard-*')))}"
    return world.run("export", recording, *LISTEN, "--out", str(out), who="leif").exit


# -- a clock that is set back -------------------------------------------------------------------------


@pytest.mark.rule("retention.90d")
def test_a_clock_that_is_set_back_opens_no_grant_that_ended_though_no_purge_ran(world: World, clock: Clock) -> None:
    (call,) = world.take_in("call")
    world.grant("leif", "quality", "--days", "1")
    assert heard(world, call) == 0
    clock(2 * DAY)
    assert heard(world, call) == 13, "it ended, and the attempt is the newest entry of the log"
    clock(timedelta(hours=2))
    assert heard(world, call) == 14
    message = world.run("find", *LISTEN, "--json", who="leif").json["error"]["message"]
    assert "by leif is of" in message and str(local_date(datetime.now(UTC) + 2 * DAY)) in message
    clock(2 * DAY - timedelta(minutes=9))
    assert heard(world, call) == 13, "a clock that drifts is no clock that was set back"
    clock(2 * DAY + timedelta(seconds=1))
    assert heard(world, call) == 13, "and once it is right, everything is as it was"


@pytest.mark.rule("retention.90d")
def test_a_clock_that_is_set_back_opens_nothing_past_its_90_days_and_takes_nothing_in(
    world: World, clock: Clock
) -> None:
    (call,) = world.take_in("call")
    world.grant("leif", "quality", "--days", "90")
    clock(90 * DAY)
    assert heard(world, call) == 13
    clock(30 * DAY)
    assert heard(world, call) == 14
    world.deliver("late", started=datetime.now(UTC) + 29 * DAY)
    assert refused(world, "ingest", str(world.spool), who="telefon")
    assert (world.spool / "late.json").exists()
    said = ("dsar", "90000001", "--identity", "called back on the number of the contract", "--out")
    assert refused(world, *said, str(world.base / "answer.html"), who="sigrid")
    assert not (world.base / "answer.html").exists()


def test_while_the_clock_is_behind_nobody_is_given_anything_and_everything_can_be_taken_away(
    world: World, clock: Clock
) -> None:
    calls = world.take_in("a", "b")
    copy = str(propose(world, calls[0])["copy"])
    world.grant()
    world.grant("turid")
    clock(5 * DAY)
    world.json("status", who="iver")
    world.json("purge", who="cron")
    clock(DAY)
    new = str(world.base / "new")
    for words in (
        ("grant", "turid", "--all-teams", "--purpose", "training", "--reason", "responsible for training"),
        ("person", "add", "nora", "--role", "manager"),
        ("person", "add", "other", "--role", "ingest", "--service", "--key-out", new),
        ("person", "passphrase", "--reset", "leif"),
        ("person", "rotate", "telefon", "--key-out", new),
        ("recovery", "renew"),
        ("person", "remove", "sigrid", "--successor", "nora"),
        ("pseudonymise", *SAID, calls[1], "--cuts", labels(world, (0.1, 0.2))),
        ("review", *SAID, copy),
        ("release", copy, "--reason", WHY),
        ("find", *LISTEN),
        ("export", calls[1], *LISTEN, "--out", new),
    ):
        assert refused(world, *words, who="sigrid" if words[0] not in {"find", "export"} else "leif"), words
    assert not (world.base / "new").exists()
    assert world.json("revoke", "leif", who="sigrid")["revoked"]
    world.json("person", "remove", "turid", "--yes", who="sigrid")
    assert world.json("withdraw", "--call", "pbx.a", "--yes", who="siri")["erased"] == 2
    assert world.json("purge", who="cron")["erased"] == 0
    assert world.json("recipients", "list", who="iver")["ok"]
    status = world.run("status", "--json", who="iver")
    assert (status.exit, status.json["critical"][0]) == (3, "clock_behind")
    assert world.json("audit", "show", "--outcome", "denied", who="iver")["entries"]
    assert world.json("verify", who="iver")["problems"] == []


def test_a_revocation_while_the_clock_is_behind_gives_the_root_to_nobody_whose_grant_had_ended(
    world: World, clock: Clock
) -> None:
    world.take_in("call")
    world.grant("turid", "quality", "--days", "2")
    world.grant("leif", "quality", "--days", "30")
    clock(3 * DAY)
    world.json("purge", who="cron")
    assert "root" not in loot(world, "turid").parts
    clock(DAY)
    world.json("revoke", "leif", who="sigrid")
    assert "root" not in loot(world, "turid").parts


def test_a_withdrawal_under_a_clock_that_is_behind_refuses_what_was_recorded_until_the_last_purge(
    world: World, clock: Clock
) -> None:
    clock(2 * DAY)
    world.json("purge", who="cron")
    clock(timedelta())
    world.json("withdraw", "90000001", "--yes", who="siri")
    clock(2 * DAY + timedelta(minutes=1))
    world.deliver("late", started=datetime.now(UTC) + DAY)
    refusals = world.json("ingest", str(world.spool), who="telefon")["refused"]
    assert [refusal["code"] for refusal in refusals] == ["withdrawn"]


# -- an officer accepts it ----------------------------------------------------------------------------


def test_only_an_officer_accepts_a_clock_with_a_reason_and_only_one_that_is_behind(world: World, clock: Clock) -> None:
    (call,) = world.take_in("call")
    accept = ("clock", "--accept", "--reason", WHY)
    assert world.run(*accept, who="sigrid").exit == 2, "there is nothing to accept"
    clock(5 * DAY)
    world.json("purge", who="cron")
    clock(timedelta())
    for who in ("leif", "siri", "cron", "telefon", "iver"):
        assert world.run(*accept, who=who).exit == 13, who
    assert world.run("clock", "--accept", "--reason", "no", who="sigrid").exit == 2
    shown = world.run("clock", "--json", who="leif")
    assert (shown.exit, shown.json["behind"], shown.json["newest"]["person"]) == (3, True, "cron")
    assert refused(world, "find", *LISTEN, who="leif")
    assert world.json(*accept, who="sigrid")["behind"] is False
    (entry,) = world.json("audit", "show", "--action", "clock", "--outcome", "done", who="iver")["entries"]
    assert (entry["reason"], entry["person"], entry["detail"]["before"]) == (WHY, "sigrid", entry["seq"])
    assert world.json("clock", who="iver")["accepted"] == entry["seq"]
    world.grant()
    assert heard(world, call) == 0
    assert world.json("verify", who="iver")["problems"] == []
    clock(timedelta(hours=-1))
    assert heard(world, call) == 14, "what is behind her entry counts again"


@pytest.mark.parametrize("who", ["iver", "leif", "cron"])
def test_an_entry_by_a_clock_of_2099_destroys_nothing_and_closes_the_store_until_it_is_accepted(
    world: World, clock: Clock, who: str
) -> None:
    (call,) = world.take_in("call")
    world.grant()
    clock(30_000 * DAY)
    denied = world.run("audit", "show", who=who)
    assert denied.exit == (0 if who == "iver" else 13), "which is an entry too"
    clock(timedelta())
    assert heard(world, call) == 14
    assert world.json("clock", who="iver")["newest"]["person"] == who, "whose entry it is is told"
    assert world.json("purge", who="cron")["erased"] == 0
    world.json("clock", "--accept", "--reason", WHY, who="sigrid")
    assert heard(world, call) == 0
    assert world.json("purge", who="cron")["erased"] == 0


@pytest.mark.rule("retention.90d")
def test_a_pending_grant_that_was_over_is_not_approved_under_a_clock_that_is_set_back(
    world: World, clock: Clock
) -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", "astrid", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    clock(10 * DAY)
    world.json("purge", "--allow-large", who="cron")
    grant = world.grant("sigrid")
    assert grant["state"] == "pending"
    clock(18 * DAY)
    world.json("purge", "--allow-large", who="cron")
    assert world.run("approve", grant["id"], "--json", who="astrid").exit != 0, "its seven days are over"
    clock(11 * DAY)
    told = world.run("approve", grant["id"], "--json", who="astrid")
    assert told.exit == 14, told


@pytest.mark.rule("retention.90d")
def test_an_export_that_runs_past_the_day_on_which_its_call_is_due_is_silenced(world: World, clock: Clock) -> None:
    started = datetime.now(UTC) - 80 * DAY
    (call,) = world.take_in("call", started=started)
    world.grant("leif")
    codes, due = set(), started + RETENTION
    for before in range(1, 6):  # readings of the clock until the day is over
        with pytest.MonkeyPatch.context() as patch:
            readings = itertools.count(-before)
            patch.setattr(Run, "now", lambda _run, at=readings: due + next(at) * timedelta(seconds=2))
            codes.add(world.code("export", call, *LISTEN, "--out", str(world.base / "out.wav"), who="leif"))
    assert codes == {(14, "past_its_day"), (14, "gone_meanwhile")}
    assert not (world.base / "out.wav").exists()


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("ahead", [timedelta(minutes=9), timedelta(days=3)])
def test_the_letter_tells_of_an_access_by_a_clock_that_was_ahead(world: World, clock: Clock, ahead: timedelta) -> None:
    world.take_in("a", seconds=0.2)
    before = letter(world).count("<tr>")
    clock(ahead)
    world.json("withdraw", "90000001", "--dry-run", who="siri")
    clock(timedelta())
    if ahead > timedelta(minutes=10):
        world.accept_clock()
    told = letter(world)
    assert told.count("<tr>") == before + 2, "the first answer, and the look"
    times = [from_iso(one) for one in re.findall(r'<tr><td><time datetime="(.*?)">', told)]
    assert times and max(times) <= datetime.now(UTC), "none is told of a time to come"


def letter(world: World) -> str:
    out = world.base / f"answer-{len(list(world.base.glob('answer-*')))}.html"
    known = ("--identity", "called back on the number of the contract", "--lang", "en")
    told = world.json("dsar", "90000001", *known, "--out", str(out), who="sigrid")
    html: str = opened(out.read_bytes(), told["passphrase"].encode())["letter_html"]
    return html


# -- and another retention ----------------------------------------------------------------------------


@pytest.mark.rule("retention.90d")
def test_a_clock_that_jumped_to_the_day_of_a_shorter_retention_erases_no_large_share(
    world: World, clock: Clock
) -> None:
    world.take_in(*(f"c{number}" for number in range(30)), started=datetime.now(UTC) - 40 * DAY)
    world.json("purge", who="cron")
    day = (datetime.now(UTC) + 5 * DAY).date()
    put(world, f'version = "2026-02"\nfrom = {day}\nretention_days = 30\n')
    clock(6 * DAY)
    assert world.code("purge", who="cron") == (14, "retention.guard")


@pytest.mark.rule("retention.90d")
def test_a_clock_that_is_set_back_and_accepted_makes_no_retention_longer_for_what_is_held(
    world: World, clock: Clock
) -> None:
    world.take_in("call", started=datetime.now(UTC) - 20 * DAY)
    put(world, 'version = "2026-02"\nretention_days = 30\n')
    clock(-timedelta(hours=1))
    world.json("clock", "--accept", "--reason", "the clock was an hour ahead", who="sigrid")
    put(world, 'version = "2026-03"\nretention_days = 90\n')
    clock(35 * DAY)
    world.grant()
    assert world.json("find", *LISTEN, who="leif")["recordings"] == []


@pytest.mark.rule("retention.90d")
def test_what_was_erased_by_a_retention_of_its_time_alarms_nobody_once_the_clock_is_right(
    world: World, clock: Clock
) -> None:
    clock(6 * DAY)
    world.take_in("a", started=datetime.now(UTC) - 40 * DAY)
    put(world, 'version = "2026-02"\nretention_days = 30\n')
    world.json("purge", "--allow-large", who="cron")
    clock(0 * DAY)
    world.json("clock", "--accept", "--reason", "the clock was six days ahead", who="sigrid")
    put(world, 'version = "2026-03"\nretention_days = 90\n')
    assert world.json("verify", "--read-data", who="iver")["problems"] == []


@pytest.mark.rule("retention.90d")
def test_what_a_clock_that_was_ahead_erased_by_a_version_to_come_alarms_nobody(world: World, clock: Clock) -> None:
    world.take_in("a", started=datetime.now(UTC) - 40 * DAY)
    day = (datetime.now(UTC) + 3 * DAY).date()
    put(world, f'version = "2026-02"\nfrom = {day}\nretention_days = 30\n')
    clock(5 * DAY)
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 1
    clock(0 * DAY)
    world.json("clock", "--accept", "--reason", "the clock was five days ahead", who="sigrid")
    put(world, 'version = "2026-03"\nretention_days = 90\n')
    assert world.json("verify", "--read-data", who="iver")["problems"] == []
