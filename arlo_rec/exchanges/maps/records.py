"""Records of an export, read through a map: each becomes the JSON object of a manifest.

Rows are read one by one, so that a file of any size takes as much memory as its longest calls: rows of one call are
joined where they stand within `NEAR` rows of each other, as an exchange writes them when the call ends.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from arlo_rec.exchanges.deliveries import Lines, Unreadable, cells_of, json_records
from arlo_rec.exchanges.manifest import MANIFEST_BYTES, SIDES, TO_COME
from arlo_rec.exchanges.maps.fields import (
    ASKED_AT,
    CALL_TIMES,
    EVIDENCE,
    GIVEN,
    OF_ITS_PROMPT,
    REQUIRED,
    FieldValue,
    MappedField,
    comparable,
    read_field,
)
from arlo_rec.exchanges.maps.paths import RecordPath
from arlo_rec.exchanges.maps.presses import History, KeyRead, history
from arlo_rec.exchanges.maps.read import Map, WithdrawalRows
from arlo_rec.exchanges.maps.sounds import SoundNames, filled
from arlo_rec.law.model.consent import WITHDRAWN, CallTimes
from arlo_rec.law.model.records import from_iso
from arlo_rec.law.model.strict_json import canonical, parse

NEAR: Final = 10_000  # rows within which those of one call stand
ROWS_MOST: Final = 1_000  # of one call
WAITING_BYTES: Final = 64 * 1024 * 1024  # of rows whose call may have others
PIECE: Final = 1_000  # bytes of an unreadable document that tell it from another
SEARCHES_MOST: Final = 2_000_000  # parts of a document times its values: each part is searched in all of it
_NEVER: Final = "../*"  # the name of no file, where none can come, or several fit
_UNREADABLE: Final = "\0"  # the value of a field that stands there and cannot be read: it refuses the call by its name
_STOPPED: Final = {"key": WITHDRAWN}
_MISSING: Final = FieldValue(None, "missing")


@dataclass(slots=True)
class MappedRecord:
    """One call of an export: the line where it begins, its very bytes, and the record."""

    line: int
    raw: bytes
    record: dict[str, Any] | None  # None: it is unreadable
    map: Map = field(repr=False)
    sounds: SoundNames = field(repr=False)
    is_clear: bool = True  # whether its rows are not too many, and can be compared
    passed_over: bool = False  # whether it is no call by the map, and only its sound lies there
    withdrawn: bool = False  # whether one of its rows is a withdrawal, however that can be carried out

    def to_json(self) -> dict[str, Any]:
        """The call as a manifest's JSON object, without what is missing; raises ValueError where it is unreadable."""
        if self.record is None:
            raise ValueError("no record")
        manifest: dict[str, Any] = {}
        for key, read in self.fields().items():
            if key == ASKED_AT:
                continue
            if read.why in GIVEN:
                _put(manifest, key, read.value)
            elif read.why != "missing" and key not in REQUIRED:  # such as an end of the recording
                _put(manifest, key, _UNREADABLE)
        names = [_name(pattern, found, side) for (pattern, found), side in zip(self.found(), SIDES, strict=False)]
        manifest["audio"] = dict(zip(SIDES, names, strict=True)) if len(names) > 1 else names[0]
        if self.passed_over:
            manifest.pop("consent", None)
        if not self.is_clear:
            manifest["started_at"] = _UNREADABLE
        if self.withdrawn:
            manifest["consent"] = {**manifest.get("consent", {}), "stopped": _STOPPED}
        return manifest

    def fields(self) -> dict[str, FieldValue]:
        """The fields of the map, as read."""
        told = {key: self._read(key, each) for key, each in self.map.fields.items()}
        history = self._history(told)
        return told | history.fields() if history is not None else told

    def presses(self) -> list[KeyRead]:
        """Every key to which the map's path leads, and what it means."""
        told = {key: self._read(key, each) for key, each in self.map.fields.items()}
        history, times = self._history(told), _call_times(told)
        if history is not None:
            return history.keys(times)
        key, at = told["consent.key"], told["consent.at"]
        why = at.why if key.why == "read" else key.why
        return [KeyRead(key.value, at.value, "decides" if why == "read" else why).within(times)]

    def _read(self, key: str, wanted: MappedField) -> FieldValue:
        """A field of the record; evidence of a call of several rows must be the same in each row that counts."""
        read, rows = read_field(key, wanted, self.record), (self.record or {}).get("rows")
        if self.map.join is None or self.map.newest is not None or key not in EVIDENCE or not isinstance(rows, list):
            return read
        values = {told.value for row in rows if (told := read_field(key, wanted, row)).why == "read"}
        return FieldValue(None, "several_values") if len(values) > 1 else read

    def _history(self, told: Mapping[str, FieldValue]) -> History | None:
        """The history of keys, where the map has one."""
        if self.map.presses is None or self.record is None:
            return None
        begin, end = told.get(ASKED_AT, _MISSING), _first_sound(self.map, self.record)
        return history(self.map.presses, self.record, self.map.fields, "consent", asked_at=begin, until=end)

    def found(self) -> list[tuple[str | None, list[str]]]:
        """For each sound its pattern with the record's values, and the names below the folder that fit."""
        names = [(filled(pattern, self.record), pattern) for pattern in self.map.audio]
        return [(name, self.sounds.fitting(name, pattern)) for name, pattern in names]


