"""Read a map: a TOML file that says where each field of a manifest stands in the export of a telephone system.

A map has no code: `paths`, `fields` and `sounds` say what it may write, so that a record takes bounded time and memory.

Errors are `BadMap`, with a line and a column of the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from arlo_rec.exchanges.maps.fields import (
    ASKED_AT,
    FIELDS,
    OF_ITS_PROMPT,
    OF_WITHDRAWAL,
    REQUIRED,
    MappedField,
    flag,
    mapped_field,
    zone,
)
from arlo_rec.exchanges.maps.paths import LONGEST, Mistake, RecordPath
from arlo_rec.exchanges.maps.sounds import AudioPattern, audio_patterns
from arlo_rec.law.model.errors import Usage

MAP_BYTES: Final = 64 * 1024
SHIPPED: Final = Path(__file__).with_name("shipped")
FILES: Final = {"csv": "*.csv", "json": "*.json", "jsonl": "*.jsonl"}  # of a format, where the map names no others
_ONLY_OF_CSV: Final = frozenset({"columns", "delimiter"})
_NOT_OF_CSV: Final = frozenset({"records", "parts"})


class MapFinding(NamedTuple):
    """A mistake in a map."""

    line: int
    column: int
    code: str
    named: str


class BadMap(Usage):
    """A mistake in a map: its code word, and where it stands."""

    def __init__(self, finding: MapFinding, path: str) -> None:
        line, column, why, named = finding
        super().__init__("bad_map", why=why, line=line, column=column, named=named, path=path)


class WithdrawalRows(NamedTuple):
    """The condition of a row that is a withdrawal, and where its fields stand.

    With `presses`, a history of keys, the key that answers the prompt must be that of a withdrawal, too.
    """

    only: RecordPath
    fields: Mapping[str, MappedField]
    presses: RecordPath | None = None


@dataclass(frozen=True)
class Map:
    """A map without mistakes; `sha256` is the digest of its file, which officers approve."""

    name: str
    source: bytes  # its file
    sha256: str
    format: str
    files: str
    fields: Mapping[str, MappedField]
    audio: tuple[AudioPattern, ...]  # one, or those of the caller's leg and the agent's
    columns: tuple[str, ...] | None = None
    delimiter: str | None = None
    records: RecordPath | None = None
    parts: RecordPath | None = None
    presses: RecordPath | None = None  # the history of the keys that a caller pressed
    only: RecordPath | None = None
    join: RecordPath | None = None
    newest: RecordPath | None = None
    url_encoded: bool = False
    withdrawal: WithdrawalRows | None = None


def shipped() -> list[str]:
    """The names of the maps that come with the program."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def shipped_text(name: str) -> str:
    """A shipped map as its file; raises Usage for another name."""
    if name not in shipped():
        raise Usage("no_map", value=name[:40], known=", ".join(shipped()))
    return (SHIPPED / f"{name}.toml").read_text("utf-8")


def digest(raw: bytes) -> str:
    """The digest by which officers approve a map: SHA-256 of its file, in hex."""
    return sha256(raw).hexdigest()


def read(raw: bytes, name: str) -> Map:
    """The map of a file; raises BadMap for its first mistake."""
    reader = _Reader(raw, name)
    if reader.findings:
        raise BadMap(min(reader.findings), name)
    return reader.map()


def check(raw: bytes, name: str) -> list[MapFinding]:
    """Every mistake of a map, in the order of its lines."""
    return sorted(_Reader(raw, name).findings)


def left_open(by: Map) -> list[tuple[str, str]]:
    """The code words of all that a map without mistakes leaves open, each with its field."""
    told = []
    if "call.started_at" not in by.fields:
        told.append(("no_call_times", "call.started_at"))
    if by.presses is not None and ASKED_AT not in by.fields:
        told.append(("no_prompt_time", ASKED_AT))
    return told


