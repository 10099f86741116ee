"""Listening on a page: who gets a byte, what is heard, when it is over, and what the log says of it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.desk import listen
from arlo_rec.desk.session import FIRST_PAGE, GONE_AFTER, IDLE_AFTER, Visit
from arlo_rec.law.model.records import to_iso
from tests.support import needs
from tests.support.attack import own_code
from tests.support.catalogue import append_to_log
from tests.support.copies import CONFIRM, propose
from tests.support.keyring import begin_session
from tests.support.listening import Listening, started
from tests.support.places import TOP
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("access.managers"), pytest.mark.rule("security.reason"), pytest.mark.slow]
WHY = ("--purpose", "quality", "--reason", REASON)


@pytest.fixture(params=["", "through the door"])
def heard(request: pytest.FixtureRequest, world: World) -> tuple[World, str]:
    """A world with a call of two seconds that Leif may hear."""
    world.grant()
    (recording,) = world.take_in("call", seconds=2)
    world.door = bool(request.param)
    return world, recording


@pytest.fixture
def page(heard: tuple[World, str]) -> Iterator[Listening]:
    """A page for it, entered."""
    with Listening(*heard) as listening:
        assert listening.enter().status == 200
        yield listening


def entries(world: World) -> list[dict[str, Any]]:
    return list(world.json("audit", "show", "--action", "listen", who="iver")["entries"])


# -- what is heard ------------------------------------------------------------------------------------


def test_the_page_gets_facts_waveform_and_sound_and_the_log_has_it_before_and_after(
    heard: tuple[World, str], page: Listening
) -> None:
    world, recording = heard
    (before,) = entries(world)
    assert (before["outcome"], before["recordings"], before["reason"]) == ("allowed", [recording], REASON)
    facts = page.get("/facts").json
    assert {key: facts[key] for key in ("id", "team", "purpose", "channels")} == {
        "id": recording, "team": "kundeservice", "purpose": "quality", "channels": ["caller", "agent"],
    }  # fmt: skip
    sound = page.get("/sound")
    assert (sound.status, sound.body[:4], sound.head["Cache-Control"]) == (200, b"RIFF", "no-store")
    assert page.tell("/heard", {"spans": [[0, 0.5], [0.25, 1.0]]}).status == 204
    assert page.tell("/close").status == 204
    status, out, _ = page.ended()
    assert (status, "Heard: 0:01 of 0:0" in out) == (0, True)
    (_, after) = entries(world)
    assert (after["outcome"], after["detail"]["of"], after["detail"]["heard_s"]) == ("done", before["seq"], 1)


def test_it_is_the_sound_that_an_export_writes_whatever_part_is_asked_for(
    heard: tuple[World, str], page: Listening
) -> None:
    world, recording = heard
    out = world.base / "call.wav"
    world.json("export", recording, *WHY, "--out", str(out), who="leif")
    exported, whole = out.read_bytes(), page.get("/sound").body
    assert whole[44:] == exported[44:] if exported[20:22] == b"\1\0" else len(whole) > 44
    for start, stop in ((0, 10), (40, 50), (43, 45), (1000, 1001), (len(whole) - 7, len(whole))):
        part = page.get("/sound", Range=f"bytes={start}-{stop - 1}")
        assert (part.status, part.body) == (206, whole[start:stop])
        assert part.head["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert page.get("/sound", Range="bytes=-100").body == whole[-100:]
    assert page.get("/sound", Range=f"bytes={len(whole) - 5}-").body == whole[-5:]
    for wrong in (f"bytes={len(whole)}-", "bytes=-", "bytes=5-3", "lines=1-2", "bytes=1-2,4-5", "bytes=-0"):
        assert page.get("/sound", Range=wrong).status == 416


@pytest.mark.rule("data.pseudonymised")
def test_who_listens_for_training_sees_no_name_of_the_employee_and_for_quality_it(world: World) -> None:
    (call,) = world.take_in("a", seconds=1)
    made = propose(world, call)["copy"]
    world.json("review", made, *CONFIRM, who="sigrid")
    copy = world.json("release", made, "--reason", REASON, who="sigrid")["copy"]["copy"]
    shown = {}
    for name, purpose, recording in (("leif", "quality", call), ("turid", "training", copy)):
        world.grant(name, purpose)
        with own_code(world, name) as store:
            shown[purpose] = listen.open_for(store, recording, purpose, REASON, datetime.now(UTC)).facts["agent"]
    assert shown == {"quality": "Ola Oppdiktet", "training": None}


def test_what_was_not_given_was_not_heard_whatever_a_page_says(heard: tuple[World, str], page: Listening) -> None:
    page.tell("/heard", {"spans": [[0, 2], [5, 99999]]})
    for wrong in ({}, {"spans": [[1]]}, {"spans": "x"}, {"spans": [["a", "b"]]}, []):
        assert page.tell("/heard", wrong).status == 400
    page.tell("/close")
    page.ended()
    assert entries(heard[0])[-1]["detail"] == {"of": entries(heard[0])[0]["seq"], "heard_s": 0, "given_s": 0}


def test_a_changed_chunk_is_silence_that_is_told_and_the_rest_is_heard(world: World) -> None:
    world.grant()
    (recording,) = world.take_in("long", seconds=30)
    with Listening(world, recording) as page:
        page.enter()
        whole = page.get("/sound").body
        page.tell("/close")
        page.ended()
    (path,) = (world.store / "objects").rglob(recording)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with Listening(world, recording) as page:
        page.enter()
        changed = page.get("/sound").body
        differ = [at for at in range(44, len(whole)) if changed[at] != whole[at]]
        assert len(whole) == len(changed)
        assert 0 < len(differ) <= 4 * 16384
        assert not any(changed[at] for at in differ)
        peaks = wait_for(page)
        ((begin, end),) = peaks["damaged"]
        assert 0 < end - begin < 3
    assert world.run("export", recording, *WHY, "--out", str(world.base / "x"), who="leif").exit == 15


def wait_for(page: Listening) -> Any:
    """The whole waveform."""
    for _ in range(200):
        peaks = page.get("/peaks?from=0").json
        if peaks["done"]:
            return peaks
        time.sleep(0.02)
    raise AssertionError("the waveform never came to its end")


def test_the_waveform_has_a_value_for_each_tenth_of_a_second_and_channel(page: Listening) -> None:
    peaks = wait_for(page)
    length = page.get("/facts").json["length_s"]
    assert abs(len(peaks["peaks"]) * peaks["step_s"] - length) < 0.2
    assert all(len(step) == 2 and all(-1.01 <= low <= high <= 1.01 for low, high in step) for step in peaks["peaks"])
    assert page.get(f"/peaks?from={len(peaks['peaks']) - 1}").json["peaks"] == peaks["peaks"][-1:]


# -- who gets nothing ---------------------------------------------------------------------------------


def test_without_the_secret_there_is_nothing_but_the_empty_page(heard: tuple[World, str], page: Listening) -> None:
    for path in ("/facts", "/peaks?from=0", "/sound", "/events", "/nothing"):
        assert page.ask("GET", path).status == 403
        assert page.ask("GET", f"/{'x' * 43}{path}").status == 403
    for path in ("/", "/start.js", "/visit.js", "/listen.js", "/listen.css"):
        got = page.ask("GET", path)
        assert got.status == 200
        assert "default-src 'none'" in got.head["Content-Security-Policy"]
        assert not re.search(rb"kundeservice|Oppdiktet", got.body)
    assert heard[1].encode() not in page.ask("GET", "/").body


def test_the_token_lets_in_once(heard: tuple[World, str]) -> None:
    with Listening(*heard) as page:
        assert page.ask("POST", "/enter", "wrong", Origin=page.origin).status == 403
        assert page.ask("POST", "/enter", page.token).status == 403, "no page of ours sent it"
        assert page.enter().status == 200
        assert page.ask("POST", "/enter", page.token, Origin=page.origin).status == 403


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
    ],
)
def test_another_page_and_another_name_get_nothing(page: Listening, head: dict[str, str], status: int) -> None:
    assert page.ask("GET", "/", **head).status == status
    for path in ("/facts", "/sound"):
        assert page.get(path, **head).status == status
    write = {"Origin": page.origin, **head}
    assert page.ask("POST", f"/{page.secret}/close", "", **write).status == status
    assert page.get("/facts").status == 200, "and it did not end"


def test_what_follows_a_request_that_was_not_read_is_no_request(page: Listening) -> None:
    """A page of elsewhere may post what it likes; the end of it must not be answered."""
    host = f"Host: {page.host}:{page.port}\r\n"
    inner = f"GET / HTTP/1.1\r\n{host}\r\n"
    heads = (
        f"POST /heard HTTP/1.1\r\n{host}Content-Length: 99999999\r\n\r\n",
        f"POST /heard HTTP/1.1\r\n{host}Origin: http://evil.example\r\nContent-Length: 9\r\n\r\n",
        f"POST /heard HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n",
        f"POST /x HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        f"GET / HTTP/1.1\r\n{host}Content-Length: {len(inner)}\r\n\r\n",
    )
    for head in heads:
        with socket.create_connection((page.host, page.port), timeout=20) as connection:
            connection.sendall((head + inner).encode())
            answer = b""
            with suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    answer += piece
        assert answer.count(b"HTTP/1.1 ") == 1, head
        assert b" 200 " not in answer, head


def test_what_is_too_long_or_no_request_of_ours_is_refused(page: Listening) -> None:
    assert page.ask("POST", f"/{page.secret}/heard", "x" * 600_000, Origin=page.origin).status == 413
    for method in ("PUT", "DELETE", "OPTIONS", "HEAD"):
        assert page.ask(method, f"/{page.secret}/sound").status == 501


@needs.mark(needs.root(), needs.program("bash"))
def test_another_account_of_the_machine_gets_no_answer_at_all(page: Listening) -> None:
    asked = (
        f"exec 3<>/dev/tcp/{page.host}/{page.port}; "
        rf"printf 'GET / HTTP/1.1\r\nHost: {page.host}:{page.port}\r\nConnection: close\r\n\r\n' >&3; head -n 1 <&3"
    )
    other, own = (
        subprocess.run(["bash", "-c", asked], user=user, capture_output=True, text=True, check=False).stdout
        for user in (65534, None)
    )
    assert (other, own.strip()) == ("", "HTTP/1.1 200 OK")


@pytest.mark.parametrize("recording", ["0" * 32, "abcdef", "nothing", "%"])
def test_an_id_that_is_not_open_is_refused_as_everywhere(heard: tuple[World, str], recording: str) -> None:
    told = heard[0].run("listen", recording, *WHY, "--no-browser", "--json", who="leif")
    assert (told.exit, told.json["error"]["code"]) == (13, "no_grant")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--reason", REASON), "purpose_missing"),
        (("--purpose", "marketing", "--reason", REASON), "purpose_unknown"),
        (("--purpose", "quality"), "reason_missing"),
        (("--purpose", "quality", "--reason", "short"), "reason_too_short"),
        ((*WHY, "--player", ""), "bad_value"),
        ((*WHY, "--player", "'"), "bad_value"),
        ((*WHY, "--player", "/nowhere/player"), "no_player"),
    ],
)
def test_what_was_typed_wrongly_is_told(heard: tuple[World, str], words: tuple[str, ...], code: str) -> None:
    told = heard[0].run("listen", heard[1], *words, "--json", who="leif")
    assert (told.exit, told.json["error"]["code"]) == (2, code)


# -- when it is over ----------------------------------------------------------------------------------


def ends_soon(page: Listening) -> tuple[int, str]:
    """Exit status and stderr of a page that something has closed."""
    began = time.monotonic()
    status, _, err = page.ended()
    assert time.monotonic() - began < 5
    return status, err


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_ends_it_in_the_midst_of_a_sentence(heard: tuple[World, str], page: Listening) -> None:
    page.get("/sound", Range="bytes=0-9999")
    assert heard[0].run("withdraw", "--call", heard[1], "--yes", who="siri").exit == 0
    status, err = ends_soon(page)
    assert (status, "it was erased" in err) == (14, True)
    assert entries(heard[0])[-1]["detail"]["given_s"] >= 1


@pytest.mark.rule("data.employee")
def test_an_objection_that_is_entered_ends_it(heard: tuple[World, str], page: Listening) -> None:
    page.get("/sound", Range="bytes=0-9999")
    heard[0].json("person", "objection", "Ola Oppdiktet", "--scope", "training", who="sigrid")
    assert page.get("/sound", Range="bytes=0-9999").status in {200, 206}, "it is heard for quality"
    heard[0].json("person", "objection", "Ola Oppdiktet", "--scope", "quality", who="sigrid")
    status, err = ends_soon(page)
    assert (status, "the employee who answered objected" in err) == (14, True)


@pytest.mark.rule("access.subject")
def test_a_hold_on_the_call_ends_it(heard: tuple[World, str], page: Listening) -> None:
    page.get("/sound", Range="bytes=0-9999")
    hold = ("--ground", "18a", "--until", "5d", "--reason", "the person says the date is wrong")
    heard[0].json("hold", "set", heard[1], *hold, who="sigrid")
    status, err = ends_soon(page)
    assert (status, err != "") == (14, True)


def test_the_end_of_a_grant_ends_it(heard: tuple[World, str], page: Listening) -> None:
    assert heard[0].run("revoke", "leif", who="sigrid").exit == 0
    status, err = ends_soon(page)
    assert (status, "your access has ended" in err) == (14, True)


def test_a_clock_that_is_behind_the_log_ends_it(heard: tuple[World, str], page: Listening) -> None:
    later = to_iso(datetime.now(UTC) + timedelta(days=1))
    append_to_log(heard[0], "iver", {"action": "status", "outcome": "allowed", "rule": "x", "at": later})
    status, err = ends_soon(page)
    assert (status, "the clock of this machine is behind the log" in err) == (14, True)


def test_a_browser_that_keeps_the_terminal_does_not_keep_the_recording_open(
    heard: tuple[World, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/asked\nexec sleep 60\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setenv("DISPLAY", ":9")
    world, recording = heard
    with started(world, "listen", recording, *WHY, *world._who("leif")) as process:
        until = time.monotonic() + 20
        while not (tmp_path / "asked").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert world.run("withdraw", "--call", recording, "--yes", who="siri").exit == 0
        assert process.wait(5) == 14


def test_locking_ends_it_where_it_began_by_an_unlock(heard: tuple[World, str]) -> None:
    begin_session()
    world, recording = heard
    world.json("unlock", who="leif")
    words = ("--as", "leif")
    with Listening(world, recording, *words, who="") as page:
        page.enter()
        assert world.run("lock", *words).exit == 0
        assert ends_soon(page)[0] == 0
    assert entries(world)[-1]["outcome"] == "done"


def test_the_page_is_told_why_it_is_over(heard: tuple[World, str], page: Listening) -> None:
    assert heard[0].run("withdraw", "--call", heard[1], "--yes", who="siri").exit == 0
    try:
        told = page.get("/events").body.decode()
    except OSError:  # the program was faster
        return
    assert '"withdrawn"' in told


@pytest.mark.sampled(4)
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_a_stop_and_a_closed_terminal_end_it_and_the_log_says_how_much_was_heard(
    heard: tuple[World, str], page: Listening, stop: signal.Signals
) -> None:
    page.get("/sound")
    page.tell("/heard", {"spans": [[0, 1.5]]})
    page.process.send_signal(stop)
    assert page.ended()[0] == 0
    assert (entries(heard[0])[-1]["outcome"], entries(heard[0])[-1]["detail"]["heard_s"]) == ("done", 2)


def test_two_pages_at_once_are_two_entries_and_two_ports(heard: tuple[World, str]) -> None:
    with Listening(*heard) as one, Listening(*heard) as two:
        assert one.port != two.port
        one.enter()
        assert two.ask("GET", f"/{one.secret}/facts").status == 403
        assert [entry["outcome"] for entry in entries(heard[0])] == ["allowed", "allowed"]


def test_a_visit_is_over_when_the_page_is_never_opened_closed_or_idle() -> None:
    never = Visit()
    assert never.why_over(0, FIRST_PAGE) is None
    assert never.why_over(0, FIRST_PAGE + 1) == "idle"
    left = Visit()
    left.enter(left.token, 10)
    left.connect(10)
    assert left.why_over(0, 10 + IDLE_AFTER) is None
    left.disconnect(20)
    assert left.why_over(0, 20 + GONE_AFTER) is None
    assert left.why_over(0, 21 + GONE_AFTER) == "ended"
    idle = Visit()
    idle.enter(idle.token, 10)
    idle.connect(10)
    assert idle.why_over(0, 11 + IDLE_AFTER) == "idle"


def test_nothing_is_left_on_the_disk(heard: tuple[World, str], page: Listening) -> None:
    world, _ = heard
    before = {path for path in world.base.rglob("*") if path.is_file()}
    page.get("/sound")
    page.tell("/close")
    page.ended()
    after = {path for path in world.base.rglob("*") if path.is_file()}
    assert {path.suffix for path in after - before} <= {""}
    assert not any(b"RIFF" in path.read_bytes() for path in after - before)


# -- a player of one's own ----------------------------------------------------------------------------


def test_a_player_gets_the_sound_on_its_stdin_and_the_log_how_much(heard: tuple[World, str]) -> None:
    world, recording = heard
    out = world.base / "piped"
    told = world.json("listen", recording, *WHY, "--player", f"sh -c 'cat > {shlex.quote(str(out))}'", who="leif")
    assert (told["url"], told["id"], round(told["heard_s"])) == (None, recording, 2)
    assert out.read_bytes()[:4] == b"RIFF"
    assert entries(world)[-1]["detail"]["heard_s"] == 2


def test_a_player_that_is_closed_has_heard_enough(world: World) -> None:
    world.grant()
    (recording,) = world.take_in("long", seconds=60)
    told = world.json("listen", recording, *WHY, "--player", "head -c 1000", who="leif")
    assert told["heard_s"] < 60


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_kills_a_player_in_the_midst_of_a_sentence(world: World) -> None:
    world.grant()
    (recording,) = world.take_in("long", seconds=60)
    heard = world.base / "heard"
    slow = f"sh -c 'sleep 600 & echo $! > {shlex.quote(str(heard))}; wait'"  # behind a shell, and it takes nothing
    with with_a_player(world, recording, slow) as process:
        until(heard.exists)
        assert world.run("withdraw", "--call", recording, "--yes", who="siri").exit == 0
        acknowledged = time.monotonic()
        assert process.wait(30) == 14
        assert time.monotonic() - acknowledged < 5
    until(lambda: not alive(int(heard.read_text())))
    assert entries(world)[-1]["detail"]["heard_s"] < 60


@contextmanager
def with_a_player(world: World, recording: str, player: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command with a player, as a process of its own."""
    command = [sys.executable, "-m", "arlo_rec", "listen", recording, *WHY, "--player", player, *world._who("leif")]
    environment = {**os.environ, **world._environment(), "PYTHONPATH": str(TOP)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        yield process


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_player_is_told_of_what_is_damaged_too(world: World) -> None:
    world.grant()
    (recording,) = world.take_in("long", seconds=30)
    (path,) = (world.store / "objects").rglob(recording)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    told = world.run("listen", recording, *WHY, "--player", "cat", "--lang", "en", who="leif")
    assert re.search(r"damaged, and this is silent: 0:1\d-0:1\d\.", told.out)


def test_a_recording_of_training_is_heard_as_its_released_copy_alone(heard: tuple[World, str]) -> None:
    world, recording = heard
    world.grant("turid", "training")
    told = world.run("listen", recording, "--purpose", "training", "--reason", REASON, "--json", who="turid")
    assert (told.exit, told.json["error"]["code"]) == (14, "no_released_copy")


def test_on_a_server_the_line_that_forwards_the_port_is_told(heard: tuple[World, str]) -> None:
    heard[0].environment["SSH_CONNECTION"] = "192.0.2.7 50000 192.0.2.1 22"
    with Listening(*heard) as page:
        said = "".join(page.process.stderr.readline() for _ in range(2)) if page.process.stderr else ""
        assert re.search(rf"ssh -N -L {page.port}:127\.0\.0\.1:{page.port} \S+@192\.0\.2\.1", said)
