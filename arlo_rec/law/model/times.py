"""Times: parsing of strict ISO 8601 to instants in UTC, and times for people.

No guessing, no naive times: `2026` is refused. The second half parses dates as people write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from arlo_rec.law.model.errors import Usage
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
# Dates as people write them, besides strict ISO 8601: `30d`, `i morgen`, `Monday`, `01.12.2026`, `1.12.`, `last week`
#
# A date without a year, and a day of the week, is the last one up to today, or the next one after today where an end
# is asked for. Weeks are those of the calendar, Monday to Sunday; `week 47` is the last one that began. In a search
# `2w` is the whole week before last week; where one day is asked for, it is a distance of 14 days, as `14d` is.
# Ambiguous dates are refused: `1/2/2026` is February in Oslo and January in Boston.


_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LOCAL: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?", re.ASCII)
_DOTTED: Final = re.compile(r"(\d{1,2})\.\s?(\d{1,2})(?:\.\s?(\d{4})|\.)?", re.ASCII)
_COUNTED: Final = re.compile(r"(\d{1,4})\s?([a-z]+)", re.ASCII)
_NUMBERED: Final = re.compile(r"(?:week|uke)\s?(\d{1,2})", re.ASCII)
_DAYS: Final = {"d": 1, "day": 1, "days": 1, "dag": 1, "dager": 1}
_WEEKS: Final = dict.fromkeys(("w", "week", "weeks", "u", "uke", "uker"), 7)
_NAMED: Final = {
    **dict.fromkeys(("today", "i dag", "idag"), 0),
    **dict.fromkeys(("tomorrow", "i morgen", "imorgen"), 1),
    **dict.fromkeys(("yesterday", "i går", "igår"), -1),
}
_NAMED_WEEKS: Final = {
    **dict.fromkeys(("this week", "denne uken", "denne uka"), 0),
    **dict.fromkeys(("last week", "forrige uke", "forrige uka"), 1),
}
_WEEKDAYS: Final = {
    name: weekday
    for names in (
        ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag"),
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    )
    for weekday, name in enumerate(names)
}
_LEAP_GAP: Final = 8  # years between two 29 Februaries, or two weeks 53, at most


def span_of(text: str, today: date) -> tuple[date, date]:
    """The first and the last day of what a search names: a day, or a calendar week. Raises Usage."""
    with _refused(text):
        words = _words(text)
        monday = _week_named(words, today) or _week_counted(words, today)
        if monday is not None:
            return monday, monday + timedelta(days=6)
        day = _day(words, today, ahead=-1)
        return day, day


def search_span(since: str | None, before: str | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    """The begin and the end of a search; a named week without an end ends with its Sunday. Raises Usage."""
    today, begin, end = local_date(now), None, None
    if since is not None:
        with _refused(since):
            begin = _instant(since) or start_of_day(span_of(since, today)[0])
            before = since if before is None and _week_named(_words(since), today) else before
    if before is not None:
        with _refused(before):
            end = _instant(before) or end_of_day(span_of(before, today)[1])
    return begin, end


def first_moment(text: str, now: datetime) -> datetime:
    """An instant, or the start of one day; `30d` is 30 days before *now*. Raises Usage."""
    with _refused(text):
        return _instant(text) or start_of_day(_one_day(text, now, ahead=-1))


def last_moment(text: str, now: datetime) -> datetime:
    """An instant, or the end of one day; `30d` is 30 days after *now*. Raises Usage."""
    with _refused(text):
        return _instant(text) or end_of_day(_one_day(text, now, ahead=1))


@contextmanager
def _refused(text: str) -> Iterator[None]:
    """Raise Usage for a text that is no day, and none of the calendar; the most frequent mistake has its own."""
    try:
        yield
    except (ValueError, OverflowError):
        code = "time_without_zone" if _LOCAL.fullmatch(text) else "bad_time"
        raise Usage(code, value=text[:40]) from None


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


def _instant(text: str) -> datetime | None:
    """The instant that a text states; None for one that may be a day."""
    with suppress(ValueError, OverflowError):
        return parse_instant(text)
    return None


def _one_day(text: str, now: datetime, *, ahead: int) -> date:
    """The one day that a text means. Raises Usage for a week; ValueError or OverflowError for what is no day."""
    words, today = _words(text), local_date(now)
    if _week_named(words, today) is not None:
        raise Usage("not_one_day", value=text[:40])
    return _day(words, today, ahead=ahead)


def _week_named(words: str, today: date) -> date | None:
    """The Monday of `last week` or `week 47`; None for other words. Raises ValueError or OverflowError."""
    monday = today - timedelta(days=today.weekday())
    if (back := _NAMED_WEEKS.get(words)) is not None:
        return monday - timedelta(weeks=back)
    if not (numbered := _NUMBERED.fullmatch(words)):
        return None
    for years in range(-1, _LEAP_GAP + 1):  # the first weeks of a year may begin in the year before
        with suppress(ValueError):
            found = date.fromisocalendar(today.year - years, int(numbered[1]), 1)
            if found <= today:
                return found
    raise ValueError("no such week")


def _week_counted(words: str, today: date) -> date | None:
    """The Monday of the week that lies as many weeks back as `2w` says; None for other words."""
    counted = _COUNTED.fullmatch(words)
    if counted is None or counted[2] not in _WEEKS:
        return None
    return today - timedelta(days=today.weekday(), weeks=int(counted[1]))


def _day(words: str, today: date, *, ahead: int) -> date:
    """The day that words mean; raises ValueError or OverflowError."""
    if _ISO.fullmatch(words):
        return date.fromisoformat(words)
    if dotted := _DOTTED.fullmatch(words):
        day, month = int(dotted[1]), int(dotted[2])
        return date(int(dotted[3]), month, day) if dotted[3] else _without_year(month, day, today, ahead=ahead)
    if (weekday := _WEEKDAYS.get(words)) is not None:
        back = (today.weekday() - weekday) % 7
        return today + timedelta(days=7 - back if ahead > 0 else -back)
    if (days := _NAMED.get(words)) is not None:
        return today + timedelta(days=days)
    counted = _COUNTED.fullmatch(words)
    if counted is not None and (length := (_DAYS | _WEEKS).get(counted[2])) is not None:
        return today + timedelta(days=ahead * int(counted[1]) * length)
    raise ValueError("no day")


def _without_year(month: int, day: int, today: date, *, ahead: int) -> date:
    """The last such day up to *today*, or the next one after it where *ahead* is 1; raises ValueError for none."""
    for years in range(_LEAP_GAP + 1):
        with suppress(ValueError):
            found = date(today.year + ahead * years, month, day)
            if (found > today) == (ahead > 0):
                return found
    raise ValueError("no such day")
