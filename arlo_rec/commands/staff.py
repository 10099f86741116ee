"""Commands about employees as data subjects: notices shown to them, and objections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.disclosures import must_delete
from arlo_rec.commands.options import DryRun, SometimesReason, arg, one_of, opt
from arlo_rec.commands.run import Run
from arlo_rec.commands.typed import first_moment
from arlo_rec.model.errors import Usage
from arlo_rec.model.times import local_date
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.admin.staff_notices import Missing
    from arlo_rec.erasure.objection import Plan
    from arlo_rec.store import Store


# -- notices ------------------------------------------------------------------------------------------


def person_notify(
    ctx: typer.Context,
    names: Annotated[list[str] | None, arg("arg.agents", "[NAME]...")] = None,
    *,
    notice: Annotated[str, opt("opt.notice", "--notice", "NOTICE", choices=one_of("employees"))] = "employees",
    on: Annotated[str | None, opt("opt.shown_on", "--on", "DATE")] = None,
    version: Annotated[str | None, opt("opt.notice_version", "--version", "VERSION")] = None,
    missing: Annotated[bool, opt("opt.missing", "--missing")] = False,
) -> Answer:
    """Note that people were shown a notice; without a name, who was shown which, or who was not."""
    from arlo_rec.admin import staff_notices
    from arlo_rec.admin.staff_notices import NoticesAnswer

    run: Run = ctx.obj
    if (not names and (on is not None or version is not None)) or (names and missing):
        raise Usage("notify_options")
    at = first_moment(run, on)
    day = local_date(at) if at is not None else None
    with run.store() as store:
        if missing:
            return _missing(run, staff_notices.missing(store, notice, run.now()))
        if names:
            shown = staff_notices.show(store, names, notice, day, version, run.now())
            line = run.say("notices.done", count=len(shown), version=shown[0].version, day=shown[0].shown_at)
            return Answer(NoticesAnswer(shown), [line])
        shown = staff_notices.listed(store, run.now())
    table = run.listing(staff_notices.Shown, shown, "person=name notice version shown_at=shown_on", "person")
    return Answer(NoticesAnswer(shown), [] if shown else [run.say("notices.none")], table)


def _missing(run: Run, left: Missing) -> Answer:
    """The recorded employees without a notice."""
    from arlo_rec.admin.staff_notices import NoticesAnswer

    lines = [run.say("notices.missing", name=name) for name in left.people] or [run.say("notices.nobody_missing")]
    lines += [run.say("notices.unknown", count=left.unknown)] if left.unknown else []
    return Answer(NoticesAnswer(missing=left.people, unknown=left.unknown), lines, always=True)


# -- objections ---------------------------------------------------------------------------------------


def person_objection(
    ctx: typer.Context,
    name: Annotated[str | None, arg("arg.agent", "[NAME]")] = None,
    *,
    uphold: Annotated[bool, opt("opt.uphold", "--uphold")] = False,
    reject: Annotated[bool, opt("opt.reject", "--reject")] = False,
    lift: Annotated[bool, opt("opt.lift", "--lift")] = False,
    dry_run: DryRun = False,
    reason: SometimesReason = None,
) -> Answer:
    """Decide an employee's objection to training copies; without a name, every objection as it stands."""
    from arlo_rec.erasure import objection
    from arlo_rec.erasure.objection import ObjectionAnswer

    run: Run = ctx.obj
    decisions = sum((uphold, reject, lift))
    if decisions != (name is not None) or (dry_run and not uphold) or (name is None and reason is not None):
        raise Usage("objection_options")
    if name is None:
        return _objections(run)
    with run.store(erasing=uphold and not dry_run) as store:
        if dry_run:
            planned = objection.plan(store, name, run.now())
            count = len(planned.copies)
            line = run.say("objection.would", count=count)
            return _of_copies(run, store, planned, line, erased=0, would_erase=count)
        if uphold:
            return _uphold(run, store, name, reason)
        end = objection.reject if reject else objection.lift
        ended = end(store, name, reason, run.now())
    line = run.say("objection.rejected" if reject else "objection.lifted", name=ended.person)
    return Answer(ObjectionAnswer(objection=ended), [line])


def _uphold(run: Run, store: Store, name: str, reason: str | None) -> Answer:
    """Uphold an objection; what was erased, and who must delete what they took."""
    from arlo_rec.erasure import objection

    upheld = objection.uphold(store, name, reason, run.now())
    decided, count, number = upheld.objection, len(upheld.erased.copies), upheld.number
    line = run.say("objection.upheld", name=decided.person, count=count, number=number)
    facts = {"objection": decided, "erased": count, "receipt": upheld.receipt, "number": number}
    answer = _of_copies(run, store, upheld.erased, line, **facts)
    left = [] if upheld.receipt else [run.say("erasure.files_left")]
    return answer._replace(lines=[*answer.lines, *left], always=True, exit_status=3 if left else 0)


def _of_copies(run: Run, store: Store, plan: Plan, line: str, **facts: Any) -> Answer:
    """The answer about copies that were erased, or would be: no call has that name, and deletions due."""
    from arlo_rec.access import disclosures
    from arlo_rec.erasure.objection import ObjectionAnswer

    ids = [copy.id for copy in plan.copies]
    reached = disclosures.of_recordings(store, ids)
    due = must_delete(run, reached, would="would_erase" in facts)
    answer = ObjectionAnswer(calls=plan.calls, copies=ids, recipients=reached, **facts)
    return Answer(answer, [line, *([] if plan.calls else [run.say("objection.no_calls")]), *due])


def _objections(run: Run) -> Answer:
    """Every objection as it stands, what was decided last first."""
    from arlo_rec.access import objections
    from arlo_rec.erasure.objection import ObjectionAnswer

    with run.store() as store:
        every = objections.listed(store, run.now())
    lines = [] if every else [run.say("objection.none")]
    cells = {"state": lambda objection: run.say(f"objection.state_{objection.state}")}
    columns = "person=name state at by reason"
    table = run.listing(objections.Objection, every, columns, "person reason", cells)
    return Answer(ObjectionAnswer(objections=every), lines, table._replace(is_whole=True))
