"""The fields of a manifest: where each stands in a record, and the steps by which its text becomes the value.

What proves a consent (`EVIDENCE`) or a withdrawal must stand in the record: no constant and no table stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil, floor, prod
from typing import Any, Final, NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import regex

from arlo_rec.exchanges.deliveries import COLUMNS
from arlo_rec.exchanges.maps.paths import LONGEST, Mistake, RecordPath
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.model.strict_json import canonical

EVIDENCE: Final = ("consent.key", "consent.at", "consent.prompt")
REQUIRED: Final = (
    *("source_id", "direction", "started_at", "caller", "agent", "team"),
    *EVIDENCE,
    "consent.prompt_completed",
)
ASKED_AT: Final = "consent.asked_at"  # when the prompt began: of a history of keys, and of no manifest
FIELDS: Final = (frozenset(COLUMNS) | {ASKED_AT}) - {"audio"}
OF_WITHDRAWAL: Final = ("withdrawal.caller", "withdrawal.at", "withdrawal.key")  # of a notice; the key may be missing
OF_ITS_PROMPT: Final = "withdrawal.asked_at"  # when the prompt began that the key answers
CALL_TIMES: Final = ("call.started_at", "call.ended_at")
GIVEN: Final = frozenset({"read", "constant", "withheld"})  # reasons of a value
_PROVES: Final = frozenset({*EVIDENCE, *OF_WITHDRAWAL[1:], OF_ITS_PROMPT, ASKED_AT})
_WHOLE: Final = frozenset(
    {*EVIDENCE, ASKED_AT, "consent.prompt_completed", "consent.granted", *OF_WITHDRAWAL[1:], OF_ITS_PROMPT}
)
_OF_ONE_CALL: Final = frozenset({"source_id", "started_at", "caller", "withdrawal.caller", "consent.granted"})
_TIMED: Final = frozenset(
    {"started_at", "consent.at", "consent.stopped.at", "withdrawal.at", ASKED_AT, OF_ITS_PROMPT, *CALL_TIMES}
)
_UNBOUNDED: Final = ("2", "*", " ")  # beside a whole value each of them makes another one
_KEYS_PRESSED: Final = frozenset({"consent.key", "withdrawal.key"})
_NUMBERS: Final = frozenset({"caller", "withdrawal.caller"})  # which are withheld where they are empty
_LISTS: Final = frozenset({"known.caller", "known.agent"})
_KEYS: Final = frozenset({"path", "regex", "values", "time", "zone", "url_encoded", "value"})
_MOST_VALUES: Final = 500
_COUNTS: Final = re.compile(r"\{([0-9]*),?([0-9]*)\}")
_MOST_REPEATED: Final = 1_000
_REGEX_SECONDS: Final = 1.0
_VALUE_LONGEST: Final = 2_000  # characters of a text that a map reads
_UNITS: Final = {"epoch": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}")
_FINER: Final = re.compile(r"[.,][0-9]{7}")  # parts of a microsecond, which are lost in reading
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,12})?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MappedField:
    """Where a field stands in a record, and the steps by which its text becomes the manifest's value."""

    path: RecordPath | None  # None: `value` stands for it
    regex: Any = None  # a compiled pattern with one group
    values: Mapping[str, Any] | None = None
    time: str | None = None
    zone: ZoneInfo | None = None
    url_encoded: bool = False
    value: Any = None


class FieldValue(NamedTuple):
    """The value of a field in one record, None where it is missing; and the reason as a code word."""

    value: Any
    why: str  # of GIVEN, or what is wrong


# -- of a map -----------------------------------------------------------------------------------------


