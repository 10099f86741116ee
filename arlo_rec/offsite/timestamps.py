"""A timestamp by somebody else (RFC 3161) beside a checkpoint: the answer of a TSA lies in FILE.tsr.

Order: the answer is asked for, compared with what was asked, and written; then FILE. So a FILE that is there has one.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from arlo_rec.backends.bounded_read import read_small
from arlo_rec.crypto import timestamp
from arlo_rec.model.errors import Unreachable, Usage

ENDING: Final = ".tsr"
TIMEOUT: Final = 10.0  # seconds of silence
_ANSWER_BYTES: Final = 64 * 1024  # an answer with its certificates has about 6,000
LONGEST: Final = 30.0  # seconds for all of it: the connection, the request and the answer
_SIGNS: Final = frozenset(map(chr, range(0x21, 0x7F)))  # of a URL
_KINDS: Final[dict[str, type[HTTPConnection]]] = {"http": HTTPConnection, "https": HTTPSConnection}


def beside(path: Path) -> Path:
    """Where the timestamp of a file lies."""
    return path.with_name(path.name + ENDING)


def demand_url(url: str) -> SplitResult:
    """The parts of the address of a TSA; raises Usage where it is none, or the extra is not installed."""
    timestamp.demand_library()
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").encode("idna"), parts.port
    except ValueError:
        raise Usage("bad_timestamp_url") from None
    if parts.scheme not in _KINDS or not host or parts.username or set(url) - _SIGNS:
        raise Usage("bad_timestamp_url")
    return parts


def ask(url: str, content: bytes) -> bytes:
    """The answer of the TSA at *url* over *content*; raises Usage, and Unreachable where it gives none."""
    parts = demand_url(url)
    host, request = parts.hostname or "", timestamp.Request(content)
    try:
        answer = _exchange(parts, request.der)
        request.time_of(answer)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Unreachable("timestamp_failed", host=host, reason=reason[:100]) from None
    return answer


def _exchange(parts: SplitResult, body: bytes) -> bytes:
    """Ask within the time that there is for all of it; raises TimeoutError beyond it.

    A limit of silence does not end what comes byte by byte: at that time the connection is shut down, wherever it is.
    The look-up of the host's name counts, and ends when the resolver says so.
    """
    deadline = time.monotonic() + LONGEST
    with _connected(parts, deadline) as channel, closing(channel.dup()) as watched:  # TLS takes the first one over
        watch = threading.Timer(max(0.0, deadline - time.monotonic()), _shut_down, (watched,))
        watch.daemon = True
        watch.start()
        try:
            answer = _post(_opened(parts, channel), parts, body)
        except (OSError, HTTPException, ValueError):
            if time.monotonic() < deadline:
                raise
            raise TimeoutError("too slow") from None
        finally:
            watch.cancel()
            watch.join()
    if time.monotonic() >= deadline:  # what came may be cut short
        raise TimeoutError("too slow")
    return answer


def _connected(parts: SplitResult, deadline: float) -> socket.socket:
    """A connection to the first of the host's addresses that takes one in time; raises OSError."""
    failed: OSError | None = None
    port = parts.port or _KINDS[parts.scheme].default_port
    for family, kind, protocol, _, where in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM):
        channel = socket.socket(family, kind, protocol)
        try:
            channel.settimeout(min(TIMEOUT, max(0.001, deadline - time.monotonic())))
            channel.connect(where)
            channel.settimeout(TIMEOUT)
        except OSError as error:
            channel.close()
            failed = error
        else:
            return channel
    raise failed or OSError("no address")


def _shut_down(channel: socket.socket) -> None:
    with suppress(OSError):
        channel.shutdown(socket.SHUT_RDWR)


def _opened(parts: SplitResult, channel: socket.socket) -> HTTPConnection:
    """HTTP over that connection, with TLS where the address says so; raises OSError."""
    connection: HTTPConnection = _KINDS[parts.scheme](parts.hostname or "", parts.port)
    if parts.scheme == "https":
        channel = ssl.create_default_context().wrap_socket(channel, server_hostname=parts.hostname)
    connection.sock = channel
    return connection


def _post(connection: HTTPConnection, parts: SplitResult, body: bytes) -> bytes:
    """RFC 3161, 3.4. Raises ValueError for another answer than 200, or one that is too long: none is followed."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    with closing(connection):
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise ValueError(f"HTTP {response.status}")
        answer = b""
        while piece := response.read1(_ANSWER_BYTES):
            answer += piece
            if len(answer) > _ANSWER_BYTES:
                raise ValueError("too long")
    return answer


def certificates(path: Path) -> timestamp.Certificates:
    """The certificates in a file (PEM): those of the TSA's CAs; raises Usage."""
    try:
        raw = read_small(path, _ANSWER_BYTES, pipes=True)
    except OSError:
        raise Usage("file_unreadable", path=str(path)) from None
    return timestamp.parse_certificates(raw)


def stamped_at(path: Path, content: bytes, trusted: timestamp.Certificates) -> datetime | None:
    """When FILE.tsr beside *path* says that *content* was there; None where it is no timestamp by a *trusted* TSA."""
    try:
        answer = read_small(beside(path), _ANSWER_BYTES)
    except OSError:
        return None
    return timestamp.genuine(answer, content, trusted)
