"""The front against a server that does what it likes: nothing is read, written or started that was not named."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.edge.door import front, reached
from arlo_rec.edge.door.client import LocalClient
from arlo_rec.edge.door.frames import GREETING, Broken, Channels, Frame, packed
from arlo_rec.edge.door.front import Hands
from arlo_rec.edge.door.hands import DoorStore, NotNamed, harmless
from arlo_rec.edge.door.words import Named
from arlo_rec.law.model.errors import ArloError
from arlo_rec.vault.backends.named_files import LocalStateFiles
from tests.support.door import Scripted, call, frame
from tests.support.properties import examples
from tests.support.world import Result, run

NAMED = {
    "read": ("pseudonymise", "id", "--transcript", "mine"),
    "written": ("export", "id", "--out", "mine"),
    "secret": ("status", "--passphrase-file", "mine"),
}


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    made = Scripted(tmp_path)
    monkeypatch.chdir(made.folder)
    return made


def through(script: Scripted, *words: str, stdin: bytes = b"") -> Result:
    here = {"HOME": str(script.folder), "XDG_STATE_HOME": str(script.folder / "state"), "LANG": "en_GB.UTF-8"}
    return run([*words], {**os.environ, **here, "ARLO_REC_VIA": script.via}, stdin)


def code(script: Scripted, *words: str) -> tuple[int, str]:
    result = through(script, *words, "--json")
    return result.exit, result.json["error"]["code"]


# -- what is no door ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("via", "reason"),
    [
        ("/nowhere/arlo-rec serve", "No such file"),
        ("false", "nothing"),
        ("sh -c 'echo sudo: a password is required >&2; exit 1'", "sudo: a password is required"),
        ("sh -c 'echo Host key verification failed. >&2; exit 255'", "Host key verification failed."),
        ("echo hello", "nothing"),
        ("head -c 100000 /dev/zero", "nothing"),
        ("'", "No such file"),
    ],
)
def test_a_command_that_is_no_door_is_told_with_its_own_last_words(
    script: Scripted, via: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reached, "LEAVE_WAIT", 0.5)
    script.via = via
    result = through(script, "status", "--lang", "en")
    assert result.exit == 16 and result.out == ""
    assert reason in result.err, result.err
    assert len(result.err) < 1000


@pytest.mark.parametrize("version", ["0", "2", "10"])
def test_a_door_of_another_version_is_told_as_such(script: Scripted, version: str) -> None:
    script.says(f"arlo-rec door {version}\n".encode())
    assert code(script, "status") == (2, "door_version")


ENDINGS: dict[str, bytes] = {
    "nothing": b"",
    "half a frame": frame(b"e", b"text")[:-1],
    "a frame of its own": frame(b"a", b""),
    "no status": frame(b"z", b""),
    "two statuses": frame(b"z", b"\0\0"),
    "an unknown call": call("format_disk"),
    "a call without a name": frame(b"q", packed({"call": 1})),
    "no call": frame(b"q", b"\xff\xff\xff\xff"),
    "values of another kind": call("read", path=7, most="x", pipes=0),
    "bytes of a channel that is none": frame(b"t", b"\0\0"),
    "a file that was not begun": call("keep", file=3),
    "a page that is not served": call("browse", url="http://127.0.0.1:1/#x"),
    "another page": call("browse", url="https://example.org/"),
    "a player that was not named": call("play", words=["sh", "-c", "touch played"]),
    "a page where none was asked for": call("listen"),
    "a key that is not ours": call("keyring_read", key=1, most=100),
    "a key of another program": call("keyring_search", description="login"),
    "a witness without a key": call("witness_cosign", newest="x", at=0),
    "half a leaf": call("witness_leaves", b"x"),
    "a secret without a terminal": call("ask_secret", question="Passphrase?"),
    "a number for a text": call("absolute", path=1),
    "a store that is none": call("read_state", store="00"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_else_a_server_sends_shuts_the_door(script: Scripted, ending: str) -> None:
    script.says(GREETING + ENDINGS[ending])
    assert code(script, "status") == (16, "door_unreachable")
    assert sorted(script.left()) == []


@pytest.mark.parametrize("status", [0, 3, 13, 130, 255])
def test_what_a_server_says_is_shown_and_its_status_is_the_status(script: Scripted, status: int) -> None:
    script.says(GREETING + frame(b"e", b"beside") + call("stdout", "ærlig\n".encode()) + frame(b"z", bytes([status])))
    result = through(script, "status")
    assert (result.exit, result.out, result.err) == (status, "ærlig\n", "beside")


@pytest.mark.parametrize("via", ["cat", "sleep 60", "sh -c 'printf arlo-rec; exec sleep 60'"])
def test_a_door_that_says_nothing_ends_where_nobody_can_be_asked(
    script: Scripted, via: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "GREETING_WAIT", 0.1)
    monkeypatch.setattr(front, "can_be_asked", lambda: False)
    script.via = via
    assert code(script, "status") == (16, "door_silent")


def test_a_door_waits_for_a_person_who_can_be_asked(script: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "GREETING_WAIT", 0.0)
    monkeypatch.setattr(front, "can_be_asked", lambda: True)
    script.says(GREETING + frame(b"z", b"\0"))
    assert through(script, "status").exit == 0


@pytest.mark.parametrize(
    ("session", "screen", "can_be"),
    [(["setsid", "--ctty"], {}, True), (["setsid"], {}, False), (["setsid"], {"DISPLAY": ":0"}, True)],
    ids=["a terminal", "cron", "a window"],
)
def test_a_person_can_be_asked_on_a_terminal_and_in_a_window(
    session: list[str], screen: dict[str, str], *, can_be: bool
) -> None:
    ours, theirs = os.openpty()
    asked = "import sys; from arlo_rec.edge.door.front import can_be_asked; sys.exit(can_be_asked())"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **screen}
    done = subprocess.run([*session, "--wait", sys.executable, "-c", asked], check=False, stdin=theirs, env=environment)
    for number in (ours, theirs):
        os.close(number)
    assert done.returncode == can_be


ANSWER = b'{"ok": true, "calls": ["' + b"x" * 3000 + b'"]}\n'
ANSWERED = call("stdout", ANSWER[:2000]) + call("stdout", ANSWER[2000:])
SUCCEEDED = frame(b"z", b"\0")


@pytest.mark.parametrize("lost", [1, len(SUCCEEDED), len(SUCCEEDED) + 1, len(SUCCEEDED) + 500, None])
def test_an_answer_in_json_whose_end_is_cut_off_is_one_document_and_says_so(script: Scripted, lost: int | None) -> None:
    script.says(GREETING + (ANSWERED + SUCCEEDED)[: None if lost is None else -lost])
    result = through(script, "find", "--json")
    if lost is None:
        assert (result.exit, result.out) == (0, ANSWER.decode())
    else:
        assert (result.exit, result.json["error"]["code"]) == (16, "door_unreachable")


def test_a_plugin_whose_end_is_cut_off_has_one_line_which_says_so(script: Scripted) -> None:
    script.says(GREETING + call("stdout", b"ARLO-REC OK\n") + SUCCEEDED[:-1])
    result = through(script, "check")
    assert (result.exit, len(result.out.splitlines())) == (2, 1)
    assert result.out.startswith("ARLO-REC CRITICAL")


def test_what_is_no_document_is_shown_as_it_comes(script: Scripted) -> None:
    script.says(GREETING + call("stdout", b"id,started_at\n") + SUCCEEDED[:-1])
    result = through(script, "find", "--csv")
    assert (result.exit, result.out) == (16, "id,started_at\n")
    assert "broke off" in result.err


# -- what nobody named ----------------------------------------------------------------------------------

READING = {"read": {"most": 100, "pipes": True}, "secret": {}, "names": {}}
WRITING = ("demand_new", "demand_new_folder", "absolute", "begin", "write_secret", "write_folder", "remove")
OTHERS = ("append_note", "witness")


@pytest.mark.parametrize("name", [*READING, *WRITING, *OTHERS])
@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize("path", ["other", "/etc/passwd", "mine/..", "mine/../other", "mine.x", "\ud800", ""])
def test_a_path_that_nobody_named_is_neither_read_nor_written_and_the_front_ends(
    script: Scripted, name: str, named: str, path: str
) -> None:
    (script.folder / "other").write_bytes(b"private")
    (script.folder / "mine").mkdir() if named == "read" else None
    script.says(GREETING + call(name, path=path, note="x", **READING.get(name, {})))
    assert code(script, *NAMED[named]) == (2, "not_named")
    assert script.heard() == b""
    assert (script.folder / "other").read_bytes() == b"private"
    assert set(script.left()) <= {"mine", "other"}


@pytest.mark.parametrize(
    ("named", "name"),
    [
        ("read", "begin"),
        ("read", "secret"),
        ("written", "read"),
        ("written", "secret"),
        ("secret", "begin"),
        ("secret", "read"),
    ],
)
def test_a_path_is_used_for_what_it_was_named_for_and_for_nothing_else(script: Scripted, named: str, name: str) -> None:
    (script.folder / "mine").write_bytes(b"mine")
    script.says(GREETING + call(name, path="mine", **READING.get(name, {})))
    assert code(script, *NAMED[named]) == (2, "not_named")
    assert (script.folder / "mine").read_bytes() == b"mine"
    assert script.heard() == b""


def test_stdin_is_read_where_somebody_said_so(script: Scripted) -> None:
    script.says(GREETING + call("stdin", most=10))
    result = through(script, "status", "--json", stdin=b"not yours")
    assert (result.exit, result.json["error"]["code"]) == (2, "not_named")
    assert script.heard() == b""
    script.says(GREETING + call("stdin", most=4) + frame(b"z", b"\0"))
    assert through(script, "withdraw", "-", stdin=b"90000001").exit == 0
    assert script.heard().endswith(b"9000")


def test_what_lies_in_a_named_folder_leads_nowhere_else(script: Scripted) -> None:
    (script.folder / "private").write_bytes(b"private")
    (script.folder / "mine").mkdir()
    (script.folder / "mine" / "id.json").symlink_to(script.folder / "private")
    script.says(GREETING + call("read", path="mine/id.json", **READING["read"]))
    assert code(script, *NAMED["read"]) == (2, "not_named")
    assert script.heard() == b""


def test_a_folder_is_written_where_pages_are_published_and_nowhere_else(script: Scripted) -> None:
    half = script.folder / ".mine.part"
    half.mkdir()
    (half / "kept").write_bytes(b"mine")
    script.says(GREETING + call("file_of_folder", b"x", file="a") + call("write_folder", path="mine"))
    assert code(script, *NAMED["written"]) == (2, "not_named")
    assert (half / "kept").read_bytes() == b"mine"


@pytest.mark.parametrize("notes", [["x" * 70_000], ["one", "two"]], ids=["too long", "two"])
def test_a_file_of_checkpoints_gets_one_of_them_a_run(script: Scripted, notes: list[str]) -> None:
    script.says(GREETING + b"".join(call("append_note", path="mine", note=note) for note in notes))
    assert code(script, "audit", "checkpoint", "--append", "mine") == (16, "door_unreachable")
    kept = (script.folder / "mine").read_text() if len(notes) > 1 else ""
    assert "two" not in kept and len(kept) < 1000


def test_of_a_proposed_policy_the_file_alone_is_read(script: Scripted) -> None:
    for name in ("secret", "policy.toml"):
        (script.folder / name).write_bytes(name.encode())
        (script.folder / name).chmod(0o600)
    words = ("policy", "propose", "--passphrase-file", "secret", "--json", "policy.toml")
    script.says(GREETING + call("read", path="secret", **READING["read"]))
    assert code(script, *words) == (2, "not_named")
    script.says(GREETING + call("read", path="policy.toml", **READING["read"]) + frame(b"z", b"\0"))
    assert through(script, *words).exit == 0
    assert script.heard().endswith(b"policy.toml")


def test_a_witness_goes_by_the_clock_of_its_own_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cosigned = list[int]()

    class Seat:
        name, vkey, seen = "it", "it+1+key", None

        def cosign(self, newest: str, leaves: object, at: int) -> str:
            cosigned.append(at)
            return newest

    monkeypatch.setattr(LocalClient, "witness", lambda _self, _path: nullcontext(Seat()))
    before = time.time()
    with _hands(tmp_path, "audit", "witness", "--witness-key", "mine") as hands:
        hands.do({"name": "witness", "path": "mine"}, b"")
        hands.do({"name": "witness_cosign", "newest": "x", "at": 4_102_444_800}, b"")
    assert before - 1 <= cosigned[0] <= time.time()


# -- files that were named ------------------------------------------------------------------------------


def test_a_file_that_was_there_is_not_written_over_and_not_removed(script: Scripted) -> None:
    (script.folder / "mine").write_bytes(b"mine")
    half = call("begin", path="mine") + call("write", b"yours", file=1) + call("name", file=1)
    script.says(GREETING + half + frame(b"z", b"\0"))
    assert through(script, *NAMED["written"]).exit == 0, "the server is told, and ends as it likes"
    assert (script.folder / "mine").read_bytes() == b"mine"
    assert script.left() == ["mine"]
    script.says(GREETING + call("remove", path="mine"))
    assert code(script, *NAMED["written"]) == (2, "not_named")
    assert (script.folder / "mine").read_bytes() == b"mine"


@pytest.mark.parametrize("last", ["write", "name"])
def test_a_file_without_its_last_word_is_not_left_there(script: Scripted, last: str) -> None:
    half = call("begin", path="mine") + call("write", b"half", file=1)
    script.says(GREETING + half + (call("name", file=1) if last == "name" else b""))
    assert code(script, *NAMED["written"]) == (16, "door_unreachable")
    assert script.left() == []
    script.says(GREETING + half + call("name", file=1) + call("keep", file=1) + frame(b"z", b"\0"))
    assert through(script, *NAMED["written"]).exit == 0
    assert (script.folder / "mine").read_bytes() == b"half"
    assert (script.folder / "mine").stat().st_mode & 0o777 == 0o600


def test_what_was_written_in_this_run_can_be_taken_back(script: Scripted) -> None:
    whole = call("begin", path="mine") + call("write", b"x", file=1) + call("name", file=1) + call("keep", file=1)
    script.says(GREETING + whole + call("remove", path="mine") + frame(b"z", b"\x0e"))
    assert through(script, *NAMED["written"]).exit == 14
    assert script.left() == []


@pytest.mark.parametrize("name", ["../up", "a/b", "a\\b", "..", "", "."])
def test_a_folder_gets_files_of_plain_names(script: Scripted, name: str) -> None:
    script.says(GREETING + call("file_of_folder", b"x", file=name) + call("write_folder", path="mine"))
    assert code(script, "policy", "publish", "--out", "mine") == (16, "door_unreachable")
    assert script.left() == []


def test_a_server_gets_the_memory_and_the_unlocks_of_the_store_to_which_the_door_led_first(script: Scripted) -> None:
    other, first = LocalStateFiles(script.folder / "state" / "arlo-rec"), b"\x11" * 16
    other.write(bytes(16), b"remembered")
    script.says(GREETING + call("write_state", b"new", store=first.hex()) + call("read_state", store="00" * 16))
    assert code(script, "status") == (2, "door_store_differs")
    asked = [call("read_state", store="00" * 16), call("write_state", b"", store="00" * 16)]
    asked.append(call("keyring_search", description=f"arlo-rec:1:{'00' * 16}:a:b"))
    for one in asked:
        script.says(GREETING + one)
        assert code(script, "status") == (2, "door_store_differs"), one
    assert other.read(bytes(16)) == b"remembered"
    assert other.read(first) == b"new"


def test_an_account_without_a_state_folder_takes_no_file_of_the_folder_it_stands_in_for_its_memory(
    tmp_path: Path,
) -> None:
    LocalStateFiles(tmp_path).keep_store_of("a door", b"\x22" * 16)
    assert LocalStateFiles(tmp_path).store_of("a door") == b"\x22" * 16
    with chdir(tmp_path):
        assert LocalStateFiles(None).store_of("a door") is None


TEXT = st.text(max_size=12) | st.sampled_from(["mine", "mine/x", "other", "/etc/passwd", "00" * 16, "arlo-rec:x"])
VALUES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXT | st.lists(TEXT, max_size=3)
KEYS = st.sampled_from(
    "path file most pipes at store description key seconds words url question newest note".split()  # noqa: SIM905
)


class _Nobody:
    def send(self, *_: object) -> None:
        """Nobody is there."""


def _hands(folder: Path, *words: str) -> Hands:
    link: Any = _Nobody()
    states = LocalStateFiles(folder / "state")
    return Hands(LocalClient(), states, DoorStore(states, "a door"), Named(words, {}), link, Channels(link))


IN_THE_SESSION = {"stdout", "keyring_keys_of_session", "keyring_demand_own_session", "is_in_foreground"}
CALLS = st.sampled_from(sorted({*_hands(Path())._calls} - IN_THE_SESSION))


@examples(400)
@given(st.lists(st.tuples(CALLS, st.dictionaries(KEYS, VALUES), st.binary(max_size=40)), max_size=5))
def test_any_calls_with_any_values_do_nothing_beyond_the_files_that_were_named(
    told: list[tuple[str, dict[str, Any], bytes]],
) -> None:
    with _folder() as folder:
        with _hands(folder, "export", "id", "--out", "mine") as hands:
            for name, values, data in told:
                try:
                    hands.do({"name": name, **values}, data)
                except (ArloError, OSError, Broken, NotNamed):
                    break
        assert {path.name for path in folder.iterdir()} <= {"mine", "state", "other"}
        assert (folder / "other").read_bytes() == b"private"


@contextmanager
def _folder() -> Iterator[Path]:
    """A new folder to work in, with a file that nobody named."""
    with tempfile.TemporaryDirectory() as made, chdir(made):
        folder = Path(made)
        (folder / "other").write_bytes(b"private")
        yield folder


# -- Ctrl-C, and ends that do not end -------------------------------------------------------------------


def _started(script: Scripted, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "arlo_rec", *words],
        env={**os.environ, "ARLO_REC_VIA": script.via, "PYTHONPATH": os.pathsep.join(sys.path), "LANG": "en"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture
def waiting(script: Scripted, interruptible: None) -> Iterator[tuple[Scripted, subprocess.Popen[bytes]]]:
    """A front whose server began a file, and waits for ever."""
    script.says(GREETING + call("begin", path="mine") + call("write", b"half", file=1), waits=True)
    process = _started(script, *NAMED["written"])
    deadline = time.monotonic() + 20
    while not script.has_said() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    yield script, process
    process.kill()
    process.wait()


def test_ctrl_c_is_told_to_the_server_and_a_second_one_leaves_with_nothing_half(
    waiting: tuple[Scripted, subprocess.Popen[bytes]],
) -> None:
    script, process = waiting
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None, "the server decides"
    assert script.heard()[-5:-4] == b"i"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    assert script.left() == []
    assert not script.is_running()


@pytest.mark.slow
@pytest.mark.parametrize("numbers", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGKILL]])
def test_a_front_that_is_killed_leaves_no_server_and_no_file(
    waiting: tuple[Scripted, subprocess.Popen[bytes]], numbers: list[signal.Signals]
) -> None:
    script, process = waiting
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.2)
    process.communicate(timeout=20)
    deadline = time.monotonic() + 10
    while script.is_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not script.is_running(), "its stdin ended"
    assert script.left() == [], "a file without a name goes with its process"


def test_a_server_that_does_not_end_is_ended(script: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reached, "LEAVE_WAIT", 0.2)
    script.says(GREETING + frame(b"z", b"\0"), waits=True, is_deaf=True)
    assert through(script, "status").exit == 0
    assert not script.is_running()


def test_the_words_of_the_door_the_store_and_the_config_stay_here(script: Scripted) -> None:
    script.says(GREETING + frame(b"z", b"\0"))
    result = through(script, "status", "--via", script.via, "--config", "/dev/null", "--json")
    assert result.exit == 0
    assert Frame(b"o", b"").kind == script.heard(order=True)[:1]
    assert b'"words": ["status", "--json"]' in script.heard(order=True)
    assert shlex.split(script.via)[0].encode() not in script.heard(order=True)


# -- what a terminal gets -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (b"plain \xc3\xa6\xc3\xb8\n\t\r", b"plain \xc3\xa6\xc3\xb8\n\t\r"),
        (b"\x1b[1;32mgreen\x1b[0m \x1b[2K\x1b[1A\x1b[?25l", b"\x1b[1;32mgreen\x1b[0m \x1b[2K\x1b[1A\x1b[?25l"),
        (b"\x1b]52;c;aGVp\x07", b"\\x1b]52;c;aGVp\\x07"),
        (b"\x1b]0;title\x1b\\", b"\\x1b]0;title\\x1b\\"),
        (b"\x1bc\x1b[21t\x9b", b"\\x1bc\\x1b[21t\x9b"),
        (b"\xc2\x9b31m\x7f\x00", b"\\xc2\\x9b31m\\x7f\\x00"),
    ],
)
def test_a_server_draws_and_colours_and_does_nothing_else_to_a_terminal(told: bytes, shown: bytes) -> None:
    assert harmless(told) == shown
