"""The short letters of a case that is not answered at once: its deadline is extended, it is refused, or it is closed.

Each says what GDPR 12(3) and 12(4) want: the reason, the new deadline, and where to complain. They name the case and
nothing else of the person, so that they can be sent like any letter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.i18n.messages import say
from arlo_rec.i18n.pages import Formats, render
from arlo_rec.log.cases import LoggedCase
from arlo_rec.model.particulars import Particulars
from arlo_rec.model.times import local_date

_PAGE: Final = Path(__file__).with_name("page")


class Notice(NamedTuple):
    """A letter as text, in paragraphs; the first line is its heading."""

    kind: str  # extended, refused or closed_unanswered
    lang: str
    text: str

    def page(self) -> str:
        """The letter as an HTML page that prints well and asks nothing of anywhere."""
        heading, *paragraphs = self.text.split("\n\n")
        return render(_PAGE, "notice.html.j2", lang=self.lang, heading=heading, paragraphs=paragraphs)


def extension(case: LoggedCase, particulars: Particulars, lang: str) -> Notice:
    """That the deadline is extended, until when, and why; it must reach the person within the first month."""
    return _notice("extended", case, case.extension, particulars, lang)


def refusal(case: LoggedCase, particulars: Particulars, lang: str) -> Notice:
    """That the request is refused, and why, with the complaint and the courts; within a month of the request."""
    return _notice("refused", case, case.why_not, particulars, lang)


def closure(case: LoggedCase, particulars: Particulars, lang: str) -> Notice:
    """That the case is closed without an answer, and why."""
    return _notice("closed_unanswered", case, case.why_not, particulars, lang)


def newest(case: LoggedCase, particulars: Particulars, lang: str) -> Notice | None:
    """The last letter of a case, worded again; None where it had none."""
    if case.closed_at is not None and case.why_not is not None and case.answered_at is None:
        return closure(case, particulars, lang)
    if case.refused_at is not None:
        return refusal(case, particulars, lang)
    return extension(case, particulars, lang) if case.extension is not None else None


def _notice(kind: str, case: LoggedCase, reason: str | None, particulars: Particulars, lang: str) -> Notice:
    day = Formats(lang).day
    ways = {"contact": particulars.contact, "data_protection": particulars.data_protection}
    contacts = "\n\n".join(say(f"notice.{way}", lang, contact=stated) for way, stated in ways.items() if stated)
    text = say(
        f"notice.{kind}",
        lang,
        case=case.id,
        received=day(local_date(case.received_at)),
        due=day(case.due_on),
        reason=(reason or "").strip().rstrip("."),
        controller=particulars.controller,
    )
    return Notice(kind, lang, f"{text}\n\n{contacts}".strip())
