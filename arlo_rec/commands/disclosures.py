"""What officers and managers type about copies that were handed out: who has one, and that it was deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.erasures import SHOWN_DIGITS, disclosures_json
from arlo_rec.commands.options import arg, opt
from arlo_rec.commands.run import Run
from arlo_rec.ui.tables import Table
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.access.disclosures import Disclosure

FIELDS = ("id", "kind", "person", "at", "recordings", "erased", "state", "case", "sha256", "file")
COLUMNS = ("id", "kind", "name", "file", "at", "recordings", "erased", "state")


def recipients_list(
    ctx: typer.Context,
    *,
    every: Annotated[bool, opt("opt.all", "--all")] = False,
) -> Answer:
    """Everybody who was given a copy."""
    from arlo_rec.access.disclosures import listed

    run: Run = ctx.obj
    with run.store() as store:
        disclosures = listed(store, run.now(), every=every)
    lines = [] if disclosures else [run.say("recipients.none")]
    return Answer({"recipients": disclosures_json(disclosures)}, lines, _table(run, disclosures))


def recipients_confirm(ctx: typer.Context, ids: Annotated[list[str], arg("arg.recipients", "ID…")]) -> Answer:
    """Note that copies were deleted."""
    from arlo_rec.access.disclosures import confirm

    run: Run = ctx.obj
    with run.store() as store:
        confirmed = confirm(store, ids, run.now())
    data = {"confirmed": disclosures_json(confirmed)}
    return Answer(data, [run.say("recipients.confirmed", count=len(confirmed))])


def _table(run: Run, disclosures: Sequence[Disclosure]) -> Table:
    """The disclosures; where packages are among them, with the beginning of the checksum of each file."""
    from arlo_rec.model.times import shown_minute

    has_files = any(disclosure.sha256 for disclosure in disclosures)
    rows = [
        [
            disclosure.id,
            run.say(f"recipients.kind.{disclosure.kind}", case=disclosure.case or ""),
            disclosure.person or "",
            disclosure.file or "",
            shown_minute(disclosure.at),
            str(disclosure.recordings),
            str(disclosure.erased),
            run.say(f"recipients.state.{disclosure.state}"),
            *([(disclosure.sha256 or "")[:SHOWN_DIGITS]] if has_files else []),
        ]
        for disclosure in disclosures
    ]
    columns = (*COLUMNS, "sha256") if has_files else COLUMNS
    listed = (disclosures_json(disclosures), FIELDS)
    return run.table(columns, rows[::-1], ("kind", "name", "file"), listed)
