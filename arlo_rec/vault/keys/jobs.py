"""The last runs of the regular work around a store: a small file for each job, in the store's folder.

It is what IT is told by, and no evidence: the log has what was done. By one of these files alone something is decided:
an intake refuses a clock that is far ahead of the last one. They hold counts, times and folders, no caller and no file
name. A file that is missing or damaged counts as never.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from arlo_rec.law.model import documents
from arlo_rec.law.model.documents import Document
from arlo_rec.law.model.errors import ArloError
from arlo_rec.vault.backends import shared_folder
from arlo_rec.vault.backends.durable import write_whole
from arlo_rec.vault.keys.layout import Layout

_LARGEST: Final = 64 * 1024  # bytes of such a file; it has less than 3 kB
SPOOLS: Final = 8  # folders that are remembered


class Job(StrEnum):
    """A job that somebody or something does again and again."""

    INGEST = "ingest"
    PURGE = "purge"
    BACKUP = "backup"
    VERIFY = "verify"
    ANCHOR = "anchor"
    DRILL = "drill"


class SpoolSeen(Document, frozen=True):
    """The remains of an intake in one folder, as counts."""

    folder: Path
    at: datetime
    left: int  # sounds and manifests that should be gone, and could not be removed
    unclaimed: int  # sounds that no manifest names
    unreadable: int  # folders and files that could not be read
    since: datetime | None  # when the oldest of them was last written to


class LastRun(Document, frozen=True):
    """The newest run of a job that came to its end."""

    at: datetime
    problems: int = 0  # that a check found
    spools: tuple[SpoolSeen, ...] = ()  # of an intake, the newest first

    def spool(self, folder: Path) -> SpoolSeen | None:
        """The remains in that folder; None where no intake has looked there."""
        return next((seen for seen in self.spools if seen.folder == folder), None)


def note(place: Layout, job: Job, run: LastRun) -> None:
    """Keep a run as the newest; a disk that fails is found by `last`, which then tells of an older one."""
    with suppress(ArloError):
        write_whole(_file(place, job), documents.encode(run))


def last(place: Layout, job: Job) -> LastRun | None:
    """The newest run of a job; None where there is none that can be read."""
    try:
        return documents.decode(shared_folder.read_small(_file(place, job), _LARGEST), LastRun, max_bytes=_LARGEST)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def note_intake(place: Layout, now: datetime, spools: list[SpoolSeen]) -> None:
    """Keep what an intake left in the folders that it looked at; of other folders what is known stays."""
    before = last(place, Job.INGEST)
    looked_at = {seen.folder for seen in spools}
    others = [seen for seen in (before.spools if before else ()) if seen.folder not in looked_at]
    note(place, Job.INGEST, LastRun(now, spools=tuple([*spools, *others][:SPOOLS])))


def _file(place: Layout, job: Job) -> Path:
    return place.store / f"ran.{job}"
