"""The manual: pages made from the help texts, complete, and shown by `man` as they are meant."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from arlo_rec.edge.commands import COMMANDS
from arlo_rec.edge.commands.command import EXITS, load
from arlo_rec.edge.config import every_key
from arlo_rec.law.messages import group, say
from tests.support import needs
from tools.make_man import FOLDERS, pages, write

MANDOC = needs.mark(needs.program("mandoc"))
MAN = needs.mark(needs.program("man"))
DAY = "2026-11-30"


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the whole manual; never change it."""
    folder = tmp_path_factory.mktemp("man")
    write(folder, DAY)
    return folder


def shown(page: Path) -> str:
    """A page as a reader sees it, without the breaks of its lines."""
    told = subprocess.run(["mandoc", "-T", "utf8", page], capture_output=True, text=True, check=True).stdout
    return " ".join(re.sub(r".\x08", "", told).split())


@MANDOC
def test_a_page_of_the_manual_has_no_fault_that_mandoc_finds(manual: Path) -> None:
    files = sorted(manual.rglob("*.1"))
    assert len(files) == len(FOLDERS) * (1 + len(COMMANDS))
    told = subprocess.run(["mandoc", "-T", "lint", *files], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")


@MANDOC
@pytest.mark.parametrize("lang", FOLDERS)
@pytest.mark.parametrize("words", ["withdraw", "person add", "ingest"])
def test_the_page_of_a_command_shows_all_that_its_help_says(manual: Path, words: str, lang: str) -> None:
    text = shown(manual / FOLDERS[lang] / f"arlo-rec-{words.replace(' ', '-')}.1")
    command = load(words, lang)
    own = [param for param in command.params if param not in command.common and not param.hidden]
    assert own
    for param in own:
        assert param.help in text
        assert param.param_type_name == "argument" or param.opts[0] in text
    for line in say("example." + words.replace(" ", "."), lang).splitlines():
        assert " ".join(line.split()) in text
    assert all(say(f"exit.{status}", lang) in text for status in EXITS)


@MANDOC
@pytest.mark.parametrize("lang", FOLDERS)
def test_the_page_of_the_program_names_commands_settings_files_and_environment(manual: Path, lang: str) -> None:
    text = shown(manual / FOLDERS[lang] / "arlo-rec.1")
    for words in COMMANDS:
        assert f"{words} {say('help.' + words.replace(' ', '.'), lang)}" in text
    for codes in ("setting", "variable", "file"):
        for name, pair in group(f"manual.{codes}").items():
            assert f"{name} {pair[lang]}" in text


def test_the_manual_describes_every_setting_and_no_other() -> None:
    assert set(group("manual.setting")) == set(every_key())


@MAN
def test_man_finds_a_page_by_the_words_of_its_command(manual: Path) -> None:
    for words in (["arlo-rec", "withdraw"], ["arlo-rec-person-add"]):
        typed = ["man", "-M", str(manual), "-P", "cat", *words]
        told = subprocess.run(typed, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"})
        assert f"{'-'.join(words).upper()}(1)" in told.stdout


def test_a_line_of_the_manual_that_begins_like_a_macro_is_text() -> None:
    text = dict(pages("en", DAY))["arlo-rec"]
    macros = {line.split()[0] for line in text.splitlines() if line.startswith((".", "'"))}
    assert macros == {".TH", ".nh", ".ad", ".SH", ".SS", ".TP", ".nf", ".fi", ".BR"}
