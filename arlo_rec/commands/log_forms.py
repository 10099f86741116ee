"""What IT and auditors type to hand the log to programs of others: static files, and a proof of one entry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from arlo_rec.commands.options import arg, opt
from arlo_rec.commands.paths import file_or_shown, nameable, new_file
from arlo_rec.commands.run import Run
from arlo_rec.ui.terminal import Answer


def audit_tiles(ctx: typer.Context, folder: Annotated[Path, arg("arg.log_folder", "DIR")]) -> Answer:
    """Write the log as static files that foreign clients read."""
    from arlo_rec.oversight.log_folder import publish
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    nameable(folder)
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, run.now())
        done = publish(store.log, folder, run.progress)
        vkey = store.log.vkey()
    size, root = done.checkpoint.size, done.checkpoint.root.hex()
    data = {"dir": str(folder.absolute()), "size": size, "root": root, "vkey": vkey}
    lines = [run.say("audit.published", dir=folder, size=size, files=done.written)]
    if done.minimum_index:
        lines.append(run.say("audit.pruned", entry=done.minimum_index))
    return Answer({**data, "written": done.written, "minimum_index": done.minimum_index}, lines)


def audit_prove(
    ctx: typer.Context,
    entry: Annotated[int, arg("arg.entry", "ENTRY")],
    *,
    out: Annotated[Path | None, opt("opt.proof_out", "--out", "FILE")] = None,
) -> Answer:
    """A proof that one entry is in the log, for whoever has the log's verifier key."""
    from arlo_rec.backends.durable import write_new
    from arlo_rec.oversight.log_folder import prove
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    out = file_or_shown(out, as_json=run.json)
    if out is not None:
        new_file(out)
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, run.now())
        proof = prove(store.log, entry)
        vkey = store.log.vkey()
    commitment = proof.commitment.hex() if proof.commitment is not None else None
    data: dict[str, Any] = {"entry": entry, "size": proof.checkpoint.size, "root": proof.checkpoint.root.hex()}
    data |= {"leaf": proof.leaf.hex(), "commitment": commitment, "vkey": vkey}
    told = "audit.commitment" if commitment is not None else "audit.commitment_gone"
    told = run.say(told, entry=entry, commitment=commitment)
    if out is not None:
        write_new(out, [proof.text.encode("utf-8")])
        line = run.say("audit.proved", entry=entry, size=proof.checkpoint.size, out=out)
        return Answer({**data, "out": str(out.absolute())}, [line, told])
    if run.for_people:
        run.note(told)  # beside the proof, which alone stands on stdout
    return Answer({**data, "proof": proof.text}, proof.text.rstrip("\n").split("\n"), always=True)
