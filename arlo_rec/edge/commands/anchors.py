"""Commands against a rewritten log: checkpoints kept outside, a witness, and the check by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.edge.commands.options import opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Integrity, Usage

if TYPE_CHECKING:
    from arlo_rec.vault.catalogue.log_stretch import Anchors


def audit_checkpoint(
    ctx: typer.Context,
    *,
    append: Annotated[Path | None, opt("opt.append", "--append", "FILE")] = None,
    out: Annotated[Path | None, opt("opt.checkpoint_out", "--out", "FILE")] = None,
) -> Answer:
    """The newest checkpoint, signed; kept wherever that is asked for."""
    from msgspec.structs import replace

    from arlo_rec.machine.witness import newest_checkpoint
    from arlo_rec.vault.keys import jobs
    from arlo_rec.vault.keys.jobs import Job, LastRun

    run: Run = ctx.obj
    target = run.files.new_or_shown(out)
    with run.store(looks=True) as store:
        newest, is_copy = newest_checkpoint(store, run.now()), store.is_copy
    kept: dict[str, Any] = {}
    if append is not None:
        kept["appended"] = run.client.append_note(append, newest.note)
        _tell(run, "audit.appended" if kept["appended"] else "audit.appended_before", path=append)
    if target is not None:
        target.write([newest.note.encode("utf-8")])
        kept["out"] = target.absolute()
        _tell(run, "audit.written", path=target)
    if kept and not is_copy:
        jobs.note(store.layout, Job.ANCHOR, LastRun(run.now()))
    return Answer(replace(newest, **kept), newest.note.rstrip("\n").split("\n"), always=not kept)


def _tell(run: Run, code: str, **values: object) -> None:
    """Say what was done beside the note, which alone stands on stdout; a script reads it in the JSON."""
    if run.for_people:
        run.note(run.say(code, **values))


class AnchorFile(Record, frozen=True):
    """A file of anchors: how many the log was compared with, and their problems."""

    file: Path
    anchors: int
    problems: list[str]


class LogVerified(Record, frozen=True):
    """The log's tree, its problems, and the anchors that it was compared with."""

    size: int
    root: bytes
    problems: list[str]
    anchors: int
    files: list[AnchorFile]


def audit_verify(
    ctx: typer.Context,
    *,
    anchor: Annotated[list[Path] | None, opt("opt.anchor", "--anchor", "FILE")] = None,
    witness: Annotated[list[str] | None, opt("opt.witness", "--witness", "VKEY")] = None,
) -> Answer:
    """Check the log's signatures and its tree, against checkpoints that were kept outside too."""
    from arlo_rec.machine.witness import parse_vkeys, unwitnessed, verified

    run: Run = ctx.obj
    if witness and not anchor:
        raise Usage("witness_of_what")
    read, witnesses = [_anchors(run, path) for path in anchor or ()], parse_vkeys(witness or ())
    with run.store(looks=True) as store:
        problems, tree = verified(store, read, run.now(), run.progress)
    lines = [run.say(f"problem.{code}", what="log") for code in problems]
    files = list[AnchorFile]()
    for path, each in zip(anchor or (), read, strict=True):
        files.append(AnchorFile(path, len(each.compared), each.problems + unwitnessed(each.compared, witnesses)))
        what = f"log ({path})" if len(read) > 1 else "log"
        lines += [run.say(f"problem.{code}", what=what) for code in files[-1].problems]
    problems = problems + [code for file in files for code in file.problems]
    compared = sum(file.anchors for file in files)
    lines = lines or [run.say("audit.good", size=tree.size, root=tree.root().hex())]
    lines += [run.say("audit.compared", count=compared, files=len(files))] if files else []
    answer = LogVerified(tree.size, tree.root(), problems, compared, files)
    return Answer(answer, lines, always=bool(problems), error=error_of(len(problems)))


def _anchors(run: Run, path: Path) -> Anchors:
    """The anchors in a file, with a problem if it cannot be read to its end; raises Usage."""
    from arlo_rec.vault.catalogue.log_stretch import Anchors
    from arlo_rec.vault.offsite import anchor_file

    notes, is_whole = anchor_file.parse(run.files.read(path, anchor_file.FILE_BYTES))
    return Anchors(notes, [] if is_whole else ["anchor_unreadable"])


def audit_witness(
    ctx: typer.Context,
    *,
    witness_key: Annotated[Path, opt("opt.witness_key", "--witness-key", "FILE")],
    new: Annotated[str | None, opt("opt.new_witness", "--new", "NAME")] = None,
) -> Answer:
    """Cosign the newest checkpoint with IT's own key, where it goes on from the one before."""
    from arlo_rec.machine import witness

    run: Run = ctx.obj
    if new is not None:
        from arlo_rec.vault.offsite import witness_key as keys

        run.files.server_folder(witness_key, "--new")
        made = keys.make(run.files.new_file(witness_key).path, new)
        newly = witness.Witnessed(made.name, made.vkey, note=None, first=True, problems=[])
        return Answer(newly, [run.say("audit.witness_made", vkey=made.vkey)], always=True)
    with run.store(looks=True) as store:
        seen = witness.run(store, lambda: run.client.witness(witness_key), run.now(), run.progress)
    lines = [run.say(f"problem.{code}", what="log") for code in seen.problems]
    lines = lines or (seen.note or "").rstrip("\n").split("\n")
    return Answer(seen, lines, always=True, error=error_of(len(seen.problems)))


def error_of(problems: int) -> Integrity | None:
    """The error of a check with *problems*; None without one."""
    return Integrity("problems_found", count=problems) if problems else None
