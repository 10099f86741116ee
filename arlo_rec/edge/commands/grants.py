"""Commands about access: request, grant, approve, deny, revoke, review."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.edge.commands.options import Name, Purpose, Reason, SometimesPurpose, SometimesReason, arg, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import days_of, last_moment, near_line
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.times import end_of_day, local_date, shown, shown_end
from arlo_rec.policy import GLASS_LONGEST, GRANT_DEFAULT, GRANT_LONGEST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from arlo_rec.law.model.records import Grant, Limits
    from arlo_rec.office.grants import Doubt, GrantShown, HeldOfTeam
    from arlo_rec.office.requests import Request
    from arlo_rec.vault.opened import Store

REVIEW, BREAK_GLASS = "review", "break-glass"


COLUMNS = "id person=name purpose teams until"
Teams = Annotated[list[str] | None, opt("opt.teams", "--team", "TEAM")]
MayExport = Annotated[bool, opt("opt.may_export", "--may-export")]
Until = Annotated[str | None, opt("opt.until", "--until", "DATE")]
Days = Annotated[int | None, opt("opt.days", "--days", "N")]
Calls = Annotated[str | None, opt("opt.calls", "--calls", "DATE..DATE")]
Agents = Annotated[list[str] | None, opt("opt.agents", "--agent", "NAME")]
PerDay = Annotated[int | None, opt("opt.per_day", "--per-day", "N")]
MINUTE = len("2026-12-01 24:00")  # of a time, without its zone, which the heading has


def grant(
    ctx: typer.Context,
    name: Name,
    what: Annotated[str | None, arg("arg.grant_what", "[break-glass]")] = None,
    *,
    purpose: Purpose = None,
    team: Annotated[list[str] | None, opt("opt.granted_teams", "--team", "TEAM", required=True)] = None,
    all_teams: Annotated[bool, opt("opt.all_teams", "--all-teams")] = False,
    may_export: MayExport = False,
    until: Until = None,
    days: Days = None,
    agent: Agents = None,
    calls: Calls = None,
    per_day: PerDay = None,
    reason: Reason = None,
) -> Answer:
    """Let a manager listen for a purpose, until a day."""
    from arlo_rec.office import grants

    run: Run = ctx.obj
    now = run.now()
    if what not in (None, BREAK_GLASS):
        raise Usage("words_too_many", words=what[:100])
    break_glass = what == BREAK_GLASS
    if team and all_teams:
        raise Usage("not_together", names="--all-teams --team")
    end, limits = end_of(run, now, until, days), limits_of(run, agent, calls, per_day)
    if break_glass and until is None and days is None:
        end = now + GLASS_LONGEST
    with run.store() as store:
        teams = None if all_teams else tuple(team or ())
        terms = grants.Terms(name, purpose, teams, end, reason, limits, glass=break_glass, may_export=may_export)
        doubts = _asked_about(run, grants.doubts(store, terms.teams, limits, now))
        granted = grants.grant(store, terms, now, run.progress)
        return _given(run, store, granted, doubts, now)


def _asked_about(run: Run, doubts: list[Doubt]) -> list[Doubt]:
    """Ask on a terminal whether a name that is like a known one is meant as it stands; raises Usage.

    Those about agents come back, for the answer to say them where nobody could be asked.
    """
    doubtful = [each for each in doubts if each.nearest]
    if doubtful and run.for_people and run.can_ask():
        lines = [run.say("names.unknown", name=each.name, names=", ".join(each.nearest)) for each in doubtful]
        run.confirm("\n".join(lines), run.say("names.meant", yes=run.say("yes")), run.say("yes"), yes=False)
        return []
    return [each for each in doubts if each.is_agent]


def _given(run: Run, store: Store, granted: Grant, doubts: Sequence[Doubt], now: datetime) -> Answer:
    """The answer to a grant, by an officer or for a request, with the number of recordings it opens."""
    from arlo_rec.office import grants

    held = grants.held_of(store, granted, now)
    name = granted.person
    code = "grant.pending" if granted.state == "pending" else "grant.done"
    lines = [_given_line(run, granted, "grant.glass" if granted.glass else code), *_held_lines(run, granted, held)]
    if (why := grants.why_own(store, granted)) is not None:
        lines.append(run.say(f"grant.{why}", name=name))
    for each in doubts:
        lines += [run.say("grant.agent_none", name=each.name), *near_line(run, each.nearest)]
    return _opened(run, store, granted, grants.Granted(grants.GrantShown.at(now, granted), held), lines)


def _given_line(run: Run, granted: Grant, code: str) -> str:
    purpose, until = run.say(f"purpose.{granted.purpose}"), shown_end(granted.until)
    return run.say(code, name=granted.person, purpose=purpose, until=until, id=granted.id)


def _opened(run: Run, store: Store, granted: Grant, answer: Record, lines: list[str]) -> Answer:
    """The answer to a grant, which may be interrupted before it opens all recordings."""
    from arlo_rec.office.grants import is_complete

    lines = [*lines, run.say("grant.exports")] if granted.may_export else lines
    if is_complete(store, granted):
        return Answer(answer, lines)
    return Answer(answer, [*lines, run.say("grant.unfinished")], exit_status=3)


def approve(ctx: typer.Context, waiting: Annotated[str, arg("arg.waiting", "ID")]) -> Answer:
    """Approve what waits: a request, or as a second officer access, a new officer, a version of the policy, a move."""
    from arlo_rec.office import pending

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        waits = pending.named(store, waiting, now)
        doubts = _asked_about(run, pending.doubts(store, waits, now))
        answer, code, about, opens = waits.approve(store, now, run.progress)
        if opens is None:
            return Answer(answer, [run.say(code, **about)])
        if isinstance(waits, pending.RequestWaits):
            return _given(run, store, opens, doubts, now)
        return _opened(run, store, opens, answer, [_given_line(run, opens, code)])


def deny(ctx: typer.Context, waiting: Annotated[str, arg("arg.waiting", "ID")], *, reason: Reason = None) -> Answer:
    """Deny what waits, or take back what one proposed, with a reason."""
    from arlo_rec.office import pending

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        answer, code, about, _ = pending.named(store, waiting, now).deny(store, reason, now)
    return Answer(answer, [run.say(code, **about)])


def revoke(
    ctx: typer.Context,
    name: Name,
    *,
    grant: Annotated[str | None, opt("opt.grant", "--grant", "ID")] = None,
) -> Answer:
    """End one grant of a manager, or all."""
    from arlo_rec.office import grants

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        revoked = grants.revoke(store, name, grant, now)
    answer = grants.Revoked([grants.GrantShown.at(now, ended) for ended in revoked])
    return Answer(answer, [run.say("revoke.done", name=name, count=len(revoked))])


def grants_list(
    ctx: typer.Context,
    what: Annotated[str | None, arg("arg.grants_what", "[review]")] = None,
    *,
    every: Annotated[bool, opt("opt.all", "--all")] = False,
    confirm: Annotated[list[str] | None, opt("opt.confirm_grant", "--confirm", "ID|all")] = None,
    end: Annotated[list[str] | None, opt("opt.end_grant", "--end", "ID")] = None,
) -> Answer:
    """List access; with `review`, the quarter's list: each grant is confirmed or ended."""
    from arlo_rec.office import grants

    run: Run = ctx.obj
    now = run.now()
    if what not in (None, REVIEW) or (what is None and (confirm or end)) or (what is not None and every):
        raise Usage("grants_words")
    if what == REVIEW:
        return _reviewed(run, confirm or [], end or [])
    with run.store() as store:
        listed = grants.listed(store, now, every=every)
        short = grants.shorts(store, listed)
    shown = [grants.GrantUsed.at(now, granted) for granted in listed]
    lines = [] if listed else [run.say("grants.none")]
    shown_as = {**cells(run, short), "state": lambda grant: run.say(f"grant_state.{grant.state}")}
    table = run.listing(grants.GrantShown, shown, f"{COLUMNS} state", "person teams", shown_as)
    return Answer(grants.Grants(shown), lines, table._replace(is_whole=True))


