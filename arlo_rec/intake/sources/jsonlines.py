"""JSON Lines: one call a line, each the JSON object that a manifest of its own would be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from arlo_rec.intake.sources.lines import Lines
from arlo_rec.intake.sources.manifest import MANIFEST_BYTES
from arlo_rec.model.strict_json import parse_object


class Written(NamedTuple):
    """A line of JSON."""

    line: int
    raw: bytes

    def told(self) -> dict[str, Any]:
        """The object; raises ValueError."""
        return parse_object(self.raw, max_bytes=MANIFEST_BYTES)


def records(lines: Lines) -> Iterator[Written]:
    """Every line that is not blank. A last one without a line end is one, too: it may be half, and is judged again."""
    for line in lines:
        if line.strip():
            yield Written(lines.number, line.rstrip(b"\r\n"))
