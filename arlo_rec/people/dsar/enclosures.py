"""The enclosures beside the letter and the sounds: the answer in machine-readable forms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from arlo_rec.law.messages import LANGUAGES, group
from arlo_rec.law.model.particulars import ON_PAGES
from arlo_rec.law.model.records import to_iso
from arlo_rec.people.consent.record import ConsentFacts, DataHeld, consent_records
from arlo_rec.people.dsar import vcon
from arlo_rec.people.dsar.answer import Answer, RecordingFacts
from arlo_rec.people.dsar.files import Enclosure, FileFacts, in_json

# -- data --------------------------------------------------------------------------------------------
# `data.json`, the answer for programs (GDPR 20), and its JSON Schema.
#
# Both are made from the dataclasses of `answer`, so that no field is left out of either; `letter.key` of the sentences
# has the meaning of each key in both languages. Times are UTC with Z. `data.schema.json` is the schema.


NAME: Final = "data.json"
SCHEMA_NAME: Final = "data.schema.json"
FORMAT: Final = "arlo-rec access answer"
VERSION: Final = 1
CONSENT: Final = "GDPR 6(1)(a)"  # the legal basis of recording a caller; the company states that of staff
OBLIGATION: Final = "GDPR 6(1)(c)"  # that of the case and the log
_ELSEWHERE: Final = (
    frozenset(  # the letter's picture of a sound, which adds nothing to the sound; particulars for pages
        {"peaks", *ON_PAGES}
    )
)
_FILE: Mapping[str, Any] = {
    "name": {"type": "string"},
    "mediatype": {"type": "string"},
    "bytes": {"type": "integer", "minimum": 0},
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}


def data_json(answer: Answer, sounds: Sequence[FileFacts]) -> bytes:
    """The answer in machine-readable form, with the names and checksums of the sounds instead of the sounds."""
    names = {sound.recording: sound.name for sound in sounds}
    document = {
        "format": FORMAT,
        "version": VERSION,
        "schema": SCHEMA_NAME,
        "keys": group("letter.key"),
        "legal_basis": _legal_basis(answer),
        "case_legal_basis": OBLIGATION,
        **_to_json(answer),
        "recordings": [_recording_to_json(facts, names.get(facts.id)) for facts in answer.recordings],
        "files": [in_json(sound) for sound in sounds],
    }
    return _encoded(document)


def _legal_basis(answer: Answer) -> str | None:
    """The legal basis of the recordings; None without recordings."""
    if not (answer.recordings or answer.damaged or answer.outside_scope):
        return None
    return CONSENT if answer.side == "caller" else answer.particulars.staff_basis("en")


def schema_json() -> bytes:
    """The JSON Schema (2020-12) of `data.json`: every key that it may have, and no other, with its meaning."""
    keys = group("letter.key")
    bilingual = _object({lang: {"type": "string"} for lang in LANGUAGES})
    own: dict[str, Any] = {
        "format": {"const": FORMAT},
        "version": {"const": VERSION},
        "schema": {"const": SCHEMA_NAME},
        "keys": {"type": "object", "additionalProperties": bilingual},
        "legal_basis": {"type": ["string", "null"]},
        "case_legal_basis": {"const": OBLIGATION},
        **_properties(Answer),
        "files": {"type": "array", "items": _object(dict(_FILE))},
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FORMAT,
        **_object(own),
    }
    return _encoded(_explained(schema, keys))


# -- the document -------------------------------------------------------------------------------------


def _recording_to_json(facts: RecordingFacts, sound: str | None) -> dict[str, object]:
    return {**_to_json(facts), "ended_at": to_iso(facts.ended_at), "sound": sound}


def _to_json(value: object) -> dict[str, object]:
    """Every field of a dataclass of `answer`, under its own name, so that none is left out."""
    assert is_dataclass(value)
    return {
        member.name: _plain(getattr(value, member.name)) for member in fields(value) if member.name not in _ELSEWHERE
    }


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return _to_json(value) if is_dataclass(value) else value


def _encoded(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False).encode("utf-8") + b"\n"


# -- its schema ---------------------------------------------------------------------------------------

_PLAIN: Mapping[type, Mapping[str, object]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bytes: {"type": "string"},  # of a sound stands its name
    datetime: {"type": "string", "format": "date-time", "pattern": "Z$"},
    date: {"type": "string", "format": "date"},
}


def _properties(kind: type) -> dict[str, Any]:
    """The schema of each field of a dataclass."""
    hints = get_type_hints(kind)
    properties = {member.name: _schema(hints[member.name]) for member in fields(kind) if member.name not in _ELSEWHERE}
    if kind is RecordingFacts:
        properties["ended_at"] = dict(_PLAIN[datetime])
        properties["sound"] = {"type": ["string", "null"]}
    return properties


def _schema(hint: Any) -> dict[str, Any]:
    """The schema of a field's type."""
    if is_dataclass(hint):
        return _object(_properties(hint))  # type: ignore[arg-type]  # a class, as hints are
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _schema(get_args(hint)[0])}
    if isinstance(hint, UnionType):
        (inner,) = (argument for argument in get_args(hint) if argument is not NoneType)
        return {"anyOf": [_schema(inner), {"type": "null"}]}
    return dict(_PLAIN[hint])


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    """An object with exactly these keys."""
    return {"type": "object", "required": list(properties), "additionalProperties": False, "properties": properties}


def _explained(schema: Any, keys: Mapping[str, Any]) -> Any:
    """*schema* with the meaning of each key: in English as `description`, in Norwegian as `x-description-nb`."""
    if isinstance(schema, list):
        return [_explained(part, keys) for part in schema]
    if not isinstance(schema, dict):
        return schema
    explained = {name: _explained(part, keys) for name, part in schema.items()}
    for name in explained.get("properties", ()) if schema.get("type") == "object" else ():
        if name in keys:
            words = {"description": keys[name]["en"], "x-description-nb": keys[name]["nb"]}
            explained["properties"][name] = {**words, **explained["properties"][name]}
    return explained


# -- enclosures -------------------------------------------------------------------------------------


CONSENTS: Final = "consent-records.jsonld"


def enclosures(answer: Answer, sounds: Sequence[FileFacts]) -> list[Enclosure]:
    """The files beside the sounds, in the order in which the letter lists them; *sounds* are those of the package."""
    files = [
        Enclosure(NAME, "application/json", data_json(answer, sounds)),
        Enclosure(SCHEMA_NAME, "application/schema+json", schema_json()),
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
        key=str(facts.consent_key),
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
