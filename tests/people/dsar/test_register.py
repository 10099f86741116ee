"""The register of access requests: one case for a person, its deadline and its letters, all of it by the log."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.model.deadlines import answer_due
from arlo_rec.law.model.records import from_iso
from arlo_rec.law.model.times import end_of_day, local_date, shown
from arlo_rec.vault.crypto import primitives
from tests.support.answers import opened
from tests.support.catalogue import catalogue, insider, own_code
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("access.subject"), pytest.mark.slow]
CALLED = ("--identity", "called-back")
GROUND = ("--ground", "unfounded")
WHY = "there are many recordings to look through"
SHORT = {"seconds": 0.2}


def ask(world: World, name: str, *words: str) -> dict[str, Any]:
    """Answer a request, and open the answer: what the command told, and the data in it."""
    out = world.base / name
    told = world.json("dsar", *words, "--out", str(out), who="sigrid")
    inside = opened(out.read_bytes(), told["passphrase"].encode())
    data = json.loads(inside["bodies"]["data.json"])
    return {"told": told, "letter": inside["letter_html"], "data": data, "files": inside["bodies"]}


def refused(world: World, *words: str, who: str = "sigrid") -> tuple[int, str]:
    """The exit status and the code of a command that must fail."""
    told = world.run(*words, "--json", who=who)
    return told.exit, told.json["error"]["code"]


def case_of(world: World, *words: str) -> str:
    """A case that is open and not answered."""
    return str(world.json("case", "open", *(words or ("90000001", *CALLED)), who="sigrid")["case"]["id"])


def later(monkeypatch: pytest.MonkeyPatch, after: timedelta) -> datetime:
    now = datetime.now(UTC) + after
    monkeypatch.setattr(Run, "now", lambda _run: now)
    return now


def test_a_case_is_named_by_the_beginning_of_its_id_where_it_is_that_of_one_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chances, real = (
        iter(bytes.fromhex(each) for each in ("abcdef000010", "abcdef000020", "abcdef000030")),
        primitives.fresh,
    )

    def fresh(length: int = primitives.KEY) -> bytes:
        return next(chances, real(length)) if length == 6 else real(length)

    monkeypatch.setattr(primitives, "fresh", fresh)
    first, second = (
        world.json("case", "open", number, *CALLED, who="sigrid")["case"]["id"] for number in ("90000001", "90000002")
    )
    assert world.json("case", "show", first[:11], who="sigrid")["case"]["id"] == first
    for text in (first[:10], first[:5], "0123456"):
        assert refused(world, "case", "show", text) == (4, "no_such_case")
        assert refused(world, "case", "refuse", text, *GROUND, "--reason", WHY) == (4, "no_such_case")
        assert refused(world, "dsar", "--case", text, "--out", str(world.base / "x.html")) == (4, "no_such_case")
    assert world.json("case", "extend", second[:11], "--reason", WHY, who="sigrid")["case"]["id"] == second
    told = world.json("case", "refuse", first[:11], *GROUND, "--reason", WHY, who="sigrid")
    assert told["case"]["state"] == "refused"
    assert (
        world.json("dsar", "--case", second[:11], "--out", str(world.base / "a.html"), who="sigrid")["case"]["id"]
        == second
    )
    assert world.json("case", "close", second[:11], who="sigrid")["case"]["state"] == "closed"


# -- whose calls --------------------------------------------------------------------------------------


def test_several_numbers_in_any_notation_make_one_case_and_one_answer(world: World) -> None:
    world.take_in("a", **SHORT)
    world.take_in("b", caller="+4790000002", seed=1, **SHORT)
    world.take_in("c", caller="+4790000003", seed=2, **SHORT)
    answer = ask(world, "both.html", "900 00 001", "0047 90000002", *CALLED)
    assert answer["told"]["recordings"] == 2
    assert sorted(answer["data"]["identifiers"]) == ["+4790000001", "+4790000002"]
    assert "90000003" not in str(answer["data"])


@pytest.mark.parametrize("words", [("900", "00", "001"), ("+47", "90", "00", "00", "01"), ("90000001",)])
def test_a_number_that_is_typed_in_groups_is_one_number(world: World, words: tuple[str, ...]) -> None:
    world.take_in("a", **SHORT)
    assert ask(world, "one.html", *words, *CALLED)["data"]["identifiers"] == ["+4790000001"]


def test_a_number_that_somebody_shares_gives_nobody_the_rest_of_a_case(world: World) -> None:
    """A spouse asks by the number that both call from: nothing of the other's case is theirs."""
    world.take_in("a", **SHORT)
    world.take_in("b", caller="+4790000002", seed=1, **SHORT)
    case = case_of(world, "90000001", "90000002", *CALLED)
    out = ("--out", str(world.base / "spouse.html"))
    for words in (("90000001",), ("90000001", "--identity", "seen-id"), ("90000001", *CALLED)):
        told = world.run("dsar", *words, *out, "--json", who="sigrid")
        assert (told.exit, told.json["error"]["code"]) == (14, "case_runs")
        assert case in told.json["error"]["message"]
    new = case_of(world, "90000001", "--case", "new", "--identity", "seen-id")
    spouse = ask(world, "spouse.html", "--case", new)
    assert spouse["told"]["case"]["id"] != case
    assert (spouse["told"]["recordings"], spouse["data"]["identifiers"]) == (1, ["+4790000001"])
    assert spouse["data"]["case"]["identity"] == ["seen-id"]
    assert refused(world, "dsar", "90000001", *out[:1], str(world.base / "x.html")) == (14, "case_runs"), "two run now"


