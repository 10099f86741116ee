"""What officers and managers type about copies that left: who has one, and that it was deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import arg, opt
from arlo_rec.commands.run import Run
from arlo_rec.ui.terminal import Answer, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.access.disclosures import Disclosure


def recipients_list(
    ctx: typer.Context,
    *,
    every: Annotated[bool, opt("opt.all", "--all")] = False,
) -> Answer:
    """Everybody who was given a copy."""
    from arlo_rec.access.disclosures import listed

    run: Run = ctx.obj
    with run.store() as store:
        found = listed(store, run.now(), every=every)
    return Answer({"recipients": [told_recipient(one) for one in found]}, [], _table(run, found))


def recipients_confirm(ctx: typer.Context, ids: Annotated[list[str], arg("arg.recipients", "ID…")]) -> Answer:
    """Note that copies were deleted."""
    from arlo_rec.access.disclosures import confirm

    run: Run = ctx.obj
    with run.store() as store:
        found = confirm(store, ids, run.now())
    data = {"confirmed": [told_recipient(one) for one in found]}
    return Answer(data, [run.say("recipients.confirmed", count=len(found))])


def told_recipient(one: Disclosure) -> dict[str, Any]:
    """A recipient as JSON."""
    from arlo_rec.model.records import to_iso

    told: dict[str, Any] = {"id": one.id, "kind": one.kind, "person": one.person, "at": to_iso(one.at)}
    return told | {"recordings": one.recordings, "erased": one.erased, "state": one.state}


def must_delete(run: Run, found: Sequence[Disclosure]) -> list[str]:
    """One line for each copy that somebody must delete, and for each backup that will forget."""
    from arlo_rec.model.times import shown

    told = (one for one in found if one.state != "confirmed")
    return [
        run.say(f"recipients.delete.{one.kind}", id=one.id, person=one.person or "", at=shown(one.at)) for one in told
    ]


def _table(run: Run, found: Sequence[Disclosure]) -> Table:
    from arlo_rec.model.times import shown

    headings = [run.say(f"column.{one}") for one in ("id", "kind", "name", "time", "recordings", "erased", "state")]
    rows = [
        [
            one.id,
            run.say(f"recipients.kind.{one.kind}"),
            one.person or "",
            shown(one.at),
            str(one.recordings),
            str(one.erased),
            run.say(f"recipients.state.{one.state}"),
        ]
        for one in found
    ]
    return Table(headings, rows)
