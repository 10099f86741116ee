"""Manifests of many calls in each of their forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.world import World

FORMS = ["calls.jsonl", "calls.ndjson", "calls.csv", "semicolons.csv"]
OTHER = "+4790000002"


def gather(world: World, form: str) -> Path:
    return world.gather(form, delimiter=";" if form.startswith("semi") else ",")


def lines_of(told: dict[str, Any], what: str) -> list[str]:
    """The last part of where the calls were found, such as `calls.csv:2`."""
    return [Path(one["source"]).name for one in told[what]]


def first_line(form: str) -> int:
    """The line of the first call: a table has a heading."""
    return 2 if form.endswith("csv") else 1
