"""A timestamping service (RFC 3161): `openssl ts` behind a web server of this machine, with keys made for it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
Answer = tuple[int, bytes]  # the status of HTTP, and the bytes
_CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
certs = {folder}/ca.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
_FOR = {  # extensions of a certificate
    "ca": "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign",
    "tsa": "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping",
}


class Service:
    """A CA, its TSA, and what it answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("ca", "tsa"):
            self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")
            self._openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name} of a test", "-out", f"{name}.csr")
        for name, text in _FOR.items():
            (folder / f"{name}.ext").write_text(text)
        own = ("-signkey", "ca.key")
        of_ca = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
        for name, signer in (("ca", own), ("tsa", of_ca)):
            words = ("-in", f"{name}.csr", "-extfile", f"{name}.ext", "-out", f"{name}.pem", "-days", "30")
            self._openssl("x509", "-req", *words, *signer)
        (folder / "serial").write_text("01\n")
        (folder / "config").write_text(_CONFIG.format(folder=folder))

    @property
    def ca(self) -> Path:
        """The certificate of the CA."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """The certificate of the TSA."""
        return self.folder / "tsa.pem"

    def der(self, name: str) -> bytes:
        """The bytes of a certificate."""
        self._openssl("x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der")
        return (self.folder / f"{name}.der").read_bytes()

    def answer(self, request: bytes) -> bytes:
        """The answer to a request, signed."""
        (self.folder / "query").write_bytes(request)
        self._openssl("ts", "-reply", "-config", "config", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def verifies(self, file: Path, stamp: Path, *more: str) -> bool:
        """Whether openssl finds the stamp over that file genuine."""
        words = ["openssl", "ts", "-verify", "-data", file, "-in", stamp, "-CAfile", self.ca, *more]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)


@contextmanager
def serving(answer: Callable[[bytes], Answer], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of a web server that answers each request by its bytes, with TLS where it is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, content = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal of the tests."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/tsa"
        finally:
            server.shutdown()
            thread.join()
