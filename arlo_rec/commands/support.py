"""What support staff type with a customer on the line: withdraw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arlo_rec.commands.copies import must_delete, told_recipient
from arlo_rec.commands.options import DryRun, Yes, arg, opt
from arlo_rec.commands.run import Run, new_file
from arlo_rec.model.errors import ArloError
from arlo_rec.ui.terminal import Answer


def withdraw(
    ctx: typer.Context,
    caller: Annotated[str | None, arg("arg.caller", "[CALLER|-]")] = None,
    *,
    call: Annotated[str | None, opt("opt.call", "--call", "ID")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    receipt_out: Annotated[Path | None, opt("opt.receipt_out", "--receipt-out", "FILE")] = None,
) -> Answer:
    """Erase everything of a caller, or one call, after showing it."""
    from arlo_rec.access import disclosures
    from arlo_rec.erasure import withdrawal
    from arlo_rec.model.records import to_iso
    from arlo_rec.model.times import shown

    run: Run = ctx.obj
    if receipt_out is not None:
        new_file(receipt_out)
    number = run.caller(caller) if caller is not None else None
    with run.store(erasing=True) as store:
        planned = withdrawal.plan(store, number, call, run.now())
        told = [{"id": one.id.hex(), "started_at": to_iso(one.started_at)} for one in planned.recordings]
        times = [f"  {shown(one.started_at)}" for one in planned.calls]
        count = len(planned.calls)
        if dry_run:
            reached = disclosures.of_recordings(store, [one.id for one in planned.recordings])
            data = {"erased": 0, "would_erase": len(told), "recordings": told, "receipt": None}
            data["recipients"] = [told_recipient(one) for one in reached]
            return Answer(data, [*times, run.say("withdraw.would", count=count), *must_delete(run, reached)])
        shows = run.say("withdraw.shows" if count else "withdraw.shows_nothing", count=count)
        run.confirm("\n".join([shows, *times]), run.say("withdraw.question", count=count), str(count), yes=yes)
        done = withdrawal.carry_out(store, planned, run.now())
        reached = disclosures.of_recordings(store, [one.id for one in done.recordings])
    told = [{"id": one.id.hex(), "started_at": to_iso(one.started_at)} for one in done.recordings]
    receipt = str(done.receipt) if done.receipt else None
    data = {"erased": len(told), "recordings": told, "receipt": receipt}
    data["recipients"] = [told_recipient(one) for one in reached]
    data["number"] = done.number
    code = "withdraw.done" if told else "withdraw.nothing"
    lines, left = [run.say(code, count=len(told), number=done.number)], []
    if done.receipt is None:
        left.append(run.say("erasure.files_left"))
    elif receipt_out is not None and not _copied(done.receipt, receipt_out):
        left.append(run.say("withdraw.receipt_lies", receipt=done.receipt))
    return Answer(data, [*lines, *left, *must_delete(run, reached)], always=True, exit_status=3 if left else 0)


def _copied(receipt: Path, out: Path) -> bool:
    """Whether the receipt could be written once more; the erasure is done all the same."""
    from arlo_rec.backends.durable import write_new

    try:
        write_new(out, [receipt.read_bytes()])
    except ArloError:
        return False
    return True
