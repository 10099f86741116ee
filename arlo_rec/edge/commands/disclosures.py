"""Answers about copies that left the store: recipients, and deletions due after an erasure."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.edge.commands.options import arg, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.terminal import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.vault.access.disclosures import Disclosure

SHOWN_DIGITS = 16  # of a checksum; the JSON has all 64


def recipients_list(
    ctx: typer.Context,
    *,
    every: Annotated[bool, opt("opt.all", "--all")] = False,
) -> Answer:
    """List the recipients of copies; where packages are among them, with the beginning of the checksum of each file."""
    from arlo_rec.vault.access.disclosures import Disclosure, Recipients, listed

    run: Run = ctx.obj
    with run.store() as store:
        disclosures = listed(store, run.now(), every=every)
    cells = {
        "kind": lambda disclosure: run.say(f"recipients.kind.{disclosure.kind}", case=disclosure.case or ""),
        "state": lambda disclosure: run.say(f"recipients.state.{disclosure.state}"),
        "file": lambda disclosure: PurePath(disclosure.file or "").name,  # JSON and `todo` have the path
        "sha256": lambda disclosure: (disclosure.sha256 or "")[:SHOWN_DIGITS],
    }
    columns = "id kind person=name file at recordings erased state"
    columns += " sha256" if any(disclosure.sha256 for disclosure in disclosures) else ""
    table = run.listing(Disclosure, disclosures, columns, "kind person file", cells)
    lines = [] if disclosures else [run.say("recipients.none")]
    return Answer(Recipients(disclosures), lines, table._replace(rows=table.rows[::-1]))  # the newest first


def recipients_confirm(ctx: typer.Context, ids: Annotated[list[str], arg("arg.recipients", "ID…")]) -> Answer:
    """Note that copies were deleted."""
    from arlo_rec.vault.access.disclosures import Confirmed, confirm

    run: Run = ctx.obj
    with run.store() as store:
        confirmed = confirm(store, ids, run.files.lies_here, run.now())
    return Answer(Confirmed(confirmed), [run.say("recipients.confirmed", count=len(confirmed))])


def must_delete(run: Run, disclosures: Sequence[Disclosure], *, would: bool = False) -> list[str]:
    """A line for each copy to be deleted, and for each backup that will forget; or *would*."""
    lines = []
    for disclosure in disclosures:
        if disclosure.state != "confirmed":
            values = {"id": disclosure.id, "person": disclosure.person or "", "at": disclosure.at}
            values |= {"case": disclosure.case or "", "sha256": (disclosure.sha256 or "")[:SHOWN_DIGITS]}
            unfinished = "_unfinished" if disclosure.kind == "package" and disclosure.sha256 is None else ""
            verb = "would_delete" if would else "delete"
            lines.append(run.say(f"recipients.{verb}.{disclosure.kind}{unfinished}", **values))
    return lines
