"""What anybody types who comes back: what waits for them; and the line with which other commands tell of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import typer

from arlo_rec.commands.run import Run
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.oversight.todo import Task
    from arlo_rec.store import Store


def todo(ctx: typer.Context) -> Answer:
    """What waits for this person, each with the command that does it."""
    from arlo_rec.model.records import to_iso
    from arlo_rec.model.times import shown_minute
    from arlo_rec.oversight.todo import tasks

    run: Run = ctx.obj
    with run.store() as store:
        waiting = tasks(store, run.now())
    texts = [_text(run, task, store.person.name) for task in waiting]
    data = [
        {"kind": task.kind, "id": task.id, "since": to_iso(task.since), "text": text}
        for task, text in zip(waiting, texts, strict=True)
    ]
    lines = [f"{shown_minute(task.since)}  {text}" for task, text in zip(waiting, texts, strict=True)]
    return Answer({"todo": data}, lines or [run.say("todo.nothing")], always=True)


def waits_line(run: Run, store: Store) -> list[str]:
    """One line where something waits for whoever has the store open."""
    from arlo_rec.oversight.todo import tasks

    count = len(tasks(store, run.now()))
    code = "todo.one_waits" if count == 1 else "todo.waits"
    return [run.say(code, count=count)] if count else []


def _text(run: Run, task: Task, name: str) -> str:
    """What waits and the command for it; a file of somebody else is named with its holder."""
    from arlo_rec.model.times import shown_end, shown_minute

    about = {"short": task.id, **task.about, "id": task.id}
    code, purpose, until = task.kind, about.get("purpose"), about.get("until")
    if purpose is not None:
        about["purpose"] = run.say(f"purpose.{purpose}")
    if "teams" in about:
        teams = about["teams"]
        about["teams"] = ", ".join(teams) if isinstance(teams, list) else run.say("all_teams")
    if isinstance(until, datetime):
        about["until"] = shown_end(until)
    if "started" in about:
        started, several = about["started"], about["of_call"]
        about["started"] = shown_minute(started) if isinstance(started, datetime) else "?"
        about["several"] = "" if several == 1 else run.say("todo.several", count=several)
    if task.kind == "delete":
        code = "delete_own" if about["name"] == name else "delete_other"
        about["what"] = about["file"] or run.say(f"todo.file.{about['kind']}")
    return run.say(f"todo.{code}", **about)
