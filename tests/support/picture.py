"""The README's picture: blocks of docs/first-day.md as a terminal shows them, as SVG that asks nothing of anybody."""

from __future__ import annotations

import io
import re

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

MARK = "<!-- in the picture -->\n"
_BLOCK = re.compile(re.escape(MARK) + r"```sh\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
_FONT = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)  # would be fetched from elsewhere
WIDTH = 80


def svg(document: str) -> str:
    """The blocks that are marked, each command behind a `$`."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for typed, shown in _BLOCK.findall(document):
        for line in typed.splitlines():
            console.print(Text.assemble(("$ ", "green"), (line, "bold")))
        console.print(Text(shown.rstrip("\n")))
        console.print()
    form = _FONT.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code, monospace", "DejaVu Sans Mono, Consolas, monospace")
    picture = console.export_svg(title="arlo-rec", theme=DIMMED_MONOKAI, code_format=form, unique_id="day")
    return "".join(line.rstrip() + "\n" for line in picture.splitlines())
