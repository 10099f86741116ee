"""The command line itself: examples that work, suggestions, what must be given, completion, and what is loaded when."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from arlo_rec.edge.commands import COMMANDS
from arlo_rec.edge.commands.command import load, program
from arlo_rec.law.messages import every, say
from tests.support import needs
from tests.support import world as worlds
from tests.support.each import each
from tests.support.world import World

LANGUAGES = ("nb", "en")
GROUPS = sorted({words.split()[0] for words in COMMANDS if " " in words})
PAGES = [*COMMANDS, *GROUPS, ""]  # everything that has a help text
LISTENED = ("find", "export", "grant", "release", "reject")  # a reason is asked for, and a missing one is logged


def help_of(words: str, lang: str, wish: str = "--help") -> str:
    """The help text of a command, a group or (no words) the program."""
    result = worlds.run([*words.split(), wish, "--lang", lang], {"COLUMNS": "80", "HOME": "/nowhere"})
    assert (result.exit, result.err) == (0, "")
    return result.out


EXAMPLES = [  # of which page, in which language, and the line itself
    (page, lang, line)
    for page in PAGES
    for lang in LANGUAGES
    for line in say("example." + (page.replace(" ", ".") or "program"), lang).splitlines()
]


def complete(line: str, environment: dict[str, str] | None = None) -> list[str]:
    """What bash is offered behind *line*."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_ARLO_REC_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-m", "arlo_rec"],
        env={"PATH": "", "HOME": "/nowhere", "LANG": "en_GB.UTF-8", **(environment or {}), **asked},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    return done.stdout.split()


# -- help ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
@each("page", PAGES)
def test_every_help_text_says_what_it_is_for_and_each_option_within_eighty_columns(page: str, lang: str) -> None:
    text = help_of(page, lang)
    usage, about, *_ = text.split("\n\n")
    assert f"arlo-rec {page}".strip() in " ".join(usage.split()) and about.strip()
    wrapped = text.partition(say("section.example", lang) + ":")[0]  # an example stays in one piece
    assert max(map(len, wrapped.splitlines())) <= 80
    if page in COMMANDS:
        for option in load(page, lang).params:
            shown = [each for each in option.opts if each.startswith("--")]
            assert getattr(option, "hidden", False) or not shown or shown[0] in text, shown


@pytest.mark.parametrize("lang", LANGUAGES)
@each("page", PAGES)
def test_every_help_text_ends_with_its_example_in_one_piece(page: str, lang: str) -> None:
    lines = help_of(page, lang).splitlines()
    at = lines.index(say("section.example", lang) + ":")
    assert [line.strip() for line in lines[at + 1 :]] == [
        line for of, each, line in EXAMPLES if (of, each) == (page, lang)
    ]


@each(("page", "lang", "line"), EXAMPLES)
def test_every_example_is_of_its_command_and_can_be_typed(page: str, lang: str, line: str) -> None:
    first, *typed = shlex.split(line)
    words = next(words for words in COMMANDS if words.split() == typed[: words.count(" ") + 1])
    assert first == "arlo-rec"
    assert words == page or page in GROUPS or not page
    command = load(words, lang)
    with command.make_context(words, typed[words.count(" ") + 1 :]) as ctx:
        assert ctx.command is command


def test_there_is_no_example_of_a_command_that_is_gone() -> None:
    codes = {code.removeprefix("example.") for code in every() if code.startswith("example.")}
    assert codes == {page.replace(" ", ".") or "program" for page in PAGES}


def test_examples_name_no_real_telephone_number() -> None:
    numbers = {number for _, _, line in EXAMPLES for number in re.findall(r"\b[2-9]\d{7}\b", line)}
    assert numbers == {"90000001"}  # of a series that is not in use


@pytest.mark.parametrize("page", ["", "person", "person add", "status"])
def test_h_is_help(page: str) -> None:
    assert help_of(page, "en", "-h") == help_of(page, "en")