def test_the_same_request_once_more_continues_its_case_and_one_that_says_more_does_not(world: World) -> None:
    world.take_in("a", **SHORT)
    case = case_of(world)
    for number, words in enumerate([(), CALLED]):
        assert ask(world, f"{number}.html", "90000001", *words)["told"]["case"]["id"] == case
    out = ("--out", str(world.base / "x.html"))
    assert refused(world, "dsar", "90000001", "--identity", "login", *out) == (14, "case_runs")
    assert refused(world, "dsar", "90000001", "--received", "2026-01-02", *out) == (14, "case_runs")
    assert refused(world, "dsar", "--case", case, "--received", "2026-01-02", *out) == (2, "case_has_its_days")
    assert refused(world, "dsar", "--case", "0" * 12, *out) == (4, "no_such_case")


@pytest.mark.slow
def test_another_number_is_added_to_a_case_that_is_named_with_a_check_of_its_own(world: World) -> None:
    world.take_in("a", **SHORT)
    world.take_in("b", caller="+4790000002", seed=1, **SHORT)
    case = case_of(world)
    words = ("90000002", "--case", case)
    assert refused(world, "dsar", *words, "--out", str(world.base / "x.html")) == (14, "identity_missing")
    wider = ask(world, "wider.html", *words, "--identity", "seen-id")
    assert (wider["told"]["case"]["id"], wider["told"]["recordings"]) == (case, 2)
    assert wider["data"]["case"]["identity"] == ["called-back", "seen-id"]
    assert ask(world, "again.html", "--case", case)["told"]["recordings"] == 2
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
def test_each_number_has_a_check_of_its_own_and_the_letter_says_which(world: World) -> None:
    world.take_in("a", **SHORT)
    numbers = ("90000001", "90000002", "90000003")
    out = ("--out", str(world.base / "x.html"))
    two = ("--identity", "called-back", "--identity", "seen-id")
    assert refused(world, "dsar", *numbers, *two, *out) == (2, "identity_for_each")
    wrong = (*two, "--identity", "not checked yet")
    assert refused(world, "dsar", *numbers, *wrong, *out) == (14, "identity_says_none")
    answer = ask(world, "each.html", *numbers, *two, "--identity", "login")
    ways = ["called-back", "seen-id", "login"]
    checks = [{"of": f"+47{number}", "way": way} for number, way in zip(numbers, ways, strict=True)]
    assert answer["data"]["case"]["checks"] == checks
    assert answer["data"]["case"]["identity"] == ways
    assert "<bdi>+4790000002</bdi>: " in answer["letter"]
    one = ask(world, "one.html", "90000004", "90000005", *CALLED)["data"]["case"]["checks"]
    assert [each["way"] for each in one] == ["called-back", "called-back"]


