"""Transcripts of the program: manual, fixtures and regression list at once (`transcripts/README.md`).

Each file is played in this process against a copy of one store, with a clock that stands still; what varies by
chance is replaced by its name. `UPDATE_TRANSCRIPTS=1` writes the files anew: read the difference before keeping it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.edge.commands import COMMANDS
from arlo_rec.edge.commands.command import EXITS
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.terminal import Table, table_text
from arlo_rec.machine import surroundings
from arlo_rec.machine.doctor import Machine
from arlo_rec.vault.backends import mounts
from arlo_rec.vault.backends.sqlite import SqliteConnection
from tests.support import door, dumpable, promises, published
from tests.support import world as worlds
from tests.support.exports import example
from tests.support.keyring import begin_session
from tests.support.places import TOP, TRANSCRIPTS
from tests.support.world import World

# About a second and more each; what they show is shown by others too
LONG = {
    *("approvals", "backup", "case", "consent", "demo", "dsar", "guidelines", "init", "json", "keys", "norsk"),
    *("person", "policy", "publishing", "staff", "todo", "training"),
}  # fmt: skip
FILES = sorted(TRANSCRIPTS.glob("*.txt"))
START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)  # when every transcript begins
SIGNS = "[a-km-np-z2-9]"  # of readable secrets: no l, no o, no 0 and no 1
VARIABLE = {  # what differs from run to run, the longest form first
    "witness": r"it\.example/witness\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}",
    "vkey": r"arlo-rec/[0-9a-f]{32}(?:/[0-9a-f]{32})?\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}",
    "log": r"arlo-rec/[0-9a-f]{32}(?:/[0-9a-f]{32})?",
    "sha256": r"\b[0-9a-f]{64}\b",
    # whole, or short in the first column of a table, or among the details of a log
    "id": r"\b[0-9a-f]{32}\b|^[0-9a-f]{6,9}(?=  )|(?<=[ =])[0-9a-f]{8}(?=[;,] )"
    r"|(?<=^  )[0-9a-f]{6,9}(?=  [0-9]{4}-)|(?<=withdraw --call )[0-9a-f]{6,9}\b"
    r"|(?<=arlo-rec review |rlo-rec release )[0-9a-f]{6,9}\b|(?:(?<=\(recording )|(?<=\(opptak ))[0-9a-f]{6}\b"
    r"|(?<=replaced by |rstattet av )[0-9a-f]{6,9}\b|(?<=, )[0-9a-f]{6,9}(?=\)\.)",
    "grant": r"\b[0-9a-f]{16}\b",
    "case": r"\b[0-9a-f]{12}\b",
    "recovery_key": rf"\b(?:{SIGNS}{{4}}-){{12}}{SIGNS}{{4}}\b",
    "passphrase": rf"\b(?:{SIGNS}{{4}}-){{4,5}}{SIGNS}{{4}}\b",
    "share": r"(?:[a-z]{4,8} ){30,40}[a-z]{4,8}",
    "receipt": r"\b[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}\b",
    "signature": r"[A-Za-z0-9+/]{80,}={0,2}",
    "root": r"[A-Za-z0-9+/]{43}=",
    "shelf": r"(?<=/objects/)[0-9a-f]{2}\b",
    "page": r"(?<=for page )[0-9]+\b",
    "demo": r"(?<=arlo-rec-demo-)\w+",
    "written": r"(?:(?<=the oldest of )|(?<=den eldste fra ))20[0-9-]{8} [0-9:]{5}"
    r'|(?<="since": ")20[0-9-]{8}T[0-9:.]{15}Z(?=")',
    "short": r"(?:(?<=export )|(?<=pseudonymise ))[0-9a-f]{6,31}(?= )",
}
SPANS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class Player:
    """Plays one transcript in one world."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.now, self.seed = world, START, 0
        self.known: dict[str, list[str]] = {}
        folders = {"path": re.escape(str(world.base)), "program": re.escape(str(TOP / "arlo_rec"))}
        alternatives = {**folders, **VARIABLE}
        self.variable = re.compile("|".join(f"(?P<{name}>{one})" for name, one in alternatives.items()), re.M)
        world.environment |= {"ARLO_REC_STORE": "store", "ARLO_REC_PASSPHRASE_FILE": "passphrase"}
        world.environment |= {"COLUMNS": "80", "LOGNAME": "desk-7", "TMPDIR": str(world.base)}
        monkeypatch.chdir(world.base)
        monkeypatch.setattr(Run, "now", lambda run: self.now + run.ahead)
        monkeypatch.setattr(mounts, "file_system", lambda _folder: "ext4")
        monkeypatch.setattr(Machine, "read", lambda: Machine(**door.WELL))
        room = surroundings.room
        monkeypatch.setattr(surroundings, "room", lambda store, now: room(store, now)._replace(free=door.FREE))

    def play(self, text: str) -> str:
        """The same transcript with what the program says today."""
        played, lines = [], text.splitlines()
        while lines:
            line = lines.pop(0)
            played.append(line)
            if line.startswith("% "):
                word, *rest = shlex.split(self.filled(line[2:]))
                getattr(self, f"do_{word}")(*rest)
            elif line.startswith("$ "):
                played += [*self.said(line[2:]), *_skip_output(lines)]
        return "\n".join(played) + "\n"

    def said(self, line: str) -> list[str]:
        """What a command says: stdout, stderr behind `! `, the exit status in brackets."""
        words = shlex.split(self.filled(line))
        stdin = ""
        if "<<<" in words:
            *words, _, stdin = words
        program = words.index("arlo-rec")
        usual = dict(self.world.environment)
        self.world.environment |= {door.NOW: self.now.isoformat()} if self.world.door else {}
        self.world.environment |= dict(one.split("=", 1) for one in words[:program])
        result = self.world.run(*words[program + 1 :], stdin=f"{stdin}\n".encode() if stdin else b"")
        self.world.environment = usual
        if "--json" in words and result.exit in (0, 3):
            published.hold(words[program + 1 :], result.json)
        out = self.named(_readable(result.out)).splitlines()
        return [*out, *(f"! {one}" for one in self.named(result.err).splitlines()), f"[{result.exit}]"]

    def filled(self, line: str) -> str:
        """A line with `<name>` or `<name:2>` replaced by what the output before it had there."""
        return re.sub(r"<(\w+)(?::(\d))?>", lambda m: self.known[m[1]][int(m[2] or 1) - 1], line)

    def named(self, text: str) -> str:
        """A text with what varies replaced by its name, as wide as before where columns follow."""
        found: dict[str, list[str]] = {}

        def name(match: re.Match[str]) -> str:
            values = found.setdefault(str(match.lastgroup), [])
            if match[0] not in values:
                values.append(match[0])
            columns = text[match.end() : match.end() + 2] == "  "
            return f"<{match.lastgroup}>".ljust(len(match[0]) if columns else 0)

        told = self.variable.sub(name, text)
        self.known |= found
        return told

    # -- directives -----------------------------------------------------------------------------------

    def do_deliver(self, stem: str, *words: str) -> None:
        changes: dict[str, Any] = dict(one.split("=", 1) for one in words)
        consent = {"prompt": changes.pop("prompt", "nb-2026-01"), "key": changes.pop("key", "1")}
        if "channels" in changes:  # mono
            changes |= {"channels": int(changes["channels"])}
        if changes.pop("sound", None) == "broken":
            changes["sound"] = b"RIFF"
        self.seed += 1
        seed = int(changes.pop("seed", self.seed))
        started = self.now + _span(changes.pop("started", "-1h"))
        self.world.deliver(stem, started=started, seed=seed, seconds=5, consent=consent, **changes)

    def do_export(self, name: str) -> None:
        self.world.spool.mkdir(exist_ok=True)
        example(name, self.world.spool)

    def do_gather(self, name: str, delimiter: str = ",") -> None:
        self.world.gather(name, delimiter=delimiter)

    def do_clock(self, span: str) -> None:
        self.now += _span(span)

    def do_session(self) -> None:
        """A login session begins, with a keyring of its own."""
        begin_session()

    def do_file(self, name: str, text: str) -> None:
        Path(name).write_text(text.replace("\\n", "\n") + "\n", "utf-8")
        Path(name).chmod(0o600)

    def do_chmod(self, mode: str, name: str) -> None:
        Path(name).chmod(int(mode, 8))

    def do_copy(self, source: str, target: str) -> None:
        if Path(source).is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)

    def do_remove(self, name: str) -> None:
        shutil.rmtree(name) if Path(name).is_dir() else Path(name).unlink()

    def do_edit(self, name: str, old: str, new: str) -> None:
        content = Path(name).read_text("utf-8")
        assert old in content
        Path(name).write_text(content.replace(old, new), "utf-8")

    def do_flip(self, pattern: str) -> None:
        for path in Path().glob(pattern):
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)


