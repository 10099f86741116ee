"""Commands against a rewritten log: checkpoints kept outside, a witness, and the check by them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from arlo_rec.commands.options import opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.backends.named_files import NamedFile
    from arlo_rec.catalogue.log_stretch import Anchors
    from arlo_rec.oversight.witness import Witnessed


def audit_checkpoint(
    ctx: typer.Context,
    *,
    append: Annotated[Path | None, opt("opt.append", "--append", "FILE")] = None,
    out: Annotated[Path | None, opt("opt.checkpoint_out", "--out", "FILE")] = None,
) -> Answer:
    """The newest checkpoint, signed; kept wherever that is asked for."""
    from arlo_rec.oversight.witness import newest_checkpoint

    run: Run = ctx.obj
    target = run.files.new_or_shown(out)
    with run.store() as store:
        checkpoint, note, vkey = newest_checkpoint(store, run.now())
    data: dict[str, Any] = {"size": checkpoint.size, "root": checkpoint.root.hex(), "note": note, "vkey": vkey}
    if append is not None:
        data["appended"] = _append(run, append, note)
    if target is not None:
        data["out"] = _write(run, target, note)
    return Answer(data, note.rstrip("\n").split("\n"), always=not {"appended", "out"} & data.keys())


def _append(run: Run, path: Path, note: str) -> bool:
    is_new = run.client.append_note(path, note)
    _tell(run, "audit.appended" if is_new else "audit.appended_before", path=path)
    return is_new


def _write(run: Run, target: NamedFile, note: str) -> str:
    target.write([note.encode("utf-8")])
    _tell(run, "audit.written", path=target)
    return target.absolute()


def _tell(run: Run, code: str, **values: object) -> None:
    """Say what was done beside the note, which alone stands on stdout; a script reads it in the JSON."""
    if run.for_people:
        run.note(run.say(code, **values))


def audit_verify(
    ctx: typer.Context,
    *,
    anchor: Annotated[list[Path] | None, opt("opt.anchor", "--anchor", "FILE")] = None,
    witness: Annotated[list[str] | None, opt("opt.witness", "--witness", "VKEY")] = None,
) -> Answer:
    """Check the log's signatures and its tree, against checkpoints that were kept outside too."""
    from arlo_rec.oversight.witness import parse_vkeys, unwitnessed, verified

    run: Run = ctx.obj
    if witness and not anchor:
        raise Usage("witness_of_what")
    files, witnesses = _read(run, anchor or ()), parse_vkeys(witness or ())
    with run.store() as store:
        anchors = [file.anchors for file in files]
        of_log, tree = verified(store, anchors, run.now(), run.progress)
    for each in anchors:
        each.problems += unwitnessed(each.compared, witnesses)
    problems = of_log + [code for each in anchors for code in each.problems]
    data: dict[str, Any] = {"size": tree.size, "root": tree.root().hex(), "problems": problems}
    data |= {"anchors": sum(len(each.compared) for each in anchors), "files": [_file_json(each) for each in files]}
    lines = [run.say(f"problem.{code}", what="log") for code in of_log]
    lines += [line for each in files for line in _problem_lines(run, each, of_several=len(files) > 1)]
    lines = lines or [run.say("audit.good", size=tree.size, root=tree.root().hex())]
    lines += _compared_lines(run, files)
    return Answer(data, lines, always=bool(problems), error=error_of(len(problems)))


class _File(NamedTuple):
    """A file of anchors, and what came of them."""

    path: Path
    anchors: Anchors


def _read(run: Run, paths: Sequence[Path]) -> list[_File]:
    """The files of anchors, with a problem for each that cannot be read to its end; raises Usage."""
    from arlo_rec.catalogue.log_stretch import Anchors
    from arlo_rec.offsite import anchor_file

    files = list[_File]()
    for path in paths:
        notes, is_whole = anchor_file.parse(run.files.read(path, anchor_file.FILE_BYTES))
        files.append(_File(path, Anchors(notes, [] if is_whole else ["anchor_unreadable"])))
    return files


def _file_json(file: _File) -> dict[str, Any]:
    anchors = file.anchors
    return {"file": str(file.path), "anchors": len(anchors.compared), "problems": anchors.problems}


def _problem_lines(run: Run, file: _File, *, of_several: bool) -> list[str]:
    what = f"log ({file.path})" if of_several else "log"
    return [run.say(f"problem.{code}", what=what) for code in file.anchors.problems]


def _compared_lines(run: Run, files: Sequence[_File]) -> list[str]:
    """The number of anchors that the log was compared with."""
    if not files:
        return []
    count = sum(len(each.anchors.compared) for each in files)
    return [run.say("audit.compared", count=count, files=len(files))]


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
        from arlo_rec.offsite import witness_key as keys

        run.files.server_folder(witness_key, "--new")
        made = keys.make(run.files.new_file(witness_key).path, new)
        data = _witness_json(witness.Witnessed(made.name, made.vkey, None, [], is_first=True))
        return Answer(data, [run.say("audit.witness_made", vkey=made.vkey)], always=True)
    with run.store() as store:
        seen = witness.run(store, lambda: run.client.witness(witness_key), run.now(), run.progress)
    lines = [run.say(f"problem.{code}", what="log") for code in seen.problems]
    lines = lines or (seen.note or "").rstrip("\n").split("\n")
    return Answer(_witness_json(seen), lines, always=True, error=error_of(len(seen.problems)))


def _witness_json(seen: Witnessed) -> dict[str, Any]:
    about = {"name": seen.name, "vkey": seen.vkey, "note": seen.note, "first": seen.is_first}
    return {**about, "problems": seen.problems}


def error_of(problems: int) -> Integrity | None:
    """The error of a check with *problems*; None without one."""
    return Integrity("problems_found", count=problems) if problems else None
