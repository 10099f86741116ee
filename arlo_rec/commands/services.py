"""Commands for the telephone system and cron: ingest, purge and backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.disclosures import must_delete, recordings_json
from arlo_rec.commands.options import DryRun, arg, one_of, opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Usage
from arlo_rec.policy import GuardLimits
from arlo_rec.ui.tables import Table
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.intake.run import NotTaken, Options, Outcome, Taken
    from arlo_rec.policy import GuardLimits
    from arlo_rec.retention import Plan


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
    from arlo_rec.intake.run import Options

    run: Run = ctx.obj
    if format not in {"auto", "manifest"}:
        raise Usage("format_unknown")
    codes = _refusal_codes(remove_refused or [], keep_source=keep_source)
    options = Options(
        keep_source=keep_source, dry_run=dry_run, remove_refused=codes, not_of=run.files.account_of_store()
    )
    with run.store() as store:
        outcome = take_in(store, paths, run.now(), options, run.progress)
    table = _preview_table(run, outcome) if dry_run else _refusal_table(run, outcome)
    lines = _intake_lines(run, outcome, options)
    return Answer(_outcome_json(run, outcome), lines, table, exit_status=3 if outcome.refused else 0)


def purge(
    ctx: typer.Context,
    *,
    dry_run: DryRun = False,
    allow_large: Annotated[bool, opt("opt.allow_large", "--allow-large")] = False,
) -> Answer:
    """Erase what is past its retention."""
    from arlo_rec import retention
    from arlo_rec.access import disclosures

    run: Run = ctx.obj
    with run.store(erasing=True) as store:
        plan = retention.plan(store, run.now(), _guard_limits(run), allow_large=allow_large)
        if dry_run:
            return _purge_preview(run, plan)
        purged = retention.carry_out(store, plan, run.now(), run.progress)
        reached = disclosures.of_recordings(store, [recording.id for recording in plan.due])
    data: dict[str, Any] = {"due": len(plan.due), "erased": purged.erased, "overdue": purged.overdue}
    data |= {"recordings": recordings_json(plan.due), "receipt": purged.receipt}
    data |= {"rings_left": list(purged.rings_left), "recipients": reached}
    data["forgotten"] = purged.forgotten
    lines = [run.say("purge.done", count=purged.erased)]
    if purged.forgotten:
        lines.append(run.say("purge.forgotten", count=purged.forgotten))
    lines += [] if purged.complete else [run.say("erasure.files_left")]
    lines += [run.say("purge.ring_left", escrow=escrow) for escrow in purged.rings_left]
    unfinished = bool(purged.overdue or not purged.complete or purged.rings_left)
    lines += [*must_delete(run, reached)]
    return Answer(data, lines, always=unfinished, exit_status=3 if unfinished else 0)


def backup(
    ctx: typer.Context,
    folder: Annotated[Path, arg("arg.backup", "DIR")],
    *,
    escrow: Annotated[Path, opt("opt.escrow", "--escrow", "DIR")],
    ring_hours: Annotated[int | None, opt("opt.ring_hours", "--ring-hours", "N")] = None,
) -> Answer:
    """Make or continue a backup, its key in another place."""
    from arlo_rec.recovery import backup as backups
    from arlo_rec.recovery import backup_places

    run: Run = ctx.obj
    options = backup_places.BackupOptions(folder, escrow, ring_hours)
    with run.store() as store:
        made = backups.carry_out(store, options, run.now(), run.progress)
        warnings = [run.say(code, **values) for code, values in backup_places.warnings(store, options)]
    counts = {key: getattr(made, key) for key in ("number", "held", "copied", "removed", "changed")}
    damaged = [recording.hex() for recording in made.damaged]
    data = {**counts, "at": made.at, "until": made.until, "damaged": damaged, "warnings": warnings}
    code = "backup.done" if made.changed else "backup.unchanged"
    lines = [run.say(code, until=made.until, **counts), *warnings]
    lines += [run.say("backup.damaged", id=recording) for recording in damaged]
    return Answer(data, lines, always=bool(damaged or warnings), exit_status=3 if damaged else 0)


# -- the answer of an intake --------------------------------------------------------------------------


def _refusal_codes(typed: list[str], *, keep_source: bool) -> frozenset[str]:
    """The codes of the refusals whose files are removed; raises Usage."""
    from arlo_rec.intake.batch import CODES

    for code in typed:
        if code not in CODES:
            raise Usage("refusal_unknown", value=code[:40], known=", ".join(CODES))
    if typed and keep_source:
        raise Usage("keep_and_remove")
    return frozenset(typed)


def _intake_lines(run: Run, outcome: Outcome, options: Options) -> list[str]:
    """The numbers of calls by outcome, and the sounds and files that were left."""
    dry_run = options.dry_run
    kinds = ("accepted", "refused", "duplicates", "unclaimed", "removed")
    counts = {kind: len(getattr(outcome, kind)) for kind in kinds}
    lines = [run.say("ingest.would" if dry_run else "ingest.done", **counts)]
    if options.remove_refused:
        lines.append(run.say("ingest.would_remove" if dry_run else "ingest.removed", **counts))
    if not dry_run:
        lines += [run.say("ingest.unclaimed", source=source) for source in outcome.unclaimed]
    return lines + [run.say("ingest.left", source=source) for source in outcome.left]


def _refusal_table(run: Run, outcome: Outcome) -> Table:
    """The refusals and their reasons. With --quiet each is shown once; `status` counts all."""
    told = [refusal for refusal in outcome.refused if not (run.quiet and refusal.told)]
    rows = [[refusal.source, refusal.code, refusal.rule, _message(run, refusal)] for refusal in told]
    return run.table(("source", "code", "rule", "message"), rows, ("rule", "message"))._replace(is_whole=True)


def _preview_table(run: Run, outcome: Outcome) -> Table:
    """The expected outcome of each delivery, with its reason."""
    removed = {refusal.source for refusal in outcome.removed}
    taken, duplicate, unclaimed = (
        [run.say(f"would.{kind}"), "", rule, run.say(f"would.{kind}_why")]
        for kind, rule in (("taken", "consent.press1"), ("duplicate", ""), ("unclaimed", ""))
    )
    rows = [[call.source, *taken] for call in outcome.accepted]
    rows += [[call.source, *duplicate] for call in outcome.duplicates]
    for refusal in outcome.refused:
        ending = run.say("would.removed" if refusal.source in removed else "would.refused")
        rows.append([refusal.source, ending, refusal.code, refusal.rule, _message(run, refusal)])
    rows += [[source, *unclaimed] for source in outcome.unclaimed]
    columns = ("source", "outcome", "code", "rule", "message")
    return run.table(columns, rows, ("rule", "message"))._replace(is_whole=True)


def _message(run: Run, refusal: NotTaken) -> str:
    """The refusal as a sentence; for a sound also what is wrong with it."""
    message = run.say(f"refused.{refusal.code}")
    return f"{message}: {run.say(f'sound.{refusal.why}')}" if refusal.why else message


def _outcome_json(run: Run, outcome: Outcome) -> dict[str, object]:
    refused = [
        {
            "source": refusal.source,
            "source_id": refusal.source_id,
            "code": refusal.code,
            "rule": refusal.rule,
            "message": _message(run, refusal),
            "why": refusal.why,
            "told": refusal.told,
        }
        for refusal in outcome.refused
    ]
    return {
        "accepted": _calls_json(outcome.accepted),
        "refused": refused,
        "duplicates": _calls_json(outcome.duplicates),
        "unclaimed": outcome.unclaimed,
        "removed": [{"source": refusal.source, "code": refusal.code} for refusal in outcome.removed],
        "left": outcome.left,
    }


def _calls_json(calls: list[Taken]) -> list[dict[str, object]]:
    """The JSON of calls; one that a dry run would accept has no id yet."""
    return [{"id": call.id.hex() or None, "source": call.source, "source_id": call.source_id} for call in calls]


# -- the answer of a purge ----------------------------------------------------------------------------


def _purge_preview(run: Run, plan: Plan) -> Answer:
    """The numbers that a purge would erase now, and whether it would ask first."""
    allowed, due = plan.decision.allowed, len(plan.due)
    data = {"due": due, "erased": 0, "overdue": due, "recordings": recordings_json(plan.due)}
    data["would_stop"] = None if allowed else plan.decision.code
    lines = [run.say("purge.would" if allowed else "purge.would_refuse", count=due)]
    return Answer(data, lines)


def _guard_limits(run: Run) -> GuardLimits:
    """When a purge stops and asks, by the settings."""
    from datetime import timedelta
    from fractions import Fraction

    settings = run.settings
    jump = timedelta(days=settings.guard_jump_days)
    return GuardLimits(Fraction(settings.guard_share).as_integer_ratio(), settings.guard_count, jump)
