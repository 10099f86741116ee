"""docs/benchmarks.md: what is missed and why, then a section for every benchmark, where and when it was measured.

The reasons are `missed.md` beside this module; all else of the document is written here, a section at each run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
REASONS = Path(__file__).with_name("missed.md")
HEAD = """# What it costs

Every section is written by `./dev bench --write NAME`: what is measured, then what came out. All are whole commands of
the installed program unless a section says otherwise, and each peer ran in the same run, on the same files. The figures
are one machine's; the ratios are what to compare. Peers are installed from Debian by the benchmark.

## What is missed, and why

"""
_SECTION = re.compile(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def write(name: str, about: str, machine: str, lines: Iterable[str]) -> None:
    """Write the document anew, with a section in the place of the one with its name, or at the end."""
    sections = dict(_SECTION.findall(DOCUMENT.read_text("utf-8"))[1:])
    body = "\n".join(_markdown(lines)).strip("\n")
    sections[name] = f"\n{about.strip()}\n\nMeasured {datetime.now(UTC):%Y-%m-%d} on {machine}.\n\n{body}\n"
    missed = [f"- {title}: {_plain(line)}" for title, text in sections.items() for line in _missed(text)]
    head = HEAD + "\n".join(missed or ["Nothing."]) + "\n\n" + REASONS.read_text("utf-8").strip()
    parts = [head, *(f"## {title}\n\n{text.strip()}" for title, text in sections.items())]
    DOCUMENT.write_text("\n\n".join(parts) + "\n", "utf-8")


def _missed(text: str) -> list[str]:
    return [line for line in text.splitlines() if ": missed" in line]


def _plain(line: str) -> str:
    """A line of a section without what makes a table or a list of it."""
    return ", ".join(filter(None, (cell.strip() for cell in line.removeprefix("- ").split("|"))))


def _markdown(lines: Iterable[str]) -> Iterator[str]:
    """Tables and headings as they are, each other line as an item of a list."""
    before = ""
    for line in filter(None, lines):
        kind = line[:1] if line[:1] in {"|", "#"} else "-"
        if kind != before:
            yield ""
        yield f"- {line}" if kind == "-" else line
        before = kind
