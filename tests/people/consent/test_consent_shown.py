"""What an officer is shown of one consent, whom it is refused and in which words, and what is left of a look."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.calls.intake import batch
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.law.model.records import RecordingId, new_id
from arlo_rec.law.rules import RULES
from arlo_rec.people.dsar import accesses
from arlo_rec.vault.access import metadata
from tests.support.attack import own_code
from tests.support.clock import later
from tests.support.copies import propose
from tests.support.intake import problems
from tests.support.vocabulary import graph_of
from tests.support.vocabulary import problems as not_in_vocabulary
from tests.support.world import Result, World

STRANGE = ("0" * 32, "ffffffff", "abcdef", "abcde", "Ola Oppdiktet", "+4790000001", "x" * 500)


def show(world: World, call: str, *more: str, who: str = "sigrid") -> Result:
    return world.run("consent", "show", call, "--json", *more, who=who)


def record(world: World, call: str) -> dict[str, Any]:
    told: dict[str, Any] = world.json("consent", "show", call, who="sigrid")["consent"]
    return told


def error(result: Result) -> tuple[int, dict[str, Any]]:
    return result.exit, result.json["error"]


def looks(world: World) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = world.json("audit", "show", "--action", "consent", who="iver")["entries"]
    return entries


@pytest.mark.slow
@pytest.mark.rule("consent.basis")
def test_a_consent_is_shown_with_what_the_caller_heard_and_did(world: World) -> None:
    started = datetime.now(UTC) - timedelta(hours=3)
    (call,) = world.take_in("a", started=started, seconds=9.0, pressed_after=4.0)
    shown = record(world, call)
    assert list(not_in_vocabulary(graph_of(shown))) == []
    (event,) = shown["dpv:hasConsentStatus"]
    at = datetime.fromisoformat(event["dpv:isIndicatedAtTime"]["@value"])
    until = datetime.fromisoformat(event["dpv:hasDuration"]["rdf:value"]["@value"])
    assert (at, until) == (started + timedelta(seconds=4), started + timedelta(days=90))
    assert shown["dct:identifier"] == shown["dpv:hasDataSubject"]["dct:identifier"] == call
    assert shown["dpv:hasNotice"][0]["dct:description"]["@value"] == SHIPPED[0].text
    purposes = [each["dpv:hasPurpose"] for each in shown["dpv:hasProcess"] if "dpv:hasPurpose" in each]
    described = {each["dct:identifier"]: [text["@value"] for text in each["dct:description"]] for each in purposes}
    rules = {name: RULES[f"purpose.{name}"] for name in ("quality", "training")}
    assert described == {name: [rule.nb, rule.en] for name, rule in rules.items()}


@pytest.mark.slow
def test_a_record_names_neither_caller_nor_staff(world: World) -> None:
    (call,) = world.take_in("a", known={"caller": ["Kari Eksempel"], "agent": ["Ola Oppdiktet"]}, team="ettermarked")
    answers = (show(world, call).out, world.run("consent", "show", call, who="sigrid").out)
    for word in ("90000001", "Kari", "Ola", "pbx", "sigrid", "ettermarked"):
        assert not any(word in answer for answer in answers), word
    kinds = [each["skos:broader"]["@id"] for each in record(world, call)["dpv:hasProcess"][0]["dpv:hasPersonalData"]]
    assert {"pd:Name", "pd:TelephoneNumber"} <= set(kinds)


@pytest.mark.slow
def test_a_withheld_number_is_no_kind_of_data_that_is_held(world: World) -> None:
    (call,) = world.take_in("a", caller=None)
    assert "pd:TelephoneNumber" not in json.dumps(record(world, call))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "nb",
            ("tast 1", "nb-2025-01", "opplæring", "GDPR artikkel 6 nr. 1 bokstav a", "Berettiget", "post@arlo.test"),
        ),
        ("en", ("key 1", "nb-2025-01", "training", "GDPR Article 6(1)(a)", "Legitimate", "post@arlo.test")),
    ],
)
def test_people_read_who_when_what_for_by_which_basis_until_when_and_how_to_withdraw(
    world: World, lang: str, words: tuple[str, ...]
) -> None:
    (call,) = world.take_in("a", consent={"prompt": "nb-2025-01"})
    (world.base / "config" / "arlo-rec" / "config.toml").unlink()
    unstated = world.run("consent", "show", call, "--lang", lang, who="sigrid").out
    _state(world)
    told = world.run("consent", "show", call, "--lang", lang, who="sigrid").out
    assert all(word in told for word in words)
    assert not any(word in told for word in ("kvalitet", "quality"))
    assert not any(word in unstated for word in words[-2:])
    assert any(word in unstated for word in ("not stated", "ikke oppgitt"))


def _state(world: World) -> None:
    stated, config = world.base / "stated.toml", world.base / "config" / "arlo-rec" / "config.toml"
    stated.write_text(
        'contact = "post@arlo.test"\n'
        'staff_basis = {nb = "Berettiget interesse", en = "Legitimate interest"}\n'
        '[[processors]]\nname = "Sky AS"\ncountry = "NO"\ntask = {nb = "drift", en = "hosting"}\n',
        "utf-8",
    )
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'particulars = "{stated}"\n', "utf-8")


@pytest.mark.slow
def test_what_the_company_stated_stands_in_the_record(world: World) -> None:
    (call,) = world.take_in("a")
    _state(world)
    shown = record(world, call)
    assert shown["dpv:hasConsentControl"]["dpv:isExercisedAt"] == "post@arlo.test"
    assert shown["dpv:hasProcess"][0]["dpv:hasRecipient"] == shown["dpv:hasDataProcessor"] == [{"@id": "_:processor-1"}]
    (employee,) = [each for each in shown["dpv:hasProcess"] if "dpv:hasPurpose" not in each]
    told = {each["@language"]: each["@value"] for each in employee["dpv:hasLegalBasis"]["dct:description"]}
    assert told == {"nb": "Berettiget interesse", "en": "Legitimate interest"}


# -- which call is meant ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_short_beginning_means_the_call_and_a_copys_id_means_its_call(world: World) -> None:
    (call,) = world.take_in("a")
    made = propose(world, call)["copy"]
    assert made != call
    for text in (call, call[:6], call[:20], made, made[:8]):
        assert record(world, text)["dct:identifier"] == call


@pytest.mark.slow
def test_a_beginning_that_two_calls_have_means_neither(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "new_id", lambda due_at, chance: new_id(due_at, bytes(3) + chance[3:]))
    first, second = world.take_in("a", "b")
    assert first[:8] == second[:8]
    assert error(show(world, first[:8]))[1]["code"] == "no_grant"
    assert record(world, first)["dct:identifier"] == first


# -- whom it is refused, and in which words -------------------------------------------------------------


@pytest.mark.slow
def test_what_is_unknown_malformed_withdrawn_or_past_its_day_is_refused_in_the_same_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdrawn, due = world.take_in("a", "b")
    copy = propose(world, withdrawn)["copy"]
    world.json("withdraw", "--call", withdrawn, "--yes", who="skranke")
    answers = [error(show(world, text)) for text in (*STRANGE, withdrawn, withdrawn[:8], copy)]
    assert record(world, due)
    later(monkeypatch, days=90)  # no purge ran
    answers += [error(show(world, due)), error(show(world, due[:8]))]
    assert [(exit, told["code"], told["rule"]) for exit, told in answers] == [(13, "no_grant", "access.managers")] * 12
    assert len({told["message"] for _, told in answers}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("who", ["leif", "siri", "iver", "telefon", "cron", "skranke"])
def test_consents_are_shown_to_officers_alone(world: World, who: str) -> None:
    (call,) = world.take_in("a")
    world.grant()
    world.grant("leif", "training")
    assert {world.code("consent", "show", text, who=who) for text in (call, "0" * 32)} == {(13, "not_your_role")}


# -- what is left of a look -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.rule("security.unauthorised")
def test_a_look_and_an_attempt_are_in_the_log_and_what_was_typed_is_not(world: World) -> None:
    (call,) = world.take_in("a")
    record(world, call[:7])
    for text in STRANGE[:2]:
        show(world, text)
    show(world, "Ola Oppdiktet")
    allowed, unknown, short, name = looks(world)
    assert (allowed["outcome"], allowed["recordings"], allowed["person"]) == ("allowed", [call], "sigrid")
    assert [each["detail"]["asked"] for each in (unknown, short, name)] == ["0" * 32, "8 characters", "13 characters"]
    assert problems(world) == []


@pytest.mark.slow
def test_the_look_is_in_the_log_before_anything_is_opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (call,) = world.take_in("a")

    def torn(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(metadata, "erasure_keys", torn)
    assert show(world, call).exit not in (0, 1)
    assert [each["recordings"] for each in looks(world)] == [[call]]


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_the_person_whose_consent_was_looked_at_is_told(world: World) -> None:
    (call,) = world.take_in("a")
    record(world, call)
    out = world.base / "answer.html"
    world.json("dsar", "90000001", "--identity", "called-back", "--out", str(out), who="sigrid")
    with own_code(world, "sigrid") as store:
        ids = [RecordingId(bytes.fromhex(call))]
        told = accesses.recorded(store, accesses.mentions(store, ids, "x", "caller"), ids, datetime.now(UTC))
    assert ("consent_shown", "consent", "officer") in {(each.action, each.purpose, each.role) for each in told}


# -- the file ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_record_is_written_to_a_new_file_for_its_owner_alone(world: World) -> None:
    (call,) = world.take_in("a")
    out = world.base / "consent.jsonld"
    told = show(world, call, "--out", str(out)).json
    assert json.loads(out.read_text("utf-8")) == told["consent"]
    assert (told["out"], stat.S_IMODE(out.stat().st_mode)) == (str(out), 0o600)
    before = len(looks(world))
    assert error(show(world, call, "--out", str(out)))[1]["code"] == "out_exists"
    assert error(show(world, call, "--out", str(world.base / "none" / "x")))[1]["code"] == "no_such_folder"
    assert len(looks(world)) == before


@pytest.mark.slow
def test_a_dash_shows_the_record_alone(world: World) -> None:
    (call,) = world.take_in("a")
    shown = json.loads(world.run("consent", "show", call, "--out", "-", who="sigrid").out)
    assert shown["dct:identifier"] == call
    assert error(show(world, call, "--out", "-"))[1]["code"] == "json_and_stdout"


@pytest.mark.slow
def test_nothing_is_written_where_the_look_is_refused(world: World) -> None:
    out = world.base / "consent.jsonld"
    assert show(world, "0" * 32, "--out", str(out)).exit == 13
    assert not out.exists()
