"""Explain one row of an export: what each field of the manifest becomes by a map, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from arlo_rec.intake import deliveries, spool
from arlo_rec.intake.manifest import SOUND_ENDINGS
from arlo_rec.intake.maps.fields import FieldValue
from arlo_rec.intake.maps.read import Map
from arlo_rec.intake.maps.records import MappedFiles, MappedNotice, MappedRecord
from arlo_rec.intake.run import Explained
from arlo_rec.model.errors import NothingMatched, Usage

PHONE_KEYS: Final = frozenset("0123456789*#")


def explain(by: Map, path: Path, row: int) -> list[Explained]:
    """The fields of the withdrawal and of the call that begin in line *row* of a file; it opens no store.

    Raises Usage for a path that is no file with records, and NothingMatched for a row that has neither: the map passes
    it over, or it belongs to a call that begins above.
    """
    home, files, told = spool.home_of(path), MappedFiles(by), list[Explained]()
    sounds = [file for file in spool.files(home, path.parent, []) if file.suffix.lower() in SOUND_ENDINGS]
    try:
        with spool.opened(home, path.parent, path.name) as (stream, file):
            for record in files.records(deliveries.Lines(stream, file.size), path.parent, lambda: sounds):
                if record.line == row and record.record is not None:
                    told += _told(record)
                    if isinstance(record, MappedRecord):
                        break
    except (spool.NotAFile, spool.Unavailable, deliveries.Unreadable):
        raise Usage("file_unreadable", path=str(path)) from None
    if not told:
        raise NothingMatched("no_row", row=row, path=str(path))
    return told


def _told(record: MappedRecord | MappedNotice) -> Iterator[Explained]:
    wanted = record.map.fields if isinstance(record, MappedRecord) else record.wanted
    for key, read in record.fields().items():
        path = wanted[key].path
        yield Explained(key, path.written if path is not None else "", read.value, _why(key, read))
    for name, found in record.found() if isinstance(record, MappedRecord) else ():
        why = "read" if len(found) == 1 else "several" if found else "no_sound"
        yield Explained("audio", name or "", found[0] if len(found) == 1 else None, why)


def _why(key: str, read: FieldValue) -> str:
    """The reason of a value; of a key also that it is none, such as the word of a menu."""
    is_none = key == "consent.key" and read.why == "read" and read.value not in PHONE_KEYS
    return "no_key" if is_none else read.why
