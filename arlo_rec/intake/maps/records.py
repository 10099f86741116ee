"""Records of an export, read through a map: each becomes the JSON object of a manifest.

Rows are read one by one, so that a file of any size takes as much memory as its longest calls: rows of one call are
joined where they stand within `NEAR` rows of each other, as an exchange writes them when the call ends.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from arlo_rec.intake.deliveries import Lines, Record, Unreadable, cells_of, json_records
from arlo_rec.intake.maps.fields import GIVEN, REQUIRED, FieldValue, comparable, read_field
from arlo_rec.intake.maps.read import Map
from arlo_rec.intake.maps.sounds import SoundNames, filled
from arlo_rec.model.strict_json import MAX_BYTES, canonical, parse

NEAR: Final = 10_000  # rows within which those of one call stand
ROWS_MOST: Final = 1_000  # of one call
WAITING_BYTES: Final = 64 * 1024 * 1024  # of rows whose call may have others
PIECE: Final = 1_000  # bytes of an unreadable document that tell it from another


@dataclass(slots=True)
class MappedRecord:
    """One call of an export: the line where it begins, its very bytes, and the record."""

    line: int
    raw: bytes
    record: dict[str, Any] | None  # None: it is unreadable
    map: Map = field(repr=False)
    sounds: SoundNames = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """The call as a manifest's JSON object, without what is missing; raises ValueError where it is unreadable."""
        if self.record is None:
            raise ValueError("no record")
        manifest: dict[str, Any] = {}
        for key, read in self.fields().items():
            if read.why in GIVEN:
                _put(manifest, key, read.value)
            elif read.why != "missing" and key not in REQUIRED:
                raise ValueError(key)  # such as an end of the recording that cannot be read
        manifest["audio"] = self.audio()
        return manifest

    def fields(self) -> dict[str, FieldValue]:
        """The fields of the map, as read."""
        return {key: read_field(key, each, self.record) for key, each in self.map.fields.items()}

    def audio(self) -> str:
        """The name of its sound below the folder; where not exactly one file fits, a name that no file has."""
        pattern, found = self.sound()
        return found[0] if len(found) == 1 else f"*/{pattern or '-'}"

    def sound(self) -> tuple[str | None, list[str]]:
        """The pattern of its sound with the record's values, and the names that fit."""
        name = filled(self.map.audio, self.record)
        return name, self.sounds.fitting(name, self.map.audio)


def _put(manifest: dict[str, Any], key: str, value: Any) -> None:
    *outer, last = key.split(".")
    place = manifest
    for name in outer:
        place = place.setdefault(name, {})
    place[last] = value


# -- rows ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Rows:
    """Rows of one call that stand near each other."""

    line: int
    seen: int  # number of its last row
    raw: bytearray
    rows: list[dict[str, Any]]
    is_whole: bool = True


@dataclass(slots=True)
class MappedFiles:
    """The reading of an export's files by a map."""

    map: Map
    _names: tuple[Path, SoundNames] | None = None  # of the last folder

    def reads(self, name: str) -> bool:
        """Whether a file of that name has records."""
        return fnmatchcase(name, self.map.files)

    def records(self, lines: Lines, folder: Path, sounds: Callable[[], Iterable[Path]]) -> Iterator[Record]:
        """Yield the calls of a file; raises Unreadable where the boundaries of rows are lost."""
        if self._names is None or self._names[0] != folder:
            self._names = folder, SoundNames(folder, sounds())
        names = self._names[1]
        for line, raw, record in self._joined(self._rows(lines), names):
            if record is None or self.map.parts is None:
                yield MappedRecord(line, raw, record, self.map, names)
                continue
            parts = self.map.parts.search(record)
            for part in parts if isinstance(parts, list) else []:
                yield MappedRecord(line, raw + canonical(part), {**record, "part": part}, self.map, names)

    def _rows(self, lines: Lines) -> Iterator[tuple[int, bytes, dict[str, Any] | None]]:
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

    def _document(self, lines: Lines) -> Iterator[tuple[int, bytes, dict[str, Any] | None]]:
        whole = bytearray()
        for line in lines:
            whole += line
            if len(whole) > MAX_BYTES:
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

    def _joined(
        self, rows: Iterator[tuple[int, bytes, dict[str, Any] | None]], names: SoundNames
    ) -> Iterator[tuple[int, bytes, dict[str, Any] | None]]:
        """Yield the rows that count, those of one call as one record.

        A row that `only` passes over counts all the same where its sound lies there: nobody else would remove it.
        """
        join = self.map.join
        waiting, held = OrderedDict[str, _Rows](), 0
        for number, (line, raw, row) in enumerate(rows):
            name = join.search(row) if join is not None and row is not None else None
            if row is None or join is None:
                if row is None or self._counts(row) or self._has_sound(row, names):
                    yield line, raw, row
                continue
            if not isinstance(name, str | int) or name == "":
                yield line, raw, None
                continue
            call = waiting.setdefault(str(name), _Rows(line, number, bytearray(), []))
            call.seen, call.is_whole = number, call.is_whole and len(call.rows) < ROWS_MOST
            if call.is_whole:
                call.rows.append(row)
                call.raw += raw + b"\n"
                held += len(raw) + 1
            waiting.move_to_end(str(name))
            while waiting and (held > WAITING_BYTES or next(iter(waiting.values())).seen < number - NEAR):
                _, done = waiting.popitem(last=False)
                held -= len(done.raw)
                yield from self._one(done, names)
        while waiting:
            yield from self._one(waiting.popitem(last=False)[1], names)

    def _one(self, call: _Rows, names: SoundNames) -> Iterator[tuple[int, bytes, dict[str, Any] | None]]:
        """The record of a call: its newest row, or else the first that counts, with the others as `rows`.

        It is unreadable with too many rows, or where their times cannot be compared.
        """
        rows = call.rows
        if self.map.newest is None:
            rows = [row for row in rows if self._counts(row)] or rows
            chosen: dict[str, Any] | None = rows[0]
        else:
            chosen = self._newest(rows)
        if not call.is_whole or chosen is None:
            yield call.line, bytes(call.raw), None
        elif self._counts(chosen) or self._has_sound(chosen, names):
            yield call.line, bytes(call.raw), {**chosen, "rows": rows}

    def _newest(self, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The newest row, of two equally new ones the last; None where the times of several cannot be compared."""
        times = [comparable(self.map.newest.search(row)) if self.map.newest else None for row in rows]
        newest, last = rows[0], times[0]
        for row, at in zip(rows[1:], times[1:], strict=True):
            if at is None or last is None:
                return None
            newest, last = (row, at) if at >= last else (newest, last)
        return newest

    def _counts(self, row: dict[str, Any]) -> bool:
        return self.map.only is None or _is_true(self.map.only.search(row))

    def _has_sound(self, row: dict[str, Any], names: SoundNames) -> bool:
        return self.map.parts is None and bool(names.fitting(filled(self.map.audio, row), self.map.audio))


def _is_true(value: Any) -> bool:
    """Whether a value is true as JMESPath has it: neither null nor empty."""
    return value is not None and value is not False and value not in ("", [], {})
