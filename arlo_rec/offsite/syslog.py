"""A checkpoint of the log as one message to a syslog (RFC 5424) or to systemd's journal, on this machine or another.

The message is for a collector that the log's people cannot write to. It names no person: the note has the names of keys
alone. Its text is one line of JSON in ASCII, so that a line of the collector's files is an anchor (`anchor_file`).

    udp://HOST:PORT    one datagram (RFC 5426). Nobody says that it came; a closed port of this machine is noticed
    tcp://HOST:PORT    one connection, the length before the message (RFC 6587, octet counting)
    journal            systemd-journald by its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL)
    journal:///PATH    the same at another socket, as a namespace of the journal has it
"""

from __future__ import annotations

import json
import os
import select
import socket
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from arlo_rec.model.errors import Unreachable, Usage
from arlo_rec.model.records import to_iso

JOURNAL: Final = Path("/run/systemd/journal/socket")
TIMEOUT: Final = 5.0  # seconds for a connection, and for the message
_REFUSED: Final = 0.2  # seconds in which a closed port answers a datagram
_FACILITY: Final = 13  # RFC 5424: log audit
_SEVERITY: Final = 5  # notice
_APP: Final = "arlo-rec"
_MESSAGE: Final = "checkpoint"
_MESSAGE_ID: Final = "cfb5f61a9a5c4c4c8bd5f3c0d5a4e6b1"  # of this kind of message in the journal


class Address(NamedTuple):
    """Where messages go: `udp` or `tcp` with host and port, or `journal` with the path of its socket as host."""

    kind: str
    host: str
    port: int = 0

    def __str__(self) -> str:
        """As it is typed."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}" if self.port else f"{self.kind}://{self.host}"


def parse(text: str) -> Address:
    """An address as somebody typed it; raises Usage."""
    if text == "journal":
        return Address("journal", str(JOURNAL))
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")  # as a look-up does
    except ValueError:
        raise Usage("bad_syslog_address") from None
    rest = (parts.username, parts.query, parts.fragment)
    if parts.scheme == "journal" and not parts.netloc and len(parts.path) > 1 and not any(rest):
        return Address("journal", parts.path)
    if parts.scheme not in {"udp", "tcp"} or not host or not port or parts.path not in {"", "/"} or any(rest):
        raise Usage("bad_syslog_address")
    return Address(parts.scheme, host, port)


def send(address: Address, note: str, now: datetime) -> None:
    """Send a note to that address; raises Unreachable."""
    text = json.dumps({"note": note}, separators=(",", ":"))  # in ASCII, in one line
    try:
        if address.kind == "journal":
            _send_datagram(socket.AF_UNIX, address.host, _journal_entry(text))
        elif address.kind == "udp":
            _send_udp(address, _message(text, now))
        else:
            _send_tcp(address, _message(text, now))
    except OSError as error:
        raise Unreachable("syslog_unreachable", address=str(address), reason=error.strerror or str(error)) from None


def _message(text: str, now: datetime) -> bytes:
    """RFC 5424, 6: version 1, no structured data."""
    host = "".join(each for each in socket.gethostname() if "!" <= each <= "~")[:255] or "-"
    head = f"<{_FACILITY * 8 + _SEVERITY}>1 {to_iso(now)} {host} {_APP} {os.getpid()} {_MESSAGE} -"
    return f"{head} {text}".encode("ascii")


def _journal_entry(text: str) -> bytes:
    fields = {
        "MESSAGE": text,
        "MESSAGE_ID": _MESSAGE_ID,
        "PRIORITY": _SEVERITY,
        "SYSLOG_FACILITY": _FACILITY,
        "SYSLOG_IDENTIFIER": _APP,
        "SYSLOG_MSGID": _MESSAGE,
    }
    return "".join(f"{name}={value}\n" for name, value in fields.items()).encode("ascii")


def _send_datagram(family: int, where: str | tuple[str, int], message: bytes) -> None:
    """One datagram; raises OSError, also where the other side refuses it at once."""
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(TIMEOUT)
        channel.connect(where)
        channel.send(message)
        if family != socket.AF_UNIX and select.select([channel], [], [], _REFUSED)[0]:
            channel.recv(1)


def _send_udp(address: Address, message: bytes) -> None:
    """To the first of the host's addresses to which there is a way."""
    failed: OSError | None = None
    for family, _, _, _, where in socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM):
        try:
            return _send_datagram(family, where, message)  # type: ignore[arg-type]
        except OSError as error:
            failed = error
    raise failed or OSError("no address")


def _send_tcp(address: Address, message: bytes) -> None:
    """Send, say that no more comes, and wait for the end of the other side, as far as it has one in time."""
    begun = time.monotonic()
    with socket.create_connection((address.host, address.port), TIMEOUT) as channel:
        channel.sendall(b"%d %b" % (len(message), message))
        channel.shutdown(socket.SHUT_WR)
        with suppress(TimeoutError):
            while (left := begun + TIMEOUT - time.monotonic()) > 0:
                channel.settimeout(left)
                if not channel.recv(1024):
                    return
