"""Formats of dates, instants and lengths in the letter, in Norwegian and English.

Instants are in the policy's zone and name it, because readers do not use UTC. Nothing depends on the machine's locale.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from arlo_rec.i18n.messages import LANGUAGES
from arlo_rec.policy import ZONE

MONTHS: Final = (
    ("januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember"),
    ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
)  # fmt: skip
_DAY: Final = ("{day}. {month} {year}", "{day} {month} {year}")
_MOMENT: Final = ("{day} kl. {hour:02}.{minute:02}", "{day} at {hour:02}:{minute:02}")
_INSTANT: Final = (
    "{day} kl. {hour:02}.{minute:02}.{second:02} (UTC+{offset})",
    "{day} at {hour:02}:{minute:02}:{second:02} (UTC+{offset})",
)
_DECIMAL: Final = (",", ".")


class Formats:
    """The formats of a language, `nb` or `en`; raises ValueError for another."""

    def __init__(self, lang: str) -> None:
        self.column = LANGUAGES.index(lang)

    def day(self, day: date) -> str:
        """`1. oktober 2026`, `1 October 2026`."""
        return _DAY[self.column].format(day=day.day, month=MONTHS[self.column][day.month - 1], year=day.year)

    def moment(self, at: datetime) -> str:
        """An instant to the minute, in the policy's zone: `1. oktober 2026 kl. 10.15`."""
        local = at.astimezone(ZoneInfo(ZONE))
        return _MOMENT[self.column].format(day=self.day(local.date()), hour=local.hour, minute=local.minute)

    def instant(self, at: datetime) -> str:
        """An instant to the second, with its zone."""
        local = at.astimezone(ZoneInfo(ZONE))
        offset = (local.utcoffset() or timedelta(0)) // timedelta(hours=1)
        clock = {"hour": local.hour, "minute": local.minute, "second": local.second}
        return _INSTANT[self.column].format(day=self.day(local.date()), offset=offset, **clock)

    def length(self, seconds: float) -> str:
        """A length to the second, and never 0: `1 min 32 s`."""
        minutes, rest = divmod(max(1, round(seconds)), 60)
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"

    def duration(self, seconds: float) -> str:
        """A length to the tenth of a second."""
        minutes, tenths = divmod(round(seconds * 10), 600)
        shown = f"{tenths // 10}{_DECIMAL[self.column]}{tenths % 10} s"
        return f"{minutes} min {shown}" if minutes else shown
