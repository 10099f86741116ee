"""The record of a consent with the fields of ISO/IEC TS 27560:2023, as JSON-LD in the vocabulary of the W3C's DPV.

The specification names fields and no serialisation; the guide of the Data Privacy Vocabulary (2.3) maps its words to
the fields (https://w3id.org/dpv/guides/consent-27560). An officer is shown one record, and an access answer encloses
those of all its recordings. A document is self-contained: its context names only prefixes, and the names of nodes hold
within it. The caller has a pseudonym, the id of the recording. Facts that the company did not state are not invented:
they are missing, or "not stated" if the specification requires them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NoReturn

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.events import ConsentShown, Denied
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Integrity, NotOpen
from arlo_rec.law.model.particulars import Particulars, Processor, Recipient
from arlo_rec.law.model.records import Recording, from_iso, to_iso
from arlo_rec.law.rules import RULES
from arlo_rec.policy import Action, Purpose
from arlo_rec.vault.access import holds, metadata, revisions
from arlo_rec.vault.access.keyrings import OfficerKeyring
from arlo_rec.vault.access.short_ids import as_logged, matching
from arlo_rec.vault.opened import Store

SCHEMA_VERSION: Final = "ISO/IEC TS 27560:2023"
SCHEMA: Final = "https://w3id.org/dpv/schema/dpv-27560#record"  # that schema in DPV, as the guide names it
CONTEXT: Final[Mapping[str, str]] = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "loc": "https://w3id.org/dpv/loc#",
    "pd": "https://w3id.org/dpv/pd#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
# Those of processing by consent: there is no objection to it (GDPR 21), because a consent is withdrawn instead.
RIGHTS: Final[Mapping[str, str]] = {
    "access": "eu-gdpr:A15",
    "rectification": "eu-gdpr:A16",
    "erasure": "eu-gdpr:A17",
    "restriction": "eu-gdpr:A18",
    "data portability": "eu-gdpr:A20",
    "withdrawal": "eu-gdpr:A7-3",
    "complaint": "eu-gdpr:A77",
}
AUTHORITY: Final = "Datatilsynet"
AUTHORITY_URL: Final = "https://www.datatilsynet.no/"
JURISDICTION: Final = "NO"
COLLECTED_BY: Final = "recording of the telephone call"
USED_BY: Final[Mapping[str, str]] = {
    Purpose.QUALITY: "listening by staff who were granted access",
    Purpose.TRAINING: "listening by staff who were granted access, to a pseudonymised copy",
}
WITHDRAWN_BY: Final = "contact customer service"  # if the company did not state its contact
NOT_STATED: Final = "not stated"
_BROADER: Final[Mapping[str, str]] = {  # the purpose of DPV that ours is a kind of
    Purpose.QUALITY: "dpv:ServiceOptimisation",
    Purpose.TRAINING: "dpv:PersonnelManagement",
}
_DONE: Final[Mapping[str, tuple[str, ...]]] = {
    Purpose.QUALITY: ("dpv:Record", "dpv:Store", "dpv:Use"),
    Purpose.TRAINING: ("dpv:Record", "dpv:Store", "dpv:Pseudonymise", "dpv:Use"),
}


@dataclass(frozen=True, slots=True)
class DataHeld:
    """The kinds of data, never values, that are held of a caller beside voice and words."""

    number: bool
    identifiers: bool

    def kinds(self) -> list[tuple[str, str]]:
        """Each kind of data in words, with its category of DPV."""
        return [
            ("voice and spoken words", "pd:VoiceCommunicationRecording"),
            *([("telephone number", "pd:TelephoneNumber")] if self.number else []),
            *([("name or other identifier", "pd:Name")] if self.identifiers else []),
            ("time, length, team and reference of the call", "pd:CallLog"),
        ]


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """The facts of the consent to one recording."""

    id: str  # of the recording, which is the record's too, and the pseudonym of the caller
    at: datetime  # of the key press
    key: str  # that was pressed
    prompt: str  # its version
    prompt_lang: str
    prompt_text: str = field(repr=False)
    prompt_sha256: str
    purposes: tuple[str, ...]  # of that key
    held: DataHeld
    started_at: datetime
    erased_on: datetime
    policy: str  # the version of the guidelines then


class ConsentAnswer(Record, frozen=True):
    """The record of one consent, and its file where one was written."""

    consent: dict[str, Any]  # JSON-LD
    out: str | UnsetType = UNSET


def consent_record(facts: ConsentFacts, stated: Particulars, made_at: datetime) -> dict[str, Any]:
    """The document with one record."""
    return {"@context": dict(CONTEXT), **_record(facts, stated, made_at)}


def consent_records(every: Sequence[ConsentFacts], stated: Particulars, made_at: datetime) -> dict[str, Any]:
    """The document with a record for each consent, in that order."""
    return {"@context": dict(CONTEXT), "@graph": [_record(facts, stated, made_at) for facts in every]}


def _record(facts: ConsentFacts, stated: Particulars, made_at: datetime) -> dict[str, Any]:
    """Header, notice, processing, parties, and the event, in the order of the specification."""
    processors = list(enumerate(stated.processors or (), 1))
    recipients = list(enumerate(stated.recipients or (), 1))
    return {
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": {"@id": SCHEMA, "dct:title": SCHEMA_VERSION},
        "dct:identifier": facts.id,
        "dct:created": _instant(made_at),
        "dpv:hasDataSubject": {
            "@id": _caller(facts),
            "@type": "dpv:DataSubject",
            "skos:broader": _term("dpv:Customer"),
            "dct:identifier": facts.id,
        },
        "dpv:hasNotice": _notices(facts, stated),
        "dpv:hasProcess": [*(_process(facts, purpose, stated) for purpose in facts.purposes), _of_employee(stated)],
        "dpv:hasDataController": _term("_:controller"),
        "dpv:hasDataProcessor": [_term(f"_:processor-{number}") for number, _ in processors],
        "dpv:hasAuthority": _term("_:authority"),
        "dpv:hasJurisdiction": _term(f"loc:{JURISDICTION}"),
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dpv:isExercisedAt": stated.withdrawal("en") or stated.contact or WITHDRAWN_BY,
        },
        "dpv:hasRight": [_term(right) for right in RIGHTS.values()],
        "dpv:hasEntity": [
            _controller(stated),
            *(_processor(number, processor) for number, processor in processors),
            *(_recipient(number, recipient) for number, recipient in recipients),
            _authority(),
        ],
        "dpv:hasConsentStatus": [_given(facts)],
    }


def _notices(facts: ConsentFacts, stated: Particulars) -> list[dict[str, Any]]:
    """The prompt that was heard, by version and hash, and the place of the privacy notice."""
    prompt = {
        "@id": _prompt(facts),
        "@type": ["dpv:ConsentNotice", "dpv:OralNotice"],
        "dct:identifier": facts.prompt,
        "dct:language": facts.prompt_lang,
        "dct:description": {"@value": facts.prompt_text, "@language": facts.prompt_lang},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": _term("spdx:checksumAlgorithm_sha256"),
            "spdx:checksumValue": {"@value": facts.prompt_sha256, "@type": "xsd:hexBinary"},
        },
    }
    if stated.notice is None:
        return [prompt]
    return [prompt, {"@type": "dpv:PrivacyNotice", "schema:url": stated.notice}]


def _process(facts: ConsentFacts, purpose: str, stated: Particulars) -> dict[str, Any]:
    """The processing of the caller's data by their consent, for one purpose."""
    rule = RULES[f"purpose.{purpose}"]
    processors = [_term(f"_:processor-{number}") for number, _ in enumerate(stated.processors or (), 1)]
    recipients = [_term(f"_:recipient-{number}") for number, _ in enumerate(stated.recipients or (), 1)]
    return {
        "@type": "dpv:Process",
        "dpv:hasDataSubject": _term(_caller(facts)),
        "dpv:hasPurpose": {
            "@type": "dpv:Purpose",
            "skos:broader": _term(_BROADER[purpose]),
            "dct:identifier": purpose,
            "dct:description": [{"@value": rule.nb, "@language": "nb"}, _english(rule.en)],
        },
        "dpv:hasLegalBasis": _term("eu-gdpr:A6-1-a"),
        "dpv:hasPersonalData": [
            {"@type": "dpv:PersonalData", "skos:broader": _term(category), "dct:description": _english(kind)}
            for kind, category in facts.held.kinds()
        ],
        "dpv:hasDataSource": {"@type": "dpv:DataSubjectDataSource", "dct:description": _english(COLLECTED_BY)},
        "dpv:hasProcessing": [_term(operation) for operation in _DONE[purpose]],
        "dct:description": _english(USED_BY[purpose]),
        "dpv:hasStorageCondition": [
            {"@type": "dpv:StorageDuration", "dpv:hasDuration": _lasting(facts)},
            {"@type": "dpv:StorageDeletion", "dpv:hasDuration": _until(facts.erased_on)},
            {"@type": "dpv:StorageLocation", "dct:description": _english(NOT_STATED)},
        ],
        "dpv:hasDataController": _term("_:controller"),
        "dpv:hasRecipient": processors + recipients,
    }


