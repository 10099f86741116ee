"""The command for support, with a customer on the line: withdraw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.edge.commands.disclosures import must_delete
from arlo_rec.edge.commands.options import DryRun, Yes, arg, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import STDIN, TRIES
from arlo_rec.edge.terminal import Answer, message_of
from arlo_rec.law.model.errors import ArloError, NothingMatched, Usage
from arlo_rec.law.model.times import local_date, shown, shown_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.vault.backends.named_files import NamedFile
    from arlo_rec.vault.erasure.withdrawal import Plan, ShownCall, Withdrawal
    from arlo_rec.vault.opened import Store

PAGES = {".html", ".htm"}
MOST_ASKED = 15  # calls shown before the question, so that number and question stand on one screen


def withdraw(
    ctx: typer.Context,
    caller: Annotated[list[str] | None, arg("arg.caller", "[CALLER|-]")] = None,
    *,
    call: Annotated[str | None, opt("opt.call", "--call", "ID")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    receipt_out: Annotated[Path | None, opt("opt.receipt_out", "--receipt-out", "FILE")] = None,
) -> Answer:
    """Erase everything of a caller, or one call, after showing it."""
    from arlo_rec.vault.erasure import withdrawal

    run: Run = ctx.obj
    target = run.files.new_file(receipt_out) if receipt_out is not None else None
    number = _caller(run, caller, call)
    with run.store(erasing=True) as store:
        plan = withdrawal.plan(store, number, call, run.now(), asked=not yes)
        calls = withdrawal.shown_calls(store, plan) if dry_run or not yes else []
        if dry_run:
            would = _with_spool(run, store, plan, withdrawal.preview(store, plan))
            nothing = "withdraw.would_nothing" if plan.already is None else "withdraw.shows_nothing"
            count = run.say("withdraw.would" if calls else nothing, count=len(calls))
            lines = [*_number(run, plan), count, *_earlier(run, plan), *_rows(calls)]
            return Answer(would, [*lines, *_chores(run, store, would, would=True)])
        if yes or (plan.already is not None and run.can_ask()):  # which leaves nothing to be confirmed
            for line in _number(run, plan):
                run.echo(line)
        else:
            _confirm(run, plan, calls)
        withdrawn = _with_spool(run, store, plan, withdrawal.carry_out(store, plan, run.now()))
        chores = _chores(run, store, withdrawn)
    written, unfinished = _receipt(run, withdrawn, target)
    others = [run.say("withdraw.others", count=plan.others)] if plan.others and yes else []  # else it was shown before
    lying, last = len(withdrawn.spool or ()), withdrawn.spool_until or None
    code = "withdraw.spool" if last is None else "withdraw.spool_until"
    left = [run.say(code, count=lying, until=last)] if lying else []
    lines = [*chores, *written, *unfinished, *others, *left, _aloud(run, plan, withdrawn)]  # read aloud: last
    return Answer(withdrawn, lines, always=True, exit_status=3 if unfinished else 0)


def _caller(run: Run, caller: list[str] | None, call: str | None) -> str | None:
    """The number as typed, in groups or not; None for a named call.

    On a terminal it is asked for, and a mistyped one is asked for again, before the passphrase is. Raises Usage or
    NothingMatched for the last one.
    """
    text = " ".join(caller or ())
    if call is not None or not run.can_ask():
        return run.caller(text) if caller else None
    from arlo_rec.law.model.phone_numbers import one_number

    typed = text if text not in {"", STDIN} else None
    left = TRIES
    while True:
        left -= 1
        number = run.answer_to(run.say("ask.caller")) if typed is None else typed
        try:
            one_number(number)
        except (Usage, NothingMatched) as problem:
            if not left:
                raise
            run.note(message_of(problem, run.lang), always=True)
            typed = None
        else:
            return number


def _chores(run: Run, store: Store, withdrawn: Withdrawal, *, would: bool = False) -> list[str]:
    """The copies to be deleted; for support, with a customer on the line, the number of files alone."""
    from arlo_rec.vault.access import disclosures

    if disclosures.are_shown_to(store.person):
        return must_delete(run, withdrawn.recipients, would=would)
    code = "withdraw.others_would" if would else "withdraw.others_delete"
    return [run.say(code, count=withdrawn.saved)] if withdrawn.saved else []


def _with_spool(run: Run, store: Store, plan: Plan, withdrawn: Withdrawal) -> Withdrawal:
    """The answer with the calls of that number in known spools, which an intake removes."""
    from msgspec.structs import replace

    from arlo_rec.calls.intake import left_in_spool

    if plan.number is None:
        return replace(withdrawn, spool=[], spool_until=None)
    now = run.now()
    calls = left_in_spool.of_callers(store, {plan.number.reveal()}, now).calls
    last = max((call.leaves_at(now, now) for call in calls), default=now)
    return replace(withdrawn, spool=[call.source for call in calls], spool_until=last if last > now else None)


def _aloud(run: Run, plan: Plan, withdrawn: Withdrawal) -> str:
    """The line read to the customer: about all that is held, or about one named call, and what is left elsewhere."""
    from arlo_rec.law.pages import Formats

    as_said = Formats(run.lang)
    left = ""
    if withdrawn.saved:
        left += " " + run.say("withdraw.saved_one" if withdrawn.saved == 1 else "withdraw.saved", count=withdrawn.saved)
    if withdrawn.kept:
        left += " " + run.say("withdraw.kept_one" if withdrawn.kept == 1 else "withdraw.kept", count=withdrawn.kept)
    if withdrawn.backup_until is not None:
        left += " " + run.say("withdraw.backup_left", until=as_said.moment(withdrawn.backup_until))
    if withdrawn.spool:
        count, last = len(withdrawn.spool), withdrawn.spool_until or None
        left += " " + run.say("withdraw.not_taken_in_one" if count == 1 else "withdraw.not_taken_in", count=count)
        if last is None:
            left += " " + run.say("withdraw.gone_next")
        else:
            left += " " + run.say("withdraw.gone_by", until=as_said.moment(last))
    values = {"left": left, "number": withdrawn.number}
    if withdrawn.already is not None:
        return run.say("withdraw.already_aloud", at=as_said.moment(withdrawn.already.at), **values)
    if plan.number is None and plan.calls:
        days = sorted({local_date(call.started_at) for call in plan.calls})
        return run.say("withdraw.done_call", days=", ".join(map(as_said.day, days)), **values)
    nothing = "withdraw.only_kept" if withdrawn.kept else "withdraw.nothing"
    return run.say("withdraw.done" if withdrawn.erased else nothing, **values)


def _confirm(run: Run, plan: Plan, calls: Sequence[ShownCall]) -> None:
    """Show number and calls, and demand the number of calls; raises Usage."""
    count = len(calls)
    summary = run.say("withdraw.shows" if count else "withdraw.shows_nothing", count=count)
    lines = [*_number(run, plan), summary, *_earlier(run, plan), *_rows(calls[:MOST_ASKED])]
    lines += [run.say("withdraw.others", count=plan.others)] if plan.others else []
    if count > MOST_ASKED:
        lines.append(run.say("withdraw.shows_more", count=count - MOST_ASKED))
    lines += [run.say("withdraw.only_one", id=calls[0].id)] if count > 1 and run.can_ask() else []
    question = run.say("withdraw.question" if count else "withdraw.question_nothing", count=count)
    run.confirm("\n".join(lines), question, str(count), yes=False)


def _number(run: Run, plan: Plan) -> list[str]:
    """The number as it was understood, in groups to read aloud; and a hint where no telephone can have it."""
    from arlo_rec.law.model.phone_numbers import in_groups, is_in_use

    if plan.number is None:
        return []
    shown = run.say("withdraw.number", number=in_groups(plan.number))
    return [shown] if plan.calls or is_in_use(plan.number) else [shown, run.say("withdraw.not_in_use")]


def _earlier(run: Run, plan: Plan) -> list[str]:
    """When the consent was withdrawn before, and the number of that receipt."""
    from arlo_rec.law.pages import Formats

    if plan.already is None:
        return []
    at, number = Formats(run.lang).moment(plan.already.at), plan.already.number
    return [run.say("withdraw.already", at=at, number=number)]


def _rows(calls: Sequence[ShownCall]) -> list[str]:
    """Each call in one line: id, time, length, team, agent; hidden columns are left out.

    Laid out by hand, because rich alone would take as long to load as the rest of the command takes.
    """
    from arlo_rec.law.messages import clean

    lengths = ["" if call.duration_s is None else shown_length(call.duration_s) for call in calls]
    cells = [
        (call.id, shown(call.started_at), length, clean(call.team), clean(call.agent or ""))
        for call, length in zip(calls, lengths, strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width] for row in cells)
    return ["  " + "  ".join(line).rstrip() for line in lines]


def _receipt(run: Run, withdrawn: Withdrawal, target: NamedFile | None) -> tuple[list[str], list[str]]:
    """Write the receipt to where it was asked for: the lines about it, and about what the erasure left undone."""
    if withdrawn.receipt is None:
        return [], [run.say("erasure.files_left")]
    if target is None:
        run.echo(run.say("withdraw.in_writing", number=withdrawn.number))
        return [], []
    try:
        target.write([_receipt_as(run, withdrawn.receipt, target.path)])
    except (ArloError, OSError):  # the erasure is done all the same
        return [], [run.say("withdraw.receipt_lies", receipt=withdrawn.receipt)]
    return [run.say("receipt.written", number=withdrawn.number, out=target)], []


def _receipt_as(run: Run, receipt: Path, path: Path) -> bytes:
    """A receipt as a page to read if the path ends so, else as it was signed."""
    from io import BytesIO

    from arlo_rec.edge.commands.anyone import receipt_page
    from arlo_rec.vault.backends.shared_folder import read_small
    from arlo_rec.vault.certificates.check import LONGEST
    from arlo_rec.vault.certificates.verdict import verify

    raw = read_small(receipt, LONGEST)
    return receipt_page(run, verify(BytesIO(raw))) if path.suffix.lower() in PAGES else raw
