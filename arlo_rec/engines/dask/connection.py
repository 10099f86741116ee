"""The common part of both processes that speak to a Dask cluster: its settings, TLS, messages to the program.

A message is 4 bytes of length and that many of JSON, then 4 bytes of length and that many bytes, big-endian.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from functools import cache
from typing import Any, Final

from arlo_rec.sound.processes.pipes import LENGTH

PATIENCE_S: Final = 10.0  # to connect
SCHEDULER: Final = "arlo-rec-scheduler"  # a name in the certificate of the scheduler, and of no other
SETTINGS: Final = {  # of Dask, for client, worker and scheduler alike; `examples/cluster/dask.yaml` has the scheduler's
    "distributed.comm.require-encryption": True,
    "distributed.comm.timeouts.connect": f"{PATIENCE_S}s",
    "distributed.comm.compression": None,
    "distributed.worker.memory.target": False,  # no spill to disk
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.http.routes": [],
    "distributed.admin.log-length": 0,
    "distributed.admin.low-level-log-length": 0,
    "distributed.logging": {"distributed": "critical"},
}


class Problem(Exception):
    """A code and its values for the other end, after which the process ends."""

    def __init__(self, code: str, **detail: str) -> None:
        super().__init__(code)
        self._told = {"problem": code, "kind": "Unreachable", "detail": detail}

    def told(self) -> dict[str, Any]:
        """The message to the other end."""
        return self._told


def security(files: dict[str, str], *, only: str | None = None) -> Any:
    """Dask's TLS settings, with the certificates read once; raises Problem for a file that does not serve.

    With *only*, connections are made to an end alone whose certificate has that name.
    """
    from distributed.security import Security

    class Loaded(Security):  # type: ignore[misc]
        """Settings whose files are read once: connections are opened when no file can be any more."""

        @staticmethod
        @cache
        def _context(purpose: ssl.Purpose) -> ssl.SSLContext:
            context = ssl.create_default_context(purpose=purpose, cafile=files["ca"])
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(
                files["certificate"], files["key"], password=lambda: ""
            )  # else it asks the terminal
            context.check_hostname = only is not None and purpose is ssl.Purpose.SERVER_AUTH
            context.verify_mode = ssl.CERT_REQUIRED  # of both ends, by an authority of the cluster's own
            return context

        def get_connection_args(self, role: str) -> dict[str, Any]:
            """The settings of a connection to the other end."""
            named = {"server_hostname": only} if only is not None else {}
            return {**super().get_connection_args(role), **named}

        def _get_tls_context(self, tls: object, purpose: ssl.Purpose) -> ssl.SSLContext:
            return self._context(purpose)

    paths = {f"tls_{role}_{kind}": files["certificate" if kind == "cert" else "key"]
             for role in ("client", "worker") for kind in ("cert", "key")}  # fmt: skip
    settings = Loaded(require_encryption=True, tls_ca_file=files["ca"], **paths)
    try:
        for purpose in (ssl.Purpose.SERVER_AUTH, ssl.Purpose.CLIENT_AUTH):
            settings._get_tls_context(None, purpose)
    except (OSError, ssl.SSLError) as error:
        raise Problem("cluster_files", reason=error.strerror or "?") from None
    return settings


def problem_of(error: BaseException) -> Problem:
    """The problem of a connection that failed: the certificate, or the way to the cluster."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < 10:
        causes.append(cause)
    if any(isinstance(one, ssl.SSLError) or "SSL" in str(one) for one in causes):
        return Problem("cluster_certificate")
    return Problem("cluster_unreachable")


async def receive(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes] | None:
    """Receive a message; None where the other end was closed."""
    try:
        head = await reader.readexactly(LENGTH.unpack(await reader.readexactly(LENGTH.size))[0])
        body = await reader.readexactly(LENGTH.unpack(await reader.readexactly(LENGTH.size))[0])
    except (asyncio.IncompleteReadError, OSError):
        return None
    return json.loads(head), body


def send(writer: asyncio.StreamWriter, head: dict[str, Any], body: bytes = b"") -> None:
    """Send a message."""
    encoded = json.dumps(head).encode("utf-8")
    writer.write(LENGTH.pack(len(encoded)) + encoded + LENGTH.pack(len(body)) + body)
