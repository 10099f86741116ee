"""Commands for access requests: the answer to one, and the register of cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import Reason, SometimesReason, arg, opt
from arlo_rec.commands.run import Run
from arlo_rec.commands.typed import STDIN, first_moment, span
from arlo_rec.model.errors import Unreachable, Usage, nearest
from arlo_rec.model.times import end_of_day, local_date, shown
from arlo_rec.policy import IDENTITY_WAYS
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from arlo_rec.backends.named_files import NamedFile
    from arlo_rec.dsar.answer import Scope
    from arlo_rec.dsar.letter import Notice
    from arlo_rec.dsar.register import Entry
    from arlo_rec.dsar.request import AnswerFile, Request
    from arlo_rec.log.cases import LoggedCase
    from arlo_rec.speech.turns import Turn

CASE_FIELDS = ("id", "received", "due", "days_left", "first_erased", "state")
CaseId = Annotated[str, arg("arg.case", "CASE")]
NoticeFile = Annotated[Path | None, opt("opt.notice_out", "--out", "FILE")]


def dsar(
    ctx: typer.Context,
    callers: Annotated[list[str] | None, arg("arg.callers", "[CALLER ...|-]")] = None,
    *,
    out: Annotated[Path | None, opt("opt.dsar_out", "--out", "FILE")] = None,
    identity: Annotated[str | None, opt("opt.identity", "--identity")] = None,
    case: Annotated[str | None, opt("opt.case", "--case", "CASE")] = None,
    new_case: Annotated[bool, opt("opt.new_case", "--new-case")] = False,
    reference: Annotated[list[str] | None, opt("opt.reference", "--reference", "ID")] = None,
    agent: Annotated[list[str] | None, opt("opt.dsar_agent", "--agent", "NAME")] = None,
    received: Annotated[str | None, opt("opt.received", "--received", "DATE")] = None,
    identity_asked: Annotated[str | None, opt("opt.identity_asked", "--identity-asked", "DATE")] = None,
    identity_given: Annotated[str | None, opt("opt.identity_given", "--identity-given", "DATE")] = None,
    own_speech: Annotated[bool, opt("opt.own_speech", "--own-speech")] = False,
    call: Annotated[list[str] | None, opt("opt.dsar_call", "--call", "ID")] = None,
    since: Annotated[str | None, opt("opt.dsar_from", "--from", "DATE")] = None,
    before: Annotated[str | None, opt("opt.dsar_to", "--to", "DATE")] = None,
    wav: Annotated[bool, opt("opt.wav", "--wav")] = False,
    turns: Annotated[Path | None, opt("opt.turns", "--turns", "FILE")] = None,
    whole_call: Annotated[bool, opt("opt.whole_call", "--whole-call")] = False,
    reason: SometimesReason = None,
) -> Answer:
    """Answer an access request: open or continue its case, and write the package; without --out only the first."""
    from arlo_rec.dsar import request as requests
    from arlo_rec.dsar.register import Intake
    from arlo_rec.dsar.writing import Form

    run: Run = ctx.obj
    _check(run, out, identity, both=own_speech and whole_call)
    days = (first_moment(run, received), first_moment(run, identity_asked), first_moment(run, identity_given))
    request = requests.Request(
        callers=tuple(run.caller(caller) for caller in callers or ()),
        out=run.files.named(out) if out is not None else None,
        intake=Intake(identity, *days, case, is_new=new_case),
        references=tuple(reference or ()),
        agents=tuple(agent or ()),
        turns=_turns(run, turns),
        whole_call=whole_call,
        reason=reason,
        form=Form(run.lang, wav, run.particulars().controller),
        scope=_scope(run, call, since, before),
        particulars=run.particulars(),
    )
    return _register(run, request) if out is None else _answer(run, request)


def case_list(ctx: typer.Context) -> Answer:
    """The cases that have not ended, with the days that are left."""
    from arlo_rec.dsar import register

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        found = [(case, register.first_erased(store, case, now)) for case in register.listed(store, now)]
        today = _local_date(store.clock.today(now))
    rows = [_row(run, case, case.days_left(today), first) for case, first in found]
    columns = ("case", "received", "due", "days_left", "first_erased", "state")
    data = [_case_json(case, case.days_left(today)) | _erased_json(first) for case, first in found]
    table = run.table(columns, rows, listed=(data, CASE_FIELDS))
    return Answer({"cases": data}, [] if found else [run.say("cases.none")], table)


def case_show(ctx: typer.Context, case: CaseId, *, out: NoticeFile = None) -> Answer:
    """One case: what is known of the person, and what was done; its last letter again with --out."""
    from arlo_rec.dsar import letter, register

    run: Run = ctx.obj
    now = run.now()
    target = run.files.new_file(out) if out is not None else None
    with run.store() as store:
        entry = register.shown(store, case, now)
        left = entry.case.days_left(_local_date(store.clock.today(now)))
        first = register.first_erased(store, entry.case, now)
    data, lines = {"case": _entry_json(entry, left) | _erased_json(first)}, _entry_lines(run, entry, left)
    lines += _erased_lines(run, first, entry.case.due_on)
    if target is None:
        return Answer(data, lines, always=True)
    notice = letter.newest(entry.case, run.particulars(), run.lang)
    if notice is None:
        raise Usage("no_notice", case=case)
    _write_notice(notice, target)
    return Answer({**data, "out": target.absolute()}, [*lines, run.say("case.letter_written", out=out)], always=True)


def case_extend(ctx: typer.Context, case: CaseId, *, reason: Reason = None, out: NoticeFile = None) -> Answer:
    """Extend the deadline by two months, and word the letter that says so."""
    from arlo_rec.dsar import letter, register

    run: Run = ctx.obj
    target = run.files.new_file(out) if out is not None else None
    with run.store() as store:
        extended = register.extend(store, case, reason, run.now())
    return _notice_answer(run, extended, letter.extension(extended, run.particulars(), run.lang), target)


def case_refuse(ctx: typer.Context, case: CaseId, *, reason: Reason = None, out: NoticeFile = None) -> Answer:
    """Refuse a request, and word the letter that the law wants."""
    from arlo_rec.dsar import letter, register

    run: Run = ctx.obj
    target = run.files.new_file(out) if out is not None else None
    with run.store() as store:
        refused = register.refuse(store, case, reason, run.now())
    return _notice_answer(run, refused, letter.refusal(refused, run.particulars(), run.lang), target)


def case_close(ctx: typer.Context, case: CaseId, *, reason: SometimesReason = None, out: NoticeFile = None) -> Answer:
    """Close a case whose answer was handed over, or, with a reason, one that needs no answer."""
    from arlo_rec.dsar import letter, register

    run: Run = ctx.obj
    target = run.files.new_file(out) if out is not None else None
    if out is not None and reason is None:
        raise Usage("no_notice", case=case)
    with run.store() as store:
        closed = register.close(store, case, reason, run.now())
    if closed.why_not is None or closed.answered_at is not None:
        return Answer({"case": _case_json(closed, None)}, [run.say("case.closed", case=closed.id)])
    return _notice_answer(run, closed, letter.closure(closed, run.particulars(), run.lang), target)


def _register(run: Run, request: Request) -> Answer:
    """Enter a request without an answer: the case, and the day before which it must be answered to miss nothing."""
    from arlo_rec.dsar import request as requests

    with run.store() as store:
        entered = requests.enter(store, request, run.now)
    case, first = entered.case, entered.first_erased_on
    due = case.due_on.isoformat()
    data: dict[str, Any] = {"case": {"id": case.id, "due": due, "state": case.state}, "recordings": entered.recordings}
    data |= _erased_json(first)
    lines = [run.say("dsar.entered", case=case.id, due=due, count=entered.recordings)]
    lines += _erased_lines(run, first, case.due_on)
    lines += _nothing_of(run, entered.nothing_of)
    return Answer(data, lines, always=True)


def _erased_json(first: datetime | None) -> dict[str, Any]:

    return {"first_erased": first}


def _erased_lines(run: Run, first: datetime | None, due: date) -> list[str]:
    """When the first recording goes: as a warning where that is before the deadline."""

    if first is None:
        return []
    code = "dsar.erased_before_due" if first < end_of_day(due) else "dsar.first_erased"
    return [run.say(code, at=first)]


def _nothing_of(run: Run, names: Sequence[str]) -> list[str]:
    """Names and references to which no call belongs: one may be written wrongly."""
    return [run.say("dsar.nothing_of", names=", ".join(names))] if names else []


def _answer(run: Run, request: Request) -> Answer:
    """Write the answer to a new file."""
    from arlo_rec.dsar import request as requests

    with run.store() as store:
        package = requests.answer(store, request, run.now, run.progress)
    return _package_answer(run, package)


# -- what is shown ------------------------------------------------------------------------------------


def _package_answer(run: Run, package: AnswerFile) -> Answer:
    """The path of the package, the day by which it must be sent, and the passphrase, which is shown only now."""
    case, due = package.case, package.case.due_on.isoformat()
    data = {"case": {"id": case.id, "due": due, "state": case.state}, "recordings": package.recordings}
    data |= {"out": str(package.out), "sha256": package.sha256, "passphrase": package.passphrase}
    data["without_sound"] = [{"id": recording, "code": why} for recording, why in package.without_sound]
    data["damaged"] = list(package.damaged)
    values = {"case": case.id, "due": due, "count": package.recordings, "out": package.out}
    data["unsigned"] = package.unsigned
    lines = [run.say("dsar.done", **values), run.say("dsar.passphrase", passphrase=package.passphrase)]
    for recording, why in package.without_sound:
        lines.append(run.say(f"dsar.without_sound.{why}", id=recording))
    if package.damaged:
        lines += [run.say("dsar.damaged", count=len(package.damaged), ids=", ".join(package.damaged))]
    lines += _nothing_of(run, package.nothing_of)
    lines += [run.say("dsar.unsigned", count=package.unsigned)] if package.unsigned else []
    return Answer(data, lines, always=True)


def _check(run: Run, out: Path | None, identity: str | None, *, both: bool) -> None:
    """Raise Usage for options that exclude each other, and for a file that cannot be written."""
    _check_way(identity)
    if both:
        raise Usage("own_or_whole")
    if str(out) == STDIN:
        raise Usage("out_is_no_file")
    if out is not None:
        run.files.new_file(out)


def _scope(run: Run, calls: list[str] | None, since: str | None, before: str | None) -> Scope | None:
    """The part of the held data that the person wants; None for all."""
    from arlo_rec.dsar.answer import Scope

    if not (calls or since or before):
        return None
    return Scope(tuple(calls or ()), *span(run, since, before))


def _check_way(identity: str | None) -> None:
    """Raise Usage where how identity was checked is a known way, mistyped: other words would stand in the letter."""

    if identity is not None and identity not in IDENTITY_WAYS and " " not in identity.strip():
        near = nearest(identity, IDENTITY_WAYS)
        if near:
            raise Usage("identity_way_unknown", **near)


def _notice_answer(run: Run, case: LoggedCase, notice: Notice, target: NamedFile | None) -> Answer:
    """The result, and the letter to the person: in a file, or shown."""
    left = case.days_left(_local_date(run.now()))
    data: dict[str, Any] = {"case": _case_json(case, left), "letter": notice.text}
    line = run.say(f"case.{notice.kind}", case=case.id, due=case.due_on.isoformat())
    if target is None:
        return Answer(data, [line, "", notice.text], always=True)
    try:
        _write_notice(notice, target)
    except Unreachable as problem:
        raise Unreachable("letter_not_written", case=case.id) from problem
    return Answer({**data, "out": target.absolute()}, [line, run.say("case.letter_written", out=target)])


def _write_notice(notice: Notice, target: NamedFile) -> None:
    target.write([notice.page().encode("utf-8")])


def _turns(run: Run, path: Path | None) -> Mapping[str, Sequence[Turn]]:
    """The turns of speakers on single tracks, by id or reference."""
    from arlo_rec.speech import turns

    return turns.read(run.files.read(path, turns.LONGEST, pipes=False)) if path is not None else {}


def _local_date(at: datetime) -> Any:

    return local_date(at)


def _row(run: Run, case: LoggedCase, left: int | None, first: datetime | None) -> list[str]:
    state, erased = run.say(f"case_state.{case.state}"), _local_date(first).isoformat() if first is not None else ""
    return [case.id, _local_date(case.received_at).isoformat(), case.due_on.isoformat(), _count(left), erased, state]


def _count(left: int | None) -> str:
    return "" if left is None else str(left)


def _case_json(case: LoggedCase, left: int | None) -> dict[str, Any]:

    due = case.due_on.isoformat()
    return {"id": case.id, "received": case.received_at, "due": due, "days_left": left, "state": case.state}


def _entry_json(entry: Entry, left: int | None) -> dict[str, Any]:

    case, statement, _ = entry
    times = {"opened": case.opened_at, "answered": case.answered_at, "refused": case.refused_at}
    times |= {"closed": case.closed_at, "ends": case.ends_at}
    return {
        **_case_json(case, left),
        **times,
        "identity": list(statement.identity),
        "known_by": [{"kind": each.kind, "text": each.text} for each in statement.known_by],
        "stood_still_days": case.stood_still,
        "extension": case.extension,
        "why_not": case.why_not,
        "held": len(case.held),
        "sha256": case.sha256,
    }


def _entry_lines(run: Run, entry: Entry, left: int | None) -> list[str]:

    case, statement, _ = entry
    facts = {"case": case.id, "state": run.say(f"case_state.{case.state}"), "received": case.received_at}
    lines = [run.say("case.facts", **facts, due=case.due_on.isoformat(), ends=shown(case.ends_at)[:10])]
    lines += [run.say("case.left", days=left)] if left is not None else []
    lines += [
        run.say("case.known_by", kind=run.say(f"known_by.{each.kind}"), text=each.text) for each in statement.known_by
    ]
    lines += [run.say("case.identity", text=each) for each in statement.identity]
    lines += [run.say("case.stood_still", days=case.stood_still)] if case.stood_still else []
    lines += [run.say("case.extension", reason=case.extension)] if case.extension else []
    lines += [run.say("case.why_not", reason=case.why_not)] if case.why_not else []
    lines.append(run.say("case.held", count=len(case.held)))
    if case.answered_at is not None:
        lines.append(run.say("case.answer", at=case.answered_at, sha256=case.sha256))
    return lines
