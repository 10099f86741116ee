"""What an answer would say wrongly or leave out in cases that are rare: each by the letter or a store that has it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from arlo_rec.law.messages import LANGUAGES
from arlo_rec.law.model.particulars import Particulars, Processor
from arlo_rec.people.dsar.enclosures import CONSENTS
from tests.support.answers import (
    ANSWER,
    EMPLOYEE,
    MONO,
    NOTHING,
    PARTICULARS,
    PASSPHRASE,
    built,
    letter_of,
    opened,
    words,
)
from tests.support.catalogue import insider
from tests.support.copies import CONFIRM, WHY, propose
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("access.subject"), pytest.mark.slow]
QUALITY = ("--purpose", "quality", "--reason", REASON)


def answered(world: World, *who: str) -> tuple[dict[str, Any], str, set[str]]:
    """What an answer says to programs, its letter's words, and the names of its files."""
    out = world.base / "answer.html"
    out.unlink(missing_ok=True)
    case = world.json("case", "open", *who, "--identity", "login", who="sigrid")["case"]["id"]
    passphrase = world.json("dsar", "--case", case, "--lang", "en", "--out", str(out), who="sigrid")["passphrase"]
    content = opened(out.read_bytes(), passphrase.encode())
    return json.loads(content["bodies"]["data.json"]), words(content["letter_html"]), set(content["bodies"])


# -- damaged recordings -------------------------------------------------------------------------------


def heard(world: World) -> str:
    """A recording that a manager saved as a sound file."""
    world.grant("leif")
    (call,) = world.take_in("a")
    world.json("export", call, *QUALITY, "--out", str(world.base / "a.wav"), who="leif")
    return call


def told_of_damaged(world: World) -> None:
    data, letter, files = answered(world, "90000001")
    (damaged,) = data["damaged"]
    assert [access["action"] for access in damaged["accesses"] if access["role"] == "manager"] == ["export"]
    assert [(file["kind"], file["role"]) for file in damaged["exports"]] == [("recording", "manager")]
    assert (len(damaged["grants"]), sorted(damaged["purposes"])) == (1, ["quality", "training"])
    assert "saved as a sound file once" in letter
    assert "quality assurance of customer service (your consent" in letter
    assert "We have no confirmation that it was deleted." in letter
    assert "accesses.json" in files, "the letter speaks of it"


def test_who_heard_a_recording_is_told_although_what_is_known_of_it_is_damaged(world: World) -> None:
    call = heard(world)
    with insider(world) as db:
        db.run("UPDATE metadata SET sealed = zeroblob(length(sealed)) WHERE recording = ?", (bytes.fromhex(call),))
    told_of_damaged(world)


def test_a_letter_without_sound_says_of_no_sound_what_it_holds() -> None:
    none = replace(ANSWER, recordings=(), whole_call_reason="samtalen er bare forståelig i sin helhet")
    for lang, said in (("nb", ("Hele samtalen", "blir sagt i samtalen")), ("en", ("The whole call", "is said in"))):
        assert not [each for each in said if each in words(letter_of(none, lang))]


@pytest.mark.parametrize(("lang", "frightening"), [("nb", "Noen har endret"), ("en", "Somebody changed")])
def test_a_letter_accuses_nobody_of_what_may_be_a_damaged_disk(lang: str, frightening: str) -> None:
    assert frightening not in words(letter_of(ANSWER, lang))


# -- training copies ----------------------------------------------------------------------------------


def test_who_could_hear_a_copy_is_told_also_when_the_copy_is_erased(world: World) -> None:
    world.grant("turid", "training")
    (call,) = world.take_in("a", seconds=1)
    copy = propose(world, call)["copy"]
    world.json("review", copy, *CONFIRM, who="sigrid")
    world.json("release", copy, "--reason", WHY, who="sigrid")
    world.json(
        "person", "objection", "Ola Oppdiktet", "--uphold", "--scope", "training", "--reason", REASON, who="sigrid"
    )
    data, letter, _ = answered(world, "90000001")
    (recording,) = data["recordings"]
    (could,) = recording["copy_grants"]
    assert (recording["copies"], could["role"]) == ([], "manager")
    grant = world.json("grants", who="sigrid")["grants"][0]
    assert could["until"] < grant["until"], "it could be heard until it was erased"
    assert "Who has or had access to listen to a copy for training" in letter
    assert "Copies made from the recording We hold none." in letter


@pytest.mark.parametrize(
    ("lang", "untrue", "said"),
    [
        ("nb", "ingen har hørt den", "Den er ikke godkjent ennå, og er ikke gitt til opplæring."),
        ("en", "nobody has heard it", "It has not been approved yet, and has not been given to training."),
    ],
)
def test_a_copy_that_waits_is_not_said_to_be_unheard_for_somebody_reviews_it(lang: str, untrue: str, said: str) -> None:
    letter = words(letter_of(replace(ANSWER, recordings=(MONO,)), lang))
    assert (untrue in letter, said in letter) == (False, True)


@pytest.mark.parametrize(("lang", "said"), [("nb", "og til å lage kopier til"), ("en", "and for making copies for")])
def test_that_the_officer_can_open_a_recording_for_a_copy_is_said_where_copies_are_made(lang: str, said: str) -> None:
    for purposes, is_said in ((("quality", "training"), True), (("quality",), False)):
        one = replace(ANSWER, damaged=(), recordings=(replace(MONO, purposes=purposes),))
        assert (said in words(letter_of(one, lang))) is is_said


