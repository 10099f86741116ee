"""A real S3 service on loopback: SeaweedFS, with TLS by an authority of its own, and lines to it that can be cut."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from arlo_rec.engines.objects import ObjectBlobs
from arlo_rec.engines.s3.bucket import SIGNS, Access, s3_bucket
from tests.support import needs
from tests.support.authority import Authority

KEY, SECRET = "invented-key", "invented-secret"
VERSIONS = b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>%s</Status></VersioningConfiguration>'
PATIENCE = 60.0  # seconds until the server answers: it takes three on an idle machine


@dataclass(frozen=True)
class Service:
    """A running service: an address with TLS, one without for lines that are cut, and the authority's certificate."""

    https: int
    http: int
    authority: Path
    host: str = "127.0.0.1"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a command finds it."""
        return {
            "AWS_ENDPOINT_URL": f"https://{self.host}:{self.https}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_CA_BUNDLE": str(self.authority),
        }

    def blobs(self, bucket: str, prefix: str = "", port: int | None = None) -> ObjectBlobs:
        """The objects of a prefix in a bucket, which is made: through TLS, or over a line without it."""
        self.ask("PUT", f"/{bucket}")
        address = f"https://{self.host}:{self.https}" if port is None else f"http://127.0.0.1:{port}"
        access = Access(address, key_id=KEY, secret=SECRET, authority=self.authority.read_bytes())
        return ObjectBlobs(partial(s3_bucket, bucket, prefix, access), SIGNS)

    def ask(
        self, method: str, path: str, query: str = "", body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """A signed request, for what the program never asks: status and body of the answer."""
        trusted = ssl.create_default_context(cafile=str(self.authority))
        line = http.client.HTTPSConnection(self.host, self.https, context=trusted, timeout=10)
        with closing(line):
            signed = _signed(method, f"{self.host}:{self.https}", path, query, body, headers or {})
            line.request(method, f"{path}?{query}" if query else path, body, signed)
            answer = line.getresponse()
            return answer.status, answer.read()

    def make_bucket(self, name: str, *, versions: str = "", locked: bool = False) -> str:
        """Make a bucket: with versions `Enabled` or `Suspended`, or with Object Lock."""
        status, _ = self.ask("PUT", f"/{name}", headers={"x-amz-bucket-object-lock-enabled": "true"} if locked else {})
        assert status in {200, 409}  # 409: it is there
        for state in ("Enabled", versions) if versions else ():
            assert self.ask("PUT", f"/{name}", "versioning=", VERSIONS % state.encode())[0] == 200
        return name

    def keys(self, bucket: str) -> list[str]:
        """Every key of a bucket, as another program lists them."""
        status, body = self.ask("GET", f"/{bucket}", "list-type=2")
        assert status == 200, body
        return [piece.partition("</Key>")[0] for piece in body.decode().split("<Key>")[1:]]


def program() -> str | None:
    """The server's program: that of this environment, or one on the path."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


def lacking() -> str | None:
    """Why no SeaweedFS can be started here."""
    return needs.engine("SeaweedFS", is_here=program() is not None)


@contextmanager
def running(folder: Path, host: str = "127.0.0.1") -> Iterator[Service]:
    """The service with its data in a folder, until the block ends; SIGTERM would take it twenty seconds."""
    weed = program()
    assert weed is not None
    authority = Authority(folder)
    authority.sign("server", host=host)
    users = [{"name": "arlo", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}]
    (folder / "users.json").write_text(json.dumps({"identities": users}), "utf-8")
    (folder / "data").mkdir()
    named = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    named += ("s3.port", "s3.port.grpc", "s3.port.https")
    ports = dict(zip(named, _free_ports(len(named)), strict=True))
    words = [weed, "server", f"-ip={host}", f"-ip.bind={host}", f"-dir={folder / 'data'}", "-s3"]
    words += ["-volume.max=200", "-master.volumeSizeLimitMB=64", f"-s3.config={folder / 'users.json'}"]
    words += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    words += [f"-s3.cert.file={folder / 'server.pem'}", f"-s3.key.file={folder / 'server.key'}"]
    words += [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "weed.log").open("wb") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    service = Service(ports["s3.port.https"], ports["s3.port"], authority.ca, host)
    try:
        _await(service, server, folder / "weed.log")
        yield service
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _await(service: Service, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a bucket can be written: a list of buckets answers earlier."""
    end = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError, http.client.HTTPException):
            if service.ask("PUT", "/ready/probe", body=b"x")[0] == 200:
                return
        assert server.poll() is None and time.monotonic() < end, log.read_text("utf-8", "replace")[-2000:]
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _signed(method: str, host: str, path: str, query: str, body: bytes, more: dict[str, str]) -> dict[str, str]:
    """The headers of a request, signed as AWS Signature Version 4 says."""
    at = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": at, **more}
    names = ";".join(sorted(headers))
    lines = [method, path, query, *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, digest]
    scope = f"{at[:8]}/us-east-1/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    key = f"AWS4{SECRET}".encode()
    for word in scope.split("/"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


# -- lines that fail ----------------------------------------------------------------------------------


@dataclass
class Line:
    """A line to the service on a port of its own. Each new connection takes the next of `cuts`.

    A cut is the number of bytes, both ways together, after which the connection breaks; without one it holds.
    """

    port: int
    cuts: list[int]
    carried: int = 0  # bytes of the newest connection, both ways


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line to a port of the service until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    line = Line(listening.getsockname()[1], [])

    def carry(person: socket.socket) -> None:
        cut = line.cuts.pop(0) if line.cuts else None
        line.carried, counted = 0, threading.Lock()
        service = socket.create_connection(("127.0.0.1", port))

        def pump(source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while piece := source.recv(65536):
                    with counted:
                        left = len(piece) if cut is None else max(0, cut - line.carried)
                        line.carried += min(left, len(piece))
                    target.sendall(piece[:left])
                    if left < len(piece):
                        break
            for each in (person, service):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

        beside = threading.Thread(target=pump, args=(service, person), daemon=True)
        beside.start()
        pump(person, service)
        beside.join()
        person.close()
        service.close()

    with _accepting(listening, carry):
        yield line


@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """A service on a port that answers each request's first bytes as told; an empty answer never comes."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(person: socket.socket) -> None:
        with suppress(OSError), closing(person):
            while head := person.recv(65536):
                said = answer(head)
                if said:
                    person.sendall(said)
                    return

    with _accepting(listening, serve):
        yield listening.getsockname()[1]


@contextmanager
def _accepting(listening: socket.socket, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    def accept() -> None:
        with suppress(OSError):
            while True:
                person, _ = listening.accept()
                threading.Thread(target=serve, args=(person,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
