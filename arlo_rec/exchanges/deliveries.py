"""Find the deliveries at named paths: manifests of one call or of many, and the sounds beside them.

A scan lists names and opens no file. A manifest of many (JSON Lines or CSV) has one call a line, each with a sound in
the same folder. It is opened when its calls are counted or read, and read line by line. Its file may be removed when
the last of its calls is finished, and only if it is still the file that was opened (`batch`). Its calls are judged like
those of other manifests, in `candidates`.

CSV has a heading with the keys of a manifest, dotted (`consent.key`), then one call a row: RFC 4180, read strictly, as
UTF-8. The heading decides between comma and semicolon, which spreadsheets write where the comma stands in numbers.
Every cell is text, which is converted by its column; an empty cell is a missing value. An unreadable row is refused
alone. An unreadable heading, or a wrong quote over several lines, ends the reading: the begin of the next call would be
a guess.
"""

from __future__ import annotations

import csv
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Protocol

from arlo_rec.exchanges import spool
from arlo_rec.exchanges.manifest import MANIFEST_BYTES, SOUND_ENDINGS, BadManifest, Delivery, Manifest
from arlo_rec.law.model.strict_json import parse_object

PASSED_OVER = 64 * 1024 * 1024  # bytes of a too long line that are skipped before the rest of its file is given up
_PIECE = 64 * 1024  # bytes of such a line that are read at a time


class Record(Protocol):
    """One call of a manifest of many: the line where it begins, and its very bytes."""

    @property
    def line(self) -> int:
        """Number of the line, from 1."""

    @property
    def raw(self) -> bytes:
        """Bytes without the line end."""

    def to_json(self) -> dict[str, Any]:
        """The call as a manifest's JSON object; raises ValueError if it is unreadable."""


class Unreadable(Exception):
    """The lines from this one on have no certain boundaries: they are not taken in, and the file stays."""

    def __init__(self, line: int, raw: bytes) -> None:
        super().__init__(f"unreadable from line {line}")
        self.line, self.raw = line, raw


class Lines:
    """The lines of a file up to the *size* that it had when it was opened.

    Each has its line end, and the first no byte order mark. A line that is longer than MANIFEST_BYTES is cut to one
    byte more than that; where it has no end within PASSED_OVER, Unreadable is raised. A last line without an end is
    left out where the file is not *complete*, and `is_cut` is set.
    """

    def __init__(self, stream: BinaryIO, size: int, complete: Callable[[], bool] = lambda: True) -> None:
        self.number, self.is_cut = 0, False
        self._stream, self._bytes_left, self._complete = stream, size, complete

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> bytes:
        line = rest = self._read(MANIFEST_BYTES + 1)
        if not line:
            raise StopIteration
        if not self._bytes_left and not line.endswith(b"\n") and not self._complete():
            self.is_cut = True
            raise StopIteration
        self.number += 1
        skipped = 0
        while rest and not rest.endswith(b"\n"):
            rest = self._read(_PIECE)
            skipped += len(rest)
            if skipped > PASSED_OVER:
                raise Unreadable(self.number, line)
        return line.removeprefix(BOM_UTF8) if self.number == 1 else line

    def _read(self, limit: int) -> bytes:
        piece = self._stream.readline(min(limit, self._bytes_left))
        self._bytes_left -= len(piece)
        return piece


class JsonLine(NamedTuple):
    """A line that should hold a JSON object."""

    line: int
    raw: bytes

    def to_json(self) -> dict[str, Any]:
        """The object; raises ValueError where it is none."""
        return parse_object(self.raw, max_bytes=MANIFEST_BYTES, is_bounded=False)


def json_records(lines: Lines) -> Iterator[JsonLine]:
    """Yield every line that is not blank, and a last one without an end: a half-written one is refused for now."""
    for line in lines:
        if line.strip():
            yield JsonLine(lines.number, line.rstrip(b"\r\n"))


BETWEEN_NAMES = "|"  # `Kari|Kari Eksempel`: comma and semicolon separate cells
_DELIMITERS = (",", ";")
_FLAGS = {"true": True, "false": False}
_CHANNELS = {"0": 0, "1": 1}


def _same(cell: str) -> object:
    return cell


def _flag(cell: str) -> object:
    return _FLAGS.get(cell, cell)


def _channel(cell: str) -> object:
    return _CHANNELS.get(cell, cell)


def _names(cell: str) -> object:
    return cell.split(BETWEEN_NAMES)