def test_no_employee_is_added_to_a_callers_case(world: World) -> None:
    case = case_of(world)
    words = ("dsar", "--agent", "Ola Oppdiktet", "--case", case, *CALLED, "--out", str(world.base / "x.html"))
    assert refused(world, *words) == (2, "agent_or_caller")


def test_a_call_from_a_withheld_number_is_found_by_its_reference_or_its_id(world: World) -> None:
    (call,) = world.take_in("hidden", caller=None, **SHORT)
    world.take_in("other", caller=None, seed=1, **SHORT)
    for words in (("--reference", "pbx.hidden"), ("--reference", call)):
        answer = ask(world, f"{words[1]}.html", "--case", case_of(world, *words, *CALLED))
        assert [one["id"] for one in answer["data"]["recordings"]] == [call]


def test_the_reference_of_a_call_with_a_number_gives_nobody_that_call(world: World) -> None:
    (call,) = world.take_in("a", **SHORT)
    for reference in ("pbx.a", call):
        assert refused(world, "case", "open", "--reference", reference, *CALLED) == (14, "reference_has_number")


def test_who_asks_for_nobody_or_for_two_kinds_of_people_is_told_what_to_type(world: World) -> None:
    out = ("--out", str(world.base / "x.html"), *CALLED)
    assert refused(world, "dsar", *out) == (2, "nobody_named")
    assert refused(world, "dsar", "90000001", "--agent", "Ola Oppdiktet", *out) == (2, "agent_or_caller")
    assert refused(world, "dsar", "ola", *out) == (4, "not_a_number_asked")


# -- the deadline -------------------------------------------------------------------------------------


def test_a_check_of_identity_moves_the_deadline_by_its_days(world: World) -> None:
    received = datetime.now(UTC) - timedelta(days=9)
    asked, given = (str(local_date(received + timedelta(days=days))) for days in (1, 6))
    days = ("--received", str(local_date(received)), "--identity-asked", asked, "--identity-given", given)
    answer = ask(world, "late.html", "--case", case_of(world, "90000001", *CALLED, *days))
    assert answer["told"]["case"]["due"] == answer_due(local_date(received), stood_still=5).isoformat()
    assert answer["data"]["case"]["stood_still_days"] == 5
    assert "5" in answer["letter"]


@pytest.mark.parametrize(
    "days",
    [
        ("--identity-given", "2026-01-02"),
        ("--received", "2999-01-01"),
        ("--received", "2026-01-10", "--identity-asked", "2026-01-09", "--identity-given", "2026-01-11"),
        ("--received", "2026-01-10", "--identity-asked", "2026-01-12", "--identity-given", "2026-01-11"),
        ("--received", "2026-01-10", "--identity-asked", "2026-01-12", "--identity-given", "2999-01-11"),
    ],
)
def test_days_that_are_not_in_order_are_refused(world: World, days: tuple[str, ...]) -> None:
    assert refused(world, "case", "open", "90000001", *CALLED, *days)[0] == 2
    assert world.json("case", "list", who="sigrid")["cases"] == []


def test_a_deadline_is_extended_once_within_the_first_month_and_the_person_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(world)
    letter = world.base / "letter.html"
    told = world.json("case", "extend", case, "--reason", WHY, "--out", str(letter), who="sigrid")
    due = date.fromisoformat(told["case"]["due"])
    assert due == answer_due(local_date(datetime.now(UTC)), extended=True)
    for fact in (case, WHY, "datatilsynet.no", str(due.year)):
        assert fact in letter.read_text("utf-8")
    assert refused(world, "case", "extend", case, "--reason", WHY) == (14, "case_extended_already")
    answer = ask(world, "answer.html", "90000001")
    assert (answer["told"]["case"]["id"], answer["told"]["case"]["due"]) == (case, due.isoformat())
    assert WHY in answer["letter"]


