"""What the telephone system and cron type: ingest, purge and backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.copies import must_delete, told_recipient
from arlo_rec.commands.options import DryRun, arg, one_of, opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer, Table

if TYPE_CHECKING:
    from arlo_rec.intake.results import NotTaken, Outcome


def ingest(
    ctx: typer.Context,
    paths: Annotated[list[Path], arg("arg.paths", "PATH…")],
    *,
    format: Annotated[str, opt("opt.format", "--format", "FORMAT", choices=one_of("auto", "manifest"))] = "auto",
    keep_source: Annotated[bool, opt("opt.keep_source", "--keep-source")] = False,
    remove_refused: Annotated[list[str] | None, opt("opt.remove_refused", "--remove-refused", "CODE")] = None,
    dry_run: DryRun = False,
) -> Answer:
    """Take in the calls that lie in files and folders."""
    from arlo_rec.intake.ingest import ingest as take_in
    from arlo_rec.intake.results import Options

    run: Run = ctx.obj
    if format not in {"auto", "manifest"}:
        raise Usage("format_unknown")
    codes = _codes(remove_refused or [], keep_source=keep_source)
    with run.store() as store:
        options = Options(keep_source=keep_source, dry_run=dry_run, remove_refused=codes)
        outcome = take_in(store, paths, run.now(), options, run.progress)
    kinds = ("accepted", "refused", "duplicates", "unclaimed", "removed")
    counts = {kind: len(getattr(outcome, kind)) for kind in kinds}
    lines = [run.say("ingest.would" if dry_run else "ingest.done", **counts)]
    if codes:
        lines.append(run.say("ingest.would_remove" if dry_run else "ingest.removed", **counts))
    if not dry_run:
        lines += [run.say("ingest.unclaimed", source=one) for one in outcome.unclaimed]
    lines += [run.say("ingest.left", source=one) for one in outcome.left]
    table = _each(run, outcome) if dry_run else _refused(run, outcome)
    return Answer(_told(run, outcome), lines, table, exit_status=3 if outcome.refused else 0)


def purge(
    ctx: typer.Context,
    *,
    dry_run: DryRun = False,
    allow_large: Annotated[bool, opt("opt.allow_large", "--allow-large")] = False,
) -> Answer:
    """Erase what is past its retention."""
    from arlo_rec import retention
    from arlo_rec.access import disclosures
    from arlo_rec.model.records import to_iso

    run: Run = ctx.obj
    with run.store(erasing=True) as store:
        planned = retention.plan(store, run.now(), run.guard_limits(), allow_large=allow_large)
        told = [{"id": one.id.hex(), "started_at": to_iso(one.started_at)} for one in planned.due]
        due = len(planned.due)
        if dry_run:
            code = "purge.would" if planned.decision.allowed else "purge.would_refuse"
            stop = None if planned.decision.allowed else planned.decision.code
            data = {"due": due, "erased": 0, "overdue": due, "recordings": told, "would_stop": stop}
            return Answer(data, [run.say(code, count=due)])
        done = retention.carry_out(store, planned, run.now())
        reached = disclosures.of_recordings(store, [one.id for one in planned.due])
    data = {"due": due, "erased": done.erased, "overdue": done.overdue, "recordings": told}
    data["receipt"] = str(done.receipt) if done.receipt else None
    lines = [run.say("purge.done", count=done.erased)]
    lines += [] if done.complete else [run.say("erasure.files_left")]
    lines += [run.say("purge.ring_left", escrow=one) for one in done.rings_left]
    lines += must_delete(run, reached)
    data |= {"rings_left": list(done.rings_left), "recipients": [told_recipient(one) for one in reached]}
    part = done.overdue or not done.complete or done.rings_left
    return Answer(data, lines, always=bool(part), exit_status=3 if part else 0)


def backup(
    ctx: typer.Context,
    folder: Annotated[Path, arg("arg.backup", "DIR")],
    *,
    escrow: Annotated[Path, opt("opt.escrow", "--escrow", "DIR")],
    ring_hours: Annotated[int | None, opt("opt.ring_hours", "--ring-hours", "N")] = None,
) -> Answer:
    """Make or continue a backup, its key in another place."""
    from arlo_rec.model.records import to_iso
    from arlo_rec.model.times import shown
    from arlo_rec.recovery.backup import BackupOptions, carry_out, warnings

    run: Run = ctx.obj
    options = BackupOptions(folder, escrow, ring_hours)
    with run.store() as store:
        done = carry_out(store, options, run.now(), run.progress)
        warned = [run.say(code, **told) for code, told in warnings(store, options)]
    code = "backup.done" if done.changed else "backup.unchanged"
    counts = {key: getattr(done, key) for key in ("number", "held", "copied", "removed", "changed")}
    lines = [run.say(code, until=shown(done.until), **counts), *warned]
    damaged = [one.hex() for one in done.damaged]
    lines += [run.say("backup.damaged", id=one) for one in damaged]
    data = {**counts, "at": to_iso(done.at), "until": to_iso(done.until), "damaged": damaged, "warnings": warned}
    return Answer(data, lines, always=bool(damaged or warned), exit_status=3 if damaged else 0)


def _codes(given: list[str], *, keep_source: bool) -> frozenset[str]:
    """The refusals whose files are to go; raises Usage."""
    from arlo_rec.intake.refusals import CODES

    for code in given:
        if code not in CODES:
            raise Usage("refusal_unknown", value=code[:40], known=", ".join(CODES))
    if given and keep_source:
        raise Usage("keep_and_remove")
    return frozenset(given)


def _refused(run: Run, outcome: Outcome) -> Table:
    """What was refused and why: the rest is counted."""
    headings = [run.say(f"column.{one}") for one in ("source", "code", "rule", "message")]
    rows = [[one.source, one.code, one.rule, _why(run, one)] for one in outcome.refused]
    return Table(headings, rows)


def _each(run: Run, outcome: Outcome) -> Table:
    """What would become of every single thing that lies there, and why."""
    headings = [run.say(f"column.{one}") for one in ("source", "outcome", "code", "rule", "message")]
    removed = {one.source for one in outcome.removed}
    taken, known, alone = (
        [run.say(f"would.{one}"), "", rule, run.say(f"would.{one}_why")]
        for one, rule in (("taken", "consent.press1"), ("duplicate", ""), ("unclaimed", ""))
    )
    rows = [[one.source, *taken] for one in outcome.accepted]
    rows += [[one.source, *known] for one in outcome.duplicates]
    for one in outcome.refused:
        ending = run.say("would.removed" if one.source in removed else "would.refused")
        rows.append([one.source, ending, one.code, one.rule, _why(run, one)])
    rows += [[source, *alone] for source in outcome.unclaimed]
    return Table(headings, rows)


def _why(run: Run, one: NotTaken) -> str:
    """The refusal as a sentence; for a sound also what is wrong with it."""
    told = run.say(f"refused.{one.code}")
    return f"{told}: {run.say(f'sound.{one.why}')}" if one.why else told


def _told(run: Run, outcome: Outcome) -> dict[str, object]:
    def taken(one: object) -> dict[str, object]:
        identified = getattr(one, "id", b"")
        return {"id": identified.hex() or None, "source": one.source, "source_id": one.source_id}  # type: ignore[attr-defined]

    refused = [
        {
            "source": one.source,
            "source_id": one.source_id,
            "code": one.code,
            "rule": one.rule,
            "message": _why(run, one),
            "why": one.why,
        }
        for one in outcome.refused
    ]
    return {
        "accepted": [taken(one) for one in outcome.accepted],
        "refused": refused,
        "duplicates": [taken(one) for one in outcome.duplicates],
        "unclaimed": outcome.unclaimed,
        "removed": [{"source": one.source, "code": one.code} for one in outcome.removed],
        "left": outcome.left,
    }