# -- what is kept -------------------------------------------------------------------------------------


def test_who_asks_by_the_reference_of_a_call_is_told_that_its_consent_was_withdrawn(world: World) -> None:
    call, _ = world.take_in("hidden", "other", caller=None)
    world.json("withdraw", "--call", call, "--yes", who="siri")
    data, letter, _ = answered(world, "--reference", "pbx.hidden")
    (kept,) = data["withdrawals"]
    assert (kept["erased"], kept["code_of"]) == (1, "reference")
    assert "A consent was withdrawn." in letter
    assert "a code made from the call's reference, until" in letter
    assert answered(world, "--reference", "pbx.other")[0]["withdrawals"] == []


@pytest.mark.parametrize(
    ("lang", "number", "name"),
    [("nb", "telefonnummeret du ringte fra", "for eksempel navn"), ("en", "the telephone number that you", "a name,")],
)
def test_no_number_and_no_name_is_said_to_be_held_where_none_came_with_a_call(
    lang: str, number: str, name: str
) -> None:
    hidden = replace(MONO, number=None, identifiers=())
    for recordings, is_said in (((hidden,), False), ((hidden, replace(MONO, number="+4790000001")), True)):
        letter = words(letter_of(replace(ANSWER, damaged=(), outside_scope=0, recordings=recordings), lang))
        assert (number in letter, name in letter) == (is_said, is_said)


@pytest.mark.parametrize(("lang", "said"), [("nb", "et trukket samtykke"), ("en", "a withdrawn consent")])
def test_the_basis_of_what_is_left_of_a_withdrawal_is_given_where_there_is_one(lang: str, said: str) -> None:
    assert said in words(letter_of(NOTHING, lang))
    assert said not in words(letter_of(replace(NOTHING, withdrawals=()), lang))


@pytest.mark.parametrize(
    ("lang", "said"), [("nb", "ta vare på kopien her"), ("nb", "opptakene i det"), ("en", "keep the copy here")]
)
def test_where_nothing_was_found_the_letter_speaks_of_no_copy_in_it(lang: str, said: str) -> None:
    assert said not in words(letter_of(NOTHING, lang))
    assert said in words(letter_of(ANSWER, lang))


@pytest.mark.rule("data.employee")
@pytest.mark.parametrize(
    ("lang", "logged", "erased"),
    [
        ("nb", "står der med navnet ditt", "Trekker kunden samtykket, slettes det straks."),
        ("en", "stand there with your name", "If the customer withdraws the consent, it is deleted at once."),
    ],
)
def test_an_employee_is_told_what_the_log_has_of_an_objection_and_that_a_customer_may_end_it_all(
    lang: str, logged: str, erased: str
) -> None:
    letter = words(letter_of(EMPLOYEE, lang))
    assert (logged in letter, erased in letter) == (True, True)
    assert logged not in words(letter_of(replace(EMPLOYEE, objections=()), lang))
    assert erased not in words(letter_of(ANSWER, lang))


# -- the company's particulars ------------------------------------------------------------------------

IRISH = Processor(
    "Invented Cloud Ltd",
    "lagrer kopier",
    "stores copies",
    country="IE",
    safeguards_nb="standardvilkår",
    safeguards_en="standard clauses",
)


@pytest.mark.parametrize(("lang", "basis"), [("nb", "standardvilkår"), ("en", "standard clauses")])
def test_a_transfer_by_a_company_in_the_eea_is_told_with_its_basis(lang: str, basis: str) -> None:
    letter = words(letter_of(replace(ANSWER, particulars=replace(PARTICULARS, processors=(IRISH,))), lang))
    assert basis in letter


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_letter_names_everybody_who_may_get_recordings_and_how_one_withdraws(lang: str) -> None:
    letter = words(letter_of(ANSWER, lang))
    (recipient,) = PARTICULARS.recipients or ()
    country = {"nb": "Norge", "en": "Norway"}[lang]
    assert f"{recipient.recipient} ({country}): {recipient.why(lang)}" in letter
    assert str(PARTICULARS.withdrawal(lang)) in letter
    unknown = {"nb": "vet ikke om noen andre utenfor selskapet", "en": "does not know whether anybody else outside"}
    assert unknown[lang] in words(letter_of(replace(ANSWER, particulars=Particulars()), lang))
    records = json.loads(opened(built(ANSWER), PASSPHRASE.encode())["bodies"][CONSENTS])["@graph"]
    names = {each["@id"]: each["dpv:hasName"] for each in records[0]["dpv:hasEntity"]}
    got = [names[each["@id"]] for each in records[0]["dpv:hasProcess"][0]["dpv:hasRecipient"]]
    assert got[-1] == recipient.recipient


@pytest.mark.rule("data.employee")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_employee_is_sent_to_the_notice_for_employees_and_told_whom_to_tell_of_an_objection(lang: str) -> None:
    letter = words(letter_of(EMPLOYEE, lang))
    assert str(PARTICULARS.staff_notice) in letter
    assert str(PARTICULARS.notice) not in letter
    assert str(PARTICULARS.objection(lang)) in letter
