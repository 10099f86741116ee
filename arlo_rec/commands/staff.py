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
    from collections.abc import Sequence

    from arlo_rec.access.disclosures import Disclosure
    from arlo_rec.admin.staff_notices import Shown
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

    run: Run = ctx.obj
    if (not names and (on is not None or version is not None)) or (names and missing):
        raise Usage("notify_options")
    if missing:
        return _missing(run, notice)
    if not names:
        with run.store() as store:
            shown = staff_notices.listed(store, run.now())
        return _notices(run, shown)
    at = first_moment(run, on)
    day = local_date(at) if at is not None else None
    with run.store() as store:
        shown = staff_notices.show(store, names, notice, day, version, run.now())
    line = run.say("notices.done", count=len(shown), version=shown[0].version, day=shown[0].shown_at.isoformat())
    return Answer({"notices": shown}, [line])


def _notices(run: Run, shown: Sequence[Shown]) -> Answer:
    from arlo_rec.admin import staff_notices

    lines = [] if shown else [run.say("notices.none")]
    table = run.listing(staff_notices.Shown, shown, "person=name notice version shown_at=shown_on", "person")
    return Answer({"notices": shown}, lines, table)


def _missing(run: Run, notice: str) -> Answer:
    """The recorded employees without a notice."""
    from arlo_rec.admin import staff_notices

    with run.store() as store:
        left = staff_notices.missing(store, notice, run.now())
    lines = [run.say("notices.missing", name=name) for name in left.people] or [run.say("notices.nobody_missing")]
    lines += [run.say("notices.unknown", count=left.unknown)] if left.unknown else []
    return Answer({"missing": list(left.people), "unknown": left.unknown}, lines, always=True)


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

    run: Run = ctx.obj
    decisions = sum((uphold, reject, lift))
    if decisions != (name is not None) or (dry_run and not uphold) or (name is None and reason is not None):
        raise Usage("objection_options")
    if name is None:
        return _objections(run)
    if uphold and not dry_run:
        return _uphold(run, name, reason)
    with run.store() as store:
        if dry_run:
            return _preview(run, store, objection.plan(store, name, run.now()))
        end = objection.reject if reject else objection.lift
        ended = end(store, name, reason, run.now())
    line = run.say("objection.rejected" if reject else "objection.lifted", name=ended.person)
    return Answer({"objection": ended}, [line])


def _uphold(run: Run, name: str, reason: str | None) -> Answer:
    """Uphold an objection; what was erased, and who must delete what they took."""
    from arlo_rec.access import disclosures
    from arlo_rec.erasure import objection

    with run.store(erasing=True) as store:
        upheld = objection.uphold(store, name, reason, run.now())
        erased = upheld.erased
        reached = disclosures.of_recordings(store, [copy.id for copy in erased.copies])
    lines = [run.say("objection.upheld", name=upheld.objection.person, count=len(erased.copies), number=upheld.number)]
    lines += [*_of_plan(run, erased, reached), *([] if upheld.receipt else [run.say("erasure.files_left")])]
    data = {"objection": upheld.objection, "erased": len(erased.copies), **_plan_json(erased, reached)}
    data |= {"receipt": upheld.receipt, "number": upheld.number}
    return Answer(data, lines, always=True, exit_status=0 if upheld.receipt else 3)


def _preview(run: Run, store: Store, planned: Plan) -> Answer:
    """The answer to a dry run of an objection."""
    from arlo_rec.access import disclosures

    reached = disclosures.of_recordings(store, [copy.id for copy in planned.copies])
    data = {"erased": 0, "would_erase": len(planned.copies), **_plan_json(planned, reached)}
    lines = [run.say("objection.would", count=len(planned.copies)), *_of_plan(run, planned, reached, would=True)]
    return Answer(data, lines)


def _of_plan(run: Run, plan: Plan, reached: Sequence[Disclosure], *, would: bool = False) -> list[str]:
    """Further lines about an erasure: no call has that name, and deletions due."""
    lines = [] if plan.calls else [run.say("objection.no_calls")]
    return [*lines, *must_delete(run, reached, would=would)]


def _plan_json(plan: Plan, reached: Sequence[Disclosure]) -> dict[str, Any]:
    return {
        "calls": plan.calls,
        "copies": [copy.id.hex() for copy in plan.copies],
        "recipients": reached,
    }


def _objections(run: Run) -> Answer:
    """Every objection as it stands, what was decided last first."""
    from arlo_rec.access import objections

    with run.store() as store:
        every = objections.listed(store, run.now())
    lines = [] if every else [run.say("objection.none")]
    cells = {"state": lambda objection: run.say(f"objection.state_{objection.state}")}
    columns = "person=name state at by reason"
    table = run.listing(objections.Objection, every, columns, "person reason", cells)
    return Answer({"objections": every}, lines, table._replace(is_whole=True))