@pytest.mark.parametrize("words", LISTENED)
def test_what_must_be_given_is_called_required_although_the_parser_lets_it_pass(words: str) -> None:
    text = help_of(words, "en")
    usage, section = text.partition("\n\n")[0], text.partition("Required options:\n")[2].partition("\n\n")[0]
    assert "--reason TEXT" in usage
    assert "--reason TEXT" in section


def test_only_the_options_that_may_be_left_out_stand_among_the_options() -> None:
    text = help_of("init", "en")
    assert "--officer NAME" in text.partition("Required options:\n")[2].partition("\n\n")[0]
    assert "--root DIR" in text.partition("\nOptions:\n")[2].partition("\n\n")[0]


# -- what was typed wrongly ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("fnid", "find"), ("widthraw", "withdraw"), ("person ad", "add"), ("find --pupose quality", "--purpose"),
     ("find --resaon x", "--reason"), ("status --jsn", "--json"), ("status --hlep", "--help"),
     ("version", "--version"), ("help", "--help")],
)  # fmt: skip
@pytest.mark.parametrize(("lang", "question"), [("nb", "mente du {}?"), ("en", "did you mean {}?")])
def test_a_typo_gets_the_nearest_known_name(typed: str, meant: str, lang: str, question: str) -> None:
    result = worlds.run(typed.split(), {"HOME": "/nowhere", "LANG": lang})
    assert result.exit == 2
    assert result.err.endswith(f"{question.format(meant)}\n")


@pytest.mark.parametrize("typed", ["fly", "find --colour red", "status -x", "person fly"])
def test_what_is_like_nothing_gets_no_suggestion(typed: str) -> None:
    result = worlds.run(typed.split(), {"HOME": "/nowhere", "LANG": "en"})
    assert result.exit == 2
    assert "did you mean" not in result.err
    assert "--help" in result.err


def test_an_officer_who_mistypes_a_person_is_asked_whom_they_meant(world: World) -> None:
    words = ("grant", "lief", "--all-teams", "--purpose", "quality", "--reason", worlds.REASON, "--json")
    told = world.run(*words, who="sigrid")
    assert told.exit == 4
    assert told.json["error"]["code"] == "no_such_person"
    assert told.json["error"]["message"].endswith("did you mean leif?")
    assert "did you mean" not in world.run("person", "rotate", "leif", "--key-out", "new.key", who="sigrid").err


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("fly --json", "no_such_command"),
        ("person fly --json", "no_such_command"),
        ("find --colour --json", "no_such_option"),
        ("find -x --json", "no_such_option"),
        ("find --json --limit", "value_missing"),
        ("find --limit many --json", "bad_value"),
        ("status --quiet=yes --json", "takes_no_value"),
        ("status --json --help=yes", "takes_no_value"),
        ("init --json", "word_missing"),
        ("export --json", "word_missing"),
        ("revoke leif larsen --json", "words_too_many"),
        ("--json", "option_too_early"),
        ("--json status", "option_too_early"),
        ("--store x status --json", "option_too_early"),
        ("--lang en status --json", "option_too_early"),
        ("person --json", "option_too_early"),
    ],
)
def test_wrong_usage_is_one_document_with_its_code_wherever_json_stands(typed: str, code: str) -> None:
    result = worlds.run(typed.split(), {"HOME": "/nowhere", "LANG": "en"})
    assert (result.exit, result.err) == (2, "")
    assert (result.json["ok"], result.json["error"]["code"], result.json["error"]["exit"]) == (False, code, 2)


@pytest.mark.parametrize("words", [[], ["person"], ["audit"]])
def test_a_group_alone_shows_its_help_where_no_answer_is_read(words: list[str]) -> None:
    result = worlds.run(words, {"COLUMNS": "80", "HOME": "/nowhere", "LANG": "en"})
    assert (result.exit, result.out) == (2, "")
    assert result.err == help_of(" ".join(words), "en")


