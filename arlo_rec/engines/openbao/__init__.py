"""The root secret below a key of OpenBao: addresses `bao://MOUNT/KEY`, with OpenBao's own variables."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from arlo_rec.engines.openbao.address import BaoAccess, KeyAddress
from arlo_rec.vault.backends.elsewhere import Engine, Given, Way

if TYPE_CHECKING:
    from arlo_rec.engines.openbao.openbao import BaoRoot


def access_of(given: Given) -> BaoAccess:
    """The way to OpenBao, by its usual variables, credentials of systemd and settings, in this order.

    Raises what reading a secret raises.
    """
    said, here = given.settings, given.environment

    def read(key: str, credential: str) -> str | None:
        path = given.handed(credential) or said.get(key)
        return given.secret(Path(str(path))).decode("utf-8", "replace").strip() if path else None

    token = here.get("BAO_TOKEN") or read("token_file", "arlo-rec.bao-token")
    return BaoAccess(
        tuple(str(here.get("BAO_ADDR") or said.get("address") or "").replace(",", " ").split()),
        token=token,
        role_id=said.get("role_id"),
        secret_id=read("secret_id_file", "arlo-rec.bao-secret-id") if token is None else None,
        ca=here.get("BAO_CACERT") or said.get("ca"),
        seen=str(said.get("seen", "secret")).strip("/"),
    )


class _Roots:
    """See Roots."""

    def is_address(self, text: str) -> bool:
        """See Roots."""
        try:
            KeyAddress.parse(text)
        except ValueError:
            return False
        return True

    def root(
        self, store: bytes, at: str, way: Way | None, lock: Callable[..., AbstractContextManager[None]]
    ) -> BaoRoot:
        """See Roots."""
        from arlo_rec.engines.openbao import openbao

        return openbao.BaoRoot(store, KeyAddress.parse(at), access_of(way("bao")) if way is not None else None, lock)


ENGINE: Final = Engine(
    section="bao",
    settings=dict.fromkeys(("address", "ca", "token_file", "role_id", "secret_id_file", "seen"), str),
    files=("ca", "token_file", "secret_id_file"),
    roots=_Roots(),
)