def mapped_field(key: str, value: object, usual: ZoneInfo | None, *, url_encoded: bool) -> MappedField:
    """A field as a map writes it; the *usual* zone and *url_encoded* are the map's. Raises Mistake."""
    if isinstance(value, str):
        value = {"path": value}
    if not isinstance(value, dict):
        raise Mistake("bad_value")
    if unknown := value.keys() - _KEYS:
        raise Mistake("unknown_key", min(unknown))
    is_evidence = key in _PROVES
    if is_evidence and "values" in value:
        raise Mistake("constant_evidence")  # a table can give any text
    if "value" in value:
        if is_evidence or key in _OF_ONE_CALL | {*CALL_TIMES}:  # none is true of every call
            raise Mistake("constant_evidence")
        if len(value) > 1 or not isinstance(value["value"], str | bool | int):
            raise Mistake("bad_value")
        return MappedField(None, value=value["value"])
    own = zone(value["zone"]) if "zone" in value else usual
    time = value.get("time")
    if (time is None) == (key in _TIMED):
        raise Mistake("time_missing" if time is None else "no_time")
    if time is not None and not (
        isinstance(time, str) and (time == "iso" or time in _UNITS or _is_time_form(time, own))
    ):
        raise Mistake("time_form")
    return MappedField(
        RecordPath(value.get("path"), decides=not is_evidence, picks=key not in _WHOLE),
        _regex(value["regex"]) if "regex" in value else None,
        _values(value["values"]) if "values" in value else None,
        time,
        own,
        flag(value.get("url_encoded", url_encoded)),
    )


def _is_time_form(form: str, zone: ZoneInfo | None) -> bool:
    """Whether a form of `strptime` names a whole date and time, in a known zone."""
    at = datetime(2026, 11, 30, 20, 45, tzinfo=UTC)
    try:
        again = datetime.strptime(at.strftime(form), form)  # noqa: DTZ007 - its zone is looked at below
    except (ValueError, re.error):
        return False
    is_whole = again.replace(tzinfo=UTC) == at and len(form) <= LONGEST
    return is_whole and (zone is not None or again.tzinfo is not None)


def _regex(value: object) -> Any:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        raise Mistake("regex")
    counts = (int(most or least or 1) for least, most in _COUNTS.findall(value))
    if prod(max(count, 1) for count in counts) > _MOST_REPEATED:
        raise Mistake("regex")  # the compiled pattern grows with it
    try:
        compiled = regex.compile(value)
    except (regex.error, RecursionError, OverflowError):
        raise Mistake("regex") from None
    if compiled.groups != 1:
        raise Mistake("regex_group")
    return compiled


def _values(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not 0 < len(value) <= _MOST_VALUES:
        raise Mistake("values")
    if not all(isinstance(each, str | bool | int) for each in value.values()):
        raise Mistake("values")
    return value


def zone(value: object) -> ZoneInfo:
    """A time zone by its name; raises Mistake."""
    if not isinstance(value, str):
        raise Mistake("zone")
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):  # a ZoneInfoNotFoundError is a KeyError
        raise Mistake("zone") from None


def flag(value: object) -> bool:
    """True or false; raises Mistake."""
    if not isinstance(value, bool):
        raise Mistake("bad_value")
    return value


# -- of a record --------------------------------------------------------------------------------------


def read_field(key: str, wanted: MappedField, record: object) -> FieldValue:
    """The value of a field in a record."""
    if wanted.path is None:
        return FieldValue(_converted(key, wanted.value), "constant")
    found = wanted.path.search(record)
    if isinstance(found, list) and key in _LISTS:
        return FieldValue(found, "read")
    if isinstance(found, list) and key in _WHOLE:
        if len({canonical(each) for each in found}) > 1:
            return FieldValue(None, "several_values")
        found = found[0] if found else None
    if found is None:
        return FieldValue(None, "missing")
    if not isinstance(found, str | int | float | bool):
        return FieldValue(None, "no_text")
    if isinstance(found, bool) and wanted.values is None:
        return FieldValue(found, "read")
    text = found if isinstance(found, str) else str(found).lower()
    return _stepped(key, wanted, text) if len(text) <= _VALUE_LONGEST else FieldValue(None, "too_long")