@dataclass(slots=True)
class MappedNotice:
    """A withdrawal in an export: the line where it stands, its very bytes, and the record."""

    line: int
    raw: bytes
    record: dict[str, Any]
    map: Map = field(repr=False)
    wanted: WithdrawalRows = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """The withdrawal as the JSON object of a notice, without what is missing."""
        notice: dict[str, Any] = {"withdrawal": {}}
        for key, read in self.fields().items():
            if read.why in GIVEN and key != OF_ITS_PROMPT:
                _put(notice, key, read.value)
        return notice

    def fields(self) -> dict[str, FieldValue]:
        """The fields of the withdrawal, as read."""
        told = {key: read_field(key, each, self.record) for key, each in self.wanted.fields.items()}
        return told | (_pressed(self.map, self.wanted, self.record) or {})


def _call_times(told: Mapping[str, FieldValue]) -> CallTimes:
    """When the call began and ended, as far as the record tells."""
    times = (told.get(key, _MISSING) for key in CALL_TIMES)
    return CallTimes(*(from_iso(each.value) if each.why == "read" else None for each in times))


def _name(filled: str | None, found: Sequence[str], side: str) -> str:
    """The sound's name; without exactly one, a name of no file."""
    if len(found) == 1:
        return found[0]
    return f"{TO_COME}{side}" if filled is not None and not found else f"{_NEVER}{side}"


def _put(manifest: dict[str, Any], key: str, value: Any) -> None:
    *outer, last = key.split(".")
    place = manifest
    for name in outer:
        place = place.setdefault(name, {})
    place[last] = value


# -- rows ---------------------------------------------------------------------------------------------

_Row = tuple[int, bytes, dict[str, Any] | None]  # its line, its bytes, and the record; None: it is unreadable
_Clear = tuple[int, bytes, dict[str, Any] | None, bool]  # and whether the record is clear
_OF_NOTICE: Final = b'\0"withdrawal"'  # tells the bytes of a notice from those of the call in the same row


@dataclass(slots=True)
class _Rows:
    """Rows of one call that stand near each other."""

    line: int
    raw: bytearray
    rows: list[dict[str, Any]]
    last: int = 0  # number of its last row
    is_whole: bool = True


