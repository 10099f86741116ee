"""The file in which an officer proposes another version of the policy: TOML, with changed settings only.

version = "2026-12"
from = 2026-12-15              # without it: from the approval on
reason_demanded = true
cut_circumstances = true       # of training copies; else a reviewer is shown where to look
most_found = 100
own_a_day = 20
entries_days = 730             # 365 to 1825
retention_days = 60            # 90 at most
spool_days = 7                 # 1 to 30

[[reason]]                     # where any stands here, these are the whole list
code = "wrong-answer"
nb = "Et svar var feil"
en = "An answer was wrong"
purposes = ["quality"]

[[prompt]]                     # a new one, or of one that there is what changes: its end, its sound
version = "nb-2026-12"
lang = "nb"
text = "..."
purposes = ["quality", "training"]
from = 2026-12-15              # without it: from the version on
until = 2027-12-31             # the last day; without it: no end is set
keys = {1 = ["quality", "training"], 3 = ["training"]}   # without it: key 1, for all its purposes
line = "kundeservice"          # of the exchange; without it: every line without a prompt of its own
taken_after_end = true         # whether a call that still comes with it after its end is taken in; else refused
sound = "nb-2026-12.wav"       # beside the file, or sound_sha256 = "..."

[[map]]                        # where any stands here, these are the whole list (docs/maps.md)
name = "freepbx"               # of a map that comes with the program
[[map]]
name = "our-exchange"
file = "our-exchange.toml"     # beside the file, or sha256 = "..."

Whatever it says, a version takes over the program's own parts as they are where it is proposed: so officers approve a
new release.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from arlo_rec.law.model import toml_text
from arlo_rec.law.model.consent import OFFERABLE, Prompt
from arlo_rec.law.model.errors import Refused, Usage
from arlo_rec.law.model.policy_versions import LIMITS, TRUTHS, Part, PolicyVersion, ReasonCode, parts
from arlo_rec.law.model.prompts import findings, purposes_named
from arlo_rec.law.model.times import local_date, start_of_day
from arlo_rec.policy import RETENTION, Purpose

Hashing = Callable[[str], bytes]  # SHA-256 of the sound of that name; raises Usage
MapDigest = Callable[[str, str | None], str]  # of the map of that name, or in that file; raises Usage

FILE_BYTES: Final = 64 * 1024
_NAME: Final = re.compile(r"[0-9]{4}-[0-9]{2}([.][0-9]{1,3})?")  # as `certificates.check` has it
LATEST: Final = timedelta(days=366)  # after its proposal a version comes into force at the latest
_CODE: Final = re.compile(r"[a-z][a-z0-9-]{1,30}")
_PROMPT: Final = re.compile(r"(nb|nn|en)-[0-9]{4}-[0-9]{2}([.][0-9]{1,3})?")
_SHA256: Final = re.compile("[0-9a-f]{64}")
_OF_REASON: Final = frozenset({"code", "nb", "en", "purposes"})
_OF_PROMPT: Final = frozenset(
    {"version", "lang", "text", "purposes", "keys", "line", "from", "until", "taken_after_end", "sound", "sound_sha256"}
)
_KEPT: Final = ("lang", "text", "purposes", "keys", "line", "since")  # of a prompt that callers heard
_TEXT_LONGEST: Final = 200  # characters
_PROMPT_LONGEST: Final = 2000
_MOST: Final = 200  # rows of one table; each version has all prompts of a store, which are never removed
_REFUSED: Final = frozenset({"may", "third", "purposes", "language"})  # forbidden in prompts (`model.prompts`)
_OF_MAP: Final = frozenset({"name", "file", "sha256"})
_MAP: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_KEYS: Final = frozenset({"version", "from", "reason", "prompt", "map", *TRUTHS, *LIMITS})


def no_sound(name: str) -> bytes:
    """Raise Usage: this file may name no sound."""
    raise Usage("file_unreadable", path=name)


def no_map(name: str, file: str | None) -> str:
    """Raise Usage: this file may name no map but by its digest."""
    raise Usage("file_unreadable", path=file or name)


def read(
    raw: bytes,
    path: str,
    before: PolicyVersion,
    now: datetime,
    hashing: Hashing = no_sound,
    of_map: MapDigest = no_map,
) -> PolicyVersion:
    """The version that a file proposes after *before*; *hashing* reads the sound of a prompt, *of_map* a map.

    Raises Usage for another file and invalid keys or values, and Refused for settings outside the guidelines.
    """
    document = toml_text.read(raw, path)
    for key in document:
        if key not in _KEYS:
            raise Usage("policy_unknown_key", key=key[:60], path=path)
    changes: dict[str, Any] = {key: _number(document[key], key, path) for key in LIMITS if key in document}
    changes |= {key: _truth(document[key], key, path) for key in TRUTHS if key in document}
    if "reason" in document:
        changes["reasons"] = _reasons(document["reason"], path)
    since = _since(document.get("from"), now, path)
    if "prompt" in document:
        changes["prompts"] = _prompts(document["prompt"], before.prompts, local_date(since), hashing, path)
    if "map" in document:
        changes["maps"] = _maps(document["map"], of_map, path)
    version = replace(
        before,
        version=_name(document.get("version"), path),
        since=since,
        program=parts(),
        by="",
        approvals=(),
        **changes,
    )
    _demand_worded(version, before)
    for purpose in Purpose:
        if version.reason_demanded and not version.codes_for(purpose):  # else every search for it is refused
            raise Usage("policy_reasons_lack", purpose=str(purpose), path=path)
    return version


def _demand_worded(version: PolicyVersion, before: PolicyVersion) -> None:
    """Raise Refused where the program words the purposes otherwise than *before*, and no new prompts name them all.

    Recordings that are held keep the purposes as their own prompts worded them (purpose.change).
    """
    worded, then = (
        next((part.sha256 for part in each.program if part.name == "purposes"), None) for each in (version, before)
    )
    new = [prompt for prompt in version.prompts if prompt.version not in before.by_prompt()]
    if worded != then and frozenset[Purpose]().union(*(prompt.purposes for prompt in new)) != frozenset(Purpose):
        raise Refused("purposes_without_prompt", rule="purpose.change")


def _since(value: object, now: datetime, path: str) -> datetime:
    """The start of that day, or *now* if that is later or no day is given."""
    if value is None:
        return now
    if type(value) is not date or not now.year <= value.year <= now.year + 2 or start_of_day(value) > now + LATEST:
        raise Usage("policy_bad_from", path=path)
    return max(now, start_of_day(value))


def _name(value: object, path: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise Usage("policy_bad_version", path=path)
    return value


def _number(value: object, key: str, path: str) -> int:
    if key == "retention_days" and type(value) is int and value > RETENTION.days:
        raise Refused("retention_longer", rule="retention.90d", most=RETENTION.days)
    if type(value) is not int or value not in LIMITS[key]:
        raise Usage("policy_number", key=key, least=LIMITS[key].start, most=LIMITS[key].stop - 1, path=path)
    return value


def _truth(value: object, key: str, path: str) -> bool:
    if not isinstance(value, bool):
        raise Usage("policy_bad_value", key=key, path=path)
    return value


# -- tables ---------------------------------------------------------------------------------------------


def _reasons(value: object, path: str) -> tuple[ReasonCode, ...]:
    """The reason codes of a file; raises Usage."""
    rows = [_reason(row, path) for row in _rows(value, "reason", _OF_REASON, path)]
    if len({reason.code for reason in rows}) != len(rows):
        raise Usage("policy_bad_reason", key="code", path=path)
    return tuple(rows)


def _prompts(value: object, before: Sequence[Prompt], since: date, hashing: Hashing, path: str) -> tuple[Prompt, ...]:
    """The prompts of *before* with the file's changes, and its new ones behind.

    Raises Usage, and Refused for a prompt that would reach back or that the guidelines forbid.
    """
    known = {prompt.version: prompt for prompt in before}
    rows = _rows(value, "prompt", _OF_PROMPT, path)
    if len({str(row.get("version")) for row in rows}) != len(rows):
        raise _bad("version", path)
    for row in rows:
        version = row.get("version")
        if not isinstance(version, str) or not (version in known or _PROMPT.fullmatch(version)):
            raise _bad("version", path)
        known[version] = _prompt(version, row, known.get(version), since, hashing, path)
    if len(known) > _MOST:
        raise Usage("policy_bad_value", key="prompt", path=path)
    prompts = tuple(known.values())
    _demand_one_question(prompts, since)
    return prompts


def _prompt(
    version: str, row: Mapping[str, Any], last: Prompt | None, since: date, hashing: Hashing, path: str
) -> Prompt:
    """One prompt of a file; *last* is its version in force, *since* the first day of the proposed version."""
    begins, until = (_day(row[key], key, path) if key in row else None for key in ("from", "until"))
    sound = _sound(row, hashing, path)
    keys = _keys(row["keys"], path) if "keys" in row else None
    line = _text(row["line"], "policy_bad_prompt", "line", _TEXT_LONGEST, path) if "line" in row else None
    taken = row.get("taken_after_end", last is not None and last.taken_after_end)
    if not isinstance(taken, bool):
        raise _bad("taken_after_end", path)
    if last is not None:
        prompt = replace(
            last, until=until or last.until, sound_sha256=sound or last.sound_sha256, taken_after_end=taken
        )
        heard: dict[str, object] = {"lang": row.get("lang", last.lang), "since": begins or last.since}
        heard |= {"keys": keys or last.keys, "line": line or last.line}
        heard["text"] = _prompt_text(row.get("text", last.text), path)
        purposes = _purposes(row["purposes"]) if "purposes" in row else last.purposes
        if purposes is None:
            raise _bad("purposes", path)
        _demand_unedited(last, {**heard, "purposes": purposes}, prompt, since)
        return prompt
    text, purposes = _prompt_text(row.get("text"), path), _purposes(row.get("purposes"))
    if purposes is None or row.get("lang") != version[:2]:
        raise _bad("purposes" if purposes is None else "lang", path)
    begins = begins or since
    if begins < since:
        raise Refused("purpose_reaches_back", rule="purpose.change", prompt=version)
    if until is not None and until < begins:
        raise _bad("until", path)
    prompt = Prompt(version, version[:2], text, purposes, begins, until, sound, keys, line, taken)
    _demand_fit(prompt, path)
    return prompt


def _demand_unedited(last: Prompt, heard: Mapping[str, Any], prompt: Prompt, since: date) -> None:
    """Raise Refused if a prompt that callers heard would change: a changed text is a new version."""
    if not last.purposes.issuperset(heard["purposes"]):
        raise Refused("purpose_reaches_back", rule="purpose.change", prompt=last.version)
    if any(heard[key] != getattr(last, key) for key in _KEPT):
        raise Refused("prompt_is_kept", rule="consent.prompt", prompt=last.version)
    if last.sound_sha256 is not None and prompt.sound_sha256 != last.sound_sha256:
        raise Refused("prompt_is_kept", rule="consent.prompt", prompt=last.version)
    if prompt.until != last.until and prompt.until is not None and prompt.until < since:
        raise Refused("prompt_ends_in_past", rule="consent.prompt", prompt=last.version, day=since.isoformat())


def _demand_fit(prompt: Prompt, path: str) -> None:
    """Raise Refused for a forbidden text, or one that does not name its purposes and the keys that it offers.

    Raises Usage where the keys are not for the purposes that it names.
    """
    if frozenset[Purpose]().union(*prompt.offered.values()) != prompt.purposes:
        raise _bad("keys", path)
    lacking = {f"key{key}" for key in prompt.keys or ()}
    for code in findings(prompt.text, "", prompt.offered):
        if code in _REFUSED | lacking:
            raise Refused("prompt_refused", rule="consent.prompt", prompt=prompt.version, why=code)
    if not prompt.purposes <= purposes_named(prompt.text):
        raise Refused("prompt_names_less", rule="consent.purposes", prompt=prompt.version)


def _demand_one_question(prompts: Sequence[Prompt], since: date) -> None:
    """Raise Refused where callers on one line, in one language, would hear prompts with different purposes.

    Only days from *since* on count: what callers heard before is not undone.
    """
    for at, one in enumerate(prompts):
        for other in prompts[at + 1 :]:
            begins, ends = max(one.since, other.since, since), min(one.until or date.max, other.until or date.max)
            differ = one.purposes != other.purposes
            if differ and (one.lang, one.line) == (other.lang, other.line) and begins <= ends:
                names = {"prompt": other.version, "other": one.version}
                raise Refused("prompts_overlap", rule="consent.purposes", day=begins.isoformat(), **names)


def _reason(row: Mapping[str, Any], path: str) -> ReasonCode:
    code, purposes = row.get("code"), row.get("purposes")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise Usage("policy_bad_reason", key="code", path=path)
    if (fits := _purposes(purposes)) is None:
        raise Usage("policy_bad_reason", key="purposes", path=path)
    texts = [_text(row.get(lang), "policy_bad_reason", lang, _TEXT_LONGEST, path) for lang in ("nb", "en")]
    return ReasonCode(code, texts[0], texts[1], fits)


def _maps(value: object, of_map: MapDigest, path: str) -> tuple[Part, ...]:
    """The approved maps of a file, by name; raises Usage."""
    maps = []
    for row in _rows(value, "map", _OF_MAP, path) if value != [] else []:
        name, file, digest = row.get("name"), row.get("file"), row.get("sha256")
        if not isinstance(name, str) or not _MAP.fullmatch(name):
            raise Usage("policy_bad_map", key="name", path=path)
        if digest is not None and (file is not None or not isinstance(digest, str) or not _SHA256.fullmatch(digest)):
            raise Usage("policy_bad_map", key="sha256", path=path)
        if file is not None and not isinstance(file, str):
            raise Usage("policy_bad_map", key="file", path=path)
        maps.append(Part(name, digest or of_map(name, file)))
    if len({each.name for each in maps}) != len(maps):
        raise Usage("policy_bad_map", key="name", path=path)
    return tuple(maps)


def _rows(value: object, table: str, keys: frozenset[str], path: str) -> list[Mapping[str, Any]]:
    """The rows of a table, with no other keys than these."""
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST or not all(isinstance(row, dict) for row in value):
        raise Usage("policy_bad_value", key=table, path=path)
    for row in value:
        for key in row:
            if key not in keys:
                raise Usage("policy_unknown_key", key=f"{table}.{key}"[:60], path=path)
    return value


def _purposes(value: object) -> frozenset[Purpose] | None:
    """One or both purposes; None for anything else."""
    known = [str(purpose) for purpose in Purpose]
    if not isinstance(value, list) or not value or any(name not in known for name in value):
        return None
    return frozenset(Purpose(name) for name in value)


def _keys(value: object, path: str) -> dict[str, frozenset[Purpose]]:
    """The keys of consent, key 1 among them, with the purposes of each."""
    if not isinstance(value, dict) or "1" not in value:
        raise _bad("keys", path)
    keys = {}
    for key, named in value.items():
        purposes = _purposes(named)
        if len(key) != 1 or key not in OFFERABLE or purposes is None:
            raise _bad("keys", path)
        keys[key] = purposes
    return keys


def _prompt_text(value: object, path: str) -> str:
    """A text as spoken: its lines joined, with one blank between words."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not 0 < len(text) <= _PROMPT_LONGEST or not text.isprintable():
        raise _bad("text", path)
    return text


