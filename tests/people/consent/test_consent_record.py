"""The record of a consent: every word of it is one of the vocabulary, and it says what was consented to and no more."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import RDF, XSD

from arlo_rec.law.model.particulars import Particulars, Processor, Recipient
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.people.consent.record import CONTEXT, SCHEMA, ConsentFacts, DataHeld, consent_record
from tests.support.properties import examples
from tests.support.vocabulary import graph_of, keys, problems, terms

NOW = datetime(2026, 10, 2, 9, 0, tzinfo=UTC)
BEGAN = datetime(2026, 10, 1, 8, 15, 40, tzinfo=UTC)
PROMPT = SHIPPED[0]
DPV = Namespace(CONTEXT["dpv"])
DCT = Namespace(CONTEXT["dct"])
FACTS = ConsentFacts(
    id="0123456789abcdef0123456789abcdef",
    at=BEGAN + timedelta(seconds=4),
    prompt=PROMPT.version,
    prompt_lang=PROMPT.lang,
    prompt_text=PROMPT.text,
    prompt_sha256=PROMPT.sha256.hex(),
    purposes=("quality", "training"),
    held=DataHeld(number=True, identifiers=True),
    started_at=BEGAN,
    erased_on=BEGAN + timedelta(days=90),
    policy="2026-01",
    key="1",
)
STATED = Particulars(
    contact="personvern@arlo.example",
    notice="https://arlo.example/personvern",
    processors=(
        Processor("Sky Drift AS", "drift av servere", "hosting of servers", country="NO"),
        Processor(
            "Cloud Ltd", "sikkerhetskopi", "backup", country="GB", safeguards_nb="vern", safeguards_en="safeguards"
        ),
    ),
    recipients=(Recipient("Revisjon AS", "kontroll av reglene", "an audit of the rules", country="NO"),),
    staff_basis_nb="Berettiget interesse, GDPR artikkel 6 nr. 1 bokstav f",
    staff_basis_en="Legitimate interest, GDPR Article 6(1)(f)",
)
BARE = Particulars()
RECORD = consent_record(FACTS, STATED, NOW)
FIELDS: dict[str, tuple[str, ...]] = {  # each field of ISO/IEC TS 27560 that must be there, and the way to it in DPV
    "schema version": ("dct:conformsTo",),
    "record id": ("dct:identifier",),
    "pii principal id": ("dpv:hasDataSubject", "dct:identifier"),
    "privacy notice": ("dpv:hasNotice", "dct:identifier"),
    "language": ("dpv:hasNotice", "dct:language"),
    "purpose": ("dpv:hasProcess", "dpv:hasPurpose", "dct:identifier"),
    "pii information": ("dpv:hasProcess", "dpv:hasPersonalData", "skos:broader"),
    "pii controllers": ("dpv:hasProcess", "dpv:hasDataController"),
    "storage locations and retention period": ("dpv:hasProcess", "dpv:hasStorageCondition"),
    "jurisdiction": ("dpv:hasJurisdiction",),
    "recipient third parties": ("dpv:hasProcess", "dpv:hasRecipient"),
    "withdrawal method": ("dpv:hasConsentControl", "dpv:isExercisedAt"),
    "party id": ("dpv:hasEntity", "dct:identifier"),
    "party name": ("dpv:hasEntity", "dpv:hasName"),
    "party contact": ("dpv:hasEntity", "dpv:hasContact"),
    "party type": ("dpv:hasEntity", "@type"),
    "event time": ("dpv:hasConsentStatus", "dpv:isIndicatedAtTime"),
    "validity duration": ("dpv:hasConsentStatus", "dpv:hasDuration"),
    "entity id": ("dpv:hasConsentStatus", "dpv:isIndicatedBy"),
    "event type and state": ("dpv:hasConsentStatus", "@type"),
}


def at_the_end(record: Any, way: tuple[str, ...]) -> list[Any]:
    """Everything that lies at the end of a way of keys."""
    if isinstance(record, list):
        return [thing for each in record for thing in at_the_end(each, way)]
    if not way:
        return [record]
    return at_the_end(record[way[0]], way[1:]) if isinstance(record, dict) and way[0] in record else []


def test_every_key_of_a_record_becomes_the_property_that_its_prefix_says() -> None:
    said = {str(predicate) for predicate in graph_of(RECORD).predicates(unique=True)} - {str(RDF.type)}
    meant = {CONTEXT[key.partition(":")[0]] + key.partition(":")[2] for key in keys(RECORD)}
    assert said == meant


@pytest.mark.parametrize("stated", [STATED, BARE], ids=["stated", "bare"])
def test_every_word_of_a_record_is_one_that_the_vocabulary_has_and_of_its_kind(stated: Particulars) -> None:
    graph = graph_of(consent_record(FACTS, stated, NOW))
    assert list(problems(graph)) == []
    assert sum(str(thing) in terms() for triple in graph for thing in triple) > 60


def _misspelt(record: dict[str, Any]) -> None:
    record["dpv:hasConsentState"] = record.pop("dpv:hasConsentStatus")


def _class_as_property(record: dict[str, Any]) -> None:
    record["dpv:Purpose"] = "quality"


def _property_as_class(record: dict[str, Any]) -> None:
    record["@type"] = "dpv:hasPurpose"


def _right_that_is_none(record: dict[str, Any]) -> None:
    record["dpv:hasRight"].append({"@id": "eu-gdpr:A99"})


@pytest.mark.parametrize("spoil", [_misspelt, _class_as_property, _property_as_class, _right_that_is_none])
def test_a_word_that_the_vocabulary_has_not_or_of_another_kind_is_noticed(
    spoil: Callable[[dict[str, Any]], None],
) -> None:
    record = copy.deepcopy(RECORD)
    spoil(record)
    assert list(problems(graph_of(record)))


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_that_the_specification_asks_for_is_there(field: str) -> None:
    assert at_the_end(RECORD, FIELDS[field])
    if field != "recipient third parties":  # a company that names nobody has none
        assert at_the_end(consent_record(FACTS, BARE, NOW), FIELDS[field])


def test_a_record_says_by_which_schema_it_is_to_be_read_and_whom_it_is_about_by_a_pseudonym() -> None:
    graph = graph_of(RECORD)
    (record,) = graph.subjects(RDF.type, DPV.ConsentRecord)
    assert graph.value(record, DCT.conformsTo) == URIRef(SCHEMA)
    (person,) = graph.objects(record, DPV.hasDataSubject)
    assert graph.value(person, DCT.identifier) == Literal(FACTS.id)


def test_a_record_has_the_notice_that_was_heard_by_its_version_and_the_hash_of_its_words() -> None:
    (notice,) = [each for each in RECORD["dpv:hasNotice"] if "dpv:ConsentNotice" in each["@type"]]
    text, sha256 = notice["dct:description"]["@value"], notice["spdx:checksum"]["spdx:checksumValue"]["@value"]
    assert (notice["dct:identifier"], notice["dct:language"]) == (PROMPT.version, "nb")
    assert hashlib.sha256(text.encode("utf-8")).hexdigest() == sha256


def test_a_record_says_when_consent_was_given_by_whom_and_the_true_day_on_which_it_is_erased() -> None:
    graph = graph_of(RECORD)
    (event,) = graph.subjects(RDF.type, DPV.ConsentGiven)
    assert graph.value(event, DPV.isIndicatedAtTime) == Literal(FACTS.at)
    assert (graph.value(event, DPV.isIndicatedBy), RDF.type, DPV.DataSubject) in graph
    deletions = list(graph.subjects(RDF.type, DPV.StorageDeletion))
    days = {graph.value(graph.value(each, DPV.hasDuration), RDF.value) for each in deletions}
    assert (len(deletions), days) == (2, {Literal(FACTS.erased_on)})
    kept = {graph.value(each, RDF.value) for each in graph.subjects(RDF.type, DPV.TemporalDuration)}
    assert kept == {Literal("P90D", datatype=XSD.duration)}


def bases(stated: Particulars) -> dict[str, Any]:
    """The legal basis of each data subject, by the category that they are of."""
    graph, found = graph_of(consent_record(FACTS, stated, NOW)), dict[str, Any]()
    broader = URIRef(CONTEXT["skos"] + "broader")
    for process in graph.subjects(RDF.type, DPV.Process):
        person, basis = graph.value(process, DPV.hasDataSubject), graph.value(process, DPV.hasLegalBasis)
        told = {str(text) for text in graph.objects(basis, DCT.description)} or {str(basis)}
        found.setdefault(str(graph.value(person, broader)).rpartition("#")[2], set()).update(told)
    return found


@pytest.mark.rule("consent.basis")
def test_the_basis_stands_there_for_each_party_and_what_nobody_stated_is_not_made_up() -> None:
    caller = {CONTEXT["eu-gdpr"] + "A6-1-a"}
    assert bases(STATED) == {"Customer": caller, "Employee": {STATED.staff_basis_nb, STATED.staff_basis_en}}
    assert bases(BARE) == {"Customer": caller, "Employee": {"not stated"}}


@pytest.mark.rule("consent.purposes")
def test_a_consent_to_training_alone_says_nothing_of_quality() -> None:
    record = consent_record(ConsentFacts(**{**_facts(), "purposes": ("training",)}), STATED, NOW)
    assert at_the_end(record, FIELDS["purpose"]) == ["training"]
    assert "dpv:ServiceOptimisation" not in json.dumps(record)


def _facts() -> dict[str, Any]:
    return {name: getattr(FACTS, name) for name in ConsentFacts.__slots__}


def test_kinds_of_data_that_are_not_held_are_not_named() -> None:
    record = consent_record(ConsentFacts(**{**_facts(), "held": DataHeld(False, False)}), STATED, NOW)
    kinds = {each["@id"] for each in at_the_end(record, FIELDS["pii information"])}
    assert kinds == {"pd:VoiceCommunicationRecording", "pd:CallLog"}


@pytest.mark.slow
@examples(60)
@given(
    st.builds(
        Particulars,
        controller=st.text(min_size=1, max_size=30),
        contact=st.none() | st.text(min_size=1, max_size=30),
        notice=st.none() | st.text(min_size=1, max_size=30),
        processors=st.none()
        | st.lists(st.builds(Processor, *[st.text(max_size=9)] * 3, country=st.text(max_size=2)), max_size=3).map(
            tuple
        ),
        recipients=st.none()
        | st.lists(st.builds(Recipient, *[st.text(max_size=9)] * 3, country=st.text(max_size=2)), max_size=3).map(
            tuple
        ),
        staff_basis_nb=st.none() | st.text(max_size=30),
        staff_basis_en=st.none() | st.text(max_size=30),
    ),
    st.integers(0, 10**9).map(lambda seconds: BEGAN + timedelta(seconds=seconds)),
    st.sampled_from(SHIPPED),
)
def test_whatever_a_company_states_is_a_value_and_no_word_of_the_record(
    stated: Particulars, at: datetime, prompt: Any
) -> None:
    facts = {**_facts(), "at": at, "prompt": prompt.version, "purposes": tuple(sorted(prompt.purposes))}
    record = consent_record(ConsentFacts(**facts), stated, NOW)
    graph = graph_of(record)
    assert list(problems(graph)) == []
    again = Graph().parse(data=graph.serialize(format="nt"), format="nt")
    assert isomorphic(graph, again)
    assert {str(name) for name in graph.objects(None, DPV.hasName)} >= {stated.controller}
