"""A receipt for each consent, with the fields of ISO/IEC TS 27560:2023 (record header, processing, parties, event).

The specification names fields and no serialisation: the keys are its field names, in JSON. What the store does not
know is not there. The receipts of an answer are one document. What an officer is shown of one consent, as JSON-LD, is
made of the same words by `consent.record`.
"""

from __future__ import annotations

from typing import Any, Final

from arlo_rec.consent.record import (
    AUTHORITY,
    AUTHORITY_URL,
    COLLECTED_BY,
    JURISDICTION,
    RIGHTS,
    SCHEMA_VERSION,
    USED_BY,
    WITHDRAWN_BY,
    DataHeld,
)
from arlo_rec.dsar.answer import Answer, RecordingFacts
from arlo_rec.model.particulars import Particulars
from arlo_rec.model.records import to_iso

NAME: Final = "consent-receipts.json"
_AUTHORITY: Final = {
    "party_id": "authority",
    "party_role": "authority",
    "party_name": AUTHORITY,
    "party_url": AUTHORITY_URL,
}


def consent_receipts(answer: Answer) -> dict[str, Any]:
    """The receipts of all consents in an answer, in the order of its recordings."""
    return {
        "schema_version": SCHEMA_VERSION,
        "issued_at": to_iso(answer.answered_at),
        "receipts": [_receipt(answer, facts) for facts in answer.recordings],
    }


def _receipt(answer: Answer, facts: RecordingFacts) -> dict[str, Any]:
    return {
        "receipt_metadata": {"receipt_id": f"{answer.case.id}-{facts.id}", "issued_at": to_iso(answer.answered_at)},
        "record_header": {
            "schema_version": SCHEMA_VERSION,
            "record_id": facts.id,
            "pii_principal_id": f"case {answer.case.id}",  # a pseudonym: the case, and not the number
        },
        "pii_processing": _processing(answer, facts),
        "party_identification": _parties(answer),
        "event": {
            "event_time": to_iso(facts.consented_at()),
            "validity_duration": _duration(facts),
            "entity_id": "controller",
            "event_type": "explicit",
            "event_state": "consent given",
        },
    }


def _duration(facts: RecordingFacts) -> str:
    """For how long the recording is kept from its start, in whole days (ISO 8601)."""
    return f"P{(facts.erased_on - facts.started_at).days}D"


def _processing(answer: Answer, facts: RecordingFacts) -> dict[str, Any]:
    """What was consented to, on what notice, and how the consent ends."""
    data = DataHeld(facts.number is not None, bool(facts.identifiers)).kinds()
    purposes = [
        {
            "purpose": purpose,
            "lawful_basis": "consent, GDPR Article 6(1)(a)",
            "pii_information": [{"pii_type": kind} for kind, _ in data],
            "pii_controllers": ["controller"],
            "collection_method": COLLECTED_BY,
            "processing_method": USED_BY[purpose],
            "storage_condition": {"retention_period": _duration(facts), "erased_on": to_iso(facts.erased_on)},
            "recipients": _recipients(answer.particulars),
            "withdrawal_method": answer.particulars.withdrawal("en") or answer.particulars.contact or WITHDRAWN_BY,
            "jurisdiction": JURISDICTION,
            "privacy_rights": list(RIGHTS),
        }
        for purpose in facts.purposes
    ]
    notice = {
        "notice_version": facts.prompt_version,
        "notice_language": facts.prompt_lang,
        "notice_text": facts.prompt_text,
        "notice_sha256": facts.prompt_sha256,
    }
    if answer.particulars.notice is not None:
        notice["notice_reference"] = answer.particulars.notice
    return {"privacy_notice": notice, "language": facts.prompt_lang, "purposes": purposes}


def _recipients(stated: Particulars) -> list[str]:
    """The companies that work with the recordings, and others who may get them."""
    processors = [each.processor for each in stated.processors or ()]
    return processors + [each.recipient for each in stated.recipients or ()]


def _parties(answer: Answer) -> list[dict[str, Any]]:
    """The company, who works for it, and the authority that hears complaints."""
    stated = answer.particulars
    contacts = {"party_contact": stated.data_protection or stated.contact}
    controller = {"party_id": "controller", "party_role": "PII controller", "party_name": stated.controller}
    processors = [
        {
            "party_id": f"processor-{number}",
            "party_role": "PII processor",
            "party_name": each.processor,
            "party_address": {"country": each.country},
        }
        for number, each in enumerate(stated.processors or (), 1)
    ]
    return [controller | {key: value for key, value in contacts.items() if value}, *processors, dict(_AUTHORITY)]
