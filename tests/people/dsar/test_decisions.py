"""Requests of every right: entered before identity is known, granted once carried out, refused by two officers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law import messages
from arlo_rec.law.model.deadlines import answer_due
from arlo_rec.law.model.records import from_iso
from arlo_rec.law.model.times import local_date
from arlo_rec.law.pages import Formats
from arlo_rec.law.rights import ANSWERED_BY_COPY, Ground, Right, may_refuse
from arlo_rec.office import refusals
from tests.support import answers
from tests.support.attack import meanwhile
from tests.support.clock import later
from tests.support.world import REASON, World

pytestmark = pytest.mark.rule("access.subject")
WHY = ("--reason", "vi fant ingen feil i opplysningene")
UPHOLD = ("--uphold", "--reason", "he has the right to this")
AGENT = ("--agent", "Ola Oppdiktet", "--identity", "seen-id")
CALLED = ("--identity", "called-back")


def opened(world: World, right: str, *words: str) -> dict[str, Any]:
    told = world.json("case", "open", *(words or ("90000001", *CALLED)), "--right", right, who="sigrid")
    case: dict[str, Any] = told["case"]
    return case


# -- rights -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_right_has_a_case_of_its_own_and_the_same_deadline(world: World) -> None:
    cases = [opened(world, right, "90000001", *CALLED, "--way", "e-post") for right in Right]
    assert [case["right"] for case in cases] == list(Right)
    assert len({case["id"] for case in cases}) == len(Right)
    assert {case["due"] for case in cases} == {answer_due(local_date(datetime.now(UTC))).isoformat()}
    assert world.json("case", "show", cases[3]["id"], who="sigrid")["case"]["way"] == ["e-post"]
    assert [case["right"] for case in world.json("case", "list", who="sigrid")["cases"]] == list(Right)
    assert world.code("case", "open", "90000001", *CALLED, "--right", "oblivion", who="sigrid") == (2, "right_unknown")
    assert world.code("case", "open", "90000001", "--identity", "seen-id", "--right", "erasure", who="sigrid") == (
        *(14, "case_runs"),
    )


@pytest.mark.slow
def test_an_erasure_is_granted_once_the_calls_are_erased_and_not_before(world: World) -> None:
    world.take_in("a", seconds=0.2)
    case = opened(world, "erasure")["id"]
    decide = ("case", "decide", case, "--grant", "--reason", "samtalene er slettet i dag")
    assert world.code(*decide, who="sigrid") == (14, "case_not_carried_out")
    world.json("withdraw", "90000001", "--yes", who="siri")
    out = world.base / "letter.html"
    told = world.json(*decide, "--out", str(out), who="sigrid")
    assert told["case"]["state"] == "granted"
    assert "Vi har ingen opptak av deg i systemet vårt." in told["letter"]
    assert case in out.read_text("utf-8")
    assert world.code(*decide, who="sigrid") == (14, "case_is_granted")
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("decide", "--grant"), "notice.granted.rectification"),
        (("decide", "--refuse", "--ground", "unfounded"), "notice.ground.unfounded"),
        (("extend",), "notice.extended"),
        (("close", "--ground", "mistake"), "notice.closed_unanswered"),
    ],
)
def test_a_decision_whose_letter_lacks_a_sentence_is_not_made(
    world: World, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], sentence: str
) -> None:
    case = opened(world, "rectification")["id"]
    decide, before = ("case", words[0], case, *words[1:], *WHY), world.json("case", "show", case, who="sigrid")["case"]
    with monkeypatch.context() as patch:
        patch.delitem(messages._subject("cases"), sentence)
        assert world.run(*decide, who="sigrid").exit not in {0, 3}
    assert world.json("case", "show", case, who="sigrid")["case"] == before
    assert world.json(*decide, who="sigrid")["letter"]


@pytest.mark.slow
def test_a_restriction_is_granted_once_every_call_is_on_hold(world: World) -> None:
    ids = world.take_in("a", "b", seconds=0.2)
    case = opened(world, "restriction")["id"]
    decide = ("case", "decide", case, "--grant", "--reason", "samtalene er sperret til januar")
    hold = ("--ground", "18a", "--until", "30d", "--reason", "the person says the date is wrong")
    world.json("hold", "set", ids[0], *hold, who="sigrid")
    assert world.code(*decide, who="sigrid") == (14, "case_not_carried_out")
    world.json("hold", "set", "--caller", "90000001", *hold, who="sigrid")
    assert "sperret" in world.json(*decide, who="sigrid")["letter"]


@pytest.mark.slow
def test_a_letter_of_a_restriction_promises_no_more_than_the_hold_that_ends_first(world: World) -> None:
    ids = world.take_in("a", "b", seconds=0.2)
    case = opened(world, "restriction")["id"]
    for call, until in zip(ids, ("2d", "30d"), strict=True):
        hold = ("--ground", "18a", "--until", until, "--reason", "the person says the date is wrong")
        world.json("hold", "set", call, *hold, who="sigrid")
    first, _ = (each["until"] for each in world.json("hold", "list", who="sigrid")["holds"])
    decide = ("case", "decide", case, "--grant", "--reason", "samtalene er sperret", "--lang", "nb")
    assert Formats("nb").moment(from_iso(first)) in world.json(*decide, who="sigrid")["letter"]


@pytest.mark.slow
def test_a_copy_is_granted_by_an_answer_alone(world: World) -> None:
    for right in ANSWERED_BY_COPY:
        case = opened(world, right, "9000000" + str(5 + len(right) % 2), *CALLED)["id"]
        assert world.code("case", "decide", case, "--grant", *WHY, who="sigrid") == (14, "case_answered_by_dsar")
        out = world.base / f"{right}.html"
        assert world.json("dsar", "--case", case, "--out", str(out), who="sigrid")["case"]["state"] == "answered"


@pytest.mark.slow
@pytest.mark.parametrize("who", [("90000001", *CALLED), AGENT, ("--person", "leif", "--identity", "seen-id")])
def test_a_request_of_every_right_can_be_refused_to_a_caller_an_employee_and_a_user(
    world: World, who: tuple[str, ...]
) -> None:
    rejected = ("person", "objection", "Ola Oppdiktet", "--reject", "--reason", "we need the calls for quality")
    for right in Right:
        case = opened(world, right, *who)["id"]
        if right is Right.OBJECTION and who == AGENT:
            world.json(*rejected, who="sigrid")
        refuse = ("case", "decide", case, "--refuse", "--ground", "unfounded", *WHY)
        assert world.json(*refuse, who="sigrid")["case"]["state"] == "refused", right


@pytest.mark.slow
def test_a_right_is_not_granted_where_there_is_nothing_to_do_it_to(world: World) -> None:
    case = opened(world, "restriction", "90000009", *CALLED)["id"]
    grant = ("case", "decide", case, "--grant", "--reason", "samtalene er sperret")
    assert world.code(*grant, who="sigrid") == (14, "nothing_to_restrict")
    for right in ("erasure", "restriction", "objection"):
        case = opened(world, right, "--person", "leif", "--identity", "seen-id")["id"]
        decide = ("case", "decide", case, "--grant", "--reason", "det er gjort i dag")
        assert world.code(*decide, who="sigrid") == (14, "right_of_user")


@pytest.mark.slow
def test_no_case_is_answered_by_a_copy_but_one_that_asks_for_it(world: World) -> None:
    case = opened(world, "erasure")["id"]
    out = ("--out", str(world.base / "a.html"))
    assert world.code("dsar", "--case", case, *out, who="sigrid") == (14, "case_of_another_right")
    assert world.json("case", "show", case, who="sigrid")["case"]["state"] == "open"


@pytest.mark.slow
def test_a_call_past_its_day_is_erased_before_a_letter_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in("a", seconds=0.2)
    later(monkeypatch, days=91)
    case = opened(world, "erasure")["id"]
    grant = ("case", "decide", case, "--grant", "--reason", "samtalene er slettet i dag")
    assert world.code(*grant, who="sigrid") == (14, "case_not_carried_out")
    out = world.base / "a.html"
    answer = ("dsar", "90000001", *CALLED, "--lang", "nb", "--out", str(out))
    told = world.json(*answer, who="sigrid")
    letter = answers.opened(out.read_bytes(), told["passphrase"].encode())["letter_html"]
    assert "ligger her ennå, er stengt og slettes nå" in letter
    world.json("purge", "--allow-large", who="cron")
    assert world.json(*grant, who="sigrid")["case"]["state"] == "granted"


@pytest.mark.slow
def test_a_letter_of_an_erasure_tells_of_a_file_that_is_left(world: World) -> None:
    (call,) = world.take_in("a", seconds=0.2)
    world.grant("leif", "quality")
    look = ("--purpose", "quality", "--reason", REASON, "--out", str(world.base / "x.wav"))
    world.json("export", call, *look, who="leif")
    world.json("withdraw", "90000001", "--yes", who="siri")
    assert world.json("withdraw", "90000001", "--yes", who="siri")["saved"] == 1, "said again"
    case = opened(world, "erasure")["id"]
    told = world.json("case", "decide", case, "--grant", "--reason", "samtalene er slettet i dag", who="sigrid")
    assert "utenfor systemet, og som vi krever slettet: 1" in told["letter"]


@pytest.mark.slow
def test_an_employees_objection_closes_their_calls_when_it_is_entered_as_a_case(world: World) -> None:
    world.take_in("a", seconds=0.2)
    world.grant("leif", "quality")
    case = opened(world, "objection", "--agent", "Ola Oppdiktet", "--identity", "seen-id")["id"]
    assert world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")["recordings"] == []
    refuse = ("case", "decide", case, "--refuse", "--ground", "not_met", *WHY)
    assert world.code(*refuse, who="sigrid") == (14, "case_not_carried_out")
    world.json("person", "objection", "Ola Oppdiktet", "--reject", "--reason", "opptakene trengs", who="sigrid")
    assert world.json(*refuse, who="sigrid")["case"]["state"] == "refused"


@pytest.mark.slow
def test_an_employees_erasure_is_granted_once_recording_is_objected_to_under_each_of_their_names(world: World) -> None:
    names = ("Ola Oppdiktet", "Ola O")
    case = opened(world, "erasure", *(f"--agent={name}" for name in names), "--identity", "seen-id")["id"]
    grant = ("case", "decide", case, "--grant", "--reason", "det er gjort i dag")
    for name in names:
        assert world.code(*grant, who="sigrid") == (14, "case_not_carried_out")
        world.json("person", "objection", name, "--scope", "training", *UPHOLD, who="sigrid")
        assert world.code(*grant, who="sigrid") == (14, "case_not_carried_out"), "the calls are there still"
        world.json("person", "objection", name, "--scope", "recording", *UPHOLD, who="sigrid")
    assert "Vi har ingen opptak av deg" in world.json(*grant, "--lang", "nb", who="sigrid")["letter"]


@pytest.mark.slow
def test_a_letter_of_an_employees_erasure_tells_the_calls_that_stay_for_another(world: World) -> None:
    calls = world.take_in("a", "b", seconds=0.2)
    world.deliver("c", caller="+4790000002", seconds=0.2)
    world.json("ingest", str(world.spool), who="telefon")
    hold = ("--ground", "18c", "--until", "30d", "--reason", "the person needs the call in a dispute")
    world.json("hold", "set", calls[0], *hold, who="sigrid")
    opened(world, "access", "90000002", *CALLED)
    case = opened(world, "erasure", *AGENT)["id"]
    world.json("person", "objection", "Ola Oppdiktet", "--scope", "recording", *UPHOLD, who="sigrid")
    grant = ("case", "decide", case, "--grant", "--reason", "we erased what we could")
    letter = world.json(*grant, "--lang", "en", who="sigrid")["letter"]
    assert "We have erased the recordings of you in our system. The ones named here are not erased." in letter
    assert "on hold because another person has a claim to them: 1." in letter
    assert "another person asked for a copy, and has no answer: 1." in letter


@pytest.mark.slow
def test_an_objection_is_granted_once_every_use_is_decided_and_the_letter_tells_what_was_rejected(world: World) -> None:
    case = opened(world, "objection", *AGENT)["id"]
    grant = ("case", "decide", case, "--grant", "--reason", "no new copies are made", "--lang", "en")
    refuse = ("case", "decide", case, "--refuse", "--ground", "not_met", "--reason", "we need the calls for quality")
    objection = ("person", "objection", "Ola Oppdiktet")
    world.json(*objection, "--scope", "training", *UPHOLD, who="sigrid")
    assert world.code(*grant, who="sigrid") == (14, "case_not_carried_out"), "two uses are not decided"
    reject = ("--reject", "--reason", "we need the calls for quality")
    world.json(*objection, "--scope", "recording", "--scope", "quality", *reject, who="sigrid")
    assert world.code(*refuse, who="sigrid") == (14, "case_partly_upheld")
    letter = world.json(*grant, who="sigrid")["letter"]
    assert letter.startswith("We have done a part of what you asked for")
    assert "Your objection to the recording is not upheld." in letter
    assert "Your objection to quality assurance is not upheld." in letter
    assert "Your objection to training" not in letter and "Datatilsynet" in letter


@pytest.mark.slow
def test_an_objection_of_which_nothing_is_upheld_is_not_granted(world: World) -> None:
    case = opened(world, "objection", *AGENT)["id"]
    world.json("person", "objection", "Ola Oppdiktet", "--reject", "--reason", "we need the calls", who="sigrid")
    grant = ("case", "decide", case, "--grant", "--reason", "no new copies are made")
    assert world.code(*grant, who="sigrid") == (14, "case_not_carried_out")


@pytest.mark.slow
@pytest.mark.rule("data.employee")
def test_an_objection_that_was_rejected_once_closes_the_calls_again_when_it_is_entered_anew(world: World) -> None:
    world.take_in("a", seconds=0.2)
    world.grant()
    objection = ("person", "objection", "Ola Oppdiktet", "--scope", "quality")
    world.json(*objection, who="sigrid")
    world.json(*objection, "--reject", "--reason", "we need the calls for quality", who="sigrid")
    look = ("find", "--purpose", "quality", "--reason", REASON)
    assert len(world.json(*look, who="leif")["recordings"]) == 1
    opened(world, "objection", *AGENT)
    assert world.json(*look, who="leif")["recordings"] == []


@pytest.mark.slow
def test_an_erasure_of_what_the_person_asked_to_be_kept_names_the_hold(world: World) -> None:
    (call,) = world.take_in("a", seconds=0.2)
    hold = ("--ground", "18c", "--until", "30d", "--reason", "the person needs the call in a dispute")
    number = world.json("hold", "set", call, *hold, who="sigrid")["hold"]["id"]
    case = opened(world, "erasure")["id"]
    world.json("withdraw", "90000001", "--yes", who="siri")
    grant = ("case", "decide", case, "--grant", "--reason", "the call is erased", "--lang", "en")
    told = world.run(*grant, who="sigrid")
    assert told.exit == 14 and "use arlo-rec hold lift first" in told.err
    world.json("hold", "lift", number, "--reason", "the dispute has ended", who="sigrid")
    world.json("purge", who="cron")
    assert world.json(*grant, who="sigrid")["case"]["state"] == "granted"


@pytest.mark.slow
def test_a_letter_that_is_written_again_says_what_it_said_at_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = world.take_in("a", seconds=0.2)
    erasure, restriction = opened(world, "erasure")["id"], opened(world, "restriction")["id"]
    hold = ("--ground", "18a", "--until", "30d", "--reason", "the person says the date is wrong")
    number = world.json("hold", "set", call, *hold, who="sigrid")["hold"]["id"]
    decide = ("--grant", "--reason", "det er gjort i dag", "--lang", "nb")
    letters = [world.json("case", "decide", restriction, *decide, who="sigrid")["letter"]]
    world.json("hold", "lift", number, "--reason", "the dispute has ended", who="sigrid")
    world.json("withdraw", "90000001", "--yes", who="siri")
    letters.append(world.json("case", "decide", erasure, *decide, who="sigrid")["letter"])
    later(monkeypatch, hours=3)
    world.take_in("b", started=datetime.now(UTC) + timedelta(hours=2), seconds=0.2, seed=3)
    for case, letter in zip((restriction, erasure), letters, strict=True):
        again = world.run("case", "show", case, "--out", "-", "--lang", "nb", who="sigrid").out
        assert letter.split("\n\n", 2)[2] in again


@pytest.mark.slow
def test_an_objection_that_is_entered_as_a_case_counts_from_its_receipt_for_every_use(world: World) -> None:
    received = local_date(datetime.now(UTC)) - timedelta(days=5)
    world.json("person", "objection", "Ola Oppdiktet", "--scope", "quality", who="sigrid")
    opened(world, "objection", "--agent", "Ola Oppdiktet", "--identity", "seen-id", "--received", received.isoformat())
    told = {each["scope"]: each for each in world.json("person", "objection", who="sigrid")["objections"]}
    assert {each["state"] for each in told.values()} == {"pending"}
    assert [told[scope]["received"] for scope in ("recording", "training")] == [received.isoformat()] * 2


# -- identity -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_deadline_stands_still_from_the_question_until_the_person_shows_who_they_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    received = local_date(now)
    case = opened(world, "access", "90000001", "--identity-asked", received.isoformat())
    assert case["state"] == "identity"
    out = ("--out", str(world.base / "a.html"))
    for words in (("--case", case["id"]), ("90000001",)):
        assert world.code("dsar", *words, *out, who="sigrid") == (14, "identity_missing")
    later(monkeypatch, days=20)
    [listed] = world.json("case", "list", who="sigrid")["cases"]
    assert (listed["state"], listed["days_left"]) == ("identity", case["days_left"]), "no day of it has gone"
    told = world.json("case", "open", "--case", case["id"], *CALLED, who="sigrid")["case"]
    assert told["state"] == "open"
    assert told["due"] == answer_due(received, stood_still=20).isoformat()
    assert world.json("dsar", "--case", case["id"], *out, who="sigrid")["case"]["state"] == "answered"
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
def test_a_request_is_entered_without_identity_and_its_deadline_runs_until_that_is_asked_for(world: World) -> None:
    received = local_date(datetime.now(UTC) - timedelta(days=20))
    case = opened(world, "erasure", "90000001", "--received", received.isoformat())
    assert (case["state"], case["due"]) == ("identity", answer_due(received).isoformat())
    assert case["days_left"] == (answer_due(received) - local_date(datetime.now(UTC))).days
    asked = local_date(datetime.now(UTC) - timedelta(days=2))
    shown = ("--case", case["id"], *CALLED, "--identity-asked", asked.isoformat())
    late = world.json("case", "open", *shown, who="sigrid")
    assert (late["asked_late"], late["case"]["due"]) == (18, answer_due(received, stood_still=2).isoformat())


@pytest.mark.parametrize(("days", "late"), [(18, 18), (8, 8), (7, None), (0, None)])
def test_a_question_who_the_person_is_is_warned_about_that_came_after_more_than_a_week(
    world: World, days: int, late: int | None
) -> None:
    today = local_date(datetime.now(UTC))
    received, asked = (today - timedelta(days=20)).isoformat(), (today - timedelta(days=20 - days)).isoformat()
    told = world.json("case", "open", "90000001", "--received", received, "--identity-asked", asked, who="sigrid")
    assert told["asked_late"] == late


@pytest.mark.slow
def test_what_is_asked_for_is_neither_granted_nor_answered_before_the_person_shows_who_they_are(world: World) -> None:
    case = opened(world, "complaint", "90000001", "--identity-asked", local_date(datetime.now(UTC)).isoformat())["id"]
    grant = ("case", "decide", case, "--grant", *WHY)
    assert world.code(*grant, who="sigrid") == (14, "case_identity_open")
    world.json("case", "open", "--case", case, *CALLED, who="sigrid")
    assert world.json(*grant, who="sigrid")["case"]["state"] == "granted"


@pytest.mark.parametrize("words", ["ikke kontrollert ennå", "not checked yet by us", "ingen kontroll ble gjort"])
def test_words_that_say_that_identity_was_not_checked_are_no_check(world: World, words: str) -> None:
    out = ("--out", str(world.base / "a.html"))
    assert world.code("dsar", "90000001", *out, "--identity", words, who="sigrid") == (14, "identity_says_none")


@pytest.mark.slow
def test_what_is_held_when_a_request_comes_is_given_though_an_objection_is_upheld_before_the_answer(
    world: World,
) -> None:
    world.take_in("a", seconds=0.2)
    (other,) = world.take_in("b", seconds=0.2, seed=3, caller="+4790000002")
    case = opened(world, "access")["id"]
    objection = ("person", "objection", "Ola Oppdiktet", "--scope", "recording")
    world.json(*objection, who="sigrid")
    uphold = (*objection, "--uphold", "--reason", "he has the right to this")
    told = world.json(*uphold, who="sigrid")
    assert (told["recordings"], len(told["asked_for"])) == ([other], 1), "nobody asked for the other"
    answer = ("dsar", "--case", case, "--out", str(world.base / "a.html"))
    assert world.json(*answer, who="sigrid")["recordings"] == 1, "closed for others alone"
    assert world.json(*uphold, who="sigrid")["erased"] == 1


@pytest.mark.slow
def test_a_request_without_identity_keeps_nothing_of_an_upheld_objection(world: World) -> None:
    world.take_in("a", seconds=0.2)
    opened(world, "access", "90000001", "--identity-asked", local_date(datetime.now(UTC)).isoformat())
    objection = ("person", "objection", "Ola Oppdiktet", "--scope", "recording")
    told = world.json(*objection, "--uphold", "--reason", "he has the right to this", who="sigrid")
    assert (told["erased"], told["asked_for"]) == (1, [])


@pytest.mark.slow
@pytest.mark.parametrize("right", sorted({*Right} - {*ANSWERED_BY_COPY}))
def test_who_asks_for_no_copy_keeps_no_call_of_an_upheld_objection(world: World, right: str) -> None:
    world.take_in("a", seconds=0.2)
    opened(world, right)
    objection = ("person", "objection", "Ola Oppdiktet", "--scope", "recording")
    told = world.json(*objection, "--uphold", "--reason", "he has the right to this", who="sigrid")
    assert (told["erased"], told["asked_for"]) == (1, [])


@pytest.mark.slow
def test_a_request_belongs_to_its_answered_case_until_the_last_day_and_to_another_from_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, out = opened(world, "access"), ("--out", str(world.base / "a.html"))
    world.json("dsar", "--case", case["id"], *out, who="sigrid")
    again = ("case", "open", "90000001", *CALLED)
    later(monkeypatch, days=case["days_left"])
    assert world.code(*again, who="sigrid") == (14, "case_is_answered")
    later(monkeypatch, days=case["days_left"] + 1)
    assert world.json(*again, who="sigrid")["case"]["id"] != case["id"]


# -- refusals -----------------------------------------------------------------------------------------


@given(st.sampled_from(Right), st.sampled_from(Ground), st.booleans())
def test_a_ground_is_taken_only_where_the_law_has_it(right: Right, ground: Ground, identified: bool) -> None:
    allowed = may_refuse(right, ground, identified=identified).allowed
    if ground in {Ground.UNFOUNDED, Ground.EXCESSIVE}:
        assert allowed, "GDPR 12(5) is for every right"
    if ground is Ground.NOT_IDENTIFIED:
        assert allowed is not identified
    if ground is Ground.LAW_EXEMPTS:
        assert allowed is (right is Right.ACCESS)
    if right is Right.ACCESS and ground is Ground.NOT_MET:
        assert not allowed, "access has no conditions"


@pytest.mark.parametrize("ground", list(Ground))
def test_each_ground_is_for_the_rights_that_its_article_names(ground: Ground) -> None:
    copies, every = {Right.ACCESS, Right.PORTABILITY}, set(Right)
    of = {"others_rights": copies, "law_exempts": {Right.ACCESS}, "not_met": every - {Right.ACCESS}}
    assert {right for right in Right if may_refuse(right, ground, identified=False).allowed} == of.get(ground, every)


@pytest.mark.slow
def test_a_refusal_takes_a_ground_of_the_law_and_own_words_beside_it(world: World) -> None:
    case = opened(world, "rectification")["id"]
    refuse = ("case", "decide", case, "--refuse")
    assert world.code(*refuse, *WHY, who="sigrid") == (2, "ground_missing")
    assert world.code(*refuse, *WHY, "--ground", "no_time", who="sigrid") == (2, "ground_unknown")
    assert world.code(*refuse, *WHY, "--ground", "not_identified", who="sigrid") == (14, "ground_does_not_apply")
    assert world.code(*refuse, "--ground", "not_met", who="sigrid") == (2, "reason_missing")
    assert world.code("case", "decide", case, *WHY, who="sigrid") == (2, "grant_or_refuse")
    assert world.code(*refuse, "--grant", *WHY, who="sigrid") == (2, "not_together")
    told = world.json(*refuse, "--ground", "not_met", *WHY, who="sigrid")
    assert told["case"]["state"] == "refused"
    for fact in ("vilkårene for dette kravet", WHY[1], "Datatilsynet", "domstolene", case):
        assert fact in told["letter"]
    assert world.json("case", "show", case, who="sigrid")["case"]["ground"] == "not_met"


@pytest.mark.slow
def test_a_letter_is_in_the_language_of_its_reason(world: World) -> None:
    english = ("--ground", "unfounded", "--reason", "this is the third request that was made this week")
    case = opened(world, "rectification")["id"]
    nb = ("case", "decide", case, "--refuse", *english, "--lang", "nb")
    assert world.code(*nb, who="sigrid") == (2, "reason_in_other_language")
    en = ("case", "decide", case, "--refuse", "--ground", "unfounded", *WHY, "--lang", "en")
    assert world.code(*en, who="sigrid") == (2, "reason_in_other_language")
    told = world.json("case", "decide", case, "--refuse", *english, who="sigrid")
    assert told["letter"].startswith("We do not do what you asked for")


@pytest.mark.slow
def test_where_there_are_two_officers_a_refusal_waits_for_the_other(two: World) -> None:
    case = opened(two, "rectification")["id"]
    refuse = ("case", "decide", case, "--refuse", "--ground", "unfounded", *WHY)
    told = two.json(*refuse, who="sigrid")
    waits = told["case"]["waits"]
    assert (told["case"]["state"], "letter" in told) == ("open", False)
    assert (two.tasks("sigrid"), {*two.tasks("astrid")}) == (["case"], {"approve_refusal", "case"})
    assert two.code(*refuse, who="sigrid") == (14, "case_refusal_waits")
    assert two.code("approve", waits, who="sigrid") == (13, "not_second")
    decided = two.json("approve", waits, who="astrid")["refusal"]
    assert decided == {"case": case, "ground": "unfounded", "state": "approved"}
    out = two.base / "letter.html"
    two.json("case", "show", case, "--out", str(out), who="sigrid")
    assert WHY[1] in out.read_text("utf-8")
    assert two.json("case", "show", case, who="sigrid")["case"]["state"] == "refused"
    assert two.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
def test_a_refusal_that_is_denied_or_undecided_for_a_week_leaves_the_request_open(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = opened(two, "rectification")["id"]
    refuse = ("case", "decide", case, "--refuse", "--ground", "unfounded", *WHY)
    first = two.json(*refuse, who="sigrid")["case"]["waits"]
    two.json("deny", first, "--reason", "her number is wrong in our list", who="astrid")
    assert two.json("case", "show", case, who="sigrid")["case"]["waits"] is None
    second = two.json(*refuse, who="sigrid")["case"]["waits"]
    assert second != first
    later(monkeypatch, days=16)
    assert two.code("approve", second, who="astrid") == (4, "no_pending_grant")
    assert two.json("case", "show", case, who="sigrid")["case"]["state"] == "open"


@pytest.mark.slow
def test_a_refusal_that_was_taken_back_meanwhile_is_approved_no_more(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = opened(two, "rectification")["id"]
    refuse = ("case", "decide", case, "--refuse", "--ground", "unfounded", *WHY)
    waits = two.json(*refuse, who="sigrid")["case"]["waits"]
    meanwhile(monkeypatch, refusals, "may_decide", lambda: two.json("deny", waits, *WHY, who="sigrid"))
    assert two.code("approve", waits, who="astrid") == (4, "no_pending_grant")
    assert two.json("case", "show", case, who="sigrid")["case"]["state"] == "open"


@pytest.mark.slow
def test_whoever_has_shown_who_they_are_meanwhile_is_not_refused_for_want_of_it(two: World) -> None:
    case = opened(two, "access", "90000001")["id"]
    refuse = ("case", "refuse", case, "--ground", "not_identified", "--reason", "the person has not shown who they are")
    waits = two.json(*refuse, who="sigrid")["case"]["waits"]
    shown = two.json("case", "open", "--case", case, "--identity", "seen-id", who="sigrid")["case"]
    assert (shown["state"], shown["waits"]) == ("open", None)
    assert two.code("approve", waits, who="astrid") == (4, "no_pending_grant")
    assert two.tasks("astrid") == two.tasks("sigrid")


@pytest.mark.slow
def test_no_officer_closes_alone_what_waits_for_another(two: World) -> None:
    case = opened(two, "access")["id"]
    two.json("case", "refuse", case, "--ground", "unfounded", "--reason", "the tenth letter of them", who="sigrid")
    close = ("case", "close", case, "--ground", "taken_back", "--reason", "they took the request back")
    assert two.code(*close, who="sigrid") == (14, "case_refusal_waits")


@pytest.mark.slow
def test_with_a_clock_that_is_behind_the_log_no_refusal_is_approved(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = opened(two, "rectification")["id"]
    refuse = ("case", "decide", case, "--refuse", "--ground", "unfounded", *WHY)
    waits = two.json(*refuse, who="sigrid")["case"]["waits"]
    later(monkeypatch, days=7)
    assert two.code("approve", waits, who="astrid") == (14, "retention.guard")


@pytest.mark.slow
def test_a_letter_of_a_right_is_written_where_it_is_named_and_nowhere_else(world: World) -> None:
    case = opened(world, "complaint")["id"]
    out: Path = world.base / "there.html"
    out.write_text("kept", "utf-8")
    words = ("case", "decide", case, "--grant", "--reason", "vi har ringt og beklaget", "--out", str(out))
    assert world.code(*words, who="sigrid")[0] == 2
    assert out.read_text("utf-8") == "kept"
    assert world.json("case", "show", case, who="sigrid")["case"]["state"] == "open", "nothing is half done"


# -- letters on the screen ----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_letter_goes_to_the_screen_and_with_json_nothing_is_entered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.base)
    ids = [opened(world, right)["id"] for right in ("complaint", "rectification", "erasure", "restriction")]
    world.json("person", "objection", "Ola Oppdiktet", "--scope", "training", who="sigrid")
    objection = ("person", "objection", "Ola Oppdiktet", "--scope", "training")
    commands = [
        (("case", "decide", ids[0], "--refuse", "--ground", "unfounded", *WHY), "Datatilsynet"),
        (("case", "refuse", ids[1], "--ground", "unfounded", *WHY), "Datatilsynet"),
        (("case", "extend", ids[2], *WHY), "Datatilsynet"),
        (("case", "show", ids[2]), "Datatilsynet"),
        (("case", "close", ids[3], "--ground", "mistake", *WHY), "Datatilsynet"),
        ((*objection, "--reject", *WHY), "Datatilsynet"),
        ((*objection, "--uphold", *WHY), "How to reach us"),
        (("audit", "breach", "--person", "leif"), "Verisure Arlo Europe DAC"),
    ]
    size = world.json("status", who="iver")["log_size"]
    for words, _ in commands:
        assert world.code(*words, "--out", "-", who="sigrid") == (2, "json_and_stdout"), words
    assert world.json("status", who="iver")["log_size"] == size
    for words, said in commands:
        if "--uphold" in words:
            world.json(*objection, who="sigrid")
        shown = world.run(*words, "--out", "-", who="sigrid")
        assert shown.exit == 0 and said in shown.out, words
    assert not (world.base / "-").exists()
