"""The file in which an officer proposes another version of the policy: TOML, with what changes and nothing else.

version = "2026-12"
from = 2026-12-15              # without it: from the approval on
reason_demanded = true
cut_circumstances = true       # of training copies; else a reviewer is shown where to look
most_found = 100
own_a_day = 20
entries_days = 1095            # or "never"
retention_days = 60            # 90 at most

The tables that may follow are those of `policy_tables`. Whatever it says, a version takes over the program's own parts
as they are where it is proposed: so officers approve a new release.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from arlo_rec.model import policy_tables
from arlo_rec.model.errors import Refused, Usage
from arlo_rec.model.policy_versions import LIMITS, TRUTHS, PolicyVersion
from arlo_rec.model.program_parts import parts
from arlo_rec.model.times import local_date, start_of_day
from arlo_rec.policy import RETENTION, Purpose

FILE_BYTES: Final = 64 * 1024
NEVER: Final = "never"
_NAME: Final = re.compile(r"[0-9]{4}-[0-9]{2}([.][0-9]{1,3})?")  # as `certificates.check` has it
LATEST: Final = timedelta(days=366)  # after its proposal a version comes into force at the latest
_KEYS: Final = frozenset({"version", "from", "reason", "rule", "prompt", *TRUTHS, *LIMITS})


def no_sound(name: str) -> bytes:
    """For a file that may name none: raises Usage."""
    raise Usage("file_unreadable", path=name)


def read(
    raw: bytes, path: str, before: PolicyVersion, now: datetime, hashing: policy_tables.Hashing = no_sound
) -> PolicyVersion:
    """The version that a file proposes to follow *before*; *hashing* reads the sound of a prompt.

    Raises Usage for what is no such file, key or value, and Refused for what the guidelines let nobody set.
    """
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Usage("config_not_toml", path=path) from None
    for key in document:
        if key not in _KEYS:
            raise Usage("config_unknown_key", key=key[:60], path=path)
    changes: dict[str, Any] = {key: _number(document[key], key, path) for key in LIMITS if key in document}
    changes |= {key: _truth(document[key], key, path) for key in TRUTHS if key in document}
    if "reason" in document:
        changes["reasons"] = policy_tables.reasons(document["reason"], path)
    since = _since(document.get("from"), now, path)
    day, days = local_date(since), changes.get("retention_days", before.retention_days)
    if "prompt" in document:
        changes["prompts"] = policy_tables.prompts(document["prompt"], before.prompts, day, hashing, path)
    version = replace(
        before,
        version=_name(document.get("version"), path),
        since=since,
        rules=policy_tables.rules(document.get("rule"), before.rules, days, day, path),
        program=parts(),
        by="",
        approvals=(),
        **changes,
    )
    for purpose in Purpose:
        if version.reason_demanded and not version.codes_for(purpose):  # nobody could search for it any more
            raise Usage("policy_reasons_lack", purpose=str(purpose), path=path)
    return version


def text_of(version: PolicyVersion) -> str:
    """The same file for a version as it is, to begin a proposal with."""
    lines = [f"version = {json.dumps(version.version)}"]
    lines += [f"{key} = {json.dumps(getattr(version, key))}" for key in TRUTHS]
    lines += [f"{key} = {_written(getattr(version, key))}" for key in LIMITS]
    for reason in version.reasons:
        lines += policy_tables.lines_of_reason(reason)
    for rule in version.rules:
        lines += policy_tables.lines_of_rule(rule) if rule.own else []
    for prompt in version.prompts:
        lines += policy_tables.lines_of_prompt(prompt)
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
    if key == "retention_days" and type(value) is int and value > RETENTION.days:
        raise Refused("retention_longer", rule="retention.90d", most=RETENTION.days)
    if type(value) is not int or value not in LIMITS[key]:
        code = "policy_days" if key == "entries_days" else "policy_number"
        raise Usage(code, key=key, least=LIMITS[key].start, most=LIMITS[key].stop - 1, path=path)
    return value


def _truth(value: object, key: str, path: str) -> bool:
    if not isinstance(value, bool):
        raise _bad(key, path)
    return value


def _bad(key: str, path: str) -> Usage:
    return Usage("config_bad_value", key=key, path=path)