def _of_employee(stated: Particulars) -> dict[str, Any]:
    """The processing of the employee's voice: not by the caller's consent, but by the company's stated basis."""
    words = {lang: stated.staff_basis(lang) for lang in ("nb", "en")}
    basis = [{"@value": text, "@language": lang} for lang, text in words.items() if text is not None]
    return {
        "@type": "dpv:Process",
        "dpv:hasDataSubject": {"@type": "dpv:DataSubject", "skos:broader": _term("dpv:Employee")},
        "dpv:hasLegalBasis": {"@type": "dpv:LegalBasis", "dct:description": basis or [_english(NOT_STATED)]},
        "dpv:hasDataController": _term("_:controller"),
    }


def _controller(stated: Particulars) -> dict[str, Any]:
    contacts = {"dpv:hasContact": stated.data_protection or stated.contact or NOT_STATED}
    return _party("controller", "dpv:DataController", stated.controller) | contacts


def _processor(number: int, processor: Processor) -> dict[str, Any]:
    country = {"@type": "dpv:Country", "dct:identifier": processor.country}
    task = [{"@value": processor.task(lang), "@language": lang} for lang in ("nb", "en")]
    party = _party(f"processor-{number}", "dpv:DataProcessor", processor.processor)
    return party | {"dpv:hasCountry": country, "dct:description": task, "dpv:hasContact": NOT_STATED}


