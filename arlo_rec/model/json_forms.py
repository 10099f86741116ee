"""Forms of JSON values in documents that anybody can check: functions that say whether a value has its form. Pure.

Such a document may come from any source, so its form is checked before anything in it is compared, shown or counted:
exact keys and types, lower-case hex, instants as `to_iso` writes them, texts without characters that need escaping.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from arlo_rec.model.records import from_iso, to_iso
from arlo_rec.policy import Role

Form = Callable[[Any], bool]
Forms = Mapping[str, Form]


def has_forms(document: Mapping[str, Any], forms: Forms) -> bool:
    """Whether a document has exactly the required keys, each with a value of its form."""
    return document.keys() == forms.keys() and all(form(document[key]) for key, form in forms.items())


def text(pattern: str) -> Form:
    """A text that matches the whole pattern."""
    compiled = re.compile(pattern)
    return lambda value: type(value) is str and compiled.fullmatch(value) is not None


def among(*values: str) -> Form:
    """One of these texts."""
    return lambda value: type(value) is str and value in values


def or_none(form: Form) -> Form:
    """The form, or null."""
    return lambda value: value is None or form(value)


def list_of(form: Form, least: int = 0) -> Form:
    """A list of at least so many values of that form."""
    return lambda value: type(value) is list and len(value) >= least and all(map(form, value))


def object_of(**forms: Form) -> Form:
    """An object with exactly these keys."""
    return lambda value: type(value) is dict and has_forms(value, forms)


def is_flag(value: Any) -> bool:
    """True or false."""
    return type(value) is bool


def is_count(value: Any) -> bool:
    """A number from 0 on that fits into 63 bits."""
    return type(value) is int and 0 <= value < 2**63


def is_format_1(value: Any) -> bool:
    """The number of the format that this version writes."""
    return type(value) is int and value == 1


def is_instant(value: Any) -> bool:
    """An instant as `to_iso` writes it."""
    try:
        at = from_iso(value)
        return 1 < at.year < 9999 and to_iso(at) == value
    except (TypeError, ValueError):
        return False


ID: Final = text("[0-9a-f]{32}")
SHA256: Final = text("[0-9a-f]{64}")
BASE64: Final = text("[A-Za-z0-9+/]+={0,2}")
POLICY: Final = text("[0-9]{4}-[0-9]{2}([.][0-9]{1,3})?")  # as `policy_file` demands
DAY: Final = text("[0-9]{4}-[0-9]{2}-[0-9]{2}")
ENTRY: Final[Forms] = {"seq": is_count, "leaf": BASE64, "path": list_of(BASE64)}  # of the log, with its inclusion path
LOG: Final[Forms] = {  # the log's part of each such document, and its signers
    "checkpoint": text("[\n\u2014 -~]{1,4000}"),  # ASCII without controls, and the dash of a signed note
    "log_keys": list_of(object_of(vkey=text("[!-~]{1,400}"), statement=or_none(BASE64)), least=1),
    "signers": list_of(object_of(key=BASE64, role=among(*Role), since=is_count, signature=BASE64), least=1),
    "signature": BASE64,
}
OF_OFFICER: Final[Forms] = {**LOG, "log_signature": BASE64}  # of answers, lists and pages signed by an officer
