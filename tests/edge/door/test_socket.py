"""The door as a socket: what the front makes of it, and what the server takes from whoever is at the other end."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arlo_rec.edge.door import front, seats
from arlo_rec.edge.door.frames import GREETING
from tests.support import needs
from tests.support.door import frame
from tests.support.places import TOP
from tests.support.serving import ordered, serving
from tests.support.world import Result, World, run

pytestmark = pytest.mark.slow
ACCOUNT = pwd.getpwuid(os.geteuid()).pw_name


@contextmanager
def listening(path: Path, serve: Callable[[socket.socket], object]) -> Iterator[str]:
    """A socket whose connections are given to *serve*; the `via` that leads to it."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()

        def accept() -> None:
            while True:
                try:
                    connection, _ = door.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"unix:{path}"
        door.shutdown(socket.SHUT_RDWR)
        thread.join(20)


def through(via: str, home: Path, *words: str) -> Result:
    here = {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "LANG": "en_GB.UTF-8"}
    return run([*words], {**os.environ, **here, "ARLO_REC_VIA": via}, b"")


def code(result: Result) -> tuple[int, str]:
    return result.exit, result.json["error"]["code"]


def test_a_socket_that_is_away_shut_or_of_another_version_is_told(tmp_path: Path) -> None:
    assert code(through(f"unix:{tmp_path / 'none'}", tmp_path, "status", "--json")) == (16, "door_unreachable")
    (tmp_path / "file").touch()
    assert code(through(f"unix:{tmp_path / 'file'}", tmp_path, "status", "--json")) == (16, "door_unreachable")
    with listening(tmp_path / "shut", lambda _connection: None) as via:
        told = through(via, tmp_path, "status", "--lang", "en")
        assert told.exit == 16 and "closed at the other end" in told.err
    with listening(tmp_path / "older", lambda connection: connection.sendall(b"arlo-rec door 0\n")) as via:
        assert code(through(via, tmp_path, "status", "--json")) == (2, "door_version")


def test_a_socket_that_says_nothing_is_given_up_although_there_is_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "GREETING_WAIT", 0.1)
    monkeypatch.setattr(front, "can_be_asked", lambda: True)
    with listening(tmp_path / "silent", lambda connection: connection.recv(1)) as via:
        assert code(through(via, tmp_path, "status", "--json")) == (16, "door_silent")


def test_a_status_that_comes_by_a_socket_is_that_of_the_front(tmp_path: Path) -> None:
    def ends(connection: socket.socket) -> None:
        connection.sendall(GREETING + frame(b"e", b"well\n") + frame(b"z", b"\x07"))
        while connection.recv(4096):
            pass

    with listening(tmp_path / "door", ends) as via:
        told = through(via, tmp_path, "status")
    assert (told.exit, told.err) == (7, "well\n")


def test_a_command_is_done_for_the_account_at_the_other_end_whatever_it_names(world: World) -> None:
    words = [sys.executable, "-m", "arlo_rec", "serve", "--socket", "--store", str(world.store)]
    environment = {**os.environ, "PYTHONPATH": str(TOP), "SUDO_USER": "leif", "LOGNAME": "leif"}

    def serve(connection: socket.socket) -> None:
        subprocess.run(words, stdin=connection, stdout=connection, env=environment, check=False)

    secret = ("--passphrase-file", str(world.base / "passphrase"), "--json")
    with listening(world.base / "door", serve) as via:
        assert code(through(via, world.base, "status", "--as", "iver", *secret)) == (13, "not_your_door")
        world.json("person", "login", "iver", ACCOUNT, who="sigrid")
        assert through(via, world.base, "status", "--as", "iver", *secret).json["ok"] is True


def test_the_person_of_a_socket_is_nobody_where_there_is_no_socket(world: World) -> None:
    words = [sys.executable, "-m", "arlo_rec", "serve", "--socket", "--store", str(world.store)]
    environment = {**os.environ, "PYTHONPATH": str(TOP), "SUDO_USER": "leif"}
    for stdin in (subprocess.PIPE, subprocess.DEVNULL):
        told = subprocess.run(words, stdin=stdin, env=environment, capture_output=True, check=False)
        assert told.returncode == 2 and b"--person" in told.stderr
    told = subprocess.run([*words, "--person", "leif"], env=environment, capture_output=True, check=False)
    assert told.returncode == 2


def test_what_sudo_hands_on_of_a_persons_process_is_given_up_or_refused(world: World) -> None:
    begin = ["chrt", "-i", "0", "nice", "-n", "5"]
    serve = [sys.executable, "-m", "arlo_rec", "serve", "--store", str(world.store)]
    code = f"umask 0; exec {shlex.join(begin + serve)}"
    environment = {**os.environ, "PYTHONPATH": str(TOP), "SUDO_USER": "leif", "TZ": "Asia/Tokyo"}
    needs.demand(needs.program("chrt", "nice"))
    with subprocess.Popen(
        ["sh", "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        greeting = process.stdout.readline()
        if not greeting:  # an account that may not raise its priority again
            assert process.wait() == 16 and b"nice" in process.stderr.read()
            return
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "Umask:\t0077" in status
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 0
        assert os.sched_getscheduler(process.pid) == os.SCHED_OTHER
        process.stdin.close()


def test_a_person_has_a_bounded_number_of_doors_and_others_have_theirs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs.demand(needs.linux())
    monkeypatch.setattr(seats, "SEATS", 1)
    with serving(world, person="iver") as first:
        first.say(ordered("status", "--as", "iver"))
        next(first.calls())  # it asks for the passphrase, and has its seat
        with serving(world, person="iver") as second:
            second.say(ordered("status", "--as", "iver", "--json"))
            ended = second.answer()
            assert (ended.status, json.loads(ended.out)["error"]["code"]) == (11, "doors_full")
        with serving(world, person="leif") as other:
            other.say(ordered("grants", "--as", "leif", "--json"))
            assert b"not_your_role" in other.answer().out, "it is heard, whatever it may do"
    with serving(world, person="iver") as third:
        third.say(ordered("status", "--as", "iver", "--json"))
        assert third.answer().status in {0, 3}


def test_a_machine_that_has_no_such_sockets_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    assert code(through("unix:/run/arlo-rec/door", tmp_path, "status", "--json")) == (2, "not_on_this_machine")