# -- what is loaded -----------------------------------------------------------------------------------


def test_a_command_loads_its_own_module_and_no_other() -> None:
    script = (
        "import sys; from arlo_rec.cli import main; main(['withdraw', '--help']);"
        "print(*sorted(m for m in sys.modules if m.startswith('arlo_rec.edge.commands.')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in done.stdout.splitlines()[-1].split()}
    assert loaded == {"command", "options", "run", "typed", "support", "disclosures"}


def test_the_program_lists_every_command_of_the_table() -> None:
    root = program("en")
    with root.make_context("arlo-rec", ["status"], obj="en") as ctx:
        for words in COMMANDS:
            first, _, second = words.partition(" ")
            command = root.get_command(ctx, first)
            assert command is not None
            assert not second or second in command.list_commands(ctx)


# -- completion ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_completion_offers_commands_options_and_fixed_choices() -> None:
    assert set(complete("arlo-rec ")) == {words.split()[0] for words in COMMANDS}
    assert complete("arlo-rec person re") == ["remove"]
    assert {"--purpose", "--reason", "--json", "--help"} <= set(complete("arlo-rec find --"))
    assert complete("arlo-rec grant leif --purpose ") == ["training", "quality"]
    assert set(complete("arlo-rec person add kari --role ")) == {
        "officer",
        "manager",
        "support",
        "ingest",
        "retention",
        "auditor",
    }
    assert complete("arlo-rec find --lang ") == ["en", "nb"]
    assert complete("arlo-rec --") == ["--version", "--help"]
    assert complete("arlo-rec fly --nothing ") == complete("arlo-rec ")


@pytest.mark.slow
def test_completion_reveals_no_person_no_caller_and_no_recording_and_opens_no_store(world: World) -> None:
    (recording,) = world.take_in("call")
    world.grant()
    environment = {
        "ARLO_REC_STORE": str(world.store),
        "ARLO_REC_KEY_FILE": str(world.key("cron")),
        "XDG_STATE_HOME": str(world.base / "state"),
    }
    before = {path: path.stat().st_mtime_ns for path in world.base.rglob("*")}
    places = ["export ", f"export {recording[:6]}", "review ", "withdraw ", "withdraw 9", "withdraw --call ", "revoke "]
    places += ["grant l", "person remove ", "find --team ", "find --agent ", "audit show --person ", "status --as "]
    assert [complete(f"arlo-rec {place}", environment) for place in places] == [[]] * len(places)
    assert {path: path.stat().st_mtime_ns for path in world.base.rglob("*")} == before


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_asks_the_program(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "arlo_rec"],
        env={"_ARLO_REC_COMPLETE": f"source_{shell}", "PATH": "/usr/bin:/bin", "HOME": "/nowhere"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "arlo-rec" in done.stdout
    assert f"_ARLO_REC_COMPLETE=complete_{shell}" in done.stdout


@needs.mark(needs.program("bash"))
def test_bash_completes_with_the_script_that_it_is_given(tmp_path: Path) -> None:
    program = tmp_path / "arlo-rec"
    program.write_text(
        f'#!/bin/sh\ncd "{Path(__file__).parents[3]}" && exec "{sys.executable}" -m arlo_rec "$@"\n', "utf-8"
    )
    program.chmod(0o700)
    script = (
        f'export PATH={tmp_path}:$PATH HOME=/nowhere; eval "$(_ARLO_REC_COMPLETE=source_bash arlo-rec)";'
        "COMP_WORDS=(arlo-rec person re); COMP_CWORD=2; _arlo_rec_completion arlo-rec; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("remove\n", "")


def test_a_command_has_at_most_ten_options_of_its_own() -> None:
    own = {words: load(words, "en") for words in COMMANDS}
    options = {
        words: [param for param in command.params if param.param_type_name == "option" and param not in command.common]
        for words, command in own.items()
    }
    assert {words: len(own) for words, own in options.items() if len(own) > 10} == {}
