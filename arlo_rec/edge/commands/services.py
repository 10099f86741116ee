"""Commands for the telephone system and cron: ingest, purge and backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.edge.commands.disclosures import must_delete
from arlo_rec.edge.commands.options import DryRun, arg, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.tables import Table
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.errors import NothingMatched, Unreachable, Usage
from arlo_rec.policy import GuardLimits

if TYPE_CHECKING:
    from arlo_rec.calls.intake.run import NotTaken, Options, TakenIn
    from arlo_rec.exchanges.maps.read import Map
    from arlo_rec.exchanges.spool import Unavailable


def ingest(
    ctx: typer.Context,
    paths: Annotated[list[Path], arg("arg.paths", "PATH…")],
    *,
    map: Annotated[Path | None, opt("opt.map", "--map", "NAME|FILE")] = None,
    explain: Annotated[int | None, opt("opt.explain", "--explain", "ROW")] = None,
    keep_source: Annotated[bool, opt("opt.keep_source", "--keep-source")] = False,
    remove_refused: Annotated[list[str] | None, opt("opt.remove_refused", "--remove-refused", "CODE")] = None,
    forget: Annotated[bool, opt("opt.forget_spool", "--forget")] = False,
    dry_run: DryRun = False,
) -> Answer:
    """Take in the calls that lie in files and folders."""
    from msgspec.structs import replace

    from arlo_rec.calls.intake.ingest import ingest as take_in
    from arlo_rec.calls.intake.run import NotTaken, Options, TakenIn
    from arlo_rec.edge.commands import maps

    run: Run = ctx.obj
    if forget:
        return _spools_given_up(run, paths)
    codes = _refusal_codes(remove_refused or [], keep_source=keep_source)
    by = maps.named(run, map) if map is not None else None
    if explain is not None:
        return _explained(run, by, paths, explain)
    options = _intake_options(run, Options(keep_source, dry_run, codes, map=by))
    with run.store() as store:
        outcome = take_in(store, paths, run.now(), options, run.progress)
    for part in outcome.unavailable:
        raise _unreachable(run, part)
    refused = [replace(refusal, message=_message(run, refusal)) for refusal in outcome.refused]
    taken_in = TakenIn.of(outcome, refused=refused, declined=len(outcome.declined))
    if dry_run:
        table = _preview_table(run, taken_in, outcome.declined)
    else:  # with --quiet each refusal is shown once; `status` counts all
        untold = [refusal for refusal in refused if not (run.quiet and refusal.told)]
        table = run.listing(NotTaken, untold, "source code rule message", "rule message")._replace(is_whole=True)
    stays = not dry_run and outcome.stays
    status = 3 if refused or stays or outcome.unfinished else 0
    lines = _intake_lines(run, taken_in, options, unfinished=outcome.unfinished)
    always = stays or (outcome.is_unclaimed and not dry_run)
    return Answer(taken_in, lines, table, always=always, exit_status=status)


def purge(
    ctx: typer.Context,
    *,
    dry_run: DryRun = False,
    allow_large: Annotated[bool, opt("opt.allow_large", "--allow-large")] = False,
) -> Answer:
    """Erase what is past its retention."""
    from arlo_rec import retention

    run: Run = ctx.obj
    with run.store(erasing=True) as store:
        plan = retention.plan(store, run.now(), _guard_limits(run), allow_large=allow_large)
        if dry_run:
            would = retention.preview(store, plan)
            code = "purge.would" if would.would_stop is None else "purge.would_refuse"
            return Answer(would, [run.say(code, count=would.due)])
        purged = retention.carry_out(store, plan, run.now(), run.progress)
    lines = [run.say("purge.done", count=purged.erased)]
    if purged.forgotten:
        lines.append(run.say("purge.forgotten", count=purged.forgotten))
    lines += [] if purged.complete else [run.say("erasure.files_left")]
    lines += [run.say("purge.ring_left", escrow=escrow) for escrow in purged.rings_left]
    unfinished = bool(purged.overdue or not purged.complete or purged.rings_left)
    wrong = purged.feed.problem if purged.feed is not None else None
    if purged.feed is not None and wrong is not None:  # what was erased is told there by the next command that can
        lines.append(run.say(f"critical.{wrong}", path=purged.feed.path, count=purged.feed.behind))
    lines += must_delete(run, purged.recipients)
    return Answer(purged, lines, always=unfinished or wrong is not None, exit_status=3 if unfinished else 0)


def backup(
    ctx: typer.Context,
    folder: Annotated[Path | None, arg("arg.backup", "[DIR]")] = None,
    *,
    escrow: Annotated[Path | None, opt("opt.escrow", "--escrow", "DIR")] = None,
    forget: Annotated[Path | None, opt("opt.forget_place", "--forget", "PLACE")] = None,
    ring_hours: Annotated[int | None, opt("opt.ring_hours", "--ring-hours", "N")] = None,
) -> Answer:
    """Make or continue a backup, its key in another place; or give such a place up."""
    from arlo_rec.machine import backup as backups
    from arlo_rec.machine import backup_places

    run: Run = ctx.obj
    if forget is not None:
        if (folder, escrow, ring_hours) != (None, None, None):
            raise Usage("not_together", names="--forget DIR --escrow --ring-hours")
        return _given_up(run, forget)
    if folder is None or escrow is None:
        raise Usage("word_missing", name="DIR" if folder is None else "--escrow")
    options = backup_places.BackupOptions(folder, escrow, ring_hours, _guard_limits(run).jump)
    with run.store() as store:
        made = backups.carry_out(store, options, run.now(), run.progress)
        warnings = [run.say(code, **values) for code, values in backup_places.warnings(store, options)]
    counts = {key: getattr(made, key) for key in ("number", "held", "copied", "removed", "until")}
    lines = [run.say("backup.done" if made.changed else "backup.unchanged", **counts), *warnings]
    lines += [run.say("backup.damaged", id=recording.hex()) for recording in made.damaged]
    status = 3 if made.damaged else 0
    answer = backups.BackupAnswer.of(made, warnings=warnings)
    return Answer(answer, lines, always=bool(status or warnings), exit_status=status)


def _given_up(run: Run, place: Path) -> Answer:
    """Give a place of backups up."""
    from arlo_rec.machine import backup_places
    from arlo_rec.machine.backup import BackupAnswer

    with run.store() as store:
        gone = backup_places.forget(store, place, run.now())
    code = "backup.forgotten" if gone.emptied else "backup.forgotten_full"
    lines = [run.say(code, folder=gone.folder, escrow=gone.escrow)]
    return Answer(BackupAnswer(forgotten=gone), lines, always=True, exit_status=0 if gone.emptied else 3)


# -- the answer of an intake --------------------------------------------------------------------------


def _explained(run: Run, by: Map | None, paths: list[Path], row: int) -> Answer:
    """The fields of one row of a file, as read by a map."""
    from arlo_rec.calls.intake.run import Outcome, TakenIn
    from arlo_rec.edge.commands.maps import key_lines
    from arlo_rec.exchanges.maps import Explained
    from arlo_rec.exchanges.maps.explain import explain

    if by is None or len(paths) != 1:
        raise Usage("explain_one_file")
    run.files.server_folder(paths[0], "--explain")  # a person explains what they may read themselves
    fields, keys = explain(by, paths[0], row)
    table = run.listing(
        Explained, fields, "field path value why", "path value", {"why": lambda each: run.say(f"map.why_{each.why}")}
    )
    taken_in = TakenIn.of(Outcome(), declined=0, row=row, fields=fields, keys=keys)
    lines = key_lines(run, keys) if len(keys) > 1 else []
    return Answer(taken_in, lines, table._replace(is_whole=True), always=bool(lines))


def _intake_options(run: Run, asked: Options) -> Options:
    """The options that were *asked* for, with the settings; at the door calls come from the named spools alone."""
    from dataclasses import replace

    settings, account = run.settings, run.files.account_of_store()
    spools = settings.spools if settings.spools or account is not None else None
    jump, still_s = _guard_limits(run).jump, settings.still_s
    return replace(asked, not_of=account, spools=spools, ours=settings.files, still_s=still_s, jump=jump)


def _unreachable(run: Run, part: Unavailable) -> Unreachable:
    """The error for a file or folder of a spool that cannot be read for now."""
    from arlo_rec.calls.intake.candidates import NO_DECODER

    reason = run.say("sound.decoder_missing") if part.reason == NO_DECODER else part.reason
    return Unreachable("spool_unreachable", path=str(part.path), reason=reason)


def _spools_given_up(run: Run, paths: list[Path]) -> Answer:
    """Forget folders from which nothing comes any more; raises NothingMatched."""
    from arlo_rec.calls.intake.run import Outcome, TakenIn
    from arlo_rec.exchanges import known_spools

    with run.store() as store:
        for path in paths:
            if not known_spools.forget(store, path.absolute(), run.now()):
                raise NothingMatched("no_such_spool", path=str(path))
    return Answer(TakenIn.of(Outcome(), declined=0), [run.say("ingest.forgotten", folder=path) for path in paths])


def _refusal_codes(typed: list[str], *, keep_source: bool) -> frozenset[str]:
    """The codes of the refusals whose files are removed; raises Usage."""
    from arlo_rec.calls.intake.batch_outcome import CODES

    for code in typed:
        if code not in CODES:
            raise Usage("refusal_unknown", value=code[:40], known=", ".join(CODES))
    if typed and keep_source:
        raise Usage("keep_and_remove")
    return frozenset(typed)


def _intake_lines(run: Run, outcome: TakenIn, options: Options, *, unfinished: bool) -> list[str]:
    """The numbers of calls by outcome, and the sounds and files that were left."""
    dry_run = options.dry_run
    counts = {kind: len(getattr(outcome, kind)) for kind in ("accepted", "refused", "duplicates", "unclaimed")}
    sources = {refusal.source for refusal in outcome.refused}
    counts["removed"] = sum(gone.source in sources for gone in outcome.removed)
    lines = [run.say("ingest.would" if dry_run else "ingest.done", **counts)]
    if outcome.declined:
        lines.append(run.say("ingest.declined", count=outcome.declined))
    if outcome.withdrawn:
        erased = sum(each.would_erase or 0 if dry_run else each.erased for each in outcome.withdrawn)
        code = "ingest.would_withdraw" if dry_run else "ingest.withdrawn"
        lines.append(run.say(code, count=len(outcome.withdrawn), erased=erased))
    if counts["removed"] or options.remove_refused:
        lines.append(run.say("ingest.would_remove" if dry_run else "ingest.removed", **counts))
    if not dry_run:
        lines += [run.say("ingest.unclaimed", source=source) for source in outcome.unclaimed]
    if outcome.waiting:
        lines.append(run.say("ingest.waiting", count=len(outcome.waiting)))
    lines += [run.say("ingest.left", source=source) for source in outcome.left]
    return lines + ([run.say("erasure.files_left")] if unfinished else [])


def _preview_table(run: Run, outcome: TakenIn, declined: list[str]) -> Table:
    """The expected outcome of each delivery, with its reason."""
    removed = {refusal.source for refusal in outcome.removed}
    taken, duplicate, unclaimed = (
        [run.say(f"would.{kind}"), "", rule, run.say(f"would.{kind}_why")]
        for kind, rule in (("taken", "consent.press1"), ("duplicate", ""), ("unclaimed", ""))
    )
    rows = [[call.source, *taken] for call in outcome.accepted]
    rows += [[call.source, *duplicate] for call in outcome.duplicates]
    withdrawn = [run.say("would.withdrawn"), "", "consent.withdraw"]
    rows += [[each.source, *withdrawn, run.say("would.withdrawn_why")] for each in outcome.withdrawn]
    said_no = [run.say("would.declined"), "", "consent.press2", run.say("would.declined_why")]
    rows += [[source, *said_no] for source in declined]
    for refusal in outcome.refused:
        ending = run.say("would.removed" if refusal.source in removed else "would.refused")
        rows.append([refusal.source, ending, refusal.code, refusal.rule, str(refusal.message)])
    rows += [[source, *unclaimed] for source in outcome.unclaimed]
    rows += [[source, run.say("would.waiting"), "", "", run.say("would.waiting_why")] for source in outcome.waiting]
    columns = ("source", "outcome", "code", "rule", "message")
    return run.table(columns, rows, ("rule", "message"))._replace(is_whole=True)


def _message(run: Run, refusal: NotTaken) -> str:
    """The refusal as a sentence; for a sound or a notice also what is wrong with it."""
    if refusal.why == "notice":
        return run.say(f"unclear.notice_{refusal.code}")
    message = run.say(f"refused.{refusal.code}")
    if refusal.field is not None:
        message = run.say("ingest.refused_field", message=message, field=refusal.field)
    subject = "sound" if refusal.code == "bad_audio" else "unclear"
    return f"{message}: {run.say(f'{subject}.{refusal.why}')}" if refusal.why else message


def _guard_limits(run: Run) -> GuardLimits:
    """When a purge stops and asks, by the settings."""
    from datetime import timedelta
    from fractions import Fraction

    settings = run.settings
    jump = timedelta(days=settings.guard_jump_days)
    return GuardLimits(Fraction(settings.guard_share).as_integer_ratio(), settings.guard_count, jump)
