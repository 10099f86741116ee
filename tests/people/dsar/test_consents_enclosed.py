"""The consents in an access answer: the records that an officer is shown, of every recording and of nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from rdflib import Namespace
from rdflib.namespace import RDF

from arlo_rec.law.model.particulars import Particulars
from arlo_rec.people.consent.record import CONTEXT
from arlo_rec.people.dsar.answer import Answer
from arlo_rec.people.dsar.enclosures import CONSENTS, enclosures
from tests.support.answers import ANSWER, EMPLOYEE, LATER, NUMBER, OWN
from tests.support.vocabulary import graph_of, problems

DPV = Namespace(CONTEXT["dpv"])
DCT = Namespace(CONTEXT["dct"])


def document(answer: Answer = ANSWER) -> dict[str, Any]:
    (file,) = [each for each in enclosures(answer, ()) if each.name == CONSENTS]
    assert file.mediatype == "application/ld+json"
    return dict(json.loads(file.body))


def test_every_recording_of_an_answer_has_a_record_of_its_consent() -> None:
    assert [record["dct:identifier"] for record in document()["@graph"]] == [facts.id for facts in ANSWER.recordings]
    graph = graph_of(document())
    assert list(problems(graph)) == []
    assert len(set(graph.subjects(RDF.type, DPV.ConsentRecord))) == len(ANSWER.recordings)


def test_the_records_of_one_document_share_the_parties_and_no_caller_and_no_prompt() -> None:
    graph = graph_of(document())
    records = set(graph.subjects(RDF.type, DPV.ConsentRecord))
    assert len(set(graph.subjects(RDF.type, DPV.DataController))) == 1
    for record in records:
        (caller,) = graph.objects(record, DPV.hasDataSubject)
        (event,) = graph.objects(record, DPV.hasConsentStatus)
        assert graph.value(caller, DCT.identifier) == graph.value(record, DCT.identifier)
        assert graph.value(event, DPV.isIndicatedBy) == caller
        assert graph.value(event, DPV.hasNotice) in set(graph.objects(record, DPV.hasNotice))


def test_a_record_says_what_was_consented_to_when_and_until_when() -> None:
    _, later, _ = document()["@graph"]
    (event,) = later["dpv:hasConsentStatus"]
    assert datetime.fromisoformat(event["dpv:isIndicatedAtTime"]["@value"]) == LATER.consent_at
    assert datetime.fromisoformat(event["dpv:hasDuration"]["rdf:value"]["@value"]) == LATER.erased_on
    assert event["dct:conformsTo"]["dct:identifier"] == LATER.policy_version
    named = [each["dpv:hasPurpose"]["dct:identifier"] for each in later["dpv:hasProcess"] if "dpv:hasPurpose" in each]
    assert named == ["training"]


def test_a_record_holds_the_prompt_that_was_heard() -> None:
    notice = document()["@graph"][0]["dpv:hasNotice"][0]
    assert (notice["dct:identifier"], notice["dct:language"]) == (OWN.prompt_version, OWN.prompt_lang)
    assert notice["dct:description"]["@value"] == OWN.prompt_text
    assert notice["spdx:checksum"]["spdx:checksumValue"]["@value"] == OWN.prompt_sha256


def test_the_records_name_the_person_by_pseudonyms_alone() -> None:
    everything = json.dumps(document())
    assert NUMBER not in everything
    assert "Kari" not in everything


def test_the_records_list_the_kinds_of_data_that_are_held() -> None:
    data = [record["dpv:hasProcess"][0]["dpv:hasPersonalData"] for record in document()["@graph"]]
    kinds = [{each["skos:broader"]["@id"] for each in held} for held in data]
    assert ["pd:Name" in each for each in kinds] == [True, False, True]
    assert ["pd:TelephoneNumber" in each for each in kinds] == [True, True, False]


def test_parties_are_those_that_the_company_stated() -> None:
    bare = document(replace(ANSWER, particulars=Particulars()))["@graph"][0]
    assert [each["@type"].removeprefix("dpv:") for each in bare["dpv:hasEntity"]] == [
        *("DataController", "DataProtectionAuthority")
    ]
    stated = [each["@type"].removeprefix("dpv:") for each in document()["@graph"][0]["dpv:hasEntity"]]
    assert stated == ["DataController", "DataProcessor", "DataProcessor", "Recipient", "DataProtectionAuthority"]


def test_an_employee_gets_no_record_of_a_callers_consent() -> None:
    assert CONSENTS not in {file.name for file in enclosures(EMPLOYEE, ())}
