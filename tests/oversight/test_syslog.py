"""Checkpoints that go to a syslog: on the wire as the standards say, to a collector of others, and back as anchors."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.model.errors import Unreachable, Usage
from arlo_rec.offsite import syslog
from tests.support import world as worlds
from tests.support.anchors import notes_in
from tests.support.world import World, assert_no_bug

NOW = datetime(2026, 10, 1, 8, 0, 0, 250_000, tzinfo=UTC)
MESSAGE = re.compile(  # RFC 5424, 6: <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG
    rb"<109>1 (?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) (?P<host>[!-~]{1,255}) arlo-rec \d+ checkpoint - "
    rb"(?P<text>\{[ -~]*\})"
)
HOSTS = [("127.0.0.1", socket.AF_INET), ("localhost", socket.AF_INET), ("[::1]", socket.AF_INET6)]


@pytest.fixture
def note(world: World) -> str:
    return str(world.json("audit", "checkpoint", who="iver")["note"])


def send(world: World, address: str) -> dict[str, Any]:
    return world.json("audit", "checkpoint", "--syslog", address, who="iver")


def refused(world: World, address: str) -> tuple[int, str]:
    told = world.run("audit", "checkpoint", "--syslog", address, "--json", who="iver")
    assert_no_bug(world)
    return told.exit, told.json["error"]["code"]


def bound(family: int, kind: int) -> socket.socket:
    """A socket on a free port of this machine; the test is skipped where it has no such addresses."""
    channel = socket.socket(family, kind)
    try:
        channel.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    except OSError as error:
        channel.close()
        pytest.skip(f"no such address here: {error}")
    channel.settimeout(10)
    return channel


@contextmanager
def listening(family: int = socket.AF_INET, answer: bytes = b"") -> Iterator[tuple[int, Callable[[], bytes]]]:
    """A TCP server for one connection: its port, and what was sent until the end."""
    with bound(family, socket.SOCK_STREAM) as server:
        server.listen()
        got: list[bytes] = []

        def serve() -> None:
            channel, _ = server.accept()
            with channel:
                channel.settimeout(10)
                while piece := channel.recv(4096):
                    got.append(piece)
                channel.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()

        def received() -> bytes:
            thread.join(10)
            return b"".join(got)

        yield server.getsockname()[1], received
        thread.join(10)


# -- the wire -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "family"), HOSTS)
def test_a_datagram_is_one_message_and_its_text_is_an_anchor(world: World, note: str, host: str, family: int) -> None:
    with bound(family, socket.SOCK_DGRAM) as collector:
        address = f"udp://{host}:{collector.getsockname()[1]}"
        assert send(world, address)["syslog"] == address
        said = MESSAGE.fullmatch(collector.recv(65536))
        assert said is not None
        assert notes_in(said["text"]) == ([note], True)
        assert len(said[0]) <= 1024  # what every collector takes whole, also one of RFC 3164


@pytest.mark.parametrize(("host", "family"), HOSTS)
def test_over_a_connection_the_length_stands_before_the_message(
    world: World, note: str, host: str, family: int
) -> None:
    with listening(family) as (port, received):
        send(world, f"tcp://{host}:{port}")
        length, _, rest = received().partition(b" ")
    assert length == b"%d" % len(rest)
    said = MESSAGE.fullmatch(rest)
    assert said is not None
    assert notes_in(said["text"]) == ([note], True)


def test_the_journal_gets_its_own_fields(world: World, note: str) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as journal:
        journal.bind(f"{folder}/socket")
        journal.settimeout(10)
        send(world, f"journal://{folder}/socket")
        raw = journal.recv(65536).decode("ascii")
    assert raw.endswith("\n")
    fields = dict(line.split("=", 1) for line in raw.splitlines())
    assert notes_in(fields.pop("MESSAGE").encode()) == ([note], True)
    assert fields.pop("MESSAGE_ID").isalnum()
    assert fields == {
        "PRIORITY": "5",
        "SYSLOG_FACILITY": "13",
        "SYSLOG_IDENTIFIER": "arlo-rec",
        "SYSLOG_MSGID": "checkpoint",
    }


def test_nobody_is_named_in_a_message(world: World, note: str) -> None:
    text = syslog._message(worlds.json.dumps({"note": note}), NOW).decode()
    assert " 2026-10-01T08:00:00.250000Z " in text
    assert not [name for name in (*worlds.PEOPLE, *worlds.SERVICES) if name in text]


@pytest.mark.parametrize("name", ["", "a name", "skåp", "x" * 300], ids=len)
def test_whatever_the_machine_is_called_the_message_has_its_form(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert MESSAGE.fullmatch(syslog._message("{}", NOW))


# -- a collector of others ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("rsyslogd") is None, reason="rsyslogd is not installed (rsyslog)")
@pytest.mark.rule("security.monitored")
def test_what_rsyslog_wrote_is_a_file_of_anchors(world: World, tmp_path: Path) -> None:
    with bound(socket.AF_INET, socket.SOCK_DGRAM) as udp, bound(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        ports = udp.getsockname()[1], tcp.getsockname()[1]  # free until rsyslog has them
    written = tmp_path / "collected"
    (tmp_path / "conf").write_text(
        f'global(workDirectory="{tmp_path}")\nmodule(load="imudp")\nmodule(load="imtcp")\n'
        f'input(type="imudp" address="127.0.0.1" port="{ports[0]}")\n'
        f'input(type="imtcp" address="127.0.0.1" port="{ports[1]}")\n'
        f'*.* action(type="omfile" file="{written}")\n'
    )
    words = ["rsyslogd", "-n", "-f", str(tmp_path / "conf"), "-i", str(tmp_path / "pid")]
    with subprocess.Popen(words) as collector:
        try:
            eventually(lambda: world.run("audit", "checkpoint", "--syslog", f"tcp://127.0.0.1:{ports[1]}").exit != 16)
            for seed, kind in enumerate(("tcp", "udp")):
                world.take_in(kind, seed=seed, seconds=0.2)
                send(world, f"{kind}://127.0.0.1:{ports[kind == 'tcp']}")
            eventually(lambda: written.exists() and len(notes_in(written.read_bytes())[0]) >= 2)
        finally:
            collector.terminate()
    assert world.run("audit", "verify", "--anchor", str(written), who="iver").exit == 0
    with written.open("a") as file:
        file.write(written.read_text().splitlines()[-1].replace("\\nfrom", "\\nfrom 1", 1) + "\n")
    assert world.run("audit", "verify", "--anchor", str(written), who="iver").exit == 15


def eventually(is_so: Callable[[], bool]) -> None:
    for _ in range(200):
        if is_so():
            return
        time.sleep(0.05)  # another program starts, or writes
    raise AssertionError("not within ten seconds")


# -- what does not go ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("", "syslog", "udp://", "udp://host", "udp://host:0", "udp://host:70000", "udp://host:x", "tcp://:514"),
        *("http://host:80", "udp://host:514/path", "udp://host:514?x=1", "udp://me@host:514", "tcp://[::1:514"),
        *("journal:", "journal://", "journal://host/socket", "journal:///", "udp://[::g]:514"),
    ],
)
def test_what_is_no_address_is_refused_before_anybody_is_unlocked(world: World, text: str) -> None:
    told = world.run("audit", "checkpoint", "--syslog", text, "--json")
    assert (told.exit, told.json["error"]["code"]) == (2, "bad_syslog_address")


@given(st.text(max_size=40) | st.from_regex(r"(udp|tcp|journal)://[\w\[\]:./?#@%-]{0,20}", fullmatch=True))
def test_any_text_is_an_address_or_a_usage_error(text: str) -> None:
    try:
        address = syslog.parse(text)
    except Usage:
        return
    assert address.kind in {"udp", "tcp", "journal"}
    assert address.host
    assert (address.kind == "journal") is (address.port == 0)


def test_where_nobody_listens_the_command_says_so(world: World, tmp_path: Path) -> None:
    with bound(socket.AF_INET, socket.SOCK_DGRAM) as udp, bound(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        closed = [f"udp://127.0.0.1:{udp.getsockname()[1]}", f"tcp://127.0.0.1:{tcp.getsockname()[1]}"]
    for address in (*closed, f"journal://{tmp_path}/none", "udp://no.such.host.invalid:514", "tcp://0.0.0.0.0:514"):
        assert refused(world, address) == (16, "syslog_unreachable"), address
    told = world.run("audit", "checkpoint", "--syslog", closed[1], "--lang", "en", who="iver")
    assert (told.exit, told.out) == (16, "")
    assert closed[1].removeprefix("tcp://") in told.err


def test_a_path_or_a_name_that_is_too_long_is_no_bug(world: World) -> None:
    assert refused(world, f"journal:///{'x' * 200}") == (16, "syslog_unreachable")
    assert refused(world, f"udp://{'x' * 80}.example:514") == (2, "bad_syslog_address")
    assert refused(world, "tcp://a..b:514") == (2, "bad_syslog_address")


def test_a_collector_that_neither_reads_nor_ends_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog, "TIMEOUT", 0.2)
    with bound(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.listen()
        address = syslog.Address("tcp", "127.0.0.1", server.getsockname()[1])
        begun = time.monotonic()
        syslog.send(address, "note", NOW)  # it is with the other side, which says nothing
        with pytest.raises(Unreachable, match="syslog_unreachable"):
            syslog.send(address, "x" * 50_000_000, NOW)
        assert time.monotonic() - begun < 5


def test_a_collector_that_talks_without_an_end_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog, "TIMEOUT", 0.3)
    with listening(answer=b"x" * 10_000_000) as (port, received):
        syslog.send(syslog.Address("tcp", "127.0.0.1", port), "note", NOW)
        assert received().endswith(b'{"note":"note"}')


def test_what_could_be_kept_here_is_kept_although_the_collector_is_away(world: World) -> None:
    with bound(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        address = f"tcp://127.0.0.1:{tcp.getsockname()[1]}"
    words = ("--append", str(world.base / "anchors"), "--syslog", address)
    assert world.run("audit", "checkpoint", *words, who="iver").exit == 16
    assert len(notes_in((world.base / "anchors").read_bytes())[0]) == 1