def _recipient(number: int, recipient: Recipient) -> dict[str, Any]:
    why = [{"@value": recipient.why(lang), "@language": lang} for lang in ("nb", "en")]
    return _party(f"recipient-{number}", "dpv:Recipient", recipient.recipient) | {
        "dct:description": why,
        "dpv:hasContact": NOT_STATED,
    }


def _authority() -> dict[str, Any]:
    return _party("authority", "dpv:DataProtectionAuthority", AUTHORITY) | {"schema:url": AUTHORITY_URL}


def _party(name: str, role: str, legal_name: str) -> dict[str, Any]:
    return {"@id": f"_:{name}", "@type": role, "dct:identifier": name, "dpv:hasName": legal_name}


def _given(facts: ConsentFacts) -> dict[str, Any]:
    """The key press: type, state, time, duration and person. No record of a withdrawn or expired consent is held."""
    return {
        "@type": ["dpv:ConsentGiven", "dpv:ExplicitlyExpressedConsent"],
        "dpv:isIndicatedBy": _term(_caller(facts)),
        "dpv:hasIndicationMethod": f"key {facts.key} of the telephone, after the prompt was heard to its end",
        "dpv:isIndicatedAtTime": _instant(facts.at),
        "dpv:hasDuration": _until(facts.erased_on),
        "dpv:hasNotice": _term(_prompt(facts)),
        "dct:conformsTo": {"@type": "dct:Standard", "dct:identifier": facts.policy, "dct:title": "guidelines"},
    }


