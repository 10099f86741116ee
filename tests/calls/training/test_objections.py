"""An employee objects to training (GDPR 21): upheld, no copy of their calls is made, released, opened or left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.answers import opened
from tests.support.attack import SECRETS, identity, meanwhile
from tests.support.backups import back_up, is_whole, lose, with_feed
from tests.support.catalogue import insider
from tests.support.copies import CONFIRM, SAID, WHY, labels, propose, training
from tests.support.promises import plunder
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("data.employee"), pytest.mark.slow]
WHO = "Kari Prøvesen"
BECAUSE = ("--reason", "colleagues know the voice at once")
TO_TRAINING = ("--scope", "training")


@pytest.fixture
def calls(world: World) -> dict[str, str]:
    """A call of her and one of somebody else, and a line manager for each purpose."""
    world.grant("leif")
    world.grant("turid", "training")
    (hers,) = world.take_in("hers", agent=WHO, seconds=1)
    (other,) = world.take_in("other", agent="Ola Oppdiktet", seed=3, seconds=1)
    return {"hers": hers, "other": other}


def uphold(world: World, name: str = WHO, *more: str, who: str = "sigrid") -> dict[str, Any]:
    return world.json("person", "objection", name, "--uphold", *TO_TRAINING, *BECAUSE, *more, who=who)


def released(world: World, call: str) -> str:
    copy = propose(world, call)["copy"]
    world.json("review", copy, *CONFIRM, who="sigrid")
    return str(world.json("release", copy, "--reason", WHY, who="sigrid")["copy"]["copy"])


def exported(world: World, copy: str, out: str = "copy.wav", *, who: str = "turid") -> tuple[int, str]:
    asked = ("export", copy, "--purpose", "training", "--reason", REASON, "--out", str(world.base / out))
    return world.code(*asked, who=who)


def found(world: World, who: str = "turid") -> list[str]:
    return [each["id"] for each in training(world, "find", who=who).json["recordings"]]


def sounds(world: World) -> set[str]:
    """What everybody's secrets open together."""
    return set(plunder(world, [identity(world, name) for name in SECRETS]).sounds)


def copied(world: World, call: str, who: str = "sigrid") -> tuple[int, str]:
    return world.code("pseudonymise", *SAID, call, "--cuts", labels(world, (0.1, 0.2)), who=who)


# -- upheld -------------------------------------------------------------------------------------------


def test_the_copies_of_her_calls_are_erased_at_once_and_who_took_one_must_delete_it(
    world: World, calls: dict[str, str]
) -> None:
    given, others = released(world, calls["hers"]), released(world, calls["other"])
    (second,) = world.take_in("second", agent=WHO, seed=9, seconds=1)
    under_review = str(propose(world, second)["copy"])
    assert exported(world, given) == (0, "")
    told = world.json("person", "objection", WHO, "--uphold", "--scope", "training", "--dry-run", who="sigrid")
    assert (told["erased"], told["would_erase"], told["calls"]) == (0, 2, 2)
    assert {given, under_review, others} <= sounds(world), "nothing is done yet"
    told = uphold(world)
    assert (told["erased"], set(told["recordings"])) == (2, {given, under_review})
    assert [(each["kind"], each["person"], each["state"]) for each in told["recipients"]] == [
        ("export", "turid", "open")
    ]
    (objection,) = told["objections"]
    assert (objection["scope"], objection["state"], objection["by"]) == ("training", "upheld", "sigrid")
    assert sounds(world) == {calls["hers"], calls["other"], second, others}, "originals stay, for quality"
    assert "delete" in world.tasks("turid")
    assert json.loads(Path(told["receipt"]).read_text("utf-8"))["event"] == "objection"
    assert world.run("certificate", "verify", told["receipt"]).exit == 0
    assert found(world) == [others]
    assert exported(world, given, "again.wav") == (13, "no_grant")
    is_whole(world)


