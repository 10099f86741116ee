"""The root secret R in OpenBao: versions of a key of the transit engine, which never leaves it.

A version of the key is the R of a generation. In an erasure `begin` makes the next version, below which the day keys
that stay are wrapped. After the commit `settle` raises the least version and trims what is older. The catalogue
says which version counts, so every crash is read as that of two slots (`keys.root_secret.choose`). Versions and
generations go in step: a document in the key-value engine (version 2) says from where, beside the newest state seen. It
is changed by compare-and-set. What comes in is wrapped under the root seed, so OpenBao alone opens nothing.

Only the active node of a cluster is asked, because a standby may answer with what was. So may a leader that others have
replaced, but it can write nothing. Every log entry writes the state seen, before anything is heard or erased, and so
needs the majority. What a leader lost with its office is sent once more, to the next one. A request that is sent twice
does no harm: one more version of the key is passed over, and a second compare-and-set fails and is looked at again.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import weakref
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import SplitResult, quote

from arlo_rec.engines.openbao.address import BaoAccess, KeyAddress
from arlo_rec.law.model.errors import Integrity, Unreachable, Usage
from arlo_rec.vault.backends import Unsettled, private_url
from arlo_rec.vault.crypto import primitives

LONGEST: Final = 1024 * 1024  # bytes of an answer; 92 day keys take 20 kB
REASON_LONGEST: Final = 200  # characters that are shown
PARTS: Final = 4  # times the wait for a part of an answer, until the whole is given up
TRIES: Final = 20  # of a compare-and-set that another run came before
KEY_TYPE: Final = "aes256-gcm96"
WEAK: Final = ("exportable", "allow_plaintext_backup", "deletion_allowed")  # flags of a key that could come back
_OVERHEAD: Final = 12 + 16  # bytes that this type adds: nonce and tag
_BROKEN: Final = (OSError, HTTPException, UnicodeError)  # the last of a host name that is none
_OVERTAKEN: Final = "leadership lost"  # hashicorp/raft, ErrLeadershipLost: the entry may be in the log, or not
Json = dict[str, Any]


class _Refused(Unreachable):
    """OpenBao refused a request as it was put (400); the *answer* may say more."""

    def __init__(self, path: str, answer: Json) -> None:
        super().__init__("bao_refuses", path=path, reason=_errors(answer))
        self.answer = answer


class OpenBao:
    """The active node of a server or cluster, asked with one token."""

    def __init__(self, access: BaoAccess | None) -> None:
        if access is None or not access.addresses:
            raise Unreachable("bao_not_named")
        self._access = access
        self._urls = [_url(address) for address in access.addresses]
        self._connection: HTTPConnection | None = None
        self._token = access.token
        self._process = 0  # that opened the connection: a forked one opens its own
        self._alone = threading.Lock()

    def ask(self, method: str, path: str, body: Json | None = None) -> Json | None:
        """The answer; None where there is nothing (404). Raises Unreachable, and _Refused for a bad request."""
        with self._alone:
            try:
                return self._asked(method, path, body)
            except Unreachable as problem:
                if problem.code != "bao_denied" or self._access.token is not None or self._token is None:
                    raise
                self._connection = self._token = None  # a token by AppRole has its time
                return self._asked(method, path, body)

    def _asked(self, method: str, path: str, body: Json | None) -> Json | None:
        if self._process != os.getpid():
            self._connection = None
        if self._connection is not None:
            try:
                return self._exchange(self._connection, method, path, body)
            except _BROKEN:  # closed meanwhile, or no leader any more
                self._connection.close()
                self._connection = None
        connection = self._active()
        try:
            return self._exchange(connection, method, path, body)
        except _BROKEN as error:
            self._connection = None
            raise self._unreachable(error, connection.host) from None

    def _active(self) -> HTTPConnection:
        """A connection to the active node, with a token; raises Unreachable for the first reason that there is none."""
        problem: Unreachable | None = None
        for url in self._urls:
            connection = self._connect(url)
            weakref.finalize(self, connection.close)
            try:
                status = _send(connection, "GET", "sys/health", None, {})[0]
            except _BROKEN as error:
                connection.close()
                problem = problem or self._unreachable(error, url.netloc)
                continue
            if status == 200:
                self._log_in(connection)
                self._connection, self._process = connection, os.getpid()
                return connection
            connection.close()
            problem = problem or _closed(status, url.netloc, "sys/health", "")
        assert problem is not None
        raise problem

    def _connect(self, url: SplitResult) -> HTTPConnection:
        host, port, wait = str(url.hostname), url.port or 8200, self._access.wait
        if url.scheme == "http":
            return HTTPConnection(host, port, timeout=wait)
        try:
            trusted = ssl.create_default_context(cafile=self._access.ca)
        except OSError as error:
            raise Unreachable("bao_ca_unreadable", path=str(self._access.ca), reason=error.strerror or "") from None
        return HTTPSConnection(host, port, timeout=wait, context=trusted)

    def _log_in(self, connection: HTTPConnection) -> None:
        """Take a token by AppRole where none was given; raises Unreachable."""
        access = self._access
        if self._token is not None and self._token.isascii() and self._token.isprintable():
            return
        if self._token is not None or access.role_id is None or access.secret_id is None:
            raise Unreachable("bao_no_token")
        body = {"role_id": access.role_id, "secret_id": access.secret_id}
        try:
            answer = self._exchange(connection, "POST", "auth/approle/login", body)
            self._token = str((answer or {})["auth"]["client_token"])
        except (KeyError, TypeError, _Refused):
            raise Unreachable("bao_denied", path="auth/approle/login") from None

    def _exchange(self, connection: HTTPConnection, method: str, path: str, body: Json | None) -> Json | None:
        headers = {"X-Vault-Token": self._token} if self._token else {}
        status, raw = _send(connection, method, path, body, headers)
        try:
            answer = json.loads(raw) if raw else {}
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or len(raw) > LONGEST:
            connection.close()
            raise Unreachable("bao_garbled", path=path)
        if status == 404 and "no handler" not in _errors(answer):
            return None
        if status == 404:
            raise Unreachable("bao_no_mount", path=path)
        if status == 403:
            raise Unreachable("bao_denied", path=path)
        if status >= 400 and _OVERTAKEN in _errors(answer):
            connection.close()
            raise HTTPException(_errors(answer))
        if status == 400:
            raise _Refused(path, answer)
        if status not in {200, 204}:
            connection.close()  # the next request looks for the active node
            self._connection = None
            raise _closed(status, connection.host, path, _errors(answer))
        return answer

    @staticmethod
    def _unreachable(error: Exception, address: str) -> Unreachable:
        if isinstance(error, ssl.SSLCertVerificationError):
            return Unreachable("bao_certificate", address=address, reason=error.verify_message)
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Unreachable("bao_unreachable", address=address, reason=str(reason)[:REASON_LONGEST])


def _closed(status: int, address: str, path: str, reason: str) -> Unreachable:
    """The error of a node that answers and does not work."""
    if status in {307, 308, 429}:  # others are active, and a token goes nowhere that no setting names
        return Unreachable("bao_standby", address=address)
    if status in {501, 503}:
        return Unreachable("bao_sealed", address=address)
    return Unreachable("bao_refuses", path=path, reason=reason or f"HTTP {status}")


def _send(
    connection: HTTPConnection, method: str, path: str, body: Json | None, headers: dict[str, str]
) -> tuple[int, bytes]:
    """The status and the body of an answer; raises OSError or HTTPException.

    One that comes byte by byte, or only announces itself, is cut off after PARTS times the wait for a part of it.
    """
    content = json.dumps(body).encode("ascii") if body is not None else None
    late = threading.Timer(PARTS * (connection.timeout or 0), _cut_off, (connection,))
    late.daemon = True
    late.start()
    try:
        connection.request(method, f"/v1/{path}", content, {"X-Vault-Request": "true", **headers})
        response = connection.getresponse()
        return response.status, response.read(LONGEST + 1)
    finally:
        late.cancel()


def _cut_off(connection: HTTPConnection) -> None:
    if (line := connection.sock) is not None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def _url(address: str) -> SplitResult:
    """A server's address in parts; raises Usage, also where a token would cross a network in clear."""
    url = private_url(address)
    if url is not None and not url.path.strip("/"):
        return url
    raise Usage("bao_address", value=address[:100])