def _caller(facts: ConsentFacts) -> str:
    """The node of the caller, a different one in each record of a document: consents are not linked by it."""
    return f"_:caller-{facts.id}"


def _prompt(facts: ConsentFacts) -> str:
    return f"_:prompt-{facts.id}"


def _term(name: str) -> dict[str, str]:
    return {"@id": name}


def _english(text: str) -> dict[str, str]:
    return {"@value": text, "@language": "en"}


def _instant(at: datetime) -> dict[str, str]:
    return {"@value": to_iso(at), "@type": "xsd:dateTime"}


def _lasting(facts: ConsentFacts) -> dict[str, Any]:
    return {
        "@type": "dpv:TemporalDuration",
        "rdf:value": {"@value": f"P{(facts.erased_on - facts.started_at).days}D", "@type": "xsd:duration"},
    }


def _until(at: datetime) -> dict[str, Any]:
    return {"@type": "dpv:UntilTimeDuration", "rdf:value": _instant(at)}


# -- held --------------------------------------------------------------------------------------------
# The consent to one held recording: found by an id, and logged before it is shown.
#
# Only officers may ask. The refusal is the same for an unknown, withdrawn or expired recording and for an invalid id,
# so that it does not reveal that there was a call.


def consent_to(store: Store, text: str, now: datetime) -> ConsentFacts:
    """The consent to a call by its id, the id of a copy, or an unambiguous beginning.

    Raises NotGranted, NotOpen, and Integrity if the metadata state another consent.
    """
    store.demand(Action.DSAR, now)
    store.demand_replayed(Action.DSAR, now)
    store.demand_clock(Action.DSAR, now)
    call = _call(store, text, now)
    store.note(ConsentShown(recordings=(call.id,)), now)
    return _facts(store, call, now)


def _call(store: Store, text: str, now: datetime) -> Recording:
    """The held call of that id; raises NotOpen."""
    recordings = store.catalogue.recordings
    ids = [revisions.newest(store, revision) for revision in matching(store, lambda _team: True, text)]
    rows = [row for revision in ids if (row := recordings.held(revision)) is not None]
    calls = {row.parent or row.id for row in rows}
    call = recordings.held(next(iter(calls))) if len(calls) == 1 else None
    is_over = call is not None and holds.at(store, now).is_over(call, store.clock.today(now))
    if call is None or is_over or len(rows) < len(ids):
        _refuse(store, text, now, several=len(calls) > 1)
    return call


def _refuse(store: Store, text: str, now: datetime, *, several: bool) -> NoReturn:
    """Log a look that found nothing, then raise."""
    error = NotOpen(several=several)
    rule, asked = error.rule or ConsentShown.RULE, as_logged(text)
    store.note(Denied(action=ConsentShown.ACTION, rule=rule, code=error.code, asked=asked), now)
    raise error


def _facts(store: Store, call: Recording, now: datetime) -> ConsentFacts:
    """The facts in row and metadata; raises NotOpen if it was erased meanwhile, and Integrity."""
    ke = metadata.erasure_keys(store, [call]).get(call.id)
    known = metadata.open_for(store, call, OfficerKeyring(store), ke, whole=True) if ke is not None else None
    if known is None:
        _refuse(store, call.id.hex(), now, several=False)
    prompt = store.prompts.get(call.prompt)
    at, key = from_iso(known["consent"]["at"]), str(known["consent"]["key"])
    if prompt is None or prompt.sha256 != call.prompt_sha256 or prompt.offered.get(key) != call.purposes:
        raise Integrity("recording_changed", id=call.id.hex())
    return ConsentFacts(
        id=call.id.hex(),
        at=at,
        key=key,
        prompt=call.prompt,
        prompt_lang=prompt.lang,
        prompt_text=prompt.text,
        prompt_sha256=call.prompt_sha256.hex(),
        purposes=tuple(sorted(call.purposes)),
        held=DataHeld(known["caller"] is not None, bool(known["known"].get("caller"))),
        started_at=call.started_at,
        erased_on=holds.at(store, now).ends_at(call),
        policy=call.policy,
    )
