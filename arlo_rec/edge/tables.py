"""Tables: laid out in the width of the terminal, and as CSV for spreadsheets.

On a terminal a row has one line as long as it fits: first the columns that may be shortened lose their ends, then they
move to a line of their own below the others. If nothing fits, a row is a block of lines. Elsewhere nothing is
shortened, however wide a row is. Of rich only the widths of characters are used: the rest takes 100 ms to load.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from arlo_rec.law.messages import clean

if TYPE_CHECKING:
    from arlo_rec.law.model.documents import Record

GAP: Final = "  "
LEAST: Final = 10  # columns that a shortened text keeps
ELLIPSIS: Final = "…"
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_FORMULA: Final = re.compile(r"((?:^|;)[\s\"]*)(?=[=+\-@＝＋－＠])")  # `;` parts cells where a comma is decimal


class Table(NamedTuple):
    """Rows under headings, as texts for people, and the same rows as JSON has them, complete."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    shortened: frozenset[int] = frozenset()  # columns that a narrow terminal may shorten, or move below the others
    listed: Sequence[Mapping[str, Any] | Record] = ()
    fields: Sequence[str] = ()  # of each of those: the columns of CSV
    is_whole: bool = False  # nothing is shortened, only moved


def table_text(table: Table) -> str:
    """A table as wide as the terminal at most, or unlimited for a file or a program."""
    cells = [[clean(cell) for cell in row] for row in (table.headings, *table.rows)]
    if not sys.stdout.isatty():
        return _grid(cells)
    bold = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return _fitted(cells, table, shutil.get_terminal_size().columns, bold=bold)


def csv_text(table: Table) -> str:
    """The rows as CSV (RFC 4180) with a heading.

    A text that a spreadsheet would take for a formula gets a `'` before it (OWASP, CSV Injection).
    """
    from msgspec import UNSET

    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(table.fields)
    for row in table.listed:
        values = [row.get(field) if isinstance(row, Mapping) else getattr(row, field) for field in table.fields]
        writer.writerow(_csv_cell(None if value is UNSET else value) for value in values)
    return out.getvalue()


def plain(value: object) -> object:
    """A value of an answer as JSON has it: instants in UTC (RFC 3339), days, paths and ids as texts, sets in order."""
    match value:
        case datetime():
            from arlo_rec.law.model.records import to_iso

            return to_iso(value)
        case date():
            return value.isoformat()
        case bytes():
            return value.hex()
        case frozenset():
            return sorted(value)
    return members(value) if hasattr(value, "__struct_fields__") else str(value)


def members(record: Any) -> dict[str, object]:
    """The keys of a record and their values, without those that are `UNSET`."""
    from msgspec import UNSET

    pairs = zip(record.__struct_encode_fields__, record.__struct_fields__, strict=True)
    values = {name: getattr(record, field) for name, field in pairs}
    return {name: value for name, value in values.items() if value is not UNSET}


def shown(value: object) -> str:
    """A field of a record as a cell: an instant to the minute, several values in a row, nothing for None and UNSET."""
    from msgspec import UNSET

    if value is UNSET:
        return ""
    match value:
        case None:
            return ""
        case datetime():
            from arlo_rec.law.model.times import shown_minute

            return shown_minute(value)
        case date():
            return value.isoformat()
        case list() | tuple():
            return ", ".join(map(str, value))
        case frozenset():
            return ", ".join(sorted(value))
    return str(value)


def _csv_cell(value: object) -> str:
    """A value of an answer as a cell: lists of texts are joined, deeper nesting becomes JSON."""
    if isinstance(value, date | bytes | frozenset | Path):
        value = plain(value)
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(element, str) for element in value):
        value = "; ".join(value)
    if not isinstance(value, str):
        import json

        value = json.dumps(value, ensure_ascii=False, default=plain)
    return _FORMULA.sub(r"\1'", clean(value))


# -- layouts ------------------------------------------------------------------------------------------


def _fitted(cells: Sequence[Sequence[str]], table: Table, most: int, *, bold: bool) -> str:
    """The layout that fits into *most* columns, or a block of lines for each row, which always fits."""
    widths, shortened = _widths(cells), table.shortened
    narrow = _narrowed(widths, frozenset() if table.is_whole else shortened, most)
    if narrow is not None:
        return _grid(
            [[_shortened(cell, width) for cell, width in zip(row, narrow, strict=True)] for row in cells], bold
        )
    above = [at for at in range(len(widths)) if at not in shortened]
    if shortened and _total(widths[at] for at in above) <= most:
        return _in_two_lines(cells, above, sorted(shortened), None if table.is_whole else most, bold=bold)
    # Each row as lines of heading and value, an empty line between rows.
    headings, *rows = cells
    longest = max(map(_width, headings))
    blocks = (
        "".join(
            f"{name}{' ' * (longest - _width(name))}{GAP}{cell}".rstrip() + "\n"
            for name, cell in zip(headings, row, strict=True)
        )
        for row in rows
    )
    return "\n".join(blocks)


def _narrowed(widths: Sequence[int], shortened: frozenset[int], most: int) -> list[int] | None:
    """Widths of columns with which a row fits, the widest of those that may be shortened first; None without any."""
    narrow = list(widths)
    while _total(narrow) > most:
        at = max(shortened, key=lambda column: narrow[column], default=None)
        if at is None or narrow[at] <= LEAST:
            return None
        narrow[at] -= 1
    return narrow


def _in_two_lines(
    cells: Sequence[Sequence[str]], above: Sequence[int], below: Sequence[int], most: int | None, *, bold: bool
) -> str:
    """Each row in two lines: some columns, and the rest indented, shortened to *most* columns unless that is None."""
    headings, *lines = _grid([[row[at] for at in above] for row in cells]).splitlines()
    rests = [GAP + GAP.join(row[at] for at in below if row[at]) for row in cells]
    rests = [rest.rstrip() if most is None else _shortened(rest, most).rstrip() for rest in rests]
    first = [f"{_BOLD}{line}{_PLAIN}" if bold else line for line in (headings, rests[0])]
    both = [*first, *(line for pair in zip(lines, rests[1:], strict=True) for line in pair if line)]
    return "".join(line + "\n" for line in both)


def _grid(cells: Sequence[Sequence[str]], bold: bool = False) -> str:  # noqa: FBT001, FBT002 - of the headings
    """Columns side by side, a line for each row."""
    widths = _widths(cells)
    lines = [
        GAP.join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    if bold:
        lines[0] = f"{_BOLD}{lines[0]}{_PLAIN}"
    return "".join(line + "\n" for line in lines)


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(_width, column)) for column in zip(*cells, strict=True)]


def _total(widths: Iterable[int]) -> int:
    """The width of a row of such columns."""
    every = list(widths)
    return sum(every) + len(GAP) * (len(every) - 1)


def _width(text: str) -> int:
    """The columns that a text takes on a terminal; a Chinese character takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _shortened(text: str, most: int) -> str:
    """A text in *most* columns, with an ellipsis if its end is missing."""
    if _width(text) <= most:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, most - 1).rstrip() + ELLIPSIS