def test_no_copy_of_her_calls_is_made_reviewed_or_heard_and_her_calls_stay_for_quality(
    world: World, calls: dict[str, str]
) -> None:
    told = uphold(world, "  kari PRØVESEN ")
    assert (told["erased"], told["calls"], told["objections"][0]["person"]) == (0, 1, "kari PRØVESEN")
    for who in ("sigrid", "leif"):
        assert copied(world, calls["hers"], who) == (14, "agent_objected")
    refused = world.run("pseudonymise", *SAID, calls["hers"], "--cuts", labels(world, (0.1, 0.2)), "--json", who="leif")
    assert refused.json["error"]["rule"] == "data.employee"
    denied = world.json("audit", "show", "--denied", who="iver")["entries"]
    assert [(each["person"], each["detail"]["code"]) for each in denied] == [
        ("sigrid", "agent_objected"),
        ("leif", "agent_objected"),
        ("leif", "agent_objected"),
    ]
    assert copied(world, calls["other"], "leif") == (0, "")
    why = ("--purpose", "quality", "--reason", REASON)
    assert world.code("export", calls["hers"], *why, "--out", str(world.base / "a.wav"), who="leif") == (0, "")
    hear = ("review", calls["hers"], "--no-browser", "--reason", REASON)
    assert world.code(*hear, who="leif") == (14, "agent_objected")


def test_who_has_no_grant_learns_of_no_objection(world: World, calls: dict[str, str]) -> None:
    uphold(world)
    world.json("revoke", "leif", who="sigrid")
    assert copied(world, calls["hers"], "leif") == (13, "no_grant")
    assert exported(world, calls["hers"]) == (14, "no_released_copy"), "who trains is not told why there is none"


def test_the_backlog_passes_her_calls_over_and_says_how_many(world: World, calls: dict[str, str]) -> None:
    uphold(world)
    folder = world.base / "transcripts"
    folder.mkdir()
    asked = ("pseudonymise", *SAID, "--pending", "--transcript", str(folder))
    for who in ("sigrid", "leif"):
        told = world.run(*asked, "--json", who=who).json
        assert told["passed_over"] == 1
        assert [each["id"] for each in told["results"]] == [calls["other"]]
    shown = world.run(*asked, "--lang", "en", who="leif")
    assert "Passed over, because the employee who answered objected: 1" in shown.out
    assert world.json("audit", "show", "--denied", who="iver")["entries"] == [], "nobody tried anything"


def test_once_it_is_lifted_copies_are_made_again(world: World, calls: dict[str, str]) -> None:
    first = released(world, calls["hers"])
    uphold(world)
    told = world.json("person", "objection", WHO.upper(), "--lift", *BECAUSE, who="sigrid")
    assert told["objections"][0]["state"] == "lifted"
    again = released(world, calls["hers"])
    assert found(world) == [again] and again != first
    assert exported(world, again) == (0, "")
    is_whole(world)


# -- meanwhile ----------------------------------------------------------------------------------------


