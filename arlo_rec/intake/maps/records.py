"""Records of an export, read through a map: each becomes the JSON object of a manifest.

Rows are read one by one, so that a file of any size takes as much memory as its longest calls: rows of one call are
joined where they stand within `NEAR` rows of each other, as an exchange writes them when the call ends.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from math import ceil, floor
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from jmespath.exceptions import JMESPathError

from arlo_rec.intake.deliveries import COLUMNS, Lines, Record, Unreadable, cells_of, json_records
from arlo_rec.intake.maps.read import EVIDENCE, REQUIRED, AudioPattern, Map, MappedField
from arlo_rec.model.records import to_iso
from arlo_rec.model.strict_json import MAX_BYTES, canonical, parse

NEAR: Final = 10_000  # rows within which those of one call stand
ROWS_MOST: Final = 1_000  # of one call
WAITING_BYTES: Final = 64 * 1024 * 1024  # of rows whose call may have others
PIECE: Final = 1_000  # bytes of an unreadable document that tell it from another
VALUE_LONGEST: Final = 2_000  # characters of a text that a map reads
REGEX_SECONDS: Final = 1.0
FAILURES: Final = (JMESPathError, RecursionError, TypeError, ValueError, AttributeError)  # of a strange record
_UTC: Final = ZoneInfo("UTC")
_UNITS: Final = {"epoch": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}")
_FINER: Final = re.compile(r"[.,][0-9]{7}")  # parts of a microsecond, which are lost in reading
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,12})?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LISTS: Final = frozenset({"known.caller", "known.agent"})


class Read(NamedTuple):
    """A field as read: its text in the record, its value (None: missing), and the reason as a code word."""

    text: str | None
    value: Any
    why: str  # `read`, `constant`, or what is wrong


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
            if read.why in _GIVEN:
                _put(manifest, key, read.value)
            elif read.why != "missing" and key not in REQUIRED:
                raise ValueError(key)  # such as an end of the recording that cannot be read
        manifest["audio"] = self.audio()
        return manifest

    def fields(self) -> dict[str, Read]:
        """The fields of the map, as read."""
        return {key: read_field(key, each, self.record) for key, each in self.map.fields.items()}

    def audio(self) -> str:
        """The name of its sound below the folder; where not exactly one file fits, a name that no file has."""
        pattern, found = self.sound()
        return found[0] if len(found) == 1 else f"*/{pattern or '-'}"

    def sound(self) -> tuple[str | None, list[str]]:
        """The pattern of its sound with the record's values, and the names that fit."""
        pattern = filled(self.map.audio, self.record)
        return pattern, self.sounds.fitting(pattern, self.map.audio.sign) if pattern is not None else []


_GIVEN: Final = frozenset({"read", "constant", "withheld"})


def _put(manifest: dict[str, Any], key: str, value: Any) -> None:
    *outer, last = key.split(".")
    place = manifest
    for name in outer:
        place = place.setdefault(name, {})
    place[last] = value


# -- fields -------------------------------------------------------------------------------------------


def read_field(key: str, wanted: MappedField, record: Any) -> Read:
    """Read a field of a record."""
    if wanted.path is None:
        return Read(None, _converted(key, wanted.value), "constant")
    try:
        found = wanted.path.search(record)
    except FAILURES:
        return Read(None, None, "path_failed")
    if isinstance(found, list) and key in _LISTS:
        return Read(None, found, "read")
    if found is None:
        return Read(None, None, "missing")
    if not isinstance(found, str | int | float | bool):
        return Read(None, None, "no_text")
    if isinstance(found, bool) and wanted.values is None:
        return Read(str(found).lower(), found, "read")
    text = found if isinstance(found, str) else str(found).lower()
    if len(text) > VALUE_LONGEST:
        return Read(text[:VALUE_LONGEST], None, "too_long")
    return _stepped(key, wanted, text)


def _stepped(key: str, wanted: MappedField, text: str) -> Read:
    value: Any = unquote(text, errors="replace") if wanted.url_encoded else text
    if wanted.regex is not None:
        try:
            match = wanted.regex.search(value, timeout=REGEX_SECONDS)
        except TimeoutError:
            return Read(text, None, "regex_slow")
        if match is None or match[1] is None:
            return Read(text, None, "no_match")
        value = match[1]
    if wanted.values is not None:
        if value not in wanted.values:
            return Read(text, None, "no_value")
        value = wanted.values[value]
    if value == "":
        return Read(text, None, "withheld" if key == "caller" else "missing")
    if wanted.time is not None:
        at = instant(str(value), wanted.time, wanted.zone, is_evidence=key in EVIDENCE)
        return Read(text, to_iso(at) if at is not None else None, "read" if at is not None else "no_time")
    return Read(text, _converted(key, value), "read")


def _converted(key: str, value: Any) -> Any:
    """A text as the column of a manifest has it, as in a CSV."""
    return COLUMNS[key](value) if isinstance(value, str) else value


