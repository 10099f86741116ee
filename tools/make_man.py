"""Write the manual into a folder: arlo-rec(1) and a page for each command, in English and Norwegian.

`./dev docs man OUTDIR` fills `OUTDIR/man1` and `OUTDIR/nb/man1`. The text is that of the help and of
`manual.json`; the day is that of SOURCE_DATE_EPOCH, else today.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arlo_rec import __version__
from arlo_rec.edge.commands import COMMANDS, PANELS
from arlo_rec.edge.commands.command import (
    EXITS,
    PROGRAM,
    SECTIONS,
    as_typed,
    load,
    program,
    section_of,
    usage_words,
)
from arlo_rec.edge.commands.options import COMMON
from arlo_rec.law.messages import group, say

FOLDERS = {"en": "man1", "nb": "nb/man1"}


def pages(lang: str, day: str) -> Iterator[tuple[str, str]]:
    """The name and the text of every page in one language."""
    yield PROGRAM, _page(PROGRAM, "program", lang, day, [*_commands(lang), *_for_every_command(lang)])
    for words in COMMANDS:
        yield _name(words), _page(_name(words), words, lang, day, _options(words, lang))


def write(folder: Path, day: str) -> None:
    """Write every page below *folder*."""
    for lang, below in FOLDERS.items():
        (folder / below).mkdir(parents=True, exist_ok=True)
        for name, text in pages(lang, day):
            (folder / below / f"{name}.1").write_text(text, "ascii")


def _name(words: str) -> str:
    return f"{PROGRAM}-{words.replace(' ', '-')}"


def _page(name: str, words: str, lang: str, day: str, middle: Iterable[str]) -> str:
    """A page: the same order of sections for the program and for a command."""
    code = words.replace(" ", ".")
    command = program(lang) if words == "program" else load(words, lang)
    about = say(f"help.{code}", lang)
    first = about.partition(". ")[0].rstrip(".")
    typed = PROGRAM if words == "program" else f"{PROGRAM} {words}"
    title = _quoted(say("manual.title", lang))
    lines = [f'.TH {name.upper()} 1 {day} "{PROGRAM} {__version__}" {title}', ".nh", ".ad l"]
    lines += [_head("manual.name", lang), *_wrapped(f"{name} - {first}")]
    lines += [
        _head("manual.synopsis", lang),
        rf"\fB{_plain(typed)}\fR",
        *_wrapped(" ".join(usage_words(command, lang))),
    ]
    lines += [_head("manual.description", lang), *_wrapped(about), *middle]
    lines += [_head("section.exits", lang), *_listed((str(each), say(f"exit.{each}", lang)) for each in EXITS)]
    lines += [_head("section.example", lang), ".nf"]
    lines += [_plain(line) for line in say(f"example.{code}", lang).splitlines()]
    lines += [".fi", _head("manual.see_also", lang), *_beside(words)]
    return "\n".join(lines) + "\n"


def _commands(lang: str) -> Iterator[str]:
    """Every command by its users, with the page that describes it."""
    yield _head("usage.command", lang)
    for panel in PANELS:
        yield f".SS {_quoted(say(f'panel.{panel}', lang))}"
        of_panel = [words for words, listed in COMMANDS.items() if listed.panel == panel]
        yield from _listed((words, say("help." + words.replace(" ", "."), lang)) for words in of_panel)


def _for_every_command(lang: str) -> Iterator[str]:
    """What every command shares: its options, settings, environment and files."""
    yield _head(f"section.{COMMON}", lang)
    any_command = load("find", lang)  # it lists, so it has all of them
    yield from _listed((as_typed(param, ", "), param.help) for param in any_command.common)
    yield from (_head("manual.settings_head", lang), *_wrapped(say("manual.settings", lang)))
    for head, codes in {"": "setting", "manual.environment_head": "variable", "manual.files_head": "file"}.items():
        yield from [_head(head, lang)] if head else []
        yield from _listed((name, pair[lang]) for name, pair in group(f"manual.{codes}").items())


def _options(words: str, lang: str) -> Iterator[str]:
    """The arguments and options of one command, without those of every command."""
    params = [param for param in load(words, lang).params if not param.hidden]
    for section in SECTIONS[:-1]:
        rows = [(as_typed(param, ", "), param.help or "") for param in params if section_of(param) == section]
        if rows:
            yield from (_head(f"section.{section}", lang), *_listed(rows))
    yield from (".PP", *_wrapped(say("manual.every_command", lang)))


def _beside(words: str) -> list[str]:
    """The pages to read next: the program's, and those of commands with the same first word."""
    first = words.partition(" ")[0]
    others = [_name(each) for each in COMMANDS if each.partition(" ")[0] == first and each != words]
    shown = [PROGRAM, *others] if words != "program" else [_name("demo"), _name("init"), _name("todo")]
    return [f".BR {_plain(each)} (1){',' if each != shown[-1] else ''}" for each in shown]


def _listed(rows: Iterable[tuple[Any, str]]) -> Iterator[str]:
    for name, text in rows:
        yield from (".TP", rf"\fB{_plain(name)}\fR", *_wrapped(text))


def _head(code: str, lang: str) -> str:
    return f".SH {_quoted(say(code, lang).rstrip(':').upper())}"


def _wrapped(text: str) -> list[str]:
    """A paragraph in lines of at most 79 signs, as roff wants its source."""
    lines = textwrap.wrap(text, 50, break_long_words=False, break_on_hyphens=False)  # an escape takes up to 8 signs
    return [_plain(line) for line in lines]


def _quoted(text: str) -> str:
    return '"' + _plain(text).replace('"', "") + '"'


def _plain(text: str) -> str:
    """Text that roff shows as it stands: no macro, no escape, hyphens that can be copied, ASCII alone."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"[^\x00-\x7f]", lambda sign: f"\\[u{ord(sign[0]):04X}]", text)
    return f"\\&{text}" if text.startswith((".", "'")) else text


def main(words: list[str]) -> int:
    """Write the manual into the folder that is named; returns the exit status."""
    if len(words) != 1:
        sys.stderr.write("name one folder for the manual: ./dev docs man FOLDER\n")
        return 2
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    day = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    write(Path(words[0]), f"{day:%Y-%m-%d}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
