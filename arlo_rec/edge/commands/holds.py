"""Commands for holds: calls that are kept beyond their retention, closed to both purposes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.edge.commands.options import Reason, among, arg, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import last_moment
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.errors import Usage

if TYPE_CHECKING:
    pass


def hold_set(
    ctx: typer.Context,
    call: Annotated[str | None, arg("arg.hold_call", "[ID]")] = None,
    *,
    caller: Annotated[str | None, opt("opt.hold_caller", "--caller", "CALLER|-")] = None,
    ground: Annotated[str, opt("opt.hold_ground", "--ground", "GROUND", choices=among("law.rights", "HoldGround"))],
    until: Annotated[str, opt("opt.hold_until", "--until", "DATE")],
    reason: Reason = None,
) -> Answer:
    """Keep a call, or all calls of a number, closed to both purposes until a day."""
    from arlo_rec.office import holds
    from arlo_rec.office.holds import HoldAnswer, HoldShown

    run: Run = ctx.obj
    number, end, now = (
        run.caller(caller) if caller is not None else None,
        last_moment(run, until),
        run.now(),
    )
    if end is None:
        raise Usage("bad_value", name="--until")
    with run.store() as store:
        hold = holds.propose(store, call, number, ground, end, reason, now)
    code = "hold.set" if hold.set_at is not None else "hold.waits"
    line = run.say(code, id=hold.id, count=len(hold.calls), until=hold.until)
    return Answer(HoldAnswer(hold=HoldShown.at_time(hold, now)), [line])


def hold_lift(ctx: typer.Context, hold: Annotated[str, arg("arg.hold", "ID")], *, reason: Reason = None) -> Answer:
    """Lift a hold before its end: retention and withdrawal apply again."""
    from arlo_rec.office import holds
    from arlo_rec.office.holds import HoldAnswer, HoldShown

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        lifted = holds.lift(store, hold, reason, now)
    return Answer(HoldAnswer(hold=HoldShown.at_time(lifted, now)), [run.say("hold.lifted", id=lifted.id)])


def hold_list(ctx: typer.Context) -> Answer:
    """The holds that are set or wait for a second officer, the next to end first."""
    from arlo_rec.office import holds
    from arlo_rec.office.holds import HoldAnswer, HoldShown

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        found = [HoldShown.at_time(hold, now) for hold in holds.listed(store, now)]
    cells = {
        "ground": lambda hold: run.say(f"hold_ground.{hold.ground}"),
        "state": lambda hold: run.say(f"hold_state.{hold.state}"),
        "calls": lambda hold: len(hold.calls),
    }
    table = run.listing(HoldShown, found, "id ground calls until by approved_by state", cells=cells)
    return Answer(HoldAnswer(holds=found), [] if found else [run.say("holds.none")], table)
