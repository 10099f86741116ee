"""Commands for IT and auditors: state of a store, its problems, the log; and the door's other end."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from arlo_rec.edge.commands.anyone import company_of, finding_text, waits_line
from arlo_rec.edge.commands.options import Before, DryRun, Limit, Since, SometimesReason, one_of, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import near_line, span
from arlo_rec.edge.door.client import Serving
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.messages import say_or
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, Unreachable, Usage, nearest_names
from arlo_rec.law.model.times import shown_minute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from arlo_rec.machine.findings import Finding
    from arlo_rec.machine.status import Status
    from arlo_rec.machine.verify import Verified
    from arlo_rec.vault.opened import Store

AWAY: Final = "feed_unreachable"
OUTCOMES = ("allowed", "denied", "failed", "done")
REFUSALS = frozenset({"denied", "failed"})
COLUMNS: Final = ("entry", "at", "name", "action", "outcome", "detail")
FIELDS: Final = (
    "seq", "at", "person", "action", "outcome", "rule", "purpose", "reason", "recordings", "detail", "policy",
)  # fmt: skip
ID_DIGITS: Final = 8  # of an id; so much of one is enough for `--recording`
LONGEST: Final = 200  # characters of a detail; JSON and CSV have it whole
NAMED: Final = 3  # recordings of an entry that are named
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z", re.ASCII)
_ID: Final = re.compile(rf"\b([0-9a-f]{{{ID_DIGITS}}})[0-9a-f]{{24}}\b")
_CHECKSUM: Final = re.compile(r"[0-9a-f]{64}")


def status(
    ctx: typer.Context,
    *,
    root: Annotated[Path | None, opt("opt.root_moved", "--root", "DIR")] = None,
    html: Annotated[Path | None, opt("opt.status_html", "--html", "FILE")] = None,
) -> Answer:
    """Show what is held and due, and necessary actions; exit 3 for a bad backup or feed, or a file kept too long."""
    from msgspec.structs import replace

    from arlo_rec.machine.status import status as status_of

    run: Run = ctx.obj
    root = run.files.server_folder(root, "--root")
    target = run.files.new_file(html) if html is not None else None
    with run.store(root=root.absolute() if root else None, looks=True) as store, store.db.recalling():
        now = run.now()
        current, found, work = status_of(store, company_of(run).suppliers, now, run.lang)
        if target is not None:
            target.write([_picture(run, store, current, found)])
        running = run.running(store.layout) if run.settings.key_file is None else None
        waits = waits_line(run, store, now, work) if run.settings.key_file is None else []  # of a service nothing waits
    until = running.terms.until if running else None
    lines = [run.say("status.counts", held=current.held, due=current.due, overdue=current.overdue)]
    lines += [purge_line(run, current.last_purge), *runs_line(run, current)]
    lines += [run.say("status.check_word", word=current.check_word)]
    lines += [finding_text(run, each) for each in found]
    lines += [run.say("status.unlocked", name=store.person.name, until=until)] if until else []
    exit_status = 3 if current.critical else 0
    return Answer(replace(current, unlocked_until=until), lines + waits, always=True, exit_status=exit_status)


def _picture(run: Run, store: Store, current: Status, found: Sequence[Finding]) -> bytes:
    """The status as one page."""
    from arlo_rec.machine import rendering, surroundings

    days = surroundings.calls_by_day(store, run.now())
    return rendering.page(current, found, days, lambda each: finding_text(run, each), run.now(), run.lang).encode(
        "utf-8"
    )


def verify(
    ctx: typer.Context,
    *,
    read_data: Annotated[bool, opt("opt.read_data", "--read-data")] = False,
) -> Answer:
    """Compare everything that the store holds with its log and its catalogue."""
    from arlo_rec.machine.verify import verify as check
    from arlo_rec.vault.keys import jobs
    from arlo_rec.vault.keys.jobs import Job, LastRun

    run: Run = ctx.obj
    with run.store(allow_rollback=True, looks=True) as store:
        place = store.layout
        found = check(store, run.now(), read_data=read_data, observer=run.progress)
        if not (store.rollbacks or store.is_copy):  # else nothing is written there
            jobs.note(store.layout, Job.VERIFY, LastRun(run.now(), found.lasting()))
    weak, foreign = found.weak_disk, found.feed_foreign_lines
    lines = [run.say(f"problem.{problem.code}", what=problem.what) for problem in found.problems]
    lines = lines or [run.say("verify.good")]
    lines += [run.say("critical.erasure_cut_off")] if found.erasure_cut_off else []
    lines += [run.say("critical.store_moved", store=place.store, root=place.root)] if found.store_moved else []
    lines += [run.say("weak_disk", kind=weak)] if weak else []
    lines += [run.say("warning.feed_foreign", count=foreign)] if foreign else []
    for earlier in found.earlier_maps:
        values = {"count": len(earlier.recordings), "map": earlier.map, "sha256": earlier.sha256}
        lines.append(run.say("verify.earlier_map", **values, ids=" ".join(each.hex() for each in earlier.recordings)))
    status = 3 if found.erasure_cut_off or found.store_moved else 0
    always = bool(found.problems or status or weak or foreign or found.earlier_maps)
    return Answer(found, lines, always=always, error=_error_of(run, found), exit_status=status)


def _error_of(run: Run, found: Verified) -> ArloError | None:
    """The error of a verification: a feed that is away is no tampering."""
    if {problem.code for problem in found.problems} == {AWAY}:
        return Unreachable(AWAY, path=str(found.problems[0].what))
    from arlo_rec.edge.commands.anchors import error_of

    return error_of(len(found.problems))


def upgrade(ctx: typer.Context, *, dry_run: DryRun = False) -> Answer:
    """Upgrade the catalogue of an earlier version, or try it and undo it."""
    from arlo_rec.vault.catalogue.schema import NEEDS, VERSION
    from arlo_rec.vault.upgrade import UpgradeAnswer

    run: Run = ctx.obj
    place = run.place()
    identity = run.identity(place)
    with run.opened(place, identity, tries_upgrade=True) as store:
        before = store.meta.number("schema")
    upgraded = before < VERSION and not dry_run
    if upgraded:
        with run.opened(place, identity):
            pass
    code = "upgrade.none" if before == VERSION else "upgrade.done" if upgraded else "upgrade.would"
    answer = UpgradeAnswer(before, VERSION, NEEDS, upgraded)
    return Answer(answer, [run.say(code, before=before, after=VERSION, needs=NEEDS)])


class EntriesShown(Record, frozen=True):
    """Entries of the log, each with its number and as it stands there, and the log's size and root."""

    entries: list[dict[str, Any]]
    older: int  # beyond the limit
    size: int
    root: bytes
    forgotten_until: datetime | None


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
    from arlo_rec.edge.commands.conduct import forgotten_line
    from arlo_rec.machine import log_query
    from arlo_rec.vault.access.short_ids import is_one
    from arlo_rec.vault.erasure import old_entries
    from arlo_rec.vault.keys.roster import name_then

    run: Run = ctx.obj
    if limit is not None and limit < 1:
        raise Usage("bad_limit")
    if recording is not None and not is_one(recording):
        raise Usage("bad_value", name="--recording")
    begin, end = span(run, since, before)
    with run.store(looks=True) as store:
        filters = log_query.Filter(person, action, _outcomes(run, outcome, denied=denied), recording, begin, end, limit)
        entries, older = log_query.show(store, filters, run.now())
        _, forgotten = old_entries.last(store)
        tree = store.log.tree()
        known = {name_then(one.name) for one in (*store.roster.people, *store.roster.former)}
    lines = [] if entries else [run.say("audit.none")]
    lines += [run.say("audit.older", count=older)] if older else []
    lines += [forgotten_line(run, forgotten)] if forgotten and (begin is None or begin < forgotten) else []
    if person is not None and not entries and person not in known:
        lines += [run.say("audit.nobody", name=person), *near_line(run, nearest_names(person, known))]
    if action is not None and not entries and action not in (actions := log_query.actions()):
        lines += [run.say("audit.no_action", action=action), *near_line(run, nearest_names(action, actions))]
    table = run.table(COLUMNS, [_row(run, entry) for entry in reversed(entries)], ("detail",), (entries, FIELDS))
    answer = EntriesShown(entries, older, tree.size, tree.root(), forgotten)
    return Answer(answer, lines, table._replace(is_whole=True))


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
    from arlo_rec.office import clock as clocks

    run: Run = ctx.obj
    with run.store(looks=not accept) as store:
        if accept:
            before = clocks.accept(store, reason, run.now())
        reading = clocks.read(store, run.now())
    if accept:
        return Answer(reading, [run.say("clock.accepted", before=before)], always=True)
    newest = reading.newest
    facts = {"now": reading.now, "entry": newest.entry, "name": newest.person or "?", "at": newest.at}
    lines = [run.say("clock.now", **facts), purge_line(run, reading.last_purge)]
    days, minutes = reading.behind_s // 86_400, reading.behind_s // 60
    code = ("clock.behind_days" if days > 1 else "clock.behind") if reading.behind else "clock.right"
    lines.append(run.say(code, days=days, minutes=minutes))
    return Answer(reading, lines, always=True, exit_status=3 if reading.behind else 0)


