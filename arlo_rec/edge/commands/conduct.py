"""Commands about the use of access: the report, and the facts of a breach."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from arlo_rec.edge.commands.anyone import company_of
from arlo_rec.edge.commands.options import Before, Since, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import first_moment, span
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.errors import Usage

if TYPE_CHECKING:
    from datetime import datetime

    from arlo_rec.machine.conduct import Breach, Conduct, Outlier

MONTH = 30  # days that a report is about, where none are named


def audit_report(ctx: typer.Context, *, since: Since = None, before: Before = None) -> Answer:
    """Report the use of recordings by each person, and outliers."""
    from datetime import timedelta

    from arlo_rec.machine import conduct
    from arlo_rec.vault.erasure import old_entries

    run: Run = ctx.obj
    begin, end = span(run, since, before)
    now = run.now()
    begin = begin or now - timedelta(days=MONTH)
    with run.store() as store:
        people = conduct.report(store, begin, end, now)
        _, forgotten = old_entries.last(store)
    found = conduct.outliers(people)
    shown = [each.shown for each in people]
    lines = [run.say("report.period", begin=begin, end=min(end, now) if end else now)]
    lines += [forgotten_line(run, forgotten)] if forgotten and begin < forgotten else []
    lines += [_outlier_line(run, each) for each in found]
    if not found:
        lines += [run.say("report.nothing_stands_out" if conduct.are_compared(people) else "report.too_few")]
    for each in shown:
        for most in each.reasons[:1]:
            lines.append(run.say("report.same_reason", name=each.person, count=most.count, reason=most.reason))
    lines += [_codes_line(run, each) for each in people if each.codes]
    columns = "person=name searches heard=opened_count heard_s=minutes exports=files denied at_night=night"
    minutes = {"heard_s": lambda each: f"{each.heard_s // 60}:{each.heard_s % 60:02d}"}
    table = run.listing(conduct.ConductShown, shown, f"{columns} same_caller=caller_most", "person", minutes)
    return Answer(conduct.Report(shown, found, forgotten), lines, table)


def forgotten_line(run: Run, until: datetime) -> str:
    """The sentence that earlier entries are forgotten."""
    return run.say("audit.forgotten", at=until)


def _outlier_line(run: Run, each: Outlier) -> str:
    figure = run.say(f"report.figure_{each.figure}")
    return run.say("report.outlier", name=each.person, figure=figure, value=each.value, usual=round(each.usual))


def _codes_line(run: Run, each: Conduct) -> str:
    """The counts of reasons by their code of the policy, and of those without one."""
    codes = ", ".join(f"{code} {count}" for code, count in each.codes.most_common())
    return run.say("report.codes", name=each.person, codes=codes, none=each.reasons.total() - each.codes.total())


# -- a breach -----------------------------------------------------------------------------------------


def audit_breach(
    ctx: typer.Context,
    *,
    person: Annotated[str | None, opt("opt.person", "--person", "NAME")] = None,
    recording: Annotated[str | None, opt("opt.recording", "--recording", "ID")] = None,
    since: Since = None,
    before: Before = None,
    aware: Annotated[str | None, opt("opt.aware", "--aware", "DATE")] = None,
    out: Annotated[Path | None, opt("opt.breach_notice", "--out", "FILE")] = None,
) -> Answer:
    """The facts that a notification of a breach asks for, and a draft of the notice to the people concerned."""
    from arlo_rec.machine import conduct
    from arlo_rec.vault.access.short_ids import is_one

    run: Run = ctx.obj
    if person is None and recording is None and since is None:
        raise Usage("breach_of_what")
    if recording is not None and not is_one(recording):
        raise Usage("bad_value", name="--recording")
    begin, end = span(run, since, before)
    now, target = run.now(), run.files.new_or_shown(out)
    known = first_moment(run, aware) or now
    if known > now:
        raise Usage("bad_value", name="--aware")
    company = company_of(run)
    lead = company.lead_authority.text(run.lang) if company.lead_authority else None
    with run.store() as store:
        found = conduct.breach(store, person, recording, begin, end, now, aware=known, lead_authority=lead)
    until = found.forgotten_until
    lines = [forgotten_line(run, until)] if until and (begin is None or begin < until) else []
    lines += _breach_lines(run, found)
    if target is None and out is not None:
        lines += ["", *conduct.notice(found, company).splitlines()]
    if target is not None:
        is_html = target.name.lower().endswith((".html", ".htm"))
        target.write([conduct.notice(found, company, html=is_html).encode("utf-8")])
        found, lines = replace(found, out=target.absolute()), [*lines, run.say("breach.notice_written", path=target)]
    return Answer(found, lines)


def _breach_lines(run: Run, found: Breach) -> list[str]:
    """The reach of a breach, and the next steps of the law; without those where only encrypted data were reached."""
    if found.only_ciphertext:
        return [run.say("breach.only_ciphertext")]
    times = {"begin": found.begin or "?", "end": found.end or "?"}
    lines = [run.say("breach.what", opened=found.opened, shown=found.recordings - found.opened, **times)]
    for each in found.people:
        lines.append(run.say("breach.who", name=each.person, opened=each.opened, shown=each.shown, files=each.files))
    lines.append(run.say("breach.callers", callers=found.callers, erased=found.already_erased))
    lines = lines if found.people else [run.say("breach.nothing")]
    lines.append(run.say("breach.deadline", at=found.deadline, aware=found.aware))
    lead = found.lead_authority
    lines.append(run.say("breach.lead", lead=lead) if lead else run.say("breach.lead_unstated"))
    lines.append(run.say("breach.consequences_shown" if found.people and not found.opened else "breach.consequences"))
    return [*lines, run.say("breach.measures"), run.say("breach.people")]