def test_an_objection_that_is_upheld_while_a_copy_is_made_leaves_no_copy(
    world: World, calls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from arlo_rec.calls.training import copies

    meanwhile(monkeypatch, copies, "make", lambda: uphold(world))
    assert copied(world, calls["hers"], "leif") == (14, "agent_objected")
    assert sounds(world) == set(calls.values())
    is_whole(world)


@pytest.mark.parametrize(
    "command", [("release", "--reason", WHY), ("review", *SAID, "--add", "0.4-0.45")], ids=lambda it: it[0]
)
def test_an_objection_that_is_upheld_while_a_copy_is_released_or_edited_leaves_none(
    world: World, calls: dict[str, str], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    from arlo_rec.calls.training import copies

    copy = str(propose(world, calls["hers"])["copy"])
    world.json("review", copy, *CONFIRM, who="sigrid")
    meanwhile(monkeypatch, copies, "make", lambda: uphold(world))
    assert world.code(command[0], copy, *command[1:], who="sigrid") == (14, "agent_objected")
    assert sounds(world) == set(calls.values())
    assert found(world) == []
    is_whole(world)


# -- who decides --------------------------------------------------------------------------------------


def test_only_officers_decide_and_auditors_see_the_list(world: World, calls: dict[str, str]) -> None:
    for who in ("leif", "turid", "siri", "iver"):
        for decision in ("--uphold", "--reject", "--lift"):
            assert world.code("person", "objection", WHO, decision, *BECAUSE, who=who) == (13, "not_your_role")
        assert world.code("person", "objection", WHO, "--uphold", "--scope", "training", "--dry-run", who=who) == (
            13,
            "not_your_role",
        )
    for who in ("leif", "siri"):
        assert world.code("person", "objection", who=who) == (13, "not_your_role")
    for who in ("sigrid", "iver"):
        assert world.json("person", "objection", who=who)["objections"] == []
    assert copied(world, calls["hers"]) == (0, "")


def test_the_list_has_each_objection_as_it_was_decided_last_the_newest_first(world: World) -> None:
    def listed() -> list[tuple[str, str]]:
        every = world.json("person", "objection", who="iver")["objections"]
        assert all(each["scope"] == "training" and each["due"] is None for each in every)
        return [(each["person"], each["state"]) for each in every]

    world.json("person", "objection", WHO, "--reject", *TO_TRAINING, *BECAUSE, who="sigrid")
    uphold(world, "Ola Oppdiktet")
    assert listed() == [("Ola Oppdiktet", "upheld"), (WHO, "rejected")]
    uphold(world)
    assert listed() == [(WHO, "upheld"), ("Ola Oppdiktet", "upheld")]
    assert world.code("person", "objection", WHO, "--reject", *TO_TRAINING, *BECAUSE, who="sigrid") == (
        14,
        "objection_is_upheld",
    )
    world.json("person", "objection", WHO, "--lift", *BECAUSE, who="sigrid")
    assert world.code("person", "objection", WHO, "--lift", *BECAUSE, who="sigrid") == (4, "objection_not_upheld")
    assert listed() == [(WHO, "lifted"), ("Ola Oppdiktet", "upheld")]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((WHO,), "objection_scope_missing"),
        ((WHO, "--uphold", *BECAUSE), "objection_scope_missing"),
        ((WHO, "--scope", "marketing"), "objection_scope_unknown"),
        ((WHO, *TO_TRAINING, *BECAUSE), "objection_options"),
        ((WHO, *TO_TRAINING, "--received", "tomorrow"), "received_in_future"),
        ((WHO, "--uphold", *TO_TRAINING, *BECAUSE, "--received", "today"), "objection_options"),
        (TO_TRAINING, "objection_options"),
        ((WHO, "--uphold", "--lift"), "objection_options"),
        (("--uphold",), "objection_options"),
        ((WHO, "--lift", "--dry-run"), "objection_options"),
        ((WHO, "--uphold", "--scope", "training", "--reason", "short"), "reason_too_short"),
        ((WHO, "--uphold"), "reason_missing"),
        (("", "--uphold", *TO_TRAINING, *BECAUSE), "bad_agent_name"),
        (("x" * 201, "--uphold", *TO_TRAINING, *BECAUSE), "bad_agent_name"),
        (("Kari\u202eneseV", "--reject", *TO_TRAINING, *BECAUSE), "bad_agent_name"),
    ],
)
def test_what_decides_nothing_is_a_usage_error(world: World, words: tuple[str, ...], code: str) -> None:
    assert world.code("person", "objection", *words, who="sigrid") == (2, code)
    assert world.json("person", "objection", who="sigrid")["objections"] == []


def test_a_name_that_no_call_has_is_said_to_be_none(world: World, calls: dict[str, str]) -> None:
    told = world.run(
        "person", "objection", "Kari Prøvesn", "--uphold", *TO_TRAINING, *BECAUSE, "--lang", "en", who="sigrid"
    )
    assert told.exit == 0 and "No call that is held has the name Kari Prøvesn" in told.out
    assert copied(world, calls["hers"]) == (0, "")


# -- own code -----------------------------------------------------------------------------------------


def test_a_row_that_names_another_employee_opens_no_copy(world: World, calls: dict[str, str]) -> None:
    """Who answered stands in the metadata, which is sealed; the row's blind index decides nothing."""
    uphold(world)
    with insider(world) as db:
        ((tag,),) = db.rows("SELECT agent FROM recordings WHERE id = ?", (bytes.fromhex(calls["other"]),))
        db.run("UPDATE recordings SET agent = ? WHERE id = ?", (tag, bytes.fromhex(calls["hers"])))
    assert copied(world, calls["hers"])[0] in (14, 15)
    assert copied(world, calls["other"]) == (0, "")


