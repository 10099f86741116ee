"""Times: parsing of strict ISO 8601 to instants in UTC, and times for people.

No week or ordinal dates, no guessing, no naive times: `2026` is refused. `dates` parses dates as people write them.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

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
