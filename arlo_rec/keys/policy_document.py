"""The policy of a store as a document, which a link of the chain of authority commits to (`keys.authority`)."""

from __future__ import annotations

from datetime import date
from typing import Any

from arlo_rec.model.consent import Prompt
from arlo_rec.model.errors import Integrity
from arlo_rec.model.policy_versions import Policy, PolicyVersion, ReasonCode
from arlo_rec.model.program_parts import Part
from arlo_rec.model.records import Approval, from_iso, to_iso
from arlo_rec.model.strict_json import canonical, parse_object
from arlo_rec.policy import Purpose


def encode(policy: Policy) -> bytes:
    """The document as canonical JSON: the same versions give the same bytes."""
    return canonical({"format": 5, "versions": [version_to_json(each) for each in policy.versions]})


def decode(body: bytes) -> Policy:
    """The policy of a document that a link commits to; raises Integrity (purpose.change)."""
    try:
        policy = Policy(tuple(read_version(each) for each in parse_object(body)["versions"]))
        if not policy.versions:
            raise ValueError("no version")  # noqa: TRY301 - handled like any other error in the bytes
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise Integrity("policy_forged", rule="purpose.change") from None
    return policy


def version_to_json(version: PolicyVersion) -> dict[str, Any]:
    """One version, with everything that it sets."""
    return {
        "version": version.version,
        "since": to_iso(version.since),
        "prompts": [prompt_to_json(each) for each in version.prompts],
        "reasons": [_reason_to_json(each) for each in version.reasons],
        "reason_demanded": version.reason_demanded,
        "cut_circumstances": version.cut_circumstances,
        "most_found": version.most_found,
        "own_a_day": version.own_a_day,
        "entries_days": version.entries_days,
        "retention_days": version.retention_days,
        "program": {part.name: part.sha256 for part in version.program},
        "by": version.by,
        "approvals": [{"by": each.by, "at": to_iso(each.at)} for each in version.approvals],
    }


def read_version(document: Any) -> PolicyVersion:
    """What `version_to_json` wrote; raises KeyError, TypeError, ValueError or the like for anything else."""
    days = document["entries_days"]
    return PolicyVersion(
        str(document["version"]),
        from_iso(document["since"]),
        tuple(_prompt(each) for each in document["prompts"]),
        tuple(_reason(each) for each in document["reasons"]),
        bool(document["reason_demanded"]),
        bool(document["cut_circumstances"]),
        int(document["most_found"]),
        int(document["own_a_day"]),
        None if days is None else int(days),
        int(document["retention_days"]),
        tuple(Part(str(name), str(document["program"][name])) for name in sorted(document["program"])),
        str(document["by"]),
        tuple(Approval(str(each["by"]), from_iso(each["at"])) for each in document["approvals"]),
    )


def prompt_to_json(prompt: Prompt) -> dict[str, Any]:
    """A prompt as the document has it; the hash of its text follows from the text."""
    return {
        "version": prompt.version,
        "lang": prompt.lang,
        "text": prompt.text,
        "purposes": sorted(prompt.purposes),
        "since": prompt.since.isoformat(),
        "until": prompt.until.isoformat() if prompt.until is not None else None,
        "sound": prompt.sound_sha256.hex() if prompt.sound_sha256 is not None else None,
    }


def _prompt(document: Any) -> Prompt:
    until, sound = document["until"], document["sound"]
    return Prompt(
        str(document["version"]),
        str(document["lang"]),
        str(document["text"]),
        frozenset(Purpose(purpose) for purpose in document["purposes"]),
        date.fromisoformat(document["since"]),
        None if until is None else date.fromisoformat(until),
        None if sound is None else bytes.fromhex(sound),
    )


def _reason_to_json(reason: ReasonCode) -> dict[str, Any]:
    return {"code": reason.code, "nb": reason.nb, "en": reason.en, "purposes": sorted(reason.purposes)}


def _reason(document: Any) -> ReasonCode:
    purposes = frozenset(Purpose(purpose) for purpose in document["purposes"])
    return ReasonCode(str(document["code"]), str(document["nb"]), str(document["en"]), purposes)
