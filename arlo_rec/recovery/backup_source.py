"""Which backups a restore may take: those that a slot of the ring still opens."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from arlo_rec.backends.durable import translated
from arlo_rec.backends.ringfile import RingFile
from arlo_rec.backends.shared_folder import read_small
from arlo_rec.keys.layout import Layout
from arlo_rec.model.errors import Integrity, Refused, Usage
from arlo_rec.offsite import escrow
from arlo_rec.offsite.escrow_slot import EscrowSlot
from arlo_rec.policy import RING_LONGEST
from arlo_rec.recovery.backup_places import ABOUT_BYTES


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """Which backup, and where the store is to be."""

    folder: Path
    escrow: Path
    store: Path
    root: Path
    feed: Path | None = None


@dataclass(frozen=True, slots=True)
class BackupSource:
    """The backup that is restored."""

    store_id: bytes
    slot: EscrowSlot
    folder: Path

    @property
    def catalogue(self) -> Path:
        """The copy of the catalogue."""
        return self.folder / escrow.CATALOGUE

    def layout(self, root_folder: Path) -> Layout:
        """Where its key files and seals lie."""
        return Layout(self.folder, root_folder, self.store_id)


def find(options: RestoreOptions, now: datetime) -> list[BackupSource]:
    """The backups whose time is not over, the newest first.

    What a slot says is to be believed only once somebody has opened it: others can write into both folders. Raises
    Usage, Refused (all are older than their ring allows), Unreachable or Integrity.
    """
    store_id = _store_id(options.folder)
    slots = escrow.slots(store_id, RingFile(options.escrow).read())
    live = [slot for slot in slots if slot.at < now + RING_LONGEST and now < slot.at + timedelta(hours=slot.hours)]
    if not live:
        raise Refused("backup_too_old", rule="consent.withdraw", path=str(options.folder))
    return [BackupSource(store_id, slot, options.folder / str(slot.number)) for slot in live]


def _store_id(folder: Path) -> bytes:
    try:
        about = tomllib.loads(read_small(folder / "backup.toml", ABOUT_BYTES).decode("utf-8"))
        return bytes.fromhex(about["id"])
    except (FileNotFoundError, NotADirectoryError):
        raise Usage("no_backup", path=str(folder)) from None
    except OSError as error:
        raise translated(error) from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise Integrity("backup_damaged", path=str(folder)) from None
