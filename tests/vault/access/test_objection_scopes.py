"""An employee objects to recording, quality or training, each alone (GDPR 21): pending, upheld, rejected, lifted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.deadlines import answer_due
from arlo_rec.law.model.times import local_date
from arlo_rec.law.rights import ObjectionScope, ObjectionState, OpenRequest, closing, taken_in_despite, unless_objected
from arlo_rec.policy import Action, Purpose, Role
from arlo_rec.vault.access import gate
from tests.support.answers import opened
from tests.support.attack import SECRETS, identity, meanwhile
from tests.support.backups import is_whole
from tests.support.clock import later
from tests.support.copies import CONFIRM, SAID, WHY, labels, propose
from tests.support.promises import plunder
from tests.support.world import REASON, World

pytestmark = pytest.mark.rule("data.employee")
WHO = "Kari Prøvesen"
BECAUSE = ("--reason", "a stalker knows the voice at once")
OPEN = (0, "")
PENDING, UPHELD = (14, "objection_pending"), (14, "agent_objected")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


# -- decided ------------------------------------------------------------------------------------------

STANDING = st.dictionaries(st.sampled_from(ObjectionScope), st.sampled_from(ObjectionState))
COPYING = (Action.PSEUDONYMISE, Action.REVIEW, Action.REVIEW_LISTEN, Action.RELEASE)
USES = [*((action, purpose) for action in (Action.LISTEN, Action.EXPORT) for purpose in Purpose)]
USES += [(action, None) for action in (*COPYING, Action.REJECT)]


@given(STANDING, st.sampled_from(USES), st.sampled_from((Role.OFFICER, Role.MANAGER)))
def test_a_use_is_open_unless_an_objection_to_it_is_pending_or_upheld(
    standing: dict[ObjectionScope, ObjectionState], use: tuple[Action, Purpose | None], role: Role
) -> None:
    action, purpose = use
    request = OpenRequest(
        purpose=purpose or Purpose.TRAINING,
        granted=True,
        consented=frozenset(Purpose),
        released=purpose is Purpose.TRAINING,
        due_at=NOW + timedelta(days=1),
        objections=standing,
    )
    decision = gate.opened(role, action, purpose, request, NOW)
    of = {scope.value: state.value for scope, state in standing.items()}
    concerned = [of.get("recording")] if action is not Action.REJECT else []
    if purpose is not None:
        concerned.append(of.get(purpose.value))
    elif action is not Action.REJECT:
        concerned += [of.get("training"), of.get("quality") if role is Role.MANAGER else None]
    code = "agent_objected" if "upheld" in concerned else "objection_pending" if "pending" in concerned else "ok"
    assert decision.code == code
    assert decision.rule == "data.employee" or decision.allowed
    if action is not Action.REJECT:
        ended = unless_objected(standing, closing(purpose, officer=role is Role.OFFICER))
        assert ended.allowed is decision.allowed, "what is open is closed as it would not be opened"


@given(STANDING, st.booleans())
def test_a_call_is_taken_in_unless_recording_was_objected_to_and_upheld_or_nobody_told_the_employee(
    standing: dict[ObjectionScope, ObjectionState], informed: bool
) -> None:
    decision = taken_in_despite(standing, informed=informed)
    is_upheld = standing.get(ObjectionScope.RECORDING) is ObjectionState.UPHELD
    assert decision.code == ("agent_objected" if is_upheld else "ok" if informed else "agent_not_told")


# -- as commands --------------------------------------------------------------------------------------


@pytest.fixture
def calls(world: World) -> dict[str, str]:
    """Two calls of her, of one a released copy; a call of somebody else; a manager for each purpose."""
    world.grant("leif")
    world.grant("turid", "training")
    first, second = (world.take_in(stem, agent=WHO, seconds=1, seed=n)[0] for n, stem in enumerate(("a", "b")))
    (other,) = world.take_in("other", agent="Ola Oppdiktet", seed=7, seconds=1)
    copy = propose(world, first)["copy"]
    world.json("review", copy, *CONFIRM, who="sigrid")
    released = str(world.json("release", copy, "--reason", WHY, who="sigrid")["copy"]["copy"])
    return {"copied": first, "hers": second, "other": other, "released": released}


def objection(world: World, *words: str, who: str = "sigrid") -> dict[str, Any]:
    return world.json("person", "objection", WHO, *words, who=who)


def exported(world: World, recording: str, purpose: str, who: str) -> tuple[int, str]:
    out = world.base / f"out-{len(list(world.base.glob('out-*')))}.wav"
    return world.code("export", recording, "--purpose", purpose, "--reason", REASON, "--out", str(out), who=who)


def found(world: World, purpose: str, who: str) -> set[str]:
    told = world.json("find", "--purpose", purpose, "--reason", REASON, who=who)
    return {each["id"] for each in told["recordings"]}


def uses(world: World, calls: dict[str, str]) -> dict[str, tuple[int, str]]:
    """How each use of her calls ends."""
    hers, cuts = calls["hers"], labels(world, (0.1, 0.2))
    ends = {
        "quality": exported(world, hers, "quality", "leif"),
        "training": exported(world, calls["released"], "training", "turid"),
        "copying by a manager": world.code("pseudonymise", *SAID, hers, "--cuts", cuts, who="leif"),
        "copying by the officer": world.code("pseudonymise", *SAID, hers, "--cuts", cuts, who="sigrid"),
    }
    assert (calls["hers"] in found(world, "quality", "leif")) is (ends["quality"] == OPEN)
    assert (calls["released"] in found(world, "training", "turid")) is (ends["training"] == OPEN)
    assert calls["other"] in found(world, "quality", "leif")
    return ends


CLOSED = {
    "recording": {"quality", "training", "copying by a manager", "copying by the officer"},
    "quality": {"quality", "copying by a manager"},
    "training": {"training", "copying by a manager", "copying by the officer"},
}


@pytest.mark.slow
@pytest.mark.parametrize("scope", CLOSED)
def test_from_the_day_it_is_entered_nothing_of_hers_opens_for_it_until_it_is_rejected(
    world: World, calls: dict[str, str], scope: str
) -> None:
    objection(world, "--scope", scope)
    ends = uses(world, calls)
    assert {use for use, end in ends.items() if end == PENDING} == CLOSED[scope]
    assert {use for use, end in ends.items() if end == OPEN} == ends.keys() - CLOSED[scope]
    (taken,) = world.take_in("meanwhile", agent=WHO, seed=5, seconds=1)
    assert (exported(world, taken, "quality", "leif") == OPEN) is ("quality" not in CLOSED[scope])
    objection(world, "--reject", *BECAUSE)
    assert set(uses(world, calls).values()) == {OPEN}
    assert exported(world, taken, "quality", "leif") == OPEN


@pytest.mark.slow
def test_upheld_against_quality_the_originals_stay_closed_and_officers_make_copies(
    world: World, calls: dict[str, str]
) -> None:
    for recording, purpose, who in ((calls["hers"], "quality", "leif"), (calls["released"], "training", "turid")):
        assert exported(world, recording, purpose, who) == OPEN
    entered = objection(world, "--scope", "quality")
    told = objection(world, "--uphold", *BECAUSE, "--lang", "en")
    assert (told["erased"], [each["scope"] for each in told["objections"]]) == (0, ["quality"])
    for each in (entered, told):
        assert [saved["person"] for saved in each["recipients"]] == ["leif"], "a file for training may be used"
    assert "we require to be deleted: 1." in told["letter"]
    ends = uses(world, calls)
    assert {use for use, end in ends.items() if end == UPHELD} == CLOSED["quality"]
    assert (ends["training"], ends["copying by the officer"]) == (OPEN, OPEN)
    waiting = {who: world.json("review", who=who)["copies"] for who in ("leif", "sigrid")}
    assert {each["id"] for each in waiting["sigrid"]} == {calls["hers"]}
    assert waiting["leif"] == [], "hers are passed over"
    is_whole(world)


@pytest.mark.slow
def test_upheld_against_recording_all_is_erased_and_no_call_of_hers_is_taken_in(
    world: World, calls: dict[str, str]
) -> None:
    assert exported(world, calls["hers"], "quality", "leif") == OPEN
    objection(world, "--scope", "recording")
    told = objection(world, "--uphold", *BECAUSE, "--lang", "en")
    erased = {calls["copied"], calls["hers"], calls["released"]}
    assert (set(told["recordings"]), told["calls"]) == (erased, 2)
    assert set(plunder(world, [identity(world, name) for name in SECRETS]).sounds) == {calls["other"]}
    assert [each["person"] for each in told["recipients"]] == ["leif"]
    assert "Sound files that are saved outside the system, and that we require to be deleted: 1." in told["letter"]
    assert world.run("certificate", "verify", told["receipt"]).exit == 0
    assert json.loads(Path(told["receipt"]).read_text("utf-8"))["rule"] == "data.employee"
    again = world.deliver("again", agent=WHO.upper(), seed=8)
    taken = world.json("ingest", str(world.spool), who="telefon")
    assert [(each["code"], each["rule"]) for each in taken["refused"]] == [("agent_objected", "data.employee")]
    assert not again.exists() and not again.with_suffix(".wav").exists(), "nobody can mend that"
    objection(world, "--lift", *BECAUSE)
    assert world.take_in("later", agent=WHO, seed=9)
    is_whole(world)


@pytest.mark.slow
def test_an_objection_that_is_upheld_while_her_call_is_sealed_keeps_it_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arlo_rec.calls.intake import batch

    world.deliver("hers", agent=WHO)
    uphold = ("--scope", "recording", "--uphold", *BECAUSE)
    meanwhile(monkeypatch, batch.Batch, "_commit", lambda: objection(world, *uphold))
    refused = world.json("ingest", str(world.spool), who="telefon")["refused"]
    assert [each["code"] for each in refused] == ["agent_objected"]
    assert plunder(world, [identity(world, "sigrid")]).sounds == {}


@pytest.mark.slow
def test_who_asks_once_more_is_told_that_the_call_went_because_the_employee_objected(
    world: World, calls: dict[str, str]
) -> None:
    del calls
    first = ("dsar", "90000001", "--identity", "called-back", "--out", str(world.base / "first.html"))
    case = world.json(*first, who="sigrid")["case"]["id"]
    objection(world, "--scope", "recording", "--uphold", *BECAUSE)
    out = world.base / "answer.html"
    asked = ("dsar", "--case", case, "--identity", "called-back", "--out", str(out), "--lang", "en")
    told = world.json(*asked, who="sigrid")
    content = opened(out.read_bytes(), told["passphrase"].encode())
    gone = json.loads(content["bodies"]["data.json"])["erased_since"]
    assert [each["why"] for each in gone] == ["objection", "objection"]
    assert "because the employee who answered objected to recording, and the objection" in content["letter_html"]


# -- days and letters ---------------------------------------------------------------------------------


def test_the_decision_is_due_a_month_from_the_day_it_came_and_the_first_day_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = local_date(datetime.now(UTC))
    came = today - timedelta(days=9)
    objection(world, "--scope", "training", "--received", came.isoformat())
    (again,) = objection(world, "--scope", "training")["objections"]
    due = answer_due(came)
    assert (again["received"], again["due"]) == (came.isoformat(), due.isoformat())
    assert again["days_left"] == (due - today).days
    assert "objection" in world.tasks("sigrid")
    status = world.json("status", who="iver")
    assert status["objections"] == [{key: again[key] for key in ("scope", "received", "due", "days_left")}]
    assert (status["critical"], WHO in json.dumps(status)) == ([], False)
    later(monkeypatch, days=again["days_left"] - 1)
    assert "objection_due" in world.json("status", who="iver")["critical"]
    later(monkeypatch, days=again["days_left"] + 1)
    assert "objection_overdue" in world.json("status", who="iver")["critical"]
    letter = objection(world, "--reject", *BECAUSE, "--lang", "en")["letter"]
    assert "We are sorry." in letter
    assert "objection" not in world.tasks("sigrid")


@pytest.mark.parametrize(
    ("left", "critical"),
    [(3, []), (2, ["objection_due"]), (0, ["objection_due"]), (-1, ["objection_overdue"])],
)
def test_a_decision_is_critical_from_two_days_before_its_last_day_and_late_from_the_day_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch, left: int, critical: list[str]
) -> None:
    (entered,) = objection(world, "--scope", "quality")["objections"]
    later(monkeypatch, days=entered["days_left"] - left)
    told = world.json("status", who="iver")
    found = [code for code in told["critical"] if code.startswith("objection")]
    assert ([each["days_left"] for each in told["objections"]], found) == ([left], critical)


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "nb",
            ("Grunnen er: a stalker", "datatilsynet.no", "domstolene", "Skriv til lederen din.", "opptak av samtal"),
        ),
        ("en", ("The reason is: a stalker", "datatilsynet.no", "court", "Write to your manager.", "recording of your")),
    ],
)
def test_a_rejection_is_a_letter_with_the_reason_the_complaint_and_whom_to_ask(
    world: World, lang: str, said: tuple[str, ...]
) -> None:
    out = world.base / "letter.html"
    objection(world, "--scope", "recording", "--scope", "training")
    told = objection(world, "--reject", *BECAUSE, "--out", str(out), "--lang", lang)
    page = out.read_text("utf-8")
    assert told["out"] == str(out)
    assert all(text in told["letter"] and text in page for text in (*said, WHO))
    assert "late" not in told["letter"] and "beklager" not in told["letter"]
    assert {(each["scope"], each["state"]) for each in told["objections"]} == {
        ("recording", "rejected"),
        ("training", "rejected"),
    }


def test_without_the_companys_contacts_nothing_is_rejected_and_an_objection_is_still_upheld(world: World) -> None:
    (world.base / "particulars.toml").write_text("controller = 'Oppdiktet AS'\n", "utf-8")
    (world.base / "config.toml").write_text(f"particulars = '{world.base / 'particulars.toml'}'\n", "utf-8")
    config = ("--config", str(world.base / "config.toml"))
    objection(world, "--scope", "training")
    refused = world.run("person", "objection", WHO, "--reject", *BECAUSE, *config, "--json", who="sigrid")
    assert (refused.exit, refused.json["error"]["code"]) == (14, "particulars_missing")
    assert [each["state"] for each in world.json("person", "objection", who="sigrid")["objections"]] == ["pending"]
    assert objection(world, "--uphold", *BECAUSE, *config)["objections"][0]["state"] == "upheld"


def test_each_scope_is_decided_alone_and_a_decision_without_one_takes_what_waits(world: World) -> None:
    objection(world, "--scope", "quality", "--scope", "training")
    objection(world, "--scope", "quality", "--reject", *BECAUSE)
    told = objection(world, "--uphold", *BECAUSE)
    assert [(each["scope"], each["state"]) for each in told["objections"]] == [("training", "upheld")]
    assert world.code("person", "objection", WHO, "--scope", "training", who="sigrid") == (14, "objection_is_upheld")
    objection(world, "--lift", *BECAUSE)
    standing = {each["scope"]: each["state"] for each in world.json("person", "objection", who="iver")["objections"]}
    assert standing == {"quality": "rejected", "training": "lifted"}


# -- trainers -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.rule("data.pseudonymised")
def test_a_trainer_is_shown_no_name_of_an_employee(world: World, calls: dict[str, str]) -> None:
    why = ("--purpose", "training", "--reason", REASON)
    (copy,) = world.json("find", *why, who="turid")["recordings"]
    assert (copy["id"], copy["agent"]) == (calls["released"], None)
    assert [each["agents"] for each in world.json("find", "--teams", *why, who="turid")["teams"]] == [None]
    assert world.code("find", *why, "--agent", WHO, who="turid") == (2, "agent_for_training")
    shown = [world.run("find", *more, *why, who="turid").out for more in ((), ("--teams",), ("--csv",))]
    assert not any(WHO in text for text in shown) and calls["released"][:6] in shown[0]
    originals = world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")["recordings"]
    assert {each["agent"] for each in originals} == {WHO, "Ola Oppdiktet"}


# -- names --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_name_without_calls_is_warned_about_wherever_it_is_written_with_the_name_that_may_be_meant(
    world: World, calls: dict[str, str]
) -> None:
    del calls
    typo = ("person", "objection", "Kari Provesen")
    told = world.run(*typo, "--scope", "quality", "--lang", "en", who="sigrid").out
    assert "No call that is held has the name Kari Provesen." in told and f"Did you mean {WHO}?" in told
    assert "closed" not in told, "nothing of hers is"
    assert world.json(*typo, "--scope", "training", who="sigrid")["calls"] == 0
    for words in (
        (*typo, "--uphold", "--dry-run"),
        (*typo, "--scope", "quality", "--reject", *BECAUSE),
        (*typo, "--scope", "training", "--uphold", *BECAUSE),
        ("person", "notify", "Kari Provesen", WHO),
    ):
        assert world.run(*words, "--lang", "en", who="sigrid").out.count(f"Did you mean {WHO}?") == 1, words
    assert world.json("person", "notify", "Kari Provesen", WHO, who="sigrid")["calls"] == 2
    read = [each for each in world.json("audit", "show", who="iver")["entries"] if "named" in each.get("detail", {})]
    assert len(read) == 7, "an entry each time that names were read"
    told = world.run("person", "objection", WHO, "--scope", "quality", "--lang", "en", who="sigrid").out
    assert "No call" not in told and "closed" in told
    assert objection(world, "--scope", "training")["calls"] == 2
    assert objection(world, "--scope", "quality", "--reject", *BECAUSE)["calls"] == 2


# -- what stays, and saved files ----------------------------------------------------------------------


@pytest.mark.slow
def test_upheld_against_recording_what_another_has_a_claim_to_stays_closed_and_the_rest_goes(
    world: World, calls: dict[str, str]
) -> None:
    hold = ("--ground", "order", "--until", "30d", "--reason", "the police asked for this call")
    world.json("hold", "set", calls["hers"], *hold, who="sigrid")
    theirs = ("--ground", "18d", "--until", "60d", "--reason", "her objection is being decided")
    for held in ("hers", "copied"):
        world.json("hold", "set", calls[held], *theirs, who="sigrid")
    (asked,) = world.take_in("asked", agent=WHO, caller="+4790000002", seed=6, seconds=1)
    opening = ("case", "open", "90000002", "--identity", "called-back", "--right", "access")
    case = world.json(*opening, who="sigrid")["case"]["id"]
    objection(world, "--scope", "recording")
    planned = world.json("person", "objection", WHO, "--uphold", "--dry-run", who="sigrid")
    told = objection(world, "--uphold", *BECAUSE, "--lang", "en")
    for each in (planned, told):
        assert (each["on_hold"], each["asked_for"]) == ([calls["hers"]], [asked])
        assert set(each["recordings"]) == {calls["copied"], calls["released"]}, "on hold for the objection alone"
    for said in (
        "on hold because another person has a claim to them: 1.",
        "asked for a copy, and has no answer: 1.",
        "They are closed",
        "Those below are not.",
    ):
        assert said in told["letter"]
    assert exported(world, asked, "quality", "leif") == UPHELD
    assert asked not in found(world, "quality", "leif")
    answer = ("dsar", "--case", case, "--out", str(world.base / "a.html"))
    assert world.json(*answer, who="sigrid")["recordings"] == 1, "what was asked for is given"
    again = objection(world, "--scope", "recording", "--uphold", *BECAUSE)
    assert (again["recordings"], again["asked_for"]) == ([asked], [])
    is_whole(world)


@pytest.mark.slow
def test_a_saved_file_of_a_closed_use_must_be_deleted_from_the_decision_until_that_is_confirmed(
    world: World, calls: dict[str, str]
) -> None:
    for recording, purpose, who in ((calls["hers"], "quality", "leif"), (calls["released"], "training", "turid")):
        assert exported(world, recording, purpose, who) == OPEN
    objection(world, "--scope", "quality")
    assert (world.tasks("leif"), world.json("status", who="iver")["unconfirmed"]) == ([], 0)
    told = objection(world, "--uphold", *BECAUSE, "--lang", "en")
    assert "In the system, nobody can hear your calls for quality assurance." in told["letter"]
    (saved,) = told["recipients"]
    assert (saved["person"], saved["state"], saved["erased"]) == ("leif", "open", 0)
    assert (world.tasks("leif"), world.tasks("turid"), "delete" in world.tasks("sigrid")) == (["delete"], [], True)
    assert "objection was upheld" in world.run("todo", "--lang", "en", who="leif").out
    assert "what leif saved may not be used" in world.run("todo", "--lang", "en", who="sigrid").out
    listed = world.json("recipients", "list", who="sigrid")["recipients"]
    assert {each["person"]: each["state"] for each in listed} == {"leif": "open", "turid": "out"}
    assert world.json("status", who="iver")["unconfirmed"] == 1
    assert world.json("verify", who="iver")["problems"] == []
    world.delete_saved(saved["id"])
    assert (world.tasks("leif"), world.json("status", who="iver")["unconfirmed"]) == ([], 0)
    is_whole(world)
