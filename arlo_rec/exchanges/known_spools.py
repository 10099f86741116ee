"""The folders from which calls were taken in, as the catalogue remembers them; the newest few."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from arlo_rec.exchanges import spool
from arlo_rec.law.model.errors import Integrity
from arlo_rec.policy import Action, Role
from arlo_rec.vault.backends import shared_folder
from arlo_rec.vault.keys.jobs import SPOOLS
from arlo_rec.vault.opened import Store

if TYPE_CHECKING:
    from arlo_rec.exchanges.maps.read import Map

_KEY: Final = "spools"  # of the catalogue's numbers: paths as JSON, the newest first


class Known(NamedTuple):
    """A spool from which calls were taken in; `map` is the text of the map, None where it has our own manifests."""

    folder: str
    map: str | None


def remember(store: Store, paths: Iterable[Path], map: Map | None, now: datetime) -> None:
    """Remember the folders among the *paths* from which calls are taken in, and the map by which they are read."""
    by = map.source.decode("utf-8") if map is not None else None
    folders = [Known(str(path.absolute()), by) for path in paths if spool.home_of(path).folder == path]
    known = every(store)
    if not set(folders) <= set(known):
        newest = list(dict.fromkeys([*folders, *known]))[:SPOOLS]
        with store.change(now):
            store.meta.set_sealed(_KEY, json.dumps(newest).encode("utf-8", "surrogatepass"))


def folders(store: Store) -> list[Path]:
    """The spools from which calls were taken in, the newest first."""
    return list(dict.fromkeys(Path(each.folder) for each in every(store)))


def forget(store: Store, folder: Path, now: datetime) -> bool:
    """Forget a spool that is given up; false if it was none. Raises NotGranted."""
    if store.person.role is not Role.OFFICER:  # whom the finding asks, too
        store.demand(Action.INGEST, now)
    known = every(store)
    left = [each for each in known if Path(each.folder) != folder]
    if left != known:
        with store.change(now):
            store.meta.set_sealed(_KEY, json.dumps(left).encode("utf-8", "surrogatepass"))
    return left != known


def every(store: Store) -> list[Known]:
    """The remembered spools; none if the value is not one of ours."""
    with suppress(ValueError, TypeError, Integrity):
        told = json.loads((store.meta.opened(_KEY) or b"[]").decode("utf-8", "surrogatepass"))
        known = [Known(*each) for each in told]
        if all(each.folder.startswith("/") and isinstance(each.map, str | None) for each in known):
            return known
    return []


def is_readable(folder: Path) -> bool:
    """Whether this account can list a folder, which is no link."""
    try:
        with spool.Home(folder, named=True).reached(folder, shared_folder.FOLDER):
            return True
    except OSError:
        return False