def _reviewed(run: Run, confirm: list[str], end: list[str]) -> Answer:
    """Confirm and end what was named, and list every live grant with its use."""
    from arlo_rec.office import grant_review, grants

    now = run.now()
    with run.store() as store:
        ending = grants.standing(store, end)
        confirmed = grant_review.confirm(store, confirm, now) if confirm else []
        for each in ending:
            grants.revoke(store, each.person, each.id, now)
        uses = grant_review.listed(store, now)
        short = grants.shorts(store, [use.grant for use in uses])
    shown = [grants.GrantUsed.at(now, use.grant, heard=use.heard, last_heard=use.last, due=use.is_due) for use in uses]
    left = sum(use.is_due for use in uses)
    lines = [run.say("grants.review_left", count=left) if left else run.say("grants.review_done")]
    shown_as = {**cells(run, short), "due": lambda used: run.say(f"grants.{'due' if used.due else 'reviewed'}")}
    columns = f"{COLUMNS} heard=heard_count last_heard due=state"
    table = run.listing(grants.GrantUsed, shown, columns, "person teams", shown_as)
    answer = grants.Grants(shown, [each.id for each in confirmed], [each.id for each in ending])
    return Answer(answer, lines, table._replace(is_whole=True))


def _held_lines(run: Run, granted: Grant, held: Sequence[HeldOfTeam]) -> list[str]:
    """The number of recordings of each team of a grant; a team without any may be a typo."""
    if granted.teams is None:
        return [run.say("grant.held_all", count=sum(each.held for each in held))]
    lines = []
    for each in held:
        code = {0: "grant.held_none", 1: "grant.held_one"}.get(each.held, "grant.held")
        typed = shlex.quote(granted.person)
        lines.append(run.say(code, team=each.team, count=each.held, typed=typed, id=granted.id))
        lines += near_line(run, each.nearest)
    return lines


