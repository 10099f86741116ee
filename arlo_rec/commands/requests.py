"""What a manager types who needs access: a request, and what became of earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from arlo_rec.commands.grant_terms import (
    MINUTE,
    Agents,
    Days,
    PerDay,
    Teams,
    Until,
    end_of,
    limit_words,
    limits_of,
)
from arlo_rec.commands.options import Before, Since, SometimesPurpose, SometimesReason
from arlo_rec.commands.run import Run
from arlo_rec.model import documents
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.admin.requests import Request

COLUMNS = ("id", "purpose", "teams", "until", "state")
FIELDS = ("id", "person", "purpose", "teams", "until", "limits", "reason", "at", "state", "by", "why")


def request(
    ctx: typer.Context,
    *,
    purpose: SometimesPurpose = None,
    team: Teams = None,
    until: Until = None,
    days: Days = None,
    agent: Agents = None,
    since: Since = None,
    before: Before = None,
    per_day: PerDay = None,
    reason: SometimesReason = None,
) -> Answer:
    """Ask the security officer for access; without a purpose, what became of what one asked for."""
    from arlo_rec.admin import grants, requests

    run: Run = ctx.obj
    now = run.now()
    typed = (team, until, days, agent, since, before, per_day, reason)
    if purpose is None and any(each is not None for each in typed):
        raise Usage("purpose_missing", rule="scope.only")
    if purpose is None:
        return _own(run)
    end, limits = end_of(run, now, until, days), limits_of(run, agent, since, before, per_day)
    with run.store() as store:
        terms = grants.Terms(store.person.name, purpose, tuple(team or ()), end, reason, limits)
        asked = requests.ask(store, terms, now)
    return Answer({"request": request_json(asked)}, [run.say("request.done", id=asked.id)])


def _own(run: Run) -> Answer:
    """What this person asked for, the newest first."""
    from arlo_rec.admin import grants, requests
    from arlo_rec.policy import Action

    with run.store() as store:
        store.demand(Action.REQUEST, run.now())
        own = [each for each in requests.every(store, run.now()) if each.person == store.person.name][::-1]
        given = {each.id: grants.shown_state(each, run.now()) for each in store.roster.grants}
        states = {each.id: given.get(each.grant or "", "") for each in own}
        rows = [[short, *_row(run, each, states[each.id])] for each, short in requests.shorts(store, run.now(), own)]
    data = [request_json(each) for each in own]
    lines = [] if own else [run.say("request.none")]
    lines += [run.say("request.why", id=each.id, why=each.why) for each in own if each.why is not None]
    table = run.table(COLUMNS, rows, ("teams",), (data, FIELDS))._replace(is_whole=True)
    return Answer({"requests": data}, lines, table)


def _row(run: Run, asked: Request, given: str) -> list[str]:
    """Its cells; of what was given, how the grant stands (*given*)."""
    from arlo_rec.model.times import shown_end

    teams, limited = ", ".join(asked.teams) or run.say("all_teams"), ", ".join(limit_words(run, asked.limits))
    shown = f"{teams} ({limited})" if limited else teams
    purpose, state = run.say(f"purpose.{asked.purpose}"), run.say(f"request.state_{asked.state}")
    if given not in {"", "live"}:
        state = run.say(f"grant_state.{given}")
    return [purpose, shown, shown_end(asked.until)[:MINUTE], state]


def request_json(asked: Request) -> dict[str, Any]:
    """A request, for scripts."""
    from arlo_rec.model.records import to_iso

    return {
        "id": asked.id,
        "person": asked.person,
        "purpose": asked.purpose,
        "teams": list(asked.teams) or None,
        "until": to_iso(asked.until),
        "limits": documents.plain(asked.limits),
        "reason": asked.reason,
        "at": to_iso(asked.at),
        "state": asked.state,
        "by": asked.by,
        "why": asked.why,
    }
