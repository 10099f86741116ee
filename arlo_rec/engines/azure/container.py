"""The client of a container: what Azure Blob Storage has of its own, beside the objects that all services share.

An account that keeps what is deleted (soft delete) tells so only in the answer to a deletion, which obstore does not
hand on. So the probe deletes one object by a request of its own, signed with the account's key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from arlo_rec.engines.objects import PATIENCE, ObjectBlobs, Signs, address_of, repeated, trouble
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.vault.crypto import primitives

if TYPE_CHECKING:
    from datetime import timedelta

    from obstore.store import AzureStore

VERSION: Final = "2023-11-03"  # of the interface; from 2017-07-29 on an answer says whether a deletion is for good
SIGNS: Final[Signs] = (
    ("ContainerNotFound", "objects_no_bucket"),
    ("container does not exist", "objects_no_bucket"),  # of one object among those of a request
    ("Date header", "objects_clock"),
    ("BlobImmutable", "objects_versioned"),
    ("immutable due to", "objects_versioned"),
    ("Invalid Access Key", "objects_refused"),
)


class Container(NamedTuple):
    """A prefix in a container of an account."""

    account: str
    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Address and key of an account; without an address that of Azure's public cloud."""

    endpoint: str | None = None
    key: str = field(default="", repr=False)

    def address(self, account: str) -> str:
        """The address of an account, without a last slash."""
        return (self.endpoint or f"https://{account}.blob.core.windows.net").rstrip("/")


class ContainerBlobs(ObjectBlobs):
    """Objects below a prefix of a container."""

    def __init__(self, container: Container, entry: Callable[[], Entry]) -> None:
        """Take the container, and what reads the entry at the first use."""
        super().__init__(lambda patience: azure_container(container, entry(), patience), SIGNS)
        self._container, self._entry = container, entry

    def probe(self) -> None:
        """See ObjectBlobs; raises Unreachable for soft delete as well."""
        import obstore

        super().probe()
        key = f"probe/{primitives.fresh(16).hex()}"
        self._ask(lambda store: obstore.put(store, key, b"arlo-rec", mode="create"))
        if not is_deleted_for_good(self._container, self._entry(), key):
            raise Unreachable("objects_versioned")


def azure_container(container: Container, entry: Entry, patience: timedelta) -> AzureStore:
    """The client of a prefix of a container; asks nothing of the service. Raises Unreachable."""
    if not entry.key:
        raise Unreachable("objects_no_key")
    options = address_of(entry.address(container.account), patience)
    try:
        from obstore.store import AzureStore
    except ImportError:
        raise Unreachable("objects_no_library") from None
    try:
        return AzureStore(
            container.name,
            prefix=container.prefix or None,
            config={
                "account_name": container.account,
                "account_key": entry.key,
                "credential_type": "access_key",  # whatever else the environment names
                "endpoint": entry.address(container.account),
                "use_emulator": False,
                "use_fabric_endpoint": False,
                "skip_signature": False,
            },
            client_options=options,
            retry_config=repeated(),
        )
    except (ValueError, OSError) as error:
        raise trouble(str(error), SIGNS) from None


def is_deleted_for_good(container: Container, entry: Entry, key: str) -> bool:
    """Delete an object, and say whether the service keeps nothing of it; raises Unreachable."""
    address = urlsplit(entry.address(container.account))
    path = "/".join(filter(None, (address.path, container.name, container.prefix, key)))
    path = path if path.startswith("/") else f"/{path}"
    line = (HTTPSConnection if address.scheme == "https" else HTTPConnection)(
        str(address.hostname), address.port, timeout=PATIENCE.total_seconds()
    )
    try:
        with closing(line):
            line.request("DELETE", path, headers=_signed(container.account, entry.key, path))
            answer = line.getresponse()
            if answer.status != 202:
                said = answer.read(4096).decode("utf-8", "replace")
                raise trouble(f"{answer.status} {answer.reason} {said}", SIGNS)
            return answer.headers.get("x-ms-delete-type-permanent") == "true"
    except (OSError, HTTPException) as error:
        raise trouble(str(error), SIGNS) from None


def _signed(account: str, key: str, path: str) -> dict[str, str]:
    """The headers of a deletion, signed as the interface says ("Authorize with Shared Key"); raises Unreachable."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": VERSION}
    stated = "".join(f"{name}:{value}\n" for name, value in headers.items())
    text = "DELETE" + "\n" * 12 + stated + f"/{account}{path}"
    try:
        secret = base64.b64decode(key, validate=True)
    except binascii.Error:
        raise Unreachable("objects_refused") from None
    signature = base64.b64encode(hmac.digest(secret, text.encode(), hashlib.sha256)).decode()
    return {**headers, "Authorization": f"SharedKey {account}:{signature}"}
