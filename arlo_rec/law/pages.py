"""Pages and letters from templates: whole sentences in order, a file per language, with named placeholders.

`render` and `render_markdown` are the only places that escape: every value once, with control and bidi characters
replaced by their code points. Text from outside is only ever a value, never a template.

`Formats` writes dates, instants and lengths. Instants are in the policy's zone and name it, because readers do not use
UTC. Nothing depends on the machine's locale.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from arlo_rec.law.messages import LANGUAGES, say_or
from arlo_rec.policy import ZONE, has_hidden_characters

if TYPE_CHECKING:
    from jinja2 import Environment

_LAYOUT = frozenset("\n\t")  # white space to HTML


_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]<>#!|~&$^]")  # means something anywhere in a line
_LINE_BEGIN: Final = re.compile(r"^(?:\d+[.)]|[-+=])")  # ... and at its beginning
_ADDRESS: Final = re.compile(r"https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9._~/-]*)?")  # that a page may link to


def render(folder: Path, template: str, /, **facts: object) -> str:
    """The *template* of that name in *folder*, filled in; raises jinja2.UndefinedError where a fact is missing."""
    return _rendered(folder, template, _shown, facts)


def render_markdown(folder: Path, template: str, /, **facts: object) -> str:
    """The same for a template in Markdown, in which a value makes no markup and no line.

    Inside `code` a value cannot be escaped: none may stand there. An address of a website becomes a link.
    """
    return _rendered(folder, template, _shown_in_markdown, facts)


def _rendered(folder: Path, template: str, finalize: Callable[[object], object], facts: dict[str, object]) -> str:
    return _environment(folder, finalize).get_template(template).render(facts)


@cache
def _environment(folder: Path, finalize: Callable[[object], object]) -> Environment:
    """The templates of a folder, each compiled once."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def visible(text: str) -> str:
    """*text* with control and bidi characters written as `[U+202E]`."""
    return "".join(
        f"[U+{ord(sign):04X}]" if sign not in _LAYOUT and has_hidden_characters(sign) else sign for sign in text
    )


def _shown(value: object) -> object:
    """The text of a value before it is escaped; markup made by a template stays as it is."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def in_markdown(text: str) -> str:
    """*text* in one line, so that Markdown shows it as it is; the address of a website as a link."""
    line = " ".join(visible(text).split())
    if _ADDRESS.fullmatch(line):
        return f"<{line}>"
    if line.isdigit():  # before a full stop of the template it would begin a list, and a digit cannot be escaped
        return f"&#{ord(line[0])};{line[1:]}"
    escaped = _MARKDOWN.sub(lambda sign: f"\\{sign[0]}", line)
    return _LINE_BEGIN.sub(lambda begin: f"{begin[0][:-1]}\\{begin[0][-1]}", escaped)


def _shown_in_markdown(value: object) -> object:
    """A value by `in_markdown`, marked as escaped; markup made by a template stays as it is."""
    from markupsafe import Markup

    return Markup(in_markdown(value)) if isinstance(value, str) and not hasattr(value, "__html__") else value  # noqa: S704 - escaped


def country(code: str, lang: str) -> str:
    """The name of a country by its ISO code; the code itself for one that the sentences do not name."""
    return say_or(f"letter.country.{code}", lang, code)


MONTHS: Final = (
    ("januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember"),
    ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
)  # fmt: skip
_DAY: Final = ("{day}. {month} {year}", "{day} {month} {year}")
_WEEKDAYS: Final = (
    ("man.", "tir.", "ons.", "tor.", "fre.", "lør.", "søn."),
    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
)
_SHORT: Final = (
    "{weekday} {day}. {month}. {hour:02}.{minute:02}",
    "{weekday} {day} {month} {hour:02}.{minute:02}",
)
_MOMENT: Final = ("{day} kl. {hour:02}.{minute:02}", "{day} at {hour:02}:{minute:02}")
_INSTANT: Final = (
    "{day} kl. {hour:02}.{minute:02}.{second:02} (UTC+{offset})",
    "{day} at {hour:02}:{minute:02}:{second:02} (UTC+{offset})",
)
_DECIMAL: Final = (",", ".")
_DAYS: Final = ("dager", "days")
_YEARS: Final = (("ett år", "{count} år"), ("one year", "{count} years"))


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

    def short(self, at: datetime) -> str:
        """An instant of this year for a list: `man. 30. nov. 11.17`, `Mon 30 Nov 11.17`."""
        local = at.astimezone(ZoneInfo(ZONE))
        weekday, month = _WEEKDAYS[self.column][local.weekday()], MONTHS[self.column][local.month - 1][:3]
        values = {"weekday": weekday, "day": local.day, "month": month, "hour": local.hour, "minute": local.minute}
        return _SHORT[self.column].format(**values)

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

    def years(self, days: int) -> str:
        """A time in years where it is whole ones, else in days: `2 år`, `400 days`."""
        count, rest = divmod(days, 365)
        return f"{days} {_DAYS[self.column]}" if rest else _YEARS[self.column][count > 1].format(count=count)

    def duration(self, seconds: float) -> str:
        """A length to the tenth of a second."""
        minutes, tenths = divmod(round(seconds * 10), 600)
        shown = f"{tenths // 10}{_DECIMAL[self.column]}{tenths % 10} s"
        return f"{minutes} min {shown}" if minutes else shown
