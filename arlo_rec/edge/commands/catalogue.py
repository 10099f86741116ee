"""The command that moves the catalogue of a store to another place."""

from __future__ import annotations

from typing import Annotated

import typer

from arlo_rec.edge.commands.options import opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.terminal import Answer


def catalogue_move(ctx: typer.Context, *, to: Annotated[str, opt("opt.move_catalogue_to", "--to", "PLACE")]) -> Answer:
    """Move the catalogue to a database or back, and compare each row, while nobody else has the store open."""
    from arlo_rec.machine import catalogue_move

    run: Run = ctx.obj
    place = run.place()
    identity, rows = run.identity(place), 0
    with run.opened(place, identity) as store:
        is_elsewhere = catalogue_move.begin(store, to, run.now())
    if is_elsewhere:
        with run.opened(place, identity, alone=True) as store:
            rows = catalogue_move.carry_out(store, to, run.now(), run.progress)
    with run.opened(place, identity) as store:
        moved = catalogue_move.finish(store, rows, run.now())
    where = "catalogue.own_file" if moved.to == "files" else "catalogue.in_database"
    lines = [run.say("catalogue.moved", where=run.say(where), moved=moved.moved)]
    if moved.left:
        lines.append(run.say("catalogue.left"))
    return Answer(moved, lines, exit_status=3 if moved.left else 0)
