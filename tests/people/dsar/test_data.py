"""`data.json` and its schema: every field of the answer, each key explained, and no key unnamed."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from arlo_rec.law.messages import group
from arlo_rec.law.model.particulars import Particulars
from arlo_rec.people.dsar import enclosures
from arlo_rec.people.dsar.answer import Answer, Case, PossibleAccess, RecordedAccess, RecordingFacts, Utterance
from tests.support.answers import ANSWER, EMPLOYEE, HOSTILE, NOT_TAKEN_IN, NOTHING, OWN, files_of, sound_of

SCHEMA = json.loads(enclosures.schema_json())


def told(answer: Answer) -> Any:
    return json.loads(enclosures.data_json(answer, files_of(answer)))


def keys_of(document: object) -> set[str]:
    if isinstance(document, dict):
        return set(document).union(*(keys_of(value) for key, value in document.items() if key != "keys"))
    return set().union(*(keys_of(one) for one in document)) if isinstance(document, list) else set()


def test_data_json_holds_every_field_of_the_answer() -> None:
    document = told(ANSWER)
    assert {one.name for one in fields(Answer)} <= set(document)
    assert {one.name for one in fields(Case)} == set(document["case"])
    recording = document["recordings"][0]
    assert {one.name for one in fields(RecordingFacts)} - {"peaks"} | {"ended_at", "sound"} == set(recording)
    for kind, one in ((RecordedAccess, "accesses"), (PossibleAccess, "grants"), (Utterance, "transcript")):
        assert {each.name for each in fields(kind)} == set(recording[one][0])


@pytest.mark.parametrize("answer", [ANSWER, NOTHING])
def test_data_json_explains_each_of_its_keys_and_no_other(answer: Answer) -> None:
    document, keys = told(answer), group("letter.key")
    assert document["keys"] == keys
    assert keys_of(document) <= set(keys)
    assert keys_of(told(ANSWER)) | keys_of(told(EMPLOYEE)) | keys_of(told(NOT_TAKEN_IN)) == set(keys)


@pytest.mark.rule("data.employee")
def test_the_legal_basis_is_a_callers_consent_and_for_an_employee_what_the_company_stated() -> None:
    unstated = replace(EMPLOYEE, particulars=Particulars())
    stated = [told(answer)["legal_basis"] for answer in (ANSWER, EMPLOYEE, unstated)]
    assert stated == ["GDPR 6(1)(a)", "a legitimate interest", None]


def test_times_in_data_json_are_utc() -> None:
    document = told(ANSWER)
    assert document["recordings"][0]["started_at"] == "2026-10-01T08:15:45Z"
    assert document["recordings"][0]["ended_at"] == "2026-10-01T08:17:17.500000Z"
    assert document["case"]["due_on"] == "2026-12-09"


def test_data_json_names_each_sound_with_its_checksum() -> None:
    document, (first, second) = told(ANSWER), files_of(ANSWER)
    assert [one["sound"] for one in document["recordings"]] == [first.name, second.name, None]
    one = {"name": first.name, "mediatype": "audio/wav", "bytes": len(sound_of(OWN)), "sha256": first.sha256}
    assert document["files"][0] == one


@pytest.mark.parametrize("answer", [ANSWER, NOTHING, HOSTILE, EMPLOYEE])
def test_data_json_is_what_its_schema_says(answer: Answer) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(told(answer))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("case", "due_on"), 9),
        (("recordings", 0, "started_at"), "2026-10-01T10:15:45+02:00"),
        (("recordings", 0, "sound"), 5),
        (("recordings", 0, "accesses", 0, "name"), "Leif"),
        (("files", 0, "sha256"), "ab"),
        (("surprise",), 1),
    ],
)
def test_the_schema_refuses_what_is_no_answer(place: tuple[str | int, ...], value: object) -> None:
    document = told(ANSWER)
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(document)


def test_every_key_of_the_schema_is_explained_in_both_languages() -> None:
    keys, seen = group("letter.key"), set()

    def look(part: Any) -> None:
        if isinstance(part, dict):
            for name, one in part.get("properties", {}).items():
                if name not in ("nb", "en"):
                    seen.add(name)
                    assert (one["description"], one["x-description-nb"]) == (keys[name]["en"], keys[name]["nb"])
        for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            look(one)

    look(SCHEMA)
    assert seen == set(keys)
