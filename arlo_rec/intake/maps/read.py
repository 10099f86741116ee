"""Read a map: a TOML file that says where each field of a manifest stands in the export of a telephone system.

A map has no code. A path is JMESPath without functions that build texts or lists, and a regex has one group. All are
short, so that a record takes bounded time and memory. What proves a consent (`EVIDENCE`) must stand in the record: no
constant, also not one inside a path, stands for it.

Errors are `BadMap`, with a line and a column of the file.
"""

from __future__ import annotations

import re
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import jmespath
import regex
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from arlo_rec.intake.deliveries import COLUMNS
from arlo_rec.model.errors import Usage

MAP_BYTES: Final = 64 * 1024
SHIPPED: Final = Path(__file__).with_name("shipped")
EVIDENCE: Final = ("consent.key", "consent.at", "consent.prompt")  # no constant stands for these
REQUIRED: Final = (
    *("source_id", "direction", "started_at", "caller", "agent", "team"),
    *EVIDENCE,
    "consent.prompt_completed",
)
TIMES: Final = ("iso", "epoch", "epoch_ms", "epoch_us")
FILES: Final = {"csv": "*.csv", "json": "*.json", "jsonl": "*.jsonl"}  # of a format, where the map names no others
_OF_ONE_CALL: Final = frozenset({"source_id", "started_at", "caller"})  # no constant is true of every call
_TIMED: Final = frozenset({"started_at", "consent.at", "consent.stopped.at"})
_FIELDS: Final = frozenset(COLUMNS) - {"audio"}
_TOP: Final = frozenset({"format", "files", "columns", "delimiter", "records", "parts"})
_KEYS: Final = _TOP | {"url_encoded", "only", "join", "newest", "zone", "audio", "fields"}
_OF_FIELD: Final = frozenset({"path", "regex", "values", "time", "zone", "url_encoded", "value"})
_LONGEST: Final = 500  # characters of a path, a regex or a pattern
_MOST_VALUES: Final = 500
_MOST_STARS: Final = 4
_DEEPEST: Final = 30  # nesting of a path
_SELECTS: Final = frozenset(
    {
        *("field", "subexpression", "index_expression", "index", "slice", "projection", "filter_projection"),
        *("flatten", "value_projection", "pipe", "identity", "current", "or_expression"),
    }
)
_DECIDES: Final = frozenset({"and_expression", "not_expression", "comparator", "literal"})
_CHOOSES: Final = frozenset({"max_by", "min_by", "sort_by", "reverse", "not_null"})  # one of the given values
_ASKS: Final = frozenset({"contains", "starts_with", "ends_with", "length"})
_COUNTS: Final = re.compile(r"\{([0-9]*),?([0-9]*)\}")
_MOST_REPEATED: Final = 1_000
_TOUCHING: Final = re.compile(r"\*\{|\}\*|\}\{")
_NAME: Final = re.compile(r"\{([^{}]+)\}")


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


class _Mistake(Exception):
    """A mistake of one value."""

    def __init__(self, why: str, named: str = "") -> None:
        super().__init__(why)
        self.why, self.named = why, named


@dataclass(frozen=True, slots=True)
class MappedField:
    """Where a field stands in a record, and the steps by which its text becomes the manifest's value."""

    path: ParsedResult | None  # None: `value` stands for it
    regex: Any = None  # a compiled pattern with one group
    values: Mapping[str, Any] | None = None
    time: str | None = None
    zone: ZoneInfo | None = None
    url_encoded: bool = False
    value: Any = None

    @property
    def told(self) -> str:
        """The path as the map writes it; empty for a constant."""
        return self.path.expression if self.path is not None else ""


class AudioPattern(NamedTuple):
    """The name of a sound: fixed texts and `*`, and paths into the record.

    `barred` are the signs between a path and a `*`, which no value has; `sign` is the one that no `*` behind a path
    matches. So one name fits the values of one record alone.
    """

    parts: tuple[str | ParsedResult, ...]
    barred: frozenset[str]
    sign: str