COLUMNS: Final[dict[str, Callable[[str], object]]] = {
    "source_id": _same,
    "audio": _same,
    "direction": _same,
    "started_at": _same,
    "caller": _same,
    "agent": _same,
    "team": _same,
    "channels.caller": _channel,
    "channels.agent": _channel,
    "call.started_at": _same,
    "call.ended_at": _same,
    "consent.key": _same,
    "consent.at": _same,
    "consent.prompt": _same,
    "consent.prompt_completed": _flag,
    "consent.granted": _flag,
    "consent.stopped.key": _same,
    "consent.stopped.at": _same,
    "line": _same,
    "known.caller": _names,
    "known.agent": _names,
}


class Row(NamedTuple):
    """A row of the table, with the table's columns; `cells` is None where the row could not be split."""

    line: int
    raw: bytes
    columns: list[str]
    cells: list[str] | None

    def to_json(self) -> dict[str, Any]:
        """The call as a manifest's JSON object; raises ValueError for too many cells or too few."""
        if self.cells is None or len(self.cells) != len(self.columns):
            raise ValueError("not a row of this table")
        manifest: dict[str, Any] = {}
        for column, cell in zip(self.columns, self.cells, strict=True):
            if column not in COLUMNS or (not cell and column != "caller"):  # a caller may be withheld
                continue
            *outer, key = column.split(".")
            place = manifest
            for name in outer:
                place = place.setdefault(name, {})
            place[key] = COLUMNS[column](cell)
        return manifest


def table_records(lines: Lines) -> Iterator[Row]:
    """Yield every row below the heading; raises Unreadable."""
    columns, delimiter = _heading(lines)
    for line, raw, cells in cells_of(lines, delimiter):
        yield Row(line, raw, columns, cells)


def cells_of(lines: Lines, delimiter: str) -> Iterator[tuple[int, bytes, list[str] | None]]:
    """Yield the line, the bytes and the cells of each row, None for one that cannot be split; raises Unreadable."""
    texts = _Texts(lines)
    rows = csv.reader(texts, delimiter=delimiter, strict=True)
    while True:
        texts.begin()
        cells: list[str] | None
        try:
            cells = next(rows)
        except StopIteration:
            return
        except (csv.Error, ValueError):  # the reader restarts at the next line
            if texts.lines_read > 1:
                raise Unreadable(texts.first, bytes(texts.raw)) from None
            cells = None
        if texts.raw.strip():
            yield texts.first, bytes(texts.raw.rstrip(b"\r\n")), cells


def _heading(lines: Lines) -> tuple[list[str], str]:
    """The columns and their delimiter; raises Unreadable for columns other than those of calls."""
    for line in lines:
        if not line.strip():
            continue
        try:
            text = _text(line)
            headings = {mark: next(csv.reader([text], delimiter=mark, strict=True)) for mark in _DELIMITERS}
        except (csv.Error, ValueError):
            raise Unreadable(lines.number, line) from None
        delimiter = max(_DELIMITERS, key=lambda mark: len(COLUMNS.keys() & headings[mark]))
        columns = headings[delimiter]
        named = [column for column in columns if column]
        if len(set(named)) != len(named) or not COLUMNS.keys() & named:
            raise Unreadable(lines.number, line)
        return columns, delimiter
    return [], _DELIMITERS[0]


class _Texts:
    """The lines as text for `csv`, with the first line number and the bytes of the current row."""

    def __init__(self, lines: Lines) -> None:
        self.raw, self.first, self.lines_read = bytearray(), 0, 0
        self._lines = lines

    def begin(self) -> None:
        """Start a new row at the next line."""
        self.raw, self.first, self.lines_read = bytearray(), self._lines.number + 1, 0

    def __iter__(self) -> _Texts:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.lines_read += 1
        self.raw += line
        if len(self.raw) > MANIFEST_BYTES:
            raise ValueError("a row that is too long")
        return _text(line)


def _text(line: bytes) -> str:
    """Decode a line; raises ValueError."""
    if b"\0" in line or len(line) > MANIFEST_BYTES:
        raise ValueError("no line of text")
    return line.decode("utf-8")


FORMATS: Final[dict[str, Callable[[Lines], Iterator[Record]]]] = {
    ".jsonl": json_records,
    ".ndjson": json_records,
    ".csv": table_records,
}


