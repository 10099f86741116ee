"""What line managers type: find and export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.options import Before, Limit, Purpose, Reason, Since, arg, opt
from arlo_rec.commands.run import STDIN, Run, new_file
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer, Table

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
    from arlo_rec.access import search as searching
    from arlo_rec.model import times
    from arlo_rec.policy import has_hidden_characters

    run: Run = ctx.obj
    if limit is not None and limit < 1:
        raise Usage("bad_limit")
    if has_hidden_characters((agent or "") + (team or "")):
        raise Usage("search_hidden_characters")
    begin, end = (times.parse_from(since) if since else None), (times.parse_end(before) if before else None)
    with run.store() as store:
        wanted = searching.Search(agent, team, begin, end, limit)
        found = searching.find(store, purpose, reason, wanted, run.now())
    headings = [run.say(f"column.{one}") for one in ("id", "started", "length", "team", "agent", "expires")]
    lines = [] if found else [run.say("find.none")]
    table = Table(headings, [_row(one) for one in found])
    return Answer({"recordings": [_told(one) for one in found]}, lines, table)


def export(
    ctx: typer.Context,
    recording: Annotated[str, arg("arg.recording", "ID")],
    *,
    out: Annotated[str, opt("opt.out", "--out", "FILE")],
    purpose: Purpose = None,
    reason: Reason = None,
) -> Answer:
    """Write the sound of one recording."""
    from arlo_rec.access import search as searching
    from arlo_rec.access.gate import Intent
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    to_stdout = out == STDIN
    if to_stdout and run.json:
        raise Usage("json_and_stdout")
    target = sys.stdout.buffer if to_stdout else new_file(Path(out))
    with run.store() as store:
        intent = Intent(Action.EXPORT, purpose, reason)
        written = searching.export(store, recording, intent, target, run.now)
    if to_stdout:
        return Answer({})
    data = {"id": recording, "out": str(Path(out).absolute()), "bytes": written}
    return Answer(data, [run.say("export.done", out=out, bytes=written)])


def _row(one: Match) -> list[str]:
    from arlo_rec.model.times import shown

    length = _length(one.duration_s)
    return [one.id.hex(), shown(one.started_at), length, one.team, one.agent, shown(one.expires_at)]


def _told(one: Match) -> dict[str, object]:
    from arlo_rec.model.records import to_iso

    return {
        "id": one.id.hex(),
        "started_at": to_iso(one.started_at),
        "duration_s": one.duration_s,
        "team": one.team,
        "agent": one.agent,
        "expires_at": to_iso(one.expires_at),
        "pseudonymised": one.pseudonymised,
    }


def _length(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