def test_a_deadline_that_is_over_cannot_be_extended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(world)
    later(monkeypatch, timedelta(days=45))
    assert refused(world, "case", "extend", case, "--reason", WHY) == (14, "case_too_late_to_extend")


def test_a_deadline_is_extended_on_its_last_day_and_not_on_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (world.json("case", "open", f"9000000{n}", *CALLED, who="sigrid")["case"] for n in (1, 2))
    later(monkeypatch, timedelta(days=first["days_left"]))
    assert world.json("case", "extend", first["id"], "--reason", WHY, who="sigrid")["case"]["days_left"] > 0
    later(monkeypatch, timedelta(days=second["days_left"] + 1))
    assert refused(world, "case", "extend", second["id"], "--reason", WHY) == (14, "case_too_late_to_extend")


def test_a_request_that_is_late_is_still_the_same_case(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(world)
    later(monkeypatch, timedelta(days=45))
    assert ask(world, "late.html", "90000001")["told"]["case"]["id"] == case


def test_a_request_is_entered_before_it_is_answered_and_opens_nothing(world: World) -> None:
    world.take_in("a", **SHORT)
    told = world.json("case", "open", "90000001", *CALLED, who="sigrid")
    assert (told["recordings"], told["case"]["state"]) == (1, "open")
    ends = from_iso(told["case"]["first_erased"])
    assert timedelta(days=89) < ends - datetime.now(UTC) < timedelta(days=90)
    assert "passphrase" not in told
    opened_for = [one["outcome"] for one in world.json("audit", "show", "--action", "dsar", who="iver")["entries"]]
    assert set(opened_for) == {"done"}, "no recording was opened"
    assert ask(world, "answer.html", "90000001")["told"]["case"]["id"] == told["case"]["id"]


# -- how a case ends ----------------------------------------------------------------------------------


def test_a_refusal_says_why_and_where_to_complain_and_the_next_request_is_another_case(world: World) -> None:
    case = case_of(world)
    told = world.json("case", "refuse", case, *GROUND, "--reason", WHY, "--lang", "en", who="sigrid")
    for fact in (case, WHY, "datatilsynet.no", "court", "Articles 77 and 79"):
        assert fact in told["letter"]
    assert told["case"]["state"] == "refused"
    assert refused(world, "case", "close", case) == (14, "case_is_refused")
    assert ask(world, "new.html", "90000001", *CALLED)["told"]["case"]["id"] != case


def test_a_case_is_closed_when_its_answer_was_handed_over(world: World) -> None:
    case = ask(world, "answer.html", "90000001", *CALLED)["told"]["case"]["id"]
    told = world.json("case", "close", case, who="sigrid")
    assert told["case"]["state"] == "closed"
    out = str(world.base / "next.html")
    assert refused(world, "dsar", "90000001", "--out", out) == (14, "identity_missing"), "the next is a new case"
    assert refused(world, "dsar", "--case", case, "--out", out) == (14, "case_is_closed")


def test_a_case_without_an_answer_is_closed_with_a_reason_alone(world: World) -> None:
    case = case_of(world)
    assert refused(world, "case", "close", case) == (14, "case_not_answered")
    ground, reason = ("--ground", "taken_back"), ("--reason", "she took her request back")
    assert refused(world, "case", "close", case, *reason) == (14, "case_not_answered")
    assert refused(world, "case", "close", case, *ground, "--reason", "why") == (2, "reason_too_short")
    assert refused(world, "case", "close", case, *ground) == (2, "reason_missing")
    assert refused(world, "case", "close", case, "--ground", "no_time", *reason) == (2, "closing_ground_unknown")
    told = world.json("case", "close", case, *ground, *reason, "--lang", "en", who="sigrid")
    assert "You have told us that you do not want an answer any more." in told["letter"]
    assert "she took her request back" in told["letter"]
    assert world.json("case", "show", case, who="sigrid")["case"]["ground"] == "taken_back"


def test_a_case_is_a_duplicate_only_where_the_person_has_another_about_the_same(world: World) -> None:
    case = case_of(world)
    words = ("--ground", "duplicate", "--reason", "the same request came twice")
    assert refused(world, "case", "close", case, *words) == (14, "case_no_other")
    other = world.json("case", "open", "90000001", *CALLED, "--case", "new", who="sigrid")["case"]["id"]
    assert world.json("case", "close", other, *words, who="sigrid")["case"]["state"] == "closed"


def test_a_damaged_part_closes_nothing_to_the_person(world: World) -> None:
    """They state once more who they are, in the same case or in a new one."""
    case = case_of(world)
    with own_code(world) as database:
        database.run("UPDATE cases SET sealed = zeroblob(length(sealed))")
    assert refused(world, "case", "open", "90000001", *CALLED) == (14, "case_runs")
    assert refused(world, "dsar", "--case", case, "--out", str(world.base / "a.html")) == (14, "case_part_lost")
    again = ("case", "open", "90000001", *CALLED)
    assert world.json(*again, "--case", case, who="sigrid")["case"]["id"] == case
    assert world.json(*again, "--case", "new", who="sigrid")["case"]["id"] != case
    assert "case_differs" in {each["code"] for each in world.run("verify", "--json", who="iver").json["problems"]}


@pytest.mark.parametrize("verb", [("extend",), ("refuse", *GROUND)], ids=lambda verb: verb[0])
def test_a_letter_is_worded_again_as_often_as_it_is_wanted(world: World, verb: tuple[str, ...]) -> None:
    case = case_of(world)
    first, again = world.base / "first.html", world.base / "again.html"
    world.json("case", verb[0], case, *verb[1:], "--reason", WHY, "--out", str(first), who="sigrid")
    world.json("case", "show", case, "--out", str(again), who="sigrid")
    assert first.read_bytes() == again.read_bytes()


def test_what_is_kept_of_a_case_ends_90_days_after_it_did(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(world)
    world.json("case", "refuse", case, *GROUND, "--reason", WHY, who="sigrid")
    for days, left in ((89, 1), (91, 0)):
        later(monkeypatch, timedelta(days=days))
        world.json("purge", "--allow-large", who="cron")
        db = catalogue(world)
        assert db.rows("SELECT count(*) FROM cases") == [(left,)]
        db.close()
        assert len(world.json("case", "list", who="sigrid")["cases"]) == left
    assert refused(world, "case", "show", case) == (4, "no_such_case")
    assert world.json("verify", who="iver")["problems"] == []


# -- recordings that go meanwhile ---------------------------------------------------------------------


@pytest.mark.slow
def test_a_recording_that_went_since_the_request_came_is_told_of_with_its_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("old", started=datetime.now(UTC) - timedelta(days=89), **SHORT)
    world.take_in("new", seed=1, **SHORT)
    assert ask(world, "first.html", "90000001", *CALLED)["told"]["recordings"] == 2
    later(monkeypatch, timedelta(days=2))
    world.json("purge", "--allow-large", who="cron")
    second = ask(world, "second.html", "90000001")
    assert second["told"]["recordings"] == 1
    assert [each["why"] for each in second["data"]["erased_since"]] == ["expired"]
    world.json("withdraw", "90000001", "--yes", who="siri")
    third = ask(world, "third.html", "90000001", "--lang", "en")
    assert (third["told"]["recordings"], third["data"]["recordings"]) == (0, [])
    assert sorted(each["why"] for each in third["data"]["erased_since"]) == ["expired", "withdrawn"]
    assert "because the consent was withdrawn" in third["letter"]


@pytest.mark.slow
def test_who_had_a_recording_that_went_since_the_request_came_is_told(world: World) -> None:
    world.grant("leif", "quality")
    (call,) = world.take_in("a", **SHORT)
    ask(world, "first.html", "90000001", *CALLED)
    why = ("--purpose", "quality", "--reason", REASON)
    world.json("find", *why, who="leif")
    world.json("listen", call, *why, "--player", "cat", who="leif")
    world.json("export", call, *why, "--out", str(world.base / "call.wav"), who="leif")
    world.json("withdraw", "90000001", "--yes", who="siri")
    answer = ask(world, "second.html", "90000001", "--lang", "en")
    (gone,) = answer["data"]["erased_since"]
    told = {(each["action"], each["role"]) for each in gone["accesses"]}
    assert told >= {("listen", "manager"), ("export", "manager")}
    assert [(each["kind"], each["confirmed_at"]) for each in gone["exports"] if each["kind"] == "recording"] == [
        ("recording", None)
    ]
    assert "Who saw or opened it" in answer["letter"] and "A sound file of the recording" in answer["letter"]
    assert "accesses.json lists every entry of the log that names the recordings" in answer["letter"]
    assert call in str(answer["files"]["accesses.json"])
    beside = world.base / "accesses.json"
    beside.write_bytes(answer["files"]["accesses.json"])
    checked = world.run("certificate", "verify", str(world.base / "second.html"), "--accesses", str(beside))
    assert checked.exit == 0, checked.err


def test_what_an_answer_says_of_recordings_that_went_is_no_row_of_somebodys(world: World) -> None:
    (call,) = world.take_in("a", **SHORT)
    ask(world, "first.html", "90000001", *CALLED)
    with insider(world) as db:
        db.run("DELETE FROM mentions")
    world.json("withdraw", "90000001", "--yes", who="siri")
    again = ask(world, "second.html", "90000001")
    assert [each["why"] for each in again["data"]["erased_since"]] == ["withdrawn"], call


def first_goes(world: World, days: int) -> datetime:
    """When a call is erased that goes at the end of the day in so many days; taken in with one that stays for 90."""
    ends = end_of_day(local_date(datetime.now(UTC)) + timedelta(days=days)) - timedelta(seconds=1)
    world.take_in("old", started=ends - timedelta(days=90), **SHORT)
    world.take_in("new", seed=1, **SHORT)
    return ends


@pytest.mark.parametrize(
    ("left", "code", "said"),
    [
        (15, None, None),
        (14, None, "Case "),
        (7, None, "Urgent: write the answer to"),
        (2, "case_due_erases", "no extension puts that off"),
        (0, "case_due_erases", "no extension puts that off"),
    ],
)
def test_the_officer_is_told_in_time_that_a_recording_goes_before_its_request_is_due(
    world: World, left: int, code: str | None, said: str | None
) -> None:
    ends = first_goes(world, left)
    entered = world.run("case", "open", "90000001", *CALLED, "--lang", "en", who="sigrid").out
    moment = shown(ends)
    assert f"Write the answer before {moment}" in entered
    (listed,) = world.json("case", "list", who="sigrid")["cases"]
    (waiting,) = world.json("status", who="iver")["requests"]
    assert from_iso(listed["first_erased"]) == from_iso(waiting["first_erased"]) == ends
    assert waiting["days_whole"] == (local_date(ends) - local_date(datetime.now(UTC))).days
    for words in (("case", "show", listed["id"]), ("todo",)):
        assert moment in world.run(*words, "--lang", "en", who="sigrid").out
    assert str(local_date(ends)) in world.run("case", "list", who="sigrid").out
    status = world.run("status", "--json", who="iver")
    assert [each for each in status.json["critical"] if each.startswith("case_")] == ([code] if code else [])
    assert status.exit == (3 if code else 0)
    text = world.run("status", "--lang", "en", who="iver").out
    assert (moment in text) is (said is not None)
    assert said is None or said in text


def test_what_goes_after_the_deadline_or_with_an_answered_request_alarms_nobody(world: World) -> None:
    world.take_in("new", **SHORT)
    case = case_of(world)
    (waiting,) = world.json("status", who="iver")["requests"]
    assert (waiting["first_erased"], waiting["days_whole"]) == (None, None)
    assert world.json("case", "show", case, who="sigrid")["case"]["first_erased"] is not None
    ask(world, "answer.html", "90000001")
    assert world.json("case", "show", case, who="sigrid")["case"]["first_erased"] is None


def test_a_recording_that_is_gone_or_past_retention_is_none_that_goes_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_goes(world, 2)
    case_of(world)
    later(monkeypatch, timedelta(days=3))
    (listed,) = world.json("case", "list", who="sigrid")["cases"]
    assert from_iso(listed["first_erased"]) > datetime.now(UTC) + timedelta(days=80)
    world.json("purge", "--allow-large", who="cron")
    assert world.json("case", "list", who="sigrid")["cases"] == [listed]
    world.json("withdraw", "90000001", "--yes", who="siri")
    assert world.json("case", "list", who="sigrid")["cases"][0]["first_erased"] is None


# -- who sees it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["leif", "siri", "iver", "cron"])
def test_the_register_is_the_officers(world: World, who: str) -> None:
    case = case_of(world)
    for words in (("list",), ("show", case), ("refuse", case, *GROUND, "--reason", WHY), ("close", case)):
        assert refused(world, "case", *words, who=who) == (13, "not_your_role")


@pytest.mark.parametrize(
    ("left", "line", "critical"),
    [
        (20, None, []),
        (14, "case_soon", []),
        (7, "case_urgent", []),
        (2, None, ["case_due"]),
        (-1, None, ["case_overdue"]),
    ],
)
def test_it_is_told_at_14_7_and_2_days_and_when_it_is_too_late(
    world: World, monkeypatch: pytest.MonkeyPatch, left: int, line: str | None, critical: list[str]
) -> None:
    case = case_of(world)
    (listed,) = world.json("case", "list", who="sigrid")["cases"]
    later(monkeypatch, timedelta(days=listed["days_left"] - left))
    told = world.run("status", "--json", who="iver")
    of_case = {
        "case": case,
        "right": "access",
        "received": listed["received"],
        "due": listed["due"],
        "days_left": left,
        "first_erased": None,
        "days_whole": None,
    }
    assert told.json["requests"] == [of_case]
    assert [each for each in told.json["critical"] if each.startswith("case_")] == critical
    said = world.run("status", "--lang", "en", who="iver").out
    wanted = {"case_soon": f"Case {case}", "case_urgent": f"Urgent: case {case}"}
    assert (f"ase {case}" in said) is (left <= 14)
    assert line is None or wanted[line] in said


def test_an_answered_case_alarms_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(world, "answer.html", "90000001", *CALLED)
    later(monkeypatch, timedelta(days=40))
    assert world.json("status", who="iver")["requests"] == []


def test_a_case_is_shown_with_everything_that_was_done(world: World, tmp_path: Path) -> None:
    world.take_in("a", **SHORT)
    case = ask(world, "answer.html", "90000001", *CALLED)["told"]["case"]["id"]
    shown = world.json("case", "show", case, who="sigrid")["case"]
    assert (shown["state"], shown["held"], shown["identity"]) == ("answered", 1, ["called-back"])
    assert shown["known_by"] == [{"kind": "caller", "text": "+4790000001"}]
    assert "+4790000001" in world.run("case", "show", case, who="sigrid").out
    entries = world.json("audit", "show", "--action", "dsar", who="iver")["entries"]
    assert "90000001" not in str(entries)


def test_a_part_of_a_case_that_is_struck_is_named(world: World) -> None:
    case_of(world, "90000001", *CALLED)
    case = str(world.json("case", "list", who="sigrid")["cases"][0]["id"])
    ask(world, "wider.html", "90000002", "--case", case, "--identity", "seen-id")
    with insider(world) as db:
        assert db.changed("DELETE FROM cases WHERE part = 1")
    told = world.run("verify", "--json", who="iver")
    assert "case_differs" in {problem["code"] for problem in told.json["problems"]}
    assert REASON not in told.out