class Mapped(Protocol):
    """A reading of files that are none of our own manifests (`maps`)."""

    def reads(self, name: str) -> bool:
        """Whether a file of that name has records."""

    def records(self, lines: Lines, folder: Path, sounds: Callable[[], Iterable[Path]]) -> Iterator[Record]:
        """Yield the calls of a file in *folder*, whose sounds are among *sounds*; raises Unreadable."""


@dataclass(slots=True)
class ManifestOfMany:
    """A file of many calls, with the numbers of calls read and finished so far; `reading` gives its calls."""

    path: Path
    home: spool.Home
    reading: Callable[[Lines], Iterator[Record]]
    still: spool.Stillness | None = None
    listed: bool = False
    exported: bool = False  # whether it is no manifest of ours
    manifest: spool.SpoolFile | None = None
    calls: int = 0
    finished: int = 0
    read_to_end: bool = False
    has_calls: bool | None = None  # whether any of its records is recognised; None: not read yet

    def count(self) -> int:
        """Count its calls; a file that is still written to has more of them later."""
        count = 0
        try:
            with spool.opened(self.home, self.path.parent, self.path.name) as (stream, file):
                for _ in self.reading(Lines(stream, file.size)):
                    count += 1
        except (spool.NotAFile, spool.Unavailable, Unreadable):
            count += 1
        return count

    def lines(self) -> Iterator[Line]:
        """Yield its calls lazily; the file stays open meanwhile, so that all are of one file."""
        try:
            with spool.opened(self.home, self.path.parent, self.path.name) as (stream, self.manifest):
                yield from self._lines(Lines(stream, self.manifest.size, self._is_complete))
        except spool.NotAFile as problem:
            if not (problem.missing and self.listed):  # else another run has taken it in
                yield self._line(fault=BadManifest("not_a_file"))
        except spool.Unavailable as problem:
            yield self._line(fault=problem)

    def _line(self, **what: Any) -> Line:
        return Line(path=self.path, home=self.home, shared=self, comes_apart=self.exported, **what)

    def _is_complete(self) -> bool:
        return self.still is None or self.manifest is None or self.still.of(self.manifest)

    def _lines(self, lines: Lines) -> Iterator[Line]:
        """Yield each line after reading the next, so that `read_to_end` is known before the last line."""
        last, broken = None, None
        try:
            for record in self.reading(lines):
                if last is not None:
                    yield last
                self.calls += 1
                passed_over = getattr(record, "passed_over", False)
                last = self._line(record=record, number=record.line, raw=record.raw, passed_over=passed_over)
        except Unreadable as bad:
            broken = self._line(fault=BadManifest("bad_metadata"), number=bad.line, raw=bad.raw)
        except OSError as error:
            broken = self._line(fault=spool.Unavailable(self.path, error))
        if lines.is_cut:  # also where that cuts a row of several lines
            broken = self._line(fault=spool.Unfinished())
        self.read_to_end = broken is None
        yield from (line for line in (last, broken) if line is not None)


@dataclass(slots=True, kw_only=True)
class Line(Delivery):
    """One call of a manifest of many; without a record, the unreadable rest of a file (`fault`)."""

    shared: ManifestOfMany
    record: Record | None = None
    number: int | None = None
    fault: Exception | None = None

    def __reduce__(self) -> tuple[Callable[[], Delivery], tuple[()]]:
        """A process that seals its sound needs neither its record nor the reading of its file."""
        manifest, sounds = self.manifest_file, self.sounds
        return partial(Delivery, path=self.path, home=self.home, manifest=manifest, sounds=sounds, json=self.json), ()

    @property
    def source(self) -> str:
        """The path as named or listed, and the line where the call begins."""
        return str(self.path) if self.number is None else f"{self.path}:{self.number}"

    def read(self) -> None:
        """Read the line as a JSON object; raises BadManifest, Unfinished or Unavailable."""
        if self.record is None:
            raise self.fault or BadManifest("bad_metadata")
        try:
            self.json = self.record.to_json()
        except ValueError:
            raise BadManifest("bad_metadata") from None

    @property
    def manifest_file(self) -> spool.SpoolFile | None:
        """The manifest that it stands in."""
        return self.shared.manifest

    @property
    def is_removable(self) -> bool:
        """Whether this is a line, and not the unreadable rest of a file."""
        return self.record is not None

    @property
    def file_identity(self) -> bytes:
        """Empty bytes: a line stays the same delivery if its file is written anew."""
        return b""

    def finish(self) -> spool.SpoolFile | None:
        """Count the call as finished; returns the manifest after its last call."""
        if self.record is not None:
            self.shared.finished += 1
        shared = self.shared
        return shared.manifest if shared.read_to_end and shared.finished == shared.calls else None


