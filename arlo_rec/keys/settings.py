"""The settings of a store that say where its bytes go: one document, which a link of the chain commits to.

A path that anybody could write into a row would make the officer's next command write there. So feed, escrows and root
folder stand here, and an officer alone changes them (`keys.authority`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from arlo_rec.model import documents
from arlo_rec.model.documents import Document
from arlo_rec.model.errors import Integrity

RING_HOURS = 24  # for which a ring keeps an old root secret, unless an officer says otherwise


class EscrowPlace(Document, frozen=True):
    """An escrow that an officer named: the folder of its ring, and that of its backups."""

    escrow: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the bytes of a store go, and what an officer said about it."""

    root: str  # the root folder as `store.toml` names it
    feed: Path | None = None
    escrows: tuple[EscrowPlace, ...] = ()
    ring_hours: int = RING_HOURS
    unknown_since: int | None = None  # restored without a feed: what happened after this entry of the log is unknown
    format: Literal[1] = 1

    def with_escrow(self, place: EscrowPlace, hours: int | None) -> Settings:
        """The same with an escrow, which replaces one of the same ring."""
        others = (each for each in self.escrows if each.escrow != place.escrow)
        return replace(self, escrows=(*others, place), ring_hours=hours or self.ring_hours)


def decode(body: bytes) -> Settings:
    """The settings of a document that a link commits to; raises Integrity (settings_forged)."""
    try:
        return documents.decode(body, Settings)
    except ValueError:
        raise Integrity("settings_forged", rule="access.officer") from None