def instant(text: str, form: str, zone: ZoneInfo | None, *, is_evidence: bool = False) -> datetime | None:
    """The instant of a text; None where it is none, or no time of its zone.

    In the night when summer time ends, one local time names two instants. The earlier counts, so that a recording ends
    no later. As evidence it counts not at all: what lies before a key press is cut off by it. Parts of a microsecond of
    a key press are rounded up, for the same reason.
    """
    try:
        if form in _UNITS:
            if not _NUMBER.fullmatch(text):
                return None
            microseconds = Decimal(text) * (1_000_000 // _UNITS[form])
            return _EPOCH + timedelta(microseconds=ceil(microseconds) if is_evidence else floor(microseconds))
        if form == "iso" and not _ISO.match(text):
            return None
        at = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007 - below
        if is_evidence and form == "iso" and _FINER.search(text):
            at += timedelta(microseconds=1)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        if zone is None:
            return None
        known = at.replace(tzinfo=zone).astimezone(UTC)
        if is_evidence and at.replace(tzinfo=zone, fold=1).astimezone(UTC) != known:
            return None
        return known if known.astimezone(zone).replace(tzinfo=None) == at else None  # else an hour that was skipped
    except (ValueError, OverflowError, re.error):
        return None


# -- sounds -------------------------------------------------------------------------------------------


def filled(pattern: AudioPattern, record: Any) -> str | None:
    """The name of a sound with the record's values; None where one is missing, or is no part of a name."""
    name = ""
    for part in pattern.parts:
        if isinstance(part, str):
            name += part
            continue
        try:
            value = part.search(record)
        except FAILURES:
            return None
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not 0 < len(text) <= VALUE_LONGEST or "/" in text or "\0" in text or "*" in text:
            return None
        if pattern.barred & set(text):
            return None
        name += text
    return name


class SoundNames:
    """The names of the sounds in and below a folder, found by a pattern without looking at each."""

    def __init__(self, folder: PurePath, sounds: Iterable[PurePath]) -> None:
        self._below: dict[str, list[str]] = {}
        for sound in sounds:
            if sound.is_relative_to(folder):
                self._below.setdefault(sound.name, []).append(str(sound.relative_to(folder)))
        self._begins = sorted(self._below)
        self._ends = sorted((PurePath(name).stem[::-1], name) for name in self._below)

    def fitting(self, pattern: str, sign: str = "") -> list[str]:
        """The sounds below the folder whose name fits, in order; no `*` matches the *sign*."""
        if "*" not in pattern:
            return sorted(self._below.get(pattern, []))
        begin, end = pattern.partition("*")[0], pattern.removesuffix(".*").rpartition("*")[2]
        near = self._beginning(begin) if begin else self._ending(end if pattern.endswith(".*") else PurePath(end).stem)
        pieces, ending = pattern.removesuffix(".*").split("*"), r"\.[^.]+" if pattern.endswith(".*") else ""
        anything = f"[^{re.escape(sign)}]*" if sign else ".*"
        fits = re.compile(anything.join(map(re.escape, pieces)) + ending, re.DOTALL).fullmatch
        return sorted(path for name in near if fits(name) for path in self._below[name])

    def _beginning(self, begin: str) -> Iterator[str]:
        for name in self._begins[bisect_left(self._begins, begin) :]:
            if not name.startswith(begin):
                return
            yield name

    def _ending(self, end: str) -> Iterator[str]:
        backwards = end[::-1]
        for stem, name in self._ends[bisect_left(self._ends, (backwards, "")) :]:
            if not stem.startswith(backwards):
                return
            yield name


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
            parts = _searched(self.map.parts, record)
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
        found = _searched(self.map.records, document) if self.map.records is not None else document
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
            name = _searched(join, row) if join is not None and row is not None else None
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
        newest, last = rows[0], _time(_searched(self.map.newest, rows[0]))
        for row in rows[1:]:
            at = _time(_searched(self.map.newest, row))
            if at is None or last is None:
                return None
            newest, last = (row, at) if at >= last else (newest, last)
        return newest

    def _counts(self, row: dict[str, Any]) -> bool:
        return self.map.only is None or _is_true(_searched(self.map.only, row))

    def _has_sound(self, row: dict[str, Any], names: SoundNames) -> bool:
        pattern = filled(self.map.audio, row) if self.map.parts is None else None
        return pattern is not None and bool(names.fitting(pattern, self.map.audio.sign))


def _time(value: object) -> Decimal | None:
    """A time by which rows are compared: a number, or an instant as one; None for anything else."""
    text = str(value)
    if _NUMBER.fullmatch(text):
        return Decimal(text)
    at = instant(text, "iso", _UTC)
    return Decimal((at - _EPOCH) // timedelta(microseconds=1)) if at is not None else None


def _searched(path: Any, record: Any) -> Any:
    try:
        return path.search(record)
    except FAILURES:
        return None


def _is_true(value: Any) -> bool:
    """Whether a value is true as JMESPath has it: neither null nor empty."""
    return value is not None and value is not False and value not in ("", [], {})
