"""Explain one row of an export: what each field of the manifest became by a map, and why."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from arlo_rec.intake import deliveries, spool
from arlo_rec.intake.manifest import SOUND_ENDINGS
from arlo_rec.intake.maps.read import Map
from arlo_rec.intake.maps.records import MappedFiles, MappedRecord, Read
from arlo_rec.intake.run import Explained
from arlo_rec.model.errors import NothingMatched, Usage
from arlo_rec.policy import Action
from arlo_rec.store import Store

PHONE_KEYS = frozenset("0123456789*#")


def explain(store: Store, by: Map, path: Path, row: int, now: datetime, *, not_of: int | None) -> list[Explained]:
    """The fields of the call that begins in line *row* of a file, which nobody takes in.

    Raises NotGranted, Usage for a path that is no file with records, and NothingMatched for a row that has no call: the
    map passes it over, or it belongs to a call that begins above.
    """
    store.demand(Action.INGEST, now)
    home, files = spool.home_of(path, not_of=not_of), MappedFiles(by)
    sounds = [file for file in spool.files(home, path.parent) if file.suffix.lower() in SOUND_ENDINGS]
    try:
        with spool.opened(home, path.parent, path.name) as (stream, file):
            lines = deliveries.Lines(stream, file.size)
            for record in files.records(lines, path.parent, lambda: sounds):
                if record.line == row and isinstance(record, MappedRecord) and record.record is not None:
                    return _told(record)
    except (spool.NotAFile, deliveries.Unreadable):
        raise Usage("file_unreadable", path=str(path)) from None
    raise NothingMatched("no_row", row=row, path=str(path))


def _why(key: str, read: Read) -> str:
    """The reason of a value; of a key also that it is none, such as the word of a menu."""
    is_none = key == "consent.key" and read.why == "read" and read.value not in PHONE_KEYS
    return "no_key" if is_none else read.why


def _told(record: MappedRecord) -> list[Explained]:
    fields = record.map.fields
    told = [Explained(key, fields[key].told, read.value, _why(key, read)) for key, read in record.fields().items()]
    pattern, found = record.sound()
    why = "read" if len(found) == 1 else "several" if found else "no_sound"
    return [*told, Explained("audio", pattern or "", found[0] if len(found) == 1 else None, why)]