def _day(value: object, key: str, path: str) -> date:
    if type(value) is not date or not 2000 <= value.year <= 2200:
        raise _bad(key, path)
    return value


def _sound(row: Mapping[str, Any], hashing: Hashing, path: str) -> bytes | None:
    name, digest = row.get("sound"), row.get("sound_sha256")
    if name is not None and (digest is not None or not isinstance(name, str)):
        raise _bad("sound", path)
    if digest is not None and not (isinstance(digest, str) and _SHA256.fullmatch(digest)):
        raise _bad("sound_sha256", path)
    return hashing(name) if isinstance(name, str) else bytes.fromhex(digest) if digest is not None else None


def _text(value: object, error: str, key: str, longest: int, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= longest or not value.isprintable():
        raise Usage(error, key=key, path=path)
    return value.strip()


def _bad(key: str, path: str) -> Usage:
    return Usage("policy_bad_prompt", key=key, path=path)


def text_of(version: PolicyVersion) -> str:
    """A version as such a file, to begin a proposal with."""
    lines = [f"version = {json.dumps(version.version)}"]
    lines += [f"{key} = {json.dumps(getattr(version, key))}" for key in TRUTHS]
    lines += [f"{key} = {getattr(version, key)}" for key in LIMITS]
    for reason in version.reasons:
        lines += _lines_of_reason(reason)
    for prompt in version.prompts:
        lines += _lines_of_prompt(prompt)
    for each in version.maps:
        lines += ["", "[[map]]", f"name = {_quoted(each.name)}", f"sha256 = {_quoted(each.sha256)}"]
    return "\n".join(lines) + "\n"


def _lines_of_reason(reason: ReasonCode) -> list[str]:
    """A reason code as its table."""
    texts = [f"{lang} = {_quoted(reason.text(lang))}" for lang in ("nb", "en")]
    return [
        "",
        "[[reason]]",
        f"code = {_quoted(reason.code)}",
        *texts,
        f"purposes = {json.dumps(sorted(reason.purposes))}",
    ]


def _lines_of_prompt(prompt: Prompt) -> list[str]:
    """A prompt as its table."""
    lines = ["", "[[prompt]]", f"version = {_quoted(prompt.version)}", f"lang = {_quoted(prompt.lang)}"]
    lines += [f"text = {_quoted(prompt.text)}", f"purposes = {json.dumps(sorted(prompt.purposes))}"]
    lines.append(f"from = {prompt.since.isoformat()}")
    lines += [f"until = {prompt.until.isoformat()}"] if prompt.until is not None else []
    if prompt.keys is not None:
        keys = (f"{key} = {json.dumps(sorted(purposes))}" for key, purposes in sorted(prompt.keys.items()))
        lines.append(f"keys = {{{', '.join(keys)}}}")
    lines += [f"line = {_quoted(prompt.line)}"] if prompt.line is not None else []
    lines += ["taken_after_end = true"] if prompt.taken_after_end else []
    return lines + ([f"sound_sha256 = {_quoted(prompt.sound_sha256.hex())}"] if prompt.sound_sha256 is not None else [])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
