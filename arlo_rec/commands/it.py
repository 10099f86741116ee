"""Commands for IT and auditors: state of a store, its problems, the log; and the door's other end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from arlo_rec.commands.anchors import error_of
from arlo_rec.commands.anyone import waits_line
from arlo_rec.commands.conduct import forgotten_line
from arlo_rec.commands.options import Before, Limit, Since, SometimesReason, one_of, opt
from arlo_rec.commands.run import Run
from arlo_rec.commands.typed import near_line, span
from arlo_rec.door.client import Serving
from arlo_rec.i18n.messages import say_or
from arlo_rec.model.errors import ArloError, Usage, nearest_names
from arlo_rec.model.times import shown, shown_end, shown_minute
from arlo_rec.ui.tables import Table
from arlo_rec.ui.terminal import Answer, message_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.access.cases import Waiting
    from arlo_rec.model.records import Grant
    from arlo_rec.offsite.escrow import BackupStatus
    from arlo_rec.offsite.feed import FeedStatus
    from arlo_rec.oversight.status import Finding, Status

OUTCOMES = ("allowed", "denied", "failed", "done")
REFUSALS = frozenset({"denied", "failed"})
COLUMNS: Final = ("entry", "at", "name", "action", "outcome", "detail")
FIELDS: Final = (
    "seq",
    "at",
    "person",
    "action",
    "outcome",
    "rule",
    "purpose",
    "reason",
    "recordings",
    "detail",
    "policy",
)
ID_DIGITS: Final = 8  # of an id; so much of one is enough for `--recording`
LONGEST: Final = 200  # characters of a detail; JSON and CSV have it whole
NAMED: Final = 3  # recordings of an entry that are named
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z", re.ASCII)
_ID: Final = re.compile(rf"\b([0-9a-f]{{{ID_DIGITS}}})[0-9a-f]{{24}}\b")
_CHECKSUM: Final = re.compile(r"[0-9a-f]{64}")


def status(
    ctx: typer.Context, *, root: Annotated[Path | None, opt("opt.root_moved", "--root", "DIR")] = None
) -> Answer:
    """Show what is held and due, and necessary actions; exit 3 for a bad backup or feed."""
    from arlo_rec.oversight.status import findings
    from arlo_rec.oversight.status import status as status_of

    run: Run = ctx.obj
    root = run.files.server_folder(root, "--root")
    with run.store(root=root.absolute() if root else None) as store:
        current = status_of(store, run.now())
        found = list(findings(current))
        running = run.running(store.layout) if run.settings.key_file is None else None
        waits = waits_line(run, store) if run.settings.key_file is None else []  # of a service nothing waits
    data = {**_status_json(current, found), "unlocked_until": running.terms.until if running else None}
    lines = [run.say("status.counts", held=current.held, due=current.due, overdue=current.overdue)]
    lines += [_purge_line(run, current.last_purge), run.say("status.check_word", word=current.check_word)]
    lines += [_finding_line(run, finding) for finding in found]
    if running is not None:
        lines.append(run.say("status.unlocked", name=store.person.name, until=running.terms.until))
    return Answer(data, lines + waits, always=True, exit_status=3 if data["critical"] else 0)


def verify(
    ctx: typer.Context,
    *,
    read_data: Annotated[bool, opt("opt.read_data", "--read-data")] = False,
) -> Answer:
    """Compare everything that the store holds with its log and its catalogue."""
    from arlo_rec.oversight.status import weak_disk
    from arlo_rec.oversight.verify import verify as check

    run: Run = ctx.obj
    with run.store(allow_rollback=True) as store:
        found = check(store, run.now(), read_data=read_data, observer=run.progress)
        weak = weak_disk(store)
    problems, foreign = found.problems, found.feed_foreign
    shown = [{"code": problem.code, "what": problem.what} for problem in problems]
    data = {"problems": shown, "weak_disk": weak, "feed_foreign_lines": foreign}
    lines = [run.say(f"problem.{problem.code}", what=problem.what) for problem in problems]
    lines = lines or [run.say("verify.good")]
    lines += [run.say("weak_disk", kind=weak)] if weak else []
    lines += [run.say("warning.feed_foreign", count=foreign)] if foreign else []
    return Answer(data, lines, always=bool(problems or weak or foreign), error=error_of(len(problems)))


def audit_show(
    ctx: typer.Context,
    *,
    person: Annotated[str | None, opt("opt.person", "--person", "NAME")] = None,
    action: Annotated[str | None, opt("opt.action", "--action")] = None,
    outcome: Annotated[str | None, opt("opt.outcome", "--outcome", "OUTCOME", choices=one_of(*OUTCOMES))] = None,
    denied: Annotated[bool, opt("opt.denied", "--denied")] = False,
    recording: Annotated[str | None, opt("opt.recording", "--recording", "ID")] = None,
    since: Since = None,
    before: Before = None,
    limit: Limit = None,
) -> Answer:
    """The entries of the log that fit the filters."""
    from arlo_rec.access.short_ids import is_one
    from arlo_rec.erasure import old_entries
    from arlo_rec.keys.roster import name_then
    from arlo_rec.oversight import log_query

    run: Run = ctx.obj
    if limit is not None and limit < 1:
        raise Usage("bad_limit")
    if recording is not None and not is_one(recording):
        raise Usage("bad_value", name="--recording")
    begin, end = span(run, since, before)
    with run.store() as store:
        filters = log_query.Filter(person, action, _outcomes(run, outcome, denied=denied), recording, begin, end, limit)
        entries, older = log_query.show(store, filters, run.now())
        _, forgotten = old_entries.last(store)
        tree = store.log.tree()
        known = {name_then(one.name) for one in (*store.roster.people, *store.roster.former)}
    data = {"entries": entries, "older": older, "size": tree.size, "root": tree.root().hex()}
    data["forgotten_until"] = forgotten
    lines = [] if entries else [run.say("audit.none")]
    lines += [run.say("audit.older", count=older)] if older else []
    lines += [forgotten_line(run, forgotten)] if forgotten and (begin is None or begin < forgotten) else []
    if person is not None and not entries and person not in known:
        lines += [run.say("audit.nobody", name=person), *near_line(run, nearest_names(person, known))]
    if action is not None and not entries and action not in (actions := log_query.actions()):
        lines += [run.say("audit.no_action", action=action), *near_line(run, nearest_names(action, actions))]
    return Answer(data, lines, log_table(run, entries))


def _outcomes(run: Run, outcome: str | None, *, denied: bool) -> frozenset[str]:
    """The outcomes that are asked for; raises Usage for a word that no entry has: it would look like a clean log."""
    outcome = {run.say(f"outcome.{each}"): each for each in OUTCOMES}.get(str(outcome), outcome)
    if outcome is not None and outcome not in OUTCOMES:
        raise Usage("bad_value", name="--outcome")
    if denied and outcome is not None:
        raise Usage("denied_or_outcome")
    return REFUSALS if denied else frozenset({outcome} if outcome else ())


def clock(
    ctx: typer.Context,
    *,
    accept: Annotated[bool, opt("opt.accept_clock", "--accept")] = False,
    reason: SometimesReason = None,
) -> Answer:
    """Compare the clock with the log; exit 3 if it is behind and not accepted."""
    from arlo_rec.admin import clock as clocks

    run: Run = ctx.obj
    with run.store() as store:
        if accept:
            before = clocks.accept(store, reason, run.now())
        reading = clocks.read(store, run.now())
    newest, behind = reading.newest, not reading.decision.allowed
    data: dict[str, Any] = {"now": reading.now, "behind": behind, "behind_s": reading.behind_s}
    data |= {"newest": {"entry": newest.seq, "at": newest.at, "person": reading.person}}
    data |= {"last_purge": reading.purged, "accepted": reading.accepted}
    if accept:
        return Answer(data, [run.say("clock.accepted", before=before)], always=True)
    facts = {"now": reading.now, "entry": newest.seq, "name": reading.person or "?", "at": newest.at}
    lines = [run.say("clock.now", **facts), _purge_line(run, reading.purged)]
    lines.append(run.say("clock.behind" if behind else "clock.right", minutes=reading.behind_s // 60))
    return Answer(data, lines, always=True, exit_status=3 if behind else 0)


# -- the answer of `status` ---------------------------------------------------------------------------


def _status_json(current: Status, found: Sequence[Finding]) -> dict[str, Any]:
    from arlo_rec.oversight.status import Severity

    refused = [{"code": row.code, "count": row.count, "oldest": row.oldest} for row in current.refused]
    codes = {
        severity: list(dict.fromkeys(each.code for each in found if each.severity is severity)) for severity in Severity
    }
    return {
        "held": current.held,
        "due": current.due,
        "overdue": current.overdue,
        "refused": refused,
        "last_purge": current.last_purge,
        "log_size": current.log_size,
        "unfinished": current.unfinished,
        "weak_disk": current.weak_disk,
        "backups": [_backup_json(backup) for backup in current.backups],
        "feed": _feed_json(current.feed),
        "unconfirmed": current.unconfirmed,
        "requests": [_request_json(waiting) for waiting in current.requests],
        "warnings": codes[Severity.WARNING],
        "check_word": current.check_word,
        "own_access": [_access_json(grant) for grant in current.own_access],
        "waiting": [_access_json(grant) for grant in current.waiting],
        "broken_glass": [_access_json(grant) for grant in current.broken_glass],
        "critical": codes[Severity.CRITICAL],
    }


def _access_json(grant: Grant) -> dict[str, Any]:

    return {"id": grant.id, "person": grant.person, "by": grant.by, "until": grant.until}


def _request_json(waiting: Waiting) -> dict[str, Any]:

    case, left, first, days_whole = waiting
    told = {"case": case.id, "due": case.due_on.isoformat(), "days_left": left}
    return told | {"first_erased": first, "days_whole": days_whole}


def _backup_json(backup: BackupStatus) -> dict[str, Any]:

    newest = backup.newest
    folder, escrow = str(backup.row.folder), str(backup.row.escrow)
    return {"folder": folder, "escrow": escrow, "newest": newest, "problem": backup.problem}


def _feed_json(feed: FeedStatus | None) -> dict[str, Any] | None:
    if feed is None:
        return None
    return {"path": str(feed.path), "behind": feed.behind, "problem": feed.problem, "foreign_lines": feed.foreign}


def _finding_line(run: Run, finding: Finding) -> str:
    """A finding as people read it."""
    values = {key: _word(run, key, value) for key, value in finding.values.items()}
    return run.say(finding.sentence or f"{finding.severity}.{finding.code}", **values)


def _word(run: Run, key: str, value: object) -> object:

    match key, value:
        case "purpose", _:
            return run.say(f"purpose.{value}")
        case "teams", None:
            return run.say("all_teams")
        case "teams", frozenset():
            return ", ".join(sorted(value))
        case "until", datetime():
            return shown_end(value)
        case _, datetime():
            return shown(value)
        case _, date():
            return value.isoformat()
        case _, ArloError():
            return message_of(value, run.lang)
    return value


def _purge_line(run: Run, at: datetime | None) -> str:

    return run.say("status.purge", at=at) if at else run.say("status.no_purge")


# -- the log as a table -------------------------------------------------------------------------------


def log_table(run: Run, entries: Sequence[dict[str, Any]]) -> Table:
    """The entries, newest first."""
    rows = [_row(run, entry) for entry in reversed(entries)]
    return run.table(COLUMNS, rows, ("detail",), (entries, FIELDS))._replace(is_whole=True)


def _row(run: Run, entry: dict[str, Any]) -> list[str]:
    outcome = str(entry.get("outcome", ""))
    words = say_or(f"outcome.{outcome}", run.lang, outcome)
    detail = "; ".join(_details(run, entry))
    return [str(entry["seq"]), _at(entry.get("at")), _name(entry), str(entry.get("action", "")), words, detail]


def _name(entry: dict[str, Any]) -> str:
    """The person of an entry; for a failed unlock the claimed name, with a question mark."""
    from arlo_rec.oversight.log_query import claimed_name

    claimed = claimed_name(entry)
    return str(entry.get("person", "")) if claimed is None else f"{claimed}?"


def _details(run: Run, entry: dict[str, Any]) -> Iterator[str]:
    """The other facts of an entry: reason, recordings, details; the rule last."""
    purpose, reason = entry.get("purpose"), entry.get("reason")
    if purpose is not None:
        yield say_or(f"purpose.{purpose}", run.lang, str(purpose))
    if reason is not None:
        yield str(reason)
    recordings = entry.get("recordings")
    if isinstance(recordings, list) and recordings:
        ids = ", ".join(str(name)[:ID_DIGITS] for name in recordings[:NAMED])
        more = len(recordings) - NAMED
        yield run.say("audit.recordings" if more <= 0 else "audit.recordings_more", ids=ids, count=more)
    detail = entry.get("detail")
    if isinstance(detail, dict):
        shown = ((key, _value(value)) for key, value in detail.items() if not _is_checksum(value))
        yield from (f"{key}={text if len(text) <= LONGEST else '…'}" for key, text in shown)
    if entry.get("rule"):
        yield f"[{entry['rule']}]"


def _is_checksum(value: object) -> bool:
    """Whether a detail is for `verify` alone."""
    return isinstance(value, str) and _CHECKSUM.fullmatch(value) is not None


def _value(value: object) -> str:
    from arlo_rec.model.strict_json import canonical

    text = value if isinstance(value, str) else canonical(value).decode("utf-8")
    return _ID.sub(r"\1", _INSTANT.sub(lambda match: _at(match[0]), text))


def _at(text: object) -> str:
    """An instant of the log in the policy's zone; as it stands there where it is none."""
    from arlo_rec.model.records import from_iso

    try:
        return shown_minute(from_iso(str(text)))
    except (OverflowError, ValueError):  # no time, or one behind which no zone has any
        return str(text or "")


def serve(
    ctx: typer.Context, *, person: Annotated[str | None, opt("opt.serve_person", "--person", "NAME")] = None
) -> Answer:
    """Do what a person orders, as the account that owns the store."""
    run: Run = ctx.obj
    raise Serving(person, run.settings.store, run.config)
