"""What the security officer types about access requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.options import SometimesReason, arg, opt
from arlo_rec.commands.run import STDIN, Run, new_file
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.dsar.request import AnswerFile


def dsar(
    ctx: typer.Context,
    caller: Annotated[str, arg("arg.caller", "CALLER|-")],
    *,
    out: Annotated[Path, opt("opt.dsar_out", "--out", "FILE")],
    identity: Annotated[str | None, opt("opt.identity", "--identity")] = None,
    received: Annotated[str | None, opt("opt.received", "--received", "DATE")] = None,
    own_speech: Annotated[bool, opt("opt.own_speech", "--own-speech")] = False,
    pdf: Annotated[bool, opt("opt.pdf", "--pdf")] = False,
    whole_call: Annotated[bool, opt("opt.whole_call", "--whole-call")] = False,
    reason: SometimesReason = None,
) -> Answer:
    """Answer an access request: open or continue its case, and write the package."""
    from arlo_rec.dsar import request as requests
    from arlo_rec.model.times import parse_from

    run: Run = ctx.obj
    if own_speech and whole_call:
        raise Usage("own_or_whole")
    if str(out) == STDIN:
        raise Usage("out_is_no_file")
    new_file(out)
    request = requests.Request(
        caller=run.caller(caller),
        out=out,
        identity=identity,
        received_at=parse_from(received) if received else None,
        whole_call=whole_call,
        reason=reason,
        lang=run.lang,
        pdf=pdf,
        particulars=run.particulars(),
    )
    with run.store() as store:
        package = requests.answer(store, request, run.now)
    return _package_answer(run, package)


def _package_answer(run: Run, package: AnswerFile) -> Answer:
    """Where the package lies, the day by which it must be sent, and the passphrase, which is shown only now."""
    case, due = package.case, package.case.due_on.isoformat()
    data = {"case": {"id": case.id, "due": due, "state": case.state}, "recordings": package.recordings}
    data |= {"out": str(package.out), "sha256": package.sha256, "passphrase": package.passphrase}
    values = {"case": case.id, "due": due, "count": package.recordings, "out": package.out}
    return Answer(data, [run.say("dsar.done", **values, passphrase=package.passphrase)], always=True)
