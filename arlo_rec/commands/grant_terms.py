"""The end and the limits of a grant, as somebody types them, and in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from arlo_rec.commands.dates import last_moment, span
from arlo_rec.commands.options import opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Usage

if TYPE_CHECKING:
    from arlo_rec.model.records import Limits

Teams = Annotated[list[str] | None, opt("opt.teams", "--team", "TEAM")]
Until = Annotated[str | None, opt("opt.until", "--until", "DATE")]
Days = Annotated[int | None, opt("opt.days", "--days", "N")]
Agents = Annotated[list[str] | None, opt("opt.agents", "--agent", "NAME")]
PerDay = Annotated[int | None, opt("opt.per_day", "--per-day", "N")]
MINUTE = len("2026-12-01 24:00")  # of a time, without its zone, which the heading has


def end_of(run: Run, now: datetime, until: str | None, days: int | None) -> datetime:
    """When a grant ends, by its last day or its length; raises Usage for both, and for a length out of range.

    The last day may be the one in the course of which the longest grant ends.
    """
    from datetime import timedelta

    from arlo_rec.model.times import end_of_day, local_date
    from arlo_rec.policy import GRANT_DEFAULT, GRANT_LONGEST

    if until is not None and days is not None:
        raise Usage("until_or_days")
    last, longest = last_moment(run, until, ahead=True), now + GRANT_LONGEST
    if last is not None:
        return longest if longest < last <= end_of_day(local_date(longest)) else last
    if days is not None and not 1 <= days <= 90:
        raise Usage("grant_length")
    return now + (timedelta(days=days) if days is not None else GRANT_DEFAULT)


def limits_of(run: Run, agents: list[str] | None, since: str | None, before: str | None, per_day: int | None) -> Limits:
    """What a grant is limited to; raises Usage."""
    from arlo_rec.model.records import Limits

    begin, end = span(run, since, before)
    return Limits(frozenset(agents) if agents else None, begin, end, per_day)


def limit_words(run: Run, limits: Limits) -> Iterator[str]:
    """Each limit in words."""
    from arlo_rec.model.times import shown, shown_end

    if limits.agents is not None:
        yield run.say("grant.limit_agents", names=", ".join(sorted(limits.agents)))
    if limits.since is not None:
        yield run.say("grant.limit_from", at=shown(limits.since)[:MINUTE])
    if limits.before is not None:
        yield run.say("grant.limit_to", at=shown_end(limits.before)[:MINUTE])
    if limits.per_day is not None:
        yield run.say("grant.limit_per_day", count=limits.per_day)
