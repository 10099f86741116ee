"""The command that moves the objects of a store to another place."""

from __future__ import annotations

from typing import Annotated

import typer

from arlo_rec.edge.commands.options import opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.terminal import Answer


def objects_move(ctx: typer.Context, *, to: Annotated[str, opt("opt.move_to", "--to", "PLACE")]) -> Answer:
    """Move the sealed objects to a service or back, and compare each of them, while others work."""
    from arlo_rec.machine import object_move
    from arlo_rec.vault.backends.holders import holder_note

    run: Run = ctx.obj
    place = run.place()
    identity = run.identity(place)
    with run.opened(place, identity) as store:
        new = object_move.begin(store, to, run.now())
    if new is not None:
        object_move.name_both(new, run.settings.lock_wait, holder_note(identity.name, run.command, run.now()))
    with run.opened(place, identity) as store:
        moved = object_move.carry_out(store, run.now(), run.progress)
    where = run.say("objects.own_folder") if moved.to == "files" else run.say("objects.elsewhere", place=moved.to)
    lines = [run.say("objects.moved", where=where, moved=moved.moved)]
    if moved.left:
        lines.append(run.say("objects.left", count=len(moved.left)))
    return Answer(moved, lines, exit_status=3 if moved.left else 0)
