"""What is enclosed with the letter beside the sounds: the answer in the forms that programs read, and as PDF."""

from __future__ import annotations

import json
from collections.abc import Sequence

from arlo_rec.dsar import consent_receipt, data, pdf, vcon
from arlo_rec.dsar.answer import Answer
from arlo_rec.dsar.files import Enclosure, FileFacts
from arlo_rec.dsar.letter import render
from arlo_rec.i18n.messages import say


def enclosures(answer: Answer, sounds: Sequence[FileFacts], pdf_in: str | None = None) -> list[Enclosure]:
    """The files beside the sounds, in the order in which the letter lists them; *sounds* are those of the package.

    *pdf_in*: the language of the letter as PDF; None where it is not asked for. The PDF lists the other files.
    """
    files = _for_programs(answer, sounds)
    if pdf_in is not None:
        files.append(_letter(answer, [*sounds, *(file.facts for file in files)], pdf_in))
    return files


def _letter(answer: Answer, files: Sequence[FileFacts], lang: str) -> Enclosure:
    running = say("letter.running", lang, case=answer.case.id)
    body = pdf.letter_pdf(
        render(answer, files, lang),
        lang,
        title=say("letter.title", lang),
        author=answer.particulars.controller,
        running=running,
        at=answer.answered_at,
    )
    return Enclosure(pdf.NAME, pdf.MEDIATYPE, body)


def _for_programs(answer: Answer, sounds: Sequence[FileFacts]) -> list[Enclosure]:
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
