"""What IT types: the log, the whole store, its state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import Before, Limit, Since, one_of, opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.ui.terminal import Answer, Table

if TYPE_CHECKING:
    from arlo_rec.offsite.escrow import BackupStatus
    from arlo_rec.offsite.feed import FeedStatus

ANCHOR_BYTES = 64 * 1024  # of a checkpoint that was kept outside; it has about 500


def status(ctx: typer.Context) -> Answer:
    """What is held and due, and whether somebody has to act: 3 where a backup or the feed is in a bad state."""
    from arlo_rec.model.records import to_iso
    from arlo_rec.model.times import shown
    from arlo_rec.oversight.status import status as state_of

    run: Run = ctx.obj
    with run.store() as store:
        stands = state_of(store, run.now())
    refused = [{"code": each.code, "count": each.count, "oldest": to_iso(each.oldest)} for each in stands.refused]
    data = {
        "held": stands.held,
        "due": stands.due,
        "overdue": stands.overdue,
        "refused": refused,
        "last_purge": to_iso(stands.last_purge),
        "log_size": stands.log_size,
        "unfinished": stands.unfinished,
        "weak_disk": stands.weak_disk,
        "backups": [_backup(one) for one in stands.backups],
        "feed": _feed(stands.feed),
        "unconfirmed": stands.unconfirmed,
        "critical": [one.problem for one in (*stands.backups, stands.feed) if one and one.problem],
    }
    lines = [run.say("status.counts", held=stands.held, due=stands.due, overdue=stands.overdue)]
    lines.append(run.say("status.purge", at=shown(stands.last_purge)))
    for each in stands.refused:
        lines.append(run.say("status.refused", why=each.code, count=each.count, at=shown(each.oldest)))
    lines += [run.say("weak_disk", kind=stands.weak_disk)] if stands.weak_disk else []
    lines += [run.say("status.unconfirmed", count=stands.unconfirmed)] if stands.unconfirmed else []
    for one in stands.backups:
        folder, ring = str(one.row.folder), str(one.row.escrow)
        lines += [run.say("status.backup", folder=folder, at=shown(one.newest))] if one.newest else []
        lines += [run.say(f"critical.{one.problem}", folder=folder, escrow=ring)] if one.problem else []
    if stands.feed and stands.feed.problem:
        lines.append(run.say(f"critical.{stands.feed.problem}", path=str(stands.feed.path), count=stands.feed.behind))
    return Answer(data, lines, always=True, exit_status=3 if data["critical"] else 0)


def _feed(one: FeedStatus | None) -> dict[str, object] | None:
    return {"path": str(one.path), "behind": one.behind, "problem": one.problem} if one else None


def _backup(one: BackupStatus) -> dict[str, object]:
    from arlo_rec.model.records import to_iso

    newest = to_iso(one.newest) if one.newest else None
    return {"folder": str(one.row.folder), "escrow": str(one.row.escrow), "newest": newest, "problem": one.problem}


def verify(
    ctx: typer.Context,
    *,
    read_data: Annotated[bool, opt("opt.read_data", "--read-data")] = False,
) -> Answer:
    """Compare everything that the store holds with its log and its catalogue."""
    from arlo_rec.oversight.status import weak_disk
    from arlo_rec.oversight.verify import verify as check

    run: Run = ctx.obj
    with run.store(doubting=True) as store:
        problems = check(store, run.now(), read_data=read_data)
        weak = weak_disk(store)
    told = [{"code": one.code, "what": one.what} for one in problems]
    lines = [run.say(f"problem.{one.code}", what=one.what) for one in problems] or [run.say("verify.good")]
    lines += [run.say("weak_disk", kind=weak)] if weak else []
    data = {"problems": told, "weak_disk": weak}
    return Answer(data, lines, always=bool(problems or weak), error=_found(len(problems)))


def audit_verify(
    ctx: typer.Context,
    *,
    anchor: Annotated[list[Path] | None, opt("opt.anchor", "--anchor", "FILE")] = None,
) -> Answer:
    """Check the log's signatures and its tree, against checkpoints that were kept outside too."""
    from arlo_rec.catalogue.audit_check import check
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    anchors = [_read(path) for path in anchor or ()]
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, run.now())
        problems = check(store.log, store.signers(), anchors, signatures=True)
        tree = store.log.tree()
    data = {"size": tree.size, "root": tree.root().hex(), "problems": problems}
    lines = [run.say(f"problem.{one}", what="log") for one in problems]
    lines = lines or [run.say("audit.good", size=tree.size, root=tree.root().hex())]
    return Answer(data, lines, always=bool(problems), error=_found(len(problems)))


def audit_show(
    ctx: typer.Context,
    *,
    person: Annotated[str | None, opt("opt.person", "--person", "NAME")] = None,
    action: Annotated[str | None, opt("opt.action", "--action")] = None,
    outcome: Annotated[
        str | None, opt("opt.outcome", "--outcome", "OUTCOME", choices=one_of("allowed", "denied", "failed", "done"))
    ] = None,
    recording: Annotated[str | None, opt("opt.recording", "--recording", "ID")] = None,
    since: Since = None,
    before: Before = None,
    limit: Limit = None,
) -> Answer:
    """The entries of the log that fit the filters."""
    from arlo_rec.model import times
    from arlo_rec.oversight import log_query

    run: Run = ctx.obj
    if limit is not None and limit < 1:
        raise Usage("bad_limit")
    begin, end = (times.parse_from(since) if since else None), (times.parse_end(before) if before else None)
    with run.store() as store:
        view = log_query.Filter(person, action, outcome, recording, begin, end, limit)
        entries = log_query.show(store, view, run.now())
        tree = store.log.tree()
    headings = [run.say(f"column.{one}") for one in ("entry", "time", "name", "action", "outcome", "rule", "detail")]
    rows = [log_query.row(one) for one in entries]
    data = {"entries": entries, "size": tree.size, "root": tree.root().hex()}
    return Answer(data, [] if entries else [run.say("audit.none")], Table(headings, rows))


def audit_checkpoint(ctx: typer.Context) -> Answer:
    """The newest checkpoint, signed."""
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, run.now())
        checkpoint, note = store.log.newest()
        vkey = store.log.vkey()
    data: dict[str, Any] = {"size": checkpoint.size, "root": checkpoint.root.hex(), "note": note, "vkey": vkey}
    return Answer(data, note.rstrip("\n").split("\n"), always=True)


def _found(problems: int) -> Integrity | None:
    return Integrity("problems_found", count=problems) if problems else None


def _read(path: Path) -> str:
    from arlo_rec.backends.bounded_read import read_small

    try:
        return read_small(path, ANCHOR_BYTES, pipes=True).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise Usage("file_unreadable", path=str(path)) from None
