"""The keeper of OpenBao, whose server answers late, twice, with what was, with another's answer, or only says yes.

What lies between is a line of this machine that does so with a real server. Snapshots stand in `test_root_in_openbao`.
"""

from __future__ import annotations

import http.client
import json
import socketserver
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from arlo_rec.engines.openbao import openbao
from arlo_rec.engines.openbao.address import BaoAccess, KeyAddress
from arlo_rec.engines.openbao.openbao import BaoRoot
from arlo_rec.law.model.errors import Integrity, Unreachable
from arlo_rec.vault.backends.files import FileRoot
from tests.fuzz.judge import limited
from tests.support.openbao import OpenBao

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("openbao")]
STORE, SEED = b"s" * 16, b"r" * 32
DAYS = {20_800: b"a" * 32, 20_801: b"b" * 32}
Answer = tuple[int, bytes]


@dataclass
class Request:
    """What the program asks, on its way to the server."""

    method: str
    path: str
    body: bytes | None
    token: str | None
    onward: http.client.HTTPSConnection

    @property
    def writes(self) -> bool:
        return self.method != "GET" and not self.path.endswith(("/login", "/decrypt"))

    def pass_on(self) -> Answer:
        self.onward.request(self.method, self.path, self.body, {"X-Vault-Token": self.token} if self.token else {})
        answer = self.onward.getresponse()
        return answer.status, answer.read()


@dataclass
class Between:
    """The line to a server, and what happens on it; None as an answer breaks the connection."""

    address: str = ""
    happens: Callable[[Request], Answer | None] = Request.pass_on
    kept: list[Request] = field(default_factory=list)


@contextmanager
def between(server: OpenBao) -> Iterator[Between]:
    line, node, trusted = Between(), server.leader(), ssl.create_default_context(cafile=server.ca)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.onward = http.client.HTTPSConnection(node.host, node.port, timeout=10, context=trusted)
            lines.callback(self.onward.close)

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else None
            told = line.happens(Request(self.command, self.path, body, self.headers.get("X-Vault-Token"), self.onward))
            if told is None:
                self.close_connection = True
                return
            self.send_response(told[0])
            self.send_header("Content-Length", str(len(told[1])))
            self.end_headers()
            self.wfile.write(told[1])

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ExitStack() as lines, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        line.address = f"http://127.0.0.1:{listening.server_address[1]}"
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield line
        finally:
            listening.shutdown()


@pytest.fixture
def line(bao: OpenBao) -> Iterator[Between]:
    with between(bao) as made:
        yield made


@pytest.fixture(scope="module")
def mounted(bao: OpenBao) -> OpenBao:
    """The server, with the engines of the example."""
    bao.fresh_key()
    return bao


@pytest.fixture
def again(mounted: OpenBao, line: Between, tmp_path: Path) -> Callable[[], BaoRoot]:
    """The root of one store over the line, for one run after the other, by an operator's token."""
    address = KeyAddress("transit", f"k{uuid.uuid4().hex[:12]}")
    access = BaoAccess((line.address,), token=mounted.token, wait=2.0)
    (tmp_path / "root").mkdir()
    lock = FileRoot.create(tmp_path / "root", has_slots=False).lock
    return lambda: BaoRoot(STORE, address, access, lock)


def found(again: Callable[[], BaoRoot]) -> dict[int, bytes]:
    """Found a store, and wrap two days' keys below its first generation."""
    root = again()
    key = root.found(1, SEED, 1)
    root.founded()
    return key.wrap(DAYS)


def erase(root: BaoRoot, generation: int) -> tuple[int, dict[int, bytes]]:
    """What an erasure does with a root, in its order; the second day stays."""
    following, key = root.begin(generation, SEED, 1)
    kept = key.wrap({20_801: DAYS[20_801]})
    root.settle(following)
    seen = str(following).encode()
    root.update_seen(lambda known: None if known == [seen] else seen)
    return following, kept


def twice(request: Request) -> Answer | None:
    told = request.pass_on()
    return request.pass_on() if request.writes else told


def answer_lost(seen: set[str]) -> Callable[[Request], Answer | None]:
    """Each write is carried out, and its first answer never comes."""

    def happens(request: Request) -> Answer | None:
        told = request.pass_on()
        if not request.writes or request.path in seen:
            return told
        seen.add(request.path)
        return None

    return happens


