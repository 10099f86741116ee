"""What a front reads of what was typed: where the store is, and which files were named."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.edge.commands import COMMANDS
from arlo_rec.edge.commands.command import load
from arlo_rec.edge.commands.typed import OWNERS
from arlo_rec.edge.config import every_key, settle
from arlo_rec.edge.door import words
from arlo_rec.edge.door.words import Named, sent, way
from arlo_rec.law.model.errors import Usage
from tests.support.properties import examples

VIA = "ssh arlo@recordings.example"
TABLES = (words.READ, words.SECRET, words.WRITE, words.APPEND, words.WITNESS, words.NOT_SENT)
OF_THE_SERVER = {"--root", "--model"}  # folders of the machine on which the store lies
IS_PATH = ("FILE", "DIR", "PATH")


def of_paths(command: str) -> list[str]:
    """The options and words of a command that are paths; a word without dashes."""
    params = load(command, "en").params
    return [param.opts[0] for param in params if param.metavar and any(form in param.metavar for form in IS_PATH)]


# -- tables ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - words.HERE - OWNERS))
def test_every_path_that_a_command_takes_is_of_one_table_or_of_the_server(command: str) -> None:
    for option in of_paths(command):
        if option.startswith("--") and option not in OF_THE_SERVER | words.HERE_WITH:
            is_read_or_new = option == "--turns"
            assert sum(option in table for table in TABLES) == 1 + is_read_or_new, option
        elif not option.startswith("--"):
            assert (command, option) in {(words.READ_WORD, "file"), ("ingest", "paths")}


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - words.HERE - OWNERS))
def test_no_command_through_the_door_says_where_parts_of_the_store_lie(command: str) -> None:
    params = load(command, "en").params
    places = {param.opts[0] for param in params if (param.metavar or "").strip("[]") in {"PLACE", "ADDRESS", "HOST"}}
    assert places <= {"--cluster"}  # whose address is the owner's setting


def test_a_person_at_the_door_brings_no_setting_but_their_name_and_their_secrets() -> None:
    brought = settle({}, {}, dict.fromkeys(every_key(), "elsewhere"))
    assert {brought.as_name, brought.passphrase_file, brought.key_file} == {"elsewhere"}
    own = brought._replace(as_name=None, passphrase_file=None, key_file=None)
    assert own._replace(files=()) == settle({}, {}, {}), "files: what no intake touches, and so none of theirs either"


def test_every_option_of_the_tables_is_one_of_a_command() -> None:
    known = {option for command in COMMANDS for param in load(command, "en").params for option in param.opts}
    known |= {option for param in load("status", "en").common for option in param.opts}
    for table in (*TABLES, {words.PLAYER}, OF_THE_SERVER):
        assert table <= known
    assert {*COMMANDS} >= words.HERE | OWNERS
    assert words.READ_WORD in COMMANDS


@pytest.mark.parametrize("door", ["sudo -n -u {me} arlo-rec serve", "/usr/bin/sudo --user={me} arlo-rec serve"])
def test_an_owner_whose_store_is_away_is_asked_by_no_sudo_to_become_who_they_are(tmp_path: Path, door: str) -> None:
    config = tmp_path / "config.toml"
    here = {"ARLO_REC_CONFIG": str(config)}
    for me, is_here in ((pwd.getpwuid(os.geteuid()).pw_name, True), ("nobody-else", False)):
        config.write_text(f'store = "{tmp_path / "away"}"\nvia = "{door.format(me=me)}"\n')
        assert (way(["status"], here) is None) is is_here


# -- what of one's own goes with it ---------------------------------------------------------------------


def test_a_secret_goes_through_the_door_that_was_named_beside_it_and_through_no_other(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'via = "{VIA}"\nas = "leif"\npassphrase_file = "secret"\nkey_file = "key"\n')
    here = {"ARLO_REC_CONFIG": str(config)}

    def goes(typed: list[str], **more: str) -> dict[str, str]:
        found = way(typed, {**here, **more})
        assert found is not None
        return found.personal

    assert goes(["status"]) == {"as": "leif", "passphrase_file": "secret", "key_file": "key"}
    assert goes(["status", "--via", "another"]) == {"as": "leif"}
    assert goes(["status"], ARLO_REC_VIA="another") == {"as": "leif"}
    beside = goes(["status"], ARLO_REC_VIA="another", ARLO_REC_PASSPHRASE_FILE="theirs")
    assert beside == {"as": "leif", "passphrase_file": "theirs"}


# -- where the store is ---------------------------------------------------------------------------------


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def config(folder: Path, **named: str) -> dict[str, str]:
    file = folder / "config.toml"
    file.write_text("".join(f'{key} = "{text}"\n' for key, text in named.items()), "utf-8")
    return {"ARLO_REC_CONFIG": str(file)}


@pytest.mark.parametrize(
    ("typed", "outside", "kept", "is_through"),
    [
        ([], {}, {}, False),
        ([], {}, {"via": VIA}, True),
        ([], {"ARLO_REC_VIA": VIA}, {"store": "nowhere"}, True),
        ([], {"ARLO_REC_STORE": "nowhere"}, {"via": VIA}, False),
        (["--via", VIA], {"ARLO_REC_STORE": "nowhere"}, {}, True),
        ([f"--via={VIA}"], {"ARLO_REC_STORE": "nowhere"}, {}, True),
        (["--store", "nowhere"], {"ARLO_REC_VIA": VIA}, {"via": VIA}, False),
        (["--via", ""], {"ARLO_REC_VIA": VIA}, {"via": VIA}, False),
        (["--via", " "], {"ARLO_REC_VIA": VIA}, {"via": VIA}, False),
        ([], {"ARLO_REC_VIA": ""}, {"via": VIA}, False),
        ([], {"ARLO_REC_STORE": ""}, {"via": VIA}, True),
        ([], {}, {"via": VIA, "store": "nowhere"}, True),
        (["--store", "nowhere", "--via", VIA], {}, {}, True),
    ],
)
def test_the_strongest_place_that_names_a_store_or_a_door_decides(
    tmp_path: Path, typed: list[str], outside: dict[str, str], kept: dict[str, str], is_through: bool
) -> None:
    found = way(["status", *typed], {**config(tmp_path, **kept), **outside})
    assert (found is not None) is is_through
    if found is not None:
        assert found.via == ["ssh", "arlo@recordings.example"]


def test_the_owner_of_a_store_opens_it_and_everybody_else_goes_through_the_door(mine: Path) -> None:
    kept = config(mine.parent, store=str(mine), via=VIA)
    assert way(["status"], kept) is None
    kept = config(mine.parent, store=str(mine / "not" / "to" / "be" / "reached"), via=VIA)
    assert way(["status"], kept) is not None
    if os.geteuid() == 0:
        os.chown(mine, 12345, 12345)
        assert way(["status"], config(mine.parent, store=str(mine), via=VIA)) is not None


@pytest.mark.parametrize("command", sorted(words.HERE))
def test_what_opens_no_store_and_what_its_owner_does_is_done_here(command: str) -> None:
    assert way(command.split(), {"ARLO_REC_VIA": VIA}) is None


@pytest.mark.parametrize("word", sorted(words.HERE_WITH))
def test_help_and_what_else_opens_no_store_is_shown_here(word: str) -> None:
    assert way(["status", word], {"ARLO_REC_VIA": VIA}) is None
    assert way([], {"ARLO_REC_VIA": VIA}) is None
    assert way(["status"], {"ARLO_REC_VIA": VIA, "_ARLO_REC_COMPLETE": "complete_bash"}) is None


def test_a_door_that_is_no_line_of_a_shell_is_one_word_and_a_config_that_is_wrong_is_told(tmp_path: Path) -> None:
    found = way(["status"], {"ARLO_REC_VIA": "ssh 'arlo"})
    assert found is not None and found.via == ["ssh 'arlo"]
    with pytest.raises(Usage):
        way(["status"], config(tmp_path, vai=VIA))


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        (["status", "--store", "s", "--json"], ["status", "--json"]),
        (["status", "--via=x", "--config", "c"], ["status"]),
        (["status", "--config", "--via", "--json"], ["status", "--json"]),
        (["export", "id", "--out", "a.wav"], ["export", "id", "--out", "a.wav"]),
        (["status", "--via"], ["status"]),
    ],
)
def test_where_the_store_is_goes_with_no_words(typed: list[str], left: list[str]) -> None:
    assert sent(typed) == left


@examples(150)
@given(st.lists(st.sampled_from(["--store", "--via=x", "--config", "x", "--json", "--out", "--store=y"])))
def test_words_that_were_sent_are_sent_as_they_are(typed: list[str]) -> None:
    assert sent(sent(typed)) == sent(typed)
    assert not {"--store", "--via=x", "--config", "--store=y"} & set(sent(typed))


# -- which files were named -----------------------------------------------------------------------------


def named(line: str, **personal: str) -> Named:
    return Named(line.split(), personal)


@pytest.mark.parametrize(
    "line",
    ["export id --out a.wav", "export id --out=a.wav", "consent show x --out a.wav", "withdraw x --receipt-out a.wav"],
)
def test_a_file_that_was_named_to_be_written_is_written_and_not_read(line: str) -> None:
    typed = named(line)
    assert typed.may_be_written(Path("a.wav"))
    assert not (typed.may_be_read(Path("a.wav")) or typed.is_secret(Path("a.wav")))
    assert not typed.may_be_written(Path("b.wav")) and not typed.may_be_written(Path("./../a.wav"))


@pytest.mark.parametrize(
    ("line", "path", "is_named"),
    [
        ("pseudonymise id --transcript a.json", "a.json", True),
        ("pseudonymise id --transcript caller=a.json", "a.json", True),
        ("pseudonymise id --transcript caller=a.json", "caller=a.json", True),
        ("pseudonymise id --transcript words", "words/a.json", True),
        ("pseudonymise id --transcript words", "words/in/a.json", False),
        ("policy propose a.toml", "a.toml", True),
        ("policy propose a.toml", "propose", False),
        ("policy show a.toml", "a.toml", False),
        ("export id --out a.wav", "id", False),
        ("policy check --published pages", "pages/guidelines.nb.html", True),
        ("find --reason /etc/passwd", "/etc/passwd", False),
    ],
)
def test_what_was_named_to_be_read_is_read_with_what_lies_in_it_and_nothing_else(
    line: str, path: str, is_named: bool
) -> None:
    assert named(line).may_be_read(Path(path)) is is_named
    assert not named(line).may_be_written(Path(path))


def test_sounds_and_maps_are_read_that_a_proposed_policy_names_beside_itself() -> None:
    typed = named("policy propose dir/a.toml")
    typed.note_sounds(
        Path("dir/a.toml"), b'[[prompts]]\nsound = "nb.wav"\nsound = "../up.wav"\n[[map]]\nfile = "m.toml"\n'
    )
    assert typed.may_be_read(Path("dir/nb.wav")) and typed.may_be_read(Path("dir/m.toml"))
    assert typed.may_be_read(Path("dir/../up.wav"))
    assert not typed.may_be_read(Path("dir/other.wav"))
    other = named("pseudonymise id --transcript a.toml")
    other.note_sounds(Path("a.toml"), b'sound = "nb.wav"\n')
    assert not other.may_be_read(Path("nb.wav"))


def test_secrets_are_read_as_such_and_come_from_the_words_or_the_persons_own_settings() -> None:
    typed = named("status --passphrase-file p --key-file=k", **{"passphrase_file": "mine", "as": "leif"})
    assert [path for path in ("p", "k", "mine", "leif") if typed.is_secret(Path(path))] == ["p", "k", "mine"]
    assert not typed.may_be_read(Path("p"))


def test_an_answer_may_become_an_archive_and_nothing_else_does() -> None:
    for out in ("answer.html", "answer.htm", "answer"):
        assert named(f"dsar x --out {out}").may_be_written(Path("answer.zip"))
    assert not named("dsar x --out other.html").may_be_written(Path("answer.zip"))
    assert not named("export x --out answer").may_be_written(Path("answer.zip"))


def test_stdin_a_player_notes_a_witness_and_a_page_are_those_of_the_words() -> None:
    assert named("withdraw -").may_read_stdin and named("status --passphrase-file=-").may_read_stdin
    assert not named("withdraw 90000001").may_read_stdin
    assert named("listen id --player mpv=x").player == ["mpv=x"]
    assert named("status").player == []
    assert named("audit checkpoint --append notes").may_be_appended_to(Path("notes"))
    assert named("audit witness --witness-key w").is_witness_key(Path("w"))
    assert named("listen id").may_listen and named("review id --page").may_listen and not named("find").may_listen
