"""JSON Lines: one call a line, each the JSON object that a manifest of its own would be. No call is judged here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from arlo_rec.intake.sources.lines import Lines
from arlo_rec.intake.sources.manifest import MANIFEST_BYTES
from arlo_rec.model.strict_json import parse_object


class JsonLine(NamedTuple):
    """A line that should hold a JSON object."""

    line: int
    raw: bytes

    def to_json(self) -> dict[str, Any]:
        """The object; raises ValueError where it is none."""
        return parse_object(self.raw, max_bytes=MANIFEST_BYTES)


def records(lines: Lines) -> Iterator[JsonLine]:
    """Every line that is not blank; a last one without an end, too: if it is half written, it is refused for now."""
    for line in lines:
        if line.strip():
            yield JsonLine(lines.number, line.rstrip(b"\r\n"))
