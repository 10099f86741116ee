"""Maps: TOML files by which an export of a telephone system is read as manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arlo_rec.exchanges.maps.read import Map
    from arlo_rec.exchanges.maps.records import MappedFiles


def reading(by: Map | None) -> MappedFiles | None:
    """The reading of files by a map, whose libraries are loaded only then; None without one."""
    if by is None:
        return None
    from arlo_rec.exchanges.maps.records import MappedFiles

    return MappedFiles(by)