def cells(run: Run, short: Mapping[str, str]) -> dict[str, Callable[[Any], object]]:
    """The cells of a grant or a request that are not its fields as they are."""
    return {
        "id": lambda shown: short[shown.id],
        "purpose": lambda shown: run.say(f"purpose.{shown.purpose}"),
        "teams": lambda shown: _teams_shown(run, shown),
        "until": lambda shown: shown_end(shown.until)[:MINUTE],
    }


def _teams_shown(run: Run, shown: GrantShown | Request) -> str:
    teams = run.say("all_teams") if shown.teams is None else ", ".join(sorted(shown.teams))
    limited = ", ".join(term_words(run, shown.limits, may_export=shown.may_export))
    return f"{teams} ({limited})" if limited else teams


# -- requests -----------------------------------------------------------------------------------------


def request(
    ctx: typer.Context,
    *,
    purpose: SometimesPurpose = None,
    team: Teams = None,
    may_export: MayExport = False,
    until: Until = None,
    days: Days = None,
    agent: Agents = None,
    calls: Calls = None,
    per_day: PerDay = None,
    reason: SometimesReason = None,
) -> Answer:
    """Ask the security officer for access; without a purpose, what became of what one asked for."""
    from arlo_rec.office import grants, requests

    run: Run = ctx.obj
    now = run.now()
    typed = (team, may_export or None, until, days, agent, calls, per_day, reason)
    if purpose is None and any(each is not None for each in typed):
        raise Usage("purpose_missing", rule="scope.only")
    if purpose is None:
        return _own(run)
    end, limits = end_of(run, now, until, days), limits_of(run, agent, calls, per_day)
    with run.store() as store:
        teams = tuple(team) if team else None
        terms = grants.Terms(store.person.name, purpose, teams, end, reason, limits, may_export=may_export)
        asked = requests.ask(store, terms, now)
        near = requests.doubts(store, terms)
    lines = [run.say("names.meant_near", name=each.name, names=", ".join(each.nearest)) for each in near]
    return Answer(requests.Requests(asked), [run.say("request.done", id=asked.id), *lines])


def _own(run: Run) -> Answer:
    """The requests of this person, newest first."""
    from arlo_rec.office import grants, requests

    with run.store() as store:
        own = requests.own(store, run.now())
        given = {each.id: grants.shown_state(each, run.now()) for each in store.roster.grants}
        short = requests.shorts(store, run.now(), own)
        states = {each.id: _request_state(run, each, given.get(each.grant or "", "live")) for each in own}
    lines = [] if own else [run.say("request.none")]
    lines += [run.say("request.why", id=each.id, why=each.why) for each in own if each.why is not None]
    shown_as = {**cells(run, short), "state": lambda request: states[request.id]}
    table = run.listing(requests.Request, own, "id purpose teams until state", "teams", shown_as)
    return Answer(requests.Requests(requests=own), lines, table._replace(is_whole=True))


def _request_state(run: Run, asked: Request, granted: str) -> str:
    """The state of a request in words, or of the grant that was given for it, once that is not live."""
    return run.say(f"request.state_{asked.state}" if granted == "live" else f"grant_state.{granted}")


# -- the end and the limits of a grant ----------------------------------------------------------------


def end_of(run: Run, now: datetime, until: str | None, days: int | None) -> datetime:
    """When a grant ends, by its last day or its length; raises Usage for both, and for a length out of range.

    The last day may be the one in the course of which the longest grant ends.
    """
    from datetime import timedelta

    if until is not None and days is not None:
        raise Usage("until_or_days")
    last, longest = last_moment(run, until), now + GRANT_LONGEST
    if last is not None:
        return longest if longest < last <= end_of_day(local_date(longest)) else last
    if days is not None and not 1 <= days <= 90:
        raise Usage("grant_length")
    return now + (timedelta(days=days) if days is not None else GRANT_DEFAULT)


def limits_of(run: Run, agents: list[str] | None, calls: str | None, per_day: int | None) -> Limits:
    """The limits of a grant; raises Usage."""
    from arlo_rec.law.model.records import Limits

    begin, end = days_of(run, calls)
    return Limits(frozenset(agents) if agents else None, begin, end, per_day)


def term_words(run: Run, limits: Limits, *, may_export: bool) -> Iterator[str]:
    """The right to save sound, and each limit, in words."""
    if may_export:
        yield run.say("grant.may_export")
    if limits.agents is not None:
        yield run.say("grant.limit_agents", names=", ".join(sorted(limits.agents)))
    if limits.since is not None:
        yield run.say("grant.limit_from", at=shown(limits.since)[:MINUTE])
    if limits.before is not None:
        yield run.say("grant.limit_to", at=shown_end(limits.before)[:MINUTE])
    if limits.per_day is not None:
        yield run.say("grant.limit_per_day", count=limits.per_day)
