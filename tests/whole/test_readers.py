"""docs/readers: a page for each reader in both languages, short enough to be printed, typed by that reader."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arlo_rec.edge.commands import COMMANDS
from tests.support import needs
from tests.support.keyring import begin_session
from tests.support.places import TOP
from tests.support.terminal import Terminal, Typed, commands
from tests.support.world import PASSPHRASE, REASON, World

PAGES = TOP / "docs" / "readers"
READERS = {"support": "siri", "manager": "leif", "officer": "sigrid", "it": "iver", "telephone": None}
LANGUAGES = {"nb": "nb_NO.UTF-8", "en": "en_GB.UTF-8"}
BLOCK = re.compile(r"^```sh\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
PRINTED = (60, 95)  # lines and columns of a sheet of A4
SMALL_PRINT = (64, 120)
SPACE = 0.4  # of a line, between paragraphs
SHOWN = {  # what stands on a page in place of what chance decides, and where a screen shows it
    "8a8ff3": r"^([0-9a-f]{6,9})  \d{4}-",
    "4c1d9e7a20b6f358": r"arlo-rec approve ([0-9a-f]{16})\b",
    "2932158de5e5": r"\b([0-9a-f]{12})\b",
    "7XUF-T4CM": r"\b([A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4})\b",
    "22": r"^(\d+)  ",
}
PAGE_IS_OPEN = re.compile(r"Ctrl-C (?:her|here)\.\s*$")


def page(reader: str, lang: str) -> str:
    """The text of a page."""
    return (PAGES / f"{reader}.{lang}.md").read_text("utf-8")


def height(text: str, columns: int) -> float:
    """The lines that a text takes on a sheet of that width."""
    lines = [each for each in text.splitlines() if not each.startswith(("```", "|---"))]
    printed = [row for each in lines for row in textwrap.wrap(each, columns) or [""]]
    return sum(1 if row else SPACE for row in printed)


def unknown(text: str) -> list[str]:
    """What follows `arlo-rec` in a text and is no command."""
    typed = [named.split()[:2] for named in re.findall(r"\barlo-rec ([a-z][a-z -]*)", text)]
    return [" ".join(words) for words in typed if words[0] not in COMMANDS and " ".join(words) not in COMMANDS]


class Reader:
    """Somebody with a page and a terminal, who types what it says."""

    def __init__(self, world: World, name: str | None, lang: str) -> None:
        self.world, self.shown = world, dict[str, str]()
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("ARLO_REC", "LC_", "XDG_"))},
            **world._environment(),
            **({"ARLO_REC_AS": name} if name else {}),
            "BROWSER": "",
            "LANG": LANGUAGES[lang],
            "LOGNAME": name or "exchange",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(TOP),
        }
        self.terminal = Terminal(world.base, environment, self._answer)
        self.terminal.run('arlo-rec() { python -m arlo_rec "$@"; }')

    def types(self, command: str) -> str:
        """Type a command of the page, with ids of this store; what the screen shows."""
        for ours, theirs in self.shown.items():
            command = re.sub(rf"\b{ours}\b", theirs, command)
        screen, status = self.terminal.run(command)
        allowed = {"arlo-rec status": {0, 3}, "arlo-rec doctor": {0, 3}, "arlo-rec check": {0, 1, 2}}  # findings
        assert status in allowed.get(command, {0}), f"{command}: {status}\n{screen}"
        for ours, pattern in SHOWN.items():
            if found := re.search(pattern, screen, re.MULTILINE):
                self.shown[ours] = found[1]
        return screen

    def _answer(self, question: str) -> Typed | None:
        if PAGE_IS_OPEN.search(self.terminal.screen):
            self.terminal.interrupt()
            self.terminal.screen = ""
        elif re.match(r"(?:Passphrase|Passord)\b", question):
            return Typed(PASSPHRASE, is_secret=True)
        elif re.match(r"(?:Telephone number|Telefonnummer): $", question):
            return Typed("90000001", is_secret=False)
        elif asked := re.match(r"\D+ (\d+) .*: $", question):
            return Typed(asked[1], is_secret=False)
        return None


def _calls(world: World) -> None:
    """Two calls of two callers, the second with the reference that a page names."""
    world.take_in("call")
    world.deliver("other", seed=1, caller="+4790000002", source_id="1790842530.42")
    world.json("ingest", str(world.spool), who="telefon")


def _noted(world: World) -> None:
    """Calls, and a file of checkpoints that was begun."""
    _calls(world)
    world.json("audit", "checkpoint", "--append", str(world.base / "anchors"), who="iver")


def _asked(world: World) -> None:
    """Calls, and a manager who asks for access to them."""
    _calls(world)
    world.json("request", "--purpose", "quality", "--reason", REASON, who="leif")


def _delivered(world: World) -> None:
    """Calls in the spool, and the exchange's key where the page has it."""
    world.deliver("call", started=datetime.now(UTC) - timedelta(minutes=5))
    shutil.copy(world.key("telefon"), world.base / "telephone.key")


BEFORE: dict[str, Callable[[World], None]] = {
    "support": _calls, "manager": _calls, "officer": _asked, "it": _noted, "telephone": _delivered,
}  # fmt: skip


@pytest.mark.slow
@needs.mark(needs.program("setsid", "bash"))
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("reader", READERS)
def test_each_command_of_a_readers_page_does_what_the_page_says(world: World, reader: str, lang: str) -> None:
    begin_session()
    BEFORE[reader](world)
    typist = Reader(world, READERS[reader], lang)
    typed = [command for block in BLOCK.findall(page(reader, lang)) for command in commands(block)]
    assert typed
    try:
        for command in typed:
            if command.startswith("arlo-rec desk"):  # meanwhile the officer has let him in
                (asked,) = world.json("todo", who="sigrid")["todo"]
                world.json("approve", asked["id"], who="sigrid")
            typist.types(command)
    finally:
        typist.terminal.close()


def test_the_checklist_fits_a_sheet_and_names_commands_and_examples_that_there_are() -> None:
    text = (TOP / "docs" / "checklist.md").read_text("utf-8")
    assert height(text, SMALL_PRINT[1]) <= SMALL_PRINT[0]
    assert unknown(text) == []
    assert all((TOP / "examples" / name).is_file() for name in re.findall(r"arlo-rec/examples/(\S+)", text))
    assert "arlo_rec/demo_calls/call-1.wav" in text and (TOP / "arlo_rec" / "demo_calls" / "call-1.wav").is_file()


def test_there_is_a_page_for_each_reader_in_both_languages_and_no_other() -> None:
    assert {path.name for path in PAGES.iterdir()} == {f"{name}.{lang}.md" for name in READERS for lang in LANGUAGES}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("reader", READERS)
def test_a_readers_page_fits_a_sheet_and_names_commands_that_there_are(reader: str, lang: str) -> None:
    text = page(reader, lang)
    assert height(text, PRINTED[1]) <= PRINTED[0]
    assert unknown(text) == []


@pytest.mark.parametrize("reader", READERS)
def test_both_languages_of_a_readers_page_have_the_same_commands(reader: str) -> None:
    nb, en = (
        [re.findall(r"\S+", re.sub(r'".*?"|--out \S+|rm \S+', "", line)) for line in "".join(blocks).splitlines()]
        for blocks in (BLOCK.findall(page(reader, lang)) for lang in LANGUAGES)
    )
    assert nb == en
