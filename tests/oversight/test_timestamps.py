"""Checkpoints that somebody else stamps with the time (RFC 3161), by a service of this machine that openssl runs."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.crypto import primitives, timestamp
from arlo_rec.model.times import shown
from arlo_rec.offsite import timestamps
from tests.support.timestamping import Service, needs_openssl, serving
from tests.support.world import World, assert_no_bug

pytestmark = [needs_openssl, pytest.mark.xdist_group("timestamps")]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return Service(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    with serving(lambda request: (200, service.answer(request))) as address:
        yield address


def stamp(world: World, url: str, name: str = "anchor") -> dict[str, Any]:
    return world.json("audit", "checkpoint", "--timestamp", url, "--out", str(world.base / name), who="iver")


def refused(world: World, *words: str) -> tuple[int, str]:
    told = world.run("audit", "checkpoint", *words, "--json", who="iver")
    assert_no_bug(world)
    return told.exit, told.json["error"]["code"]


def problems(world: World, certificate: Path, *names: str) -> list[str]:
    anchors = [word for name in names or ("anchor",) for word in ("--anchor", str(world.base / name))]
    told = world.run("audit", "verify", *anchors, "--tsa-cert", str(certificate), "--json", who="iver")
    assert_no_bug(world)
    assert told.exit == (15 if told.json["problems"] else 0)
    return list(told.json["problems"])


@pytest.mark.rule("security.monitored")
def test_a_checkpoint_is_stamped_and_both_openssl_and_the_check_of_the_log_take_the_stamp(
    world: World, service: Service, url: str
) -> None:
    told = stamp(world, url)
    anchor, beside = Path(told["out"]), Path(told["timestamp"])
    assert (anchor.name, beside.name) == ("anchor", "anchor.tsr")
    assert anchor.read_text() == told["note"]
    assert [path.stat().st_mode & 0o777 for path in (anchor, beside)] == [0o600, 0o600]
    assert service.verifies(anchor, beside)
    world.take_in("a", seconds=0.2)
    assert problems(world, service.ca) == []
    words = ("audit", "verify", "--anchor", str(anchor), "--tsa-cert", str(service.ca))
    stamped = datetime.fromisoformat(world.json(*words, who="iver")["files"][0]["stamped"])
    assert abs((datetime.now(UTC) - stamped).total_seconds()) < 60
    assert f"{anchor} was there at {shown(stamped)}" in world.run(*words, "--lang", "en", who="iver").out
    assert problems(world, service.certificate) == ["anchor_not_timestamped"], "its CA's certificate is what counts"


def test_a_stamp_that_is_absent_of_another_file_changed_or_of_another_service_is_none(
    world: World, service: Service, url: str, tmp_path: Path
) -> None:
    stamp(world, url)
    world.take_in("a", seconds=0.2)
    stamp(world, url, "second")
    first, second = world.base / "anchor.tsr", world.base / "second.tsr"
    kept = first.read_bytes()
    wrong = {"absent": None, "another file's": second.read_bytes(), "empty": b"", "none": b"\x30\x03\x02\x01\x00"}
    wrong |= {f"changed at {at}": bytes([*kept[:at], kept[at] ^ 1, *kept[at + 1 :]]) for at in (9, len(kept) - 3)}
    for name, raw in wrong.items():
        first.unlink()
        if raw is not None:
            first.write_bytes(raw)
        assert problems(world, service.ca) == ["anchor_not_timestamped"], name
        assert problems(world, service.ca, "second") == [], name
        first.write_bytes(kept)
    other = Service(tmp_path / "other")
    assert problems(world, other.ca) == ["anchor_not_timestamped"]
    anchor = world.base / "anchor"
    anchor.write_text(anchor.read_text() + "\n")  # still an anchor, and not the bytes that were stamped
    assert problems(world, service.ca) == ["anchor_not_timestamped"]


def test_certificates_in_whatever_order_make_the_same_stamp(world: World, service: Service) -> None:
    """A service sends its own and those of its CAs; openssl sends them as they are configured."""
    turned = 0
    for first, second in (("tsa", "ca"), ("ca", "tsa")):
        request = timestamp.Request(b"content")
        answer = service.answer(request.der)
        one, other = service.der(first), service.der(second)
        if one + other not in answer:
            assert other + one in answer
            answer, turned = answer.replace(other + one, one + other), turned + 1
        assert abs((request.time_of(answer) - datetime.now(UTC)).total_seconds()) < 60
        trusted = timestamps.certificates(service.ca)
        assert timestamp.genuine(answer, b"content", trusted)
        assert not timestamp.genuine(answer, b"Content", trusted)
    assert turned == 1


@given(st.binary(max_size=80) | st.builds(lambda at, byte: (at, byte), st.integers(0, 2000), st.integers(0, 255)))
def test_whatever_an_answer_holds_is_a_stamp_or_none(service: Service, change: bytes | tuple[int, int]) -> None:
    kept = answered(service)
    if isinstance(change, tuple):
        changed = bytearray(kept)
        changed[change[0] % len(kept)] = change[1]
        change = bytes(changed)
    trusted = timestamps.certificates(service.ca)
    assert timestamp.genuine(kept, b"content", trusted)
    timestamp.genuine(change, b"content", trusted)  # a byte that no signature covers may be another
    for length in (0, 1, len(change) // 2, len(change) - 1):
        assert change == kept or timestamp.genuine(change[:length], b"content", trusted) is None


def test_a_certificate_of_no_known_version_or_without_a_serial_number_is_no_bug(service: Service) -> None:
    kept, trusted = answered(service), timestamps.certificates(service.ca)
    version, number = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x02\x02\x14"  # v3, and where 20 bytes begin
    assert kept.count(version) == 2
    assert kept.count(number) == 2
    at = kept.rfind(number) + len(number)
    for changed in (kept.replace(version, version[:-1] + b"\x42"), kept[:at] + b"\xff" + kept[at + 1 :]):
        timestamp.genuine(changed, b"content", trusted)
    assert timestamp.genuine(kept.replace(version, version[:-1] + b"\x42"), b"content", trusted) is None


@cache
def answered(service: Service) -> bytes:
    return service.answer(timestamp.Request(b"content").der)


def test_an_answer_to_something_else_is_not_kept(world: World, service: Service) -> None:
    answers: list[bytes] = []

    def replayed(request: bytes) -> tuple[int, bytes]:
        answers.append(service.answer(request))
        return 200, answers[0]

    with serving(replayed) as url:
        stamp(world, url)
        words = (
            "--timestamp",
            url,
            "--out",
            str(world.base / "again"),
        )  # the same note, and another number
        assert refused(world, *words) == (16, "timestamp_failed")
    assert not (world.base / "again").exists()
    assert not (world.base / "again.tsr").exists()


def test_an_answer_over_other_bytes_or_that_grants_something_else_is_none(service: Service) -> None:
    request = timestamp.Request(b"content")
    answer = service.answer(request.der)
    granted, granted_with_changes = b"\x30\x03\x02\x01\x00", b"\x30\x03\x02\x01\x01"
    other = request.der.replace(primitives.sha256(b"content"), primitives.sha256(b"other"))
    assert request.time_of(answer)
    assert answer.count(granted) == 1
    for wrong in (service.answer(other), answer.replace(granted, granted_with_changes)):
        with pytest.raises(ValueError, match=r"something else|status 1"):
            request.time_of(wrong)


def test_a_stamp_that_came_with_an_error_is_none(world: World, service: Service) -> None:
    with serving(lambda request: (404, service.answer(request))) as url:
        words = ("--timestamp", url, "--out", str(world.base / "anchor"))
        assert refused(world, *words) == (16, "timestamp_failed")


def test_no_more_is_read_than_an_answer_can_have(world: World) -> None:
    with serving(lambda _request: (200, bytes(100_000))) as url:
        told = world.run("audit", "checkpoint", "--timestamp", url, "--out", str(world.base / "a"), who="iver")
    assert told.exit == 16
    assert "(too long)" in told.err


REFUSED = bytes.fromhex("30093007020102 0302 0520".replace(" ", ""))  # status 2: rejection, the data submitted is wrong


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b""), (200, b"<html>"), (200, REFUSED), (404, b"none"), (301, b""), (500, b""),
    ],
    ids=["empty", "a page", "refused", "404", "301", "500"],
)  # fmt: skip
def test_a_service_that_gives_no_stamp_is_told_and_nothing_is_written(
    world: World, status: int, content: bytes
) -> None:
    with serving(lambda _request: (status, content)) as url:
        words = ("--timestamp", url, "--out", str(world.base / "anchor"))
        assert refused(world, *words) == (16, "timestamp_failed")
    assert not list(world.base.glob("anchor*"))


def test_a_service_that_is_silent_or_away_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamps, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        words = ("--timestamp", f"http://127.0.0.1:{port}/", "--out", str(world.base / "anchor"))
        assert refused(world, *words) == (16, "timestamp_failed")
    assert refused(world, *words) == (16, "timestamp_failed")
    away = ("--timestamp", "https://no.such.host.invalid/", *words[2:])
    assert refused(world, *away) == (16, "timestamp_failed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (b"", b"H"), (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a"), (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"a"),
    ],
    ids=["continue", "status", "headers", "body", "chunks", "handshake"],
)  # fmt: skip
def test_a_service_that_is_never_silent_and_never_done_is_left_in_time(
    world: World, monkeypatch: pytest.MonkeyPatch, begin: bytes, drop: bytes
) -> None:
    """Each byte comes within the limit of silence: what ends it is the limit of all of it."""
    monkeypatch.setattr(timestamps, "LONGEST", 0.6)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            channel, _ = server.accept()
            with channel, suppress(OSError):
                channel.recv(65536)
                channel.sendall(begin)
                while not ended.wait(0.1):
                    channel.sendall(drop)

        thread = threading.Thread(target=serve)
        thread.start()
        kind = "https" if begin.startswith(b"\x16") else "http"
        url = f"{kind}://127.0.0.1:{server.getsockname()[1]}/"
        end = threading.Timer(20, ended.set)  # else a failure of this test would be one that never ends
        end.start()
        told = world.run("audit", "checkpoint", "--timestamp", url, "--out", str(world.base / "a"), who="iver")
        assert not ended.is_set()
        end.cancel()
        ended.set()
        thread.join()
    assert told.exit == 16
    assert "(too slow)" in told.err
    assert not list(world.base.glob("a*.tsr"))


def test_over_https_a_service_whose_certificate_is_known_is_asked(
    world: World, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    words = ("-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    words = ("openssl", "req", "-x509", *words, "-keyout", str(key), "-out", str(certificate))
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(lambda request: (200, service.answer(request)), context) as url:
        stamp(world, url.replace("127.0.0.1", "localhost"))
    assert problems(world, service.ca) == []


def test_https_is_spoken_and_a_certificate_that_nobody_knows_is_refused(world: World, service: Service) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(service.certificate, service.folder / "tsa.key")
    with socket.create_server(("127.0.0.1", 0)) as server:
        said: list[str] = []

        def serve() -> None:
            channel, _ = server.accept()
            with channel, pytest.raises(ssl.SSLError) as told:
                context.wrap_socket(channel, server_side=True)
            said.append(str(told.value))

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"https://localhost:{server.getsockname()[1]}/"
        assert refused(world, "--timestamp", url, "--out", str(world.base / "a")) == (16, "timestamp_failed")
        thread.join()
    assert "unknown ca" in said[0].lower()


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://tsa.example/", "file:///etc/passwd", "tsa.example", "http://", "http://tsa.example:x/"),
        *("http://me:secret@tsa.example/", "http://tsa.example/a b", "http://tsa.example/\r\nX: y", "http://[::1"),
        *(f"http://{'x' * 80}.example/", "http://tsa.example/æ"),
    ],
)
def test_what_is_no_address_of_a_service_is_refused_before_anybody_is_unlocked(world: World, url: str) -> None:
    told = world.run("audit", "checkpoint", "--timestamp", url, "--out", str(world.base / "a"), "--json")
    assert (told.exit, told.json["error"]["code"]) == (2, "bad_timestamp_url")


def test_what_a_stamp_needs_is_asked_for(world: World, service: Service) -> None:
    url, out = "http://tsa.example/", str(world.base / "anchor")
    assert refused(world, "--timestamp", url) == (2, "timestamp_of_what")
    assert refused(world, "--timestamp", url, "--out", "-") == (2, "json_and_stdout")
    (world.base / "anchor.tsr").touch()
    assert refused(world, "--timestamp", url, "--out", out) == (2, "out_exists")
    assert refused(world, "--timestamp", url, "--out", str(world.base / "no" / "where")) == (2, "no_such_folder")

    def verify(*words: str) -> tuple[int, str]:
        told = world.run("audit", "verify", *words, "--json", who="iver")
        return told.exit, told.json["error"]["code"]

    assert verify("--tsa-cert", str(service.ca)) == (2, "timestamp_of_what_anchor")
    assert verify("--anchor", out, "--tsa-cert", str(world.base / "none")) == (2, "file_unreadable")
    assert verify("--anchor", out, "--tsa-cert", str(world.base / "passphrase")) == (2, "not_a_tsa_certificate")


def test_without_the_extra_the_command_names_it(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    out = str(world.base / "anchor")
    assert refused(world, "--timestamp", "http://tsa.example/", "--out", out) == (2, "timestamp_not_installed")
    told = world.run("audit", "checkpoint", "--timestamp", "http://tsa.example/", "--out", out, "--lang", "en")
    assert "arlo-rec[timestamp]" in told.err
    told = world.run("audit", "verify", "--anchor", out, "--tsa-cert", str(service.ca), "--json", who="iver")
    assert (told.exit, told.json["error"]["code"]) == (2, "timestamp_not_installed")
    assert world.json("audit", "checkpoint", "--out", out, who="iver")["timestamp"] is None
    assert Path(out).read_text() == world.json("audit", "checkpoint", who="iver")["note"]
