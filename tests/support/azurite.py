"""A real Azure Blob service on loopback: Azurite, which keeps everything in memory."""

from __future__ import annotations

import atexit
import base64
import hashlib
import hmac
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from email.utils import formatdate
from functools import cache
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from arlo_rec.engines.azure.container import VERSION, Container, ContainerBlobs, Entry
from tests.support import needs

ACCOUNT = "arlo"
KEY = base64.b64encode(b"k" * 64).decode()
PATIENCE = 60.0  # seconds until the server answers


class Azurite(NamedTuple):
    """A running service."""

    port: int

    @property
    def endpoint(self) -> str:
        """The address of the account."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def blobs(self, container: str, prefix: str = "") -> ContainerBlobs:
        """The objects of a prefix in a container, which is made."""
        assert self.make_container(container) in {201, 409}
        return ContainerBlobs(Container(ACCOUNT, container, prefix), lambda: Entry(self.endpoint, KEY))

    def make_container(self, name: str) -> int:
        """The status of a request for a new container: 201, or 409 where it is there."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": VERSION}
        stated = "".join(f"{key}:{value}\n" for key, value in headers.items())
        text = "PUT" + "\n" * 12 + stated + f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)).decode()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{signature}"
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=10)) as line:
            line.request("PUT", f"/{ACCOUNT}/{name}?restype=container", headers=headers)
            return line.getresponse().status


def program() -> str | None:
    """The server's program: that of this environment, or one on the path."""
    beside = Path(sys.executable).with_name("azurite-blob")
    return str(beside) if beside.exists() else shutil.which("azurite-blob")


def lacking() -> str | None:
    """Why no Azurite can be started here."""
    return needs.engine("Azurite", is_here=program() is not None)


@cache
def shared() -> Azurite:
    """The service of this process, until it ends; skips the test where there is none."""
    needs.demand(lacking())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [str(program()), "--blobPort", str(port), "--inMemoryPersistence", "--silent", "--disableTelemetry"]
    server = subprocess.Popen(
        [*words, "--skipApiVersionCheck"],
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def end() -> None:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()

    atexit.register(end)
    service, last = Azurite(port), time.monotonic() + PATIENCE
    while True:
        with suppress(OSError, HTTPException):
            if service.make_container("ready") in {201, 409}:
                return service
        assert server.poll() is None and time.monotonic() < last
        time.sleep(0.1)