@dataclass(slots=True)
class SpoolContents:
    """Manifests in order, each once, with their homes and whether they were listed; sounds; and unreadable folders.

    It keeps names, as paths take five times as much memory: a folder may hold a hundred thousand.
    """

    mapped: Mapped | None = None
    still: spool.Stillness | None = None
    unavailable: list[spool.Unavailable] = field(default_factory=list)

    _manifests: dict[str, tuple[spool.Home, bool]] = field(default_factory=dict)
    _sounds: dict[str, tuple[str, spool.Home]] = field(default_factory=dict)  # by their absolute names

    def add_manifest(self, path: Path, place: tuple[spool.Home, bool]) -> None:
        """Add a manifest, unless it is there."""
        self._manifests.setdefault(str(path), place)

    def add_sound(self, path: Path, home: spool.Home) -> None:
        """Add a sound, which no manifest has named yet."""
        self._sounds[str(path.absolute())] = (str(path), home)

    def claim(self, sounds: Iterable[Path]) -> None:
        """Mark these absolute paths as sounds that a manifest names."""
        for sound in sounds:
            self._sounds.pop(str(sound), None)

    def unclaimed(self) -> tuple[list[str], list[str]]:
        """The existing sounds that no manifest names: those that are complete, and those that are still written to."""
        whole, growing = list[str](), list[str]()
        for name, home in self._sounds.values():
            if spool.is_there(home, Path(name)):
                (whole if self._is_whole(home, Path(name)) else growing).append(name)
        return whole, growing

    def _is_whole(self, home: spool.Home, path: Path) -> bool:
        try:
            with spool.opened(home, path.parent, path.name) as (_, file):
                return self.still is None or self.still.of(file)
        except (spool.NotAFile, spool.Unavailable):  # nobody is known to write to it
            return True

    def deliveries(self) -> Iterator[Delivery]:
        """Yield the calls of the manifests, in order."""
        for name, (home, listed) in self._manifests.items():
            path = Path(name)
            if (reading := self._reading(path)) is not None:
                exported = self.mapped is not None
                yield from ManifestOfMany(path, home, reading, self.still, listed, exported).lines()
            else:
                yield Manifest(path=path, home=home, listed=listed)

    def count(self) -> int:
        """Count the deliveries, for a progress bar; reads manifests of many calls."""
        return sum(self._count(Path(name), home) for name, (home, _) in self._manifests.items())

    def _count(self, path: Path, home: spool.Home) -> int:
        reading = self._reading(path)
        return ManifestOfMany(path, home, reading).count() if reading is not None else 1

    def _reading(self, path: Path) -> Callable[[Lines], Iterator[Record]] | None:
        """The reading of a file of many calls; None for a manifest of one."""
        if self.mapped is None:
            return FORMATS.get(path.suffix.lower())
        return partial(self.mapped.records, folder=path.parent, sounds=self._named_sounds)

    def _named_sounds(self) -> list[Path]:
        return [Path(name) for name, _ in self._sounds.values()]


def scan(
    paths: list[Path],
    *,
    not_of: int | None = None,
    within: Sequence[Path] | None = None,
    closed: Sequence[Path] = (),
    mapped: Mapped | None = None,
    still: spool.Stillness | None = None,
) -> SpoolContents:
    """List the manifests and sound files at *paths* and below, in order.

    Files of the account *not_of*, outside *within* and in *closed* are left out (`spool.home_of`). *mapped* reads its
    files in place of our manifests.
    *still* tells whether a last line without an end is whole; without it each is.
    """
    contents = SpoolContents(mapped, still)
    for path in paths:
        home = spool.home_of(path, not_of=not_of, within=within, closed=closed)
        for file in spool.files(home, path, contents.unavailable):
            named, ending = file == path, file.suffix.lower()
            if ending in SOUND_ENDINGS and (not named or spool.is_there(home, file)):
                contents.add_sound(file, home)
                if named and mapped is None and spool.is_there(home, file.with_suffix(".json")):
                    contents.add_manifest(file.with_suffix(".json"), (home, False))
            elif named or (mapped.reads(file.name) if mapped else ending == ".json" or ending in FORMATS):
                contents.add_manifest(file, (home, not named))
    return contents