class BaoKey:
    """R of one generation: a version of the key, which wraps what is already wrapped under the root seed."""

    def __init__(self, root: BaoRoot, version: int, seed: bytes, place: bytes) -> None:
        self._root, self._version, self._place = root, version, place
        self._inner = primitives.derive(seed, "root in openbao")

    def wrap(self, keys: Mapping[int, bytes]) -> dict[int, bytes]:
        """See WrappingKey."""
        wanted = [
            {"plaintext": _text(primitives.wrap(self._inner, key, self._of(day))), "key_version": self._version}
            | {"associated_data": _text(self._of(day))}
            for day, key in keys.items()
        ]
        begin, wrapped = f"vault:v{self._version}:", dict[int, bytes]()
        for day, answer in zip(keys, self._root.batch("encrypt", wanted), strict=True):
            text = str(answer.get("ciphertext"))
            if not text.startswith(begin):
                raise Unreachable("bao_refuses", path="encrypt", reason=str(answer.get("error"))[:REASON_LONGEST])
            wrapped[day] = _bytes(text[len(begin) :])
        return wrapped

    def unwrap(self, wrapped: Mapping[int, bytes]) -> dict[int, bytes]:
        """See WrappingKey."""
        wanted = [
            {"ciphertext": f"vault:v{self._version}:{_text(key)}", "associated_data": _text(self._of(day))}
            for day, key in wrapped.items()
        ]
        opened = {}
        for day, answer in zip(wrapped, self._root.batch("decrypt", wanted), strict=True):
            try:
                if not answer.get("error"):
                    opened[day] = primitives.unwrap(self._inner, _bytes(str(answer["plaintext"])), self._of(day))
            except (KeyError, primitives.Sealed):
                continue
        return opened

    def _of(self, day: int) -> bytes:
        return self._place + b"day\0" + str(day).encode("ascii")