@dataclass(frozen=True)
class Map:
    """A map without mistakes; `sha256` is the digest of its file, which officers approve."""

    name: str
    source: bytes  # its file
    sha256: str
    format: str
    files: str
    fields: Mapping[str, MappedField]
    audio: AudioPattern
    columns: tuple[str, ...] | None = None
    delimiter: str | None = None
    records: ParsedResult | None = None
    parts: ParsedResult | None = None
    only: ParsedResult | None = None
    join: ParsedResult | None = None
    newest: ParsedResult | None = None
    url_encoded: bool = False


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
            self._read_fields(document.get("fields"), self._top.get("zone"))

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
        """The line and column where a key, or the last part of a dotted one, stands; else the begin of the file."""
        *_, last = key.split(" ")
        word = re.compile(rf"^\s*(\[?)([\"']?){re.escape(last)}\2\s*[=\].]", re.MULTILINE)
        found = word.search(self._text)
        if found is None:
            return 1, 1
        at = found.start(2)
        return self._text.count("\n", 0, at) + 1, at - (self._text.rfind("\n", 0, at) + 1) + 1

    def _read_top(self, document: dict[str, Any]) -> None:
        for key in document:
            if key not in _KEYS:
                self._find("unknown_key", key)
        kind = document.get("format")
        if kind not in FILES:
            self._find("format", "format")
        else:
            self._top["format"] = kind
        for key in ("records", "parts", "only", "join", "newest"):
            self._take(key, document, lambda value, key=key: _path(value, decides=key == "only"))
        self._take("files", document, _glob)
        self._take("columns", document, _columns)
        self._take("delimiter", document, _delimiter)
        self._take("url_encoded", document, _flag)
        self._take("zone", document, _zone)
        self._take("audio", document, _pattern)
        if "audio" not in document:
            self._find("missing", "audio")
        for key, others in (("newest", ("join",)), ("records", ())):
            if key in document and any(other not in document for other in others):
                self._find("newest_without_join", key)
        if kind == "csv":
            for key in {"records", "parts"} & document.keys():
                self._find("not_of_csv", key)
        else:
            for key in {"columns", "delimiter"} & document.keys():
                self._find("only_of_csv", key)

    def _take(self, key: str, document: dict[str, Any], reading: Any) -> None:
        if key in document:
            try:
                self._top[key] = reading(document[key])
            except _Mistake as mistake:
                self._find(mistake.why, key, named=mistake.named)

    def _read_fields(self, table: object, zone: ZoneInfo | None) -> None:
        if not isinstance(table, dict):
            self._find("missing", "fields")
            return
        for key, value in _flat(table):
            if key not in _FIELDS:
                self._find("unknown_field", key)
                continue
            try:
                self._fields[key] = _field(key, value, zone, url_encoded=bool(self._top.get("url_encoded")))
            except _Mistake as mistake:
                self._find(mistake.why, key, named=mistake.named)
        for key in REQUIRED:
            if not any(finding.named == key for finding in self.findings) and key not in self._fields:
                self._find("missing", "fields", named=key)


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of a table by their dotted names, whether quoted or nested."""
    for key, value in table.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and name not in _FIELDS and any(each.startswith(f"{name}.") for each in _FIELDS):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _field(key: str, value: object, zone: ZoneInfo | None, *, url_encoded: bool) -> MappedField:
    if isinstance(value, str):
        value = {"path": value}
    if not isinstance(value, dict):
        raise _Mistake("bad_value")
    if unknown := value.keys() - _OF_FIELD:
        raise _Mistake("unknown_key", min(unknown))
    is_evidence = key in EVIDENCE
    if is_evidence and "values" in value:
        raise _Mistake("constant_evidence")  # a table can give any text
    if "value" in value:
        if is_evidence or key in _OF_ONE_CALL:
            raise _Mistake("constant_evidence")
        if len(value) > 1 or not isinstance(value["value"], str | bool | int):
            raise _Mistake("bad_value")
        return MappedField(None, value=value["value"])
    own = _zone(value["zone"]) if "zone" in value else zone
    time = value.get("time")
    if (time is None) == (key in _TIMED):
        raise _Mistake("time_missing" if time is None else "no_time")
    if time is not None and not (isinstance(time, str) and (time in TIMES or _is_time_form(time, own))):
        raise _Mistake("time_form")
    return MappedField(
        _path(value.get("path"), decides=not is_evidence),
        _regex(value["regex"]) if "regex" in value else None,
        _values(value["values"]) if "values" in value else None,
        time,
        own,
        _flag(value.get("url_encoded", url_encoded)),
    )


def _is_time_form(form: str, zone: ZoneInfo | None) -> bool:
    """Whether a form of `strptime` names a whole date and time, in a known zone."""
    at = datetime(2026, 11, 30, 20, 45, tzinfo=UTC)
    try:
        again = datetime.strptime(at.strftime(form), form)  # noqa: DTZ007 - its zone is looked at below
    except (ValueError, re.error):
        return False
    is_whole = again.replace(tzinfo=UTC) == at and len(form) <= _LONGEST
    return is_whole and (zone is not None or again.tzinfo is not None)


def _path(value: object, *, decides: bool = True) -> ParsedResult:
    """A JMESPath; without *decides*, one that gives values of the record alone."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise _Mistake("path")
    try:
        with warnings.catch_warnings(action="error"):  # an old spelling of literals
            parsed = jmespath.compile(value)
    except (JMESPathError, PendingDeprecationWarning, RecursionError):
        raise _Mistake("path") from None
    _demand_selecting(parsed.parsed, decides=decides, depth=0)
    return parsed


