"""Dates that somebody typed: the terminal shows what they mean before anything is done with them."""

from __future__ import annotations

from datetime import datetime

from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Usage


def span(run: Run, since: str | None, before: str | None) -> tuple[datetime | None, datetime | None]:
    """From when and until when; raises Usage where one is wrong, or the first is after the second."""
    begin, end = first_moment(run, since), last_moment(run, before)
    if begin is not None and end is not None and begin >= end:
        raise Usage("from_after_to")
    return begin, end


def first_moment(run: Run, text: str | None) -> datetime | None:
    """The start of a day, or an instant; None where nothing was typed. Raises Usage."""
    if text is None:
        return None
    from arlo_rec.model import dates
    from arlo_rec.model.times import shown

    at = dates.first_moment(text, run.now())
    run.echo(run.say("date.from", typed=text, at=shown(at)))
    return at


def last_moment(run: Run, text: str | None, *, ahead: bool = False) -> datetime | None:
    """The end of a day, or an instant; lengths of time look back, or *ahead*. None where nothing was typed."""
    if text is None:
        return None
    from arlo_rec.model import dates
    from arlo_rec.model.times import shown_end

    at = dates.last_moment(text, run.now(), ahead=ahead)
    run.echo(run.say("date.to", typed=text, at=shown_end(at)))
    return at
