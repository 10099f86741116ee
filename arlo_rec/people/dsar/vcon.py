"""The recordings as a vCon (draft-ietf-vcon-vcon-core-04, syntax 0.4.0), which other systems for conversations read.

One container: the person, an agent without a name for each call, and the company as parties; a dialog for each
recording with its key press; the consent as an attachment after draft-howe-vcon-lawful-basis. A sound is a file beside
it, named in its dialog by `filename` and `content_hash`: the draft's `url` is for HTTPS. Copies for training are a
second container, redacted from the first; they are not handed over, so their dialogs are without sound.

Parameters that older drafts named otherwise stand under both names, since libraries demand the old ones (PyPI's vcon
0.3.10): `mimetype` of each dialog, and `type` of an attachment. A reader of this draft ignores them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from arlo_rec.law.model.records import to_iso
from arlo_rec.people.dsar.answer import Answer, RecordingFacts, Utterance
from arlo_rec.people.dsar.files import MIXED, FileFacts
from arlo_rec.vault.crypto import primitives

NAME: Final = "recordings.vcon.json"
COPIES_NAME: Final = "copies.vcon.json"
MEDIATYPE: Final = "application/vcon+json"
SYNTAX: Final = "0.4.0"
UNSAID: Final = "audio/wav"  # the `mimetype` of a dialog without sound, which older drafts demand
UNNAMED: Final = {"type": "person"}  # every parameter is optional; core's name "anonymous" would promise too much
UNKNOWN_MAKER: Final = "unknown"  # core demands a vendor of an analysis; a copy does not say what transcribed the call
COMPANY: Final = 0  # its place among the parties


def recordings_vcon(answer: Answer, sounds: Sequence[FileFacts]) -> dict[str, Any]:
    """The container of the recordings; *sounds* are the files that lie beside it."""
    files = {sound.recording: sound for sound in sounds}
    parties, callers = _parties(answer)
    dialogs, attachments, analysis = [], [], []
    for place, facts in enumerate(answer.recordings):
        caller, agent = callers[facts.number], len(callers) + 1 + place
        dialogs.append(_dialog(facts, files.get(facts.id), caller, agent))
        attachments.append(_lawful_basis(facts, caller, place))
        if facts.transcript:
            analysis.append({"vendor": UNKNOWN_MAKER, **_transcript(facts, caller, place)})
    return {
        **_head(answer, "recordings"),
        "extensions": ["lawful_basis"],
        "parties": parties,
        "dialog": dialogs,
        "attachments": attachments,
        "analysis": analysis,
    }


def copies_vcon(answer: Answer) -> dict[str, Any] | None:
    """The container of the copies for training, with the first one's indices; None if no copy is held."""
    if not any(facts.copies for facts in answer.recordings):
        return None
    (company, *others), callers = _parties(answer)
    attachments = [
        {
            **_purpose("pseudonymised_copy"),
            "start": to_iso(copy.made_at),
            "party": COMPANY,
            "dialog": place,
            **_inline({"state": copy.state, "erased_on": to_iso(facts.erased_on)}),
        }
        for place, facts in enumerate(answer.recordings)
        for copy in facts.copies
    ]
    dialogs = [
        {
            "type": "recording",
            "start": to_iso(facts.started_at),
            "parties": [callers[facts.number], len(callers) + 1 + place],
            "mimetype": UNSAID,
        }
        for place, facts in enumerate(answer.recordings)
    ]
    return {
        **_head(answer, "copies"),
        "redacted": {"uuid": _uuid(answer, "recordings"), "type": "pseudonymised"},
        "parties": [company, *(UNNAMED for _ in others)],
        "dialog": dialogs,
        "attachments": attachments,
    }


# -- the parts ----------------------------------------------------------------------------------------


def _head(answer: Answer, what: str) -> dict[str, Any]:
    return {"vcon": SYNTAX, "uuid": _uuid(answer, what), "created_at": to_iso(answer.answered_at)}


