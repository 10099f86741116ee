"""Holds: calls kept beyond their retention on a ground of the law, closed to both purposes, with an end."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.records import from_iso
from arlo_rec.law.rights import HOLD_LONGEST, HoldGround, may_hold, outlives_withdrawal
from arlo_rec.office import holds
from arlo_rec.people.dsar.page_file import passphrase_bytes
from tests.support import answers
from tests.support.attack import meanwhile
from tests.support.clock import later
from tests.support.copies import CONFIRM, labels, propose
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("retention.90d")]
WHY = ("--reason", "the person needs the call in a dispute")
QUALITY = ("--purpose", "quality", "--reason", REASON)
NOW = datetime(2026, 10, 9, 8, tzinfo=UTC)


def hold(world: World, call: str, ground: str = "18c", until: str = "30d", who: str = "sigrid") -> str:
    told = world.json("hold", "set", call, "--ground", ground, "--until", until, *WHY, who=who)
    return str(told["hold"]["id"])


@given(st.timedeltas(timedelta(days=-200), timedelta(days=200)))
def test_a_hold_has_an_end_within_90_days(span: timedelta) -> None:
    assert may_hold(NOW + span, now=NOW).allowed is (timedelta(0) < span < HOLD_LONGEST + timedelta(days=1))


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        (timedelta(0), "hold_ends_in_past"),
        (timedelta(microseconds=1), "ok"),
        (timedelta(days=91, microseconds=-1), "ok"),
        (timedelta(days=91), "hold_too_long"),
    ],
)
def test_the_longest_hold_ends_with_the_ninetieth_day_and_the_shortest_after_this_moment(
    ahead: timedelta, code: str
) -> None:
    assert may_hold(NOW + ahead, now=NOW).code == code


def test_only_what_the_person_asked_for_outlives_a_withdrawal() -> None:
    assert {ground for ground in HoldGround if outlives_withdrawal(ground)} == {"18b", "18c"}


@pytest.mark.slow
def test_a_call_on_hold_opens_for_no_purpose_and_is_found_by_no_search(world: World) -> None:
    held, free = world.take_in("a", "b", seconds=0.2)
    world.grant()
    hold(world, held)
    out = ("--out", str(world.base / "a.wav"))
    assert world.code("export", held, *QUALITY, *out, who="leif") == (14, "on_hold")
    cuts = world.base / "cuts.json"
    cuts.write_text('[{"start": 0.05, "end": 0.1, "type": "name"}]', "utf-8")
    assert world.code("pseudonymise", held, "--cuts", str(cuts), *WHY, who="sigrid") == (14, "on_hold")
    found = world.json("find", *QUALITY, who="leif")["recordings"]
    assert [each["id"] for each in found] == [free]
    assert world.json("status", who="iver")["holds"] == 1
    [listed] = world.json("hold", "list", who="sigrid")["holds"]
    assert (listed["ground"], listed["by"], listed["approved_by"], listed["calls"]) == ("18c", "sigrid", None, [held])
    assert world.code("hold", "list", who="leif") == (13, "not_your_role")
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
def test_a_call_on_hold_outlives_its_90_days_until_the_hold_ends_and_not_a_day_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = world.take_in("a", "b", seconds=0.2)
    later(monkeypatch, days=60)
    hold(world, held, "order", "60d")
    assert "hold_ends" not in world.tasks("sigrid")
    later(monkeypatch, days=115)
    assert "hold_ends" in world.tasks("sigrid"), "the person is told before (GDPR 18(3))"
    later(monkeypatch, days=91)
    purged = world.json("purge", "--allow-large", who="cron")
    assert [each["id"] for each in purged["recordings"]] == [free]
    assert (purged["overdue"], world.json("status", who="iver")["overdue"]) == (0, 0)
    assert world.json("verify", who="iver")["problems"] == []
    answer = ("dsar", "90000001", "--identity", "called-back", "--out", str(world.base / "a.html"))
    assert world.json(*answer, who="sigrid")["recordings"] == 1
    later(monkeypatch, days=122)
    assert [each["id"] for each in world.json("purge", "--allow-large", who="cron")["recordings"]] == [held]
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
@pytest.mark.parametrize("ground", list(HoldGround))
def test_a_withdrawal_erases_what_is_held_against_the_persons_wish(
    world: World, monkeypatch: pytest.MonkeyPatch, ground: HoldGround
) -> None:
    [call] = world.take_in("a", seconds=0.2)
    number = hold(world, call, ground)
    told = world.json("withdraw", "90000001", "--yes", who="siri")
    is_kept = outlives_withdrawal(ground)
    assert (told["erased"], told["kept"]) == ((0, 1) if is_kept else (1, 0))
    assert world.json("verify", who="iver")["problems"] == []
    if is_kept:
        assert world.json("purge", who="cron")["erased"] == 0
        again = world.json("withdraw", "90000001", "--yes", who="siri")
        assert (again["erased"], again["kept"]) == (0, 1)
        world.json("hold", "lift", number, "--reason", "the dispute has ended", who="sigrid")
        world.grant()
        out = ("--out", str(world.base / "a.wav"))
        assert world.code("export", call, *QUALITY, *out, who="leif") == (14, "consent_withdrawn")
        assert world.json("find", *QUALITY, who="leif")["recordings"] == []
        answer = ("dsar", "90000001", "--identity", "called-back", "--out", str(world.base / "a.html"))
        assert world.json(*answer, who="sigrid")["recordings"] == 0
        assert world.json("status", who="iver")["due"] == 1, "until a purge"
        assert world.json("purge", who="cron")["erased"] == 1, "withdrawn long ago"
        assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
@pytest.mark.rule("consent.withdraw")
def test_what_the_person_asked_for_outlives_a_withdrawal_also_beside_a_longer_hold(world: World) -> None:
    (call,) = world.take_in("a", seconds=0.2)
    hold(world, call, "18c", "30d")
    hold(world, call, "complaint", "60d")
    told = world.json("withdraw", "90000001", "--yes", who="siri")
    assert (told["erased"], told["kept"]) == (0, 1)
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
@pytest.mark.rule("consent.withdraw")
def test_what_was_withdrawn_stays_on_no_other_ground(world: World) -> None:
    (call,) = world.take_in("a", seconds=0.2)
    theirs = hold(world, call, "18c", "30d")
    hold(world, call, "complaint", "60d")
    world.json("withdraw", "90000001", "--yes", who="siri")
    words = ("hold", "set", call, "--ground", "order", "--until", "60d", *WHY)
    assert world.code(*words, who="sigrid") == (14, "hold_after_withdrawal")
    assert world.json("purge", who="cron")["erased"] == 0
    world.json("hold", "lift", theirs, *WHY, who="sigrid")
    assert world.json("purge", who="cron")["erased"] == 1
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_an_answer_tells_a_call_that_went_with_its_hold_as_withdrawn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = world.take_in("a", seconds=0.2)
    world.json("case", "open", "90000001", "--identity", "called-back", who="sigrid")
    hold(world, call, "18c", "3d")
    world.json("withdraw", "90000001", "--yes", who="siri")
    later(monkeypatch, days=5)
    assert world.json("purge", who="cron")["erased"] == 1
    out = world.base / "a.html"
    told = world.json("dsar", "90000001", "--identity", "called-back", "--out", str(out), who="sigrid")
    content = answers.opened(out.read_bytes(), passphrase_bytes(told["passphrase"]))
    data = json.loads(content["bodies"]["data.json"])
    assert [each["why"] for each in data["erased_since"]] == ["withdrawn"]


@pytest.mark.slow
@pytest.mark.rule("data.employee")
def test_the_employee_who_answered_learns_of_a_hold_and_not_for_whom_it_is(world: World) -> None:
    (call,) = world.take_in("a", seconds=0.2)
    hold(world, call, "18c", "30d")
    world.json("withdraw", "90000001", "--yes", who="siri")
    out = world.base / "a.html"
    words = ("dsar", "--agent", "Ola Oppdiktet", "--identity", "called-back", "--out", str(out), "--lang", "en")
    told = world.json(*words, who="sigrid")
    content = answers.opened(out.read_bytes(), passphrase_bytes(told["passphrase"]))
    letter = answers.words(content["letter_html"])
    [sentence] = re.findall(r"This recording is on hold until [^.]*\. [^.]*\.", letter)
    assert sentence.endswith(". No one may use it.") and "You have withdrawn" not in letter
    [recording] = json.loads(content["bodies"]["data.json"])["recordings"]
    assert (recording["hold"]["ground"], recording["hold"]["withdrawn"]) == (None, False)


@pytest.mark.slow
def test_what_is_erased_is_counted_on_hold_no_more(world: World) -> None:
    first, second = world.take_in("a", "b", seconds=0.2)
    for_both = ("hold", "set", "--caller", "90000001", "--ground", "18a", "--until", "5d")
    world.json(*for_both, "--reason", "the person says the date is wrong", who="sigrid")
    world.json("withdraw", "--call", first, "--yes", who="siri")
    (listed,) = world.json("hold", "list", who="sigrid")["holds"]
    assert (listed["calls"], world.json("status", who="iver")["holds"]) == ([second], 1)
    assert "hold_ends" in world.tasks("sigrid")
    world.json("withdraw", "90000001", "--yes", who="siri")
    (listed,) = world.json("hold", "list", who="sigrid")["holds"]
    assert (listed["calls"], world.json("status", who="iver")["holds"]) == ([], 0)
    assert "hold_ends" not in world.tasks("sigrid"), "nobody is told of the end of nothing"


@pytest.mark.slow
def test_a_call_after_a_withdrawal_is_not_taken_for_one_that_was_on_hold_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = world.take_in("a", seconds=0.2)
    hold(world, first)
    world.json("withdraw", "90000001", "--yes", who="siri")
    later(monkeypatch, hours=3)
    [second] = world.take_in("b", started=datetime.now(UTC) + timedelta(hours=2), seconds=0.2)
    later(monkeypatch, days=31)
    assert [each["id"] for each in world.json("purge", "--allow-large", who="cron")["recordings"]] == [first]
    assert world.json("withdraw", "90000001", "--yes", who="siri")["recordings"][0]["id"] == second


@pytest.mark.slow
@pytest.mark.rule("access.officer")
def test_where_there_are_two_officers_a_hold_is_in_force_once_the_other_approves(two: World) -> None:
    started = datetime.now(UTC) + timedelta(days=8) - timedelta(hours=1)
    [call] = two.take_in("a", started=started, seconds=0.2)
    waits = hold(two, call)
    assert two.json("status", who="iver")["holds"] == 0
    assert two.json("hold", "list", who="sigrid")["holds"][0]["state"] == "waits"
    assert (two.tasks("sigrid"), two.tasks("astrid")) == ([], ["approve_hold"])
    assert two.code("approve", waits, who="sigrid") == (13, "not_second")
    told = two.json("approve", waits, who="astrid")["hold"]
    assert (told["state"], told["by"], told["approved_by"]) == ("set", "sigrid", "astrid")
    other = hold(two, call, "18d")
    assert two.json("deny", other, "--reason", "no objection is open", who="astrid")["hold"]["state"] == "denied"
    assert two.json("status", who="iver")["holds"] == 1
    assert two.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
@pytest.mark.rule("access.officer")
def test_a_hold_that_nobody_decides_on_within_a_week_is_none(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    started = datetime.now(UTC) + timedelta(days=8) - timedelta(hours=1)
    [call] = two.take_in("a", started=started, seconds=0.2)
    waits = hold(two, call)
    later(monkeypatch, days=15)
    assert two.code("approve", waits, who="astrid") == (4, "no_pending_grant")
    assert two.json("hold", "list", who="astrid")["holds"] == []
    assert "approve_hold" not in two.tasks("astrid")


@pytest.mark.slow
@pytest.mark.rule("access.officer")
@pytest.mark.parametrize(
    "words", [("approve",), ("deny", "--reason", "no dispute is open")], ids=lambda words: words[0]
)
def test_a_hold_that_was_taken_back_meanwhile_is_decided_no_more(
    two: World, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    started = datetime.now(UTC) + timedelta(days=8) - timedelta(hours=1)
    [call] = two.take_in("a", started=started, seconds=0.2)
    waits = hold(two, call)
    meanwhile(monkeypatch, holds, "may_decide", lambda: two.json("deny", waits, *WHY, who="sigrid"))
    assert two.code(words[0], waits, *words[1:], who="astrid") == (4, "no_pending_grant")
    assert two.json("status", who="iver")["holds"] == 0


@pytest.mark.slow
def test_with_a_clock_that_is_behind_the_log_no_hold_is_set_or_approved(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = datetime.now(UTC) + timedelta(days=8) - timedelta(hours=1)
    [call] = two.take_in("a", started=started, seconds=0.2)
    waits = hold(two, call)
    later(monkeypatch, days=7)
    again = ("hold", "set", call, "--ground", "18c", "--until", "30d", *WHY)
    assert two.code("approve", waits, who="astrid") == (14, "retention.guard")
    assert two.code(*again, who="sigrid") == (14, "retention.guard")


# -- copies and other holds ---------------------------------------------------------------------------


@pytest.mark.slow
def test_the_copies_of_a_call_are_on_hold_with_it_and_are_held_by_their_own_ids_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = world.take_in("a", seconds=1)
    made = propose(world, call)["copy"]
    world.json("review", made, *CONFIRM, who="sigrid")
    copy = world.json("release", made, *WHY, who="sigrid")["copy"]["copy"]
    world.grant("turid", "training")
    words = ("--purpose", "training", "--reason", REASON)
    by_copy = world.json("hold", "set", copy, "--ground", "order", "--until", "90d", *WHY, who="sigrid")["hold"]
    end = ("--ground", "18a", "--until", "5d")
    by_caller = world.json("hold", "set", "--caller", "90000001", *end, *WHY, who="sigrid")["hold"]
    assert by_copy["calls"] == by_caller["calls"] == [call]
    out = ("--out", str(world.base / "a.wav"))
    assert world.code("export", copy, *words, *out, who="turid") == (14, "on_hold")
    assert world.json("find", *words, who="turid")["recordings"] == []
    later(monkeypatch, days=90)
    assert world.json("purge", "--allow-large", who="cron")["recordings"] == [], "the copy outlives its day too"


@pytest.mark.slow
def test_of_several_holds_the_last_to_end_counts_and_none_ends_a_call_before_its_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = world.take_in("a", seconds=0.2)
    case = world.json("case", "open", "90000001", "--identity", "called-back", who="sigrid")["case"]
    hold(world, call, "18a", "5d")
    assert first_erased(world) == from_iso(case["first_erased"])
    hold(world, call, "order", "90d")
    hold(world, call, "18a", "20d")
    assert first_erased(world) > from_iso(case["first_erased"])
    later(monkeypatch, days=90)
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 0


def first_erased(world: World) -> datetime:
    """When the recording of the only case goes."""
    (case,) = world.json("case", "list", who="sigrid")["cases"]
    return from_iso(case["first_erased"])


@pytest.mark.slow
def test_the_end_of_a_hold_is_a_task_from_seven_days_before_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (call,) = world.take_in("a", seconds=0.2)
    words = ("hold", "set", call, "--ground", "order", "--until", "30d", *WHY)
    ahead = from_iso(world.json(*words, who="sigrid")["hold"]["until"]) - datetime.now(UTC)
    for before, is_told in ((timedelta(days=7, minutes=1), False), (timedelta(days=7), True)):
        later(monkeypatch, seconds=(ahead - before).total_seconds())
        assert ("hold_ends" in world.tasks("sigrid")) is is_told


@pytest.mark.slow
def test_no_copy_is_made_of_what_was_withdrawn_while_it_was_on_hold(world: World) -> None:
    (call,) = world.take_in("a", seconds=1)
    number = hold(world, call)
    world.json("withdraw", "90000001", "--yes", who="siri")
    world.json("hold", "lift", number, "--reason", "the dispute has ended", who="sigrid")
    make = ("pseudonymise", call, "--cuts", labels(world, (0.1, 0.2)), *WHY)
    assert world.code(*make, who="sigrid") == (14, "consent_withdrawn")


@pytest.mark.slow
def test_what_cannot_be_held_says_why(world: World) -> None:
    [call] = world.take_in("a", seconds=0.2)
    words = ("hold", "set", call, *WHY)
    assert world.code(*words, "--ground", "18c", "--until", "92d", who="sigrid") == (14, "hold_too_long")
    assert world.code(*words, "--ground", "18c", "--until", "2020-01-01", who="sigrid") == (14, "hold_ends_in_past")
    assert world.code(*words, "--ground", "sales", "--until", "30d", who="sigrid") == (2, "hold_ground_unknown")
    end = ("--ground", "18c", "--until", "30d")
    assert world.code("hold", "set", "0" * 32, *end, *WHY, who="sigrid") == (4, "hold_of_nothing")
    assert world.code("hold", "set", "--caller", "90000009", *end, *WHY, who="sigrid") == (4, "hold_of_nothing")
    assert world.code("hold", "set", *end, *WHY, who="sigrid") == (2, "caller_or_call")
    assert world.code("hold", "set", call, *end, *WHY, who="leif") == (13, "not_your_role")
    assert world.code("hold", "lift", "abcdef", *WHY, who="sigrid") == (4, "no_such_hold")
    by_source = world.json("hold", "set", "pbx.a", *end, *WHY, who="sigrid")["hold"]
    assert by_source["calls"] == [call]