def _skip_output(lines: list[str]) -> list[str]:
    """Drop the recorded output at the head of *lines*, whose lines may look like comments.

    Returns the blank lines to keep where none was recorded yet.
    """
    begins = (number for number, line in enumerate(lines) if line.startswith(("$ ", "% ")))
    before = lines[: next(begins, len(lines))]
    ends = next((number for number, line in enumerate(before) if re.fullmatch(r"\[\d+\]", line)), None)
    if ends is not None:
        del lines[: ends + 1]
        return []
    blank = next((number for number, line in enumerate(before) if line.startswith("# ")), len(before))
    kept = [line for line in lines[:blank] if not line]
    del lines[:blank]
    return kept


def _readable(out: str) -> str:
    if "\0" in out:
        return f"({len(out.encode('utf-8', 'surrogateescape'))} bytes of sound)"
    return json.dumps(json.loads(out), indent=2, ensure_ascii=False) if out.startswith("{") else out


def _span(text: str) -> timedelta:
    sign, number, unit = re.fullmatch(r"([+-])(\d+)([dhms])", text).groups()  # type: ignore[union-attr]
    return timedelta(**{SPANS[unit]: int(sign + number)})


@pytest.fixture(scope="module")
def october(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store with people, made at START."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "now", lambda _run: START)
        return worlds.found(tmp_path_factory.mktemp("october"))


@pytest.mark.parametrize(
    "path",
    [pytest.param(one, id=one.stem, marks=[pytest.mark.slow] if one.stem in LONG else []) for one in FILES],
)
def test_the_program_says_what_the_transcript_says(
    path: Path, october: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = Player(worlds.copy(october, tmp_path), monkeypatch).play(path.read_text("utf-8"))
    assert "which is a bug" not in played
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_text(played, "utf-8")
    else:
        assert played == path.read_text("utf-8")


@pytest.mark.sampled(4)
@pytest.mark.slow
@pytest.mark.parametrize("path", [pytest.param(one, id=one.stem) for one in FILES])
def test_the_program_says_the_same_through_the_door(
    path: Path, october: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds.copy(october, tmp_path)
    world.door = True
    assert Player(world, monkeypatch).play(path.read_text("utf-8")) == path.read_text("utf-8")


# -- what the transcripts must have -------------------------------------------------------------------


class Said:
    """One command of a transcript: its words behind `arlo-rec`, its stdout and its exit status."""

    def __init__(self, block: str, file: str) -> None:
        self.file = file
        first, *rest = block.splitlines()
        words = shlex.split(first.removeprefix("$ "))
        self.words = words[words.index("arlo-rec") + 1 :]
        self.exit = int(rest[-1].strip("[]"))
        self.out = "\n".join(line for line in rest[:-1] if not line.startswith("! "))
        self.command = next((words for words in COMMANDS if words.split() == self.words[: words.count(" ") + 1]), "")


NOT_SHOWN = {  # the other end of the door, through which the others speak; a page; what looks at this machine's /etc
    *("serve", "desk", "install-units", "worker"),  # and what another machine does until it is stopped
}


def _all_said() -> list[Said]:
    block = re.compile(r"^\$ .*?^\[\d+\]$", re.MULTILINE | re.DOTALL)
    return [Said(found, path.name) for path in FILES for found in block.findall(path.read_text("utf-8"))]


def test_every_command_has_its_transcript_in_words_and_in_json() -> None:
    commands = set(COMMANDS) - NOT_SHOWN
    said = _all_said()
    shown = {one.command for one in said if not {"--json", "--help"} & set(one.words) and one.exit == 0}
    assert shown | {"doctor"} >= commands, "a machine of which the doctor finds nothing is shown in its own tests"
    assert {one.command for one in said if "--json" in one.words and one.exit in (0, 3)} >= commands


def test_every_exit_status_is_shown_or_provoked_here() -> None:
    assert {one.exit for one in _all_said()} | set(PROVOKED) == set(EXITS)


CONTRACT = re.compile(r"^# The JSON of (.+) has: (.+)$", re.MULTILINE)  # lines of transcripts


def test_json_has_the_keys_of_the_contract() -> None:
    """What scripts rely on: a command may say more, never less.

    A transcript says it for its commands; where a command answers in several forms, for its own.
    """
    forms: dict[str, dict[str, str]] = {}
    for path in FILES:
        for command, keys in CONTRACT.findall(path.read_text("utf-8")):
            forms.setdefault(command, {})[path.name] = keys
    documents: dict[tuple[str, str], list[Any]] = {}
    for one in _all_said():
        if "--json" in one.words and one.exit in (0, 3):
            file = one.file if one.file in forms[one.command] else next(iter(forms[one.command]))
            documents.setdefault((one.command, file), []).append(json.loads(one.out))
    assert set(forms) == set(COMMANDS) - NOT_SHOWN
    for command, by_file in forms.items():
        for file, keys in by_file.items():
            for key in keys.split(", "):
                told = [_at(document, key) for document in documents[command, file]]
                assert any(told), f"{command}: {key} is never there"


def _at(document: Any, path: str) -> list[Any]:
    """Everything that stands at a path; raises KeyError where a part of it is missing."""
    found = [document]
    for part in path.split("."):
        found = [one[part.removesuffix("[]")] for one in found]
        if part.endswith("[]"):
            found = [inner for one in found for inner in one]
    return found


def test_json_is_one_document_that_says_how_it_ended() -> None:
    for one in _all_said():
        if "--json" in one.words:
            told = json.loads(one.out)
            assert told["ok"] is (one.exit in (0, 3)), one.words
            if not told["ok"]:
                assert told["error"]["exit"] == one.exit
                assert told["error"]["code"]
                assert told["error"]["message"]
            for at in re.findall(r'"(\d{4}-\d\d-\d\dT[^"]*)"', one.out):
                assert at.endswith("Z")


# -- what no transcript can show ----------------------------------------------------------------------


def test_a_bug_is_one_line_and_its_details_hold_no_value(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        number = "+4790000001"
        raise RuntimeError(f"while {number} waits")

    monkeypatch.setattr("arlo_rec.machine.status.status", broken)
    result = world.run("status", who="cron")
    log = world.base / "state" / "arlo-rec" / "errors.log"
    assert (result.exit, result.out, result.err.count("\n")) == (1, "", 1)
    assert str(log) in result.err
    assert "in broken" in log.read_text("utf-8")
    assert "RuntimeError" in log.read_text("utf-8")
    assert "90000001" not in log.read_text("utf-8") + result.err
    assert log.stat().st_mode & 0o777 == 0o600
    told = world.run("status", "--json", who="cron")
    assert (told.exit, told.json["error"]["code"]) == (1, "bug")


def test_whoever_finds_the_store_in_use_is_told_to_try_again(world: World) -> None:
    config = world.base / "config.toml"
    config.write_text("lock_wait_s = 0\n", "utf-8")
    words = ("withdraw", "90000001", "--yes", "--json", "--config", str(config))
    with (world.root / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = world.run(*words, who="skranke")
    assert (result.exit, result.json["error"]["code"]) == (11, "in_use")
    assert world.run(*words, who="skranke").exit == 0


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_command_is_one_line(world: World) -> None:
    with (world.root / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = ("withdraw", "90000001", "--yes", "--key-file", str(world.key("skranke")))
        waiting = _start(world, *words, program=dumpable.PROGRAM)  # else only root sees what it has open
        _wait_until(lambda: _has_open(waiting, world.root / "lock"))
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, out) == (130, b"")
    assert err.startswith(b"arlo-rec: interrupted; ")
    assert err.count(b"\n") == 1


@pytest.mark.parametrize("out", [None, "-"])
def test_an_answer_that_cannot_be_written_is_no_success(world: World, out: str | None) -> None:
    (recording,) = world.take_in("call")
    world.grant()
    secret = ("--as", "leif", "--passphrase-file", str(world.base / "passphrase"))
    words = ("status",) if out is None else ("export", recording, "--purpose", "quality", "--out", out)
    reason = () if out is None else ("--reason", worlds.REASON)
    with open("/dev/full", "wb") as full:
        process = _start(world, *words, *reason, *secret, stdout=full)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 16
    assert err.count(b"\n") == 1
    assert b"the output could not be written" in err


HEARD = [("--version",), ("--help",), ("grant", "--help"), ("status",), ("audit", "show")]


@pytest.mark.parametrize("words", HEARD, ids=" ".join)
@pytest.mark.parametrize("ear", ["full", "closed", "gone"])
@pytest.mark.slow
def test_what_nobody_can_hear_ends_with_one_line_and_16(world: World, words: tuple[str, ...], ear: str) -> None:
    """One line and no more: from 3.13 on Python tells of each stream that it could not empty at the end."""
    opens = words in {("status",), ("audit", "show")}
    secret = ("--as", "iver", "--passphrase-file", str(world.base / "passphrase")) if opens else ()
    deaf, out = os.pipe() if ear == "gone" else (None, os.open("/dev/full", os.O_WRONLY))
    if deaf is not None:
        os.close(deaf)
    process = _start(world, *words, *secret, stdout=out, preexec_fn=(lambda: os.close(1)) if ear == "closed" else None)
    os.close(out)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 16, err
    assert err.startswith(b"arlo-rec: the output could not be written (")
    assert err.count(b"\n") == 1, err


@pytest.mark.parametrize("ear", ["full", "closed"])
def test_an_error_that_nobody_can_hear_as_json_is_a_sentence_with_its_own_status(world: World, ear: str) -> None:
    out = os.open("/dev/full", os.O_WRONLY)
    words = ("status", "--json", "--store", str(world.base / "nowhere"))
    process = _start(world, *words, stdout=out, preexec_fn=(lambda: os.close(1)) if ear == "closed" else None)
    os.close(out)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 10, err
    assert err.startswith(b"arlo-rec: there is no ")
    assert err.count(b"\n") == 1, err


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_that_sqlite_swallows_is_no_broken_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C within a function that SQL calls reaches us as the engine's failure."""

    def interrupted(*_row: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(SqliteConnection, "_tally", interrupted)
    result = world.run("person", "add", "nora", "--role", "support", who="sigrid")
    assert (result.exit, result.err[:22]) == (130, "arlo-rec: interrupted;")
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert world.run("verify", who="iver").exit == 0


def test_an_outcome_that_no_entry_has_is_a_mistake_and_not_an_empty_log(world: World) -> None:
    result = world.run("audit", "show", "--outcome", "denid", "--json", who="iver")
    assert (result.exit, result.json["error"]["code"]) == (2, "bad_value")


@pytest.mark.parametrize(
    ("typed", "status"),
    [((b"1\n",), 0), ((b"2\n", b"1\n"), 0), ((b"\n",), 2), ((b"2\n", b"3\n", b"no\n"), 2)],
    ids=["confirmed", "mistyped", "left", "mistyped three times"],
)
def test_a_withdrawal_asks_on_the_terminal_and_erases_only_what_was_confirmed(
    world: World, typed: tuple[bytes, ...], status: int
) -> None:
    world.take_in("call")
    here, there = os.openpty()
    words = ("withdraw", "-", "--quiet", "--key-file", str(world.key("skranke")))
    process = _start(world, *words, stdin=there, stderr=there)
    os.close(there)
    _answer(here, b"Telephone number: ", b"900 00 001\n")
    shown = _answer(here, b"Type 1 to confirm: ", typed[0])
    for again in typed[1:]:
        assert world.json("status", who="cron")["held"] == 1, "nothing is erased meanwhile"
        assert b"That was not 1. Nothing is done yet." in _answer(here, b"Type 1 to confirm: ", again)
    out, _ = process.communicate(timeout=30)
    os.close(here)
    assert b"Calls whose recordings will be erased: 1" in shown
    assert process.returncode == status
    assert out.startswith(b"Say: ") == (status == 0)
    assert world.json("status", who="cron")["held"] == (0 if status == 0 else 1)


def test_a_number_is_shown_back_on_a_terminal_and_to_no_script(world: World) -> None:
    words = ("withdraw", "900", "00", "001", "--yes", "--key-file", str(world.key("skranke")))
    here, there = os.openpty()
    process = _start(world, *words, stderr=there)
    os.close(there)
    shown = _answer(here, b"\n", b"")
    out, _ = process.communicate(timeout=30)
    os.close(here)
    assert (process.returncode, out[:4]) == (0, b"Say:")
    assert shown.replace(b" ", b"").strip() == b"Telephonenumber:90000001"
    assert _start(world, *words).communicate(timeout=30)[1] == b""


def test_a_service_that_was_removed_is_noted_when_trying(world: World) -> None:
    assert world.run("person", "remove", "skranke", "--yes", who="sigrid").exit == 0
    result = world.run("status", "--json", who="skranke")
    assert (result.exit, result.json["error"]["code"]) == (12, "no_longer_here")
    entries = world.json("audit", "show", "--action", "unlock", who="iver")["entries"]
    assert [one["detail"]["name"] for one in entries] == ["skranke"]


@pytest.mark.parametrize(("columns", "is_table"), [(120, True), (80, False), (20, False)])
def test_a_table_is_never_cut_and_never_breaks_what_is_copied(
    columns: int, is_table: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ["0123456789abcdef" * 2, "2026-10-01 10:15 CEST", "0:05", "kundeservice", "Ola Oppdiktet"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    text = table_text(Table(["Id", "Started", "Length", "Team", "Agent"], [row]))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert all(cell in plain for cell in row)
    assert (len(plain.splitlines()) == 2) is is_table


PROVOKED = {
    1: test_a_bug_is_one_line_and_its_details_hold_no_value,
    11: test_whoever_finds_the_store_in_use_is_told_to_try_again,
    130: test_an_interrupted_command_is_one_line,
}


def _start(world: World, *words: str, program: Sequence[str] = promises.PROGRAM, **how: Any) -> subprocess.Popen[bytes]:
    """The program as a process of its own."""
    environment = {
        "ARLO_REC_STORE": str(world.store),
        "XDG_STATE_HOME": str(world.base / "state"),
        "HOME": str(world.base),
        "LANG": "en_GB.UTF-8",
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",  # so that a write fails where it is made, even one of nothing
    }
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    return subprocess.Popen([*program, *words], env=environment, cwd=TRANSCRIPTS.parent.parent, **pipes)


def _has_open(process: subprocess.Popen[bytes], path: Path) -> bool:
    """Whether a program has a file open; it has none as long as it is a copy of this process, which is not dumpable."""
    with suppress(PermissionError):
        for one in Path(f"/proc/{process.pid}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                if one.readlink() == path:
                    return True
    return False


def _wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _answer(terminal: int, question: bytes, typed: bytes) -> bytes:
    """Read a terminal up to a question, and type; what was read."""
    shown = b""
    while not shown.endswith(question):
        shown += os.read(terminal, 1000)
    os.write(terminal, typed)
    return shown