def test_a_copy_that_own_code_made_in_spite_of_it_is_opened_to_nobody_by_the_program(
    world: World, calls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a manager with a grant for quality, who asks no objection; and uphold once more erases it."""
    from arlo_rec.vault.access import objections

    uphold(world)
    with monkeypatch.context() as patch:
        patch.setattr(objections, "in_force", lambda _store: {})
        copy = propose(world, calls["hers"], who="leif")["copy"]
        world.json("review", copy, *CONFIRM, who="leif")
        copy = str(world.json("release", copy, "--reason", WHY, who="leif")["copy"]["copy"])
        assert exported(world, copy, "while.wav") == (0, "")
    assert found(world) == []
    assert exported(world, copy) == (14, "agent_objected")
    listen = ("listen", copy, "--purpose", "training", "--reason", REASON, "--player", "cat")
    assert world.code(*listen, who="turid") == (14, "agent_objected")
    with insider(world) as db:
        db.run("DELETE FROM metadata WHERE recording = ?", (bytes.fromhex(copy),))
    assert exported(world, copy) == (13, "no_grant"), "nobody can tell whose call it is"
    assert world.json("person", "objection", WHO, "--uphold", *TO_TRAINING, *BECAUSE, who="sigrid")["recordings"] == [
        copy
    ]
    assert copy not in sounds(world)


# -- kept ---------------------------------------------------------------------------------------------


def test_an_objection_is_restored_from_the_backup_and_from_the_feed_and_the_copies_stay_erased(fed: World) -> None:
    hers, others = (fed.take_in(stem, agent=name, seconds=1)[0] for stem, name in (("a", WHO), ("b", "Ola Oppdiktet")))
    fed.json("person", "objection", "Prøve Prøvesen", "--uphold", *TO_TRAINING, *BECAUSE, who="sigrid")
    copy = str(propose(fed, hers)["copy"])
    back_up(fed)
    uphold(fed)
    lose(fed)
    with_feed(fed)
    states = {each["person"]: each["state"] for each in fed.json("person", "objection", who="sigrid")["objections"]}
    assert states == {"Prøve Prøvesen": "upheld", WHO: "upheld"}
    assert copied(fed, hers) == (14, "agent_objected")
    assert copied(fed, others) == (0, "")
    assert fed.code("review", *SAID, copy, who="sigrid")[0] == 13
    is_whole(fed)


@pytest.mark.parametrize("saved_before", [True, False])
def test_a_restore_remembers_that_a_saved_file_of_a_closed_use_must_be_deleted(fed: World, saved_before: bool) -> None:
    fed.grant("leif")
    (hers,) = fed.take_in("a", agent=WHO, seconds=1)
    save = ("export", hers, "--purpose", "quality", "--reason", REASON, "--out", str(fed.base / "a.wav"))
    if saved_before:
        assert fed.code(*save, who="leif") == (0, "")
    back_up(fed)
    if not saved_before:
        assert fed.code(*save, who="leif") == (0, "")
    fed.json("person", "objection", WHO, "--scope", "quality", "--uphold", *BECAUSE, who="sigrid")
    lose(fed)
    with_feed(fed)
    (left,) = (each for each in fed.json("recipients", "list", who="sigrid")["recipients"] if each["kind"] == "export")
    assert (left["state"], left["erased"]) == ("open", 0)
    is_whole(fed)


def test_an_access_answer_tells_the_employee_alone_that_the_objection_was_upheld(
    world: World, calls: dict[str, str]
) -> None:
    uphold(world, WHO.upper())
    at = world.json("person", "objection", who="sigrid")["objections"][0]["at"]

    def told(*who: str) -> Any:
        out = world.base / f"answer of {len(list(world.base.glob('answer of *')))}.html"
        asked = ("dsar", *who, "--identity", "called-back", "--out", str(out))
        passphrase = world.json(*asked, who="sigrid")["passphrase"]
        content = opened(out.read_bytes(), passphrase.encode())
        return json.loads(content["bodies"]["data.json"])["objections"]

    (objection,) = told("--agent", WHO)
    decided = (objection["objected_to"], objection["state"], objection["at"], objection["reason"])
    assert decided == ("training", "upheld", at, BECAUSE[1])
    assert told("--agent", "Ola Oppdiktet") == []
    assert told("90000001") == []
    world.json("person", "objection", WHO, "--lift", *BECAUSE, who="sigrid")
    assert [each["state"] for each in told("--agent", WHO)] == ["lifted"], "the log still has her name"


def test_the_log_has_one_entry_for_the_decision_and_what_it_erased(world: World, calls: dict[str, str]) -> None:
    copy = released(world, calls["hers"])
    uphold(world)
    (entry,) = world.json("audit", "show", "--action", "objection", who="iver")["entries"]
    assert (entry["person"], entry["rule"], entry["reason"]) == ("sigrid", "data.employee", BECAUSE[1])
    assert (entry["detail"]["agent"], entry["recordings"]) == (WHO, [copy])
