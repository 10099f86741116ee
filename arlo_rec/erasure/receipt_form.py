"""The form of a deletion receipt: every key, and what its value looks like. Pure; signatures are checked by `receipts`.

A receipt comes from anybody, so nothing in it is compared, shown or counted before it has its one form: exact keys and
types, small lower-case hex, instants as `to_iso` writes them, texts without a character that needs escaping.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from arlo_rec.model.records import from_iso, to_iso
from arlo_rec.policy import ERASED_BY, Role
from arlo_rec.rules import RULES

KIND: Final = "arlo-rec deletion receipt"
PLACES: Final = ("root", "catalogue", "objects", "journal")  # where something of a recording could be left
_ID: Final = re.compile(r"[0-9a-f]{32}")
_NUMBER: Final = re.compile(r"[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}")
_POLICY: Final = re.compile(r"[0-9]{4}-[0-9]{2}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_VKEY: Final = re.compile(r"[!-~]{1,400}")
_NOTE: Final = re.compile("[\n\u2014 -~]{1,4000}")  # ASCII without controls, and the dash of a signed note


def is_number(number: object) -> bool:
    """Whether that can be a receipt's number: what the program makes has this form, and no other names a file."""
    return type(number) is str and _NUMBER.fullmatch(number) is not None


def has_form(receipt: Mapping[str, Any]) -> bool:
    """Whether a receipt has exactly the keys that it must have, each with a value of its one form."""
    if receipt.keys() != _FORMS.keys() or not all(form(receipt[key]) for key, form in _FORMS.items()):
        return False
    return bool(receipt["count"] == len(receipt["recordings"]) == len(set(receipt["recordings"])))


def _text(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: type(value) is str and pattern.fullmatch(value) is not None


def _among(*values: str) -> Callable[[Any], bool]:
    return lambda value: type(value) is str and value in values


def _or_none(form: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or form(value)


def _list_of(form: Callable[[Any], bool], least: int = 0) -> Callable[[Any], bool]:
    return lambda value: type(value) is list and len(value) >= least and all(map(form, value))


def _object_of(**forms: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        type(value) is dict and value.keys() == forms.keys() and all(form(value[key]) for key, form in forms.items())
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_instant(value: Any) -> bool:
    try:
        at = from_iso(value)
        return 1 < at.year < 9999 and to_iso(at) == value
    except (TypeError, ValueError):
        return False


def _are_days(value: Any) -> bool:
    return type(value) is dict and all(
        _DAY.fullmatch(day) is not None and _is_count(count) for day, count in value.items()
    )


def _are_places(value: Any) -> bool:
    return type(value) is list and value in (list(PLACES), list(PLACES[:3]))


_FORMS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "format": lambda value: type(value) is int and value == 1,
    "kind": _among(KIND),
    "number": _text(_NUMBER),
    "store": _text(_ID),
    "event": _among(*ERASED_BY),
    "rule": _among(*RULES),
    "policy": _text(_POLICY),
    "erased_at": _is_instant,
    "count": _is_count,
    "days": _are_days,
    "recordings": _list_of(_text(_ID)),
    "places": _are_places,
    "ring_until": _or_none(_is_instant),
    "feed": _or_none(lambda value: type(value) is bool),
    "entry": _object_of(seq=_is_count, leaf=_text(_BASE64), path=_list_of(_text(_BASE64))),
    "checkpoint": _text(_NOTE),
    "log_keys": _list_of(_object_of(vkey=_text(_VKEY), statement=_or_none(_text(_BASE64))), least=1),
    "signers": _list_of(
        _object_of(key=_text(_BASE64), role=_among(*Role), since=_is_count, signature=_text(_BASE64)), least=1
    ),
    "erased_by": _text(_BASE64),
    "signature": _text(_BASE64),
}
