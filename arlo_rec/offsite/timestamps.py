"""A timestamp by somebody else (RFC 3161) beside a checkpoint: the answer of a TSA lies in FILE.tsr.

Order: the answer is asked for, compared with what was asked, and written; then FILE. So a FILE that is there has one.
"""

from __future__ import annotations

import time
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
_LONGEST: Final = 30.0  # seconds for the whole answer
_SIGNS: Final = frozenset(map(chr, range(0x21, 0x7F)))  # of a URL
_KINDS: Final = {"http": HTTPConnection, "https": HTTPSConnection}


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
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        answer = _post(_KINDS[parts.scheme](host, parts.port, timeout=TIMEOUT), target, request.der)
        request.time_of(answer)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Unreachable("timestamp_failed", host=host, reason=reason[:100]) from None
    return answer


def _post(connection: HTTPConnection, target: str, body: bytes) -> bytes:
    """RFC 3161, 3.4. Raises ValueError for another answer than 200, or one that is too long: none is followed."""
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    try:
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise ValueError(f"HTTP {response.status}")
        answer, begun = b"", time.monotonic()
        while piece := response.read1(_ANSWER_BYTES):
            answer += piece
            if len(answer) > _ANSWER_BYTES or time.monotonic() - begun > _LONGEST:
                raise ValueError("too long")
    finally:
        connection.close()
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
