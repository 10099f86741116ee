"""What support staff type with a customer on the line: withdraw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.erasures import changed_rows, disclosures_json, must_delete, recordings_json
from arlo_rec.commands.options import DryRun, Yes, arg, opt
from arlo_rec.commands.run import Run, new_file
from arlo_rec.model.errors import ArloError, Integrity
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.erasure.withdrawal import Plan, Withdrawal
    from arlo_rec.store import Store


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

    run: Run = ctx.obj
    if receipt_out is not None:
        new_file(receipt_out)
    number = run.caller(caller) if caller is not None else None
    with run.store(erasing=True) as store:
        plan = withdrawal.plan(store, number, call, run.now())
        if dry_run:
            return _preview(run, store, plan)
        _confirm(run, plan, yes=yes)
        withdrawn = withdrawal.carry_out(store, plan, run.now())
        reached = disclosures.of_recordings(store, [recording.id for recording in withdrawn.recordings])
    unfinished = _unfinished(run, withdrawn, receipt_out)
    receipt = str(withdrawn.receipt) if withdrawn.receipt else None
    count = len(withdrawn.recordings)
    data = {"erased": count, "recordings": recordings_json(withdrawn.recordings), "receipt": receipt}
    data |= {"recipients": disclosures_json(reached), "number": withdrawn.number}
    data["changed"] = [recording.hex() for recording in withdrawn.changed]
    line = run.say("withdraw.done" if count else "withdraw.nothing", count=count, number=withdrawn.number)
    said = _changed(run, withdrawn) or [line]  # that everything is erased is said only where it is
    lines = [*said, *unfinished, *must_delete(run, reached)]
    status = Integrity.exit_status if withdrawn.changed else 3 if unfinished else 0
    return Answer(data, lines, always=True, exit_status=status)


def _changed(run: Run, withdrawn: Withdrawal) -> list[str]:
    """What to say and do where rows were changed, so that a call of this customer may be held all the same."""
    if not withdrawn.changed:
        return []
    begun = run.say("withdraw.unsure", count=len(withdrawn.recordings), number=withdrawn.number)
    return [begun, *changed_rows(run, "withdraw.changed", withdrawn.changed)]


def _preview(run: Run, store: Store, plan: Plan) -> Answer:
    """What would be erased; nothing is."""
    from arlo_rec.access import disclosures

    reached = disclosures.of_recordings(store, [recording.id for recording in plan.recordings])
    data = {"erased": 0, "would_erase": len(plan.recordings), "recordings": recordings_json(plan.recordings)}
    data |= {"receipt": None, "recipients": disclosures_json(reached)}
    data["changed"] = [recording.hex() for recording in plan.changed]
    lines = [*_times(plan), run.say("withdraw.would", count=len(plan.calls)), *must_delete(run, reached)]
    lines += changed_rows(run, "withdraw.changed", plan.changed)
    return Answer(data, lines, exit_status=Integrity.exit_status if plan.changed else 0)


def _confirm(run: Run, plan: Plan, *, yes: bool) -> None:
    """Show the calls, and go on only where somebody typed their number; raises Usage."""
    count = len(plan.calls)
    summary = run.say("withdraw.shows" if count else "withdraw.shows_nothing", count=count)
    run.confirm("\n".join([summary, *_times(plan)]), run.say("withdraw.question", count=count), str(count), yes=yes)


def _times(plan: Plan) -> list[str]:
    """When each call began."""
    from arlo_rec.model.times import shown

    return [f"  {shown(call.started_at)}" for call in plan.calls]


def _unfinished(run: Run, withdrawn: Withdrawal, receipt_out: Path | None) -> list[str]:
    """Copy the receipt to where it was asked for; a line for each thing that the erasure left undone."""
    if withdrawn.receipt is None:
        return [run.say("erasure.files_left")]
    if receipt_out is not None and not _copied(withdrawn.receipt, receipt_out):
        return [run.say("withdraw.receipt_lies", receipt=withdrawn.receipt)]
    return []


def _copied(receipt: Path, out: Path) -> bool:
    """Whether the receipt could be written once more; the erasure is done all the same."""
    from arlo_rec.backends.durable import write_new
    from arlo_rec.backends.shared_folder import read_small
    from arlo_rec.erasure.receipts import LONGEST

    try:
        write_new(out, [read_small(receipt, LONGEST, below=receipt.parents[1])])
    except (ArloError, OSError):
        return False
    return True
