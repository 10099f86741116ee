"""Explain an export: what the fields of one row become by a map, and why; and every key to which the map leads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from arlo_rec.exchanges import deliveries, spool
from arlo_rec.exchanges.manifest import SOUND_ENDINGS
from arlo_rec.exchanges.maps import Explained, KeyExplained
from arlo_rec.exchanges.maps.fields import FieldValue
from arlo_rec.exchanges.maps.read import Map
from arlo_rec.exchanges.maps.records import MappedFiles, MappedNotice, MappedRecord
from arlo_rec.law.model.consent import OFFERABLE, STOPPED_BY
from arlo_rec.law.model.errors import NothingMatched, Usage

EXPORT_BYTES: Final = 64 * 1024 * 1024  # of an export whose keys are looked at
PHONE_KEYS: Final = frozenset({*OFFERABLE, *STOPPED_BY, *"0*#"})


def explain(by: Map, path: Path, row: int) -> tuple[list[Explained], list[KeyExplained]]:
    """The fields of the withdrawal and of the call that begin in line *row* of a file, and the keys of the call.

    It opens no store. Raises Usage for a path that is no file with records, and NothingMatched for a row that has
    neither: the map passes it over, or it belongs to a call that begins above.
    """
    if path.is_dir():
        raise Usage("is_a_folder", path=str(path))
    home, files, told, keys = spool.home_of(path), MappedFiles(by), list[Explained](), list[KeyExplained]()
    sounds = [file for file in spool.files(home, path.parent, []) if file.suffix.lower() in SOUND_ENDINGS]
    try:
        with spool.opened(home, path.parent, path.name) as (stream, file):
            for record in files.records(deliveries.Lines(stream, file.size), path.parent, lambda: sounds):
                if record.line == row and record.record is not None:
                    told += _told(record)
                    if isinstance(record, MappedRecord):
                        keys += _keys(record)
                        break
    except (spool.NotAFile, spool.Unavailable, deliveries.Unreadable):
        raise Usage("file_unreadable", path=str(path)) from None
    if not told:
        raise NothingMatched("no_row", row=row, path=str(path))
    return told, keys


def keys_of(by: Map, raw: bytes, path: Path) -> list[KeyExplained]:
    """Every key of every call of an export; raises Usage where it cannot be read."""
    keys = list[KeyExplained]()
    try:
        for record in MappedFiles(by).records(deliveries.Lines(io.BytesIO(raw), len(raw)), path.parent, lambda: ()):
            if isinstance(record, MappedRecord) and record.record is not None:
                keys += _keys(record)
    except deliveries.Unreadable:
        raise Usage("file_unreadable", path=str(path)) from None
    return keys


def _keys(record: MappedRecord) -> Iterator[KeyExplained]:
    for key in record.presses():
        yield KeyExplained(record.line, None if key.value is None else str(key.value), key.at, key.why)


def _told(record: MappedRecord | MappedNotice) -> Iterator[Explained]:
    wanted = record.map.fields if isinstance(record, MappedRecord) else record.wanted.fields
    for key, read in record.fields().items():
        path = wanted[key].path if key in wanted else None
        yield Explained(key, path.written if path is not None else "", read.value, _why(key, read))
    for name, found in record.found() if isinstance(record, MappedRecord) else ():
        why = "read" if len(found) == 1 else "several" if found else "no_sound"
        yield Explained("audio", name or "", found[0] if len(found) == 1 else None, why)


def _why(key: str, read: FieldValue) -> str:
    """The reason of a value; of a key also that it is none, such as the word of a menu."""
    is_none = key == "consent.key" and read.why == "read" and read.value not in PHONE_KEYS
    return "no_key" if is_none else read.why
