"""Dates as people write them, besides strict ISO 8601 (`times`): `30d`, `i morgen`, `tomorrow`, `01.12.2026`.

Ambiguous dates are refused: `1/2/2026` is February in Oslo and January in Boston, and `1.12.` has no year.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Final

from arlo_rec.model.errors import Usage
from arlo_rec.model.times import end_of_day, local_date, parse_instant, start_of_day

_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LOCAL: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?", re.ASCII)
_DOTTED: Final = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})", re.ASCII)
_SPAN: Final = re.compile(r"(\d{1,4})\s?([a-z]+)", re.ASCII)
_DAYS: Final = {"d": 1, "day": 1, "days": 1, "dag": 1, "dager": 1}
_DAYS_OF: Final = _DAYS | dict.fromkeys(("w", "week", "weeks", "u", "uke", "uker"), 7)
_NAMED: Final = {
    **dict.fromkeys(("today", "i dag", "idag"), 0),
    **dict.fromkeys(("tomorrow", "i morgen", "imorgen"), 1),
    **dict.fromkeys(("yesterday", "i går", "igår"), -1),
}


def first_moment(text: str, now: datetime) -> datetime:
    """An instant, or the start of a day in the policy's zone; `30d` is 30 days before *now*. Raises Usage."""
    try:
        day = _day(text, now, ahead=-1)
        return parse_instant(text) if day is None else start_of_day(day)
    except (ValueError, OverflowError):
        raise _wrong(text) from None


def last_moment(text: str, now: datetime, *, ahead: bool = False) -> datetime:
    """An instant, or the end of a day in the policy's zone; `30d` is 30 days before *now*, or *ahead*. Raises Usage."""
    try:
        day = _day(text, now, ahead=1 if ahead else -1)
        return parse_instant(text) if day is None else end_of_day(day)
    except (ValueError, OverflowError):
        raise _wrong(text) from None


def _wrong(text: str) -> Usage:
    """The error for a text; the most frequent mistake has its own."""
    return Usage("time_without_zone" if _LOCAL.fullmatch(text) else "bad_time", value=text[:40])


def _day(text: str, now: datetime, *, ahead: int) -> date | None:
    """The day that a text means; None if it may be an instant. Raises ValueError or OverflowError."""
    words = text.strip().casefold()
    if _ISO.fullmatch(words):
        return date.fromisoformat(words)
    if dotted := _DOTTED.fullmatch(words):
        return date(int(dotted[3]), int(dotted[2]), int(dotted[1]))
    today = local_date(now)
    if (days := _NAMED.get(words)) is not None:
        return today + timedelta(days=days)
    span = _SPAN.fullmatch(words)
    if span is not None and span[2] in _DAYS_OF:
        return today + timedelta(days=ahead * int(span[1]) * _DAYS_OF[span[2]])
    return None
