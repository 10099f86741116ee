"""The entries of the log as a table for people: their day and minute, in words; JSON and CSV have what was logged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from arlo_rec.commands.run import Run
from arlo_rec.i18n.messages import say_or
from arlo_rec.ui.tables import Table

COLUMNS: Final = ("entry", "at", "name", "action", "outcome", "detail")
FIELDS: Final = (
    "seq",
    "at",
    "person",
    "action",
    "outcome",
    "rule",
    "purpose",
    "reason",
    "recordings",
    "detail",
    "policy",
)
ID_DIGITS: Final = 8  # of an id; so much of one is enough for `--recording`
LONGEST: Final = 200  # characters of a detail; JSON and CSV have it whole
NAMED: Final = 3  # recordings of an entry that are named
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z", re.ASCII)
_ID: Final = re.compile(rf"\b([0-9a-f]{{{ID_DIGITS}}})[0-9a-f]{{24}}\b")
_CHECKSUM: Final = re.compile(r"[0-9a-f]{64}")


def log_table(run: Run, entries: Sequence[dict[str, Any]]) -> Table:
    """The entries, newest first."""
    rows = [_row(run, entry) for entry in reversed(entries)]
    return run.table(COLUMNS, rows, ("detail",), (entries, FIELDS))._replace(is_whole=True)


def _row(run: Run, entry: dict[str, Any]) -> list[str]:
    outcome = str(entry.get("outcome", ""))
    words = say_or(f"outcome.{outcome}", run.lang, outcome)
    detail = "; ".join(_details(run, entry))
    return [str(entry["seq"]), _at(entry.get("at")), _name(entry), str(entry.get("action", "")), words, detail]


def _name(entry: dict[str, Any]) -> str:
    """Who did it; of a failed unlock the name that was claimed, with a question mark, for nobody knows who it was."""
    from arlo_rec.oversight.log_query import claimed_name

    claimed = claimed_name(entry)
    return str(entry.get("person", "")) if claimed is None else f"{claimed}?"


def _details(run: Run, entry: dict[str, Any]) -> Iterator[str]:
    """What else an entry says: why, of which recordings, and how; the rule last."""
    purpose, reason = entry.get("purpose"), entry.get("reason")
    if purpose is not None:
        yield say_or(f"purpose.{purpose}", run.lang, str(purpose))
    if reason is not None:
        yield str(reason)
    recordings = entry.get("recordings")
    if isinstance(recordings, list) and recordings:
        ids = ", ".join(str(name)[:ID_DIGITS] for name in recordings[:NAMED])
        more = len(recordings) - NAMED
        yield run.say("audit.recordings" if more <= 0 else "audit.recordings_more", ids=ids, count=more)
    detail = entry.get("detail")
    if isinstance(detail, dict):
        shown = ((key, _value(value)) for key, value in detail.items() if not _is_checksum(value))
        yield from (f"{key}={text if len(text) <= LONGEST else '…'}" for key, text in shown)
    if entry.get("rule"):
        yield f"[{entry['rule']}]"


def _is_checksum(value: object) -> bool:
    """Whether a detail is for `verify` alone."""
    return isinstance(value, str) and _CHECKSUM.fullmatch(value) is not None


def _value(value: object) -> str:
    from arlo_rec.model.strict_json import canonical

    text = value if isinstance(value, str) else canonical(value).decode("utf-8")
    return _ID.sub(r"\1", _INSTANT.sub(lambda match: _at(match[0]), text))


def _at(text: object) -> str:
    """An instant of the log in the policy's zone; as it stands there where it is none."""
    from arlo_rec.model.records import from_iso
    from arlo_rec.model.times import shown_minute

    try:
        return shown_minute(from_iso(str(text)))
    except (OverflowError, ValueError):  # no time, or one behind which no zone has any
        return str(text or "")
