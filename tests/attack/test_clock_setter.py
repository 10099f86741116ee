"""Whoever sets the clock back, and whose own code writes times into the log that were not or will never be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.commands.run import Run
from arlo_rec.model.audit_events import ClockAccepted, LogShown, PurgeFinished
from arlo_rec.model.records import from_iso, to_iso, to_micros
from arlo_rec.model.strict_json import parse_object
from arlo_rec.model.times import local_date
from tests.support.attack import loot, own_code, problem_codes
from tests.support.catalogue import append_to_log, insider
from tests.support.copies import labels, propose
from tests.support.world import REASON, World

LISTEN = ("--purpose", "quality", "--reason", REASON)
WHY = "the server had another year since yesterday"
DAY = timedelta(days=1)
FAR = datetime(2099, 1, 1, tzinfo=UTC)
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


def at(event: dict[str, object], when: datetime) -> dict[str, object]:
    return {**event, "at": to_iso(when)}


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
        ("grant", "turid", "--purpose", "training", "--reason", "responsible for training"),
        ("person", "add", "nora", "--role", "manager"),
        ("person", "add", "other", "--role", "ingest", "--service", "--key-out", new),
        ("person", "passphrase", "--reset", "leif"),
        ("person", "rotate", "telefon", "--key-out", new),
        ("recovery", "renew"),
        ("person", "handover", "nora"),
        ("pseudonymise", calls[1], "--cuts", labels(world, (0.1, 0.2))),
        ("review", copy),
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
    assert (status.exit, status.json["critical"]) == (3, ["clock_behind"])
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


# -- entries of somebody's own code -------------------------------------------------------------------


@pytest.mark.parametrize("who", ["siri", "cron", "telefon", "iver", "leif", "sigrid"])
def test_an_entry_of_the_year_2099_destroys_nothing_and_closes_the_store_until_it_is_accepted(
    world: World, who: str
) -> None:
    (call,) = world.take_in("call")
    world.grant()
    place = append_to_log(world, who, at(LogShown().to_json(), FAR))
    assert heard(world, call) == 14
    shown = world.run("clock", "--json", who="iver").json
    assert (shown["newest"]["entry"], shown["newest"]["person"]) == (place, who), "whose key signed it is told"
    assert world.json("purge", who="cron")["erased"] == 0
    assert problem_codes(world) == (set() if who in {"iver", "sigrid"} else {"entry_without_right"})
    world.json("clock", "--accept", "--reason", WHY, who="sigrid")
    assert heard(world, call) == 0
    assert world.json("purge", who="cron")["erased"] == 0


@pytest.mark.parametrize("who", ["siri", "telefon", "iver", "leif"])
def test_a_purge_that_somebody_invents_who_may_not_purge_erases_nothing(world: World, who: str) -> None:
    (call,) = world.take_in("call")
    world.grant()
    append_to_log(world, who, at(PurgeFinished().to_json(), FAR))
    told = world.json("purge", who="cron")
    assert (told["due"], told["erased"]) == (0, 0)
    world.json("clock", "--accept", "--reason", WHY, who="sigrid")
    assert heard(world, call) == 0


@pytest.mark.parametrize("who", ["siri", "cron", "telefon", "iver", "leif"])
def test_an_acceptance_that_is_no_officers_opens_nothing(world: World, clock: Clock, who: str) -> None:
    (call,) = world.take_in("call")
    world.grant("leif", "quality", "--days", "1")
    clock(2 * DAY)
    place = world.json("clock", who="iver")["newest"]["entry"] + 2  # the attempt is logged in between
    assert heard(world, call) == 13
    clock(timedelta())
    accepted = ClockAccepted(reason=WHY, before=place, newest=to_iso(FAR)).to_json()
    assert append_to_log(world, who, at(accepted, datetime.now(UTC))) == place
    assert heard(world, call) == 14


@pytest.mark.parametrize(
    "time", ["", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "tomorrow", 7, None, "2099-13-01"]
)
def test_an_entry_whose_time_is_none_or_at_the_end_of_all_days_stops_no_command(world: World, time: object) -> None:
    (call,) = world.take_in("call")
    world.grant()
    append_to_log(world, "iver", {**LogShown().to_json(), "at": time})
    assert world.run("clock", "--json", who="iver").exit in (0, 3)
    for words in ((), ("--from", "2026-01-01", "--person", "iver"), ("--json",)):
        assert world.run("audit", "show", *words, who="iver").exit == 0
    world.run("clock", "--accept", "--reason", WHY, who="sigrid")
    assert world.json("purge", who="cron")["erased"] == 0
    assert heard(world, call) == 0


def test_an_index_that_somebody_changes_is_not_believed_and_verify_names_it(world: World, clock: Clock) -> None:
    (call,) = world.take_in("call")
    world.grant("leif", "quality", "--days", "1")
    clock(2 * DAY)
    assert heard(world, call) == 13
    clock(timedelta())
    with insider(world) as db:
        first = db.rows("SELECT seq, at FROM log_clock WHERE kind = 'purged'")[0]
        db.run("UPDATE log_clock SET seq = ?, at = ? WHERE kind = 'newest'", tuple(first))
    assert heard(world, call) == 14, "the last entry counts, whatever the index says"
    with insider(world) as db:
        last = int(db.rows("SELECT max(seq) FROM entries")[0][0])
        far = int(FAR.timestamp() * 1e6)
        db.run("UPDATE log_clock SET seq = ?, at = ? WHERE kind = 'purged'", (last, far))
    assert [problem["code"] for problem in world.run("verify", "--json", who="iver").json["problems"]] == [
        "clock_index_differs"
    ]
    assert world.json("purge", who="cron")["erased"] == 0
    world.json("clock", "--accept", "--reason", WHY, who="sigrid")
    assert world.json("verify", who="iver")["problems"] == [], "the next change wrote it anew"


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
def test_an_index_that_leaves_the_newest_entry_out_is_not_believed(world: World, clock: Clock) -> None:
    """It is compared with the entries that it names, and with the last: an auditor adds one behind the newest."""
    (call,) = world.take_in("call")
    world.grant("leif", "quality", "--days", "1")
    words = ("export", call, "--purpose", "quality", "--reason", REASON, "--out", str(world.base / "out.wav"))
    clock(2 * DAY)
    assert world.run(*words, who="leif").exit == 13, "its day is over, and that is the newest entry"
    clock(0 * DAY)
    assert world.run(*words, who="leif").exit == 14
    with own_code(world, "iver") as store, store.change(datetime.now(UTC)) as change:
        change.log(LogShown())
    with insider(world) as db:
        ((last, body),) = db.rows("SELECT seq, body FROM entries ORDER BY seq DESC LIMIT 1")
        at = to_micros(from_iso(parse_object(body)["at"]))
        db.run("UPDATE log_clock SET seq = ?, at = ? WHERE kind = 'newest'", (last, at))
    assert world.run(*words, who="leif").exit == 14
