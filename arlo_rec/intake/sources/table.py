"""CSV: a heading with the keys of a manifest, dotted (`consent.key`), then one call a row.

RFC 4180, read strictly, as UTF-8. The heading decides between comma and semicolon, which spreadsheets write where the
comma stands in numbers. Every cell is text, so each column says what its text becomes; an empty cell is a missing
value. A row that cannot be read is refused alone. A heading that cannot, or a quote that goes wrong over several
lines, ends the reading: where the next call begins would be a guess. What a row says is not judged here.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from arlo_rec.intake.sources.lines import Lines, Unreadable
from arlo_rec.intake.sources.manifest import MANIFEST_BYTES

BETWEEN_NAMES = "|"  # `Kari|Kari Eksempel`: comma and semicolon stand between cells already
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
    "consent.key": _same,
    "consent.at": _same,
    "consent.prompt": _same,
    "consent.prompt_completed": _flag,
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
        """The JSON object that a manifest of this call would be; raises ValueError for too many cells or too few."""
        if self.cells is None or len(self.cells) != len(self.columns):
            raise ValueError("not a row of this table")
        manifest: dict[str, Any] = {}
        for column, cell in zip(self.columns, self.cells, strict=True):
            if column not in COLUMNS or (not cell and column != "caller"):  # a caller may be withheld
                continue
            outer, _, inner = column.partition(".")
            place, key = (manifest.setdefault(outer, {}), inner) if inner else (manifest, outer)
            place[key] = COLUMNS[column](cell)
        return manifest


def records(lines: Lines) -> Iterator[Row]:
    """Every row below the heading; raises Unreadable."""
    columns, delimiter = _heading(lines)
    texts = _Texts(lines)
    rows = csv.reader(texts, delimiter=delimiter, strict=True)
    while True:
        texts.begin()
        cells: list[str] | None
        try:
            cells = next(rows)
        except StopIteration:
            return
        except (csv.Error, ValueError):  # the reader begins anew with the next line
            if texts.lines_read > 1:
                raise Unreadable(texts.first, bytes(texts.raw)) from None
            cells = None
        if texts.raw.strip():
            yield Row(texts.first, bytes(texts.raw.rstrip(b"\r\n")), columns, cells)


def _heading(lines: Lines) -> tuple[list[str], str]:
    """The columns and their delimiter; raises Unreadable where they are not those of calls."""
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
    """The lines as text, for `csv`, and the number of the first line and the bytes of the row that it is reading."""

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
    """A line as text; raises ValueError."""
    if b"\0" in line or len(line) > MANIFEST_BYTES:
        raise ValueError("no line of text")
    return line.decode("utf-8")
