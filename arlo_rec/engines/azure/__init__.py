"""Objects in Azure Blob Storage: places `azure://ACCOUNT/CONTAINER/PREFIX`, with the account's key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from arlo_rec.law.model.errors import NotUnlocked, Unreachable, Usage
from arlo_rec.vault.backends.elsewhere import Engine, Given, Way

if TYPE_CHECKING:
    from arlo_rec.engines.azure.container import ContainerBlobs, Entry

_PLACE: Final = re.compile(
    r"azure://([a-z0-9]{3,24})/([a-z0-9](?:-?[a-z0-9]){2,62})((?:/[A-Za-z0-9._-]+)*)/?",
)


class _Objects:
    """See Objects."""

    def place(self, text: str) -> str | None:
        """See Objects."""
        match = _PLACE.fullmatch(text)
        return None if match is None or ".." in text else f"azure://{match[1]}/{match[2]}{match[3]}"

    def blobs(self, at: str, way: Way | None) -> ContainerBlobs:
        """See Objects."""
        from arlo_rec.engines.azure.container import Container, ContainerBlobs, Entry

        match = _PLACE.fullmatch(at)
        if match is None:
            raise ValueError(at)
        container = Container(match[1], match[2], match[3].strip("/"))
        return ContainerBlobs(container, lambda: entry_of(way("azure")) if way is not None else Entry())


def entry_of(given: Given) -> Entry:
    """Address and key of the account, by the variable of Azure's programs, a credential of systemd and settings.

    Raises Unreachable for a file that cannot be read: an erasure goes on without its objects.
    """
    from arlo_rec.engines.azure.container import Entry

    key = given.environment.get("AZURE_STORAGE_KEY", "")
    path = given.settings.get("key_file") or given.handed("arlo-rec.azure")
    if not key and path:
        try:
            key = given.secret(Path(str(path))).decode("ascii", "replace").strip()
        except (OSError, NotUnlocked, Usage):
            raise Unreachable("objects_no_secret", path=str(path)) from None
    return Entry(given.settings.get("endpoint"), key)


ENGINE: Final = Engine(
    section="azure",
    settings=dict.fromkeys(("endpoint", "key_file"), str),
    files=("key_file",),
    objects=_Objects(),
)
