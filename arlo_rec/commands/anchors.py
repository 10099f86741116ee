"""What IT types to keep the log from being rewritten: checkpoints that go outside, a witness, and the check by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import opt
from arlo_rec.commands.paths import nameable, new_file
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.oversight.witness import Witnessed


def audit_checkpoint(
    ctx: typer.Context,
    *,
    append: Annotated[Path | None, opt("opt.append", "--append", "FILE")] = None,
    syslog: Annotated[str | None, opt("opt.syslog", "--syslog", "ADDRESS")] = None,
) -> Answer:
    """The newest checkpoint, signed; kept and sent wherever that is asked for."""
    from arlo_rec.offsite import anchor_file
    from arlo_rec.offsite.syslog import parse, send
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    address = parse(syslog) if syslog is not None else None
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, run.now())
        checkpoint, note = store.log.newest()
        vkey = store.log.vkey()
    data: dict[str, Any] = {"size": checkpoint.size, "root": checkpoint.root.hex(), "note": note, "vkey": vkey}
    if append is not None:
        data["appended"] = anchor_file.append(nameable(append), note)
        run.note(run.say("audit.appended" if data["appended"] else "audit.appended_before", path=append))
    if address is not None:
        send(address, note, run.now())
        data["syslog"] = syslog
        run.note(run.say("audit.sent", address=syslog))
    return Answer(data, note.rstrip("\n").split("\n"), always=append is None and address is None)


def audit_verify(
    ctx: typer.Context,
    *,
    anchor: Annotated[list[Path] | None, opt("opt.anchor", "--anchor", "FILE")] = None,
    witness: Annotated[list[str] | None, opt("opt.witness", "--witness", "VKEY")] = None,
) -> Answer:
    """Check the log's signatures and its tree, against checkpoints that were kept outside too."""
    from arlo_rec.catalogue.audit_check import check
    from arlo_rec.oversight.witness import unwitnessed
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    anchors, unread = _notes_of(anchor or ())
    if witness and not anchor:
        raise Usage("witness_of_what")
    alone = unread + unwitnessed(anchors, witness or ())
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, run.now())
        problems = alone + check(store.log, store.signers(), anchors, signatures=True, observer=run.progress)
        tree = store.log.tree()
    data = {"size": tree.size, "root": tree.root().hex(), "problems": problems}
    lines = [run.say(f"problem.{code}", what="log") for code in problems]
    lines = lines or [run.say("audit.good", size=tree.size, root=tree.root().hex())]
    return Answer(data, lines, always=bool(problems), error=error_of(len(problems)))


def audit_witness(
    ctx: typer.Context,
    *,
    witness_key: Annotated[Path, opt("opt.witness_key", "--witness-key", "FILE")],
    new: Annotated[str | None, opt("opt.new_witness", "--new", "NAME")] = None,
) -> Answer:
    """Cosign the newest checkpoint with IT's own key, where it goes on from the one before."""
    from arlo_rec.oversight import witness

    run: Run = ctx.obj
    if new is not None:
        made = witness.make(new_file(witness_key), new)
        data = _witness_json(witness.Witnessed(made, None, [], is_first=True))
        return Answer(data, [run.say("audit.witness_made", vkey=made.vkey)], always=True)
    with run.store() as store:
        seen = witness.run(store, witness_key, run.now(), run.progress)
    lines = [run.say(f"problem.{code}", what="log") for code in seen.problems]
    lines = lines or (seen.note or "").rstrip("\n").split("\n")
    return Answer(_witness_json(seen), lines, always=True, error=error_of(len(seen.problems)))


def _witness_json(seen: Witnessed) -> dict[str, Any]:
    about = {"name": seen.witness.name, "vkey": seen.witness.vkey, "note": seen.note, "first": seen.is_first}
    return {**about, "problems": seen.problems}


def error_of(problems: int) -> Integrity | None:
    """How a check ends that found *problems*."""
    return Integrity("problems_found", count=problems) if problems else None


def _notes_of(paths: list[Path] | tuple[()]) -> tuple[list[str], list[str]]:
    """The notes of files of anchors, and a problem for each file that cannot be read to its end."""
    from arlo_rec.offsite import anchor_file

    notes, problems = list[str](), list[str]()
    for path in paths:
        some, is_whole = anchor_file.notes_in(anchor_file.read(path))
        notes += some
        problems += [] if is_whole else ["anchor_unreadable"]
    return notes, problems
