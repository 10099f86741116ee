"""What a front starts at the machine of the store: the other end of the door."""

from __future__ import annotations

from typing import Annotated

import typer

from arlo_rec.commands.options import opt
from arlo_rec.commands.run import Run
from arlo_rec.door.client import Serving
from arlo_rec.ui.terminal import Answer


def serve(
    ctx: typer.Context, *, person: Annotated[str | None, opt("opt.serve_person", "--person", "NAME")] = None
) -> Answer:
    """Do what a person orders, as the account that owns the store."""
    run: Run = ctx.obj
    raise Serving(person, run.settings.store, run.config)