def _demand_selecting(node: Any, *, decides: bool, depth: int) -> None:
    """Raise _Mistake for a part that builds values, or, without *decides*, that stands for a value of the record."""
    if depth > _DEEPEST or not isinstance(node, dict):
        raise _Mistake("path")
    kind, children = node["type"], node["children"]
    if kind == "function_expression":
        if node["value"] not in (_CHOOSES | _ASKS if decides else _CHOOSES):
            raise _Mistake("path_function", node["value"])
    elif kind != "expref" and kind not in _SELECTS and not (decides and kind in _DECIDES):
        raise _Mistake("path_literal" if kind in _DECIDES else "path_part", kind)
    for number, child in enumerate(children if kind != "slice" else ()):
        is_condition = kind == "filter_projection" and number == 2
        _demand_selecting(child, decides=decides or is_condition, depth=depth + 1)


def _regex(value: object) -> Any:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise _Mistake("regex")
    counts = (int(most or least or 1) for least, most in _COUNTS.findall(value))
    if prod(max(count, 1) for count in counts) > _MOST_REPEATED:
        raise _Mistake("regex")  # the compiled pattern grows with it
    try:
        compiled = regex.compile(value)
    except (regex.error, RecursionError, OverflowError):
        raise _Mistake("regex") from None
    if compiled.groups != 1:
        raise _Mistake("regex_group")
    return compiled


def _values(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not 0 < len(value) <= _MOST_VALUES:
        raise _Mistake("values")
    if not all(isinstance(each, str | bool | int) for each in value.values()):
        raise _Mistake("values")
    return value


def _zone(value: object) -> ZoneInfo:
    if not isinstance(value, str):
        raise _Mistake("zone")
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):  # a ZoneInfoNotFoundError is a KeyError
        raise _Mistake("zone") from None


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Mistake("bad_value")
    return value


def _glob(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or "/" in value:
        raise _Mistake("bad_value")
    return value


def _columns(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise _Mistake("bad_value")
    if len(set(value)) != len(value):
        raise _Mistake("column_twice")
    return tuple(value)


def _delimiter(value: object) -> str:
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n\0':
        raise _Mistake("bad_value")
    return value


def _pattern(value: object) -> AudioPattern:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or "/" in value:
        raise _Mistake("audio_pattern")
    parts: list[str | ParsedResult] = []
    for number, piece in enumerate(_NAME.split(value)):
        if number % 2:
            parts.append(_path(piece, decides=False))
        elif piece:
            if any(sign in piece for sign in "{}?[]"):
                raise _Mistake("audio_pattern")
            parts.append(piece)
    if not any(isinstance(part, ParsedResult) for part in parts):
        raise _Mistake("audio_constant")  # one sound for every call
    if _TOUCHING.search(value.removesuffix(".*")):
        raise _Mistake("audio_touching")  # the id 1 would fit the sound of the id 11
    if value.count("*") > _MOST_STARS or (value.startswith("*") and value.removesuffix(".*").endswith("*")):
        raise _Mistake("audio_pattern")  # every name would be looked at for every call
    before, after = value.partition("{")[0], value.rpartition("}")[2].removesuffix(".*")
    sign = after[0] if "*" in after else ""
    return AudioPattern(tuple(parts), frozenset((before[-1:] if "*" in before else "") + sign), sign)
