"""The settings of a store for where its bytes go: one document, which a link of the chain commits to.

A path in a plain row could be changed by every holder of the catalogue's key, and the officer's next command would
write there. So feed, escrows and root folder stand here, and only an officer changes them (`keys.authority`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from arlo_rec.law.model import documents
from arlo_rec.law.model.documents import Document
from arlo_rec.law.model.errors import Integrity

RING_HOURS = 24  # time for which a ring keeps an old root secret by default


class EscrowPlace(Document, frozen=True):
    """An escrow named by an officer: the folder of its ring, and that of its backups."""

    escrow: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths of a store's data, and related decisions of an officer."""

    root: str  # as in `store.toml`
    feed: Path | None = None
    escrows: tuple[EscrowPlace, ...] = ()
    ring_hours: int = RING_HOURS
    unknown_since: int | None = None  # restored without a feed: events after this entry of the log are unknown
    format: Literal[1] = 1

    def with_escrow(self, place: EscrowPlace, hours: int | None) -> Settings:
        """The settings with an escrow, in place of one of the same ring."""
        others = (other for other in self.escrows if other.escrow != place.escrow)
        return replace(self, escrows=(*others, place), ring_hours=hours or self.ring_hours)

    def without_escrow(self, place: EscrowPlace) -> Settings:
        """The settings without an escrow that is given up."""
        return replace(self, escrows=tuple(other for other in self.escrows if other != place))


def decode(body: bytes) -> Settings:
    """The settings that a link commits to; raises Integrity (settings_forged)."""
    try:
        return documents.decode(body, Settings)
    except ValueError:
        raise Integrity("settings_forged", rule="access.officer") from None
