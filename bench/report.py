"""docs/benchmarks.md: a section for every benchmark, what it measures and what came out, where and when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def write(name: str, about: str, machine: str, lines: Iterable[str]) -> None:
    """Put a section in the place of the one with its name, or at the end; the rest stays."""
    text = DOCUMENT.read_text("utf-8")
    body = "\n".join(_markdown(lines)).strip("\n")
    section = f"## {name}\n\n{about.strip()}\n\nMeasured {datetime.now(UTC):%Y-%m-%d} on {machine}.\n\n{body}\n"
    there = re.compile(rf"^## {re.escape(name)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    text, replaced = there.subn(lambda _: section + "\n", text)
    if not replaced:
        text = f"{text.rstrip()}\n\n{section}"
    DOCUMENT.write_text(text.rstrip() + "\n", "utf-8")


def _markdown(lines: Iterable[str]) -> Iterator[str]:
    """Tables and headings as they are, each other line as an item of a list."""
    before = ""
    for line in filter(None, lines):
        kind = line[:1] if line[:1] in {"|", "#"} else "-"
        if kind != before:
            yield ""
        yield f"- {line}" if kind == "-" else line
        before = kind
