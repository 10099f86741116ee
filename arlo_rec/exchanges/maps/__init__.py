"""Maps: TOML files by which an export of a telephone system is read as manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arlo_rec.law.model.documents import Record

if TYPE_CHECKING:
    from arlo_rec.exchanges.maps.read import Map
    from arlo_rec.exchanges.maps.records import MappedFiles


class Explained(Record, frozen=True, rename={"path": "from"}):
    """The value of a manifest's field in one row, and why; its path in the map, empty for a constant."""

    field: str
    path: str
    value: str | int | bool | list[str] | None
    why: str


class KeyExplained(Record, frozen=True):
    """One key of a row to which a map leads, when it was pressed, and its meaning as a code word."""

    row: int
    value: str | None
    at: str | None
    why: str


def reading(by: Map | None) -> MappedFiles | None:
    """The reading of files by a map, whose libraries are loaded only then; None without one."""
    if by is None:
        return None
    from arlo_rec.exchanges.maps.records import MappedFiles

    return MappedFiles(by)
