"""What is enclosed with the letter beside the sounds: the answer in the forms that programs read."""

from __future__ import annotations

import json
from collections.abc import Sequence

from arlo_rec.dsar import consent_receipt, data, vcon
from arlo_rec.dsar.answer import Answer
from arlo_rec.dsar.files import Enclosure, FileFacts


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
    files.append(_in_json(consent_receipt.NAME, "application/json", consent_receipt.consent_receipts(answer)))
    return files


def _in_json(name: str, mediatype: str, document: object) -> Enclosure:
    body = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    return Enclosure(name, mediatype, body.encode("utf-8") + b"\n")