class _Reader:
    """One reading of a map: what could be read, and the mistakes."""

    def __init__(self, raw: bytes, name: str) -> None:
        self.findings: list[MapFinding] = []
        self._raw, self._name, self._text = raw, name, raw[: MAP_BYTES + 1].decode("utf-8", "replace")
        self._top: dict[str, Any] = {}
        self._fields: dict[str, MappedField] = {}
        document = self._document()
        if not self.findings:
            self._read_top(document)
            self._read_fields(document.get("fields"))
            self._read_withdrawal(document.get("withdrawal"))

    def map(self) -> Map:
        """The map, if there were no findings."""
        top = {key: value for key, value in self._top.items() if key != "zone"}
        top.setdefault("files", FILES[top["format"]])
        return Map(self._name, self._raw, digest(self._raw), fields=self._fields, **top)

    def _document(self) -> dict[str, Any]:
        if len(self._raw) > MAP_BYTES:
            self._find("too_large", "", (1, 1))
            return {}
        try:
            return tomllib.loads(self._raw.decode("utf-8"))
        except RecursionError:
            self._find("not_toml", "", (1, 1))
        except ValueError as problem:  # UnicodeDecodeError too; at the end of the file there is no place in the words
            place = re.search(r"line (\d+), column (\d+)", str(problem))
            last = self._text.count("\n") + 1 if "end of document" in str(problem) else 1
            self._find("not_toml", "", (int(place[1]), int(place[2])) if place else (last, 1))
        return {}

    def _find(self, why: str, key: str, place: tuple[int, int] | None = None, named: str = "") -> None:
        line, column = place or self._place(key)
        self.findings.append(MapFinding(line, column, why, named or key))

    def _place(self, key: str) -> tuple[int, int]:
        """The line and column where a key stands; else the begin of the file."""
        table, _, name = key.rpartition(".") if key.startswith("withdrawal.") else ("", "", key)
        word = re.compile(rf"^\s*(\[?)([\"']?){re.escape(name)}\2\s*[=\].]", re.MULTILINE)
        found = word.search(self._text, max(self._text.find(f"[{table}]"), 0) if table else 0)
        if found is None:
            return 1, 1
        at = found.start(2)
        return self._text.count("\n", 0, at) + 1, at - (self._text.rfind("\n", 0, at) + 1) + 1

    def _read_top(self, document: dict[str, Any]) -> None:
        if document.get("format") not in FILES:
            self._find("format", "format")
        for key, value in document.items():
            try:
                if key in _READINGS:
                    self._top[key] = _READINGS[key](value)
                elif key not in {"format", "fields", "withdrawal"}:
                    self._find("unknown_key", key)
            except Mistake as mistake:
                self._find(mistake.why, key, named=mistake.named)
        self._top["format"] = document.get("format")
        if "audio" not in document:
            self._find("missing", "audio")
        if "newest" in document and "join" not in document:
            self._find("newest_without_join", "newest")
        is_csv = document.get("format") == "csv"
        for key in document.keys() & (_NOT_OF_CSV if is_csv else _ONLY_OF_CSV):
            self._find("not_of_csv" if is_csv else "only_of_csv", key)

    def _read_fields(self, table: object) -> None:
        if not isinstance(table, dict):
            self._find("missing", "fields")
            return
        for key, value in _flat(table):
            if key not in FIELDS:
                self._find("unknown_field", key)
                continue
            self._read_field(key, value, self._fields)
        self._demand(REQUIRED, self._fields, "fields")
        self._read_history("consent", self._top.get("presses"), self._fields, ASKED_AT)

    def _read_withdrawal(self, table: object) -> None:
        if table is None:
            return
        if not isinstance(table, dict):
            self._find("bad_value", "withdrawal")
            return
        fields: dict[str, MappedField] = {}
        presses = None
        for name, value in table.items():
            if (key := f"withdrawal.{name}") in (*OF_WITHDRAWAL, OF_ITS_PROMPT):
                self._read_field(key, value, fields)
            elif name == "presses":
                presses = self._path(key, value)
            elif name != "only":
                self._find("unknown_field", key)
        self._demand(OF_WITHDRAWAL[:2], fields, "withdrawal")
        if "presses" in table:
            self._demand(("withdrawal.key", OF_ITS_PROMPT), fields, "withdrawal")
        self._read_history("withdrawal", presses, fields, OF_ITS_PROMPT)
        try:
            self._top["withdrawal"] = WithdrawalRows(RecordPath(table.get("only")), fields, presses)
        except Mistake as mistake:
            self._find(mistake.why, "withdrawal.only" if "only" in table else "withdrawal", named="withdrawal.only")

    def _path(self, key: str, value: object) -> RecordPath | None:
        """The path to a history of keys, which leads to all of them."""
        try:
            return _history(value)
        except Mistake as mistake:
            self._find(mistake.why, key, named=mistake.named)
        return None

    def _read_history(
        self, table: str, presses: RecordPath | None, fields: Mapping[str, MappedField], only: str
    ) -> None:
        """Find what hides a key, or has no meaning without a history of keys, or with one."""
        key = fields.get(f"{table}.key")
        if key is not None and key.path is not None:
            asked = key.path.asked_about | (presses.asked_about if presses is not None else frozenset())
            if key.path.last in asked:  # such as `[?digit=='1'].digit`
                self._find("hides_keys", f"{table}.key")
        if presses is None and only in fields:
            self._find("no_presses", only)
        for name in (f"{table}.key", f"{table}.at") if presses is not None else ():
            path = fields[name].path if name in fields else None
            if path is not None and re.match(r"press\b", path.written) is None:
                self._find("no_press", name)

    def _read_field(self, key: str, value: object, into: dict[str, MappedField]) -> None:
        usual, is_encoded = self._top.get("zone"), bool(self._top.get("url_encoded"))
        try:
            into[key] = mapped_field(key, value, usual, url_encoded=is_encoded)
        except Mistake as mistake:
            self._find(mistake.why, key, named=mistake.named)

    def _demand(self, keys: Iterable[str], fields: Mapping[str, MappedField], table: str) -> None:
        for key in keys:
            if not any(finding.named == key for finding in self.findings) and key not in fields:
                self._find("missing", table, named=key)


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of a table by their dotted names, whether quoted or nested."""
    for key, value in table.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and name not in FIELDS and any(each.startswith(f"{name}.") for each in FIELDS):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _glob(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or "/" in value:
        raise Mistake("bad_value")
    return value


def _columns(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise Mistake("bad_value")
    if len(set(value)) != len(value):
        raise Mistake("column_twice")
    return tuple(value)


def _delimiter(value: object) -> str:
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n\0':
        raise Mistake("bad_value")
    return value


def _history(value: object) -> RecordPath:
    return RecordPath(value, decides=False, picks=False)


_READINGS: Final[Mapping[str, Callable[[object], Any]]] = {
    **dict.fromkeys(("records", "parts", "join", "newest"), partial(RecordPath, decides=False)),
    "only": RecordPath,
    "presses": _history,
    "files": _glob,
    "columns": _columns,
    "delimiter": _delimiter,
    "url_encoded": flag,
    "zone": zone,
    "audio": audio_patterns,
}
