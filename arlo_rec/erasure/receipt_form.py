"""The form of a deletion receipt: every key and the form of its value. Pure; `receipts` checks signatures.

A receipt may come from any source, so its form is checked before anything in it is compared, shown or counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from arlo_rec.model import json_forms as forms
from arlo_rec.policy import ERASED_BY
from arlo_rec.rules import RULES

KIND: Final = "arlo-rec deletion receipt"
PLACES: Final = ("root", "catalogue", "objects", "journal")  # places with parts of a recording
_NUMBER: Final = re.compile(r"[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}")


def is_number(number: object) -> bool:
    """Whether a value has the form of our receipt numbers; others name no file."""
    return type(number) is str and _NUMBER.fullmatch(number) is not None


def has_form(receipt: Mapping[str, Any]) -> bool:
    """Whether a receipt has exactly the required keys, each with a value of its form."""
    if not forms.has_forms(receipt, _FORMS):
        return False
    return bool(receipt["count"] == len(receipt["recordings"]) == len(set(receipt["recordings"])))


def _are_days(value: Any) -> bool:
    return type(value) is dict and all(forms.DAY(day) and forms.is_count(count) for day, count in value.items())


def _are_places(value: Any) -> bool:
    return type(value) is list and value in (list(PLACES), list(PLACES[:3]))


_FORMS: Final[forms.Forms] = {
    "format": forms.is_format_1,
    "kind": forms.among(KIND),
    "number": is_number,
    "store": forms.ID,
    "event": forms.among(*ERASED_BY),
    "rule": forms.among(*RULES),
    "policy": forms.POLICY,
    "erased_at": forms.is_instant,
    "count": forms.is_count,
    "days": _are_days,
    "recordings": forms.list_of(forms.ID),
    "places": _are_places,
    "ring_until": forms.or_none(forms.is_instant),
    "feed": forms.or_none(forms.is_flag),
    "entry": forms.object_of(**forms.ENTRY),
    **forms.LOG,
    "erased_by": forms.BASE64,
}
