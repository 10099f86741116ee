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
        {
            "kind": task.kind,
            "id": task.id,
            "since": to_iso(task.since),
            "until": to_iso(task.until) if task.until is not None else None,
            "text": text,
        }
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
    about = {"short": task.id, **{key: _word(run, key, value) for key, value in task.about.items()}, "id": task.id}
    code = task.kind
    if task.kind == "delete":
        code = "delete_own" if about["name"] == name else "delete_other"
        about["what"] = about["file"] or run.say(f"todo.file.{about['kind']}")
    if task.kind == "case" and about["erased"] is not None:
        code = "case_erases"
    return run.say(f"todo.{code}", **about)


def _word(run: Run, key: str, value: object) -> object:
    """A fact of a task as people read it."""
    from arlo_rec.commands.grant_terms import limit_words
    from arlo_rec.model.records import Limits
    from arlo_rec.model.times import shown, shown_end, shown_minute

    match key, value:
        case "purpose", _:
            return run.say(f"purpose.{value}")
        case "teams", None:
            return run.say("all_teams")
        case "teams", list():
            return ", ".join(value)
        case "limits", Limits():
            return "".join(f", {words}" for words in limit_words(run, value))
        case "until", datetime():
            return shown_end(value)
        case "erased", datetime():
            return shown(value)
        case "started", datetime():
            return shown_minute(value)
        case "started", None:
            return "?"
        case "of_call", _:
            return "" if value == 1 else run.say("todo.several", count=value)
    return value
