"""docs/first-day.md, typed by somebody at a terminal: what stands below each block is what the screen shows.

`UPDATE_TRANSCRIPTS=1` writes the screens and the picture of the README anew.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.support import needs, picture
from tests.support.keyring import begin_session
from tests.support.places import TOP
from tests.support.terminal import Terminal, Typed, commands

DAY = TOP / "docs" / "first-day.md"
PICTURE = TOP / "docs" / "first-day.svg"
PROGRAMS = Path(sys.executable).parent
HOME = "/home/sigrid"  # in the document
PASSPHRASES = {"sigrid": "a long walk in the rain", "leif": "tea with too much milk"}
BLOCK = re.compile(r"^```sh\n(?P<typed>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?", re.MULTILINE | re.DOTALL)
SIGNS = "[a-km-np-z2-9]"  # of readable secrets
VARIES = re.compile(
    r"arlo-rec/[0-9a-f]{32}\S*|\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b|\b[0-9a-f]{16}\b|\b[0-9a-f]{12}\b"
    rf"|\b{SIGNS}{{4}}(?:-{SIGNS}{{4}})+\b|\b[A-HJ-NP-Z2-9]{{4}}-[A-HJ-NP-Z2-9]{{4}}\b"
    r"|\b\d{4}-\d\d-\d\d(?: \d\d:\d\d(?: CES?T)?)?|\b(?=[a-f]*\d)[0-9a-f]{6,9}\b"
)


IN_MEMORY = re.compile(
    r"CRITICAL:\s+\S+\s+lies in memory [^.]*\.[^.]*\.\n"
)  # as stores of tests do, and readers' do not


class Person:
    """Who types: the passphrases they chose, and the one that Leif was given."""

    def __init__(self) -> None:
        self.usual = self.name = "sigrid"
        self.given, self.is_new = "", False
        self.ids: dict[str, str] = {}

    def answer(self, question: str) -> Typed | None:
        """What somebody types to a question."""
        if question.startswith("Passphrase"):
            return Typed(self.given if self.is_new else PASSPHRASES[self.name], is_secret=True)
        if question.startswith(("New passphrase", "Once more")):
            return Typed(PASSPHRASES[self.name], is_secret=True)
        if question == "Telephone number: ":
            return Typed("90000001", is_secret=False)
        if asked := re.fullmatch(r"Type (\d+) to confirm: ", question):
            return Typed(asked[1], is_secret=False)
        return None

    def types(self, command: str) -> str:
        """A command with one's own ids in it."""
        named = re.search(r"--(?:as|officer) (\w+)", command) or re.search(r"ARLO_REC_AS=(\w+)", command)
        self.name = named[1] if named else self.usual
        self.is_new = "person passphrase" in command
        if command.startswith("export ARLO_REC_AS="):
            self.usual = self.name
        for ours, theirs in self.ids.items():
            command = command.replace(ours, theirs)
        return command

    def sees(self, command: str, screen: str, documented: str) -> None:
        """Remember the one-time passphrase, and which id of the screen is which of the document."""
        if "person add leif" in command:
            self.given = found[1] if (found := re.search(rf"((?:{SIGNS}{{4}}-)+{SIGNS}{{4}})", screen)) else ""
        for pattern in (r"^([0-9a-f]{6,9})  ", r"arlo-rec review ([0-9a-f]{32})"):
            theirs, ours = re.search(pattern, screen, re.M), re.search(pattern, documented, re.M)
            if theirs and ours:
                self.ids[ours[1][:6]] = theirs[1][:6] if len(theirs[1]) > 9 else theirs[1]


@pytest.mark.slow
@needs.mark(needs.program("setsid", "bash"))
def test_the_first_day_shows_what_the_program_says(tmp_path: Path) -> None:
    begin_session()
    home = tmp_path / "home"
    home.mkdir()
    person = Person()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ARLO_REC", "LC_", "XDG_"))}
    terminal = Terminal(TOP, {**environment, "HOME": str(home), "LOGNAME": "sigrid"}, person.answer)
    document = DAY.read_text("utf-8")

    def play(block: re.Match[str]) -> str:
        screens = []
        for command in commands(block["typed"]):
            screen, status = terminal.run(person.types(command).replace("$PWD/.venv/bin", str(PROGRAMS)))
            screen = IN_MEMORY.sub("", screen)
            person.sees(command, screen, block["shown"] or "")
            screens.append(screen.replace(str(home), HOME) + (f"[exit {status}]\n" if status else ""))
        shown = re.sub(r" +$", "", "".join(screens), flags=re.MULTILINE)
        for ours, theirs in person.ids.items():  # the ids of the document stay what they were
            shown = shown.replace(theirs, ours)
        below = f"\n```text\n{shown}```\n" if shown else ""
        return f"```sh\n{block['typed']}```\n{below}"

    try:
        played = BLOCK.sub(play, document)
    finally:
        terminal.close()
    if os.environ.get("UPDATE_TRANSCRIPTS") and _fixed(played) != _fixed(document):
        DAY.write_text(played, "utf-8")  # whole, so that all its times are of one day
    assert _fixed(played) == _fixed(DAY.read_text("utf-8"))


def test_a_recording_of_the_first_day_began_at_one_time_wherever_it_is_shown() -> None:
    text = DAY.read_text("utf-8")
    (called,) = set(re.findall(r"^([0-9a-f]{6,9})  \d{4}-", text, re.MULTILINE))
    began = re.findall(rf"^ *{called}  (\d{{4}}-\d\d-\d\d \d\d:\d\d)", text, re.MULTILINE)
    began += re.findall(r"bytes\): (\d{4}-\d\d-\d\d \d\d:\d\d)", text)
    assert len(began) == 3 and len(set(began)) == 1, began


def test_the_picture_of_the_readme_is_of_this_day_and_asks_nothing_of_anybody() -> None:
    drawn = picture.svg(DAY.read_text("utf-8"))
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        PICTURE.write_text(drawn, "utf-8")
    assert drawn == PICTURE.read_text("utf-8")
    assert not re.search(r"(?:href|src|url)\s*[=(]\s*[\"']?https?:", drawn)
    assert f"](docs/{PICTURE.name})" in (TOP / "README.md").read_text("utf-8")


def _fixed(text: str) -> str:
    """A screen without what is another one on every machine and day."""
    return VARIES.sub(lambda match: re.sub(r"[0-9A-Za-z+/]", "x", match[0])[:20], text)
