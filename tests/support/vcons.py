"""What is wrong with a vCon, for readers of the draft and for PyPI's `vcon` (tests/people/dsar/vcon.schema.json)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from tests.support.places import TOP

SCHEMA = json.loads((TOP / "tests" / "people" / "dsar" / "vcon.schema.json").read_text("utf-8"))


def problems(document: Any) -> list[str]:
    """Everything that the schema does not allow, and indices that lead nowhere."""
    checker = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
    found = [f"{each.json_path}: {each.message}" for each in checker.iter_errors(document)]
    return found or [f"{where} leads nowhere" for where in _dangling(document)]


def _dangling(document: dict[str, Any]) -> Iterator[str]:
    count = {"party": len(document["parties"]), "dialog": len(document.get("dialog", []))}
    for kind in ("dialog", "attachments", "analysis"):
        for place, part in enumerate(document.get(kind, [])):
            indices = [("party", each) for each in _list(part.get("parties", []))]
            indices += [("party", event["party"]) for event in part.get("party_history", [])]
            indices += [(key, each) for key in count for each in _list(part.get(key, []))]
            yield from (f"{kind}[{place}] {key} {at}" for key, at in indices if at >= count[key])


def _list(value: Any) -> list[int]:
    return value if isinstance(value, list) else [value]
