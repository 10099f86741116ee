"""The page's server in this process, where a session is ended in the midst of an answer."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from arlo_rec.desk import listen
from arlo_rec.desk.server import PIECE, Server
from arlo_rec.desk.session import Session
from arlo_rec.store import open_store
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support.attack import identity
from tests.support.world import REASON, World

pytestmark = [pytest.mark.slow, pytest.mark.rule("consent.withdraw")]
LONG = 900  # seconds: more than sockets hold


@pytest.fixture
def session(world: World) -> Iterator[Session]:
    world.grant()
    (recording,) = world.take_in("long", seconds=LONG)
    now = datetime.now(UTC)
    with open_store(find(world.store), identity(world, "leif"), now, StateFolder(None)) as store:
        opened = listen.open_for(store, recording, "quality", REASON, now)
        yield listen.session(store, opened, now)


@pytest.fixture
def server(session: Session) -> Iterator[Server]:
    with Server(session, "en") as started:
        threading.Thread(target=started.serve_forever, daemon=True).start()
        yield started
        started.shutdown()


def enter(server: Server, session: Session) -> str:
    """The secret for the token."""
    connection = http.client.HTTPConnection(*server.place, timeout=20)
    connection.request("POST", "/enter", session.visit.token, {"Origin": server.origin})
    answer = connection.getresponse()
    secret = answer.read().decode()
    connection.close()
    return secret


def test_an_answer_that_is_under_way_stops_when_the_session_is_over_and_the_next_is_refused(
    server: Server, session: Session
) -> None:
    host = server.origin.removeprefix("http://")
    ask = f"GET /{enter(server, session)}/sound HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        slow.settimeout(20)
        slow.connect(server.place)
        slow.sendall(ask)
        got = len(slow.recv(1000))
        session.end("withdrawn")
        given = session.given_s()
        while piece := slow.recv(1_000_000):
            got += len(piece)
    assert got < given * 8000 * 4 + 2 * PIECE < LONG * 8000 * 4, "what was on its way, and nothing after"
    with socket.create_connection(server.place, timeout=20) as late:
        late.sendall(ask)
        assert late.recv(100).startswith(b"HTTP/1.1 410")