class BaoRoot:
    """R as the versions of a transit key, and the state seen in the key-value engine; the lock is a file."""

    wrapped_bytes = primitives.WRAP_OF_KEY + _OVERHEAD

    def __init__(
        self,
        store: bytes,
        address: KeyAddress,
        access: BaoAccess | None,
        lock: Callable[..., AbstractContextManager[None]],
    ) -> None:
        self._store, self._address, self._lock = store, address, lock
        self._bao = OpenBao(access)
        self._seen = f"{quote(access.seen) if access else ''}/data/{address.mount}/{address.key}"
        self._base: int | None = None  # the generation before the key's first version

    # -- founding -------------------------------------------------------------------------------------

    def demand_free(self) -> None:
        """Raise Usage unless the key may keep the R of a new store; a missing key is one. Raises Unreachable."""
        key = self._bao.ask("GET", self._of_key())
        if key is not None and (weak := _weaknesses(key)):
            raise Usage("bao_key_weak", key=str(self._address), flag=weak[0])
        document, _ = self._document()
        if document and not document.get("founding"):
            raise Usage("bao_key_taken", key=str(self._address), path=self._seen)

    def found(self, generation: int, seed: bytes, seed_version: int) -> BaoKey:
        """See Root."""
        self.demand_free()
        path = self._of_key()
        if self._bao.ask("GET", path) is None and self._bao.ask("POST", path, {"type": KEY_TYPE}) is None:
            raise Unreachable("bao_no_mount", path=path)
        version = self._versions()[1]
        self._claim({"base": generation - version, "founding": True}, self._document()[1])
        self._base = generation - version
        return self._key(generation, seed)

    def founded(self) -> None:
        """See Root."""
        document, version = self._document()
        self._claim({**document, "founding": False}, version)

    def _claim(self, values: Json, version: int) -> None:
        """Write the document of a store that is being made; raises Usage where another store wrote it first.

        Where the answer was lost, the request was sent twice, and the second finds what the first wrote.
        """
        if not self._put(values, version) and self._document() != ({**values, "store": self._store.hex()}, version + 1):
            raise Usage("bao_key_taken", key=str(self._address), path=self._seen)

    # -- generations ----------------------------------------------------------------------------------

    def open(self, generation: int, seed: bytes) -> BaoKey:
        """See Root."""
        self.unsettled(generation)
        return self._key(generation, seed)

    def begin(self, generation: int, seed: bytes, seed_version: int) -> tuple[int, BaoKey]:
        """See Root. What a crash or somebody's rotation left is passed over, and generations leap as versions do."""
        self.unsettled(generation)
        before = self._versions()[1]
        self._bao.ask("POST", f"{self._of_key()}/rotate", {})
        version = self._versions()[1]
        if version <= before:
            raise Unreachable("bao_not_rotated", key=str(self._address))
        following = generation + version - self._version(generation)
        return following, self._key(following, seed)

    def unsettled(self, generation: int) -> Unsettled | None:
        """See Root. A trimmed version never comes back, so an older one is of an erasure that died."""
        version, (least, newest) = self._version(generation), self._versions()
        if least > version:
            raise Integrity("catalogue_older_than_root")
        if newest < version:
            self._demand_majority()
            raise Integrity("root_older_than_catalogue")
        return Unsettled(f"version {least}", is_cut_off=True) if least < version else None

    def settle(self, generation: int) -> None:
        """See Root."""
        if self.unsettled(generation) is None:
            return
        version = self._version(generation)
        try:
            least = {"min_decryption_version": version, "min_encryption_version": version}
            self._bao.ask("POST", f"{self._of_key()}/config", least)
            self._bao.ask("POST", f"{self._of_key()}/trim", {"min_available_version": version})
        except _Refused as refused:
            raise Unreachable("bao_not_trimmed", key=str(self._address), reason=str(refused.detail["reason"])) from None
        if self.unsettled(generation) is not None:
            raise Unreachable("bao_not_trimmed", key=str(self._address), reason="?")

    def _demand_majority(self) -> None:
        """Raise Unreachable unless the node can write: a leader without its cluster goes on answering with what was."""
        document, version = self._document()
        self._put(document, version)

    def weaknesses(self) -> list[str]:
        """See Root."""
        return _weaknesses(self._key_info())

    def batch(self, action: str, wanted: list[Json]) -> list[Json]:
        """The answer of the transit engine to each part of one request, errors of parts included."""
        if not wanted:
            return []
        path = f"{self._address.mount}/{action}/{self._address.key}"
        try:
            answer = self._bao.ask("POST", path, {"batch_input": wanted}) or {}
        except _Refused as refused:  # where a part was; the others are done
            answer = refused.answer
        results = _data(answer).get("batch_results")
        if not isinstance(results, list) or len(results) != len(wanted) or not _are_objects(results):
            raise _Refused(path, answer) if answer.get("errors") else Unreachable("bao_garbled", path=path)
        return results

    def _key(self, generation: int, seed: bytes) -> BaoKey:
        place = b"root\0" + self._store + generation.to_bytes(8, "big")
        return BaoKey(self, self._version(generation), seed, place)

    def _of_key(self) -> str:
        return f"{self._address.mount}/keys/{self._address.key}"

    def _key_info(self) -> Json:
        answer = self._bao.ask("GET", self._of_key())
        if answer is None:
            raise Integrity("bao_key_missing", key=str(self._address))
        return answer

    def _versions(self) -> tuple[int, int]:
        """The oldest version that is left of the key, and the newest."""
        data = _data(self._key_info())
        try:
            return max(1, int(data["min_available_version"])), int(data["latest_version"])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise Unreachable("bao_garbled", path=self._of_key()) from None

    def _version(self, generation: int) -> int:
        if self._base is None:
            self.read_seen()
        return generation - (self._base or 0)

    # -- the state seen -------------------------------------------------------------------------------

    def read_seen(self) -> list[bytes]:
        """See Root."""
        document, _ = self._document()
        if not document:
            raise Integrity("seen_unreadable", path=self._seen)
        try:
            if document["store"] != self._store.hex():
                raise Integrity("root_does_not_open")
            self._base = int(document["base"])
            return [_bytes(str(document["seen"]))] if document.get("seen") else []
        except (KeyError, TypeError, ValueError, OverflowError):
            raise Integrity("seen_unreadable", path=self._seen) from None

    def update_seen(self, change: Callable[[list[bytes]], bytes | None]) -> None:
        """See Root."""
        for _ in range(TRIES):
            document, version = self._document()
            content = change([_bytes(str(document["seen"]))] if document.get("seen") else [])
            if content is None or self._put({**document, "seen": _text(content)}, version):
                return
        raise Unreachable("bao_refuses", path=self._seen, reason="check-and-set")

    def lock(self, *, exclusive: bool, wait: float) -> AbstractContextManager[None]:
        """See Root: a lock of this machine, for the runs of one owner."""
        return self._lock(exclusive=exclusive, wait=wait)

    def _document(self) -> tuple[Json, int]:
        """The document beside the key, and its version; an empty one, 0 where there is none. Raises Unreachable."""
        answer = self._bao.ask("GET", self._seen)
        if answer is None:
            return {}, 0
        data = _data(answer)
        try:
            return dict(data["data"] or {}), int(data["metadata"]["version"])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise Unreachable("bao_not_kv2", path=self._seen) from None

    def _put(self, values: Json, version: int) -> bool:
        """Write the document if it still has that *version*; raises Unreachable."""
        data = {**values, "store": self._store.hex()}
        try:
            answer = self._bao.ask("POST", self._seen, {"data": data, "options": {"cas": version}})
        except _Refused as refused:
            if "check-and-set" in str(refused.detail["reason"]):
                return False
            raise
        if answer is None or "version" not in _data(answer):
            raise Unreachable("bao_not_kv2", path=self._seen)
        return True


def _weaknesses(answer: Json) -> list[str]:
    """The flags of a key by which R could leave OpenBao or come back, or by which it is no key of our type."""
    key = _data(answer)
    flags = [flag for flag in WEAK if key.get(flag) is not False]
    return flags + [f"type {key.get('type')}"] * (key.get("type") != KEY_TYPE) + ["derived"] * bool(key.get("derived"))


def _data(answer: Json) -> Json:
    """The data of an answer; none where it has none."""
    data = answer.get("data")
    return data if isinstance(data, dict) else {}


def _errors(answer: Json) -> str:
    """The errors of an answer, as far as they are shown."""
    errors = answer.get("errors")
    return "; ".join(map(str, errors if isinstance(errors, list) else []))[:REASON_LONGEST]


def _are_objects(results: Iterable[object]) -> bool:
    return all(isinstance(each, dict) for each in results)


def _text(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def _bytes(text: str) -> bytes:
    """The bytes of base64; raises Unreachable for what is none."""
    try:
        return b64decode(text, validate=True)
    except (NoBase64, ValueError):
        raise Unreachable("bao_garbled", path="?") from None
