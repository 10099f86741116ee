"""How the letter says things in one language: sentences by code, days, instants and lengths.

Instants stand in the policy's zone and name it, because a reader does not think in UTC. Nothing here depends
on the locale of the machine.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from arlo_rec.i18n.letter import DECIMAL, LANGUAGES, LETTER, MONTHS
from arlo_rec.policy import ZONE


class Wording:
    """The letter's words in `nb` or `en`; raises ValueError for another language, KeyError for no such code."""

    def __init__(self, lang: str) -> None:
        self.column = LANGUAGES.index(lang)

    def say(self, code: str, **values: str | int) -> str:
        """The sentence of that code, as plain text."""
        return LETTER[code][self.column].format(**values)

    def day(self, day: date) -> str:
        """`1. oktober 2026`, `1 October 2026`."""
        return self.say("date", day=day.day, month=MONTHS[self.column][day.month - 1], year=day.year)

    def instant(self, at: datetime) -> str:
        """An instant to the second, with its zone."""
        local = at.astimezone(ZoneInfo(ZONE))
        offset = (local.utcoffset() or timedelta(0)) // timedelta(hours=1)
        hour, minute, second = (f"{part:02}" for part in (local.hour, local.minute, local.second))
        return self.say("instant", date=self.day(local.date()), hour=hour, minute=minute, second=second, offset=offset)

    def duration(self, seconds: float) -> str:
        """A length to the tenth of a second."""
        minutes, tenths = divmod(round(seconds * 10), 600)
        shown = f"{tenths // 10}{DECIMAL[self.column]}{tenths % 10}"
        if minutes:
            return self.say("duration.minutes", minutes=minutes, seconds=shown)
        return self.say("duration.seconds", seconds=shown)
