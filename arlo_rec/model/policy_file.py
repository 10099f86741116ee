"""The file in which an officer proposes another version of the policy: TOML, with what changes and nothing else.

version = "2026-12"
from = 2026-12-15              # without it: from the approval on
reason_demanded = true
most_found = 100
own_a_day = 20
entries_days = 1095            # or "never"

[[reason]]                     # where any stands here, these are the whole list
code = "complaint"
nb = "En kunde har klaget"
en = "A customer complained"
purposes = ["quality"]
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from arlo_rec.model.errors import Usage
from arlo_rec.model.policy_versions import LIMITS, PolicyVersion, ReasonCode
from arlo_rec.model.times import start_of_day
from arlo_rec.policy import Purpose

FILE_BYTES: Final = 64 * 1024
NEVER: Final = "never"
_NAME: Final = re.compile(r"[0-9]{4}-[0-9]{2}([.][0-9]{1,3})?")  # as receipts and answers have it (`json_forms`)
_CODE: Final = re.compile(r"[a-z][a-z0-9-]{1,30}")
_TEXT_LONGEST: Final = 200  # characters
_MOST_CODES: Final = 50
LATEST: Final = timedelta(days=366)  # after its proposal a version comes into force at the latest
_KEYS: Final = frozenset({"version", "from", "reason_demanded", "reason", *LIMITS})
_OF_REASON: Final = frozenset({"code", "nb", "en", "purposes"})


def read(raw: bytes, path: str, before: PolicyVersion, now: datetime) -> PolicyVersion:
    """The version that a file proposes to follow *before*; raises Usage for what is no such file, key or value."""
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Usage("config_not_toml", path=path) from None
    for key in document:
        if key not in _KEYS:
            raise Usage("config_unknown_key", key=key[:60], path=path)
    changes: dict[str, Any] = {key: _number(document[key], key, path) for key in LIMITS if key in document}
    if "reason_demanded" in document:
        changes["reason_demanded"] = _truth(document["reason_demanded"], path)
    if "reason" in document:
        changes["reasons"] = _reasons(document["reason"], path)
    version = replace(
        before,
        version=_name(document.get("version"), path),
        since=_since(document.get("from"), now, path),
        by="",
        approvals=(),
        **changes,
    )
    for purpose in Purpose:
        if version.reason_demanded and not version.codes_for(purpose):  # nobody could search for it any more
            raise Usage("policy_reasons_lack", purpose=str(purpose), path=path)
    return version


def is_settable(version: PolicyVersion) -> bool:
    """Whether a file can set a version as it is, by its numbers, codes and texts: own code proposes anything."""
    try:
        raw = text_of(version).encode("utf-8")
        read_back = read(raw, "", version, version.since)
    except (UnicodeEncodeError, Usage):
        return False
    return read_back == replace(version, by="", approvals=())


def text_of(version: PolicyVersion) -> str:
    """The same file for a version as it is, to begin a proposal with."""
    lines = [f"version = {json.dumps(version.version)}"]
    lines.append(f"reason_demanded = {json.dumps(version.reason_demanded)}")
    lines += [f"{key} = {_written(getattr(version, key))}" for key in LIMITS]
    for reason in version.reasons:
        lines += ["", "[[reason]]", f"code = {json.dumps(reason.code)}"]
        lines += [f"{lang} = {json.dumps(reason.text(lang), ensure_ascii=False)}" for lang in ("nb", "en")]
        lines.append(f"purposes = {json.dumps(sorted(reason.purposes))}")
    return "\n".join(lines) + "\n"


def _written(number: int | None) -> str:
    return json.dumps(NEVER) if number is None else str(number)


def _since(value: object, now: datetime, path: str) -> datetime:
    """The start of that day, or *now* where that is later or no day is given."""
    if value is None:
        return now
    if type(value) is not date or not now.year <= value.year <= now.year + 2 or start_of_day(value) > now + LATEST:
        raise Usage("policy_bad_from", path=path)
    return max(now, start_of_day(value))


def _name(value: object, path: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise Usage("policy_bad_version", path=path)
    return value


def _number(value: object, key: str, path: str) -> int | None:
    if key == "entries_days" and value == NEVER:
        return None
    if type(value) is not int or value not in LIMITS[key]:
        code = "policy_days" if key == "entries_days" else "policy_number"
        raise Usage(code, key=key, least=LIMITS[key].start, most=LIMITS[key].stop - 1, path=path)
    return value


def _truth(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise _bad("reason_demanded", path)
    return value


def _reasons(value: object, path: str) -> tuple[ReasonCode, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_CODES:
        raise _bad("reason", path)
    reasons = tuple(_reason(each, path) for each in value)
    if len({each.code for each in reasons}) != len(reasons):
        raise Usage("policy_bad_reason", key="code", path=path)
    return reasons


def _reason(document: object, path: str) -> ReasonCode:
    if not isinstance(document, dict):
        raise _bad("reason", path)
    for key in document:
        if key not in _OF_REASON:
            raise Usage("config_unknown_key", key=f"reason.{key}"[:60], path=path)
    code, purposes = document.get("code"), document.get("purposes")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise Usage("policy_bad_reason", key="code", path=path)
    if not isinstance(purposes, list) or not purposes or any(each not in set(Purpose) for each in purposes):
        raise Usage("policy_bad_reason", key="purposes", path=path)
    texts = [_text(document.get(lang), lang, path) for lang in ("nb", "en")]
    return ReasonCode(code, texts[0], texts[1], frozenset(Purpose(each) for each in purposes))


def _text(value: object, key: str, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _TEXT_LONGEST or not value.isprintable():
        raise Usage("policy_bad_reason", key=key, path=path)
    return value.strip()


def _bad(key: str, path: str) -> Usage:
    return Usage("config_bad_value", key=key, path=path)
