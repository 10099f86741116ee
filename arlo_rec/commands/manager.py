"""What line managers type: find and export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.options import Before, Limit, Purpose, Reason, Since, arg, opt
from arlo_rec.commands.run import STDIN, Run, new_file
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.access.search import Match


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
) -> Answer:
    """The recordings that this person may open for a purpose."""
    from arlo_rec.access import search
    from arlo_rec.model import times
    from arlo_rec.policy import has_hidden_characters

    run: Run = ctx.obj
    if limit is not None and limit < 1:
        raise Usage("bad_limit")
    if has_hidden_characters((agent or "") + (team or "")):
        raise Usage("search_hidden_characters")
    begin, end = (times.parse_from(since) if since else None), (times.parse_end(before) if before else None)
    with run.store() as store:
        filters = search.Search(agent, team, begin, end, limit)
        found = search.find(store, purpose, reason, filters, run.now())
    matches, damaged = found.matches, [recording.hex() for recording in found.damaged]
    lines = [] if matches else [run.say("find.none")]
    lines += [run.say("find.damaged", id=recording) for recording in damaged]
    table = run.table(("id", "started", "length", "team", "agent", "expires"), [_row(match) for match in matches])
    return Answer({"recordings": [_match_json(match) for match in matches], "damaged": damaged}, lines, table)


def export(
    ctx: typer.Context,
    recording: Annotated[str, arg("arg.recording", "ID")],
    *,
    out: Annotated[str, opt("opt.out", "--out", "FILE")],
    purpose: Purpose = None,
    reason: Reason = None,
) -> Answer:
    """Write the sound of one recording."""
    from arlo_rec.access import search
    from arlo_rec.access.gate import Intent
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    to_stdout = out == STDIN
    if to_stdout and run.json:
        raise Usage("json_and_stdout")
    target = sys.stdout.buffer if to_stdout else new_file(Path(out))
    with run.store() as store:
        intent = Intent(Action.EXPORT, purpose, reason)
        size = search.export(store, recording, intent, target, run.now)
    if to_stdout:
        return Answer({})
    data = {"id": recording, "out": str(Path(out).absolute()), "bytes": size}
    return Answer(data, [run.say("export.done", out=out, bytes=size)])


def _row(match: Match) -> list[str]:
    from arlo_rec.model.times import shown, shown_length

    length = shown_length(match.duration_s)
    return [match.id.hex(), shown(match.started_at), length, match.team, match.agent, shown(match.expires_at)]


def _match_json(match: Match) -> dict[str, object]:
    from arlo_rec.model.records import to_iso

    return {
        "id": match.id.hex(),
        "started_at": to_iso(match.started_at),
        "duration_s": match.duration_s,
        "team": match.team,
        "agent": match.agent,
        "expires_at": to_iso(match.expires_at),
        "pseudonymised": match.pseudonymised,
    }