def _parties(answer: Answer) -> tuple[list[dict[str, Any]], Mapping[str | None, int]]:
    """The company, the person under each number and an agent for each call; and the index of each number."""
    callers = {
        number: place
        for place, number in enumerate(dict.fromkeys(recording.number for recording in answer.recordings), 1)
    }
    company = {"type": "organization", "org": answer.particulars.controller}
    person = [UNNAMED | ({"tel": f"tel:{number}"} if number else {}) for number in callers]
    agents = [
        {
            "type": "person",
            "uuid": _uuid(answer, f"agent {facts.id}"),  # of this call alone: it identifies no person
            "org": answer.particulars.controller,
            "dept": facts.team,
        }
        for facts in answer.recordings
    ]
    return [company, *person, *agents], callers


def _dialog(facts: RecordingFacts, sound: FileFacts | None, caller: int, agent: int) -> dict[str, Any]:
    """The dialog of a recording; without content if its sound is withheld."""
    dialog: dict[str, Any] = {
        "type": "recording",
        "start": to_iso(facts.started_at),
        "duration": facts.duration_s,
        "parties": [caller, agent],
        "mimetype": UNSAID if sound is None else sound.mediatype,
        "party_history": [
            {"party": caller, "time": to_iso(facts.consented_at()), "event": "keydown", "button": facts.consent_key},
        ],
    }
    if sound is not None:
        dialog |= {"mediatype": sound.mediatype, "filename": sound.name, "parties": _heard(facts, sound, caller, agent)}
        if sound.sha512 is not None:
            dialog["content_hash"] = f"sha512-{_base64url(sound.sha512)}"
    return dialog


def _heard(facts: RecordingFacts, sound: FileFacts, caller: int, agent: int) -> Any:
    """The parties in the sound: of several channels the one in each, of a single one all that are heard in it.

    A silenced channel is of the party that no other has; null if both have one.
    """
    if not sound.channels:
        return caller if facts.own_speech else [caller, agent]
    places: dict[str | None, int | list[int]] = {"caller": caller, "agent": agent, MIXED: [caller, agent]}
    silenced = next((party for role, party in places.items() if role not in {*sound.channels, MIXED}), None)
    return [places.get(role, silenced) for role in sound.channels]


def _lawful_basis(facts: RecordingFacts, caller: int, place: int) -> dict[str, Any]:
    """The caller's consent: its purposes, its time span and its proof."""
    granted_at = to_iso(facts.consented_at())
    proof = {
        "dialog_reference": place,
        "event": "keydown",
        "button": facts.consent_key,
        "prompt_version": facts.prompt_version,
        "prompt_language": facts.prompt_lang,
        "prompt_text": facts.prompt_text,
        "prompt_sha256": facts.prompt_sha256,
    }
    body = {
        "lawful_basis": "consent",
        "expiration": to_iso(facts.erased_on),
        "purpose_grants": [
            {"purpose": purpose, "granted": True, "granted_at": granted_at} for purpose in facts.purposes
        ],
        "proof_mechanisms": [{"proof_type": "external_system", "timestamp": granted_at, "proof_data": proof}],
    }
    return {**_purpose("lawful_basis"), "start": granted_at, "party": caller, "dialog": place, **_inline(body)}


def _transcript(facts: RecordingFacts, caller: int, place: int) -> dict[str, Any]:
    """The person's own words."""

    def told(words: Utterance) -> dict[str, Any]:
        at: datetime = facts.started_at + timedelta(seconds=words.starts_s)
        length = round(words.ends_s - words.starts_s, 3)
        return {"party": caller, "start": to_iso(at), "duration": length, "text": words.text}

    return {"type": "transcript", "dialog": place, **_inline([told(words) for words in facts.transcript])}


def _purpose(purpose: str) -> dict[str, str]:
    return {"purpose": purpose, "type": purpose}


def _inline(body: object) -> dict[str, Any]:
    return {"mediatype": "application/json", "encoding": "json", "body": body}


def _uuid(answer: Answer, what: str) -> str:
    """A UUID of version 8 (RFC 9562) from the case and the answer's time: the same answer names the same things."""
    digest = primitives.sha256("\0".join((answer.case.id, to_iso(answer.answered_at), what)).encode("utf-8"))
    number = int.from_bytes(digest[:16])
    number = number & ~(0xF << 76) | 8 << 76  # version
    return str(UUID(int=number & ~(3 << 62) | 2 << 62))  # variant


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
