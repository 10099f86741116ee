"""Commands for line managers: find and export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from arlo_rec.edge.commands.anyone import waits_line, word
from arlo_rec.edge.commands.options import Before, Limit, Purpose, Reason, Since, arg, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import STDIN, near_line, span
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.times import local_date, shown_length
from arlo_rec.policy import Action, has_hidden_characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.law.model.records import Grant
    from arlo_rec.vault.access.search import WhyNothing


OTHER_SOUNDS: Final = frozenset({".mp3", ".m4a", ".aac", ".ogg", ".opus", ".flac"})  # endings: `export` writes WAV


def find(
    ctx: typer.Context,
    *,
    purpose: Purpose = None,
    reason: Reason = None,
    agent: Annotated[str | None, opt("opt.agent", "--agent", "NAME")] = None,
    team: Annotated[str | None, opt("opt.team", "--team", "TEAM")] = None,
    since: Since = None,
    before: Before = None,
    limit: Limit = None,
    teams: Annotated[bool, opt("opt.list_teams", "--teams")] = False,
) -> Answer:
    """The recordings that this person may open for a purpose; or the teams that they may see."""
    from arlo_rec.vault.access import search
    from arlo_rec.vault.access.short_ids import short_ids

    run: Run = ctx.obj
    if teams:
        if any(each is not None for each in (agent, team, since, before, limit)):
            raise Usage("teams_alone")
        return _teams(run, purpose, reason)
    if limit is not None and limit < 1:
        raise Usage("bad_limit")
    if has_hidden_characters((agent or "") + (team or "")):
        raise Usage("search_hidden_characters")
    begin, end = span(run, since, before)
    with run.store() as store:
        filters = search.Search(agent, team, begin, end, limit)
        found = search.find(store, purpose, reason, filters, run.now())
        waits = waits_line(run, store, run.now()) if run.for_people else []
        short = short_ids(store, found.admission.covers, [each.id for each in found.matches] if run.for_people else [])
    lines = [] if found.matches else [run.say("find.none"), *why_lines(run, found.why)]
    lines += [run.say("find.damaged", id=recording.hex()) for recording in found.damaged]
    lines += [run.say("find.older", count=found.older, most=len(found.matches))] if found.older else []
    cells = {
        "id": lambda match: short[match.id],
        "duration_s": lambda match: shown_length(match.duration_s),
        "expires_at": lambda match: local_date(match.expires_at),
    }
    team = "team" if purpose == "training" else "team agent"  # trainers see no name
    columns = f"id started_at=started duration_s=length {team} expires_at=expires"
    table = run.listing(search.Match, found.matches, columns, team, cells)
    why = [search.Why.of(each) for each in found.why]
    answer = search.Listed(recordings=found.matches, damaged=found.damaged, older=found.older, why=why)
    return Answer(answer, lines + waits, table)


def _teams(run: Run, purpose: str | None, reason: str | None) -> Answer:
    """The teams that this person may see; for quality, with a reason, their agents too."""
    from arlo_rec.vault.access import search
    from arlo_rec.vault.access import teams as of_teams

    is_search = purpose is not None or reason is not None
    with_agents = is_search and purpose != "training"
    with run.store() as store:
        now = run.now()
        seen = search.agents_of_teams(store, purpose, reason, now) if is_search else of_teams.listed(store, now)
        none = "teams.none_held" if of_teams.may_see_some(store, now) else "teams.none"
        ended = [] if seen else [_ended_line(run, grant) for grant in of_teams.ended(store, now)]
    table = run.listing(of_teams.Team, seen, "team held agents" if with_agents else "team held", "agents")
    lines = [] if is_search else [run.say("teams.agents")]
    return Answer(search.Listed(teams=seen), lines if seen else ended or [run.say(none)], table)


def _ended_line(run: Run, grant: Grant) -> str:
    about = {"purpose": grant.purpose, "teams": grant.teams, "until": grant.over_at}
    words = {key: word(run, key, value) for key, value in about.items()}
    return run.say("todo.grant_ended", **words, options=grant.options)


def export(
    ctx: typer.Context,
    recording: Annotated[str, arg("arg.recording", "ID")],
    *,
    out: Annotated[str, opt("opt.out", "--out", "FILE")],
    purpose: Purpose = None,
    reason: Reason = None,
) -> Answer:
    """Write the sound of one recording."""
    from arlo_rec.vault.access import search
    from arlo_rec.vault.access.gate import Intent

    run: Run = ctx.obj
    to_stdout = out == STDIN
    if to_stdout and run.json:
        raise Usage("json_and_stdout")
    if to_stdout and sys.stdout.isatty():
        raise Usage("stdout_is_terminal")
    if Path(out).suffix.casefold() in OTHER_SOUNDS:
        raise Usage("out_is_wav", name=Path(out).with_suffix(".wav").name)
    target = sys.stdout.buffer if to_stdout else run.files.new_file(Path(out))
    with run.store() as store:
        intent = Intent(Action.EXPORT, purpose, reason)
        exported = search.export(store, recording, intent, target, run.now)
    of = {"id": exported.id.hex(), "at": exported.started_at, "team": exported.team}
    lines = [run.say("export.done", out=out, bytes=exported.bytes, **of), run.say("export.delete")]
    return Answer(exported, [] if to_stdout else lines)


def why_lines(run: Run, reasons: Sequence[WhyNothing]) -> list[str]:
    """Why a search may have found nothing, a line for each reason."""
    lines = []
    for why in reasons:
        lines.append(run.say(f"find.why.{why.code}", name=why.name, teams=", ".join(why.granted), at=why.at))
        lines += near_line(run, why.nearest)
    return lines
