"""The vCon against the draft, read independently: what must be there, indices that lead somewhere, true checksums."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from arlo_rec.people.dsar import vcon
from arlo_rec.people.dsar.answer import Answer
from arlo_rec.people.dsar.enclosures import enclosures
from arlo_rec.people.dsar.files import MIXED
from tests.support.answers import ANSWER, HOSTILE, LATER, MONO, NOTHING, NUMBER, OWN, files_of, sound_of
from tests.support.places import TOP
from tests.support.vcons import problems

EXPORT = TOP / "examples" / "telephony" / "vcon" / "export"
DIALOG = {  # of a recording (core-04, Dialog Object): parameter -> the type of its value
    **{"type": str, "start": str, "duration": (int, float), "parties": (int, list), "party_history": list},
    **{"mediatype": str, "mimetype": str, "filename": str, "content_hash": str},
}
PARTY = {"tel", "name", "uuid", "type", "org", "dept"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")  # RFC 3339, in UTC


def told(answer: Answer, name: str = vcon.NAME) -> Any:
    return json.loads(next(file.body for file in enclosures(answer, files_of(answer)) if file.name == name))


def check(document: dict[str, Any]) -> None:
    """What core-04 demands of every vCon of this kind."""
    assert document["vcon"] == "0.4.0"
    assert UUID(document["uuid"]).version == 8
    assert INSTANT.fullmatch(document["created_at"])
    parties, dialogs = document["parties"], document["dialog"]
    assert all(set(party) <= PARTY for party in parties)
    for dialog in dialogs:
        assert dialog["type"] == "recording"
        assert set(dialog) <= set(DIALOG)
        assert all(isinstance(value, DIALOG[key]) for key, value in dialog.items())
        named = [dialog.get("parties", 0)]
        while any(isinstance(one, list) for one in named):
            named = [one for part in named for one in (part if isinstance(part, list) else [part])]
        assert all(place is None or 0 <= place < len(parties) for place in named)
        for event in dialog.get("party_history", ()):
            assert set(event) == {"party", "time", "event", "button"}
            assert (event["event"], event["button"]) == ("keydown", "1")
            assert INSTANT.fullmatch(event["time"]) and 0 <= event["party"] < len(parties)
        assert ("content_hash" in dialog) == ("filename" in dialog) == ("mediatype" in dialog)
    for one in (*document["attachments"], *document.get("analysis", ())):
        assert 0 <= one["dialog"] < len(dialogs)
        assert one["encoding"] == "json" and one["body"]
    assert all(0 <= one["party"] < len(parties) and INSTANT.fullmatch(one["start"]) for one in document["attachments"])


@pytest.mark.parametrize("answer", [ANSWER, HOSTILE, replace(ANSWER, recordings=(LATER, MONO))])
def test_the_recordings_and_the_copies_are_vcons_as_the_draft_demands(answer: Answer) -> None:
    for name in (vcon.NAME, vcon.COPIES_NAME):
        check(told(answer, name))
        assert problems(told(answer, name)) == []


@pytest.mark.parametrize("path", sorted(EXPORT.iterdir()), ids=lambda path: path.name[-15:-10])
def test_an_example_of_an_export_is_a_vcon_that_others_read(path: Path) -> None:
    assert problems(json.loads(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("kind", "key"), [("dialog", "parties"), ("dialog", "mimetype"), ("attachments", "type"), ("analysis", "vendor")]
)
def test_what_a_reader_of_older_drafts_demands_is_missed(kind: str, key: str) -> None:
    document = told(ANSWER)
    del document[kind][0][key]
    (problem,) = problems(document)
    assert problem.endswith(f"{key!r} is a required property")


def test_each_recording_is_a_dialog_with_its_times_and_who_is_in_it() -> None:
    document = told(ANSWER)
    first, second, mono = document["dialog"]
    assert first["start"] == "2026-10-01T08:15:45Z"
    assert first["duration"] == OWN.duration_s
    assert document["parties"][first["parties"]] == {"type": "person", "tel": f"tel:{NUMBER}"}  # own words alone
    assert first["parties"] == second["parties"]
    caller, agent = (document["parties"][place] for place in mono["parties"])
    assert caller == {"type": "person"}  # a withheld number
    assert (agent["dept"], agent["org"]) == (MONO.team, ANSWER.particulars.controller)
    assert "name" not in agent


def test_a_sound_of_several_channels_says_who_is_in_each() -> None:
    (first, *_) = files_of(ANSWER)
    document = vcon.recordings_vcon(ANSWER, [replace(first, channels=("agent", "caller"))])
    agent, caller = document["dialog"][0]["parties"]
    assert "dept" in document["parties"][agent]
    assert "tel" in document["parties"][caller]
    of_agent, of_caller = (
        vcon.recordings_vcon(ANSWER, [replace(first, channels=channels)])["dialog"][0]["parties"]
        for channels in ((None, "caller"), ("caller", None))
    )
    assert of_agent == of_caller[::-1], "a silenced channel is still of its party"
    whole = replace(ANSWER, recordings=(replace(OWN, own_speech=False),))
    assert vcon.recordings_vcon(whole, [first])["dialog"][0]["parties"] == [1, 2], "one channel, both in it"
    for channels, parties in (((MIXED, MIXED), [[1, 2], [1, 2]]), (("caller", "agent", None), [1, 2, None])):
        told = vcon.recordings_vcon(whole, [replace(first, channels=channels)])
        assert told["dialog"][0]["parties"] == parties, "of the draft alone: a list has an element for each channel"


def test_a_sound_that_lies_beside_is_named_with_its_sha_512() -> None:
    first, _, mono = told(ANSWER)["dialog"]
    digest = base64.urlsafe_b64encode(hashlib.sha512(sound_of(OWN)).digest()).decode().rstrip("=")
    assert (first["filename"], first["content_hash"]) == ("recording-01.wav", f"sha512-{digest}")
    assert "filename" not in mono  # withheld


def test_the_consent_is_a_lawful_basis_with_the_key_press_and_the_very_text() -> None:
    document = told(ANSWER)
    basis = document["attachments"][1]
    assert document["extensions"] == ["lawful_basis"]
    assert (basis["purpose"], basis["dialog"], basis["start"]) == ("lawful_basis", 1, "2026-10-31T08:15:45Z")
    body = basis["body"]
    assert body["lawful_basis"] == "consent"
    assert datetime.fromisoformat(body["expiration"]) == LATER.erased_on
    grants = [(one["purpose"], one["granted"]) for one in body["purpose_grants"]]
    assert grants == [("training", True)]  # and nothing of what the prompt did not name
    (proof,) = body["proof_mechanisms"]
    assert hashlib.sha256(proof["proof_data"]["prompt_text"].encode()).hexdigest() == LATER.prompt_sha256


def test_own_words_are_an_analysis_of_the_person_alone() -> None:
    document = told(ANSWER)
    words = document["analysis"][0]["body"]
    assert document["analysis"][0]["vendor"] == "unknown"  # and not the company, which wrote no transcript
    assert [one["text"] for one in words] == [one.text for one in OWN.transcript]
    assert {"tel" in document["parties"][one["party"]] for one in words} == {True}
    assert words[0]["start"] == "2026-10-01T08:15:46.500000Z"


def test_copies_are_redacted_from_the_recordings_and_name_nobody() -> None:
    recordings, copies = told(ANSWER), told(ANSWER, vcon.COPIES_NAME)
    assert copies["redacted"] == {"uuid": recordings["uuid"], "type": "pseudonymised"}
    assert len(copies["parties"]) == len(recordings["parties"])
    assert len(copies["dialog"]) == len(recordings["dialog"])
    assert [(one["dialog"], one["body"]["state"]) for one in copies["attachments"]] == [
        (0, "released"),
        (2, "needs_review"),
        (2, "ready"),
    ]
    assert all(party == {"type": "person"} for party in copies["parties"][1:])
    assert NUMBER not in json.dumps(copies)


def test_an_agent_of_a_call_is_nobody_in_another() -> None:
    agents = [party["uuid"] for party in told(ANSWER)["parties"] if "dept" in party]
    assert len(set(agents)) == len(ANSWER.recordings)


def test_without_recordings_or_copies_there_is_no_empty_vcon() -> None:
    assert [file.name for file in enclosures(NOTHING, ())] == ["data.json", "data.schema.json"]
    names = [file.name for file in enclosures(replace(ANSWER, recordings=(LATER,)), ())]
    assert vcon.NAME in names and vcon.COPIES_NAME not in names
