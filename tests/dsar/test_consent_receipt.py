"""The consent receipts: the fields of ISO/IEC TS 27560, from the consent that the answer knows of and nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from arlo_rec.dsar import consent_receipt
from arlo_rec.model.particulars import Particulars
from tests.support.answers import ANSWER, LATER, NUMBER, OWN

SECTIONS = {"receipt_metadata", "record_header", "pii_processing", "party_identification", "event"}
OF_PURPOSE = {
    *("purpose", "lawful_basis", "pii_information", "pii_controllers", "collection_method", "processing_method"),
    *("storage_condition", "recipients", "withdrawal_method", "jurisdiction", "privacy_rights"),
}


def receipts() -> list[dict[str, Any]]:
    return list(consent_receipt.consent_receipts(ANSWER)["receipts"])


def test_every_consent_has_a_receipt_with_every_section() -> None:
    assert [one["record_header"]["record_id"] for one in receipts()] == [facts.id for facts in ANSWER.recordings]
    for one in receipts():
        assert set(one) == SECTIONS
        assert all(set(purpose) == OF_PURPOSE for purpose in one["pii_processing"]["purposes"])


def test_a_receipt_says_what_was_consented_to_when_and_until_when() -> None:
    _, later, _ = receipts()
    assert [one["purpose"] for one in later["pii_processing"]["purposes"]] == ["training"]
    assert datetime.fromisoformat(later["event"]["event_time"]) == LATER.consent_at
    stored = later["pii_processing"]["purposes"][0]["storage_condition"]
    assert datetime.fromisoformat(stored["erased_on"]) == LATER.erased_on
    assert stored["retention_period"] == later["event"]["validity_duration"] == "P90D"


def test_a_receipt_holds_the_notice_that_was_heard_in_its_language() -> None:
    notice = receipts()[0]["pii_processing"]["privacy_notice"]
    assert hashlib.sha256(notice["notice_text"].encode()).hexdigest() == notice["notice_sha256"] == OWN.prompt_sha256
    assert (notice["notice_language"], notice["notice_version"]) == (OWN.prompt_lang, OWN.prompt_version)


def test_a_receipt_names_the_person_by_a_pseudonym_alone() -> None:
    everything = json.dumps(receipts())
    assert NUMBER not in everything
    assert "Kari" not in everything


def test_parties_are_those_that_the_company_stated() -> None:
    roles = [one["party_role"] for one in receipts()[0]["party_identification"]]
    assert roles == ["PII controller", "PII processor", "PII processor", "authority"]
    bare = consent_receipt.consent_receipts(replace(ANSWER, particulars=Particulars()))["receipts"][0]
    assert [one["party_role"] for one in bare["party_identification"]] == ["PII controller", "authority"]
    assert "party_contact" not in bare["party_identification"][0]


def test_a_receipt_lists_the_data_that_are_held_and_the_rights_that_a_consent_gives() -> None:
    named, later, withheld = (one["pii_processing"]["purposes"][0] for one in receipts())
    kinds = [[each["pii_type"] for each in one["pii_information"]] for one in (named, later, withheld)]
    assert ["name or other identifier" in one for one in kinds] == [True, False, True]
    assert ["telephone number" in one for one in kinds] == [True, True, False]
    assert all("time, length, team and reference of the call" in one for one in kinds)
    assert "objection" not in named["privacy_rights"]