def _stepped(key: str, wanted: MappedField, text: str) -> FieldValue:
    value: Any = unquote(text, errors="replace") if wanted.url_encoded else text
    if wanted.regex is not None:
        try:
            value, why = _matched(key, wanted.regex, value)
        except TimeoutError:
            return FieldValue(None, "regex_slow")
        if value is None:
            return FieldValue(None, why)
    if wanted.values is not None:
        if value not in wanted.values:
            return FieldValue(None, "no_value")
        value = wanted.values[value]
    if value == "":
        return FieldValue(None, "withheld" if key in _NUMBERS else "missing")
    if wanted.time is not None:
        at = instant(str(value), wanted.time, wanted.zone, fold=_fold(key))
        return FieldValue(to_iso(at), "read") if at is not None else FieldValue(None, "no_time")
    return FieldValue(_converted(key, value), "read")


def _matched(key: str, pattern: Any, text: str) -> tuple[str | None, str]:
    """The group of a pattern in a text; what is evidence counts only if it is the same wherever the pattern fits.

    A key must be whole: a pattern that finds the same key with another sign beside it passes over a part of the value.
    Raises TimeoutError.
    """
    match = pattern.search(text, timeout=_REGEX_SECONDS)
    if match is None or match[1] is None:
        return None, "no_match"
    if key in _WHOLE and {each[1] for each in pattern.finditer(text, timeout=_REGEX_SECONDS)} != {match[1]}:
        return None, "several_values"
    if key in _KEYS_PRESSED:
        for place in match.span(1):
            for sign in _UNBOUNDED:
                longer = pattern.search(text[:place] + sign + text[place:], timeout=_REGEX_SECONDS)
                if longer is not None and longer[1] == match[1]:
                    return None, "part"
    return match[1], "read"


def _fold(key: str) -> int | None:
    """Which of two instants a local time names: see `instant`."""
    if key in EVIDENCE or key in CALL_TIMES or key == ASKED_AT:
        return None
    return 1 if key == "withdrawal.at" else 0  # it reaches every call before


def _converted(key: str, value: Any) -> Any:
    """A text as the column of a manifest has it, as in a CSV."""
    return COLUMNS[key](value) if isinstance(value, str) and key in COLUMNS else value


def instant(text: str, form: str, zone: ZoneInfo | None, *, fold: int | None = 0) -> datetime | None:
    """The instant of a text; None where it is none, or no time of its zone.

    In the night when summer time ends, one local time names two instants. With *fold* 0 the earlier counts, so that a
    recording ends no later; with 1 the later, so that a withdrawal reaches every call before it. With None it counts
    not at all: what lies before a key of consent is cut off by it. Parts of a microsecond are rounded down with 0, up
    else.
    """
    try:
        if form in _UNITS:
            if not _NUMBER.fullmatch(text):
                return None
            microseconds = Decimal(text) * (1_000_000 // _UNITS[form])
            return _EPOCH + timedelta(microseconds=floor(microseconds) if fold == 0 else ceil(microseconds))
        if form == "iso" and not _ISO.match(text):
            return None
        at = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007 - below
        if fold != 0 and form == "iso" and _FINER.search(text):
            at += timedelta(microseconds=1)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        if zone is None:
            return None
        known, later = (at.replace(tzinfo=zone, fold=each).astimezone(UTC) for each in (0, 1))
        if later != known and fold is None:
            return None
        known = later if fold and later > known else known
        return known if known.astimezone(zone).replace(tzinfo=None) == at else None  # else an hour that was skipped
    except (ValueError, OverflowError, re.error):
        return None


def comparable(value: object) -> Decimal | None:
    """A time by which rows are compared: a number, or an instant as one; None for anything else."""
    text = str(value)
    if _NUMBER.fullmatch(text):
        return Decimal(text)
    at = instant(text, "iso", ZoneInfo("UTC"))
    return Decimal((at - _EPOCH) // timedelta(microseconds=1)) if at is not None else None