@dataclass(slots=True)
class MappedFiles:
    """The reading of an export's files by a map."""

    map: Map
    _names: tuple[Path, SoundNames] | None = None  # of the last folder

    def reads(self, name: str) -> bool:
        """Whether a file of that name has records."""
        return fnmatchcase(name, self.map.files)

    def records(
        self, lines: Lines, folder: Path, sounds: Callable[[], Iterable[Path]]
    ) -> Iterator[MappedRecord | MappedNotice]:
        """Yield the calls and withdrawals of a file; raises Unreadable where the boundaries of rows are lost."""
        if self._names is None or self._names[0] != folder:
            self._names = folder, SoundNames(folder, sounds())
        withdrawn, joined = self.map.withdrawal, _Joining(self) if self.map.join is not None else None
        for line, raw, row in self._rows(lines):
            if row is not None and withdrawn is not None and _withdraws(self.map, withdrawn, row):
                yield MappedNotice(line, raw + _OF_NOTICE, row, self.map, withdrawn)
            yield from self._calls(joined.add(line, raw, row) if joined is not None else [(line, raw, row, True)])
        if joined is not None:
            yield from self._calls(joined.rest())

    def _calls(self, rows: Iterable[_Clear]) -> Iterator[MappedRecord]:
        """Yield the calls of rows.

        A row that `only` passes over is told where its sound lies there, as a call without consent: nobody else would
        remove it.
        """
        names = self._names[1] if self._names else SoundNames(Path(), ())
        for line, raw, row, is_clear in rows:
            if row is None:
                yield MappedRecord(line, raw, None, self.map, names)
                continue
            counts, withdrawn = self.counts(row), self._is_withdrawn(row)
            for bytes_of_it, record in self._parts(raw, row):
                call = MappedRecord(line, bytes_of_it, record, self.map, names, is_clear, not counts, withdrawn)
                if counts or record is None or any(found for _, found in call.found()):
                    yield call

    def _parts(self, raw: bytes, row: dict[str, Any]) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
        """Yield the recordings of a row, itself without `parts`; None for a row with too many."""
        if self.map.parts is None:
            yield raw, row
            return
        parts = self.map.parts.search(row)
        if not isinstance(parts, list):
            return
        if len(parts) * (raw.count(b",") + 1) > SEARCHES_MOST:
            yield raw[:PIECE], None
            return
        digest = hashlib.sha256(raw).digest()
        for part in parts:
            yield digest + canonical(part), {**row, "part": part}

    def _is_withdrawn(self, row: dict[str, Any]) -> bool:
        by, rows = self.map, (row, *row.get("rows", ()))
        return by.withdrawal is not None and any(_withdraws(by, by.withdrawal, each) for each in rows)

    def counts(self, row: dict[str, Any]) -> bool:
        """Whether a row tells of a call."""
        return self.map.only is None or _is_met(self.map.only, row)

    def _rows(self, lines: Lines) -> Iterator[_Row]:
        if self.map.format == "csv":
            columns, rows = self._table(lines)
            for line, raw, cells in rows:
                is_row = cells is not None and len(cells) >= len(columns)
                yield line, raw, dict(zip(columns, cells or (), strict=False)) if is_row else None
        elif self.map.format == "jsonl":
            for each in json_records(lines):
                try:
                    yield each.line, each.raw, each.to_json()
                except ValueError:
                    yield each.line, each.raw, None
        else:
            yield from self._document(lines)

    def _table(self, lines: Lines) -> tuple[Sequence[str], Iterator[tuple[int, bytes, list[str] | None]]]:
        rows = cells_of(lines, self.map.delimiter or ",")
        if self.map.columns is not None:
            return self.map.columns, rows
        first = next(rows, None)
        if first is None:
            return (), rows
        named = [column for column in first[2] or () if column]
        if first[2] is None or len(set(named)) != len(named):
            raise Unreadable(first[0], first[1])
        return first[2], rows

    def _document(self, lines: Lines) -> Iterator[_Row]:
        whole = bytearray()
        for line in lines:
            whole += line
            if len(whole) > MANIFEST_BYTES:
                raise Unreadable(1, bytes(whole[:PIECE]))
        raw = bytes(whole)
        try:
            document = parse(raw, is_bounded=False)
        except ValueError:
            yield 1, raw[:PIECE], None
            return
        found = self.map.records.search(document) if self.map.records is not None else document
        listed = found if isinstance(found, list) else [found]
        for number, record in enumerate(listed, start=1):
            is_record = isinstance(record, dict)
            yield number, canonical(record) if is_record else b"", record if is_record else None