def kept_back(line: Between, seen: set[str]) -> Callable[[Request], Answer | None]:
    """Each write is kept back first, as behind a slow line that the program gave up."""

    def happens(request: Request) -> Answer | None:
        if not request.writes or request.path in seen:
            return request.pass_on()
        seen.add(request.path)
        line.kept.append(request)
        return None

    return happens


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("how", ["twice", "answer lost", "late"])
def test_writes_that_come_twice_or_late_neither_stop_an_erasure_nor_undo_it(
    line: Between, again: Callable[[], BaoRoot], how: str
) -> None:
    make = {
        "twice": lambda: twice,
        "answer lost": lambda: answer_lost(set()),
        "late": lambda: kept_back(line, set()),
    }[how]
    line.happens = make()
    old, generation = found(again), 1
    for _ in range(2):
        line.happens = make()
        before = generation
        generation, kept = erase(again(), generation)
        late, line.happens = line.kept[:], Request.pass_on
        for request in late:
            request.pass_on()
        assert again().unsettled(generation) is None
        assert again().open(generation, SEED).unwrap(kept) == {20_801: DAYS[20_801]}
        with pytest.raises(Integrity, match="catalogue_older_than_root"):
            again().open(before, SEED)
        root = again()
        root.read_seen()
        assert root._key(1, SEED).unwrap(old) == {}, "not even where nothing is asked first"
    assert again().read_seen() == [str(generation).encode()]


@pytest.mark.parametrize("what", ["rotate", "config", "trim"])
def test_what_the_server_says_it_did_and_did_not_is_no_erasure(
    line: Between, again: Callable[[], BaoRoot], what: str
) -> None:
    found(again)
    line.happens = lambda asked: (200, b"{}") if asked.path.endswith(f"/{what}") else asked.pass_on()
    with pytest.raises(Unreachable, match="bao_not"):
        erase(again(), 1)
    line.happens = Request.pass_on
    assert erase(again(), 1)[0] > 1


def test_what_was_true_before_an_erasure_is_not_taken_for_today(line: Between, again: Callable[[], BaoRoot]) -> None:
    found(again)
    then = dict[str, Answer]()

    def remembers(request: Request) -> Answer:
        told = request.pass_on()
        return then.setdefault(request.path, told) if request.method == "GET" else told

    line.happens = remembers
    again().unsettled(1)
    again().read_seen()
    line.happens = Request.pass_on
    generation, _ = erase(again(), 1)
    line.happens = lambda asked: then[asked.path] if asked.method == "GET" and asked.path in then else asked.pass_on()
    with pytest.raises(Integrity, match="root_older_than_catalogue"):
        again().open(generation, SEED)
    with pytest.raises(Unreachable, match="bao_not_rotated"):  # with a catalogue of then, too
        again().begin(1, SEED, 1)
    with pytest.raises(Unreachable, match="bao_refuses"):
        again().update_seen(lambda _: b"older")
    line.happens = Request.pass_on
    assert again().read_seen() == [str(generation).encode()]


def test_answers_that_were_exchanged_open_no_day_as_another(line: Between, again: Callable[[], BaoRoot]) -> None:
    wrapped = found(again)

    def exchanged(request: Request) -> Answer:
        status, raw = request.pass_on()
        if "/decrypt/" in request.path:
            told = json.loads(raw)
            told["data"]["batch_results"].reverse()
            raw = json.dumps(told).encode()
        return status, raw

    line.happens = exchanged
    assert again().open(1, SEED).unwrap(wrapped) == {}
    line.happens = Request.pass_on
    assert again().open(1, SEED).unwrap(wrapped) == DAYS


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n", b" "),
    ],
    ids=["announced", "head", "body"],
)
def test_an_answer_that_never_ends_is_given_up_though_each_piece_comes_in_time(
    again: Callable[[], BaoRoot], line: Between, monkeypatch: pytest.MonkeyPatch, begin: bytes, piece: bytes
) -> None:
    class Drips(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(65536)
                self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")  # it is active
                self.request.recv(65536)
                self.request.sendall(begin)
                while True:
                    self.request.sendall(piece)
                    time.sleep(0.02)

    monkeypatch.setattr(openbao, "PARTS", 0.2)
    root = again()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drips) as listening:
        listening.daemon_threads = True
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        access = replace(root._bao._access, addresses=(f"http://127.0.0.1:{listening.server_address[1]}",), token="t")
        with limited(), pytest.raises(Unreachable):
            BaoRoot(STORE, root._address, access, root._lock).read_seen()
        listening.shutdown()
