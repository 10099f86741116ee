"""Commands about the use of access: the report, and the facts of a breach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import Before, Since, opt
from arlo_rec.commands.run import Run
from arlo_rec.commands.typed import span
from arlo_rec.model.documents import Record
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from datetime import datetime

    from arlo_rec.oversight.conduct import Breach, Conduct, Outlier

MONTH = 30  # days that a report is about, where none are named
MOST_REASONS = 3  # of a person, that are shown


class ConductShown(Record, frozen=True):
    """A person's use of recordings in an answer, with the reasons that they gave more than once."""

    person: str
    role: str
    searches: int
    heard: int
    heard_s: int
    exports: int
    denied: int
    at_night: int
    same_caller: int
    reasons: list[dict[str, Any]]
    codes: dict[str, int]


def audit_report(ctx: typer.Context, *, since: Since = None, before: Before = None) -> Answer:
    """Report the use of recordings by each person, and outliers."""
    from datetime import timedelta

    from arlo_rec.erasure import old_entries
    from arlo_rec.oversight import conduct

    run: Run = ctx.obj
    begin, end = span(run, since, before)
    now = run.now()
    begin = begin or now - timedelta(days=MONTH)
    with run.store() as store:
        people = conduct.report(store, begin, end, now)
        _, forgotten = old_entries.last(store)
    found = conduct.outliers(people)
    shown = [_shown(each) for each in people]
    lines = [run.say("report.period", begin=begin, end=min(end, now) if end else now)]
    lines += [forgotten_line(run, forgotten)] if forgotten and begin < forgotten else []
    lines += [_outlier_line(run, each) for each in found]
    if not found:
        lines += [run.say("report.nothing_stands_out" if conduct.are_compared(people) else "report.too_few")]
    lines += [_reason_line(run, each, *each.reasons.most_common(1)[0]) for each in people if each.same_reason > 1]
    lines += [_codes_line(run, each) for each in people if each.codes]
    told = [{"person": each.person, "why": each.figure, "value": each.value, "usual": each.usual} for each in found]
    columns = "person=name searches heard=opened_count heard_s=minutes exports=files denied at_night=night"
    minutes = {"heard_s": lambda each: f"{each.heard_s // 60}:{each.heard_s % 60:02d}"}
    table = run.listing(ConductShown, shown, f"{columns} same_caller=caller_most", "person", minutes)
    answer = {"people": shown, "outliers": told, "forgotten_until": forgotten}
    return Answer(answer, lines, table)


def forgotten_line(run: Run, until: datetime) -> str:
    """The sentence that earlier entries are forgotten."""

    return run.say("audit.forgotten", at=until)


def _shown(each: Conduct) -> ConductShown:
    repeated = [{"reason": text, "count": count} for text, count in each.reasons.most_common(MOST_REASONS) if count > 1]
    return ConductShown.of(each, reasons=repeated, codes=dict(each.codes))


def _outlier_line(run: Run, each: Outlier) -> str:
    figure = run.say(f"report.figure_{each.figure}")
    return run.say("report.outlier", name=each.person, figure=figure, value=each.value, usual=round(each.usual))


def _reason_line(run: Run, each: Conduct, reason: str, count: int) -> str:
    return run.say("report.same_reason", name=each.person, count=count, reason=reason)


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
) -> Answer:
    """The facts that a notification of a breach asks for: what, who, when, how many, what is erased."""
    from arlo_rec.access.short_ids import is_one
    from arlo_rec.erasure import old_entries
    from arlo_rec.oversight import conduct

    run: Run = ctx.obj
    if person is None and recording is None and since is None:
        raise Usage("breach_of_what")
    if recording is not None and not is_one(recording):
        raise Usage("bad_value", name="--recording")
    begin, end = span(run, since, before)
    now = run.now()
    with run.store() as store:
        found = conduct.breach(store, person, recording, begin, end, now)
        _, forgotten = old_entries.last(store)
    lines = [forgotten_line(run, forgotten)] if forgotten and (begin is None or begin < forgotten) else []
    told = {**_breach_json(found), "forgotten_until": forgotten}
    return Answer(told, [*lines, *_breach_lines(run, found, now)])


def _breach_json(found: Breach) -> dict[str, Any]:

    return {
        "recordings": len(found.opened) + len(found.shown),
        "opened": len(found.opened),
        "callers": found.callers,
        "people": [{"person": name, **_counts(found, name)} for name in sorted(found.people)],
        "from": found.begin,
        "to": found.end,
        "already_erased": found.erased,
        "only_ciphertext": found.only_ciphertext,
        "ids": sorted(each.hex() for each in found.opened | found.shown),
    }


def _counts(found: Breach, name: str) -> dict[str, int]:
    return {figure: found.people[name][figure] for figure in ("opened", "shown", "files")}


def _breach_lines(run: Run, found: Breach, now: datetime) -> list[str]:
    from datetime import timedelta

    if not found.people:
        return [run.say("breach.only_ciphertext" if found.only_ciphertext else "breach.nothing")]
    begin, end = (at if at is not None else "?" for at in (found.begin, found.end))
    lines = [run.say("breach.what", opened=len(found.opened), shown=len(found.shown), begin=begin, end=end)]
    lines += [run.say("breach.who", name=name, **_counts(found, name)) for name in sorted(found.people)]
    lines.append(run.say("breach.callers", callers=found.callers, erased=found.erased))
    lines.append(run.say("breach.deadline", at=now + timedelta(hours=72)))
    return lines