def runs_line(run: Run, current: Status) -> list[str]:
    """When each other job last ran, of those that ever did."""
    from arlo_rec.vault.keys.jobs import Job

    jobs = (job for job in Job if job is not Job.PURGE)  # which has a line of its own
    ran = [(job, at) for job in jobs if (at := getattr(current.last_runs, job)) is not None]
    told = ", ".join(run.say(f"status.ran_{job}", at=shown_minute(at)) for job, at in ran)
    return [run.say("status.ran", jobs=told)] if told else []


def purge_line(run: Run, at: datetime | None) -> str:
    return run.say("status.purge", at=at) if at else run.say("status.no_purge")


# -- the log as a table -------------------------------------------------------------------------------


def _row(run: Run, entry: dict[str, Any]) -> list[str]:
    outcome = str(entry.get("outcome", ""))
    words = say_or(f"outcome.{outcome}", run.lang, outcome)
    detail = "; ".join(_details(run, entry))
    return [str(entry["seq"]), _at(entry.get("at")), _name(entry), str(entry.get("action", "")), words, detail]


def _name(entry: dict[str, Any]) -> str:
    """The person of an entry; for a failed unlock the claimed name, with a question mark."""
    from arlo_rec.machine.log_query import claimed_name

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
    from arlo_rec.law.model.strict_json import canonical

    text = value if isinstance(value, str) else canonical(value).decode("utf-8")
    return _ID.sub(r"\1", _INSTANT.sub(lambda match: _at(match[0]), text))


def _at(text: object) -> str:
    """An instant of the log in the policy's zone; as it stands there where it is none."""
    from arlo_rec.law.model.records import from_iso

    try:
        return shown_minute(from_iso(str(text)))
    except (OverflowError, ValueError):  # no time, or one behind which no zone has any
        return str(text or "")


def serve(
    ctx: typer.Context,
    *,
    person: Annotated[str | None, opt("opt.serve_person", "--person", "NAME")] = None,
    by_socket: Annotated[bool, opt("opt.serve_socket", "--socket")] = False,
) -> Answer:
    """Do what a person orders, as the account that owns the store."""
    run: Run = ctx.obj
    if by_socket and person is not None:
        raise Usage("not_together", names="--person --socket")
    raise Serving(person, run.settings.store, run.config, by_socket=by_socket)
