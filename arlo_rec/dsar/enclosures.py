"""What is enclosed with the letter beside the sounds: the answer in the forms that programs read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from arlo_rec.consent.record import ConsentFacts, DataHeld, consent_records
from arlo_rec.dsar import data, vcon
from arlo_rec.dsar.answer import Answer, RecordingFacts
from arlo_rec.dsar.files import Enclosure, FileFacts

CONSENTS: Final = "consent-records.jsonld"


def enclosures(answer: Answer, sounds: Sequence[FileFacts]) -> list[Enclosure]:
    """The files beside the sounds, in the order in which the letter lists them; *sounds* are those of the package."""
    files = [
        Enclosure(data.NAME, "application/json", data.data_json(answer, sounds)),
        Enclosure(data.SCHEMA_NAME, "application/schema+json", data.schema_json()),
    ]
    if not answer.recordings or answer.side == "agent":  # the others tell of a caller and their consent
        return files
    files.append(_in_json(vcon.NAME, vcon.MEDIATYPE, vcon.recordings_vcon(answer, sounds)))
    copies = vcon.copies_vcon(answer)
    if copies is not None:
        files.append(_in_json(vcon.COPIES_NAME, vcon.MEDIATYPE, copies))
    consents = consent_records([_consent(facts) for facts in answer.recordings], answer.particulars, answer.answered_at)
    files.append(_in_json(CONSENTS, "application/ld+json", consents))
    return files


def _consent(facts: RecordingFacts) -> ConsentFacts:
    return ConsentFacts(
        id=facts.id,
        at=facts.consented_at(),
        prompt=facts.prompt_version,
        prompt_lang=facts.prompt_lang,
        prompt_text=facts.prompt_text,
        prompt_sha256=facts.prompt_sha256,
        purposes=facts.purposes,
        held=DataHeld(facts.number is not None, bool(facts.identifiers)),
        started_at=facts.started_at,
        erased_on=facts.erased_on,
        policy=facts.policy_version,
    )


def _in_json(name: str, mediatype: str, document: object) -> Enclosure:
    body = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    return Enclosure(name, mediatype, body.encode("utf-8") + b"\n")