class _Joining:
    """Rows on their way to one record a call."""

    def __init__(self, files: MappedFiles) -> None:
        self._files, self._map = files, files.map
        self._waiting, self._held, self._number = OrderedDict[str, _Rows](), 0, 0

    def add(self, line: int, raw: bytes, row: dict[str, Any] | None) -> Iterator[_Clear]:
        """Add a row, and yield the records that are complete with it; a row without a call's id is unreadable."""
        name = self._map.join.search(row) if self._map.join is not None and row is not None else None
        if not isinstance(name, str | int) or name == "":
            yield line, raw, None, True
            return
        self._number += 1
        call = self._waiting.setdefault(str(name), _Rows(line, bytearray(), []))
        call.last, call.is_whole = self._number, call.is_whole and len(call.rows) < ROWS_MOST
        if call.is_whole and row is not None:
            call.rows.append(row)
            call.raw += raw + b"\n"
            self._held += len(raw) + 1
        self._waiting.move_to_end(str(name))
        while self._waiting and (self._held > WAITING_BYTES or self._oldest().last < self._number - NEAR):
            yield self._record(self._waiting.popitem(last=False)[1])

    def rest(self) -> Iterator[_Clear]:
        """Yield the records of all rows that still wait."""
        while self._waiting:
            yield self._record(self._waiting.popitem(last=False)[1])

    def _oldest(self) -> _Rows:
        return next(iter(self._waiting.values()))

    def _record(self, call: _Rows) -> _Clear:
        """The record of a call: its newest row, or else the first that counts, with the others as `rows`.

        With too many rows, or where their times cannot be compared, it is not clear.
        """
        self._held -= len(call.raw)
        rows = call.rows
        if self._map.newest is None:
            rows = [row for row in rows if self._files.counts(row)] or rows
            chosen: dict[str, Any] | None = rows[0]
        else:
            chosen = self._newest(rows)
        is_clear = call.is_whole and chosen is not None
        return call.line, bytes(call.raw), {**(chosen or rows[0]), "rows": rows}, is_clear

    def _newest(self, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The newest row, of two equally new ones the last; None where the times of several cannot be compared."""
        times = [comparable(self._map.newest.search(row)) if self._map.newest else None for row in rows]
        newest, last = rows[0], times[0]
        for row, at in zip(rows[1:], times[1:], strict=True):
            if at is None or last is None:
                return None
            newest, last = (row, at) if at >= last else (newest, last)
        return newest


def _withdraws(by: Map, wanted: WithdrawalRows, row: dict[str, Any]) -> bool:
    """Whether a row is a withdrawal: by its condition, and by its history of keys where the map names one."""
    return _is_met(wanted.only, row) and (wanted.presses is None or _pressed(by, wanted, row) is not None)


def _pressed(by: Map, wanted: WithdrawalRows, row: dict[str, Any]) -> dict[str, FieldValue] | None:
    """Key and time of a withdrawal by its own prompt, whose begin must be told: a menu's key withdraws nothing."""
    begin = read_field(OF_ITS_PROMPT, wanted.fields[OF_ITS_PROMPT], row) if wanted.presses is not None else _MISSING
    if wanted.presses is None or begin.why != "read":
        return None
    told = {key: read_field(key, by.fields[key], row) for key in CALL_TIMES if key in by.fields}
    keys = history(wanted.presses, row, wanted.fields, "withdrawal", asked_at=begin, until=_first_sound(by, row))
    return keys.withdrawal(_call_times(told))


def _first_sound(by: Map, row: dict[str, Any]) -> FieldValue:
    """When the first sound of a call begins: keys behind it answer no prompt, also if another part follows."""
    parts = by.parts.search(row) if by.parts is not None else None
    records = [{**row, "part": part} for part in parts] if isinstance(parts, list) else [row]
    read = [read_field("started_at", by.fields["started_at"], record) for record in records]
    return min((each for each in read if each.why == "read"), default=_MISSING, key=lambda each: from_iso(each.value))


def _is_met(condition: RecordPath, row: dict[str, Any]) -> bool:
    """Whether a row fulfils a condition, true as JMESPath has it: neither null nor empty."""
    value = condition.search(row)
    return value is not None and value is not False and value not in ("", [], {})
