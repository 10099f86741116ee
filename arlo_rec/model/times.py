"""Times: parsing of strict ISO 8601 to instants in UTC, and times for people.

No week or ordinal dates, no guessing, no naive times: `2026` is refused. `dates` parses dates as people write them.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from arlo_rec.model.errors import Usage
from arlo_rec.policy import ZONE

_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})", re.ASCII
)
_LENGTH = re.compile(r"(\d{1,5})([smh])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


def parse_instant(text: str, *, round_up: bool = False) -> datetime:
    """`YYYY-MM-DDThh:mm[:ss[.f]]` with Z or an offset, in UTC; raises ValueError.

    Decimals beyond a microsecond are truncated, or rounded up if sound before this time must not be kept.
    """
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError("not a time with a zone")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction = (match[7] or "").ljust(9, "0")
    micros = int(fraction[:6]) + (1 if round_up and int(fraction[6:]) else 0)
    at = datetime(year, month, day, hour, minute, second, tzinfo=_zone(match[8]))
    return (at + timedelta(microseconds=micros)).astimezone(UTC)


def parse_length(text: str) -> timedelta:
    """A length of time as `90s`, `15m` or `8h`; raises ValueError."""
    match = _LENGTH.fullmatch(text)
    if not match:
        raise ValueError("not a length of time")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def local_date(at: datetime) -> date:
    """The calendar day of an instant in the policy's zone."""
    return at.astimezone(ZoneInfo(ZONE)).date()


def iso_week(at: datetime) -> str:
    """The ISO 8601 week of an instant in the policy's zone: `2026-W40`."""
    return week_of(local_date(at))


def week_of(day: date) -> str:
    """The ISO 8601 week of a calendar day."""
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"


def start_of_day(day: date) -> datetime:
    """The start of a calendar day in the policy's zone, in UTC."""
    return end_of_day(day - timedelta(days=1))


def end_of_day(day: date) -> datetime:
    """The end of a calendar day in the policy's zone, in UTC."""
    after = day + timedelta(days=1)
    return datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 14 or minutes > 59:
        raise ValueError("no such zone")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def shown(at: datetime) -> str:
    """An instant for people: the policy zone's date and minute, with the zone."""
    return at.astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M %Z")


def shown_minute(at: datetime) -> str:
    """The same for a table column, whose heading names the zone."""
    return at.astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M")


def shown_end(at: datetime) -> str:
    """The end of a span for people; midnight is the end of the day before it, 24:00 (ISO 8601-1/Amd 1)."""
    local = at.astimezone(ZoneInfo(ZONE))
    if local != start_of_day(local.date()):
        return shown(at)
    return f"{local.date() - timedelta(days=1)} 24:00 {local.tzname()}"


def shown_length(seconds: float) -> str:
    """A length for people, in minutes and whole seconds: `12:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


# -- dates -------------------------------------------------------------------------------------------
# Dates as people write them, besides strict ISO 8601 (`times`): `30d`, `i morgen`, `Monday`, `01.12.2026`, `1.12.`
#
# A date without a year, and a day of the week, is the last one up to today, or the next one after today where an end
# is asked for. Ambiguous dates are refused: `1/2/2026` is February in Oslo and January in Boston.


_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LOCAL: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?", re.ASCII)
_DOTTED: Final = re.compile(r"(\d{1,2})\.\s?(\d{1,2})(?:\.\s?(\d{4})|\.)?", re.ASCII)
_SPAN: Final = re.compile(r"(\d{1,4})\s?([a-z]+)", re.ASCII)
_DAYS: Final = {"d": 1, "day": 1, "days": 1, "dag": 1, "dager": 1}
_DAYS_OF: Final = _DAYS | dict.fromkeys(("w", "week", "weeks", "u", "uke", "uker"), 7)
_NAMED: Final = {
    **dict.fromkeys(("today", "i dag", "idag"), 0),
    **dict.fromkeys(("tomorrow", "i morgen", "imorgen"), 1),
    **dict.fromkeys(("yesterday", "i går", "igår"), -1),
}
_WEEKDAYS: Final = {
    name: weekday
    for names in (
        ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag"),
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    )
    for weekday, name in enumerate(names)
}
_LEAP_GAP: Final = 8  # years between two 29 Februaries at most


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
    today = local_date(now)
    if dotted := _DOTTED.fullmatch(words):
        day, month = int(dotted[1]), int(dotted[2])
        return date(int(dotted[3]), month, day) if dotted[3] else _without_year(month, day, today, ahead=ahead)
    if (weekday := _WEEKDAYS.get(words)) is not None:
        back = (today.weekday() - weekday) % 7
        return today + timedelta(days=7 - back if ahead > 0 else -back)
    if (days := _NAMED.get(words)) is not None:
        return today + timedelta(days=days)
    span = _SPAN.fullmatch(words)
    if span is not None and span[2] in _DAYS_OF:
        return today + timedelta(days=ahead * int(span[1]) * _DAYS_OF[span[2]])
    return None


def _without_year(month: int, day: int, today: date, *, ahead: int) -> date:
    """The last such day up to *today*, or the next one after it where *ahead* is 1; raises ValueError for none."""
    for years in range(_LEAP_GAP + 1):
        with suppress(ValueError):
            found = date(today.year + ahead * years, month, day)
            if (found > today) == (ahead > 0):
                return found
    raise ValueError("no such day")
